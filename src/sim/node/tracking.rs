//! What scripts have said, and what of it counts.

use std::collections::BTreeMap;

use super::Node;
use super::told::Lane;
use crate::sim::invariant::{Violation, broken};
use crate::sim::plan::S;
use crate::sim::tracked::{On, ScriptPlan, TrackerPlan};
use crate::time::{Instant, Span};
use crate::trace::{Cause, StateName};
use crate::track::Standing;
use crate::track::message::{Answer, Outcome};

/// How long a script keeps how it stands although nothing is heard of it, beyond its interval and
/// its timeout.
const PATIENCE: Span = Span::from_secs(30);
/// Of a run that has not ended so long after its timeout nothing more is expected.
const SCRIPT_LOST: Span = Span::from_secs(15);
/// How much of a sleep of the process may count: until its next deadline was due.
const SLEEP: u64 = 11 * S;

/// A script, followed by its answers: so many in a row against how it stands turn it round.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    plan: ScriptPlan,
    /// None: it has not answered.
    stands: Option<bool>,
    against: u16,
    heard_at: Instant,
    /// Before that, when nobody can have taken what was said for lost.
    surely_heard_at: Instant,
    /// Number and time of the request that has no answer yet.
    pub(super) run: Option<(u64, Instant)>,
    /// Nothing more is expected of it.
    pub(super) is_lost: bool,
}

impl Follower {
    pub(super) fn new(plan: ScriptPlan, now: Instant) -> Self {
        let stands = plan.init_fail.then_some(false);
        Follower {
            plan,
            stands,
            against: 0,
            heard_at: now,
            surely_heard_at: now,
            run: None,
            is_lost: false,
        }
    }

    fn retuned(&self, plan: ScriptPlan) -> Self {
        Follower { plan, against: 0, ..self.clone() }
    }

    fn count(&mut self, now: Instant, success: bool) {
        (self.heard_at, self.surely_heard_at) = (now, now);
        let wanted = if success { self.plan.rise } else { self.plan.fall };
        self.against = if self.stands == Some(success) { 0 } else { self.against + 1 };
        // The first answer of all decides.
        if self.stands.is_none() || self.against >= wanted {
            (self.stands, self.against) = (Some(success), 0);
        }
    }

    fn is_silent(&self, since: Instant, now: Instant) -> bool {
        let span = Span::from_nanos(self.plan.interval + self.plan.timeout);
        since + span + PATIENCE <= now
    }

    fn is_given_up(&self, now: Instant) -> bool {
        let span = Span::from_nanos(self.plan.timeout) + SCRIPT_LOST;
        self.run.is_some_and(|(_, since)| since + span <= now)
    }

    fn standing(&self) -> Standing {
        match self.stands {
            None => Standing::Waiting,
            Some(true) => Standing::Passing,
            Some(false) => Standing::Failing,
        }
    }
}

/// What a process knows of its scripts and of what it has told.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracked {
    pub(super) scripts: Vec<Follower>,
    /// The helper that was heard of last.
    helper: Option<u64>,
    /// In force.
    pub(super) trackers: Vec<TrackerPlan>,
    pub(super) lanes: BTreeMap<String, Lane>,
    pub(super) states: BTreeMap<String, StateName>,
    pub(super) priorities: BTreeMap<String, u8>,
    /// Events were lost: nobody knows what was to be told.
    pub(super) blind: bool,
}

impl Node {
    /// A process begins.
    pub(super) fn begin_tracking(&mut self, now: Instant) {
        let plan = self.plan.clone();
        let scripts = plan.tracking.scripts.iter();
        self.tracked = Tracked {
            scripts: scripts.map(|script| Follower::new(*script, now)).collect(),
            trackers: plan.tracking.trackers.clone(),
            ..Tracked::default()
        };
        for (router, seat) in &plan.routers {
            self.tracked.priorities.insert(format!("V{}", router.vrid), seat.priority);
        }
    }

    /// The helper has said something.
    pub(super) fn hear_helper(&mut self, now: Instant) -> Result<(), Violation> {
        for answer in core::mem::take(&mut self.answers) {
            self.call(|engine| engine.observe_answer(now, &answer));
            match Answer::read(&answer) {
                // Said again before it has read its greeting, it is no news.
                Some(Answer::Ready { helper })
                    if self.tracked.helper.replace(helper) == Some(helper) => {}
                Some(Answer::Ready { .. }) => {
                    self.tracked.scripts.iter_mut().for_each(|script| script.run = None);
                    for lane in self.tracked.lanes.values_mut() {
                        (lane.again, lane.running) = (true, None);
                    }
                }
                Some(Answer::Late { ticket }) => self.script_answers(now, ticket, false, false),
                Some(Answer::Ended { ticket, outcome, .. }) => {
                    let is_short = matches!(outcome, Outcome::Short(_));
                    self.script_answers(now, ticket, outcome.is_success(), is_short);
                    for lane in self.tracked.lanes.values_mut() {
                        lane.running = lane.running.filter(|running| running.0 != ticket);
                    }
                }
                Some(Answer::Written { .. }) | None => {}
            }
            self.follow_scripts(now)?;
            for index in 0..self.shadows.len() {
                self.follow_health(now, index)?;
            }
        }
        Ok(())
    }

    fn script_answers(&mut self, now: Instant, ticket: u64, success: bool, is_short: bool) {
        let engine = self.engine.as_deref();
        let mut scripts = self.tracked.scripts.iter_mut().enumerate();
        let of = |script: &Follower| script.run.is_some_and(|run| run.0 == ticket);
        let Some((index, script)) = scripts.find(|(_, script)| of(script)) else { return };
        let is_lost = script.is_lost || script.is_given_up(now);
        script.run = None;
        if is_lost {
            // Whether anybody still waits for it depends on when somebody last looked.
            let Some(counter) = engine.and_then(|e| e.scripts().get(index)).map(|s| s.counter)
            else {
                return;
            };
            let top = u32::from(script.plan.rise + script.plan.fall - 1);
            let (position, _) = counter.position();
            let (stands, against) = match counter.standing() {
                Standing::Waiting => (None, 0),
                Standing::Passing => (Some(true), top - position),
                Standing::Failing => (Some(false), position),
            };
            (script.stands, script.against) = (stands, u16::try_from(against).unwrap_or(0));
            script.heard_at = now;
        } else if !is_short {
            script.count(now, success);
        }
    }

    /// Time: a script that is silent for too long has failed, unless the process itself has slept.
    /// How much of a sleep counts depends on when its loop was due, so within that span either may
    /// be: the engine's counter says which.
    pub(super) fn follow_silence(&mut self, now: Instant) {
        let Some(engine) = self.engine.as_deref().filter(|_| !self.stopping) else { return };
        for (script, follower) in engine.scripts().iter().zip(&mut self.tracked.scripts) {
            follower.is_lost |= follower.is_given_up(now);
            let since = follower.surely_heard_at;
            let sleeps = self.sleeps.iter().filter(|(end, _)| *end >= since);
            let (mut least, mut most) = (0, 0);
            for (_, span) in sleeps {
                least += span.saturating_sub(SLEEP);
                most += span;
            }
            let may_fail = follower.is_silent(since, now - Span::from_nanos(least));
            let must_fail = follower.is_silent(follower.heard_at, now - Span::from_nanos(most));
            let (position, _) = script.counter.position();
            let begins_anew = script.counter.standing() == Standing::Failing && position == 0;
            if must_fail || (may_fail && begins_anew) {
                (follower.stands, follower.against) = (Some(false), 0);
                (follower.heard_at, follower.surely_heard_at) = (now, now);
            }
        }
    }

    /// I20: a script stands as its answers and its silence say.
    pub(super) fn follow_scripts(&mut self, now: Instant) -> Result<(), Violation> {
        let Some(engine) = self.engine.as_deref().filter(|_| !self.stopping) else {
            return Ok(());
        };
        for (index, follower) in self.tracked.scripts.iter().enumerate() {
            let Some(script) = engine.scripts().get(index) else { continue };
            let standing = script.counter.standing();
            if standing != follower.standing() {
                let text = format!("n{} script {index} {standing:?}, {follower:?}", self.id);
                return Err(broken(20, text));
            }
            let patience =
                Span::from_nanos(follower.plan.interval + follower.plan.timeout + 62 * S);
            let is_forgotten = follower.heard_at + patience <= now && self.sleeps.is_empty();
            if is_forgotten && standing != Standing::Failing {
                return Err(broken(20, format!("n{} script {index} is silent", self.id)));
            }
        }
        Ok(())
    }

    /// What the trackers of a shadow add; none: one of them is a fault, or waits.
    fn tracked_sum(&self, vrid: u8) -> (i32, Option<Cause>) {
        let (mut sum, mut fault) = (0, None);
        let interfaces = self.engine.as_ref().map(|engine| engine.interfaces()).unwrap_or(&[]);
        for tracker in self.tracked.trackers.iter().filter(|tracker| tracker.vrid == vrid) {
            let (fine, cause) = match tracker.on {
                On::Script(script) => {
                    let stands = self.tracked.scripts.get(script).and_then(|script| script.stands);
                    (stands, Cause::ScriptFailed)
                }
                On::Interface(segment) => {
                    let row = interfaces.get(segment);
                    let is_fine = row.is_some_and(|r| r.index.is_some() && r.up && r.running);
                    (Some(is_fine), Cause::TrackedInterface)
                }
            };
            match tracker.adds(fine) {
                Some(adds) => sum += adds,
                None if fine.is_none() => fault = fault.or(Some(Cause::ScriptWaiting)),
                None => fault = fault.filter(|c| *c != Cause::ScriptWaiting).or(Some(cause)),
            }
        }
        (sum, fault)
    }

    /// The priority that counts (keepalived.conf(5)): 1 to 254, and an owner's own.
    pub(super) fn effective_priority(&self, vrid: u8, base: u8) -> u8 {
        if base == 255 {
            return base;
        }
        let sum = i32::from(base) + self.tracked_sum(vrid).0;
        u8::try_from(sum.clamp(1, 254)).unwrap_or(base)
    }

    /// I18: where an instance has another priority, it is the one that counts, and nothing of what
    /// it is made of is unknown.
    pub(super) fn follow_priority(&mut self, index: usize) -> Result<(), Violation> {
        let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
        let Some(priority) = routers.get(index).map(|router| router.fsm.settings().priority.0)
        else {
            return Ok(());
        };
        let Some(shadow) = self.shadows.get(index) else { return Ok(()) };
        let expected = self.effective_priority(shadow.plan.vrid, shadow.seat.priority);
        let Some(shadow) = self.shadows.get_mut(index) else { return Ok(()) };
        if shadow.machine.rules.priority == priority {
            return Ok(());
        }
        let is_known = self.engine.as_ref().is_some_and(|engine| engine.knows_kernel());
        if priority != expected || !is_known {
            let text = format!(
                "n{} {}: {priority}, not {expected}, tables read: {is_known}",
                self.id, shadow.plan.vrid
            );
            return Err(broken(18, text));
        }
        shadow.counts_as(priority);
        self.retuned = true;
        Ok(())
    }

    /// I18: nothing that trackers say is left out, once all tables are read.
    pub(super) fn judge_tracking(&self) -> Result<(), Violation> {
        let Some(engine) = self.engine.as_deref() else { return Ok(()) };
        if self.stopping || !engine.knows_kernel() {
            return Ok(());
        }
        for (shadow, router) in self.shadows.iter().zip(engine.routers()) {
            let priority = router.fsm.settings().priority.0;
            let expected = self.effective_priority(shadow.plan.vrid, shadow.seat.priority);
            let (_, fault) = self.tracked_sum(shadow.plan.vrid);
            let is_of_trackers = |cause: &Cause| {
                use Cause::{ScriptFailed, ScriptWaiting, TrackedInterface};
                matches!(cause, ScriptFailed | ScriptWaiting | TrackedInterface)
            };
            let is_right = match router.fault {
                // Of two faults, either is named; in a group, all wait for one.
                Some(Cause::ScriptWaiting) => {
                    shadow.seat.grouped || fault == Some(Cause::ScriptWaiting)
                }
                Some(cause) if is_of_trackers(&cause) => {
                    fault.is_some_and(|fault| fault != Cause::ScriptWaiting)
                }
                Some(_) => true,
                None => fault.is_none(),
            };
            let takes_part = matches!(router.fsm.name(), StateName::Backup | StateName::Master);
            let is_out = !takes_part || fault.is_none_or(|fault| fault == Cause::ScriptWaiting);
            if priority != expected || !is_right || !is_out {
                let text = format!(
                    "n{} {}: priority {priority}, not {expected}; {:?} for {:?}, not {fault:?}",
                    self.id,
                    shadow.plan.vrid,
                    router.fsm.name(),
                    router.fault
                );
                return Err(broken(18, text));
            }
        }
        Ok(())
    }

    /// After a reload: the scripts keep how they stand.
    pub(super) fn retune_tracking(&mut self, now: Instant) {
        let plan = self.plan.clone();
        let old = &self.tracked.scripts;
        let scripts = plan.tracking.scripts.iter().enumerate();
        let scripts = scripts.map(|(index, script)| match old.get(index) {
            Some(old) => old.retuned(*script),
            None => Follower::new(*script, now),
        });
        self.tracked.scripts = scripts.collect();
        self.tracked.trackers.clone_from(&plan.tracking.trackers);
        for (router, seat) in &plan.routers {
            let name = format!("V{}", router.vrid);
            self.tracked.priorities.entry(name).or_insert(seat.priority);
        }
    }
}
