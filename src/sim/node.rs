//! A router: the engine, its kernel, its clock, and what its daemon does around it.

use core::net::IpAddr;
use std::collections::{BTreeMap, VecDeque};

use super::decode;
use super::invariant::{Violation, broken};
use super::judge::Shadow;
use super::kernel::{Asked, Kernel, Link, What};
use super::plan::{NAMES, NodePlan, mac, own_v4};
use crate::addr::{Family, IfIndex};
use crate::config;
use crate::engine::{Command, Engine, Heartbeat, Owned, Port, RequestKind, Via};
use crate::limits::DATAGRAM_LEN_MAX;
use crate::time::Instant;
use crate::trace::{Event, StateName};

/// Packets that a socket holds while nobody reads it.
const PACKET_COUNT_MAX: usize = 256;
/// News that the listening netlink socket holds.
const NEWS_COUNT_MAX: usize = 64;

/// What waits for the process in its sockets.
#[derive(Debug)]
pub(super) enum Inbound {
    Packet(usize, Vec<u8>),
    Netlink(Vec<u8>),
}

/// What the process is told to do.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Release(Option<u16>),
    Reload(NodePlan),
    Stop,
    Port(usize, bool, Option<i32>),
}

/// A packet that leaves.
#[derive(Debug, Clone)]
pub(super) struct Emitted {
    pub(super) segment: usize,
    /// A whole IP packet; else an Ethernet frame.
    pub(super) is_ip: bool,
    pub(super) bytes: Vec<u8>,
}

/// What a turn did.
#[derive(Debug, Default)]
pub(super) struct Turned {
    pub(super) frames: Vec<Emitted>,
    pub(super) requests: Vec<Vec<u8>>,
    pub(super) lines: Vec<String>,
    /// VRIDs of instances that changed their state.
    pub(super) changed: usize,
}

pub(super) struct Node {
    pub(super) id: usize,
    pub(super) plan: NodePlan,
    pub(super) engine: Option<Box<Engine>>,
    /// Counts the processes: what was meant for an earlier one is lost.
    pub(super) boot: u32,
    pub(super) kernel: Kernel,
    drift: i64,
    leases: bool,
    pub(super) paused: bool,
    pub(super) inbox: VecDeque<Inbound>,
    pub(super) overrun: bool,
    pub(super) orders: Vec<Order>,
    journal: Vec<Owned>,
    beats: Vec<Heartbeat>,
    pub(super) shadows: Vec<Shadow>,
    /// Requests and answers on their way.
    pub(super) in_flight: usize,
    /// Until then (real time) the kernel's tables may differ: a fault was injected.
    pub(super) trouble_until: u64,
    /// Until then it may wait for an answer that was lost, and judge nothing by half a table.
    pub(super) waits_until: u64,
    /// Requests by sequence number.
    asked: BTreeMap<u32, Asked>,
    /// Sockets that the kernel refuses, by segment.
    pub(super) refused_ports: [bool; 2],
    pub(super) stopping: bool,
    pub(super) wake_at: u64,
}

impl Node {
    pub(super) fn new(
        plan: NodePlan,
        segments: usize,
        drift: i64,
        leases: bool,
        proto: bool,
    ) -> Self {
        let id = plan.node;
        let mut kernel = Kernel { links: Vec::new(), addresses: Vec::new(), keeps_proto: proto };
        for (segment, name) in NAMES.into_iter().enumerate().take(segments.max(1)) {
            let link = Node::link(id, segment, name, u32::try_from(segment + 2).unwrap_or(2));
            kernel.add_link(link, own_v4(id, segment));
        }
        Node {
            id,
            plan,
            engine: None,
            boot: 0,
            kernel,
            drift,
            leases,
            paused: false,
            inbox: VecDeque::new(),
            overrun: false,
            orders: Vec::new(),
            journal: Vec::new(),
            beats: Vec::new(),
            shadows: Vec::new(),
            in_flight: 0,
            trouble_until: 0,
            waits_until: 0,
            asked: BTreeMap::new(),
            refused_ports: [false; 2],
            stopping: false,
            wake_at: u64::MAX,
        }
    }

    pub(super) fn link(node: usize, segment: usize, name: &str, index: u32) -> Link {
        Link { index, name: name.to_owned(), mac: mac(node, segment), up: true, carrier: true }
    }

    /// The node's clock at a moment of real time.
    pub(super) fn clock(&self, real: u64) -> Instant {
        let drift = i128::from(real) * i128::from(self.drift) / 1_000_000;
        let local = 1_000_000_000_000 + i128::from(real) + drift;
        Instant::from_nanos(u64::try_from(local).unwrap_or(0))
    }

    /// The first moment of real time at which the node's clock shows `local` or later.
    pub(super) fn real(&self, local: Instant) -> u64 {
        if local == Instant::NEVER {
            return u64::MAX;
        }
        let span = i128::from(local.as_nanos()) - 1_000_000_000_000;
        let guess = span * 1_000_000 / (1_000_000 + i128::from(self.drift));
        let mut real = u64::try_from(guess).unwrap_or(0);
        while self.clock(real) < local {
            real += 1;
        }
        while real > 0 && self.clock(real - 1) >= local {
            real -= 1;
        }
        real
    }

    pub(super) fn is_running(&self) -> bool {
        self.engine.is_some() && !self.paused
    }

    /// kill -9: the addresses stay.
    pub(super) fn crash(&mut self) {
        self.engine = None;
        self.boot += 1;
        self.inbox.clear();
        self.orders.clear();
        self.overrun = false;
        self.in_flight = 0;
        self.asked.clear();
        self.shadows.clear();
        self.stopping = false;
        self.paused = false;
        self.wake_at = u64::MAX;
    }

    /// Starts the daemon: reads the kernel, removes what a predecessor left, and starts.
    pub(super) fn start(&mut self, real: u64) -> Result<(), Violation> {
        let now = self.clock(real);
        let mut engine = Box::new(Engine::new());
        engine.set_leases(self.leases);
        if let Some(config) = engine.stage() {
            self.plan.fill(config);
            if let Err(invalid) = config::check::check(config) {
                return Err(broken(15, format!("n{}: {invalid}", self.id)));
            }
        }
        engine.configure(now);
        for asked in [What::Links, What::Addresses] {
            let asked = Asked { sequence: 0, what: asked };
            for answer in self.kernel.ask(real, &asked, None).answers {
                engine.observe(now, &answer);
            }
        }
        let noted = core::mem::take(&mut self.journal);
        let mut news = Vec::new();
        for address in self.kernel.addresses.clone() {
            let Some(interface) = IfIndex::new(address.index) else { continue };
            let left = Owned { interface, ip: address.ip, prefix_len: address.len };
            // Where the kernel tells whose an address is, the journal is not asked.
            let is_ours =
                if self.kernel.keeps_proto { address.proto == 112 } else { noted.contains(&left) };
            if !is_ours {
                continue;
            }
            let mut beats = self.beats.iter().copied().map(Some).chain([None]);
            if beats.any(|beat| engine.adopt(now, left, beat)) {
                self.journal.push(left);
            } else {
                news.extend(self.kernel.remove(address.index, address.ip, address.len, 0).1);
            }
        }
        // The listening socket is read empty before anything starts.
        for datagram in news {
            engine.observe(now, &datagram);
        }
        self.shadows = self.plan.routers.iter().map(|(p, s)| Shadow::new(p.clone(), *s)).collect();
        engine.start(now);
        self.engine = Some(engine);
        for index in 0..self.shadows.len() {
            self.follow_health(now, index)?;
        }
        self.beats.clear();
        Ok(())
    }

    /// A packet reaches the node's port.
    pub(super) fn receive(&mut self, segment: usize, packet: &[u8]) -> bool {
        if self.engine.is_none() || self.refused_ports[segment] {
            return false;
        }
        if !self.kernel.passes(NAMES[segment]) || !decode::reaches_socket(packet) {
            return false;
        }
        let destination = match decode::ipv6(packet).filter(|_| packet[0] >> 4 == 6) {
            Some((_, destination, _, _)) => IpAddr::V6(destination),
            None => {
                let octets: [u8; 4] = packet[16..20].try_into().unwrap_or([0; 4]);
                IpAddr::from(octets)
            }
        };
        let is_here = match destination {
            IpAddr::V4(ip) if ip.is_multicast() => ip.octets() == [224, 0, 0, 18],
            IpAddr::V6(ip) if ip.is_multicast() => ip.segments()[7] == 0x12,
            _ => self.kernel.addresses.iter().any(|known| known.ip == destination),
        };
        if !is_here || self.inbox.len() >= PACKET_COUNT_MAX {
            return false;
        }
        self.inbox.push_back(Inbound::Packet(segment, packet.to_vec()));
        true
    }

    /// A netlink datagram reaches the process.
    pub(super) fn hear(&mut self, datagram: Vec<u8>, is_news: bool) {
        let news = self.inbox.iter().filter(|item| matches!(item, Inbound::Netlink(_))).count();
        if is_news && news >= NEWS_COUNT_MAX {
            self.overrun = true;
        } else {
            self.inbox.push_back(Inbound::Netlink(datagram));
        }
    }

    /// One turn of the loop, judged step by step.
    pub(super) fn turn(&mut self, real: u64) -> Result<Turned, Violation> {
        let mut turned = Turned::default();
        if !self.is_running() {
            return Ok(turned);
        }
        let now = self.clock(real);
        let mut installed = Vec::new();
        if core::mem::take(&mut self.overrun) {
            self.engine_mut(|engine| engine.observe_overrun(now));
        }
        for item in core::mem::take(&mut self.inbox) {
            match item {
                Inbound::Packet(segment, packet) => self.ingest(now, segment, &packet)?,
                Inbound::Netlink(datagram) => self.observe(now, &datagram, &mut installed)?,
            }
        }
        let plan_before = self.plan.clone();
        let reloaded = self.obey(now)?;
        self.expire(now)?;
        let kept = self.engine.as_ref().map(|engine| engine.routers().to_vec()).unwrap_or_default();
        self.transmit(now, &plan_before, &mut turned)?;
        if reloaded {
            self.follow_reload(&plan_before, &kept)?;
        }
        self.judge_announcements(&installed, &plan_before, &turned)?;
        self.request(now, &mut turned);
        self.end(now, reloaded, &mut turned)?;
        Ok(turned)
    }

    fn engine_mut<T>(&mut self, with: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        self.engine.as_deref_mut().map(with)
    }

    /// I1, I15: a packet moves the instance as the reference says, or only a counter.
    fn ingest(&mut self, now: Instant, segment: usize, packet: &[u8]) -> Result<(), Violation> {
        let Some(link) = self.kernel.link(NAMES[segment]) else { return Ok(()) };
        let Some(interface) = IfIndex::new(link.index) else { return Ok(()) };
        let Some(engine) = self.engine.as_deref_mut() else { return Ok(()) };
        if engine.interfaces().get(segment).and_then(|row| row.index) != Some(interface) {
            // The socket of an interface that the daemon knows otherwise by now.
            return Ok(());
        }
        let before: Vec<_> = engine.routers().iter().map(|r| (r.fsm, r.counters)).collect();
        match decode::ipv6(packet).filter(|_| packet[0] >> 4 == 6) {
            Some((source, destination, hops, payload)) => {
                engine.ingest_ipv6(now, interface, (source, destination), hops, payload);
            }
            None => engine.ingest_ipv4(now, interface, packet),
        }
        let heard = decode::advert(packet);
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
                    shadow.hears(now, heard, source);
                    shadow.agrees(&router_fsm, self.id, 1)?;
                }
                None if fsm != router_fsm => {
                    let text = format!("n{} {}: {fsm:?} {router_fsm:?}", self.id, shadow.plan.vrid);
                    return Err(broken(15, text));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn observe(
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
                let rows = self.engine.as_ref().map(|engine| engine.addresses()).unwrap_or(&[]);
                if rows.iter().any(|row| row.ip == ip && !row.is_present()) {
                    added = Some((ip, index));
                }
            }
        }
        self.engine_mut(|engine| engine.observe(now, datagram));
        installed.extend(added);
        for index in 0..self.shadows.len() {
            self.follow_health(now, index)?;
        }
        Ok(())
    }

    /// What the kernel's news did to an instance's health is taken over by its shadow.
    fn follow_health(&mut self, now: Instant, index: usize) -> Result<(), Violation> {
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
    fn obey(&mut self, now: Instant) -> Result<bool, Violation> {
        let mut reloaded = false;
        for order in core::mem::take(&mut self.orders) {
            match order {
                Order::Release(instance) => {
                    self.engine_mut(|engine| engine.command(now, Command::Release(instance)));
                    for (index, shadow) in self.shadows.iter_mut().enumerate() {
                        if instance.is_none_or(|only| usize::from(only) == index) {
                            shadow.release(now);
                        }
                    }
                }
                Order::Reload(plan) if !reloaded && !self.stopping => {
                    self.reload(now, plan)?;
                    reloaded = true;
                }
                Order::Reload(_) => {}
                Order::Stop => {
                    self.stopping = true;
                    self.engine_mut(|engine| engine.stop(now));
                    for shadow in &mut self.shadows {
                        shadow.stop(now);
                    }
                }
                Order::Port(segment, is_v6, errno) => {
                    let engine = self.engine.as_deref_mut();
                    let family = if is_v6 { Family::V6 } else { Family::V4 };
                    let index = self.kernel.link(NAMES[segment]).map_or(0, |link| link.index);
                    if let (Some(engine), Some(interface)) = (engine, IfIndex::new(index)) {
                        let port = Port { interface, family, multicast: true };
                        engine.observe_port(now, port, errno);
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

    fn reload(&mut self, now: Instant, plan: NodePlan) -> Result<(), Violation> {
        let Some(engine) = self.engine.as_deref_mut() else { return Ok(()) };
        let Some(config) = engine.stage() else {
            return Err(broken(14, format!("n{}: no configuration to fill", self.id)));
        };
        plan.fill(config);
        if let Err(invalid) = config::check::check(config) {
            return Err(broken(15, format!("n{}: {invalid}", self.id)));
        }
        engine.reload(now);
        for shadow in &mut self.shadows {
            if !plan.routers.iter().any(|(new, _)| shadow.plan.survives_as(new)) {
                shadow.stop(now);
            }
        }
        self.plan = plan;
        Ok(())
    }

    /// I14: what a reload did not change goes on as it was.
    fn follow_reload(
        &mut self,
        before: &NodePlan,
        kept: &[crate::engine::Router],
    ) -> Result<(), Violation> {
        let routers = self.engine.as_ref().map(|engine| engine.routers()).unwrap_or(&[]);
        let mut shadows = Vec::new();
        for (index, (plan, seat)) in self.plan.routers.iter().enumerate() {
            let old = before.routers.iter().position(|(old, _)| old.survives_as(plan));
            let mut shadow = Shadow::new(plan.clone(), *seat);
            if let (Some(at), Some(router)) = (old, routers.get(index)) {
                let same_rules =
                    before.routers[at].0.rules(before.routers[at].1) == plan.rules(*seat);
                if same_rules && kept.get(at).map(|old| old.fsm) != Some(router.fsm) {
                    return Err(broken(14, format!("n{} {}: {router:?}", self.id, plan.vrid)));
                }
                shadow = self.shadows[at].retuned(plan.clone(), *seat, &router.fsm);
            }
            shadows.push(shadow);
        }
        self.shadows = shadows;
        Ok(())
    }

    /// I2: time makes a master of whom it should, and of nobody else.
    fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        self.engine_mut(|engine| engine.expire(now));
        for index in 0..self.shadows.len() {
            self.shadows[index].timer(now);
            self.follow_health(now, index)?;
        }
        Ok(())
    }

    fn segment_of(&self, index: IfIndex) -> Option<usize> {
        let link = self.kernel.links.iter().find(|link| link.index == index.get())?;
        NAMES.iter().position(|name| *name == link.name)
    }

    /// I8, I11, I12, I13: exactly the adverts that the reference sends, each octet as it must be.
    fn transmit(
        &mut self,
        now: Instant,
        before: &NodePlan,
        turned: &mut Turned,
    ) -> Result<(), Violation> {
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let mut announces = false;
        while let Some(Some(packet)) =
            self.engine_mut(|engine| engine.next_transmit(now, &mut buffer))
        {
            let bytes = buffer[..packet.len].to_vec();
            let segment = self.segment_of(packet.interface);
            let is_ip = matches!(packet.via, Via::Raw { .. });
            if is_ip && announces {
                return Err(broken(12, format!("n{}: advert behind an announcement", self.id)));
            }
            announces |= !is_ip;
            if is_ip {
                let Ok(heard) = decode::advert(&bytes) else {
                    return Err(broken(11, format!("n{}: {bytes:02x?}", self.id)));
                };
                let shadow = self
                    .shadows
                    .iter_mut()
                    .find(|shadow| shadow.is_of(&heard))
                    .ok_or_else(|| broken(11, format!("n{}: nobody's {heard:?}", self.id)))?;
                shadow.sends(&heard, self.id, before.nodes)?;
                if let (Some(index), Some(engine)) = (packet.advert_of, self.engine.as_ref()) {
                    let row = engine.config().instances.get(usize::from(index));
                    if let Some(row) = row {
                        let beat = Heartbeat {
                            interface: packet.interface,
                            family: row.family,
                            vrid: row.vrid,
                            sent_at: now,
                        };
                        self.beats.retain(|old| (old.family, old.vrid) != (row.family, row.vrid));
                        self.beats.push(beat);
                    }
                }
            }
            if let Some(segment) = segment {
                turned.frames.push(Emitted { segment, is_ip, bytes });
            }
        }
        let interfaces = self.engine.as_ref().map(|engine| engine.interfaces()).unwrap_or(&[]);
        for shadow in &mut self.shadows {
            if interfaces.get(shadow.plan.segment).is_none_or(|row| row.index.is_none()) {
                shadow.is_mute();
            }
            shadow.end_turn(now, self.id, before.nodes)?;
        }
        Ok(())
    }

    /// I12: announcements for what is installed and master, at once; for nothing else.
    fn judge_announcements(
        &self,
        installed: &[(IpAddr, u32)],
        before: &NodePlan,
        turned: &Turned,
    ) -> Result<(), Violation> {
        let mut announced = Vec::new();
        for frame in turned.frames.iter().filter(|frame| !frame.is_ip) {
            let (ip, from) = decode::announcement(&frame.bytes)
                .map_err(|why| broken(11, format!("n{}: {why} {:02x?}", self.id, frame.bytes)))?;
            let link = self.kernel.link(NAMES[frame.segment]);
            if link.is_some_and(|link| link.mac != from) {
                return Err(broken(11, format!("n{}: announced from {from:02x?}", self.id)));
            }
            let is_ours = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active()
                    && shadow.plan.vips.iter().any(|vip| (vip.0, vip.2) == (ip, frame.segment))
            });
            if !is_ours {
                return Err(broken(12, format!("n{}: announces {ip}, not master", self.id)));
            }
            announced.push((ip, frame.segment));
        }
        let paced = before.garp_interval > 0 || self.plan.garp_interval > 0;
        for (ip, index) in installed {
            let Some(segment) = IfIndex::new(*index).and_then(|index| self.segment_of(index))
            else {
                continue;
            };
            let wanted = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active() && shadow.plan.vips.iter().any(|vip| vip.0 == *ip)
            });
            let rows = self.engine.as_ref().map(|engine| engine.addresses()).unwrap_or(&[]);
            let wanted = wanted && rows.iter().any(|row| row.ip == *ip && row.is_present());
            if wanted && !paced && before == &self.plan && !announced.contains(&(*ip, segment)) {
                return Err(broken(12, format!("n{}: {ip} is not announced", self.id)));
            }
        }
        Ok(())
    }

    fn request(&mut self, now: Instant, turned: &mut Turned) {
        let mut buffer = [0; 512];
        while let Some(Some(request)) =
            self.engine_mut(|engine| engine.next_request(now, &mut buffer))
        {
            let bytes = buffer[..request.len].to_vec();
            match request.kind {
                RequestKind::Add(owned) => {
                    self.journal.retain(|known| *known != owned);
                    self.journal.push(owned);
                }
                RequestKind::Remove(_) | RequestKind::Dump => {}
            }
            let asked = super::kernel::read(&bytes);
            self.asked.insert(asked.sequence, asked);
            self.in_flight += 1;
            turned.requests.push(bytes);
        }
        while let Some(Some(owned)) = self.engine_mut(Engine::next_released) {
            self.journal.retain(|known| *known != owned);
        }
    }

    /// What happened, and when to wake next: always later, unless a reload has just moved a timer
    /// into the past.
    fn end(&mut self, now: Instant, reloaded: bool, turned: &mut Turned) -> Result<(), Violation> {
        let id = self.id;
        let Some(engine) = self.engine.as_deref_mut() else { return Ok(()) };
        while let Some(event) = engine.next_event() {
            if let Event::Transition(change) = event {
                turned.changed += 1;
                turned.lines.push(format!(
                    "n{id} {} {}->{} {} | heard {:?} {:?} late {}",
                    engine.name_at(change.instance),
                    change.from.name(),
                    change.to.name(),
                    change.cause.text(),
                    change.peer,
                    change.advert_age,
                    change.lateness
                ));
            } else {
                turned.lines.push(format!("n{id} {event:?}"));
            }
        }
        if engine.events_lost() > 0 {
            return Err(broken(10, format!("n{id}: events lost")));
        }
        let deadline = engine.next_deadline();
        if deadline <= now && !reloaded {
            let late = now.since(deadline);
            return Err(broken(16, format!("n{id}: wants to be called {late} ago, forever")));
        }
        self.wake_at = self.real(deadline);
        Ok(())
    }

    /// All that is known of the node, on a few lines.
    pub(super) fn state(&self) -> String {
        let links = self.kernel.links.iter();
        let links: Vec<String> = links
            .map(|link| format!("{} {} {} {}", link.index, link.name, link.up, link.carrier))
            .collect();
        let addresses = self.kernel.addresses.iter();
        let addresses: Vec<String> = addresses
            .map(|known| format!("{}:{}/{} {}", known.index, known.ip, known.len, known.proto))
            .collect();
        let mut text = format!(
            "paused {} in flight {} stopping {}\n  {links:?} {addresses:?}",
            self.paused, self.in_flight, self.stopping
        );
        if let Some(engine) = &self.engine {
            for row in engine.interfaces() {
                text +=
                    &format!("\n  {:?} {} {} {:?}", row.index, row.up, row.running, row.sources);
            }
            for row in engine.addresses() {
                text += &format!("\n  {row:?}");
            }
            for router in engine.routers() {
                text += &format!(
                    "\n  {:?} {:?} {:?} {:?}",
                    router.fsm, router.fault, router.source, router.counters
                );
            }
        }
        text
    }

    /// The interface numbers that a removed link had: the daemon's journal forgets them.
    pub(super) fn forget_index(&mut self, index: u32) {
        self.journal.retain(|owned| owned.interface.get() != index);
    }

    /// I7: the kernel has what it should, once nothing is on its way.
    pub(super) fn judge_kernel(&self, real: u64) -> Result<(), Violation> {
        let is_settled = self.is_running()
            && self.in_flight == 0
            && self.inbox.is_empty()
            && self.orders.is_empty()
            && !self.overrun
            && self.trouble_until < real;
        let Some(engine) = self.engine.as_ref().filter(|_| is_settled) else { return Ok(()) };
        if engine.listen_at().is_some() && !self.stopping {
            // Nothing is owned before the start; what is left was removed at boot.
            return Ok(());
        }
        for address in self.kernel.addresses.iter().filter(|address| address.proto == 112) {
            let link = self.kernel.links.iter().find(|link| link.index == address.index);
            let wanted = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active()
                    && shadow.plan.vips.iter().any(|vip| {
                        (vip.0, vip.1) == (address.ip, address.len)
                            && link.is_some_and(|link| link.name == NAMES[vip.2])
                    })
            });
            if !wanted {
                let text = format!("n{}: {} is kept by nobody's master", self.id, address.ip);
                return Err(broken(7, text));
            }
        }
        for (shadow, router) in self.shadows.iter().zip(engine.routers()) {
            if router.fsm.name() != StateName::Master || !shadow.may_claim() {
                continue;
            }
            for (ip, len, segment) in &shadow.plan.vips {
                let Some(link) = self.kernel.link(NAMES[*segment]) else { continue };
                let has = self
                    .kernel
                    .addresses
                    .iter()
                    .any(|known| (known.index, known.ip, known.len) == (link.index, *ip, *len));
                let refused =
                    engine.addresses().iter().any(|row| row.ip == *ip && row.refused.is_some());
                if !has && !refused {
                    let text = format!("n{} {}: {ip} is missing", self.id, shadow.plan.vrid);
                    return Err(broken(7, text));
                }
            }
        }
        Ok(())
    }
}
