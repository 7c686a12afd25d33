//! A cable with a bad contact, and an administrator who cannot make up his mind.

use std::fs;
use std::net::IpAddr;

use ringward::lab::Segment;

use crate::scene::{Router, Spec, VIP, eventually};

const FLAPS: u32 = 200;

fn descriptors(router: &Router) -> usize {
    fs::read_dir(format!("/proc/{}/fd", router.daemon())).unwrap().count()
}

/// IPv4 only: of IPv6, the kernel itself drops what an interface has when it goes down.
fn addresses(router: &Router) -> Vec<(String, IpAddr)> {
    let mut all = router.node.addresses().unwrap();
    all.retain(|(_, ip)| ip.is_ipv4());
    all
}

/// Lets a link flap, and holds the router to what it was before.
fn flap(test: &str, mut flap: impl FnMut(&Router)) {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let mut router = Router::new(&segment, test, &Spec::gateway(150).text());
    router.start();
    router.wait_for("MASTER");
    router.wait_for_address(VIP);
    let (open, before) = (descriptors(&router), addresses(&router));
    for _ in 0..FLAPS {
        flap(&router);
    }
    router.wait_for("MASTER");
    router.wait_for_address(VIP);
    assert_eq!(descriptors(&router), open, "descriptors");
    assert_eq!(addresses(&router), before);
    eventually("everything but the daemon's own waits has left the ring", || {
        router.status()["process"]["ring_in_flight"].as_u64().is_some_and(|count| count < 16)
    });
    let status = router.status();
    let instance = &status["instances"][0];
    assert_eq!(instance["fault"], serde_json::Value::Null, "{status}");
    assert_eq!(instance["addresses"][0]["presence"], "installed", "{status}");
    assert_eq!(status["process"]["allocations"], 0, "{status}");
    assert_eq!(status["process"]["restarts"], 0, "{status}");
    assert_eq!(status["interfaces"][0]["running"], true, "{status}");
    let faults = instance["counters"]["became_master"].as_u64().unwrap();
    assert!(faults >= 2, "the flaps were noticed: {status}");
}

#[test]
fn two_hundred_losses_of_carrier_leave_the_router_as_it_was() {
    flap("link-cable", |router| {
        router.node.cut().unwrap();
        router.node.mend().unwrap();
    });
}

#[test]
fn two_hundred_times_down_and_up_leave_the_router_as_it_was() {
    flap("link-down", |router| {
        router.node.set_down("eth0").unwrap();
        router.node.set_up("eth0").unwrap();
    });
}
