//! How long to wait before a dead daemon is started again.

use crate::time::{Instant, Span};

const FIRST: Span = Span::from_secs(1);
const LONGEST: Span = Span::from_secs(60);
/// A daemon that has lived so long was stable: the next death counts as the first.
pub(super) const STABLE: Span = Span::from_secs(60);

/// The next wait: 1 s, doubling to 60 s, and 1 s again after a minute of life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Backoff {
    next: Span,
}

impl Backoff {
    /// Nothing has died yet.
    pub(super) const fn new() -> Self {
        Backoff { next: FIRST }
    }

    /// A daemon has died: how long to wait.
    pub(super) fn after_death(&mut self, started_at: Instant, now: Instant) -> Span {
        if now.since(started_at) >= STABLE {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = wait.times(2).min(LONGEST);
        wait
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_minute_and_begin_anew_after_a_stable_one() {
        let mut backoff = Backoff::new();
        let at = |secs| Instant::ZERO + Span::from_secs(secs);
        let waits = [1, 2, 4, 8, 16, 32, 60, 60];
        for secs in waits {
            assert_eq!(backoff.after_death(at(100), at(101)), Span::from_secs(secs));
        }
        assert_eq!(backoff.after_death(at(100), at(160)), Span::from_secs(1));
        assert_eq!(backoff.after_death(at(200), at(201)), Span::from_secs(2));
    }
}
