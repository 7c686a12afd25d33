//! One run drawn from a seed: safety, heal, liveness, failover, shutdown.

use super::helper::{Habit, Manners};
use super::invariant::{Violation, broken};
use super::judge::Shadow;
use super::measure::{Measure, Watch, What};
use super::node::{Node, Order};
use super::options::Options;
use super::pcap;
use super::plan::{MS, NAMES, S};
use super::world::{Fault, Tally, World};

/// What is to be kept of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// How many allocations the calling thread has made: I10 holds the engine's at none.
    pub allocations: Option<fn() -> u64>,
    /// One line an event.
    pub trace: bool,
    /// The packets.
    pub pcap: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What did not hold, if anything.
    pub found: Option<Violation>,
    /// A hash of everything that happened.
    pub hash: u64,
    /// How much happened.
    pub tally: Tally,
    /// How long it took.
    pub measures: Vec<Measure>,
    /// The trace, if it was wanted.
    pub trace: String,
    /// The packets, if they were wanted: a pcap file.
    pub pcap: Vec<u8>,
}

/// The options that `seed` draws, as text.
pub fn options_of(seed: u64) -> String {
    Options::draw(seed).to_string()
}

/// The whole run of `seed`. Needs a stack that an [`crate::engine::Engine`] fits on.
pub fn run(seed: u64, record: Record) -> Outcome {
    play(seed, &Options::draw(seed), record)
}

/// The run of `seed` with these options.
pub(super) fn play(seed: u64, options: &Options, record: Record) -> Outcome {
    let mut world = World::new(seed, options);
    world.record(record);
    let found = phases(&mut world, options).err();
    world.outcome(found)
}

impl World {
    pub(super) fn record(&mut self, record: Record) {
        self.trace = record.trace.then(String::new);
        self.pcap = record.pcap.then(pcap::header);
        for node in &mut self.nodes {
            node.allocations = record.allocations;
        }
    }

    pub(super) fn outcome(mut self, found: Option<Violation>) -> Outcome {
        let states = self.states();
        if let Some(trace) = &mut self.trace {
            trace.push_str(&states);
        }
        Outcome {
            found,
            hash: self.hash,
            tally: self.tally,
            measures: self.measures,
            trace: self.trace.unwrap_or_default(),
            pcap: self.pcap.unwrap_or_default(),
        }
    }
}

fn phases(world: &mut World, options: &Options) -> Result<(), Violation> {
    for node in 0..world.nodes.len() {
        let at = world.fault_random.below(2 * S);
        world.plan(at, Fault::Boot(node));
    }
    plan_faults(world, options);
    plan_tracking_faults(world, options);
    world.let_strangers_in();
    world.run_until(options.safety)?;

    world.note("heal");
    let core = choose_core(world);
    world.heal(core)?;
    world.run_until(world.now + settling_time(world, options))?;
    judge_settled(world)?;

    world.note("stable");
    let before = world.tally.transitions;
    world.run_until(world.now + 10 * longest(world))?;
    if world.tally.transitions != before {
        return Err(broken(6, format!("{} transitions", world.tally.transitions - before)));
    }
    judge_settled(world)?;

    world.note("failover");
    fail_over(world)?;

    world.note("shutdown");
    shut_down(world)
}

fn choose_core(world: &mut World) -> Vec<usize> {
    let all = 0..world.nodes.len();
    if world.fault_random.below(4) > 0 {
        return all.collect();
    }
    let random = &mut world.fault_random;
    let mut core: Vec<usize> = all.clone().filter(|_| random.coin()).collect();
    if core.is_empty() {
        core.push(random.index(all.len()));
    }
    core
}

/// The longest interval in the core.
fn longest(world: &World) -> u64 {
    let plans = world.core.iter().flat_map(|node| &world.nodes[*node].plan.routers);
    plans.map(|(plan, _)| plan.interval).max().unwrap_or(S)
}

/// How long a healed core may take: the master-down interval of whatever was learnt, the stall
/// that listens first, preemption with its delay, and what the kernel's refusals cost.
fn settling_time(world: &World, options: &Options) -> u64 {
    // A reload may have given a node other numbers than it began with.
    let varied = world.nodes.iter().map(|node| &*node.plan);
    let plans = options.plans.iter().chain(varied).flat_map(|plan| &plan.routers);
    let interval = plans.clone().map(|(plan, _)| plan.interval).max().unwrap_or(S);
    let delay = plans.map(|(_, seat)| seat.delay).max().unwrap_or(0);
    // One interval for the last advert, four to miss the rest, five more to be preempted.
    let learnt = interval.max(world.taught());
    let lost = options.counts.delete_vip + options.counts.delete_source > 0 || options.leases;
    let refused = if options.netlink.refuse > 0 { 12 * S } else { 0 };
    let unanswered = if options.netlink.lose_answer > 0 { 7 * S } else { 0 };
    let startup = options.plans.iter().map(|plan| plan.startup_delay).max().unwrap_or(0);
    let tracked = tracking_time(world, options);
    10 * learnt
        + delay
        + tracked
        + refused
        + unanswered
        + startup
        + 3 * S
        + if lost { 62 * S } else { 0 }
}

/// How long it takes until scripts have said how they stand, and until whoever hangs has been told.
fn tracking_time(world: &World, options: &Options) -> u64 {
    let varied = world.nodes.iter().map(|node| &node.plan.tracking);
    let plans = options.plans.iter().map(|plan| &plan.tracking).chain(varied);
    let scripts = plans.clone().map(|tracking| tracking.settles_within()).max().unwrap_or(0);
    let Manners { lose, pause, flap, .. } = options.manners;
    let hangs = plans.clone().any(|tracking| tracking.told) && lose + pause + flap > 0;
    scripts + if hangs { 3 * 46 * S } else { 0 }
}

/// How long after a takeover the best of the core may still be enduring a lower master. Timers that
/// are less than a turn apart may be served in either order: priorities 171 and 175 at an interval of
/// 10 ms are 0.16 ms apart, and no protocol makes the better one faster than its own loop. It then
/// waits its preempt_delay, as keepalived does ("seconds after startup or seeing a lower priority
/// master until preemption"), and one master-down interval from the last advert that it endured.
fn preemption_time(world: &World) -> u64 {
    let seats = world.core.iter().flat_map(|node| &world.nodes[*node].shadows);
    let delay = seats.map(|shadow| shadow.seat.delay).max().unwrap_or(0);
    if delay > 0 { delay + 4 * longest(world) + S } else { 0 }
}

/// I3: one master each, the best one if all preempt; and it owns the addresses.
fn judge_settled(world: &World) -> Result<(), Violation> {
    let mut vrids: Vec<u8> = Vec::new();
    for node in &world.core {
        vrids.extend(world.nodes[*node].shadows.iter().map(|shadow| shadow.plan.vrid));
    }
    vrids.sort_unstable();
    vrids.dedup();
    for vrid in vrids {
        judge_router(world, vrid)?;
    }
    for node in &world.core {
        world.nodes[*node].judge_told()?;
    }
    Ok(())
}

fn judge_router(world: &World, vrid: u8) -> Result<(), Violation> {
    let masters = world.masters(vrid);
    let [master] = masters[..] else {
        return Err(broken(3, format!("{vrid}: masters {masters:?}")));
    };
    let shadows = world.core.iter().flat_map(|node| {
        let shadows = world.nodes[*node].shadows.iter();
        shadows.filter(|shadow| shadow.plan.vrid == vrid).map(|shadow| (*node, shadow))
    });
    let all_preempt = shadows.clone().all(|(_, s)| s.seat.preempt && !s.yields());
    let best = shadows.clone().map(|(_, s)| s.machine.rules.priority).max();
    let own =
        shadows.clone().find(|(node, _)| *node == master).map(|(_, s)| s.machine.rules.priority);
    if all_preempt && own != best {
        return Err(broken(3, format!("{vrid}: n{master} with {own:?}, best {best:?}")));
    }
    for (node, shadow) in shadows {
        let kernel = &world.nodes[node].kernel;
        for (ip, len, segment) in &shadow.plan.vips {
            let link = kernel.link(NAMES[*segment]).map(|link| link.index);
            let has = kernel
                .addresses
                .iter()
                .any(|known| Some(known.index) == link && (known.ip, known.len) == (*ip, *len));
            let assigned = kernel.addresses.iter().any(|known| known.ip == *ip && known.proto == 0);
            let excused = world.nodes[node].trouble_until >= world.now;
            if has != (node == master) && !assigned && !excused {
                return Err(broken(3, format!("{vrid}: n{node} and {ip}, master n{master}")));
            }
        }
    }
    Ok(())
}

/// I5: a master dies or resigns, and the best of the others takes over in time.
fn fail_over(world: &mut World) -> Result<(), Violation> {
    if world.core.len() < 2 {
        return Ok(());
    }
    let at = world.fault_random.index(world.core.len());
    let victim = world.core[at];
    let is_crash = world.fault_random.coin();
    let mut bounds = Vec::new();
    for shadow in world.nodes[victim].shadows.iter().filter(|s| s.machine.is_active()) {
        let vrid = shadow.plan.vrid;
        let others = world.core.iter().filter(|node| **node != victim);
        let waits = others.flat_map(|node| {
            world.nodes[*node]
                .shadows
                .iter()
                .filter(|s| s.plan.vrid == vrid && s.machine.deadline().is_some())
                .map(|s| wait_of(&world.nodes[*node], s, is_crash))
        });
        if let Some(wait) = waits.min() {
            bounds.push((vrid, wait));
        }
    }
    bounds.sort_by_key(|(_, wait)| *wait);
    let fault = if is_crash { Fault::Crash(victim) } else { Fault::Order(victim, Order::Stop) };
    let begin = world.now;
    world.plan(begin, fault);
    world.run_until(begin)?;
    world.core.retain(|node| *node != victim);
    let what = if is_crash { What::AfterCrash } else { What::AfterResignation };
    let watch =
        |(vrid, theory): &(u8, u64)| Watch { vrid: *vrid, what, since: begin, theory: *theory };
    world.watches = bounds.iter().map(watch).collect();
    for (vrid, wait) in bounds {
        // Delay of the segment, answers of the kernel, turns, clocks that are 500 ppm apart.
        let slack = 40 * MS + wait / 500;
        world.run_until((begin + wait + slack).max(world.now))?;
        if world.masters(vrid).is_empty() {
            return Err(broken(
                5,
                format!("{vrid}: no master {wait} + {slack} ns after n{victim}"),
            ));
        }
        let excused = world.core.iter().any(|node| world.nodes[*node].trouble_until >= world.now);
        if !excused && world.watches.iter().any(|watch| watch.vrid == vrid) {
            return Err(broken(5, format!("{vrid}: no owner {wait} + {slack} ns after n{victim}")));
        }
    }
    world.run_until(world.now + 5 * longest(world) + S)?;
    world.watches.clear();
    world.run_until(world.now + preemption_time(world))?;
    judge_settled(world)
}

/// How long a backup waits for a dead or resigned master: in a group, as long as the slowest.
fn wait_of(node: &Node, shadow: &Shadow, is_crash: bool) -> u64 {
    let waits = |s: &Shadow| if is_crash { s.machine.down() } else { s.machine.skew() };
    let group = node.shadows.iter().filter(|other| other.seat.grouped && shadow.seat.grouped);
    group.map(waits).fold(waits(shadow), u64::max)
}

/// Everybody stops: nothing of ours is left in any kernel, nor in any journal.
fn shut_down(world: &mut World) -> Result<(), Violation> {
    for node in world.core.clone() {
        world.plan(world.now, Fault::Order(node, Order::Stop));
    }
    let core = core::mem::take(&mut world.core);
    world.run_until(world.now + 2 * S)?;
    for node in core {
        let node = &world.nodes[node];
        let is_done = node.engine.as_ref().is_none_or(|engine| engine.is_stopped());
        let left = node.kernel.addresses.iter().find(|address| address.proto == 112);
        if let Some(left) = left {
            return Err(broken(7, format!("n{}: {} is left after the stop", node.id, left.ip)));
        }
        if let Some(noted) = node.journal.first().filter(|_| node.engine.is_some()) {
            return Err(broken(7, format!("n{}: {noted:?} is noted after the stop", node.id)));
        }
        if !is_done {
            return Err(broken(13, format!("n{}: does not come to its end", node.id)));
        }
    }
    Ok(())
}

/// Draws when each fault of the safety phase begins and ends.
fn plan_faults(world: &mut World, options: &Options) {
    let counts = options.counts;
    let nodes = world.nodes.len();
    for _ in 0..counts.crash {
        let (node, at, later) = draw(world, options);
        world.plan(at, Fault::Crash(node));
        world.plan(later, Fault::Boot(node));
    }
    for _ in 0..counts.hot_restart {
        let (node, at, _) = draw(world, options);
        world.plan(at, Fault::Crash(node));
        let pause = world.fault_random.pick(&[MS, 50 * MS, 500 * MS]);
        world.plan(at + pause, Fault::Boot(node));
    }
    for _ in 0..counts.stop {
        let (node, at, later) = draw(world, options);
        world.plan(at, Fault::Order(node, Order::Stop));
        world.plan(at + 500 * MS, Fault::Exit(node));
        world.plan(later.max(at + 600 * MS), Fault::Boot(node));
    }
    for _ in 0..counts.pause {
        let (node, at, later) = draw(world, options);
        world.plan(at, Fault::Pause(node));
        world.plan(later, Fault::Resume(node));
    }
    for _ in 0..counts.reload {
        let (node, at, _) = draw(world, options);
        world.plan(at, Fault::Vary(node));
    }
    for _ in 0..counts.release {
        let (node, at, _) = draw(world, options);
        let which = if world.fault_random.coin() { None } else { Some(0) };
        world.plan(at, Fault::Order(node, Order::Release(which)));
    }
    for _ in 0..counts.link + counts.carrier {
        let (node, at, later) = draw(world, options);
        let segment = world.fault_random.index(options.segments);
        let up = world.fault_random.below(counts.link + counts.carrier) >= counts.link;
        world.plan(at, Fault::Link(node, segment, up, false));
        world.plan(later, Fault::Link(node, segment, true, true));
    }
    for number in 0..counts.remove_link {
        let (node, at, later) = draw(world, options);
        let segment = world.fault_random.index(options.segments);
        let old = u32::try_from(segment + 2).unwrap_or(2);
        let fresh = old + 10 + 10 * u32::try_from(number).unwrap_or(0);
        let (index, usurp) =
            world.fault_random.pick(&[(old, false), (fresh, false), (fresh, true)]);
        world.plan(at, Fault::RemoveLink(node, segment));
        let soon = at + world.fault_random.pick(&[0, MS, 100 * MS]);
        let back = if world.fault_random.coin() { soon } else { later };
        world.plan(back, Fault::AddLink(node, segment, index, usurp));
    }
    for _ in 0..counts.delete_vip {
        let (node, at, _) = draw(world, options);
        world.plan(at, Fault::DeleteVip(node));
    }
    for _ in 0..counts.assign_vip {
        let (node, at, _) = draw(world, options);
        world.plan(at, Fault::AssignVip(node));
    }
    for _ in 0..counts.delete_source {
        let (node, at, later) = draw(world, options);
        let segment = world.fault_random.index(options.segments);
        world.plan(at, Fault::Source(node, segment, false));
        world.plan(later, Fault::Source(node, segment, true));
    }
    for _ in 0..counts.overrun {
        let (node, at, _) = draw(world, options);
        let count = world.fault_random.between(1, 6);
        world.plan(at, Fault::LoseNews(node, count));
    }
    for _ in 0..counts.port {
        let (node, at, later) = draw(world, options);
        let segment = world.fault_random.index(options.segments);
        world.plan(at, Fault::RefusePort(node, segment, true));
        world.plan(later, Fault::RefusePort(node, segment, false));
    }
    for _ in 0..counts.cut {
        let (node, at, later) = draw(world, options);
        let other = (node + 1 + world.fault_random.index(nodes - 1)) % nodes;
        let both = world.fault_random.coin();
        for (from, to) in [(node, other), (other, node)].into_iter().take(if both { 2 } else { 1 })
        {
            world.plan(at, Fault::Cut(from, to));
            world.plan(later, Fault::Join(from, to));
        }
    }
    for _ in 0..counts.clog {
        let (_, at, later) = draw(world, options);
        let segment = world.fault_random.index(options.segments);
        world.plan(at, Fault::Clog(segment, later));
    }
}

/// The same for programs and helpers, from a stream of its own: a run without them is what it was.
fn plan_tracking_faults(world: &mut World, options: &Options) {
    let manners = options.manners;
    let kinds = [manners.flap, manners.death, manners.pause, manners.reload];
    for (kind, count) in kinds.into_iter().enumerate() {
        for _ in 0..count {
            let random = &mut world.tracker_random;
            let node = random.index(options.plans.len());
            let at = random.below(options.safety);
            let mean = random.pick(&[10 * MS, 500 * MS, 3 * S, 30 * S]);
            let later = at + 1 + random.exponential(mean);
            let scripts = options.plans[node].tracking.scripts.len();
            match kind {
                0 => {
                    let script = Some(random.index(scripts + 1)).filter(|script| *script < scripts);
                    let habit = Habit::draw(random);
                    world.plan(at, Fault::Habit(node, script, habit));
                    world.plan(later, Fault::Habit(node, script, Habit::Right));
                }
                1 => {
                    world.plan(at, Fault::HelperDies(node));
                    world.plan(later, Fault::HelperStarts(node));
                }
                2 => world.plan(at, Fault::HelperPauses(node, later)),
                _ => world.plan(at, Fault::VaryTracking(node)),
            }
        }
    }
}

/// A node, when something happens to it, and when that is over.
fn draw(world: &mut World, options: &Options) -> (usize, u64, u64) {
    let random = &mut world.fault_random;
    let node = random.index(options.plans.len());
    let at = random.below(options.safety);
    let mean = random.pick(&[10 * MS, 500 * MS, 3 * S, 10 * S]);
    (node, at, at + 1 + random.exponential(mean))
}
