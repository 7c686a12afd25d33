//! `ringwardc decode`: captures of our own with every kind of bad packet in every kind of file, and
//! the captures of Debian's keepalived 2.2.7 where they lie beside the project, in
//! `../shared/captures`, compared with what tshark made of them.
#![cfg(test)]

#[path = "decode/packet.rs"]
mod packet;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use packet::{Order, block, ethernet, ipv4, pcap, pcapng, seal, seal_header, version_2, version_3};
use ringward::addr::IfIndex;
use ringward::config::model::{Authentication, Config};
use ringward::config::source::compile_str;
use ringward::decode::{Form, View, decode};
use ringward::engine::Engine;
use ringward::time::Instant;
use ringward::wire::Reject;
use ringward::wire::rtnl::{Builder, ifinfomsg};
use serde_json::Value;

/// The receiver: 10.99.0.9.
const CONFIG: &str = "
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 1
    mcast_src_ip 10.99.0.9
    authentication {
        auth_type PASS
        auth_pass secret12
    }
    virtual_ipaddress {
        10.200.0.1
    }
}
vrrp_instance VI_2 {
    version 3
    interface eth0
    virtual_router_id 2
    unicast_src_ip 10.99.0.9
    unicast_peer {
        10.99.0.1
    }
    virtual_ipaddress {
        10.200.0.2
    }
}
";

fn config() -> Box<Config> {
    compile_str("test.conf", CONFIG).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

const SENDER: [u8; 4] = [10, 99, 0, 1];
const GROUP: [u8; 4] = [224, 0, 0, 18];
const US: [u8; 4] = [10, 99, 0, 9];

/// What is shown of a file, and whether it was read to its end.
fn shown(file: &[u8], config: Option<&Config>, form: Form) -> (String, Result<(), String>) {
    let mut out = Vec::new();
    let result = decode(file, &View { config, interface: None }, form, &mut out);
    (String::from_utf8(out).unwrap(), result.map_err(|stopped| stopped.to_string()))
}

fn json(file: &[u8], config: Option<&Config>) -> Vec<Value> {
    let (lines, result) = shown(file, config, Form::Json);
    assert_eq!(result, Ok(()));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Verdict, reason and instance of a frame's only verdict; empty where there is none.
fn verdict(frame: &Value) -> [String; 3] {
    let verdicts = frame["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 1, "{frame}");
    ["verdict", "reason", "instance"]
        .map(|key| verdicts[0][key].as_str().unwrap_or_default().to_owned())
}

/// keepalived-deb-v2-ah.pcap, the first advert: the key is secret12.
const AH: [u8; 64] = [
    0x45, 0xc0, 0x00, 0x40, 0x00, 0x01, 0x00, 0x00, 0xff, 0x33, 0xd0, 0x53, 0x0a, 0x63, 0x00, 0x01,
    0xe0, 0x00, 0x00, 0x12, 0x70, 0x04, 0x00, 0x00, 0x0a, 0x63, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x45, 0xdf, 0x15, 0x13, 0x9e, 0x7a, 0x9c, 0xe4, 0xc9, 0xcd, 0x62, 0x2a, 0x21, 0x01, 0xc8, 0x01,
    0x02, 0x01, 0x0a, 0x33, 0x0a, 0xc8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// A good advert of version 2, changed, sealed again where the change was inside, and what is to
/// become of it: reason and instance.
fn bad_packets() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let good = || version_2(1, b"secret12");
    let pdu = |change: fn(&mut Vec<u8>)| {
        let mut pdu = good();
        change(&mut pdu);
        seal(&mut pdu);
        ipv4(SENDER, GROUP, &pdu)
    };
    let header = |change: fn(&mut Vec<u8>)| {
        let mut packet = ipv4(SENDER, GROUP, &good());
        change(&mut packet);
        seal_header(&mut packet);
        packet
    };
    let mut wrong_checksum = good();
    wrong_checksum[7] ^= 1;
    vec![
        (pdu(|pdu| pdu.truncate(16)), "truncated", "VI_1"),
        (pdu(|pdu| pdu.resize(28, 0)), "length", "VI_1"),
        (header(|packet| packet[0] = 0x55), "ip-header", ""),
        (header(|packet| packet[6] = 0x20), "fragment", "VI_1"),
        (header(|packet| packet[8] = 254), "hop-limit", "VI_1"),
        (pdu(|pdu| pdu[0] = 0x41), "version", "VI_1"),
        (ipv4(SENDER, GROUP, &version_3(1)), "version", "VI_1"),
        (pdu(|pdu| pdu[0] = 0x22), "type", "VI_1"),
        (ipv4(SENDER, GROUP, &wrong_checksum), "checksum", "VI_1"),
        (pdu(|pdu| pdu[1] = 0), "vrid-zero", ""),
        (pdu(|pdu| pdu[1] = 9), "vrid-unknown", ""),
        (pdu(|pdu| pdu[4] = 0), "auth-type", "VI_1"),
        (pdu(|pdu| pdu[4] = 2), "auth-type", "VI_1"),
        (pdu(|pdu| pdu[19] = b'3'), "password", "VI_1"),
        (pdu(|pdu| pdu[5] = 2), "interval", "VI_1"),
        (pdu(|pdu| pdu[5] = 0), "interval-zero", "VI_1"),
        (ipv4(US, GROUP, &good()), "own-address", "VI_1"),
        (ipv4(SENDER, US, &good()), "destination", "VI_1"),
        (ipv4(SENDER, GROUP, &version_3(2)), "destination", "VI_2"),
        (ipv4([10, 99, 0, 3], US, &version_3(2)), "unknown-peer", "VI_2"),
        (AH.to_vec(), "auth-type", "VI_1"),
    ]
}

#[test]
fn every_kind_of_bad_packet_has_its_reason() {
    let packets = bad_packets();
    let frames: Vec<Vec<u8>> = packets.iter().map(|(packet, ..)| ethernet(packet)).collect();
    let file = pcap(Order::Little, true, 1, &frames);
    let seen = json(&file, Some(&config()));
    assert_eq!(seen.len(), packets.len());
    for (frame, (_, reason, instance)) in seen.iter().zip(&packets) {
        assert_eq!(verdict(frame), ["rejected", reason, instance], "{frame}");
    }
    // Each reason but those that depend on what was before.
    let is_of_file = |reason: &Reject| !matches!(reason, Reject::NotListening | Reject::Replay);
    for reason in Reject::ALL.into_iter().filter(is_of_file) {
        assert!(packets.iter().any(|(_, name, _)| *name == reason.name()), "{reason:?}");
    }
}

#[test]
fn without_a_configuration_only_the_format_is_judged() {
    let policy = ["vrid-unknown", "password", "interval", "own-address", "destination"];
    for (packet, reason, instance) in bad_packets() {
        let file = pcap(Order::Little, true, 1, &[ethernet(&packet)]);
        let is_policy = policy.contains(&reason)
            || ["auth-type", "unknown-peer"].contains(&reason)
            || (reason, packet[20]) == ("version", 0x31);
        let expected = if is_policy { ["well-formed", ""] } else { ["rejected", reason] };
        assert_eq!(verdict(&json(&file, None)[0])[..2], expected, "{reason} {instance}");
    }
}

/// An engine that listens on eth0 (number 2) as 10.99.0.9.
fn listening(engine: &mut Engine, now: Instant) {
    engine.stage().unwrap().copy_from(&config());
    engine.configure(now);
    let mut buffer = [0; 256];
    // RTM_NEWLINK with IFF_UP, IFF_RUNNING and IFF_LOWER_UP; then RTM_NEWADDR.
    let len = Builder::new(&mut buffer, 16, 0, 0)
        .body(&ifinfomsg(IfIndex::new(2), 0x1_0041, 0))
        .text(3, "eth0")
        .attribute(1, &[2, 0, 0, 0, 0, 9])
        .number(4, 1500)
        .finish()
        .unwrap();
    engine.observe(now, &buffer[..len]);
    let mut body = [2, 24, 0, 0, 0, 0, 0, 0];
    body[4..].copy_from_slice(&2_u32.to_ne_bytes());
    let mut builder = Builder::new(&mut buffer, 20, 0, 0);
    let len = builder.body(&body).attribute(2, &US).attribute(1, &US).finish().unwrap();
    engine.observe(now, &buffer[..len]);
    engine.start(now);
}

#[test]
fn the_engine_counts_what_decode_says() {
    static ENGINE: Mutex<Engine> = Mutex::new(Engine::new());
    let mut engine = ENGINE.lock().unwrap();
    let now = Instant::from_nanos(1_000_000_000_000);
    listening(&mut engine, now);
    let eth0 = IfIndex::new(2).unwrap();
    let mut expected: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (packet, reason, instance) in bad_packets() {
        engine.ingest_ipv4(now, eth0, &packet);
        *expected.entry((instance, reason)).or_default() += 1;
    }
    let config = config();
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for reason in Reject::ALL {
        let tables = engine.routers().iter().zip(&config.instances);
        let tables = tables.map(|(router, row)| (row.name.as_str(), router.counters.rejected));
        for (name, table) in tables.chain([("", engine.interfaces()[0].rejected)]) {
            if table[reason.index()] > 0 {
                counted.insert((name, reason.name()), table[reason.index()]);
            }
        }
    }
    assert_eq!(counted, expected);
}

#[test]
fn an_advert_in_an_authentication_header_is_judged_by_its_key() {
    let file = pcap(Order::Little, true, 1, &[ethernet(&AH)]);
    for (key, verdict) in [(b"secret12", "accepted by VI_1"), (b"secret13", "rejected password")] {
        let mut config = config();
        config.instances[0].authentication = Authentication::Header(*key);
        let (text, result) = shown(&file, Some(&config), Form::Text);
        assert_eq!(result, Ok(()));
        assert!(text.contains(" auth AH spi 10.99.0.1 sequence 1 checksum (version 2)"), "{text}");
        assert!(text.contains(verdict), "{text}");
    }
}

#[test]
fn a_good_advert_is_shown_with_every_field_but_its_password() {
    let frame = ethernet(&ipv4(SENDER, GROUP, &version_2(1, b"secret12")));
    let file = pcap(Order::Little, true, 1, &[frame]);
    let (text, result) = shown(&file, Some(&config()), Form::Text);
    assert_eq!(result, Ok(()));
    assert_eq!(
        text,
        "    1 2001-09-09T01:46:40.123456789Z 02:00:00:00:00:01 > 01:00:5e:00:00:12 VRRP \
         10.99.0.1 > 224.0.0.18 ttl 255 v2 vrid 1 priority 200 interval 1 s auth password ******** \
         checksum (version 2) addresses 1 10.200.0.1: accepted by VI_1\n\
         1 frames: 1 VRRP (1 accepted), 0 ARP, 0 neighbour discovery, 0 others\n"
    );
    assert_eq!(
        json(&file, Some(&config()))[0].to_string().parse::<Value>().unwrap(),
        serde_json::json!({
            "number": 1, "time": 1_000_000_000.123_456_8, "source_mac": "02:00:00:00:00:01",
            "destination_mac": "01:00:5e:00:00:12", "vlans": [], "protocol": "vrrp",
            "source": "10.99.0.1", "destination": "224.0.0.18", "ttl": 255, "version": 2,
            "type": 1, "vrid": 1, "priority": 200, "interval_ms": 1000, "auth_type": 1,
            "checksum_is": "version 2", "address_count": 1, "addresses": ["10.200.0.1"],
            "verdicts": [{ "verdict": "accepted", "instance": "VI_1" }],
        })
    );
}

#[test]
fn no_password_is_shown_whatever_is_wrong_with_its_packet() {
    // As text, as an address of an inflated list, and as part of the checksum.
    let secrets = ["secret12", "115.101.99.114", "101.116.49.50"];
    let good = version_2(1, b"secret12");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut pdu = good.clone();
            pdu[at] ^= 1 << bit;
            pdu.resize(26, 0);
            let file = pcap(Order::Little, true, 1, &[ethernet(&ipv4(SENDER, GROUP, &pdu))]);
            for form in [Form::Text, Form::Json] {
                let (text, _) = shown(&file, Some(&config()), form);
                assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
            }
        }
    }
}

#[test]
fn what_differs_in_an_accepted_advert_is_said() {
    let mut addresses = version_2(1, b"secret12");
    addresses[11] = 77;
    seal(&mut addresses);
    let mut interval = version_3(2);
    interval[5] = 50;
    seal(&mut interval);
    let frames = [ipv4(SENDER, GROUP, &addresses), ipv4(SENDER, US, &interval)];
    let file = pcap(Order::Big, false, 1, &frames.map(|packet| ethernet(&packet)));
    let differs: Vec<Value> = json(&file, Some(&config()))
        .iter()
        .map(|frame| frame["verdicts"][0]["differs"].clone())
        .collect();
    assert_eq!(differs, ["addresses", "interval"]);
}

#[test]
fn what_the_kernel_or_the_capture_withholds_is_not_counted() {
    let good = ipv4(SENDER, GROUP, &version_2(1, b"secret12"));
    let mut damaged = good.clone();
    damaged[11] ^= 1;
    let mut file = pcap(Order::Little, true, 1, &[ethernet(&damaged), ethernet(&good)]);
    // The last frame was 54 octets long, of which the capture kept 40.
    let at = file.len() - 54 - 8;
    file[at..at + 4].copy_from_slice(&40_u32.to_le_bytes());
    file.truncate(file.len() - 14);
    let seen = json(&file, Some(&config()));
    assert_eq!(verdict(&seen[0]), ["dropped", "ip-header-checksum", ""]);
    assert_eq!(verdict(&seen[1]), ["cut", "", ""]);
}

#[test]
fn every_instance_with_the_family_and_vrid_is_asked_unless_the_interface_is_known() {
    let text = CONFIG.replace("virtual_router_id 2", "virtual_router_id 1");
    let config = compile_str("two.conf", &text.replacen("interface eth0", "interface eth1", 1));
    let config = config.unwrap_or_else(|report| panic!("{}", report.render(false)));
    let file =
        pcap(Order::Big, true, 1, &[ethernet(&ipv4(SENDER, GROUP, &version_2(1, b"secret12")))]);
    let verdicts = json(&file, Some(&config))[0]["verdicts"].clone();
    let expected = serde_json::json!([
        { "verdict": "accepted", "instance": "VI_1" },
        { "verdict": "rejected", "reason": "version", "instance": "VI_2" },
    ]);
    assert_eq!(verdicts, expected);
    let mut out = Vec::new();
    let view = View { config: Some(&config), interface: Some("eth0") };
    decode(&file[..], &view, Form::Text, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(": rejected version by VI_2\n"), "{text}");
}

/// Frames without number, time and what the link layer says.
fn bare(file: &[u8]) -> Vec<Value> {
    let mut frames = json(file, None);
    for frame in &mut frames {
        let fields = frame.as_object_mut().unwrap();
        for key in ["number", "time", "source_mac", "destination_mac", "vlans"] {
            fields.remove(key);
        }
    }
    frames
}

#[test]
fn every_format_and_byte_order_holds_the_same_frames() {
    let packets = [version_2(1, b"secret12"), version_3(2)].map(|pdu| ipv4(SENDER, GROUP, &pdu));
    let frames = packets.map(|packet| ethernet(&packet));
    let expected = bare(&pcap(Order::Little, true, 1, &frames));
    for order in [Order::Big, Order::Little] {
        for (file, time) in [
            (pcap(order, false, 1, &frames), "01:46:40.123456000Z"),
            (pcap(order, true, 1, &frames), "01:46:40.123456789Z"),
            (pcapng(order, &frames), "01:46:40.123456789Z"),
        ] {
            assert_eq!(bare(&file), expected);
            let (text, _) = shown(&file, None, Form::Text);
            assert!(text.starts_with(&format!("    1 2001-09-09T{time} ")), "{order:?}: {text}");
        }
    }
}

#[test]
fn every_link_layer_holds_the_same_packet() {
    let packet = ipv4(SENDER, GROUP, &version_3(2));
    let expected = bare(&pcap(Order::Little, true, 1, &[ethernet(&packet)]));
    let behind = |header: &[u8]| [header, &packet].concat();
    let ethernet_tagged = |tags: &[u8]| {
        let frame = ethernet(&packet);
        [&frame[..12], tags, &frame[12..]].concat()
    };
    let mut padded = ethernet(&packet);
    padded.resize(60, 0xff);
    let mac = [2, 0, 0, 0, 0, 1];
    // Linux cooked: packet type, ARPHRD, address length, address, protocol.
    let sll = [&[0, 1, 0, 1, 0, 6][..], &mac, &[0, 0, 0x08, 0x00]].concat();
    // Version 2: protocol, reserved, interface, ARPHRD, packet type, address length, address.
    let sll2 = [&[0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 1, 6][..], &mac, &[0, 0]].concat();
    for (link_type, frame) in [
        (1, padded),
        (1, ethernet_tagged(&[0x81, 0x00, 0x20, 7])),
        (1, ethernet_tagged(&[0x88, 0xa8, 0x00, 100, 0x81, 0x00, 0x20, 7])),
        (113, behind(&sll)),
        (276, behind(&sll2)),
        (101, packet.clone()),
        (228, packet.clone()),
    ] {
        let file = pcap(Order::Little, true, link_type, &[frame]);
        assert_eq!(bare(&file), expected, "link type {link_type}");
    }
    let tagged = ethernet_tagged(&[0x88, 0xa8, 0x00, 100, 0x81, 0x00, 0x20, 7]);
    let vlans = json(&pcap(Order::Little, true, 1, &[tagged]), None)[0]["vlans"].clone();
    assert_eq!(vlans, serde_json::json!([100, 7]));
    let (text, _) = shown(&pcap(Order::Big, true, 127, &[vec![0; 40]]), None, Form::Text);
    assert!(text.ends_with("0 others, 1 of link type 127, which is not read\n"), "{text}");
}

#[test]
fn a_damage_is_named_by_its_octet_and_what_stands_before_it_is_shown() {
    let frame = ethernet(&ipv4(SENDER, GROUP, &version_3(2)));
    let good = pcap(Order::Little, true, 1, &[frame.clone(), frame.clone()]);
    // 24 octets of header; 16 and 46 of each record.
    let mut huge = good.clone();
    huge[86 + 8..86 + 12].copy_from_slice(&0x4000_0001_u32.to_le_bytes());
    let mut ends_otherwise = pcapng(Order::Little, &[frame.clone(), frame.clone()]);
    let last = ends_otherwise.len() - 4;
    ends_otherwise[last] ^= 4;
    let strange_interface = [
        &pcapng(Order::Big, std::slice::from_ref(&frame))[..],
        &block(Order::Big, 6, &[0, 0, 0, 9]),
    ]
    .concat();
    let strange_at = strange_interface.len() - 16 + 8;
    for (file, lines, what) in [
        (good[..86 + 16 + 45].to_vec(), 1, "at octet 147: the file ends within a packet of 62 octets that begins at octet 86".to_owned()),
        (good[..86 + 5].to_vec(), 1, "at octet 91: the file ends within a packet header of 16 octets that begins at octet 86".to_owned()),
        (huge, 1, "at octet 94: packet 2 of 1073741825 octets".to_owned()),
        (b"<html>".to_vec(), 0, "at octet 0: 3c68746d begins neither pcap nor pcapng".to_owned()),
        (good[..20].to_vec(), 0, "at octet 20: the file ends within the file header of 24 octets that begins at octet 0".to_owned()),
        (ends_otherwise, 1, format!("at octet {last}: a block of 64 octets that ends as one of 68")),
        (strange_interface, 1, format!("at octet {strange_at}: packet 2 of interface 9, which was not described")),
    ] {
        let (text, result) = shown(&file, None, Form::Json);
        assert_eq!(result, Err(what));
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn a_file_of_any_length_shows_the_frames_that_are_whole() {
    let frame = ethernet(&ipv4(SENDER, GROUP, &version_3(2)));
    let file = pcap(Order::Little, true, 1, &[frame.clone(), frame.clone(), frame]);
    for len in 0..=file.len() {
        let whole = len.saturating_sub(24) / 62;
        let (text, result) = shown(&file[..len], None, Form::Json);
        assert_eq!(text.lines().count(), whole, "{len}");
        assert_eq!(result.is_ok(), len >= 24 && (len - 24).is_multiple_of(62), "{len}");
    }
}

#[test]
fn the_program_ends_with_what_went_wrong() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let frame = ethernet(&ipv4(SENDER, GROUP, &version_2(1, b"secret12")));
    let file = pcap(Order::Little, true, 1, &[frame]);
    let (whole, part, conf, slip) = (
        folder.join("whole.pcap"),
        folder.join("part.pcap"),
        folder.join("decode.conf"),
        folder.join("slip.conf"),
    );
    fs::write(&whole, &file).unwrap();
    fs::write(&part, &file[..50]).unwrap();
    fs::write(&conf, CONFIG).unwrap();
    fs::write(&slip, "vrrp_instance A {\n").unwrap();
    let run = |input: &Path, config: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
        let output = command.arg("decode").arg(input).arg("--config").arg(config).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run(&whole, &conf);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": accepted by VI_1\n"), "{text}");
    let (code, text) = run(&part, &conf);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("part.pcap: at octet 50: the file ends within a packet"), "{text}");
    assert_eq!(run(&whole, &slip).0, Some(1));
    let (code, text) = run(&conf, &conf);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.ends_with("at octet 0: 0a767272 begins neither pcap nor pcapng\n"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(run(&folder.join("nowhere.pcap"), &conf).0, Some(3));
}

/// tshark's list: frame number to time and words, single-spaced and without its warnings of
/// duplicate addresses; only what decode shows.
fn tshark(text: &str) -> BTreeMap<u64, (String, String)> {
    let list = text.split("--- packets\n").nth(1).unwrap().split("\n---").next().unwrap();
    list.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let says = words[2..].join(" ");
            let says = says.split(" (duplicate use").next().unwrap().to_owned();
            (words[0].parse().unwrap(), (words[1].to_owned(), says))
        })
        .filter(|(_, (_, says))| !says.contains(" ICMP ") && !says.contains("Parameter Problem"))
        .collect()
}

/// A frame of decode's in the words of tshark's list, but for the frame's length.
fn in_tsharks_words(frame: &Value) -> Option<String> {
    let text = |key: &str| frame[key].as_str().unwrap_or_default();
    let mac = |key: &str| match text(key) {
        "ff:ff:ff:ff:ff:ff" => "Broadcast".to_owned(),
        mac => match mac.strip_prefix("00:00:5e:00:01:") {
            Some(vrid) => format!("IETF-VRRP-VRID_{vrid}"),
            None => mac.to_owned(),
        },
    };
    let from_to = format!("{} → {}", text("source"), text("destination"));
    let macs = format!("{} → {}", mac("source_mac"), mac("destination_mac"));
    let (sender, target) = (text("sender"), text("target"));
    Some(match (text("protocol"), text("operation")) {
        ("vrrp", _) => format!("{from_to} VRRP Announcement (v{})", frame["version"]),
        ("arp", operation) if frame["gratuitous"] == true => {
            let operation = if operation == "request" { "Request" } else { "Reply" };
            format!("{macs} ARP Gratuitous ARP for {sender} ({operation})")
        }
        ("arp", "request") => format!("{macs} ARP Who has {target}? Tell {sender}"),
        ("arp", _) => format!("{macs} ARP {sender} is at {}", text("sender_mac")),
        ("ndisc", "advertisement") => {
            let flags = [("router", "rtr"), ("solicited", "sol"), ("override", "ovr")];
            let flags: Vec<&str> =
                flags.iter().filter(|(key, _)| frame[key] == true).map(|(_, name)| *name).collect();
            let at = frame["mac"].as_str().map(|mac| format!(" is at {mac}")).unwrap_or_default();
            let flags = flags.join(", ");
            format!("{from_to} ICMPv6 Neighbor Advertisement {target} ({flags}){at}")
        }
        // Solicitations are not in the lists.
        _ => return None,
    })
}

#[test]
fn every_captured_frame_says_what_tshark_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !folder.is_dir() {
        eprintln!("no captures at {}: only our own were read", folder.display());
        return;
    }
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        files += 1;
        let (lines, result) = shown(&fs::read(&path).unwrap(), None, Form::Json);
        assert_eq!(result, Ok(()));
        let frames = lines.lines().filter_map(|line| {
            let frame: Value = serde_json::from_str(line).unwrap();
            // The digits of the time are compared as they stand there.
            let time = line.split("\"time\":").nth(1)?.split(',').next()?.to_owned();
            Some((frame["number"].as_u64()?, (time, in_tsharks_words(&frame)?)))
        });
        let mut expected = tshark(&fs::read_to_string(path.with_extension("txt")).unwrap());
        for (_, says) in expected.values_mut() {
            let mut words: Vec<&str> = says.split(' ').collect();
            // source → destination protocol length …
            words.remove(4);
            *says = words.join(" ");
        }
        let frames: BTreeMap<u64, (String, String)> = frames.collect();
        assert_eq!(frames, expected, "{}: left ours, right tshark's", path.display());
    }
    assert_eq!(files, 12, "captures");
}
