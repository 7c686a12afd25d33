//! What a frame is, read at literal offsets: enough to assert on, and independent of `wire`, so
//! that ringward's reading of a packet is never what proves ringward's writing of it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::time::Span;

/// What a frame is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A VRRP advertisement.
    Advert(Advert),
    /// An ARP request or reply.
    Arp(Arp),
    /// An ICMPv6 neighbour advertisement.
    Neighbour(Neighbour),
    /// An ICMP or ICMPv6 echo request or reply.
    Echo(Echo),
    /// Anything else.
    Other,
}

/// A VRRP advertisement, as far as it can be read; nothing of it has been verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advert {
    /// Ethernet source.
    pub source_mac: [u8; 6],
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// High nibble of the first octet.
    pub version: u8,
    /// Virtual router identifier.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Version 2: authentication type; version 3: zero.
    pub auth_type: u8,
    /// Advertisement interval: whole seconds in version 2, centiseconds in version 3.
    pub interval: Span,
    /// The addresses, in their order.
    pub addresses: Vec<IpAddr>,
}

/// An ARP packet for IPv4 over Ethernet (RFC 826).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// Ethernet destination.
    pub destination_mac: [u8; 6],
    /// 1 request, 2 reply.
    pub operation: u8,
    /// Sender hardware address.
    pub sender_mac: [u8; 6],
    /// Sender protocol address.
    pub sender: Ipv4Addr,
    /// Target protocol address.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Speaks of its own address to everybody: how a new owner makes itself known.
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target
    }
}

/// An ICMPv6 neighbour advertisement (RFC 4861 §4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// IP source.
    pub source: Ipv6Addr,
    /// The address that it is about.
    pub target: Ipv6Addr,
    /// An answer rather than an announcement.
    pub solicited: bool,
    /// Replaces what is cached.
    pub is_override: bool,
    /// The target link-layer address option, if it comes first.
    pub target_mac: Option<[u8; 6]>,
}

/// An echo request or reply (RFC 792, RFC 4443).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Echo {
    /// Ethernet source: which router answers.
    pub source_mac: [u8; 6],
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// Reply or request.
    pub is_reply: bool,
}

/// Reads an Ethernet frame.
pub fn seen(frame: &[u8]) -> Seen {
    let found = match array(frame, 12) {
        Some([0x08, 0x06]) => arp(frame).map(Seen::Arp),
        Some([0x08, 0x00]) => ipv4(frame),
        Some([0x86, 0xdd]) => ipv6(frame),
        Some(_) | None => None,
    };
    found.unwrap_or(Seen::Other)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn octet(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn arp(frame: &[u8]) -> Option<Arp> {
    // Hardware Ethernet, protocol IPv4, lengths 6 and 4, high octet of the operation.
    if array(frame, 14)? != [0, 1, 8, 0, 6, 4, 0] {
        return None;
    }
    Some(Arp {
        destination_mac: array(frame, 0)?,
        operation: octet(frame, 21)?,
        sender_mac: array(frame, 22)?,
        sender: Ipv4Addr::from(array::<4>(frame, 28)?),
        target: Ipv4Addr::from(array::<4>(frame, 38)?),
    })
}

/// What the IP header says, for the payload's sake.
struct Envelope {
    source_mac: [u8; 6],
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
}

fn ipv4(frame: &[u8]) -> Option<Seen> {
    let total_len = usize::from(u16::from_be_bytes(array(frame, 16)?));
    let header_len = usize::from(octet(frame, 14)? & 0x0f) * 4;
    let payload = frame.get(14 + header_len..14 + total_len)?;
    let envelope = Envelope {
        source_mac: array(frame, 6)?,
        source: IpAddr::from(array::<4>(frame, 26)?),
        destination: IpAddr::from(array::<4>(frame, 30)?),
        ttl: octet(frame, 22)?,
    };
    match (octet(frame, 23)?, octet(payload, 0)) {
        (112, _) => advert(envelope, payload).map(Seen::Advert),
        // IPsec AH with a check value of 12 octets, which others verify.
        (51, Some(112)) => advert(envelope, payload.get(24..)?).map(Seen::Advert),
        (1, Some(kind @ (0 | 8))) => Some(echo(&envelope, kind == 0)),
        _ => None,
    }
}

fn ipv6(frame: &[u8]) -> Option<Seen> {
    let payload_len = usize::from(u16::from_be_bytes(array(frame, 18)?));
    let payload = frame.get(54..54 + payload_len)?;
    let source = Ipv6Addr::from(array::<16>(frame, 22)?);
    let envelope = Envelope {
        source_mac: array(frame, 6)?,
        source: IpAddr::V6(source),
        destination: IpAddr::from(array::<16>(frame, 38)?),
        ttl: octet(frame, 21)?,
    };
    match (octet(frame, 20)?, octet(payload, 0)) {
        (112, _) => advert(envelope, payload).map(Seen::Advert),
        (58, Some(kind @ (128 | 129))) => Some(echo(&envelope, kind == 129)),
        (58, Some(136)) => neighbour(source, payload).map(Seen::Neighbour),
        _ => None,
    }
}

fn advert(envelope: Envelope, payload: &[u8]) -> Option<Advert> {
    let [first, vrid, priority, count, fifth, sixth] = array(payload, 0)?;
    let version = first >> 4;
    let (auth_type, interval) = if version == 2 {
        (fifth, Span::from_secs(u64::from(sixth)))
    } else {
        (0, Span::from_centis(u64::from(u16::from_be_bytes([fifth & 0x0f, sixth]))))
    };
    let list = payload.get(8..)?;
    let addresses = match envelope.source {
        IpAddr::V4(_) => {
            list.as_chunks::<4>().0.iter().map(|ip| IpAddr::from(*ip)).collect::<Vec<_>>()
        }
        IpAddr::V6(_) => list.as_chunks::<16>().0.iter().map(|ip| IpAddr::from(*ip)).collect(),
    };
    Some(Advert {
        source_mac: envelope.source_mac,
        source: envelope.source,
        destination: envelope.destination,
        ttl: envelope.ttl,
        version,
        vrid,
        priority,
        auth_type,
        interval,
        addresses: addresses.into_iter().take(usize::from(count)).collect(),
    })
}

fn echo(envelope: &Envelope, is_reply: bool) -> Seen {
    Seen::Echo(Echo {
        source_mac: envelope.source_mac,
        source: envelope.source,
        destination: envelope.destination,
        is_reply,
    })
}

fn neighbour(source: Ipv6Addr, payload: &[u8]) -> Option<Neighbour> {
    let flags = octet(payload, 4)?;
    Some(Neighbour {
        source,
        target: Ipv6Addr::from(array::<16>(payload, 8)?),
        solicited: flags & 0x40 != 0,
        is_override: flags & 0x20 != 0,
        target_mac: match array(payload, 24) {
            Some([2, 1]) => array(payload, 26),
            Some(_) | None => None,
        },
    })
}

/// As one line of a listing.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Advert(advert) => write!(
                f,
                "advert v{} vrid {} priority {} interval {} from {} to {} ttl {} {:?}",
                advert.version,
                advert.vrid,
                advert.priority,
                advert.interval,
                advert.source,
                advert.destination,
                advert.ttl,
                advert.addresses,
            ),
            Seen::Arp(arp) => write!(
                f,
                "arp {} {} is at {} asks {}{}",
                if arp.operation == 1 { "request" } else { "reply" },
                arp.sender,
                Mac(arp.sender_mac),
                arp.target,
                if arp.is_gratuitous() { " (gratuitous)" } else { "" },
            ),
            Seen::Neighbour(neighbour) => write!(
                f,
                "neighbour advertisement {} from {}{}{}",
                neighbour.target,
                neighbour.source,
                if neighbour.solicited { " solicited" } else { "" },
                if neighbour.is_override { " override" } else { "" },
            ),
            Seen::Echo(echo) => write!(
                f,
                "echo {} {} > {} from {}",
                if echo.is_reply { "reply" } else { "request" },
                echo.source,
                echo.destination,
                Mac(echo.source_mac),
            ),
            Seen::Other => f.write_str("other"),
        }
    }
}

struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a capture of Debian's keepalived 2.2.7: version 3, advert_int 1, VRID 1, priority 200.
    #[test]
    fn an_advert_of_keepalived_is_read() {
        let frame = [
            0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00,
            0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd0, 0x36, 0x0a, 0x63,
            0x00, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x01, 0xc8, 0x01, 0x00, 0x64, 0x10, 0xdd,
            0x0a, 0xc8, 0x00, 0x01,
        ];
        let Seen::Advert(advert) = seen(&frame) else { panic!("not read as an advert") };
        assert_eq!(advert.source, IpAddr::from([10, 99, 0, 1]));
        assert_eq!((advert.version, advert.vrid, advert.priority, advert.ttl), (3, 1, 200, 255));
        assert_eq!(advert.interval, Span::from_secs(1));
        assert_eq!(advert.addresses, [IpAddr::from([10, 200, 0, 1])]);
    }

    #[test]
    fn no_length_of_a_frame_is_too_short_to_be_looked_at() {
        let frame = [0x86; 64];
        for len in 0..=frame.len() {
            let _ = seen(frame.get(..len).unwrap_or(&[]));
        }
    }
}
