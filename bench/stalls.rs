//! When the machine stood still: a virtual machine's host gives its processors to others, for
//! milliseconds at a time, and whose advert was due then is late whoever sends it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use ringward::lab::now;
use ringward::time::{Instant, Span};

use super::rig::{processors, stand_watch};

/// A thread on each processor, above all others in priority, looks at the clock this often.
const PERIOD: Span = Span::from_millis(1);
/// Woken later than this, it was held up, and so was everybody on its processor.
const LATE_MIN: Span = Span::from_micros(500);
/// What has waited meanwhile is done so long after it, at most.
const AFTERMATH: Span = Span::from_millis(3);

/// The times at which one of the processors stood still.
pub(crate) struct Stalls(Vec<(Instant, Instant)>);

/// Ends the watch, also when what was watched fails.
struct Watch<'a>(&'a AtomicBool);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Stalls {
    /// Does this, and watches the processors meanwhile.
    pub(crate) fn during<T>(work: impl FnOnce() -> T) -> (T, Stalls) {
        let (is_over, found) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let result = scope(|scope| {
            for processor in processors() {
                let (is_over, found) = (&is_over, &found);
                scope.spawn(move || watch(processor, is_over, found));
            }
            let _watch = Watch(&is_over);
            work()
        });
        (result, Stalls(found.into_inner().unwrap()))
    }

    /// Whether what was due then was held up by the machine, or by what had been.
    pub(crate) fn held_up(&self, due: Instant) -> bool {
        self.0.iter().any(|(since, until)| *since <= due && due <= *until + AFTERMATH)
    }
}

fn watch(processor: usize, is_over: &AtomicBool, found: &Mutex<Vec<(Instant, Instant)>>) {
    stand_watch(processor);
    while !is_over.load(Ordering::Relaxed) {
        let before = now();
        sleep(Duration::from_nanos(PERIOD.as_nanos()));
        let after = now();
        if after.since(before) >= PERIOD + LATE_MIN {
            found.lock().unwrap().push((before, after));
        }
    }
}
