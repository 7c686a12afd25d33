//! Packets: from bytes to the instance they are for, through the policy, to its state machine.
//!
//! Whatever is rejected on the way changes one counter and nothing else.

use core::net::{IpAddr, Ipv6Addr};

use super::Engine;
use crate::addr::{Family, IfIndex, Priority, Version};
use crate::config::model;
use crate::time::{Instant, Span};
use crate::trace::{Event, Mismatch};
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

    /// The policy of the instance: whether it takes this advert into account. Answers with the
    /// instance's own address, for the tie-break.
    fn judge(&self, index: usize, datagram: &Datagram<'_>) -> Result<IpAddr, Reject> {
        let (Some(router), Some(config)) =
            (self.routers.get(index), self.config.instances.get(index))
        else {
            return Err(Reject::VridUnknown);
        };
        let advert = &datagram.advert;
        let local = match router.fsm.state() {
            instance::State::Init | instance::State::Fault => None,
            instance::State::Backup { .. } | instance::State::Master { .. } => router.source,
        };
        let local = local.ok_or(Reject::NotListening)?;
        if advert.version != config.version {
            return Err(Reject::Version);
        }
        let peers = self.config.peers_of(config);
        if datagram.destination.is_multicast() != peers.is_empty() {
            return Err(Reject::Destination);
        }
        if datagram.source == local {
            return Err(Reject::OwnAddress);
        }
        if !peers.is_empty() && !peers.contains(&datagram.source) {
            return Err(Reject::UnknownPeer);
        }
        if config.version == Version::V2 {
            judge_version_2(config, advert.auth, advert.interval)?;
        }
        Ok(local)
    }

    fn accept(&mut self, now: Instant, index: usize, datagram: &Datagram<'_>, local: IpAddr) {
        let advert = &datagram.advert;
        let (Some(router), Some(config)) =
            (self.routers.get_mut(index), self.config.instances.get(index))
        else {
            return;
        };
        let counters = &mut router.counters;
        counters.adverts_received = counters.adverts_received.saturating_add(1);
        if advert.priority == Priority::RESIGN {
            counters.resignations_received = counters.resignations_received.saturating_add(1);
        } else {
            let addresses = self.config.addresses_of(config);
            let advertised = addresses.get(..usize::from(config.advertised)).unwrap_or(&[]);
            // In order is the usual case, and cheap; another order is no difference.
            let same = advert.addresses.len() == advertised.len()
                && (advert.addresses.iter().eq(advertised.iter().map(|address| address.ip))
                    || advert
                        .addresses
                        .iter()
                        .all(|ip| advertised.iter().any(|address| address.ip == ip)));
            let mismatch = if !same {
                counters.address_mismatches = counters.address_mismatches.saturating_add(1);
                Some((datagram.source, Mismatch::Addresses))
            } else if advert.interval != config.interval {
                counters.interval_mismatches = counters.interval_mismatches.saturating_add(1);
                Some((datagram.source, Mismatch::Interval))
            } else {
                None
            };
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

/// What version 2 checks besides (RFC 3768 §7.1): authentication type and data, and the interval,
/// which all routers must have in common.
fn judge_version_2(config: &model::Instance, auth: Auth, interval: Span) -> Result<(), Reject> {
    match (&config.password, auth) {
        (None, Auth::None) => {}
        (Some(password), Auth::Password(_)) => {
            if !auth.password_matches(password) {
                return Err(Reject::Password);
            }
        }
        (None, Auth::Password(_) | Auth::Other(_)) | (Some(_), Auth::None | Auth::Other(_)) => {
            return Err(Reject::AuthType);
        }
    }
    if interval != config.interval {
        return Err(Reject::Interval);
    }
    Ok(())
}
