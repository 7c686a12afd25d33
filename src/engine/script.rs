//! Scripts: when each is run next, and what follows from how its runs end. A built-in check is a script
//! that its owner runs by itself.
//!
//! The engine knows of a run only that it was asked for and, some time, how it ended. While the
//! helper says nothing, a script keeps how it stands, for [`PATIENCE`] beyond its interval and
//! timeout; then it has failed.

use super::Engine;
use crate::config::model::{self, Check, Kind};
use crate::limits::RUNS_PROGRAMS;
use crate::time::{Instant, Span};
use crate::trace::Event;
use crate::track::message::Outcome;
use crate::track::{Counter, Standing};

/// How long a script keeps how it stands although nothing is heard of it.
pub const PATIENCE: Span = Span::from_secs(30);
/// A run of which nothing is heard for so long after its timeout is lost: more than the helper takes
/// to kill it.
pub(super) const LOST_AFTER: Span = Span::from_secs(15);
/// Who looks at a deadline so much later than it was has slept, and has heard nothing meanwhile.
pub(super) const SLEPT: Span = Span::from_secs(1);

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
    pub(super) due_at: Instant,
    /// When it last answered.
    pub(super) heard_at: Instant,
    /// Since when something else has been found than counts.
    otherwise_since: Option<Instant>,
    pub(super) phase: Phase,
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
pub(super) enum Phase {
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
    pub(super) fn is_settled(&mut self, now: Instant, is_fine: bool, delay: Span) -> bool {
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

impl Engine {
    /// The scripts at run time, in the order of [`model::Config::scripts`].
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// Whether a script is to be run now, and is of this kind.
    pub(super) fn is_wanted(&self, index: usize, kind: impl Fn(Check) -> bool) -> bool {
        let rows = self.scripts.get(index).zip(self.config.scripts.get(index));
        rows.is_some_and(|(script, row)| script.phase == Phase::Wanted && kind(row.check))
    }

    /// The script that runs under this number.
    pub(super) fn running(&self, wanted: u64) -> Option<usize> {
        self.scripts.iter().position(
            |script| matches!(script.phase, Phase::Running { ticket, .. } if ticket == wanted),
        )
    }

    pub(super) fn script_was_late(&mut self, now: Instant, index: usize) {
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

    pub(super) fn script_ended(&mut self, now: Instant, index: usize, ended: Ended) {
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
