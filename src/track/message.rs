//! What the daemon asks of its helper, and what it answers: one postcard record a datagram, between
//! two forks of one process image.
//!
//! A helper that has just started obeys nothing before [`Request::Begin`]: what was asked of its
//! predecessor is asked again by whoever asked. So nothing is run twice, and nothing forgotten. Each
//! helper has a number of its own, which `Begin` repeats: one that was meant for a predecessor is none.
//! Tickets are of one daemon, and of no daemon before or after it.

use serde::{Deserialize, Serialize};

use super::Finding;
use crate::limits::{ACCOUNT_LEN_MAX, COMMAND_LEN_MAX, NAME_LEN_MAX};
use crate::time::Span;

/// Octets of the lines in one message, which are more than one line has, and fewer than a pipe takes
/// in one piece (PIPE_BUF).
pub const LINES_LEN_MAX: usize = 512;
const _: () = assert!(LINES_LEN_MAX > NAME_LEN_MAX + 48);

/// Octets of the longest message.
pub const MESSAGE_LEN_MAX: usize = COMMAND_LEN_MAX  // the words, or a path
    + LINES_LEN_MAX // or words that are added: INSTANCE, a name, a state, a priority
    + 2 * ACCOUNT_LEN_MAX // user and group
    + 64; // numbers and lengths

/// What the daemon asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request<'a> {
    /// What follows is for the helper that has said [`Answer::Ready`] with this number.
    Begin {
        /// Of the helper.
        helper: u64,
    },
    /// Run a command.
    #[serde(borrow)]
    Run(Run<'a>),
    /// Write lines to a FIFO, or see to it that there is one.
    Write(Lines<'a>),
}

/// A command to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run<'a> {
    /// What answers refer to.
    pub ticket: u64,
    /// It is ended when it takes longer.
    pub limit: Span,
    /// Refuse it if it runs as root and others than root could change what is run.
    pub secure: bool,
    /// With the supplementary groups of its user.
    pub supplementary: bool,
    /// The user; empty: the default one.
    pub user: &'a str,
    /// The group; empty: the user's.
    pub group: &'a str,
    /// The program and its arguments, each ended by a zero.
    pub words: &'a str,
    /// More arguments, each ended by a zero.
    pub tail: &'a str,
}

/// Lines for a FIFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lines<'a> {
    /// What the answer refers to.
    pub ticket: u64,
    /// Where it is, or is to be made.
    pub path: &'a str,
    /// Who gets it when it is made; empty: the default user.
    pub user: &'a str,
    /// Its group; empty: the user's.
    pub group: &'a str,
    /// The lines, each with its end; empty: none yet.
    pub text: &'a str,
}

/// What the helper answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It has just started, and waits for [`Request::Begin`]. Said again when something else comes
    /// first: that daemon may not have heard it.
    Ready {
        /// Its number, which no helper before it had.
        helper: u64,
    },
    /// A command has reached its limit, and is being ended: [`Answer::Ended`] will follow.
    Late {
        /// Of the request.
        ticket: u64,
    },
    /// A command has ended, or was never begun.
    Ended {
        /// Of the request.
        ticket: u64,
        /// How.
        outcome: Outcome,
        /// After how long.
        took: Span,
    },
    /// Lines were written.
    Written {
        /// Of the request.
        ticket: u64,
        /// So many of them were not.
        lost: u16,
        /// Why: errno; zero: there was no room.
        errno: u16,
    },
}

/// How a command has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// With this exit code.
    Exited(u8),
    /// By this signal.
    Killed(u8),
    /// It took too long.
    TimedOut,
    /// It cannot be started, today or tomorrow.
    Refused(Refusal),
    /// The machine was short of something: errno. Says nothing about the command.
    Short(u16),
    /// No command at all: what a built-in check has found. The helper never says so.
    #[serde(skip)]
    Found(Finding),
}

/// Why a command cannot be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such program.
    Missing,
    /// The program may not be run, or is none.
    NotExecutable,
    /// Somebody else than root could change what root would run (`enable_script_security`).
    Insecure,
    /// There is no such user.
    UnknownUser,
    /// There is no such group.
    UnknownGroup,
    /// The helper may not become this user.
    NotPermitted,
}

impl Outcome {
    /// The machine was short of something, as this errno says.
    pub fn short(errno: i32) -> Self {
        Outcome::Short(super::finding::number_of(errno))
    }

    /// Whether the command did what it was to do.
    pub const fn is_success(self) -> bool {
        matches!(self, Outcome::Exited(0) | Outcome::Found(Finding::Fine | Finding::Number(_)))
    }
}

impl core::fmt::Display for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Outcome::Exited(code) => write!(f, "exit code {code}"),
            Outcome::Killed(signal) => write!(f, "signal {signal}"),
            Outcome::TimedOut => f.write_str("time limit exceeded"),
            Outcome::Refused(refusal) => f.write_str(match refusal {
                Refusal::Missing => "no such program",
                Refusal::NotExecutable => "not an executable program",
                Refusal::Insecure => "others than root could change it (enable_script_security)",
                Refusal::UnknownUser => "no such user",
                Refusal::UnknownGroup => "no such group",
                Refusal::NotPermitted => "not permitted to run it as this user",
            }),
            Outcome::Found(finding) => write!(f, "{finding}"),
            Outcome::Short(errno) => write!(f, "cannot be started now (errno {errno})"),
        }
    }
}

impl Request<'_> {
    /// Writes it to `buffer`, and says how many octets it took. None: there is no room, which
    /// [`MESSAGE_LEN_MAX`] octets always are.
    pub fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        postcard::to_slice(self, buffer).ok().map(|written| written.len())
    }

    /// Reads one. None: it is none.
    pub fn read(datagram: &[u8]) -> Option<Request<'_>> {
        postcard::from_bytes(datagram).ok()
    }
}

impl Answer {
    /// See [`Request::write`].
    pub fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        postcard::to_slice(self, buffer).ok().map(|written| written.len())
    }

    /// Reads one. None: it is none.
    pub fn read(datagram: &[u8]) -> Option<Answer> {
        postcard::from_bytes(datagram).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_request_has_room() {
        let [words, name] = [COMMAND_LEN_MAX, ACCOUNT_LEN_MAX].map(|len| "w".repeat(len));
        let tail = format!("INSTANCE\0{}\0MASTER\0100\0", "n".repeat(NAME_LEN_MAX));
        let request = Request::Run(Run {
            ticket: u64::MAX,
            limit: Span::from_nanos(u64::MAX),
            secure: true,
            supplementary: true,
            user: &name,
            group: &name,
            words: &words,
            tail: &tail,
        });
        let mut buffer = [0; MESSAGE_LEN_MAX];
        let len = request.write(&mut buffer).unwrap();
        assert_eq!(Request::read(&buffer[..len]), Some(request));
        // Cut short, it is none.
        assert_eq!(Request::read(&buffer[..len - 1]), None);
    }

    #[test]
    fn the_longest_lines_have_room() {
        let [path, name] = [COMMAND_LEN_MAX, ACCOUNT_LEN_MAX].map(|len| "w".repeat(len));
        let text = "l".repeat(LINES_LEN_MAX);
        let lines = Lines { ticket: u64::MAX, path: &path, user: &name, group: &name, text: &text };
        let mut buffer = [0; MESSAGE_LEN_MAX];
        let len = Request::Write(lines).write(&mut buffer).unwrap();
        assert_eq!(Request::read(&buffer[..len]), Some(Request::Write(lines)));
    }
}
