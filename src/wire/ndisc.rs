//! Neighbour discovery (RFC 4861): solicitations and advertisements, whole Ethernet frames.
//!
//! ```text
//!  0               8              16                              31
//! +---------------+---------------+-------------------------------+
//! | 135 sol.      |    Code 0     |           Checksum            |
//! | 136 advert.   |               |                               |
//! +-+-+-+---------+---------------+-------------------------------+
//! |R|S|O| 0                            (zero in a solicitation)   |
//! +-+-+-+---------------------------------------------------------+
//! |                  Target Address, 16 octets                    |
//! +---------------+---------------+-------------------------------+
//! | Option 1 or 2 |   Length 1    |   Ethernet address, 6 octets  |
//! +---------------+---------------+-------------------------------+
//! ```

use core::net::{IpAddr, Ipv6Addr};

use super::checksum::Sum;
use super::ethernet::{self, Frame};
use super::ipv6;
use super::octets::Writer;
use crate::addr::MacAddr;

/// IANA's protocol number of ICMPv6.
const ICMPV6: u8 = 58;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// Nothing that was routed is accepted (RFC 4861 §7.1).
const HOP_LIMIT: u8 = 255;

const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// The option for the sender's Ethernet address, in a solicitation.
const SOURCE_ADDRESS: u8 = 1;
/// The option for the target's Ethernet address, in an advertisement.
const TARGET_ADDRESS: u8 = 2;

/// Octets of a message with one option.
const MESSAGE_LEN: u16 = 32;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// RFC 2464 §7: 33:33 and the group's last 32 bits.
const ALL_NODES_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

/// A message that passed the checks of RFC 4861 §7.1: hop limit 255, code 0, right checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// The sender; unspecified in a solicitation for duplicate address detection.
    pub source: Ipv6Addr,
    /// The receiver or group.
    pub destination: Ipv6Addr,
    /// The address that it is about.
    pub target: Ipv6Addr,
    /// What it asks or says.
    pub kind: Kind,
    /// Ethernet address: the sender's in a solicitation, the target's in an advertisement.
    pub mac: Option<MacAddr>,
}

/// What a message asks or says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Who has the target?
    Solicitation,
    /// The target is here.
    Advertisement {
        /// R: it is a router.
        router: bool,
        /// S: an answer to a solicitation.
        solicited: bool,
        /// O: replaces what is known.
        overrides: bool,
    },
}

impl Neighbour {
    /// Reads a frame; `None` when it is neither message, or one that must be ignored.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let frame = Frame::parse(frame).filter(|frame| frame.ethertype == ethernet::IPV6)?;
        Neighbour::parse_packet(&ipv6::Packet::parse(frame.payload).ok()?)
    }

    /// Reads a packet, whatever link layer carried it; `None` as above.
    pub fn parse_packet(packet: &ipv6::Packet<'_>) -> Option<Self> {
        let (source, destination) = (packet.source, packet.destination);
        if packet.next_header != ICMPV6 || packet.hop_limit != HOP_LIMIT {
            return None;
        }
        let (&[kind, code, _, _, flags, _, _, _], rest) = packet.payload.split_first_chunk()?;
        let (target, options) = rest.split_first_chunk::<16>()?;
        if code != 0 || !sum(source, destination, packet.payload)?.is_valid() {
            return None;
        }
        let (kind, option) = match kind {
            SOLICITATION => (Kind::Solicitation, SOURCE_ADDRESS),
            ADVERTISEMENT => {
                let has = |flag| flags & flag != 0;
                let (router, solicited) = (has(ROUTER), has(SOLICITED));
                let overrides = has(OVERRIDE);
                (Kind::Advertisement { router, solicited, overrides }, TARGET_ADDRESS)
            }
            _ => return None,
        };
        let target = Ipv6Addr::from(*target);
        Some(Neighbour { source, destination, target, kind, mac: find_mac(options, option)? })
    }
}

/// The Ethernet address in the first option of type `wanted`. `None` when an option's length is
/// zero or passes the end, which spoils the whole message (RFC 4861 §4.6, §7.1).
fn find_mac(mut options: &[u8], wanted: u8) -> Option<Option<MacAddr>> {
    let mut mac = None;
    while !options.is_empty() {
        let (&[kind, words], _) = options.split_first_chunk()?;
        let len = usize::from(words).checked_mul(8).filter(|len| *len > 0)?;
        let (option, rest) = options.split_at_checked(len)?;
        if kind == wanted && mac.is_none() {
            mac = option.get(2..).and_then(|value| value.try_into().ok()).map(MacAddr);
        }
        options = rest;
    }
    Some(mac)
}

fn sum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> Option<Sum> {
    let len = u16::try_from(message.len()).ok()?;
    let (source, destination) = (IpAddr::V6(source), IpAddr::V6(destination));
    Some(Sum::new().octets(message).pseudo_header(source, destination, ICMPV6, len))
}

/// Writes the announcement that `ip` is at `mac`: an unsolicited advertisement to all nodes that
/// overrides what they know (RFC 9568 §6.4.1, §6.4.2). `router` tells whether this machine
/// forwards. Returns 86, or `None`: `buffer` is too short.
pub fn emit_unsolicited(
    mac: MacAddr,
    ip: Ipv6Addr,
    router: bool,
    buffer: &mut [u8],
) -> Option<usize> {
    let flags = OVERRIDE | if router { ROUTER } else { 0 };
    let mut frame = Writer::new(buffer);
    ethernet::emit(ALL_NODES_MAC, mac, ethernet::IPV6, &mut frame)?;
    frame.put(
        &ipv6::Header {
            source: ip,
            destination: ALL_NODES,
            next_header: ICMPV6,
            hop_limit: HOP_LIMIT,
            traffic_class: 0,
            payload_len: MESSAGE_LEN,
        }
        .emit(),
    )?;
    let at = frame.len();
    frame.put(&[ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0])?;
    frame.put(&ip.octets())?;
    frame.put(&[TARGET_ADDRESS, 1])?;
    frame.put(&mac.0)?;
    let checksum = sum(ip, ALL_NODES, frame.written_from(at))?.complement();
    frame.patch(at + 2, &checksum.to_be_bytes())?;
    Some(frame.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::octets::hex;

    const MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x01]);
    const HOST: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1);
    const VIP: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x200, 1);

    // keepalived-deb-v3-ipv6.pcap, the first advertisement.
    const UNSOLICITED: &str = "333300000001 020000000001 86dd  60000000 0020 3a ff
        fe800000000000000000000002000001 ff020000000000000000000000000001
        88 00 539b 20000000 fe800000000000000000000002000001 02 01 020000000001";

    // keepalived-deb-v3-ipv6-unicast.pcap: the kernel's question and answer.
    const QUESTION: &str = "3333ff000002 020000000001 86dd  60000000 0020 3a ff
        fd990000000000000000000000000001 ff0200000000000000000001ff000002
        87 00 7c65 00000000 fd990000000000000000000000000002 01 01 020000000001";
    const ANSWER: &str = "020000000001 020000000002 86dd  60000000 0020 3a ff
        fd990000000000000000000000000002 fd990000000000000000000000000001
        88 00 1acf 60000000 fd990000000000000000000000000002 02 01 020000000002";
    const ANSWER_WITHOUT_OPTION: &str = "020000000002 020000000001 86dd  60000000 0018 3a ff
        fd990000000000000000000000000001 fe80000000000000000000fffe000002
        88 00 3ef4 40000000 fd990000000000000000000000000001";

    #[test]
    fn parse_reads_a_captured_announcement() {
        let expected = Neighbour {
            source: VIP,
            destination: ALL_NODES,
            target: VIP,
            kind: Kind::Advertisement { router: false, solicited: false, overrides: true },
            mac: Some(MAC),
        };
        assert_eq!(Neighbour::parse(&hex(UNSOLICITED)), Some(expected));
    }

    #[test]
    fn parse_reads_a_captured_question_and_answer() {
        let asked = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2);
        let question = Neighbour {
            source: HOST,
            destination: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 2),
            target: asked,
            kind: Kind::Solicitation,
            mac: Some(MAC),
        };
        assert_eq!(Neighbour::parse(&hex(QUESTION)), Some(question));
        let answer = Neighbour {
            source: asked,
            destination: HOST,
            target: asked,
            kind: Kind::Advertisement { router: false, solicited: true, overrides: true },
            mac: Some(MacAddr([0x02, 0, 0, 0, 0, 0x02])),
        };
        assert_eq!(Neighbour::parse(&hex(ANSWER)), Some(answer));
    }

    #[test]
    fn only_the_option_that_belongs_to_a_message_is_read_and_the_first_of_two() {
        // ANSWER with option 1, a solicitation's, instead of 2: 0x100 less in the sum.
        let answer = hex(ANSWER);
        let mut other = answer.clone();
        other[56..58].copy_from_slice(&[0x1b, 0xcf]);
        other[78] = 1;
        assert_eq!(Neighbour::parse(&other).unwrap().mac, None);
        // One more of 2, and eight octets more: 0201 + 0200 + 0000 + 0003 + 0008 in the sum.
        let mut two = answer;
        two.extend(hex("02 01 020000000003"));
        two[19] = 0x28;
        two[56..58].copy_from_slice(&[0x16, 0xc3]);
        let mac = Neighbour::parse(&two).unwrap().mac;
        assert_eq!(mac, Some(MacAddr([0x02, 0, 0, 0, 0, 0x02])));
    }

    #[test]
    fn an_answer_may_come_without_the_ethernet_address() {
        let answer = Neighbour::parse(&hex(ANSWER_WITHOUT_OPTION)).unwrap();
        let kind = Kind::Advertisement { router: false, solicited: true, overrides: false };
        assert_eq!((answer.target, answer.kind, answer.mac), (HOST, kind, None));
    }

    #[test]
    fn emit_writes_the_captured_announcement_and_no_more() {
        let mut buffer = [0xa5; 88];
        assert_eq!(emit_unsolicited(MAC, VIP, false, &mut buffer), Some(86));
        assert_eq!(buffer[..86], hex(UNSOLICITED));
        assert_eq!(buffer[86..], [0xa5, 0xa5]);
    }

    #[test]
    fn a_router_says_so() {
        // The announcement above with R set: flags a0, and the checksum less by 8000.
        let mut expected = hex(UNSOLICITED);
        (expected[58], expected[56], expected[57]) = (0xa0, 0xd3, 0x9a);
        let mut buffer = [0xa5; 86];
        assert_eq!(emit_unsolicited(MAC, VIP, true, &mut buffer), Some(86));
        assert_eq!(buffer[..], expected);
    }

    #[test]
    fn every_prefix_is_none_and_every_shorter_buffer_too() {
        let frame = hex(UNSOLICITED);
        for len in 0..frame.len() {
            assert_eq!(Neighbour::parse(&frame[..len]), None, "{len} octets");
            let mut buffer = vec![0xa5; len];
            assert_eq!(emit_unsolicited(MAC, VIP, false, &mut buffer), None, "{len} octets");
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let frame = hex(UNSOLICITED);
        // The traffic class, the flow label and Ethernet's addresses are under no checksum.
        for bit in (12 * 8..14 * 8).chain(18 * 8..86 * 8) {
            let mut frame = frame.clone();
            frame[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(Neighbour::parse(&frame), None, "bit {bit}");
        }
    }

    #[test]
    fn an_option_of_impossible_length_spoils_the_message() {
        // The option's first word 0201 becomes 0200, 0202: the checksum 539b changes as much.
        for (length, checksum) in [(0, 0x539c_u16), (2, 0x539a)] {
            let mut frame = hex(UNSOLICITED);
            frame[79] = length;
            [frame[56], frame[57]] = checksum.to_be_bytes();
            let packet = ipv6::Packet::parse(&frame[14..]).unwrap();
            assert!(sum(packet.source, packet.destination, packet.payload).unwrap().is_valid());
            assert_eq!(Neighbour::parse(&frame), None, "length {length}");
        }
    }
}
