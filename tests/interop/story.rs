//! What a capture tells: who was master from when to when, and how it ended.

use std::fmt;
use std::net::IpAddr;

use ringward::lab::{Frame, Seen, decode};
use ringward::time::{Instant, Span};

/// What the test did, among the frames.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) at: Instant,
    pub(crate) deed: Deed,
    /// To which node.
    pub(crate) mac: [u8; 6],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    Start,
    Stop,
    Kill,
}

/// How a reign ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It has not.
    Open,
    /// With an advert of priority 0.
    Resigned,
    /// By the death of its processes.
    Killed,
    /// Another router came, and this one fell silent.
    Yielded,
}

/// A period in which one router advertises as master.
#[derive(Clone, Debug)]
pub(crate) struct Reign {
    pub(crate) mac: [u8; 6],
    pub(crate) end: End,
    /// Each advert of it, in order; never empty.
    pub(crate) adverts: Vec<Instant>,
    /// Each announcement of it.
    pub(crate) announcements: Vec<(Instant, IpAddr)>,
}

impl Reign {
    pub(crate) fn first(&self) -> Instant {
        self.adverts[0]
    }

    pub(crate) fn last(&self) -> Instant {
        self.adverts[self.adverts.len() - 1]
    }
}

impl fmt::Display for Reign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reign { mac, end, adverts, announcements } = self;
        let (first, last) = (stamp(self.first()), stamp(self.last()));
        let [.., number] = mac;
        write!(f, "node {number} from {first} to {last}, {} adverts, ", adverts.len())?;
        write!(f, "{} announcements, {end:?}", announcements.len())
    }
}

/// An announcement: a gratuitous ARP request, or an unsolicited neighbour advertisement. Who sent
/// it, and the address. A gratuitous reply is none: a kernel that still has the address answers the
/// successor's request with one.
pub(crate) fn announcement(frame: &Frame) -> Option<([u8; 6], IpAddr)> {
    let seen = frame.seen();
    if let Seen::Arp(arp) = seen {
        let is_announcement = arp.is_gratuitous() && arp.operation == 1;
        return is_announcement.then_some((arp.sender_mac, arp.sender.into()));
    }
    let Seen::Neighbour(neighbour) = seen else { return None };
    let mac = frame.bytes[6..12].try_into().unwrap();
    (!neighbour.solicited).then_some((mac, neighbour.target.into()))
}

/// A VRRP advert.
pub(crate) fn advert(frame: &Frame) -> Option<decode::Advert> {
    if let Seen::Advert(advert) = frame.seen() { Some(advert) } else { None }
}

/// Tells the story of `frames`. Fails if an address is announced by a router that is not master.
pub(crate) fn read(frames: &[Frame], marks: &[Mark], addresses: &[IpAddr]) -> Vec<Reign> {
    let mut reigns: Vec<Reign> = Vec::new();
    let mut marks = marks.iter().peekable();
    for frame in frames {
        while let Some(mark) = marks.next_if(|mark| mark.at <= frame.at) {
            if let (Deed::Kill, Some(reign)) = (mark.deed, current(&mut reigns, mark.mac)) {
                reign.end = End::Killed;
            }
        }
        if let Some(advert) = advert(frame) {
            let mac = advert.source_mac;
            match (current(&mut reigns, mac), advert.priority) {
                (Some(reign), 0) => reign.end = End::Resigned,
                (Some(reign), _) => reign.adverts.push(frame.at),
                (None, 0) => panic!("node {} resigns what it does not have", mac[5]),
                (None, _) => {
                    // Whoever reigns until now has to fall silent: the next advert of it would
                    // begin a reign of its own, and that one would be one too many.
                    reigns.push(Reign {
                        mac,
                        end: End::Open,
                        adverts: vec![frame.at],
                        announcements: Vec::new(),
                    });
                }
            }
        } else if let Some((mac, ip)) = announcement(frame)
            && addresses.contains(&ip)
        {
            let reign = current(&mut reigns, mac);
            let at = stamp(frame.at);
            let reign = reign.unwrap_or_else(|| {
                panic!("node {} announces {ip} at {at} and is not master", mac[5])
            });
            reign.announcements.push((frame.at, ip));
        }
    }
    for index in 1..reigns.len() {
        let successor = reigns[index].first();
        let predecessor = &mut reigns[index - 1];
        if predecessor.end == End::Open && predecessor.last() < successor + YIELD_TIME_MAX {
            predecessor.end = End::Yielded;
        }
    }
    reigns
}

/// How long a master may go on after the first advert of a better one: it has to receive it.
const YIELD_TIME_MAX: Span = Span::from_millis(20);

fn current(reigns: &mut [Reign], mac: [u8; 6]) -> Option<&mut Reign> {
    reigns.iter_mut().find(|reign| reign.mac == mac && reign.end == End::Open)
}

/// Seconds of an instant, modulo a thousand, to microseconds.
pub(crate) fn stamp(at: Instant) -> String {
    let micros = at.as_nanos() / 1000;
    format!("{:03}.{:06}", micros / 1_000_000 % 1000, micros % 1_000_000)
}
