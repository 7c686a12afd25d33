//! A third machine on the segment attacks a master and its backup. Does every advert leave on time,
//! is there ever a second master, and what does it cost?

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant as Clock};

use ringward::lab::{Capture, Frame, Injector, Node, Process, Seen, Segment, now};
use ringward::time::{Instant, Span};

use super::contestant::{Contestant, single};
use super::cost::Meter;
use super::hostile;
use super::kind::{self, KINDS};
use super::noise::Noise;
use super::packet::{GROUP4, Ipv4, PROTOCOL_VRRP, seal};
use super::report::{Bound, Row};
use super::rhythm::micros;

const INTERVAL: Span = Span::from_millis(100);
/// An advert that leaves later is late: a tenth of the shortest interval.
const LATE: Span = Span::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// The VRID that is attacked when there is one only, and its interval.
const ALONE: [(u8, Span); 1] = [(1, INTERVAL)];

struct Field {
    nodes: [Node; 2],
    master: Process,
    _backup: Process,
    injector: Injector,
    capture: Capture,
    rhythms: &'static [(u8, Span)],
    _attacker: Node,
    _segment: Segment,
}

/// What an attack did.
struct Outcome {
    /// Adverts that left too late, or not at all before the next one did.
    late: u64,
    longest_silence: Span,
    /// Adverts of the backup.
    of_backup: u64,
    sent: u64,
    due: u64,
    announced: u64,
    lasted: Span,
    /// The master's share of one processor, in percent.
    processor: f64,
    log_lines: u64,
}

impl Field {
    fn new(
        contestant: &Contestant,
        rhythms: &'static [(u8, Span)],
        text: fn(&str, &Node, &Node) -> String,
    ) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let nodes = [segment.node().unwrap(), segment.node().unwrap()];
        // The third one, as its packets say.
        let attacker = segment.node().unwrap();
        let capture = segment.capture().unwrap();
        let master = contestant.start(&nodes[0], &text("200", &nodes[0], &nodes[1]));
        wait_for_master(&capture, now(), rhythms);
        let backup = contestant.start(&nodes[1], &text("100", &nodes[1], &nodes[0]));
        // It has started when it has heard some.
        sleep(Duration::from_millis(500));
        wait_for_master(&capture, now(), rhythms);
        let injector = attacker.injector("eth0").unwrap();
        Field {
            nodes,
            master,
            _backup: backup,
            injector,
            capture,
            rhythms,
            _attacker: attacker,
            _segment: segment,
        }
    }

    /// Sends `count` rounds of frames, one round every `pace`.
    fn attack(
        &self,
        (count, pace): (u32, Duration),
        mut round: impl FnMut(&Injector, u32),
    ) -> Outcome {
        let meter = Meter::new(&self.master);
        let lines = || u64::try_from(self.master.output().lines().count()).unwrap();
        let (since, before, lines_before) = (now(), meter.processor(), lines());
        let mut next = Clock::now();
        for number in 0..count {
            round(&self.injector, number);
            next += pace;
            sleep(next.saturating_duration_since(Clock::now()));
        }
        let (until, after) = (now(), meter.processor());
        let log_lines = lines() - lines_before;
        wait_for_master(&self.capture, until, self.rhythms);
        let lasted = until.since(since);
        let mut outcome = Outcome {
            late: 0,
            longest_silence: Span::ZERO,
            of_backup: 0,
            sent: 0,
            due: 0,
            announced: 0,
            lasted,
            processor: (micros(after) - micros(before)) / micros(lasted) * 100.0,
            log_lines,
        };
        self.judge((since, until), &mut outcome);
        outcome
    }

    fn judge(&self, (since, until): (Instant, Instant), outcome: &mut Outcome) {
        let frames = self.capture.frames();
        let in_attack = |at: Instant| at >= since && at <= until;
        for &(vrid, interval) in self.rhythms {
            let of_master = frames.iter().filter(|frame| sent(frame) == Some((1, vrid)));
            let stamps = of_master.map(|frame| frame.at).collect::<Vec<_>>();
            // From the last one before it to the first one after it.
            let first = stamps.iter().rposition(|at| *at < since).unwrap();
            let last = stamps.iter().position(|at| *at > until).unwrap();
            for pair in stamps[first..=last].windows(2) {
                let gap = pair[1].since(pair[0]);
                outcome.longest_silence = outcome.longest_silence.max(gap);
                let late = gap.as_nanos().saturating_sub(LATE.as_nanos());
                outcome.late += late.saturating_sub(1) / interval.as_nanos();
            }
            outcome.sent += stamps.iter().filter(|at| in_attack(**at)).count() as u64;
            outcome.due += until.since(since).as_nanos() / interval.as_nanos();
        }
        for frame in frames.iter().filter(|frame| in_attack(frame.at)) {
            outcome.of_backup += u64::from(matches!(sent(frame), Some((2, _))));
            outcome.announced += u64::from(matches!(frame.seen(), Seen::Arp(arp)
                if arp.is_gratuitous() && arp.sender_mac == self.nodes[0].mac()));
        }
    }
}

/// Which router (1 or 2) sent this advert, for which VRID.
fn sent(frame: &Frame) -> Option<(u8, u8)> {
    let Seen::Advert(advert) = frame.seen() else { return None };
    let [.., number] = advert.source_mac;
    (number <= 2).then_some((number, advert.vrid))
}

fn wait_for_master(capture: &Capture, since: Instant, rhythms: &[(u8, Span)]) {
    for (vrid, _) in rhythms {
        let advert = capture.wait(since, PATIENCE, |frame| sent(frame) == Some((1, *vrid)));
        advert.unwrap_or_else(|fault| panic!("VRID {vrid} has no master: {fault}"));
    }
}

fn alone(contestant: &Contestant) -> Field {
    Field::new(contestant, &ALONE, |priority, _, _| single(priority.parse().unwrap(), INTERVAL))
}

/// The rows of an attack in which nothing may happen.
fn rows(name: &str) -> Vec<Row> {
    vec![
        Row::new(&format!("{name}: adverts late or missed"), "", Bound::Most(0.0)),
        Row::new("... longest silence", "ms", Bound::Open),
        Row::worst("... adverts of a second master", "", Bound::Most(0.0)),
        Row::new("... CPU", "%", Bound::Ratio(1.0)),
    ]
}

fn note(rows: &mut [Row], side: usize, outcome: &Outcome) {
    rows[0].add(side, outcome.late as f64);
    rows[1].add(side, micros(outcome.longest_silence) / 1e3);
    rows[2].add(side, outcome.of_backup as f64);
    rows[3].add(side, outcome.processor);
}

/// A good advert for the VRID under attack, of a router that would win.
const ADVERT: [u8; 12] = [0x31, 1, 255, 1, 0, 10, 0, 0, 10, 200, 0, 1];
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 3];
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 3);
const TO_GROUP: Ipv4 =
    Ipv4 { source: SOURCE, destination: GROUP4.0, ttl: 255, protocol: PROTOCOL_VRRP, fragment: 0 };

/// An advert for the VRID under attack with one octet spoilt after it was sealed, or cut off.
fn malformed(noise: &mut Noise) -> Vec<u8> {
    let mut pdu = seal(ADVERT.to_vec(), SOURCE, GROUP4.0);
    let at = noise.below(pdu.len());
    if at == 1 {
        // Not the VRID: cut, from nothing to all but one octet.
        pdu.truncate(noise.below(ADVERT.len()));
    } else {
        // In one's complement no change of a single octet leaves the sum as it is.
        pdu[at] ^= u8::try_from(1 + noise.below(255)).unwrap();
    }
    TO_GROUP.frame(MAC, GROUP4.1, &pdu)
}

pub(crate) fn measure_malformed(
    pair: &[Contestant; 2],
    pairs: usize,
    noise: &mut Noise,
) -> Vec<Row> {
    const COUNT: u32 = 10_000;
    /// 833 a second.
    const PACE: Duration = Duration::from_micros(1200);
    let mut rows = rows("10,000 malformed packets");
    for number in 0..pairs {
        let frames = (0..COUNT).map(|_| malformed(noise)).collect::<Vec<_>>();
        for side in Row::order(number) {
            let field = alone(&pair[side]);
            let outcome = field.attack((COUNT, PACE), |injector, number| {
                injector.send(&frames[usize::try_from(number).unwrap()]).unwrap();
            });
            note(&mut rows, side, &outcome);
        }
    }
    rows
}

/// All kinds of packets that nobody may obey, fifty a second of each.
pub(crate) fn measure_rejects(pair: &[Contestant; 2], pairs: usize, _: &mut Noise) -> Vec<Row> {
    const COUNT: u32 = 200;
    const PACE: Duration = Duration::from_millis(20);
    let mut rows = rows(&format!("{} reject kinds, 50/s each", KINDS.len()));
    for number in 0..pairs {
        for side in Row::order(number) {
            let field = Field::new(&pair[side], &hostile::RHYTHMS, hostile::configuration);
            let outcome = field.attack((COUNT, PACE), |injector, number| {
                // One deposes a master, the other calls a backup.
                let priority = if number % 2 == 0 { 255 } else { 0 };
                for kind in KINDS {
                    match kind.frame {
                        kind::Frame::Group(make) => injector.send(&make(priority)).unwrap(),
                        kind::Frame::Each(make) => {
                            for node in &field.nodes {
                                injector.send(&make(priority, node)).unwrap();
                            }
                        }
                    }
                }
            });
            note(&mut rows, side, &outcome);
        }
    }
    rows
}

/// 20,000 a second.
const FLOOD_PER_ROUND: u32 = 20;
const FLOOD_PACE: Duration = Duration::from_millis(1);
const FLOOD_ROUNDS: u32 = 4_000;

fn flood(field: &Field, frame: &[u8]) -> Outcome {
    field.attack((FLOOD_ROUNDS, FLOOD_PACE), |injector, _| {
        for _ in 0..FLOOD_PER_ROUND {
            injector.send(frame).unwrap();
        }
    })
}

/// Good adverts of a VRID that nobody here has.
pub(crate) fn measure_other(pair: &[Contestant; 2], pairs: usize, _: &mut Noise) -> Vec<Row> {
    let mut pdu = ADVERT.to_vec();
    pdu[1] = 99;
    let frame = TO_GROUP.frame(MAC, GROUP4.1, &seal(pdu, SOURCE, GROUP4.0));
    let mut rows = rows("20,000/s of another VRID");
    for number in 0..pairs {
        for side in Row::order(number) {
            let field = alone(&pair[side]);
            note(&mut rows, side, &flood(&field, &frame));
        }
    }
    rows
}

/// Adverts that keepalived answers each, with an advert and announcements.
pub(crate) fn measure_own(pair: &[Contestant; 2], pairs: usize, _: &mut Noise) -> Vec<Row> {
    let mut pdu = ADVERT.to_vec();
    pdu[2] = 50;
    let frame = TO_GROUP.frame(MAC, GROUP4.1, &seal(pdu, SOURCE, GROUP4.0));
    let mut rows = vec![
        Row::new("20,000/s of lower priority: adverts, of those due", "x", Bound::Most(2.0)),
        Row::new("... announcements, of those due", "x", Bound::Most(2.0)),
        Row::new("... longest silence", "ms", Bound::Open),
        Row::worst("... adverts of a second master", "", Bound::Most(0.0)),
        Row::new("... CPU", "%", Bound::Ratio(0.3)),
        Row::new("... lines in the log", "", Bound::Most(10.0)),
    ];
    for number in 0..pairs {
        for side in Row::order(number) {
            let field = alone(&pair[side]);
            let outcome = flood(&field, &frame);
            rows[0].add(side, outcome.sent as f64 / outcome.due as f64);
            rows[1].add(side, outcome.announced as f64 / announcements_due(&outcome));
            rows[2].add(side, micros(outcome.longest_silence) / 1e3);
            rows[3].add(side, outcome.of_backup as f64);
            rows[4].add(side, outcome.processor);
            rows[5].add(side, outcome.log_lines as f64);
        }
    }
    rows
}

/// A rival is answered by garp_lower_prio_repeat (5) announcements, and by as many again after each
/// garp_lower_prio_delay (5 s), as long as it is there.
fn announcements_due(outcome: &Outcome) -> f64 {
    5.0 * (1 + outcome.lasted.as_secs() / 5) as f64
}
