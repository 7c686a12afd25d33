//! Everybody is told: commands beside those of Debian's keepalived, in order under a storm of
//! changes, once the addresses are where they belong, and whatever becomes of the helper.
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
use std::time::{Duration, Instant as Clock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rig::Program::{self, Keepalived, Ringward};
use rig::{Router, compile_text, eventually, set_mode};
use ringward::lab::{Node, Segment};

const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
/// Longer than a command may take.
const SOON: Duration = Duration::from_secs(60);
/// What commands write to.
const LOG: &str = "/run/log";

struct Scene {
    node: Node,
    directory: PathBuf,
    _segment: Segment,
}

impl Scene {
    /// With the command of `tell`: it writes its words to the log, and whether the address is there.
    fn new(test: &str, tell: &str) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let node = segment.node().unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("notify").join(test);
        let scene = Scene { node, directory, _segment: segment };
        scene.script("/run/tell", tell);
        scene
    }

    fn script(&self, path: &str, text: &str) {
        self.node.write(path, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
        set_mode(&self.node, path, 0o755);
    }

    fn start(&self, program: Program, text: &str) -> Router {
        Router::start(program, &self.node, &self.directory, text)
    }

    fn log(&self) -> Vec<String> {
        let read = || Ok(fs::read_to_string(LOG).unwrap_or_default());
        self.node.enter(read).unwrap().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn wait_for(&self, router: &Router, last: &str) {
        let give_up = Clock::now() + SOON;
        while self.log().last().is_none_or(|line| line != last) {
            let (log, output) = (self.log(), router.process.output());
            assert!(Clock::now() < give_up, "not the last: {last}\n{log:#?}\n{output}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn instance(lines: &str) -> String {
    format!(
        "global_defs {{\n  script_user root\n}}\nvrrp_instance pair {{\n  version 3\n  interface eth0\n  \
         virtual_router_id 51\n  priority 150\n  advert_int 0.1\n  virtual_ipaddress {{\n    {VIP}/24\n  }}\n{lines}\n}}\n"
    )
}

const ALL: &str = "  notify_master \"/run/tell master\"\n  notify_backup \"/run/tell backup\"\n  \
                   notify_fault \"/run/tell 'a fault'\"\n  notify_stop \"/run/tell stop\"\n  \
                   notify \"/run/tell any\"";

/// Whether the address is there when the command runs, and its words one by one.
const TELL: &str = "has=gone; grep -q 10.99.0.100 /proc/net/fib_trie && has=here\n\
                    line=$has; for word; do line=\"$line|$word\"; done; echo \"$line\" >> /run/log";

/// The same life, told by either program: start, takeover, a lost link, its return, the end.
fn a_life(program: Program) -> Vec<String> {
    let scene = Scene::new(&format!("life-{program:?}").to_lowercase(), TELL);
    let mut router = scene.start(program, &instance(ALL));
    let told = |count| eventually(SOON, "commands", || scene.log().len() == count);
    told(4);
    scene.node.cut().unwrap();
    told(6);
    scene.node.mend().unwrap();
    told(10);
    router.stop(SOON);
    told(12);
    scene.log()
}

/// Each state has its own command before the one for all, with the words of keepalived. That one
/// starts both at once, so that only their order is ringward's own.
#[test]
fn commands_are_told_what_keepalived_tells_them() {
    let told = a_life(Ringward);
    let state = |has: &str, own: &str, name: &str| {
        [format!("{has}|{own}"), format!("{has}|any|INSTANCE|pair|{name}|150")]
    };
    let expected = [
        state("gone", "backup", "BACKUP"),
        state("here", "master", "MASTER"),
        state("gone", "a fault", "FAULT"),
        state("gone", "backup", "BACKUP"),
        state("here", "master", "MASTER"),
        state("gone", "stop", "STOP"),
    ]
    .concat();
    assert_eq!(told, expected);
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    // When keepalived's commands run, its addresses may not have come or gone yet.
    let words = |lines: Vec<String>| {
        sorted(lines.iter().map(|line| line.split_once('|').unwrap().1.to_owned()).collect())
    };
    assert_eq!(words(a_life(Keepalived)), words(expected));
}

/// OpenWrt's init script has keepalived call its hotplug scripts so.
#[test]
fn hotplug_is_called_as_openwrt_calls_it() {
    let scene = Scene::new("hotplug", "echo \"$ACTION $TYPE $NAME $* $(env | wc -l)\" >> /run/log");
    let call = |event: &str| {
        format!("\"/usr/bin/env -i ACTION={event} TYPE=INSTANCE NAME=pair /run/tell keepalived\"")
    };
    let text = format!(
        "  notify_master {}\n  notify_backup {}",
        call("NOTIFY_MASTER"),
        call("NOTIFY_BACKUP")
    );
    let router = scene.start(Ringward, &instance(&text));
    // Its own three variables, and PWD, which the shell sets (and _, in some shells).
    let is_told = |log: &[String], event: &str| {
        log.iter().any(|line| line.starts_with(&format!("{event} INSTANCE pair keepalived ")))
    };
    eventually(SOON, "both", || {
        is_told(&scene.log(), "NOTIFY_BACKUP") && is_told(&scene.log(), "NOTIFY_MASTER")
    });
    drop(router);
}

fn usize_at(value: &serde_json::Value, key: &str) -> usize {
    value[key].as_u64().and_then(|count| count.try_into().ok()).unwrap()
}

/// Under a thousand changes a second, with a command of each temper, no two of one instance overlap,
/// and the last state is the last that is told.
fn storm(temper: &str, command: &str) {
    let tell = format!(
        "mkdir /run/busy || echo OVERLAP >> /run/log\n{command}\necho \"$4\" >> /run/log\nrmdir /run/busy"
    );
    let scene = Scene::new(&format!("storm-{temper}"), &tell);
    let router = scene.start(Ringward, &instance("  notify \"/run/tell any\""));
    scene.wait_for(&router, "MASTER");
    let until = Clock::now() + Duration::from_secs(1);
    let mut flaps = 0;
    while Clock::now() < until {
        scene.node.set_down("eth0").unwrap();
        scene.node.set_up("eth0").unwrap();
        flaps += 1;
    }
    scene.node.set_down("eth0").unwrap();
    scene.wait_for(&router, "FAULT");
    let settled = || router.status(&scene.node)["instances"][0]["state"] == "FAULT";
    eventually(SOON, "FAULT", settled);
    scene.wait_for(&router, "FAULT");
    scene.node.set_up("eth0").unwrap();
    scene.wait_for(&router, "MASTER");
    let log = scene.log();
    assert!(!log.contains(&"OVERLAP".to_owned()), "{flaps} flaps: {log:#?}");
    // Every state there was has been told, or was over before its turn.
    let count = || {
        let history = router.log(&scene.node);
        let kept = |key: &str| history[key].as_array().unwrap();
        let transitions = kept("transitions").len() + usize_at(&history, "forgotten");
        let told = kept("notified").len() + usize_at(&history, "notified_forgotten");
        let superseded = kept("notified").iter().map(|one| usize_at(one, "superseded"));
        (transitions, told, superseded.sum::<usize>())
    };
    eventually(SOON, "an end of the last command", || {
        let (transitions, told, superseded) = count();
        transitions == told + superseded
    });
    println!("{temper}: {flaps} flaps; transitions, told, superseded: {:?}", count());
    assert_eq!(router.status(&scene.node)["process"]["allocations"], 0);
}

#[test]
fn the_last_state_is_told_last_by_a_quick_command() {
    storm("quick", "");
}

#[test]
fn the_last_state_is_told_last_by_a_slow_command() {
    storm("slow", "sleep 0.2");
}

/// It hangs until its time of 30 seconds is over, the first time that it is told of FAULT.
#[test]
fn the_last_state_is_told_last_by_a_command_that_hangs() {
    storm(
        "hanging",
        "if [ $4 = FAULT ] && mkdir /run/hung; then\n\
         trap 'rmdir /run/busy; exit' TERM; sleep 1000 & wait\nfi",
    );
}

#[test]
fn the_last_state_is_told_last_by_a_command_that_forks() {
    storm("forking", "(sleep 5; sleep 5) &");
}

/// It dies of a signal in the middle.
#[test]
fn the_last_state_is_told_last_by_a_command_that_crashes() {
    storm(
        "crashing",
        "trap 'echo \"$4\" >> /run/log; rmdir /run/busy; trap - SEGV; kill -SEGV $$' EXIT; exit",
    );
}

/// How each command ended is in the log: one that succeeds, one that fails, one that hangs until its
/// time of 30 seconds is over, and how many states were over meanwhile.
#[test]
fn the_log_tells_how_each_command_ended() {
    let scene = Scene::new("outcome", "case $1 in slow) sleep 1000;; bad) exit 3;; esac");
    let commands = "  notify_backup \"/run/tell slow\"\n  notify_master \"/run/tell bad\"\n  \
                    notify \"/run/tell good\"";
    let router = scene.start(Ringward, &instance(commands));
    let state = || router.status(&scene.node)["instances"][0]["state"].clone();
    eventually(SOON, "master", || state() == "MASTER");
    scene.node.cut().unwrap();
    eventually(SOON, "fault", || state() == "FAULT");
    scene.node.mend().unwrap();
    eventually(SOON, "master again", || state() == "MASTER");
    let notified = || router.log(&scene.node)["notified"].as_array().unwrap().clone();
    eventually(SOON, "four commands", || notified().len() == 4);
    let notified = notified();
    let told: Vec<_> = notified
        .iter()
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap();
            let words = [word("instance"), word("by"), word("of"), word("outcome")].join("|");
            (words, one["superseded"].as_u64().unwrap())
        })
        .collect();
    // Of MASTER, FAULT and BACKUP nobody was told while the first command hung.
    let expected = [
        ("pair|notify_backup|BACKUP|time limit exceeded", 0),
        ("pair|notify|BACKUP|exit code 0", 0),
        ("pair|notify_master|MASTER|exit code 3", 3),
        ("pair|notify|MASTER|exit code 0", 0),
    ];
    assert_eq!(told, expected.map(|(words, count)| (words.to_owned(), count)));
    let took = |index: usize| Duration::from_micros(notified[index]["took_us"].as_u64().unwrap());
    assert!(took(0) >= Duration::from_secs(30), "{:?}", took(0));
    assert!((1..4).all(|index| took(index) < took(0)), "{notified:#?}");
    let text = router.ask(&scene.node, &["log"]);
    let line = text.lines().find(|line| line.contains("notify_master")).unwrap();
    assert!(line.contains("  pair  notify_master: exit code 3 after "), "{text}");
    assert!(line.ends_with(", 3 states before it were superseded"), "{text}");
    let output = router.process.output();
    assert!(output.contains("of=MASTER by=notify_master outcome=\"exit code 3\""), "{output}");
}

/// The helper is killed while a command runs: it is run again, by the next helper.
#[test]
fn what_a_killed_helper_was_telling_is_told_again() {
    let scene =
        Scene::new("killed", "echo \"begin $4\" >> /run/log; sleep 1; echo \"end $4\" >> /run/log");
    let router = scene.start(Ringward, &instance("  notify \"/run/tell any\""));
    scene.wait_for(&router, "begin MASTER");
    kill(Pid::from_raw(helper(&router).unwrap()), Signal::SIGKILL).unwrap();
    scene.wait_for(&router, "end MASTER");
    assert_eq!(scene.log().iter().filter(|line| *line == "begin MASTER").count(), 2);
    assert!(scene.node.has(VIP).unwrap());
}

/// The helper, if there is one now.
fn helper(router: &Router) -> Option<i32> {
    let keeper = router.process.children_named("ringward-keeper")[0];
    let children = fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
    let name = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let mut children = children.split_whitespace();
    children.find(|pid| name(pid).trim() == "ringward-helper")?.parse().ok()
}

/// It is killed as soon as it is there, before and after it has read what to do, while that is done, and
/// after it. Whatever it was, the last state is told last.
#[test]
fn whenever_the_helper_dies_the_last_state_is_told_last() {
    let scene = Scene::new("deaths", "sleep 0.05; echo \"$4\" >> /run/log");
    let router = scene.start(Ringward, &instance("  notify \"/run/tell any\""));
    scene.wait_for(&router, "MASTER");
    let mut is_up = true;
    let mut known = None;
    for after in [20, 0, 3, 60, 0] {
        // A new one comes a second after the death of the first, and then after twice as long.
        let is_new = || helper(&router).filter(|pid| Some(*pid) != known);
        eventually(SOON, "a helper", || is_new().is_some());
        if after > 0 {
            is_up = !is_up;
            let change = if is_up { Node::set_up } else { Node::set_down };
            change(&scene.node, "eth0").unwrap();
        }
        std::thread::sleep(Duration::from_millis(after));
        known = helper(&router);
        kill(Pid::from_raw(known.unwrap()), Signal::SIGKILL).unwrap();
    }
    assert!(!is_up);
    scene.wait_for(&router, "FAULT");
    scene.node.set_up("eth0").unwrap();
    scene.wait_for(&router, "MASTER");
    let status = router.status(&scene.node);
    assert_eq!(status["process"]["restarts"], 0, "{status:#}");
    assert_eq!(status["process"]["allocations"], 0, "{status:#}");
}

/// Nobody waits for a command longer than its time: that of the end has four seconds.
#[test]
fn a_command_that_hangs_does_not_hold_up_the_end() {
    let scene =
        Scene::new("hang", "trap '' TERM; echo \"$1\" >> /run/log; sleep 1000 & wait; sleep 1000");
    let mut router = scene.start(Ringward, &instance("  notify_stop \"/run/tell stop\""));
    eventually(SOON, "master", || scene.node.has(VIP).unwrap());
    let since = Clock::now();
    router.stop(SOON);
    let took = since.elapsed();
    assert_eq!(scene.log(), ["stop"]);
    assert!(!scene.node.has(VIP).unwrap());
    assert!((Duration::from_secs(4)..Duration::from_secs(20)).contains(&took), "{took:?}");
}

#[test]
fn an_instance_that_a_reload_removes_is_told_of() {
    let scene = Scene::new("deleted", TELL);
    let text = instance("  notify_deleted \"/run/tell deleted\"\n  notify \"/run/tell any\"");
    let router = scene.start(Ringward, &text);
    scene.wait_for(&router, "here|any|INSTANCE|pair|MASTER|150");
    let other = instance("").replace("pair", "other").replace("_id 51", "_id 52");
    let other = other.replace("10.99.0.100", "10.99.0.101");
    let blob = compile_text("notify", "other", &other);
    let mut client = std::process::Command::new(env!("CARGO_BIN_EXE_ringward"));
    client.args(["reload", "--control", "/run/ringward/control"]).arg(blob);
    let mut client = scene.node.spawn(&mut client).unwrap();
    client.wait(SOON).unwrap();
    scene.wait_for(&router, "gone|any|INSTANCE|pair|DELETED|150");
    let output = router.process.output();
    assert!(output.contains("pair transition from=MASTER to=INIT"), "{output}");
}

/// What reads a FIFO as somebody's service would: from its beginning to its end, into the log.
fn read_fifo(scene: &Scene, path: &str) -> ringward::lab::Process {
    let command = format!("until [ -p {path} ]; do sleep 0.01; done; exec cat {path} >> /run/log");
    scene.node.spawn(std::process::Command::new("/bin/sh").args(["-c", &command])).unwrap()
}

/// The same life as seen from a FIFO: start, takeover, a lost link, its return, a lower priority and
/// the end.
fn a_life_in_a_fifo(program: Program) -> Vec<String> {
    let scene = Scene::new(&format!("fifo-{program:?}").to_lowercase(), "");
    scene.node.write("/run/weight", b"").unwrap();
    let text =
        instance("  notify_priority_changes on\n  track_script {\n    heavy weight 20\n  }\n");
    let script =
        "vrrp_script heavy {\n  script \"/usr/bin/test -e /run/weight\"\n  interval 1\n}\n";
    let text =
        text.replacen("script_user root\n", "script_user root\n  vrrp_notify_fifo /run/fifo\n", 1);
    let mut router = scene.start(program, &(script.to_owned() + &text));
    let reader = read_fifo(&scene, "/run/fifo");
    let last = |line: &str| scene.wait_for(&router, line);
    last("INSTANCE \"pair\" MASTER 170");
    scene.node.cut().unwrap();
    last("INSTANCE \"pair\" FAULT 170");
    scene.node.mend().unwrap();
    last("INSTANCE \"pair\" MASTER 170");
    let remove = || fs::remove_file("/run/weight").map_err(rig::fault);
    scene.node.enter(remove).unwrap();
    last("INSTANCE \"pair\" MASTER_PRIORITY 150");
    router.stop(SOON);
    scene.wait_for(&router, "INSTANCE \"pair\" STOP 150");
    let is_there = || Ok(fs::exists("/run/fifo").unwrap());
    eventually(SOON, "the FIFO is removed", || !scene.node.enter(is_there).unwrap());
    drop(reader);
    scene.log()
}

/// Every change is a line, as keepalived writes it.
#[test]
fn a_fifo_is_told_what_keepalived_tells_it() {
    let told = a_life_in_a_fifo(Ringward);
    let expected = [
        // A weight counts when its script has answered.
        "BACKUP 150",
        "BACKUP_PRIORITY 170",
        "MASTER 170",
        "FAULT 170",
        "BACKUP 170",
        "MASTER 170",
        "MASTER_PRIORITY 150",
        "STOP 150",
    ];
    assert_eq!(told, expected.map(|state| format!("INSTANCE \"pair\" {state}")));
    assert_eq!(a_life_in_a_fifo(Keepalived), told);
}
