//! The memory of all processes of a program that is master of all its instances: proportional set
//! size, and the anonymous part of it (`/proc/PID/smaps_rollup`).

use std::fs;
use std::net::Ipv4Addr;

use ringward::lab::{Node, Process, Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, configuration, instances};
use super::report::{Bound, Row};
use super::rhythm::wait_for_adverts;

/// A machine with an interface on each of these segments: `eth0`, `eth1` and so on.
pub(crate) fn wired(segments: &[Segment]) -> Node {
    let node = segments[0].node().unwrap_or_else(|fault| panic!("{fault}"));
    for (number, segment) in (1_u8..).zip(&segments[1..]) {
        let address = Ipv4Addr::new(10, 99, number, node.number());
        node.join(segment, &format!("eth{number}"), address).unwrap();
    }
    node
}

/// Its memory after two adverts of each instance, in kilobytes.
fn round(contestant: &Contestant, (interfaces, each): (u8, u8)) -> (f64, f64) {
    // Killed programs leave their addresses: each has a machine of its own.
    let segments = (0..interfaces).map(|_| Segment::new().unwrap()).collect::<Vec<_>>();
    let node = wired(&segments);
    let captures = segments.iter().map(|segment| segment.capture().unwrap()).collect::<Vec<_>>();
    let text = configuration(&instances((interfaces, each), || 255), Span::from_millis(100));
    let since = now();
    let process = contestant.start(&node, &text);
    for capture in &captures {
        wait_for_adverts(capture, (node.mac(), since), (each.into(), 2));
    }
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

/// Of so many instances on each of so many interfaces.
pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, layout: (u8, u8)) -> Vec<Row> {
    let count = u32::from(layout.0) * u32::from(layout.1);
    let mut rows = vec![
        Row::new(&format!("PSS, instances: {count}"), "kB", Bound::Ratio(0.25)),
        Row::new(&format!("anonymous PSS, instances: {count}"), "kB", Bound::Open),
    ];
    for number in 0..pairs {
        for side in Row::order(number) {
            let (all, anonymous) = round(&pair[side], layout);
            rows[0].add(side, all);
            rows[1].add(side, anonymous);
        }
    }
    rows
}
