//! The service decides who is master: two routers, one of which tracks it, in namespaces, with
//! Debian's keepalived on either side and on both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rig::Program::{self, Keepalived, Ringward};
use rig::{Router, compile, eventually, fault, set_mode};
use ringward::lab::{Node, Segment};
use serde_json::Value;

const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
/// Ten times what a takeover takes, and more.
const SOON: Duration = Duration::from_secs(60);

/// The service: it runs while this file is there.
const SERVICE: &str = "/run/service";

/// The one that tracks the service, and the other one, of priority 100 without trackers.
struct Pair {
    tracking: Node,
    other: Node,
    routers: [Router; 2],
    _segment: Segment,
}

fn instance(priority: u8, lines: &str) -> String {
    format!(
        "vrrp_instance pair {{\n  version 3\n  interface eth0\n  virtual_router_id 51\n  \
         priority {priority}\n  advert_int 0.2\n  virtual_ipaddress {{\n    {VIP}/24\n  }}\n{lines}\n}}\n"
    )
}

/// The configuration of the one that tracks: `weight` is the line of the script.
fn tracking(priority: u8, weight: &str) -> String {
    format!(
        "global_defs {{\n  script_user root\n}}\nvrrp_script service {{\n  \
         script \"/usr/bin/test -e {SERVICE}\"\n  interval 1\n  {weight}\n}}\n{}",
        instance(priority, "  track_script {\n    service\n  }")
    )
}

impl Pair {
    /// The service runs, and the router that tracks it is master.
    fn new(test: &str, programs: [Program; 2], text: &str) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let nodes = [(); 2].map(|()| segment.node().unwrap());
        nodes[0].write(SERVICE, b"").unwrap();
        Pair::between(segment, nodes, test, programs, text)
    }

    /// The same between two nodes that there are.
    fn between(
        segment: Segment,
        [tracking, other]: [Node; 2],
        test: &str,
        programs: [Program; 2],
        text: &str,
    ) -> Self {
        let name = format!("{test}-{:?}-{:?}", programs[0], programs[1]).to_lowercase();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking").join(name);
        let start =
            |program, node: &Node, text: &str| Router::start(program, node, &directory, text);
        let routers =
            [start(programs[0], &tracking, text), start(programs[1], &other, &instance(100, ""))];
        let pair = Pair { tracking, other, routers, _segment: segment };
        pair.wait_for("the one that tracks is master", [true, false]);
        pair
    }

    #[track_caller]
    fn wait_for(&self, what: &str, masters: [bool; 2]) {
        let has = || [&self.tracking, &self.other].map(|node| node.has(VIP).unwrap());
        let shown = format!("{what}, in\n{}", self.routers[0].process.output());
        eventually(SOON, &shown, || has() == masters);
    }

    fn end_service(&self) {
        self.tracking.enter(|| fs::remove_file(SERVICE).map_err(fault)).unwrap();
    }

    fn status(&self) -> Value {
        self.routers[0].status(&self.tracking)["instances"][0].clone()
    }
}

/// The service dies and the other router takes over; it returns, and so does the address.
fn service_decides(test: &str, programs: [Program; 2], priority: u8, weight: &str) {
    let pair = Pair::new(test, programs, &tracking(priority, weight));
    pair.end_service();
    pair.wait_for("the service died: the other one takes over", [false, true]);
    pair.tracking.write(SERVICE, b"").unwrap();
    pair.wait_for("the service returned: the address does", [true, false]);
}

/// Each beside a keepalived: ringward is the one that tracks, and keepalived is.
macro_rules! decides {
    ($story:ident: $($name:ident: $priority:expr, $line:expr;)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn beside_keepalived() {
                $story(stringify!($name), [Ringward, Keepalived], $priority, $line);
            }

            #[test]
            fn beside_a_keepalived_that_tracks() {
                $story(stringify!($name), [Keepalived, Ringward], $priority, $line);
            }
        }
    )* };
}

decides! { service_decides:
    a_script_of_weight_0: 150, "";
    a_script_of_negative_weight: 150, "weight -100";
    a_script_of_positive_weight: 50, "weight 100";
    a_script_with_rise_and_fall: 150, "weight -100\n  rise 2\n  fall 2";
}

/// The uplink of the one that tracks it fails, and returns; either program may be the one.
fn uplink_decides(test: &str, programs: [Program; 2], priority: u8, line: &str) {
    let text = instance(priority, &format!("  track_interface {{\n    {line}\n  }}"));
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let nodes = [(); 2].map(|()| segment.node().unwrap());
    let uplink = Segment::new().unwrap();
    nodes[0].join(&uplink, "uplink", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
    let pair = Pair::between(segment, nodes, test, programs, &text);
    pair.tracking.set_down("uplink").unwrap();
    pair.wait_for("the uplink failed: the other one takes over", [false, true]);
    pair.tracking.set_up("uplink").unwrap();
    pair.wait_for("the uplink returned: the address does", [true, false]);
}

decides! { uplink_decides:
    an_interface_of_weight_0: 150, "uplink";
    an_interface_of_negative_weight: 150, "uplink weight -100";
    an_interface_of_positive_weight: 50, "uplink weight 100";
}

/// A file that the router tracks says so: another number in it, and the other one takes over. `lines`
/// are of the file; with the first number it is master, with the second it is not.
fn number_decides(
    test: &str,
    programs: [Program; 2],
    priority: u8,
    (lines, numbers): (&str, [&str; 2]),
) {
    let text = format!(
        "track_file load {{\n  file {LOAD}\n{lines}\n}}\n{}",
        instance(priority, "  track_file {\n    load\n  }")
    );
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let nodes = [(); 2].map(|()| segment.node().unwrap());
    nodes[0].write(LOAD, numbers[0].as_bytes()).unwrap();
    let pair = Pair::between(segment, nodes, test, programs, &text);
    let write = |number: &str| {
        // As a shell does it, and as whoever wants nobody to read half of it.
        pair.tracking.write("/run/load.new", number.as_bytes()).unwrap();
        pair.tracking.enter(|| fs::rename("/run/load.new", LOAD).map_err(fault)).unwrap();
    };
    pair.tracking.write(LOAD, numbers[1].as_bytes()).unwrap();
    pair.wait_for("another number: the other one takes over", [false, true]);
    write(numbers[0]);
    pair.wait_for("the first number: the address returns", [true, false]);
    write(numbers[1]);
    pair.wait_for("another number again", [false, true]);
    pair.tracking.write(LOAD, numbers[0].as_bytes()).unwrap();
    pair.wait_for("the first number again", [true, false]);
}

/// The file whose number is tracked.
const LOAD: &str = "/run/load";

decides! { number_decides:
    a_file_of_weight_0: 150, ("  weight 0", ["0\n", "1\n"]);
    a_file_of_weight_0_in_reverse: 150, ("  weight 0 reverse", ["1\n", "0\n"]);
    a_file_of_the_default_weight: 150, ("", ["0\n", "-100\n"]);
    a_file_of_another_weight: 50, ("  weight -10", ["-10\n", "0x0\n"]);
    a_file_whose_number_means_a_fault: 150, ("  weight 2", ["\n", "-127 and more\n"]);
    a_file_without_a_number: 50, ("  weight 1 reverse", ["-0100\n", "none\n"]);
}

/// What becomes of the file while nobody writes to it: it is removed, its directory is, and both come
/// back; a link, and a file of the kernel's, are looked at once a second.
#[test]
fn a_file_that_is_missing_counts_as_zero_until_it_is_there() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/file-missing");
    let text = "track_file a {\n  file /run/there/a\n}\n\
                track_file b {\n  file /run/b\n  weight 2\n  init_file 5\n}\n\
                track_file c {\n  file /run/c\n  init_file -1 overwrite\n}\n\
                track_file link {\n  file /run/link\n}\n\
                track_file kernel {\n  file /proc/sys/net/ipv4/ip_default_ttl\n}\n"
        .to_owned()
        + &instance(50, "  track_file {\n    a\n    b\n    c\n    link\n    kernel\n  }");
    node.write("/run/c", b"1000").unwrap();
    let enter = |act: &(dyn Fn() -> std::io::Result<()> + Sync)| {
        node.enter(|| act().map_err(fault)).unwrap()
    };
    enter(&|| std::os::unix::fs::symlink("/run/c", "/run/link"));
    let ttl = |number: &str| node.write("/proc/sys/net/ipv4/ip_default_ttl", number.as_bytes());
    ttl("64").unwrap();
    let router = Router::start(Ringward, &node, &folder, &text);
    let status = || router.status(&node)["instances"][0].clone();
    let expect = |what: &str, adds: [i64; 5]| {
        let has = || {
            let status = status();
            let trackers = status["trackers"].as_array().into_iter().flatten();
            trackers.map(|it| it["adds"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        eventually(SOON, &format!("{what}, in\n{}", router.process.output()), || has() == adds);
        let sum: i64 = adds.iter().sum();
        assert_eq!(status()["effective_priority"], (50 + sum).clamp(1, 254), "{what}");
    };
    expect("one is missing, one is made, one is written anew", [0, 10, -1, -1, 64]);
    assert_eq!(status()["trackers"][0]["last"]["outcome"], "no such file");
    enter(&|| fs::create_dir("/run/there"));
    node.write("/run/there/a", b"20").unwrap();
    node.write("/run/c", b"3").unwrap();
    expect("its directory is there", [20, 10, 3, 3, 64]);
    ttl("65").unwrap();
    node.write("/run/there/a", b"21").unwrap();
    expect("what nobody tells of", [21, 10, 3, 3, 65]);
    enter(&|| fs::rename("/run/there", "/run/elsewhere"));
    expect("its directory has another name", [0, 10, 3, 3, 65]);
    enter(&|| fs::rename("/run/elsewhere", "/run/there"));
    expect("and its own again", [21, 10, 3, 3, 65]);
    enter(&|| fs::remove_file("/run/b"));
    expect("another one is removed", [21, 0, 3, 3, 65]);
    node.write("/run/b", b"99999999999").unwrap();
    node.write("/run/c", b"nothing").unwrap();
    expect("a number out of range, and none", [21, 0, 0, 0, 65]);
    let status = router.status(&node);
    assert_eq!(status["process"]["allocations"], 0);
    assert_eq!(status["process"]["seccomp"], true);
    let output = router.process.output();
    for line in [
        "- file name=\"a\" read=\"21\"",
        "- file name=\"b\" read=\"a number out of range, ignored\"",
        "- file name=\"c\" read=\"no number in it\"",
    ] {
        assert!(output.contains(line), "{line} in {output}");
    }
}

/// A reload may give the rows of files to others, and what was said of the old ones is forgotten.
#[test]
fn a_reload_reads_the_files_that_are_tracked_then() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/file-reload");
    let text = |path: &str| {
        format!(
            "track_file load {{\n  file {path}\n}}\n{}",
            instance(50, "  track_file {\n    load\n  }")
        )
    };
    node.write("/run/one", b"1").unwrap();
    node.write("/run/two", b"2").unwrap();
    let router = Router::start(Ringward, &node, &folder, &text("/run/one"));
    let expect = |priority: u64| {
        let has = || router.status(&node)["instances"][0]["effective_priority"].as_u64();
        let what = format!("{priority}, in\n{}", router.process.output());
        eventually(SOON, &what, || has() == Some(priority));
    };
    expect(51);
    let source = folder.join(format!("node{}.conf", node.number()));
    fs::write(&source, text("/run/two")).unwrap();
    compile(&source);
    router.process.signal(Signal::SIGHUP).unwrap();
    expect(52);
    node.write("/run/one", b"11").unwrap();
    node.write("/run/two", b"12").unwrap();
    expect(62);
}

#[test]
fn each_contribution_is_shown() {
    let pair = Pair::new("shown", [Ringward, Ringward], &tracking(150, "weight -100"));
    let status = pair.status();
    assert_eq!(
        (&status["base_priority"], &status["effective_priority"]),
        (&150.into(), &150.into())
    );
    assert_eq!(status["trackers"][0]["name"], "service");
    assert_eq!(status["trackers"][0]["state"], "passing");
    pair.end_service();
    eventually(SOON, "the priority falls", || pair.status()["effective_priority"] == 50);
    let tracker = &pair.status()["trackers"][0];
    assert_eq!((&tracker["state"], &tracker["adds"]), (&"failing".into(), &(-100).into()));
    assert_eq!(tracker["last"]["outcome"], "exit code 1");
    let output = pair.routers[0].process.output();
    assert!(output.contains("pair priority from=150 to=50"), "{output}");
}

#[test]
fn a_script_that_cannot_be_started_is_a_fault_that_says_why() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/missing");
    let text = tracking(150, "").replace("/usr/bin/test", "/usr/bin/no-such-program");
    let router = Router::start(Ringward, &node, &directory, &text);
    eventually(SOON, "FAULT", || router.status(&node)["instances"][0]["state"] == "FAULT");
    let status = &router.status(&node)["instances"][0];
    assert_eq!(status["fault"], "a tracked script fails");
    assert_eq!(status["trackers"][0]["last"]["outcome"], "no such program");
    assert!(!node.has(VIP).unwrap());
}

/// A script that others than root could change does not run as root; as another user, it does.
#[test]
fn enable_script_security_refuses_what_others_could_change() {
    for (user, expected) in [
        ("root", "others than root could change it (enable_script_security)"),
        ("nobody", "exit code 0"),
    ] {
        let segment = Segment::new().unwrap();
        let node = segment.node().unwrap();
        node.write("/run/script", b"#!/bin/sh\nexit 0\n").unwrap();
        set_mode(&node, "/run/script", 0o777);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/security").join(user);
        let text = format!(
            "global_defs {{\n  enable_script_security\n}}\nvrrp_script s {{\n  script /run/script\n  \
             user {user}\n}}\n{}",
            instance(100, "  track_script {\n    s\n  }")
        );
        let router = Router::start(Ringward, &node, &directory, &text);
        let last =
            || router.status(&node)["instances"][0]["trackers"][0]["last"]["outcome"].clone();
        eventually(SOON, "an answer", || !last().is_null());
        assert_eq!(last(), expected, "{}", router.process.output());
    }
}

/// Whatever of the helper dies, nobody who is master notices: scripts keep how they stand, and run
/// again.
#[test]
fn a_helper_that_is_killed_is_replaced_and_nothing_else_happens() {
    let pair = Pair::new("helper-killed", [Ringward, Keepalived], &tracking(150, "fall 1"));
    let scripts = || pair.routers[0].status(&pair.tracking)["scripts"][0].clone();
    for round in 0..3 {
        let keeper = pair.routers[0].process.children_named("ringward-keeper")[0];
        let [helper, _] = household(keeper.as_raw());
        assert_eq!(children(keeper.as_raw()).len(), 2, "round {round}");
        end(helper, Signal::SIGKILL);
        let runs = scripts()["runs"].as_u64().unwrap();
        eventually(SOON, "it runs again", || scripts()["runs"].as_u64().unwrap() > runs + 1);
        assert_eq!(scripts()["failures"], 0);
    }
    assert!(pair.tracking.has(VIP).unwrap() && !pair.other.has(VIP).unwrap());
    assert_eq!(pair.status()["counters"]["became_master"], 1);
    let output = pair.routers[0].process.output();
    assert_eq!(output.matches("helper-died").count(), 3, "{output}");
}

fn comm(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

fn end(pid: i32, signal: Signal) {
    kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// The helper and the guard of a keeper.
fn household(keeper: i32) -> [i32; 2] {
    let find = |name| children(keeper).into_iter().find(|pid| comm(*pid) == name);
    eventually(SOON, "a helper and a guard", || {
        find("ringward-helper").is_some() && find("ringward-guard").is_some()
    });
    [find("ringward-helper").unwrap(), find("ringward-guard").unwrap()]
}

/// The guard takes the place of a keeper that is killed, again and again; nothing else happens.
#[test]
fn a_keeper_that_is_killed_is_replaced_and_nothing_else_happens() {
    let pair = Pair::new("keeper-replaced", [Ringward, Keepalived], &tracking(150, "fall 1"));
    let mut keeper = pair.routers[0].process.children_named("ringward-keeper")[0].as_raw();
    for _ in 0..3 {
        let [_, guard] = household(keeper);
        end(keeper, Signal::SIGKILL);
        eventually(SOON, "the guard is keeper", || comm(guard) == "ringward-keeper");
        keeper = guard;
    }
    let [_, guard] = household(keeper);
    end(guard, Signal::SIGKILL);
    eventually(SOON, "another guard", || household(keeper)[1] != guard);
    let runs = || {
        let status = pair.routers[0].status(&pair.tracking);
        let script = &status["scripts"][0];
        script["runs"].as_u64().unwrap() - script["failures"].as_u64().unwrap()
    };
    let before = runs();
    eventually(SOON, "scripts run again", || runs() > before + 2);
    assert!(pair.tracking.has(VIP).unwrap() && !pair.other.has(VIP).unwrap());
    let output = pair.routers[0].process.output();
    assert!(!output.contains("FAULT"), "{output}");
}

/// Nobody is left to run anything: what is known holds for a time, and the loop does not spin.
#[test]
fn without_helper_and_keeper_scripts_keep_how_they_stand() {
    let pair = Pair::new("keeper-killed", [Ringward, Keepalived], &tracking(150, "fall 1"));
    let keeper = pair.routers[0].process.children_named("ringward-keeper")[0].as_raw();
    let [_, guard] = household(keeper);
    // The helper dies with its keeper; nobody may take over meanwhile.
    end(guard, Signal::SIGSTOP);
    end(keeper, Signal::SIGKILL);
    end(guard, Signal::SIGKILL);
    let said = || pair.routers[0].process.output().contains("keeper-died");
    eventually(SOON, "the supervisor says so", said);
    let turns = || pair.routers[0].status(&pair.tracking)["process"]["turns"].as_u64().unwrap();
    let skipped = || {
        let status = pair.routers[0].status(&pair.tracking);
        status["scripts"][0]["skipped"].as_u64().unwrap()
    };
    let before = turns();
    // One each second.
    eventually(SOON, "three times that it should have run", || skipped() >= 3);
    assert!(turns() - before < 20_000, "{} turns", turns() - before);
    assert!(pair.tracking.has(VIP).unwrap() && !pair.other.has(VIP).unwrap());
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// A script that hangs, and takes no notice of SIGTERM, is a failure at its time limit; it is killed
/// with its group, and runs again.
#[test]
fn a_script_that_hangs_has_failed_at_its_time_limit() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    node.write("/run/hang", b"#!/bin/sh\ntrap '' TERM\nsleep 1000 & wait\nsleep 1000\n").unwrap();
    set_mode(&node, "/run/hang", 0o755);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/hang");
    let text = tracking(150, "timeout 1").replace("/usr/bin/test", "/run/hang");
    let router = Router::start(Ringward, &node, &directory, &text);
    eventually(SOON, "FAULT", || router.status(&node)["instances"][0]["state"] == "FAULT");
    let scripts = || router.status(&node)["scripts"][0].clone();
    eventually(SOON, "it is killed, and runs again", || scripts()["runs"].as_u64() >= Some(2));
    assert!(scripts()["skipped"].as_u64() >= Some(1), "{}", scripts());
    let status = &router.status(&node)["instances"][0];
    assert_eq!(status["trackers"][0]["last"]["outcome"], "time limit exceeded");
}

/// The loop allocates nothing for it.
#[test]
fn the_daemon_allocates_nothing_while_scripts_run() {
    let pair = Pair::new("allocations", [Ringward, Ringward], &tracking(150, "weight -100"));
    pair.end_service();
    pair.wait_for("the other one takes over", [false, true]);
    let status = pair.routers[0].status(&pair.tracking);
    assert!(status["scripts"][0]["runs"].as_u64() >= Some(2));
    assert_eq!(status["process"]["allocations"], 0);
    assert_eq!(status["process"]["seccomp"], true);
}
