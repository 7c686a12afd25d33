//! Deadlines on the ring.
//!
//! A timeout in flight cannot be taken back, so deadlines are lazy: an earlier one is submitted
//! beside those in flight, and one that was put off fires in vain. Most never need a second: the
//! next deadline of a quiet engine is later than the one in flight.

use super::ring::{Operation, Ring, TIMER_COUNT, Tag};
use crate::time::Instant;

/// The timeouts in flight.
#[derive(Debug)]
pub struct Timer {
    deadlines: [Instant; TIMER_COUNT],
}

impl Timer {
    /// None in flight.
    pub const fn new() -> Self {
        Timer { deadlines: [Instant::NEVER; TIMER_COUNT] }
    }

    /// Makes sure that the ring wakes at `deadline` or before.
    pub fn arm(&mut self, ring: &mut Ring, deadline: Instant) {
        if deadline == Instant::NEVER || self.deadlines.iter().any(|armed| *armed <= deadline) {
            return;
        }
        let free = self.deadlines.iter_mut().enumerate().find(|(_, at)| **at == Instant::NEVER);
        match free {
            Some((slot, place)) => {
                *place = deadline;
                ring.push_timeout(u16::try_from(slot).unwrap_or(u16::MAX), deadline);
            }
            // Each of the timeouts in flight is earlier than the one before, and none has fired:
            // turn without sleeping until one does. Nobody has seen this happen.
            None => ring.push(Tag::Again, Operation::Nop),
        }
    }

    /// The timeout of `slot` has fired.
    pub fn fired(&mut self, slot: u16) {
        if let Some(deadline) = self.deadlines.get_mut(usize::from(slot)) {
            *deadline = Instant::NEVER;
        }
    }
}

impl Default for Timer {
    fn default() -> Self {
        Timer::new()
    }
}
