//! Frames built octet by octet from the RFCs, on purpose without a line of the program under test.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) type Mac = [u8; 6];

/// 224.0.0.18 (RFC 9568 §5.1.1.2) and its Ethernet address (RFC 1112 §6.4).
pub(crate) const GROUP4: (Ipv4Addr, Mac) =
    (Ipv4Addr::new(224, 0, 0, 18), [0x01, 0x00, 0x5e, 0, 0, 0x12]);
/// ff02::12 (RFC 9568 §5.1.2.2) and its Ethernet address (RFC 2464 §7).
pub(crate) const GROUP6: (Ipv6Addr, Mac) =
    (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12), [0x33, 0x33, 0, 0, 0, 0x12]);

/// VRRP, and IPsec AH around it.
pub(crate) const PROTOCOL_VRRP: u8 = 112;
pub(crate) const PROTOCOL_AH: u8 = 51;

/// The fields of an IPv4 header that a hostile sender plays with.
#[derive(Clone, Copy)]
pub(crate) struct Ipv4 {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    /// Flags and offset: 0x2000 is "more fragments".
    pub(crate) fragment: u16,
}

impl Ipv4 {
    pub(crate) fn frame(self, from: Mac, to: Mac, payload: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
        let [flags, offset] = self.fragment.to_be_bytes();
        let mut header = vec![0x45, 0xc0, high, low, 0, 1, flags, offset];
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(self.source.octets());
        header.extend(self.destination.octets());
        let sum = checksum(&[&header]).to_be_bytes();
        header[10..12].copy_from_slice(&sum);
        ethernet(from, to, [0x08, 0x00], &[&header, payload])
    }
}

/// A frame with VRRP over IPv6.
pub(crate) fn ipv6(
    (from, source): (Mac, Ipv6Addr),
    (to, destination): (Mac, Ipv6Addr),
    hop_limit: u8,
    payload: &[u8],
) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut header = vec![0x6c, 0, 0, 0, high, low, PROTOCOL_VRRP, hop_limit];
    header.extend(source.octets());
    header.extend(destination.octets());
    ethernet(from, to, [0x86, 0xdd], &[&header, payload])
}

fn ethernet(from: Mac, to: Mac, kind: [u8; 2], parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = [&to[..], &from, &kind].concat();
    frame.extend(parts.concat());
    // IEEE 802.3: at least 60 octets, without the check sequence.
    frame.resize(frame.len().max(60), 0);
    frame
}

/// Writes the right checksum into a PDU: version 2 without (RFC 3768 §5.3.8), version 3 with the
/// pseudo header (RFC 9568 §5.2.8) of RFC 793 or RFC 8200 §8.1.
pub(crate) fn seal(mut pdu: Vec<u8>, source: impl Into<IpAddr>, to: impl Into<IpAddr>) -> Vec<u8> {
    let length = u16::try_from(pdu.len()).unwrap().to_be_bytes();
    let pseudo = match (pdu[0] >> 4, source.into(), to.into()) {
        (2, ..) => Vec::new(),
        (_, IpAddr::V4(source), IpAddr::V4(to)) => {
            [&source.octets()[..], &to.octets(), &[0, PROTOCOL_VRRP], &length].concat()
        }
        (_, IpAddr::V6(source), IpAddr::V6(to)) => {
            let tail = [0, 0, length[0], length[1], 0, 0, 0, PROTOCOL_VRRP];
            [&source.octets()[..], &to.octets(), &tail].concat()
        }
        _ => panic!("one family at a time"),
    };
    pdu[6..8].fill(0);
    let sum = checksum(&[&pseudo, &pdu]).to_be_bytes();
    pdu[6..8].copy_from_slice(&sum);
    pdu
}

/// RFC 1071, over parts of even length but for the last.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}
