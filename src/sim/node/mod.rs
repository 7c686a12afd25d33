//! A router: the engine, its kernel, its clock, and what its daemon does around it.
//!
//! | file | what |
//! |---|---|
//! | `boot` | how a process begins, and how it dies |
//! | `input` `output` | what a turn takes in and gives out, judged step by step |
//! | `settled` | what the kernel must have once nothing is on its way |
//! | `tracking` | what scripts have said, and what of it counts |
//! | `told` | who is told of what, and in which order |

mod boot;
mod input;
mod output;
mod settled;
mod told;
mod tracking;

use core::net::IpAddr;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::decode;
use super::helper::Helper;
use super::invariant::Violation;
use super::judge::Shadow;
use super::kernel::{Address, Asked, Kernel, Link};
use super::options::Options;
use super::plan::{NAMES, NodePlan, mac, own_v4};
use crate::engine::{Engine, Heartbeat, Owned};
use crate::time::Instant;

/// Packets that a socket holds while nobody reads it.
const PACKET_COUNT_MAX: usize = 256;
/// News that the listening netlink socket holds.
const NEWS_COUNT_MAX: usize = 64;

/// What waits for the process in its sockets.
#[derive(Debug)]
pub(super) enum Inbound {
    Packet(usize, Vec<u8>),
    Netlink(Vec<u8>),
    /// Netlink that says nothing.
    Nonsense(Vec<u8>),
}

/// What a netlink datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    News,
    Answer,
    /// Malformed, or about nothing that the process knows.
    Nonsense,
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
    /// There may be more to ask of the helper.
    pub(super) asks_again: bool,
    /// Instances that a reload of this turn removes: whatever they become before that comes first.
    pub(super) removed: Vec<u8>,
}

pub(super) struct Node {
    pub(super) id: usize,
    pub(super) plan: Rc<NodePlan>,
    pub(super) engine: Option<Box<Engine>>,
    /// Counts the processes: what was meant for an earlier one is lost.
    pub(super) boot: u32,
    pub(super) kernel: Kernel,
    drift: i64,
    leases: bool,
    pub(super) paused: bool,
    pub(super) paused_at: u64,
    pub(super) inbox: VecDeque<Inbound>,
    pub(super) overrun: bool,
    pub(super) orders: Vec<Order>,
    pub(super) journal: Vec<Owned>,
    beats: Vec<Heartbeat>,
    pub(super) shadows: Vec<Shadow>,
    /// Requests and answers on their way.
    pub(super) in_flight: usize,
    /// Until then (real time) the kernel's tables may differ: a fault was injected.
    pub(super) trouble_until: u64,
    /// Until then it may wait for an answer that was lost, and judge nothing by half a table.
    pub(super) waits_until: u64,
    /// Answers that were lost since the last one that was not.
    pub(super) lost_in_row: u32,
    /// Requests by sequence number.
    asked: BTreeMap<u32, Asked>,
    /// Sockets that the kernel refuses, by segment.
    pub(super) refused_ports: [bool; 2],
    pub(super) stopping: bool,
    pub(super) wake_at: u64,
    /// How many allocations this thread has made, if somebody counts.
    pub(super) allocations: Option<fn() -> u64>,
    /// How many of them were the engine's.
    allocated: u64,
    /// Events that the engine's ring had no room for.
    events_lost: u64,
    pub(super) helper: Helper,
    /// What the helper has said, until the process reads it.
    pub(super) answers: VecDeque<Vec<u8>>,
    tracked: tracking::Tracked,
    /// A priority has changed in this turn.
    retuned: bool,
    /// When the process has woken, and how long it had slept.
    pub(super) sleeps: Vec<(Instant, u64)>,
}

impl Node {
    pub(super) fn new(
        plan: NodePlan,
        drift: i64,
        Options { segments, leases, netlink, sources, .. }: &Options,
    ) -> Self {
        let id = plan.node;
        let keeps_proto = netlink.keeps_proto;
        let mut kernel = Kernel { links: Vec::new(), addresses: Vec::new(), keeps_proto };
        for (segment, name) in NAMES.into_iter().enumerate().take((*segments).max(1)) {
            let link = Node::link(id, segment, name, u32::try_from(segment + 2).unwrap_or(2));
            let index = link.index;
            kernel.add_link(link, own_v4(id, segment));
            for number in 0..*sources {
                // 160 to 183, in subnets of their own: none is a secondary.
                let ip = own_v4(159 + id * 6 + number, segment);
                let other = Address { index, ip, len: 32, proto: 0, secondary: false, until: None };
                kernel.add(other, 0);
            }
        }
        let helper = Helper::new(plan.tracking.scripts.iter().map(|script| script.good).collect());
        Node {
            id,
            plan: Rc::new(plan),
            engine: None,
            boot: 0,
            kernel,
            drift,
            leases: *leases,
            paused: false,
            paused_at: 0,
            inbox: VecDeque::new(),
            overrun: false,
            orders: Vec::new(),
            journal: Vec::new(),
            beats: Vec::new(),
            shadows: Vec::new(),
            in_flight: 0,
            trouble_until: 0,
            waits_until: 0,
            lost_in_row: 0,
            asked: BTreeMap::new(),
            refused_ports: [false; 2],
            stopping: false,
            wake_at: u64::MAX,
            allocations: None,
            allocated: 0,
            events_lost: 0,
            answers: VecDeque::from([helper.ready()]),
            helper,
            tracked: tracking::Tracked::default(),
            retuned: false,
            sleeps: Vec::new(),
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
    pub(super) fn hear(&mut self, datagram: Vec<u8>, from: Told) {
        let waits = self.inbox.iter().filter(|item| !matches!(item, Inbound::Packet(..))).count();
        match from {
            Told::News if waits >= NEWS_COUNT_MAX => self.overrun = true,
            Told::News | Told::Answer => self.inbox.push_back(Inbound::Netlink(datagram)),
            Told::Nonsense => self.inbox.push_back(Inbound::Nonsense(datagram)),
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
            self.call(|engine| engine.observe_overrun(now));
        }
        for item in core::mem::take(&mut self.inbox) {
            match item {
                Inbound::Packet(segment, packet) => self.ingest(now, segment, &packet)?,
                Inbound::Netlink(datagram) => self.observe(now, &datagram, &mut installed)?,
                Inbound::Nonsense(datagram) => self.observe_nonsense(now, &datagram)?,
            }
        }
        self.retuned = false;
        self.hear_helper(now)?;
        let plan_before = self.plan.clone();
        let reloaded = self.obey(now, &mut turned)?;
        self.expire(now)?;
        // A reload gives instances other numbers.
        let mut events = self.hear_events(&mut turned);
        for vrid in core::mem::take(&mut turned.removed) {
            self.post_removed(vrid);
        }
        let kept = self.engine.as_ref().filter(|_| reloaded);
        let kept = kept.map(|engine| engine.routers().to_vec()).unwrap_or_default();
        self.transmit(now, &plan_before, &mut turned)?;
        if reloaded {
            self.retune_tracking(now);
            self.follow_reload(&plan_before, &kept)?;
        }
        self.judge_announcements(&installed, &plan_before, &turned)?;
        self.request(now, &mut turned)?;
        events += self.hear_events(&mut turned);
        self.ask_helper(now, &mut turned)?;
        self.end(now, reloaded || self.retuned, events)?;
        Ok(turned)
    }

    /// Calls the engine. What it allocates is counted, if somebody counts.
    fn call<T>(&mut self, with: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        let engine = self.engine.as_deref_mut()?;
        let Some(count) = self.allocations else { return Some(with(engine)) };
        let before = count();
        let result = with(engine);
        self.allocated += count() - before;
        Some(result)
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
}
