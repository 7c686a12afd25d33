//! The loop's clock: CLOCK_MONOTONIC, which stands still in suspend like the timers do.

use crate::time::Instant;

/// Now.
pub fn now() -> Instant {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of ours; the call cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Instant::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Spins until `deadline`, and returns what the clock shows then. Only for microseconds.
pub fn spin_until(deadline: Instant) -> Instant {
    loop {
        let now = now();
        if now >= deadline {
            return now;
        }
        core::hint::spin_loop();
    }
}
