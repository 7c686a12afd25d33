//! An engine with a kernel that answers well or badly, and neighbours that say anything.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringward::addr::{Family, IfIndex, Priority};
use ringward::engine::{Engine, RequestKind, Via};
use ringward::limits::DATAGRAM_LEN_MAX;
use ringward::time::{Instant, Span};
use ringward::trace::StateName;
use ringward::wire::rtnl::{Builder, ifinfomsg};
use ringward::wire::{ipv6, vrrp};

use crate::configuration::{Router, fill, own_address, peer, routers};
use crate::noise::Noise;

// linux/rtnetlink.h, linux/netlink.h.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;

pub(crate) struct Bench {
    pub(crate) engine: Box<Engine>,
    pub(crate) now: Instant,
    pub(crate) routers: Vec<Router>,
    /// Regular adverts of masters that were sent.
    pub(crate) adverts: u64,
    noise: Noise,
    seed: u64,
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
            noise: Noise(0),
            seed: 0,
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
        self.sent_at.clear();
        self.adverts = 0;
        self.routers = routers(&mut self.noise, limit);
        fill(self.engine.stage().unwrap(), &self.routers);
        self.engine.configure(self.now);
        for slot in 0..self.engine.config().interfaces.len() {
            self.link(slot, true);
            self.address(true, number(slot), own_address(Family::V4), 24, 0);
            self.address(true, number(slot), own_address(Family::V6), 64, 0);
        }
        self.engine.start(self.now);
        self.turn();
    }

    pub(crate) fn reload(&mut self, routers: &[Router]) {
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
            4 | 5 => self.answer(),
            6 => self.advert(),
            _ => {
                let slot = self.noise.below(self.engine.config().interfaces.len());
                let is_up = self.noise.below(3) > 0;
                self.link(slot, is_up);
            }
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
        while let Some(packet) = self.engine.next_transmit(self.now, &mut buffer) {
            packets += 1;
            assert!(packets < 2_000, "seed {}: packets without end", self.seed);
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
            assert!(self.asked.len() < 2_000, "seed {}: requests without end", self.seed);
        }
        while self.engine.next_event().is_some() {}
        while self.engine.next_released().is_some() {}
        packets
    }

    /// The kernel answers a request, mostly well.
    fn answer(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let (sequence, kind) = self.asked.remove(0);
        // EPERM, EEXIST; the kernel does as it was told otherwise.
        let errno = [0, 0, 0, 0, 1, 17][self.noise.below(6)];
        let answer = if kind == RequestKind::Dump { NLMSG_DONE } else { NLMSG_ERROR };
        if kind == RequestKind::Dump && errno == 0 {
            for slot in 0..self.engine.config().interfaces.len() {
                self.link(slot, true);
                self.address(true, number(slot), own_address(Family::V4), 24, 0);
                self.address(true, number(slot), own_address(Family::V6), 64, 0);
            }
        }
        let mut message = [0; 36];
        message[..4].copy_from_slice(&36_u32.to_ne_bytes());
        message[4..6].copy_from_slice(&answer.to_ne_bytes());
        message[8..12].copy_from_slice(&sequence.to_ne_bytes());
        message[16..20].copy_from_slice(&i32::to_ne_bytes(-errno));
        self.engine.observe(self.now, &message);
        match kind {
            RequestKind::Add(owned) if errno == 0 => {
                self.address(true, owned.interface, owned.ip, owned.prefix_len, 112);
            }
            RequestKind::Remove(owned) if errno == 0 => {
                self.address(false, owned.interface, owned.ip, owned.prefix_len, 112);
            }
            RequestKind::Add(_) | RequestKind::Remove(_) | RequestKind::Dump => {}
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
            password: row.password,
            identification: 0,
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

    fn link(&mut self, slot: usize, is_up: bool) {
        let mut buffer = [0; 256];
        // IFF_UP, IFF_RUNNING and IFF_LOWER_UP (linux/if.h).
        let flags = if is_up { 0x1_0041 } else { 0 };
        let name = self.engine.config().interface_name(u8::try_from(slot).unwrap()).to_owned();
        let len = Builder::new(&mut buffer, RTM_NEWLINK, 0, 0)
            .body(&ifinfomsg(Some(number(slot)), flags, 0))
            .text(3, &name)
            .attribute(1, &[2, 0, 0, 0, 0, 5])
            .number(4, 1500)
            .finish()
            .unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }

    fn address(&mut self, is_there: bool, index: IfIndex, ip: IpAddr, len: u8, proto: u8) {
        let mut buffer = [0; 128];
        // AF_INET, AF_INET6.
        let (family, octets) = match ip {
            IpAddr::V4(ip) => (2, ip.octets().to_vec()),
            IpAddr::V6(ip) => (10, ip.octets().to_vec()),
        };
        let mut body = [family, len, 0, 0, 0, 0, 0, 0];
        body[4..].copy_from_slice(&index.get().to_ne_bytes());
        let kind = if is_there { RTM_NEWADDR } else { RTM_DELADDR };
        let mut builder = Builder::new(&mut buffer, kind, 0, 0);
        builder.body(&body).attribute(1, &octets);
        if family == 2 {
            builder.attribute(2, &octets);
        }
        let len = builder.attribute(11, &[proto]).finish().unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }
}

/// The kernel's number of a configured interface.
fn number(slot: usize) -> IfIndex {
    IfIndex::new(u32::try_from(slot).unwrap() + 2).unwrap()
}
