//! Literals are messages of Linux 6.18 on x86-64, in a network namespace with a veth pair eth0 and
//! eth1. Where "shortened" is said, attributes that are not read here were left out and the length
//! was set to what is left.
#![cfg(target_endian = "little")]

mod emit;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::addr::{IfIndex, MacAddr};
use crate::wire::octets::hex;

/// RTM_NEWLINK of eth0 in answer to RTM_GETLINK without statistics; whole.
const LINK: &str = "
    680400001000020007000000cace89ec00000100030000004310010000000000090003006574683000000000
    08000d00e803000005001000060000000500110000000000050043000000000008000400dc05000008003200
    4400000008003300ffff000008001b000000000008001e000000000008003d000000000008001f0002000000
    08002800ffff0000080029000000010008003a000000010008003f0000000100080040000000010008003b00
    f8ff070008003c00ffff00000800420000000000080020000200000005002100010000000800230002000000
    08002f000100000008003000010000000600440000000000060045000000000005002700000000000a000100
    02000000000100000a000200ffffffffffff0000cc00170002000000000000000200000000000000b0000000
    00000000b0000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    00000000640007000200000002000000b0000000b00000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000c002b00050002000000000010001200090001007665746800000000
    08000500020000000c0006006e6f717565756500c0011a008c00020088000100000000000000000000000000
    0100000001000000010000000100000000000000010000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000010270000e8030000000000000000000000000000000000000100000030010a000800010000000080
    14000500ffff00003cde030088890000e8030000f40002000000000040000000dc0500000100000001000000
    0100000001000000ffffffffa00f0000e803000000000000803a090080510100030000005802000010000000
    0000000001000000010000000100000060ea0000000000000000000000000000000000000000000000000000
    01000000000000000000000010270000e8030000010000000000000000000000010000000000000000000000
    010000000000000000000000000000000000000080ee36000000000000000000010000000000000000000000
    0000000000000000000000000004000000000000ffff0000ffffffff01000000000000000000000000000000
    1400070000000000000000000000000000000000050008000000000024000e00000000000000000000000000
    000000000000000000000000000000000000000004003e8004004180";

/// RTM_NEWLINK of lo in the same answer; shortened.
const LOOPBACK: &str = "3c00000010000200070000002300f09b
    00000403010000004900010000000000
    070003006c6f0000 0800040000000100 0a0001000000000000000000";

/// RTM_NEWLINK of eth0 when eth1 went down; shortened.
const CARRIER_LOST: &str = "40000000100000000000000000000000
    00000100030000000310000000000000
    090003006574683000000000 08000400dc050000 0a0001000200000000010000";

/// RTM_NEWLINK of eth0, just switched on: a carrier, but not yet operational; shortened.
const COMING_UP: &str = "40000000100000000000000000000000
    00000100030000000310010001000000
    090003006574683000000000 08000400dc050000 0a0001000200000000010000";

/// RTM_DELLINK of eth0, deleted; shortened.
const LINK_GONE: &str = "40000000110000000000000000000000
    0000010003000000 02100000ffffffff
    090003006574683000000000 08000400dc050000 0a0001000200000000010000";

/// RTM_DELLINK of AF_BRIDGE: eth1 left its bridge and is as well as ever; whole.
const PORT_LEFT: &str = "580000001100000000000000000000000
    700010002000000431001000000000009000300657468310000000008000a0004000000
    08000400dc05000005001000060000000a00010002000000000200000800050003000000";

/// RTM_NEWADDR of 10.200.0.1/24 with label eth0:vip and lifetimes of 12 s; whole.
const ADDRESS: &str = "5400000014000000c7de006b9b4e0000
    0218000003000000 080001000ac80001 080002000ac80001 0d000300657468303a76697000000000
    0800080000000000 140006000c0000000c0000006886030068860300";

/// RTM_DELADDR of 10.200.0.2/24, a secondary; whole.
const ADDRESS_GONE: &str = "5000000015000000c7de006ba24e0000
    0218810003000000 080001000ac80002 080002000ac80002 090003006574683000000000
    0800080081000000 14000600ffffffffffffffff6986030069860300";

/// RTM_NEWADDR of 10.9.0.1 with the peer 10.9.0.2; whole.
const ADDRESS_WITH_PEER: &str = "5000000014000200070000002300f09b
    0220800003000000 080001000a090002 080002000a090001 090003006574683000000000
    0800080080000000 14000600ffffffffffffffff6986030069860300";

/// RTM_NEWADDR of 10.1.1.1/32 with IFA_PROTO 217; whole.
const ADDRESS_WITH_PROTO: &str = "58000000140000000700000023 00f09b
    0220800003000000 080001000a010101 080002000a010101 090003006574683000000000
    05000b00d9000000 0800080080000000 14000600ffffffffffffffffa6860300a6860300";

/// RTM_NEWADDR of fd99::200:1/128, permanent, deprecated, without detection; whole.
const ADDRESS_V6: &str = "480000001400000000000000000000000
    a80a20003000000 14000100fd990000000000000000000002000001
    1400060000000000ffffffff6986030069860300 08000800a2000000";

/// RTM_NEWADDR of fd99::1/64 while detection runs; whole.
const ADDRESS_TENTATIVE: &str = "480000001400000000000000000000000
    a40c00003000000 14000100fd990000000000000000000000000001
    14000600ffffffffffffffff6986030069860300 08000800c0000000";

/// The answer to RTM_NEWADDR with flags ACK, CREATE and REPLACE; whole.
const ACK: &str = "2400000002000001070000002300f09b
    00000000 30000000140005060700000000000000";

/// The answer to RTM_NEWADDR on a link that does not exist; whole.
const REFUSED: &str = "3c00000002000000070000002300f09b
    edffffff 28000000140005000700000000000000
    02200000e7030000 080002000a010101 080001000a010101";

/// The end of a dump; whole.
const DONE: &str = "1400000003000200070000002300f09b 00000000";

/// 9bf00023.
const PORT: u32 = 2_616_197_155;

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn only(datagram: &[u8]) -> Item<'_> {
    let mut items = messages(datagram);
    let item = items.next().unwrap().unwrap();
    assert_eq!(items.next(), None);
    item
}

fn link(datagram: &[u8]) -> Link<'_> {
    let Message::Link(link) = only(datagram).message else { panic!("not a link") };
    link
}

fn address(datagram: &[u8]) -> Address {
    let Message::Address(address) = only(datagram).message else { panic!("not an address") };
    address
}

#[test]
fn a_link_is_read() {
    let message = hex(LINK);
    let item = only(&message);
    assert_eq!((item.sequence, item.interrupted), (7, false));
    let expected = Link {
        index: index(3),
        name: "eth0",
        up: true,
        running: true,
        mac: Some(MacAddr([0x02, 0, 0, 0, 0, 0x01])),
        mtu: 1500,
        loopback: false,
        multicast: true,
        forwarding6: Some(false),
    };
    assert_eq!(item.message, Message::Link(expected));
}

#[test]
fn forwarding_is_the_first_setting_of_ipv6() {
    // IFLA_INET6_CONF of LINK, and DEVCONF_FORWARDING in it (linux/ipv6.h).
    let mut message = hex(LINK);
    let at = message.windows(4).position(|head| head == hex("f4000200")).unwrap() + 4;
    assert_eq!(message[at..at + 8], hex("00000000 40000000"), "and then the hop limit, 64");
    message[at] = 1;
    assert_eq!(link(&message).forwarding6, Some(true));
}

#[test]
fn a_loopback_is_read() {
    let message = hex(LOOPBACK);
    let item = only(&message);
    assert_eq!((item.sequence, item.port), (7, PORT));
    let expected = Link {
        index: index(1),
        name: "lo",
        up: true,
        running: true,
        mac: Some(MacAddr([0; 6])),
        mtu: 65_536,
        loopback: true,
        multicast: false,
        forwarding6: None,
    };
    assert_eq!(item.message, Message::Link(expected));
}

#[test]
fn a_link_runs_with_a_carrier_and_when_operational_only() {
    for (message, up, running) in [(CARRIER_LOST, true, false), (COMING_UP, true, false)] {
        let message = hex(message);
        let link = link(&message);
        assert_eq!((link.name, link.up, link.running), ("eth0", up, running));
    }
    let mut message = hex(CARRIER_LOST);
    message[24..28].copy_from_slice(&hex("02100000"));
    assert!(!link(&message).up);
}

#[test]
fn a_link_with_a_carrier_that_the_kernel_has_not_looked_at_runs_unless_it_is_dormant() {
    // LINK with other flags and another operational state (linux/if.h, RFC 2863): a card as it is
    // for up to a second after it was switched on.
    let running = |flags: &str, state: u8| {
        let mut message = hex(LINK);
        message[24..28].copy_from_slice(&hex(flags));
        let at = message.windows(5).position(|head| head == hex("0500100006")).unwrap() + 4;
        message[at] = state;
        link(&message).running
    };
    let (down, lower_layer_down, dormant) = (2, 3, 5);
    assert!(running("03100100", down));
    assert!(!running("03100000", down), "no carrier");
    assert!(!running("03100300", down), "a carrier, and dormant");
    assert!(!running("03100300", dormant));
    assert!(!running("03100100", lower_layer_down));
}

#[test]
fn a_link_that_is_gone_is_told_from_a_port_that_left_its_bridge() {
    let (gone, left) = (hex(LINK_GONE), hex(PORT_LEFT));
    assert_eq!(only(&gone).message, Message::LinkGone { index: index(3) });
    assert_eq!(only(&left).message, Message::Other(RTM_DELLINK));
}

#[test]
fn a_bridges_view_of_a_port_says_nothing_of_the_link() {
    let mut message = hex(PORT_LEFT);
    message[4] = 16; // RTM_NEWLINK
    assert_eq!(only(&message).message, Message::Other(RTM_NEWLINK));
}

#[test]
fn a_wireless_event_says_nothing_of_the_link() {
    // RTM_NEWLINK with the name and IFLA_WIRELESS, as net/wireless/wext-core.c makes it.
    let message = hex("34000000100000000000000000000000 00000100030000000310010000000000
        090003006574683000000000 08000b0001020304");
    assert_eq!(only(&message).message, Message::Other(RTM_NEWLINK));
}

#[test]
fn a_name_that_is_not_utf8_is_empty() {
    let mut message = hex(LOOPBACK);
    message[36..38].copy_from_slice(&[0xff, 0xfe]);
    assert_eq!((link(&message).name, link(&message).index), ("", index(1)));
}

#[test]
fn a_hardware_address_of_another_length_is_none() {
    // IFLA_ADDRESS of an IPv4 tunnel: four octets.
    let mut message = hex(LOOPBACK);
    message[0] = 0x38;
    message[48] = 8;
    message.truncate(56);
    assert_eq!(link(&message).mac, None);
}

#[test]
fn addresses_are_read() {
    let eth0 = index(3);
    let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    let message = hex(ADDRESS);
    let item = only(&message);
    assert_eq!((item.sequence, item.port), (0x6b00_dec7, 0x4e9b));
    let expected = Address {
        present: true,
        index: eth0,
        ip: v4(10, 200, 0, 1),
        prefix_len: 24,
        flags: 0,
        scope: 0,
        proto: 0,
    };
    assert_eq!(address(&message), expected);
    assert!(!expected.is_secondary());

    let expected = Address {
        present: false,
        index: eth0,
        ip: v4(10, 200, 0, 2),
        prefix_len: 24,
        flags: 0x81,
        scope: 0,
        proto: 0,
    };
    assert_eq!(address(&hex(ADDRESS_GONE)), expected);
    assert!(expected.is_secondary());

    let address_with_proto = address(&hex(ADDRESS_WITH_PROTO));
    assert_eq!((address_with_proto.ip, address_with_proto.prefix_len), (v4(10, 1, 1, 1), 32));
    assert_eq!(address_with_proto.proto, 217);
}

#[test]
fn ipv6_addresses_are_read() {
    let expected = Address {
        present: true,
        index: index(3),
        ip: IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0x200, 1)),
        prefix_len: 128,
        flags: 0xa2,
        scope: 0,
        proto: 0,
    };
    assert_eq!(address(&hex(ADDRESS_V6)), expected);
    assert!(expected.is_deprecated());
    assert!(!expected.is_tentative() && !expected.is_dad_failed() && !expected.is_secondary());

    let address = address(&hex(ADDRESS_TENTATIVE));
    assert!(address.is_tentative() && !address.is_deprecated());

    // IFA_F_PERMANENT, IFA_F_TENTATIVE and IFA_F_DADFAILED (linux/if_addr.h).
    let mut message = hex(ADDRESS_TENTATIVE);
    message[68] = 0xc8;
    assert!(self::address(&message).is_dad_failed());
}

#[test]
fn the_local_end_is_the_address_of_a_point_to_point_link() {
    let ip = address(&hex(ADDRESS_WITH_PEER)).ip;
    assert_eq!(ip, IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)));
}

#[test]
fn the_wide_flags_win_over_the_narrow_ones() {
    let mut message = hex(ADDRESS_V6);
    message[18] = 0; // ifa_flags
    assert_eq!(address(&message).flags, 0xa2);
    message[64..].copy_from_slice(&hex("0800080000030000"));
    assert_eq!(address(&message).flags, 0x300);
}

#[test]
fn an_address_of_another_family_is_not_read() {
    let mut message = hex(ADDRESS);
    message[16] = 7;
    assert_eq!(only(&message).message, Message::Other(RTM_NEWADDR));
}

#[test]
fn answers_are_read() {
    let ack = Message::Ack { sequence: 7, errno: 0 };
    let expected = Item { sequence: 7, port: PORT, interrupted: false, message: ack };
    assert_eq!(only(&hex(ACK)), expected);
    assert_eq!(only(&hex(REFUSED)).message, Message::Ack { sequence: 7, errno: 19 }); // ENODEV
    assert_eq!(only(&hex(DONE)).message, Message::Done { sequence: 7, errno: 0 });

    let mut message = hex(DONE);
    message[16..].copy_from_slice(&hex("f3ffffff"));
    assert_eq!(only(&message).message, Message::Done { sequence: 7, errno: 13 }); // EACCES
    message[6] |= 0x10;
    assert!(only(&message).interrupted);

    let mut message = hex(ACK);
    message[16..20].copy_from_slice(&hex("00000080")); // i32::MIN has no positive counterpart
    assert_eq!(only(&message).message, Message::Ack { sequence: 7, errno: i32::MAX });
}

#[test]
fn an_overrun_and_strangers_are_told_apart() {
    let overrun = hex("10000000 0400 0000 00000000 00000000");
    assert_eq!(only(&overrun).message, Message::Overrun);
    let noop = hex("10000000 0100 0000 00000000 00000000");
    assert_eq!(only(&noop).message, Message::Other(1));
    let neighbour = hex("14000000 1c00 0000 00000000 00000000 02000000");
    assert_eq!(only(&neighbour).message, Message::Other(28));
}

#[test]
fn a_datagram_holds_many_messages() {
    let datagram = [hex(LOOPBACK), hex(LINK), hex(ADDRESS), hex(ACK), hex(DONE)].concat();
    let kinds: Vec<&str> = messages(&datagram)
        .map(|item| match item.unwrap().message {
            Message::Link(link) => link.name,
            Message::Address(_) => "address",
            Message::Ack { .. } => "ack",
            Message::Done { .. } => "done",
            Message::LinkGone { .. } | Message::Route(_) | Message::Overrun | Message::Other(_) => {
                "?"
            }
        })
        .collect();
    assert_eq!(kinds, ["lo", "eth0", "address", "ack", "done"]);
    assert_eq!(messages(&[]).next(), None);
}

#[test]
fn messages_begin_at_multiples_of_four() {
    // A length of 17 takes 20 octets.
    let datagram = [hex("11000000 1800 0000 00000000 00000000 02000000"), hex(DONE)].concat();
    let items: Vec<_> = messages(&datagram).collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].unwrap().message, Message::Done { sequence: 7, errno: 0 });
}

#[test]
fn every_prefix_is_malformed_and_ends_the_datagram() {
    for message in [LINK, LINK_GONE, ADDRESS, ADDRESS_V6, ACK, REFUSED, DONE] {
        let message = hex(message);
        for len in 1..message.len() {
            let items: Vec<_> = messages(&message[..len]).collect();
            assert_eq!(items, [Err(Malformed)], "{len} octets");
        }
    }
}

#[test]
fn every_body_cut_short_spoils_its_own_message_only() {
    // The message claims to be as short as it is, and the next one follows.
    for message in [LINK, LINK_GONE, ADDRESS, ADDRESS_V6, ACK, REFUSED] {
        let message = hex(message);
        for len in (16..message.len()).step_by(4) {
            let mut cut = message[..len].to_vec();
            cut[..4].copy_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
            let datagram = [cut, hex(DONE)].concat();
            let items: Vec<_> = messages(&datagram).collect();
            assert_eq!(items.len(), 2, "{len} octets");
            assert_eq!(items[1].unwrap().message, Message::Done { sequence: 7, errno: 0 });
        }
    }
    let mut headless = hex(LINK)[..16].to_vec();
    headless[..4].copy_from_slice(&[16, 0, 0, 0]);
    assert_eq!(messages(&headless).next(), Some(Err(Malformed)));
}

#[test]
fn impossible_lengths_of_messages_end_the_datagram() {
    for len in [0_u32, 1, 15, 21, 0x7fff_ffff, 0xffff_fffd, 0xffff_ffff] {
        let mut datagram = [hex(DONE), hex(DONE)].concat();
        datagram[20..24].copy_from_slice(&len.to_le_bytes());
        let items: Vec<_> = messages(&datagram).collect();
        assert_eq!(items.len(), 2, "length {len}");
        assert!(items[0].is_ok());
        assert_eq!(items[1], Err(Malformed), "length {len}");
    }
}

#[test]
fn impossible_lengths_of_attributes_spoil_the_message() {
    for (message, attributes_at) in [(LOOPBACK, 32), (ADDRESS, 24)] {
        for len in [0_u16, 1, 3, 0x7fff, 0xffff] {
            let mut message = hex(message);
            message[attributes_at..attributes_at + 2].copy_from_slice(&len.to_le_bytes());
            assert_eq!(messages(&message).next(), Some(Err(Malformed)), "length {len}");
        }
    }
}

#[test]
fn an_attribute_of_nothing_but_its_header_is_read() {
    // IFA_PROTO without the octet that it is; three octets would be padding (RTA_OK, nla_ok).
    let mut message = hex(ADDRESS_WITH_PROTO);
    message.extend(hex("04000b00"));
    message[0] += 4;
    assert_eq!(messages(&message).next(), Some(Err(Malformed)));
}

#[test]
fn impossible_values_spoil_the_message() {
    for (message, at, value, what) in [
        (LOOPBACK, 20, 0, "index 0 of a link"),
        (LINK_GONE, 20, 0, "index 0 of a link that is gone"),
        (ADDRESS, 20, 0, "index 0 of an address"),
        (ADDRESS, 17, 33, "IPv4 prefix of 33"),
        (ADDRESS_V6, 17, 129, "IPv6 prefix of 129"),
        (ADDRESS, 16, 10, "IPv4 address in an IPv6 message"),
        (ADDRESS_V6, 16, 2, "IPv6 address in an IPv4 message"),
        (ADDRESS_V6, 26, 77, "no address"),
    ] {
        let mut message = hex(message);
        message[at] = value;
        assert_eq!(messages(&message).next(), Some(Err(Malformed)), "{what}");
    }
}

#[test]
fn no_flipped_bit_makes_the_reader_panic_or_run_on() {
    for message in [LINK, ADDRESS, ADDRESS_V6, REFUSED, DONE] {
        let message = hex(message);
        for bit in 0..message.len() * 8 {
            let mut message = message.clone();
            message[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(messages(&message).take(message.len()).count() < message.len(), "bit {bit}");
        }
    }
}
