//! An instance with its defaults, and what keepalived changes in it.

use std::net::IpAddr;

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{KEEPALIVED, Origin, Scope};
use super::super::text::TextSpan;
use super::instance::Draft;
use super::{Given, Lowering};
use crate::addr::{Family, Name, Priority, Version, Vrid};
use crate::config::check::{INTERVAL_V3_MAX, is_interval};
use crate::config::model::{Address, Instance, Span16};
use crate::limits::ADDRESS_PER_ADVERT_MAX;
use crate::time::Span;

impl Lowering<'_> {
    /// `notify_priority_changes`: the instance's, else its group's, else that of global_defs.
    fn priority_changes_of(&mut self, draft: &Draft, name: &Name, scope: Scope) -> bool {
        let group = self.priority_changes_of_group(name);
        let global = self.defaults.priority_changes.clone();
        let other = group.as_ref().map(|given| (given, "of its group"));
        let other = other.or(global.as_ref().map(|given| (given, "vrrp_notify_priority_changes")));
        let given = draft.priority_changes.as_ref();
        self.pick(scope, "notify_priority_changes", given, other, (false, KEEPALIVED))
    }

    /// Adds the instance of `draft`, or says what it lacks.
    pub(super) fn complete(&mut self, mut draft: Draft) {
        if self.is_name_twice(&draft) {
            return;
        }
        self.report_missing(&draft);
        let scope = Scope::Instance(self.config.instances.len());
        let first = draft.addresses.first();
        let family = first.map_or(Family::V4, |first| Family::of(first.ip));
        let version = self.version_of(&draft, family, scope);
        let interval = self.interval_of(&draft, version, scope);
        let priority = self.priority_of(&draft, scope);
        let (preempt, preempt_delay) = self.preempt_of(&draft, priority, scope);
        let authentication = self.authentication_of(draft.authentication.as_ref(), version, scope);
        let announce = self.announce_of(&draft.announce, scope);
        self.keep_family(&mut draft, family);
        self.report_unicast(&draft);
        self.report_outside(&draft);
        self.report_strangers(&draft);

        let index = draft.interface.as_ref().and_then(|name| self.interface(name));
        if let (Some(vrid), Some(index)) = (&draft.vrid, index) {
            self.report_vrid_twice(vrid, index, family);
        }
        let (Some(name), Some(interface), Some(vrid)) = (&draft.name, index, &draft.vrid) else {
            return;
        };
        let Some(number) = Vrid::new(vrid.value) else { return };
        let (addresses, advertised) = self.push_addresses(&draft, interface);
        let peers = self.push_peers(&draft.peers);
        let tracked = self.tracked_with_group(&name.value, &draft.trackers, priority);
        let own = draft.dont_track_primary.is_none().then_some(interface);
        let trackers = self.push_trackers(&tracked, priority, own);
        let mut notify = self.notify_of(&draft.notify, scope);
        notify.priority_changes = self.priority_changes_of(&draft, &name.value, scope);
        let is_master = draft.is_master.as_ref().is_some_and(|state| state.value);
        let wants_master = is_master || priority == Priority::OWNER;
        self.plain_origins(&draft, scope, is_master != wants_master);
        let instance = Instance {
            name: name.value.clone(),
            interface,
            family,
            version,
            vrid: number,
            priority,
            wants_master,
            interval,
            preempt,
            preempt_delay,
            source: draft.source.as_ref().map(|source| source.value),
            authentication,
            announce,
            track_primary: draft.dont_track_primary.is_none(),
            addresses,
            advertised,
            peers,
            trackers,
            group: None,
            notify,
        };
        // What finds no room is reported with the needs.
        let _ = self.config.instances.push(instance);
        self.needs.instances.push(draft.keyword);
    }

    fn report_missing(&mut self, draft: &Draft) {
        let whose = match &draft.name {
            Some(name) => format!("instance `{}`", name.value),
            None => "this instance".to_owned(),
        };
        let is_unread = |keyword: &str| draft.unread.contains(&keyword);
        if draft.interface.is_none() && !is_unread("interface") {
            let message = format!("{whose} has no `interface`");
            self.report.add(
                Diagnostic::new(Code::NoInterface, draft.keyword, message)
                    .help("name the interface that sends and hears its adverts: `interface eth0`"),
            );
        }
        if draft.vrid.is_none() && !is_unread("virtual_router_id") {
            let message = format!("{whose} has no `virtual_router_id`");
            self.report.add(
                Diagnostic::new(Code::NoVrid, draft.keyword, message)
                    .help("choose 1 to 255, the same on all its routers: `virtual_router_id 51`"),
            );
        }
        if draft.addresses.is_empty() && !is_unread("virtual_ipaddress") {
            let message = format!("{whose} has no addresses in `virtual_ipaddress`");
            self.report.add(Diagnostic::new(Code::NoAddress, draft.keyword, message));
        }
        if let Some(entry) = draft.addresses.get(ADDRESS_PER_ADVERT_MAX) {
            let count = draft.addresses.len();
            let message = format!("{whose} has {count} addresses, an advert carries 255");
            self.report.add(
                Diagnostic::new(Code::TooMuch, entry.span, message)
                    .label("the first without room")
                    .help("move the others to virtual_ipaddress_excluded"),
            );
        }
    }

    fn version_of(&mut self, draft: &Draft, family: Family, scope: Scope) -> Version {
        if family == Family::V6 {
            if let Some(given) = draft.version.as_ref().filter(|given| given.value == Version::V2) {
                let message = "version 2 knows no IPv6".to_owned();
                self.report.add(
                    Diagnostic::new(Code::VersionFamily, given.span, message).help(
                        "remove it on all routers of this instance: IPv6 is always version 3",
                    ),
                );
            }
            let origin = match &draft.version {
                Some(given) => Origin::Configured(given.span),
                None => Origin::Default("IPv6 is always version 3"),
            };
            self.origins.set(scope, "version", origin);
            return Version::V3;
        }
        let global = self.defaults.version.clone();
        let global = global.as_ref().map(|global| (global, "vrrp_version"));
        self.pick(scope, "version", draft.version.as_ref(), global, (Version::V2, KEEPALIVED))
    }

    /// The interval, rounded as keepalived rounds it: to the nearest that an advert can carry.
    fn interval_of(&mut self, draft: &Draft, version: Version, scope: Scope) -> Span {
        let default = (Span::from_secs(1), KEEPALIVED);
        let interval = self.pick(scope, "advert_int", draft.interval.as_ref(), None, default);
        let Some(given) =
            draft.interval.as_ref().filter(|_| is_interval(version, interval).is_err())
        else {
            return interval;
        };
        let (step, why) = match version {
            Version::V2 => (Span::from_secs(1), "version 2 counts in whole seconds"),
            Version::V3 => {
                (Span::from_centis(1), "version 3 counts in steps of 10 ms up to 40.95 s")
            }
        };
        let steps = (interval + step.over(2)).as_nanos() / step.as_nanos();
        let rounded = step.times(steps.max(1));
        let rounded = if version == Version::V3 { rounded.min(INTERVAL_V3_MAX) } else { rounded };
        let message = format!("advert_int becomes {rounded}: {why}");
        let mut diagnostic = Diagnostic::new(Code::Rewritten, given.span, message);
        if version == Version::V2 {
            diagnostic = diagnostic.help("fractions of a second need `version 3` on all routers");
        }
        self.report.add(diagnostic);
        self.origins.set(scope, "advert_int", Origin::Changed(given.span, "rounded"));
        rounded
    }

    fn priority_of(&mut self, draft: &Draft, scope: Scope) -> Priority {
        let is_unread = draft.unread.contains(&"priority");
        let state = draft.is_master.as_ref().filter(|state| state.value && !is_unread);
        let default = match (state, &draft.priority) {
            (Some(state), None) => {
                let message = "`state MASTER` without `priority` means 255: an owner".to_owned();
                self.report.add(
                    Diagnostic::new(Code::MasterOwns, state.span, message)
                        .help("give it a priority from 1 to 254, unless it owns the addresses"),
                );
                (255, Origin::Follows(state.span, "state MASTER without priority"))
            }
            _ => (Priority::DEFAULT.0, KEEPALIVED),
        };
        Priority(self.pick(scope, "priority", draft.priority.as_ref(), None, default))
    }

    fn preempt_of(&mut self, draft: &Draft, priority: Priority, scope: Scope) -> (bool, Span) {
        let preempt = self.pick(scope, "preempt", draft.preempt.as_ref(), None, (true, KEEPALIVED));
        let none = (Span::ZERO, KEEPALIVED);
        let delay = self.pick(scope, "preempt_delay", draft.preempt_delay.as_ref(), None, none);
        let nopreempt = draft.preempt.as_ref().filter(|given| !given.value);
        let delayed = draft.preempt_delay.as_ref().filter(|given| !given.value.is_zero());
        let state = draft.is_master.as_ref().filter(|state| state.value);

        let (code, why) = match state {
            Some(_) => (Code::MasterPreempts, "state MASTER"),
            None => (Code::OwnerPreempts, "priority 255"),
        };
        if state.is_some() || priority == Priority::OWNER {
            let culprit = state.map(|state| state.span).or(draft.priority.as_ref().map(|p| p.span));
            for (span, keyword, name) in [
                (nopreempt.map(|given| given.span), "preempt", "nopreempt"),
                (delayed.map(|given| given.span), "preempt_delay", "preempt_delay"),
            ] {
                let Some(span) = span else { continue };
                let message = format!("`{name}` has no effect with {why}");
                let mut diagnostic = Diagnostic::new(code, span, message);
                if let Some(culprit) = culprit {
                    diagnostic = diagnostic.also(culprit, "this switches it off");
                }
                if state.is_some() {
                    diagnostic = diagnostic.help("write `state BACKUP`; the priority decides");
                }
                self.report.add(diagnostic);
                self.origins.set(scope, keyword, Origin::Changed(span, why));
            }
            return (true, Span::ZERO);
        }
        if let (Some(nopreempt), Some(delayed)) = (nopreempt, delayed) {
            let message = "`preempt_delay` has no effect with nopreempt".to_owned();
            let diagnostic = Diagnostic::new(Code::DelayWithoutPreempt, delayed.span, message);
            self.report.add(diagnostic.also(nopreempt.span, "never preempts"));
            self.origins.set(scope, "preempt_delay", Origin::Changed(delayed.span, "nopreempt"));
            return (false, Span::ZERO);
        }
        (preempt, delay)
    }

    /// Adds the instance's addresses to the pool, advertised ones first; also how many those are.
    fn push_addresses(&mut self, draft: &Draft, interface: u8) -> (Span16, u8) {
        let start = self.config.addresses.len();
        let mut advertised = 0_u8;
        for (entry, keyword) in draft
            .addresses
            .iter()
            .map(|entry| (entry, "virtual_ipaddress"))
            .chain(draft.excluded.iter().map(|entry| (entry, "virtual_ipaddress_excluded")))
        {
            let carrier = match &entry.interface {
                Some(name) => self.interface(name),
                None => Some(interface),
            };
            let Some(carrier) = carrier else { continue };
            if !self.is_carried_first(entry, carrier, start) {
                continue;
            }
            let scope = Scope::Address(self.config.addresses.len());
            let bits = Family::of(entry.ip).host_len();
            let address = Address {
                ip: entry.ip,
                prefix_len: entry.prefix_len.unwrap_or(bits),
                interface: carrier,
                label: entry.label.as_ref().map(|label| label.value.clone()).unwrap_or_default(),
            };
            let _ = self.config.addresses.push(address);
            self.needs.addresses.push(entry.span);
            advertised = advertised.saturating_add(u8::from(keyword == "virtual_ipaddress"));
            self.origins.set(scope, keyword, Origin::Configured(entry.span));
        }
        (span16(start, self.config.addresses.len() - start), advertised)
    }

    fn push_peers(&mut self, peers: &[Given<IpAddr>]) -> Span16 {
        let start = self.config.peers.len();
        for peer in peers {
            let scope = Scope::Peer(self.config.peers.len());
            let _ = self.config.peers.push(peer.value);
            self.needs.peers.push(peer.span);
            self.origins.set(scope, "unicast_peer", Origin::Configured(peer.span));
        }
        span16(start, self.config.peers.len() - start)
    }

    /// Where those values came from that are taken as they stand.
    fn plain_origins(&mut self, draft: &Draft, scope: Scope, is_made_master: bool) {
        let configured = |span: Option<TextSpan>| span.map_or(KEEPALIVED, Origin::Configured);
        let state = match (is_made_master, &draft.priority) {
            (true, Some(priority)) => Origin::Follows(priority.span, "priority 255"),
            _ => configured(draft.is_master.as_ref().map(|given| given.span)),
        };
        self.origins.set(scope, "state", state);
        let interface = draft.interface.as_ref().map(|given| given.span);
        self.origins.set(scope, "interface", configured(interface));
        let vrid = draft.vrid.as_ref().map(|given| given.span);
        self.origins.set(scope, "virtual_router_id", configured(vrid));
        let source = configured(draft.source.as_ref().map(|given| given.span));
        self.origins.set(scope, "mcast_src_ip", source);
        self.origins.set(scope, "unicast_src_ip", source);
        let untracked = configured(draft.dont_track_primary);
        self.origins.set(scope, "dont_track_primary", untracked);
    }
}

pub(super) fn span16(start: usize, len: usize) -> Span16 {
    let narrow = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Span16 { start: narrow(start), len: narrow(len) }
}
