//! A configuration for the tests of blob and check.

use super::console::Console;
use super::model::{
    Address, Announce, Authentication, Check, Command, Config, Group, Instance, Kind, LinkDelay,
    Notify, Probe, Script, Span16, Subject, Tracker,
};
use crate::addr::{Family, Priority, Version, Vrid};
use crate::time::Span;

/// An empty configuration. Made where there is room for it: an unoptimised build has it on the
/// stack first, twice, and that of a test is small.
pub(in crate::config) fn boxed() -> Box<Config> {
    let roomy = std::thread::Builder::new().stack_size(16 << 20);
    roomy.spawn(|| Box::new(Config::new())).unwrap().join().unwrap()
}

/// One instance of each version, every optional field once absent and once present.
pub(in crate::config) fn reference() -> Box<Config> {
    let mut config = boxed();
    config.global.router_id = "gw1".try_into().unwrap();
    config.global.script_security = true;
    config.global.startup_delay = Span::from_secs(2);
    config.global.decision_timeout = Span::from_secs(60);
    config.global.console.push(Console::parse("ttyS0,115200,keys").unwrap()).unwrap();
    config.global.console_release = true;
    config.global.fifos = [None, Some(1)];
    config.global.fifo_states_on_reload = true;
    let (down, up) = (Span::from_secs(1), Span::from_millis(500));
    config.global.delays.push(LinkDelay { interface: 1, down, up }).unwrap();
    for name in ["eth0", "br-lan"] {
        config.interfaces.push(name.try_into().unwrap()).unwrap();
    }
    let announce = Announce {
        delay: Span::from_secs(5),
        repeat: 5,
        refresh: Span::ZERO,
        refresh_repeat: 1,
        lower_delay: Span::from_secs(5),
        lower_repeat: 5,
        extra_interface: Span::ZERO,
    };
    config
        .instances
        .push(Instance {
            name: "VI_1".try_into().unwrap(),
            interface: 0,
            family: Family::V4,
            version: Version::V2,
            vrid: Vrid::new(51).unwrap(),
            priority: Priority(150),
            wants_master: true,
            interval: Span::from_secs(1),
            preempt: true,
            preempt_delay: Span::ZERO,
            source: Some("192.0.2.1".parse().unwrap()),
            authentication: Authentication::Password(*b"d0ck3r\0\0"),
            announce,
            track_primary: true,
            addresses: Span16 { start: 0, len: 2 },
            advertised: 1,
            peers: Span16 { start: 0, len: 1 },
            trackers: Span16 { start: 0, len: 1 },
            group: None,
            notify: Notify { any: Some(0), priority_changes: true, ..Notify::NOBODY },
        })
        .unwrap();
    config
        .instances
        .push(Instance {
            name: "VI_6".try_into().unwrap(),
            interface: 1,
            family: Family::V6,
            version: Version::V3,
            vrid: Vrid::new(51).unwrap(),
            priority: Priority(100),
            wants_master: false,
            interval: Span::from_millis(200),
            preempt: false,
            preempt_delay: Span::ZERO,
            source: None,
            authentication: Authentication::None,
            announce,
            track_primary: false,
            addresses: Span16 { start: 2, len: 1 },
            advertised: 1,
            peers: Span16::default(),
            trackers: Span16::default(),
            group: Some(0),
            notify: Notify::default(),
        })
        .unwrap();
    config.groups.push(Group { name: "lan".try_into().unwrap(), notify: Notify::NOBODY }).unwrap();
    for (ip, prefix_len, interface, label) in
        [("192.0.2.10", 24, 0, "eth0:1"), ("2001:db8::10", 128, 1, ""), ("fe80::10", 64, 1, "")]
    {
        let label = label.try_into().unwrap();
        let ip = ip.parse().unwrap();
        config.addresses.push(Address { ip, prefix_len, interface, label }).unwrap();
    }
    config.peers.push("192.0.2.2".parse().unwrap()).unwrap();
    config
        .scripts
        .push(Script {
            name: "chk".try_into().unwrap(),
            kind: Kind::Script,
            check: Check::Command(0),
            interval: Span::from_secs(2),
            timeout: Span::from_secs(1),
            rise: 3,
            fall: 2,
            init_fail: true,
        })
        .unwrap();
    config
        .scripts
        .push(Script {
            name: "web".try_into().unwrap(),
            kind: Kind::Script,
            check: Check::Probe(0),
            interval: Span::from_secs(1),
            timeout: Span::from_secs(1),
            rise: 1,
            fall: 1,
            init_fail: false,
        })
        .unwrap();
    config
        .probes
        .push(Probe::Http {
            server: "192.0.2.1:8080".parse().unwrap(),
            path: "/up".try_into().unwrap(),
            status: 204,
        })
        .unwrap();
    config
        .trackers
        .push(Tracker { subject: Subject::Script(0), weight: -20, reverse: false })
        .unwrap();
    config
        .commands
        .push(Command {
            words: "chk\0-x\0".try_into().unwrap(),
            user: "nobody".try_into().unwrap(),
            group: "".try_into().unwrap(),
            supplementary: true,
        })
        .unwrap();
    config
        .commands
        .push(Command {
            words: "/run/f\0".try_into().unwrap(),
            user: "".try_into().unwrap(),
            group: "".try_into().unwrap(),
            supplementary: false,
        })
        .unwrap();
    config
}
