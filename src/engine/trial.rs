//! Built-in checks: scripts that the owner of the engine runs by itself.

use super::Engine;
use super::script::{Ended, Phase};
use crate::config::model::{Check, Probe};
use crate::time::{Instant, Span};
use crate::track::Finding;
use crate::track::message::Outcome;

/// A built-in check to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trial<'a> {
    /// What the answer refers to.
    pub ticket: u64,
    /// What is looked at.
    pub probe: &'a Probe,
    /// Its row in [`crate::config::model::Config::probes`].
    pub row: u16,
    /// How long that may take.
    pub limit: Span,
}

impl Engine {
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
}
