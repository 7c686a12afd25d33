//! ringward beside keepalived, in the same run on the same machine: takeovers, starts, stops,
//! processor time, system calls, memory, rhythm, size, and what either does under attack.
//! `bench/run` builds and starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    reason = "a measurement that fails is reported as failed; ratios are for people"
)]

#[path = "attack.rs"]
mod attack;
#[path = "compile.rs"]
mod compile;
#[path = "contestant.rs"]
mod contestant;
#[path = "cost.rs"]
mod cost;
#[path = "handover.rs"]
mod handover;
#[path = "../tests/hostile/instances.rs"]
mod hostile;
#[path = "../tests/hostile/kind.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod kind;
#[path = "lifetime.rs"]
mod lifetime;
#[path = "listener.rs"]
mod listener;
#[path = "memory.rs"]
mod memory;
#[path = "../tests/rig/noise.rs"]
mod noise;
#[path = "../tests/hostile/packet.rs"]
mod packet;
#[path = "report.rs"]
mod report;
#[path = "rhythm.rs"]
mod rhythm;
#[path = "../tests/rig/mod.rs"]
mod rig;
#[path = "scale.rs"]
mod scale;
#[path = "scripts.rs"]
mod scripts;
#[path = "size.rs"]
mod size;
#[path = "speaker.rs"]
mod speaker;
#[path = "stalls.rs"]
mod stalls;
#[path = "takeover.rs"]
mod takeover;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use contestant::Contestant;
use noise::Noise;
use report::{Report, Row};
use ringward::lab;
use ringward::time::Span;

/// When so much has passed, what was not begun yet is not measured.
const TIME_MAX: Duration = Duration::from_secs(14 * 60);

/// Some rows that are measured together.
struct Theme {
    name: &'static str,
    /// Measurements of each of the two programs.
    pairs: usize,
    measure: fn(&[Contestant; 2], usize, &mut Noise) -> Vec<Row>,
}

const fn theme(
    name: &'static str,
    pairs: usize,
    measure: fn(&[Contestant; 2], usize, &mut Noise) -> Vec<Row>,
) -> Theme {
    Theme { name, pairs, measure }
}

const THEMES: [Theme; 21] = [
    theme("takeover-10", 30, |pair, pairs, noise| {
        takeover::measure(pair, pairs, noise, Span::from_millis(10))
    }),
    theme("takeover-100", 30, |pair, pairs, noise| {
        takeover::measure(pair, pairs, noise, Span::from_millis(100))
    }),
    theme("takeover-scripts", 15, takeover::measure_scripted),
    theme("scripts", 2, scripts::measure),
    theme("handover", 10, handover::measure),
    theme("lifetime", 15, |pair, pairs, _| lifetime::measure(pair, pairs)),
    theme("start-255", 10, |pair, pairs, _| lifetime::measure_many(pair, pairs)),
    theme("memory-1", 5, |pair, pairs, _| memory::measure(pair, pairs, (1, 1))),
    theme("memory-255", 5, |pair, pairs, _| memory::measure(pair, pairs, (1, 255))),
    theme("memory-1000", 3, |pair, pairs, _| memory::measure(pair, pairs, (4, 250))),
    theme("compile", 15, compile::measure),
    theme("size", 1, |pair, _, _| size::measure(pair)),
    theme("master-spread", 3, speaker::measure_spread),
    theme("master-aligned", 3, speaker::measure_aligned),
    theme("backup-bursts", 3, |pair, pairs, _| listener::measure_bursts(pair, pairs)),
    theme("backup-spread", 3, |pair, pairs, _| listener::measure_spread(pair, pairs)),
    theme("malformed", 2, attack::measure_malformed),
    theme("rejects", 5, attack::measure_rejects),
    theme("flood-other", 3, attack::measure_other),
    theme("flood-own", 3, attack::measure_own),
    theme("scale", 2, scale::measure),
];

/// What the command line asks for.
struct Options {
    check: bool,
    pairs: Option<usize>,
    rows: Vec<String>,
    seed: u64,
    keepalived: Option<PathBuf>,
    ringward: PathBuf,
    ringwardc: PathBuf,
    report: PathBuf,
}

fn options() -> Option<Options> {
    let mut options = Options {
        check: false,
        pairs: None,
        rows: Vec::new(),
        seed: lab::now().as_nanos() % 1_000_000,
        keepalived: None,
        ringward: env!("CARGO_BIN_EXE_ringward").into(),
        ringwardc: env!("CARGO_BIN_EXE_ringwardc").into(),
        report: "keepalived.json".into(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => options.check = true,
            "--pairs" => {
                let count = arguments.next()?.parse().ok();
                options.pairs = Some(count.filter(|count| *count > 0)?);
            }
            "--row" => {
                let name = arguments.next()?;
                options.rows.push(THEMES.iter().find(|theme| theme.name == name)?.name.to_owned());
            }
            "--seed" => options.seed = arguments.next()?.parse().ok()?,
            "--keepalived" => options.keepalived = Some(arguments.next()?.into()),
            // Handed over by bench/run: the program as it is flashed, and where to write.
            "--ringward" => options.ringward = arguments.next()?.into(),
            "--ringwardc" => options.ringwardc = arguments.next()?.into(),
            "--report" => options.report = arguments.next()?.into(),
            _ => return None,
        }
    }
    Some(options)
}

fn usage() {
    eprintln!(
        "usage: bench/run [--check] [--row NAME]... [--pairs N] [--seed N] [--keepalived PATH]

  --check             exit with 1 if a bound is missed
  --row NAME          only these; can be repeated
  --pairs N           measurements of each of the two programs, instead of each row's own number
  --seed N            draw the same phases and packets again
  --keepalived PATH   compare with this one instead of Debian's

rows:"
    );
    for theme in &THEMES {
        eprintln!("  {:<16} {} pairs", theme.name, theme.pairs);
    }
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        usage();
        return ExitCode::from(2);
    };
    let pair = [
        Contestant::ringward(options.ringward, options.ringwardc),
        Contestant::keepalived(options.keepalived),
    ];
    let mut report = Report::new(&pair, options.seed);
    for theme in &THEMES {
        if !options.rows.is_empty() && !options.rows.iter().any(|name| name == theme.name) {
            continue;
        }
        if report.elapsed() > TIME_MAX {
            report.fail(theme.name, "not begun: out of time");
            continue;
        }
        let pairs = options.pairs.unwrap_or(theme.pairs);
        // Each draws its own numbers: they do not depend on which others are measured.
        let name = theme
            .name
            .bytes()
            .fold(0_u64, |sum, octet| sum.wrapping_mul(31).wrapping_add(u64::from(octet)));
        let mut noise = Noise(options.seed.wrapping_add(name));
        match catch_unwind(AssertUnwindSafe(|| (theme.measure)(&pair, pairs, &mut noise))) {
            Ok(rows) => rows.into_iter().for_each(|row| report.add(theme.name, row)),
            Err(_) => report.fail(theme.name, "could not be measured (see above)"),
        }
        // Whoever breaks it off keeps what was measured.
        report.write(&options.report).expect("the report can be written");
    }
    println!("\n{} s, written to {}", report.elapsed().as_secs(), options.report.display());
    if report.finish() || !options.check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
