//! Adverts and announcements of real routers, read by `wire`.
//!
//! A handful of frames are literals. Where the captures of Debian's keepalived 2.2.7 lie beside the
//! project, in `../shared/captures`, every frame of theirs is read too, and compared with what
//! tshark made of it (the `.txt` beside each `.pcap`) and with how the capture was made.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ringward::addr::{MacAddr, Version};
use ringward::time::Span;
use ringward::wire::arp::{Arp, Operation};
use ringward::wire::ethernet::{self, Frame};
use ringward::wire::ndisc::{Kind, Neighbour};
use ringward::wire::vrrp::{self, Auth, ChecksumFlavour, Datagram, Rejected};
use ringward::wire::{ipv4, ipv6};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(octet).collect()
}

/// What a frame with VRRP in it holds; `None` when it holds something else.
fn advert(frame: &[u8]) -> Option<Result<Datagram<'_>, Rejected>> {
    let payload = Frame::parse(frame)?.payload;
    match Frame::parse(frame)?.ethertype {
        ethernet::IPV4 => matches!(ipv4::Packet::parse(payload).ok()?.protocol, 51 | 112)
            .then(|| vrrp::dissect_ipv4(payload)),
        ethernet::IPV6 => {
            let packet = ipv6::Packet::parse(payload).ok()?;
            let (source, destination) = (packet.source, packet.destination);
            (packet.next_header == 112)
                .then(|| vrrp::dissect_ipv6(source, destination, packet.hop_limit, packet.payload))
        }
        _ => None,
    }
}

/// A frame in the words of tshark's list: source, destination, protocol, length, what it says.
fn line(frame: &[u8]) -> Option<String> {
    let len = frame.len();
    if let Some(result) = advert(frame) {
        let (source, destination, version) = match result {
            Ok(datagram) => {
                let version = datagram.advert.version.number();
                (datagram.source, datagram.destination, version)
            }
            Err(rejected) => panic!("{rejected:?}"),
        };
        return Some(format!("{source} → {destination} VRRP {len} Announcement (v{version})"));
    }
    if let Some(arp) = Arp::parse(frame) {
        let destination = Frame::parse(frame).unwrap().destination;
        let (from, to) = (name(arp.sender_mac), name(destination));
        let (sender, target) = (arp.sender_ip, arp.target_ip);
        let says = match arp.operation {
            Operation::Request if arp.is_gratuitous() => {
                format!("Gratuitous ARP for {sender} (Request)")
            }
            Operation::Reply if arp.is_gratuitous() => {
                format!("Gratuitous ARP for {sender} (Reply)")
            }
            Operation::Request => format!("Who has {target}? Tell {sender}"),
            Operation::Reply => format!("{sender} is at {}", arp.sender_mac),
        };
        return Some(format!("{from} → {to} ARP {len} {says}"));
    }
    let neighbour = Neighbour::parse(frame)?;
    let Kind::Advertisement { router, solicited, overrides } = neighbour.kind else { return None };
    let flags = [(router, "rtr"), (solicited, "sol"), (overrides, "ovr")];
    let flags: Vec<&str> =
        flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    let at = neighbour.mac.map(|mac| format!(" is at {mac}")).unwrap_or_default();
    Some(format!(
        "{} → {} ICMPv6 {len} Neighbor Advertisement {} ({}){at}",
        neighbour.source,
        neighbour.destination,
        neighbour.target,
        flags.join(", ")
    ))
}

/// tshark's name for a MAC.
fn name(mac: MacAddr) -> String {
    match mac {
        MacAddr::BROADCAST => "Broadcast".to_owned(),
        MacAddr([0, 0, 0x5e, 0, 1, vrid]) => format!("IETF-VRRP-VRID_{vrid:02x}"),
        other => other.to_string(),
    }
}

#[test]
fn frames_of_keepalived_are_read() {
    for (frame, expected) in [
        (
            "01005e000012 020000000001 0800 45c00020 00010000 ff70d036 0a630001 e0000012
            3101c801 006410dd 0ac80001",
            "10.99.0.1 → 224.0.0.18 VRRP 46 Announcement (v3)",
        ),
        (
            "020000000002 020000000001 0800 45c00028 00010000 ff70a5dc 0a630001 0a630002
            2101c801 01019db4 0ac80001 73656372 65743132",
            "10.99.0.1 → 10.99.0.2 VRRP 54 Announcement (v2)",
        ),
        (
            "333300000012 020000000001 86dd 6c0771cb 002870ff
            fe80000000000000000000fffe000001 ff020000000000000000000000000012
            3101c802 0064094c
            fe800000000000000000000002000001 fd990000000000000000000002000001",
            "fe80::ff:fe00:1 → ff02::12 VRRP 94 Announcement (v3)",
        ),
        (
            "ffffffffffff 00005e000101 0806 0001 0800 0604 0001
            00005e000101 0ac80001 ffffffffffff 0ac80001",
            "IETF-VRRP-VRID_01 → Broadcast ARP 42 Gratuitous ARP for 10.200.0.1 (Request)",
        ),
        (
            "333300000001 020000000001 86dd 60000000 00203aff
            fe800000000000000000000002000001 ff020000000000000000000000000001
            8800539b 20000000 fe800000000000000000000002000001 0201 020000000001",
            "fe80::200:1 → ff02::1 ICMPv6 86 Neighbor Advertisement fe80::200:1 (ovr) is at \
             02:00:00:00:00:01",
        ),
    ] {
        assert_eq!(line(&hex(frame)).as_deref(), Some(expected));
    }
}

/// The frames of a pcap with nanoseconds in little-endian order, which all the captures are.
fn frames(pcap: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(pcap[..4], [0x4d, 0x3c, 0xb2, 0xa1], "another format");
    assert_eq!(pcap[20..24], [1, 0, 0, 0], "another link layer than Ethernet");
    let (mut frames, mut rest) = (Vec::new(), &pcap[24..]);
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let (frame, next) = rest[16..].split_at(usize::try_from(len).unwrap());
        frames.push(frame.to_vec());
        rest = next;
    }
    frames
}

/// tshark's list: frame number to the line behind the time, single-spaced and without its warnings
/// of duplicate addresses; only what is read here.
fn tshark(text: &str) -> BTreeMap<usize, String> {
    let list = text.split("--- packets\n").nth(1).unwrap().split("\n---").next().unwrap();
    list.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let says = words[2..].join(" ");
            let says = says.split(" (duplicate use").next().unwrap().to_owned();
            (words[0].parse().unwrap(), says)
        })
        .filter(|(_, says)| !says.contains(" ICMP ") && !says.contains("Parameter Problem"))
        .collect()
}

/// Which fields of tshark's full decode of the first advert are wanted.
fn decoded<'t>(text: &'t str, field: &str) -> Vec<&'t str> {
    text.split("Virtual Router Redundancy Protocol\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(field).map(|(_, value)| value))
        .map(|value| value.split_whitespace().next().unwrap())
        .collect()
}

/// How a capture was made, as its configuration says.
struct Made {
    name: &'static str,
    adverts: usize,
    version: Version,
    interval: Span,
    addresses: Vec<IpAddr>,
    auth: Auth<'static>,
    checksum: ChecksumFlavour,
    hop_limit: u8,
}

/// Every capture but the one with AH.
fn captures() -> Vec<Made> {
    let v4 = |last| IpAddr::V4(Ipv4Addr::new(10, 200, 0, last));
    let v6 = |first| IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0x200, 1));
    let v3 = |name, adverts| Made {
        name,
        adverts,
        version: Version::V3,
        interval: Span::from_secs(1),
        addresses: vec![v4(1)],
        auth: Auth::None,
        checksum: ChecksumFlavour::V3PseudoHeader,
        hop_limit: 255,
    };
    let v2 = |name, auth| Made {
        version: Version::V2,
        auth,
        checksum: ChecksumFlavour::V2,
        ..v3(name, 24)
    };
    let over_ipv6 = |name, addresses, hop_limit| Made {
        addresses,
        checksum: ChecksumFlavour::Ipv6,
        hop_limit,
        ..v3(name, 24)
    };
    vec![
        v3("v3-ipv4", 24),
        Made { interval: Span::from_millis(100), ..v3("v3-ipv4-cs", 261) },
        Made { addresses: vec![v4(1), v4(2), v4(3)], ..v3("v3-ipv4-3vips", 24) },
        v2("v2-none", Auth::None),
        v2("v2-pass", Auth::Password(*b"secret12")),
        v2("v2-unicast-pass", Auth::Password(*b"secret12")),
        over_ipv6("v3-ipv6", vec![v6(0xfe80), v6(0xfd99)], 255),
        // keepalived leaves the kernel's hop limit to unicast adverts over IPv6.
        over_ipv6("v3-ipv6-unicast", vec![v6(0xfd99)], 64),
        v3("v3-unicast", 24),
        v3("v3-vmac", 24),
        v3("v3-garp-tuned", 30),
    ]
}

/// The captures' folder; `None`, and a line that says so, where they are not.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("no captures at {}: only the literal frames were read", folder.display());
    None
}

fn open(folder: &Path, name: &str) -> (Vec<Vec<u8>>, String) {
    let path = folder.join(format!("keepalived-deb-{name}.pcap"));
    let pcap = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = fs::read_to_string(path.with_extension("txt")).unwrap();
    (frames(&pcap), text)
}

#[test]
fn every_captured_frame_says_what_tshark_says() {
    let Some(folder) = folder() else { return };
    for name in captures().iter().map(|made| made.name).chain(["v2-ah"]) {
        let (frames, text) = open(&folder, name);
        let lines: BTreeMap<usize, String> =
            (1..).zip(&frames).filter_map(|(number, frame)| Some((number, line(frame)?))).collect();
        assert_eq!(lines, tshark(&text), "{name}: left ours, right tshark's");
    }
}

#[test]
fn every_captured_advert_says_what_its_sender_was_configured_to() {
    let Some(folder) = folder() else { return };
    for made in captures() {
        let (frames, _) = open(&folder, made.name);
        let adverts: Vec<Datagram<'_>> = frames
            .iter()
            .filter_map(|frame| advert(frame))
            .map(|result| result.unwrap_or_else(|rejected| panic!("{}: {rejected:?}", made.name)))
            .collect();
        assert_eq!(adverts.len(), made.adverts, "{}", made.name);
        for Datagram { advert, hop_limit, .. } in &adverts {
            assert_eq!(advert.vrid.get(), 1, "{}", made.name);
            assert_eq!(advert.version, made.version, "{}", made.name);
            assert_eq!(advert.interval, made.interval, "{}", made.name);
            assert_eq!(advert.addresses.iter().collect::<Vec<_>>(), made.addresses);
            assert_eq!(advert.auth, made.auth, "{}", made.name);
            assert_eq!(advert.checksum, made.checksum, "{}", made.name);
            assert_eq!(*hop_limit, made.hop_limit, "{}", made.name);
        }
        // a has priority 200, takes over three times and resigns once; b has 100 and resigns once.
        let sent_by = |last, priority| {
            let is_from = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.octets().last() == Some(&last),
                IpAddr::V6(ip) => ip.octets().last() == Some(&last),
            };
            let has = |it: &&Datagram<'_>| is_from(it.source) && it.advert.priority.0 == priority;
            adverts.iter().filter(has).count()
        };
        let (a, b) = (sent_by(1, 200), sent_by(2, 100));
        assert_eq!((sent_by(1, 0), sent_by(2, 0)), (1, 1), "{}: resignations", made.name);
        assert_eq!(a + b + 2, made.adverts, "{}: another priority", made.name);
    }
}

#[test]
fn the_first_captured_advert_has_the_fields_that_tshark_decoded() {
    let Some(folder) = folder() else { return };
    for made in captures() {
        let (frames, text) = open(&folder, made.name);
        let Datagram { advert, .. } = frames.iter().find_map(|f| advert(f)).unwrap().unwrap();
        let only = |field| decoded(&text, field)[0];
        assert_eq!(only("protocol version: "), advert.version.number().to_string());
        assert_eq!(only("Virtual Rtr ID: "), advert.vrid.to_string());
        assert_eq!(only("Priority: "), advert.priority.to_string());
        assert_eq!(only("Addr Count: "), advert.addresses.len().to_string());
        assert_eq!(decoded(&text, "[Checksum Status: "), ["Good]"]);
        let interval = match advert.version {
            Version::V2 => advert.interval.as_secs(),
            Version::V3 => advert.interval.as_centis(),
        };
        assert_eq!(only("Adver Int: "), interval.to_string(), "{}", made.name);
        let field = if made.addresses[0].is_ipv4() { "IP Address: " } else { "IPv6 Address: " };
        let addresses: Vec<String> = advert.addresses.iter().map(|ip| ip.to_string()).collect();
        assert_eq!(decoded(&text, field), addresses, "{}", made.name);
        let password: &[&str] = match advert.auth {
            Auth::Password(_) => &["secret12"],
            Auth::None | Auth::Header(_) | Auth::Other(_) => &[],
        };
        assert_eq!(decoded(&text, "Authentication String: "), password, "{}", made.name);
    }
}

#[test]
fn every_captured_advert_behind_ah_is_authentic_and_counts_on() {
    let Some(folder) = folder() else { return };
    let (frames, _) = open(&folder, "v2-ah");
    let mut sequences = Vec::new();
    for frame in frames.iter() {
        let Some(result) = advert(frame) else { continue };
        let advert = result.unwrap().advert;
        let Auth::Header(header) = advert.auth else { panic!("{advert:?}") };
        assert!(header.is_authentic(b"secret12") && !header.is_authentic(b"secret1\0"));
        sequences.push(header.sequence);
    }
    // tshark -T fields -e ah.sequence: both routers count on from each other.
    assert!(sequences.into_iter().eq(1..=24));
}
