//! Runs with a name: situations written out, and seeds that have found something.

use core::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use super::helper::Helper;
use super::invariant::{Violation, broken};
use super::node::Order;
use super::options::Options;
use super::plan::{MS, NodePlan, RouterPlan, S, Seat};
use super::random::Random;
use super::run::{Outcome, Record, play};
use super::stranger::{Habit, Stranger};
use super::tracked::{On, ScriptPlan, TrackerPlan, Tracking};
use super::world::{Fault, World};

/// A run with a name.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    play: Play,
}

#[derive(Clone, Copy, Debug)]
enum Play {
    Script(fn(&mut World) -> Result<(), Violation>, &'static [(u8, bool, u64)]),
    /// With what could be drawn when it was found: each remains the run that it was.
    Seed(u64, fn(u64) -> Options),
}

impl Scenario {
    /// Plays it. Needs a stack that an [`crate::engine::Engine`] fits on.
    pub fn play(&self, record: Record) -> Outcome {
        match self.play {
            Play::Seed(seed, draw) => play(seed, &draw(seed), record),
            Play::Script(script, seats) => {
                let mut world = World::new(1, &Options::calm(plans(seats), 60 * S));
                world.record(record);
                world.core = (0..seats.len()).collect();
                let found = script(&mut world).err();
                world.outcome(found)
            }
        }
    }
}

const fn script(
    name: &'static str,
    script: fn(&mut World) -> Result<(), Violation>,
    seats: &'static [(u8, bool, u64)],
) -> Scenario {
    Scenario { name, play: Play::Script(script, seats) }
}

const fn seed(name: &'static str, seed: u64) -> Scenario {
    Scenario {
        name,
        play: Play::Seed(seed, |seed| Options::draw_ungrouped(seed).without_later_faults()),
    }
}

const fn full_seed(name: &'static str, seed: u64) -> Scenario {
    Scenario { name, play: Play::Seed(seed, Options::draw_ungrouped) }
}

const fn tracked_seed(name: &'static str, seed: u64) -> Scenario {
    Scenario { name, play: Play::Seed(seed, Options::draw) }
}

/// All of them. Seats are priority, preempt, preempt_delay of each node.
pub const SCENARIOS: &[Scenario] = &[
    script("two_routers_cable_pull", two_routers_cable_pull, &[(150, true, 0), (100, true, 0)]),
    script(
        "best_backup_wins_by_skew",
        best_backup_wins_by_skew,
        &[(200, true, 0), (101, true, 0), (102, true, 0), (100, true, 0)],
    ),
    script("preempt_delay", preempt_delay, &[(150, true, 10 * S), (100, true, 0)]),
    script("owner_returns", owner_returns, &[(255, true, 0), (254, true, 0)]),
    script("asymmetric_link", asymmetric_link, &[(150, true, 0), (100, true, 0)]),
    script(
        "clock_pause_longer_than_down_interval",
        clock_pause_longer_than_down_interval,
        &[(150, true, 0), (100, true, 0)],
    ),
    script("cloned_config", cloned_config, &[(150, true, 0), (100, true, 0)]),
    script("ifindex_reused", ifindex_reused, &[(150, true, 0), (100, true, 0)]),
    script(
        "netlink_overrun_during_failover",
        netlink_overrun_during_failover,
        &[(150, true, 0), (100, true, 0)],
    ),
    script("reload_under_fire", reload_under_fire, &[(150, true, 0), (100, true, 0)]),
    script("kill_dash_nine_with_vips", kill_dash_nine_with_vips, &[(150, true, 0), (100, true, 0)]),
    script(
        "helper_is_away_for_a_while_and_for_too_long",
        helper_is_away,
        &[(150, true, 0), (100, true, 0)],
    ),
    script("scripts_stand_over_a_pause", scripts_stand_over_a_pause, &[(150, true, 0)]),
    script(
        "hot_restart_does_not_wait_for_a_script",
        hot_restart_does_not_wait_for_a_script,
        &[(150, true, 0), (100, true, 0)],
    ),
    seed("retry_of_a_former_master", 4),
    seed("requests_answered_after_their_interface_vanished", 6),
    seed("dump_that_is_never_answered", 23),
    seed("reply_overtaken_by_a_better_master", 30),
    seed("news_beside_a_dump", 31),
    seed("virtual_address_as_source_after_adoption", 106),
    seed("journal_forgets_what_is_added_again", 119),
    seed("announcement_of_what_a_reload_left_over", 710),
    seed("assigned_virtual_address_as_source", 784),
    seed("late_echo_on_a_kernel_without_ifa_proto", 2143),
    seed("claim_after_listening", 2690),
    seed("hot_restart_of_addresses_on_two_interfaces", 10664),
    seed("restart_amid_the_news_of_the_last_process", 13846),
    seed("core_with_intervals_that_a_reload_gave", 16836),
    seed("answer_behind_the_news_of_a_loss", 21281),
    seed("removal_heard_after_a_dump_without_ifa_proto", 109_368),
    seed("fresh_answer_beside_an_overdue_one", 110_318),
    seed("rivals_while_a_dump_is_missed", 1_008_873),
    seed("assigned_address_as_source_of_unicast", 1_008_196),
    full_seed("spoiled_dump_of_nothing", 3_005_152),
    full_seed("request_of_a_dead_process_before_its_successors_first_turn", 6_005_278),
    full_seed("answered_additions_on_an_interface_of_the_same_number", 6_001_877),
    full_seed("lower_backup_wins_by_less_than_a_turn", 8_012_956),
    full_seed("renewal_answered_before_its_news_and_behind_the_end_of_its_lease", 8_016_990),
    full_seed("refusal_of_an_interface_that_was_about_to_go", 9_004_043),
    full_seed("untrusted_dump_that_is_read_after_a_pause", 10_050_269),
    tracked_seed("reload_of_an_instance_whose_priority_a_script_has_moved", 19),
    tracked_seed("instance_removed_twice_before_the_first_is_told", 237),
    tracked_seed("addresses_noted_of_an_interface_that_went", 52_000_018),
    tracked_seed("address_noted_that_the_kernel_refused", 50_000_055),
    tracked_seed("address_noted_whose_request_was_never_answered", 50_000_644),
    tracked_seed("reload_with_shorter_times_is_no_sleep", 50_000_929),
];

const VRID: u8 = 51;

fn plans(seats: &[(u8, bool, u64)]) -> Vec<NodePlan> {
    let router = RouterPlan {
        segment: 0,
        is_v6: false,
        version: 3,
        vrid: VRID,
        interval: S,
        vips: vec![(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100)), 32, 0)],
        advertised: 1,
        unicast: false,
        password: None,
    };
    let plan = |(node, seat): (usize, &(u8, bool, u64))| NodePlan {
        node,
        nodes: seats.len(),
        routers: vec![(
            router.clone(),
            Seat { priority: seat.0, preempt: seat.1, delay: seat.2, grouped: false },
        )],
        garp_interval: 0,
        startup_delay: 0,
        tracking: Tracking::default(),
    };
    seats.iter().enumerate().map(plan).collect()
}

/// Each node has a script that runs every second; while it fails, its node is in FAULT.
fn track(world: &mut World) {
    let script =
        ScriptPlan { interval: S, timeout: S, rise: 1, fall: 1, init_fail: false, good: true };
    let tracker = TrackerPlan { vrid: VRID, on: On::Script(0), weight: 0, reverse: false };
    for node in &mut world.nodes {
        let mut plan = NodePlan::clone(&node.plan);
        plan.tracking = Tracking { scripts: vec![script], trackers: vec![tracker], told: true };
        node.plan = Rc::new(plan);
        node.helper = Helper::new(vec![true]);
    }
}

/// All nodes start, and settle within ten seconds.
fn boot(world: &mut World) -> Result<(), Violation> {
    for node in 0..world.nodes.len() {
        world.plan(0, Fault::Boot(node));
    }
    world.run_until(10 * S)?;
    masters_are(world, &[0])
}

fn masters_are(world: &World, expected: &[usize]) -> Result<(), Violation> {
    let masters = world.masters(VRID);
    if masters == expected {
        return Ok(());
    }
    let (now, text) = (world.now, format!("masters {masters:?}, expected {expected:?}"));
    Err(broken(17, format!("at {now} ns: {text}")))
}

fn owners_are(world: &World, expected: &[usize]) -> Result<(), Violation> {
    let has = |node: &usize| world.nodes[*node].kernel.addresses.iter().any(|a| a.proto == 112);
    let owners: Vec<usize> = (0..world.nodes.len()).filter(has).collect();
    if owners == expected {
        return Ok(());
    }
    let (now, text) = (world.now, format!("owners {owners:?}, expected {expected:?}"));
    Err(broken(17, format!("at {now} ns: {text}")))
}

/// Something happens `wait` from now, and time goes on for `then`.
fn then(world: &mut World, fault: Fault, span: u64) -> Result<(), Violation> {
    world.plan(world.now, fault);
    world.run_until(world.now + span)
}

/// RFC 9568 §6.1 with priority 100 and 1 s: 3 × 1 s + 156/256 s = 3.609375 s after the last advert.
fn two_routers_cable_pull(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    then(world, Fault::Link(0, 0, true, false), 2_600 * MS)?;
    masters_are(world, &[])?;
    world.run_until(world.now + 1_100 * MS)?;
    masters_are(world, &[1])?;
    owners_are(world, &[1])?;
    then(world, Fault::Link(0, 0, true, true), 4_500 * MS)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// Priorities 100, 101, 102: skews of 156, 155 and 154 256ths of a second.
fn best_backup_wins_by_skew(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    let before = world.tally.transitions;
    then(world, Fault::Crash(0), 10 * S)?;
    masters_are(world, &[2])?;
    if world.tally.transitions != before + 1 {
        let count = world.tally.transitions - before;
        return Err(broken(17, format!("{count} transitions instead of one")));
    }
    then(world, Fault::Order(2, Order::Stop), 610 * MS)?;
    masters_are(world, &[1])
}

/// keepalived: the delay counts from the first advert of the lower master.
fn preempt_delay(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    then(world, Fault::Crash(0), 5 * S)?;
    masters_are(world, &[1])?;
    then(world, Fault::Boot(0), 10 * S)?;
    masters_are(world, &[1])?;
    world.run_until(world.now + 5 * S)?;
    masters_are(world, &[0])
}

/// RFC 9568 §6.4.1: the owner does not wait.
fn owner_returns(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    then(world, Fault::Crash(0), 4 * S)?;
    masters_are(world, &[1])?;
    then(world, Fault::Boot(0), 5 * MS)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// Who is not heard is not master to the others: two masters, by the definition of the network.
fn asymmetric_link(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    world.core.clear();
    then(world, Fault::Cut(0, 1), 30 * S)?;
    world.core = vec![0, 1];
    masters_are(world, &[0, 1])?;
    then(world, Fault::Join(0, 1), 1_100 * MS)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// Who slept hears what has waited in its sockets first, and answers the lower master; with nobody
/// there it listens for an interval and its skew (1 s + 106/256 s) before it advertises.
fn clock_pause_longer_than_down_interval(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    world.core.clear();
    then(world, Fault::Pause(0), 20 * S)?;
    world.core = vec![0, 1];
    masters_are(world, &[1])?;
    owners_are(world, &[0, 1])?;
    then(world, Fault::Resume(0), 10 * MS)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])?;
    then(world, Fault::Crash(1), 5 * S)?;
    then(world, Fault::Pause(0), 20 * S)?;
    let frames = world.tally.frames;
    then(world, Fault::Resume(0), 1_400 * MS)?;
    if world.tally.frames != frames {
        return Err(broken(17, "advertised before it listened".to_owned()));
    }
    world.run_until(world.now + 100 * MS)?;
    if world.tally.frames == frames {
        return Err(broken(17, "does not advertise after it listened".to_owned()));
    }
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// A router with a node's configuration and address: heard, and never answered.
fn cloned_config(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    let plan = world.whole[0].routers[0].0.clone();
    let mut random = Random::new(1, "clone");
    let mut clone = Stranger::new(&mut random, Habit::Clone, plan, (0, 150), S);
    (clone.from, clone.until, clone.period) = (world.now, world.now + 5 * S, MS);
    let before = world.tally.frames;
    world.invite(clone);
    world.run_until(world.now + 5 * S)?;
    masters_are(world, &[0])?;
    let frames = world.tally.frames - before;
    if frames > 12 {
        return Err(broken(8, format!("{frames} frames in five intervals")));
    }
    Ok(())
}

/// eth0 goes, another interface gets its number, and eth0 comes back under another one.
fn ifindex_reused(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    then(world, Fault::RemoveLink(0, 0), 5 * S)?;
    masters_are(world, &[1])?;
    then(world, Fault::AddLink(0, 0, 2, true), 5 * S)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// Half of the news of a takeover is lost.
fn netlink_overrun_during_failover(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    world.plan(world.now, Fault::LoseNews(1, 3));
    then(world, Fault::Crash(0), 5 * S)?;
    masters_are(world, &[1])?;
    then(world, Fault::Boot(0), 5 * S)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// Reloads every 50 ms while a stranger floods and the link flaps.
fn reload_under_fire(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    let plan = world.whole[0].routers[0].0.clone();
    let mut random = Random::new(1, "fire");
    let mut flood = Stranger::new(&mut random, Habit::Flood, plan, (0, 150), S);
    (flood.from, flood.until, flood.period) = (world.now, world.now + 10 * S, 5 * MS);
    world.invite(flood);
    for step in 0..200 {
        let at = world.now + step * 50 * MS;
        world.plan(at, Fault::Vary(usize::from(step % 2 == 0)));
        if step % 40 == 20 {
            world.plan(at, Fault::Link(0, 0, false, false));
            world.plan(at + 70 * MS, Fault::Link(0, 0, true, true));
        }
    }
    world.run_until(world.now + 10 * S)?;
    for node in 0..2 {
        let plan = world.whole[node].clone();
        world.plan(world.now, Fault::Order(node, Order::Reload(plan)));
    }
    world.run_until(world.now + 10 * S)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// What a dead daemon left in its kernel is removed before its successor hears anything.
fn kill_dash_nine_with_vips(world: &mut World) -> Result<(), Violation> {
    boot(world)?;
    then(world, Fault::Crash(0), 5 * S)?;
    masters_are(world, &[1])?;
    owners_are(world, &[0, 1])?;
    then(world, Fault::Boot(0), MS)?;
    owners_are(world, &[1])?;
    world.run_until(world.now + 5 * S)?;
    masters_are(world, &[0])?;
    owners_are(world, &[0])
}

/// 1 s of interval, 1 s of timeout and 30 s of patience: after 25 s nothing has happened, after 40 s
/// the master is in FAULT, and with the next helper all is as before.
fn helper_is_away(world: &mut World) -> Result<(), Violation> {
    track(world);
    boot(world)?;
    let before = world.tally.transitions;
    then(world, Fault::HelperDies(0), 25 * S)?;
    then(world, Fault::HelperStarts(0), 10 * S)?;
    if world.tally.transitions != before {
        return Err(broken(17, "the election does not wait for the helper".to_owned()));
    }
    then(world, Fault::HelperDies(0), 40 * S)?;
    masters_are(world, &[1])?;
    then(world, Fault::HelperStarts(0), 10 * S)?;
    masters_are(world, &[0])?;
    world.nodes[0].judge_told()
}

/// What nobody could hear while the process slept says nothing about a script.
fn scripts_stand_over_a_pause(world: &mut World) -> Result<(), Violation> {
    track(world);
    boot(world)?;
    let before = world.tally.transitions;
    world.plan(world.now + 500 * MS, Fault::HelperPauses(0, world.now + 61 * S));
    then(world, Fault::Pause(0), 60 * S)?;
    then(world, Fault::Resume(0), 10 * S)?;
    if world.tally.transitions != before {
        return Err(broken(17, "a script has failed while nobody listened".to_owned()));
    }
    Ok(())
}

/// A predecessor was master a moment ago, so its scripts were fine. The new helper has not even
/// started yet.
fn hot_restart_does_not_wait_for_a_script(world: &mut World) -> Result<(), Violation> {
    track(world);
    boot(world)?;
    world.plan(world.now, Fault::HelperDies(0));
    then(world, Fault::Crash(0), 50 * MS)?;
    then(world, Fault::Boot(0), 10 * MS)?;
    owners_are(world, &[0])?;
    then(world, Fault::HelperStarts(0), 10 * S)?;
    masters_are(world, &[0])
}
