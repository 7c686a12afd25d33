//! Configurations inside the program: put in by `ringwardc embed`, run by `ringward run`, given up
//! for the older one when they do not come up.
#![cfg(test)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use ringward::config::embedded;
use ringward::lab::{Node, Process, Segment};
use serde_json::Value;

const RINGWARD: &str = env!("CARGO_BIN_EXE_ringward");
const SOON: Duration = Duration::from_secs(60);
const OLD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 101));
const NEW: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 102));

/// An owner of `address`: master as soon as it runs.
fn owner(address: IpAddr) -> String {
    format!(
        "vrrp_instance gateway {{\n  interface eth0\n  virtual_router_id 51\n  priority 255\n  \
         advert_int 0.1\n  version 3\n  virtual_ipaddress {{\n    {address}/32\n  }}\n}}\n"
    )
}

/// A folder of the test's own, and in it a program with configurations, the oldest first.
fn program(test: &str, configurations: &[&str]) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("embedded-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("ringward");
    copy(Path::new(RINGWARD), &program);
    for (text, number) in configurations.iter().zip(1..) {
        let (_, stderr, code) = embed(&folder, &format!("{number}.conf"), text);
        assert_eq!(code, 0, "{stderr}");
    }
    (folder, program)
}

/// By a process of its own: a file that this one has open for writing, a child that another test
/// forks holds open until it becomes another program, and so long nobody can run it.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["--remove-destination".as_ref(), from, to]).status();
    assert!(status.unwrap().success(), "cp {} {}", from.display(), to.display());
}

fn embed(folder: &Path, name: &str, text: &str) -> (String, String, i32) {
    fs::write(folder.join(name), text).unwrap();
    ringwardc(folder, &["embed", "--config", name, "--into", "ringward", "-o", "ringward"])
}

fn ringwardc(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
    texts(&command.args(arguments).current_dir(folder).output().unwrap())
}

fn texts(output: &Output) -> (String, String, i32) {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

fn version(program: &Path) -> String {
    let (stdout, _, code) = texts(&Command::new(program).arg("version").output().unwrap());
    assert_eq!(code, 0);
    stdout
}

fn run(node: &Node, program: &Path) -> Process {
    let mut command = Command::new(program);
    node.spawn(command.arg("run")).unwrap_or_else(|fault| panic!("{fault}"))
}

#[track_caller]
fn eventually(what: &str, process: &Process, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < give_up, "not within {SOON:?}: {what}\n{}", process.output());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn status(node: &Node, program: &Path) -> Value {
    let mut command = Command::new(program);
    let mut process = node.spawn(command.args(["status", "--json"])).unwrap();
    process.wait(SOON).unwrap();
    serde_json::from_str(&process.output()).unwrap_or_default()
}

/// Changes the octets of a program's section.
fn change(program: &Path, act: impl FnOnce(&mut [u8])) {
    let mut octets = fs::read(program).unwrap();
    let at = embedded::find(&octets).unwrap();
    act(&mut octets[at..]);
    let made = program.with_extension("new");
    fs::write(&made, octets).unwrap();
    fs::set_permissions(&made, fs::metadata(program).unwrap().permissions()).unwrap();
    copy(&made, program);
}

#[test]
fn what_was_embedded_is_shown_and_comes_out_as_it_was() {
    let (folder, program) = program("out", &[&owner(OLD), &owner(NEW)]);
    let shown = version(&program);
    assert!(shown.contains("version 1 in slot 1 ("), "{shown}");
    assert!(shown.contains("version 2 in slot 2 ("), "{shown}");
    for (slot, text, of) in [(&["--slot", "1"][..], "1.conf", 1), (&[], "2.conf", 2)] {
        let compile = ["compile", text, "-o", "wanted.rwb"];
        assert_eq!(ringwardc(&folder, &compile).2, 0);
        let extract = [&["extract", "ringward", "-o", "out.rwb"], slot].concat();
        let (stdout, stderr, code) = ringwardc(&folder, &extract);
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.starts_with(&format!("out.rwb: version {of}, ")), "{stdout}");
        let [out, wanted] = ["out.rwb", "wanted.rwb"].map(|name| fs::read(folder.join(name)));
        assert_eq!(out.unwrap(), wanted.unwrap());
    }
}

#[test]
fn an_empty_program_has_nothing_to_extract() {
    let (folder, program) = program("empty", &[]);
    assert!(version(&program).contains("embedded configurations: room for 2 of "));
    let (_, stderr, code) = ringwardc(&folder, &["extract", "ringward", "-o", "out.rwb"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("no slot of 2 has an intact configuration"), "{stderr}");
    assert!(!folder.join("out.rwb").exists());
}

#[test]
fn a_program_that_is_no_ringward_is_refused() {
    let (folder, program) = program("foreign", &[]);
    fs::write(&program, b"\x7fELF").unwrap();
    let (_, stderr, code) = embed(&folder, "a.conf", &owner(OLD));
    assert_eq!(code, 1);
    assert!(stderr.contains("it is no ringward"), "{stderr}");
    assert_eq!(fs::read(&program).unwrap(), b"\x7fELF");
}

#[test]
fn a_configuration_that_is_too_long_for_its_slot_is_refused_with_both_numbers() {
    let (folder, program) = program("long", &[]);
    let before = fs::read(&program).unwrap();
    let text: String = (1..=255)
        .map(|vrid| {
            format!(
                "vrrp_instance a_name_that_is_rather_long_for_one_{vrid} {{\n  interface eth0\n  \
                 virtual_router_id {vrid}\n  virtual_ipaddress {{\n    10.99.1.{vrid}\n  }}\n}}\n"
            )
        })
        .collect();
    let (_, stderr, code) = embed(&folder, "long.conf", &text);
    assert_eq!(code, 1);
    assert!(stderr.contains(" octets, ringward (board base) holds 8192"), "{stderr}");
    assert_eq!(fs::read(&program).unwrap(), before);
}

#[test]
fn run_without_a_file_takes_the_newest_embedded_configuration() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let (_, program) = program("newest", &[&owner(OLD), &owner(NEW)]);
    let process = run(&node, &program);
    eventually("the address is there", &process, || node.has(NEW).unwrap());
    assert!(!node.has(OLD).unwrap());
    let status = status(&node, &program);
    assert_eq!(status["process"]["embedded_version"], 2, "{status}");
    assert_eq!(status["process"]["abandoned_version"], 0, "{status}");
    let mut reload = node.spawn(Command::new(&program).arg("reload")).unwrap();
    let (_, code) = reload.wait(SOON).unwrap();
    assert_eq!(code, 1, "{}", reload.output());
    assert!(reload.output().contains("in the program; name a file"), "{}", reload.output());
}

#[test]
fn a_damaged_slot_is_told_and_the_other_one_runs() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let (_, program) = program("damaged", &[&owner(OLD), &owner(NEW)]);
    let shift = |section: &mut [u8]| {
        let newest = embedded::Section::parse(section).unwrap().configurations().next();
        let blob = newest.unwrap().1.to_vec();
        let at = section.windows(blob.len()).position(|octets| octets == blob).unwrap();
        section[at + 20] ^= 1;
    };
    change(&program, shift);
    assert!(version(&program).contains("slot 2 is damaged"));
    let process = run(&node, &program);
    eventually("the older address is there", &process, || node.has(OLD).unwrap());
    assert!(process.output().contains("configuration-damaged slot=2"), "{}", process.output());
}

#[test]
fn a_configuration_that_the_daemon_refuses_gives_way_to_the_older_one() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let (_, program) = program("refused", &[&owner(OLD)]);
    change(&program, |section| {
        embedded::embed(section, b"RINGWARD, or rather not").unwrap();
    });
    let process = run(&node, &program);
    eventually("the older address is there", &process, || node.has(OLD).unwrap());
    let status = status(&node, &program);
    assert_eq!(status["process"]["embedded_version"], 1, "{status}");
    assert_eq!(status["process"]["abandoned_version"], 2, "{status}");
    let said = process.output();
    assert!(
        said.contains("configuration-abandoned source=\"embedded version 2\" code=65"),
        "{said}"
    );
}

/// A router on an interface that is not there, with a second to become something all the same.
fn undecided(address: IpAddr) -> String {
    let text = owner(address).replace("eth0", "lan7");
    format!("global_defs {{\n  decision_timeout 1\n}}\n{text}")
}

#[test]
fn a_configuration_under_which_nothing_is_decided_in_its_time_gives_way_to_the_older_one() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let (_, program) = program("undecided", &[&owner(OLD), &undecided(NEW)]);
    let process = run(&node, &program);
    eventually("the older address is there", &process, || node.has(OLD).unwrap());
    let status = status(&node, &program);
    assert_eq!(status["process"]["embedded_version"], 1, "{status}");
    assert_eq!(status["process"]["abandoned_version"], 2, "{status}");
    let said = process.output();
    let line = "configuration-abandoned source=\"embedded version 2\" code=75 \
                reason=\"no instance became MASTER or BACKUP within decision_timeout\"";
    assert!(said.contains(line), "{said}");
}

#[test]
fn a_configuration_that_decides_or_is_the_last_one_stays() {
    let deciding = undecided(NEW).replace("lan7", "eth0");
    for (test, configurations, state) in
        [("deciding", &[owner(OLD), deciding][..], "MASTER"), ("last", &[undecided(NEW)], "FAULT")]
    {
        let segment = Segment::new().unwrap();
        let node = segment.node().unwrap();
        let texts: Vec<&str> = configurations.iter().map(String::as_str).collect();
        let (_, program) = program(test, &texts);
        let process = run(&node, &program);
        eventually("it has run for twice its time", &process, || {
            status(&node, &program)["process"]["uptime_us"].as_u64() >= Some(2_000_000)
        });
        let status = status(&node, &program);
        assert_eq!(status["process"]["restarts"], 0, "{status}");
        assert_eq!(status["process"]["abandoned_version"], 0, "{status}");
        assert_eq!(status["instances"][0]["state"], state, "{status}");
    }
}

#[test]
fn a_configuration_under_which_the_daemon_keeps_dying_gives_way_to_the_older_one() {
    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    let (_, program) = program("dying", &[&owner(OLD), &owner(NEW)]);
    let process = run(&node, &program);
    let mut killed = Vec::new();
    while killed.len() < 3 {
        eventually("a daemon owns the newer address", &process, || {
            node.has(NEW).unwrap()
                && matches!(process.children_named("ringward")[..], [daemon] if !killed.contains(&daemon))
        });
        let daemon = process.children_named("ringward")[0];
        kill(daemon, Signal::SIGKILL).unwrap();
        killed.push(daemon);
    }
    eventually("the older address is there", &process, || node.has(OLD).unwrap());
    assert!(!node.has(NEW).unwrap());
    let said = process.output();
    assert!(
        said.contains("configuration-abandoned source=\"embedded version 2\" signal=9"),
        "{said}"
    );
}
