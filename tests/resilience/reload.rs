//! A new configuration every tenth of a second.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant as Clock};

use nix::sys::signal::Signal;
use ringward::lab::{self, Capture, Segment};
use ringward::time::{Instant, Span};

use crate::rig::undisturbed;
use crate::scene::{Router, Spec, VIP, blob, eventually, resigns};

const ROUNDS: u32 = 50;
const PACE: Duration = Duration::from_millis(100);
const INTERVAL: Span = Span::from_millis(100);
/// What a busy machine of two cores may add to an interval.
const LATE_MAX: Span = Span::from_millis(25);

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 99, 0, last])
}

/// One instance that no reload is about, and two of which one carries the address .103.
fn text(priority: u8, tuned: u8, left: &[IpAddr], right: &[IpAddr]) -> String {
    let gateway = Spec::gateway(priority);
    let left = Spec { name: "left", vrid: 52, addresses: left, ..Spec::gateway(tuned) };
    let right = Spec { name: "right", vrid: 53, addresses: right, ..Spec::gateway(priority) };
    gateway.text() + &left.text() + &right.text()
}

/// Puts one configuration in the place of the other, again and again; at last the second one.
fn fire(router: &mut Router, blobs: &[PathBuf; 2]) {
    let mut next = Clock::now();
    for blob in (0..ROUNDS / 2).flat_map(|_| blobs) {
        // As whoever replaces a file does it.
        let fresh = router.blob.with_extension("new");
        fs::copy(blob, &fresh).unwrap();
        fs::rename(&fresh, &router.blob).unwrap();
        router.process().signal(Signal::SIGHUP).unwrap();
        next += PACE;
        std::thread::sleep(next.saturating_duration_since(Clock::now()));
    }
}

/// Fails unless each advert followed the one before when it was due, and not much earlier.
fn assert_untouched(router: &Router, capture: &Capture, since: Instant) {
    let stamps = router.adverts(capture, 51, since);
    for pair in stamps.windows(2) {
        let gap = pair[1].since(pair[0]);
        let is_due = gap <= INTERVAL + LATE_MAX && gap >= INTERVAL - LATE_MAX;
        assert!(is_due, "an advert of the untouched instance came after {gap}");
    }
}

#[test]
fn reloads_under_fire_move_an_address_and_disturb_nobody() {
    undisturbed(|| {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let capture = segment.capture().unwrap();
        let test = "reload";
        let one = text(200, 200, &[ip(101), ip(103)], &[ip(102)]);
        let other = text(200, 210, &[ip(101)], &[ip(102), ip(103)]);
        let mut router = Router::new(&segment, test, &one);
        let mut peer = Router::new(&segment, test, &text(100, 100, &[ip(101)], &[ip(102)]));
        let blobs = [blob(test, "other", &other), blob(test, "one", &one)];
        router.start();
        for ip in [VIP, ip(101), ip(102), ip(103)] {
            router.wait_for_address(ip);
        }
        peer.start();
        eventually("the peer hears all three", || {
            let status = peer.status();
            let instances = status["instances"].as_array();
            instances.is_some_and(|all| all.iter().all(|instance| !instance["master"].is_null()))
        });
        let watch = router.node.watch_addresses().unwrap();
        let since = lab::now();
        fire(&mut router, &blobs);
        eventually("the last reload is carried out", || {
            router.instance_named("left")["effective_priority"] == 200
        });
        router.wait_for_advert(&capture, lab::now());
        let status = router.status();
        for vrid in [51, 52, 53] {
            let stamps = router.adverts(&capture, vrid, since);
            assert!(stamps.len() >= 40, "VRID {vrid}: {} adverts", stamps.len());
            for pair in stamps.windows(2) {
                let gap = pair[1].since(pair[0]);
                assert!(gap <= INTERVAL + LATE_MAX, "VRID {vrid} is silent for {gap}");
            }
            assert_eq!(peer.adverts(&capture, vrid, Instant::ZERO), [], "a second master");
        }
        assert_untouched(&router, &capture, since);
        for ip in [VIP, ip(101), ip(102), ip(103)] {
            assert_eq!(watch.went(ip, Instant::ZERO), None, "{ip} left the kernel");
            assert!(router.node.has(ip).unwrap(), "{ip}");
        }
        for instance in status["instances"].as_array().unwrap() {
            assert_eq!(instance["state"], "MASTER", "{status}");
            assert_eq!(instance["counters"]["became_master"], 1, "{status}");
            for address in instance["addresses"].as_array().unwrap() {
                assert_eq!(address["presence"], "installed", "{status}");
            }
        }
        let process = &status["process"];
        assert!(process["reloads"].as_u64().unwrap() >= 40, "{status}");
        assert_eq!((&process["reloads_refused"], &process["allocations"]), (&0.into(), &0.into()));
        assert!(peer.status()["instances"].as_array().unwrap().iter().all(|instance| {
            instance["state"] == "BACKUP" && instance["counters"]["became_master"] == 0
        }));
    });
}

#[test]
fn instances_that_come_and_go_take_an_address_over_and_give_it_back() {
    undisturbed(|| {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let capture = segment.capture().unwrap();
        let test = "reload-guest";
        let left = |addresses: &[IpAddr]| {
            Spec { name: "left", vrid: 52, addresses, ..Spec::gateway(200) }.text()
        };
        // An owner is master as soon as it is there.
        let guest = [ip(103), ip(104)];
        let guest = Spec { name: "guest", vrid: 54, addresses: &guest, ..Spec::gateway(255) };
        let alone = Spec::gateway(200).text() + &left(&[ip(101), ip(103)]);
        let both = guest.text() + &Spec::gateway(200).text() + &left(&[ip(101)]);
        let mut router = Router::new(&segment, test, &alone);
        let blobs = [blob(test, "both", &both), blob(test, "alone", &alone)];
        router.start();
        for ip in [VIP, ip(101), ip(103)] {
            router.wait_for_address(ip);
        }
        let watch = router.node.watch_addresses().unwrap();
        let since = lab::now();
        fire(&mut router, &blobs);
        eventually("the guest has gone", || router.instance_named("guest").is_null());
        eventually("and its own address with it", || !router.node.has(ip(104)).unwrap());
        router.wait_for_advert(&capture, lab::now());
        assert_untouched(&router, &capture, since);
        assert!(watch.came(ip(104), since).is_some(), "the guest was there");
        for ip in [VIP, ip(101), ip(103)] {
            assert_eq!(watch.went(ip, Instant::ZERO), None, "{ip} left the kernel");
            assert!(router.node.has(ip).unwrap(), "{ip}");
        }
        let guests = router.adverts(&capture, 54, since);
        assert!(!guests.is_empty());
        let last = capture.frames_since(*guests.last().unwrap());
        assert!(resigns(&last[0]), "it said that it goes: {}", last[0]);
        let status = router.status();
        let instances = status["instances"].as_array().unwrap();
        assert_eq!(instances.len(), 2, "{status}");
        for instance in instances {
            assert_eq!(instance["state"], "MASTER", "{status}");
            assert_eq!(instance["counters"]["became_master"], 1, "{status}");
        }
        assert_eq!(status["process"]["allocations"], 0, "{status}");
        assert!(status["process"]["reloads"].as_u64().unwrap() >= 40, "{status}");
    });
}
