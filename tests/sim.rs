//! The simulator's command line, and the test that runs it.
//!
//! ```text
//! sim                      every scenario, and 300 seeds, each twice
//! sim --count N            N seeds from --seed on (default: 1), each twice; --once: once
//! sim --seed N [--trace] [--pcap OUT]
//! sim --scenario NAME [--trace] [--pcap OUT]
//! ```
//!
//! The exit code of one run is 0, or 10 and the number of the invariant that did not hold.
#![allow(clippy::expect_used, reason = "a test: without threads there is nothing to run")]

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ringward::sim::{self, Outcome, Record, SCENARIOS};

/// An engine is megabytes of tables, which pass over the stack while it is boxed.
const STACK: usize = 256 << 20;

/// Seeds of a run without arguments.
const SEED_COUNT: u64 = 300;

#[derive(Default)]
struct Arguments {
    seed: Option<u64>,
    count: Option<u64>,
    scenario: Option<String>,
    once: bool,
    trace: bool,
    pcap: Option<String>,
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => arguments.seed = Some(words.next()?.parse().ok()?),
            "--count" => arguments.count = Some(words.next()?.parse().ok()?),
            "--scenario" => arguments.scenario = Some(words.next()?),
            "--pcap" => arguments.pcap = Some(words.next()?),
            "--trace" => arguments.trace = true,
            "--once" => arguments.once = true,
            _ => return None,
        }
    }
    Some(arguments)
}

/// Plays on a thread with room; a panic is invariant 15.
fn play(run: impl Fn() -> Outcome + Send + 'static) -> Result<Outcome, u8> {
    let thread = thread::Builder::new().stack_size(STACK).spawn(run);
    thread.expect("a thread").join().map_err(|_| 15)
}

/// One run, shown.
fn show(run: impl Fn(Record) -> Outcome + Send + 'static, arguments: &Arguments) -> ExitCode {
    let record = Record { trace: arguments.trace, pcap: arguments.pcap.is_some() };
    let outcome = match play(move || run(record)) {
        Ok(outcome) => outcome,
        Err(invariant) => return ExitCode::from(10 + invariant),
    };
    print!("{}", outcome.trace);
    if let Some(path) = &arguments.pcap
        && let Err(error) = std::fs::write(path, &outcome.pcap)
    {
        eprintln!("{path}: {error}");
        return ExitCode::from(3);
    }
    println!("hash {:016x} {:?}", outcome.hash, outcome.tally);
    match outcome.found {
        None => ExitCode::SUCCESS,
        Some(found) => {
            println!("{found}");
            ExitCode::from(found.exit_code())
        }
    }
}

/// Seeds one after another on each processor; answers with how many passed and failed.
fn seeds(first: u64, count: u64, once: bool) -> (u64, u64) {
    let next = Arc::new(AtomicU64::new(first));
    let failed = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::new(AtomicU64::new(0));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..workers)
        .map(|_| {
            let (next, failed, events) = (next.clone(), failed.clone(), events.clone());
            let work = move || loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count {
                    break;
                }
                let caught = panic::catch_unwind(|| {
                    let one = sim::run(seed, Record::default());
                    let same = once || sim::run(seed, Record::default()) == one;
                    (one, same)
                });
                let text = match caught {
                    Err(_) => Some("I15: panic".to_owned()),
                    Ok((one, same)) => {
                        events.fetch_add(one.tally.events, Ordering::Relaxed);
                        let differs = (!same).then(|| "I10: two runs differ".to_owned());
                        one.found.map(|found| found.to_string()).or(differs)
                    }
                };
                if let Some(text) = text {
                    println!("seed {seed}: {text}");
                    failed.lock().expect("no panic").push(seed);
                }
            };
            thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread")
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let failed = u64::try_from(failed.lock().expect("no panic").len()).unwrap_or(0);
    println!(
        "{count} seeds from {first}, {} events, {failed} failed",
        events.load(Ordering::Relaxed)
    );
    (count - failed, failed)
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!(
            "usage: sim [--seed N] [--count N] [--scenario NAME] [--once] [--trace] [--pcap OUT]"
        );
        return ExitCode::from(2);
    };
    if let Some(name) = &arguments.scenario {
        let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.name == name) else {
            let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            eprintln!("scenarios: {}", names.join(" "));
            return ExitCode::from(2);
        };
        return show(|record| scenario.play(record), &arguments);
    }
    if let (Some(seed), None) = (arguments.seed, arguments.count) {
        println!("seed {seed}\n{}", sim::options_of(seed));
        return show(move |record| sim::run(seed, record), &arguments);
    }
    let (mut passed, mut failed) = (0, 0);
    if arguments.count.is_none() {
        for scenario in SCENARIOS {
            let found = match play(|| scenario.play(Record::default())) {
                Ok(outcome) => outcome.found.map(|found| found.to_string()),
                Err(_) => Some("panic".to_owned()),
            };
            match found {
                None => passed += 1,
                Some(found) => {
                    println!("test {} ... FAILED\n{found}", scenario.name);
                    failed += 1;
                }
            }
        }
    }
    let first = arguments.seed.unwrap_or(1);
    let counts = seeds(first, arguments.count.unwrap_or(SEED_COUNT), arguments.once);
    (passed, failed) = (passed + counts.0, failed + counts.1);
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}
