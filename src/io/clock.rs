//! The loop's clock: CLOCK_MONOTONIC, which stands still in suspend like the timers do.

use crate::time::{Instant, Span};

/// A socket is left unread on purpose for so long at most.
pub const REST_MAX: Span = Span::from_millis(10);

/// A packet is taken to have waited so long for us at most: a rest, and a millisecond. Its time
/// stamp is of the wall clock, which somebody may set at any moment: by so much can that mislead us.
const WAIT_MAX: Span = Span::from_millis(REST_MAX.as_millis() + 1);

/// Now.
pub fn now() -> Instant {
    Instant::from_nanos(read(libc::CLOCK_MONOTONIC))
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of ours; the call cannot fail for the clocks used here.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    nanos(&time)
}

fn nanos(time: &libc::timespec) -> u64 {
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    secs.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Both clocks at one moment, to read the kernel's time stamps by.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    monotonic: Instant,
    wall: u64,
}

impl Reading {
    /// Of this moment.
    pub fn take() -> Self {
        Reading { monotonic: now(), wall: read(libc::CLOCK_REALTIME) }
    }

    /// When a packet with this time stamp (SO_TIMESTAMPNS) arrived; without one, now.
    pub fn arrival(self, stamp: Option<libc::timespec>) -> Instant {
        let waited = stamp.map_or(0, |stamp| self.wall.saturating_sub(nanos(&stamp)));
        self.monotonic - Span::from_nanos(waited).min(WAIT_MAX)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_moves_an_arrival_back_by_eleven_milliseconds_at_most() {
        let reading =
            Reading { monotonic: Instant::from_nanos(5_000_000_000), wall: 100_000_300_000 };
        let stamp = |tv_nsec| Some(libc::timespec { tv_sec: 100, tv_nsec });
        assert_eq!(reading.arrival(stamp(250_000)), Instant::from_nanos(4_999_950_000));
        // The wall clock was set forward, or back, in between.
        let old = Some(libc::timespec { tv_sec: 1, tv_nsec: 0 });
        assert_eq!(reading.arrival(old), Instant::from_nanos(4_989_000_000));
        assert_eq!(reading.arrival(stamp(400_000)), Instant::from_nanos(5_000_000_000));
        assert_eq!(reading.arrival(None), Instant::from_nanos(5_000_000_000));
    }
}
