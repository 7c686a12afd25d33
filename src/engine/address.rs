//! A virtual address: what should be in the kernel, and what is.
//!
//! Level-triggered: whether an address should be there follows from its instance's state each time
//! it is asked, and is compared with what the kernel last said. No edge is ever stored.

use core::net::IpAddr;

use super::NONE;
use crate::addr::IfIndex;
use crate::time::Instant;

/// A virtual address at run time.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix_len: u8,
    /// Slot of the interface that carries it.
    pub interface: u8,
    /// What the kernel has.
    pub presence: Presence,
    /// Why the kernel refused it last, as a positive errno.
    pub refused: Option<i32>,
    /// Index of its instance; [`NONE`] for one that a reload has left over.
    pub(super) instance: u16,
    /// A request is on its way to the kernel.
    pub(super) pending: bool,
    /// DELADDR messages still to come for removals that the kernel has acknowledged.
    pub(super) removals_echoing: u8,
    /// Ringward has added it, and nothing has proved since that it is gone. What is heard of it
    /// then is ours, whether the kernel tells or not (IFA_PROTO, 5.18). News alone proves nothing:
    /// it may be older than an answer that was read before. An answered removal does, or a dump.
    pub(super) claimed: bool,
    /// The news of an addition of ours is still to come, answered or not.
    pub(super) addition_echoing: bool,
    /// Not before this is the next request made.
    pub(super) retry_at: Option<Instant>,
    /// When its lease is to be renewed.
    pub(super) renew_at: Option<Instant>,
    /// The kernel calls it a secondary: its expiry takes no other address along.
    pub(super) secondary: bool,
    /// The kernel has confirmed that it is gone, and the journal does not know yet.
    pub(super) released: bool,
    /// The journal has it under the number that its interface has.
    pub(super) noted: bool,
    /// The number of an interface that is gone, or has another name: the journal still has it there.
    pub(super) left_on: Option<IfIndex>,
    /// And so may the kernel: it is to be removed from there.
    pub(super) stray: bool,
    /// The number of one more such interface, where nothing is left: the journal has it there, too.
    pub(super) outlived: Option<IfIndex>,
    /// Announcements left in the burst that is being sent.
    pub(super) burst: u8,
    /// How often it was lost to somebody else within the minute that began at `lost_since`.
    pub(super) lost: u8,
    /// When it was first lost in the current minute.
    pub(super) lost_since: Instant,
    /// While a reload is carried out: the row of the new table that took this one over.
    pub(super) moved_to: u16,
    /// Seen in the dump that is being read.
    pub(super) seen: bool,
}

/// What the kernel has of a virtual address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Nothing.
    Absent,
    /// The address, added by ringward.
    Ours,
    /// The address, assigned by the administrator: never added, never removed.
    Foreign,
}

impl Address {
    pub(super) fn new(instance: u16, interface: u8, ip: IpAddr, prefix_len: u8) -> Self {
        Address {
            ip,
            prefix_len,
            interface,
            presence: Presence::Absent,
            refused: None,
            instance,
            pending: false,
            removals_echoing: 0,
            claimed: false,
            addition_echoing: false,
            retry_at: None,
            renew_at: None,
            secondary: false,
            released: false,
            noted: false,
            left_on: None,
            stray: false,
            outlived: None,
            burst: 0,
            lost: 0,
            lost_since: Instant::ZERO,
            moved_to: NONE,
            seen: false,
        }
    }

    /// Whether the kernel has it, whoever added it.
    pub fn is_present(&self) -> bool {
        self.presence != Presence::Absent
    }

    /// Index of its instance in the configuration; none for one that a reload has left over.
    pub fn instance(&self) -> Option<u16> {
        (self.instance != NONE).then_some(self.instance)
    }

    /// Whether it must still be removed, or its removal be confirmed or taken note of.
    pub(super) fn is_left(&self) -> bool {
        self.is_held() || self.left_on.is_some() || self.outlived.is_some()
    }

    /// Whether the kernel may have it where its interface is, or the journal must be told otherwise.
    pub(super) fn is_held(&self) -> bool {
        self.claimed || self.pending || self.released
    }

    /// Its interface has this number now. What may be left there is what is known of it here.
    pub(super) fn returns(&mut self, number: IfIndex) {
        if self.left_on == Some(number) {
            self.noted = true;
            self.claimed |= core::mem::take(&mut self.stray);
        }
    }

    /// Its interface had this number, and has none now.
    pub(super) fn leaves(&mut self, number: IfIndex) {
        if !core::mem::take(&mut self.noted) {
            return;
        }
        if self.stray && self.left_on != Some(number) {
            self.outlived = Some(number);
            return;
        }
        let before = self.left_on.replace(number).filter(|before| *before != number);
        self.outlived = before.or(self.outlived);
        self.stray = false;
    }

    /// A number under which the journal need no longer have it. `known` is the one that its
    /// interface has; while its requests are unanswered (`asked`), what they did may be elsewhere.
    pub(super) fn next_released(&mut self, known: Option<IfIndex>, asked: bool) -> Option<IfIndex> {
        // What the kernel has not answered, or not told, may have reached another interface.
        let in_doubt = asked || self.stray || (self.addition_echoing && known.is_none());
        // Where its interface has the number again, the entry may be of today.
        if let Some(number) = self.outlived.take()
            && !(self.noted && known == Some(number))
        {
            return Some(number);
        }
        if !in_doubt
            && let Some(number) = self.left_on.take()
            && !(self.is_held() && known == Some(number))
        {
            self.noted &= known != Some(number);
            return Some(number);
        }
        if core::mem::take(&mut self.released) {
            self.noted = false;
            return known;
        }
        None
    }

    /// The kernel has it, and it is ours.
    pub(super) fn claim(&mut self) {
        self.presence = Presence::Ours;
        self.claimed = true;
    }

    /// The kernel is sure not to have it.
    pub(super) fn release(&mut self) {
        self.forget();
        self.released |= core::mem::take(&mut self.claimed);
    }

    /// The kernel no longer has it, by its news.
    pub(super) fn forget(&mut self) {
        self.presence = Presence::Absent;
        self.renew_at = None;
        self.secondary = false;
        self.burst = 0;
    }

    /// What the table of rows is sorted by.
    pub(super) fn key(&self) -> (u8, IpAddr, u8) {
        (self.interface, self.ip, self.prefix_len)
    }
}
