//! The IPsec Authentication Header (RFC 4302) in front of an advert of version 2, by a key that
//! all routers have: RFC 2338 §5.3.6, which RFC 3768 took back, as keepalived goes on to do it.
//!
//! ```text
//!  0               8              16                             31
//! +---------------+---------------+-----------------------------+
//! | Next Header   |  Length: 4    |           0                 |
//! +---------------+---------------+-----------------------------+
//! |  Security Parameters Index: the sender's address            |
//! |  Sequence Number                                            |
//! |  Integrity Check Value: HMAC-MD5-96, 12 octets              |
//! +-------------------------------------------------------------+
//! ```
//!
//! The check value is that of RFC 2403 over the whole packet, with zeros for itself and for what
//! changes on the way. Of the latter keepalived spares the TTL, unless the packet is unicast.

use core::net::Ipv4Addr;

use super::octets::is_same_secret;
use super::{Reject, ipv4};
use crate::limits::HEADER_COUNT_MAX;

/// IANA's protocol number.
pub const PROTOCOL: u8 = 51;

/// Octets of the header.
pub const HEADER_LEN: usize = 24;

/// Where the check value begins in the header.
const ICV_AT: usize = 12;
const ICV_LEN: usize = 12;

/// RFC 4302 §2.2: the length of the header in words of four octets, less two.
const LENGTH: u8 = 4;

/// The key: the octets of auth_pass, padded with zeros.
pub type Key = [u8; 8];

/// The header of a received packet, and the packet that it vouches for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which key: keepalived writes the sender's address.
    pub spi: u32,
    /// How many the group has sent, this one included.
    pub sequence: u32,
    packet: &'a [u8],
    /// Octets of the IP header.
    at: usize,
}

impl<'a> Header<'a> {
    /// Reads the header behind the IP header of `packet`, and what it is in front of.
    pub(super) fn parse(
        packet: &'a [u8],
        parsed: &ipv4::Packet<'a>,
    ) -> Result<(Self, &'a [u8]), Reject> {
        let (header, rest) =
            parsed.payload.split_first_chunk::<HEADER_LEN>().ok_or(Reject::Truncated)?;
        let &[next, length, _, _, p0, p1, p2, p3, s0, s1, s2, s3, ..] = header;
        if next != super::vrrp::PROTOCOL || length != LENGTH {
            return Err(Reject::IpHeader);
        }
        let at = parsed.header_len;
        let header = Header {
            spi: u32::from_be_bytes([p0, p1, p2, p3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            // Without what is behind the total length.
            packet: packet.get(..at + parsed.payload.len()).unwrap_or_default(),
            at,
        };
        Ok((header, rest))
    }

    /// Whether a router that knows `key` has sent this packet as it is, from the address it says.
    #[must_use]
    pub fn is_authentic(&self, key: &Key) -> bool {
        let source = self.packet.get(12..16).unwrap_or_default();
        let received = self.packet.get(self.at + ICV_AT..).and_then(<[u8]>::first_chunk);
        let (Some(expected), Some(received)) = (icv(self.packet, self.at, key), received) else {
            return false;
        };
        is_same_secret(received, &expected) && self.spi.to_be_bytes() == source
    }
}

/// Without the packet, which could be replayed.
impl core::fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Header")
            .field("spi", &self.spi)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// The header to put behind the IP header, without its check value.
pub(super) fn emit(source: Ipv4Addr, sequence: u32) -> [u8; HEADER_LEN] {
    let [p0, p1, p2, p3] = source.octets();
    let [s0, s1, s2, s3] = sequence.to_be_bytes();
    let mut header = [0; HEADER_LEN];
    if let Some((front, _)) = header.split_first_chunk_mut::<ICV_AT>() {
        *front = [super::vrrp::PROTOCOL, LENGTH, 0, 0, p0, p1, p2, p3, s0, s1, s2, s3];
    }
    header
}

/// Puts the check value into a whole packet, whose IP header has no options.
pub(super) fn seal(packet: &mut [u8], key: &Key) -> Option<()> {
    let icv = icv(packet, ipv4::HEADER_LEN, key)?;
    let at = ipv4::HEADER_LEN + ICV_AT;
    packet.get_mut(at..at + ICV_LEN)?.copy_from_slice(&icv);
    Some(())
}

/// The check value of a packet whose IP header has `at` octets.
fn icv(packet: &[u8], at: usize, key: &Key) -> Option<[u8; ICV_LEN]> {
    if HEADER_COUNT_MAX == 0 {
        return None;
    }
    let (header, rest) = packet.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let mut header = *header;
    let is_multicast = header.get(16).is_some_and(|first| first >> 4 == 0xe);
    // DSCP and ECN, flags and offset, and the checksum.
    for (place, octet) in header.iter_mut().enumerate() {
        if matches!(place, 1 | 6 | 7 | 10 | 11) || (place == 8 && !is_multicast) {
            *octet = 0;
        }
    }
    let icv_at = (at + ICV_AT).checked_sub(ipv4::HEADER_LEN)?;
    let (before, behind) = (rest.get(..icv_at)?, rest.get(icv_at + ICV_LEN..)?);
    let digest = hmac_md5(key, &[&header, before, &[0; ICV_LEN], behind]);
    digest.first_chunk().copied()
}

/// RFC 2104 with MD5 (RFC 1321), of some octets one behind the other.
fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    /// Octets of a block of MD5; no key here is longer.
    const BLOCK_LEN: usize = 64;
    let pad = |with: u8| {
        let mut block = [with; BLOCK_LEN];
        for (octet, key) in block.iter_mut().zip(key) {
            *octet ^= key;
        }
        block
    };
    let mut inner = md5::Context::new();
    inner.consume(pad(0x36));
    for part in parts {
        inner.consume(part);
    }
    let mut outer = md5::Context::new();
    outer.consume(pad(0x5c));
    outer.consume(*inner.finalize());
    *outer.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::octets::hex;
    use super::*;

    #[test]
    fn hmac_md5_gives_the_values_of_rfc_2202() {
        for (key, data, digest) in [
            (vec![0x0b; 16], b"Hi There".to_vec(), "9294727a3638bb1c13f48ef8158bfc9d"),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "750c783e6ab0b503eaa86e310a5db738",
            ),
            (vec![0xaa; 16], vec![0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6"),
        ] {
            assert_eq!(hmac_md5(&key, &[&data])[..], hex(digest));
            let (front, back) = data.split_at(3);
            assert_eq!(hmac_md5(&key, &[front, back])[..], hex(digest));
        }
    }

    // keepalived-deb-v2-ah.pcap, frame 5, without its 14 octets of Ethernet.
    const CAPTURED: &str = "45c00040 00010000 ff33d053 0a630001 e0000012
        70040000 0a630001 00000001 45df1513 9e7a9ce4 c9cd622a
        2101c801 02010a33 0ac80001 00000000 00000000";

    fn is_authentic(packet: &[u8], key: &Key) -> bool {
        let parsed = ipv4::Packet::parse(packet).unwrap();
        Header::parse(packet, &parsed).unwrap().0.is_authentic(key)
    }

    #[test]
    fn a_captured_header_is_authentic_by_its_key_and_no_other() {
        let packet = hex(CAPTURED);
        let parsed = ipv4::Packet::parse(&packet).unwrap();
        let (header, pdu) = Header::parse(&packet, &parsed).unwrap();
        assert_eq!((header.spi, header.sequence), (0x0a63_0001, 1));
        assert_eq!(pdu, &packet[44..]);
        assert!(header.is_authentic(b"secret12"));
        assert!(!header.is_authentic(b"secret13"));
        assert!(!header.is_authentic(&[0; 8]));
    }

    #[test]
    fn what_may_change_on_the_way_may_change_and_nothing_else() {
        for at in 0..hex(CAPTURED).len() {
            let mut packet = hex(CAPTURED);
            packet[at] ^= 1;
            let parsed = ipv4::Packet::parse(&packet);
            let header = parsed.and_then(|parsed| Header::parse(&packet, &parsed));
            let is_authentic = header.is_ok_and(|(header, _)| header.is_authentic(b"secret12"));
            // Service, flags and offset, checksum.
            let may_change = matches!(at, 1 | 6 | 7 | 10 | 11);
            assert_eq!(is_authentic, may_change, "octet {at}");
        }
    }

    #[test]
    fn the_time_to_live_counts_unless_the_packet_is_unicast() {
        let mut packet = hex(CAPTURED);
        packet[16..20].copy_from_slice(&[10, 99, 0, 2]);
        seal(&mut packet, b"secret12").unwrap();
        assert!(is_authentic(&packet, b"secret12"));
        packet[8] = 64;
        assert!(is_authentic(&packet, b"secret12"));
    }

    #[test]
    fn a_header_that_is_cut_or_for_another_protocol_is_none() {
        let packet = hex(CAPTURED);
        for (at, value) in [(20, 17), (21, 5)] {
            let mut packet = packet.clone();
            packet[at] = value;
            let parsed = ipv4::Packet::parse(&packet).unwrap();
            assert_eq!(Header::parse(&packet, &parsed), Err(Reject::IpHeader));
        }
        for len in 20..44_u8 {
            let mut packet = packet[..usize::from(len)].to_vec();
            packet[3] = len;
            let parsed = ipv4::Packet::parse(&packet).unwrap();
            assert_eq!(Header::parse(&packet, &parsed), Err(Reject::Truncated));
        }
    }

    #[test]
    fn a_sealed_packet_is_the_captured_one() {
        let mut packet = hex(CAPTURED);
        packet[32..44].fill(0);
        assert_eq!(packet[20..44], emit(Ipv4Addr::new(10, 99, 0, 1), 1));
        seal(&mut packet, b"secret12").unwrap();
        assert_eq!(packet, hex(CAPTURED));
    }
}
