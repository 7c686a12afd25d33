//! The configurations that users are shown, and the kind that they bring along, not only compiled but
//! run: the pair of the README, by script and by built-in check, and those of tests/compiler.
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
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rig::{eventually, set_mode};
use ringward::lab::{Node, Process, Segment};

const SOON: Duration = Duration::from_secs(60);
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One router, with an nginx beside it.
struct Seat {
    node: Node,
    router: Process,
    nginx: Process,
    program: PathBuf,
    blob: PathBuf,
}

/// Two of them on one segment.
struct Pair {
    seats: [Seat; 2],
    address: IpAddr,
    _segments: [Segment; 2],
}

impl Pair {
    /// With these addresses on `interface`, and `address` between them.
    fn new(
        test: &str,
        texts: [String; 2],
        (interface, addresses): (&str, [Ipv4Addr; 2]),
        address: Ipv4Addr,
    ) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(test);
        fs::create_dir_all(&directory).unwrap();
        let segments = [(); 2].map(|()| Segment::new().unwrap_or_else(|fault| panic!("{fault}")));
        let seat = |number: usize| {
            let node = segments[0].node().unwrap();
            if interface != "eth0" {
                node.join(&segments[1], interface, addresses[number]).unwrap();
            }
            let told = b"#!/bin/sh\necho \"$*\" >> /run/log\n";
            node.write("/run/told", told).unwrap();
            set_mode(&node, "/run/told", 0o755);
            // The processes of all nodes are in the same /proc, so that each nginx has a name of its
            // own; but none has a number that another node could use, as killall would.
            let name = format!("{}-{number}", test.get(..11).unwrap_or(test));
            let own = format!("process {name}");
            let text = texts[number].replace("process nginx", &own);
            let text = text.replace("killall -0 nginx", "/usr/bin/pgrep -x nginx");
            let text = text.replace("pgrep -x nginx", &format!("pgrep -x {name}"));
            let blob = compile(&directory, number, &text);
            let program = directory.join(name);
            // Not with fs::copy: a fork of another test could hold it open, and nobody could run it.
            let mut copy = Command::new("cp");
            assert!(copy.args(["-f", "/bin/sleep"]).arg(&program).status().unwrap().success());
            let nginx = start_nginx(&program, &node);
            let router = start(&node, &blob);
            Seat { node, router, nginx, program, blob }
        };
        let seats = [seat(0), seat(1)];
        Pair { seats, address: address.into(), _segments: segments }
    }

    #[track_caller]
    fn wait_for(&self, what: &str, masters: [bool; 2]) {
        let has = || [0, 1].map(|seat: usize| self.seats[seat].node.has(self.address).unwrap());
        let shown = format!("{what}, in\n{}", self.seats[0].router.output());
        eventually(SOON, &shown, || has() == masters);
    }

    /// The first one is master while its nginx runs.
    fn follows_nginx(&mut self) {
        self.wait_for("both run", [true, false]);
        self.seats[0].nginx.kill();
        self.wait_for("nginx died: the other one takes over", [false, true]);
        let seat = &mut self.seats[0];
        seat.nginx = start_nginx(&seat.program, &seat.node);
        self.wait_for("nginx returned: the address does", [true, false]);
    }

    /// What the command of `notify` was told on the first one.
    fn told(&self) -> Vec<String> {
        let read = || Ok(fs::read_to_string("/run/log").unwrap_or_default());
        self.seats[0].node.enter(read).unwrap().lines().map(str::to_owned).collect()
    }
}

fn start_nginx(program: &Path, node: &Node) -> Process {
    node.spawn(Command::new(program).arg("1000")).unwrap()
}

fn start(node: &Node, blob: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringward"));
    command.arg("run").arg("--config").arg(blob).args(["--control", "/run/ringward/control"]);
    node.spawn(&mut command).unwrap()
}

fn compile(directory: &Path, number: usize, text: &str) -> PathBuf {
    let (source, blob) = (directory.join(format!("{number}.conf")), format!("{number}.rwb"));
    let blob = directory.join(blob);
    fs::write(&source, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
    command.args(["compile", "--only", "vrrp", "-o"]).arg(&blob).arg(source);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    blob
}

/// The README's block that has all of these words.
fn readme_block(words: &[&str]) -> String {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let mut blocks = readme.split("```").skip(1).step_by(2);
    let found = blocks.find(|block| words.iter().all(|word| block.contains(word)));
    found.unwrap_or_else(|| panic!("no block has {words:?}")).to_owned()
}

const README_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

fn readme_pair(test: &str, text: &str) -> Pair {
    let text = text.replace("/etc/ringward/told", "/run/told");
    assert!(text.contains("priority 150 "), "{text}");
    let texts = [text.clone(), text.replace("priority 150 ", "priority 100 ")];
    Pair::new(test, texts, ("eth0", [Ipv4Addr::UNSPECIFIED; 2]), README_ADDRESS)
}

const README_SCRIPT: [&str; 3] = ["vrrp_script nginx {", "/usr/bin/pgrep -x nginx", "track_script"];

#[test]
fn the_readme_s_pair_follows_nginx_by_a_script() {
    let mut pair = readme_pair("readme-scr", &readme_block(&README_SCRIPT));
    pair.follows_nginx();
    let told = || pair.told();
    eventually(SOON, "the last state", || told().len() >= 4);
    // Of priority 50 while its nginx was away, and back by 150.
    let told = told();
    assert_eq!(told.first().unwrap(), "INSTANCE web BACKUP 150");
    assert_eq!(told.last().unwrap(), "INSTANCE web MASTER 150");
    assert!(told.contains(&"INSTANCE web BACKUP 50".to_owned()), "{told:?}");
}

#[test]
fn the_readme_s_pair_follows_nginx_by_a_built_in_check() {
    let block = readme_block(&["vrrp_script nginx {", "builtin \"process nginx\""]);
    let text = readme_block(&README_SCRIPT);
    let (before, script) = text.split_once("vrrp_script nginx {").unwrap();
    let (_, after) = script.split_once("\n}\n").unwrap();
    let mut pair = readme_pair("readme-bui", &format!("{before}{block}{after}"));
    pair.follows_nginx();
}

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("tests/compiler").join(name)).unwrap()
}

/// A pair as a public tutorial has it, with a script of positive weight, once its slip is mended.
#[test]
fn the_tutorial_s_pair_follows_nginx() {
    let texts =
        [example("nginx-a.conf"), example("nginx-b-slip.conf").replace("_ip198", "_ip 198")];
    let addresses = [41, 42].map(|last| Ipv4Addr::new(198, 51, 100, last));
    let address = Ipv4Addr::new(198, 51, 100, 40);
    let mut pair = Pair::new("tutorial", texts, ("eth1", addresses), address);
    pair.follows_nginx();
}

/// Another one, between load balancers by unicast, without its virtual servers.
#[test]
fn the_balancers_take_over_from_each_other() {
    let texts = ["balancer-a.conf", "balancer-b.conf"]
        .map(|name| example(name).replace("/usr/local/bin/told", "/run/told"));
    let addresses = [11, 12].map(|last| Ipv4Addr::new(192, 0, 2, last));
    let address = Ipv4Addr::new(192, 0, 2, 80);
    let mut pair = Pair::new("balancers", texts, ("ens18", addresses), address);
    pair.wait_for("both run", [true, false]);
    pair.seats[0].router.kill();
    // Killed with its supervisor, it leaves the address behind.
    let seat = &pair.seats[0];
    seat.node.delete_address("ens18", pair.address, 24).unwrap();
    pair.wait_for("the first one is gone: the other one takes over", [false, true]);
    let seat = &mut pair.seats[0];
    seat.router = start(&seat.node, &seat.blob);
    pair.wait_for("the first one is back", [true, false]);
    let told = || pair.told().last().cloned();
    eventually(SOON, "the command", || told().as_deref() == Some("INSTANCE web MASTER 150"));
}
