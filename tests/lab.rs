//! The segment in namespaces that the demo, the interop tests and the benchmarks stand on.
//! Needs root: a test harness has several threads, and the kernel lets none of those into a user
//! namespace.
#![cfg(test)]

use std::fs;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use ringward::lab::{Seen, Segment, now, write_pcap};
use ringward::time::Instant;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_node_answers_over_both_families_at_once() {
    let segment = Segment::new().unwrap();
    let (router, client) = (segment.node().unwrap(), segment.node().unwrap());
    for target in
        [IpAddr::V4(router.ipv4()), IpAddr::V6(router.ipv6()), IpAddr::V6(router.link_local())]
    {
        let capture = segment.capture().unwrap();
        let probe = client.probe(target, Duration::from_millis(2)).unwrap();
        let reply = capture.wait(Instant::ZERO, SOON, |frame| {
            matches!(frame.seen(), Seen::Echo(echo) if echo.is_reply && echo.source == target)
        });
        let reply = reply.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
        assert!(matches!(reply.seen(), Seen::Echo(echo) if echo.source_mac == router.mac()));
        eventually("an answer", || {
            probe.echoes().first().is_some_and(|echo| echo.answered.is_some())
        });
    }
}

#[test]
fn a_cut_link_loses_echoes_and_a_mended_one_does_not() {
    let segment = Segment::new().unwrap();
    let (router, client) = (segment.node().unwrap(), segment.node().unwrap());
    let probe = client.probe(router.ipv4().into(), Duration::from_millis(2)).unwrap();
    eventually("an answer", || probe.answered(Instant::ZERO).is_some());
    router.cut().unwrap();
    let cut = now();
    eventually("requests without an answer", || probe.sent_and_lost(cut, now()).1 > 5);
    router.mend().unwrap();
    let mended = now();
    eventually("an answer after mending", || probe.answered(mended).is_some());
}

#[test]
fn an_address_is_seen_to_come_and_to_go() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    for (address, prefix_len) in [("10.99.0.100", 32), ("fd99::100", 128)] {
        let address: IpAddr = address.parse().unwrap();
        let watch = node.watch_addresses().unwrap();
        node.add_address("eth0", address, prefix_len).unwrap();
        assert!(node.has(address).unwrap());
        eventually("the address", || watch.came(address, Instant::ZERO).is_some());
        node.delete_address("eth0", address, prefix_len).unwrap();
        assert!(!node.has(address).unwrap());
        eventually("its end", || watch.went(address, Instant::ZERO).is_some());
        assert_eq!(watch.tenures(address, now()).len(), 1);
    }
}

#[test]
fn a_replaced_node_has_lost_everything_but_its_place() {
    let segment = Segment::new().unwrap();
    let mut node = segment.node().unwrap();
    let client = segment.node().unwrap();
    let own = IpAddr::V4(node.ipv4());
    node.add_address("eth0", "10.99.0.100".parse().unwrap(), 32).unwrap();
    node.write("/run/some/file", b"content").unwrap();
    node.replace().unwrap();
    assert!(node.has(own).unwrap());
    assert!(!node.has("10.99.0.100".parse().unwrap()).unwrap());
    assert!(!node.enter(|| Ok(fs::exists("/run/some/file").unwrap())).unwrap());
    let probe = client.probe(own, Duration::from_millis(2)).unwrap();
    eventually("an answer", || probe.answered(Instant::ZERO).is_some());
}

#[test]
fn killing_a_program_takes_all_that_it_started() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let mut shell = node
        .spawn(Command::new("/bin/sh").args(["-c", "setsid sleep 1000 & echo started; sleep 1000"]))
        .unwrap();
    eventually("the program's output", || shell.output() == "started\n");
    eventually("its two children", || shell.children().len() == 2);
    let tree = shell.tree();
    assert_eq!(tree.len(), 3);
    shell.kill();
    for (pid, _) in tree {
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "process {pid} is still there");
    }
}

#[test]
fn what_several_processes_write_at_once_is_all_there() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let mut command = Command::new("sh");
    let writer = "(i=0; while [ $i -lt 5000 ]; do echo line; i=$((i+1)); done) &";
    command.args(["-c", &format!("{writer} {writer} {writer} wait")]);
    let mut shell = node.spawn(&mut command).unwrap();
    shell.wait(SOON).unwrap();
    assert_eq!(shell.output().lines().filter(|line| *line == "line").count(), 15_000);
}

#[test]
fn the_end_of_a_program_is_reported_with_its_status() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let mut failing =
        node.spawn(Command::new("/bin/sh").args(["-c", "sleep 0.1; exit 65"])).unwrap();
    assert_eq!(failing.wait(SOON).unwrap().1, 65);
    for _ in 0..20 {
        let mut quick = node.spawn(&mut Command::new("/bin/true")).unwrap();
        assert_eq!(quick.wait(SOON).unwrap().1, 0);
    }
    let mut sleeping = node.spawn(Command::new("/bin/sleep").arg("1000")).unwrap();
    sleeping.signal(Signal::SIGTERM).unwrap();
    assert_eq!(sleeping.wait(SOON).unwrap().1, 128 + 15);
    assert!(node.spawn(&mut Command::new("/no/such/program")).is_err());
}

#[test]
fn an_injected_frame_is_on_the_wire_as_it_is() {
    let segment = Segment::new().unwrap();
    let (one, other) = (segment.node().unwrap(), segment.node().unwrap());
    let (wire, port) = (segment.capture().unwrap(), other.capture("eth0").unwrap());
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    frame.extend([0x5a; 46]);
    one.injector("eth0").unwrap().send(&frame).unwrap();
    let seen = wire.wait(Instant::ZERO, SOON, |seen| seen.bytes == frame).unwrap();
    port.wait(Instant::ZERO, SOON, |seen| seen.bytes == frame).unwrap();
    let mut file = Vec::new();
    write_pcap(&[seen], &mut file).unwrap();
    assert!(file.ends_with(&frame));
}

/// Waits for `happens`, and fails after five seconds without it.
#[track_caller]
fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let give_up = std::time::Instant::now() + SOON;
    while !happens() {
        assert!(std::time::Instant::now() < give_up, "no {what} within {SOON:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
