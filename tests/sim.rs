//! The simulator's command line, and the test that runs it.
//!
//! ```text
//! sim                      every scenario, and 300 seeds, each twice
//! sim --count N            N seeds from --seed on (default: 1), each twice; --once: once
//! sim --seed N [--trace] [--pcap OUT]
//! sim --scenario NAME [--trace] [--pcap OUT]
//! ```
//!
//! Many seeds end with how long two nodes owned an address in a healed core, and how long failovers
//! took, in virtual time and beside the RFC's.
//!
//! The exit code of one run is 0, or 10 and the number of the invariant that did not hold.
#![allow(clippy::expect_used, reason = "a test: without threads there is nothing to run")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ringward::sim::measure::{Measure, What};
use ringward::sim::{self, Outcome, Record, SCENARIOS};

/// An engine is megabytes of tables, which pass over the stack while it is boxed.
const STACK: usize = 256 << 20;

/// Seeds of a run without arguments.
const SEED_COUNT: u64 = 300;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// How many allocations this thread has made.
fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// The system's allocator, counted: the simulator allocates, the engine in it must not.
struct Counted;

impl Counted {
    fn count() {
        // A thread that ends counts no more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    }
}

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]
// SAFETY: every call is the system allocator's own, with the arguments unchanged.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counted::count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static HEAP: Counted = Counted;

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

/// Nothing is kept, and the engine's allocations are counted.
fn record() -> Record {
    Record { allocations: Some(allocations), ..Record::default() }
}

/// One run, shown.
fn show(run: impl Fn(Record) -> Outcome + Send + 'static, arguments: &Arguments) -> ExitCode {
    let (trace, pcap) = (arguments.trace, arguments.pcap.is_some());
    let record = Record { trace, pcap, ..record() };
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
    for measure in &outcome.measures {
        println!("{measure:?}");
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
    let measures = Arc::new(Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..workers)
        .map(|_| {
            let (next, failed, events) = (next.clone(), failed.clone(), events.clone());
            let measures = measures.clone();
            let work = move || loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count {
                    break;
                }
                let caught = panic::catch_unwind(|| {
                    let one = sim::run(seed, record());
                    let same = once || sim::run(seed, record()) == one;
                    (one, same)
                });
                let text = match caught {
                    Err(_) => Some("I15: panic".to_owned()),
                    Ok((one, same)) => {
                        events.fetch_add(one.tally.events, Ordering::Relaxed);
                        measures.lock().expect("no panic").extend(&one.measures);
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
    for what in What::ALL {
        println!("{}", percentiles(what, &measures.lock().expect("no panic")));
    }
    (count - failed, failed)
}

/// How long it took, and how much longer than by the RFC.
fn percentiles(what: What, measures: &[Measure]) -> String {
    let of = |measure: &&Measure| measure.what == what;
    let signed = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    let mut took: Vec<i64> = measures.iter().filter(of).map(|one| signed(one.took)).collect();
    let late = measures.iter().filter(of).map(|one| signed(one.took) - signed(one.theory));
    let mut late: Vec<i64> = late.collect();
    let mut text = format!("{}: {} times", what.text(), took.len());
    for (name, values) in [("", &mut took), (&format!(" less {}", what.theory()), &mut late)] {
        values.sort_unstable();
        let at = |percent: usize| values.len().saturating_sub(1) * percent / 100;
        let millis = |at: usize| values.get(at).map_or(0, |nanos| nanos / 1_000_000);
        let (median, most, last) = (millis(at(50)), millis(at(99)), millis(at(100)));
        text += &format!("\n  {name} p50 {median} ms, p99 {most} ms, max {last} ms");
    }
    text
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
            let found = match play(|| scenario.play(record())) {
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
