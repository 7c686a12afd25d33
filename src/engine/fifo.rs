//! Notify FIFOs: the lines that are to be written, in order.
//!
//! Every change is a line, in the order in which the changes were; nothing is left out but what
//! finds no room. A line waits, and those behind it, until the kernel has answered about the addresses
//! that it speaks of. The helper writes: one message at a time, to one FIFO after the other.

use core::fmt::Write;
use heapless::{String, Vec};

use super::jobs::{Job, Of};
use super::{Engine, NONE};
use crate::addr::{Name, Priority};
use crate::config::model::{Config, FIFO_COUNT, Instance};
use crate::limits::{COMMAND_COUNT_MAX, GROUP_COUNT_MAX, INSTANCE_COUNT_MAX};
use crate::time::Instant;
use crate::trace::{Event, StateName, Told};
use crate::track::message::{LINES_LEN_MAX, Lines, Request};

/// Lines that wait: a change of everything at once, and another one of some.
const LINE_COUNT_MAX: usize =
    if COMMAND_COUNT_MAX == 0 { 0 } else { INSTANCE_COUNT_MAX + GROUP_COUNT_MAX + 64 };

/// A line that waits.
#[derive(Clone, Debug)]
struct Line {
    name: Name,
    is_group: bool,
    /// The row of the instance or group; [`NONE`]: of another configuration.
    row: u16,
    told: Told,
    priority: Priority,
}

/// What has become of the lines for one FIFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fifo {
    /// Lines that were written.
    pub written: u64,
    /// Lines that were not: nobody reads, or nobody can write.
    pub lost: u64,
    /// Why it cannot be opened or written to: errno; zero: it can.
    pub errno: u16,
    /// Whether lines found no room the last time.
    is_full: bool,
}

/// The lines, and how far they are. No `Option` but of numbers: an engine is all zeros at first.
#[derive(Debug)]
pub(super) struct Fifos {
    lines: Vec<Line, LINE_COUNT_MAX>,
    /// The first one that is still to be written.
    start: usize,
    /// From there on, those that are being written now.
    count: usize,
    /// The FIFO that they are being written to, counted from one; zero: none.
    turn: usize,
    ticket: Option<u64>,
    pub(super) since: Instant,
    /// There is to be a FIFO, even if nothing is to be written.
    is_wanted: bool,
    fifos: [Fifo; FIFO_COUNT],
}

impl Fifos {
    pub(super) const fn new() -> Self {
        const NOTHING: Fifo = Fifo { written: 0, lost: 0, errno: 0, is_full: false };
        Fifos {
            lines: Vec::new(),
            start: 0,
            count: 0,
            turn: 0,
            ticket: None,
            since: Instant::ZERO,
            is_wanted: false,
            fifos: [NOTHING; FIFO_COUNT],
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.start == self.lines.len() && self.turn == 0
    }

    /// When it was asked what has not been answered yet.
    pub(super) fn asked_at(&self) -> Option<Instant> {
        self.ticket.map(|_| self.since)
    }

    fn push(&mut self, line: Line) {
        if self.lines.is_full() {
            self.lines.rotate_left(self.start);
            self.lines.truncate(self.lines.len() - self.start);
            self.start = 0;
        }
        if self.lines.push(line).is_err() {
            for fifo in &mut self.fifos {
                fifo.lost = fifo.lost.saturating_add(1);
            }
        }
    }

    /// What is being written has been, or there is no such FIFO.
    fn turn_is_over(&mut self) {
        self.ticket = None;
        self.turn = (self.turn + 1) % (FIFO_COUNT + 1);
        if self.turn == 0 {
            self.start += core::mem::take(&mut self.count);
            if self.start == self.lines.len() {
                self.lines.clear();
                self.start = 0;
            }
        }
    }

    /// It is to be asked again.
    pub(super) fn unask(&mut self) {
        self.ticket = None;
    }

    /// Of nobody it is known any more which row he has.
    pub(super) fn forget_rows(&mut self) {
        for line in &mut self.lines {
            line.row = NONE;
        }
    }
}

impl Engine {
    /// The FIFOs, in the order of [`crate::config::model::Global::fifos`]: what has become of their lines.
    pub fn fifos(&self) -> impl Iterator<Item = (&str, Fifo)> {
        let rows = self.config.global.fifos.iter().zip(self.fifos.fifos);
        rows.filter_map(|(number, fifo)| Some((self.fifo_path((*number)?), fifo)))
    }

    /// The path of a FIFO by its number in the table of commands.
    pub fn fifo_path(&self, number: u16) -> &str {
        path_of(&self.config, number)
    }

    /// A line about an instance.
    pub(super) fn write_of(&mut self, index: usize, told: Told) {
        if COMMAND_COUNT_MAX == 0 || !self.config.global.has_fifo() {
            return;
        }
        let rows = self.config.instances.get(index).zip(self.routers.get(index));
        let (Some((config, router)), Ok(row)) = (rows, u16::try_from(index)) else { return };
        let (name, priority) = (config.name.clone(), router.fsm.settings().priority);
        self.fifos.push(Line { name, is_group: false, row, told, priority });
    }

    /// A line about a sync group.
    pub(super) fn write_of_group(&mut self, row: u16, told: Told) {
        if COMMAND_COUNT_MAX == 0 || !self.config.global.has_fifo() {
            return;
        }
        let Some(config) = self.config.groups.get(usize::from(row)) else { return };
        let name = config.name.clone();
        self.fifos.push(Line { name, is_group: true, row, told, priority: Priority(0) });
    }

    /// Another effective priority, if pipes are to be told of that.
    pub(super) fn write_of_priority(&mut self, index: usize) {
        let is_told = |row: &Instance| row.notify.priority_changes;
        if self.config.instances.get(index).is_some_and(is_told) {
            let is_master = self.state_of(index) == Some(StateName::Master);
            self.write_of(
                index,
                if is_master { Told::MasterPriority } else { Told::BackupPriority },
            );
        }
    }

    /// The FIFOs are made before there is anything to write, so that somebody can open them.
    pub(super) fn want_fifos(&mut self) {
        self.fifos.is_wanted = self.config.global.has_fifo();
    }

    /// Before another configuration is in force: the lines stay, and so do the counts of a FIFO that
    /// does.
    pub(super) fn carry_fifos(&mut self) {
        if COMMAND_COUNT_MAX == 0 {
            return;
        }
        self.fifos.forget_rows();
        let (old, new) = (self.config.global.fifos, self.staged.global.fifos);
        for ((old, new), fifo) in old.into_iter().zip(new).zip(&mut self.fifos.fifos) {
            let path = |config, number: Option<u16>| number.map(|number| path_of(config, number));
            if path(&self.config, old) != path(&self.staged, new) {
                *fifo = Fifos::new().fifos[0];
            }
        }
    }

    /// After a reload, if that is wanted: each state anew.
    pub(super) fn write_states(&mut self) {
        if COMMAND_COUNT_MAX == 0 || !self.config.global.fifo_states_on_reload {
            return;
        }
        for group in 0..self.groups.len() {
            if let (Some(told), Ok(row)) =
                (self.groups.get(group).and_then(|group| group.told), u16::try_from(group))
            {
                self.write_of_group(row, told);
            }
        }
        for index in 0..self.routers.len() {
            if let Some(told) = self.state_of(index).and_then(Told::of_state) {
                self.write_of(index, told);
            }
        }
    }

    /// The next lines for the helper.
    pub(super) fn next_lines(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Job> {
        if COMMAND_COUNT_MAX == 0 || self.fifos.ticket.is_some() {
            return None;
        }
        loop {
            if self.fifos.turn == 0 {
                self.fifos.count = self.compose(None).1;
                let is_wanted = core::mem::take(&mut self.fifos.is_wanted);
                if self.fifos.count == 0 && !is_wanted {
                    return None;
                }
                self.fifos.turn = 1;
            }
            let at = self.fifos.turn.checked_sub(1)?;
            let number = self.config.global.fifos.get(at).copied().flatten();
            let owner = number.and_then(|number| self.config.commands.get(usize::from(number)));
            let Some(owner) = owner else {
                self.fifos.turn_is_over();
                continue;
            };
            let (text, _) = self.compose(Some(self.fifos.count));
            let ticket = self.jobs.next_ticket();
            let path = owner.arguments().next().unwrap_or_default();
            let (user, group) = (&owner.user, &owner.group);
            let lines = Lines { ticket, path, user, group, text: &text };
            let len = Request::Write(lines).write(buffer)?;
            (self.fifos.ticket, self.fifos.since) = (Some(ticket), now);
            self.asked(now);
            return Some(Job { len, of: Of::Fifo });
        }
    }

    /// The lines that come next, and how many they are: `count`, else those that are ready and have
    /// room in a message.
    fn compose(&self, count: Option<usize>) -> (String<LINES_LEN_MAX>, usize) {
        let mut text = String::new();
        let waiting = self.fifos.lines.get(self.fifos.start..).unwrap_or(&[]);
        let mut taken = 0;
        for line in waiting.iter().take(count.unwrap_or(usize::MAX)) {
            if count.is_none() && self.is_on_its_way(line) {
                break;
            }
            let len = text.len();
            let kind = if line.is_group { "GROUP" } else { "INSTANCE" };
            let (name, state) = (&line.name, line.told.name());
            if writeln!(text, "{kind} \"{name}\" {state} {}", line.priority).is_err() {
                text.truncate(len);
                break;
            }
            taken += 1;
        }
        (text, taken)
    }

    /// Whether addresses that a line speaks of have been asked for, and not been answered yet.
    fn is_on_its_way(&self, line: &Line) -> bool {
        match line.is_group {
            true => self.members_of(line.row).iter().any(|row| self.is_moving(usize::from(*row))),
            false => self.is_moving(usize::from(line.row)),
        }
    }

    /// The helper has written lines, or has not.
    pub(super) fn lines_written(&mut self, ticket: u64, lost: u16, errno: u16) {
        if self.fifos.ticket != Some(ticket) {
            return;
        }
        self.account(lost, errno);
        self.fifos.turn_is_over();
    }

    /// The helper has said nothing for so long that it never will.
    pub(super) fn lines_lost(&mut self) {
        self.account(u16::try_from(self.fifos.count).unwrap_or(u16::MAX), 0);
        self.fifos.turn_is_over();
    }

    fn account(&mut self, lost: u16, errno: u16) {
        let Some(at) = self.fifos.turn.checked_sub(1) else { return };
        let count = u64::try_from(self.fifos.count).unwrap_or(0);
        let Some(fifo) = self.fifos.fifos.get_mut(at) else { return };
        fifo.written = fifo.written.saturating_add(count.saturating_sub(u64::from(lost)));
        fifo.lost = fifo.lost.saturating_add(u64::from(lost));
        let was = (core::mem::replace(&mut fifo.is_full, lost > 0), fifo.errno);
        fifo.errno = errno;
        if was != (lost > 0, errno)
            && let Ok(fifo) = u8::try_from(at)
        {
            self.events.push(Event::Fifo { fifo, lost, errno });
        }
    }
}

fn path_of(config: &Config, number: u16) -> &str {
    let command = config.commands.get(usize::from(number));
    command.and_then(|command| command.arguments().next()).unwrap_or_default()
}
