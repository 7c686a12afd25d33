//! Bytes to small owned values or borrowed views, and back. No clock, no state, no decision.
//!
//! Everything that arrives is untrusted: a parser returns a value that holds only what the format
//! allows, or the reason why not, [`Reject`]. Nothing here panics on any input.

pub mod ah;
pub mod arp;
pub mod checksum;
pub mod echo;
pub mod ethernet;
pub mod http;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;
mod octets;
pub mod rtnl;
pub mod vrrp;

/// Why a packet was not obeyed. The value is the index of its counter; `status` shows each by its
/// [`Reject::name`]. A rejected packet changes this counter and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Reject {
    /// Shorter than its own headers and counts say.
    Truncated,
    /// Longer or shorter than a VRRP PDU with this count of addresses (RFC 9568 §7.1).
    Length,
    /// Not an IP header of the expected version, or a header length below its minimum.
    IpHeader,
    /// A fragment: adverts fit in one packet.
    Fragment,
    /// TTL or hop limit of a multicast advert was not 255: routed or spoofed (RFC 9568 §5.1.1.3).
    HopLimit,
    /// Neither version 2 nor 3, or not this instance's version.
    Version,
    /// Not an advertisement: the only packet type there is (RFC 9568 §5.2.2).
    Type,
    /// The checksum is wrong, in each flavour that peers are known to use.
    Checksum,
    /// VRID 0.
    VridZero,
    /// No instance with this VRID, family and interface here.
    VridUnknown,
    /// Version 2: the authentication type is not this instance's.
    AuthType,
    /// Version 2: the password is not this instance's, or IPsec AH was made with another key or for
    /// another packet.
    Password,
    /// Version 2: the interval is not this instance's (RFC 3768 §7.1).
    Interval,
    /// An interval of zero, which no timer can follow.
    IntervalZero,
    /// The sender's address is one of ours: our own packet came back.
    OwnAddress,
    /// Sent to the group while the instance speaks unicast, or the other way round.
    Destination,
    /// Unicast from an address that is none of the instance's peers.
    UnknownPeer,
    /// IPsec AH: its number is not above the last one that was taken into account.
    Replay,
    /// The instance does not listen now: in FAULT, or within the start-up delay.
    NotListening,
}

impl Reject {
    /// Every reason, in the order of its value.
    pub const ALL: [Reject; 19] = [
        Reject::Truncated,
        Reject::Length,
        Reject::IpHeader,
        Reject::Fragment,
        Reject::HopLimit,
        Reject::Version,
        Reject::Type,
        Reject::Checksum,
        Reject::VridZero,
        Reject::VridUnknown,
        Reject::AuthType,
        Reject::Password,
        Reject::Interval,
        Reject::IntervalZero,
        Reject::OwnAddress,
        Reject::Destination,
        Reject::UnknownPeer,
        Reject::Replay,
        Reject::NotListening,
    ];

    /// How many reasons there are: the length of a table of counters.
    pub const COUNT: usize = Self::ALL.len();

    /// The index of this reason's counter.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in `status`, in JSON and in `decode`.
    pub const fn name(self) -> &'static str {
        match self {
            Reject::Truncated => "truncated",
            Reject::Length => "length",
            Reject::IpHeader => "ip-header",
            Reject::Fragment => "fragment",
            Reject::HopLimit => "hop-limit",
            Reject::Version => "version",
            Reject::Type => "type",
            Reject::Checksum => "checksum",
            Reject::VridZero => "vrid-zero",
            Reject::VridUnknown => "vrid-unknown",
            Reject::AuthType => "auth-type",
            Reject::Password => "password",
            Reject::Interval => "interval",
            Reject::IntervalZero => "interval-zero",
            Reject::OwnAddress => "own-address",
            Reject::Destination => "destination",
            Reject::UnknownPeer => "unknown-peer",
            Reject::Replay => "replay",
            Reject::NotListening => "not-listening",
        }
    }

    /// What a peer did, in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Reject::Truncated => "shorter than it says",
            Reject::Length => "longer or shorter than an advert with these addresses",
            Reject::IpHeader => "a broken IP header",
            Reject::Fragment => "a fragment",
            Reject::HopLimit => "a TTL below 255: routed, or forged",
            Reject::Version => "another version of VRRP than here",
            Reject::Type => "no advertisement",
            Reject::Checksum => "a wrong checksum",
            Reject::VridZero => "VRID 0",
            Reject::VridUnknown => "a VRID that is not configured here",
            Reject::AuthType => "another auth_type than here",
            Reject::Password => "another auth_pass than here",
            Reject::Interval => "another advert_int than here",
            Reject::IntervalZero => "an interval of zero",
            Reject::OwnAddress => "sent from an address of this router",
            Reject::Destination => "multicast where unicast is configured, or the reverse",
            Reject::UnknownPeer => "from none of the unicast peers",
            Reject::Replay => "repeated: a number that is not above the last one",
            Reject::NotListening => "came in FAULT, or before the start",
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::collections::BTreeSet;

    use super::octets::hex;
    use super::{Reject, arp, ethernet, ipv4, ipv6, ndisc, rtnl, vrrp};
    use crate::addr::{Family, IfIndex, MacAddr, Priority, Version, Vrid};
    use crate::time::Span;

    #[test]
    fn a_reason_is_the_index_of_its_counter() {
        for (index, reason) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
        }
    }

    #[test]
    fn a_reason_has_a_name_of_its_own_that_needs_no_quotes() {
        let names: BTreeSet<&str> = Reject::ALL.into_iter().map(Reject::name).collect();
        assert_eq!(names.len(), Reject::COUNT);
        for name in names {
            let is_plain = |octet: u8| octet.is_ascii_lowercase() || octet == b'-';
            assert!(!name.is_empty() && name.bytes().all(is_plain), "{name}");
        }
    }

    /// Numbers that look random and are the same in every run (splitmix64).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn below(&mut self, limit: usize) -> usize {
            usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
        }

        fn coin(&mut self) -> bool {
            self.below(2) == 0
        }

        fn octet(&mut self) -> u8 {
            self.next().to_be_bytes()[0]
        }
    }

    /// Hands `octets` to every reader there is.
    fn read_as_everything(octets: &[u8]) {
        let _ = vrrp::dissect_ipv4(octets);
        let (source, group) = (Ipv6Addr::LOCALHOST, vrrp::GROUP_V6);
        let _ = vrrp::dissect_ipv6(source, group, 255, octets);
        let _ = (ipv4::Packet::parse(octets), ipv6::Packet::parse(octets));
        let _ = (ethernet::Frame::parse(octets), arp::Arp::parse(octets));
        let _ = ndisc::Neighbour::parse(octets);
        assert!(rtnl::messages(octets).take(octets.len() + 1).count() <= octets.len());
    }

    #[test]
    fn no_noise_makes_a_reader_panic() {
        let mut noise = Noise(1);
        for _ in 0..20_000 {
            let len = noise.below(200);
            let octets: Vec<u8> = (0..len).map(|_| noise.octet()).collect();
            read_as_everything(&octets);
        }
    }

    #[test]
    fn no_noise_in_a_good_packet_makes_a_reader_panic() {
        // An advert over IPv4, one over IPv6, an advertisement, a netlink message.
        let good = [
            "45c00020 00010000 ff70d036 0a630001 e0000012 3101c801 006410dd 0ac80001",
            "3101c801 00640b3f fd990000000000000000000002000001",
            "333300000001 020000000001 86dd 60000000 00203aff
            fe800000000000000000000002000001 ff020000000000000000000000000001
            8800539b 20000000 fe800000000000000000000002000001 0201 020000000001",
            "5400000014000000c7de006b9b4e0000 0218000003000000 080001000ac80001
            080002000ac80001 0d000300657468303a76697000000000 0800080000000000
            140006000c0000000c0000006886030068860300",
        ]
        .map(hex);
        let mut noise = Noise(2);
        for octets in good {
            for _ in 0..20_000 {
                let mut octets = octets.clone();
                for _ in 0..=noise.below(3) {
                    let at = noise.below(octets.len());
                    octets[at] = noise.octet();
                }
                octets.truncate(1 + noise.below(octets.len() * 2));
                read_as_everything(&octets);
            }
        }
    }

    #[test]
    fn every_advert_that_is_written_is_read_back() {
        let mut noise = Noise(3);
        for _ in 0..2_000 {
            let version = if noise.coin() { Version::V2 } else { Version::V3 };
            let is_v6 = version == Version::V3 && noise.coin();
            let mut address = || {
                let octets = [noise.next(), noise.next()].map(u64::to_be_bytes).concat();
                match is_v6 {
                    true => IpAddr::V6(<[u8; 16]>::try_from(&octets[..]).unwrap().into()),
                    false => IpAddr::V4(<[u8; 4]>::try_from(&octets[..4]).unwrap().into()),
                }
            };
            let (source, destination) = (address(), address());
            let addresses: Vec<IpAddr> = (0..255).map(|_| address()).collect();
            let addresses = &addresses[..1 + noise.below(255)];
            let interval = match version {
                Version::V2 => Span::from_secs(1 + noise.next() % 255),
                Version::V3 => Span::from_centis(1 + noise.next() % 4_095),
            };
            let password = match version {
                Version::V2 if noise.coin() => Some(noise.next().to_be_bytes()),
                Version::V2 | Version::V3 => None,
            };
            let outgoing = vrrp::Outgoing {
                version,
                vrid: Vrid::new(noise.octet() | 1).unwrap(),
                priority: Priority(noise.octet()),
                interval,
                source,
                destination,
                addresses: addresses.iter().copied(),
                seal: password.map_or(vrrp::Seal::None, vrrp::Seal::Password),
                identification: 0,
            };
            let mut buffer = [0xa5; crate::limits::DATAGRAM_LEN_MAX];
            let len = vrrp::emit(&outgoing, &mut buffer).unwrap();
            let datagram = if is_v6 {
                let packet = ipv6::Packet::parse(&buffer[..len]).unwrap();
                let (from, to) = (packet.source, packet.destination);
                vrrp::dissect_ipv6(from, to, packet.hop_limit, packet.payload).unwrap()
            } else {
                vrrp::dissect_ipv4(&buffer[..len]).unwrap()
            };
            let advert = datagram.advert;
            assert_eq!((datagram.source, datagram.destination), (source, destination));
            assert_eq!(datagram.hop_limit, 255);
            assert_eq!((advert.version, advert.vrid), (version, outgoing.vrid));
            assert_eq!((advert.priority, advert.interval), (outgoing.priority, interval));
            assert!(advert.addresses.iter().eq(addresses.iter().copied()));
            assert_eq!(advert.auth, password.map_or(vrrp::Auth::None, vrrp::Auth::Password));
        }
    }

    #[test]
    fn every_announcement_and_request_that_is_written_is_read_back() {
        let mut noise = Noise(4);
        let mut buffer = [0xa5; 256];
        for _ in 0..5_000 {
            let octets = [noise.next(), noise.next()].map(u64::to_be_bytes).concat();
            let v4 = Ipv4Addr::from(<[u8; 4]>::try_from(&octets[..4]).unwrap());
            let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(&octets[..]).unwrap());
            let mac = MacAddr(noise.next().to_be_bytes()[..6].try_into().unwrap());

            let len = arp::emit_gratuitous(mac, v4, &mut buffer).unwrap();
            let said = arp::Arp::parse(&buffer[..len]).unwrap();
            assert!(said.is_gratuitous() && (said.sender_mac, said.sender_ip) == (mac, v4));

            let router = noise.coin();
            let len = ndisc::emit_unsolicited(mac, v6, router, &mut buffer).unwrap();
            let said = ndisc::Neighbour::parse(&buffer[..len]).unwrap();
            assert_eq!((said.source, said.target, said.mac), (v6, v6, Some(mac)));
            let unsolicited =
                ndisc::Kind::Advertisement { router, solicited: false, overrides: true };
            assert_eq!(said.kind, unsolicited);

            let ip = if noise.coin() { IpAddr::V4(v4) } else { IpAddr::V6(v6) };
            let request = rtnl::AddressRequest {
                add: noise.coin(),
                index: IfIndex::new(u32::from(noise.octet()) + 1).unwrap(),
                ip,
                prefix_len: noise.octet() % (Family::of(ip).host_len() + 1),
                label: ["", "eth0:vip"][noise.below(2)],
                lifetime_secs: noise.coin().then_some(12),
                proto: noise.octet(),
            };
            let sequence = u32::from(noise.octet());
            let len = rtnl::emit_address(&request, sequence, &mut buffer).unwrap();
            let read: Vec<_> = rtnl::messages(&buffer[..len]).collect();
            let [Ok(item)] = read[..] else { panic!("{read:?}") };
            let rtnl::Message::Address(asked) = item.message else { panic!("{item:?}") };
            assert_eq!((item.sequence, asked.present), (sequence, request.add));
            assert_eq!((asked.index, asked.ip), (request.index, request.ip));
            assert_eq!(asked.prefix_len, request.prefix_len);
            assert_eq!(asked.proto, if request.add { request.proto } else { 0 });
        }
    }

    #[test]
    fn the_smallest_buffers_are_refused_by_every_writer() {
        let (mac, ip) = (MacAddr::BROADCAST, Ipv4Addr::LOCALHOST);
        assert_eq!(arp::emit_gratuitous(mac, ip, &mut []), None);
        let ip = Ipv6Addr::LOCALHOST;
        assert_eq!(ndisc::emit_unsolicited(mac, ip, true, &mut []), None);
        assert_eq!(rtnl::emit_dump(rtnl::Dump::Links, 1, &mut []), None);
    }
}
