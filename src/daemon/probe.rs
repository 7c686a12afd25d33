//! Built-in checks, made in the loop: connections that the ring tells of, none of which is waited
//! for.

use core::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;

use super::files::Files;
use super::processes::Processes;
use super::tables::Tables;
use crate::addr::IfIndex;
use crate::config::model::Probe;
use crate::engine::{Engine, Trial};
use crate::io::netlink::Netlink;
use crate::io::pair::{self, Received};
use crate::io::ping;
use crate::io::port;
use crate::io::ring::{Operation, Ring, Tag};
use crate::io::stream;
use crate::limits::PROBE_FLIGHT_MAX;
use crate::time::{Instant, Span};
use crate::track::Finding;
use crate::track::message::Outcome;
use crate::wire::echo;
use crate::wire::http::{self, Answer};

/// Checks begun in one turn: more are spread over several.
const BEGIN_COUNT_MAX: usize = 8;

/// Packets of a host that are looked at before something else has its turn.
const ECHO_COUNT_MAX: usize = 8;

/// The checks under way, each in the slot that its readiness comes back under.
#[derive(Debug)]
pub(super) struct Probes {
    slots: Box<[Slot]>,
    /// How many of them are busy: most turns need not ask each of them.
    flights: usize,
    processes: Processes,
    files: Files,
    tables: Tables,
    /// Which configuration they follow.
    install: Option<u32>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "boxed would allocate; the table is made once")]
enum Slot {
    Free,
    Busy(Flight),
    /// Too late; closed when the ring lets go of it.
    Leaving {
        _fd: OwnedFd,
    },
}

/// One check under way.
#[derive(Debug)]
struct Flight {
    ticket: u64,
    since: Instant,
    until: Instant,
    fd: OwnedFd,
    probe: Probe,
    /// It has a connection.
    is_connected: bool,
    /// What came over it, as far as it counts.
    heard: [u8; http::STATUS_LEN],
    heard_len: usize,
}

/// What comes next.
enum Step {
    /// The ring tells when.
    Wait(Operation),
    /// Nothing: it has ended.
    End(Outcome),
}

impl Probes {
    /// None under way.
    pub(super) fn new() -> Self {
        let mut slots = Vec::new();
        slots.resize_with(PROBE_FLIGHT_MAX, || Slot::Free);
        Probes {
            slots: slots.into_boxed_slice(),
            flights: 0,
            processes: Processes::new(),
            files: Files::new(),
            tables: Tables::new(),
            install: None,
        }
    }

    /// Begins what is due and has a place. False: there may be more.
    pub(super) fn begin(&mut self, now: Instant, engine: &mut Engine, ring: &mut Ring) -> bool {
        if self.install.replace(engine.installs()) != Some(engine.installs()) {
            self.processes.reconfigured(engine);
            self.files.reconfigured();
            self.tables.reconfigured();
        }
        let is_all = self.begin_some(now, engine, ring);
        self.tables.go_on(now, engine);
        // The ring ignores them where it still waits.
        for (tag, fd) in [
            (Tag::Watch, self.files.fd()),
            (Tag::Tables, self.tables.fd()),
            (Tag::Processes, self.processes.fd(now)),
        ] {
            if let Some(fd) = fd {
                ring.push(tag, Operation::Readable(fd));
            }
        }
        self.processes.go_on(now, engine) && is_all
    }

    /// The kernel tells of routes and addresses.
    pub(super) fn tables_changed(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        netlink: &mut Netlink,
    ) {
        self.tables.observe(now, engine, netlink);
    }

    /// Something has happened to processes.
    pub(super) fn processes_changed(&mut self, now: Instant, engine: &mut Engine) {
        self.processes.observe(now, engine);
    }

    /// Something has happened to files that are tracked.
    pub(super) fn watched(&mut self, now: Instant, engine: &mut Engine) {
        self.files.observe(now, engine);
    }

    fn begin_some(&mut self, now: Instant, engine: &mut Engine, ring: &mut Ring) -> bool {
        for _ in 0..BEGIN_COUNT_MAX {
            let free = (0..).zip(&mut self.slots).find(|(_, slot)| matches!(slot, Slot::Free));
            let can_make = |probe: &Probe| free.is_some() || !needs_place(probe);
            let Some(trial) = engine.next_trial(now, can_make) else { return true };
            let Trial { ticket, row, limit, .. } = trial;
            match trial.probe {
                Probe::Tcp { .. } | Probe::Http { .. } | Probe::Ping { .. } => {}
                Probe::Process(_) => {
                    self.processes.ask(now, ticket, row);
                    continue;
                }
                Probe::Route { .. } | Probe::Address { .. } => {
                    self.tables.ask(now, ticket, row);
                    continue;
                }
                Probe::File { .. } => {
                    let outcome = self.files.look(engine, row);
                    engine.observe_finding(now, ticket, outcome, Span::ZERO);
                    continue;
                }
            }
            let probe = trial.probe.clone();
            let Some((number, slot)) = free else { return true };
            match Flight::begin(now, (ticket, limit), probe, engine) {
                Ok(flight) => {
                    let fd = flight.fd.as_raw_fd();
                    let is_asked = matches!(flight.probe, Probe::Ping { .. });
                    let first = if is_asked { Operation::Readable } else { Operation::Writable };
                    ring.push(Tag::Probe(number), first(fd));
                    *slot = Slot::Busy(flight);
                    self.flights += 1;
                }
                Err(outcome) => engine.observe_finding(now, ticket, outcome, Span::ZERO),
            }
        }
        false
    }

    /// What the ring waited for in a slot has happened.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        number: u16,
        engine: &mut Engine,
        ring: &mut Ring,
    ) {
        let Some(slot) = self.slots.get_mut(usize::from(number)) else { return };
        let step = match slot {
            Slot::Free | Slot::Leaving { .. } => None,
            Slot::Busy(flight) => Some((flight.go_on(), flight.ticket, now.since(flight.since))),
        };
        match step {
            Some((Step::Wait(operation), ..)) => ring.push(Tag::Probe(number), operation),
            Some((Step::End(outcome), ticket, took)) => {
                *slot = Slot::Free;
                self.flights -= 1;
                engine.observe_finding(now, ticket, outcome, took);
            }
            None => *slot = Slot::Free,
        }
    }

    /// Ends the checks that have taken too long.
    pub(super) fn expire(&mut self, now: Instant, engine: &mut Engine) {
        if self.flights == 0 {
            return;
        }
        for slot in &mut self.slots {
            let is_late = matches!(slot, Slot::Busy(flight) if flight.until <= now);
            if is_late && let Slot::Busy(flight) = core::mem::replace(slot, Slot::Free) {
                let took = now.since(flight.since);
                engine.observe_finding(now, flight.ticket, Outcome::TimedOut, took);
                // What the ring waits for completes with this.
                port::shut_down(flight.fd.as_raw_fd());
                *slot = Slot::Leaving { _fd: flight.fd };
                self.flights -= 1;
            }
        }
    }

    /// When the first of them has taken too long, or processes are to be heard of again.
    pub(super) fn next_deadline(&self) -> Instant {
        let rested_at = self.processes.rested_at();
        if self.flights == 0 {
            return rested_at;
        }
        let until = self.slots.iter().filter_map(|slot| match slot {
            Slot::Busy(flight) => Some(flight.until),
            Slot::Free | Slot::Leaving { .. } => None,
        });
        until.min().unwrap_or(Instant::NEVER).min(rested_at)
    }
}

impl Flight {
    fn begin(
        now: Instant,
        (ticket, limit): (u64, Span),
        probe: Probe,
        engine: &Engine,
    ) -> Result<Flight, Outcome> {
        let fd = match &probe {
            Probe::Tcp { server } | Probe::Http { server, .. } => stream::begin(*server),
            Probe::Ping { ip, interface } => match interface.map(|slot| index_of(engine, slot)) {
                // By an interface that is not there.
                Some(None) => Err(Errno::ENETUNREACH),
                by => ping::begin(*ip, by.flatten(), &echo::request(*ip, ticket)),
            },
            Probe::Process(_)
            | Probe::File { .. }
            | Probe::Route { .. }
            | Probe::Address { .. } => Err(Errno::EINVAL),
        };
        Ok(Flight {
            ticket,
            since: now,
            until: now + limit,
            fd: fd.map_err(outcome_of)?,
            probe,
            is_connected: false,
            heard: [0; http::STATUS_LEN],
            heard_len: 0,
        })
    }

    fn go_on(&mut self) -> Step {
        if let Probe::Ping { ip, .. } = self.probe {
            return self.hear_echo(ip);
        }
        if self.is_connected {
            return self.listen();
        }
        if let Err(errno) = stream::ended(&self.fd) {
            return Step::End(outcome_of(errno));
        }
        self.is_connected = true;
        match &self.probe {
            Probe::Tcp { .. }
            | Probe::Ping { .. }
            | Probe::Process(_)
            | Probe::File { .. }
            | Probe::Route { .. }
            | Probe::Address { .. } => Step::End(Outcome::Found(Finding::Fine)),
            Probe::Http { server, path, .. } => {
                // It fits into the buffer of a connection that is new.
                let is_sent = http::request(*server, path)
                    .is_some_and(|request| pair::send(self.fd.as_raw_fd(), request.as_bytes()));
                if !is_sent {
                    return Step::End(Outcome::Found(Finding::Closed));
                }
                Step::Wait(Operation::Readable(self.fd.as_raw_fd()))
            }
        }
    }

    /// Looks for the answer among what the host says.
    fn hear_echo(&self, ip: IpAddr) -> Step {
        let mut room = [0; echo::ANSWER_LEN_MAX];
        for _ in 0..ECHO_COUNT_MAX {
            match ping::receive(&self.fd, &mut room) {
                Ok(Some(heard)) if echo::is_answer(ip, self.ticket, heard) => {
                    return Step::End(Outcome::Found(Finding::Fine));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(errno) => return Step::End(outcome_of(errno)),
            }
        }
        Step::Wait(Operation::Readable(self.fd.as_raw_fd()))
    }

    /// Reads the answer, as far as its status.
    fn listen(&mut self) -> Step {
        let fd = self.fd.as_raw_fd();
        loop {
            let room = self.heard.get_mut(self.heard_len..).unwrap_or(&mut []);
            match pair::receive(fd, room) {
                Received::Datagram(len) => self.heard_len += len,
                Received::Empty => return Step::Wait(Operation::Readable(fd)),
                Received::Closed => return Step::End(Outcome::Found(Finding::Closed)),
            }
            let finding = match http::status(self.heard.get(..self.heard_len).unwrap_or(&[])) {
                Answer::Incomplete => continue,
                Answer::Malformed => Finding::NotHttp,
                Answer::Status(found) if is_wanted(&self.probe, found) => Finding::Fine,
                Answer::Status(found) => Finding::Status(found),
            };
            return Step::End(Outcome::Found(finding));
        }
    }
}

/// Whether this status is the answer that is fine.
fn is_wanted(probe: &Probe, found: u16) -> bool {
    matches!(probe, Probe::Http { status, .. } if *status == found)
}

/// The number of an interface, if it is there.
fn index_of(engine: &Engine, slot: u8) -> Option<IfIndex> {
    engine.interfaces().get(usize::from(slot))?.index
}

/// Whether it takes a socket of its own.
fn needs_place(probe: &Probe) -> bool {
    match probe {
        Probe::Tcp { .. } | Probe::Http { .. } | Probe::Ping { .. } => true,
        Probe::Process(_) | Probe::File { .. } => false,
        Probe::Route { .. } | Probe::Address { .. } => false,
    }
}

/// What an error says of the service; of the machine, nothing.
fn outcome_of(errno: Errno) -> Outcome {
    let errno = errno as i32;
    match errno {
        libc::ECONNREFUSED => Outcome::Found(Finding::Refused),
        libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN => {
            Outcome::Found(Finding::Unreachable)
        }
        libc::ECONNRESET | libc::EPIPE => Outcome::Found(Finding::Closed),
        libc::ETIMEDOUT => Outcome::TimedOut,
        libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS | libc::EADDRNOTAVAIL => {
            Outcome::short(errno)
        }
        _ => Outcome::Found(Finding::errno(errno)),
    }
}
