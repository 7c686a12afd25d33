//! SIGKILL: of the daemon, of its supervisor, of both; and leases, for when nobody is left.

use std::time::{Duration, Instant as Clock};

use nix::sys::signal::Signal;
use ringward::lab::{self, Segment};
use ringward::time::{Instant, Span};

use crate::rig::undisturbed;
use crate::scene::{Router, SOON, Spec, VIP, eventually, pair, resigns};

#[test]
fn a_killed_daemon_is_cleaned_up_after_replaced_and_master_again() {
    undisturbed(|| {
        let (_segment, capture, master, backup) =
            pair("death-daemon", 200, &Spec::gateway(100).text());
        let watch = master.node.watch_addresses().unwrap();
        let since = lab::now();
        master.signal_daemon(Signal::SIGKILL);
        backup.wait_for_advert(&capture, since);
        eventually("the address was removed", || watch.went(VIP, since).is_some());
        // Before the backup can have put it up: 300 ms of silence come first.
        let gone = watch.went(VIP, since).unwrap().since(since);
        assert!(gone < Span::from_millis(300), "there for {gone} after the death");
        // The supervisor waits a second, and the new one preempts.
        eventually("another daemon is master", || master.instance()["state"] == "MASTER");
        backup.wait_for("BACKUP");
        master.wait_for_address(VIP);
        eventually("one owner is left", || !backup.node.has(VIP).unwrap());
        let status = master.status();
        assert_eq!(status["process"]["restarts"], 1, "{status}");
        let cause = &status["instances"][0]["last_transition"]["cause"];
        assert_eq!(cause, "preempted a master of lower priority", "{status}");
        let said = master.said();
        assert!(said.contains("daemon-died") && said.contains("addresses-removed=1"), "{said}");
    });
}

#[test]
fn a_daemon_whose_supervisor_is_killed_resigns_and_leaves_nothing() {
    let (_segment, capture, mut master, backup) =
        pair("death-supervisor", 200, &Spec::gateway(100).text());
    let since = lab::now();
    let supervisor = master.process().pid();
    nix::sys::signal::kill(supervisor, Signal::SIGKILL).unwrap();
    let resigned = capture.wait(since, SOON, resigns);
    resigned.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
    eventually("the address goes", || !master.node.has(VIP).unwrap());
    backup.wait_for("MASTER");
    assert_eq!(backup.instance()["last_transition"]["cause"], "master resigned (priority 0)");
    assert_eq!(master.ends(), 128 + 9);
    master.start();
    master.wait_for("MASTER");
    master.wait_for_address(VIP);
    backup.wait_for("BACKUP");
    assert_eq!(master.status()["process"]["restarts"], 0);
}

#[test]
fn the_next_start_after_both_were_killed_removes_the_address_before_it_listens() {
    let (_segment, capture, mut master, backup) =
        pair("death-both", 200, &Spec::gateway(100).text());
    let since = lab::now();
    master.process().kill();
    assert!(master.node.has(VIP).unwrap(), "nobody was left to remove it");
    backup.wait_for("MASTER");
    backup.wait_for_address(VIP);
    let watch = master.node.watch_addresses().unwrap();
    let next = lab::now();
    master.start();
    eventually("the address goes", || watch.went(VIP, next).is_some());
    let spoken = master.wait_for_advert(&capture, next);
    let gone = watch.went(VIP, next).unwrap();
    assert!(gone < spoken, "it spoke before it had cleaned up");
    backup.wait_for("BACKUP");
    master.wait_for_address(VIP);
    assert!(master.said().contains("predecessor-left kept=0 removed=1"), "{}", master.said());
    assert!(capture.find(since, |frame| resigns(frame)).is_none(), "nobody could resign");
    assert_eq!(master.instance()["counters"]["became_master"], 1);
}

#[test]
fn a_leased_address_vanishes_by_itself_and_an_unleased_one_waits_for_the_next_start() {
    undisturbed(|| {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let mut leased = Router::new(&segment, "death-lease", &Spec::gateway(150).text());
        let other = "10.99.0.101".parse().unwrap();
        let gateway = Spec::gateway(150);
        let text = Spec { vrid: 52, addresses: &[other], ..gateway }.text();
        let mut plain = Router::new(&segment, "death-lease", &text);
        leased.start();
        plain.start_under(&[], &["--no-lease"]);
        leased.wait_for_address(VIP);
        plain.wait_for_address(other);
        let watch = leased.node.watch_addresses().unwrap();
        // A supervisor that lives sees to it at once, lease or not.
        let since = lab::now();
        plain.signal_daemon(Signal::SIGKILL);
        eventually("the address goes", || !plain.node.has(other).unwrap());
        let gone = lab::now().since(since);
        assert!(gone < Span::from_secs(5), "only after {gone}: the lease of others is 10 s");
        plain.wait_for("MASTER");
        plain.wait_for_address(other);

        leased.process().kill();
        plain.process().kill();
        let killed = lab::now();
        eventually("the lease runs out", || watch.went(VIP, Instant::ZERO).is_some());
        // The larger of 10 s and four master-down intervals; the kernel may be 0.9 s late.
        let lived = watch.went(VIP, Instant::ZERO).unwrap().since(killed);
        assert!(lived < Span::from_millis(11_500), "it lived on for {lived}");
        let give_up = Clock::now() + Duration::from_secs(1);
        while Clock::now() < give_up {
            assert!(plain.node.has(other).unwrap(), "no lease, and yet it vanished");
            std::thread::sleep(Duration::from_millis(50));
        }
        // Somebody else's configuration: the address is in no table of the next one.
        plain.blob = leased.blob.clone();
        plain.start();
        plain.wait_for("MASTER");
        assert!(!plain.node.has(other).unwrap());
        assert!(plain.said().contains("predecessor-left kept=0 removed=1"), "{}", plain.said());
    });
}
