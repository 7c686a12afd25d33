//! Adverts are written as keepalived writes them.

use super::*;

pub(super) fn outgoing(
    version: Version,
    password: Option<[u8; 8]>,
) -> Outgoing<core::array::IntoIter<IpAddr, 1>> {
    Outgoing {
        version,
        vrid: vrid(1),
        priority: Priority(200),
        interval: Span::from_secs(1),
        source: ROUTER,
        destination: GROUP,
        addresses: [VIP].into_iter(),
        seal: password.map_or(Seal::None, Seal::Password),
        identification: 1,
    }
}

/// What `emit` writes into a dirty buffer that is a bit too long.
fn emitted<I: Iterator<Item = IpAddr> + Clone>(advert: &Outgoing<I>) -> Vec<u8> {
    let mut buffer = [0xa5; 128];
    let len = emit(advert, &mut buffer).unwrap();
    assert!(buffer[len..].iter().all(|octet| *octet == 0xa5), "wrote past its end");
    buffer[..len].to_vec()
}

#[test]
fn emit_writes_what_keepalived_writes_over_ipv4() {
    let v3 = outgoing(Version::V3, None);
    assert_eq!(emitted(&v3), hex(V3));
    assert_eq!(
        emitted(&Outgoing { interval: Span::from_millis(100), ..v3.clone() }),
        hex(V3_CENTIS)
    );
    assert_eq!(emitted(&Outgoing { destination: PEER, ..v3.clone() }), hex(V3_UNICAST));
    let three = [[10, 200, 0, 1], [10, 200, 0, 2], [10, 200, 0, 3]].map(IpAddr::from);
    let three = Outgoing {
        version: Version::V3,
        vrid: vrid(1),
        priority: Priority(200),
        interval: Span::from_secs(1),
        source: ROUTER,
        destination: GROUP,
        addresses: three.into_iter(),
        seal: Seal::None,
        identification: 1,
    };
    assert_eq!(emitted(&three), hex(V3_THREE));

    assert_eq!(emitted(&outgoing(Version::V2, None)), hex(V2));
    let pass = outgoing(Version::V2, Some(SECRET));
    assert_eq!(emitted(&pass), hex(V2_PASS));
    assert_eq!(emitted(&Outgoing { destination: PEER, ..pass }), hex(V2_UNICAST_PASS));
}

#[test]
fn emit_writes_what_keepalived_writes_over_ipv6_but_for_the_unicast_hop_limit() {
    let advert = Outgoing {
        version: Version::V3,
        vrid: vrid(1),
        priority: Priority(200),
        interval: Span::from_secs(1),
        source: IpAddr::V6(ROUTER_LL),
        destination: IpAddr::V6(GROUP_V6),
        addresses: [VIP_LL, VIP_V6].map(IpAddr::V6).into_iter(),
        seal: Seal::None,
        identification: 1,
    };
    assert_eq!(emitted(&advert), hex(V3_IPV6));

    let unicast = Outgoing {
        version: Version::V3,
        vrid: vrid(1),
        priority: Priority(200),
        interval: Span::from_secs(1),
        source: IpAddr::V6(ROUTER_V6),
        destination: IpAddr::V6(PEER_V6),
        addresses: [VIP_V6].map(IpAddr::V6).into_iter(),
        seal: Seal::None,
        identification: 1,
    };
    let mut expected = hex(V3_IPV6_UNICAST);
    expected[1..4].fill(0); // no flow label
    expected[7] = 255; // RFC 9568 §5.1.2.3 wants it of unicast too
    assert_eq!(emitted(&unicast), expected);
}

#[test]
fn emit_writes_the_captured_ah_advert() {
    let advert = Outgoing {
        version: Version::V2,
        vrid: vrid(1),
        priority: Priority(200),
        interval: Span::from_secs(1),
        source: IpAddr::from([10, 99, 0, 1]),
        destination: IpAddr::V4(GROUP_V4),
        addresses: [IpAddr::from([10, 200, 0, 1])].into_iter(),
        seal: Seal::Header { key: *b"secret12", sequence: 1 },
        identification: 1,
    };
    let mut buffer = [0xa5; 64];
    assert_eq!(emit(&advert, &mut buffer), Some(64));
    assert_eq!(buffer[..], hex(V2_AH));
    assert_eq!(emit(&advert, &mut buffer[..63]), None);
}

#[test]
fn emit_does_not_send_a_password_in_v3() {
    assert_eq!(emitted(&outgoing(Version::V3, Some(SECRET))), hex(V3));
}

#[test]
fn every_shorter_buffer_is_too_short() {
    for advert in [outgoing(Version::V3, None), outgoing(Version::V2, Some(SECRET))] {
        let len = emitted(&advert).len();
        for short in 0..len {
            assert_eq!(emit(&advert, &mut vec![0xa5; short]), None, "{short} octets");
        }
        assert_eq!(emit(&advert, &mut vec![0xa5; len]), Some(len));
    }
}

#[test]
fn what_no_advert_can_say_is_not_emitted() {
    let mut buffer = [0xa5; 6144];
    let v3 = outgoing(Version::V3, None);
    let v2 = outgoing(Version::V2, None);
    for (advert, why) in [
        (Outgoing { interval: Span::from_millis(9), ..v3.clone() }, "below a centisecond"),
        (Outgoing { interval: Span::from_millis(40_960), ..v3.clone() }, "beyond 12 bits"),
        (Outgoing { interval: Span::from_millis(999), ..v2.clone() }, "below a second"),
        (Outgoing { interval: Span::from_secs(256), ..v2.clone() }, "beyond 8 bits"),
        (Outgoing { destination: IpAddr::V6(GROUP_V6), ..v3.clone() }, "two families"),
        (Outgoing { source: IpAddr::V6(ROUTER_LL), ..v3.clone() }, "two families"),
        (
            Outgoing {
                source: IpAddr::V6(ROUTER_LL),
                destination: IpAddr::V6(GROUP_V6),
                ..v3.clone()
            },
            "IPv4 address over IPv6",
        ),
        (
            Outgoing {
                source: IpAddr::V6(ROUTER_LL),
                destination: IpAddr::V6(GROUP_V6),
                addresses: [IpAddr::V6(VIP_LL)].into_iter(),
                ..v2
            },
            "version 2 over IPv6",
        ),
        (
            Outgoing { addresses: [IpAddr::V6(VIP_LL)].into_iter(), ..v3.clone() },
            "IPv6 address over IPv4",
        ),
    ] {
        assert_eq!(emit(&advert, &mut buffer), None, "{why}");
    }
}

#[test]
fn the_largest_advert_fits_and_one_address_more_does_not() {
    let advert = |count: usize| Outgoing {
        version: Version::V3,
        vrid: vrid(255),
        priority: Priority::OWNER,
        interval: Span::from_millis(40_950),
        source: IpAddr::V6(ROUTER_LL),
        destination: IpAddr::V6(GROUP_V6),
        addresses: core::iter::repeat_n(IpAddr::V6(VIP_V6), count),
        seal: Seal::None,
        identification: 0,
    };
    let mut buffer = [0xa5; 6144];
    assert_eq!(emit(&advert(255), &mut buffer), Some(40 + 8 + 255 * 16));
    let datagram = dissect_ipv6_packet(&buffer[..4128]).unwrap();
    assert_eq!(datagram.advert.addresses.len(), 255);
    assert_eq!(datagram.advert.priority, Priority(255));
    assert_eq!(datagram.advert.interval, Span::from_millis(40_950));
    assert_eq!(emit(&advert(256), &mut buffer), None);
}
