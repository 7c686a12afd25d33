//! Adverts as they are read; how they are written is in `emit`.

use super::*;
use crate::wire::octets::hex;

mod emit;

use emit::outgoing;

// The adverts of Debian's keepalived 2.2.7, without their 14 octets of Ethernet: the first one of
// keepalived-deb-NAME.pcap. Header, then PDU.

/// NAME = v3-ipv4.
const V3: &str = "45c00020 00010000 ff70d036 0a630001 e0000012
    3101c801 006410dd 0ac80001";
/// NAME = v3-ipv4-cs: an interval of 10 cs.
const V3_CENTIS: &str = "45c00020 00010000 ff70d036 0a630001 e0000012
    3101c801 000a1137 0ac80001";
/// NAME = v3-ipv4-3vips.
const V3_THREE: &str = "45c00028 00010000 ff70d02e 0a630001 e0000012
    3101c803 0064fb3d 0ac80001 0ac80002 0ac80003";
/// NAME = v3-unicast.
const V3_UNICAST: &str = "45c00020 00010000 ff70a5e4 0a630001 0a630002
    3101c801 0064e68a 0ac80001";
/// NAME = v2-none.
const V2: &str = "45c00028 00010000 ff70d02e 0a630001 e0000012
    2101c801 00010c33 0ac80001 00000000 00000000";
/// NAME = v2-pass: the password is secret12.
const V2_PASS: &str = "45c00028 00010000 ff70d02e 0a630001 e0000012
    2101c801 01019db4 0ac80001 73656372 65743132";
/// NAME = v2-unicast-pass.
const V2_UNICAST_PASS: &str = "45c00028 00010000 ff70a5dc 0a630001 0a630002
    2101c801 01019db4 0ac80001 73656372 65743132";
/// NAME = v2-ah: between header and PDU, 24 octets of AH.
const V2_AH: &str = "45c00040 00010000 ff33d053 0a630001 e0000012
    70040000 0a630001 00000001 45df1513 9e7a9ce4 c9cd622a
    2101c801 02010a33 0ac80001 00000000 00000000";
/// NAME = v3-ipv6, with the flow label (0x771cb) set to zero; no checksum covers it.
const V3_IPV6: &str =
    "6c000000 002870ff fe80000000000000000000fffe000001 ff020000000000000000000000000012
    3101c802 0064094c fe800000000000000000000002000001 fd990000000000000000000002000001";
/// NAME = v3-ipv6-unicast: hop limit 64.
const V3_IPV6_UNICAST: &str =
    "6c06875e 00187040 fd990000000000000000000000000001 fd990000000000000000000000000002
    3101c801 00640b3f fd990000000000000000000002000001";

/// The octets of V3 and its like where something is changed.
const FRAGMENT: usize = 6;
const TTL: usize = 8;
const PROTOCOL_AT: usize = 9;
const PDU: usize = 20;

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2));
const GROUP: IpAddr = IpAddr::V4(GROUP_V4);
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 200, 0, 1));
const ROUTER_LL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1);
const PEER_V6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2);
const VIP_LL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x200, 1);
const VIP_V6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0x200, 1);
const SECRET: [u8; 8] = *b"secret12";

fn vrid(number: u8) -> Vrid {
    Vrid::new(number).unwrap()
}

fn dissect_ipv6_packet(packet: &[u8]) -> Result<Datagram<'_>, Rejected> {
    let packet = ipv6::Packet::parse(packet).map_err(|reason| Rejected { reason, vrid: None })?;
    dissect_ipv6(packet.source, packet.destination, packet.hop_limit, packet.payload)
}

fn addresses(advert: &Advert<'_>) -> Vec<IpAddr> {
    advert.addresses.iter().collect()
}

fn rejected(packet: &[u8]) -> (Reject, Option<u8>) {
    let Rejected { reason, vrid } = dissect_ipv4(packet).unwrap_err();
    (reason, vrid.map(Vrid::get))
}

/// `packet` with `change` made to it and the VRRP checksum put right again, without pseudo header.
fn resealed(packet: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = hex(packet);
    change(&mut packet);
    packet[PDU + 6..PDU + 8].fill(0);
    let sum = Sum::new().octets(&packet[PDU..]).complement();
    packet[PDU + 6..PDU + 8].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn a_captured_v3_advert_is_read() {
    let packet = hex(V3);
    let datagram = dissect_ipv4(&packet).unwrap();
    assert_eq!((datagram.source, datagram.destination), (ROUTER, GROUP));
    assert_eq!(datagram.hop_limit, 255);
    let advert = datagram.advert;
    assert_eq!(advert.version, Version::V3);
    assert_eq!((advert.vrid, advert.priority), (vrid(1), Priority(200)));
    assert_eq!(advert.interval, Span::from_secs(1));
    assert_eq!((advert.addresses.len(), advert.addresses.is_empty()), (1, false));
    assert_eq!(advert.addresses.family(), Family::V4);
    assert_eq!(addresses(&advert), [VIP]);
    assert_eq!(advert.auth, Auth::None);
    assert_eq!(advert.checksum, ChecksumFlavour::V3PseudoHeader);
}

#[test]
fn a_v3_interval_is_in_centiseconds() {
    let packet = hex(V3_CENTIS);
    assert_eq!(dissect_ipv4(&packet).unwrap().advert.interval, Span::from_millis(100));
}

#[test]
fn addresses_keep_their_order() {
    let packet = hex(V3_THREE);
    let advert = dissect_ipv4(&packet).unwrap().advert;
    let expected = [[10, 200, 0, 1], [10, 200, 0, 2], [10, 200, 0, 3]].map(IpAddr::from);
    assert_eq!(addresses(&advert), expected);
}

#[test]
fn a_captured_v2_advert_is_read() {
    let packet = hex(V2);
    let advert = dissect_ipv4(&packet).unwrap().advert;
    assert_eq!(advert.version, Version::V2);
    assert_eq!((advert.vrid, advert.priority), (vrid(1), Priority(200)));
    assert_eq!(advert.interval, Span::from_secs(1));
    assert_eq!(addresses(&advert), [VIP]);
    assert_eq!(advert.auth, Auth::None);
    assert_eq!(advert.checksum, ChecksumFlavour::V2);
}

#[test]
fn a_captured_password_matches_only_itself() {
    for packet in [V2_PASS, V2_UNICAST_PASS] {
        let packet = hex(packet);
        let auth = dissect_ipv4(&packet).unwrap().advert.auth;
        assert_eq!(auth, Auth::Password(SECRET));
        assert!(auth.password_matches(&SECRET));
        assert!(!auth.password_matches(b"secret13"));
        assert!(!auth.password_matches(b"Secret12"));
        // The same bit of two octets: s and r, 2 and 3.
        assert!(!auth.password_matches(b"recret13"));
        assert!(!auth.password_matches(&[0; 8]));
    }
    assert!(!Auth::None.password_matches(&[0; 8]));
    assert!(!Auth::Other(2).password_matches(&[0; 8]));
}

#[test]
fn no_password_is_ever_printed() {
    let packet = hex(V2_PASS);
    let printed = format!("{:?}", dissect_ipv4(&packet).unwrap());
    assert!(printed.contains("Password(********)"), "{printed}");
    assert!(printed.contains("[10.200.0.1]"), "the rest is: {printed}");
    assert!(!printed.contains("115"), "115 is the s of secret12: {printed}");
    let printed = format!("{:?}", outgoing(Version::V2, Some(SECRET)));
    assert!(!printed.contains("115") && !printed.contains("password"), "{printed}");
    assert!(printed.contains("10.99.0.1"), "the rest is: {printed}");
}

#[test]
fn captured_ipv6_adverts_are_read() {
    let packet = hex(V3_IPV6);
    let datagram = dissect_ipv6_packet(&packet).unwrap();
    assert_eq!((datagram.source, datagram.hop_limit), (IpAddr::V6(ROUTER_LL), 255));
    assert_eq!(datagram.destination, IpAddr::V6(GROUP_V6));
    assert_eq!(datagram.advert.version, Version::V3);
    assert_eq!(datagram.advert.addresses.family(), Family::V6);
    assert_eq!(addresses(&datagram.advert), [VIP_LL, VIP_V6].map(IpAddr::V6));
    assert_eq!(datagram.advert.checksum, ChecksumFlavour::Ipv6);
}

#[test]
fn a_unicast_advert_may_have_any_hop_limit() {
    // keepalived sends 64 over IPv6.
    let packet = hex(V3_IPV6_UNICAST);
    let datagram = dissect_ipv6_packet(&packet).unwrap();
    assert_eq!((datagram.hop_limit, datagram.destination), (64, IpAddr::V6(PEER_V6)));
    assert_eq!(addresses(&datagram.advert), [IpAddr::V6(VIP_V6)]);

    let mut packet = hex(V3_UNICAST);
    packet[TTL] = 1;
    assert_eq!(dissect_ipv4(&packet).unwrap().hop_limit, 1);
}

#[test]
fn a_multicast_advert_that_was_routed_is_rejected() {
    let mut packet = hex(V3);
    packet[TTL] = 254;
    assert_eq!(rejected(&packet), (Reject::HopLimit, Some(1)));

    let payload = &hex(V3_IPV6)[40..];
    let result = dissect_ipv6(ROUTER_LL, GROUP_V6, 254, payload);
    let expected = Rejected { reason: Reject::HopLimit, vrid: Some(vrid(1)) };
    assert_eq!(result, Err(expected));
}

#[test]
fn v3_over_ipv4_is_accepted_without_pseudo_header() {
    // RFC 9568 §5.2.8, by hand: 3101 + c801 + 0064 + 0ac8 + 0001 = 1_042f, 0430 with the carry;
    // its complement is fbcf.
    for packet in [V3, V3_UNICAST] {
        let mut packet = hex(packet);
        packet[PDU + 6..PDU + 8].copy_from_slice(&[0xfb, 0xcf]);
        let advert = dissect_ipv4(&packet).unwrap().advert;
        assert_eq!(advert.checksum, ChecksumFlavour::V3Plain);
    }
}

#[test]
fn v3_unicast_is_accepted_with_the_group_in_the_pseudo_header() {
    // V3's checksum is made with the same source and the group: 10dd.
    let mut packet = hex(V3_UNICAST);
    packet[PDU + 6..PDU + 8].copy_from_slice(&[0x10, 0xdd]);
    let advert = dissect_ipv4(&packet).unwrap().advert;
    assert_eq!(advert.checksum, ChecksumFlavour::V3LegacyUnicast);

    // The other way round, the destination in a multicast advert, is nobody's: e68a.
    let mut packet = hex(V3);
    packet[PDU + 6..PDU + 8].copy_from_slice(&[0xe6, 0x8a]);
    assert_eq!(rejected(&packet), (Reject::Checksum, Some(1)));
}

#[test]
fn v2_is_not_accepted_with_a_pseudo_header() {
    // 0c33, less the pseudo header 0a63 + 0001 + e000 + 0012 + 0070 + 0014 = eafa: 2138.
    let mut packet = hex(V2);
    packet[PDU + 6..PDU + 8].copy_from_slice(&[0x21, 0x38]);
    assert_eq!(rejected(&packet), (Reject::Checksum, Some(1)));
}

#[test]
fn ipv6_is_not_accepted_without_its_pseudo_header() {
    let packet = hex(V3_IPV6_UNICAST);
    let other = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 3);
    let reason = |result: Result<Datagram<'_>, Rejected>| result.unwrap_err().reason;
    let payload = &packet[40..];
    assert_eq!(reason(dissect_ipv6(other, PEER_V6, 255, payload)), Reject::Checksum);
    assert_eq!(reason(dissect_ipv6(ROUTER_V6, other, 255, payload)), Reject::Checksum);
}

#[test]
fn v2_does_not_exist_over_ipv6() {
    let mut packet = hex(V3_IPV6);
    packet[40] = 0x21;
    let expected = Rejected { reason: Reject::Version, vrid: Some(vrid(1)) };
    assert_eq!(dissect_ipv6_packet(&packet), Err(expected));
}

#[test]
fn other_versions_and_types_are_rejected() {
    for (first, reason) in [
        (0x01, Reject::Version),
        (0x11, Reject::Version),
        (0x41, Reject::Version),
        (0xf1, Reject::Version),
        (0x30, Reject::Type),
        (0x32, Reject::Type),
        (0x20, Reject::Type),
        (0x3f, Reject::Type),
    ] {
        let packet = resealed(V3, |packet| packet[PDU] = first);
        assert_eq!(rejected(&packet), (reason, Some(1)), "{first:#x}");
    }
}

#[test]
fn the_reserved_bits_of_v3_are_ignored() {
    let packet = resealed(V3, |packet| packet[PDU + 4] |= 0xf0);
    assert_eq!(dissect_ipv4(&packet).unwrap().advert.interval, Span::from_secs(1));
}

#[test]
fn the_longest_intervals_are_read() {
    let packet = resealed(V3, |packet| packet[PDU + 4..PDU + 6].copy_from_slice(&[0x0f, 0xff]));
    assert_eq!(dissect_ipv4(&packet).unwrap().advert.interval, Span::from_millis(40_950));
    let packet = resealed(V2, |packet| packet[PDU + 5] = 255);
    assert_eq!(dissect_ipv4(&packet).unwrap().advert.interval, Span::from_secs(255));
}

#[test]
fn an_interval_of_zero_is_rejected() {
    let packet = resealed(V3, |packet| packet[PDU + 5] = 0);
    assert_eq!(rejected(&packet), (Reject::IntervalZero, Some(1)));
    let packet = resealed(V3, |packet| packet[PDU + 4..PDU + 6].copy_from_slice(&[0xf0, 0]));
    assert_eq!(rejected(&packet), (Reject::IntervalZero, Some(1)));
    let packet = resealed(V2_PASS, |packet| packet[PDU + 5] = 0);
    assert_eq!(rejected(&packet), (Reject::IntervalZero, Some(1)));
}

#[test]
fn a_vrid_of_zero_is_rejected() {
    for packet in [V3, V2] {
        let packet = resealed(packet, |packet| packet[PDU + 1] = 0);
        assert_eq!(rejected(&packet), (Reject::VridZero, None));
    }
}

#[test]
fn other_authentication_types_are_told_apart() {
    for (kind, auth) in [(2, Auth::Other(2)), (254, Auth::Other(254))] {
        let packet = resealed(V2, |packet| packet[PDU + 4] = kind);
        assert_eq!(dissect_ipv4(&packet).unwrap().advert.auth, auth);
    }
}

#[test]
fn v3_without_addresses_is_rejected_and_v2_is_not() {
    let packet = resealed(V3, |packet| {
        packet.truncate(28);
        (packet[3], packet[PDU + 3]) = (28, 0);
    });
    assert_eq!(rejected(&packet), (Reject::Length, Some(1)));

    let packet = resealed(V2, |packet| {
        packet.truncate(36);
        (packet[3], packet[PDU + 3]) = (36, 0);
    });
    assert!(dissect_ipv4(&packet).unwrap().advert.addresses.is_empty());

    let mut payload = hex("3101c800 00640000");
    let sum = Sum::new().octets(&payload);
    let (source, destination) = (IpAddr::V6(ROUTER_LL), IpAddr::V6(GROUP_V6));
    let sum = sum.pseudo_header(source, destination, 112, 8).complement();
    payload[6..].copy_from_slice(&sum.to_be_bytes());
    let expected = Rejected { reason: Reject::Length, vrid: Some(vrid(1)) };
    assert_eq!(dissect_ipv6(ROUTER_LL, GROUP_V6, 255, &payload), Err(expected));
}

#[test]
fn every_prefix_of_a_packet_is_truncated() {
    for packet in [V3, V3_THREE, V3_UNICAST, V2, V2_PASS] {
        let packet = hex(packet);
        for len in 0..packet.len() {
            assert_eq!(rejected(&packet[..len]).0, Reject::Truncated, "{len} octets");
        }
    }
    for packet in [V3_IPV6, V3_IPV6_UNICAST] {
        let packet = hex(packet);
        for len in 0..packet.len() {
            let reason = dissect_ipv6_packet(&packet[..len]).unwrap_err().reason;
            assert_eq!(reason, Reject::Truncated, "{len} octets");
        }
    }
}

#[test]
fn every_prefix_of_a_pdu_is_truncated_even_where_ip_agrees() {
    for packet in [V3, V3_THREE, V2, V2_PASS] {
        let packet = hex(packet);
        for len in 20..packet.len() {
            let mut packet = packet[..len].to_vec();
            packet[3] = u8::try_from(len).unwrap();
            let vrid = (len > PDU + 1).then_some(1);
            assert_eq!(rejected(&packet), (Reject::Truncated, vrid), "{len} octets");
        }
    }
    let packet = hex(V3_IPV6);
    for len in 40..packet.len() {
        let result = dissect_ipv6(ROUTER_LL, GROUP_V6, 255, &packet[40..len]);
        let vrid = (len > 41).then_some(vrid(1));
        assert_eq!(result, Err(Rejected { reason: Reject::Truncated, vrid }), "{len} octets");
    }
}

#[test]
fn a_count_beyond_the_packet_is_truncated() {
    for count in 2..=255 {
        let packet = resealed(V3, |packet| packet[PDU + 3] = count);
        assert_eq!(rejected(&packet), (Reject::Truncated, Some(1)), "{count} addresses");
    }
}

#[test]
fn padding_behind_the_total_length_is_ignored() {
    let mut packet = hex(V3);
    packet.extend([0xff; 14]);
    assert_eq!(addresses(&dissect_ipv4(&packet).unwrap().advert), [VIP]);
    packet.extend([0xff; 1500]);
    assert_eq!(addresses(&dissect_ipv4(&packet).unwrap().advert), [VIP]);
}

#[test]
fn padding_within_the_total_length_is_tolerated_up_to_the_minimum_of_ethernet() {
    for (packet, len) in [(V3, 32), (V2_PASS, 40)] {
        let unpadded = hex(packet);
        let expected = dissect_ipv4(&unpadded).unwrap().advert;
        for padded_len in len..=46_u8 {
            let mut packet = unpadded.clone();
            packet.resize(usize::from(padded_len), 0xff);
            packet[3] = padded_len;
            assert_eq!(dissect_ipv4(&packet).unwrap().advert, expected, "{padded_len} octets");
        }
        for padded_len in [47, 48, 60, 255_u8] {
            let mut packet = unpadded.clone();
            packet.resize(usize::from(padded_len), 0);
            packet[3] = padded_len;
            assert_eq!(rejected(&packet), (Reject::Length, Some(1)), "{padded_len} octets");
        }
    }
}

#[test]
fn an_ipv6_payload_longer_than_its_advert_is_rejected() {
    for excess in [1, 4, 16, 28] {
        let mut packet = hex(V3_IPV6);
        packet.resize(packet.len() + excess, 0);
        let expected = Rejected { reason: Reject::Length, vrid: Some(vrid(1)) };
        let result = dissect_ipv6(ROUTER_LL, GROUP_V6, 255, &packet[40..]);
        assert_eq!(result, Err(expected), "{excess} octets more");
    }
}

#[test]
fn ip_options_are_skipped() {
    let mut packet = hex(V3);
    (packet[0], packet[3]) = (0x46, 36);
    packet.splice(20..20, [0x94, 0x04, 0x00, 0x00]); // router alert
    assert_eq!(addresses(&dissect_ipv4(&packet).unwrap().advert), [VIP]);
}

#[test]
fn a_fragment_is_rejected_and_only_the_first_tells_its_vrid() {
    for (high, low, vrid) in [(0x20, 0, Some(1)), (0x20, 1, None), (0, 1, None)] {
        let mut packet = hex(V3);
        (packet[FRAGMENT], packet[FRAGMENT + 1]) = (high, low);
        assert_eq!(rejected(&packet), (Reject::Fragment, vrid));
    }
    let mut packet = hex(V3);
    packet[FRAGMENT] = 0x40; // DF is no fragment
    assert!(dissect_ipv4(&packet).is_ok());
}

#[test]
fn a_captured_ah_advert_is_read_with_its_header() {
    let packet = hex(V2_AH);
    let datagram = dissect_ipv4(&packet).unwrap();
    assert_eq!(datagram.source, IpAddr::from([10, 99, 0, 1]));
    let advert = datagram.advert;
    assert_eq!((advert.version, advert.vrid.get(), advert.priority.0), (Version::V2, 1, 200));
    assert_eq!(advert.interval, Span::from_secs(1));
    assert_eq!(addresses(&advert), [IpAddr::from([10, 200, 0, 1])]);
    let Auth::Header(header) = advert.auth else { panic!("{:?}", advert.auth) };
    assert_eq!((header.spi, header.sequence), (0x0a63_0001, 1));
    assert!(header.is_authentic(b"secret12") && !header.is_authentic(b"secret13"));
}

#[test]
fn an_ah_advert_that_is_cut_is_rejected() {
    let packet = hex(V2_AH);
    for len in 20..64 {
        // The VRID is the second octet behind 24 octets of AH.
        let vrid = (len >= 46).then_some(1);
        assert_eq!(rejected(&shortened(&packet, len)), (Reject::Truncated, vrid), "{len} octets");
    }
    let mut packet = hex(V2_AH);
    packet[21] = 255;
    assert_eq!(rejected(&packet), (Reject::IpHeader, None));
    let mut fragment = hex(V2_AH);
    fragment[FRAGMENT] = 0x20;
    assert_eq!(rejected(&fragment), (Reject::Fragment, Some(1)));
}

#[test]
fn an_authentication_type_and_a_header_that_do_not_go_together_are_neither() {
    // In one's complement the sum stays right if another octet of the same row makes up for it.
    for (kind, checksum) in [(0_u8, [0x0c, 0x33]), (1, [0x0b, 0x33])] {
        let mut packet = hex(V2_AH);
        packet[48] = kind;
        packet[50..52].copy_from_slice(&checksum);
        assert_eq!(dissect_ipv4(&packet).unwrap().advert.auth, Auth::Other(kind));
    }
}

/// The first `len` octets of `packet`, with a total length that agrees.
fn shortened(packet: &[u8], len: u8) -> Vec<u8> {
    let mut packet = packet[..usize::from(len)].to_vec();
    packet[3] = len;
    packet
}

#[test]
fn other_protocols_and_broken_ip_headers_are_rejected() {
    let mut packet = hex(V3);
    packet[PROTOCOL_AT] = 17;
    assert_eq!(rejected(&packet), (Reject::IpHeader, None));
    assert_eq!(rejected(&hex(V3_IPV6)), (Reject::IpHeader, None));
    for (at, value) in [(0, 0x35), (0, 0x44), (3, 19)] {
        let mut packet = hex(V3);
        packet[at] = value;
        assert_eq!(rejected(&packet), (Reject::IpHeader, None));
    }
}

#[test]
fn no_flipped_bit_of_a_pdu_goes_unnoticed() {
    for packet in [V3, V3_CENTIS, V3_THREE, V3_UNICAST, V2, V2_PASS, V2_UNICAST_PASS] {
        let packet = hex(packet);
        for bit in PDU * 8..packet.len() * 8 {
            let mut packet = packet.clone();
            packet[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(dissect_ipv4(&packet).is_err(), "bit {bit}");
        }
    }
    for packet in [V3_IPV6, V3_IPV6_UNICAST] {
        let packet = hex(packet);
        for bit in 40 * 8..packet.len() * 8 {
            let mut packet = packet.clone();
            packet[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(dissect_ipv6_packet(&packet).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_flipped_bit_of_an_ip_header_never_changes_the_advert() {
    for packet in [V3, V3_THREE, V3_UNICAST, V2, V2_PASS] {
        let packet = hex(packet);
        let expected = dissect_ipv4(&packet).unwrap().advert;
        for bit in 0..PDU * 8 {
            let mut packet = packet.clone();
            packet[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(datagram) = dissect_ipv4(&packet) {
                // A group that became a unicast address is what legacy senders have.
                let advert = Advert { checksum: expected.checksum, ..datagram.advert };
                assert_eq!(advert, expected, "bit {bit}");
            }
        }
    }
}
