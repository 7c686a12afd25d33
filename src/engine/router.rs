//! One virtual router at run time.

use core::net::IpAddr;

use super::lane::Lane;
use super::script::Ended;
use crate::time::Instant;
use crate::trace::{Cause, Mismatch, Told, Transition};
use crate::vrrp::instance::{Instance, Send};
use crate::wire::Reject;

/// A virtual router: its state machine and what belongs to it. The configuration's row of the same
/// index says the rest.
#[derive(Clone, Debug)]
pub struct Router {
    /// The state machine.
    pub fsm: Instance,
    /// The source of its adverts, while it has one.
    pub source: Option<IpAddr>,
    /// What is wrong with what it needs; it is in FAULT (or INIT) for this.
    pub fault: Option<Cause>,
    /// Its latest change of state.
    pub last: Option<Transition>,
    /// When its last advert left.
    pub sent_at: Option<Instant>,
    /// What it has counted.
    pub counters: Counters,
    /// What of the current master's adverts differs from the configuration.
    pub mismatch: Option<(IpAddr, Mismatch)>,
    /// What was told last, and how that ended.
    pub told: Option<(Told, Ended)>,
    /// What is still to be told.
    pub(super) lane: Lane,
    /// The advert to send next.
    pub(super) send: Send,
    /// It is in the queue of adverts, whether it still has something to say or not.
    pub(super) queued: bool,
    /// Identification of the next IPv4 header.
    pub(super) identification: u16,
    /// The highest number that an advert in an Authentication Header had, ours or another's: all
    /// routers of a group count together, as keepalived's do.
    pub(super) sequence: u32,
    /// A hot restart: when the predecessor's last advert left.
    pub(super) resume_at: Option<Instant>,
    /// When the second burst after a takeover or after a rival is due.
    pub(super) again_at: Option<Instant>,
    /// Announcements an address in that burst.
    pub(super) again_repeat: u8,
    /// When the next refresh is due.
    pub(super) refresh_at: Option<Instant>,
    /// When the next round for addresses on other interfaces is due.
    pub(super) extra_at: Option<Instant>,
    /// Before this, another rival causes no further burst.
    pub(super) rival_burst_at: Option<Instant>,
    /// Before this, another rival causes no further line in the log.
    pub(super) rival_event_at: Option<Instant>,
    /// Rejected packets when the log was last told of them.
    pub(super) rejects_told: u64,
    /// Its addresses cannot be kept in the kernel: when to try again, and why not before.
    pub(super) barred: Option<(Instant, Cause)>,
}

/// What a router has counted since it was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Adverts sent, resignations and replies included, one for each unicast peer.
    pub adverts_sent: u64,
    /// Adverts accepted by every check.
    pub adverts_received: u64,
    /// Resignations sent (priority 0).
    pub resignations_sent: u64,
    /// Resignations received.
    pub resignations_received: u64,
    /// Gratuitous ARPs and unsolicited neighbour advertisements sent.
    pub announcements_sent: u64,
    /// Transitions to MASTER.
    pub became_master: u64,
    /// Transitions from MASTER.
    pub released_master: u64,
    /// Adverts of another master that was not better, heard while MASTER.
    pub rivals: u64,
    /// Accepted adverts whose address list was another.
    pub address_mismatches: u64,
    /// Accepted adverts of version 3 whose interval was another.
    pub interval_mismatches: u64,
    /// Packets for this router that were not obeyed, by [`Reject::index`].
    pub rejected: [u64; Reject::COUNT],
}

impl Counters {
    pub(super) const ZERO: Counters = Counters {
        adverts_sent: 0,
        adverts_received: 0,
        resignations_sent: 0,
        resignations_received: 0,
        announcements_sent: 0,
        became_master: 0,
        released_master: 0,
        rivals: 0,
        address_mismatches: 0,
        interval_mismatches: 0,
        rejected: [0; Reject::COUNT],
    };
}

impl Router {
    pub(super) const fn new(fsm: Instance) -> Self {
        Router {
            fsm,
            source: None,
            fault: None,
            last: None,
            sent_at: None,
            counters: Counters::ZERO,
            mismatch: None,
            told: None,
            lane: Lane::new(),
            send: Send::Nothing,
            queued: false,
            identification: 0,
            sequence: 0,
            resume_at: None,
            again_at: None,
            again_repeat: 0,
            refresh_at: None,
            extra_at: None,
            rival_burst_at: None,
            rival_event_at: None,
            rejects_told: 0,
            barred: None,
        }
    }

    /// The earliest of its deadlines.
    pub(super) fn deadline(&self) -> Instant {
        let barred_until = self.barred.map(|(until, _)| until);
        [self.again_at, self.refresh_at, self.extra_at, barred_until]
            .into_iter()
            .flatten()
            .fold(self.fsm.deadline(), Instant::min)
    }

    /// Nothing is announced any more: it is no longer master.
    pub(super) fn forget_announcements(&mut self) {
        self.again_at = None;
        self.refresh_at = None;
        self.extra_at = None;
    }
}
