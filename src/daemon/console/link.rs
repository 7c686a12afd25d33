//! The way to the daemon: one question at a time, and nothing that waits.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::time::{Instant, Span};

/// Octets of an answer: more than the largest screen.
const ANSWER_LEN_MAX: usize = 1 << 18;

/// The control socket, and the question that is under way.
#[derive(Debug)]
pub(super) struct Link {
    control: PathBuf,
    talk: Option<Talk>,
}

#[derive(Debug)]
struct Talk {
    stream: UnixStream,
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    until: Instant,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// It is under way.
    Nothing,
    /// The whole answer.
    Answer(String),
    /// There will be none: why.
    Failure(String),
}

impl Link {
    pub(super) fn new(control: PathBuf) -> Self {
        Link { control, talk: None }
    }

    /// Whether a question can be asked.
    pub(super) fn is_idle(&self) -> bool {
        self.talk.is_none()
    }

    /// Asks; a question that is under way is given up.
    pub(super) fn ask(&mut self, now: Instant, request: &str, patience: Span) -> Heard {
        self.talk = None;
        match self.connect() {
            Ok(stream) => {
                let request = format!("{request}\n").into_bytes();
                let until = now + patience;
                let talk = Talk { stream, request, sent: 0, answer: Vec::new(), until };
                self.talk = Some(talk);
                self.advance(now)
            }
            Err(errno) => Heard::Failure(self.explain(errno.desc())),
        }
    }

    /// Gives the question up that is under way.
    pub(super) fn hang_up(&mut self) {
        self.talk = None;
    }

    /// What to wait for.
    pub(super) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let talk = self.talk.as_ref()?;
        let is_sent = talk.sent == talk.request.len();
        let flags = if is_sent { PollFlags::POLLIN } else { PollFlags::POLLOUT };
        Some((talk.stream.as_fd(), flags))
    }

    /// When the patience ends.
    pub(super) fn next_deadline(&self) -> Instant {
        self.talk.as_ref().map_or(Instant::NEVER, |talk| talk.until)
    }

    /// Goes on as far as that is possible now.
    pub(super) fn advance(&mut self, now: Instant) -> Heard {
        let Some(talk) = &mut self.talk else { return Heard::Nothing };
        let result = talk.exchange();
        let heard = match result {
            Ok(false) if now < talk.until => return Heard::Nothing,
            Ok(false) => Heard::Failure(self.explain("it takes too long")),
            Ok(true) if talk.answer.is_empty() => {
                Heard::Failure(self.explain("it has hung up: it ends, or is busy with others"))
            }
            Ok(true) => Heard::Answer(String::from_utf8_lossy(&talk.answer).into_owned()),
            Err(error) => Heard::Failure(self.explain(&error.to_string())),
        };
        self.talk = None;
        heard
    }

    fn connect(&self) -> Result<UnixStream, Errno> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        connect(fd.as_raw_fd(), &UnixAddr::new(&self.control)?)?;
        Ok(fd.into())
    }

    fn explain(&self, why: &str) -> String {
        format!("no daemon answers at {}: {why}", self.control.display())
    }
}

impl Talk {
    /// Whether the answer is complete.
    fn exchange(&mut self) -> std::io::Result<bool> {
        while let Some(rest) = self.request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // Hung up on: perhaps with an answer.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error),
            }
        }
        let mut octets = [0; 4096];
        while self.answer.len() < ANSWER_LEN_MAX {
            match self.stream.read(&mut octets) {
                Ok(0) => return Ok(true),
                Ok(count) => self.answer.extend_from_slice(octets.get(..count).unwrap_or(&[])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
