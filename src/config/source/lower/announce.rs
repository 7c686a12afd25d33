//! What an instance takes from global_defs: the garp_* keywords.

use super::super::explain::{KEEPALIVED, Origin, Scope};
use super::Lowering;
use super::global::Announcing;
use crate::config::model::Announce;

impl Lowering<'_> {
    pub(super) fn announce_of(&mut self, given: &Announcing, scope: Scope) -> Announce {
        let global = std::mem::take(&mut self.defaults.announce);
        let named = |value: &'static str| move |given| (given, value);
        let default = Announce::KEEPALIVED;
        // The global lower_prio values follow the global master values, not the instance's.
        let lower_delay = match &global.delay {
            Some(given) => (given.value, Origin::Follows(given.span, "as vrrp_garp_master_delay")),
            None => (default.lower_delay, KEEPALIVED),
        };
        let lower_repeat = match &global.repeat {
            Some(given) => (given.value, Origin::Follows(given.span, "as vrrp_garp_master_repeat")),
            None => (default.lower_repeat, KEEPALIVED),
        };
        let announce = Announce {
            delay: self.pick(
                scope,
                "garp_master_delay",
                given.delay.as_ref(),
                global.delay.as_ref().map(named("vrrp_garp_master_delay")),
                (default.delay, KEEPALIVED),
            ),
            repeat: self.pick(
                scope,
                "garp_master_repeat",
                given.repeat.as_ref(),
                global.repeat.as_ref().map(|given| (given, "vrrp_garp_master_repeat")),
                (default.repeat, KEEPALIVED),
            ),
            refresh: self.pick(
                scope,
                "garp_master_refresh",
                given.refresh.as_ref(),
                global.refresh.as_ref().map(named("vrrp_garp_master_refresh")),
                (default.refresh, KEEPALIVED),
            ),
            refresh_repeat: self.pick(
                scope,
                "garp_master_refresh_repeat",
                given.refresh_repeat.as_ref(),
                global.refresh_repeat.as_ref().map(|g| (g, "vrrp_garp_master_refresh_repeat")),
                (default.refresh_repeat, KEEPALIVED),
            ),
            lower_delay: self.pick(
                scope,
                "garp_lower_prio_delay",
                given.lower_delay.as_ref(),
                global.lower_delay.as_ref().map(named("vrrp_garp_lower_prio_delay")),
                lower_delay,
            ),
            lower_repeat: self.pick(
                scope,
                "garp_lower_prio_repeat",
                given.lower_repeat.as_ref(),
                global.lower_repeat.as_ref().map(|given| (given, "vrrp_garp_lower_prio_repeat")),
                lower_repeat,
            ),
            extra_interface: self.pick(
                scope,
                "garp_extra_if",
                given.extra_interface.as_ref(),
                global.extra_interface.as_ref().map(named("vrrp_garp_extra_if")),
                (default.extra_interface, KEEPALIVED),
            ),
        };
        self.defaults.announce = global;
        announce
    }
}
