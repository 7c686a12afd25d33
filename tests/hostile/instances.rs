//! The routers that are attacked: one instance for each way of speaking.

use ringward::lab::Node;
use ringward::time::Span;

/// PRIORITY, OURS and THEIRS are filled in.
const CONFIGURATION: &str = "
vrrp_instance multicast {
  version 3
  interface eth0
  virtual_router_id 51
  priority PRIORITY
  advert_int 0.1
  virtual_ipaddress {
    10.200.0.1/32
  }
}
vrrp_instance password {
  version 2
  interface eth0
  virtual_router_id 52
  priority PRIORITY
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass secret12
  }
  virtual_ipaddress {
    10.200.0.2/32
  }
}
vrrp_instance ipv6 {
  version 3
  interface eth0
  virtual_router_id 53
  priority PRIORITY
  advert_int 0.1
  virtual_ipaddress {
    fe80::200:1/128
  }
}
vrrp_instance unicast {
  version 3
  interface eth0
  virtual_router_id 54
  priority PRIORITY
  advert_int 0.1
  unicast_src_ip OURS
  unicast_peer {
    THEIRS
  }
  virtual_ipaddress {
    10.200.0.4/32
  }
}
";

/// The VRIDs of CONFIGURATION and their intervals.
pub(crate) const RHYTHMS: [(u8, Span); 4] = [
    (51, Span::from_millis(100)),
    (52, Span::from_secs(1)),
    (53, Span::from_millis(100)),
    (54, Span::from_millis(100)),
];

/// The configuration of the router on `node`, beside the one on `peer`.
pub(crate) fn configuration(priority: &str, node: &Node, peer: &Node) -> String {
    CONFIGURATION
        .replace("PRIORITY", priority)
        .replace("OURS", &node.ipv4().to_string())
        .replace("THEIRS", &peer.ipv4().to_string())
}
