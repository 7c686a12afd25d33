//! Sync groups on two segments: two routers that are master on both or on none, in every pairing
//! with Debian's keepalived.
#![cfg(test)]

mod rig;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use rig::Program::{self, Keepalived, Ringward};
use rig::{Router, eventually};
use ringward::lab::{Node, Segment};

const SOON: Duration = Duration::from_secs(60);

/// One address on each segment.
const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 98, 0, 100));

fn instance(name: &str, interface: &str, vrid: u8, priority: u8, address: IpAddr) -> String {
    format!(
        "vrrp_instance {name} {{\n  interface {interface}\n  virtual_router_id {vrid}\n  priority \
         {priority}\n  version 3\n  advert_int 0.2\n  virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
    )
}

fn grouped(priority: u8) -> String {
    let group = "vrrp_sync_group uplinks {\n  group {\n    inside\n    outside\n  }\n}\n";
    group.to_owned()
        + &instance("inside", "eth0", 51, priority, INSIDE)
        + &instance("outside", "eth1", 52, priority, OUTSIDE)
}

/// Two machines with a foot on each segment.
struct Scene {
    name: String,
    nodes: [Node; 2],
    _segments: [Segment; 2],
}

impl Scene {
    fn new(name: &str, programs: [Program; 2]) -> Self {
        let inside = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let outside = Segment::new().unwrap();
        let nodes = [inside.node().unwrap(), inside.node().unwrap()];
        for (node, last) in nodes.iter().zip(1..) {
            node.join(&outside, "eth1", Ipv4Addr::new(10, 98, 0, last)).unwrap();
        }
        let name = format!("{name}-{:?}-{:?}", programs[0], programs[1]).to_lowercase();
        Scene { name, nodes, _segments: [inside, outside] }
    }

    fn start(&self, at: usize, program: Program, text: &str) -> Router {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("groups").join(&self.name);
        let mut router = Router::start(program, &self.nodes[at], &directory, text);
        if program == Keepalived {
            router.wait_until_ready(&self.nodes[at], SOON);
        }
        router
    }

    fn addresses(&self, at: usize) -> [bool; 2] {
        [INSIDE, OUTSIDE].map(|address| self.nodes[at].has(address).unwrap())
    }

    #[track_caller]
    fn wait_for_owner(&self, owner: usize) {
        eventually(SOON, &format!("{}: node {owner} has both addresses", self.name), || {
            self.addresses(owner) == [true; 2] && self.addresses(1 - owner) == [false; 2]
        });
    }
}

/// The better router loses one of its links: the other takes over on both segments. The link comes
/// back: so does the better one, on both.
fn one_link_fails(programs: [Program; 2]) {
    let scene = Scene::new("link", programs);
    let _better = scene.start(0, programs[0], &grouped(200));
    scene.wait_for_first();
    let _other = scene.start(1, programs[1], &grouped(100));
    scene.wait_for_owner(0);
    scene.nodes[0].set_down("eth1").unwrap();
    scene.wait_for_owner(1);
    scene.nodes[0].set_up("eth1").unwrap();
    scene.wait_for_owner(0);
}

impl Scene {
    #[track_caller]
    fn wait_for_first(&self) {
        eventually(SOON, "the first has both addresses", || self.addresses(0) == [true; 2]);
    }
}

#[test]
fn a_failed_link_moves_the_whole_group_of_two_ringwards() {
    one_link_fails([Ringward, Ringward]);
}

#[test]
fn a_failed_link_moves_the_whole_group_to_keepalived() {
    one_link_fails([Ringward, Keepalived]);
}

#[test]
fn a_failed_link_moves_the_whole_group_from_keepalived() {
    one_link_fails([Keepalived, Ringward]);
}

/// The master speaks on one segment only. The group hears it there, and nobody on the other.
fn a_master_on_one_segment(master: Program) {
    let scene = Scene::new("half", [master, Ringward]);
    let _master = scene.start(0, master, &instance("inside", "eth0", 51, 200, INSIDE));
    eventually(SOON, "the master has its address", || scene.addresses(0)[0]);
    let group = scene.start(1, Ringward, &grouped(100));
    let mut status = serde_json::Value::Null;
    eventually(SOON, "the timer of the silent segment has run out", || {
        status = group.status(&scene.nodes[1]);
        status["instances"][1]["group"]["waits_for"] == "inside"
    });
    assert_eq!(status["instances"][0]["state"], "BACKUP", "{status}");
    assert_eq!(status["instances"][1]["state"], "BACKUP", "{status}");
    assert_eq!(status["instances"][1]["group"]["name"], "uplinks", "{status}");
    assert_eq!(scene.addresses(1), [false; 2]);
    // It dies, and nothing is in the way any more.
    drop(_master);
    eventually(SOON, "both addresses", || scene.addresses(1) == [true; 2]);
}

#[test]
fn a_group_that_hears_a_master_on_one_segment_is_backup_on_both() {
    a_master_on_one_segment(Ringward);
}

#[test]
fn a_group_that_hears_a_keepalived_on_one_segment_is_backup_on_both() {
    a_master_on_one_segment(Keepalived);
}

#[test]
fn the_status_names_the_member_that_keeps_its_group_in_fault() {
    let scene = Scene::new("fault", [Ringward, Ringward]);
    let router = scene.start(0, Ringward, &grouped(100));
    scene.nodes[0].set_down("eth1").unwrap();
    let mut status = serde_json::Value::Null;
    eventually(SOON, "FAULT", || {
        status = router.status(&scene.nodes[0]);
        status["instances"][0]["state"] == "FAULT" && status["instances"][1]["state"] == "FAULT"
    });
    assert_eq!(status["instances"][0]["group"]["waits_for"], "outside", "{status}");
    assert_eq!(status["instances"][1]["fault"], "interface is down", "{status}");
}
