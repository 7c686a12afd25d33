//! The daemon as a program: how it starts and ends, what it says when it may not, what an operator
//! and an intruder can do at its control socket, and what is left when it dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant as Clock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::io::contain::refuse_call;
use ringward::lab::{Node, Process, Seen, Segment};
use ringward::time::Instant;
use serde_json::Value;

const RINGWARD: &str = env!("CARGO_BIN_EXE_ringward");
const CONTROL: &str = "/run/ringward/control";
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
const SOON: Duration = Duration::from_secs(60);

/// An owner with one address and one excluded one: master as soon as it runs.
fn owner(interface: &str) -> String {
    format!(
        "vrrp_instance gateway {{
  version 3
  interface {interface}
  virtual_router_id 51
  priority 255
  advert_int 0.1
  virtual_ipaddress {{
    {VIP}/32
  }}
}}
"
    )
}

/// A blob of `text`, in a directory of the test's own.
fn blob(test: &str, text: &str) -> PathBuf {
    rig::compile_text("daemon", test, text)
}

fn spawn(node: &Node, config: &Path) -> Process {
    let mut command = Command::new(RINGWARD);
    command.arg("run").arg("--config").arg(config);
    node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"))
}

fn client(node: &Node, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(RINGWARD);
    command.args(arguments);
    let mut process = node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"));
    let (_, code) = process.wait(SOON).unwrap_or_else(|fault| panic!("{fault}"));
    (process.output(), code)
}

fn status(node: &Node) -> Value {
    let (answer, _) = client(node, &["status", "--json"]);
    serde_json::from_str(&answer).unwrap_or(Value::String(answer))
}

fn state(node: &Node) -> String {
    status(node)["instances"][0]["state"].as_str().unwrap_or("none").to_owned()
}

/// Ends by itself: its code, and what it said.
#[track_caller]
fn ends(mut process: Process) -> (i32, String) {
    let (_, code) =
        process.wait(SOON).unwrap_or_else(|fault| panic!("{fault}\n{}", process.output()));
    (code, process.output())
}

struct Scene {
    segment: Segment,
    node: Node,
}

impl Scene {
    fn new() -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let node = segment.node().unwrap();
        Scene { segment, node }
    }

    /// With an owner that has become master.
    fn with_master(test: &str) -> (Self, Process, PathBuf) {
        let scene = Scene::new();
        let config = blob(test, &owner("eth0"));
        let process = spawn(&scene.node, &config);
        scene.wait_for_address();
        (scene, process, config)
    }

    #[track_caller]
    fn wait_for_address(&self) {
        rig::eventually(SOON, "the address is there", || self.node.has(VIP).unwrap());
    }

    #[track_caller]
    fn wait_until_gone(&self) {
        rig::eventually(SOON, "the address is gone", || !self.node.has(VIP).unwrap());
    }

    /// A conversation with the control socket, in the node's own file system.
    fn converse<T: Send>(&self, talk: impl FnOnce(UnixStream) -> T + Send) -> T {
        self.node.enter(|| Ok(talk(UnixStream::connect(CONTROL).unwrap()))).unwrap()
    }
}

/// The daemon under the supervisor.
#[track_caller]
fn daemon_of(supervisor: &Process) -> Pid {
    let give_up = Clock::now() + SOON;
    loop {
        if let [daemon] = supervisor.children_named("ringward")[..] {
            return daemon;
        }
        assert!(Clock::now() < give_up, "no daemon:\n{}", supervisor.output());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn run_without_a_configuration_exits_78() {
    let scene = Scene::new();
    let mut command = Command::new(RINGWARD);
    let (code, said) = ends(scene.node.spawn(command.arg("run")).unwrap());
    assert_eq!((code, said.lines().count()), (78, 1), "{said}");
    let (code, said) = ends(spawn(&scene.node, Path::new("/nonexistent.rwb")));
    assert_eq!((code, said.lines().count()), (78, 1), "{said}");
    assert!(said.contains("/nonexistent.rwb"), "{said}");
}

#[test]
fn a_wrong_command_line_exits_2() {
    let scene = Scene::new();
    for arguments in [&["fly"][..], &["run", "--fast"], &["status", "VI_1"], &[]] {
        let (said, code) = client(&scene.node, arguments);
        assert_eq!((code, said.lines().count()), (2, 1), "{arguments:?}: {said}");
    }
}

#[test]
fn a_damaged_or_foreign_blob_exits_65_and_leaves_nothing_behind() {
    let scene = Scene::new();
    let good = fs::read(blob("damaged", &owner("eth0"))).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let cases: [(&str, &[u8]); 4] = [
        ("flipped", &flipped),
        ("short", &good[..good.len() - 1]),
        ("foreign", b"vrrp_instance gateway {\n}\n"),
        ("empty", b""),
    ];
    for (name, content) in cases {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("daemon/{name}.rwb"));
        fs::write(&path, content).unwrap();
        let (code, said) = ends(spawn(&scene.node, &path));
        assert_eq!((code, said.lines().count()), (65, 1), "{name}: {said}");
        assert!(!scene.node.has(VIP).unwrap());
        let left = scene.node.enter(|| Ok(Path::new(CONTROL).exists())).unwrap();
        assert!(!left, "{name} left a control socket behind");
    }
}

#[test]
fn without_a_privilege_it_names_it_and_exits_77() {
    let scene = Scene::new();
    let config = blob("privilege", &owner("eth0"));
    for privilege in ["net_raw", "net_admin"] {
        // Of util-linux, which every Debian has.
        let mut command = Command::new("/usr/bin/setpriv");
        command.arg(format!("--bounding-set=-{privilege}"));
        command.arg(format!("--inh-caps=-{privilege}"));
        command.args([RINGWARD, "run", "--config"]).arg(&config);
        let (code, said) = ends(scene.node.spawn(&mut command).unwrap());
        let name = format!("CAP_{}", privilege.to_uppercase());
        assert_eq!(code, 77, "{said}");
        assert!(said.contains(&name), "{name} is not named: {said}");
    }
}

#[test]
fn without_io_uring_it_says_which_and_exits_69() {
    let scene = Scene::new();
    let config = blob("ring", &owner("eth0"));
    for (errno, reason) in
        [(libc::ENOSYS, "this kernel has no io_uring"), (libc::EPERM, "io_uring is forbidden")]
    {
        let mut command = Command::new(RINGWARD);
        command.arg("run").arg("--config").arg(&config);
        refuse_call(&mut command, libc::SYS_io_uring_setup, u16::try_from(errno).unwrap());
        let (code, said) = ends(scene.node.spawn(&mut command).unwrap());
        assert_eq!((code, said.lines().count()), (69, 1), "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(!scene.node.has(VIP).unwrap());
    }
}

#[test]
fn a_missing_interface_is_waited_for() {
    let scene = Scene::new();
    let config = blob("missing-interface", &owner("late7"));
    let process = spawn(&scene.node, &config);
    rig::eventually(SOON, "FAULT", || state(&scene.node) == "FAULT");
    let (said, code) = client(&scene.node, &["release"]);
    assert_eq!((said.as_str(), code), ("nothing to release: neither MASTER nor BACKUP\n", 0));
    scene.node.add_macvlan("late7").unwrap();
    scene.node.add_address("late7", "10.7.0.1".parse().unwrap(), 24).unwrap();
    scene.wait_for_address();
    scene.node.delete_link("late7").unwrap();
    rig::eventually(SOON, "FAULT again", || state(&scene.node) == "FAULT");
    scene.node.add_macvlan("late7").unwrap();
    scene.node.add_address("late7", "10.7.0.1".parse().unwrap(), 24).unwrap();
    scene.wait_for_address();
    drop(process);
}

#[test]
fn a_network_has_the_device_that_start_or_reload_tell() {
    let scene = Scene::new();
    let config = blob("network", &owner("@lan"));
    let process = spawn(&scene.node, &config);
    let shown = || client(&scene.node, &["status"]).0;
    rig::eventually(SOON, "FAULT", || shown().contains("FAULT  @lan"));
    assert!(shown().contains("network has no device yet"), "{}", shown());
    let tell = |network: &str| client(&scene.node, &["reload", "--network", network]);
    assert_eq!(tell("lan=eth0").1, 0);
    scene.wait_for_address();
    // A reload that says nothing of networks changes nothing about them.
    assert_eq!(client(&scene.node, &["reload"]).1, 0);
    assert!(scene.node.has(VIP).unwrap());
    assert_eq!(tell("lan=").1, 0);
    scene.wait_until_gone();
    assert!(shown().contains("network has no device yet"), "{}", shown());
    drop(process);

    let mut command = Command::new(RINGWARD);
    command.arg("run").arg("--config").arg(&config).args(["--network", "lan=eth0"]);
    let process = scene.node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"));
    scene.wait_for_address();
    // The next daemon knows it as well.
    kill(daemon_of(&process), Signal::SIGKILL).unwrap();
    scene.wait_until_gone();
    scene.wait_for_address();
}

#[test]
fn what_keeps_an_instance_back_is_named() {
    let scene = Scene::new();
    let text =
        owner("eth0").replace("priority 255", "priority 255\n  track_interface {\n    wan7\n  }");
    let process = spawn(&scene.node, &blob("blame", &text));
    let said = |what: &str| {
        rig::eventually(SOON, what, || process.output().contains(what));
    };
    said(
        "to=FAULT cause=\"a tracked interface does not work\" interface=wan7 is=\"does not exist\"",
    );
    let (status, _) = client(&scene.node, &["status"]);
    assert!(
        status.contains("tracks     interface wan7: failing, FAULT (does not exist)\n"),
        "{status}"
    );
    scene.node.set_down("eth0").unwrap();
    said("fault cause=\"interface is down\" interface=eth0");
    scene.node.set_up("eth0").unwrap();
    scene.node.add_macvlan("wan7").unwrap();
    scene.wait_for_address();
    let (status, _) = client(&scene.node, &["status"]);
    assert!(status.contains("tracks     interface wan7: passing (up)\n"), "{status}");
}

#[test]
fn a_second_daemon_in_the_same_directory_exits_71() {
    let (scene, _process, config) = Scene::with_master("second");
    let (code, said) = ends(spawn(&scene.node, &config));
    assert_eq!((code, said.lines().count()), (71, 1), "{said}");
    assert!(said.contains("another ringward runs"), "{said}");
    assert!(scene.node.has(VIP).unwrap(), "the first one goes on");
    assert_eq!(state(&scene.node), "MASTER");
}

#[test]
fn a_second_daemon_with_a_directory_of_its_own_leaves_the_first_ones_addresses_alone() {
    let (scene, first, _) = Scene::with_master("beside-first");
    let watch = scene.node.watch_addresses().unwrap();
    let text = owner("eth0")
        .replace("virtual_router_id 51", "virtual_router_id 52")
        .replace("10.99.0.100", "10.99.0.101");
    let mut command = Command::new(RINGWARD);
    command.arg("run").arg("--config").arg(blob("beside-second", &text));
    command.args(["--run-directory", "/run/other"]);
    let second = scene.node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"));
    let other: IpAddr = "10.99.0.101".parse().unwrap();
    rig::eventually(SOON, "the second address", || scene.node.has(other).unwrap());
    assert!(second.output().contains("not-alone others=1"), "{}", second.output());
    // The second one starts anew beside the first one, and removes its own address only.
    kill(daemon_of(&second), Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "the address goes", || watch.went(other, Instant::ZERO).is_some());
    rig::eventually(SOON, "and comes back", || scene.node.has(other).unwrap());
    assert_eq!(watch.went(VIP, Instant::ZERO), None, "{}", first.output());
}

#[test]
fn sigterm_resigns_removes_the_address_and_ends_with_0() {
    let (scene, mut process, _) = Scene::with_master("sigterm");
    let capture = scene.segment.capture().unwrap();
    process.signal(Signal::SIGTERM).unwrap();
    let (_, code) = process.wait(SOON).unwrap();
    assert_eq!(code, 0, "{}", process.output());
    assert!(!scene.node.has(VIP).unwrap(), "gone when it ends, not later");
    let resigned = capture.wait(
        Instant::ZERO,
        SOON,
        |frame| matches!(frame.seen(), Seen::Advert(advert) if advert.priority == 0),
    );
    resigned.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
    let left = scene.node.enter(|| Ok(Path::new(CONTROL).exists())).unwrap();
    assert!(!left, "a control socket was left behind");
}

#[test]
fn signals_at_which_keepalived_writes_files_end_nobody() {
    let (scene, process, _) = Scene::with_master("dump");
    let daemon = daemon_of(&process);
    let lines = || process.output().matches("INFO - nothing-dumped").count();
    // SIGRTMIN+2, keepalived's JSON, is 36 where libc is glibc.
    for (count, signal) in ["USR1", "USR2", "36"].into_iter().enumerate() {
        let script = format!("kill -{signal} {daemon} && kill -{signal} {}", process.pid());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
        rig::eventually(SOON, "it says so", || lines() == count + 1);
    }
    assert_eq!(daemon_of(&process), daemon, "{}", process.output());
    assert_eq!(state(&scene.node), "MASTER");
    assert!(scene.node.has(VIP).unwrap());
}

#[test]
fn when_the_daemon_is_killed_its_supervisor_removes_the_address_and_starts_another() {
    let (scene, process, _) = Scene::with_master("killed");
    let watch = scene.node.watch_addresses().unwrap();
    let first = daemon_of(&process);
    kill(first, Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "the address goes", || watch.went(VIP, Instant::ZERO).is_some());
    rig::eventually(SOON, "another daemon", || {
        process.children_named("ringward").iter().any(|pid| *pid != first)
    });
    scene.wait_for_address();
    let status = status(&scene.node);
    assert_eq!(status["process"]["restarts"], 1, "{status}");
    assert!(process.output().contains("daemon-died"), "{}", process.output());
}

#[test]
fn a_daemon_whose_supervisor_is_killed_cleans_up_itself() {
    let scene = Scene::new();
    let config = blob("orphan", &owner("eth0"));
    // The shell outlives the supervisor, and with it the PID namespace.
    let script = format!("{RINGWARD} run --config {}; sleep 1000", config.display());
    let shell = scene.node.spawn(Command::new("/bin/sh").args(["-c", &script])).unwrap();
    scene.wait_for_address();
    kill(shell.children()[0], Signal::SIGKILL).unwrap();
    scene.wait_until_gone();
}

#[test]
fn after_a_power_cut_of_both_the_next_boot_removes_what_is_left() {
    let (scene, mut process, _) = Scene::with_master("both-killed");
    process.kill();
    assert!(scene.node.has(VIP).unwrap(), "nobody was left to remove it");
    // An address of the administrator's, which nobody may touch.
    let own: IpAddr = "10.99.0.200".parse().unwrap();
    scene.node.add_address("eth0", own, 32).unwrap();
    // The next configuration does not know the address any more.
    let other = blob("both-killed-next", &owner("eth0").replace("10.99.0.100", "10.99.0.101"));
    let _next = spawn(&scene.node, &other);
    rig::eventually(SOON, "MASTER", || state(&scene.node) == "MASTER");
    assert!(!scene.node.has(VIP).unwrap());
    assert!(scene.node.has(own).unwrap());
}

#[test]
fn a_backup_removes_what_a_dead_predecessor_left_before_it_listens() {
    let (scene, mut process, _) = Scene::with_master("left-over");
    process.kill();
    // The last advert in the journal becomes older than an interval: somebody may have taken over.
    std::thread::sleep(Duration::from_millis(200));
    let watch = scene.node.watch_addresses().unwrap();
    let text = owner("eth0").replace("priority 255", "priority 100");
    let _next = spawn(&scene.node, &blob("left-over-next", &text));
    rig::eventually(SOON, "the address goes", || watch.went(VIP, Instant::ZERO).is_some());
    scene.wait_for_address();
    let (log, _) = client(&scene.node, &["log"]);
    assert!(log.contains("INIT -> BACKUP") && log.contains("BACKUP -> MASTER"), "{log}");
}

#[test]
fn a_restart_within_one_interval_keeps_the_address_without_a_gap() {
    let scene = Scene::new();
    let text = owner("eth0").replace("priority 255", "priority 200").replace("0.1\n", "5\n");
    let config = blob("hot-restart", &text);
    let mut first = spawn(&scene.node, &config);
    let give_up = Clock::now() + Duration::from_secs(40);
    while state(&scene.node) != "MASTER" || !scene.node.has(VIP).unwrap() {
        assert!(Clock::now() < give_up, "{}", first.output());
        std::thread::sleep(Duration::from_millis(50));
    }
    let watch = scene.node.watch_addresses().unwrap();
    first.kill();
    let _second = spawn(&scene.node, &config);
    rig::eventually(SOON, "MASTER", || state(&scene.node) == "MASTER");
    let (log, _) = client(&scene.node, &["log"]);
    assert!(log.contains("INIT -> MASTER: restarted within one interval"), "{log}");
    assert_eq!(watch.went(VIP, Instant::ZERO), None);
}

#[test]
fn a_good_reload_changes_the_addresses_and_a_bad_one_changes_nothing() {
    let (scene, process, config) = Scene::with_master("reload");
    let good = fs::read(&config).unwrap();
    fs::write(&config, &good[..good.len() / 2]).unwrap();
    let (said, code) = client(&scene.node, &["reload"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("truncated") && said.contains("nothing has changed"), "{said}");
    assert_eq!(state(&scene.node), "MASTER");
    assert!(scene.node.has(VIP).unwrap());

    let other: IpAddr = "10.99.0.101".parse().unwrap();
    let next = blob("reload-next", &owner("eth0").replace("10.99.0.100", "10.99.0.101"));
    fs::copy(&next, &config).unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    rig::eventually(SOON, "the new address", || scene.node.has(other).unwrap());
    scene.wait_until_gone();

    fs::write(&config, &good).unwrap();
    let (said, code) = client(&scene.node, &["reload", config.to_str().unwrap()]);
    assert_eq!((said, code), (format!("1 instance from {}\n", config.display()), 0));
    scene.wait_for_address();
    let (said, code) = client(&scene.node, &["reload", "/nonexistent.rwb"]);
    assert_eq!(code, 1, "{said}");
    let status = status(&scene.node);
    assert_eq!(status["process"]["allocations"], 0, "{status}");
}

#[test]
fn release_gives_mastership_up() {
    let scene = Scene::new();
    let text = owner("eth0").replace("priority 255", "priority 200");
    let config = blob("release", &text);
    let _process = spawn(&scene.node, &config);
    scene.wait_for_address();
    let watch = scene.node.watch_addresses().unwrap();
    let (said, code) = client(&scene.node, &["release", "gateway"]);
    assert_eq!((said.as_str(), code), ("released\n", 0));
    rig::eventually(SOON, "the address goes", || watch.went(VIP, Instant::ZERO).is_some());
    let (said, code) = client(&scene.node, &["release", "nobody"]);
    assert_eq!(code, 1, "{said}");
    let (log, _) = client(&scene.node, &["log"]);
    assert!(log.contains("released by the operator"), "{log}");
}

#[test]
fn who_reads_no_further_is_told_nothing() {
    let (scene, _process, _) = Scene::with_master("reads-no-further");
    for asked in ["status", "log", "watch", "version", "help"] {
        let ended = scene.node.enter(|| {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = Command::new(RINGWARD);
            command.arg(asked).stdout(writer).stderr(Stdio::piped());
            if !["version", "help"].contains(&asked) {
                command.args(["--control", CONTROL]);
            }
            Ok(command.spawn().unwrap().wait_with_output().unwrap())
        });
        let ended = ended.unwrap();
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{asked}: {ended:?}");
    }
}

#[test]
fn the_control_socket_is_for_its_owner_and_group() {
    let (scene, _process, _) = Scene::with_master("mode");
    let mode = scene.node.enter(|| {
        let meta = fs::metadata(CONTROL).unwrap();
        Ok(meta.permissions().mode() & 0o777)
    });
    assert_eq!(mode.unwrap(), 0o660);
}

#[test]
fn unknown_and_oversized_requests_are_answered_or_dropped() {
    let (scene, _process, _) = Scene::with_master("unknown");
    let answer = |request: &[u8]| {
        scene.converse(|mut stream| {
            // The daemon may hang up before it has read everything.
            let _ = stream.write_all(request);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        })
    };
    assert!(answer(b"fly\n").starts_with("error: unknown request"));
    assert!(answer(b"\xff\xfe\n").starts_with("error: "));
    assert!(answer(b"\n").starts_with("error: "));
    assert_eq!(answer(&[b'x'; 4096]), "", "too long: dropped");
    assert!(answer(b"version\n").starts_with("ringward "));
    let status = status(&scene.node);
    assert_eq!(status["process"]["control_dropped"], 1, "{status}");
}

#[test]
fn clients_that_are_slow_or_too_many_are_dropped_and_delay_nothing() {
    rig::undisturbed(|| {
        let (scene, _process, _) = Scene::with_master("slow");
        let capture = scene.segment.capture().unwrap();
        let began = ringward::lab::now();
        scene
            .node
            .enter(|| {
                let idle: Vec<UnixStream> =
                    (0..20).map(|_| UnixStream::connect(CONTROL).unwrap()).collect();
                // Each is hung up on sooner or later.
                for mut stream in idle {
                    stream.set_read_timeout(Some(SOON)).unwrap();
                    let mut octet = [0];
                    let read = stream.read(&mut octet);
                    assert!(
                        matches!(read, Ok(0)) || read.is_err_and(|e| e.raw_os_error() == Some(104))
                    );
                }
                Ok(())
            })
            .unwrap();
        let status = status(&scene.node);
        assert_eq!(status["process"]["control_dropped"], 20, "{status}");
        rig::assert_regular(&capture, began, 15);
    });
}

#[test]
fn a_full_pipe_at_standard_error_delays_nothing() {
    let scene = Scene::new();
    let config = blob("full-pipe", &owner("eth0"));
    // Nobody reads what the shell's other end is given: `sleep` inherits it.
    let script = format!("{RINGWARD} run --config {} 2>&1 | sleep 1000", config.display());
    let _process = scene.node.spawn(Command::new("/bin/sh").args(["-c", &script])).unwrap();
    scene.wait_for_address();
    // Some 90 octets a line, 64 kB of pipe: twice what it holds.
    let bad = "/nonexistent.rwb";
    for _ in 0..1500 {
        scene.converse(|mut stream| {
            writeln!(stream, "reload {bad}").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("error: "), "{answer}");
        });
    }
    let status = status(&scene.node);
    assert!(status["process"]["log_lines_lost"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER");
}
