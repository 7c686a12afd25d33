//! What can go wrong in one run: each fault is present or absent, then has a strength, all drawn
//! from the seed.

use core::fmt;

use super::helper::Manners;
use super::plan::{MS, NodePlan, RouterPlan, S, Seat};
use super::random::Random;
use super::tracked::Tracking;
use crate::limits::{
    ADDRESS_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, PEER_COUNT_MAX,
    SOURCE_PER_INTERFACE_MAX,
};

/// What a segment does to packets. Chances are in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Net {
    pub(super) loss: u64,
    /// Chance that a burst of losses begins, and its mean length in packets.
    pub(super) burst: u64,
    pub(super) burst_len: u64,
    pub(super) delay_min: u64,
    /// Mean of the exponential part of the delay: this reorders.
    pub(super) jitter: u64,
    pub(super) duplicate: u64,
    pub(super) corrupt: u64,
    pub(super) replay: u64,
}

/// What a kernel does to requests and news. Chances are in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Netlink {
    pub(super) delay_min: u64,
    pub(super) jitter: u64,
    pub(super) refuse: u64,
    pub(super) lose_answer: u64,
    /// What is said is malformed, doubled, interrupted, or in words of a later kernel.
    pub(super) spoil: u64,
    /// Answers overtake each other.
    pub(super) reorders: bool,
    pub(super) keeps_proto: bool,
}

/// How many of each fault happen in the safety phase.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) crash: u64,
    pub(super) hot_restart: u64,
    pub(super) stop: u64,
    pub(super) pause: u64,
    pub(super) reload: u64,
    pub(super) release: u64,
    pub(super) link: u64,
    pub(super) carrier: u64,
    pub(super) remove_link: u64,
    pub(super) delete_vip: u64,
    pub(super) assign_vip: u64,
    pub(super) delete_source: u64,
    pub(super) overrun: u64,
    pub(super) port: u64,
    pub(super) cut: u64,
    pub(super) clog: u64,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) plans: Vec<NodePlan>,
    pub(super) segments: usize,
    pub(super) net: Net,
    pub(super) netlink: Netlink,
    pub(super) counts: Counts,
    pub(super) manners: Manners,
    /// Parts in a million by which each node's clock is fast.
    pub(super) drift: Vec<i64>,
    /// Mean delay of a turn of the loop.
    pub(super) latency: u64,
    pub(super) leases: bool,
    /// Addresses that each interface has beside its first one.
    pub(super) sources: usize,
    /// Strangers on the segments.
    pub(super) strangers: usize,
    pub(super) safety: u64,
}

impl Options {
    /// Everything that `seed` says.
    pub(super) fn draw(seed: u64) -> Self {
        let mut options = Options::draw_ungrouped(seed);
        options.group(&mut Random::new(seed, "groups"));
        options.track(&mut Random::new(seed, "trackers"));
        options
    }

    /// In every second run nodes track what they like.
    fn track(&mut self, random: &mut Random) {
        if random.coin() {
            return;
        }
        self.manners = Manners::draw(random);
        for plan in &mut self.plans {
            plan.tracking = Tracking::draw(random, plan, self.segments);
        }
    }

    /// Some of the virtual routers in one sync group, in every third run. Of each node its members
    /// have one seat, so that one node is the best for all of them.
    fn group(&mut self, random: &mut Random) {
        let Some(first) = self.plans.first() else { return };
        let members: Vec<bool> = first.routers.iter().map(|_| random.below(4) > 0).collect();
        let Some(leader) = members.iter().position(|is_member| *is_member) else { return };
        if random.below(3) > 0 || members.iter().filter(|is_member| **is_member).count() < 2 {
            return;
        }
        for plan in &mut self.plans {
            let seat = Seat { grouped: true, ..plan.routers[leader].1 };
            let routers = plan.routers.iter_mut().zip(&members);
            for ((_, member), _) in routers.filter(|(_, is_member)| **is_member) {
                *member = seat;
            }
        }
    }

    /// The run of a seed that was found before there were sync groups.
    pub(super) fn draw_ungrouped(seed: u64) -> Self {
        let mut random = Random::new(seed, "cluster");
        let nodes = random.pick(&[2, 2, 3, 3, 4]);
        let segments = random.pick(&[1, 1, 2]).min(INTERFACE_COUNT_MAX);
        let routers = random.pick(&[1, 1, 2, 3, 4]);
        let all_preempt = random.coin();
        let mut common: Vec<RouterPlan> =
            (0..routers).map(|number| RouterPlan::draw(&mut random, number, segments)).collect();
        fit(&mut common, nodes);
        let garp_interval = if random.below(6) == 0 { 20 * MS } else { 0 };
        let startup_delay = if random.below(6) == 0 { 3 * S } else { 0 };
        let plans = (0..nodes).map(|node| {
            let mut owners = 0;
            let routers = common.iter().map(|plan| {
                let mut seat = Seat::draw(&mut random, all_preempt);
                if seat.priority == 255 && (node > 0 || owners > 0) {
                    // The addresses have one owner.
                    seat.priority = 200;
                }
                owners += usize::from(seat.priority == 255);
                (plan.clone(), seat)
            });
            let routers = routers.collect();
            NodePlan {
                node,
                nodes,
                routers,
                garp_interval,
                startup_delay,
                tracking: Tracking::default(),
            }
        });
        let plans: Vec<NodePlan> = plans.collect();
        let longest = common.iter().map(|plan| plan.interval).max().unwrap_or(S);
        let mut random = Random::new(seed, "node");
        let drift = (0..nodes).map(|_| i64::try_from(random.below(1_001)).unwrap_or(0) - 500);
        let drift: Vec<i64> = drift.collect();
        // Unicast peers are configured with the first one.
        let is_unicast = common.iter().any(|router| router.unicast);
        let sources = [1, SOURCE_PER_INTERFACE_MAX - 1, SOURCE_PER_INTERFACE_MAX, 6];
        let mut own = Random::new(seed, "sources");
        let sources = if is_unicast || own.coin() { 0 } else { own.pick(&sources) };
        let drift = if random.coin() { drift } else { vec![0; nodes] };
        Options {
            plans,
            segments,
            net: Net::draw(&mut Random::new(seed, "net options"), longest),
            netlink: Netlink {
                spoil: maybe(&mut Random::new(seed, "spoil options"), &[5_000, 100_000]),
                ..Netlink::draw(&mut Random::new(seed, "kernel options"))
            },
            counts: Counts::draw(&mut Random::new(seed, "fault options")),
            manners: Manners::default(),
            drift,
            latency: random.pick(&[0, 20_000, 100_000, 2 * MS]),
            leases: random.below(3) == 0,
            sources,
            strangers: if random.below(3) == 0 { random.index(3) + 1 } else { 0 },
            safety: (longest * 30).clamp(10 * S, 60 * S),
        }
    }

    /// Without the faults that were thought of after these seeds had been found: each is the run
    /// that it was.
    pub(super) fn without_later_faults(mut self) -> Self {
        self.netlink.spoil = 0;
        self.sources = 0;
        self
    }

    /// A calm run of these plans: no fault unless a scenario asks for one.
    pub(super) fn calm(plans: Vec<NodePlan>, safety: u64) -> Self {
        let drift = vec![0; plans.len()];
        let net = Net { delay_min: 100_000, ..Net::default() };
        let netlink = Netlink { delay_min: 50_000, keeps_proto: true, ..Netlink::default() };
        Options {
            plans,
            segments: 1,
            net,
            netlink,
            counts: Counts::default(),
            manners: Manners::default(),
            drift,
            latency: 20_000,
            leases: false,
            sources: 0,
            strangers: 0,
            safety,
        }
    }
}

/// As much of it as this build holds, to the last row.
fn fit(routers: &mut Vec<RouterPlan>, nodes: usize) {
    routers.truncate(INSTANCE_COUNT_MAX);
    let (mut addresses, mut peers) = (ADDRESS_COUNT_MAX, PEER_COUNT_MAX);
    let count = routers.len();
    for (number, router) in routers.iter_mut().enumerate() {
        // Each of those behind it needs one.
        router.vips.truncate(addresses - (count - number - 1));
        router.advertised = router.advertised.min(router.vips.len());
        addresses -= router.vips.len();
        router.unicast &= nodes - 1 <= peers;
        peers -= if router.unicast { nodes - 1 } else { 0 };
    }
}

/// `strength` in one of three runs, nothing in the others.
fn maybe(random: &mut Random, strength: &[u64]) -> u64 {
    if random.below(3) == 0 { random.pick(strength) } else { 0 }
}

impl Net {
    fn draw(random: &mut Random, longest: u64) -> Self {
        let burst = maybe(random, &[2_000, 20_000]);
        Net {
            loss: maybe(random, &[1_000, 20_000, 200_000]),
            burst,
            burst_len: if burst > 0 { random.between(2, 40) } else { 0 },
            delay_min: random.pick(&[10_000, 100_000, MS]),
            jitter: maybe(random, &[100_000, MS, longest / 20, longest / 4]),
            duplicate: maybe(random, &[1_000, 50_000]),
            corrupt: maybe(random, &[1_000, 50_000]),
            replay: maybe(random, &[1_000, 20_000]),
        }
    }
}

impl Netlink {
    fn draw(random: &mut Random) -> Self {
        Netlink {
            delay_min: random.pick(&[5_000, 50_000, MS]),
            jitter: maybe(random, &[50_000, 5 * MS, 300 * MS]),
            refuse: maybe(random, &[20_000, 300_000]),
            lose_answer: maybe(random, &[10_000, 100_000]),
            reorders: random.below(3) == 0,
            keeps_proto: random.below(3) > 0,
            spoil: 0,
        }
    }
}

impl Counts {
    fn draw(random: &mut Random) -> Self {
        let mut some = |most: u64| maybe(random, &[1, 2, most]);
        Counts {
            crash: some(4),
            hot_restart: some(4),
            stop: some(4),
            pause: some(4),
            reload: some(8),
            release: some(4),
            link: some(8),
            carrier: some(8),
            remove_link: some(4),
            delete_vip: some(4),
            assign_vip: some(2),
            delete_source: some(3),
            overrun: some(6),
            port: some(2),
            cut: some(8),
            clog: some(3),
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}\n{:?}\n{:?}", self.net, self.netlink, self.counts)?;
        writeln!(f, "{:?}", self.manners)?;
        writeln!(
            f,
            "segments {} drift {:?} latency {} leases {}",
            self.segments, self.drift, self.latency, self.leases
        )?;
        let (sources, strangers) = (self.sources, self.strangers);
        writeln!(f, "sources {sources} strangers {strangers} safety {}", self.safety)?;
        for plan in &self.plans {
            writeln!(f, "n{}: {:?}", plan.node, plan)?;
        }
        Ok(())
    }
}
