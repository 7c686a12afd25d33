//! Who else is here: supervisors of this network namespace see each other.
//!
//! IFA_PROTO marks the addresses of every ringward alike. One that starts beside another must not
//! take what the other has in use for something that a dead predecessor left. Each holds an abstract
//! socket (unix(7)), which belongs to the network namespace and goes with its last process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::io::clock;
use crate::time::Instant;

/// What the names begin with.
const PREFIX: &str = "ringward/";

/// Seen by others as long as it is held.
#[derive(Debug)]
pub(super) struct Presence {
    name: Name,
    _socket: UnixDatagram,
}

/// By what others know this one.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl Presence {
    /// None where the kernel refuses: others then take this one for dead.
    pub(super) fn new() -> Option<Self> {
        // Processes of two namespaces may have the same number.
        let started_at = clock::now().since(Instant::ZERO).as_nanos();
        let name = format!("{PREFIX}{}/{started_at}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).ok()?;
        let socket = UnixDatagram::bind_addr(&address).ok()?;
        Some(Presence { name: Name(name), _socket: socket })
    }

    pub(super) fn name(&self) -> Name {
        self.name.clone()
    }
}

impl Name {
    /// How many others there are. None can be seen where /proc is not mounted.
    pub(super) fn others(&self) -> usize {
        File::open("/proc/net/unix").map_or(0, |table| self.count(BufReader::new(table)))
    }

    /// The same, of a table as proc_net_unix(5) has it: an abstract name follows an `@`.
    fn count(&self, table: impl BufRead) -> usize {
        let lines = table.lines().map_while(Result::ok);
        let is_other = |line: &String| {
            line.rsplit_once(" @")
                .is_some_and(|(_, name)| name.starts_with(PREFIX) && name != self.0)
        };
        lines.filter(is_other).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_counted_and_oneself_is_not() {
        let presence = Presence::new().expect("a socket");
        let first = presence.name();
        // As Linux 6.18 prints it.
        let table = format!(
            "Num       RefCount Protocol Flags    Type St Inode Path\n\
             0000000000000000: 00000002 00000000 00000000 0002 01 12345 @{}\n\
             0000000000000000: 00000002 00000000 00000000 0002 01 12346 @ringward/1/2\n\
             0000000000000000: 00000002 00000000 00010000 0001 01 12347 /run/ringward/control\n\
             0000000000000000: 00000003 00000000 00000000 0001 03 12348\n",
            first.0
        );
        assert_eq!(first.count(table.as_bytes()), 1);
        let second = Presence::new().expect("a socket");
        // Whoever else runs on this machine counts as well.
        assert!(first.others() >= 1 && second.name().others() >= 1);
    }
}
