//! Adverts and announcements, read by code that shares nothing with `wire`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An advert as its octets say it, whether it is to be obeyed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advert {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    /// Nanoseconds.
    pub(super) interval: u64,
    pub(super) addresses: Vec<IpAddr>,
    /// Version 2: authentication type and data.
    pub(super) auth: Option<(u8, [u8; 8])>,
    pub(super) sum: Checksum,
}

/// In which ways the checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    /// Over the PDU alone.
    pub(super) plain: bool,
    /// With the pseudo header.
    pub(super) pseudo: bool,
    /// With the pseudo header as if it had been sent to the IPv4 group.
    pub(super) group: bool,
}

/// One's complement sum of 16-bit words.
pub(super) fn sum(parts: &[&[u8]]) -> u16 {
    let mut total: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            total += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::try_from(total).unwrap_or(0)
}

/// The pseudo header of `len` octets of protocol `protocol`.
pub(super) fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(len).unwrap_or(0).to_be_bytes();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            [&source.octets()[..], &destination.octets()[..], &[0, protocol, high, low]].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            [&source.octets()[..], &destination.octets()[..], &[0, 0, high, low, 0, 0, 0, protocol]]
                .concat()
        }
        _ => Vec::new(),
    }
}

fn v4(octets: &[u8]) -> Ipv4Addr {
    octets.try_into().map_or(Ipv4Addr::UNSPECIFIED, |octets: [u8; 4]| Ipv4Addr::from(octets))
}

fn v6(octets: &[u8]) -> Ipv6Addr {
    octets.try_into().map_or(Ipv6Addr::UNSPECIFIED, |octets: [u8; 16]| Ipv6Addr::from(octets))
}

/// What the kernel's IP input checks before a raw socket of protocol 112 sees a packet.
pub(super) fn reaches_socket(packet: &[u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(4) => {
            let header_len = usize::from(packet[0] & 15) * 4;
            packet.len() >= 20
                && (20..=packet.len()).contains(&header_len)
                && usize::from(u16::from_be_bytes([packet[2], packet[3]])) <= packet.len()
                && sum(&[&packet[..header_len]]) == 0xffff
                && packet[9] == 112
        }
        Some(6) => {
            packet.len() >= 40
                && 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])) <= packet.len()
                && packet[6] == 112
        }
        Some(_) | None => false,
    }
}

/// Source, destination, hop limit and payload of an IPv6 packet.
pub(super) fn ipv6(packet: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr, u8, &[u8])> {
    let len = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
    let payload = packet.get(40..40 + len)?;
    Some((v6(&packet[8..24]), v6(&packet[24..40]), packet[7], payload))
}

/// Reads a whole IP packet. The error says what no advert can look like.
pub(super) fn advert(packet: &[u8]) -> Result<Advert, &'static str> {
    if packet.first().is_some_and(|first| first >> 4 == 6) {
        let (source, destination, ttl, payload) = ipv6(packet).ok_or("IPv6 length")?;
        return pdu(IpAddr::V6(source), IpAddr::V6(destination), ttl, payload, 0);
    }
    if packet.len() < 20 {
        return Err("IPv4 header");
    }
    let header_len = usize::from(packet[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if packet[6] & 0x3f != 0 || packet[7] != 0 {
        return Err("fragment");
    }
    let payload = packet.get(header_len..total).ok_or("IPv4 length")?;
    let (source, destination) = (v4(&packet[12..16]), v4(&packet[16..20]));
    let room = 46_usize.saturating_sub(header_len);
    pdu(IpAddr::V4(source), IpAddr::V4(destination), packet[8], payload, room)
}

/// RFC 9568 §5.2, RFC 3768 §5.3. An IPv4 payload up to `room` octets may be padded.
fn pdu(
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    payload: &[u8],
    room: usize,
) -> Result<Advert, &'static str> {
    if payload.len() < 8 {
        return Err("short");
    }
    let version = payload[0] >> 4;
    if !(version == 3 || version == 2 && source.is_ipv4()) {
        return Err("version");
    }
    let width = if source.is_ipv4() { 4 } else { 16 };
    let addresses_end = 8 + usize::from(payload[3]) * width;
    let end = if version == 2 { addresses_end + 8 } else { addresses_end };
    if payload.len() < end || (payload.len() > end && payload.len() > room) {
        return Err("length");
    }
    let whole = &payload[..end];
    let addresses = whole[8..addresses_end]
        .chunks(width)
        .map(|octets| if width == 4 { IpAddr::V4(v4(octets)) } else { IpAddr::V6(v6(octets)) })
        .collect();
    let (interval, auth) = if version == 2 {
        let data: [u8; 8] = whole[addresses_end..].try_into().map_err(|_| "length")?;
        (u64::from(payload[5]) * 1_000_000_000, Some((payload[4], data)))
    } else {
        (u64::from(u16::from_be_bytes([payload[4] & 15, payload[5]])) * 10_000_000, None)
    };
    let with = |to| sum(&[&pseudo(source, to, 112, end), whole]) == 0xffff;
    let group = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
    let sum = Checksum {
        plain: sum(&[whole]) == 0xffff,
        pseudo: with(destination),
        group: source.is_ipv4() && with(group),
    };
    Ok(Advert {
        source,
        destination,
        ttl,
        version,
        kind: payload[0] & 15,
        vrid: payload[1],
        priority: payload[2],
        interval,
        addresses,
        auth,
        sum,
    })
}

/// An announcement: the address, and the Ethernet address it is said to be at.
pub(super) fn announcement(frame: &[u8]) -> Result<(IpAddr, [u8; 6]), &'static str> {
    let mac: [u8; 6] = frame.get(6..12).and_then(|mac| mac.try_into().ok()).ok_or("short")?;
    match (frame.get(12), frame.get(13)) {
        (Some(0x08), Some(0x06)) => {
            // RFC 826, RFC 5227 §3: a request for an address by that address.
            if frame.len() < 42 || frame[..6] != [0xff; 6] {
                return Err("ARP frame");
            }
            if frame[14..22] != [0, 1, 8, 0, 6, 4, 0, 1] {
                return Err("ARP header");
            }
            if frame[22..28] != mac || frame[28..32] != frame[38..42] {
                return Err("ARP addresses");
            }
            Ok((IpAddr::V4(v4(&frame[28..32])), mac))
        }
        (Some(0x86), Some(0xdd)) => {
            let packet = &frame[14..];
            let (source, destination, hops, payload) = ipv6(packet).ok_or("ND packet")?;
            if packet[6] != 58 || hops != 255 || payload.len() != 32 {
                return Err("ND header");
            }
            let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
            if destination != all_nodes || frame[..6] != [0x33, 0x33, 0, 0, 0, 1] {
                return Err("ND destination");
            }
            let (from, to) = (IpAddr::V6(source), IpAddr::V6(destination));
            if sum(&[&pseudo(from, to, 58, 32), payload]) != 0xffff {
                return Err("ND checksum");
            }
            // RFC 4861 §4.4, §4.6.1: O set, S clear, option 2 of eight octets.
            if payload[..2] != [136, 0] || payload[4] & 0x60 != 0x20 || payload[24..26] != [2, 1] {
                return Err("ND message");
            }
            if payload[26..32] != mac {
                return Err("ND link-layer address");
            }
            Ok((IpAddr::V6(v6(&payload[8..24])), mac))
        }
        _ => Err("neither ARP nor IPv6"),
    }
}
