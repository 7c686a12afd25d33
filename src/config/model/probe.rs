//! Checks of services that the daemon makes by itself: what `vrrp_script` names in `builtin`.

use core::fmt;
use core::net::SocketAddr;
use heapless::String;
use serde::{Deserialize, Serialize};

use crate::limits::COMMAND_LEN_MAX;

/// The words of a check: a path.
pub type Text = String<COMMAND_LEN_MAX>;

/// What is looked at. One look succeeds or fails as a run of a script does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a row of a table of fixed size; nothing is boxed")]
pub enum Probe {
    /// `tcp ADDRESS:PORT`: somebody accepts a connection.
    Tcp {
        /// Who is to accept it.
        server: SocketAddr,
    },
    /// `http://ADDRESS:PORT/PATH [STATUS]`: GET is answered with this status (RFC 9110 §15).
    Http {
        /// Who is asked.
        server: SocketAddr,
        /// What for: the path and the query.
        path: Text,
        /// The answer that is fine.
        status: u16,
    },
}

/// As `builtin` has it.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Tcp { server } => write!(f, "tcp {server}"),
            Probe::Http { server, path, status } => write!(f, "http://{server}{path} {status}"),
        }
    }
}
