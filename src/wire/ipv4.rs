//! IPv4 (RFC 791): the header in front of an advert.
//!
//! ```text
//!  0       4       8              16      19                     31
//! +-------+-------+---------------+-----------------------------+
//! |   4   |  IHL  |  DSCP, ECN    |        Total Length         |
//! +-------+-------+---------------+-----+-----------------------+
//! |        Identification         |Flags|    Fragment Offset    |
//! +---------------+---------------+-----+-----------------------+
//! |      TTL      |   Protocol    |       Header Checksum       |
//! +---------------+---------------+-----------------------------+
//! |                       Source Address                        |
//! |                     Destination Address                     |
//! |                   Options, IHL × 4 − 20                     |
//! +-------------------------------------------------------------+
//! ```

use core::net::Ipv4Addr;

use super::Reject;
use super::checksum::Sum;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;

/// The header's fields that matter here, and what is behind the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The sender.
    pub source: Ipv4Addr,
    /// The receiver or group.
    pub destination: Ipv4Addr,
    /// IANA protocol number of the payload.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// DSCP and ECN.
    pub tos: u8,
    /// The fragment's offset in units of 8 octets; zero in a whole packet.
    pub fragment_offset: u16,
    /// Whether more fragments follow.
    pub more_fragments: bool,
    /// Octets of the header, options included: 20–60.
    pub header_len: usize,
    /// The payload, as far as the total length goes: Ethernet padding behind it is cut.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet with its header. Options are skipped.
    ///
    /// The header checksum is left to the kernel, which has dropped what fails it before a raw
    /// socket sees it.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Reject> {
        let header = packet.first_chunk::<HEADER_LEN>().ok_or(Reject::Truncated)?;
        let &[
            version_ihl,
            tos,
            total_high,
            total_low,
            _,
            _,
            fragment_high,
            fragment_low,
            ttl,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = header;
        let header_len = usize::from(version_ihl & 0x0f) * 4;
        let total_len = usize::from(u16::from_be_bytes([total_high, total_low]));
        if version_ihl >> 4 != 4 || header_len < HEADER_LEN || total_len < header_len {
            return Err(Reject::IpHeader);
        }
        let fragment = u16::from_be_bytes([fragment_high, fragment_low]);
        Ok(Packet {
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            protocol,
            ttl,
            tos,
            fragment_offset: fragment & 0x1fff,
            more_fragments: fragment & 0x2000 != 0,
            header_len,
            payload: packet.get(header_len..total_len).ok_or(Reject::Truncated)?,
        })
    }

    /// Whether this is a piece of a larger packet.
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

/// A header to send: no options, not a fragment, DF clear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The sender.
    pub source: Ipv4Addr,
    /// The receiver or group.
    pub destination: Ipv4Addr,
    /// IANA protocol number of the payload.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// DSCP and ECN.
    pub tos: u8,
    /// The sender's count of packets.
    pub identification: u16,
    /// Octets behind the header.
    pub payload_len: u16,
}

impl Header {
    /// The header with its checksum. `None` when header and payload together pass 65,535 octets.
    pub fn emit(&self) -> Option<[u8; HEADER_LEN]> {
        let [total_high, total_low] = self.payload_len.checked_add(20)?.to_be_bytes();
        let [id_high, id_low] = self.identification.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let with_checksum = |[high, low]: [u8; 2]| {
            [
                0x45,
                self.tos,
                total_high,
                total_low,
                id_high,
                id_low,
                0,
                0,
                self.ttl,
                self.protocol,
                high,
                low,
                s0,
                s1,
                s2,
                s3,
                d0,
                d1,
                d2,
                d3,
            ]
        };
        let sum = Sum::new().octets(&with_checksum([0, 0]));
        Some(with_checksum(sum.complement().to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // keepalived-deb-v3-ipv4.pcap, frame 5, without its 14 octets of Ethernet.
    const PACKET: [u8; 32] = [
        0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd0, 0x36, 0x0a, 0x63, 0x00,
        0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x01, 0xc8, 0x01, 0x00, 0x64, 0x10, 0xdd, 0x0a, 0xc8,
        0x00, 0x01,
    ];

    #[test]
    fn parse_reads_a_captured_header() {
        let packet = Packet::parse(&PACKET).unwrap();
        assert_eq!(packet.source, Ipv4Addr::new(10, 99, 0, 1));
        assert_eq!(packet.destination, Ipv4Addr::new(224, 0, 0, 18));
        assert_eq!((packet.protocol, packet.ttl, packet.tos), (112, 255, 0xc0));
        assert_eq!((packet.fragment_offset, packet.more_fragments), (0, false));
        assert_eq!(packet.header_len, 20);
        assert_eq!(packet.payload, &PACKET[20..]);
    }

    #[test]
    fn emit_writes_the_captured_header() {
        let header = Header {
            source: Ipv4Addr::new(10, 99, 0, 1),
            destination: Ipv4Addr::new(224, 0, 0, 18),
            protocol: 112,
            ttl: 255,
            tos: 0xc0,
            identification: 1,
            payload_len: 12,
        };
        assert_eq!(header.emit().unwrap(), PACKET[..20]);
        assert_eq!(Header { payload_len: 65_516, ..header }.emit(), None);
    }

    #[test]
    fn options_are_skipped_and_padding_is_cut() {
        let mut packet = PACKET[..20].to_vec();
        packet[0] = 0x46;
        packet[3] = 26;
        packet.extend([0x94, 0x04, 0x00, 0x00, 0xaa, 0xbb, 0x00, 0x00]);
        let packet = Packet::parse(&packet).unwrap();
        assert_eq!((packet.header_len, packet.payload), (24, &[0xaa, 0xbb][..]));
    }

    #[test]
    fn every_prefix_is_truncated() {
        for len in 0..PACKET.len() {
            assert_eq!(Packet::parse(&PACKET[..len]), Err(Reject::Truncated), "{len} octets");
        }
    }

    #[test]
    fn impossible_lengths_and_versions_are_not_a_header() {
        for (at, value) in [(0, 0x44), (0, 0x65), (0, 0x40), (3, 19)] {
            let mut packet = PACKET;
            packet[at] = value;
            assert_eq!(Packet::parse(&packet), Err(Reject::IpHeader), "{value:#x} at {at}");
        }
        let mut packet = PACKET;
        packet[0] = 0x4f;
        packet[3] = 60;
        assert_eq!(Packet::parse(&packet), Err(Reject::Truncated));
    }

    #[test]
    fn either_sign_of_a_fragment_is_seen() {
        for (high, low, offset, more) in
            [(0x20, 0, 0, true), (0, 2, 2, false), (0x3f, 0xff, 0x1fff, true)]
        {
            let mut packet = PACKET;
            (packet[6], packet[7]) = (high, low);
            let packet = Packet::parse(&packet).unwrap();
            assert_eq!((packet.fragment_offset, packet.more_fragments), (offset, more));
            assert!(packet.is_fragment());
        }
        let mut packet = PACKET;
        packet[6] = 0x40; // DF alone
        assert!(!Packet::parse(&packet).unwrap().is_fragment());
    }
}
