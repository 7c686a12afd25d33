//! Checks of services that the daemon makes by itself: what `vrrp_script` names in `builtin`.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use heapless::String;
use serde::{Deserialize, Serialize};

use crate::limits::COMMAND_LEN_MAX;
use crate::time::Span;

/// The words of a check: a path, or the name and the parameters of a process.
pub type Text = String<COMMAND_LEN_MAX>;

/// What is looked at. One look succeeds or fails as a run of a script does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// `process NAME`, and `vrrp_track_process`: as many such processes run as should.
    Process(Process),
    /// `ping ADDRESS [dev INTERFACE]`: the host answers an echo request.
    Ping {
        /// The host.
        ip: IpAddr,
        /// The interface that is pinged by, if one is meant: index into
        /// [`super::Config::interfaces`].
        interface: Option<u8>,
    },
    /// `route PREFIX [dev INTERFACE]`: the main table has a route to exactly this prefix.
    Route {
        /// The prefix, all its other bits zero.
        ip: IpAddr,
        /// Its length.
        prefix_len: u8,
        /// The interface that it leads to, if one is meant: index into
        /// [`super::Config::interfaces`].
        interface: Option<u8>,
    },
    /// `address ADDRESS [dev INTERFACE]`: this machine has it.
    Address {
        /// The address.
        ip: IpAddr,
        /// The interface that it is on, if one is meant: index into
        /// [`super::Config::interfaces`].
        interface: Option<u8>,
    },
    /// `track_file`: the number in a file.
    File {
        /// Where it is, from the root.
        path: Text,
        /// What is written to it at the start.
        init: Init,
    },
}

/// `init_file`: what is written to a tracked file at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Init {
    /// Nothing.
    Nothing,
    /// This number, if there is no such file.
    Missing(i32),
    /// `overwrite`: this number.
    Always(i32),
}

/// The processes that are meant, and how many of them there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The name, and then the parameters, each ended by a zero.
    pub words: Text,
    /// `full_command`: the name is compared with the first argument, not with what the kernel
    /// calls the process.
    pub full_command: bool,
    /// How parameters are compared.
    pub parameters: Parameters,
    /// `quorum`: so many at least.
    pub quorum: u16,
    /// `quorum_max`: so many at most.
    pub quorum_max: u16,
    /// `fork_delay`: there must be as many for so long before that counts.
    pub fork_delay: Span,
    /// `terminate_delay`: there must be others than that many for so long before that counts.
    pub terminate_delay: Span,
}

/// How parameters are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// Not at all.
    Any,
    /// They are the same.
    Exact,
    /// `param_match partial`: the first ones are the same.
    Partial,
    /// `param_match initial`: the same, and the last one may go on.
    Initial,
}

impl Process {
    /// At least one of this name. None: the name is too long.
    pub fn named(name: &str) -> Option<Process> {
        let mut words = Text::try_from(name).ok()?;
        words.push('\0').ok()?;
        Some(Process {
            words,
            full_command: false,
            parameters: Parameters::Any,
            quorum: 1,
            quorum_max: u16::MAX,
            fork_delay: Span::ZERO,
            terminate_delay: Span::ZERO,
        })
    }

    /// Whether it is as it should be with so many of them.
    pub fn is_enough(&self, count: u16) -> bool {
        (self.quorum..=self.quorum_max).contains(&count)
    }
}

impl Probe {
    /// The interface that is meant.
    pub const fn interface(&self) -> Option<u8> {
        match self {
            Probe::Ping { interface, .. }
            | Probe::Route { interface, .. }
            | Probe::Address { interface, .. } => *interface,
            Probe::Tcp { .. } | Probe::Http { .. } => None,
            Probe::Process(_) | Probe::File { .. } => None,
        }
    }

    /// See [`Probe::interface`].
    pub fn interface_mut(&mut self) -> Option<&mut u8> {
        match self {
            Probe::Ping { interface, .. }
            | Probe::Route { interface, .. }
            | Probe::Address { interface, .. } => interface.as_mut(),
            Probe::Tcp { .. } | Probe::Http { .. } => None,
            Probe::Process(_) | Probe::File { .. } => None,
        }
    }
}

/// As `builtin` has it, but for the name of an interface.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Tcp { server } => write!(f, "tcp {server}"),
            Probe::Http { server, path, status } => write!(f, "http://{server}{path} {status}"),
            Probe::Process(process) => {
                f.write_str("process")?;
                process.words.split_terminator('\0').try_for_each(|word| write!(f, " {word}"))
            }
            Probe::Ping { ip, .. } => write!(f, "ping {ip}"),
            Probe::Route { ip, prefix_len, .. } => write!(f, "route {ip}/{prefix_len}"),
            Probe::Address { ip, .. } => write!(f, "address {ip}"),
            Probe::File { path, .. } => write!(f, "file {path}"),
        }
    }
}
