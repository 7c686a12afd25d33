//! Adverts and announcements, written into the caller's buffer.
//!
//! Adverts come first, in the order in which they became due. Announcements follow one an address
//! in turn, so that the last address of a takeover is announced before the first one is announced
//! again.

use core::net::IpAddr;

use super::{Engine, Transmit, Via};
use crate::addr::Priority;
use crate::config::model::{self, Authentication};
use crate::time::{Instant, Span};
use crate::vrrp::instance::Send;
use crate::wire::vrrp::{Outgoing, Seal};
use crate::wire::{arp, ndisc, vrrp};

/// The announcements that wait.
#[derive(Debug)]
pub(super) struct Announcements {
    /// Sum of all bursts: nothing is searched for when it is zero.
    left: u32,
    cursor: usize,
    /// When pacing lets the next one go.
    pub(super) due: Option<Instant>,
}

impl Announcements {
    pub(super) const fn new() -> Self {
        Announcements { left: 0, cursor: 0, due: None }
    }
}

impl Engine {
    /// The next packet to send, written into `buffer` (at least
    /// [`crate::limits::DATAGRAM_LEN_MAX`] octets). Adverts come before announcements.
    pub fn next_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        while let Some(number) = self.adverts.front().copied() {
            let (transmit, is_last) = self.compose_advert(now, usize::from(number), buffer);
            if is_last {
                self.adverts.pop_front();
                self.peer_cursor = 0;
                if let Some(router) = self.routers.get_mut(usize::from(number)) {
                    router.send = Send::Nothing;
                    router.queued = false;
                }
            } else {
                self.peer_cursor = self.peer_cursor.saturating_add(1);
            }
            if transmit.is_some() {
                return transmit;
            }
        }
        if self.reloading {
            // What the old instances had to say has been said.
            self.reloading = false;
            self.install(now);
            return self.next_transmit(now, buffer);
        }
        self.next_announcement(now, buffer)
    }

    /// The advert of a router, to its group or to the peer under the cursor; and whether it was
    /// the last one.
    fn compose_advert(
        &mut self,
        now: Instant,
        index: usize,
        buffer: &mut [u8],
    ) -> (Option<Transmit>, bool) {
        let (Some(router), Some(config)) =
            (self.routers.get_mut(index), self.config.instances.get(index))
        else {
            return (None, true);
        };
        if router.send == Send::Nothing {
            return (None, true);
        }
        let peers = self.config.peers.get(config.peers.range()).unwrap_or(&[]);
        let is_last = peers.is_empty() || usize::from(self.peer_cursor) + 1 >= peers.len();
        let interface = self.interfaces.get(usize::from(config.interface));
        let (Some(source), Some(interface)) =
            (router.source, interface.and_then(|interface| interface.index))
        else {
            return (None, true);
        };
        let destination = match peers.get(usize::from(self.peer_cursor)) {
            Some(peer) => *peer,
            None => match source {
                IpAddr::V4(_) => IpAddr::V4(vrrp::GROUP_V4),
                IpAddr::V6(_) => IpAddr::V6(vrrp::GROUP_V6),
            },
        };
        let resigns = router.send == Send::Resignation;
        router.identification = router.identification.wrapping_add(1);
        let seal = match config.authentication {
            Authentication::None => Seal::None,
            Authentication::Password(password) => Seal::Password(password),
            Authentication::Header(key) => {
                router.identification = router.identification.max(1);
                if self.peer_cursor == 0 {
                    // One a second: the last number is 136 years away.
                    router.sequence = router.sequence.saturating_add(1);
                }
                Seal::Header { key, sequence: router.sequence }
            }
        };
        let advertised = self
            .config
            .addresses
            .get(config.addresses.range())
            .and_then(|addresses| addresses.get(..usize::from(config.advertised)))
            .unwrap_or(&[]);
        let advert = Outgoing {
            version: config.version,
            vrid: config.vrid,
            priority: if resigns { Priority::RESIGN } else { router.fsm.settings().priority },
            interval: config.interval,
            source,
            destination,
            addresses: advertised.iter().map(|address: &model::Address| address.ip),
            seal,
            identification: router.identification,
        };
        let Some(len) = vrrp::emit(&advert, buffer) else { return (None, is_last) };
        let counters = &mut router.counters;
        counters.adverts_sent = counters.adverts_sent.saturating_add(1);
        if resigns {
            counters.resignations_sent = counters.resignations_sent.saturating_add(1);
        }
        let number = u16::try_from(index).ok();
        let advert_of = number.filter(|_| !resigns && is_last);
        router.sent_at = Some(now);
        let transmit = Transmit { len, interface, via: Via::Raw { destination }, advert_of };
        (Some(transmit), is_last)
    }

    /// The next announcement whose interface is not paced, one an address in turn.
    fn next_announcement(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        if self.announce.due.is_some_and(|due| now < due) {
            return None;
        }
        self.announce.due = None;
        let count = self.addresses.len();
        let mut skipped = 0;
        while self.announce.left > 0 && skipped < count {
            let number = self.announce.cursor % count;
            self.announce.cursor = (number + 1) % count;
            match self.compose_announcement(now, number, buffer) {
                Some(transmit) => return Some(transmit),
                None => skipped += 1,
            }
        }
        if self.announce.due.is_none() {
            // Nothing was found although something was counted: rows lost their bursts with their
            // addresses. The count begins anew.
            self.announce.left = 0;
        }
        None
    }

    fn compose_announcement(
        &mut self,
        now: Instant,
        number: usize,
        buffer: &mut [u8],
    ) -> Option<Transmit> {
        let row = self.addresses.get_mut(number).filter(|row| row.burst > 0)?;
        let interface = self.interfaces.get_mut(usize::from(row.interface))?;
        let (Some(index), Some(mac)) = (interface.index, interface.mac) else {
            // No Ethernet: there is nobody whose table could be wrong.
            row.burst = 0;
            return None;
        };
        if now < interface.paced_until {
            let due = self
                .announce
                .due
                .map_or(interface.paced_until, |due| due.min(interface.paced_until));
            self.announce.due = Some(due);
            return None;
        }
        row.burst -= 1;
        self.announce.left = self.announce.left.saturating_sub(1);
        let (len, pace) = match row.ip {
            IpAddr::V4(ip) => {
                (arp::emit_gratuitous(mac, ip, buffer), self.config.global.garp_interval)
            }
            IpAddr::V6(ip) => (
                ndisc::emit_unsolicited(mac, ip, interface.forwarding6, buffer),
                self.config.global.gna_interval,
            ),
        };
        if !pace.is_zero() {
            interface.paced_until = now + pace;
        }
        let instance = row.instance;
        if let Some(router) = self.routers.get_mut(usize::from(instance)) {
            let counters = &mut router.counters;
            counters.announcements_sent = counters.announcements_sent.saturating_add(1);
        }
        Some(Transmit { len: len?, interface: index, via: Via::Packet, advert_of: None })
    }

    /// A router has become master: what is in the kernel already is announced at once, the rest
    /// when the kernel has acknowledged it; everything again after the configured delay.
    pub(super) fn announce_takeover(&mut self, now: Instant, index: usize) {
        let Some(config) = self.config.instances.get(index) else { return };
        let (announce, interface) = (config.announce, config.interface);
        let addresses = self.config.addresses_of(config);
        let elsewhere = addresses.iter().any(|address| address.interface != interface);
        if let Some(router) = self.routers.get_mut(index) {
            router.again_at = (!announce.delay.is_zero()).then_some(now + announce.delay);
            router.again_repeat = announce.repeat;
            router.refresh_at =
                (!announce.refresh.is_zero()).then_some(now + announce.delay + announce.refresh);
            router.extra_at = (elsewhere && !announce.extra_interface.is_zero())
                .then_some(now + announce.extra_interface);
            router.rival_burst_at = None;
        }
        self.burst(index, announce.repeat, None);
    }

    /// The kernel has an address: it is announced if its instance is master.
    pub(super) fn announce_installed(&mut self, number: u16) {
        let Some(row) = self.addresses.get_mut(usize::from(number)) else { return };
        let instance = usize::from(row.instance);
        if self.routers.get(instance).is_some_and(|router| router.fsm.is_master())
            && let Some(config) = self.config.instances.get(instance)
        {
            self.announce.left += u32::from(config.announce.repeat.saturating_sub(row.burst));
            row.burst = row.burst.max(config.announce.repeat);
        }
    }

    /// A rival was heard and stays inferior, or a stall is over: neighbours may have learnt
    /// another router's Ethernet address. Bounded, because packets must not drive us.
    pub(super) fn announce_rival(&mut self, now: Instant, index: usize) {
        let Some(config) = self.config.instances.get(index) else { return };
        let announce = config.announce;
        let pause = announce.lower_delay.max(config.interval).max(Span::from_secs(1));
        let Some(router) = self.routers.get_mut(index) else { return };
        if announce.lower_repeat == 0 || router.rival_burst_at.is_some_and(|at| now < at) {
            return;
        }
        router.rival_burst_at = Some(now + pause);
        if !announce.lower_delay.is_zero() {
            let again_at = now + announce.lower_delay;
            router.again_at = Some(router.again_at.map_or(again_at, |at| at.min(again_at)));
            router.again_repeat = announce.lower_repeat;
        }
        self.burst(index, announce.lower_repeat, None);
    }

    /// Second bursts, refreshes and the end of a wait for the kernel: true, if that is over.
    pub(super) fn expire_announcements(&mut self, now: Instant, index: usize) -> bool {
        let Some(config) = self.config.instances.get(index) else { return false };
        let (announce, interface) = (config.announce, config.interface);
        let Some(router) = self.routers.get_mut(index) else { return false };
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let (again, refresh) = (due(router.again_at), due(router.refresh_at));
        let extra = due(router.extra_at);
        let is_free = due(router.barred.map(|(until, _)| until));
        let again_repeat = router.again_repeat;
        if again {
            router.again_at = None;
        }
        if refresh {
            router.refresh_at = Some(now + announce.refresh);
        }
        if extra {
            router.extra_at = Some(now + announce.extra_interface);
        }
        if is_free {
            router.barred = None;
        }
        if again {
            self.burst(index, again_repeat, None);
        } else if refresh {
            self.burst(index, announce.refresh_repeat, None);
        }
        if extra {
            self.burst(index, 1, Some(interface));
        }
        self.touch(index);
        is_free
    }

    /// Announces a router's addresses that are in the kernel, `repeat` times each; with `except`
    /// only those on other interfaces.
    fn burst(&mut self, index: usize, repeat: u8, except: Option<u8>) {
        let mut added = 0;
        for row in self.rows_of(index) {
            if row.is_present() && Some(row.interface) != except {
                added += u32::from(repeat.saturating_sub(row.burst));
                row.burst = row.burst.max(repeat);
            }
        }
        self.announce.left = self.announce.left.saturating_add(added);
    }
}
