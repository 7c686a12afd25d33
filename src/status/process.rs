//! What the program knows about itself: the daemon fills it, the status shows it.

use crate::time::{Instant, Span};

/// The running daemon, its loop and its ring. All counters are since the start of this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Process {
    /// Process number of the daemon, as its supervisor sees it.
    pub pid: u32,
    /// When it started, on the loop's clock.
    pub started_at: Instant,
    /// How often the supervisor has started a new daemon because one died.
    pub restarts: u32,
    /// Heap allocations since the loop began: zero, or there is a bug.
    pub allocations: u64,
    /// The version of the embedded configuration that is in force; zero: it is from a file.
    pub embedded_version: u32,
    /// The newer embedded version that did not come up; zero: none.
    pub abandoned_version: u32,
    /// SCHED_FIFO was permitted.
    pub realtime: bool,
    /// The memory is locked (mlockall).
    pub memory_locked: bool,
    /// The system calls are filtered (seccomp).
    pub seccomp: bool,
    /// The journal is a file that survives the supervisor; else only shared memory.
    pub journal_kept: bool,
    /// Turns of the loop.
    pub turns: u64,
    /// The longest time by which the loop woke after the deadline it slept for.
    pub lateness_max: Span,
    /// Entries of the ring's submission queue.
    pub ring_entries: u32,
    /// Operations that the ring holds now.
    pub ring_in_flight: u32,
    /// The most operations that the ring has held at once.
    pub ring_in_flight_max: u32,
    /// Packets and frames sent.
    pub sent: u64,
    /// Packets and frames that the kernel refused to send.
    pub send_errors: u64,
    /// The errno of the last one, positive; zero: none.
    pub send_errno: i32,
    /// Packets received from the VRRP sockets.
    pub received: u64,
    /// Netlink messages that did not come from the kernel, and were dropped.
    pub netlink_foreign: u64,
    /// How often the kernel lost netlink messages for want of room (ENOBUFS).
    pub netlink_overruns: u64,
    /// Control requests answered.
    pub control_answered: u64,
    /// Control clients dropped: too many at once, too slow, or too long a request.
    pub control_dropped: u64,
    /// Configurations put in force by a reload.
    pub reloads: u32,
    /// Configurations refused by a reload; the one before stayed in force.
    pub reloads_refused: u32,
    /// Log lines dropped because nobody read them in time.
    pub log_lines_lost: u64,
}
