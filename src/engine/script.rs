//! Scripts: when each is run next, what it has said, and what is asked of the helper. A built-in
//! check is a script that its owner runs by itself.
//!
//! The engine knows of a run only that it was asked for and, some time, how it ended. While the
//! helper says nothing, a script keeps how it stands, for [`PATIENCE`] beyond its interval and
//! timeout; then it has failed.

use super::Engine;
use crate::config::model::{self, Check, Kind, Probe};
use crate::limits::RUNS_PROGRAMS;
use crate::time::{Instant, Span};
use crate::trace::Event;
use crate::track::message::{Answer, Outcome, Request, Run};
use crate::track::{Counter, Finding, Standing};

/// How long a script keeps how it stands although nothing is heard of it.
pub const PATIENCE: Span = Span::from_secs(30);
/// A run of which nothing is heard for so long after its timeout is lost: more than the helper takes
/// to kill it.
pub(super) const LOST_AFTER: Span = Span::from_secs(15);
/// Who looks at a deadline so much later than it was has slept, and has heard nothing meanwhile.
pub(super) const SLEPT: Span = Span::from_secs(1);
/// The helper takes no more for now: asked again after so long.
const RETRY: Span = Span::from_millis(50);

/// A script at run time. The configuration's row of the same index says the rest.
#[derive(Clone, Debug)]
pub struct Script {
    /// How it stands.
    pub counter: Counter,
    /// How its latest run ended.
    pub last: Option<Ended>,
    /// The number in a tracked file, which counts and not how it stands.
    pub number: i32,
    /// Runs that were asked for.
    pub runs: u64,
    /// Runs that did not succeed.
    pub failures: u64,
    /// Times when the run before had not ended yet.
    pub skipped: u64,
    due_at: Instant,
    /// When it last answered.
    heard_at: Instant,
    /// Since when something else has been found than counts.
    otherwise_since: Option<Instant>,
    phase: Phase,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// When that was known.
    pub at: Instant,
    /// How.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Until it is due.
    Resting,
    /// The helper is to be asked.
    Wanted,
    /// The helper was asked.
    Running {
        ticket: u64,
        since: Instant,
        /// It was too late, and has been counted as failed.
        counted: bool,
    },
}

impl Script {
    /// One that begins to run at `now`.
    fn new(now: Instant, script: &model::Script) -> Self {
        Script {
            counter: Counter::new(script.rise, script.fall, script.init_fail),
            last: None,
            number: 0,
            runs: 0,
            failures: 0,
            skipped: 0,
            due_at: now,
            heard_at: now,
            otherwise_since: None,
            phase: Phase::Resting,
        }
    }

    /// Whether what was found counts: at once, if it is what counts already or is the first that is
    /// known, and otherwise after it has been so for `delay`.
    fn is_settled(&mut self, now: Instant, is_fine: bool, delay: Span) -> bool {
        let is_news = match self.counter.standing() {
            Standing::Waiting => false,
            Standing::Passing => !is_fine,
            Standing::Failing => is_fine,
        };
        if !is_news {
            self.otherwise_since = None;
            return true;
        }
        let settled_at = *self.otherwise_since.get_or_insert(now) + delay;
        if settled_at <= now {
            self.otherwise_since = None;
            return true;
        }
        self.due_at = self.due_at.min(settled_at);
        false
    }

    /// When something is to be decided about it.
    fn deadline(&self, script: &model::Script) -> Instant {
        let silent_at = self.heard_at + script.interval + script.timeout + PATIENCE;
        let lost_at = match self.phase {
            Phase::Running { since, .. } => since + script.timeout + LOST_AFTER,
            Phase::Resting | Phase::Wanted => Instant::NEVER,
        };
        self.due_at.min(silent_at).min(lost_at)
    }
}

/// A built-in check to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trial<'a> {
    /// What the answer refers to.
    pub ticket: u64,
    /// What is looked at.
    pub probe: &'a Probe,
    /// Its row in [`model::Config::probes`].
    pub row: u16,
    /// How long that may take.
    pub limit: Span,
}

/// A message for the helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// Octets of the caller's buffer that are the message.
    pub len: usize,
    pub(super) of: Of,
}

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Begin,
    Script(u16),
    /// Of an instance's notification.
    Lane(u16),
    /// Of a sync group's.
    Group(u16),
    /// Of an instance that is gone.
    Orphan(u16),
    /// Lines for a FIFO.
    Fifo,
}

/// What is to be asked of the helper.
#[derive(Debug)]
pub(super) struct Jobs {
    ticket: u64,
    /// The helper that was heard of last.
    helper: Option<u64>,
    /// It waits for its greeting.
    begin: bool,
    /// It takes nothing before.
    blocked_until: Option<Instant>,
    cursor: usize,
    /// When a reload has given scripts their numbers.
    retuned_at: Instant,
    /// Somebody may have something to be told.
    pub(super) has_news: bool,
    /// When notifications that are not answered are to be looked at.
    pub(super) look_at: Option<Instant>,
    /// Messages of the helper that could not be read.
    pub(super) malformed: u64,
}

impl Jobs {
    pub(super) const fn new() -> Self {
        Jobs {
            ticket: 0,
            helper: None,
            begin: false,
            blocked_until: None,
            cursor: 0,
            retuned_at: Instant::ZERO,
            has_news: false,
            look_at: None,
            malformed: 0,
        }
    }

    pub(super) fn next_ticket(&mut self) -> u64 {
        self.ticket = self.ticket.wrapping_add(1);
        self.ticket
    }
}

impl Engine {
    /// Where the numbers of requests begin, so that what the helper answers to a predecessor is
    /// taken for nothing else: how often a daemon has been started. No daemon asks so often that it
    /// comes to the numbers of its successor: 2⁴⁰ requests are 348 years of a hundred a second.
    pub fn set_life(&mut self, life: u32) {
        self.jobs.ticket = u64::from(life) << 40;
    }

    /// The scripts at run time, in the order of [`model::Config::scripts`].
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The next message for the helper, written into `buffer` (at least
    /// [`crate::track::message::MESSAGE_LEN_MAX`] octets).
    pub fn next_job(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Job> {
        if !RUNS_PROGRAMS || self.jobs.blocked_until.is_some_and(|until| now < until) {
            return None;
        }
        self.jobs.blocked_until = None;
        if let Some(helper) = self.jobs.helper
            && core::mem::take(&mut self.jobs.begin)
        {
            return Some(Job { len: Request::Begin { helper }.write(buffer)?, of: Of::Begin });
        }
        if let Some(job) = self.next_notification(now, buffer) {
            return Some(job);
        }
        if self.stopping {
            return None;
        }
        let count = self.scripts.len();
        for index in (self.jobs.cursor..count).chain(0..self.jobs.cursor.min(count)) {
            if !self.is_wanted(index, |check| matches!(check, Check::Command(_))) {
                continue;
            }
            self.jobs.cursor = index + 1;
            if let Some(job) = self.run_script(now, index, buffer) {
                return Some(job);
            }
        }
        None
    }

    /// Whether a script is to be run now, and is of this kind.
    fn is_wanted(&self, index: usize, kind: impl Fn(Check) -> bool) -> bool {
        let rows = self.scripts.get(index).zip(self.config.scripts.get(index));
        rows.is_some_and(|(script, row)| script.phase == Phase::Wanted && kind(row.check))
    }

    /// The next built-in check to be made, of those that the caller can make now.
    /// [`Engine::observe_finding`] is to be told how it ended, within its limit.
    pub fn next_trial(
        &mut self,
        now: Instant,
        can_make: impl Fn(&Probe) -> bool,
    ) -> Option<Trial<'_>> {
        if self.stopping {
            return None;
        }
        let is_probe = |check| match check {
            Check::Probe(probe) => {
                self.config.probes.get(usize::from(probe)).is_some_and(&can_make)
            }
            Check::Command(_) => false,
        };
        let index = (0..self.scripts.len()).find(|index| self.is_wanted(*index, is_probe))?;
        let (script, row) = (self.scripts.get_mut(index)?, self.config.scripts.get(index)?);
        let Check::Probe(probe) = row.check else { return None };
        let ticket = self.jobs.next_ticket();
        script.phase = Phase::Running { ticket, since: now, counted: false };
        script.runs = script.runs.saturating_add(1);
        let limit = row.timeout;
        let (row, probe) = (probe, self.config.probes.get(usize::from(probe))?);
        Some(Trial { ticket, probe, row, limit })
    }

    /// Something has happened to what this built-in check looks at: it is due at once.
    pub fn hasten(&mut self, now: Instant, probe: u16) {
        for (script, row) in self.scripts.iter_mut().zip(&self.config.scripts) {
            if row.check == Check::Probe(probe) {
                script.due_at = now;
            }
        }
    }

    /// Something has happened to processes: those that are tracked are looked at at once, where one
    /// look decides.
    pub fn hasten_processes(&mut self, now: Instant) {
        for (script, row) in self.scripts.iter_mut().zip(&self.config.scripts) {
            let Check::Probe(probe) = row.check else { continue };
            let probe = self.config.probes.get(usize::from(probe));
            let decides = (row.rise, row.fall) == (1, 1);
            if decides && script.phase == Phase::Resting && matches!(probe, Some(Probe::Process(_)))
            {
                script.due_at = now;
            }
        }
    }

    /// How a built-in check has ended. What refers to none that is being made is ignored.
    pub fn observe_finding(&mut self, now: Instant, ticket: u64, outcome: Outcome, took: Span) {
        let Some(index) = self.running(ticket) else { return };
        let ended = Ended { at: now, outcome, took };
        let Outcome::Found(Finding::Processes(count)) = outcome else {
            return self.script_ended(now, index, ended);
        };
        let row = self.config.scripts.get(index).map(|row| row.check);
        let probe = match row {
            Some(Check::Probe(probe)) => self.config.probes.get(usize::from(probe)),
            Some(Check::Command(_)) | None => None,
        };
        let Some(Probe::Process(process)) = probe else { return };
        let is_enough = process.is_enough(count);
        let delay = if is_enough { process.fork_delay } else { process.terminate_delay };
        let Some(script) = self.scripts.get_mut(index) else { return };
        if script.is_settled(now, is_enough, delay) {
            let outcome = if is_enough { Outcome::Found(Finding::Fine) } else { outcome };
            self.script_ended(now, index, Ended { outcome, ..ended });
        } else {
            script.phase = Phase::Resting;
            script.heard_at = now;
        }
    }

    fn run_script(&mut self, now: Instant, index: usize, buffer: &mut [u8]) -> Option<Job> {
        let (script, row) = (self.scripts.get_mut(index)?, self.config.scripts.get(index)?);
        let Check::Command(command) = row.check else { return None };
        let command = self.config.commands.get(usize::from(command))?;
        let ticket = self.jobs.next_ticket();
        let run = Run {
            ticket,
            limit: row.timeout,
            secure: self.config.global.script_security,
            supplementary: command.supplementary,
            user: &command.user,
            group: &command.group,
            words: &command.words,
            tail: "",
        };
        let len = Request::Run(run).write(buffer)?;
        script.phase = Phase::Running { ticket, since: now, counted: false };
        script.runs = script.runs.saturating_add(1);
        Some(Job { len, of: Of::Script(u16::try_from(index).ok()?) })
    }

    /// The helper could not take `job`: it is asked again a little later.
    pub fn job_refused(&mut self, now: Instant, job: Job) {
        self.jobs.blocked_until = Some(now + RETRY);
        match job.of {
            Of::Begin => self.jobs.begin = true,
            Of::Lane(_) | Of::Group(_) | Of::Orphan(_) | Of::Fifo => {
                self.notification_refused(job.of)
            }
            Of::Script(index) => {
                if let Some(script) = self.scripts.get_mut(usize::from(index)) {
                    script.phase = Phase::Wanted;
                    script.runs = script.runs.saturating_sub(1);
                }
            }
        }
    }

    /// A message of the helper. What refers to nothing that was asked is ignored.
    pub fn observe_answer(&mut self, now: Instant, datagram: &[u8]) {
        if !RUNS_PROGRAMS {
            return;
        }
        match Answer::read(datagram) {
            // It may say so again before it has read its greeting.
            Some(Answer::Ready { helper }) if self.jobs.helper == Some(helper) => {}
            Some(Answer::Ready { helper }) => self.helper_is_new(helper),
            Some(Answer::Late { ticket }) => {
                if let Some(index) = self.running(ticket) {
                    self.script_was_late(now, index);
                }
            }
            Some(Answer::Ended { ticket, outcome, took }) => {
                let ended = Ended { at: now, outcome, took };
                match self.running(ticket) {
                    Some(index) => self.script_ended(now, index, ended),
                    None => self.told(ticket, ended),
                }
            }
            Some(Answer::Written { ticket, lost, errno }) => {
                self.lines_written(ticket, lost, errno);
            }
            None => self.jobs.malformed = self.jobs.malformed.saturating_add(1),
        }
    }

    /// Messages of the helper that could not be read.
    pub fn answers_malformed(&self) -> u64 {
        self.jobs.malformed
    }

    /// Whatever was asked of the helper's predecessor has come to nothing, and is asked again.
    fn helper_is_new(&mut self, helper: u64) {
        (self.jobs.helper, self.jobs.begin) = (Some(helper), true);
        self.jobs.blocked_until = None;
        for (script, row) in self.scripts.iter_mut().zip(&self.config.scripts) {
            let is_asked = matches!(script.phase, Phase::Running { .. });
            if is_asked && matches!(row.check, Check::Command(_)) {
                script.phase = Phase::Wanted;
            }
        }
        self.ask_notifications_again();
    }

    /// The script that runs under this number.
    fn running(&self, wanted: u64) -> Option<usize> {
        self.scripts.iter().position(
            |script| matches!(script.phase, Phase::Running { ticket, .. } if ticket == wanted),
        )
    }

    fn script_was_late(&mut self, now: Instant, index: usize) {
        let Some(script) = self.scripts.get_mut(index) else { return };
        let Some(row) = self.config.scripts.get(index) else { return };
        if let Phase::Running { counted, .. } = &mut script.phase
            && !core::mem::replace(counted, true)
        {
            self.count(
                now,
                index,
                Ended { at: now, outcome: Outcome::TimedOut, took: row.timeout },
            );
        }
    }

    fn script_ended(&mut self, now: Instant, index: usize, ended: Ended) {
        let Some(script) = self.scripts.get_mut(index) else { return };
        let was = core::mem::replace(&mut script.phase, Phase::Resting);
        if matches!(was, Phase::Running { counted: false, .. }) {
            self.count(now, index, ended);
        }
    }

    /// What a run's end means: nothing, if the machine was short of something.
    fn count(&mut self, now: Instant, index: usize, ended: Ended) {
        let Some(script) = self.scripts.get_mut(index) else { return };
        let news = script.last.is_none_or(|last| last.outcome != ended.outcome);
        script.last = Some(ended);
        let success = ended.outcome.is_success();
        script.failures = script.failures.saturating_add(u64::from(!success));
        let mut changed = false;
        if !matches!(ended.outcome, Outcome::Short(_)) {
            script.heard_at = now;
            changed = script.counter.count(success);
        }
        if let Outcome::Found(finding) = ended.outcome
            && let Some(number) = finding.number()
        {
            changed |= core::mem::replace(&mut script.number, number) != number;
        }
        self.tell_script(now, index, changed, news || changed);
    }

    fn tell_script(&mut self, now: Instant, index: usize, changed: bool, news: bool) {
        let (Some(script), Ok(number)) = (self.scripts.get(index), u16::try_from(index)) else {
            return;
        };
        if news {
            let outcome = script.last.map(|last| last.outcome);
            let standing = script.counter.standing();
            self.events.push(Event::Script { script: number, standing, outcome });
        }
        if changed {
            self.judge_health(now);
        }
    }

    /// Scripts begin to run.
    pub(super) fn start_scripts(&mut self, now: Instant) {
        self.scripts.clear();
        for row in &self.config.scripts {
            // Cannot fail: both tables have the same capacity.
            let _ = self.scripts.push(Script::new(now, row));
        }
    }

    /// Serves what is due of all scripts.
    pub(super) fn expire_scripts(&mut self, now: Instant) {
        if !RUNS_PROGRAMS {
            return;
        }
        self.expire_notifications(now);
        // If nobody asks any more, it is not to be waited for again and again.
        self.jobs.blocked_until = self.jobs.blocked_until.filter(|until| now < *until);
        if !self.started || self.stopping {
            return;
        }
        self.forgive_sleep(now);
        for index in 0..self.scripts.len() {
            self.expire_script(now, index);
        }
    }

    /// What the helper said while this loop was not scheduled, or the machine stood still, may be
    /// on its way: that time counts for nobody's silence.
    fn forgive_sleep(&mut self, now: Instant) {
        let rows = self.scripts.iter().zip(&self.config.scripts);
        let Some(due) = rows.map(|(script, row)| script.deadline(row)).min() else { return };
        // What a reload has made overdue was not due before it.
        let slept = now.since(due.max(self.jobs.retuned_at).min(now));
        if slept < SLEPT {
            return;
        }
        for script in &mut self.scripts {
            script.heard_at = (script.heard_at + slept).min(now);
            if let Phase::Running { since, .. } = &mut script.phase {
                *since = (*since + slept).min(now);
            }
        }
    }

    fn expire_script(&mut self, now: Instant, index: usize) {
        let (Some(script), Some(row)) =
            (self.scripts.get_mut(index), self.config.scripts.get(index))
        else {
            return;
        };
        if now < script.deadline(row) {
            return;
        }
        if let Phase::Running { since, .. } = script.phase
            && since + row.timeout + LOST_AFTER <= now
        {
            script.phase = Phase::Resting;
        }
        if script.due_at <= now {
            if script.phase == Phase::Resting {
                script.phase = Phase::Wanted;
            } else {
                script.skipped = script.skipped.saturating_add(1);
            }
            let next = script.due_at + row.interval;
            script.due_at = if next <= now { now + row.interval } else { next };
        }
        if script.heard_at + row.interval + row.timeout + PATIENCE <= now {
            script.heard_at = now;
            script.last = None;
            let changed = script.counter.fail();
            self.tell_script(now, index, changed, changed);
        }
    }

    /// When [`Engine::expire`] has to look at the scripts, or the helper can be asked again.
    pub(super) fn scripts_due(&self) -> Option<Instant> {
        if !RUNS_PROGRAMS {
            return None;
        }
        let other = self.jobs.blocked_until.into_iter().chain(self.jobs.look_at);
        if !self.started || self.stopping {
            return other.min();
        }
        let scripts = self.scripts.iter().zip(&self.config.scripts);
        let due = scripts.map(|(script, row)| script.deadline(row));
        due.chain(other).min()
    }

    /// A script that keeps its name keeps what is known of it.
    pub(super) fn install_scripts(&mut self, now: Instant) {
        self.spare_scripts.clear();
        self.jobs.retuned_at = now;
        for new in &self.staged.scripts {
            let old = {
                let is_it = |old: &model::Script| (old.kind, &old.name) == (new.kind, &new.name);
                self.config.scripts.iter().position(is_it)
            };
            let script = match old.and_then(|index| self.scripts.get(index)) {
                Some(old) => {
                    let counter = old.counter.retuned(new.rise, new.fall);
                    // What is looked at may be something else now.
                    let phase = match (old.phase, new.check) {
                        (Phase::Running { .. }, Check::Probe(_)) => Phase::Wanted,
                        (phase, _) => phase,
                    };
                    // And the number in another file counts at once.
                    let is_file = new.kind == Kind::File;
                    let due_at = if is_file { now } else { old.due_at.min(now + new.interval) };
                    Script { counter, due_at, phase, ..old.clone() }
                }
                None => Script::new(now, new),
            };
            let _ = self.spare_scripts.push(script);
        }
        self.scripts.clear();
        let _ = self.scripts.extend_from_slice(&self.spare_scripts);
        self.spare_scripts.clear();
    }
}
