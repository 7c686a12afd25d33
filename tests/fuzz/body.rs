//! What is done to octets that anybody may have sent, one function a reader. A body panics when
//! something is wrong; `tests/fuzz/run` hands it to cargo-fuzz, `tests/fuzz.rs` a small share of
//! that to every run of the tests.
#![allow(
    unreachable_pub,
    reason = "the root of a library for cargo-fuzz, a module of a test for us"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use ringward::addr::{IfIndex, Version};
use ringward::config::blob::{self, HEADER_LEN, MAGIC, SCHEMA};
use ringward::config::check::check;
use ringward::config::model::{Config, Parameters, Process};
use ringward::config::source::{self, Found, Language, Options, Surroundings};
use ringward::daemon::request;
use ringward::decode::{Form, View, decode};
use ringward::engine::process::is_tracked;
use ringward::engine::{Engine, Port};
use ringward::limits::{BLOB_LEN_MAX, DATAGRAM_LEN_MAX};
use ringward::time::{Instant, Span};
use ringward::wire::vrrp::{self, Auth, Datagram, Outgoing, Seal};
use ringward::wire::{ah, arp, echo, ethernet, http, ipv4, ipv6, ndisc, rtnl};

/// A body.
pub type Body = fn(&[u8]);

/// Every body, by the name of its corpus.
pub const ALL: [(&str, Body); 13] = [
    ("uci_config", uci_config),
    ("advert_ipv4", advert_ipv4),
    ("advert_ipv6", advert_ipv6),
    ("announcement", announcement),
    ("rtnetlink", rtnetlink),
    ("engine", engine),
    ("blob_decode", blob_decode),
    ("keepalived_conf", keepalived_conf),
    ("control_request", control_request),
    ("capture", capture),
    ("http_answer", http_answer),
    ("process_arguments", process_arguments),
    ("echo_answer", echo_answer),
];

/// A packet of the IPv4 raw socket.
pub fn advert_ipv4(packet: &[u8]) {
    let Ok(datagram) = vrrp::dissect_ipv4(packet) else { return };
    let inner = ipv4::Packet::parse(packet).unwrap();
    assert!(!inner.is_fragment() && matches!(inner.protocol, vrrp::PROTOCOL | ah::PROTOCOL));
    assert!(datagram.hop_limit == 255 || !datagram.destination.is_multicast());
    written_is_read(&datagram);
}

/// Source, destination, hop limit and payload from the IPv6 raw socket, one behind the other.
pub fn advert_ipv6(octets: &[u8]) {
    let Some((source, rest)) = octets.split_first_chunk::<16>() else { return };
    let Some((destination, rest)) = rest.split_first_chunk::<16>() else { return };
    let Some((&hop_limit, payload)) = rest.split_first() else { return };
    let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
    let Ok(datagram) = vrrp::dissect_ipv6(source, destination, hop_limit, payload) else { return };
    assert_eq!(datagram.advert.version, Version::V3);
    written_is_read(&datagram);
}

/// What was accepted can be written, and what is written then is read as the same.
fn written_is_read(datagram: &Datagram<'_>) {
    let advert = &datagram.advert;
    assert!(!advert.interval.is_zero());
    let seal = match advert.auth {
        Auth::None => Seal::None,
        Auth::Password(password) => Seal::Password(password),
        // Whether the key is ours is not known here.
        Auth::Header(_) | Auth::Other(_) => return,
    };
    let outgoing = Outgoing {
        version: advert.version,
        vrid: advert.vrid,
        priority: advert.priority,
        interval: advert.interval,
        source: datagram.source,
        destination: datagram.destination,
        addresses: advert.addresses.iter(),
        seal,
        identification: 0,
    };
    let mut buffer = [0; DATAGRAM_LEN_MAX];
    let len = vrrp::emit(&outgoing, &mut buffer).unwrap();
    let written = &buffer[..len];
    let again = match datagram.source {
        IpAddr::V4(_) => vrrp::dissect_ipv4(written).unwrap(),
        IpAddr::V6(_) => {
            let packet = ipv6::Packet::parse(written).unwrap();
            let (source, destination) = (packet.source, packet.destination);
            vrrp::dissect_ipv6(source, destination, packet.hop_limit, packet.payload).unwrap()
        }
    };
    let again = again.advert;
    assert_eq!((again.version, again.vrid), (advert.version, advert.vrid));
    assert_eq!((again.priority, again.interval), (advert.priority, advert.interval));
    assert_eq!(again.addresses, advert.addresses);
    assert!(again.auth == advert.auth);
}

/// A frame with ARP or neighbour discovery in it.
pub fn announcement(octets: &[u8]) {
    let _ = (ethernet::Frame::parse(octets), arp::Arp::parse(octets));
    let _ = ndisc::Neighbour::parse(octets);
}

/// What a server answers: whether it comes at once or in pieces makes no difference.
pub fn http_answer(octets: &[u8]) {
    let whole = http::status(octets);
    let pieces = (0..=octets.len()).map(|len| http::status(&octets[..len]));
    let known = pieces.into_iter().find(|answer| *answer != http::Answer::Incomplete);
    assert_eq!(known.unwrap_or(http::Answer::Incomplete), whole);
    if let http::Answer::Status(status) = whole {
        assert!(octets.starts_with(b"HTTP/") && status < 1000);
    }
}

/// The arguments of a process: as a tracked one has them, it is one.
pub fn process_arguments(octets: &[u8]) {
    let wanted = Process::named("httpd").unwrap();
    for parameters in [Parameters::Exact, Parameters::Partial, Parameters::Initial] {
        let wanted = Process { full_command: true, parameters, ..wanted.clone() };
        let found = is_tracked(&wanted, b"", || octets);
        assert!(!found || octets.starts_with(b"httpd"));
        let _ = is_tracked(&wanted, octets, || octets);
    }
}

/// What a raw socket of ICMP hears: only a reply to this request answers it.
pub fn echo_answer(octets: &[u8]) {
    let token = 0x0102_0304_0506_0708_u64;
    let v4 = echo::is_answer(IpAddr::V4(Ipv4Addr::LOCALHOST), token, octets);
    let v6 = echo::is_answer(IpAddr::V6(Ipv6Addr::LOCALHOST), token, octets);
    let from = |at: usize| octets.get(at..at + echo::REQUEST_LEN).unwrap_or(&[]);
    let header_len = usize::from(octets.first().map_or(0, |first| first & 0x0f) * 4).max(20);
    for (is_answer, at, kind) in [(v4, header_len, 0), (v6, 0, 129)] {
        assert!(!is_answer || from(at).starts_with(&[kind, 0]));
        assert!(!is_answer || from(at).ends_with(&[5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]));
    }
}

/// A datagram of a netlink socket.
pub fn rtnetlink(datagram: &[u8]) {
    let count = rtnl::messages(datagram).take(datagram.len() + 1).count();
    assert!(count <= datagram.len() / 16 + 1, "{count} messages in {} octets", datagram.len());
}

/// The configuration that [`engine`] runs.
const ROUTERS: &str = "
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    priority 200
    advert_int 1
    virtual_ipaddress {
        10.200.0.1
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 2
    authentication {
        auth_type PASS
        auth_pass secret12
    }
    virtual_ipaddress {
        10.200.0.2/24
        10.200.0.3 dev eth1
    }
}
vrrp_instance C {
    version 3
    interface eth1
    virtual_router_id 1
    advert_int 0.01
    nopreempt
    unicast_src_ip 10.99.0.1
    unicast_peer {
        10.99.0.2
        10.99.0.3
    }
    virtual_ipaddress {
        10.200.0.4
    }
}
vrrp_instance D {
    version 3
    interface eth1
    virtual_router_id 1
    priority 255
    virtual_ipaddress {
        fe80::200:1
        fd99::200:1
    }
}
";

static ENGINE: Mutex<Engine> = Mutex::new(Engine::new());

/// A story: what happens to an engine, one octet that says what, one that says how long, and then
/// so many octets of content.
pub fn engine(mut story: &[u8]) {
    static CONFIG: Mutex<Option<Box<Config>>> = Mutex::new(None);
    let mut config = CONFIG.lock().unwrap_or_else(PoisonError::into_inner);
    let config = config.get_or_insert_with(|| source::compile_str("story", ROUTERS).unwrap());
    let mut engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    *engine = Engine::new();
    let mut now = Instant::from_nanos(1_000_000_000_000);
    engine.stage().unwrap().copy_from(config);
    engine.configure(now);
    engine.start(now);
    while let Some((&[what, len], rest)) = story.split_first_chunk::<2>() {
        let (content, rest) = rest.split_at(usize::from(len).min(rest.len()));
        story = rest;
        let port = IfIndex::new(1 + u32::from(what >> 4 & 1)).unwrap();
        match what & 7 {
            0 => engine.ingest_ipv4(now, port, content),
            1 => {
                let (source, group) = (Ipv6Addr::LOCALHOST, vrrp::GROUP_V6);
                engine.ingest_ipv6(now, port, (source, group), 255, content);
            }
            2 | 3 => engine.observe(now, content),
            4 => {
                let octets = content.first_chunk::<4>().copied().unwrap_or_default();
                now = now + Span::from_micros(u64::from(u32::from_be_bytes(octets)));
            }
            5 => now = engine.next_deadline().min(now + Span::from_secs(3_600)).max(now),
            6 => match len & 3 {
                0 => engine.command(now, ringward::engine::Command::Release(None)),
                1 => engine.observe_overrun(now),
                2 => {
                    if engine.stage().map(|staged| staged.copy_from(config)).is_some() {
                        engine.reload(now);
                    }
                }
                _ => engine.stop(now),
            },
            _ => {
                let first: Option<Port> = engine.ports().next();
                if let Some(first) = first {
                    engine.observe_port(now, first, (len & 1 != 0).then_some(13));
                }
            }
        }
        turn(&mut engine, now);
    }
}

/// The end of a turn: what is due is served, everything that is to leave leaves, and the next turn
/// is not asked for in the past.
fn turn(engine: &mut Engine, now: Instant) {
    let mut buffer = [0; DATAGRAM_LEN_MAX];
    engine.expire(now);
    let mut left = 0;
    while engine.next_transmit(now, &mut buffer).is_some() {
        left += 1;
        assert!(left < 1_000, "packets without end");
    }
    while engine.next_request(now, &mut buffer).is_some() {
        left += 1;
        assert!(left < 2_000, "requests without end");
    }
    while engine.next_event().is_some() {}
    while engine.next_released().is_some() {}
    assert!(engine.next_deadline() > now, "{:?} is over at {now:?}", engine.next_deadline());
}

/// A blob, as it is and with the checksum that it should have. One that is accepted keeps every
/// rule, and comes back the same from being written.
pub fn blob_decode(octets: &[u8]) {
    decode_as_is(octets);
    let mut octets = octets.to_vec();
    seal(&mut octets);
    decode_as_is(&octets);
}

/// Makes the header one of today's, and its length and sum those of what follows.
pub fn seal(blob: &mut [u8]) {
    let Some((header, body)) = blob.split_at_mut_checked(HEADER_LEN) else { return };
    let len = u32::try_from(body.len()).unwrap();
    let (summed, sum) = header.split_at_mut(HEADER_LEN - 4);
    summed[..8].copy_from_slice(&MAGIC);
    summed[8..10].copy_from_slice(&SCHEMA.to_le_bytes());
    summed[10..12].fill(0);
    summed[HEADER_LEN - 8..].copy_from_slice(&len.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(summed);
    hasher.update(body);
    sum.copy_from_slice(&hasher.finalize().to_le_bytes());
}

fn decode_as_is(octets: &[u8]) {
    static READ: Mutex<Config> = Mutex::new(Config::new());
    let mut config = READ.lock().unwrap_or_else(PoisonError::into_inner);
    match blob::decode(octets, &mut config) {
        Ok(()) => comes_back_the_same(&config),
        Err(_) => assert!(config.instances.is_empty()),
    }
}

fn comes_back_the_same(config: &Config) {
    static AGAIN: Mutex<Config> = Mutex::new(Config::new());
    static BLOB: Mutex<[u8; BLOB_LEN_MAX]> = Mutex::new([0; BLOB_LEN_MAX]);
    let mut again = AGAIN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut blob = BLOB.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(check(config), Ok(()));
    let len = blob::encode(config, &mut blob[..]).unwrap();
    blob::decode(&blob[..len], &mut again).unwrap();
    assert!(*again == *config, "another configuration was read than was written");
}

/// A keepalived.conf, with files to include; strictly, leniently, and as UCI.
pub fn keepalived_conf(octets: &[u8]) {
    let definitions = [("D".to_owned(), "7".to_owned())];
    let strict = Options {
        config_id: Some("a"),
        definitions: &definitions,
        surroundings: &Twice(octets),
        ..Options::PLAIN
    };
    // One of three, for the sake of speed.
    match octets.len() % 3 {
        0 => compiles(&Options { is_permissive: true, only_vrrp: true, ..strict }, octets),
        1 => drop(source::import(&strict, "fuzz.conf", octets)),
        _ => compiles(&strict, octets),
    }
}

/// Every file that is included is the same: `b`, whose first line is left out.
struct Twice<'a>(&'a [u8]);

impl Surroundings for Twice<'_> {
    fn find(&self, _folder: &str, pattern: &str) -> Vec<Found> {
        let rest = self.0.splitn(2, |&octet| octet == b'\n').nth(1).unwrap_or(&[]);
        let name = if pattern.len().is_multiple_of(2) { "b" } else { "c" };
        vec![Found { name: name.to_owned(), identity: name.to_owned(), content: Ok(rest.to_vec()) }]
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name.len() > 2).then(|| name.to_owned())
    }
}

fn compiles(options: &Options<'_>, octets: &[u8]) {
    let options = Options { keeps_origins: true, ..*options };
    let source::Compiled { config, origins, report } =
        source::compile_with(&options, "fuzz.conf", octets);
    // One of the two, for the sake of speed: most of the time goes into it.
    let _ = report.render(octets.len().is_multiple_of(2));
    assert_eq!(config.is_none(), report.has_errors());
    if let Some(config) = config {
        let _ = source::explain::explain(&config, Some((&origins, &report.sources)));
        comes_back_the_same(&config);
    }
}

/// A UCI file: what is exported is read as the same, and either schema makes something of it.
pub fn uci_config(octets: &[u8]) {
    let export = |octets: &[u8]| source::export_uci(&Options::PLAIN, "fuzz", octets, "fuzz");
    let (text, report) = export(octets);
    let _ = report.render(false);
    if let Some(text) = text.filter(|_| !report.has_errors()) {
        let (again, report) = export(text.as_bytes());
        assert_eq!(again, Some(text), "{report}");
    }
    for language in [Language::Uci, Language::UciKeepalived] {
        compiles(&Options { language, ..Options::PLAIN }, octets);
    }
}

/// A line on the control socket.
pub fn control_request(line: &[u8]) {
    let _ = request::parse(line);
}

/// A capture, decoded for people and for machines, without and with a configuration.
pub fn capture(octets: &[u8]) {
    static CONFIG: Mutex<Option<Box<Config>>> = Mutex::new(None);
    let mut config = CONFIG.lock().unwrap_or_else(PoisonError::into_inner);
    let config = config.get_or_insert_with(|| source::compile_str("view", ROUTERS).unwrap());
    for config in [None, Some(&**config)] {
        for form in [Form::Text, Form::Json] {
            let mut shown = Vec::new();
            let _ = decode(octets, &View { config, interface: None }, form, &mut shown);
            let shown = String::from_utf8(shown).unwrap();
            assert!(!shown.contains("secret12"), "{shown}");
        }
    }
}
