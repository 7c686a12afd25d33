//! Whether the machine ran at all: virtual machines are held up by their hosts, for hundreds of
//! milliseconds when they were busy before, and then no router can be on time.
//!
//! A host takes processor time away in two ways. A processor that stands still wakes nobody: its
//! witness is woken too late. One that is given small slices still wakes everybody on time, and
//! then takes ten milliseconds for what should take half of one: that only the kernel's account of
//! stolen time shows.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant as Clock};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, gettid, sysconf};
use ringward::lab::now;
use ringward::time::{Instant, Span};

/// A thread on each processor, above all others in priority, looks at the clock this often.
const PERIOD: Duration = Duration::from_millis(5);
/// Every so many looks it reads what was stolen from its processor.
const LOOKS_PER_READING: u64 = 4;

/// Woken later than this, a witness was held up.
const LATE_MIN: Span = Span::from_millis(1);

/// Routers are on time to a few milliseconds: a machine that loses more in so short a time, on all
/// its processors together, is not to be judged by.
const STALL_MIN: Span = Span::from_millis(10);
const WINDOW: Span = Span::from_millis(50);

const ATTEMPTS: u32 = 6;

/// When a processor was found to have lost time, and how much.
pub(crate) type Loss = (Instant, Span);

static LOSSES: LazyLock<Mutex<Vec<Loss>>> = LazyLock::new(|| {
    for processor in processors() {
        std::thread::spawn(move || watch(processor));
    }
    Mutex::default()
});

/// The processors that this program may run on.
pub(crate) fn processors() -> impl Iterator<Item = usize> {
    let ours = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count()).filter(move |number| ours.is_set(*number).unwrap())
}

/// Puts the calling thread on this processor alone, above all others in priority.
pub(crate) fn stand_watch(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor).unwrap();
    sched_setaffinity(Pid::from_raw(0), &only).unwrap();
    let thread = gettid().to_string();
    // Where that is refused, a witness is held up by other programs too, and more is called the
    // machine's fault.
    let _ = Command::new(super::router::CHRT).args(["--fifo", "--pid", "99", &thread]).status();
}

fn watch(processor: usize) {
    stand_watch(processor);
    let period = Span::from_nanos(u64::try_from(PERIOD.as_nanos()).unwrap());
    let mut stolen = stolen(processor);
    for look in 1_u64.. {
        let before = now();
        std::thread::sleep(PERIOD);
        let after = now();
        let mut lost = Some(after.since(before) - period).filter(|late| *late >= LATE_MIN);
        if look.is_multiple_of(LOOKS_PER_READING) {
            let reading = self::stolen(processor);
            // What was stolen is why it was late, or comes on top.
            lost = lost.max(Some(reading - stolen).filter(|more| !more.is_zero()));
            stolen = reading;
        }
        LOSSES.lock().unwrap().extend(lost.map(|lost| (after, lost)));
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

/// Time that the host gave to others while this processor wanted to run (`/proc/stat`, "steal").
fn stolen(processor: usize) -> Span {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{processor} ");
    let ticks = stat
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.split_whitespace().nth(7)?.parse::<u64>().ok());
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    let tick = 1_000_000_000 / u64::try_from(per_second).unwrap();
    Span::from_nanos(tick).times(ticks.unwrap_or(0))
}

/// The most that was lost within [`WINDOW`], beginning at `since` or later.
pub(crate) fn lost_at_most(losses: &[Loss], since: Instant) -> Span {
    let later = losses.iter().filter(|loss| loss.0 >= since);
    let from = |first: Instant| {
        let within = |loss: &&Loss| loss.0 >= first && loss.0.since(first) <= WINDOW;
        let nanos = losses.iter().filter(within).map(|loss| loss.1.as_nanos());
        Span::from_nanos(nanos.sum())
    };
    later.map(|loss| from(loss.0)).max().unwrap_or(Span::ZERO)
}

/// The most that the machine has lost within [`WINDOW`] since then. The witnesses must have been
/// there: the first call for any moment calls them.
fn lost_since(since: Instant) -> Span {
    LazyLock::force(&LOSSES);
    // The witness of a stall that still lasts speaks when it is over, and reads now and then.
    std::thread::sleep(PERIOD * 6);
    lost_at_most(&LOSSES.lock().unwrap(), since)
}

/// Runs a test whose outcome depends on time. If it fails and the machine stood still meanwhile,
/// it is run again; else the failure counts, and so does the last one.
pub(crate) fn undisturbed(mut test: impl FnMut()) {
    LazyLock::force(&LOSSES);
    for attempt in 1.. {
        let since = now();
        let Err(failure) = catch_unwind(AssertUnwindSafe(&mut test)) else { return };
        let lost = lost_since(since);
        if lost < STALL_MIN || attempt == ATTEMPTS {
            eprintln!("attempt {attempt}; the machine lost {lost} in {WINDOW} at most");
            resume_unwind(failure);
        }
        eprintln!("attempt {attempt} does not count: the machine lost {lost} in {WINDOW}");
    }
}
