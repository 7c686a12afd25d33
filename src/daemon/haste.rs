//! What makes a takeover quick, although nothing in the loop may block.
//!
//! The address is requested by one of the ring's threads, because a netlink write can wait for
//! milliseconds. That costs three wake-ups, of the thread, of this loop by its timer, and of this
//! loop by the answer, and each takes as long as everything else. So shortly before a master would
//! be found dead the loop wakes and has that thread run; it spins to the deadline; and it spins,
//! for a moment, until the kernel says something, instead of sleeping. All of it happens only when
//! a master has fallen silent.

use std::num::NonZero;

use crate::time::{Instant, Span};

/// So much before the deadline the loop wakes: a wake-up of its own and one of a thread, when
/// neither is in any cache.
pub(super) const EARLY: Span = Span::from_micros(400);

/// So long an answer is waited for without sleeping. On a quiet machine it takes a third of it.
const PATIENCE: Span = Span::from_micros(200);

/// How far the preparations have come.
#[derive(Debug)]
pub(super) struct Haste {
    /// With one processor, a thread could not run while this loop spins.
    is_useful: bool,
    /// The deadline for which a thread was made to run.
    warmed_for: Instant,
    eager_until: Instant,
}

impl Haste {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Haste { is_useful: processors > 1, warmed_for: Instant::ZERO, eager_until: Instant::ZERO }
    }

    /// A master will be found dead at `due`, within [`EARLY`]: whether to spin to it now. Before
    /// that, a turn goes by in which a thread of the ring is to be woken.
    pub(super) fn is_ready(&mut self, due: Instant) -> bool {
        let is_ready = !self.is_useful || self.warmed_for == due;
        self.warmed_for = due;
        is_ready
    }

    /// Requests are on their way.
    pub(super) fn expect_answers(&mut self, now: Instant) {
        if self.is_useful {
            self.eager_until = now + PATIENCE;
        }
    }

    /// So long answers are looked for without sleeping.
    pub(super) fn eager_until(&self) -> Instant {
        self.eager_until
    }
}
