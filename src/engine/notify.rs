//! Notification: which command is told of what, in which order.
//!
//! Each instance has a lane, and each sync group. One command of a lane runs at a time; a state that is over before its
//! turn has come is left out, so that a lane is never more than one state behind, and the last one is
//! always told. Of one state, its own command (`notify_master` …) comes first, then `notify`.

use super::jobs::Of;
use super::lane::{Running, command_of, has_command, request, tail_of};
use super::script::{Ended, LOST_AFTER, SLEPT};
use super::{Engine, Job, Presence};
use crate::addr::{Name, Priority};
use crate::config::model::{self, Command};
use crate::limits::{COMMAND_COUNT_MAX, RUNS_PROGRAMS};
use crate::time::{Instant, Span};
use crate::trace::{Event, Events, Notice, Notified, NotifiedRing, StateName, Told, Whose};
use crate::track::message::Outcome;

/// A command that is told of a state is ended after so long.
pub const NOTIFY_LIMIT: Span = Span::from_secs(30);
/// One that is told of the end: nobody waits for it longer.
pub const STOP_LIMIT: Span = Span::from_secs(4);
/// And if nothing is heard of it for so long, it is lost.
const LOST: Span = Span::from_nanos(NOTIFY_LIMIT.as_nanos() + LOST_AFTER.as_nanos());
/// Instances that a reload has removed and whose commands have not been told yet. More are not told.
pub(super) const ORPHAN_COUNT_MAX: usize = 16;

/// An instance that is gone, until its commands have been told.
#[derive(Clone, Debug)]
pub(super) struct Orphan {
    name: Name,
    told: Told,
    priority: Priority,
    /// Its own command and `notify`.
    commands: [Option<Command>; 2],
    step: u8,
    ticket: Option<u64>,
    /// What the log says of the command that runs, when it has ended.
    notice: Notice,
    since: Instant,
    /// States before its end that nobody was told of.
    superseded: u32,
}

impl Orphan {
    fn is_over(&self) -> bool {
        self.step > 1 && self.ticket.is_none()
    }

    /// The command that runs has ended, or is lost. What is to be said of it.
    fn end(&mut self, outcome: Option<Outcome>, took: Span) -> Notice {
        self.ticket = None;
        Notice { outcome, took, ..self.notice }
    }
}

impl Engine {
    /// An instance has another state.
    pub(super) fn post(&mut self, index: usize, to: StateName) {
        if COMMAND_COUNT_MAX == 0 {
            return;
        }
        let Some(told) = Told::of_state(to) else { return };
        self.post_told(index, told);
        let group = self.group_of(index).and_then(|group| self.groups.get_mut(usize::from(group)));
        if let Some(group) = group {
            group.is_moving = true;
        }
    }

    /// Members have other states: perhaps their groups have, now that all of them have moved.
    fn post_groups(&mut self) {
        for (row, at) in (0..).zip(0..self.groups.len()) {
            let group = self.groups.get_mut(at);
            if group.is_some_and(|group| core::mem::take(&mut group.is_moving)) {
                self.post_group(row);
            }
        }
    }

    /// One that lacks something is a fault of all, and the group is master when every member is.
    fn post_group(&mut self, group: u16) {
        let (mut told, mut is_partial) = (Told::Master, false);
        for member in self.members_of(group) {
            match self.state_of(usize::from(*member)) {
                Some(StateName::Fault) => return self.post_told_of_group(group, Told::Fault),
                Some(StateName::Init) | None => is_partial = true,
                Some(StateName::Backup) => told = Told::Backup,
                Some(StateName::Master) => {}
            }
        }
        if !is_partial {
            self.post_told_of_group(group, told);
        }
    }

    pub(super) fn post_told_of_group(&mut self, group: u16, told: Told) {
        if COMMAND_COUNT_MAX == 0 {
            return;
        }
        let Some(config) = self.config.groups.get(usize::from(group)) else { return };
        let Some(row) = self.groups.get_mut(usize::from(group)) else { return };
        if row.told == Some(told) {
            return;
        }
        row.told = Some(told);
        let has_command = has_command(&config.notify, told);
        row.lane.post(has_command.then_some((told, Priority(0))));
        self.jobs.has_news = true;
        self.write_of_group(group, told);
    }

    pub(super) fn post_told(&mut self, index: usize, told: Told) {
        if COMMAND_COUNT_MAX == 0 {
            return;
        }
        self.write_of(index, told);
        let Some(config) = self.config.instances.get(index) else { return };
        let Some(router) = self.routers.get_mut(index) else { return };
        let has_command = has_command(&config.notify, told);
        let priority = router.fsm.settings().priority;
        match told {
            Told::RxLowerPriority if has_command => router.lane.rival = Some(priority),
            Told::RxLowerPriority | Told::MasterPriority | Told::BackupPriority => return,
            // Even if nobody is told of it: what waits is over.
            Told::Master | Told::Backup | Told::Fault | Told::Stop | Told::Deleted => {
                router.lane.post(has_command.then_some((told, priority)));
                router.lane.rival = router.lane.rival.filter(|_| told == Told::Master);
            }
        }
        self.jobs.has_news = true;
    }

    /// A reload removes this instance: what is to be told of it is kept apart.
    pub(super) fn post_deleted(&mut self, now: Instant, index: usize) {
        if COMMAND_COUNT_MAX == 0 {
            return;
        }
        // As keepalived has it: without a command for it, the end is a fault.
        let has_command = |row: &model::Instance| row.notify.deleted.is_some();
        let is_told_apart = self.config.instances.get(index).is_some_and(has_command);
        let told = if is_told_apart { Told::Deleted } else { Told::Fault };
        self.write_of(index, told);
        let (Some(config), Some(router)) =
            (self.config.instances.get(index), self.routers.get(index))
        else {
            return;
        };
        let command = |step| {
            let number = command_of(&config.notify, told, step)?;
            self.config.commands.get(usize::from(number)).cloned()
        };
        let commands = [command(0), command(1)];
        if commands.iter().all(Option::is_none) {
            return;
        }
        let waited = u32::from(router.lane.next.is_some());
        let none =
            Notice { told, is_general: false, outcome: None, took: Span::ZERO, superseded: 0 };
        // After what is running now.
        let running = router.lane.running.filter(|running| running.ticket.is_some());
        let orphan = Orphan {
            name: config.name.clone(),
            told,
            priority: router.fsm.settings().priority,
            commands,
            step: 0,
            ticket: running.and_then(|running| running.ticket),
            notice: running.map_or(none, |running| running.notice(None, Span::ZERO)),
            since: now,
            superseded: router.lane.superseded.saturating_add(waited),
        };
        self.jobs.has_news = true;
        if self.orphans.push(orphan).is_err() {
            self.events.push(Event::NotTold { count: 1 });
        }
    }

    /// Whether everybody has been told everything.
    pub fn is_told(&self) -> bool {
        !RUNS_PROGRAMS
            || self.orphans.is_empty()
                && self.fifos.is_idle()
                && self.routers.iter().all(|router| router.lane.is_idle())
                && self.groups.iter().all(|group| group.lane.is_idle() && !group.is_moving)
    }

    /// The next request of a lane.
    pub(super) fn next_notification(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Job> {
        if self.jobs.has_news {
            self.post_groups();
        }
        if let Some(job) = self.next_lines(now, buffer) {
            return Some(job);
        }
        if !self.jobs.has_news {
            return None;
        }
        for index in 0..self.routers.len() {
            if let Some(job) = self.tell(now, index, buffer) {
                return Some(job);
            }
        }
        for index in 0..self.groups.len() {
            if let Some(job) = self.tell_of_group(now, index, buffer) {
                return Some(job);
            }
        }
        let is_leaving = self.is_leaving();
        let orphans = if is_leaving { 0 } else { self.orphans.len() };
        for index in 0..orphans {
            if let Some(job) = self.tell_of_orphan(now, index, buffer) {
                return Some(job);
            }
        }
        self.orphans.retain(|orphan| !orphan.is_over());
        // Those whose addresses are on their way are looked at again.
        let is_orphan_waiting = is_leaving && !self.orphans.is_empty();
        self.jobs.has_news = is_orphan_waiting || self.addresses.iter().any(|row| row.pending);
        None
    }

    /// Whether an address that a reload has left over is about to be removed. One that the kernel
    /// will not let go of is not waited for.
    fn is_leaving(&self) -> bool {
        let left = self.addresses.get(self.config.addresses.len()..).unwrap_or(&[]);
        left.iter()
            .any(|row| row.pending || (row.presence == Presence::Ours && row.retry_at.is_none()))
    }

    fn tell(&mut self, now: Instant, index: usize, buffer: &mut [u8]) -> Option<Job> {
        // First the addresses are where they belong, then somebody is told of it. If the kernel
        // says nothing, that is for a second.
        if self.routers.get(index)?.lane.is_idle() || self.is_moving(index) {
            return None;
        }
        let (router, row) = (self.routers.get_mut(index)?, self.config.instances.get(index)?);
        if has_orphan(&self.orphans, &row.name) {
            return None;
        }
        let about = ("INSTANCE", &row.name, &row.notify);
        let len = router.lane.ask(now, about, (&self.config, &mut self.jobs), buffer)?;
        self.asked(now);
        Some(Job { len, of: Of::Lane(u16::try_from(index).ok()?) })
    }

    /// Whether the kernel has been asked for an address of this instance, or for its removal, and
    /// has not answered.
    pub(super) fn is_moving(&self, index: usize) -> bool {
        let config = self.config.instances.get(index);
        let rows = config.and_then(|row| self.addresses.get(row.addresses.range()));
        rows.is_some_and(|rows| rows.iter().any(|row| row.pending))
    }

    fn tell_of_group(&mut self, now: Instant, index: usize, buffer: &mut [u8]) -> Option<Job> {
        let number = u16::try_from(index).ok()?;
        if self.groups.get(index)?.lane.is_idle() {
            return None;
        }
        if self.members_of(number).iter().any(|member| self.is_moving(usize::from(*member))) {
            return None;
        }
        let (group, row) = (self.groups.get_mut(index)?, self.config.groups.get(index)?);
        let about = ("GROUP", &row.name, &row.notify);
        let len = group.lane.ask(now, about, (&self.config, &mut self.jobs), buffer)?;
        self.asked(now);
        Some(Job { len, of: Of::Group(number) })
    }

    fn tell_of_orphan(&mut self, now: Instant, index: usize, buffer: &mut [u8]) -> Option<Job> {
        let (earlier, rest) = self.orphans.split_at_mut_checked(index)?;
        let orphan = rest.first_mut()?;
        if orphan.ticket.is_some() || has_orphan(earlier, &orphan.name) {
            return None;
        }
        let (step, command) = loop {
            let step = orphan.step;
            match orphan.commands.get(usize::from(step))? {
                Some(command) => break (step, command),
                None => orphan.step += 1,
            }
        };
        let ticket = self.jobs.next_ticket();
        let tail = tail_of("INSTANCE", step, &orphan.name, orphan.told, orphan.priority);
        let len = request(&self.config, command, ticket, NOTIFY_LIMIT, &tail).write(buffer)?;
        (orphan.ticket, orphan.since, orphan.step) = (Some(ticket), now, step + 1);
        let superseded = core::mem::take(&mut orphan.superseded);
        let is_general = step == 1;
        orphan.notice = Notice { told: orphan.told, is_general, superseded, ..orphan.notice };
        self.asked(now);
        Some(Job { len, of: Of::Orphan(u16::try_from(index).ok()?) })
    }

    /// The helper did not take the request of a lane.
    pub(super) fn notification_refused(&mut self, of: Of) {
        self.jobs.has_news = true;
        match of {
            Of::Lane(index) => {
                if let Some(router) = self.routers.get_mut(usize::from(index)) {
                    router.lane.unask();
                }
            }
            Of::Group(index) => {
                if let Some(group) = self.groups.get_mut(usize::from(index)) {
                    group.lane.unask();
                }
            }
            Of::Orphan(index) => {
                if let Some(orphan) = self.orphans.get_mut(usize::from(index)) {
                    (orphan.ticket, orphan.step) = (None, orphan.step.saturating_sub(1));
                }
            }
            Of::Fifo => self.fifos.unask(),
            Of::Begin | Of::Script(_) => {}
        }
    }

    /// A command has ended.
    pub(super) fn told(&mut self, ticket: u64, ended: Ended) {
        let Ended { at, outcome, took } = ended;
        let history = (&mut self.events, &mut self.notified);
        let mut lanes = (0..).zip(&mut self.routers).zip(&self.config.instances);
        if let Some(((index, router), row)) =
            lanes.find(|((_, router), _)| router.lane.is_running(ticket))
        {
            if let Some(notice) = router.lane.end(Some(outcome), took) {
                router.told = Some((notice.told, ended));
                note(history, at, (Whose::Instance(index), &row.name), notice);
            }
            self.jobs.has_news = true;
            return;
        }
        let mut lanes = (0..).zip(&mut self.groups).zip(&self.config.groups);
        if let Some(((index, group), row)) =
            lanes.find(|((_, group), _)| group.lane.is_running(ticket))
        {
            if let Some(notice) = group.lane.end(Some(outcome), took) {
                note(history, at, (Whose::Group(index), &row.name), notice);
            }
            self.jobs.has_news = true;
            return;
        }
        if let Some(orphan) = self.orphans.iter_mut().find(|orphan| orphan.ticket == Some(ticket)) {
            let notice = orphan.end(Some(outcome), took);
            note(history, at, (Whose::Removed, &orphan.name), notice);
            self.jobs.has_news = true;
        }
    }

    /// Requests of which nothing is heard although their time is long over count as ended.
    pub(super) fn expire_notifications(&mut self, now: Instant) {
        let Some(at) = self.jobs.look_at.filter(|at| *at <= now) else { return };
        // What was said while nobody listened is on its way.
        let slept = now.since(at);
        let slept = if slept < SLEPT { Span::ZERO } else { slept };
        let lost = |since: Instant| since + slept + LOST <= now;
        let routers = (0..).zip(&mut self.routers).zip(&self.config.instances);
        let routers = routers
            .map(|((index, router), row)| (Whose::Instance(index), &row.name, &mut router.lane));
        let groups = (0..).zip(&mut self.groups).zip(&self.config.groups);
        let groups =
            groups.map(|((index, group), row)| (Whose::Group(index), &row.name, &mut group.lane));
        for (whose, name, lane) in routers.chain(groups) {
            let is_lost = |run: &Running| run.ticket.is_some() && lost(run.since);
            let Some(since) = lane.running.filter(is_lost).map(|run| run.since) else { continue };
            if let Some(notice) = lane.end(None, now.since(since)) {
                note((&mut self.events, &mut self.notified), now, (whose, name), notice);
            }
            self.jobs.has_news = true;
        }
        if self.fifos.asked_at().is_some_and(lost) {
            self.lines_lost();
        }
        for orphan in &mut self.orphans {
            if orphan.ticket.is_some() && lost(orphan.since) {
                let notice = orphan.end(None, now.since(orphan.since));
                let history = (&mut self.events, &mut self.notified);
                note(history, now, (Whose::Removed, &orphan.name), notice);
                self.jobs.has_news = true;
            }
        }
        let asked = |run: Running| run.ticket.map(|_| run.since);
        let routers = self.routers.iter().map(|router| &router.lane);
        let lanes = routers.chain(self.groups.iter().map(|group| &group.lane));
        let lanes = lanes.filter_map(|lane| lane.running.and_then(asked));
        let orphans = self.orphans.iter().filter_map(|orphan| orphan.ticket.map(|_| orphan.since));
        let asked = lanes.chain(orphans).chain(self.fifos.asked_at());
        self.jobs.look_at = asked.min().map(|since| since + LOST + slept);
    }

    /// A request has left.
    pub(super) fn asked(&mut self, now: Instant) {
        self.jobs.look_at.get_or_insert(now + LOST);
    }

    /// What was asked of a helper that is gone is asked of its successor.
    pub(super) fn ask_notifications_again(&mut self) {
        let routers = self.routers.iter_mut().map(|router| &mut router.lane);
        for lane in routers.chain(self.groups.iter_mut().map(|group| &mut group.lane)) {
            lane.forget_request();
        }
        for orphan in self.orphans.iter_mut().filter(|orphan| orphan.ticket.is_some()) {
            (orphan.ticket, orphan.step) = (None, orphan.step.saturating_sub(1));
            let unsaid = orphan.notice.superseded;
            orphan.superseded = orphan.superseded.saturating_add(unsaid);
        }
        self.fifos.unask();
        self.jobs.has_news = true;
    }
}

/// Keeps how a command has ended, and says so.
fn note(
    (events, log): (&mut Events, &mut NotifiedRing),
    at: Instant,
    (whose, name): (Whose, &Name),
    notice: Notice,
) {
    events.push(Event::Notified { whose, told: notice });
    let is_group = matches!(whose, Whose::Group(_));
    log.push(Notified { at, name: name.clone(), is_group, notice });
}

/// Whether a reload has removed an instance of this name, and that has not been told yet.
fn has_orphan(orphans: &[Orphan], name: &Name) -> bool {
    orphans.iter().any(|orphan| orphan.name == *name && !orphan.is_over())
}
