//! A master of 255 virtual routers at 100 ms: what an advert costs, and when it leaves.

use std::thread::sleep;
use std::time::Duration;

use ringward::lab::{Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, Instance, configuration, drawn, instances};
use super::cost::Meter;
use super::noise::Noise;
use super::report::{Bound, Row};
use super::rhythm::{Rhythm, micros, quantile, wait_for_adverts};
use super::stalls::Stalls;

const INTERVAL: Span = Span::from_millis(100);
const COUNT: u8 = 255;
/// After the last has become master: announcements are over, and adverts have found company.
const SETTLE: Duration = Duration::from_secs(1);
/// ringward renews the leases of its addresses every five seconds: once in each window.
const WINDOW: Duration = Duration::from_secs(5);

struct Sample {
    processor: f64,
    system_calls: f64,
    /// Intervals above 100 ms, in microseconds.
    excesses: Vec<f64>,
    /// The same of the adverts that were due while the machine ran.
    excesses_outside: Vec<f64>,
}

fn round(contestant: &Contestant, instances: &[Instance]) -> Sample {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = segment.node().unwrap();
    let capture = segment.capture().unwrap();
    let since = now();
    let process = contestant.start(&node, &configuration(instances, INTERVAL));
    wait_for_adverts(&capture, (node.mac(), since), (instances.len(), 1));
    sleep(SETTLE);
    let meter = Meter::new(&process);
    let (since, before) = (now(), meter.processor_and_soft_interrupts());
    let ((), stalls) = Stalls::during(|| sleep(WINDOW));
    let (until, after) = (now(), meter.processor_and_soft_interrupts());
    let rhythm = Rhythm::new(&capture, node.mac(), (since, until), INTERVAL);
    // Apart, because counting takes time itself.
    capture.forget();
    let since = now();
    let calls = meter.system_calls(WINDOW);
    let until = now();
    let counted = Rhythm::new(&capture, node.mac(), (since, until), INTERVAL).adverts();
    Sample {
        processor: (micros(after) - micros(before)) / rhythm.adverts() as f64,
        system_calls: calls / (counted as f64 / micros(until.since(since)) * 1e6),
        excesses: rhythm.excesses().collect(),
        excesses_outside: rhythm.excesses_outside(&stalls).collect(),
    }
}

/// Phases drawn at random, the same ones for both.
pub(crate) fn measure_spread(pair: &[Contestant; 2], pairs: usize, noise: &mut Noise) -> Vec<Row> {
    let mut rows = vec![
        Row::new("255 masters, random phases: CPU an advert", "us", Bound::Ratio(0.5)),
        Row::new("... system calls an advert", "", Bound::Most(1.0)),
        Row::new("... interval above 100 ms, p50", "us", Bound::Ratio(1.0)),
        Row::new("... interval above 100 ms, p99.9", "us", Bound::Ratio(1.0)),
        Row::new("... that and what the machine held up, p99.9", "us", Bound::Open),
        Row::new("... interval above 100 ms, mean: drift", "us", Bound::Most(1.0)),
    ];
    for number in 0..pairs {
        let instances = instances((1, COUNT), || drawn(noise));
        for side in Row::order(number) {
            let sample = round(&pair[side], &instances);
            let mean = sample.excesses.iter().sum::<f64>() / sample.excesses.len() as f64;
            rows[0].add(side, sample.processor);
            rows[1].add(side, sample.system_calls);
            rows[2].add(side, quantile(sample.excesses.clone(), 500));
            rows[3].add(side, quantile(sample.excesses_outside, 999));
            rows[4].add(side, quantile(sample.excesses, 999));
            rows[5].add(side, mean);
        }
    }
    rows
}

/// All of the same priority: they become masters at the same moment.
pub(crate) fn measure_aligned(pair: &[Contestant; 2], pairs: usize, _: &mut Noise) -> Vec<Row> {
    let mut rows = vec![
        Row::new("255 masters, aligned: CPU an advert", "us", Bound::Ratio(0.3)),
        Row::new("... system calls an advert", "", Bound::Most(0.1)),
    ];
    let instances = instances((1, COUNT), || 100);
    for number in 0..pairs {
        for side in Row::order(number) {
            let sample = round(&pair[side], &instances);
            rows[0].add(side, sample.processor);
            rows[1].add(side, sample.system_calls);
        }
    }
    rows
}
