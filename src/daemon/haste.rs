//! What makes a takeover quick, although nothing in the loop may block.
//!
//! The address is requested by one of the ring's threads, because a netlink write can wait for
//! milliseconds. That costs three wake-ups, of the thread, of this loop by its timer, and of this
//! loop by the answer, and each takes as long as everything else; longer, where processors that have
//! nothing to do sleep deeply. So shortly before a master would be found dead the loop wakes, and
//! has that thread run, again and again; it spins for the last moment before the deadline; and it
//! spins, for a moment, until the kernel says something, instead of sleeping. All of it happens
//! only when a master has fallen silent.

use crate::io::process::processor_count;
use crate::time::{Instant, Span};

/// So much before the deadline the loop wakes: time for a wake-up of its own and then one of a
/// thread, each of half a millisecond on a processor of a virtual machine that had nothing to do
/// for a tenth of a second.
const EARLY: Span = Span::from_micros(1500);

/// The same with one processor, where a thread could not run while this loop spins.
const EARLY_ALONE: Span = Span::from_micros(400);

/// So much before the deadline the thread is left in peace, to be free for the requests.
const PEACE: Span = Span::from_micros(60);

/// So long an answer is waited for without sleeping. On a quiet machine it takes a third of it.
const PATIENCE: Span = Span::from_micros(200);

/// How far the preparations have come.
#[derive(Debug)]
pub(super) struct Haste {
    /// There is a second processor.
    is_useful: bool,
    /// The deadline before which sockets were looked at.
    prepared_for: Instant,
    eager_until: Instant,
}

/// What to do before a master is found dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Look at the sockets, and wake a thread of the ring.
    Prepare,
    /// Keep that thread awake.
    Warm,
    /// Spin to the deadline.
    Spin,
}

impl Haste {
    pub(super) fn new() -> Self {
        Haste {
            is_useful: processor_count() > 1,
            prepared_for: Instant::ZERO,
            eager_until: Instant::ZERO,
        }
    }

    /// How long before a master is found dead the preparations begin.
    pub(super) fn early(&self) -> Span {
        if self.is_useful { EARLY } else { EARLY_ALONE }
    }

    /// A master will be found dead at `due`, within [`Haste::early`].
    pub(super) fn step(&mut self, now: Instant, due: Instant) -> Step {
        let is_prepared = self.prepared_for == due;
        self.prepared_for = due;
        if !self.is_useful || (is_prepared && due.since(now) <= PEACE) {
            Step::Spin
        } else if is_prepared {
            Step::Warm
        } else {
            Step::Prepare
        }
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
