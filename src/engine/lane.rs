//! One instance's or sync group's turn to be told of: what runs, and what waits.

use core::fmt::Write;
use heapless::String;

use super::jobs::Jobs;
use super::notify::{NOTIFY_LIMIT, STOP_LIMIT};
use crate::addr::{Name, Priority};
use crate::config::model::{self, Command, Notify};
use crate::limits::NAME_LEN_MAX;
use crate::time::{Instant, Span};
use crate::trace::{Notice, Told};
use crate::track::message::{Outcome, Request, Run};

/// What is still to be told of one instance.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Lane {
    /// The latest state, until its turn.
    pub(super) next: Option<(Told, Priority)>,
    /// A master of lower priority was heard (`notify_master_rx_lower_pri`).
    pub(super) rival: Option<Priority>,
    pub(super) running: Option<Running>,
    /// States that were over before their turn, since a command last began.
    pub(super) superseded: u32,
}

/// A state whose commands are being told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Running {
    told: Told,
    priority: Priority,
    /// 0: the state's own command; 1: `notify`.
    step: u8,
    /// Of the request; none: the helper is to be asked.
    pub(super) ticket: Option<u64>,
    pub(super) since: Instant,
    /// States before it that nobody was told of.
    superseded: u32,
}

impl Running {
    /// What the log says of the command that runs.
    pub(super) fn notice(&self, outcome: Option<Outcome>, took: Span) -> Notice {
        let Running { told, step, superseded, .. } = *self;
        Notice { told, is_general: step == 1, outcome, took, superseded }
    }
}

impl Lane {
    pub(super) const fn new() -> Self {
        Lane { next: None, rival: None, running: None, superseded: 0 }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.next.is_none() && self.rival.is_none() && self.running.is_none()
    }

    /// This is the latest state now; what has waited for its turn is over.
    pub(super) fn post(&mut self, next: Option<(Told, Priority)>) {
        self.superseded = self.superseded.saturating_add(u32::from(self.next.is_some()));
        self.next = next;
    }

    /// What the helper is to be asked next: what was begun goes on before anything else.
    fn turn(&mut self, notify: &Notify, now: Instant) -> Option<(Running, u16)> {
        loop {
            let running = match self.running {
                Some(running) => running,
                None => {
                    let rival = |this: &mut Self| {
                        this.rival.take().map(|priority| (Told::RxLowerPriority, priority))
                    };
                    let (told, priority) = self.next.take().or_else(|| rival(self))?;
                    *self.running.insert(Running {
                        told,
                        priority,
                        step: 0,
                        ticket: None,
                        since: now,
                        superseded: core::mem::take(&mut self.superseded),
                    })
                }
            };
            if running.ticket.is_some() {
                return None;
            }
            match command_of(notify, running.told, running.step) {
                Some(command) => return Some((running, command)),
                None => self.step_is_over(),
            }
        }
    }

    /// Writes the next request of the lane, if one is to be made about what has this kind and name.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        (kind, name, notify): (&str, &Name, &Notify),
        (config, jobs): (&model::Config, &mut Jobs),
        buffer: &mut [u8],
    ) -> Option<usize> {
        let (running, number) = self.turn(notify, now)?;
        let command = config.commands.get(usize::from(number))?;
        let ticket = jobs.next_ticket();
        let tail = tail_of(kind, running.step, name, running.told, running.priority);
        let limit = if running.told == Told::Stop { STOP_LIMIT } else { NOTIFY_LIMIT };
        let len = request(config, command, ticket, limit, &tail).write(buffer)?;
        self.running = Some(Running { ticket: Some(ticket), since: now, ..running });
        Some(len)
    }

    /// The helper did not take the request.
    pub(super) fn unask(&mut self) {
        if let Some(running) = &mut self.running {
            running.ticket = None;
        }
    }

    /// The command has been told, or there is none.
    fn step_is_over(&mut self) {
        let first = self.running.filter(|running| running.step == 0);
        self.running = first.map(|running| Running { step: 1, ticket: None, ..running });
    }

    /// The command that runs has ended, or is lost. What is to be said of it.
    pub(super) fn end(&mut self, outcome: Option<Outcome>, took: Span) -> Option<Notice> {
        let running = self.running.as_mut()?;
        let notice = running.notice(outcome, took);
        // Said once, not of the second command again.
        running.superseded = 0;
        self.step_is_over();
        Some(notice)
    }

    /// Whatever was asked has come to nothing: it is asked again, unless a newer state waits.
    pub(super) fn forget_request(&mut self) {
        if let Some(running) = &mut self.running {
            running.ticket = None;
            if self.next.is_some() {
                let count = running.superseded.saturating_add(1);
                self.superseded = self.superseded.saturating_add(count);
                self.running = None;
            }
        }
    }

    pub(super) fn is_running(&self, ticket: u64) -> bool {
        self.running.is_some_and(|running| running.ticket == Some(ticket))
    }
}

/// The command of a state, in two steps.
pub(super) fn command_of(notify: &Notify, told: Told, step: u8) -> Option<u16> {
    match (step, told) {
        (0, Told::Master) => notify.master,
        (0, Told::Backup) => notify.backup,
        (0, Told::Fault) => notify.fault,
        (0, Told::Stop) => notify.stop,
        (0, Told::Deleted) => notify.deleted,
        (0, Told::RxLowerPriority) => notify.rx_lower_priority,
        // keepalived tells `notify` of states only.
        (_, Told::RxLowerPriority) => None,
        (_, Told::MasterPriority | Told::BackupPriority) => None,
        (_, Told::Master | Told::Backup | Told::Fault | Told::Stop | Told::Deleted) => notify.any,
    }
}

/// Whether a command is to be told of a state.
pub(super) fn has_command(notify: &Notify, told: Told) -> bool {
    (0..2).any(|step| command_of(notify, told, step).is_some())
}

/// The words behind those of `notify`.
type Tail = String<{ NAME_LEN_MAX + 32 }>;

pub(super) fn tail_of(kind: &str, step: u8, name: &str, told: Told, priority: Priority) -> Tail {
    let mut tail = Tail::new();
    if step == 1 {
        // There is room, see MESSAGE_LEN_MAX.
        let _ = write!(tail, "{kind}\0{name}\0{}\0{priority}\0", told.name());
    }
    tail
}

/// A command to be run with these words behind its own.
pub(super) fn request<'a>(
    config: &model::Config,
    command: &'a Command,
    ticket: u64,
    limit: Span,
    tail: &'a str,
) -> Request<'a> {
    Request::Run(Run {
        ticket,
        limit,
        secure: config.global.script_security,
        supplementary: command.supplementary,
        user: &command.user,
        group: &command.group,
        words: &command.words,
        tail,
    })
}
