//! What is configured on the routers of one run, and how it becomes a [`Config`].

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::Random;
use super::reference::Rules;
use super::tracked::Tracking;
use crate::addr::{Family, Priority, Version, Vrid};
use crate::config::model::{Address, Announce, Authentication, Config, Group, Instance, Span16};
use crate::time::Span;

/// Nanoseconds in a millisecond.
pub(super) const MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub(super) const S: u64 = 1_000_000_000;

/// Names of the interfaces, by segment.
pub(super) const NAMES: [&str; 2] = ["eth0", "eth1"];

/// The name of the sync group.
pub(super) const GROUP: &str = "group";

/// A virtual router, as all nodes have it in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouterPlan {
    pub(super) segment: usize,
    pub(super) is_v6: bool,
    pub(super) version: u8,
    pub(super) vrid: u8,
    pub(super) interval: u64,
    /// Address, prefix length, segment of the interface that carries it.
    pub(super) vips: Vec<(IpAddr, u8, usize)>,
    /// How many of them adverts carry.
    pub(super) advertised: usize,
    pub(super) unicast: bool,
    pub(super) password: Option<[u8; 8]>,
}

/// What a node has of its own for a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) priority: u8,
    pub(super) preempt: bool,
    pub(super) delay: u64,
    /// Whether it is in the node's sync group.
    pub(super) grouped: bool,
}

/// What is configured on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodePlan {
    pub(super) node: usize,
    /// How many nodes there are.
    pub(super) nodes: usize,
    pub(super) routers: Vec<(RouterPlan, Seat)>,
    pub(super) garp_interval: u64,
    pub(super) startup_delay: u64,
    pub(super) tracking: Tracking,
}

/// A node's own address of a segment.
pub(super) fn own_v4(node: usize, segment: usize) -> IpAddr {
    let octet = |number: usize| u8::try_from(number).unwrap_or(0);
    IpAddr::V4(Ipv4Addr::new(10, 0, octet(segment), octet(node + 1)))
}

/// The Ethernet address of a node's port.
pub(super) fn mac(node: usize, segment: usize) -> [u8; 6] {
    let octet = |number: usize| u8::try_from(number).unwrap_or(0);
    [2, 0, 0, 0, octet(segment), octet(node + 1)]
}

/// The link-local address that follows from [`mac`] (RFC 4291, appendix A).
pub(super) fn own_v6(node: usize, segment: usize) -> IpAddr {
    let last = u16::try_from((segment << 8) | (node + 1)).unwrap_or(0);
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, last))
}

impl RouterPlan {
    /// The numbers for the reference, on the node with this seat.
    pub(super) fn rules(&self, seat: Seat) -> Rules {
        Rules {
            version: self.version,
            priority: seat.priority,
            interval: self.interval,
            preempt: seat.preempt,
            delay: seat.delay,
            grouped: seat.grouped,
        }
    }

    /// Whether `other` is the same virtual router.
    pub(super) fn is(&self, other: &RouterPlan) -> bool {
        (self.segment, self.is_v6, self.vrid) == (other.segment, other.is_v6, other.vrid)
    }

    /// Whether a reload keeps the running instance.
    pub(super) fn survives_as(&self, other: &RouterPlan) -> bool {
        self.is(other) && (self.version, self.unicast) == (other.version, other.unicast)
    }

    pub(super) fn own(&self, node: usize) -> IpAddr {
        if self.is_v6 { own_v6(node, self.segment) } else { own_v4(node, self.segment) }
    }

    /// Draws one; `number` tells it from the others.
    pub(super) fn draw(random: &mut Random, number: usize, segments: usize) -> Self {
        let segment = random.index(segments);
        let is_v6 = random.below(4) == 0;
        let version = if !is_v6 && random.below(3) == 0 { 2 } else { 3 };
        let interval = if version == 2 {
            random.pick(&[1, 1, 2]) * S
        } else {
            random.pick(&[10, 100, 200, 500, 1_000, 1_000, 1_000, 3_000]) * MS
        };
        let unicast = random.below(5) == 0;
        let count = random.index(3) + 1;
        let elsewhere = random.below(4) == 0;
        let octet = |number: usize| u8::try_from(number).unwrap_or(0);
        let vips = (0..count).map(|k| {
            let on = if elsewhere && k > 0 { random.index(segments) } else { segment };
            let host = octet(100 + number * 8 + k);
            if is_v6 {
                let ip = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host));
                (IpAddr::V6(ip), 128, on)
            } else {
                let len = random.pick(&[32, 32, 24]);
                (IpAddr::V4(Ipv4Addr::new(10, 0, octet(on), host)), len, on)
            }
        });
        let vips: Vec<(IpAddr, u8, usize)> = vips.collect();
        let advertised = random.index(count) + 1;
        let password = (version == 2 && random.coin()).then_some(*b"secret\0\0");
        let vrid = octet(51 + number);
        RouterPlan { segment, is_v6, version, vrid, interval, vips, advertised, unicast, password }
    }
}

impl Seat {
    pub(super) fn draw(random: &mut Random, all_preempt: bool) -> Self {
        let priority = match random.below(12) {
            0 => 255,
            1 => 254,
            2 => 1,
            3..=5 => 100,
            _ => u8::try_from(random.between(1, 254)).unwrap_or(100),
        };
        let preempt = priority == 255 || all_preempt || random.coin();
        let waits = preempt && priority != 255 && random.below(5) == 0;
        let delay = if waits { random.between(1, 10) * S } else { 0 };
        Seat { priority, preempt, delay, grouped: false }
    }
}

impl NodePlan {
    /// Fills a configuration as the compiler would.
    pub(super) fn fill(&self, config: &mut Config) {
        config.global.garp_interval = Span::from_nanos(self.garp_interval);
        config.global.gna_interval = Span::from_nanos(self.garp_interval);
        config.global.startup_delay = Span::from_nanos(self.startup_delay);
        for name in NAMES {
            let _ = config.interfaces.push(name.try_into().unwrap_or_default());
        }
        self.tracking.fill(config);
        if self.routers.iter().any(|(_, seat)| seat.grouped) {
            let name = GROUP.try_into().unwrap_or_default();
            let notify = self.tracking.notify(config, GROUP);
            let _ = config.groups.push(Group { name, notify });
        }
        let small = |number: usize| u16::try_from(number).unwrap_or(0);
        let slot = |segment: usize| u8::try_from(segment).unwrap_or(0);
        for (plan, seat) in &self.routers {
            let addresses =
                Span16 { start: small(config.addresses.len()), len: small(plan.vips.len()) };
            for (ip, prefix_len, on) in &plan.vips {
                let _ = config.addresses.push(Address {
                    ip: *ip,
                    prefix_len: *prefix_len,
                    interface: slot(*on),
                    label: Default::default(),
                });
            }
            let start = small(config.peers.len());
            if plan.unicast {
                for other in (0..self.nodes).filter(|other| *other != self.node) {
                    let _ = config.peers.push(plan.own(other));
                }
            }
            let peers = Span16 { start, len: small(config.peers.len()) - start };
            let mut instance = self.instance(plan, *seat, addresses, peers);
            instance.trackers = self.tracking.fill_trackers(config, plan.vrid);
            instance.notify = self.tracking.notify(config, &instance.name);
            let _ = config.instances.push(instance);
        }
    }

    fn instance(
        &self,
        plan: &RouterPlan,
        seat: Seat,
        addresses: Span16,
        peers: Span16,
    ) -> Instance {
        let mut name = crate::addr::Name::new();
        let _ = core::fmt::write(&mut name, format_args!("V{}", plan.vrid));
        Instance {
            name,
            interface: u8::try_from(plan.segment).unwrap_or(0),
            family: if plan.is_v6 { Family::V6 } else { Family::V4 },
            version: if plan.version == 2 { Version::V2 } else { Version::V3 },
            vrid: Vrid::new(plan.vrid).unwrap_or(Vrid::new(1).expect("1 is a VRID")),
            priority: Priority(seat.priority),
            wants_master: false,
            interval: Span::from_nanos(plan.interval),
            preempt: seat.preempt,
            preempt_delay: Span::from_nanos(seat.delay),
            source: None,
            authentication: plan.password.map_or(Authentication::None, Authentication::Password),
            announce: Announce {
                delay: Span::from_secs(5),
                repeat: 2,
                refresh: Span::ZERO,
                refresh_repeat: 1,
                lower_delay: Span::from_secs(5),
                lower_repeat: 2,
                extra_interface: Span::ZERO,
            },
            track_primary: true,
            addresses,
            advertised: u8::try_from(plan.advertised).unwrap_or(1),
            peers,
            trackers: Span16::default(),
            group: seat.grouped.then_some(0),
            notify: Default::default(),
        }
    }

    /// Another configuration of the same node, as an operator would reload it.
    pub(super) fn vary(&mut self, random: &mut Random, whole: &NodePlan) {
        match random.below(6) {
            0 => {}
            1 => *self = whole.clone(),
            // Who lacks one of the group on this node cannot be master of it on any.
            2 if self.routers.iter().any(|(_, seat)| seat.grouped) => {}
            2 if self.routers.len() > 1 => {
                let at = random.index(self.routers.len());
                self.routers.remove(at);
            }
            3 => self.routers.reverse(),
            4 => {
                let at = random.index(self.routers.len());
                let plan = &mut self.routers[at].0;
                if plan.vips.len() > plan.advertised {
                    plan.vips.pop();
                } else if plan.version == 3 {
                    plan.interval = random.pick(&[100, 500, 1_000]) * MS;
                }
            }
            _ => {
                let at = random.index(self.routers.len());
                let drawn = self.routers[at].1;
                if drawn.priority == 255 {
                    return;
                }
                let priority = u8::try_from(random.between(1, 254)).unwrap_or(100);
                self.routers[at].1.priority = priority;
                // The members of a group stay in one order on all nodes, or no node is the best.
                let others = self.routers.iter_mut().filter(|_| drawn.grouped);
                for (_, seat) in others.filter(|(_, seat)| seat.grouped) {
                    seat.priority = priority;
                }
            }
        }
    }
}
