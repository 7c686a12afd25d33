//! Changes of interfaces that do not count at once: `interface_up_down_delays`.
//!
//! What the kernel says is kept beside what counts, and takes its place if nothing else is said until
//! its time. An interface that comes or goes does so at once, and so does the first time that one
//! works.

use super::Engine;
use super::interface::Change;
use crate::limits::DELAY_COUNT_MAX;
use crate::time::{Instant, Span};
use crate::trace::Event;
use crate::wire::rtnl::Link;

impl Engine {
    /// Whether this news of an interface is to wait: it says otherwise than what counts, and there is
    /// a delay.
    pub(super) fn is_link_delayed(&mut self, now: Instant, slot: usize, link: &Link<'_>) -> bool {
        if DELAY_COUNT_MAX == 0 {
            return false;
        }
        let works = link.up && link.running;
        let delay = self.link_delay(slot, works);
        let Some(interface) = self.interfaces.get_mut(slot) else { return false };
        let counts = interface.up && interface.running;
        let was = interface.change.take();
        let is_first = !interface.has_worked;
        interface.has_worked |= works;
        if interface.index.is_none() || counts == works || delay.is_zero() || is_first {
            return false;
        }
        let at = was.map_or(now + delay, |was| was.at);
        interface.change = Some(Change { up: link.up, running: link.running, at });
        if let (None, Ok(interface)) = (was, u8::try_from(slot)) {
            self.events.push(Event::LinkDelayed { interface, works, delay });
        }
        true
    }

    /// How long such a change of an interface must last. A backup whose interface is down must say so
    /// before it would take the master for dead, so the delay is never longer than two intervals.
    fn link_delay(&self, slot: usize, works: bool) -> Span {
        let delays = &self.config.global.delays;
        let Some(delay) = delays.iter().find(|delay| usize::from(delay.interface) == slot) else {
            return Span::ZERO;
        };
        let routers = self.config.instances.iter().zip(&self.routers);
        let here = routers.filter(|(config, _)| usize::from(config.interface) == slot);
        let longest = here.map(|(_, router)| {
            let interval = router.fsm.master_interval().as_nanos();
            Span::from_nanos(interval.saturating_mul(2).saturating_sub(interval / 256))
        });
        let down = longest.fold(delay.down, Span::min);
        match works {
            false => down,
            true if delay.up == delay.down => down,
            true => delay.up,
        }
    }

    /// What has lasted long enough counts. True: something does.
    pub(super) fn expire_links(&mut self, now: Instant) -> bool {
        if DELAY_COUNT_MAX == 0 {
            return false;
        }
        let mut is_news = false;
        for interface in &mut self.interfaces {
            if let Some(change) = interface.change.take_if(|change| change.at <= now) {
                (interface.up, interface.running) = (change.up, change.running);
                is_news = true;
            }
        }
        is_news
    }

    /// When the next change counts.
    pub(super) fn links_due(&self) -> Option<Instant> {
        if DELAY_COUNT_MAX == 0 {
            return None;
        }
        self.interfaces.iter().filter_map(|interface| interface.change).map(|it| it.at).min()
    }
}
