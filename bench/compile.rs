//! How long it takes to judge a configuration of 255 virtual routers: `ringwardc compile` beside
//! `keepalived -t`.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant as Clock;

use ringward::lab::Segment;
use ringward::time::Span;

use super::contestant::{Contestant, configuration, drawn, instances};
use super::memory::wired;
use super::noise::Noise;
use super::report::{Bound, Row};

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, noise: &mut Noise) -> Vec<Row> {
    let mut rows = vec![Row::new("compile 255 instances", "ms", Bound::Ratio(0.5))];
    // keepalived asks for the interface.
    let segments = [Segment::new().unwrap()];
    let node = wired(&segments);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&directory).unwrap();
    let source = directory.join("compile.conf");
    for number in 0..pairs {
        let instances = instances((1, 255), || drawn(noise));
        fs::write(&source, configuration(&instances, Span::from_millis(100))).unwrap();
        for side in Row::order(number) {
            let mut command = pair[side].judge(&source, &directory.join("compile.rwb"));
            command.stdin(Stdio::null());
            // A thread in the namespace starts it: what a process of the lab costs is not of interest.
            let (taken, output) = node
                .enter(|| {
                    let since = Clock::now();
                    let output = command.output().expect("it can be started");
                    Ok((since.elapsed(), output))
                })
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            rows[0].add(side, taken.as_secs_f64() * 1000.0);
        }
    }
    rows
}
