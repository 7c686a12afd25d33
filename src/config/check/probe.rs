//! Rules of built-in checks.

use core::net::IpAddr;

use super::{Rule, is_host_address, require};
use crate::addr::Family;
use crate::config::model::{Config, Probe};

pub(super) fn check_probe(config: &Config, probe: &Probe) -> Result<(), Rule> {
    match probe {
        Probe::Tcp { server } => require(is_server(server), Rule::Probe),
        Probe::Http { server, path, status } => {
            let is_path =
                path.starts_with('/') && path.bytes().all(|octet| octet.is_ascii_graphic());
            require(is_server(server) && is_path && (100..1000).contains(status), Rule::Probe)
        }
        Probe::Process(process) => {
            let has_name = process.words.split('\0').next().is_some_and(|name| !name.is_empty());
            let is_range = process.quorum <= process.quorum_max;
            require(has_name && process.words.ends_with('\0') && is_range, Rule::Probe)
        }
        Probe::Ping { ip, interface } => {
            // Of a link's own addresses each link has some.
            let is_clear = match ip {
                IpAddr::V4(_) => true,
                IpAddr::V6(ip) => !ip.is_unicast_link_local() || interface.is_some(),
            };
            let is_fine = is_host_address(*ip) && is_clear && is_known(config, *interface);
            require(is_fine, Rule::Probe)
        }
        Probe::Route { ip, prefix_len, interface } => {
            require(is_prefix(*ip, *prefix_len) && is_known(config, *interface), Rule::Probe)
        }
        Probe::Address { ip, interface } => {
            require(is_host_address(*ip) && is_known(config, *interface), Rule::Probe)
        }
        Probe::File { path, .. } => require(is_file_path(path), Rule::Probe),
    }
}

fn is_known(config: &Config, interface: Option<u8>) -> bool {
    interface.is_none_or(|interface| usize::from(interface) < config.interfaces.len())
}

/// Whether the address has no bit beyond the prefix.
pub fn is_prefix(ip: IpAddr, len: u8) -> bool {
    let bits = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    };
    len <= Family::of(ip).host_len() && bits.checked_shl(u32::from(len)).unwrap_or(0) == 0
}

/// Whether a file that is tracked can have this path: from the root, and not of a directory.
pub fn is_file_path(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.chars().any(char::is_control)
}

fn is_server(server: &core::net::SocketAddr) -> bool {
    is_host_address(server.ip()) && server.port() != 0
}
