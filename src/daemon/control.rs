//! The control socket: one line in, one answer out, and the connection is closed.
//!
//! `status`, `status json`, `log`, `log json`, `reload [PATH]`, `release [INSTANCE]`, `version`, and
//! for consoles `screen` and `follow` (see `status::screen` and `status::follow`). Text is for people; machines ask for JSON, one document with `"schema": 1`. A refusal is a line that
//! begins with `error: `.
//!
//! A client cannot hold up the loop: nothing waits for it, and one that is too slow, asks too much,
//! or comes when four others are there is dropped and counted. One that follows is kept until
//! there is something to tell, but never so many that operators find no place.

use core::fmt::{self, Write};
use std::io::{ErrorKind, Read, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};

use super::request::Follow;
use crate::io::ring::{CLIENT_COUNT, Operation, Ring, Tag};
use crate::limits::{
    ADDRESS_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, NOTIFIED_COUNT_MAX,
    TRANSITION_COUNT_MAX,
};
use crate::time::{Instant, Span};

/// Octets of a request, its newline included.
pub(super) const REQUEST_LEN_MAX: usize = 512;
/// Octets of an answer: the JSON status or log of a full build.
const REPLY_LEN_MAX: usize = INSTANCE_COUNT_MAX * 1792 // an instance with its counters, and its last transition
    + ADDRESS_COUNT_MAX * 160 // an address, its interface and its state
    + INTERFACE_COUNT_MAX * 1024 // an interface with its counters
    + TRANSITION_COUNT_MAX * 512 // the log
    + NOTIFIED_COUNT_MAX * 512 // and how commands ended, in it
    + (1 << 13); // the process and what is around the tables
/// Longer than this, no client is waited for.
const PATIENCE: Span = Span::from_secs(2);
/// A reload waits for the disk.
const RELOAD_PATIENCE: Span = Span::from_secs(10);
/// Whoever follows is answered by then, even if there is nothing to tell.
const FOLLOW_PATIENCE: Span = Span::from_secs(30);
/// Clients that follow at once: the other places are for operators.
const FOLLOWER_COUNT_MAX: usize = CLIENT_COUNT - 2;
/// Clients accepted in one turn.
const ACCEPT_COUNT_MAX: usize = 8;

/// The memory of an answer.
pub(super) type Reply = [u8; REPLY_LEN_MAX];
/// Zeros, for a static.
pub(super) const fn reply() -> Reply {
    [0; REPLY_LEN_MAX]
}

/// The listener, its clients, and the one answer that is being written.
#[derive(Debug)]
pub(super) struct Control {
    /// None: there is no place for it in the file system.
    listener: Option<UnixListener>,
    clients: [Option<Client>; CLIENT_COUNT],
    reply: &'static mut Reply,
    /// Whose the answer in `reply` is, and how long.
    writing: Option<(usize, usize)>,
    /// One descriptor more than is needed: given up for a client when there is no other left, so
    /// that the status can say so.
    spare: Option<UnixListener>,
    is_spare_lent: bool,
    /// No client could be accepted, for want of descriptors: when to listen again.
    listen_at: Instant,
    answered: u64,
    dropped: u64,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    until: Instant,
    state: State,
    line: [u8; REQUEST_LEN_MAX],
    len: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its line is not complete.
    Asking,
    /// Its line is complete, and the reply buffer was taken.
    Asked,
    /// Its answer comes when a file has been read.
    Waiting,
    /// Its answer comes when there is something to tell.
    Following(Follow),
    /// It was patient: it is told that there is nothing to tell.
    Followed(Follow),
    /// So many octets of its answer are written.
    Answered(usize),
    /// Shut down; forgotten when the ring lets go of it.
    Leaving,
}

impl Control {
    pub(super) fn new(listener: Option<UnixListener>, reply: &'static mut Reply) -> Self {
        let clients = [const { None }; CLIENT_COUNT];
        let spare = listener.as_ref().and_then(|listener| listener.try_clone().ok());
        Control {
            listener,
            spare,
            is_spare_lent: false,
            clients,
            reply,
            writing: None,
            listen_at: Instant::NEVER,
            answered: 0,
            dropped: 0,
        }
    }

    /// Listens.
    pub(super) fn arm(&self, ring: &mut Ring) {
        if let Some(listener) = &self.listener {
            ring.push(Tag::Control, Operation::Readable(listener.as_raw_fd()));
        }
    }

    /// Requests answered, and clients dropped.
    pub(super) fn counters(&self) -> (u64, u64) {
        (self.answered, self.dropped)
    }

    /// When the patience with a client ends.
    pub(super) fn next_deadline(&self) -> Instant {
        if self.may_listen_again() {
            return Instant::ZERO;
        }
        let waiting = self.clients.iter().flatten().filter(|c| c.state != State::Leaving);
        waiting.map(|client| client.until).fold(self.listen_at, Instant::min)
    }

    /// Who got the spare descriptor has left: the next one may have it.
    fn may_listen_again(&self) -> bool {
        self.is_spare_lent && self.clients.iter().all(Option::is_none)
    }

    /// Takes a spare descriptor again, if there is one.
    fn keep_spare(&mut self) {
        self.is_spare_lent = false;
        if self.spare.is_none() {
            self.spare = self.listener.as_ref().and_then(|listener| listener.try_clone().ok());
        }
    }

    /// New clients are there.
    pub(super) fn accept(&mut self, now: Instant, ring: &mut Ring) {
        if !self.is_spare_lent {
            self.keep_spare();
        }
        let Some(listener) = &self.listener else { return };
        for _ in 0..ACCEPT_COUNT_MAX {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(_) if self.spare.take().is_some() => {
                    self.is_spare_lent = true;
                    continue;
                }
                Err(_) => {
                    self.listen_at = now + PATIENCE;
                    return;
                }
            };
            let free = (0_u16..)
                .zip(&mut self.clients)
                .find(|(slot, place)| place.is_none() && !ring.is_busy(Tag::Client(*slot)));
            let Some((slot, place)) = free.filter(|_| stream.set_nonblocking(true).is_ok()) else {
                self.dropped += 1;
                continue;
            };
            ring.push(Tag::Client(slot), Operation::Readable(stream.as_raw_fd()));
            *place = Some(Client {
                stream,
                until: now + PATIENCE,
                state: State::Asking,
                line: [0; REQUEST_LEN_MAX],
                len: 0,
            });
        }
        self.arm(ring);
    }

    /// The client in `slot` is readable, or writable.
    pub(super) fn serve(&mut self, slot: u16, ring: &mut Ring) {
        let index = usize::from(slot);
        let Some(place) = self.clients.get_mut(index) else { return };
        let Some(client) = place else { return };
        match client.state {
            State::Leaving => {
                *place = None;
            }
            State::Asking => match client.read() {
                Heard::Nothing => {
                    ring.push(Tag::Client(slot), Operation::Readable(client.stream.as_raw_fd()));
                }
                Heard::Line => client.state = State::Asked,
                Heard::TooMuch => {
                    self.dropped += 1;
                    *place = None;
                }
                Heard::End => *place = None,
            },
            // It has hung up, or talks out of turn.
            State::Following(_) | State::Followed(_) => *place = None,
            State::Answered(_) => self.write(index, ring),
            State::Asked | State::Waiting => {}
        }
    }

    /// A client that waits for an answer that can be given now.
    pub(super) fn next_asked(&self) -> Option<usize> {
        if self.writing.is_some() {
            return None;
        }
        self.clients
            .iter()
            .position(|client| client.as_ref().is_some_and(|client| client.state == State::Asked))
    }

    /// The request of a client.
    pub(super) fn line(&self, index: usize) -> &[u8] {
        let client = self.clients.get(index).and_then(Option::as_ref);
        client.and_then(|client| client.line.get(..client.len)).unwrap_or(&[])
    }

    /// The client is answered later.
    pub(super) fn put_off(&mut self, now: Instant, index: usize) {
        if let Some(Some(client)) = self.clients.get_mut(index) {
            client.state = State::Waiting;
            client.until = now + RELOAD_PATIENCE;
        }
    }

    /// The client is answered when there is something to tell. False: too many wait for that.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        index: usize,
        follow: Follow,
        ring: &mut Ring,
    ) -> bool {
        let is_following = |client: &&Client| matches!(client.state, State::Following(_));
        let followers = self.clients.iter().flatten().filter(is_following).count();
        let Some(Some(client)) = self.clients.get_mut(index) else { return false };
        if followers >= FOLLOWER_COUNT_MAX {
            return false;
        }
        client.state = State::Following(follow);
        client.until = now + FOLLOW_PATIENCE;
        // To notice when it hangs up.
        let slot = u16::try_from(index).unwrap_or(u16::MAX);
        ring.push(Tag::Client(slot), Operation::Readable(client.stream.as_raw_fd()));
        true
    }

    /// A client that follows and can be answered: it has waited long enough, or `has_news`.
    pub(super) fn next_followed(
        &self,
        has_news: impl Fn(Follow) -> bool,
    ) -> Option<(usize, Follow)> {
        if self.writing.is_some() {
            return None;
        }
        self.clients.iter().enumerate().find_map(|(index, client)| match client.as_ref()?.state {
            State::Following(follow) if has_news(follow) => Some((index, follow)),
            State::Followed(follow) => Some((index, follow)),
            State::Asking
            | State::Asked
            | State::Waiting
            | State::Following(_)
            | State::Answered(_)
            | State::Leaving => None,
        })
    }

    /// The clients that were put off, and can be answered now.
    pub(super) fn next_put_off(&self) -> Option<usize> {
        if self.writing.is_some() {
            return None;
        }
        self.clients
            .iter()
            .position(|client| client.as_ref().is_some_and(|client| client.state == State::Waiting))
    }

    /// Writes the answer that `render` gives, and closes.
    pub(super) fn answer(
        &mut self,
        index: usize,
        ring: &mut Ring,
        render: impl FnOnce(&mut dyn Write) -> fmt::Result,
    ) {
        let Some(Some(client)) = self.clients.get_mut(index) else { return };
        let mut writer = Writer { octets: &mut self.reply[..], len: 0 };
        if render(&mut writer).is_err() {
            writer.len = 0;
            let _ = writer.write_str("error: the answer does not fit\n");
        }
        self.writing = Some((index, writer.len));
        client.state = State::Answered(0);
        self.answered += 1;
        self.write(index, ring);
    }

    fn write(&mut self, index: usize, ring: &mut Ring) {
        let Some((_, len)) = self.writing.filter(|(whose, _)| *whose == index) else { return };
        let slot = u16::try_from(index).unwrap_or(u16::MAX);
        let Some(place) = self.clients.get_mut(index) else { return };
        let Some(Client { stream, state: State::Answered(written), .. }) = place else { return };
        while let Some(rest) = self.reply.get(*written..len).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(count) => *written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The ring is not asked for a second thing: who follows has room for its lines.
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && !ring.is_busy(Tag::Client(slot)) =>
                {
                    ring.push(Tag::Client(slot), Operation::Writable(stream.as_raw_fd()));
                    return;
                }
                // It has gone.
                Err(_) => break,
            }
        }
        self.writing = None;
        leave(place, slot, ring);
    }

    /// Drops the clients that have been waited for long enough.
    pub(super) fn expire(&mut self, now: Instant, ring: &mut Ring) {
        if self.listen_at <= now || self.may_listen_again() {
            self.listen_at = Instant::NEVER;
            self.keep_spare();
            self.arm(ring);
        }
        for (index, place) in self.clients.iter_mut().enumerate() {
            let Some(client) = place else { continue };
            if client.state == State::Leaving || now < client.until {
                continue;
            }
            if let State::Following(follow) = client.state {
                client.state = State::Followed(follow);
                client.until = now + PATIENCE;
                continue;
            }
            self.dropped += 1;
            if self.writing.is_some_and(|(whose, _)| whose == index) {
                self.writing = None;
            }
            leave(place, u16::try_from(index).unwrap_or(u16::MAX), ring);
        }
    }
}

/// Hangs up. What the ring still waits for completes with this; only then may the number of the
/// descriptor be used again.
fn leave(place: &mut Option<Client>, slot: u16, ring: &Ring) {
    let Some(client) = place else { return };
    if ring.is_busy(Tag::Client(slot)) {
        let _ = client.stream.shutdown(Shutdown::Both);
        client.state = State::Leaving;
    } else {
        *place = None;
    }
}

enum Heard {
    Nothing,
    Line,
    TooMuch,
    End,
}

impl Client {
    fn read(&mut self) -> Heard {
        loop {
            let Some(room) = self.line.get_mut(self.len..).filter(|room| !room.is_empty()) else {
                return Heard::TooMuch;
            };
            match self.stream.read(room) {
                Ok(0) => return if self.len == 0 { Heard::End } else { Heard::Line },
                Ok(count) => {
                    self.len += count;
                    let heard = self.line.get(..self.len).unwrap_or(&[]);
                    if let Some(end) = heard.iter().position(|octet| *octet == b'\n') {
                        self.len = end;
                        return Heard::Line;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
                Err(_) => return Heard::End,
            }
        }
    }
}

struct Writer<'a> {
    octets: &'a mut [u8],
    len: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        let room = self.octets.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
