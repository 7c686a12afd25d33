//! The modes in which two routers can speak to each other, and what theory says about each.

use std::fmt::Write;
use std::net::IpAddr;

use ringward::lab::Node;
use ringward::time::Span;

/// One way to configure a pair of routers.
#[derive(Debug)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) version: u8,
    pub(crate) interval: Span,
    /// As the configuration names them.
    pub(crate) addresses: &'static [&'static str],
    authentication: &'static str,
    is_unicast: bool,
    /// Skew time and master-down interval at priority 200.
    pub(crate) master: Theory,
    /// The same at priority 100.
    pub(crate) backup: Theory,
}

/// What RFC 3768 §6.1 and RFC 9568 §6.1 make of interval and priority, worked by hand.
#[derive(Debug)]
pub(crate) struct Theory {
    pub(crate) skew: Span,
    pub(crate) master_down: Span,
}

/// Skew (256 − 200)/256 s and (256 − 100)/256 s; 3 s more for the master-down interval.
const AT_1_S_PRIORITY_200: Theory =
    Theory { skew: Span::from_micros(218_750), master_down: Span::from_micros(3_218_750) };
const AT_1_S_PRIORITY_100: Theory =
    Theory { skew: Span::from_micros(609_375), master_down: Span::from_micros(3_609_375) };

/// Skew (256 − 200) × 0.2/256 s and (256 − 100) × 0.2/256 s; 0.6 s more.
const AT_200_MS_PRIORITY_200: Theory =
    Theory { skew: Span::from_micros(43_750), master_down: Span::from_micros(643_750) };
const AT_200_MS_PRIORITY_100: Theory =
    Theory { skew: Span::from_micros(121_875), master_down: Span::from_micros(721_875) };

const IPV4: &[&str] = &["10.200.0.1/32", "10.200.0.2/32"];
/// The first one must be link-local (RFC 9568 §5.2.9).
const IPV6: &[&str] = &["fe80::200:1/128", "fd99::200:1/128"];

pub(crate) const V2_IPV4: Mode = Mode {
    name: "v2-ipv4",
    version: 2,
    interval: Span::from_secs(1),
    addresses: IPV4,
    authentication: "",
    is_unicast: false,
    master: AT_1_S_PRIORITY_200,
    backup: AT_1_S_PRIORITY_100,
};

pub(crate) const V2_PASS: Mode = Mode {
    name: "v2-pass",
    authentication: "authentication {\n    auth_type PASS\n    auth_pass secret12\n  }",
    master: AT_1_S_PRIORITY_200,
    backup: AT_1_S_PRIORITY_100,
    ..V2_IPV4
};

pub(crate) const V2_AH: Mode = Mode {
    name: "v2-ah",
    authentication: "authentication {\n    auth_type AH\n    auth_pass secret12\n  }",
    master: AT_1_S_PRIORITY_200,
    backup: AT_1_S_PRIORITY_100,
    ..V2_IPV4
};

/// keepalived leaves the TTL out of the check value here.
pub(crate) const V2_AH_UNICAST: Mode = Mode {
    name: "v2-ah-unicast",
    is_unicast: true,
    master: AT_1_S_PRIORITY_200,
    backup: AT_1_S_PRIORITY_100,
    ..V2_AH
};

pub(crate) const V3_IPV4: Mode = Mode {
    name: "v3-ipv4",
    version: 3,
    interval: Span::from_millis(200),
    addresses: IPV4,
    authentication: "",
    is_unicast: false,
    master: AT_200_MS_PRIORITY_200,
    backup: AT_200_MS_PRIORITY_100,
};

pub(crate) const V3_IPV6: Mode = Mode {
    name: "v3-ipv6",
    addresses: IPV6,
    master: AT_200_MS_PRIORITY_200,
    backup: AT_200_MS_PRIORITY_100,
    ..V3_IPV4
};

pub(crate) const V3_UNICAST: Mode = Mode {
    name: "v3-unicast",
    is_unicast: true,
    master: AT_200_MS_PRIORITY_200,
    backup: AT_200_MS_PRIORITY_100,
    ..V3_IPV4
};

/// The VRID of all modes.
pub(crate) const VRID: u8 = 51;

impl Mode {
    /// The virtual addresses, without their prefix lengths.
    pub(crate) fn ips(&self) -> Vec<IpAddr> {
        let ip = |text: &&str| text.split('/').next().unwrap().parse().unwrap();
        self.addresses.iter().map(ip).collect()
    }

    /// The keepalived.conf of `node`: whichever program runs there gets this one.
    pub(crate) fn configuration(&self, node: &Node, peer: &Node, priority: u8) -> String {
        let Mode { version, authentication, .. } = self;
        let seconds = self.interval.as_millis() / 1000;
        let millis = self.interval.as_millis() % 1000;
        let mut text = format!(
            "global_defs {{
  router_id node{}
  vrrp_version {version}
}}
vrrp_instance pair {{
  state BACKUP
  interface eth0
  virtual_router_id {VRID}
  priority {priority}
  advert_int {seconds}.{millis:03}
  {authentication}
  virtual_ipaddress {{
",
            node.number(),
        );
        for address in self.addresses {
            writeln!(text, "    {address}").unwrap();
        }
        text.push_str("  }\n");
        if self.is_unicast {
            let (ours, theirs) = (node.ipv4(), peer.ipv4());
            writeln!(text, "  unicast_src_ip {ours}\n  unicast_peer {{\n    {theirs}\n  }}")
                .unwrap();
        }
        text.push_str("}\n");
        text
    }

    /// Where an advert from `node` goes.
    pub(crate) fn destination(&self, peer: &Node) -> IpAddr {
        match self.ips()[0] {
            _ if self.is_unicast => peer.ipv4().into(),
            IpAddr::V4(_) => "224.0.0.18".parse().unwrap(),
            IpAddr::V6(_) => "ff02::12".parse().unwrap(),
        }
    }

    /// The source of an advert from `node`.
    pub(crate) fn source(&self, node: &Node) -> IpAddr {
        match self.ips()[0] {
            IpAddr::V4(_) => node.ipv4().into(),
            IpAddr::V6(_) => node.link_local().into(),
        }
    }
}
