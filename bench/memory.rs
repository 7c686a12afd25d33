//! The memory of all processes of a program that is master of all its instances: proportional set
//! size, and the anonymous part of it (`/proc/PID/smaps_rollup`).

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ringward::lab::{Capture, Frame, Node, Process, Seen, Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, configuration};
use super::report::Row;

const PATIENCE: Duration = Duration::from_secs(30);

/// Its memory after two adverts of each instance, in kilobytes.
fn round((node, capture): (&Node, &Capture), contestant: &Contestant, instances: u8) -> (f64, f64) {
    let text = configuration(instances, 255, Span::from_millis(100));
    let mut command = contestant.command(node, &text);
    let since = now();
    let process = node.spawn(&mut command).unwrap();
    let mut adverts = BTreeMap::new();
    let is_settled = |frame: &Frame| {
        if let Seen::Advert(advert) = frame.seen() {
            *adverts.entry(advert.vrid).or_insert(0) += 1;
        }
        adverts.len() == usize::from(instances) && adverts.values().all(|count| *count >= 2)
    };
    let settled = capture.wait(since, PATIENCE, is_settled);
    settled.unwrap_or_else(|fault| {
        panic!("{:?} settles: {fault}\n{}", contestant.program, process.output())
    });
    (sum(&process, "Pss:"), sum(&process, "Pss_Anon:"))
}

fn sum(process: &Process, field: &str) -> f64 {
    let of_one = |pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = rollup.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    process.tree().into_iter().map(|(pid, _)| of_one(pid)).sum()
}

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, instances: u8) -> [Row; 2] {
    let mut rows = [
        Row::new(&format!("PSS, instances: {instances}"), "kB", 0.3),
        Row::new(&format!("anonymous PSS, instances: {instances}"), "kB", 0.8),
    ];
    for number in 0..pairs {
        // Killed programs leave their addresses: each pair gets a segment of its own.
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let capture = segment.capture().unwrap();
        for side in Row::order(number) {
            let node = segment.node().unwrap();
            let (all, anonymous) = round((&node, &capture), &pair[side], instances);
            rows[0].add(side, all);
            rows[1].add(side, anonymous);
        }
    }
    rows
}
