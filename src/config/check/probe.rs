//! Rules of built-in checks.

use super::{Rule, is_host_address, require};
use crate::config::model::Probe;

pub(super) fn check_probe(probe: &Probe) -> Result<(), Rule> {
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
    }
}

fn is_server(server: &core::net::SocketAddr) -> bool {
    is_host_address(server.ip()) && server.port() != 0
}
