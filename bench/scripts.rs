//! What it costs to run programs: fifty scripts, each every second.

use std::thread::sleep;
use std::time::Duration;

use ringward::lab::{Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, scripted};
use super::cost::Meter;
use super::noise::Noise;
use super::report::{Bound, Row};
use super::rhythm::{micros, wait_for_adverts};

const COUNT: u8 = 50;
const INTERVAL: Span = Span::from_millis(100);
/// The first answers are there, and the scripts have found their rhythm.
const SETTLE: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(5);
/// Longer than one of the scripts takes, and not a part of the second in which each comes once.
const PAUSE: Duration = Duration::from_millis(130);

/// The share of one processor, in percent: of the program, and of the scripts.
fn round(contestant: &Contestant) -> [f64; 2] {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = segment.node().unwrap();
    let capture = segment.capture().unwrap();
    let since = now();
    let process = contestant.start(&node, &scripted(100, INTERVAL, COUNT));
    wait_for_adverts(&capture, (node.mac(), since), (1, 1));
    sleep(SETTLE);
    let meter = Meter::of_lasting(&process, PAUSE);
    let read = || (now(), meter.processor(), meter.processor_of_ended());
    let (since, before, ended_before) = read();
    sleep(WINDOW);
    let (until, after, ended_after) = read();
    let lasted = micros(until.since(since));
    [(before, after), (ended_before, ended_after)]
        .map(|(before, after)| (micros(after) - micros(before)) / lasted * 100.0)
}

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, _: &mut Noise) -> Vec<Row> {
    let mut rows = vec![
        Row::new("50 scripts a second: CPU", "%", Bound::Ratio(0.7)),
        Row::new("... CPU of the scripts, from fork to end", "%", Bound::Open),
    ];
    for number in 0..pairs {
        for side in Row::order(number) {
            let shares = round(&pair[side]);
            for (row, share) in rows.iter_mut().zip(shares) {
                row.add(side, share);
            }
        }
    }
    rows
}
