//! How often a socket is looked at.
//!
//! To wake up for a packet costs twenty times as much as the packet itself. So a few packets are
//! served as they come, and when they keep coming the socket rests between two looks at it: for so
//! long that each look finds several, and never for so long that its buffer fills. What a packet
//! means is judged by the time of its arrival, and before a master is found dead every socket is
//! looked at: a rest delays reactions, by five milliseconds at most, and changes none. Where nothing
//! but rejected packets is found, rests are twice as long.

use crate::io::clock::REST_MAX;
use crate::time::{Instant, Span};

/// A look that finds something is earned back in this time: 200 a second in the long run.
const PRICE: Span = Span::from_millis(5);
/// The same for a look in vain.
const PRICE_IN_VAIN: Span = REST_MAX;
/// Looks that can be saved up: eight.
const SAVINGS: Span = Span::from_millis(8 * PRICE.as_millis());

const REST_MIN: Span = Span::from_micros(200);
/// Packets a look: with fewer the rests grow, with more they shrink.
const FEW: u64 = 16;
const MANY: u64 = 64;

/// What a look at a socket has found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// So many packets.
    pub(super) count: u64,
    /// One of them, at least, was an advert that was not rejected.
    pub(super) accepted: bool,
    /// None was left behind.
    pub(super) is_empty: bool,
}

/// What a socket's looks have cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When all of them are earned back.
    even_at: Instant,
    rest_max: Span,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Pace { even_at: Instant::ZERO, rest_max: REST_MAX }
    }

    /// A look at the socket has found this. When to look again; `None`: as soon as there is
    /// something.
    pub(super) fn looked(&mut self, now: Instant, found: Found) -> Option<Instant> {
        let Found { count, accepted, is_empty } = found;
        if count == 0 {
            return None;
        }
        match count {
            ..FEW => self.rest_max = self.rest_max.times(2).min(REST_MAX),
            MANY.. => self.rest_max = self.rest_max.over(2).max(REST_MIN),
            _ => {}
        }
        let limit = now + SAVINGS;
        let price = if accepted { PRICE } else { PRICE_IN_VAIN };
        self.even_at = (self.even_at.max(now) + price).min(limit + price);
        let rest = self.even_at.since(limit).min(self.rest_max);
        (is_empty && !rest.is_zero()).then_some(now + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_micros(micros: u64) -> Instant {
        Instant::from_nanos(1_000_000_000 + micros * 1_000)
    }

    fn adverts(count: u64) -> Found {
        Found { count, accepted: true, is_empty: true }
    }

    #[test]
    fn eight_packets_at_once_are_served_as_they_come_and_then_the_socket_rests() {
        let mut pace = Pace::new();
        for _ in 0..8 {
            assert_eq!(pace.looked(at_micros(0), adverts(1)), None);
        }
        // The ninth look is paid for 5 ms later.
        assert_eq!(pace.looked(at_micros(100), adverts(1)), Some(at_micros(5_000)));
        assert_eq!(pace.looked(at_micros(5_000), adverts(3)), Some(at_micros(10_000)));
    }

    #[test]
    fn a_packet_every_five_milliseconds_never_waits() {
        let mut pace = Pace::new();
        for number in 0..1_000 {
            assert_eq!(pace.looked(at_micros(5_000 * number), adverts(1)), None);
        }
    }

    #[test]
    fn looks_that_find_only_rejected_packets_cost_twice_as_much() {
        let mut pace = Pace::new();
        let in_vain = Found { accepted: false, ..adverts(1) };
        for _ in 0..4 {
            assert_eq!(pace.looked(at_micros(0), in_vain), None);
        }
        assert_eq!(pace.looked(at_micros(0), in_vain), Some(at_micros(10_000)));
    }

    #[test]
    fn rests_shrink_with_many_packets_and_grow_with_few() {
        let mut pace = Pace::new();
        for _ in 0..8 {
            pace.looked(at_micros(0), adverts(1));
        }
        let mut rest = |count| pace.looked(at_micros(0), adverts(count));
        assert_eq!(rest(64), Some(at_micros(5_000)));
        assert_eq!(rest(100), Some(at_micros(2_500)));
        assert_eq!(rest(63), Some(at_micros(2_500)));
        assert_eq!(rest(100), Some(at_micros(1_250)));
        assert_eq!(rest(15), Some(at_micros(2_500)));
        assert_eq!(rest(15), Some(at_micros(5_000)));
        assert_eq!(rest(15), Some(at_micros(5_000)));
    }

    #[test]
    fn a_socket_that_was_not_emptied_does_not_rest() {
        let mut pace = Pace::new();
        for _ in 0..100 {
            let more = Found { is_empty: false, ..adverts(128) };
            assert_eq!(pace.looked(at_micros(0), more), None);
        }
    }

    #[test]
    fn after_a_quiet_moment_packets_are_served_as_they_come_again() {
        let mut pace = Pace::new();
        for _ in 0..100 {
            pace.looked(at_micros(0), adverts(1));
        }
        assert_eq!(pace.looked(at_micros(5_000), adverts(0)), None);
        assert_eq!(pace.looked(at_micros(45_000), adverts(1)), None);
    }
}
