//! What the kernel said about one configured interface.

use core::net::IpAddr;
use heapless::Vec;

use crate::addr::{Family, IfIndex, MacAddr};
use crate::limits::SOURCE_PER_INTERFACE_MAX;
use crate::time::Instant;
use crate::trace::Cause;
use crate::wire::Reject;

/// A configured interface; the configuration's name of the same index says which.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its number, while it exists.
    pub index: Option<IfIndex>,
    /// Administratively up (IFF_UP).
    pub up: bool,
    /// Has carrier (IFF_LOWER_UP).
    pub running: bool,
    /// Its Ethernet address; announcements need one.
    pub mac: Option<MacAddr>,
    /// Its MTU.
    pub mtu: u32,
    /// Whether IPv6 forwarding is on: the Router flag of neighbour advertisements.
    pub forwarding6: bool,
    /// Addresses of its own that adverts could be sent from, by family.
    pub sources: [Vec<IpAddr, SOURCE_PER_INTERFACE_MAX>; 2],
    /// There was no room for all of `sources`: the kernel has more.
    pub(super) more_sources: bool,
    /// Why the kernel refused its VRRP sockets, in the order of [`super::Port::kind`].
    pub refused: [Option<i32>; 3],
    /// Packets on its sockets that no instance is for, by [`Reject::index`].
    pub rejected: [u64; Reject::COUNT],
    /// Before this, no further announcement leaves here (`vrrp_garp_interval`).
    pub(super) paced_until: Instant,
    /// Seen in the dump that is being read.
    pub(super) seen: bool,
    /// It has worked since it is there.
    pub(super) has_worked: bool,
    /// What the kernel says of it otherwise, which does not count before its time.
    pub change: Option<Change>,
}

/// A change of an interface that does not count yet (`interface_up_down_delays`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Administratively up.
    pub up: bool,
    /// Has carrier.
    pub running: bool,
    /// When it counts, if it lasts until then.
    pub at: Instant,
}

impl Interface {
    pub(super) const fn new() -> Self {
        Interface {
            index: None,
            up: false,
            running: false,
            mac: None,
            mtu: 0,
            forwarding6: false,
            sources: [Vec::new(), Vec::new()],
            more_sources: false,
            refused: [None; 3],
            rejected: [0; Reject::COUNT],
            paced_until: Instant::ZERO,
            seen: false,
            has_worked: false,
            change: None,
        }
    }

    /// Forgets what only held while it existed; the counters stay.
    pub(super) fn vanish(&mut self) {
        *self = Interface { rejected: self.rejected, ..Interface::new() };
    }

    /// Why nothing can be sent or heard here, if so.
    pub(super) fn fault(&self) -> Option<Cause> {
        if self.index.is_none() {
            Some(Cause::InterfaceMissing)
        } else if !self.up {
            Some(Cause::InterfaceDown)
        } else if !self.running {
            Some(Cause::CarrierLost)
        } else {
            None
        }
    }

    /// The source of adverts of `family`: for IPv6 multicast the link-local address (RFC 9568
    /// §5.1.2.1), for IPv6 unicast a global one where there is one, else the first address.
    pub(super) fn primary(&self, family: Family, unicast: bool) -> Option<IpAddr> {
        let sources = self.sources.get(family.index())?;
        let is_link_local =
            |ip: &&IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        match family {
            Family::V4 => sources.first(),
            Family::V6 if unicast => {
                sources.iter().find(|ip| !is_link_local(ip)).or(sources.first())
            }
            Family::V6 => sources.iter().find(is_link_local),
        }
        .copied()
    }

    /// Remembers an address of its own. A link-local one always finds room: IPv6 adverts need it.
    pub(super) fn add_source(&mut self, ip: IpAddr) {
        let Some(sources) = self.sources.get_mut(Family::of(ip).index()) else { return };
        if sources.contains(&ip) {
            return;
        }
        let needed = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if sources.is_full() && needed {
            sources.pop();
            self.more_sources = true;
        }
        self.more_sources |= sources.push(ip).is_err();
    }

    /// Forgets an address of its own. Answers whether there may be others in its place, which only
    /// the kernel knows.
    pub(super) fn remove_source(&mut self, ip: IpAddr) -> bool {
        let Some(sources) = self.sources.get_mut(Family::of(ip).index()) else { return false };
        let was_full = sources.is_full();
        sources.retain(|known| *known != ip);
        was_full && !sources.is_full() && self.more_sources
    }
}
