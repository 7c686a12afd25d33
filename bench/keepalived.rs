//! ringward beside keepalived, in the same run on the same machine: how long a takeover takes, a
//! start, a stop, and how much memory. `bench/run` builds and starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    reason = "a measurement that fails ends the program; ratios are for people"
)]

#[path = "contestant.rs"]
mod contestant;
#[path = "lifetime.rs"]
mod lifetime;
#[path = "memory.rs"]
mod memory;
#[path = "report.rs"]
mod report;
#[path = "../tests/rig/mod.rs"]
mod rig;
#[path = "takeover.rs"]
mod takeover;

use std::path::PathBuf;
use std::process::ExitCode;

use contestant::Contestant;
use report::Report;
use ringward::time::Span;

const USAGE: &str = "usage: bench/run [--check] [--pairs N] [--keepalived PATH]

  --check             exit with 1 if a bound is missed
  --pairs N           measurements of each of the two programs (30)
  --keepalived PATH   compare with this one instead of Debian's";

/// What the command line asks for.
struct Options {
    check: bool,
    pairs: usize,
    keepalived: Option<PathBuf>,
    ringward: PathBuf,
    report: PathBuf,
}

fn options() -> Option<Options> {
    let mut options = Options {
        check: false,
        pairs: 30,
        keepalived: None,
        ringward: env!("CARGO_BIN_EXE_ringward").into(),
        report: "keepalived.json".into(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => options.check = true,
            "--pairs" => {
                options.pairs = arguments.next()?.parse().ok().filter(|count| *count > 0)?
            }
            "--keepalived" => options.keepalived = Some(arguments.next()?.into()),
            // Handed over by bench/run: the program as it is shipped, and where to write.
            "--ringward" => options.ringward = arguments.next()?.into(),
            "--report" => options.report = arguments.next()?.into(),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let pair = [Contestant::ringward(options.ringward), Contestant::keepalived(options.keepalived)];
    let mut report = Report::new(&pair, options.pairs);
    for interval in [Span::from_millis(10), Span::from_millis(100)] {
        report.add(takeover::measure(&pair, options.pairs, interval));
    }
    for row in lifetime::measure(&pair, options.pairs) {
        report.add(row);
    }
    for instances in [1, 255] {
        for row in memory::measure(&pair, options.pairs, instances) {
            report.add(row);
        }
    }
    report.write(&options.report).expect("the report can be written");
    if report.finish() || !options.check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
