//! What is known of the router that a configuration is for: its interfaces, their addresses, the
//! devices of its networks. Nothing need be known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::lexer::Word;
use super::uci::{self, Section};
use super::{report_of, text};
use crate::config::network::{MARK, network_of};
use crate::config::source::Options;

/// What is known of a router.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The device of each network of OpenWrt.
    networks: BTreeMap<String, String>,
    /// Addresses with their prefix lengths, by the interface that has them.
    addresses: Vec<(String, IpAddr, u8)>,
    /// Every interface that there is, if that is known.
    interfaces: Option<BTreeSet<String>>,
}

impl Site {
    /// Nothing is known.
    pub const UNKNOWN: &'static Site =
        &Site { networks: BTreeMap::new(), addresses: Vec::new(), interfaces: None };

    /// `network` has `device`.
    pub fn set_network(&mut self, network: &str, device: &str) {
        self.networks.insert(network.to_owned(), device.to_owned());
    }

    /// There is this interface.
    pub fn add_interface(&mut self, name: &str) {
        self.interfaces.get_or_insert_default().insert(name.to_owned());
    }

    /// `interface` has an address.
    pub fn add_address(&mut self, interface: &str, ip: IpAddr, prefix_len: u8) {
        self.addresses.push((interface.to_owned(), ip, prefix_len));
    }

    /// The device of an interface that is a network, if it is known.
    pub(super) fn device(&self, interface: &str) -> Option<&str> {
        self.networks.get(network_of(interface)?).map(String::as_str)
    }

    /// Whether there is no such interface for all that is known.
    pub(super) fn lacks(&self, interface: &str) -> bool {
        self.interfaces.as_ref().is_some_and(|known| !known.contains(interface))
    }

    /// Every interface, if that is known.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.interfaces.iter().flatten().map(String::as_str)
    }

    /// The networks that `interface` is in: its addresses, but for those of one host only.
    pub(super) fn networks_of(
        &self,
        interface: &str,
    ) -> impl Iterator<Item = (IpAddr, u8)> + Clone {
        let on = self.addresses.iter().filter(move |(name, ..)| name == interface);
        on.map(|&(_, ip, len)| (ip, len))
            .filter(|(ip, len)| *len < if ip.is_ipv4() { 32 } else { 128 })
    }

    /// Adds what OpenWrt's `/etc/config/network` says. What was set before counts.
    ///
    /// # Errors
    /// It is no UCI, as the report says.
    pub fn read_network(&mut self, name: &str, octets: &[u8]) -> Result<(), Report> {
        let mut report = report_of(&Options::PLAIN);
        let package =
            text::read(name, octets, &mut report).and_then(|file| uci::parse(file, &mut report));
        report.finish();
        let Some(package) = package.filter(|_| !report.has_errors()) else { return Err(report) };
        let sections =
            || package.sections.iter().filter(|section| section.kind.text == "interface");
        let mut aliases = Vec::new();
        for section in sections() {
            let Some(network) = &section.name else { continue };
            match device_of(section) {
                Some(device) if network_of(&device).is_some() => aliases.push((network, device)),
                Some(device) => {
                    self.networks.entry(network.text.clone()).or_insert(device);
                }
                None => {}
            }
        }
        for (network, alias) in aliases {
            if let Some(device) = self.device(&alias).map(str::to_owned) {
                self.networks.entry(network.text.clone()).or_insert(device);
            }
        }
        for section in sections() {
            let Some(network) = &section.name else { continue };
            let marked = format!("{MARK}{}", network.text);
            let interface = self.device(&marked).map_or(marked.clone(), str::to_owned);
            let mask = section.value("netmask").and_then(|mask| mask.text.parse().ok());
            for option in ["ipaddr", "ip6addr"] {
                for value in section.setting(option).iter().flat_map(|setting| &setting.values) {
                    let addresses =
                        value.text.split_whitespace().filter_map(|one| address(one, mask));
                    self.addresses.extend(addresses.map(|(ip, len)| (interface.clone(), ip, len)));
                }
            }
        }
        Ok(())
    }
}

/// What the device of a network is called, where that follows from the file: of PPP, tunnels and the
/// like netifd makes it.
fn device_of(section: &Section) -> Option<String> {
    let text = |option: &str| section.value(option).map(|value| value.text.as_str());
    if !["static", "dhcp", "dhcpv6", "none"].contains(&text("proto")?) {
        return None;
    }
    // As before OpenWrt 21.02.
    if text("type") == Some("bridge") {
        return Some(format!("br-{}", section.name.as_ref()?.text));
    }
    let device = text("device").or(text("ifname"))?;
    (!device.contains(char::is_whitespace)).then(|| device.to_owned())
}

/// `192.0.2.1/24`, or without a length where there is a mask.
fn address(text: &str, mask: Option<Ipv4Addr>) -> Option<(IpAddr, u8)> {
    let (ip, len) = match text.split_once('/') {
        Some((ip, len)) => (ip, Some(len)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().ok()?;
    let of_mask = || mask.and_then(|mask| u8::try_from(mask.to_bits().leading_ones()).ok());
    Some((
        ip,
        match len {
            Some(len) => len.parse().ok()?,
            None if ip.is_ipv4() => of_mask()?,
            None => 128,
        },
    ))
}

/// Says what the site has to do with an interface that is named.
pub(super) fn report_interface(site: &Site, word: &Word, name: &str, report: &mut Report) {
    if let Some(network) = network_of(name) {
        let message = format!("which device the network `{network}` has is told at the start");
        let diagnostic = Diagnostic::new(Code::LateNetwork, word.span, message);
        report.add(diagnostic.help(format!("`ringward run --network {network}=DEVICE`")));
    } else if site.lacks(name) {
        let message = format!("there is no interface `{name}` here");
        let names: Vec<&str> = site.interfaces().filter(|name| *name != "lo").collect();
        let near = super::nearest::nearest(name, names.iter().copied());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        report.add(Diagnostic::new(Code::NotHere, word.span, message).help(help));
    }
}
