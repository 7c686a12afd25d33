//! The raw sockets, as the engine wants them.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::pace::{Found, Pace};
use crate::addr::{Family, IfIndex};
use crate::engine::{Engine, Port};
use crate::io::port::{self, Inbox, Packet};
use crate::io::ring::{Operation, PORT_COUNT, Ring, Tag};
use crate::time::{Instant, Span};

/// A socket that the kernel refused is tried again after so long.
const RETRY: Span = Span::from_secs(1);

/// A socket whose rest ends so soon is looked at in the turn that there is: another one, a moment
/// later, costs more than the look.
const COMPANY: Span = Span::from_micros(2500);

/// The open sockets, each in the slot that its readiness comes back under.
#[derive(Debug)]
pub(super) struct Ports {
    slots: Box<[Slot]>,
    generation: Option<u32>,
    retry_at: Instant,
    /// No socket's rest ends earlier: most turns need not ask each of them.
    look_at: Instant,
}

#[derive(Debug)]
enum Slot {
    Free,
    Open {
        port: Port,
        fd: OwnedFd,
        pace: Pace,
        /// When it is looked at next; `None`: the ring tells when it is readable.
        rests_until: Option<Instant>,
    },
    /// No longer wanted; closed when the ring lets go of it.
    Leaving {
        fd: OwnedFd,
    },
    Refused {
        port: Port,
    },
}

impl Ports {
    /// None open.
    pub(super) fn new() -> Self {
        let mut slots = Vec::new();
        slots.resize_with(PORT_COUNT, || Slot::Free);
        Ports {
            slots: slots.into_boxed_slice(),
            generation: None,
            retry_at: Instant::NEVER,
            look_at: Instant::NEVER,
        }
    }

    /// When a refused socket is to be tried again, or one that rests is to be looked at.
    pub(super) fn next_deadline(&self) -> Instant {
        self.retry_at.min(self.look_at)
    }

    /// Opens what the engine wants and shuts what it does not want, when that has changed or a
    /// refused socket is due.
    pub(super) fn reconcile(&mut self, now: Instant, engine: &mut Engine, ring: &mut Ring) {
        let due = self.retry_at <= now;
        if !due && self.generation == Some(engine.ports_generation()) {
            return;
        }
        self.generation = Some(engine.ports_generation());
        self.retry_at = Instant::NEVER;
        for (slot, place) in (0_u16..).zip(self.slots.iter_mut()) {
            match core::mem::replace(place, Slot::Free) {
                Slot::Open { port, fd, pace, rests_until }
                    if engine.ports().any(|want| want == port) =>
                {
                    *place = Slot::Open { port, fd, pace, rests_until };
                }
                Slot::Open { fd, .. } => {
                    port::shut_down(fd.as_raw_fd());
                    // Not in flight: it rests, or is being served in this very turn.
                    if ring.is_busy(Tag::Port(slot)) {
                        *place = Slot::Leaving { fd };
                    }
                }
                Slot::Leaving { fd } => *place = Slot::Leaving { fd },
                Slot::Refused { .. } | Slot::Free => {}
            }
        }
        loop {
            let wanted = engine.ports().find(|want| !self.knows(*want));
            let Some(port) = wanted else { return };
            let Some((slot, place)) =
                (0_u16..).zip(self.slots.iter_mut()).find(|(_, place)| matches!(place, Slot::Free))
            else {
                return;
            };
            match port::open(port) {
                Ok(fd) => {
                    ring.push(Tag::Port(slot), Operation::Readable(fd.as_raw_fd()));
                    *place = Slot::Open { port, fd, pace: Pace::new(), rests_until: None };
                    engine.observe_port(now, port, None);
                }
                Err(fault) => {
                    *place = Slot::Refused { port };
                    self.retry_at = now + RETRY;
                    engine.observe_port(now, port, Some(fault.errno));
                }
            }
        }
    }

    /// The socket of `slot` is readable, or broken: `result` is what poll(2) says.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        slot: u16,
        result: i32,
        engine: &mut Engine,
        inbox: &mut Inbox,
        ring: &mut Ring,
    ) -> u64 {
        let Some(place) = self.slots.get_mut(usize::from(slot)) else { return 0 };
        match place {
            Slot::Open { port, .. } if port::is_broken(result) => {
                let port = *port;
                *place = Slot::Refused { port };
                self.retry_at = self.retry_at.min(now + RETRY);
                engine.observe_port(now, port, Some(libc::EPIPE));
                0
            }
            Slot::Open { .. } => {
                let (count, rests_until) = look(now, slot, place, engine, inbox, ring);
                self.look_at = self.look_at.min(rests_until);
                count
            }
            Slot::Leaving { .. } => {
                *place = Slot::Free;
                0
            }
            Slot::Free | Slot::Refused { .. } => 0,
        }
    }

    /// Looks at the sockets that have rested enough, or almost.
    pub(super) fn serve_rested(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        inbox: &mut Inbox,
        ring: &mut Ring,
    ) -> u64 {
        if self.look_at > now + COMPANY {
            return 0;
        }
        self.look_at = Instant::NEVER;
        let mut total = 0;
        for (slot, place) in (0_u16..).zip(self.slots.iter_mut()) {
            let Slot::Open { rests_until: Some(until), .. } = place else { continue };
            let mut until = *until;
            if until <= now + COMPANY {
                let (count, rests_until) = look(now, slot, place, engine, inbox, ring);
                total += count;
                until = rests_until;
            }
            self.look_at = self.look_at.min(until);
        }
        total
    }

    /// Takes what waits at every socket, readable or not: before a master is found dead.
    pub(super) fn serve_all(&mut self, engine: &mut Engine, inbox: &mut Inbox) -> u64 {
        let mut total = 0;
        for place in &self.slots {
            if let Slot::Open { port, fd, .. } = place {
                total += drain(*port, fd.as_raw_fd(), engine, inbox).0;
            }
        }
        total
    }

    /// The socket for packets of `family` on `interface`.
    pub(super) fn fd(&self, interface: IfIndex, family: Family) -> Option<RawFd> {
        self.slots.iter().find_map(|place| match place {
            Slot::Open { port, fd, .. }
                if (port.interface, port.family) == (interface, family) && !port.authenticated =>
            {
                Some(fd.as_raw_fd())
            }
            Slot::Free | Slot::Open { .. } | Slot::Leaving { .. } | Slot::Refused { .. } => None,
        })
    }

    fn knows(&self, wanted: Port) -> bool {
        self.slots.iter().any(|place| match place {
            Slot::Open { port, .. } | Slot::Refused { port } => *port == wanted,
            Slot::Free | Slot::Leaving { .. } => false,
        })
    }
}

/// Takes what waits at an open socket, and lets it rest or has the ring tell when there is more.
/// How many packets there were, and when its rest ends.
fn look(
    now: Instant,
    slot: u16,
    place: &mut Slot,
    engine: &mut Engine,
    inbox: &mut Inbox,
    ring: &mut Ring,
) -> (u64, Instant) {
    let Slot::Open { port, fd, pace, rests_until } = place else { return (0, Instant::NEVER) };
    let accepted = engine.adverts_accepted();
    let (count, is_empty) = drain(*port, fd.as_raw_fd(), engine, inbox);
    let accepted = engine.adverts_accepted() != accepted;
    *rests_until = pace.looked(now, Found { count, accepted, is_empty });
    if rests_until.is_none() {
        ring.push(Tag::Port(slot), Operation::Readable(fd.as_raw_fd()));
    }
    (count, rests_until.unwrap_or(Instant::NEVER))
}

/// How many packets there were, and whether nothing is left.
fn drain(port: Port, fd: RawFd, engine: &mut Engine, inbox: &mut Inbox) -> (u64, bool) {
    let interface = port.interface;
    inbox.drain(fd, port.family, |arrival, packet| match packet {
        Packet::V4(packet) => engine.ingest_ipv4(arrival, interface, packet),
        Packet::V6 { source, destination, hop_limit, payload } => {
            engine.ingest_ipv6(arrival, interface, (source, destination), hop_limit, payload);
        }
    })
}
