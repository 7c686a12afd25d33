//! Ethernet II frames, without a VLAN tag.

use super::octets::Writer;
use crate::addr::MacAddr;

/// Octets of the header.
pub const HEADER_LEN: usize = 14;

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;

/// A frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The receiver.
    pub destination: MacAddr,
    /// The sender.
    pub source: MacAddr,
    /// What the payload is; below 0x600 it is a length, and the frame is not Ethernet II.
    pub ethertype: u16,
    /// The payload, padding to Ethernet's minimum included.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` when it ends before its payload.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (header, payload) = frame.split_first_chunk::<HEADER_LEN>()?;
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = header;
        Some(Frame {
            destination: MacAddr([d0, d1, d2, d3, d4, d5]),
            source: MacAddr([s0, s1, s2, s3, s4, s5]),
            ethertype: u16::from_be_bytes([high, low]),
            payload,
        })
    }
}

/// Writes a header; `None` when it does not fit.
pub(super) fn emit(
    destination: MacAddr,
    source: MacAddr,
    ethertype: u16,
    frame: &mut Writer<'_>,
) -> Option<()> {
    frame.put(&destination.0)?;
    frame.put(&source.0)?;
    frame.put(&ethertype.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // keepalived-deb-v3-vmac.pcap, the first advert's header.
    const HEADER: [u8; 14] =
        [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x01, 0x08, 0x00];

    const GROUP: MacAddr = MacAddr([0x01, 0x00, 0x5e, 0x00, 0x00, 0x12]);
    const VIRTUAL: MacAddr = MacAddr([0x00, 0x00, 0x5e, 0x00, 0x01, 0x01]);

    #[test]
    fn parse_reads_a_captured_header() {
        let mut frame = HEADER.to_vec();
        frame.extend([0x45, 0xc0]);
        let expected =
            Frame { destination: GROUP, source: VIRTUAL, ethertype: IPV4, payload: &[0x45, 0xc0] };
        assert_eq!(Frame::parse(&frame), Some(expected));
    }

    #[test]
    fn emit_writes_the_captured_header_and_no_more() {
        let mut buffer = [0xa5; 16];
        emit(GROUP, VIRTUAL, IPV4, &mut Writer::new(&mut buffer)).unwrap();
        assert_eq!(buffer[..14], HEADER);
        assert_eq!(buffer[14..], [0xa5, 0xa5]);
    }

    #[test]
    fn every_shorter_frame_is_none() {
        for len in 0..HEADER.len() {
            assert_eq!(Frame::parse(&HEADER[..len]), None, "{len} octets");
            let mut buffer = vec![0xa5; len];
            assert_eq!(emit(GROUP, VIRTUAL, IPV4, &mut Writer::new(&mut buffer)), None);
        }
    }
}
