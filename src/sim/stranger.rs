//! Foreign and hostile senders: each sends one kind of packet, written by hand.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::decode::{pseudo, sum};
use super::plan::{MS, NodePlan, RouterPlan, S};
use super::random::Random;

/// What a stranger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    OtherVersion,
    OtherInterval,
    PlainChecksum,
    BadChecksum,
    /// The configuration and the address of a node.
    Clone,
    /// The configuration of a node, from another address.
    Twin,
    /// Lower priority, as fast as it can.
    Flood,
    Resignations,
    OtherHops,
    OtherAddresses,
    OtherPassword,
    Noise,
}

const HABITS: [Habit; 12] = [
    Habit::OtherVersion,
    Habit::OtherInterval,
    Habit::PlainChecksum,
    Habit::BadChecksum,
    Habit::Clone,
    Habit::Twin,
    Habit::Flood,
    Habit::Resignations,
    Habit::OtherHops,
    Habit::OtherAddresses,
    Habit::OtherPassword,
    Habit::Noise,
];

#[derive(Clone, Debug)]
pub(super) struct Stranger {
    pub(super) habit: Habit,
    pub(super) plan: RouterPlan,
    victim: usize,
    priority: u8,
    source: IpAddr,
    pub(super) interval: u64,
    pub(super) period: u64,
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Stranger {
    pub(super) fn draw(random: &mut Random, plans: &[NodePlan], safety: u64) -> Self {
        let victim = random.index(plans.len());
        let at = random.index(plans[victim].routers.len());
        let (plan, seat) = plans[victim].routers[at].clone();
        let habit = random.pick(&HABITS);
        Stranger::new(random, habit, plan, (victim, seat.priority), safety)
    }

    pub(super) fn new(
        random: &mut Random,
        habit: Habit,
        plan: RouterPlan,
        (victim, priority): (usize, u8),
        safety: u64,
    ) -> Self {
        let last = 200 + u8::try_from(random.below(50)).unwrap_or(0);
        let segment = u8::try_from(plan.segment).unwrap_or(0);
        let source = match (habit, plan.is_v6) {
            (Habit::Clone, _) => plan.own(victim),
            (_, true) => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(last))),
            (_, false) => IpAddr::V4(Ipv4Addr::new(10, 0, segment, last)),
        };
        let priority = match habit {
            Habit::Clone | Habit::Twin => priority,
            Habit::Flood => priority.saturating_sub(1).max(1),
            Habit::Resignations => 0,
            _ => random.pick(&[1, 100, 150, 254, 255]),
        };
        let interval = match habit {
            Habit::OtherInterval if plan.version == 2 => random.between(1, 5) * S,
            Habit::OtherInterval => random.pick(&[10, 50, 700, 2_000, 5_000]) * MS,
            _ => plan.interval,
        };
        let from = random.below(safety);
        let (period, lasts) = match habit {
            Habit::Flood | Habit::Resignations => (random.pick(&[MS / 5, MS, 20 * MS]), 200 * MS),
            Habit::Noise | Habit::BadChecksum => (random.pick(&[MS, 20 * MS, S]), S),
            _ => (interval.max(20 * MS), random.between(1, 10) * S),
        };
        Stranger {
            habit,
            plan,
            victim,
            priority,
            source,
            interval,
            period,
            from,
            until: from + lasts,
        }
    }

    /// The next packet, a whole IP packet.
    pub(super) fn packet(&self, random: &mut Random) -> Vec<u8> {
        let plan = &self.plan;
        let destination = match (plan.unicast, plan.is_v6) {
            (true, _) => plan.own(self.victim),
            (false, true) => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
            (false, false) => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
        };
        let other_version = self.habit == Habit::OtherVersion;
        let version = if other_version { 5 - plan.version } else { plan.version };
        let mut pdu = vec![version << 4 | 1, plan.vrid, self.priority, 0];
        let cs = u16::try_from(self.interval / 10_000_000).unwrap_or(4095);
        let secs = u8::try_from(self.interval / S).unwrap_or(255).max(1);
        let kind = u8::from(plan.password.is_some());
        pdu.extend(if version == 2 { [kind, secs] } else { cs.to_be_bytes() });
        pdu.extend([0, 0]);
        let mut count = 0;
        for (ip, _, _) in plan.vips.iter().take(plan.advertised) {
            match ip {
                IpAddr::V4(ip) if self.habit == Habit::OtherAddresses => {
                    pdu.extend(Ipv4Addr::from_bits(ip.to_bits() ^ 7).octets());
                }
                IpAddr::V4(ip) => pdu.extend(ip.octets()),
                IpAddr::V6(ip) => pdu.extend(ip.octets()),
            }
            count += 1;
        }
        pdu[3] = count;
        if version == 2 {
            let wrong = self.habit == Habit::OtherPassword;
            pdu.extend(if wrong { *b"guessed!" } else { plan.password.unwrap_or([0; 8]) });
        }
        if self.habit == Habit::Noise {
            let len = 1 + random.index(60);
            let keep = random.index(6).min(pdu.len());
            pdu.truncate(keep);
            pdu.extend((0..len).map(|_| random.octet()));
        }
        let header = pseudo(self.source, destination, 112, pdu.len());
        let plain = version == 2 || self.habit == Habit::PlainChecksum && !plan.is_v6;
        if pdu.len() > 7 && self.habit != Habit::Noise {
            let right = !if plain { sum(&[&pdu]) } else { sum(&[&header, &pdu]) };
            let bad = if self.habit == Habit::BadChecksum { 1 + random.below(60_000) } else { 0 };
            let value = right.wrapping_add(u16::try_from(bad).unwrap_or(1));
            pdu[6..8].copy_from_slice(&value.to_be_bytes());
        }
        let hops = if self.habit == Habit::OtherHops { random.octet() } else { 255 };
        self.wrap(destination, hops, &pdu)
    }

    fn wrap(&self, destination: IpAddr, hops: u8, pdu: &[u8]) -> Vec<u8> {
        let len = u16::try_from(pdu.len()).unwrap_or(0);
        match (self.source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let [high, low] = (len + 20).to_be_bytes();
                let mut packet = vec![0x45, 0, high, low, 0, 0, 0, 0, hops, 112, 0, 0];
                packet.extend(source.octets());
                packet.extend(destination.octets());
                let value = !sum(&[&packet]);
                packet[10..12].copy_from_slice(&value.to_be_bytes());
                packet.extend(pdu);
                packet
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let [high, low] = len.to_be_bytes();
                let mut packet = vec![0x60, 0, 0, 0, high, low, 112, hops];
                packet.extend(source.octets());
                packet.extend(destination.octets());
                packet.extend(pdu);
                packet
            }
            _ => Vec::new(),
        }
    }
}
