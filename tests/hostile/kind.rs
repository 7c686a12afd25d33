//! The kinds of packets that nobody may obey. Each has one thing wrong with it, and a priority that
//! would do harm if it were obeyed: 255 deposes the master, 0 calls the backup.

use std::net::{Ipv4Addr, Ipv6Addr};

use ringward::lab::Node;

use super::packet::{GROUP4, GROUP6, Ipv4, Mac, PROTOCOL_AH, PROTOCOL_VRRP, ipv6, seal};

/// The sender: the third node of the segment, and what it is taken for.
const MAC: Mac = [2, 0, 0, 0, 0, 3];
const SOURCE4: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 3);
const SOURCE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, 3);

/// One kind of packet.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The reason that it is counted under; none: the kernel drops it, or the socket never gets it.
    pub(crate) reason: Option<&'static str>,
    pub(crate) frame: Frame,
}

/// How to make it, given a priority.
pub(crate) enum Frame {
    /// For the group.
    Group(fn(u8) -> Vec<u8>),
    /// For one router.
    Each(fn(u8, &Node) -> Vec<u8>),
}

/// Version 3 for VRID 51: one address, interval 10 cs.
fn advert(priority: u8) -> Vec<u8> {
    vec![0x31, 51, priority, 1, 0x00, 10, 0, 0, 10, 200, 0, 1]
}

/// Version 2 for VRID 52: one address, password, interval 1 s.
fn advert_with_password(priority: u8) -> Vec<u8> {
    let mut pdu = vec![0x21, 52, priority, 1, 1, 1, 0, 0, 10, 200, 0, 2];
    pdu.extend(b"secret12");
    pdu
}

/// Version 3 for VRID 53: one IPv6 address, interval 10 cs.
fn advert6(priority: u8) -> Vec<u8> {
    let mut pdu = vec![0x31, 53, priority, 1, 0x00, 10, 0, 0];
    pdu.extend("fe80::200:1".parse::<Ipv6Addr>().unwrap().octets());
    pdu
}

const GROUP: Ipv4 =
    Ipv4 { source: SOURCE4, destination: GROUP4.0, ttl: 255, protocol: PROTOCOL_VRRP, fragment: 0 };

/// To the group, with the right checksum.
fn sealed(pdu: Vec<u8>) -> Vec<u8> {
    GROUP.frame(MAC, GROUP4.1, &seal(pdu, SOURCE4, GROUP4.0))
}

/// An advert to the group with some octets changed, and the right checksum.
fn with(mut pdu: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for &(at, octet) in changes {
        pdu[at] = octet;
    }
    sealed(pdu)
}

/// A correct advert of a router that thinks itself master with priority 50.
pub(crate) fn inferior_advert() -> Vec<u8> {
    sealed(advert(50))
}

/// To one router's own address.
fn unicast(pdu: Vec<u8>, node: &Node) -> Vec<u8> {
    let payload = seal(pdu, SOURCE4, node.ipv4());
    Ipv4 { destination: node.ipv4(), ..GROUP }.frame(MAC, node.mac(), &payload)
}

macro_rules! kinds {
    ($($name:literal $(counted $reason:literal)?: $how:ident $make:expr;)*) => {
        &[$(Kind {
            name: $name,
            reason: [$($reason,)?].first().copied(),
            frame: Frame::$how($make),
        },)*]
    };
}

pub(crate) const KINDS: &[Kind] = kinds! {
    "a wrong checksum" counted "checksum": Group |priority| {
        let mut pdu = seal(advert(priority), SOURCE4, GROUP4.0);
        pdu[6] ^= 0xa5;
        GROUP.frame(MAC, GROUP4.1, &pdu)
    };
    "version 2 with a wrong checksum" counted "checksum": Group |priority| {
        let mut pdu = seal(advert_with_password(priority), SOURCE4, GROUP4.0);
        pdu[7] ^= 0x5a;
        GROUP.frame(MAC, GROUP4.1, &pdu)
    };
    "IPv6 with a wrong checksum" counted "checksum": Group |priority| {
        let mut pdu = seal(advert6(priority), SOURCE6, GROUP6.0);
        pdu[6] ^= 0xa5;
        ipv6((MAC, SOURCE6), (GROUP6.1, GROUP6.0), 255, &pdu)
    };
    "a TTL of 254" counted "hop-limit": Group |priority| {
        let payload = seal(advert(priority), SOURCE4, GROUP4.0);
        Ipv4 { ttl: 254, ..GROUP }.frame(MAC, GROUP4.1, &payload)
    };
    "a TTL of 1" counted "hop-limit": Group |priority| {
        let payload = seal(advert(priority), SOURCE4, GROUP4.0);
        Ipv4 { ttl: 1, ..GROUP }.frame(MAC, GROUP4.1, &payload)
    };
    "an IPv6 hop limit of 64" counted "hop-limit": Group |priority| {
        let pdu = seal(advert6(priority), SOURCE6, GROUP6.0);
        ipv6((MAC, SOURCE6), (GROUP6.1, GROUP6.0), 64, &pdu)
    };
    "a wrong type" counted "type": Group |priority| with(advert(priority), &[(0, 0x32)]);
    "version 4" counted "version": Group |priority| with(advert(priority), &[(0, 0x41)]);
    "version 0" counted "version": Group |priority| with(advert(priority), &[(0, 0x01)]);
    "version 2 for an instance of version 3" counted "version": Group |priority| {
        with(advert_with_password(priority), &[(1, 51)])
    };
    "version 3 for an instance of version 2" counted "version": Group |priority| {
        with(advert(priority), &[(1, 52)])
    };
    "an advert cut after four octets" counted "truncated": Group |priority| {
        GROUP.frame(MAC, GROUP4.1, &advert(priority)[..4])
    };
    "an advert without content" counted "truncated": Group |_| {
        GROUP.frame(MAC, GROUP4.1, &[])
    };
    "a count of 200 and one address" counted "truncated": Group |priority| {
        with(advert(priority), &[(3, 200)])
    };
    "version 2 without its authentication data" counted "truncated": Group |priority| {
        sealed(advert_with_password(priority)[..12].to_vec())
    };
    "a count of 1 and six addresses" counted "length": Group |priority| {
        let mut pdu = advert(priority);
        pdu.extend([10, 200, 0, 9].repeat(5));
        sealed(pdu)
    };
    "a count of 0" counted "length": Group |priority| {
        sealed(vec![0x31, 51, priority, 0, 0x00, 10, 0, 0])
    };
    "VRID 0" counted "vrid-zero": Group |priority| with(advert(priority), &[(1, 0)]);
    "a foreign VRID" counted "vrid-unknown": Group |priority| with(advert(priority), &[(1, 99)]);
    "the VRID of the other family" counted "vrid-unknown": Group |priority| {
        with(advert(priority), &[(1, 53)])
    };
    "an interval of 0" counted "interval-zero": Group |priority| with(advert(priority), &[(5, 0)]);
    "version 2 with another interval" counted "interval": Group |priority| {
        with(advert_with_password(priority), &[(5, 2)])
    };
    "a wrong password" counted "password": Group |priority| {
        with(advert_with_password(priority), &[(19, b'3')])
    };
    "no authentication" counted "auth-type": Group |priority| {
        with(advert_with_password(priority), &[(4, 0)])
    };
    "the authentication type of AH" counted "auth-type": Group |priority| {
        with(advert_with_password(priority), &[(4, 2)])
    };
    "unicast for an instance that speaks multicast" counted "destination": Each |priority, node| {
        unicast(advert(priority), node)
    };
    "multicast for an instance that speaks unicast" counted "destination": Group |priority| {
        with(advert(priority), &[(1, 54)])
    };
    "unicast from a stranger" counted "unknown-peer": Each |priority, node| {
        let mut pdu = advert(priority);
        pdu[1] = 54;
        unicast(pdu, node)
    };
    "its own IPv6 source" counted "own-address": Each |priority, node| {
        let pdu = seal(advert6(priority), node.link_local(), GROUP6.0);
        ipv6((MAC, node.link_local()), (node.mac(), GROUP6.0), 255, &pdu)
    };
    // A kernel takes its own source address from outside for a lie.
    "its own IPv4 source": Each |priority, node| {
        let payload = seal(advert(priority), node.ipv4(), GROUP4.0);
        Ipv4 { source: node.ipv4(), ..GROUP }.frame(MAC, node.mac(), &payload)
    };
    // RFC 2402: next header, length, reserved, SPI, sequence, 12 octets of HMAC, then the advert.
    "an advert in IPsec AH": Group |priority| {
        let mut payload = vec![112, 4, 0, 0, 10, 99, 0, 3, 0, 0, 0, 1];
        payload.extend([0x5a; 12]);
        payload.extend(seal(advert_with_password(priority), SOURCE4, GROUP4.0));
        Ipv4 { protocol: PROTOCOL_AH, ..GROUP }.frame(MAC, GROUP4.1, &payload)
    };
    "the first fragment of an advert": Group |priority| {
        let payload = seal(advert_with_password(priority), SOURCE4, GROUP4.0);
        Ipv4 { fragment: 0x2000, ..GROUP }.frame(MAC, GROUP4.1, &payload[..16])
    };
    "a later fragment of an advert": Group |priority| {
        let payload = seal(advert_with_password(priority), SOURCE4, GROUP4.0);
        Ipv4 { fragment: 1, ..GROUP }.frame(MAC, GROUP4.1, &payload[8..])
    };
    "an IP header of 16 octets": Group |priority| {
        let mut frame = sealed(advert(priority));
        frame[14] = 0x44;
        frame
    };
};
