//! A master of 2,000 virtual routers on eight interfaces, at 100 ms, phases drawn at random.

use std::thread::sleep;
use std::time::Duration;

use ringward::lab::{Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, configuration, drawn, instances};
use super::cost::Meter;
use super::memory::wired;
use super::noise::Noise;
use super::report::{Bound, Row};
use super::rhythm::{Rhythm, micros, quantile, wait_for_adverts};
use super::stalls::Stalls;

const INTERFACES: u8 = 8;
const EACH: u8 = 250;
const INTERVAL: Span = Span::from_millis(100);
const SETTLE: Duration = Duration::from_millis(1500);
const WINDOW: Duration = Duration::from_secs(4);

struct Sample {
    missed: u64,
    /// The share of one processor, in percent.
    processor: f64,
    /// Intervals above 100 ms while the machine ran, in microseconds.
    excesses: Vec<f64>,
}

fn round(contestant: &Contestant, text: &str) -> Sample {
    let segments = (0..INTERFACES).map(|_| Segment::new().unwrap()).collect::<Vec<_>>();
    let node = wired(&segments);
    let captures = segments.iter().map(|segment| segment.capture().unwrap()).collect::<Vec<_>>();
    let since = now();
    let process = contestant.start(&node, text);
    for capture in &captures {
        wait_for_adverts(capture, (node.mac(), since), (EACH.into(), 1));
    }
    sleep(SETTLE);
    let meter = Meter::new(&process);
    let (since, before) = (now(), meter.processor_and_soft_interrupts());
    let ((), stalls) = Stalls::during(|| sleep(WINDOW));
    let (until, after) = (now(), meter.processor_and_soft_interrupts());
    let (mut missed, mut excesses) = (0, Vec::new());
    for capture in &captures {
        let rhythm = Rhythm::new(capture, node.mac(), (since, until), INTERVAL);
        missed += rhythm.missed();
        excesses.extend(rhythm.excesses_outside(&stalls));
    }
    let processor = (micros(after) - micros(before)) / micros(until.since(since)) * 100.0;
    Sample { missed, processor, excesses }
}

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, noise: &mut Noise) -> Vec<Row> {
    let mut rows = vec![
        Row::new("2000 masters, 8 interfaces: adverts missed", "", Bound::Most(0.0)),
        Row::new("... CPU", "%", Bound::Ratio(1.0)),
        Row::new("... interval above 100 ms, p99.9", "us", Bound::Ratio(1.0)),
    ];
    for number in 0..pairs {
        let instances = instances((INTERFACES, EACH), || drawn(noise));
        let text = configuration(&instances, INTERVAL);
        for side in Row::order(number) {
            let sample = round(&pair[side], &text);
            rows[0].add(side, sample.missed as f64);
            rows[1].add(side, sample.processor);
            rows[2].add(side, quantile(sample.excesses, 999));
        }
    }
    rows
}
