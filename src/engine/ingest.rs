//! Packets: from bytes to the instance they are for, through its policy, to its state machine.
//!
//! Whatever is rejected on the way changes one counter and nothing else.

use core::net::{IpAddr, Ipv6Addr};

use super::{Engine, policy};
use crate::addr::{Family, IfIndex, Priority};
use crate::time::{Instant, Span};
use crate::trace::{Event, Mismatch, Told};
use crate::vrrp::instance::{self, Heard, Rival};
use crate::wire::Reject;
use crate::wire::vrrp::{self, Auth, Datagram, Rejected};

/// A rival master is logged at most so often: its packets must not fill the log.
const RIVAL_EVENT_INTERVAL: Span = Span::from_secs(60);

impl Engine {
    /// A packet from the IPv4 raw socket of `interface`, IP header included.
    pub fn ingest_ipv4(&mut self, now: Instant, interface: IfIndex, packet: &[u8]) {
        if let Some(slot) = self.slot_of(interface) {
            self.ingest(now, slot, Family::V4, vrrp::dissect_ipv4(packet));
        }
    }

    /// A packet from the IPv6 raw socket of `interface`: what the control messages said, and the
    /// payload behind the IPv6 header.
    pub fn ingest_ipv6(
        &mut self,
        now: Instant,
        interface: IfIndex,
        (source, destination): (Ipv6Addr, Ipv6Addr),
        hop_limit: u8,
        payload: &[u8],
    ) {
        if let Some(slot) = self.slot_of(interface) {
            let datagram = vrrp::dissect_ipv6(source, destination, hop_limit, payload);
            self.ingest(now, slot, Family::V6, datagram);
        }
    }

    fn ingest(
        &mut self,
        now: Instant,
        slot: u8,
        family: Family,
        datagram: Result<Datagram<'_>, Rejected>,
    ) {
        let datagram = match datagram {
            Ok(datagram) => datagram,
            Err(Rejected { reason, vrid }) => {
                let index = vrid.and_then(|vrid| self.router_of(slot, family, vrid));
                return self.reject(slot, index, reason);
            }
        };
        let Some(index) = self.router_of(slot, family, datagram.advert.vrid) else {
            return self.reject(slot, None, Reject::VridUnknown);
        };
        match self.judge(index, &datagram) {
            Ok(local) => self.accept(now, index, &datagram, local),
            Err(reason) => self.reject(slot, Some(index), reason),
        }
    }

    /// Whether the instance takes this advert into account. Answers with the instance's own
    /// address, for the tie-break.
    fn judge(&self, index: usize, datagram: &Datagram<'_>) -> Result<IpAddr, Reject> {
        let (Some(router), Some(config)) =
            (self.routers.get(index), self.config.instances.get(index))
        else {
            return Err(Reject::VridUnknown);
        };
        let local = match router.fsm.state() {
            instance::State::Init | instance::State::Fault => None,
            instance::State::Backup { .. } | instance::State::Master { .. } => router.source,
        };
        let local = local.ok_or(Reject::NotListening)?;
        policy::judge(&self.config, config, Some(local), datagram)?;
        match datagram.advert.auth {
            Auth::Header(header) if header.sequence <= router.sequence => Err(Reject::Replay),
            Auth::Header(_) | Auth::None | Auth::Password(_) | Auth::Other(_) => Ok(local),
        }
    }

    fn accept(&mut self, now: Instant, index: usize, datagram: &Datagram<'_>, local: IpAddr) {
        let advert = &datagram.advert;
        self.adverts_accepted = self.adverts_accepted.wrapping_add(1);
        let (Some(router), Some(config)) =
            (self.routers.get_mut(index), self.config.instances.get(index))
        else {
            return;
        };
        if let Auth::Header(header) = advert.auth {
            router.sequence = header.sequence;
        }
        let counters = &mut router.counters;
        counters.adverts_received = counters.adverts_received.saturating_add(1);
        if advert.priority == Priority::RESIGN {
            counters.resignations_received = counters.resignations_received.saturating_add(1);
        } else {
            let mismatch = policy::mismatch(&self.config, config, advert);
            match mismatch {
                Some(Mismatch::Addresses) => {
                    counters.address_mismatches = counters.address_mismatches.saturating_add(1);
                }
                Some(Mismatch::Interval) => {
                    counters.interval_mismatches = counters.interval_mismatches.saturating_add(1);
                }
                None => {}
            }
            let mismatch = mismatch.map(|what| (datagram.source, what));
            if mismatch != router.mismatch {
                router.mismatch = mismatch;
                if let (Some((peer, what)), Ok(instance)) = (mismatch, u16::try_from(index)) {
                    self.events.push(Event::Mismatch { instance, peer, what });
                }
            }
        }
        let heard =
            Heard { source: datagram.source, priority: advert.priority, interval: advert.interval };
        self.event(now, index, instance::Event::Advert { heard, local });
    }

    /// A master that is not better was heard while this router is master.
    pub(super) fn rival_heard(&mut self, now: Instant, index: usize, rival: Rival) {
        let Some(router) = self.routers.get_mut(index) else { return };
        router.counters.rivals = router.counters.rivals.saturating_add(1);
        self.post_told(index, Told::RxLowerPriority);
        let Some(router) = self.routers.get_mut(index) else { return };
        if router.rival_event_at.is_some_and(|at| now < at) {
            return;
        }
        router.rival_event_at = Some(now + RIVAL_EVENT_INTERVAL);
        if let Ok(instance) = u16::try_from(index) {
            self.events.push(Event::Rival {
                instance,
                peer: rival.address,
                priority: rival.priority,
            });
        }
    }
}
