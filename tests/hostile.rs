//! A third machine on the segment sends adverts that nobody may obey, fifty a second of each kind,
//! to a master and its backup. Every advert of the master leaves on time, there never is a second
//! master, and each packet is counted under its reason and under no other.
//!
//! keepalived re-arms its advert timer after any packet for its VRID, a dropped one included:
//! Debian's 2.2.7 sent 11 of 40 adverts under such an attack, and its backup became master.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "hostile/instances.rs"]
mod instances;
#[path = "hostile/kind.rs"]
mod kind;
#[path = "hostile/packet.rs"]
mod packet;
mod rig;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant as Clock};

use instances::{RHYTHMS, configuration};
use kind::{Frame, KINDS, Kind};
use rig::{Program, Router, undisturbed};
use ringward::lab::{self, Capture, Injector, Node, Seen, Segment};
use ringward::time::{Instant, Span};
use serde_json::Value;

/// Fifty a second.
const PACE: Duration = Duration::from_millis(20);
/// Packets of each kind when it comes alone: 1.2 s.
const ALONE: u64 = 60;
/// Packets of each kind when all come at once: 4 s.
const TOGETHER: u64 = 200;
/// A regular advert may leave up to 1 ms early to share a turn of the loop with others.
const EARLY_MAX: Span = Span::from_millis(1);
/// What a busy machine of two cores may add to an interval.
const LATE_MAX: Span = Span::from_millis(25);
/// Ten times the master-down interval of the slowest instance.
const PATIENCE: Duration = Duration::from_secs(36);

struct Field {
    nodes: [Node; 2],
    routers: [Router; 2],
    injector: Injector,
    capture: Capture,
    _attacker: Node,
    _segment: Segment,
}

/// How many packets were rejected, by reason; reasons without any are left out.
type Counts = BTreeMap<String, u64>;

impl Field {
    /// The first node is master of every instance, the second one its backup.
    fn new(program: Program) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let nodes = [segment.node().unwrap(), segment.node().unwrap()];
        let attacker = segment.node().unwrap();
        let capture = segment.capture().unwrap();
        let start = |number: usize, priority: &str| {
            let (node, peer) = (&nodes[number], &nodes[1 - number]);
            let text = configuration(priority, node, peer);
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
            Router::start(program, node, &directory, &text)
        };
        let master = start(0, "200");
        let wait_for_adverts = || {
            let since = lab::now();
            for (vrid, _) in RHYTHMS {
                let is_there = |frame: &lab::Frame| sent(frame) == Some((1, vrid));
                let advert = capture.wait(since, PATIENCE, is_there);
                advert.unwrap_or_else(|fault| panic!("VRID {vrid} finds no master: {fault}"));
            }
        };
        wait_for_adverts();
        let mut backup = start(1, "100");
        backup.wait_until_ready(&nodes[1], PATIENCE);
        wait_for_adverts();
        let injector = attacker.injector("eth0").unwrap();
        let routers = [master, backup];
        Field { nodes, routers, injector, capture, _attacker: attacker, _segment: segment }
    }

    /// Sends `count` packets of each of `kinds`, at fifty a second.
    fn attack(&self, kinds: &[Kind], count: u64) {
        let mut next = Clock::now();
        for round in 0..count {
            let priority = if round % 2 == 0 { 255 } else { 0 };
            for kind in kinds {
                match kind.frame {
                    Frame::Group(make) => self.injector.send(&make(priority)).unwrap(),
                    Frame::Each(make) => {
                        for node in &self.nodes {
                            self.injector.send(&make(priority, node)).unwrap();
                        }
                    }
                }
            }
            next += PACE;
            std::thread::sleep(next.saturating_duration_since(Clock::now()));
        }
    }

    /// What was sent since then, and until the master has advertised each VRID once more.
    fn aftermath(&self, since: Instant, during: &'static str) -> Aftermath {
        let until = lab::now();
        for (vrid, _) in RHYTHMS {
            let is_next = |frame: &lab::Frame| sent(frame) == Some((1, vrid));
            let next = self.capture.wait(until, PATIENCE, is_next);
            next.unwrap_or_else(|fault| panic!("{during}: VRID {vrid} falls silent: {fault}"));
        }
        let frames = self.capture.frames();
        let adverts = frames.iter().filter_map(|frame| Some((frame.at, sent(frame)?)));
        Aftermath { during, since, until, adverts: adverts.collect() }
    }

    fn counts(&self) -> [Counts; 2] {
        [0, 1].map(|number| rejected(&self.routers[number].status(&self.nodes[number])))
    }
}

/// The adverts of the two routers.
struct Aftermath {
    during: &'static str,
    since: Instant,
    until: Instant,
    adverts: Vec<(Instant, (u8, u8))>,
}

impl Aftermath {
    /// When the master sent its adverts for a VRID, from the last one before the attack on.
    fn stamps(&self, vrid: u8) -> Vec<Instant> {
        let of_vrid = self.adverts.iter().filter(|advert| advert.1 == (1, vrid));
        let stamps = of_vrid.map(|advert| advert.0).collect::<Vec<_>>();
        let last_before = stamps.iter().rposition(|at| *at < self.since).unwrap();
        stamps[last_before..].to_vec()
    }

    /// Fails if the master was late, or the backup spoke.
    fn assert_one_master(&self) {
        let during = self.during;
        for (vrid, interval) in RHYTHMS {
            for pair in self.stamps(vrid).windows(2) {
                let gap = pair[1].since(pair[0]);
                assert!(gap <= interval + LATE_MAX, "{during}: VRID {vrid} is silent for {gap}");
            }
        }
        let mut of_backup = self.adverts.iter().filter(|advert| advert.1.0 == 2);
        let second = of_backup.find(|advert| advert.0 >= self.since);
        assert!(second.is_none(), "{during}: a second master");
    }

    /// Fails if the master sent more than its regular adverts.
    fn assert_no_reaction(&self) {
        let during = self.during;
        for (vrid, interval) in RHYTHMS {
            let stamps = self.stamps(vrid);
            for (count, at) in (0..).zip(&stamps) {
                // The first one may have been late itself.
                let passed = at.since(stamps[0]) + EARLY_MAX.times(count) + LATE_MAX;
                let is_regular = passed >= interval.times(count);
                assert!(is_regular, "{during}: VRID {vrid} sends {count} adverts in {passed}");
            }
        }
    }
}

/// Rhythms are looked at: no test is to disturb another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Which router (1 or 2) sent this advert, for which VRID.
fn sent(frame: &lab::Frame) -> Option<(u8, u8)> {
    let Seen::Advert(advert) = frame.seen() else { return None };
    let [.., number] = advert.source_mac;
    (number <= 2).then_some((number, advert.vrid))
}

/// The counters of rejected packets in a status, of interfaces and instances together.
fn rejected(status: &Value) -> Counts {
    let interfaces = status["interfaces"].as_array().into_iter().flatten();
    let instances = status["instances"].as_array().into_iter().flatten();
    let tables = interfaces
        .map(|interface| &interface["rejected"])
        .chain(instances.map(|instance| &instance["counters"]["rejected"]));
    let mut counts = Counts::new();
    for (reason, count) in tables.flat_map(|table| table.as_object().unwrap()) {
        *counts.entry(reason.clone()).or_default() += count.as_u64().unwrap();
    }
    counts
}

/// By how much the counters have risen.
fn risen(before: &Counts, after: &Counts) -> Counts {
    let rise = |(reason, count): (&String, &u64)| (reason.clone(), count - before[reason]);
    after.iter().map(rise).filter(|entry| entry.1 > 0).collect()
}

#[test]
fn no_packet_to_be_rejected_delays_an_advert_or_makes_a_second_master() {
    let _alone = ONE_AT_A_TIME.lock();
    let field = Field::new(Program::Ringward);
    for kind in KINDS {
        undisturbed(|| {
            let (since, before) = (lab::now(), field.counts());
            field.attack(std::slice::from_ref(kind), ALONE);
            let aftermath = field.aftermath(since, kind.name);
            aftermath.assert_one_master();
            aftermath.assert_no_reaction();
            let after = field.counts();
            let expected = kind.reason.map(|reason| (reason.to_owned(), ALONE));
            for number in [0, 1] {
                let rise = risen(&before[number], &after[number]);
                let name = kind.name;
                assert_eq!(rise, expected.clone().into_iter().collect(), "{name}, node {number}");
            }
        });
    }
    undisturbed(|| {
        let since = lab::now();
        field.attack(KINDS, TOGETHER);
        let aftermath = field.aftermath(since, "all kinds at once");
        aftermath.assert_one_master();
        aftermath.assert_no_reaction();
    });
}

/// Ten thousand a second: a master answers a rival, to end its reign, but once an interval only.
#[test]
fn a_flood_of_inferior_adverts_is_answered_once_an_interval() {
    const FLOOD_ROUNDS: u32 = 2_000;
    const PER_ROUND: usize = 10;
    let _alone = ONE_AT_A_TIME.lock();
    let field = Field::new(Program::Ringward);
    let frame = kind::inferior_advert();
    undisturbed(|| {
        let since = lab::now();
        let mut next = Clock::now();
        for _ in 0..FLOOD_ROUNDS {
            for _ in 0..PER_ROUND {
                field.injector.send(&frame).unwrap();
            }
            next += Duration::from_millis(1);
            std::thread::sleep(next.saturating_duration_since(Clock::now()));
        }
        let aftermath = field.aftermath(since, "a flood");
        aftermath.assert_one_master();
        let ((vrid, interval), until) = (RHYTHMS[0], aftermath.until);
        let in_flood = |at: &&Instant| **at >= since && **at <= until;
        let adverts = aftermath.stamps(vrid).iter().filter(in_flood).count();
        // A regular one and an answer in each interval that has begun.
        let intervals = until.since(since).as_nanos().div_ceil(interval.as_nanos()) + 1;
        let adverts_max = usize::try_from(2 * intervals).unwrap();
        assert!(adverts <= adverts_max, "{adverts} adverts in {intervals} intervals");
    });
}

/// The witness behind [`undisturbed`]: many small losses close together are a stall, far apart they
/// are none.
#[test]
fn a_machine_that_loses_time_in_small_pieces_has_stood_still() {
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let loss = |when, lost| (at(when), Span::from_millis(lost));
    assert_eq!(rig::lost_at_most(&[], at(0)), Span::ZERO);
    let pieces = [loss(100, 9), loss(120, 8), loss(149, 10), loss(151, 7), loss(900, 12)];
    assert_eq!(rig::lost_at_most(&pieces, at(0)), Span::from_millis(27));
    // What was lost before the test began is not counted.
    assert_eq!(rig::lost_at_most(&pieces, at(130)), Span::from_millis(17));
    assert_eq!(rig::lost_at_most(&pieces, at(200)), Span::from_millis(12));
}
