//! The operating system: the ring, the sockets, the clock, and every line of `unsafe`.
//!
//! | file | what |
//! |---|---|
//! | `ring` | tokio-uring behind five calls; nothing is allocated once it is primed |
//! | `timer` | deadlines on the ring: one absolute timeout, and earlier ones when they come |
//! | `outbox` | packets on their way out, in one arena |
//! | `port` | raw protocol-112 sockets and the packet socket |
//! | `netlink` | the listening socket, the command socket |
//! | `embedded` | the configurations inside the executable |
//! | `image` | what the first program of an image asks of the kernel |
//! | `file` | reading a file without waiting for the disk |
//! | `journal` | what a dead daemon owned, in memory that survives it |
//! | `procfs` | processes, as /proc shows them |
//! | `process` | scheduling, memory, signals, fork |
//! | `privilege` | which capabilities are kept |
//! | `filter` | which system calls are allowed |
//! | `heap` | the allocator that counts once it is sealed |
//! | `stderr` | log lines that never block |
//! | `stream` | connections to services, for built-in checks |
//! | `terminal` | terminals, opened so that they hold nobody up |
//! | `ping` | echo requests, for built-in checks |
//! | `watch` | files whose content is tracked |
//! | `pair` | the socket between daemon and helper |
//! | `child` | programs that the helper runs |
//! | `connector` | news of processes |
//! | `contain` | programs of the lab, contained in namespaces |
#![allow(unsafe_code, reason = "the layer that may; each use says why it is sound")]

pub mod child;
pub mod clock;
#[cfg(feature = "trackers")]
pub mod connector;
#[cfg(feature = "demo")]
pub mod contain;
pub mod embedded;
pub mod file;
pub mod filter;
pub mod heap;
#[cfg(feature = "init")]
pub mod image;
pub mod journal;
pub mod netlink;
pub mod outbox;
pub mod pair;
#[cfg(feature = "trackers")]
pub mod ping;
pub mod port;
pub mod privilege;
pub mod process;
#[cfg(feature = "trackers")]
pub mod procfs;
pub mod ring;
pub mod stderr;
#[cfg(feature = "trackers")]
pub mod stream;
#[cfg(feature = "console")]
pub mod terminal;
pub mod timer;
#[cfg(feature = "trackers")]
pub mod watch;

use core::fmt;

/// The operating system refused something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What was tried, to be read after "cannot".
    pub what: &'static str,
    /// Why not: errno, positive.
    pub errno: i32,
}

impl Fault {
    /// `what` failed just now: takes errno from the thread.
    pub fn last(what: &'static str) -> Self {
        Fault { what, errno: nix::errno::Errno::last_raw() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = nix::errno::Errno::from_raw(self.errno);
        write!(f, "cannot {}: {} ({errno:?})", self.what, errno.desc())
    }
}

impl core::error::Error for Fault {}
