//! A backup of 255 virtual routers at 100 ms: what it costs to hear an advert. Their master is not
//! a router but a list of frames, sent in bursts or evenly.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant as Clock};

use ringward::lab::{Capture, Injector, Node, Process, Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, configuration, instances};
use super::cost::Meter;
use super::packet::{GROUP4, Ipv4, PROTOCOL_VRRP, seal};
use super::report::{Bound, Row};
use super::rhythm::{micros, vrid_of};

const INTERVAL: Span = Span::from_millis(100);
const COUNT: u8 = 255;
const BACKUP_PRIORITY: u8 = 100;
const MASTER_PRIORITY: u8 = 200;
/// Start, and as long as a backup would wait for a master that it does not hear, twice.
const SETTLE: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(3);

/// The adverts of all VRIDs, as the second node of the segment would send them.
fn frames(sender: &Node) -> Vec<Vec<u8>> {
    let source = sender.ipv4();
    let header =
        Ipv4 { source, destination: GROUP4.0, ttl: 255, protocol: PROTOCOL_VRRP, fragment: 0 };
    let frame = |vrid| {
        let pdu = vec![0x31, vrid, MASTER_PRIORITY, 1, 0, 10, 0, 0, 10, 200, 0, vrid];
        header.frame(sender.mac(), GROUP4.1, &seal(pdu, source, GROUP4.0))
    };
    (1..=COUNT).map(frame).collect()
}

/// Sends all frames once an interval, `at_once` of them together.
fn feed(
    injector: &Injector,
    frames: &[Vec<u8>],
    at_once: usize,
    (sent, stop): (&AtomicU64, &AtomicBool),
) {
    let parts = u32::try_from(frames.len().div_ceil(at_once)).unwrap();
    let pause = Duration::from_nanos(INTERVAL.as_nanos()) / parts;
    let mut next = Clock::now();
    loop {
        for part in frames.chunks(at_once) {
            for frame in part {
                injector.send(frame).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
            next += pause;
            sleep(next.saturating_duration_since(Clock::now()));
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Microseconds of processor time an advert.
fn round(contestant: &Contestant, at_once: usize) -> f64 {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let (backup, master) = (segment.node().unwrap(), segment.node().unwrap());
    let capture = segment.capture().unwrap();
    let injector = master.injector("eth0").unwrap();
    let frames = frames(&master);
    let (sent, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    scope(|scope| {
        scope.spawn(|| feed(&injector, &frames, at_once, (&sent, &stop)));
        let text = configuration(&instances((1, COUNT), || BACKUP_PRIORITY), INTERVAL);
        let process = contestant.start(&backup, &text);
        sleep(SETTLE);
        let cost = listen(&process, (&capture, &backup), &sent);
        stop.store(true, Ordering::Relaxed);
        cost
    })
}

fn listen(process: &Process, (capture, backup): (&Capture, &Node), sent: &AtomicU64) -> f64 {
    let meter = Meter::new(process);
    let (since, heard) = (now(), sent.load(Ordering::Relaxed));
    let before = meter.processor();
    sleep(WINDOW);
    let after = meter.processor();
    let heard = sent.load(Ordering::Relaxed) - heard;
    let spoke = capture.find(since, |frame| vrid_of(frame, backup.mac()).is_some());
    assert!(spoke.is_none(), "the backup is one: {}\n{}", spoke.unwrap(), process.output());
    (micros(after) - micros(before)) / heard as f64
}

fn measure(pair: &[Contestant; 2], pairs: usize, at_once: usize, mut row: Row) -> Vec<Row> {
    for number in 0..pairs {
        for side in Row::order(number) {
            row.add(side, round(&pair[side], at_once));
        }
    }
    vec![row]
}

pub(crate) fn measure_bursts(pair: &[Contestant; 2], pairs: usize) -> Vec<Row> {
    let row = Row::new("255 backups, adverts in bursts: CPU an advert", "us", Bound::Ratio(1.0));
    measure(pair, pairs, COUNT.into(), row)
}

pub(crate) fn measure_spread(pair: &[Contestant; 2], pairs: usize) -> Vec<Row> {
    let row = Row::new("255 backups, adverts spread: CPU an advert", "us", Bound::Ratio(1.5));
    measure(pair, pairs, 1, row)
}
