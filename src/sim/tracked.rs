//! What nodes track: scripts, whose programs succeed or not, and interfaces. And whether anybody is
//! told of what follows.

use super::plan::{MS, NodePlan, S};
use super::random::Random;
use crate::config::model::{
    Check, Command, Config, Kind, Notify, Script, Span16, Subject, Tracker,
};
use crate::limits::{COMMAND_COUNT_MAX, SCRIPT_COUNT_MAX, TRACKER_COUNT_MAX};
use crate::time::Span;

/// A script, as one node runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScriptPlan {
    pub(super) interval: u64,
    pub(super) timeout: u64,
    pub(super) rise: u16,
    pub(super) fall: u16,
    pub(super) init_fail: bool,
    /// Whether its program succeeds when nothing is wrong.
    pub(super) good: bool,
}

/// What is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A script, by its number.
    Script(usize),
    /// The interface on a segment.
    Interface(usize),
}

/// What a virtual router tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrackerPlan {
    pub(super) vrid: u8,
    pub(super) on: On,
    pub(super) weight: i16,
    pub(super) reverse: bool,
}

/// What a node tracks, and whom it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracking {
    pub(super) scripts: Vec<ScriptPlan>,
    pub(super) trackers: Vec<TrackerPlan>,
    /// Every state of every instance, and of the group, is told.
    pub(super) told: bool,
}

/// The command that is told of everything.
pub(super) const NOTIFY: &str = "/notify";

impl ScriptPlan {
    fn draw(random: &mut Random) -> Self {
        let interval = random.pick(&[100, 500, 1_000, 1_000, 10_000]) * MS;
        ScriptPlan {
            interval,
            timeout: random.pick(&[50 * MS, S, interval, 3 * S]),
            rise: u16::try_from(random.between(1, 3)).unwrap_or(1),
            fall: u16::try_from(random.between(1, 3)).unwrap_or(1),
            init_fail: random.below(5) == 0,
            good: random.below(4) > 0,
        }
    }
}

impl TrackerPlan {
    fn draw(random: &mut Random, vrid: u8, scripts: &[ScriptPlan], segments: usize) -> Self {
        let on = if scripts.is_empty() || random.below(4) == 0 {
            On::Interface(random.index(segments))
        } else {
            On::Script(random.index(scripts.len()))
        };
        let size = i16::try_from(random.pick(&[1, 2, 20, 60, 253])).unwrap_or(1);
        let weight = match random.below(3) {
            0 => 0,
            1 => size,
            _ => -size,
        };
        // What is a fault while nothing is wrong would be one forever.
        let is_good = match on {
            On::Script(script) => scripts[script].good,
            On::Interface(_) => true,
        };
        let reverse = if weight == 0 { !is_good } else { random.below(4) == 0 };
        TrackerPlan { vrid, on, weight, reverse }
    }

    /// What it adds to a priority when its subject is fine, is not fine, or has not answered
    /// (keepalived.conf(5), `weight`); none: the instance cannot take part.
    pub(super) fn adds(&self, fine: Option<bool>) -> Option<i32> {
        let sign = if self.reverse { -1 } else { 1 };
        match (self.weight, fine) {
            (0, fine) => (fine == Some(!self.reverse)).then_some(0),
            (weight, Some(true)) if weight > 0 => Some(sign * i32::from(weight)),
            (weight, Some(false)) if weight < 0 => Some(sign * i32::from(weight)),
            _ => Some(0),
        }
    }
}

impl Tracking {
    /// What a node with this plan tracks. The members of a group track the same, or they would not
    /// be in one order on all nodes.
    pub(super) fn draw(random: &mut Random, plan: &NodePlan, segments: usize) -> Self {
        let count = random.index(SCRIPT_COUNT_MAX.min(3) + 1);
        let scripts: Vec<ScriptPlan> = (0..count).map(|_| ScriptPlan::draw(random)).collect();
        let mut trackers = Vec::new();
        let mut of_group: Option<Vec<TrackerPlan>> = None;
        for (router, seat) in &plan.routers {
            let number = random.index(3);
            let mut own: Vec<TrackerPlan> = (0..number)
                .map(|_| TrackerPlan::draw(random, router.vrid, &scripts, segments))
                .collect();
            if seat.grouped {
                own = of_group.get_or_insert(own).clone();
                own.iter_mut().for_each(|tracker| tracker.vrid = router.vrid);
            }
            trackers.extend(own);
        }
        if trackers.len() > TRACKER_COUNT_MAX {
            trackers.clear();
        }
        Tracking { scripts, trackers, told: random.coin() }
    }

    /// Another configuration of the same scripts.
    pub(super) fn vary(&mut self, random: &mut Random) {
        for script in &mut self.scripts {
            if random.coin() {
                let ScriptPlan { interval, timeout, rise, fall, .. } = ScriptPlan::draw(random);
                *script = ScriptPlan { interval, timeout, rise, fall, ..*script };
            }
        }
        if random.below(3) == 0 {
            self.trackers.clear();
        }
    }

    /// How long scripts may take until what they say counts, once nothing is wrong.
    pub(super) fn settles_within(&self) -> u64 {
        let of = |script: &ScriptPlan| {
            u64::from(script.rise.max(script.fall) + 2) * (script.interval + script.timeout)
                + 20 * S
        };
        self.scripts.iter().map(of).max().unwrap_or(0)
    }

    /// The scripts and their commands, and the command of [`NOTIFY`].
    pub(super) fn fill(&self, config: &mut Config) {
        for (number, plan) in self.scripts.iter().enumerate() {
            let command = push_command(config, &script_name(number));
            let mut name = crate::addr::Name::new();
            let _ = core::fmt::write(&mut name, format_args!("s{number}"));
            let _ = config.scripts.push(Script {
                name,
                kind: Kind::Script,
                check: Check::Command(command),
                interval: Span::from_nanos(plan.interval),
                timeout: Span::from_nanos(plan.timeout),
                rise: plan.rise,
                fall: plan.fall,
                init_fail: plan.init_fail,
            });
        }
        if self.told {
            push_command(config, NOTIFY);
        }
    }

    /// What the instance with this VRID tracks.
    pub(super) fn fill_trackers(&self, config: &mut Config, vrid: u8) -> Span16 {
        let small = |number: usize| u16::try_from(number).unwrap_or(0);
        let start = small(config.trackers.len());
        for plan in self.trackers.iter().filter(|tracker| tracker.vrid == vrid) {
            let subject = match plan.on {
                On::Script(script) => Subject::Script(small(script)),
                On::Interface(segment) => Subject::Interface(u8::try_from(segment).unwrap_or(0)),
            };
            let TrackerPlan { weight, reverse, .. } = *plan;
            let _ = config.trackers.push(Tracker { subject, weight, reverse });
        }
        Span16 { start, len: small(config.trackers.len()) - start }
    }

    /// Who is told of `name`: of masters by a command of their own as well, where there is room.
    pub(super) fn notify(&self, config: &mut Config, name: &str) -> Notify {
        if !self.told {
            return Notify::NOBODY;
        }
        let any = u16::try_from(self.scripts.len()).ok();
        if COMMAND_COUNT_MAX < 32 {
            return Notify { any, ..Notify::NOBODY };
        }
        let master = Some(push_command(config, &format!("/master-{name}")));
        let rx_lower_priority = Some(push_command(config, &format!("/lower-{name}")));
        Notify { any, master, rx_lower_priority, ..Notify::NOBODY }
    }
}

/// The program of a script.
pub(super) fn script_name(number: usize) -> String {
    format!("/script-{number}")
}

fn push_command(config: &mut Config, program: &str) -> u16 {
    let _ = config.commands.push(Command {
        words: format!("{program}\0").as_str().try_into().unwrap_or_default(),
        user: Default::default(),
        group: Default::default(),
        supplementary: false,
    });
    u16::try_from(config.commands.len() - 1).unwrap_or(0)
}
