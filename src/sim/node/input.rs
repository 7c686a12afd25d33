//! What the process takes in, each step judged: packets, netlink, orders, time.

use core::net::IpAddr;
use std::rc::Rc;

use super::{Node, Order, Turned};
use crate::addr::{Family, IfIndex};
use crate::config;
use crate::engine::{Command, Port, Router};
use crate::sim::decode;
use crate::sim::invariant::{Violation, broken};
use crate::sim::judge::Shadow;
use crate::sim::kernel::{Asked, What};
use crate::sim::plan::{NAMES, NodePlan};
use crate::time::Instant;
use crate::trace::StateName;

impl Node {
    /// I1, I15: a packet moves the instance as the reference says, or only a counter.
    pub(super) fn ingest(
        &mut self,
        now: Instant,
        segment: usize,
        packet: &[u8],
    ) -> Result<(), Violation> {
        let Some(link) = self.kernel.link(NAMES[segment]) else { return Ok(()) };
        let Some(interface) = IfIndex::new(link.index) else { return Ok(()) };
        let Some(engine) = self.engine.as_deref() else { return Ok(()) };
        if engine.interfaces().get(segment).and_then(|row| row.index) != Some(interface) {
            // The socket of an interface that the daemon knows otherwise by now.
            return Ok(());
        }
        let before: Vec<_> = engine.routers().iter().map(|r| (r.fsm, r.counters)).collect();
        self.call(|engine| match decode::ipv6(packet).filter(|_| packet[0] >> 4 == 6) {
            Some((source, destination, hops, payload)) => {
                engine.ingest_ipv6(now, interface, (source, destination), hops, payload);
            }
            None => engine.ingest_ipv4(now, interface, packet),
        });
        let heard = decode::advert(packet);
        let mut yielded = false;
        let mut moved = Vec::new();
        for (index, (fsm, counters)) in before.into_iter().enumerate() {
            let Some(router) = self.engine.as_ref().and_then(|e| e.routers().get(index)) else {
                break;
            };
            let (router_fsm, source) = (router.fsm, router.source);
            let received = router.counters.adverts_received - counters.adverts_received;
            let Some(shadow) = self.shadows.get_mut(index) else { break };
            let accepted = heard.as_ref().ok().filter(|heard| {
                shadow.plan.segment == segment
                    && shadow.accepts(heard, self.plan.node, self.plan.nodes, source)
            });
            if received != u64::from(accepted.is_some()) {
                let text = format!(
                    "n{} {}: accepted {received}, should {} {heard:?}",
                    self.id,
                    shadow.plan.vrid,
                    accepted.is_some()
                );
                return Err(broken(15, text));
            }
            match accepted {
                Some(heard) => {
                    let was_active = shadow.machine.is_active();
                    shadow.hears(now, heard, source);
                    shadow.agrees(&router_fsm, self.id, 1)?;
                    yielded |= shadow.seat.grouped && was_active && !shadow.machine.is_active();
                }
                None if fsm != router_fsm => moved.push((index, fsm, router_fsm)),
                None => {}
            }
        }
        for (index, fsm, router_fsm) in moved {
            let shadow = &mut self.shadows[index];
            if !(yielded && shadow.seat.grouped && shadow.machine.is_active()) {
                let text = format!("n{} {}: {fsm:?} {router_fsm:?}", self.id, shadow.plan.vrid);
                return Err(broken(15, text));
            }
        }
        if yielded {
            self.all_follow(now)?;
        }
        Ok(())
    }

    /// I9: who is still master follows another of its group.
    fn all_follow(&mut self, now: Instant) -> Result<(), Violation> {
        let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
        for (shadow, router) in self.shadows.iter_mut().zip(routers) {
            if shadow.seat.grouped && shadow.machine.is_active() {
                shadow.follows(now);
                shadow.agrees(&router.fsm, self.id, 9)?;
            }
        }
        Ok(())
    }

    pub(super) fn observe(
        &mut self,
        now: Instant,
        datagram: &[u8],
        installed: &mut Vec<(IpAddr, u32)>,
    ) -> Result<(), Violation> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let kind = datagram.get(4).copied();
        let at = |from: usize| {
            datagram
                .get(from..from + 4)
                .and_then(|o| o.try_into().ok())
                .map_or(0, u32::from_ne_bytes)
        };
        let mut added = None;
        if kind == Some(2) {
            let asked = self.asked.remove(&at(8));
            if let (0, Some(Asked { what: What::Address { add: true, index, ip, .. }, .. })) =
                (at(16), asked)
            {
                // Once an answer is overdue, the engine asks for a dump instead of waiting for any:
                // then that says what is installed.
                let engine = self.engine.as_ref().filter(|engine| engine.awaits_answers());
                let rows = engine.map(|engine| engine.addresses()).unwrap_or(&[]);
                if rows.iter().any(|row| row.ip == ip && !row.is_present()) {
                    added = Some((ip, index));
                }
            }
        }
        self.call(|engine| engine.observe(now, datagram));
        installed.extend(added);
        for index in 0..self.shadows.len() {
            self.follow_health(now, index)?;
        }
        Ok(())
    }

    /// I15: what says nothing changes a counter and nothing else.
    pub(super) fn observe_nonsense(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<(), Violation> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let known = |node: &Node| {
            node.engine.as_ref().map(|engine| {
                let tables = (engine.interfaces(), engine.addresses(), engine.routers());
                format!("{tables:?}")
            })
        };
        let before = known(self);
        self.call(|engine| engine.observe(now, datagram));
        if known(self) != before {
            let text = format!("n{}: moved by the netlink datagram {datagram:02x?}", self.id);
            return Err(broken(15, text));
        }
        Ok(())
    }

    /// What the kernel's news did to an instance's health is taken over by its shadow.
    pub(super) fn follow_health(&mut self, now: Instant, index: usize) -> Result<(), Violation> {
        self.follow_priority(index)?;
        let engine = self.engine.as_ref();
        let Some(router) = engine.and_then(|engine| engine.routers().get(index)) else {
            return Ok(());
        };
        if let Some(shadow) = self.shadows.get_mut(index) {
            shadow.follow(now, &router.fsm, router.last.map(|last| last.cause));
            shadow.agrees(&router.fsm, self.id, 2)?;
        }
        Ok(())
    }

    /// Orders of the operator. Answers whether the configuration changes in this turn.
    pub(super) fn obey(&mut self, now: Instant, turned: &mut Turned) -> Result<bool, Violation> {
        let mut reloaded = false;
        for order in core::mem::take(&mut self.orders) {
            match order {
                Order::Release(instance) => {
                    self.call(|engine| engine.command(now, Command::Release(instance)));
                    let is_meant =
                        |index: usize| instance.is_none_or(|only| usize::from(only) == index);
                    let mut shadows = self.shadows.iter().enumerate();
                    let group = shadows.any(|(index, s)| s.seat.grouped && is_meant(index));
                    for (index, shadow) in self.shadows.iter_mut().enumerate() {
                        if is_meant(index) || (group && shadow.seat.grouped) {
                            shadow.release(now);
                        }
                    }
                }
                Order::Reload(plan) if !reloaded && !self.stopping => {
                    self.reload(now, plan, turned)?;
                    reloaded = true;
                }
                Order::Reload(_) => {}
                Order::Stop => {
                    self.stopping = true;
                    self.call(|engine| engine.stop(now));
                    // The last states come before the end.
                    self.hear_events(turned);
                    self.post_stop();
                    for shadow in &mut self.shadows {
                        shadow.stop(now);
                    }
                }
                Order::Port(segment, is_v6, errno) => {
                    let family = if is_v6 { Family::V6 } else { Family::V4 };
                    let index = self.kernel.link(NAMES[segment]).map_or(0, |link| link.index);
                    if let Some(interface) = IfIndex::new(index) {
                        let port =
                            Port { interface, family, multicast: true, authenticated: false };
                        self.call(|engine| engine.observe_port(now, port, errno));
                    }
                    for index in 0..self.shadows.len() {
                        self.follow_health(now, index)?;
                    }
                }
            }
        }
        for (index, shadow) in self.shadows.iter().enumerate() {
            let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
            if let Some(router) = routers.get(index) {
                shadow.agrees(&router.fsm, self.id, 13)?;
            }
        }
        Ok(reloaded)
    }

    fn reload(
        &mut self,
        now: Instant,
        plan: NodePlan,
        turned: &mut Turned,
    ) -> Result<(), Violation> {
        let Some(engine) = self.engine.as_deref_mut() else { return Ok(()) };
        let Some(config) = engine.stage() else {
            return Err(broken(14, format!("n{}: no configuration to fill", self.id)));
        };
        plan.fill(config);
        if let Err(invalid) = config::check::check(config) {
            return Err(broken(15, format!("n{}: {invalid}", self.id)));
        }
        self.call(|engine| engine.reload(now));
        // The last states come before the end.
        self.hear_events(turned);
        for shadow in &mut self.shadows {
            if !plan.routers.iter().any(|(new, _)| shadow.plan.survives_as(new)) {
                shadow.stop(now);
                turned.removed.push(shadow.plan.vrid);
            }
        }
        self.plan = Rc::new(plan);
        Ok(())
    }

    /// I14: what a reload did not change goes on as it was.
    pub(super) fn follow_reload(
        &mut self,
        before: &NodePlan,
        kept: &[Router],
    ) -> Result<(), Violation> {
        let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
        let mut shadows = Vec::new();
        for (index, (plan, seat)) in self.plan.routers.iter().enumerate() {
            let old = before.routers.iter().position(|(old, _)| old.survives_as(plan));
            let mut shadow = Shadow::new(plan.clone(), *seat);
            if let (Some(at), Some(router)) = (old, routers.get(index)) {
                let same_rules =
                    before.routers[at].0.rules(before.routers[at].1) == plan.rules(*seat);
                let waits = self.shadows[at].waits();
                if same_rules && !waits && kept.get(at).map(|old| old.fsm) != Some(router.fsm) {
                    return Err(broken(14, format!("n{} {}: {router:?}", self.id, plan.vrid)));
                }
                shadow = self.shadows[at].retuned(plan.clone(), *seat, &router.fsm);
            }
            shadows.push(shadow);
        }
        self.shadows = shadows;
        for index in 0..self.shadows.len() {
            self.follow_priority(index)?;
        }
        Ok(())
    }

    /// I2: time makes a master of whom it should, and of nobody else.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        self.call(|engine| engine.expire(now));
        self.follow_silence(now);
        self.follow_scripts(now)?;
        // What a silent script means comes first. Who has just started may be an owner: its timer
        // fires at once.
        for index in 0..self.shadows.len() {
            self.follow_priority(index)?;
        }
        let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
        for (shadow, router) in self.shadows.iter_mut().zip(routers) {
            shadow.follow(now, &router.fsm, router.last.map(|last| last.cause));
        }
        let ready = self.shadows.iter().all(|shadow| !shadow.seat.grouped || shadow.is_ready(now));
        for index in 0..self.shadows.len() {
            let shadow = &mut self.shadows[index];
            if ready || !shadow.seat.grouped {
                shadow.timer(now);
            } else {
                shadow.timer_alone(now);
            }
            self.follow_health(now, index)?;
        }
        Ok(())
    }

    /// I9: all of a group are master or none is, and all are in FAULT or none is. Those that a
    /// reload has just brought do not count yet.
    pub(super) fn judge_group(&self) -> Result<(), Violation> {
        let started: Vec<StateName> = self
            .engine
            .iter()
            .flat_map(|engine| engine.routers())
            .zip(&self.shadows)
            .filter(|(_, shadow)| shadow.seat.grouped)
            .map(|(router, _)| router.fsm.name())
            .filter(|state| *state != StateName::Init)
            .collect();
        if started.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        Err(broken(9, format!("n{}: {started:?}", self.id)))
    }
}
