//! Requests: every octet of them, worked out from the kernel's headers.

use super::*;

/// What `emit` writes into a dirty buffer that is a bit too long; and every shorter one is refused.
fn emitted(emit: impl Fn(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut buffer = [0xa5; 256];
    let len = emit(&mut buffer).unwrap();
    assert!(buffer[len..].iter().all(|octet| *octet == 0xa5), "wrote past its end");
    for short in 0..len {
        assert_eq!(emit(&mut vec![0xa5; short]), None, "{short} octets");
    }
    buffer[..len].to_vec()
}

#[test]
fn requests_for_dumps_are_what_the_kernel_headers_say() {
    assert_eq!(
        emitted(|buffer| emit_dump(Dump::Links, 7, buffer)),
        hex("28000000 1200 0103 07000000 00000000
            00 00 0000 00000000 00000000 00000000  0800 1d00 08000000"),
    );
    assert_eq!(
        emitted(|buffer| emit_dump(Dump::Addresses, 8, buffer)),
        hex("18000000 1600 0103 08000000 00000000  00 00 00 00 00000000"),
    );
}

const REQUEST: AddressRequest<'_> = AddressRequest {
    add: true,
    index: match IfIndex::new(3) {
        Some(index) => index,
        None => panic!(),
    },
    ip: IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1)),
    prefix_len: 32,
    label: "",
    lifetime_secs: None,
    proto: 0,
};

const REQUEST_V6: AddressRequest<'_> = AddressRequest {
    ip: IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0x200, 1)),
    prefix_len: 128,
    ..REQUEST
};

#[test]
fn requests_for_ipv4_addresses_are_what_the_kernel_headers_say() {
    let emitted = |request| emitted(|buffer| emit_address(&request, 7, buffer));
    assert_eq!(
        emitted(REQUEST),
        hex("28000000 1400 0505 07000000 00000000  02 20 00 00 03000000
            0800 0200 0a010101  0800 0100 0a010101"),
    );
    let full = AddressRequest { label: "eth0:v", lifetime_secs: Some(12), proto: 217, ..REQUEST };
    assert_eq!(
        emitted(full),
        hex("50000000 1400 0505 07000000 00000000  02 20 00 00 03000000
            0800 0200 0a010101  0800 0100 0a010101  0b00 0300 657468303a7600 00
            1400 0600 0c000000 0c000000 00000000 00000000  0500 0b00 d9 000000"),
    );
    assert_eq!(
        emitted(AddressRequest { add: false, ..full }),
        hex("28000000 1500 0500 07000000 00000000  02 20 00 00 03000000
            0800 0200 0a010101  0800 0100 0a010101"),
    );
}

#[test]
fn requests_for_ipv6_addresses_are_what_the_kernel_headers_say() {
    let emitted = |request| emitted(|buffer| emit_address(&request, 7, buffer));
    let ip = "fd99 0000 0000 0000 0000 0000 0200 0001";
    let add = |len, prefix_len, rest| {
        hex(&format!(
            "{len}000000 1400 0505 07000000 00000000  0a {prefix_len} 00 00 03000000
            1400 0200 {ip}  1400 0100 {ip}  0800 0800 02000000 {rest}"
        ))
    };
    // A host address is deprecated from the start: preferred for 0 s.
    let forever = "1400 0600 00000000 ffffffff 00000000 00000000";
    assert_eq!(emitted(REQUEST_V6), add("5c", "80", forever));
    let leased = AddressRequest { lifetime_secs: Some(12), label: "ignored", ..REQUEST_V6 };
    assert_eq!(emitted(leased), add("5c", "80", "1400 0600 00000000 0c000000 00000000 00000000"));
    // One with a subnet is not.
    let subnet = AddressRequest { prefix_len: 64, ..REQUEST_V6 };
    assert_eq!(emitted(subnet), add("48", "40", ""));
    assert_eq!(
        emitted(AddressRequest { lifetime_secs: Some(12), ..subnet }),
        add("5c", "40", "1400 0600 0c000000 0c000000 00000000 00000000")
    );
    assert_eq!(
        emitted(AddressRequest { add: false, ..leased }),
        hex(&format!(
            "40000000 1500 0500 07000000 00000000  0a 80 00 00 03000000
            1400 0200 {ip}  1400 0100 {ip}"
        )),
    );
}

#[test]
fn a_builder_nests_attributes() {
    // What iproute2 sends for `ip link add a type veth peer name b`, but for its order.
    let veth = |buffer: &mut [u8]| {
        Builder::new(buffer, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 7)
            .body(&ifinfomsg(None, IFF_UP, IFF_UP))
            .text(IFLA_IFNAME, "a")
            .nested(IFLA_LINKINFO, |info| {
                info.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, |data| {
                    data.nested(VETH_INFO_PEER, |peer| {
                        peer.body(&ifinfomsg(Some(index(9)), 0, 0)).text(IFLA_IFNAME, "b");
                    });
                });
            })
            .finish()
    };
    assert_eq!(
        emitted(veth),
        hex("58000000 1000 0500 07000000 00000000
            00 00 0000 00000000 01000000 01000000  0600 0300 6100 0000
            3000 1200  0900 0100 7665746800 000000
                2000 0200  1c00 0100  00 00 0000 09000000 00000000 00000000  0600 0300 6200 0000"),
    );
}

#[test]
fn an_attribute_longer_than_its_length_field_does_not_fit() {
    let mut buffer = vec![0; 1 << 17];
    let value = vec![0; 65_532];
    let fit = |value: &[u8], buffer: &mut [u8]| {
        Builder::new(buffer, RTM_NEWLINK, 0, 0).attribute(1, value).finish()
    };
    assert_eq!(fit(&value[..65_531], &mut buffer), Some(16 + 65_536));
    assert_eq!(fit(&value, &mut buffer), None);
}

#[test]
fn an_image_s_own_addresses_are_new_and_its_links_are_set_up() {
    let IpAddr::V6(ip) = REQUEST_V6.ip else { unreachable!() };
    let own =
        |ip: IpAddr, len| emitted(|buffer| emit_own_address(REQUEST.index, ip, len, 7, buffer));
    // RTM_NEWADDR; NLM_F_REQUEST, ACK, EXCL, CREATE.
    assert_eq!(
        own(Ipv4Addr::new(10, 1, 1, 1).into(), 24),
        hex("28000000 1400 0506 07000000 00000000  02 18 00 00 03000000
            0800 0200 0a010101  0800 0100 0a010101"),
    );
    // No lifetimes, and with duplicate address detection.
    let octets = "fd99 0000 0000 0000 0000 0000 0200 0001";
    assert_eq!(
        own(ip.into(), 128),
        hex(&format!(
            "40000000 1400 0506 07000000 00000000  0a 80 00 00 03000000
            1400 0200 {octets}  1400 0100 {octets}"
        )),
    );
    // RTM_NEWLINK; NLM_F_REQUEST, ACK; IFF_UP of a mask of IFF_UP.
    assert_eq!(
        emitted(|buffer| emit_up(REQUEST.index, 7, buffer)),
        hex("20000000 1000 0500 07000000 00000000  00 00 0000 03000000 01000000 01000000"),
    );
}
