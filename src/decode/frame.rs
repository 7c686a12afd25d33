//! What a frame is, with every field of it that can be read, right or wrong.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::capture::Record;
use super::link::Link;
use crate::wire::arp::Arp;
use crate::wire::checksum::Sum;
use crate::wire::ndisc::Neighbour;
use crate::wire::vrrp::{self, Datagram, Rejected};
use crate::wire::{Reject, ah, ethernet, ipv4, ipv6};

/// IANA's protocol number.
const ICMPV6: u8 = 58;

/// IPv6 extension headers that the kernel skips on the way to a raw socket: hop-by-hop options,
/// routing, destination options (RFC 8200 §4).
const EXTENSIONS: [u8; 3] = [0, 43, 60];

/// A frame of a capture.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    /// What the link layer says; none when there is none to read.
    pub(super) link: Option<Link<'a>>,
    /// What it carries.
    pub(super) content: Content<'a>,
}

/// What a frame carries.
#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    /// An IP packet of protocol 112, also behind AH.
    Advert(Advert<'a>),
    /// ARP; none when it is not IPv4 over Ethernet, or another operation.
    Arp(Option<Arp>),
    /// A neighbour solicitation (true: advertisement); none when it must be ignored (RFC 4861 §7.1).
    Neighbour(bool, Option<Neighbour>),
    /// Anything else.
    Other,
}

/// A packet with VRRP in it.
#[derive(Clone, Debug)]
pub(super) struct Advert<'a> {
    /// Source, destination, and TTL or hop limit; none when it ends before.
    pub(super) envelope: Option<(IpAddr, IpAddr, u8)>,
    /// The fields of the PDU, unverified; none when it is shorter than its fixed part.
    pub(super) pdu: Option<Pdu>,
    /// What the dissector of the daemon says.
    pub(super) dissected: Result<Datagram<'a>, Rejected>,
    /// The kernel drops it before any socket sees it: its IPv4 header checksum is wrong.
    pub(super) header_is_damaged: bool,
}

/// The fields of a PDU as they stand there (RFC 9568 §5.1, RFC 3768 §5.1). No password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pdu {
    pub(super) version: u8,
    /// 1: an advertisement.
    pub(super) kind: u8,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    /// How many addresses it claims to hold.
    pub(super) count: u8,
    /// Version 2; zero otherwise.
    pub(super) auth_type: u8,
    /// Seconds in version 2, centiseconds otherwise.
    pub(super) interval: u16,
    /// None beside what could be a password, which it would tell of.
    pub(super) checksum: Option<u16>,
    /// The addresses that are there; none in a PDU of version 2 whose length contradicts their
    /// count, because they could be its password.
    pub(super) addresses: Vec<IpAddr>,
}

impl<'a> Frame<'a> {
    /// Reads a record.
    pub(super) fn read(record: &Record<'a>) -> Self {
        let link = Link::read(record.link_type, record.octets);
        let content = link.as_ref().map_or(Content::Other, content);
        Frame { link, content }
    }
}

fn content<'a>(link: &Link<'a>) -> Content<'a> {
    match link.ethertype {
        ethernet::ARP => Content::Arp(Arp::parse_payload(link.payload)),
        ethernet::IPV4 => over_ipv4(link.payload).map_or(Content::Other, Content::Advert),
        ethernet::IPV6 => over_ipv6(link.payload).unwrap_or(Content::Other),
        _ => Content::Other,
    }
}

/// A packet of protocol 112 or AH around it, however damaged; none when it is another's.
fn over_ipv4(packet: &[u8]) -> Option<Advert<'_>> {
    let header = packet.first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let &[first, _, t0, t1, _, _, _, _, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        header;
    let header_len = usize::from(first & 0x0f) * 4;
    let payload = packet.get(header_len..).unwrap_or_default();
    let pdu = match (protocol, payload) {
        (vrrp::PROTOCOL, _) => payload,
        // RFC 4302 §2.2: the length is in words of four octets, less two.
        (ah::PROTOCOL, [vrrp::PROTOCOL, words, ..]) => {
            payload.get((usize::from(*words) + 2) * 4..).unwrap_or_default()
        }
        _ => return None,
    };
    let source = IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3));
    let destination = IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3));
    let header = packet.get(..header_len).unwrap_or_default();
    // Padding behind the packet is no part of it.
    let total_len =
        usize::from(u16::from_be_bytes([t0, t1])).saturating_sub(packet.len() - pdu.len());
    Some(Advert {
        envelope: Some((source, destination, ttl)),
        pdu: Pdu::read(pdu.get(..total_len).unwrap_or(pdu), true),
        dissected: vrrp::dissect_ipv4(packet),
        header_is_damaged: !header.is_empty() && !Sum::new().octets(header).is_valid(),
    })
}

fn over_ipv6(octets: &[u8]) -> Option<Content<'_>> {
    let packet = match ipv6::Packet::parse(octets) {
        Ok(packet) => packet,
        Err(reason) => return truncated_ipv6(octets, reason).map(Content::Advert),
    };
    let (mut next_header, mut payload) = (packet.next_header, packet.payload);
    while EXTENSIONS.contains(&next_header) {
        // RFC 8200 §4.3: the length is in units of eight octets, less the first.
        let (&[next, units], _) = payload.split_first_chunk::<2>()?;
        (next_header, payload) = (next, payload.get((usize::from(units) + 1) * 8..)?);
    }
    let (source, destination) = (packet.source, packet.destination);
    match (next_header, payload) {
        (vrrp::PROTOCOL, _) => Some(Content::Advert(Advert {
            envelope: Some((source.into(), destination.into(), packet.hop_limit)),
            pdu: Pdu::read(payload, false),
            dissected: vrrp::dissect_ipv6(source, destination, packet.hop_limit, payload),
            header_is_damaged: false,
        })),
        (ICMPV6, [kind @ (135 | 136), ..]) => {
            Some(Content::Neighbour(*kind == 136, Neighbour::parse_packet(&packet)))
        }
        _ => None,
    }
}

/// A packet that is shorter than its payload length, which the kernel drops.
fn truncated_ipv6(octets: &[u8], reason: Reject) -> Option<Advert<'_>> {
    let header = octets.first_chunk::<{ ipv6::HEADER_LEN }>()?;
    let (start, rest) = header.split_first_chunk::<8>()?;
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let destination = rest.first_chunk::<16>()?;
    let &[_, _, _, _, _, _, next_header, hop_limit] = start;
    let pdu = octets.get(ipv6::HEADER_LEN..).unwrap_or_default();
    let address = |octets: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*octets));
    (next_header == vrrp::PROTOCOL).then(|| Advert {
        envelope: Some((address(source), address(destination), hop_limit)),
        pdu: Pdu::read(pdu, false),
        dissected: Err(Rejected { reason, vrid: None }),
        header_is_damaged: false,
    })
}

impl Pdu {
    fn read(pdu: &[u8], is_ipv4: bool) -> Option<Self> {
        let (&[first, vrid, priority, count, high, low, sum_high, sum_low], rest) =
            pdu.split_first_chunk::<8>()?;
        let version = first >> 4;
        let (auth_type, interval) = match version {
            2 => (high, u16::from(low)),
            _ => (0, u16::from_be_bytes([high & 0x0f, low])),
        };
        let is_certain = version != 2 || pdu.len() == 16 + usize::from(count) * 4;
        let addresses: Vec<IpAddr> = if !is_certain {
            Vec::new()
        } else if is_ipv4 {
            rest.as_chunks::<4>().0.iter().map(|ip| IpAddr::from(*ip)).collect()
        } else {
            rest.as_chunks::<16>().0.iter().map(|ip| IpAddr::from(*ip)).collect()
        };
        Some(Pdu {
            version,
            kind: first & 0x0f,
            vrid,
            priority,
            count,
            auth_type,
            interval,
            checksum: (version == 3 || (version == 2 && auth_type == 0))
                .then(|| u16::from_be_bytes([sum_high, sum_low])),
            addresses: addresses.into_iter().take(usize::from(count)).collect(),
        })
    }
}
