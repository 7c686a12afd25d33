//! A network to try ringward in: routers and clients on one Ethernet segment, each in namespaces
//! of its own, made by the kernel alone. No external program, and no trace when it is dropped.
//!
//! A [`Segment`] is a bridge in a namespace; each [`Node`] is a namespace whose `eth0` hangs on
//! that bridge. Node *N* has the MAC address `02:00:00:00:00:0N` and the addresses `10.99.0.N/24`,
//! `fd99::N/64` and `fe80::ff:fe00:N`. It has a `/run` of its own, so several daemons that keep
//! files there run side by side, and a PID namespace for each process, so that killing one takes
//! everything with it that it started.
//!
//! ```no_run
//! use ringward::lab::{Seen, Segment};
//! use std::process::Command;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! ringward::lab::become_root()?; // only if not root, and before the first thread
//! let segment = Segment::new()?;
//! let (router, client) = (segment.node()?, segment.node()?);
//! let capture = segment.capture()?;
//! let daemon = router.spawn(Command::new("/usr/sbin/keepalived").args(["-n", "-f", "/a.conf"]))?;
//! let advert = capture.wait(ringward::lab::now(), Duration::from_secs(5), |frame| {
//!     matches!(frame.seen(), Seen::Advert(advert) if advert.vrid == 51)
//! })?;
//! let probe = client.probe("10.99.0.100".parse()?, Duration::from_millis(5))?;
//! router.cut()?;
//! drop(daemon);
//! println!("{:?}", probe.sent_and_lost(advert.at, ringward::lab::now()));
//! # Ok(())
//! # }
//! ```
//!
//! All stamps are [`Instant`]s on CLOCK_REALTIME: the only clock that the kernel stamps packets
//! with. Frames are decoded by [`decode`], which shares nothing with `wire`: what a test expects
//! must not come from the code that it tests.

mod addresses;
mod capture;
pub mod decode;
mod fault;
mod namespace;
mod netlink;
mod node;
mod privilege;
mod probe;
mod process;
mod segment;

pub use addresses::{AddressChange, AddressWatch, overlap};
pub use capture::{Capture, Frame, write_pcap};
pub use decode::Seen;
pub use fault::{Fault, Result};
pub use node::{Injector, Node};
pub use privilege::become_root;
pub use probe::{Echo, Probe};
pub use process::Process;
pub use segment::Segment;

use crate::time::Instant;

/// Now, on the clock of all the lab's stamps (CLOCK_REALTIME).
pub fn now() -> Instant {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
