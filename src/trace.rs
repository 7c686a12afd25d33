//! What happened, as small `Copy` values: written on the hot path, formatted only when read.

use core::net::IpAddr;
use heapless::Deque;

use crate::addr::{Name, Priority};
use crate::limits::{EVENT_COUNT_MAX, NOTIFIED_COUNT_MAX, TRANSITION_COUNT_MAX};
use crate::time::{Instant, Span};
use crate::track::Standing;
use crate::track::message::Outcome;

/// The states of an instance (RFC 9568 §6.4; FAULT is keepalived's name for "cannot take part").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum StateName {
    /// Not started, or stopped.
    Init,
    /// Listens; another router is master, or will be found dead.
    Backup,
    /// Carries the addresses and says so.
    Master,
    /// Cannot take part; [`Cause`] of the last transition says why.
    Fault,
}

impl StateName {
    /// INIT, BACKUP, MASTER, FAULT, as keepalived prints them.
    pub const fn name(self) -> &'static str {
        match self {
            StateName::Init => "INIT",
            StateName::Backup => "BACKUP",
            StateName::Master => "MASTER",
            StateName::Fault => "FAULT",
        }
    }
}

/// Why an instance changed its state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Cause {
    /// The daemon started, or the instance was added by a reload.
    Started,
    /// Priority 255: the owner is master whenever it runs.
    Owner,
    /// A hot restart within one interval of the last advert: nobody can have taken over.
    Resumed,
    /// No advert of a master for the master-down interval.
    MasterDown,
    /// The master resigned with priority 0 and nobody better spoke within the skew time.
    MasterResigned,
    /// A master of lower priority was heard for the whole master-down interval or preempt_delay.
    Preempted,
    /// An advert with a higher priority.
    HigherPriority,
    /// An advert with the same priority from a higher address.
    HigherAddress,
    /// The interface does not exist.
    InterfaceMissing,
    /// The interface is a network of OpenWrt, and nobody has said which device it has.
    NetworkWithoutDevice,
    /// The interface is administratively down.
    InterfaceDown,
    /// The interface has no carrier.
    CarrierLost,
    /// The interface works again.
    InterfaceUp,
    /// The interface has no address that adverts could be sent from.
    NoSourceAddress,
    /// An address to send from has come.
    SourceAddress,
    /// The kernel refused the interface's VRRP socket.
    SocketRefused,
    /// The kernel refused every virtual address.
    AddressRefused,
    /// Somebody else removed a virtual address a fourth time within a minute.
    AddressLost,
    /// An interface that carries one of the addresses does not work.
    AddressInterface,
    /// A script that is tracked with weight 0 has not answered yet.
    ScriptWaiting,
    /// A script that is tracked with weight 0 fails (or, tracked in reverse, succeeds).
    ScriptFailed,
    /// Of the processes that are tracked with weight 0, too few or too many run.
    ProcessFailed,
    /// The number in a tracked file, times its weight, means FAULT.
    FileFailed,
    /// The scripts that are tracked with weight 0 are fine again.
    ScriptPassed,
    /// It was added to a sync group that is master.
    GroupMaster,
    /// Another member of its sync group is master no more.
    GroupBackup,
    /// Another member of its sync group is in FAULT.
    GroupFault,
    /// The sync group can take part again.
    GroupRecovered,
    /// An interface that is tracked with weight 0 does not work (or, in reverse, does).
    TrackedInterface,
    /// The interfaces that are tracked with weight 0 are as they should be again.
    TrackedInterfaceUp,
    /// The operator said so: `ringward release`.
    Released,
    /// A reload removed or replaced the instance.
    Removed,
    /// The daemon stops.
    Stopped,
}

impl Cause {
    /// A few words for `log` and `status`.
    pub const fn text(self) -> &'static str {
        match self {
            Cause::Started => "started",
            Cause::Owner => "owner of the addresses (priority 255)",
            Cause::Resumed => "restarted within one interval",
            Cause::MasterDown => "master silent for the master-down interval",
            Cause::MasterResigned => "master resigned (priority 0)",
            Cause::Preempted => "preempted a master of lower priority",
            Cause::HigherPriority => "heard a higher priority",
            Cause::HigherAddress => "heard the same priority from a higher address",
            Cause::InterfaceMissing => "interface does not exist",
            Cause::NetworkWithoutDevice => "network has no device yet",
            Cause::InterfaceDown => "interface is down",
            Cause::CarrierLost => "interface has no carrier",
            Cause::InterfaceUp => "interface works",
            Cause::NoSourceAddress => "interface has no address to send from",
            Cause::SourceAddress => "interface has an address to send from",
            Cause::SocketRefused => "VRRP socket refused by the kernel",
            Cause::AddressRefused => "addresses refused by the kernel",
            Cause::AddressLost => "address removed by somebody else again and again",
            Cause::AddressInterface => "an interface of the addresses does not work",
            Cause::ScriptWaiting => "a tracked script has not answered yet",
            Cause::ScriptFailed => "a tracked script fails",
            Cause::ProcessFailed => "too few or too many of a tracked process run",
            Cause::FileFailed => "the number in a tracked file means FAULT",
            Cause::ScriptPassed => "the tracked scripts are fine",
            Cause::GroupMaster => "joined a sync group that is master",
            Cause::GroupBackup => "another member of the sync group is master no more",
            Cause::GroupFault => "another member of the sync group is in FAULT",
            Cause::GroupRecovered => "every member of the sync group works again",
            Cause::TrackedInterface => "a tracked interface does not work",
            Cause::TrackedInterfaceUp => "the tracked interfaces work",
            Cause::Released => "released by the operator",
            Cause::Removed => "removed by a reload",
            Cause::Stopped => "stopped",
        }
    }
}

/// A change of state, with everything that explains it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// When, on the loop's clock.
    pub at: Instant,
    /// Index of the instance in the configuration that was in force.
    pub instance: u16,
    /// The state before.
    pub from: StateName,
    /// The state after.
    pub to: StateName,
    /// Why.
    pub cause: Cause,
    /// The router whose advert (or silence) it was, where there is one.
    pub peer: Option<IpAddr>,
    /// The priority that router last sent.
    pub peer_priority: Option<Priority>,
    /// How long ago that router was last heard.
    pub advert_age: Option<Span>,
    /// How long after its deadline our timer was served, where a timer was the cause.
    pub lateness: Span,
}

/// A thing worth a line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A change of state.
    Transition(Transition),
    /// An instance stays in FAULT, for another reason than before.
    FaultChanged {
        /// Index of the instance.
        instance: u16,
        /// What is missing now.
        cause: Cause,
    },
    /// The kernel refused virtual address `address` (index into the pool) with this errno.
    AddressRefused {
        /// Index into the pool of addresses.
        address: u16,
        /// The kernel's answer, positive.
        errno: i32,
    },
    /// A virtual address was removed by somebody else.
    AddressLost {
        /// Index into the pool of addresses.
        address: u16,
    },
    /// A master heard another master of lower priority or address: two masters for a moment.
    Rival {
        /// Index of the instance.
        instance: u16,
        /// The other master.
        peer: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// The loop was not scheduled for so long that a peer may have taken over; the instance
    /// listens before it advertises again.
    Stalled {
        /// Index of the instance.
        instance: u16,
        /// How late the loop was.
        lateness: Span,
    },
    /// A peer's adverts differ from the configuration in a way that is tolerated: its address list
    /// or, in version 3, its interval. Said once for each master.
    Mismatch {
        /// Index of the instance.
        instance: u16,
        /// Who sent it.
        peer: IpAddr,
        /// What differs.
        what: Mismatch,
    },
    /// Packets for an instance were not obeyed: the first one, or ten times as many as last told.
    Rejected {
        /// Index of the instance.
        instance: u16,
        /// Why most of them: index into `wire::Reject::ALL`.
        reason: usize,
        /// How many there were.
        packets: u64,
    },
    /// A script stands otherwise than before, or ended otherwise.
    Script {
        /// Index of the script.
        script: u16,
        /// How it stands.
        standing: Standing,
        /// How it ended; none: nothing is heard of it.
        outcome: Option<Outcome>,
    },
    /// A command was told of something.
    Notified {
        /// Of whom.
        whose: Whose,
        /// Which command it was, and how it ended.
        told: Notice,
    },
    /// An interface is down, or works again, and that counts only if it lasts.
    LinkDelayed {
        /// Index of the interface.
        interface: u8,
        /// Whether it works.
        works: bool,
        /// For so long.
        delay: Span,
    },
    /// A notify FIFO takes lines again, or takes none.
    Fifo {
        /// Index into [`crate::config::model::Global::fifos`].
        fifo: u8,
        /// Lines that found no room: nobody reads them.
        lost: u16,
        /// Why it cannot be opened or written to: errno; zero: it can.
        errno: u16,
    },
    /// Instances that a reload removed were too many at once to be told of.
    NotTold {
        /// How many.
        count: u16,
    },
    /// An instance has another effective priority.
    PriorityChanged {
        /// Index of the instance.
        instance: u16,
        /// Before.
        from: Priority,
        /// Now.
        to: Priority,
    },
    /// Netlink messages were lost; the tables are read again.
    KernelOverrun,
}

/// What commands are told of (keepalived's `notify_` keywords).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// It has become master.
    Master,
    /// It has become backup.
    Backup,
    /// It cannot take part.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload removed it.
    Deleted,
    /// As master it heard a master of lower priority.
    RxLowerPriority,
    /// As master it has another effective priority. Pipes are told of it, commands are not.
    MasterPriority,
    /// The same in any other state.
    BackupPriority,
}

impl Told {
    /// What is told of a state; of INIT nothing is.
    pub const fn of_state(state: StateName) -> Option<Self> {
        match state {
            StateName::Master => Some(Told::Master),
            StateName::Backup => Some(Told::Backup),
            StateName::Fault => Some(Told::Fault),
            StateName::Init => None,
        }
    }

    /// As commands and pipes are told.
    pub const fn name(self) -> &'static str {
        match self {
            Told::Master => "MASTER",
            Told::Backup => "BACKUP",
            Told::Fault => "FAULT",
            Told::Stop => "STOP",
            Told::Deleted => "DELETED",
            Told::RxLowerPriority => "MASTER_RX_LOWER_PRI",
            Told::MasterPriority => "MASTER_PRIORITY",
            Told::BackupPriority => "BACKUP_PRIORITY",
        }
    }
}

/// Of whom a command was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Of an instance, by its index.
    Instance(u16),
    /// Of a sync group, by its index.
    Group(u16),
    /// Of an instance that a reload has removed.
    Removed,
}

/// How a command ended that was told of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Of what it was told.
    pub told: Told,
    /// Whether it is the command for everything (`notify`), not that of this alone.
    pub is_general: bool,
    /// How it ended; none: nothing is heard of it.
    pub outcome: Option<Outcome>,
    /// How long it took.
    pub took: Span,
    /// States of the same instance or group that were over before their turn, and of which nobody
    /// was told for that.
    pub superseded: u32,
}

impl Notice {
    /// The keyword that the command stands behind.
    pub const fn keyword(&self) -> &'static str {
        match self.told {
            _ if self.is_general => "notify",
            Told::Master => "notify_master",
            Told::Backup => "notify_backup",
            Told::Fault => "notify_fault",
            Told::Stop => "notify_stop",
            Told::Deleted => "notify_deleted",
            Told::RxLowerPriority => "notify_master_rx_lower_pri",
            // No command is told of these.
            Told::MasterPriority | Told::BackupPriority => "-",
        }
    }

    /// Whether the command did what it was to do.
    pub fn is_success(&self) -> bool {
        self.outcome.is_some_and(Outcome::is_success)
    }
}

/// A [`Notice`] for `log`: by name, because numbers change when the configuration does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notified {
    /// When that was known.
    pub at: Instant,
    /// Of the instance or the group.
    pub name: Name,
    /// Whether it is a group's.
    pub is_group: bool,
    /// Which command it was, and how it ended.
    pub notice: Notice,
}

/// What differs between a peer's advert and this configuration, without harm to the election.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// Another list of addresses.
    Addresses,
    /// Another interval (version 3: the master's is followed).
    Interval,
}

/// A fixed ring of the latest entries: when it is full, the oldest goes.
#[derive(Debug)]
pub struct Ring<T, const N: usize> {
    entries: Deque<T, N>,
    lost: u64,
}

impl<T, const N: usize> Ring<T, N> {
    /// An empty ring.
    pub const fn new() -> Self {
        Ring { entries: Deque::new(), lost: 0 }
    }

    /// Adds an entry; the oldest one is dropped and counted when there is no room.
    pub fn push(&mut self, entry: T) {
        if self.entries.is_full() {
            self.entries.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        // Cannot fail: there is room now, and a ring of length zero is never made.
        let _ = self.entries.push_back(entry);
    }

    /// Takes the oldest entry.
    pub fn pop(&mut self) -> Option<T> {
        self.entries.pop_front()
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The entries, oldest first, to be corrected in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut()
    }

    /// How many entries were dropped for want of room.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

impl<T, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Ring::new()
    }
}

/// Events that wait to be formatted.
pub type Events = Ring<Event, EVENT_COUNT_MAX>;

/// How the last commands ended, kept for `log`.
pub type NotifiedRing = Ring<Notified, NOTIFIED_COUNT_MAX>;

/// The last transitions, kept for `log` and `status`.
pub type Transitions = Ring<Transition, TRANSITION_COUNT_MAX>;
