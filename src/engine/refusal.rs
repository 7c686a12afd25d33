//! Packets that were not obeyed, told to whoever reads the log.
//!
//! A rejected packet changes its counter and nothing else. The counters are looked at here, now and
//! then, by the clock: two routers that do not understand each other are both master, and neither
//! would say why.

use super::Engine;
use crate::time::{Instant, Span};
use crate::trace::Event;
use crate::wire::Reject;

/// Counters are looked at so often.
const REVIEW_INTERVAL: Span = Span::from_secs(10);

/// Instances that one look speaks of; the next one goes on.
const TOLD_COUNT_MAX: usize = 8;

impl Engine {
    /// Puts an event into the log's queue for each instance that has rejected its first packet, and
    /// again when the packets have become ten times as many: an attack writes few lines.
    pub fn review_rejects(&mut self, now: Instant) {
        if now < self.review_at {
            return;
        }
        self.review_at = now + REVIEW_INTERVAL;
        let mut room = TOLD_COUNT_MAX;
        for (index, router) in self.routers.iter_mut().enumerate() {
            // Who does not listen has a reason of its own, which the log has.
            let counted = Reject::ALL.iter().zip(&router.counters.rejected);
            let counted = counted.filter(|(reason, _)| **reason != Reject::NotListening);
            let packets = counted.clone().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
            let is_news = match router.rejects_told {
                0 => packets > 0,
                told => packets / 10 >= told,
            };
            if !is_news {
                continue;
            }
            let Some((reason, _)) = counted.max_by_key(|(_, count)| **count) else { continue };
            let Ok(instance) = u16::try_from(index) else { return };
            router.rejects_told = packets;
            self.events.push(Event::Rejected { instance, reason: reason.index(), packets });
            room -= 1;
            if room == 0 {
                return;
            }
        }
    }
}
