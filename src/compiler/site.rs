//! The router that a configuration is for.

use std::net::IpAddr;
use std::path::Path;

use nix::ifaddrs::getifaddrs;

use super::{MessageForm, Outcome, complain, read, show};
use crate::config::source::Site;

/// The router with these devices of networks, this `/etc/config/network`, and, if it is `here`, the
/// interfaces of this machine.
///
/// # Errors
/// A file cannot be read, or is no UCI; the messages are out.
pub fn site(
    networks: &[(String, String)],
    uci_network: Option<&Path>,
    here: bool,
    messages: MessageForm,
) -> Result<Site, Outcome> {
    let mut site = Site::default();
    for (network, device) in networks.iter().filter(|(_, device)| !device.is_empty()) {
        site.set_network(network, device);
    }
    if let Some(path) = uci_network {
        let octets = read(path).ok_or(Outcome::File)?;
        let name = path.display().to_string();
        site.read_network(&name, &octets).map_err(|report| {
            show(&report, messages);
            Outcome::Invalid
        })?;
    }
    if here {
        add_interfaces(&mut site)?;
    }
    Ok(site)
}

/// Adds the interfaces of this machine.
fn add_interfaces(site: &mut Site) -> Result<(), Outcome> {
    let interfaces = getifaddrs().map_err(|errno| {
        complain(&format!("the interfaces of this machine cannot be read: {errno}"));
        Outcome::File
    })?;
    for interface in interfaces {
        let name = &interface.interface_name;
        site.add_interface(name);
        let ip = |socket: Option<nix::sys::socket::SockaddrStorage>| -> Option<IpAddr> {
            let socket = socket?;
            let v4 = socket.as_sockaddr_in().map(|socket| IpAddr::V4(socket.ip()));
            v4.or_else(|| socket.as_sockaddr_in6().map(|socket| IpAddr::V6(socket.ip())))
        };
        if let (Some(address), Some(mask)) = (ip(interface.address), ip(interface.netmask)) {
            let len = match mask {
                IpAddr::V4(mask) => mask.to_bits().leading_ones(),
                IpAddr::V6(mask) => mask.to_bits().leading_ones(),
            };
            site.add_address(name, address, u8::try_from(len).unwrap_or(u8::MAX));
        }
    }
    Ok(())
}
