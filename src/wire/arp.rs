//! ARP for IPv4 over Ethernet (RFC 826), whole frames of 42 octets.
//!
//! ```text
//!  0                              16                              31
//! +-------------------------------+-------------------------------+
//! |      Hardware: 1, Ethernet    |     Protocol: 0x0800, IPv4    |
//! +---------------+---------------+-------------------------------+
//! |       6       |       4       |   Operation: 1 ask, 2 reply   |
//! +---------------+---------------+-------------------------------+
//! |           Sender MAC, 6 octets;   Sender IP, 4 octets         |
//! |           Target MAC, 6 octets;   Target IP, 4 octets         |
//! +---------------------------------------------------------------+
//! ```

use core::net::Ipv4Addr;

use super::ethernet::{self, Frame};
use super::octets::Writer;
use crate::addr::MacAddr;

/// Hardware Ethernet, protocol IPv4, lengths 6 and 4.
const KIND: [u8; 6] = [0x00, 0x01, 0x08, 0x00, 6, 4];

const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// What a message asks or says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Who has the target IP?
    Request,
    /// The sender IP is at the sender MAC.
    Reply,
}

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// What it asks or says.
    pub operation: Operation,
    /// Where the sender can be reached.
    pub sender_mac: MacAddr,
    /// The sender.
    pub sender_ip: Ipv4Addr,
    /// Zero, or all ones, in a request.
    pub target_mac: MacAddr,
    /// Who is asked for.
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Reads a frame; `None` when it is not ARP for IPv4 over Ethernet, or another operation.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let frame = Frame::parse(frame).filter(|frame| frame.ethertype == ethernet::ARP)?;
        Arp::parse_payload(frame.payload)
    }

    /// Reads what is behind the EtherType, whatever link layer carried it; `None` as above.
    pub fn parse_payload(payload: &[u8]) -> Option<Self> {
        let (kind, rest) = payload.split_first_chunk::<6>()?;
        let (operation, rest) = rest.split_first_chunk::<2>()?;
        let (sender_mac, rest) = rest.split_first_chunk::<6>()?;
        let (sender_ip, rest) = rest.split_first_chunk::<4>()?;
        let (target_mac, rest) = rest.split_first_chunk::<6>()?;
        let target_ip = rest.first_chunk::<4>()?;
        let operation = match (kind, u16::from_be_bytes(*operation)) {
            (&KIND, REQUEST) => Operation::Request,
            (&KIND, REPLY) => Operation::Reply,
            _ => return None,
        };
        Some(Arp {
            operation,
            sender_mac: MacAddr(*sender_mac),
            sender_ip: Ipv4Addr::from(*sender_ip),
            target_mac: MacAddr(*target_mac),
            target_ip: Ipv4Addr::from(*target_ip),
        })
    }

    /// Whether it announces its sender: both IPs are the same (RFC 5227 §3).
    pub fn is_gratuitous(&self) -> bool {
        self.sender_ip == self.target_ip
    }
}

/// Writes the announcement that `ip` is at `mac`: a request for `ip` by `ip` to everybody, with
/// all ones for the target, as keepalived sends it. Returns 42, or `None`: `buffer` is too short.
pub fn emit_gratuitous(mac: MacAddr, ip: Ipv4Addr, buffer: &mut [u8]) -> Option<usize> {
    let mut frame = Writer::new(buffer);
    ethernet::emit(MacAddr::BROADCAST, mac, ethernet::ARP, &mut frame)?;
    frame.put(&KIND)?;
    frame.put(&REQUEST.to_be_bytes())?;
    frame.put(&mac.0)?;
    frame.put(&ip.octets())?;
    frame.put(&MacAddr::BROADCAST.0)?;
    frame.put(&ip.octets())?;
    Some(frame.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::octets::hex;

    const MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x01]);
    const VIP: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 1);

    // keepalived-deb-v3-ipv4.pcap, frame 6.
    const GRATUITOUS: &str = "ffffffffffff 020000000001 0806  0001 0800 06 04 0001
        020000000001 0ac80001  ffffffffffff 0ac80001";

    // keepalived-deb-v3-unicast.pcap, frames 1 and 2: the kernel's question and answer.
    const QUESTION: &str = "ffffffffffff 020000000001 0806  0001 0800 06 04 0001
        020000000001 0a630001  000000000000 0a630002";
    const ANSWER: &str = "020000000001 020000000002 0806  0001 0800 06 04 0002
        020000000002 0a630002  020000000001 0a630001";

    #[test]
    fn parse_reads_a_captured_announcement() {
        let expected = Arp {
            operation: Operation::Request,
            sender_mac: MAC,
            sender_ip: VIP,
            target_mac: MacAddr::BROADCAST,
            target_ip: VIP,
        };
        assert_eq!(Arp::parse(&hex(GRATUITOUS)), Some(expected));
        assert!(expected.is_gratuitous());
    }

    #[test]
    fn parse_reads_a_captured_question_and_answer() {
        let (asking, asked) = (Ipv4Addr::new(10, 99, 0, 1), Ipv4Addr::new(10, 99, 0, 2));
        let question = Arp {
            operation: Operation::Request,
            sender_mac: MAC,
            sender_ip: asking,
            target_mac: MacAddr([0; 6]),
            target_ip: asked,
        };
        assert_eq!(Arp::parse(&hex(QUESTION)), Some(question));
        assert!(!question.is_gratuitous());
        let answer = Arp {
            operation: Operation::Reply,
            sender_mac: MacAddr([0x02, 0, 0, 0, 0, 0x02]),
            sender_ip: asked,
            target_mac: MAC,
            target_ip: asking,
        };
        assert_eq!(Arp::parse(&hex(ANSWER)), Some(answer));
    }

    #[test]
    fn emit_writes_the_captured_announcement_and_no_more() {
        let mut buffer = [0xa5; 44];
        assert_eq!(emit_gratuitous(MAC, VIP, &mut buffer), Some(42));
        assert_eq!(buffer[..42], hex(GRATUITOUS));
        assert_eq!(buffer[42..], [0xa5, 0xa5]);
    }

    #[test]
    fn every_prefix_is_none_and_every_shorter_buffer_too() {
        let frame = hex(GRATUITOUS);
        for len in 0..frame.len() {
            assert_eq!(Arp::parse(&frame[..len]), None, "{len} octets");
            assert_eq!(emit_gratuitous(MAC, VIP, &mut vec![0xa5; len]), None, "{len} octets");
        }
    }

    #[test]
    fn padding_to_the_minimum_of_ethernet_is_ignored() {
        let mut frame = hex(ANSWER);
        let arp = Arp::parse(&frame);
        frame.resize(60, 0);
        assert_eq!(Arp::parse(&frame), arp);
    }

    #[test]
    fn another_hardware_protocol_length_or_operation_is_none() {
        for (at, value) in [(13, 0x00), (15, 6), (17, 0x01), (18, 8), (19, 16), (21, 0), (21, 3)] {
            let mut frame = hex(GRATUITOUS);
            frame[at] = value;
            assert_eq!(Arp::parse(&frame), None, "{value:#x} at {at}");
        }
    }
}
