//! What the routers of the demo are told, as a user's configuration would tell them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::options::Options;
use crate::addr::{Family, InterfaceName, Name, Priority, Version, Vrid};
use crate::config::blob;
use crate::config::model::{Address, Announce, Authentication, Config, Instance, Notify, Span16};
use crate::lab::{Fault, Result};
use crate::limits::BLOB_LEN_MAX;
use crate::time::Span;

/// What is the same on all routers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Between adverts.
    pub interval: Span,
    /// The address that the client uses.
    pub address: IpAddr,
    /// How many routers there are.
    pub nodes: u8,
}

/// The number of the virtual router.
pub(super) const VRID: u8 = 51;

impl Plan {
    pub(super) fn new(options: &Options) -> Self {
        let address = if options.ipv6 {
            IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 0x100))
        } else {
            IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100))
        };
        Plan { interval: options.interval, address, nodes: options.nodes }
    }

    /// 200, 150, 100, 50; closer together when there are more.
    pub(super) fn priority(&self, index: u8) -> u8 {
        let step = if self.nodes <= 4 { 50 } else { 20 };
        200 - step * index
    }

    /// RFC 9568 §6.1: Skew_Time = (256 − priority) × interval ÷ 256.
    pub(super) fn skew(&self, priority: u8) -> Span {
        self.interval.times(256 - u64::from(priority)).over(256)
    }

    /// RFC 9568 §6.1: Active_Down_Interval = 3 × interval + Skew_Time.
    pub(super) fn down_interval(&self, priority: u8) -> Span {
        self.interval.times(3) + self.skew(priority)
    }

    /// The compiled configuration of one router.
    pub(super) fn blob(&self, name: &str, priority: u8) -> Result<Vec<u8>> {
        let written = self.config(name, priority).and_then(|config| {
            let mut blob = vec![0; BLOB_LEN_MAX];
            let len = blob::encode(&config, &mut blob).ok()?;
            blob.truncate(len);
            Some(blob)
        });
        written.ok_or_else(|| {
            let refused = io::Error::other("this build's limits do not hold it");
            Fault::new("write the configuration of a router", refused)
        })
    }

    fn config(&self, name: &str, priority: u8) -> Option<Box<Config>> {
        let mut config = Config::boxed();
        config.global.router_id = Name::try_from(name).ok()?;
        config.interfaces.push(InterfaceName::try_from("eth0").ok()?).ok()?;
        let mut addresses = vec![self.address];
        if self.address.is_ipv6() {
            // RFC 9568 §5.2.9: the first address of an IPv6 router is link-local.
            addresses.insert(0, IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100)));
        }
        let family = Family::of(self.address);
        let count = u8::try_from(addresses.len()).ok()?;
        for ip in addresses {
            let (interface, label) = (0, InterfaceName::new());
            let address = Address { ip, prefix_len: family.host_len(), interface, label };
            config.addresses.push(address).ok()?;
        }
        config
            .instances
            .push(Instance {
                name: Name::try_from("gateway").ok()?,
                interface: 0,
                family,
                version: Version::V3,
                vrid: Vrid::new(VRID)?,
                priority: Priority(priority),
                wants_master: false,
                interval: self.interval,
                preempt: true,
                preempt_delay: Span::ZERO,
                source: None,
                authentication: Authentication::None,
                announce: Announce::KEEPALIVED,
                track_primary: true,
                addresses: Span16 { start: 0, len: u16::from(count) },
                advertised: count,
                peers: Span16::default(),
                trackers: Span16::default(),
                group: None,
                notify: Notify::default(),
            })
            .ok()?;
        Some(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        interval: Span::from_millis(100),
        address: IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100)),
        nodes: 2,
    };

    #[test]
    fn theory_is_that_of_the_rfc() {
        // 106 × 100 ms ÷ 256 and 56 × 100 ms ÷ 256.
        assert_eq!(PLAN.skew(150), Span::from_nanos(41_406_250));
        assert_eq!(PLAN.down_interval(200), Span::from_nanos(321_875_000));
    }

    #[test]
    fn every_router_of_the_largest_demo_has_a_priority_of_its_own() {
        let plan = Plan { nodes: 9, ..PLAN };
        let priorities: Vec<u8> = (0..9).map(|index| plan.priority(index)).collect();
        assert_eq!(priorities, [200, 180, 160, 140, 120, 100, 80, 60, 40]);
    }
}
