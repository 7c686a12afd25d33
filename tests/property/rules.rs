//! The rules of a configuration once more, from what they say (`Rule::text`) and where that is from,
//! in the plainest way there is: every rule that is broken, wherever it is, whatever that costs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use ringward::addr::{Family, Version};
use ringward::config::check::{Place, Rule};
use ringward::config::model::{Address, Authentication, Config, Instance, Span16};

/// A rule, where it is broken and, of twins, where the first one is; both places as text.
pub(crate) type Breach = (Rule, String, Option<String>);

/// Everything that `config` breaks.
pub(crate) fn breaches(config: &Config) -> BTreeSet<Breach> {
    let mut found = BTreeSet::new();
    let mut note = |is_kept: bool, rule, place: Place| {
        if !is_kept {
            found.insert((rule, place.to_string(), None));
        }
    };
    note(is_plain(&config.global.router_id), Rule::Name, Place::Global);
    for (name, at) in config.interfaces.iter().zip(0..) {
        // dev_valid_name, net/core/dev.c; control characters besides.
        let is_name = !matches!(name.as_str(), "" | "." | "..")
            && !name.contains(['/', ':'])
            && !name.contains(char::is_whitespace)
            && is_plain(name);
        note(is_name, Rule::InterfaceName, Place::Interface(at));
    }
    for (instance, at) in config.instances.iter().zip(0..) {
        for (is_kept, rule) in of_instance(config, instance) {
            note(is_kept, rule, Place::Instance(at));
        }
        for number in numbers(instance.addresses.start, u16::from(instance.advertised)) {
            if let Some(address) = config.addresses.get(usize::from(number)) {
                let is_kept = family_of(address.ip) == instance.family;
                note(is_kept, Rule::AddressFamily, Place::Address(number));
            }
        }
        for number in numbers(instance.peers.start, instance.peers.len) {
            if let Some(peer) = config.peers.get(usize::from(number)) {
                let is_kept = is_host(*peer) && family_of(*peer) == instance.family;
                note(is_kept, Rule::Peer, Place::Peer(number));
            }
        }
    }
    for (instance, at) in config.instances.iter().zip(0..) {
        let is_kept = instance.group.is_none_or(|group| usize::from(group) < config.groups.len());
        note(is_kept, Rule::Group, Place::Instance(at));
    }
    for (group, at) in config.groups.iter().zip(0..) {
        note(is_plain(&group.name) && !group.name.is_empty(), Rule::Name, Place::Group(at));
        let has_member = config.instances.iter().any(|instance| instance.group == Some(at));
        note(has_member, Rule::Group, Place::Group(at));
    }
    for (address, at) in config.addresses.iter().zip(0..) {
        for (is_kept, rule) in of_address(config, address) {
            note(is_kept, rule, Place::Address(at));
        }
    }
    let ranges = config.instances.iter().map(|instance| instance.addresses);
    for place in gaps(ranges, config.addresses.len()) {
        note(false, Rule::AddressRange, place);
    }
    let ranges = config.instances.iter().map(|instance| instance.peers);
    for place in gaps(ranges, config.peers.len()) {
        note(false, Rule::PeerRange, place);
    }
    twins(config, &mut found);
    found
}

fn of_instance(config: &Config, instance: &Instance) -> [(bool, Rule); 12] {
    let is_owner = instance.priority.0 == 255;
    let nanos = instance.interval.as_nanos();
    let delay = instance.preempt_delay.as_nanos();
    let is_v2 = instance.version == Version::V2;
    let is_whole =
        |unit: u64, most: u64| nanos.is_multiple_of(unit) && (1..=most).contains(&(nanos / unit));
    let source_is_host = |ip: IpAddr| is_host(ip) && family_of(ip) == instance.family;
    let announce = &instance.announce;
    [
        (!instance.name.is_empty() && is_plain(&instance.name), Rule::Name),
        (usize::from(instance.interface) < config.interfaces.len(), Rule::InterfaceIndex),
        (instance.priority.0 >= 1, Rule::Priority),
        (!(is_v2 && instance.family == Family::V6), Rule::VersionFamily),
        // RFC 3768 §5.3.7: seconds in 8 bits; RFC 9568 §5.2.7: centiseconds in 12.
        (!is_v2 || is_whole(1_000_000_000, 255), Rule::IntervalV2),
        (is_v2 || is_whole(10_000_000, 4_095), Rule::IntervalV3),
        (!is_owner || (instance.preempt && delay == 0), Rule::OwnerPreempt),
        // keepalived.conf(5): preempt_delay is 0 to 1000 seconds.
        (delay <= 1_000_000_000_000 && (delay == 0 || instance.preempt), Rule::PreemptDelay),
        (is_v2 || instance.authentication == Authentication::None, Rule::Authentication),
        (instance.source.is_none_or(source_is_host), Rule::Source),
        (announce.repeat != 0 && announce.refresh_repeat != 0, Rule::AnnounceRepeat),
        // RFC 9568 §5.2.5: the count is one octet, as `advertised` is.
        ((1..=instance.addresses.len).contains(&instance.advertised.into()), Rule::Advertised),
    ]
}

fn of_address(config: &Config, address: &Address) -> [(bool, Rule); 4] {
    let is_v6 = address.ip.is_ipv6();
    let label = address.label.as_str();
    let is_label = !is_v6 && is_plain(label) && !label.contains(char::is_whitespace);
    [
        (is_host(address.ip), Rule::Address),
        (address.prefix_len <= if is_v6 { 128 } else { 32 }, Rule::PrefixLength),
        (usize::from(address.interface) < config.interfaces.len(), Rule::InterfaceIndex),
        (label.is_empty() || is_label, Rule::Label),
    ]
}

/// Every pair of twins: an earlier and a later entry.
fn twins(config: &Config, found: &mut BTreeSet<Breach>) {
    let mut note = |is_twin: bool, rule, earlier: Place, later: Place| {
        if is_twin {
            found.insert((rule, later.to_string(), Some(earlier.to_string())));
        }
    };
    for (i, a, j, b) in pairs(&config.interfaces) {
        note(a == b, Rule::InterfaceTwice, Place::Interface(i), Place::Interface(j));
    }
    for (i, a, j, b) in pairs(&config.instances) {
        let (earlier, later) = (Place::Instance(i), Place::Instance(j));
        note(a.name == b.name, Rule::NameTwice, earlier, later);
        let same_vrid = a.vrid == b.vrid && a.family == b.family && a.interface == b.interface;
        note(same_vrid, Rule::VridTwice, earlier, later);
    }
    for (i, a, j, b) in pairs(&config.groups) {
        note(a.name == b.name, Rule::NameTwice, Place::Group(i), Place::Group(j));
    }
    for (i, a, j, b) in pairs(&config.addresses) {
        let is_twin = a.ip == b.ip && a.interface == b.interface;
        note(is_twin, Rule::AddressTwice, Place::Address(i), Place::Address(j));
    }
    for instance in &config.instances {
        let of_it = numbers(instance.peers.start, instance.peers.len);
        for (i, a, j, b) in pairs(&config.peers) {
            let is_twin = a == b && of_it.contains(&i) && of_it.contains(&j);
            note(is_twin, Rule::PeerTwice, Place::Peer(i), Place::Peer(j));
        }
    }
}

fn pairs<T>(entries: &[T]) -> impl Iterator<Item = (u16, &T, u16, &T)> {
    let later = move |i: u16| entries.iter().zip(0..).skip(usize::from(i) + 1);
    let earlier = entries.iter().zip(0..);
    earlier.flat_map(move |(a, i)| later(i).map(move |(b, j)| (i, a, j, b)))
}

/// Where ranges may be said not to follow one another from the front of a pool to its end: at the
/// first that begins elsewhere, and once a range has passed the end, anywhere from there on.
fn gaps(ranges: impl Iterator<Item = Span16>, pool: usize) -> Vec<Place> {
    let (mut end, mut places) = (0, Vec::new());
    for (range, at) in ranges.zip(0..).filter(|(range, _)| range.len > 0) {
        let follows = usize::from(range.start) == end;
        end += usize::from(range.len);
        if !follows || end > pool {
            places.push(Place::Instance(at));
        }
        if !follows {
            return places;
        }
    }
    if end != pool {
        places.push(Place::Global);
    }
    places
}

fn numbers(start: u16, len: u16) -> Range<u16> {
    start..start.saturating_add(len)
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn family_of(ip: IpAddr) -> Family {
    if ip.is_ipv4() { Family::V4 } else { Family::V6 }
}

/// Neither unspecified nor broadcast nor a group (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2 and §2.7).
fn is_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let first = ip.octets()[0];
            u32::from(ip) != 0 && u32::from(ip) != u32::MAX && !(224..240).contains(&first)
        }
        IpAddr::V6(ip) => u128::from(ip) != 0 && ip.octets()[0] != 0xff,
    }
}
