//! What the processes may still do once they run: capabilities, no_new_privs and seccomp, as the
//! kernel shows them in `/proc/PID/status`; and ringward as a user that is not root.
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
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant as Clock};

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::io::contain::{grant, refuse_call};
use ringward::lab::{Node, Process, Segment};
use ringward::time::Instant;
use serde_json::Value;

const RINGWARD: &str = env!("CARGO_BIN_EXE_ringward");
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
const SOON: Duration = Duration::from_secs(60);

/// Bits of linux/capability.h.
const DAC_READ_SEARCH: u64 = 1 << 2;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const IPC_LOCK: u64 = 1 << 14;
const SYS_ADMIN: u64 = 1 << 21;
const SYS_NICE: u64 = 1 << 23;
const SYS_RESOURCE: u64 = 1 << 24;

/// Of util-linux, which every Debian has.
const SETPRIV: &str = "/usr/bin/setpriv";
const NOBODY: u32 = 65534;
/// Below the node's own `/run`.
const PROGRAM: &str = "/run/program";
const CONFIG: &str = "/run/config.rwb";

fn gateway(priority: u8) -> String {
    format!(
        "vrrp_instance gateway {{\n  version 3\n  interface eth0\n  virtual_router_id 51\n  \
         priority {priority}\n  advert_int 0.1\n  virtual_ipaddress {{\n    {VIP}/32\n  }}\n}}\n"
    )
}

fn blob(test: &str, text: &str) -> PathBuf {
    rig::compile_text("privileges", test, text)
}

fn node(segment: &Segment) -> Node {
    segment.node().unwrap_or_else(|fault| panic!("{fault}"))
}

fn spawn(node: &Node, command: &mut Command) -> Process {
    node.spawn(command).unwrap_or_else(|fault| panic!("{fault}"))
}

fn status(node: &Node) -> Value {
    let mut client = spawn(node, Command::new(RINGWARD).args(["status", "--json"]));
    client.wait(SOON).unwrap_or_else(|fault| panic!("{fault}"));
    serde_json::from_str(&client.output()).unwrap_or(Value::String(client.output()))
}

#[track_caller]
fn wait_for(node: &Node, process: &Process, state: &str) {
    let give_up = Clock::now() + SOON;
    while status(node)["instances"][0]["state"] != state {
        assert!(Clock::now() < give_up, "never {state}: {}\n{}", status(node), process.output());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The daemon under the supervisor.
#[track_caller]
fn daemon_of(supervisor: &Process) -> Pid {
    let mut found = None;
    rig::eventually(SOON, "a daemon", || {
        found = supervisor.children_named("ringward").first().copied();
        found.is_some()
    });
    found.unwrap()
}

/// A line of `/proc/PID/status`.
#[track_caller]
fn line(pid: Pid, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no {name}: {status}")).trim().to_owned()
}

/// Everything that process `pid` has is `capabilities`, and it can never have more; `filters` are
/// its own seccomp filters.
#[track_caller]
fn assert_has_only(pid: Pid, capabilities: u64, filters: u32) {
    for (set, value) in
        [("CapEff", capabilities), ("CapPrm", capabilities), ("CapInh", 0), ("CapAmb", 0)]
    {
        assert_eq!(line(pid, set), format!("{value:016x}"), "{set} of {pid}");
    }
    assert_eq!(line(pid, "NoNewPrivs"), "1");
    assert_eq!(line(pid, "Seccomp"), "2", "SECCOMP_MODE_FILTER");
    // Those that whoever runs the tests has put on, a container for instance, come with it.
    let inherited: u32 = line(nix::unistd::getpid(), "Seccomp_filters").parse().unwrap();
    assert_eq!(line(pid, "Seccomp_filters"), (inherited + filters).to_string());
}

/// Makes a place for a user who is not root, as a service manager does: a program with these
/// capabilities, a directory in `/run` and a configuration of his own.
fn settle_nobody(node: &Node, config: &Path, capabilities: u64) {
    let settled = node.enter(|| {
        // With set-user-ID and capabilities, unlike the lab's own.
        let (kind, mode) = (Some("tmpfs"), Some("mode=0755"));
        mount(kind, "/run", kind, MsFlags::empty(), mode).unwrap();
        // By a process of its own: a child that another test forks meanwhile would hold what we
        // write to, and a program that is open for writing cannot be started (ETXTBSY).
        assert!(Command::new("cp").args([RINGWARD, PROGRAM]).status().unwrap().success());
        fs::copy(config, CONFIG).unwrap();
        fs::create_dir("/run/ringward").unwrap();
        for path in [CONFIG, "/run/ringward"] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let capabilities = u32::try_from(capabilities).unwrap();
        if capabilities != 0
            && let Err(error) = grant(Path::new(PROGRAM), capabilities)
        {
            panic!("capabilities of a program on tmpfs (CONFIG_TMPFS_XATTR): {error}");
        }
        Ok(())
    });
    settled.unwrap_or_else(|fault| panic!("{fault}"));
}

/// The program, started by nobody, with these arguments to setpriv besides.
fn as_nobody(more: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(SETPRIV);
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(more);
    command.arg(PROGRAM).args(arguments);
    command
}

const RUN: &[&str] = &["run", "--config", CONFIG];

#[track_caller]
fn assert_is_nobodys(pid: Pid) {
    assert_eq!(line(pid, "Uid"), "65534\t65534\t65534\t65534");
    assert_eq!(line(pid, "Gid"), "65534\t65534\t65534\t65534");
}

#[test]
fn as_nobody_with_two_file_capabilities_it_does_everything_but_real_time() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let (node, peer) = (self::node(&segment), self::node(&segment));
    settle_nobody(&node, &blob("nobody", &gateway(200)), NET_ADMIN | NET_RAW);
    let lower = blob("nobody-peer", &gateway(100));
    let other = spawn(&peer, Command::new(RINGWARD).args(["run", "--config"]).arg(lower));
    wait_for(&peer, &other, "MASTER");
    // Eight MiB of locked memory, as the kernel allows everybody by default.
    let mut command = Command::new("/usr/bin/prlimit");
    let run = as_nobody(&[], RUN);
    command.arg("--memlock=8388608").arg(run.get_program()).args(run.get_args());
    let mut process = spawn(&node, &mut command);
    wait_for(&node, &process, "MASTER");
    wait_for(&peer, &other, "BACKUP");
    let daemon = daemon_of(&process);
    for (pid, filters) in [(process.pid(), 1), (daemon, 2)] {
        assert_is_nobodys(pid);
        assert_has_only(pid, NET_ADMIN | NET_RAW, filters);
    }
    let status = status(&node);
    assert_eq!(status["process"]["seccomp"], true, "{status}");
    assert_eq!(status["process"]["journal_kept"], true, "{status}");
    assert_eq!(status["process"]["realtime"], false, "{status}");
    let said = process.output();
    assert_eq!(said.matches("cannot run with SCHED_FIFO").count(), 1, "{said}");

    // Another configuration, and the operator is the same user.
    let next = gateway(200).replace("10.99.0.100", "10.99.0.101");
    let next = blob("nobody-next", &next);
    let written = node.enter(|| Ok(fs::copy(&next, CONFIG)));
    written.unwrap().unwrap();
    let mut client = spawn(&node, &mut as_nobody(&[], &["reload"]));
    let (_, code) = client.wait(SOON).unwrap();
    assert_eq!(code, 0, "{}", client.output());
    let added: IpAddr = "10.99.0.101".parse().unwrap();
    rig::eventually(SOON, "the new address", || {
        node.has(added).unwrap() && !node.has(VIP).unwrap()
    });

    // The supervisor may remove what a dead daemon owned, and start another.
    let watch = node.watch_addresses().unwrap();
    kill(daemon, Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "the address goes", || watch.went(added, Instant::ZERO).is_some());
    rig::eventually(SOON, "another daemon", || {
        process.children_named("ringward").iter().any(|pid| *pid != daemon)
    });
    wait_for(&node, &process, "MASTER");
    assert_is_nobodys(daemon_of(&process));

    process.signal(Signal::SIGTERM).unwrap();
    let (_, code) = process.wait(SOON).unwrap();
    assert_eq!(code, 0, "{}", process.output());
    assert!(!node.has(added).unwrap());
    assert!(!node.enter(|| Ok(Path::new("/run/ringward/control").exists())).unwrap());
    wait_for(&peer, &other, "MASTER");
}

#[test]
fn as_nobody_with_two_capabilities_more_it_is_real_time_and_keeps_its_memory() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    let all = NET_ADMIN | NET_RAW | SYS_NICE | IPC_LOCK;
    settle_nobody(&node, &blob("nobody-fifo", &gateway(255)), all);
    let mut command = Command::new("/usr/bin/prlimit");
    let run = as_nobody(&[], RUN);
    command.arg("--memlock=8388608").arg(run.get_program()).args(run.get_args());
    let process = spawn(&node, &mut command);
    wait_for(&node, &process, "MASTER");
    let status = status(&node);
    assert_eq!(status["process"]["realtime"], true, "{status}");
    assert_eq!(status["process"]["memory_locked"], true, "{status}");
    // The limit could not be lifted: the capability does instead.
    assert_has_only(daemon_of(&process), NET_ADMIN | NET_RAW | IPC_LOCK, 2);
    assert!(!process.output().contains("not-permitted"), "{}", process.output());
}

#[test]
fn as_nobody_without_one_of_them_it_names_it_and_exits_77() {
    let cases = [
        (NET_ADMIN, "CAP_NET_RAW is missing"),
        (NET_RAW, "CAP_NET_ADMIN is missing"),
        (0, "CAP_NET_RAW is missing"),
    ];
    for (granted, reason) in cases {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let node = node(&segment);
        settle_nobody(&node, &blob("nobody-less", &gateway(255)), granted);
        let mut process = spawn(&node, &mut as_nobody(&[], RUN));
        let (_, code) = process.wait(SOON).unwrap_or_else(|f| panic!("{f}\n{}", process.output()));
        let said = process.output();
        assert_eq!(code, 77, "{said}");
        assert!(said.contains(reason) && said.contains("setcap"), "{said}");
    }
}

#[test]
fn as_nobody_with_ambient_capabilities_it_runs_and_hands_none_on() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    settle_nobody(&node, &blob("ambient", &gateway(255)), 0);
    // As systemd's AmbientCapabilities= does.
    let more = ["--inh-caps=+net_admin,+net_raw", "--ambient-caps=+net_admin,+net_raw"];
    let process = spawn(&node, &mut as_nobody(&more, RUN));
    wait_for(&node, &process, "MASTER");
    for (pid, filters) in [(process.pid(), 1), (daemon_of(&process), 2)] {
        assert_is_nobodys(pid);
        let has = u64::from_str_radix(&line(pid, "CapEff"), 16).unwrap();
        assert_eq!(has & (NET_ADMIN | NET_RAW), NET_ADMIN | NET_RAW);
        assert_has_only(pid, has & (NET_ADMIN | NET_RAW), filters);
    }
}

#[test]
fn a_full_pipe_of_another_user_at_standard_error_delays_nothing() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    settle_nobody(&node, &blob("nobody-pipe", &gateway(255)), NET_ADMIN | NET_RAW);
    // The shell is root's, and so is the pipe: nobody may open it once more. Nobody reads it.
    let run = as_nobody(&[], RUN);
    let words: Vec<_> = run.get_args().map(|word| word.to_str().unwrap()).collect();
    let script = format!("{SETPRIV} {} 2>&1 | sleep 1000", words.join(" "));
    let shell = spawn(&node, Command::new("/bin/sh").args(["-c", &script]));
    wait_for(&node, &shell, "MASTER");
    let ask = |line: &str| {
        node.enter(|| {
            let mut stream = UnixStream::connect("/run/ringward/control").unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            stream.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            Ok(answer)
        })
        .unwrap()
    };
    // Some 90 octets a line, 64 kB of pipe: twice what it holds.
    for _ in 0..1500 {
        let answer = ask("reload /nonexistent.rwb\n");
        assert!(answer.starts_with("error: "), "{answer}");
    }
    let status: Value = serde_json::from_str(&ask("status json\n")).unwrap();
    assert!(status["process"]["log_lines_lost"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
}

/// CAP_IPC_LOCK, if whoever runs the tests may not lift the limit of locked memory (in a container):
/// it stays where the daemon cannot do without.
fn lock_of_root() -> u64 {
    let capabilities = u64::from_str_radix(&line(nix::unistd::getpid(), "CapEff"), 16).unwrap();
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let locked = limits.lines().find(|line| line.starts_with("Max locked memory")).unwrap();
    let may_lift = capabilities & SYS_RESOURCE != 0;
    if may_lift || locked.matches("unlimited").count() == 2 { 0 } else { IPC_LOCK }
}

#[test]
fn as_root_both_processes_give_up_what_they_do_not_need() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    let config = blob("root", &gateway(255));
    let process = spawn(&node, Command::new(RINGWARD).args(["run", "--config"]).arg(config));
    wait_for(&node, &process, "MASTER");
    let daemon = daemon_of(&process);
    let needed = NET_ADMIN | NET_RAW | lock_of_root();
    assert_has_only(process.pid(), needed | DAC_READ_SEARCH, 1);
    assert_has_only(daemon, needed, 2);
    assert_eq!(status(&node)["process"]["seccomp"], true);

    // The next one, too, and it can be started with what is left.
    kill(daemon, Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "another daemon", || {
        process.children_named("ringward").iter().any(|pid| *pid != daemon)
    });
    wait_for(&node, &process, "MASTER");
    assert_has_only(daemon_of(&process), needed, 2);
    let status = status(&node);
    assert_eq!(status["process"]["restarts"], 1, "{status}");
    assert_eq!(status["process"]["realtime"], true, "{status}");
    assert_eq!(status["process"]["memory_locked"], true, "{status}");
}

#[test]
fn where_rings_are_for_administrators_only_the_supervisor_stays_one() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    // The kernel's own setting would be that of the whole machine.
    let shown = node.enter(|| {
        fs::write("/run/disabled", "1\n").unwrap();
        let place = "/proc/sys/kernel/io_uring_disabled";
        let none = None::<&str>;
        mount(Some("/run/disabled"), place, none, MsFlags::MS_BIND, none).unwrap();
        Ok(())
    });
    shown.unwrap_or_else(|fault| panic!("{fault}"));
    let config = blob("administrators", &gateway(255));
    let process = spawn(&node, Command::new(RINGWARD).args(["run", "--config"]).arg(config));
    wait_for(&node, &process, "MASTER");
    let needed = NET_ADMIN | NET_RAW | lock_of_root();
    assert_has_only(process.pid(), needed | DAC_READ_SEARCH | SYS_ADMIN, 1);
    assert_has_only(daemon_of(&process), needed, 2);
}

#[test]
fn a_configuration_that_only_its_owner_may_read_is_read_again_after_a_death() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    // As ringwardc writes it: 0600, of whoever ran it.
    let config = blob("owner", &gateway(255));
    std::os::unix::fs::chown(&config, Some(65534), Some(65534)).unwrap();
    let process = spawn(&node, Command::new(RINGWARD).args(["run", "--config"]).arg(config));
    wait_for(&node, &process, "MASTER");
    let daemon = daemon_of(&process);
    kill(daemon, Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "another daemon", || {
        process.children_named("ringward").iter().any(|pid| *pid != daemon)
    });
    wait_for(&node, &process, "MASTER");
}

#[test]
fn on_a_kernel_without_seccomp_it_says_so_once_and_runs() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = node(&segment);
    let config = blob("no-seccomp", &gateway(255));
    let mut command = Command::new(RINGWARD);
    command.args(["run", "--config"]).arg(config);
    refuse_call(&mut command, libc::SYS_seccomp, u16::try_from(libc::ENOSYS).unwrap());
    let process = spawn(&node, &mut command);
    wait_for(&node, &process, "MASTER");
    assert_eq!(status(&node)["process"]["seccomp"], false);
    let watch = node.watch_addresses().unwrap();
    kill(daemon_of(&process), Signal::SIGKILL).unwrap();
    rig::eventually(SOON, "the address goes", || watch.went(VIP, Instant::ZERO).is_some());
    rig::eventually(SOON, "another daemon", || status(&node)["process"]["restarts"] == 1);
    wait_for(&node, &process, "MASTER");
    let said = process.output();
    assert_eq!(said.matches("cannot filter system calls").count(), 1, "{said}");
}
