//! Whether the machine ran at all: virtual machines are held up by their hosts, for hundreds of
//! milliseconds when they were busy before, and then no router can be on time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant as Clock};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, gettid};
use ringward::lab::now;
use ringward::time::{Instant, Span};

/// A thread on each processor, above all others in priority, looks at the clock this often.
const PERIOD: Duration = Duration::from_millis(5);

/// Routers are on time to a few milliseconds: a machine that loses more is not to be judged by.
const STALL_MIN: Span = Span::from_millis(15);

const ATTEMPTS: u32 = 6;

/// When a witness was woken too late, and by how much.
static STALLS: LazyLock<Mutex<Vec<(Instant, Span)>>> = LazyLock::new(|| {
    let ours = sched_getaffinity(Pid::from_raw(0)).unwrap();
    for processor in (0..CpuSet::count()).filter(|number| ours.is_set(*number).unwrap()) {
        std::thread::spawn(move || watch(processor));
    }
    Mutex::default()
});

fn watch(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor).unwrap();
    sched_setaffinity(Pid::from_raw(0), &only).unwrap();
    let thread = gettid().to_string();
    // Where that is refused, a witness is held up by other programs too: then more is repeated.
    let _ = Command::new(super::router::CHRT).args(["--fifo", "--pid", "99", &thread]).status();
    loop {
        let before = now();
        std::thread::sleep(PERIOD);
        let after = now();
        let lost = after.since(before) - Span::from_nanos(5_000_000);
        if lost >= STALL_MIN {
            STALLS.lock().unwrap().push((after, lost));
        }
    }
}

/// Waits until this holds.
#[track_caller]
pub(crate) fn eventually(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Clock::now() + patience;
    while !condition() {
        assert!(Clock::now() < give_up, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a test whose outcome depends on time. If it fails and the machine stood still meanwhile,
/// it is run again; else the failure counts, and so does the last one.
pub(crate) fn undisturbed(mut test: impl FnMut()) {
    LazyLock::force(&STALLS);
    for attempt in 1.. {
        let since = now();
        let Err(failure) = catch_unwind(AssertUnwindSafe(&mut test)) else { return };
        // The witness of a stall that still lasts speaks when it is over.
        std::thread::sleep(PERIOD * 2);
        let stalls = STALLS.lock().unwrap();
        let meanwhile = stalls.iter().filter(|stall| stall.0 >= since);
        let longest = meanwhile.map(|stall| stall.1).max().unwrap_or(Span::ZERO);
        if longest.is_zero() || attempt == ATTEMPTS {
            eprintln!("attempt {attempt}; the machine stood still for {longest} at most");
            resume_unwind(failure);
        }
        eprintln!("attempt {attempt} does not count: the machine stood still for {longest}");
    }
}
