//! What makes a takeover quick, although nothing in the loop may block.
//!
//! The address is requested by one of the ring's threads, because a netlink write can wait for
//! milliseconds. That costs three wake-ups, of the thread, of this loop by its timer, and of this
//! loop by the answer, and each takes as long as everything else. So shortly before a master would
//! be found dead the loop wakes and has a thread run; it spins to the deadline; and it asks for the
//! answer again and again, for a moment, instead of sleeping. All of it happens only when a master
//! has fallen silent.

use std::num::NonZero;

use crate::io::ring::{Operation, Ring, Tag};
use crate::time::{Instant, Span};

/// So much before the deadline the loop wakes: a wake-up, and one of a thread.
pub(super) const EARLY: Span = Span::from_micros(250);

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
    /// that, a turn goes by in which a thread of the ring wakes.
    pub(super) fn is_ready(&mut self, ring: &mut Ring, due: Instant) -> bool {
        if !self.is_useful || self.warmed_for == due {
            return true;
        }
        self.warmed_for = due;
        ring.push(Tag::Warm, Operation::NopByThread);
        false
    }

    /// Requests are on their way.
    pub(super) fn expect_answers(&mut self, now: Instant) {
        if self.is_useful {
            self.eager_until = now + PATIENCE;
        }
    }

    /// Whether to look for answers without sleeping.
    pub(super) fn is_eager(&self, now: Instant) -> bool {
        now < self.eager_until
    }
}
