//! What ringward compiles is what keepalived makes of the same text: Debian's keepalived reads it,
//! is asked for its state (SIGUSR1), and every value of its dump is compared.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rig::{Keepalived, forget_pid_files};
use ringward::addr::{Family, Version};
use ringward::config::blob;
use ringward::config::model::{Address, Authentication, Config, Instance};
use ringward::lab::Segment;

/// Where keepalived 2.2.7 puts its dump, whatever it is told.
const DUMP: &str = "/tmp/keepalived.data";

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn keepalived_makes_the_same_of_the_same_text() {
    agrees("values", &[]);
}

#[test]
fn keepalived_reads_the_language_as_ringward_does() {
    agrees("language", &[]);
}

#[test]
fn what_keepalived_survives_ringward_compiles_when_it_is_told_to() {
    agrees("permissive", &["--permissive"]);
}

/// Compares what both make of `tests/agreement/NAME.conf`.
fn agrees(name: &str, arguments: &[&str]) {
    // There is one dump at a time.
    static LOCK: Mutex<()> = Mutex::new(());
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agreement");
    let source = folder.join(name).with_extension("conf");
    let blob = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agreement-{name}.rwb"));
    let compiled = Command::new(env!("CARGO_BIN_EXE_ringwardc"))
        .args(["compile", "--config-id", "node1"])
        .args(arguments)
        .arg("-o")
        .arg(&blob)
        .arg(&source)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let mut config = boxed();
    blob::decode(&fs::read(&blob).unwrap(), &mut config).unwrap();
    let expected = expected(&config);

    let segment = Segment::new().unwrap();
    let node = segment.node().unwrap();
    forget_pid_files(&node);
    let mut command = Keepalived::fetched().command();
    command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"]);
    command.args(["--config-id", "node1", "--use-file"]);
    let process = node.spawn(command.arg(&source)).unwrap();
    let log = eventually(|| {
        let log = process.output();
        if log.contains("Startup complete") { Ok(log) } else { Err(log) }
    });

    let _ = fs::remove_file(DUMP);
    process.signal(Signal::SIGUSR1).unwrap();
    // The dump is written piece by piece: what is compared is all there when the next part begins.
    let dump = eventually(|| {
        let text = fs::read_to_string(DUMP).unwrap_or_default();
        let topology = text.split_once("< VRRP Topology >").map(|(_, behind)| behind);
        let topology = topology.and_then(|behind| behind.split_once("< VRRP Sockpool >"));
        topology.map(|(topology, _)| topology.to_owned()).ok_or(text)
    });
    let _ = fs::remove_file(DUMP);
    assert_eq!(expected, told(&dump), "\n{log}\n{dump}");
}

/// An empty configuration, made where there is room for it: without optimisation it is on the stack
/// first, and that of a test is small.
fn boxed() -> Box<Config> {
    let roomy = std::thread::Builder::new().stack_size(16 << 20);
    roomy.spawn(|| Box::new(Config::new())).unwrap().join().unwrap()
}

/// Calls `work` until it succeeds.
#[track_caller]
fn eventually<T>(mut work: impl FnMut() -> Result<T, String>) -> T {
    let give_up = Instant::now() + DEADLINE;
    loop {
        match work() {
            Ok(value) => return value,
            Err(seen) => assert!(Instant::now() < give_up, "nothing in time; seen:\n{seen}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The lines of keepalived's dump that are compared, without its indentation.
const COMPARED: [&str; 19] = [
    "VRRP Instance = ",
    "VRRP Version = ",
    "Wantstate = ",
    "Interface = ",
    "VRRP interface tracking disabled",
    "Using src_ip = ",
    "Gratuitous ARP delay = ",
    "Gratuitous ARP repeat = ",
    "Gratuitous ARP refresh = ",
    "Gratuitous ARP refresh repeat = ",
    "Gratuitous ARP lower priority delay = ",
    "Gratuitous ARP lower priority repeat = ",
    "Gratuitous ARP for each secondary i/f = ",
    "Virtual Router ID = ",
    "Priority = ",
    "Advert interval = ",
    "Preempt",
    "Authentication type = SIMPLE_PASSWORD",
    "Password = ",
];

/// What keepalived told, as lines.
fn told(dump: &str) -> Vec<String> {
    let is_compared = |line: &str| {
        let is_address =
            line.starts_with(|c: char| c.is_ascii_hexdigit()) && line.contains(" dev ");
        let is_peer = line.contains(" min_ttl ");
        // A source that was not configured is the interface's own.
        let is_own_source =
            line.starts_with("Using src_ip = ") && !line.ends_with("(from configuration)");
        (is_address || is_peer || COMPARED.iter().any(|start| line.starts_with(start)))
            && !is_own_source
    };
    let lines = dump.lines().map(str::trim).filter(|line| is_compared(line));
    lines
        .map(|line| {
            // What the kernel was told of an address, and whether it is there by now.
            let state = [
                " scope global",
                " preferred_lft forever",
                " preferred_lft 0",
                " deprecated",
                " set",
            ];
            let line = state.iter().fold(line.to_owned(), |line, word| line.replace(word, ""));
            line.split(" min_ttl ").next().unwrap().trim().to_owned()
        })
        .collect()
}

/// The same lines, of a configuration of ours.
fn expected(config: &Config) -> Vec<String> {
    config.instances.iter().flat_map(|instance| lines(config, instance)).collect()
}

fn lines(config: &Config, instance: &Instance) -> Vec<String> {
    let announce = &instance.announce;
    let mut lines = vec![
        format!("VRRP Instance = {}", instance.name),
        format!("VRRP Version = {}", instance.version.number()),
        format!("Wantstate = {}", if instance.wants_master { "MASTER" } else { "BACKUP" }),
        format!("Interface = {}", config.interface_name(instance.interface)),
    ];
    if !instance.track_primary {
        lines.push("VRRP interface tracking disabled".to_owned());
    }
    if let Some(source) = instance.source {
        lines.push(format!("Using src_ip = {source} (from configuration)"));
    }
    for (name, value) in [
        ("delay", announce.delay.as_secs()),
        ("repeat", announce.repeat.into()),
        ("refresh", announce.refresh.as_secs()),
        ("refresh repeat", announce.refresh_repeat.into()),
        ("lower priority delay", announce.lower_delay.as_secs()),
        ("lower priority repeat", announce.lower_repeat.into()),
    ] {
        lines.push(format!("Gratuitous ARP {name} = {value}"));
    }
    if !announce.extra_interface.is_zero() {
        let secs = announce.extra_interface.as_secs();
        lines.push(format!("Gratuitous ARP for each secondary i/f = {secs}"));
    }
    lines.push(format!("Virtual Router ID = {}", instance.vrid));
    lines.push(format!("Priority = {}", instance.priority.0));
    lines.push(match instance.version {
        Version::V2 => format!("Advert interval = {} sec", instance.interval.as_secs()),
        Version::V3 => format!("Advert interval = {} milli-sec", instance.interval.as_millis()),
    });
    lines.push(format!("Preempt = {}", if instance.preempt { "enabled" } else { "disabled" }));
    if !instance.preempt_delay.is_zero() {
        let delay = instance.preempt_delay.to_string();
        lines.push(format!("Preempt delay = {delay}ecs"));
    }
    if let Authentication::Password(password) = instance.authentication {
        lines.push("Authentication type = SIMPLE_PASSWORD".to_owned());
        let text = String::from_utf8(password.to_vec()).unwrap();
        lines.push(format!("Password = {}", text.trim_end_matches('\0')));
    }
    lines.extend(config.addresses_of(instance).iter().map(|address| line(config, address)));
    lines.extend(config.peers_of(instance).iter().map(ToString::to_string));
    lines
}

fn line(config: &Config, address: &Address) -> String {
    let mut line = address.ip.to_string();
    if address.prefix_len != Family::of(address.ip).host_len() {
        line.push_str(&format!("/{}", address.prefix_len));
    }
    line.push_str(&format!(" dev {}", config.interface_name(address.interface)));
    if !address.label.is_empty() {
        line.push_str(&format!(" label {}", address.label));
    }
    line
}
