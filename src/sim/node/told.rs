//! Who is told of what, and in which order; and what the helper is asked for.

use super::{Node, Turned};
use crate::sim::invariant::{Violation, broken};
use crate::sim::plan::GROUP;
use crate::sim::tracked::{NOTIFY, script_name};
use crate::time::{Instant, Span};
use crate::trace::{Event, StateName, Told};
use crate::track::message::{MESSAGE_LEN_MAX, Request, Run};

/// Of a command of which nothing was heard for so long nothing more is expected: 30 s that it may
/// take, and 15 s.
const NOTIFY_LOST: Span = Span::from_secs(45);
/// Requests a turn.
const JOB_COUNT_MAX: usize = 8;

/// What is to be told of one instance or group, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) posted: Vec<(Told, u8)>,
    /// What of it was told last, and in which step.
    pub(super) told: Option<(usize, u8)>,
    pub(super) running: Option<(u64, Instant)>,
    /// The helper has died since: the same may be told again.
    pub(super) again: bool,
}

impl Node {
    /// What an event says is to be told.
    pub(super) fn posts(&mut self, event: &Event) {
        let Some(engine) = self.engine.as_deref() else { return };
        match event {
            Event::PriorityChanged { instance, to, .. } => {
                self.tracked.priorities.insert(engine.name_at(*instance).to_owned(), to.0);
            }
            Event::Transition(change) => {
                let name = engine.name_at(change.instance).to_owned();
                self.tracked.states.insert(name.clone(), change.to);
                let told = match change.to {
                    StateName::Master => Told::Master,
                    StateName::Backup => Told::Backup,
                    StateName::Fault => Told::Fault,
                    StateName::Init => return,
                };
                self.post(&name, told);
                self.post_of_group();
            }
            _ => {}
        }
    }

    fn post(&mut self, name: &str, told: Told) {
        let priority = self.tracked.priorities.get(name).copied().unwrap_or(0);
        let lane = self.tracked.lanes.entry(name.to_owned()).or_default();
        lane.posted.push((told, priority));
    }

    /// A group is in FAULT if one member is, and master if all are.
    fn post_of_group(&mut self) {
        let grouped = self.shadows.iter().filter(|shadow| shadow.seat.grouped);
        let states: Vec<StateName> = grouped
            .filter_map(|shadow| self.tracked.states.get(&format!("V{}", shadow.plan.vrid)))
            .copied()
            .collect();
        let members = self.shadows.iter().filter(|shadow| shadow.seat.grouped).count();
        let told = if states.contains(&StateName::Fault) {
            Told::Fault
        } else if states.is_empty() || states.len() < members || states.contains(&StateName::Init) {
            return;
        } else if states.iter().all(|state| *state == StateName::Master) {
            Told::Master
        } else {
            Told::Backup
        };
        let lane = self.tracked.lanes.get(GROUP);
        if lane.and_then(|lane| lane.posted.last()).is_none_or(|last| last.0 != told) {
            self.post(GROUP, told);
        }
    }

    /// A reload removes an instance. As keepalived has it: nobody asked to be told of that, so it is
    /// a fault. Its successor, if there is one, begins anew.
    pub(super) fn post_removed(&mut self, vrid: u8) {
        let name = format!("V{vrid}");
        self.post(&name, Told::Fault);
        self.tracked.states.remove(&name);
        self.tracked.priorities.remove(&name);
    }

    /// The end is told as well.
    pub(super) fn post_stop(&mut self) {
        for name in
            self.shadows.iter().map(|shadow| format!("V{}", shadow.plan.vrid)).collect::<Vec<_>>()
        {
            self.post(&name, Told::Stop);
        }
        self.post(GROUP, Told::Stop);
    }

    /// What the helper is asked for in this turn.
    pub(super) fn ask_helper(
        &mut self,
        now: Instant,
        turned: &mut Turned,
    ) -> Result<(), Violation> {
        let mut buffer = [0; MESSAGE_LEN_MAX];
        for _ in 0..JOB_COUNT_MAX {
            let Some(Some(job)) = self.call(|engine| engine.next_job(now, &mut buffer)) else {
                return Ok(());
            };
            let message = &buffer[..job.len];
            if !self.helper.ask(message) {
                self.call(|engine| engine.job_refused(now, job));
                return Ok(());
            }
            match Request::read(message) {
                Some(Request::Run(run)) => self.judge_run(now, &run, turned)?,
                Some(Request::Begin { .. } | Request::Write(_)) => {}
                None => return Err(broken(19, format!("n{} asks {message:02x?}", self.id))),
            }
        }
        turned.asks_again = true;
        Ok(())
    }

    fn judge_run(
        &mut self,
        now: Instant,
        run: &Run<'_>,
        turned: &mut Turned,
    ) -> Result<(), Violation> {
        let id = self.id;
        let program = run.words.trim_end_matches('\0');
        turned.lines.push(format!("n{id} runs {program} {}", run.tail.replace('\0', " ")));
        let mut scripts = self.tracked.scripts.iter_mut().enumerate();
        if let Some((_, script)) = scripts.find(|(index, _)| script_name(*index) == program) {
            if script.run.is_some() && !script.is_lost {
                return Err(broken(20, format!("n{id}: {program} runs, and is asked for")));
            }
            (script.run, script.is_lost) = (Some((run.ticket, now)), false);
            return Ok(());
        }
        let words: Vec<&str> = run.tail.split_terminator('\0').collect();
        let (name, told, priority, step) = match words[..] {
            [_, name, state, priority] if program == NOTIFY => (name, state, priority, 1),
            [] => match program.trim_start_matches('/').split_once('-') {
                Some(("master", name)) => (name, "MASTER", "", 0),
                Some((_, name)) => (name, "MASTER_RX_LOWER_PRI", "", 0),
                None => return Err(broken(19, format!("n{id}: {program}"))),
            },
            _ => return Err(broken(19, format!("n{id}: {program} {words:?}"))),
        };
        let blind = self.tracked.blind;
        let lane = self.tracked.lanes.entry(name.to_owned()).or_default();
        if lane.running.is_some_and(|(_, since)| now < since + NOTIFY_LOST) {
            return Err(broken(19, format!("n{id}: {program} {words:?} beside another, {lane:?}")));
        }
        lane.running = Some((run.ticket, now));
        let again = core::mem::take(&mut lane.again);
        if told == "MASTER_RX_LOWER_PRI" || blind {
            return Ok(());
        }
        let is_it = |(at, posted): &(usize, &(Told, u8))| {
            posted.0.name() == told
                && (priority.is_empty() || priority == posted.1.to_string())
                && lane.told.is_none_or(|last| last < (*at, step) || (again && last.0 == *at))
        };
        let Some((at, _)) = lane.posted.iter().enumerate().find(is_it) else {
            return Err(broken(19, format!("n{id}: {program} {words:?}, {lane:?}")));
        };
        lane.told = Some((at, step));
        Ok(())
    }

    /// I19: once nothing is on its way, everybody knows the last state.
    pub(in crate::sim) fn judge_told(&self) -> Result<(), Violation> {
        let Some(engine) = self.engine.as_deref() else { return Ok(()) };
        if !engine.is_told() {
            return Err(broken(19, format!("n{}: {:?}", self.id, self.tracked.lanes)));
        }
        if !self.plan.tracking.told || self.tracked.blind {
            return Ok(());
        }
        for (name, lane) in &self.tracked.lanes {
            let told = lane.told.and_then(|(at, _)| lane.posted.get(at));
            if told != lane.posted.last() {
                return Err(broken(19, format!("n{} {name}: {lane:?}", self.id)));
            }
        }
        Ok(())
    }

    /// Events were lost: what follows of what is told cannot be judged.
    pub(super) fn is_blind(&mut self) {
        self.tracked.blind = true;
    }
}
