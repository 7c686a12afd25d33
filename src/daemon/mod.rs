//! The running program: what it does with the engine, the ring and the operating system.
//!
//! | file | what |
//! |---|---|
//! | `arguments` | the command line |
//! | `supervise` | the parent: keeps a daemon alive, and cleans up after a dead one |
//! | `source` | where the configuration comes from, and when the next one is tried |
//! | `boot` | from a blob to a started engine, with nothing half-configured in between |
//! | `run` | THE loop |
//! | `ports` | raw sockets, as the engine wants them |
//! | `probe` | built-in checks |
//! | `processes` | processes that are tracked |
//! | `pace` | how often one of them is looked at |
//! | `control` | the control socket: clients and answers |
//! | `answer` | what operators are told |
//! | `request` | what a client may ask |
//! | `reload` | another blob while running |
//! | `report` | events as log lines |
//! | `init` | the first program of an image |
//! | `helper` | the processes that run programs |
//! | `files` | the numbers in tracked files |
//! | `tables` | tracked routes and addresses |
//! | `version` | what this build is and holds |
//! | `client` | `status`, `watch`, `log`, `reload`, `release` |
//! | `console` | the serial console and the full screen |

mod answer;
pub mod arguments;
mod backoff;
mod boot;
pub mod client;
#[cfg(feature = "console")]
mod console;
mod control;
#[cfg(feature = "trackers")]
mod files;
mod haste;
#[cfg(feature = "commands")]
mod helper;
#[cfg(feature = "init")]
pub mod init;
#[cfg(not(feature = "console"))]
mod no_console;
#[cfg(not(feature = "commands"))]
mod no_helper;
#[cfg(not(feature = "trackers"))]
mod no_probe;
mod pace;
mod ports;
mod presence;
#[cfg(feature = "trackers")]
mod probe;
#[cfg(feature = "trackers")]
mod processes;
mod reload;
mod report;
pub mod request;
mod run;
mod source;
mod supervise;
#[cfg(feature = "trackers")]
mod tables;
mod version;

use core::fmt;

pub use boot::check;
#[cfg(feature = "console")]
pub use console::console;
pub use supervise::supervise;
pub use version::render_version;

/// How the program ends: the codes of sysexits.h where they fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// As asked.
    Fine = 0,
    /// The daemon refused what a client asked.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is refused: damaged, foreign, or it breaks a rule.
    Blob = 65,
    /// io_uring is missing or forbidden.
    Ring = 69,
    /// The operating system refused something else.
    System = 71,
    /// From the daemon to its supervisor only: no instance became MASTER or BACKUP in the time that
    /// the configuration gives it.
    Undecided = 75,
    /// A privilege is missing.
    Privilege = 77,
    /// There is no configuration.
    Configuration = 78,
}

impl Exit {
    /// The code for the shell.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why the program ends: a code, and one line for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The line: what is wrong, and the way out.
    pub reason: String,
}

impl Failure {
    fn new(exit: Exit, reason: impl Into<String>) -> Self {
        Failure { exit, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<crate::io::Fault> for Failure {
    fn from(fault: crate::io::Fault) -> Self {
        Failure::new(Exit::System, fault.to_string())
    }
}
