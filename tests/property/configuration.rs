//! Configurations that keep every rule, drawn at random; and rules broken on purpose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringward::addr::{Family, Priority, Version, Vrid};
use ringward::config::blob::{HEADER_LEN, MAGIC, SCHEMA};
use ringward::config::model::{
    Address, Announce, Authentication, Config, Group, Instance, Notify, Span16,
};
use ringward::time::Span;

use crate::noise::Noise;

/// The interfaces of every configuration.
pub(crate) const INTERFACES: [&str; 4] = ["eth0", "eth1", "br-lan", "wan.100"];

/// Of all kinds, where the version has one.
fn authentication(noise: &mut Noise, version: Version) -> Authentication {
    match (version, noise.below(3)) {
        (Version::V2, 1) => Authentication::Password(*b"secret12"),
        (Version::V2, 2) => Authentication::Header(*b"secret12"),
        (Version::V2 | Version::V3, _) => Authentication::None,
    }
}

/// An instance with what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Router {
    pub(crate) instance: Instance,
    pub(crate) addresses: Vec<Address>,
    pub(crate) peers: Vec<IpAddr>,
}

impl Router {
    pub(crate) fn name(&self) -> &str {
        &self.instance.name
    }

    /// Whether it is the same virtual router to its neighbours, whatever else has changed.
    pub(crate) fn is_same(&self, other: &Router) -> bool {
        let [one, other] = [self, other].map(|router| {
            let row = &router.instance;
            (row.interface, row.family, row.version, row.vrid, router.peers.is_empty())
        });
        one == other
    }
}

/// Up to `limit` routers, each of another VRID.
pub(crate) fn routers(noise: &mut Noise, limit: usize) -> Vec<Router> {
    (1..=noise.below(limit + 1))
        .map(|number| router(noise, u8::try_from(number).unwrap()))
        .collect()
}

fn router(noise: &mut Noise, number: u8) -> Router {
    let version = if noise.below(2) == 0 { Version::V2 } else { Version::V3 };
    let is_v6 = version == Version::V3 && noise.below(2) == 0;
    let family = if is_v6 { Family::V6 } else { Family::V4 };
    let interface = u8::try_from(noise.below(INTERFACES.len())).unwrap();
    let priority = [1, 50, 100, 150, 254, 255][noise.below(6)];
    let preempt = priority == 255 || noise.below(4) > 0;
    let waits = priority < 255 && preempt && noise.below(4) == 0;
    let peers = noise.below(3);
    // Every virtual address is another one, so none is twice on an interface.
    let virtual_address = |at: usize, is_v6: bool| {
        let at = u8::try_from(at).unwrap();
        match is_v6 {
            true => IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, number.into(), at.into())),
            false => IpAddr::V4(Ipv4Addr::new(10, 200, number, at)),
        }
    };
    let (advertised, excluded) = (1 + noise.below(3), noise.below(3));
    let addresses = (0..advertised + excluded)
        .map(|at| {
            let is_v6 = if at < advertised { is_v6 } else { noise.below(2) == 0 };
            let elsewhere = noise.below(4) == 0;
            let other = u8::try_from(noise.below(INTERFACES.len())).unwrap();
            let label = if !is_v6 && noise.below(4) == 0 { "eth0:vip" } else { "" };
            Address {
                ip: virtual_address(at, is_v6),
                prefix_len: [24, 32, if is_v6 { 128 } else { 0 }][noise.below(3)],
                interface: if elsewhere { other } else { interface },
                label: label.try_into().unwrap(),
            }
        })
        .collect();
    let delays = [0, 1, 5].map(Span::from_secs);
    let mut delay = || delays[noise.below(3)];
    let (first, refresh, lower, extra) = (delay(), delay(), delay(), delay());
    Router {
        instance: Instance {
            name: format!("VI_{number}").as_str().try_into().unwrap(),
            interface,
            family,
            version,
            vrid: Vrid::new(number).unwrap(),
            priority: Priority(priority),
            wants_master: noise.below(2) == 0,
            interval: match version {
                Version::V2 => Span::from_secs([1, 2, 255][noise.below(3)]),
                Version::V3 => Span::from_centis([1, 3, 100, 4_095][noise.below(4)]),
            },
            preempt,
            preempt_delay: if waits { Span::from_secs(7) } else { Span::ZERO },
            source: (noise.below(3) == 0).then(|| own_address(family)),
            authentication: authentication(noise, version),
            announce: Announce {
                delay: first,
                repeat: 1 + u8::try_from(noise.below(5)).unwrap(),
                refresh,
                refresh_repeat: 1 + u8::try_from(noise.below(2)).unwrap(),
                lower_delay: lower,
                lower_repeat: u8::try_from(noise.below(3)).unwrap(),
                extra_interface: extra,
            },
            track_primary: noise.below(8) > 0,
            addresses: Span16::default(),
            advertised: u8::try_from(advertised).unwrap(),
            peers: Span16::default(),
            trackers: Span16::default(),
            group: None,
            notify: Notify::default(),
        },
        addresses,
        peers: (1..=peers).map(|last| peer(family, u8::try_from(last).unwrap())).collect(),
    }
}

/// A new configuration made of an old one: some routers go, some are as they were, some are retuned
/// or become others, addresses move between them, new ones come, and the order is another.
pub(crate) fn vary(noise: &mut Noise, old: &[Router]) -> Vec<Router> {
    let mut new = Vec::new();
    let mut homeless = Vec::new();
    for router in old {
        let mut router = router.clone();
        let is_owner = router.instance.priority.0 == 255;
        match noise.below(10) {
            0 => {
                homeless.extend(router.addresses);
                continue;
            }
            1 if !is_owner => router.instance.priority = Priority([2, 120][noise.below(2)]),
            2 => router.instance.interval = Span::from_secs(3),
            3 => router.instance.vrid = Vrid::new(100 + router.instance.vrid.get()).unwrap(),
            4 => router.instance.interface = (router.instance.interface + 1) % 4,
            5 if router.addresses.len() > usize::from(router.instance.advertised) => {
                homeless.extend(router.addresses.pop());
            }
            6 => {
                router.addresses.swap_remove(0);
                router.addresses.extend(homeless.pop());
            }
            7 => router.addresses.extend(homeless.pop()),
            _ => {}
        }
        // Those of its family first; if none is left, one that nobody has had.
        let family = router.instance.family;
        router.addresses.sort_by_key(|address| Family::of(address.ip) != family);
        if router.addresses.first().is_none_or(|address| Family::of(address.ip) != family) {
            let ip = peer(family, 150 + router.instance.vrid.get() % 100);
            let interface = router.instance.interface;
            let label = "".try_into().unwrap();
            router.addresses.insert(0, Address { ip, prefix_len: 32, interface, label });
        }
        let of_family = router.addresses.iter().filter(|address| Family::of(address.ip) == family);
        let most = u8::try_from(of_family.count()).unwrap();
        router.instance.advertised = router.instance.advertised.min(most);
        new.push(router);
    }
    new.extend((0..noise.below(3)).map(|at| self::router(noise, 50 + u8::try_from(at).unwrap())));
    let middle = noise.below(new.len());
    new.rotate_left(middle);
    new
}

/// The address that the machine has on each of its interfaces.
pub(crate) fn own_address(family: Family) -> IpAddr {
    peer(family, 100)
}

/// Another router's address.
pub(crate) fn peer(family: Family, last: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(10, 99, 0, last)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into())),
    }
}

/// Puts `routers` into `config`, in their order.
pub(crate) fn fill(config: &mut Config, routers: &[Router]) {
    config.clear();
    config.global.router_id = "gw1".try_into().unwrap();
    for name in INTERFACES {
        config.interfaces.push(name.try_into().unwrap()).unwrap();
    }
    for router in routers {
        let span = |start: usize, len: usize| Span16 {
            start: u16::try_from(start).unwrap(),
            len: u16::try_from(len).unwrap(),
        };
        let mut instance = router.instance.clone();
        instance.addresses = span(config.addresses.len(), router.addresses.len());
        instance.peers = span(config.peers.len(), router.peers.len());
        config.addresses.extend_from_slice(&router.addresses).unwrap();
        config.peers.extend_from_slice(&router.peers).unwrap();
        config.instances.push(instance).unwrap();
    }
}

/// Changes something, which may break a rule.
pub(crate) fn tamper(noise: &mut Noise, config: &mut Config) {
    let count = config.instances.len();
    let (one, other) = (noise.below(count), noise.below(count));
    let twin = config.instances[other].clone();
    let addresses = config.addresses.len();
    let (address, second) = (noise.below(addresses), noise.below(addresses));
    let twin_ip = config.addresses[second].ip;
    let peers = config.peers.len();
    let (peer, twin_peer) = (noise.below(peers), noise.below(peers));
    let value = u8::try_from(noise.below(256)).unwrap();
    let instance = &mut config.instances[one];
    let address = &mut config.addresses[address];
    match noise.below(30) {
        0 => instance.priority = Priority([0, value][noise.below(2)]),
        1 => instance.interval = Span::from_nanos(noise.next()),
        2 => instance.interval = Span::ZERO,
        3 => instance.interface = value,
        4 => instance.version = Version::V2,
        5 => instance.family = Family::V6,
        6 => instance.vrid = twin.vrid,
        7 => instance.name = twin.name,
        8 => instance.preempt_delay = Span::from_secs(noise.next() % 2_000),
        9 => instance.authentication = Authentication::Password(*b"password"),
        10 => instance.advertised = value,
        11 => instance.addresses.start = instance.addresses.start.wrapping_add(1),
        12 => instance.peers.len = instance.peers.len.wrapping_add(u16::from(value)),
        13 => instance.source = Some(IpAddr::V4(Ipv4Addr::new(value, 0, 0, 1))),
        14 => instance.announce.repeat = value % 2,
        15 => address.prefix_len = value,
        16 => address.ip = twin_ip,
        17 => address.ip = IpAddr::V4(Ipv4Addr::new(value, value, value, value)),
        18 => address.label = ["a label", "a\tb", "plain"][noise.below(3)].try_into().unwrap(),
        19 => address.interface = value,
        20 => instance.preempt = false,
        21 => instance.name = ["", "a\nb", "a b"][noise.below(3)].try_into().unwrap(),
        22 => config.global.router_id = ["", "a\u{7f}", "a b"][noise.below(3)].try_into().unwrap(),
        23 => instance.announce.refresh_repeat = value % 2,
        24 if peers > 0 => config.peers[peer] = config.peers[twin_peer],
        25 if peers > 0 => config.peers[peer] = IpAddr::V4(Ipv4Addr::new(value, 0, 0, value)),
        26 if peers > 0 => {
            config.peers[peer] = IpAddr::V6(Ipv6Addr::from(u128::from(value) << 120))
        }
        27 => instance.peers.start = instance.peers.start.wrapping_add(1),
        28 => instance.group = Some(u16::from(value % 2)),
        29 => {
            let names = ["one", "two", "", "a\nb"];
            let count = noise.below(3);
            for name in &names[noise.below(3)..][..count.min(2)] {
                let name = (*name).try_into().unwrap();
                config.groups.push(Group { name, notify: Notify::NOBODY }).unwrap();
            }
            instance.group = (count > 0).then_some(0);
            config.instances[other].group = (count > 1 && other != one).then_some(1);
        }
        _ => {
            config.interfaces[0] =
                ["eth1", "", "a/b", "eth 0", ".."][noise.below(5)].try_into().unwrap()
        }
    }
}

/// A blob of `config` as `config/blob.rs` describes the format, whatever rules it breaks.
pub(crate) fn forge(config: &Config) -> Vec<u8> {
    let mut body = Vec::new();
    let mut room = vec![0; 1 << 16];
    let mut put = |record: &[u8]| body.extend_from_slice(record);
    put(postcard::to_slice(&config.global, &mut room).unwrap());
    for name in &config.interfaces {
        put(postcard::to_slice(name, &mut room).unwrap());
    }
    for instance in &config.instances {
        put(postcard::to_slice(instance, &mut room).unwrap());
    }
    for group in &config.groups {
        put(postcard::to_slice(group, &mut room).unwrap());
    }
    for address in &config.addresses {
        put(postcard::to_slice(address, &mut room).unwrap());
    }
    for peer in &config.peers {
        put(postcard::to_slice(peer, &mut room).unwrap());
    }
    for script in &config.scripts {
        put(postcard::to_slice(script, &mut room).unwrap());
    }
    for tracker in &config.trackers {
        put(postcard::to_slice(tracker, &mut room).unwrap());
    }
    for command in &config.commands {
        put(postcard::to_slice(command, &mut room).unwrap());
    }
    for probe in &config.probes {
        put(postcard::to_slice(probe, &mut room).unwrap());
    }
    let mut blob = [&MAGIC[..], &SCHEMA.to_le_bytes(), &[0, 0]].concat();
    let tables = [config.interfaces.len(), config.instances.len(), config.groups.len()];
    let pools = [config.addresses.len(), config.peers.len()];
    let tracked = [config.scripts.len(), config.trackers.len()];
    let checked = [config.commands.len(), config.probes.len()];
    for len in tables.into_iter().chain(pools).chain(tracked).chain(checked) {
        blob.extend(u16::try_from(len).unwrap().to_le_bytes());
    }
    blob.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&blob);
    hasher.update(&body);
    blob.extend(hasher.finalize().to_le_bytes());
    assert_eq!(blob.len(), HEADER_LEN);
    blob.extend(body);
    blob
}
