//! An engine with a kernel that answers well or badly, and neighbours that say anything.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringward::addr::{Family, IfIndex, Name, Priority};
use ringward::config::model::Authentication;
use ringward::engine::{Engine, Owned, RequestKind, Via};
use ringward::limits::DATAGRAM_LEN_MAX;
use ringward::time::{Instant, Span};
use ringward::trace::StateName;
use ringward::wire::rtnl::{Builder, ifinfomsg};
use ringward::wire::vrrp::Seal;
use ringward::wire::{ipv6, vrrp};

use crate::configuration::{INTERFACES, Router, fill, own_address, peer, routers};
use crate::noise::Noise;

// linux/rtnetlink.h, linux/netlink.h.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;

/// An address of the kernel: interface, address, prefix length.
pub(crate) type Held = (IfIndex, IpAddr, u8);

pub(crate) fn key(owned: Owned) -> Held {
    (owned.interface, owned.ip, owned.prefix_len)
}

pub(crate) struct Bench {
    pub(crate) engine: Box<Engine>,
    pub(crate) now: Instant,
    pub(crate) routers: Vec<Router>,
    /// Regular adverts of masters that were sent.
    pub(crate) adverts: u64,
    /// The priority 0 among the adverts that the last drain took: interface, family, VRID.
    pub(crate) resignations: Vec<(IfIndex, Family, u8)>,
    /// What was asked for since this was last emptied.
    pub(crate) requests: Vec<RequestKind>,
    /// The virtual addresses that the kernel has.
    pub(crate) kernel: BTreeSet<Held>,
    pub(crate) noise: Noise,
    seed: u64,
    /// Slots of the interfaces that are down.
    down: BTreeSet<usize>,
    /// Requests without an answer.
    asked: Vec<(u32, RequestKind)>,
    /// When the last advert of each router left that has been master ever since.
    sent_at: BTreeMap<String, Instant>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench {
            engine: Box::new(Engine::new()),
            now: Instant::ZERO,
            routers: Vec::new(),
            adverts: 0,
            resignations: Vec::new(),
            requests: Vec::new(),
            kernel: BTreeSet::new(),
            noise: Noise(0),
            seed: 0,
            down: BTreeSet::new(),
            asked: Vec::new(),
            sent_at: BTreeMap::new(),
        }
    }

    /// A new engine with a configuration drawn from `seed`, on interfaces that are there.
    pub(crate) fn begin(&mut self, seed: u64, limit: usize) {
        *self.engine = Engine::new();
        (self.seed, self.noise) = (seed, Noise(seed));
        self.now = Instant::from_nanos(1_000_000_000_000);
        self.asked.clear();
        self.requests.clear();
        self.kernel.clear();
        self.down.clear();
        self.sent_at.clear();
        self.adverts = 0;
        self.routers = routers(&mut self.noise, limit);
        fill(self.engine.stage().unwrap(), &self.routers);
        self.engine.configure(self.now);
        self.tables(0);
        self.engine.start(self.now);
        self.turn();
    }

    pub(crate) fn reload(&mut self, routers: &[Router]) {
        // A new interval counts from now on.
        for old in &self.engine.config().instances {
            let new = routers.iter().find(|new| new.name() == old.name.as_str());
            if new.is_some_and(|new| new.instance.interval != old.interval) {
                self.sent_at.entry(old.name.to_string()).and_modify(|at| *at = self.now);
            }
        }
        fill(self.engine.stage().unwrap(), routers);
        self.engine.reload(self.now);
    }

    /// What a reload must not change, by name.
    pub(crate) fn state(&self) -> BTreeMap<String, String> {
        let engine = &self.engine;
        let routers = engine.routers().iter().zip(&engine.config().instances);
        let routers = routers.map(|(router, row)| (row.name.to_string(), format!("{router:?}")));
        let addresses = engine.addresses().iter();
        let addresses = addresses.map(|row| (row.ip.to_string(), format!("{:?}", row.presence)));
        routers.chain(addresses).collect()
    }

    /// The names of the masters.
    pub(crate) fn masters(&self) -> BTreeSet<Name> {
        let engine = &self.engine;
        let routers = engine.routers().iter().zip(&engine.config().instances);
        let masters = routers.filter(|(router, _)| router.fsm.name() == StateName::Master);
        masters.map(|(_, row)| row.name.clone()).collect()
    }

    /// The virtual addresses that the kernel should have: those of masters.
    pub(crate) fn wanted(&self) -> BTreeSet<Held> {
        let masters = self.masters();
        let of_masters = self.routers.iter().filter(|row| masters.contains(&row.instance.name));
        let addresses = of_masters.flat_map(|row| &row.addresses);
        addresses.map(|row| (number(row.interface.into()), row.ip, row.prefix_len)).collect()
    }

    /// Something happens; time never passes the next deadline.
    pub(crate) fn happens(&mut self) {
        match self.noise.below(8) {
            0..3 => {
                let due = self.engine.next_deadline().min(self.now + Span::from_secs(3_600));
                self.now = due.max(self.now);
            }
            3 => {
                let some = Span::from_micros(self.noise.next() % 3_000_000);
                self.now = (self.now + some).min(self.engine.next_deadline()).max(self.now);
            }
            // EPERM, EEXIST; the kernel does as it was told otherwise.
            4 | 5 => {
                let errno = [0, 0, 0, 0, 1, 17][self.noise.below(6)];
                self.answer(errno);
            }
            6 => self.advert(),
            _ => {
                let slot = self.noise.below(self.engine.config().interfaces.len());
                if self.noise.below(3) > 0 {
                    self.down.remove(&slot);
                } else {
                    self.down.insert(slot);
                }
                self.link(0, slot);
            }
        }
    }

    /// The kernel does at once whatever it is asked, until it is asked for nothing more.
    pub(crate) fn settle(&mut self) {
        let mut answers = 0;
        while !self.asked.is_empty() {
            answers += 1;
            assert!(answers < 1_000, "seed {}: asked without end for {:?}", self.seed, self.asked);
            self.answer(0);
            self.turn();
        }
    }

    /// The end of a turn.
    pub(crate) fn turn(&mut self) {
        self.engine.expire(self.now);
        self.drain();
        let due = self.engine.next_deadline();
        assert!(due > self.now, "seed {}: {due:?} is over at {:?}", self.seed, self.now);
        let engine = &self.engine;
        for (router, row) in engine.routers().iter().zip(&engine.config().instances) {
            if router.fsm.name() != StateName::Master {
                self.sent_at.remove(row.name.as_str());
            }
        }
    }

    /// Takes everything that is to leave; answers how many packets that were.
    pub(crate) fn drain(&mut self) -> u64 {
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let mut packets = 0;
        self.resignations.clear();
        while let Some(packet) = self.engine.next_transmit(self.now, &mut buffer) {
            packets += 1;
            assert!(packets < 2_000, "seed {}: packets without end", self.seed);
            if let Via::Raw { destination } = packet.via {
                let family = Family::of(destination);
                // IP header, and an Authentication Header (protocol 51) of 24 octets.
                let pdu = match (family, buffer[9]) {
                    (Family::V4, 51) => &buffer[44..],
                    (Family::V4, _) => &buffer[20..],
                    (Family::V6, _) => &buffer[40..],
                };
                if pdu[2] == 0 {
                    self.resignations.push((packet.interface, family, pdu[1]));
                }
            }
            if let Via::Raw { .. } = packet.via
                && let Some(instance) = packet.advert_of
            {
                self.adverts += 1;
                let interval = self.engine.config().instances[usize::from(instance)].interval;
                let name = self.engine.name_at(instance).to_owned();
                let sent_at = self.sent_at.insert(name, self.now).unwrap_or(self.now);
                let age = self.now.since(sent_at);
                assert!(age <= interval, "seed {}: {age} after the last advert", self.seed);
            }
        }
        while let Some(request) = self.engine.next_request(self.now, &mut buffer) {
            let sequence = u32::from_ne_bytes(buffer[8..12].try_into().unwrap());
            self.asked.push((sequence, request.kind));
            self.requests.push(request.kind);
            assert!(self.asked.len() < 2_000, "seed {}: requests without end", self.seed);
        }
        while self.engine.next_event().is_some() {}
        while self.engine.next_released().is_some() {}
        packets
    }

    /// The kernel answers the oldest request.
    fn answer(&mut self, errno: i32) {
        if self.asked.is_empty() {
            return;
        }
        let (sequence, kind) = self.asked.remove(0);
        let answer = if kind == RequestKind::Dump { NLMSG_DONE } else { NLMSG_ERROR };
        if kind == RequestKind::Dump && errno == 0 {
            self.tables(sequence);
        }
        let mut message = [0; 36];
        message[..4].copy_from_slice(&36_u32.to_ne_bytes());
        message[4..6].copy_from_slice(&answer.to_ne_bytes());
        message[8..12].copy_from_slice(&sequence.to_ne_bytes());
        message[16..20].copy_from_slice(&i32::to_ne_bytes(-errno));
        self.engine.observe(self.now, &message);
        match kind {
            RequestKind::Add(owned) if errno == 0 => {
                self.kernel.insert(key(owned));
                self.address(sequence, true, key(owned), 112);
            }
            RequestKind::Remove(owned) if errno == 0 => {
                self.kernel.remove(&key(owned));
                self.address(sequence, false, key(owned), 112);
            }
            RequestKind::Add(_) | RequestKind::Remove(_) | RequestKind::Dump => {}
        }
    }

    /// What the kernel has of links and addresses.
    fn tables(&mut self, sequence: u32) {
        for slot in 0..INTERFACES.len() {
            self.link(sequence, slot);
            self.address(sequence, true, (number(slot), own_address(Family::V4), 24), 0);
            self.address(sequence, true, (number(slot), own_address(Family::V6), 64), 0);
        }
        for address in self.kernel.clone() {
            self.address(sequence, true, address, 112);
        }
    }

    /// A neighbour says something about a router of ours.
    fn advert(&mut self) {
        if self.routers.is_empty() {
            return;
        }
        let row = &self.routers[self.noise.below(self.routers.len())].instance;
        let own = row.priority.0;
        let priorities = [0, 1, own, own.saturating_sub(1).max(1), own.saturating_add(1), 255];
        let is_unicast = self.noise.below(2) == 0;
        let group = match row.family {
            Family::V4 => IpAddr::V4(vrrp::GROUP_V4),
            Family::V6 => IpAddr::V6(vrrp::GROUP_V6),
        };
        let outgoing = vrrp::Outgoing {
            version: row.version,
            vrid: row.vrid,
            priority: Priority(priorities[self.noise.below(6)]),
            interval: row.interval,
            source: peer(row.family, [1, 2, 200][self.noise.below(3)]),
            destination: if is_unicast { own_address(row.family) } else { group },
            addresses: [peer(row.family, 250)].into_iter(),
            seal: match row.authentication {
                Authentication::Password(password) => Seal::Password(password),
                // Above all before it: more than one a millisecond is not said.
                Authentication::Header(key) => Seal::Header {
                    key,
                    sequence: u32::try_from(self.now.as_nanos() / 1_000_000).unwrap(),
                },
                Authentication::None => Seal::None,
            },
            identification: 1,
        };
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let len = vrrp::emit(&outgoing, &mut buffer).unwrap();
        let port = number(usize::from(row.interface));
        if row.family == Family::V4 {
            self.engine.ingest_ipv4(self.now, port, &buffer[..len]);
        } else {
            let packet = ipv6::Packet::parse(&buffer[..len]).unwrap();
            let addresses = (packet.source, packet.destination);
            self.engine.ingest_ipv6(self.now, port, addresses, 255, packet.payload);
        }
    }

    fn link(&mut self, sequence: u32, slot: usize) {
        let mut buffer = [0; 256];
        // IFF_UP, IFF_RUNNING and IFF_LOWER_UP (linux/if.h).
        let flags = if self.down.contains(&slot) { 0 } else { 0x1_0041 };
        let len = Builder::new(&mut buffer, RTM_NEWLINK, 0, sequence)
            .body(&ifinfomsg(Some(number(slot)), flags, 0))
            .text(3, INTERFACES[slot])
            .attribute(1, &[2, 0, 0, 0, 0, 5])
            .number(4, 1500)
            .finish()
            .unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }

    fn address(&mut self, sequence: u32, is_there: bool, address: Held, proto: u8) {
        let (index, ip, len) = address;
        let mut buffer = [0; 128];
        // AF_INET, AF_INET6.
        let (family, octets) = match ip {
            IpAddr::V4(ip) => (2, ip.octets().to_vec()),
            IpAddr::V6(ip) => (10, ip.octets().to_vec()),
        };
        let mut body = [family, len, 0, 0, 0, 0, 0, 0];
        body[4..].copy_from_slice(&index.get().to_ne_bytes());
        let kind = if is_there { RTM_NEWADDR } else { RTM_DELADDR };
        let mut builder = Builder::new(&mut buffer, kind, 0, sequence);
        builder.body(&body).attribute(1, &octets);
        if family == 2 {
            builder.attribute(2, &octets);
        }
        let len = builder.attribute(11, &[proto]).finish().unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }
}

/// The kernel's number of a configured interface.
pub(crate) fn number(slot: usize) -> IfIndex {
    IfIndex::new(u32::try_from(slot).unwrap() + 2).unwrap()
}
