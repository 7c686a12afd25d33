//! Rules that forbid the same thing twice.

use core::cmp::Ordering;
use core::net::IpAddr;

use super::{Invalid, Place, Rule};
use crate::config::model::Config;
use crate::limits::{
    ADDRESS_COUNT_MAX, GROUP_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, PEER_COUNT_MAX,
    SCRIPT_COUNT_MAX,
};
use crate::order::sort;

/// The rules that forbid twins. Sorted indexes put twins side by side.
pub(super) fn check_twins(config: &Config) -> Result<(), Invalid> {
    let interfaces = twins(&config.interfaces, |a, b| a.cmp(b));
    report(interfaces, Rule::InterfaceTwice, Place::Interface)?;

    let names = twins(&config.instances, |a, b| a.name.cmp(&b.name));
    report(names, Rule::NameTwice, Place::Instance)?;

    let scripts = twins(&config.scripts, |a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    report(scripts, Rule::NameTwice, Place::Script)?;
    let groups = twins(&config.groups, |a, b| a.name.cmp(&b.name));
    report(groups, Rule::NameTwice, Place::Group)?;

    let routers = twins(&config.instances, |a, b| {
        (a.interface, a.family, a.vrid).cmp(&(b.interface, b.family, b.vrid))
    });
    report(routers, Rule::VridTwice, Place::Instance)?;

    let addresses = twins(&config.addresses, |a, b| (a.interface, a.ip).cmp(&(b.interface, b.ip)));
    report(addresses, Rule::AddressTwice, Place::Address)?;

    for instance in &config.instances {
        let start = instance.peers.start;
        let peers = twins(config.peers_of(instance), IpAddr::cmp);
        let peers = peers.map(|(first, second)| (start + first, start + second));
        report(peers, Rule::PeerTwice, Place::Peer)?;
    }
    Ok(())
}

fn report(
    twins: Option<(u16, u16)>,
    rule: Rule,
    place: impl Fn(u16) -> Place,
) -> Result<(), Invalid> {
    match twins {
        None => Ok(()),
        Some((first, second)) => {
            Err(Invalid { rule, place: place(second), first: Some(place(first)) })
        }
    }
}

/// Two entries that compare equal, the earlier one first.
fn twins<T>(entries: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Option<(u16, u16)> {
    let at = |index: u16| entries.get(usize::from(index));
    twins_of(entries.len(), &|a, b| match (at(a), at(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    })
}

const fn longer(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// The longest table that is searched for twins.
const TWIN_COUNT_MAX: usize = longer(
    longer(longer(INTERFACE_COUNT_MAX, INSTANCE_COUNT_MAX), ADDRESS_COUNT_MAX),
    longer(longer(PEER_COUNT_MAX, SCRIPT_COUNT_MAX), GROUP_COUNT_MAX),
);

/// The same for so many entries that are known by their numbers.
#[inline(never)]
fn twins_of(count: usize, compare: &dyn Fn(u16, u16) -> Ordering) -> Option<(u16, u16)> {
    let mut order = heapless::Vec::<u16, TWIN_COUNT_MAX>::new();
    for index in 0..u16::try_from(count).ok()? {
        // Cannot fail: no table is longer.
        order.push(index).ok()?;
    }
    sort(&mut order, &|a, b| compare(a, b).then(a.cmp(&b)));
    order.windows(2).find_map(|pair| match *pair {
        [first, second] if compare(first, second) == Ordering::Equal => Some((first, second)),
        _ => None,
    })
}
