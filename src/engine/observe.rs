//! Netlink: from messages to tables.

use core::net::IpAddr;

use super::{Engine, Port, Presence};
use crate::addr::IfIndex;
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event};
use crate::wire::rtnl::{self, Link, Message};

/// An address that somebody else removes is put back so often within a minute; once more, and its
/// instance is in FAULT until the minute is over.
const LOST_PER_MINUTE_MAX: u8 = 3;
const LOST_PERIOD: Span = Span::from_secs(60);

impl Engine {
    /// One netlink datagram, from either netlink socket. Anything in it that is malformed or
    /// unknown is counted and skipped.
    pub fn observe(&mut self, now: Instant, datagram: &[u8]) {
        let mut changed = false;
        for item in rtnl::messages(datagram) {
            let Ok(item) = item else {
                self.kernel.malformed = self.kernel.malformed.saturating_add(1);
                continue;
            };
            if item.interrupted {
                // The table changed while it was dumped: what was read is not to be trusted.
                self.kernel.dump_wanted = true;
            }
            let is_news = !self.kernel.is_part_of_dump(item.sequence);
            if !is_news {
                self.kernel.dump_goes_on(now);
            }
            if is_news && self.kernel.is_reading() && self.concerns(&item.message) {
                // News beside a dump may be older or newer than what the dump says.
                self.kernel.dump_wanted = true;
            }
            match item.message {
                Message::Link(link) => changed |= self.observe_link(now, &link),
                Message::LinkGone { index } => changed |= self.observe_link_gone(index),
                Message::Address(message) => {
                    changed |= self.observe_address(now, &message, is_news);
                    if is_news && message.present {
                        self.accepted(item.port, item.sequence);
                    }
                }
                Message::Ack { sequence, errno } => {
                    changed |= self.acknowledged(now, sequence, errno);
                }
                Message::Done { sequence, errno } => {
                    changed |= self.dump_done(now, sequence, errno);
                }
                Message::Overrun => self.observe_overrun(now),
                Message::Route(_) | Message::Other(_) => {}
            }
        }
        if changed {
            self.judge_health(now);
        }
    }

    /// Whether a message is about a configured interface.
    fn concerns(&self, message: &Message<'_>) -> bool {
        match message {
            Message::Link(link) => {
                self.slot_of(link.index).is_some()
                    || self.config.interfaces.iter().any(|known| known.as_str() == link.name)
            }
            Message::LinkGone { index } => self.slot_of(*index).is_some(),
            Message::Address(address) => self.slot_of(address.index).is_some(),
            Message::Route(_) => false,
            Message::Ack { .. } | Message::Done { .. } | Message::Overrun | Message::Other(_) => {
                false
            }
        }
    }

    /// Netlink messages were lost (ENOBUFS on a netlink socket): everything is read again.
    pub fn observe_overrun(&mut self, now: Instant) {
        self.kernel.overruns = self.kernel.overruns.saturating_add(1);
        self.kernel.news_lost = true;
        self.kernel.dump_wanted = true;
        self.kernel.due = Some(now);
        self.events.push(Event::KernelOverrun);
    }

    /// The raw socket of `port` could not be opened, or works again (`errno` none).
    pub fn observe_port(&mut self, now: Instant, port: Port, errno: Option<i32>) {
        let Some(slot) = self.slot_of(port.interface) else { return };
        if let Some(interface) = self.interfaces.get_mut(usize::from(slot))
            && let Some(refused) = interface.refused.get_mut(port.kind())
            && *refused != errno
        {
            *refused = errno;
            self.judge_health(now);
        }
    }

    fn observe_link(&mut self, now: Instant, link: &Link<'_>) -> bool {
        let name = link.name;
        let slot = self.config.interfaces.iter().position(|known| known.as_str() == name);
        // The interface with this number had another name before.
        let renamed = self.slot_of(link.index).map(usize::from).filter(|old| Some(*old) != slot);
        if let Some(old) = renamed {
            self.interface_vanishes(old);
            // Its addresses have not vanished.
            for row in self.addresses.iter_mut().filter(|row| usize::from(row.interface) == old) {
                row.stray |= row.left_on == Some(link.index);
            }
        }
        let Some(slot) = slot else { return renamed.is_some() };
        let known = self.interfaces.get(slot).and_then(|interface| interface.index);
        if known.is_some() && known != Some(link.index) {
            // The name was given to another interface: nothing known of the old one holds.
            self.interface_vanishes(slot);
        }
        let is_delayed = self.is_link_delayed(now, slot, link);
        let Some(interface) = self.interfaces.get_mut(slot) else { return false };
        let was = (interface.index, interface.up, interface.running);
        if interface.index.is_none() {
            self.ports_generation = self.ports_generation.wrapping_add(1);
            for row in self.addresses.iter_mut().filter(|row| usize::from(row.interface) == slot) {
                row.returns(link.index);
            }
            self.kernel.released_left = true;
            self.kernel.restart();
        }
        interface.index = Some(link.index);
        if !is_delayed {
            (interface.up, interface.running) = (link.up, link.running);
        }
        interface.mac = link.mac;
        interface.mtu = link.mtu;
        interface.forwarding6 = link.forwarding6.unwrap_or(interface.forwarding6);
        interface.seen = true;
        was != (interface.index, interface.up, interface.running)
    }

    fn observe_link_gone(&mut self, index: IfIndex) -> bool {
        match self.slot_of(index) {
            Some(slot) => {
                self.interface_vanishes(usize::from(slot));
                true
            }
            None => false,
        }
    }

    /// An interface is gone, and its addresses with it.
    fn interface_vanishes(&mut self, slot: usize) {
        let mut gone = None;
        if let Some(interface) = self.interfaces.get_mut(slot) {
            gone = interface.index;
            interface.vanish();
            self.ports_generation = self.ports_generation.wrapping_add(1);
        }
        for row in self.addresses.iter_mut().filter(|row| usize::from(row.interface) == slot) {
            row.forget();
            if let Some(number) = gone {
                row.leaves(number);
            }
            // What has not been answered, or not been heard of, may have reached a successor with
            // its number.
            row.claimed = row.pending || row.addition_echoing;
            row.removals_echoing = 0;
            row.released = false;
            row.pending = false;
            row.retry_at = None;
            // What it refused, because it was about to go or not, its successor may take.
            let router = self.routers.get_mut(usize::from(row.instance));
            if row.refused.take().is_some()
                && let Some(router) = router
                && router.barred.is_some_and(|(_, cause)| cause == Cause::AddressRefused)
            {
                router.barred = None;
            }
        }
        let rows = &self.addresses;
        self.kernel.forget(|row| {
            rows.get(usize::from(row)).is_none_or(|row| usize::from(row.interface) == slot)
        });
        self.kernel.released_left = true;
        self.kernel.restart();
    }

    /// An address is there or gone: news, or part of a dump. What requests of ours have been
    /// answered in the meantime is newer than news, and older than a dump.
    fn observe_address(&mut self, now: Instant, message: &rtnl::Address, is_news: bool) -> bool {
        let Some(slot) = self.slot_of(message.index) else { return false };
        let number = self.row_of(message.index, message.ip, message.prefix_len);
        let row = number.and_then(|row| self.addresses.get_mut(usize::from(row)));
        let Some(row) = row else {
            return self.observe_source(slot, message);
        };
        if message.present {
            if row.removals_echoing > 0 && is_news {
                // Older than a removal of ours that the kernel has answered already.
                return false;
            }
            row.seen = true;
            let became_secondary = message.is_secondary() && !row.secondary;
            row.secondary = message.is_secondary();
            let ours = row.claimed || row.pending || message.proto == super::ADDRESS_PROTO;
            let was = row.presence;
            if ours {
                row.claim();
            } else {
                row.presence = Presence::Foreign;
            }
            if was != row.presence {
                self.kernel.restart();
            }
            row.addition_echoing &= !is_news;
            if let (true, Some(number)) = (is_news, number) {
                self.kernel.heard(number, true);
            }
            if ours && became_secondary && self.leases && row.renew_at.is_none() {
                // Only now is it known that a lease would take no other address along.
                row.renew_at = Some(now);
                self.kernel.restart();
            }
            // An owner's address is the administrator's, and a source. Anybody else's virtual
            // address is none, even if it was assigned: another router may have it as well.
            let owner = row.instance().and_then(|at| self.config.instances.get(usize::from(at)));
            let is_owner = owner.is_some_and(|instance| instance.priority.is_owner());
            if let (true, true, Some(number)) = (is_news, ours && row.pending, number)
                && !self.kernel.is_asked(number)
            {
                // Its request has been answered before the news of it, or is overdue.
                self.found_installed(now, number);
            }
            return !ours && is_owner && self.observe_source(slot, message);
        }
        if row.removals_echoing > 0 {
            row.removals_echoing -= 1;
            return false;
        }
        let was = row.presence;
        row.forget();
        if let Some(number) = number {
            self.kernel.heard(number, false);
        }
        self.kernel.released_left = true;
        self.kernel.restart();
        match was {
            Presence::Foreign => self.observe_source(slot, message),
            Presence::Ours => self.address_lost(now, message),
            Presence::Absent => false,
        }
    }

    /// Somebody else removed one of our addresses, or its lease ran out. A master that cannot keep
    /// its address serves nobody: past the limit it goes to FAULT, so that another router becomes
    /// master. Answers whether it comes to that.
    fn address_lost(&mut self, now: Instant, message: &rtnl::Address) -> bool {
        let Some(number) = self.row_of(message.index, message.ip, message.prefix_len) else {
            return false;
        };
        let Some(row) = self.addresses.get_mut(usize::from(number)) else { return false };
        let owner = row.instance().and_then(|index| self.routers.get_mut(usize::from(index)));
        let Some(router) = owner.filter(|router| router.fsm.is_master()) else { return false };
        self.events.push(Event::AddressLost { address: number });
        if now.since(row.lost_since) >= LOST_PERIOD {
            row.lost_since = now;
            row.lost = 0;
        }
        row.lost = row.lost.saturating_add(1);
        if row.lost <= LOST_PER_MINUTE_MAX {
            return false;
        }
        router.barred = Some((row.lost_since + LOST_PERIOD, Cause::AddressLost));
        let index = row.instance;
        self.touch(usize::from(index));
        true
    }

    /// An address that is none of ours: perhaps one to send from.
    fn observe_source(&mut self, slot: u8, message: &rtnl::Address) -> bool {
        let Some(interface) = self.interfaces.get_mut(usize::from(slot)) else { return false };
        // Duplicate address detection has not finished, or failed: nothing can be sent from it.
        let usable = message.present && !message.is_tentative() && !message.is_dad_failed();
        if usable && !message.is_secondary() {
            interface.add_source(message.ip);
        } else {
            self.kernel.dump_wanted |= interface.remove_source(message.ip);
        }
        true
    }

    /// The row of an address, if it is one of the configured ones.
    pub(super) fn row_of(&self, interface: IfIndex, ip: IpAddr, prefix_len: u8) -> Option<u16> {
        let key = (self.slot_of(interface)?, ip, prefix_len);
        let at = self
            .by_ip
            .binary_search_by(|row| {
                self.addresses
                    .get(usize::from(*row))
                    .map_or(core::cmp::Ordering::Greater, |row| row.key().cmp(&key))
            })
            .ok()?;
        self.by_ip.get(at).copied()
    }

    /// A dump begins: what it does not mention is gone at its end.
    pub(super) fn dump_begins(&mut self) {
        for interface in &mut self.interfaces {
            interface.seen = false;
            interface.more_sources = false;
            for sources in &mut interface.sources {
                sources.clear();
            }
        }
        let news_lost = core::mem::take(&mut self.kernel.news_lost);
        for row in &mut self.addresses {
            row.seen = false;
            if news_lost {
                // It may have been of our removals: none is waited for any more.
                row.removals_echoing = 0;
            }
        }
    }

    /// Both dumps were read: what they did not mention is gone.
    pub(super) fn dump_ends(&mut self, now: Instant) {
        for slot in 0..self.interfaces.len() {
            let gone =
                self.interfaces.get(slot).is_some_and(|row| row.index.is_some() && !row.seen);
            if gone {
                self.interface_vanishes(slot);
            }
        }
        for number in 0..self.addresses.len() {
            let Some(row) = self.addresses.get_mut(number) else { break };
            // A request whose answer was lost: this is the answer.
            let unanswered = core::mem::take(&mut row.pending);
            if !row.seen {
                row.release();
                row.released |= unanswered;
            } else if unanswered
                && row.presence == Presence::Ours
                && let Ok(number) = u16::try_from(number)
            {
                self.found_installed(now, number);
            }
        }
        self.kernel.released_left = true;
        self.kernel.restart();
    }

    /// An address of ours, whose request was not answered as it should have been, is there after
    /// all: announced, and renewed at once if it has a lease, of which nobody knows how long it is.
    fn found_installed(&mut self, now: Instant, number: u16) {
        let leasable = self.lease_of(usize::from(number)).is_some();
        let Some(row) = self.addresses.get_mut(usize::from(number)) else { return };
        row.pending = false;
        if leasable && row.renew_at.is_none() {
            row.renew_at = Some(now);
            self.kernel.restart();
        }
        self.announce_installed(number);
    }
}
