//! IPv6 (RFC 8200): the fixed header. Extension headers are left in the payload.
//!
//! ```text
//!  0       4              12              16             24              31
//! +-------+---------------+------------------------------------------------+
//! |   6   | Traffic Class |                  Flow Label                    |
//! +-------+---------------+-------+---------------------+------------------+
//! |        Payload Length         |     Next Header     |    Hop Limit     |
//! +-------------------------------+---------------------+------------------+
//! |                      Source Address, 16 octets                         |
//! |                   Destination Address, 16 octets                       |
//! +------------------------------------------------------------------------+
//! ```

use core::net::Ipv6Addr;

use super::Reject;

/// Octets of the header.
pub const HEADER_LEN: usize = 40;

/// The header's fields that matter here, and what is behind the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver or group.
    pub destination: Ipv6Addr,
    /// IANA protocol number of the payload, or of the extension header it begins with.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// The payload, as far as the payload length goes.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet with its header.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Reject> {
        let (start, rest) = packet.split_first_chunk::<8>().ok_or(Reject::Truncated)?;
        let (source, rest) = rest.split_first_chunk::<16>().ok_or(Reject::Truncated)?;
        let (destination, rest) = rest.split_first_chunk::<16>().ok_or(Reject::Truncated)?;
        let &[version_class, class_flow, _, _, len_high, len_low, next_header, hop_limit] = start;
        if version_class >> 4 != 6 {
            return Err(Reject::IpHeader);
        }
        let payload_len = usize::from(u16::from_be_bytes([len_high, len_low]));
        Ok(Packet {
            source: Ipv6Addr::from(*source),
            destination: Ipv6Addr::from(*destination),
            next_header,
            hop_limit,
            traffic_class: (version_class << 4) | (class_flow >> 4),
            payload: rest.get(..payload_len).ok_or(Reject::Truncated)?,
        })
    }
}

/// A header to send, with flow label zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver or group.
    pub destination: Ipv6Addr,
    /// IANA protocol number of the payload.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Octets behind the header.
    pub payload_len: u16,
}

impl Header {
    /// The header.
    pub fn emit(&self) -> [u8; HEADER_LEN] {
        let [len_high, len_low] = self.payload_len.to_be_bytes();
        let start = [
            0x60 | (self.traffic_class >> 4),
            self.traffic_class << 4,
            0,
            0,
            len_high,
            len_low,
            self.next_header,
            self.hop_limit,
        ];
        let mut header = [0; HEADER_LEN];
        let fields = start.into_iter().chain(self.source.octets()).chain(self.destination.octets());
        for (octet, field) in header.iter_mut().zip(fields) {
            *octet = field;
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // keepalived-deb-v3-ipv6-unicast.pcap, the first advert, without its 14 octets of Ethernet and
    // with the flow label (0x6875e) set to zero.
    const PACKET: [u8; 64] = [
        0x6c, 0x00, 0x00, 0x00, 0x00, 0x18, 0x70, 0x40, 0xfd, 0x99, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xfd, 0x99, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x31, 0x01, 0xc8, 0x01, 0x00,
        0x64, 0x0b, 0x3f, 0xfd, 0x99, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x02, 0x00, 0x00, 0x01,
    ];

    const HEADER: Header = Header {
        source: Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1),
        destination: Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2),
        next_header: 112,
        hop_limit: 64,
        traffic_class: 0xc0,
        payload_len: 24,
    };

    #[test]
    fn parse_reads_a_captured_header() {
        let packet = Packet::parse(&PACKET).unwrap();
        assert_eq!((packet.source, packet.destination), (HEADER.source, HEADER.destination));
        assert_eq!((packet.next_header, packet.hop_limit, packet.traffic_class), (112, 64, 0xc0));
        assert_eq!(packet.payload, &PACKET[40..]);
    }

    #[test]
    fn emit_writes_the_captured_header() {
        assert_eq!(HEADER.emit(), PACKET[..40]);
    }

    #[test]
    fn a_traffic_class_lies_across_two_octets_before_the_flow_label() {
        // RFC 8200 §3: version 6, traffic class b9, flow label 12345.
        let mut packet = PACKET;
        packet[..4].copy_from_slice(&[0x6b, 0x91, 0x23, 0x45]);
        assert_eq!(Packet::parse(&packet).unwrap().traffic_class, 0xb9);
        let header = Header { traffic_class: 0xb9, ..HEADER };
        assert_eq!(header.emit()[..4], [0x6b, 0x90, 0, 0]);
    }

    #[test]
    fn padding_is_cut() {
        let mut padded = PACKET.to_vec();
        padded.extend([0; 9]);
        assert_eq!(Packet::parse(&padded).unwrap().payload, &PACKET[40..]);
    }

    #[test]
    fn every_prefix_is_truncated_and_another_version_is_not_a_header() {
        for len in 0..PACKET.len() {
            assert_eq!(Packet::parse(&PACKET[..len]), Err(Reject::Truncated), "{len} octets");
        }
        let mut packet = PACKET;
        packet[0] = 0x4c;
        assert_eq!(Packet::parse(&packet), Err(Reject::IpHeader));
    }
}
