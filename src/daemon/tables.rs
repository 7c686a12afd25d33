//! Routes and addresses that are tracked: the kernel's tables are gone through when it has told of a
//! change that may matter, and what is asked meanwhile is answered from memory.
//!
//! On a socket of its own: a router has a million routes, and what is lost of the news of them must
//! not be news of links and addresses. The kernel does not tell of every route that goes with a link,
//! so that any change of a link may matter.

use std::os::fd::{AsRawFd, OwnedFd};

use heapless::Vec;

use crate::config::model::Probe;
use crate::engine::Engine;
use crate::io::netlink::{self, Netlink, Received};
use crate::limits::PROBE_COUNT_MAX;
use crate::time::{Instant, Span};
use crate::track::Finding;
use crate::track::message::Outcome;
use crate::wire::rtnl::{self, Dump, Message};

/// Datagrams that are read before something else has its turn: each has hundreds of routes.
const READ_COUNT_MAX: usize = 8;
/// How often a table that changes while it is read is read again for one answer.
const ROUND_COUNT_MAX: u8 = 3;
/// A dump of which nothing comes for so long has come to nothing.
const PATIENCE: Span = Span::from_secs(5);

/// What is known of each tracked route and address, by its row in [`Config::probes`].
#[derive(Debug)]
pub(super) struct Tables {
    /// Opened before the loop, which may open none.
    fd: Option<OwnedFd>,
    /// Something has been looked at, and the socket hears of changes.
    is_listening: bool,
    /// Something may have changed since the tables were gone through.
    is_stale: bool,
    reading: Option<Reading>,
    sequence: u32,
    rounds: u8,
    found: Box<[bool]>,
    waiting: Vec<Waiting, PROBE_COUNT_MAX>,
}

/// What is gone through, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Table {
    Routes,
    Addresses,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    table: Table,
    heard_at: Instant,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    probe: usize,
    since: Instant,
}

impl Tables {
    pub(super) fn new() -> Self {
        Tables {
            fd: netlink::open_for_tables().ok(),
            is_listening: false,
            is_stale: true,
            reading: None,
            sequence: 0,
            rounds: 0,
            found: vec![false; PROBE_COUNT_MAX].into_boxed_slice(),
            waiting: Vec::new(),
        }
    }

    /// What is readable when the kernel has something to tell.
    pub(super) fn fd(&self) -> Option<i32> {
        self.fd.as_ref().filter(|_| self.is_listening).map(AsRawFd::as_raw_fd)
    }

    /// A check of the route or address of row `probe` is due.
    pub(super) fn ask(&mut self, now: Instant, ticket: u64, probe: u16) {
        // Cannot fail but for answers that a reload has made meaningless: they are asked again.
        let _ = self.waiting.push(Waiting { ticket, probe: usize::from(probe), since: now });
    }

    /// Another configuration is in force: other rows are to be found.
    pub(super) fn reconfigured(&mut self) {
        self.is_stale = true;
    }

    /// Begins to read the tables, if anybody waits for that, and answers what is known.
    pub(super) fn go_on(&mut self, now: Instant, engine: &mut Engine) {
        if self.reading.is_some_and(|reading| reading.heard_at + PATIENCE <= now) {
            // Answers to another number are news.
            (self.reading, self.is_stale) = (None, true);
        }
        if self.waiting.is_empty() || self.reading.is_some() {
            return;
        }
        if self.is_stale && self.rounds < ROUND_COUNT_MAX {
            self.is_stale = false;
            self.rounds += 1;
            self.found.fill(false);
            let is_route = |probe: &Probe| matches!(probe, Probe::Route { .. });
            let has_routes = engine.config().probes.iter().any(is_route);
            let first = if has_routes { Table::Routes } else { Table::Addresses };
            if let Err(errno) = self.request(now, first) {
                self.answer_all(now, engine, |_| Outcome::short(errno));
            }
            return;
        }
        let is_stale = self.is_stale;
        self.answer_all(now, engine, |is_found| match (is_found, is_stale) {
            (true, _) => Outcome::Found(Finding::Fine),
            (false, false) => Outcome::Found(Finding::Absent),
            // It changes all the time: that it was not seen proves nothing.
            (false, true) => Outcome::short(libc::EAGAIN),
        });
    }

    fn answer_all(&mut self, now: Instant, engine: &mut Engine, of: impl Fn(bool) -> Outcome) {
        self.rounds = 0;
        while let Some(Waiting { ticket, probe, since }) = self.waiting.pop() {
            let is_found = self.found.get(probe).copied().unwrap_or(false);
            engine.observe_finding(now, ticket, of(is_found), now.since(since));
        }
    }

    /// Asks the kernel for a table. Its errno, if it cannot be asked.
    fn request(&mut self, now: Instant, table: Table) -> Result<(), i32> {
        let Some(fd) = &self.fd else { return Err(libc::EMFILE) };
        if !self.is_listening {
            netlink::hear_of_tables(fd.as_raw_fd())?;
            self.is_listening = true;
        }
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut buffer = [0; netlink::REQUEST_LEN_MAX];
        let len = match table {
            Table::Routes => rtnl::emit_dump_of_routes(self.sequence, &mut buffer),
            Table::Addresses => rtnl::emit_dump(Dump::Addresses, self.sequence, &mut buffer),
        };
        let len = len.unwrap_or(0);
        let sent = netlink::send_at_once(fd.as_raw_fd(), buffer.get(..len).unwrap_or(&[]));
        if let Err(errno) = sent {
            self.is_stale = true;
            return Err(errno);
        }
        self.reading = Some(Reading { table, heard_at: now });
        Ok(())
    }

    /// The kernel has something to tell: an answer, or news.
    pub(super) fn observe(&mut self, now: Instant, engine: &mut Engine, netlink: &mut Netlink) {
        let Some(fd) = self.fd() else { return };
        netlink.drain_some(fd, READ_COUNT_MAX, |received| match received {
            Received::Datagram(datagram) => self.hear(now, engine, datagram),
            Received::Overrun => self.turns_stale(now, engine),
            Received::Foreign => {}
        });
    }

    fn hear(&mut self, now: Instant, engine: &mut Engine, datagram: &[u8]) {
        for item in rtnl::messages(datagram).flatten() {
            let is_own = self.reading.is_some() && item.sequence == self.sequence;
            if let (true, Some(reading)) = (is_own, &mut self.reading) {
                reading.heard_at = now;
            }
            // What has changed while it was read may be missing.
            self.is_stale |= is_own && item.interrupted;
            match item.message {
                Message::Done { errno, .. } | Message::Ack { errno, .. } if is_own => {
                    self.ends(now, engine, errno);
                }
                Message::Link(_) | Message::LinkGone { .. } => self.turns_stale(now, engine),
                message @ (Message::Route(_) | Message::Address(_)) => {
                    self.compare(now, engine, &message, is_own);
                }
                Message::Overrun => self.turns_stale(now, engine),
                Message::Done { .. } | Message::Ack { .. } | Message::Other(_) => {}
            }
        }
    }

    /// A dump has ended.
    fn ends(&mut self, now: Instant, engine: &mut Engine, errno: i32) {
        let Some(Reading { table, .. }) = self.reading.take() else { return };
        let next = match (errno, table) {
            (0, Table::Routes) => self.request(now, Table::Addresses),
            (0, Table::Addresses) => Ok(()),
            (errno, _) => Err(errno),
        };
        if let Err(errno) = next {
            self.is_stale = true;
            self.answer_all(now, engine, |_| Outcome::short(errno));
        }
    }

    /// A route or an address: as part of a dump it is there, and as news it may matter.
    fn compare(&mut self, now: Instant, engine: &mut Engine, message: &Message<'_>, is_own: bool) {
        let mut is_news = false;
        for (probe, found) in engine.config().probes.iter().zip(&mut self.found) {
            match is_about(engine, probe, message) {
                Some(is_there) if is_own => *found |= is_there,
                Some(_) => is_news = true,
                None => {}
            }
        }
        if is_news {
            self.turns_stale(now, engine);
        }
    }

    /// What is tracked is looked at anew, at once.
    fn turns_stale(&mut self, now: Instant, engine: &mut Engine) {
        self.is_stale = true;
        for number in 0..engine.config().probes.len() {
            let probe = engine.config().probes.get(number);
            let is_table = matches!(probe, Some(Probe::Route { .. } | Probe::Address { .. }));
            if let (true, Ok(number)) = (is_table, u16::try_from(number)) {
                engine.hasten(now, number);
            }
        }
    }
}

/// Whether a message is about what is tracked, and if so, whether that is there and can be used.
fn is_about(engine: &Engine, probe: &Probe, message: &Message<'_>) -> Option<bool> {
    let index_of = |slot: Option<u8>| match slot {
        // An interface that is not there has no route and no address.
        Some(slot) => engine.interfaces().get(usize::from(slot))?.index.map(Some),
        None => Some(None),
    };
    match (probe, message) {
        (Probe::Route { ip, prefix_len, interface }, Message::Route(route))
            if (route.ip, route.prefix_len) == (*ip, *prefix_len) =>
        {
            let via = index_of(*interface);
            Some(route.present && via.is_some_and(|via| route.is_usable(via)))
        }
        (Probe::Address { ip, interface }, Message::Address(address)) if address.ip == *ip => {
            let on = index_of(*interface);
            let is_there = on.is_some_and(|on| on.is_none_or(|on| on == address.index));
            let is_usable = !address.is_tentative() && !address.is_dad_failed();
            Some(address.present && is_there && is_usable)
        }
        _ => None,
    }
}
