//! A daemon that the machine does not run for five seconds: longer than a peer waits for a master.

use std::time::Duration;

use nix::sys::signal::Signal;
use ringward::lab::{self, Segment};
use ringward::time::{Instant, Span};

use crate::scene::{Router, Spec, VIP, eventually, pair};

const STALL: Duration = Duration::from_secs(5);

/// Stops a daemon for so long that the peer becomes master: when it went on.
fn stall(router: &Router, peer: &Router) -> Instant {
    let daemon = router.daemon();
    router.signal_daemon(Signal::SIGSTOP);
    std::thread::sleep(STALL);
    assert_eq!(router.daemon(), daemon, "a stopped daemon is not replaced");
    assert!(peer.is("MASTER"), "{}", peer.status());
    assert!(peer.node.has(VIP).unwrap());
    let since = lab::now();
    router.signal_daemon(Signal::SIGCONT);
    since
}

#[test]
fn a_stalled_master_listens_before_it_speaks_and_gives_way_to_a_better_one() {
    let better = Spec { more: "nopreempt", ..Spec::gateway(200) }.text();
    let (_segment, capture, stalled, peer) = pair("stall-way", 150, &better);
    let since = stall(&stalled, &peer);
    stalled.wait_for("BACKUP");
    eventually("the address goes", || !stalled.node.has(VIP).unwrap());
    assert_eq!(stalled.adverts(&capture, 51, since), [], "{}", capture.listing());
    let instance = stalled.instance();
    assert_eq!(instance["last_transition"]["cause"], "heard a higher priority", "{instance}");
    assert_eq!(instance["master"]["address"], "10.99.0.2", "{instance}");
    let late = stalled.status()["process"]["lateness_max_us"].as_u64().unwrap();
    assert!((4_500_000..20_000_000).contains(&late), "{late} us late");
    assert_eq!(peer.instance()["counters"]["rivals"], 0, "it heard no other master");
}

#[test]
fn a_stalled_master_that_is_the_better_one_goes_on_and_the_peer_gives_way() {
    let (_segment, capture, stalled, peer) = pair("stall-on", 200, &Spec::gateway(100).text());
    let since = stall(&stalled, &peer);
    // What its socket kept of the peer's adverts shows that nobody better has taken over.
    stalled.wait_for_advert(&capture, since);
    peer.wait_for("BACKUP");
    eventually("one owner is left", || !peer.node.has(VIP).unwrap());
    assert!(stalled.node.has(VIP).unwrap());
    let instance = stalled.instance();
    assert_eq!(instance["master"]["address"], "10.99.0.2", "{instance}");
    assert_ne!(instance["counters"]["rivals"], 0, "{instance}");
    assert_eq!(instance["state"], "MASTER");
    assert_eq!(instance["counters"]["released_master"], 0, "{instance}");
    assert_eq!(instance["addresses"][0]["presence"], "installed", "{instance}");
}

#[test]
fn a_master_that_stalls_alone_keeps_its_address_and_puts_back_what_it_lost() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let capture = segment.capture().unwrap();
    let others = ["10.99.0.100", "10.99.0.101"].map(|ip| ip.parse().unwrap());
    let text = Spec { addresses: &others, ..Spec::gateway(150) }.text();
    let mut router = Router::new(&segment, "stall-alone", &text);
    router.start();
    router.wait_for_address(others[1]);
    router.wait_for_address(VIP);
    let watch = router.node.watch_addresses().unwrap();
    router.signal_daemon(Signal::SIGSTOP);
    router.node.delete_address("eth0", others[1], 32).unwrap();
    std::thread::sleep(STALL);
    let since = lab::now();
    router.signal_daemon(Signal::SIGCONT);
    let silent = router.wait_for_advert(&capture, since).since(since);
    // An interval and the skew time of priority 150 (RFC 9568 §6.1): 100 ms and 106 / 256 of it.
    assert!(silent >= Span::from_micros(141_400), "it listened for {silent} only");
    router.wait_for_address(others[1]);
    assert_eq!(watch.went(VIP, Instant::ZERO), None, "the other one was never away");
    let instance = router.instance();
    assert_eq!(instance["state"], "MASTER");
    assert_eq!(instance["counters"]["became_master"], 1, "{instance}");
    assert_eq!(instance["addresses"][1]["presence"], "installed", "{instance}");
    assert!(router.said().contains(" stalled "), "{}", router.said());
    assert!(router.said().contains("removed by somebody else"), "{}", router.said());
}
