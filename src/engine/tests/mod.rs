//! The engine on a bench: a kernel that answers when it is told to, and time by hand.

mod delay;
mod fifo;
mod file;
mod found;
mod group;
mod journal;
mod kernel;
mod notify;
mod protocol;
mod reload;
mod successor;
mod tracking;

use core::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::addr::{Priority, Version};
use crate::config::model::{self, Authentication};
use crate::trace::StateName;
use crate::wire::rtnl::{Builder, ifinfomsg};

/// 10.0.0.<last>.
pub(super) fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

/// An instance of version 3 on `interface` with one address, as keepalived's defaults have it.
pub(super) fn add_instance(config: &mut Config, name: &str, vrid: u8, priority: u8, vip: IpAddr) {
    if config.interfaces.is_empty() {
        config.interfaces.push("eth0".try_into().unwrap()).unwrap();
    }
    let start = u16::try_from(config.addresses.len()).unwrap();
    config
        .addresses
        .push(model::Address { ip: vip, prefix_len: 32, interface: 0, label: Default::default() })
        .unwrap();
    config
        .instances
        .push(model::Instance {
            name: name.try_into().unwrap(),
            interface: 0,
            family: Family::V4,
            version: Version::V3,
            vrid: Vrid::new(vrid).unwrap(),
            priority: Priority(priority),
            wants_master: false,
            interval: Span::from_secs(1),
            preempt: true,
            preempt_delay: Span::ZERO,
            source: None,
            authentication: Authentication::None,
            announce: model::Announce::KEEPALIVED,
            track_primary: true,
            addresses: model::Span16 { start, len: 1 },
            advertised: 1,
            peers: model::Span16::default(),
            trackers: model::Span16::default(),
            group: None,
            notify: model::Notify::default(),
        })
        .unwrap();
}

/// What left the engine, in order.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(super) enum Left {
    /// VRRP: VRID, priority, destination.
    Advert(u8, u8, IpAddr),
    /// Gratuitous ARP for this address.
    Announce(IpAddr),
    /// RTM_NEWADDR.
    Add(IpAddr),
    /// RTM_DELADDR.
    Remove(IpAddr),
    /// A dump.
    Dump,
}

pub(super) struct Bench {
    pub(super) engine: Box<Engine>,
    pub(super) now: Instant,
    /// Netlink requests that wait for an answer: sequence number and what was asked.
    pub(super) asked: std::vec::Vec<(u32, Left)>,
}

/// Runs a test with a stack that a table of tables fits in while it is being boxed.
pub(super) fn on_bench(test: impl FnOnce(Bench) + std::marker::Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 << 20).spawn(|| {
        let now = Instant::from_nanos(1_000_000_000_000);
        test(Bench { engine: Box::new(Engine::new()), now, asked: std::vec::Vec::new() });
    });
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

impl Bench {
    /// Stages what `fill` fills.
    pub(super) fn stage(&mut self, fill: impl FnOnce(&mut Config)) {
        fill(self.engine.stage().unwrap());
    }

    /// eth0 (2) exists with 10.0.0.5/24, and everything starts.
    pub(super) fn boot(&mut self, fill: impl FnOnce(&mut Config)) {
        self.stage(fill);
        self.engine.configure(self.now);
        self.link(2, "eth0", true);
        self.address(true, 2, ip(5), 24, 0);
        self.engine.start(self.now);
    }

    /// The sequence number of what the kernel says now: that of the dump it was asked for, else
    /// that of news.
    fn sequence(&self) -> u32 {
        match self.asked.first() {
            Some((sequence, Left::Dump)) => *sequence,
            Some(_) | None => 0,
        }
    }

    pub(super) fn link(&mut self, index: u32, name: &str, up: bool) {
        let mut buffer = [0; 256];
        // IFF_UP, and IFF_RUNNING with IFF_LOWER_UP (linux/if.h).
        let flags = if up { 0x1 | 0x40 | 0x1_0000 } else { 0 };
        let len = Builder::new(&mut buffer, 16, 0, self.sequence())
            .body(&ifinfomsg(IfIndex::new(index), flags, 0))
            .text(3, name)
            .attribute(1, &[2, 0, 0, 0, 0, 5])
            .number(4, 1500)
            .finish()
            .unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }

    pub(super) fn link_gone(&mut self, index: u32) {
        let mut buffer = [0; 64];
        let body = ifinfomsg(IfIndex::new(index), 0, 0);
        let len = Builder::new(&mut buffer, 17, 0, 0).body(&body).finish().unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }

    pub(super) fn address(&mut self, present: bool, index: u32, ip: IpAddr, len: u8, proto: u8) {
        self.flagged_address(present, index, (ip, len), proto, 0);
    }

    /// With IFA_F_* (linux/if_addr.h).
    pub(super) fn flagged_address(
        &mut self,
        present: bool,
        index: u32,
        (ip, len): (IpAddr, u8),
        proto: u8,
        flags: u8,
    ) {
        let mut buffer = [0; 128];
        let IpAddr::V4(v4) = ip else { panic!("IPv4 only") };
        let mut body = [2, len, flags, 0, 0, 0, 0, 0];
        body[4..].copy_from_slice(&index.to_ne_bytes());
        let kind = if present { 20 } else { 21 };
        let mut builder = Builder::new(&mut buffer, kind, 0, self.sequence());
        builder.body(&body).attribute(2, &v4.octets()).attribute(1, &v4.octets());
        let len = builder.attribute(11, &[proto]).finish().unwrap();
        self.engine.observe(self.now, &buffer[..len]);
    }

    /// News that an address of ours is there, caused by this request from this port.
    pub(super) fn caused_news(&mut self, ip: IpAddr, port: u32, sequence: u32) {
        let mut buffer = [0; 128];
        let IpAddr::V4(v4) = ip else { panic!("IPv4 only") };
        let mut body = [2, 32, 0, 0, 0, 0, 0, 0];
        body[4..].copy_from_slice(&2u32.to_ne_bytes());
        let mut builder = Builder::new(&mut buffer, 20, 0, sequence);
        builder.body(&body).attribute(2, &v4.octets()).attribute(1, &v4.octets());
        let len = builder.attribute(11, &[ADDRESS_PROTO]).finish().unwrap();
        // nlmsg_pid (linux/netlink.h).
        buffer[12..16].copy_from_slice(&port.to_ne_bytes());
        self.engine.observe(self.now, &buffer[..len]);
    }

    /// The kernel answers the oldest request, and tells its listeners when it did what was asked.
    pub(super) fn answer(&mut self, errno: i32) {
        let (sequence, asked) = self.asked.remove(0);
        // NLMSG_DONE, NLMSG_ERROR (linux/netlink.h).
        self.reply(if asked == Left::Dump { 3 } else { 2 }, sequence, errno);
        match asked {
            Left::Add(ip) if errno == 0 => self.address(true, 2, ip, 32, ADDRESS_PROTO),
            Left::Remove(ip) if errno == 0 => self.address(false, 2, ip, 32, ADDRESS_PROTO),
            Left::Add(_) | Left::Remove(_) | Left::Advert(..) | Left::Announce(_) | Left::Dump => {}
        }
    }

    /// NLMSG_ERROR without the news that follows for everybody who listens.
    pub(super) fn acknowledge(&mut self, sequence: u32, errno: i32) {
        self.reply(2, sequence, errno);
    }

    fn reply(&mut self, kind: u16, sequence: u32, errno: i32) {
        let mut message = [0; 36];
        message[..4].copy_from_slice(&36u32.to_ne_bytes());
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[8..12].copy_from_slice(&sequence.to_ne_bytes());
        message[16..20].copy_from_slice(&(-errno).to_ne_bytes());
        self.engine.observe(self.now, &message);
    }

    pub(super) fn answer_all(&mut self) {
        while !self.asked.is_empty() {
            self.answer(0);
        }
    }

    /// Moves time, serves deadlines, and answers with everything that left.
    pub(super) fn turn(&mut self, later: Span) -> std::vec::Vec<Left> {
        self.now = self.now + later;
        self.engine.expire(self.now);
        self.drain()
    }

    pub(super) fn drain(&mut self) -> std::vec::Vec<Left> {
        let mut left = std::vec::Vec::new();
        let mut buffer = [0; 6144];
        while let Some(packet) = self.engine.next_transmit(self.now, &mut buffer) {
            left.push(match packet.via {
                // Offsets of RFC 791 and RFC 9568, IPv4 without options.
                Via::Raw { destination } => Left::Advert(buffer[21], buffer[22], destination),
                // Offset of the target's address in ARP over Ethernet (RFC 826).
                Via::Packet => {
                    let octets: [u8; 4] = buffer[38..42].try_into().unwrap();
                    Left::Announce(IpAddr::from(octets))
                }
            });
        }
        while let Some(request) = self.engine.next_request(self.now, &mut buffer) {
            let sequence = u32::from_ne_bytes(buffer[8..12].try_into().unwrap());
            let asked = match request.kind {
                RequestKind::Add(owned) => Left::Add(owned.ip),
                RequestKind::Remove(owned) => Left::Remove(owned.ip),
                RequestKind::Dump => Left::Dump,
            };
            self.asked.push((sequence, asked.clone()));
            left.push(asked);
        }
        left
    }

    /// An advert of version 3 for VRID 51 with one address, as the wire has it.
    pub(super) fn advert(&mut self, source: IpAddr, priority: u8, interval_cs: u16) {
        self.advert_of(51, (source, priority), interval_cs, ip(100));
    }

    pub(super) fn advert_of(
        &mut self,
        vrid: u8,
        (source, priority): (IpAddr, u8),
        interval_cs: u16,
        vip: IpAddr,
    ) {
        let packet = advert_of(vrid, source, priority, interval_cs, vip);
        self.engine.ingest_ipv4(self.now, IfIndex::new(2).unwrap(), &packet);
    }

    pub(super) fn state(&self, index: usize) -> StateName {
        self.engine.routers()[index].fsm.name()
    }

    pub(super) fn last_cause(&self, index: usize) -> Cause {
        self.engine.routers()[index].last.unwrap().cause
    }

    /// Waits out the master-down interval of priority 100 and installs the addresses.
    pub(super) fn become_master(&mut self) {
        self.turn(Span::from_nanos(3_609_375_000));
        self.answer_all();
        self.drain();
        assert_eq!(self.state(0), StateName::Master);
    }
}

/// An advert for VRID 51.
pub(super) fn advert(source: IpAddr, priority: u8, interval_cs: u16, vip: IpAddr) -> [u8; 32] {
    advert_of(51, source, priority, interval_cs, vip)
}

/// An IPv4 advert of version 3, built by hand (RFC 9568 §5.1, §5.2), checksum without pseudo header.
fn advert_of(vrid: u8, source: IpAddr, priority: u8, interval_cs: u16, vip: IpAddr) -> [u8; 32] {
    let (IpAddr::V4(source), IpAddr::V4(vip)) = (source, vip) else { panic!("IPv4 only") };
    let mut packet = [0; 32];
    packet[..12].copy_from_slice(&[0x45, 0xc0, 0, 32, 0, 1, 0, 0, 255, 112, 0, 0]);
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&[224, 0, 0, 18]);
    let [high, low] = interval_cs.to_be_bytes();
    packet[20..28].copy_from_slice(&[0x31, vrid, priority, 1, high, low, 0, 0]);
    packet[28..].copy_from_slice(&vip.octets());
    let sum = |octets: &[u8]| {
        let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let sum: u32 = words.sum();
        !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
    };
    let checksum = sum(&packet[20..]);
    packet[26..28].copy_from_slice(&checksum.to_be_bytes());
    packet
}
