//! A shadow of each instance: the reference machine, fed with what the instance was given, and the
//! adverts that it is to send in this turn.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::VecDeque;

use super::decode::Advert;
use super::invariant::{Violation, broken};
use super::plan::{RouterPlan, Seat};
use super::reference::{Input, Machine, Rules, Sent, State};
use crate::time::Instant;
use crate::trace::{Cause, StateName};
use crate::vrrp::instance::Instance;

#[derive(Clone, Debug)]
pub(super) struct Shadow {
    pub(super) plan: RouterPlan,
    pub(super) seat: Seat,
    pub(super) machine: Machine,
    /// What is to be sent in this turn.
    due: Sent,
    /// To whom it has been sent in this turn.
    reached: Vec<IpAddr>,
    /// When adverts left, within the last interval.
    sent_at: VecDeque<u64>,
    /// When it became master, within the last interval.
    became_at: VecDeque<u64>,
}

impl Shadow {
    pub(super) fn new(plan: RouterPlan, seat: Seat) -> Self {
        let machine = Machine::house(plan.rules(seat));
        Shadow {
            plan,
            seat,
            machine,
            due: Sent::Nothing,
            reached: Vec::new(),
            sent_at: VecDeque::new(),
            became_at: VecDeque::new(),
        }
    }

    /// The shadow after a reload; where numbers changed, timers are taken over. The priority that
    /// counts stays until the tables are read (I18).
    pub(super) fn retuned(&self, plan: RouterPlan, seat: Seat, fsm: &Instance) -> Self {
        let rules = Rules { priority: self.machine.rules.priority, ..plan.rules(seat) };
        let mut shadow = Shadow { plan, seat, ..self.clone() };
        if let State::Backup { waits, .. } = &mut shadow.machine.state {
            // The group is asked again.
            *waits = false;
        }
        if rules != shadow.machine.rules {
            shadow.sent_at.clear();
            shadow.machine.rules = rules;
            shadow.machine.active_interval = fsm.master_interval().as_nanos();
            let at = fsm.deadline().as_nanos();
            match &mut shadow.machine.state {
                State::Backup { down_at, .. } => *down_at = at,
                State::Active { advert_at, .. } => *advert_at = at,
                State::Initialize | State::Fault => {}
            }
        }
        shadow
    }

    /// Trackers have moved its priority: a timer that runs moves with it, as in keepalived. The
    /// group is asked again.
    pub(super) fn counts_as(&mut self, priority: u8) {
        let before = self.machine.down();
        self.machine.rules.priority = priority;
        let after = self.machine.down();
        if let State::Backup { down_at, waits, .. } = &mut self.machine.state {
            *down_at = (*down_at + after).saturating_sub(before);
            *waits = false;
        }
    }

    /// Its interface is gone: what was due cannot leave.
    pub(super) fn is_mute(&mut self) {
        if self.reached.is_empty() {
            self.due = Sent::Nothing;
        }
    }

    pub(super) fn may_claim(&self) -> bool {
        matches!(self.machine.state, State::Active { listens: false, .. })
    }

    pub(super) fn yields(&self) -> bool {
        matches!(self.machine.state, State::Backup { yields: true, .. })
    }

    /// Whether it is ready and its group is not.
    pub(super) fn waits(&self) -> bool {
        matches!(self.machine.state, State::Backup { waits: true, .. })
    }

    /// Whether it is master, or would be by its own timer.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        match self.machine.state {
            State::Backup { down_at, .. } => down_at <= now.as_nanos(),
            State::Active { .. } => true,
            State::Initialize | State::Fault => false,
        }
    }

    /// Time, for a member of a group that is not ready.
    pub(super) fn timer_alone(&mut self, now: Instant) {
        let is_backup = matches!(self.machine.state, State::Backup { .. });
        self.step(now, if is_backup { Input::Wait } else { Input::Timer });
    }

    /// Another of its group is master no more.
    pub(super) fn follows(&mut self, now: Instant) {
        self.step(now, Input::Follow);
    }

    fn step(&mut self, now: Instant, input: Input) {
        let was = self.machine.is_active();
        let sent = self.machine.step(now.as_nanos(), input);
        let is = self.machine.is_active();
        if sent != Sent::Nothing {
            self.due = sent;
        } else if was && !is {
            // Who is no longer master has nothing more to say.
            self.due = Sent::Nothing;
        }
        if is && !was {
            self.became_at.push_back(now.as_nanos());
        }
    }

    pub(super) fn timer(&mut self, now: Instant) {
        self.step(now, Input::Timer);
    }

    pub(super) fn release(&mut self, now: Instant) {
        self.step(now, Input::Release);
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.step(now, Input::Shutdown);
    }

    pub(super) fn hears(&mut self, now: Instant, heard: &Advert, local: Option<IpAddr>) {
        let input = Input::Advert {
            priority: heard.priority,
            interval: heard.interval,
            source: heard.source,
            local: local.unwrap_or(heard.source),
        };
        self.step(now, input);
    }

    /// Whether the advert is for this instance and is to be obeyed (RFC 9568 §7.1, RFC 3768 §7.1,
    /// and the table of deviations).
    pub(super) fn accepts(
        &self,
        heard: &Advert,
        node: usize,
        nodes: usize,
        source: Option<IpAddr>,
    ) -> bool {
        let plan = &self.plan;
        let listens = matches!(self.machine.state, State::Backup { .. } | State::Active { .. });
        let is_multicast = heard.destination.is_multicast();
        let is_peer = || (0..nodes).any(|other| other != node && plan.own(other) == heard.source);
        let sum_is_right = match (plan.version, plan.is_v6) {
            (2, _) => heard.sum.plain,
            (_, true) => heard.sum.pseudo,
            (_, false) => heard.sum.pseudo || heard.sum.plain || (!is_multicast && heard.sum.group),
        };
        let auth_is_right = match (heard.auth, plan.password) {
            (None, _) => plan.version == 3,
            (Some((kind, _)), None) => kind == 0,
            (Some((kind, data)), Some(password)) => kind == 1 && data == password,
        };
        listens
            && self.is_of(heard)
            && heard.kind == 1
            && heard.version == plan.version
            && is_multicast != plan.unicast
            && (!is_multicast || heard.ttl == 255)
            && source.is_some_and(|own| own != heard.source)
            && (!plan.unicast || is_peer())
            && heard.interval > 0
            && (plan.version == 2 || !heard.addresses.is_empty())
            && (plan.version == 3 || heard.interval == plan.interval)
            && sum_is_right
            && auth_is_right
    }

    pub(super) fn is_of(&self, heard: &Advert) -> bool {
        heard.vrid == self.plan.vrid && heard.source.is_ipv6() == self.plan.is_v6
    }

    /// A change of health that the instance was told of.
    pub(super) fn follow(&mut self, now: Instant, fsm: &Instance, cause: Option<Cause>) {
        let interval = self.machine.rules.interval;
        let input = match (self.machine.state, fsm.name(), cause) {
            (State::Initialize, StateName::Fault, _) => Input::Lost(false),
            (State::Initialize, StateName::Master, Some(Cause::Resumed)) => {
                Input::Resume(fsm.deadline().as_nanos().saturating_sub(interval))
            }
            (State::Initialize, StateName::Backup | StateName::Master, _) => Input::Startup,
            (State::Fault, StateName::Backup | StateName::Master, _) => Input::Found,
            (State::Backup { .. } | State::Active { .. }, StateName::Fault, cause) => {
                let mute = [Cause::InterfaceMissing, Cause::InterfaceDown, Cause::CarrierLost];
                Input::Lost(!cause.is_some_and(|cause| mute.contains(&cause)))
            }
            _ => return,
        };
        self.step(now, input);
    }

    /// Whether the instance is where the reference is.
    pub(super) fn agrees(
        &self,
        fsm: &Instance,
        node: usize,
        invariant: u8,
    ) -> Result<(), Violation> {
        let name = match self.machine.state {
            State::Initialize => StateName::Init,
            State::Backup { .. } => StateName::Backup,
            State::Active { .. } => StateName::Master,
            State::Fault => StateName::Fault,
        };
        let deadline = self.machine.deadline().unwrap_or(u64::MAX);
        if (fsm.name(), fsm.deadline().as_nanos()) == (name, deadline) {
            return Ok(());
        }
        let vrid = self.plan.vrid;
        Err(broken(invariant, format!("n{node} {vrid}: {fsm:?}, expected {:?}", self.machine)))
    }

    /// An advert leaves: the one that is due, as it must be.
    pub(super) fn sends(
        &mut self,
        advert: &Advert,
        node: usize,
        nodes: usize,
    ) -> Result<(), Violation> {
        let plan = &self.plan;
        let kind = if advert.priority == 0 { Sent::Resignation } else { Sent::Advert };
        if kind != self.due {
            let invariant = if kind == Sent::Resignation { 13 } else { 8 };
            let due = self.due;
            return Err(broken(invariant, format!("n{node}: {due:?} is due, not {advert:?}")));
        }
        let group = if plan.is_v6 {
            IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12))
        } else {
            IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18))
        };
        let to_is_right = if plan.unicast {
            (0..nodes).any(|other| other != node && plan.own(other) == advert.destination)
        } else {
            advert.destination == group
        };
        let auth = plan.password.map_or((0, [0; 8]), |password| (1, password));
        let auth = (plan.version == 2).then_some(auth);
        let vips = plan.vips.iter().map(|vip| vip.0).take(plan.advertised);
        let is_right = to_is_right
            && !self.reached.contains(&advert.destination)
            && (advert.version, advert.kind, advert.ttl) == (plan.version, 1, 255)
            && (advert.priority == 0 || advert.priority == self.machine.rules.priority)
            && advert.interval == plan.interval
            && advert.addresses.iter().copied().eq(vips)
            && advert.auth == auth
            && if plan.version == 2 { advert.sum.plain } else { advert.sum.pseudo };
        if !is_right {
            return Err(broken(11, format!("n{node}: {advert:?} of {plan:?}")));
        }
        self.reached.push(advert.destination);
        Ok(())
    }

    /// Whether all that was due has left. `nodes` is the number of routers.
    pub(super) fn end_turn(
        &mut self,
        now: Instant,
        node: usize,
        nodes: usize,
    ) -> Result<(), Violation> {
        let wanted = match (self.due, self.plan.unicast) {
            (Sent::Nothing, _) => 0,
            (Sent::Advert | Sent::Resignation, false) => 1,
            (Sent::Advert | Sent::Resignation, true) => nodes - 1,
        };
        if self.reached.len() != wanted {
            let invariant = if self.due == Sent::Resignation { 13 } else { 12 };
            let text =
                format!("n{node} {}: {:?} is due, {:?}", self.plan.vrid, self.due, self.reached);
            return Err(broken(invariant, text));
        }
        let counted = self.count_adverts(now.as_nanos(), node);
        self.due = Sent::Nothing;
        self.reached.clear();
        counted
    }

    /// I8: one an interval, one in reaction, one that was late, and two for each takeover.
    fn count_adverts(&mut self, now: u64, node: usize) -> Result<(), Violation> {
        if self.due == Sent::Advert {
            self.sent_at.push_back(now);
        }
        let interval = self.plan.interval - (self.plan.interval / 64).min(1_000_000);
        for times in [&mut self.sent_at, &mut self.became_at] {
            while times.front().is_some_and(|at| at + interval <= now) {
                times.pop_front();
            }
        }
        if self.sent_at.len() > 3 + 2 * self.became_at.len() {
            let text = format!("n{node} {}: {:?}", self.plan.vrid, self.sent_at);
            return Err(broken(8, text));
        }
        Ok(())
    }
}
