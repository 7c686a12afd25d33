//! The OpenWrt package beside the sources that it builds: what its Makefile names, and its init script,
//! run by OpenWrt's shell with the real programs. OpenWrt's own part of it (rc.common, procd, netifd) is
//! played by `tests/openwrt`. Whether OpenWrt's build system makes a package of it is beyond this.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "openwrt/machine.rs"]
mod machine;
mod rig;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use machine::{Machine, SOON, ash_accepts};
use ringward::lab::{Process, Seen};
use ringward::time::Instant;
use toml::de::DeTable;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn package() -> PathBuf {
    root().join("board/openwrt/net/ringward")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn makefile() -> String {
    read(&package().join("Makefile"))
}

/// What a variable of the Makefile is set to.
fn variable<'a>(makefile: &'a str, name: &str) -> &'a str {
    let line = makefile.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":="));
    line.unwrap_or_else(|| panic!("{name} is not set"))
}

/// What follows `prefix` in a text, each time, up to white space or a bracket.
fn named<'a>(text: &'a str, prefix: &'a str) -> Vec<&'a str> {
    let end = |end: char| end.is_whitespace() || end == ')';
    text.split(prefix).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

#[test]
fn the_makefile_asks_for_a_version_programs_and_files_that_there_are() {
    let (text, manifest) = (makefile(), read(&root().join("Cargo.toml")));
    let manifest = DeTable::parse(&manifest).unwrap().into_inner();
    let about = |key: &str| manifest["package"].get_ref()[key].get_ref().as_str().unwrap();
    assert_eq!(variable(&text, "PKG_VERSION"), about("version"));
    assert_eq!(variable(&text, "PKG_LICENSE"), about("license"));
    let programs = manifest["bin"].get_ref().as_array().unwrap();
    for program in ["ringward", "ringwardc"] {
        assert!(programs.iter().any(|it| it.get_ref()["name"].get_ref().as_str() == Some(program)));
        assert!(named(&text, "--bin ").contains(&program), "{program}");
        assert!(text.contains(&format!("$(eval $(call BuildPackage,{program}))")), "{program}");
    }
    let source = package().join("../../../..").canonicalize().unwrap();
    assert_eq!(source, root().canonicalize().unwrap());
    assert!(variable(&text, "RINGWARD_SOURCE").contains("$(CURDIR)/../../../.."));
    let parts: Vec<_> = variable(&text, "RINGWARD_PARTS").split(' ').collect();
    for part in &parts {
        assert!(root().join(part).exists(), "{part} is not there");
    }
    for licence in variable(&text, "PKG_LICENSE_FILES").split(' ') {
        assert!(parts.contains(&licence) && root().join(licence).is_file(), "{licence}");
    }
    // Cargo wants the sources of every program and test that the manifest names.
    for kind in ["bin", "test", "bench"] {
        for entry in manifest[kind].get_ref().as_array().unwrap() {
            let Some(path) = entry.get_ref().get("path") else { continue };
            let folder = path.get_ref().as_str().unwrap().split('/').next().unwrap();
            assert!(parts.contains(&folder), "{folder} is not copied");
        }
    }
    for name in named(&text, "$(CURDIR)/files/") {
        assert!(package().join("files").join(name).is_file(), "files/{name} is not there");
    }
    for name in named(&text, "<$(PKG_BUILD_DIR)/") {
        assert!(root().join(name).is_file(), "{name} is not there");
    }
    let lock = read(&root().join("Cargo.lock"));
    assert_eq!(named(&text, "registry/src/*/tokio-uring-"), ["0.5.0"]);
    // As the Makefile takes it apart: from its name to its dependencies.
    let crate_of = lock.split("\nname = \"tokio-uring\"\nversion = \"0.5.0\"\nsource = ").nth(1);
    let lines: Vec<_> = crate_of.unwrap().lines().skip(1).take(2).collect();
    assert!(lines[0].starts_with("checksum = ") && lines[1] == "dependencies = [", "{lines:?}");
}

#[test]
fn the_makefile_builds_what_the_board_says() {
    let text = makefile();
    let board = variable(&text, "RINGWARD_BOARD");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
    let output = command.args(["boards", board]).output().unwrap();
    assert!(output.status.success(), "no board {board}");
    let says = String::from_utf8(output.stdout).unwrap();
    let features = variable(&text, "RINGWARD_FEATURES");
    assert!(says.contains(&format!("\nbuild.features={features}\n")), "{says}");
    // Where the init script has its blob from without a compiler, and OpenWrt's directory of sockets.
    assert!(says.contains("\nconfiguration.path=/etc/ringward.rwb\n"), "{says}");
    assert!(says.contains("\nrun.directory=/var/run/ringward\n"), "{says}");
    assert!(says.contains("\nkernel.stock_io_uring=true\n"), "{says}");
    let conffiles = text.split("define Package/ringward/conffiles\n").nth(1).unwrap();
    assert!(conffiles.starts_with("/etc/config/ringward\n/etc/ringward.rwb\nendef"));
}

#[test]
fn the_scripts_are_ash() {
    for script in ["ringward.init", "ringward.rpcd"] {
        assert!(ash_accepts(&package().join("files").join(script)), "{script}");
    }
}

const LAN: &str = "
config vrrp_instance 'lan'
	option network 'lan'
	option version '3'
	option virtual_router_id '51'
	option priority '150'
	option advert_int '0.1'
	list virtual_ipaddress '198.51.100.1/24'
";
const GUEST: &str = "
config vrrp_instance 'guest'
	option network 'lan'
	option version '3'
	option virtual_router_id '52'
	option priority '150'
	option advert_int '0.1'
	list virtual_ipaddress '203.0.113.1/24'
";
const LAN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const GUEST_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
/// A slip in the sixth line of [`LAN`].
const BROKEN: (&str, &str) = ("option priority", "option priorty");

fn broken() -> String {
    LAN.replace(BROKEN.0, BROKEN.1)
}

/// What is wrong with it: where, what, and the way out.
#[track_caller]
fn assert_told(said: &str) {
    for part in
        ["/etc/config/ringward:6:9", "unknown keyword `priorty`", "did you mean `priority`?"]
    {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }
}

fn pid(machine: &Machine) -> i32 {
    machine.daemon.as_ref().map_or(0, |daemon| daemon.pid().as_raw())
}

#[test]
fn as_it_is_installed_it_starts_nothing() {
    let text = read(&package().join("files/ringward.config"));
    let mut machine = Machine::new(true, "lan=eth0\n", &text);
    let (code, said) = machine.service("start");
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(machine.instance, None);
    // Its example is good as it stands.
    let example: String = text
        .lines()
        .filter(|line| line.starts_with("#config") || line.starts_with("#\t"))
        .map(|line| format!("{}\n", &line[1..]))
        .collect();
    assert_eq!(example.matches("config ").count(), 2, "{example}");
    machine.configure(&(text.replace("enabled '0'", "enabled '1'") + &example));
    let (code, said) = machine.service("reload");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(machine.daemon.is_some());
}

#[test]
fn a_start_compiles_and_procd_is_told_to_keep_it_running() {
    let mut machine = Machine::new(true, "loopback=lo\nlan=eth0\n", LAN);
    let (code, said) = machine.service("start");
    assert_eq!((code, said.as_str()), (0, ""));
    machine.wait_for("lan", "MASTER");
    assert!(machine.node.has(LAN_ADDRESS).unwrap());
    let instance = machine.instance.clone().unwrap();
    let command = ["/usr/sbin/ringward", "run", "--config", "/var/run/ringward.rwb"];
    assert_eq!(instance.get("command").unwrap(), command);
    // Seconds of the threshold, seconds until the start, starts until it gives up (none: never).
    assert_eq!(instance.get("respawn").unwrap(), ["3600", "1", "0"]);
    // More than the four seconds that notification gets at the end.
    assert_eq!(instance.get("term_timeout").unwrap(), ["10"]);
    assert_eq!(instance.get("stderr").unwrap(), ["1"]);
    assert_eq!(instance.get("error"), None);
    assert_eq!(
        machine.triggers,
        [
            vec!["config", "ringward"],
            vec!["raw", "interface.*", "1000", "/etc/init.d/ringward", "networks"],
        ]
    );

    // rpcd's list and call.
    let plugin = "/usr/libexec/rpcd/ringward";
    let (_, list) = machine.run(&[plugin, "list"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list, serde_json::json!({"status": {}, "log": {}}));
    let (code, status) = machine.run(&[plugin, "call", "status"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((code, status["instances"][0]["state"].as_str()), (0, Some("MASTER")));
    assert_eq!(machine.run(&[plugin, "call", "reboot"]).0, 1);

    let capture = machine.segment.capture().unwrap();
    machine.service("stop");
    assert!(!machine.node.has(LAN_ADDRESS).unwrap());
    let resigned = capture.wait(
        Instant::ZERO,
        SOON,
        |frame| matches!(frame.seen(), Seen::Advert(advert) if advert.priority == 0),
    );
    resigned.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
}

#[test]
fn a_reload_leaves_what_has_not_changed_and_a_slip_changes_nothing() {
    let mut machine = Machine::new(true, "lan=eth0\n", LAN);
    machine.service("start");
    machine.wait_for("lan", "MASTER");
    let (daemon, first) = (pid(&machine), machine.instance.clone());

    machine.configure(&format!("{LAN}{GUEST}"));
    let (code, said) = machine.service("reload");
    assert_eq!((code, said.as_str()), (0, "2 instances from /var/run/ringward.rwb\n"));
    machine.wait_for("guest", "MASTER");

    machine.configure(&broken());
    let (code, said) = machine.service("reload");
    assert_eq!(code, 1);
    assert_told(&said);
    assert!(said.contains("the configuration before this one stays in force"), "{said}");
    for (name, address) in [("lan", LAN_ADDRESS), ("guest", GUEST_ADDRESS)] {
        let once = ("MASTER".into(), String::new(), 1);
        assert_eq!(machine.state(name), once, "{name}");
        assert!(machine.node.has(address).unwrap());
    }
    // procd has been told the same as ever.
    assert_eq!((pid(&machine), machine.instance.clone()), (daemon, first));

    // And it comes up with what was good last.
    machine.service("stop");
    let (_, said) = machine.service("start");
    assert_told(&said);
    machine.wait_for("guest", "MASTER");

    machine.configure(&LAN.replace("150", "140"));
    assert_eq!(machine.service("reload").0, 0);
    rig::eventually(SOON, "guest is gone", || !machine.node.has(GUEST_ADDRESS).unwrap());
    let (state, _, times) = machine.state("lan");
    assert_eq!((state.as_str(), times), ("MASTER", 1));
}

#[test]
fn what_cannot_run_at_boot_is_not_started_and_procd_says_why() {
    let mut machine = Machine::new(true, "lan=eth0\n", &broken());
    let (_, said) = machine.service("start");
    assert_told(&said);
    assert!(!said.contains("stays in force"), "{said}");
    let error = |machine: &Machine| {
        let instance = machine.instance.clone().unwrap();
        instance.get("error").map(|words| words.concat())
    };
    assert_told(&error(&machine).unwrap());
    assert!(machine.daemon.is_none());

    machine.configure(LAN);
    let (code, said) = machine.service("reload");
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(error(&machine), None);
    machine.wait_for("lan", "MASTER");
}

#[test]
fn enabled_starts_and_stops_it() {
    let globals = |enabled| format!("config globals\n\toption enabled '{enabled}'\n{LAN}");
    let mut machine = Machine::new(true, "lan=eth0\n", &globals("off"));
    assert_eq!(machine.service("start"), (0, String::new()));
    assert_eq!(machine.instance, None);
    machine.configure(&globals("on"));
    assert_eq!(machine.service("reload"), (0, String::new()));
    machine.wait_for("lan", "MASTER");
    machine.configure(&globals("0"));
    assert_eq!(machine.service("reload"), (0, String::new()));
    assert!(machine.instance.is_none() && machine.daemon.is_none());
    assert!(!machine.node.has(LAN_ADDRESS).unwrap());
    // Not even a start with a slip brings back what was good before that.
    machine.configure(&broken());
    machine.service("start");
    assert!(machine.daemon.is_none());
}

/// The networks of a machine are told, change, and go.
fn follows_networks(mut machine: Machine) -> Machine {
    assert_eq!(machine.service("start"), (0, String::new()));
    machine.wait_for("lan", "FAULT");
    assert_eq!(machine.state("lan").1, "network has no device yet");
    let daemon = pid(&machine);
    let is_on = |machine: &Machine, device: &str| {
        let addresses = machine.node.addresses().unwrap();
        addresses.contains(&(device.to_owned(), LAN_ADDRESS))
    };

    machine.set_networks("lan=eth0\na_network_of_a_long_name=eth1\n");
    let (code, said) = machine.service("networks");
    assert_eq!((code, said.as_str()), (0, "1 instance from /var/run/ringward.rwb\n"));
    rig::eventually(SOON, "lan is on eth0", || is_on(&machine, "eth0"));

    // Nothing has changed: nothing is told.
    assert_eq!(machine.service("networks"), (0, String::new()));
    // Down: netifd names no device.
    machine.set_networks("lan=\n");
    assert_eq!(machine.service("networks"), (0, String::new()));
    assert_eq!(machine.state("lan").0, "MASTER");

    machine.set_networks("lan=eth1\n");
    assert_eq!(machine.service("networks").0, 0);
    rig::eventually(SOON, "lan is on the other device", || {
        is_on(&machine, "eth1") && !is_on(&machine, "eth0")
    });
    assert_eq!(pid(&machine), daemon, "it was not started again");
    machine
}

#[test]
fn a_network_that_gets_another_device_takes_its_addresses_along() {
    follows_networks(Machine::new(true, "lan=\nloopback=lo\n", LAN));
}

#[test]
fn without_the_compiler_it_runs_from_what_was_flashed() {
    let flashed = |name: &str, text: &str| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openwrt").join(name);
        fs::create_dir_all(&folder).unwrap();
        let (source, blob) = (folder.join("ringward"), folder.join("ringward.rwb"));
        fs::write(&source, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
        command.args(["compile", "--from", "uci", "-o"]).arg(&blob).arg(source);
        assert!(command.output().unwrap().status.success());
        fs::read(blob).unwrap()
    };
    let enabled = "config globals 'globals'\n\toption enabled '1'\n";
    let mut machine = Machine::new(false, "lan=\nloopback=lo\n", enabled);
    let reason = |machine: &Machine| {
        let instance = machine.instance.clone().unwrap();
        instance.get("error").map_or_else(String::new, |words| words.concat())
    };
    machine.service("start");
    assert!(reason(&machine).contains("install ringwardc"), "{}", reason(&machine));
    // What the daemon would end with 65 on.
    machine.write("/etc/ringward.rwb", b"no blob at all");
    machine.service("start");
    assert!(reason(&machine).contains("not a ringward configuration"), "{}", reason(&machine));
    assert!(machine.daemon.is_none());

    machine.write("/etc/ringward.rwb", &flashed("lan", LAN));
    let mut machine = follows_networks(machine);
    // As procd would start it again: with the networks as they are now.
    machine.daemon.as_mut().map(Process::kill);
    machine.daemon = None;
    machine.service("start");
    machine.wait_for("lan", "MASTER");

    machine.write("/etc/ringward.rwb", b"no blob at all");
    let (code, said) = machine.service("reload");
    assert_eq!(code, 1);
    assert!(said.contains("not a ringward configuration"), "{said}");
    assert_eq!(machine.state("lan").0, "MASTER");
    machine.write("/etc/ringward.rwb", &flashed("both", &format!("{LAN}{GUEST}")));
    assert_eq!(machine.service("reload").0, 0);
    machine.wait_for("guest", "MASTER");
    assert_eq!(machine.state("lan").2, 1);
}
