//! What an instance tracks: its effective priority, and whether it may take part.

use super::{Ended, Engine};
use crate::config::model::{Kind, Subject, Tracker};
use crate::limits::PROBE_COUNT_MAX;
use crate::time::Instant;
use crate::trace::{Cause, Event};
use crate::track::{Effect, Standing, effective, weigh, weigh_number};
use crate::vrrp::instance::Settings;

impl Engine {
    /// What follows from one tracker now, and how its subject stands.
    pub fn effect(&self, tracker: &Tracker) -> (Effect, Standing) {
        let standing = self.standing(tracker.subject);
        match self.number(tracker.subject) {
            Some(number) if standing != Standing::Waiting => {
                let effect = weigh_number(tracker.weight, tracker.reverse, number);
                let is_fault = effect == Effect::Fails;
                (effect, if is_fault { Standing::Failing } else { Standing::Passing })
            }
            Some(_) | None => (weigh(tracker.weight, tracker.reverse, standing), standing),
        }
    }

    /// The number that a tracked file counts as; none: it is no file.
    fn number(&self, subject: Subject) -> Option<i32> {
        if PROBE_COUNT_MAX == 0 {
            return None;
        }
        let Subject::Script(script) = subject else { return None };
        let row = self.config.scripts.get(usize::from(script))?;
        let script = self.scripts.get(usize::from(script))?;
        (row.kind == Kind::File).then_some(script.number)
    }

    /// What messages call a tracked thing: its kind and its name.
    pub fn subject(&self, subject: Subject) -> (&'static str, &str) {
        match subject {
            Subject::Script(script) => {
                let script = self.config.scripts.get(usize::from(script));
                script.map_or(("script", "?"), |row| (row.kind.name(), row.name.as_str()))
            }
            Subject::Interface(interface) => ("interface", self.config.interface_name(interface)),
        }
    }

    /// How the latest run of a tracked thing ended, if it is run at all.
    pub fn last_run(&self, subject: Subject) -> Option<Ended> {
        match subject {
            Subject::Script(script) => {
                self.scripts.get(usize::from(script)).and_then(|script| script.last)
            }
            Subject::Interface(_) => None,
        }
    }

    /// How a tracked thing stands.
    fn standing(&self, subject: Subject) -> Standing {
        match subject {
            Subject::Script(script) => {
                let script = self.scripts.get(usize::from(script));
                script.map_or(Standing::Waiting, |script| script.counter.standing())
            }
            Subject::Interface(interface) => {
                let interface = self.interfaces.get(usize::from(interface));
                if interface.is_some_and(|interface| interface.fault().is_none()) {
                    Standing::Passing
                } else {
                    Standing::Failing
                }
            }
        }
    }

    /// Computes the priority of an instance anew; a running timer moves with it.
    pub(super) fn judge_priority(&mut self, now: Instant, index: usize) {
        let Some(config) = self.config.instances.get(index) else { return };
        let mut sum = 0_i32;
        for tracker in self.config.trackers_of(config) {
            if let (Effect::Adds(weight), _) = self.effect(tracker) {
                sum = sum.saturating_add(i32::from(weight));
            }
        }
        let priority = effective(config.priority, sum);
        let Some(router) = self.routers.get_mut(index) else { return };
        let from = router.fsm.settings().priority;
        if from == priority {
            return;
        }
        router.fsm.retune(now, Settings { priority, ..*router.fsm.settings() });
        if let Ok(instance) = u16::try_from(index) {
            self.events.push(Event::PriorityChanged { instance, from, to: priority });
        }
        self.write_of_priority(index);
        self.touch(index);
    }

    /// Why an instance cannot take part because of what it tracks.
    pub(super) fn tracked_fault(&self, index: usize) -> Option<Cause> {
        let config = self.config.instances.get(index)?;
        let mut holds = None;
        for tracker in self.config.trackers_of(config) {
            match self.effect(tracker).0 {
                Effect::Adds(_) => {}
                Effect::Holds => holds = Some(Cause::ScriptWaiting),
                Effect::Fails => {
                    return Some(match tracker.subject {
                        Subject::Script(script) => {
                            match self.config.scripts.get(usize::from(script))?.kind {
                                Kind::Script => Cause::ScriptFailed,
                                Kind::Process => Cause::ProcessFailed,
                                Kind::File => Cause::FileFailed,
                            }
                        }
                        Subject::Interface(_) => Cause::TrackedInterface,
                    });
                }
            }
        }
        holds
    }
}
