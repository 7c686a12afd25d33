//! Built-in checks, without a program: a service decides who is master, in namespaces, with a real
//! service and Debian's keepalived as the peer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rig::Program::{Keepalived, Ringward};
use rig::{Router, compile_text, eventually, fault};
use ringward::lab::{Node, Process, Segment};
use serde_json::Value;

const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
/// Ten times what a takeover takes, and more.
const SOON: Duration = Duration::from_secs(60);

fn instance(priority: u8, lines: &str) -> String {
    format!(
        "vrrp_instance pair {{\n  version 3\n  interface eth0\n  virtual_router_id 51\n  \
         priority {priority}\n  advert_int 0.2\n  virtual_ipaddress {{\n    {VIP}/24\n  }}\n{lines}\n}}\n"
    )
}

/// A router that tracks what `lines` of a vrrp_script check, and a keepalived of priority 100.
struct Pair {
    tracking: Node,
    other: Node,
    router: Router,
    _peer: Router,
    _segment: Segment,
}

fn directory(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("builtin").join(test)
}

impl Pair {
    fn new(test: &str, (segment, tracking, other): (Segment, Node, Node), lines: &str) -> Self {
        let text = format!(
            "vrrp_script service {{\n{lines}\n}}\n{}",
            instance(150, "  track_script {\n    service\n  }")
        );
        let directory = directory(test);
        let router = Router::start(Ringward, &tracking, &directory, &text);
        let peer = Router::start(Keepalived, &other, &directory, &instance(100, ""));
        Pair { tracking, other, router, _peer: peer, _segment: segment }
    }

    #[track_caller]
    fn wait_for(&self, what: &str, masters: [bool; 2]) {
        let has = || [&self.tracking, &self.other].map(|node| node.has(VIP).unwrap());
        let shown = format!("{what}, in\n{}", self.router.process.output());
        eventually(SOON, &shown, || has() == masters);
    }

    fn status(&self) -> Value {
        self.router.status(&self.tracking)
    }

    fn last(&self) -> Value {
        self.status()["instances"][0]["trackers"][0]["last"]["outcome"].clone()
    }

    /// The loop has allocated nothing, and the filter was in force.
    #[track_caller]
    fn assert_untroubled(&self) {
        let status = self.status();
        assert_eq!(status["process"]["allocations"], 0);
        assert_eq!(status["process"]["seccomp"], true);
    }
}

fn nodes() -> (Segment, Node, Node) {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let [one, other] = [(); 2].map(|()| segment.node().unwrap());
    (segment, one, other)
}

/// Somebody accepts connections there, until it is dropped.
fn listener(node: &Node, at: &str) -> TcpListener {
    node.enter(|| TcpListener::bind(at).map_err(fault)).unwrap()
}

#[test]
fn a_port_that_is_open_decides() {
    for (name, at, lines) in
        [("tcp", "127.0.0.1:80", ""), ("tcp-v6", "[::1]:80", "weight -100\nrise 2\nfall 2")]
    {
        let nodes = nodes();
        let service = listener(&nodes.1, at);
        let lines = format!("builtin \"tcp {at}\"\ninterval 0.2\n{lines}");
        let pair = Pair::new(name, nodes, &lines);
        pair.wait_for("the service runs", [true, false]);
        assert_eq!(pair.last(), "fine");
        drop(service);
        pair.wait_for("the service died: the other one takes over", [false, true]);
        assert_eq!(pair.last(), "connection refused");
        let _service = listener(&pair.tracking, at);
        pair.wait_for("the service returned: the address does", [true, false]);
        pair.assert_untroubled();
    }
}

fn http_server(node: &Node, root: &Path) -> Process {
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "8080", "--directory"]).arg(root);
    node.spawn(&mut command).unwrap()
}

#[test]
fn the_status_of_a_page_decides() {
    let nodes = nodes();
    let root = directory("http").join("root");
    fs::create_dir_all(&root).unwrap();
    let page = root.join("up");
    fs::write(&page, b"yes\n").unwrap();
    let mut server = http_server(&nodes.1, &root);
    let pair = Pair::new("http", nodes, "builtin http://127.0.0.1:8080/up\ninterval 0.2");
    pair.wait_for("the page is there", [true, false]);
    fs::remove_file(&page).unwrap();
    pair.wait_for("the page is gone: the other one takes over", [false, true]);
    assert_eq!(pair.last(), "status 404");
    fs::write(&page, b"yes\n").unwrap();
    pair.wait_for("the page returned: the address does", [true, false]);
    server.kill();
    pair.wait_for("the server died: the other one takes over", [false, true]);
    assert_eq!(pair.last(), "connection refused");
    pair.assert_untroubled();
}

/// The kernel accepts for it, and nothing else ever happens: more of them than there are places.
#[test]
fn a_server_that_never_answers_has_failed_at_the_time_limit() {
    let nodes = nodes();
    let service = listener(&nodes.1, "127.0.0.1:8080");
    let lines = "builtin http://127.0.0.1:8080/\ninterval 0.1\ntimeout 0.1\nweight -100\nfall 2";
    let pair = Pair::new("hangs", nodes, lines);
    pair.wait_for("the other one is master", [false, true]);
    assert_eq!(pair.last(), "time limit exceeded");
    let runs = || pair.status()["scripts"][0]["runs"].as_u64().unwrap();
    eventually(SOON, "every place was needed twice", || runs() > 64);
    drop(service);
    eventually(SOON, "it is looked at still", || pair.last() == "connection refused");
    pair.assert_untroubled();
}

/// A process of this name in the node: a copy of sleep.
fn sleeper(node: &Node, directory: &Path, name: &str, seconds: &str) -> Process {
    let program = directory.join(name);
    if !program.exists() {
        fs::create_dir_all(directory).unwrap();
        // Not with fs::copy: a fork of another test could hold it open, and nobody could run it.
        let status = Command::new("cp").arg("/bin/sleep").arg(&program).status().unwrap();
        assert!(status.success());
    }
    node.spawn(Command::new(program).arg(seconds)).unwrap()
}

#[test]
fn a_process_by_its_name_decides() {
    let nodes = nodes();
    let name = "rwd-by-name";
    let folder = directory(name);
    let mut service = sleeper(&nodes.1, &folder, name, "1000");
    let lines = format!("builtin \"process {name}\"\ninterval 0.2");
    let pair = Pair::new(name, nodes, &lines);
    pair.wait_for("the service runs", [true, false]);
    assert_eq!(pair.last(), "fine");
    service.kill();
    pair.wait_for("the service died: the other one takes over", [false, true]);
    assert_eq!(pair.last(), "0 processes");
    let _service = sleeper(&pair.tracking, &folder, name, "1000");
    pair.wait_for("the service returned: the address does", [true, false]);
    pair.assert_untroubled();
}

/// keepalived's own block: two of them with the same argument are wanted, and not three.
/// A program in the first namespaces of the machine, where the kernel tells of processes.
struct Native(std::process::Child);

impl Drop for Native {
    fn drop(&mut self) {
        // A supervisor ends its daemon and what that leaves.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_that_begins_or_ends_is_told_of_by_the_kernel() {
    let directory = directory("kernel");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    // Looked at by itself once an hour.
    let text = "vrrp_script service {\n  builtin \"process tracked-sleep\"\n  interval 3600\n}\n\
        vrrp_instance alone {\n  interface lo\n  virtual_router_id 77\n  priority 100\n  \
        unicast_src_ip 127.0.0.1\n  unicast_peer {\n    127.0.0.2\n  }\n  \
        virtual_ipaddress {\n    127.77.77.77/32\n  }\n  track_script {\n    service\n  }\n}\n";
    let blob = compile_text("builtin/kernel", "native", text);
    let program = directory.join("tracked-sleep");
    assert!(Command::new("cp").arg("/bin/sleep").arg(&program).status().unwrap().success());
    let run = directory.join("run");
    fs::create_dir(&run).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_ringward"));
    daemon.args(["run", "--config"]).arg(&blob).arg("--run-directory").arg(&run);
    let log = fs::File::create(directory.join("log")).unwrap();
    daemon.stdout(log.try_clone().unwrap()).stderr(log);
    let _native = Native(daemon.spawn().unwrap());
    let wait_for = |state: &str| {
        eventually(SOON, state, || {
            let mut status = Command::new(env!("CARGO_BIN_EXE_ringward"));
            status.args(["status", "--json", "--control"]).arg(run.join("control"));
            let status = serde_json::from_slice::<Value>(&status.output().unwrap().stdout);
            status.is_ok_and(|status| status["instances"][0]["state"] == state)
        });
    };
    // None runs when it starts.
    wait_for("FAULT");
    let sleeper = Native(Command::new(&program).arg("600").spawn().unwrap());
    wait_for("BACKUP");
    drop(sleeper);
    wait_for("FAULT");
}

#[test]
fn a_tracked_process_has_a_quorum_and_parameters() {
    let (_segment, tracking, other) = nodes();
    let name = "rwd-quorum";
    let folder = directory(name);
    let start = |seconds| sleeper(&tracking, &folder, name, seconds);
    let _first = start("1001");
    let _other = start("1002");
    let text = format!(
        "vrrp_track_process service {{\n  process {name} 1001\n  quorum 2\n  quorum_max 2\n  \
         terminate_delay 0.1\n}}\n{}",
        instance(150, "  track_process {\n    service weight -100\n  }")
    );
    let router = Router::start(Ringward, &tracking, &folder, &text);
    let _peer = Router::start(Keepalived, &other, &folder, &instance(100, ""));
    let wait_for = |what: &str, masters: [bool; 2]| {
        let has = || [&tracking, &other].map(|node| node.has(VIP).unwrap());
        eventually(SOON, &format!("{what}, in\n{}", router.process.output()), || has() == masters);
    };
    wait_for("one of two runs", [false, true]);
    let tracker = router.status(&tracking)["instances"][0]["trackers"][0].clone();
    assert_eq!((&tracker["kind"], &tracker["name"]), (&"process".into(), &"service".into()));
    assert_eq!(
        (&tracker["adds"], &tracker["last"]["outcome"]),
        (&(-100).into(), &"1 process".into())
    );
    let _second = start("1001");
    wait_for("both run", [true, false]);
    let mut third = start("1001");
    wait_for("one too many runs", [false, true]);
    third.kill();
    wait_for("both run again", [true, false]);
}

/// Routes come and go, by news and without: with an interface that goes down, the kernel tells of the
/// interface only.
#[test]
fn a_route_decides() {
    for (name, check, prefix, len) in [
        ("route", "route default", "0.0.0.0", 0),
        ("route-dev", "route 10.77.0.0/16 dev uplink", "10.77.0.0", 16),
        ("route-v6", "route 2001:db8:77::/48", "2001:db8:77::", 48),
    ] {
        let (segment, one, other) = nodes();
        let uplink = Segment::new().unwrap();
        one.join(&uplink, "uplink", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
        let prefix: IpAddr = prefix.parse().unwrap();
        one.add_route("uplink", prefix, len).unwrap();
        let pair = Pair::new(name, (segment, one, other), &format!("builtin \"{check}\""));
        let one = &pair.tracking;
        pair.wait_for("the route is there", [true, false]);
        one.delete_route("uplink", prefix, len).unwrap();
        pair.wait_for("the route is gone: the other one takes over", [false, true]);
        assert_eq!(pair.last(), "not there");
        // By another interface it counts where none is named.
        one.add_route("lo", prefix, len).unwrap();
        pair.wait_for(
            "there is one by lo",
            if name == "route-dev" { [false, true] } else { [true, false] },
        );
        one.delete_route("lo", prefix, len).unwrap();
        pair.wait_for("that is gone, too", [false, true]);
        one.add_route("uplink", prefix, len).unwrap();
        pair.wait_for("the route returned: the address does", [true, false]);
        one.set_down("uplink").unwrap();
        pair.wait_for("its interface went down", [false, true]);
        pair.assert_untroubled();
    }
}

#[test]
fn an_address_decides() {
    for (name, check, address) in [
        ("address", "address 10.77.0.1", "10.77.0.1"),
        ("address-dev", "address 10.77.0.1 dev uplink", "10.77.0.1"),
        ("address-v6", "address 2001:db8:77::1", "2001:db8:77::1"),
    ] {
        let (segment, one, other) = nodes();
        let uplink = Segment::new().unwrap();
        one.join(&uplink, "uplink", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
        let address: IpAddr = address.parse().unwrap();
        let pair = Pair::new(name, (segment, one, other), &format!("builtin \"{check}\""));
        let one = &pair.tracking;
        pair.wait_for("there is no such address", [false, true]);
        one.add_address("lo", address, 32).unwrap();
        pair.wait_for(
            "lo has it",
            if name == "address-dev" { [false, true] } else { [true, false] },
        );
        one.delete_address("lo", address, 32).unwrap();
        pair.wait_for("lo has it no more", [false, true]);
        one.add_address("uplink", address, 32).unwrap();
        pair.wait_for("the uplink has it", [true, false]);
        one.delete_link("uplink").unwrap();
        pair.wait_for("the uplink is gone", [false, true]);
        one.join(&uplink, "uplink", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
        one.add_address("uplink", address, 32).unwrap();
        pair.wait_for("another uplink has it", [true, false]);
        pair.assert_untroubled();
    }
}

/// Thousands of routes that nobody tracks, more than the kernel tells in one piece.
#[test]
fn a_route_among_many_is_found() {
    let (segment, one, other) = nodes();
    let nth = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + (number << 8)));
    for number in 0..5_000 {
        one.add_route("eth0", nth(number), 24).unwrap();
    }
    let prefix = nth(4_321);
    let pair = Pair::new("many", (segment, one, other), &format!("builtin \"route {prefix}/24\""));
    pair.wait_for("the route is there", [true, false]);
    pair.tracking.delete_route("eth0", prefix, 24).unwrap();
    pair.wait_for("the route is gone", [false, true]);
    pair.tracking.add_route("eth0", prefix, 24).unwrap();
    pair.wait_for("the route returned", [true, false]);
    pair.assert_untroubled();
}

/// The host is one of another network, and is there while its address is; over IPv6 as well, by a
/// link's own address.
#[test]
fn a_host_that_answers_pings_decides() {
    for (name, check, address) in [
        ("ping", "ping 10.98.0.9", "10.98.0.9"),
        ("ping-dev", "ping 10.98.0.9 dev uplink", "10.98.0.9"),
        ("ping-v6", "ping fe80::9 dev uplink", "fe80::9"),
    ] {
        let (segment, one, other) = nodes();
        let uplink = Segment::new().unwrap();
        // The third one: the first has the MAC address of the router, on both segments.
        let [_, _, host] = [(); 3].map(|()| uplink.node().unwrap());
        let address: IpAddr = address.parse().unwrap();
        let len = if address.is_ipv4() { 24 } else { 64 };
        host.add_address("eth0", address, len).unwrap();
        one.join(&uplink, "uplink", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
        let lines = format!("builtin \"{check}\"\ninterval 0.1\nfall 3");
        let pair = Pair::new(name, (segment, one, other), &lines);
        pair.wait_for("the host answers", [true, false]);
        assert_eq!(pair.last(), "fine");
        host.delete_address("eth0", address, len).unwrap();
        pair.wait_for("the host is silent: the other one takes over", [false, true]);
        let failures = || pair.status()["scripts"][0]["failures"].as_u64().unwrap();
        eventually(SOON, "every place was needed twice", || failures() > 64);
        host.add_address("eth0", address, len).unwrap();
        pair.wait_for("the host answers again: the address returns", [true, false]);
        pair.tracking.set_down("uplink").unwrap();
        pair.wait_for("there is no way to the host", [false, true]);
        let last = || pair.last();
        eventually(SOON, "no way", || last() == "unreachable");
        pair.assert_untroubled();
    }
}
