//! What does not go together: within an instance, and between instances.

use std::net::IpAddr;

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::address::Entry;
use super::instance::Draft;
use super::{Given, Lowering};
use crate::addr::{Family, Vrid};

impl Lowering<'_> {
    /// Whether an instance of this name is there already.
    pub(super) fn is_name_twice(&mut self, draft: &Draft) -> bool {
        let Some(name) = &draft.name else { return false };
        let first = self.names.get(name.value.as_str()).copied();
        match first {
            Some(first) => {
                let message = format!("instance `{}` exists already", name.value);
                self.report.add(
                    Diagnostic::new(Code::NameTwice, name.span, message)
                        .label("keepalived drops this one")
                        .also(first, "first given here")
                        .help("give it another name")
                        .survived(true),
                );
                true
            }
            None => {
                self.names.insert(name.value.as_str().to_owned(), name.span);
                false
            }
        }
    }

    pub(super) fn report_vrid_twice(&mut self, vrid: &Given<u8>, interface: u8, family: Family) {
        let Some(number) = Vrid::new(vrid.value) else { return };
        let first = self.routers.get(&(interface, family, number)).copied();
        match first {
            Some(first) => {
                let on = self.config.interface_name(interface).to_owned();
                let message = format!("virtual_router_id {number} is taken on {on} ({family})");
                self.report.add(
                    Diagnostic::new(Code::VridTwice, vrid.span, message)
                        .also(first, "taken here")
                        .help("choose another number, the same on all routers of this instance"),
                );
            }
            None => {
                self.routers.insert((interface, family, number), vrid.span);
            }
        }
    }

    /// Leaves out, with a message, what is not of the instance's family.
    pub(super) fn keep_family(&mut self, draft: &mut Draft, family: Family) {
        let Some(first) = draft.addresses.first() else { return };
        for entry in draft.addresses.iter().filter(|entry| Family::of(entry.ip) != family) {
            let message = format!("{} is not {family}, as the first address is", entry.ip);
            self.report.add(
                Diagnostic::new(Code::MixedFamilies, entry.span, message)
                    .survived(true)
                    .also(first.span, format!("this makes it an {family} instance"))
                    .help("make an instance for each family, or move it to virtual_ipaddress_excluded"),
            );
        }
        for router in draft.source.iter().chain(&draft.peers) {
            if Family::of(router.value) != family {
                let message = format!("{} is not {family}, as the addresses are", router.value);
                let diagnostic = Diagnostic::new(Code::MixedFamilies, router.span, message);
                let is_v = format!("this makes it an {family} instance");
                self.report.add(diagnostic.also(first.span, is_v).survived(true));
            }
        }
        if let IpAddr::V6(ip) = first.ip
            && !ip.is_unicast_link_local()
        {
            let message = format!("the first IPv6 address, {ip}, is not link-local");
            self.report.add(
                Diagnostic::new(Code::FirstLinkLocal, first.span, message)
                    .help("put an address like fe80::10 first, the same on all routers"),
            );
        }
        draft.addresses.retain(|entry| Family::of(entry.ip) == family);
        draft.source = draft.source.take().filter(|source| Family::of(source.value) == family);
        draft.peers.retain(|peer| Family::of(peer.value) == family);
    }

    pub(super) fn report_unicast(&mut self, draft: &Draft) {
        if draft.peers.is_empty() {
            if let Some(span) = draft.unicast
                && !draft.unread.contains(&"unicast_peer")
            {
                let message = "unicast without peers: the instance speaks multicast".to_owned();
                self.report.add(
                    Diagnostic::new(Code::NoPeers, span, message)
                        .help("list the other routers in unicast_peer"),
                );
            }
            return;
        }
        let Some(source) = &draft.source else { return };
        for peer in draft.peers.iter().filter(|peer| peer.value == source.value) {
            let message = format!("{} is this router itself", peer.value);
            self.report.add(
                Diagnostic::new(Code::OwnPeer, peer.span, message)
                    .also(source.span, "its source address")
                    .help("list the other routers only"),
            );
        }
    }

    /// Whether no line before put the address on the interface. `start` is where the instance's
    /// own addresses begin: a repetition among them does no harm.
    pub(super) fn is_carried_first(&mut self, entry: &Entry, interface: u8, start: usize) -> bool {
        let index = self.config.addresses.len();
        let Some(&(first, place)) = self.carried.get(&(interface, entry.ip)) else {
            self.carried.insert((interface, entry.ip), (index, entry.span));
            return true;
        };
        let on = self.config.interface_name(interface);
        let message = format!("{} is on {on} already", entry.ip);
        let is_own = first >= start;
        let code = if is_own { Code::AddressRepeated } else { Code::AddressTwice };
        let diagnostic = Diagnostic::new(code, entry.span, message).also(place, "first given here");
        self.report.add(if is_own { diagnostic.label("counts once") } else { diagnostic });
        false
    }

    /// Warns when the router's own address is in none of the networks of its addresses: then hosts
    /// of these networks do not reach whoever is master.
    pub(super) fn report_outside(&mut self, draft: &Draft) {
        let Some(source) = &draft.source else { return };
        // Addresses without a prefix length say nothing about networks.
        let mut networks = draft.addresses.iter().filter_map(|entry| {
            let is_here = entry.interface.as_ref().map(|given| &given.value)
                == draft.interface.as_ref().map(|given| &given.value)
                || entry.interface.is_none();
            let len = entry.prefix_len.filter(|&len| len < Family::of(entry.ip).host_len())?;
            (is_here && !is_link_local(entry.ip)).then_some((entry, len))
        });
        let Some((first, _)) = networks.clone().next() else { return };
        if is_link_local(source.value)
            || networks.any(|(entry, len)| is_in(source.value, entry.ip, len))
        {
            return;
        }
        let message = format!("{} is in no network of the virtual addresses", source.value);
        self.report.add(
            Diagnostic::new(Code::OutsideNetwork, source.span, message)
                .also(first.span, "one of them")
                .help("check both: a virtual address is usually in the network of the interface"),
        );
    }
}

impl Lowering<'_> {
    /// Warns of addresses in none of the networks that their interface is known to be in.
    pub(super) fn report_strangers(&mut self, draft: &Draft) {
        for entry in draft.addresses.iter().chain(&draft.excluded) {
            let Some(on) = entry.interface.as_ref().or(draft.interface.as_ref()) else { continue };
            let on = on.value.as_str();
            let is_like = |(ip, _): &(IpAddr, u8)| ip.is_ipv4() == entry.ip.is_ipv4();
            // One that is there already, because an instance is master, proves nothing.
            let is_other = |(ip, _): &(IpAddr, u8)| *ip != entry.ip && !is_link_local(*ip);
            let site = self.options.site;
            let mut networks = site.networks_of(on).filter(is_like).filter(is_other);
            let Some((ip, len)) = networks.clone().next() else { continue };
            if is_link_local(entry.ip) || networks.any(|(ip, len)| is_in(entry.ip, ip, len)) {
                continue;
            }
            let message = format!("{} is in no network of {on}", entry.ip);
            self.report.add(
                Diagnostic::new(Code::OutsideInterface, entry.span, message)
                    .help(format!("{on} has {ip}/{len}")),
            );
        }
    }
}

/// Whether `ip` is in the network of `len` bits that `other` is in.
fn is_in(ip: IpAddr, other: IpAddr, len: u8) -> bool {
    match (ip, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(len)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(len)
        }
        _ => false,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
