use super::*;
use crate::addr::{Priority, Vrid};
use crate::config::model::{Init, Probe};
use crate::config::sample::reference;

/// What `check` says of the reference configuration after `change`.
fn verdict(change: impl FnOnce(&mut Config)) -> Result<(), (Rule, Place)> {
    let mut config = reference();
    change(&mut config);
    check(&config).map_err(|invalid| (invalid.rule, invalid.place))
}

fn instance(change: impl FnOnce(&mut Instance)) -> Result<(), (Rule, Place)> {
    verdict(|config| change(&mut config.instances[0]))
}

fn address(change: impl FnOnce(&mut Address)) -> Result<(), (Rule, Place)> {
    verdict(|config| change(&mut config.addresses[0]))
}

/// The refusal of something in the first instance.
fn refused(rule: Rule) -> Result<(), (Rule, Place)> {
    Err((rule, Place::Instance(0)))
}

#[test]
fn the_reference_and_an_empty_configuration_keep_every_rule() {
    assert_eq!(verdict(|_| ()), Ok(()));
    assert_eq!(verdict(Config::clear), Ok(()));
}

#[test]
fn version_2_speaks_whole_seconds_from_1_to_255() {
    let at = |nanos| instance(|i| i.interval = Span::from_nanos(nanos));
    assert_eq!(at(1_000_000_000), Ok(()));
    assert_eq!(at(255_000_000_000), Ok(()));
    for nanos in [0, 999_999_999, 1_000_000_001, 1_500_000_000, 256_000_000_000, u64::MAX] {
        assert_eq!(at(nanos), refused(Rule::IntervalV2), "{nanos} ns");
    }
}

#[test]
fn version_3_speaks_whole_centiseconds_from_10_ms_to_40_95_s() {
    let at = |nanos| {
        instance(|i| {
            (i.version, i.authentication) = (Version::V3, Authentication::None);
            i.interval = Span::from_nanos(nanos);
        })
    };
    assert_eq!(at(10_000_000), Ok(()));
    assert_eq!(at(40_950_000_000), Ok(()));
    for nanos in [0, 9_999_999, 10_000_001, 15_000_000, 40_960_000_000, u64::MAX] {
        assert_eq!(at(nanos), refused(Rule::IntervalV3), "{nanos} ns");
    }
}

#[test]
fn an_instance_keeps_its_own_rules() {
    let v6 = "2001:db8::1".parse().unwrap();
    assert_eq!(instance(|i| i.priority = Priority(0)), refused(Rule::Priority));
    assert_eq!(instance(|i| i.interface = 2), refused(Rule::InterfaceIndex));
    assert_eq!(instance(|i| i.name.clear()), refused(Rule::Name));
    assert_eq!(instance(|i| i.name = "a\nb".try_into().unwrap()), refused(Rule::Name));
    assert_eq!(instance(|i| i.version = Version::V3), refused(Rule::Authentication));
    assert_eq!(instance(|i| i.source = Some(v6)), refused(Rule::Source));
    for source in ["0.0.0.0", "224.0.0.18", "255.255.255.255"] {
        let source = Some(source.parse().unwrap());
        assert_eq!(instance(|i| i.source = source), refused(Rule::Source));
    }
    assert_eq!(instance(|i| i.announce.repeat = 0), refused(Rule::AnnounceRepeat));
    assert_eq!(instance(|i| i.announce.refresh_repeat = 0), refused(Rule::AnnounceRepeat));
    assert_eq!(instance(|i| i.announce.lower_repeat = 0), Ok(()));
    assert_eq!(
        verdict(|c| c.instances[1].version = Version::V2),
        Err((Rule::VersionFamily, Place::Instance(1)))
    );
}

#[test]
fn only_who_preempts_waits_and_an_owner_preempts_at_once() {
    let at = |priority, preempt, secs| {
        instance(|i| {
            (i.priority, i.preempt) = (Priority(priority), preempt);
            i.preempt_delay = Span::from_secs(secs);
        })
    };
    assert_eq!(at(254, true, 1000), Ok(()));
    assert_eq!(at(254, true, 1001), refused(Rule::PreemptDelay));
    assert_eq!(at(254, false, 0), Ok(()));
    assert_eq!(at(254, false, 1), refused(Rule::PreemptDelay));
    assert_eq!(at(255, true, 0), Ok(()));
    assert_eq!(at(255, true, 1), refused(Rule::OwnerPreempt));
    assert_eq!(at(255, false, 0), refused(Rule::OwnerPreempt));
}

#[test]
fn ranges_tile_their_pools() {
    let at = |start, len| {
        verdict(|c| {
            c.instances[1].addresses = Span16 { start, len };
        })
    };
    assert_eq!(at(2, 1), Ok(()));
    assert_eq!(at(1, 2), Err((Rule::AddressRange, Place::Instance(1))));
    assert_eq!(at(2, 2), Err((Rule::AddressRange, Place::Instance(1))));
    assert_eq!(at(65_535, 65_535), Err((Rule::AddressRange, Place::Instance(1))));
    assert_eq!(instance(|i| i.addresses.len = 1), Err((Rule::AddressRange, Place::Instance(1))));
    assert_eq!(instance(|i| i.peers.len = 0), Err((Rule::PeerRange, Place::Global)));
    assert_eq!(instance(|i| i.peers.len = 2), Err((Rule::PeerRange, Place::Global)));
    assert_eq!(instance(|i| i.peers.start = 1), refused(Rule::PeerRange));
    // Where a range without members begins does not matter.
    assert_eq!(verdict(|c| c.instances[1].peers = Span16 { start: 9, len: 0 }), Ok(()));
}

#[test]
fn an_instance_advertises_some_of_its_addresses_in_its_family() {
    assert_eq!(instance(|i| i.advertised = 0), refused(Rule::Advertised));
    assert_eq!(instance(|i| i.advertised = 3), refused(Rule::Advertised));
    // The second address of the first instance is IPv6: excluded it is fine, advertised not.
    assert_eq!(instance(|i| i.advertised = 2), Err((Rule::AddressFamily, Place::Address(1))));
}

#[test]
fn an_address_is_one_that_an_interface_can_carry() {
    let refused = |rule| Err((rule, Place::Address(0)));
    for ip in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        assert_eq!(address(|a| a.ip = ip.parse().unwrap()), refused(Rule::Address), "{ip}");
    }
    assert_eq!(address(|a| a.prefix_len = 32), Ok(()));
    assert_eq!(address(|a| a.prefix_len = 33), refused(Rule::PrefixLength));
    assert_eq!(address(|a| a.interface = 7), refused(Rule::InterfaceIndex));
    assert_eq!(address(|a| a.label = "eth0 1".try_into().unwrap()), refused(Rule::Label));
    assert_eq!(
        verdict(|c| c.addresses[1].label = "x".try_into().unwrap()),
        Err((Rule::Label, Place::Address(1)))
    );
    assert_eq!(
        verdict(|c| c.addresses[2].prefix_len = 129),
        Err((Rule::PrefixLength, Place::Address(2)))
    );
}

#[test]
fn peers_are_hosts_of_the_instances_family() {
    for ip in ["0.0.0.0", "224.0.0.18", "2001:db8::1"] {
        let peer = ip.parse().unwrap();
        assert_eq!(verdict(|c| c.peers[0] = peer), Err((Rule::Peer, Place::Peer(0))), "{ip}");
    }
}

#[test]
fn twins_are_found_and_both_places_named() {
    let twins = |change: fn(&mut Config)| {
        let mut config = reference();
        change(&mut config);
        let invalid = check(&config).unwrap_err();
        (invalid.rule, invalid.first.unwrap(), invalid.place)
    };
    assert_eq!(
        twins(|c| c.instances[1].name = c.instances[0].name.clone()),
        (Rule::NameTwice, Place::Instance(0), Place::Instance(1))
    );
    assert_eq!(
        twins(|c| c.interfaces[1] = c.interfaces[0].clone()),
        (Rule::InterfaceTwice, Place::Interface(0), Place::Interface(1))
    );
    assert_eq!(
        twins(|c| {
            c.peers.push(c.peers[0]).unwrap();
            c.instances[0].peers.len = 2;
        }),
        (Rule::PeerTwice, Place::Peer(0), Place::Peer(1))
    );
    assert_eq!(
        twins(|c| (c.addresses[1].interface, c.addresses[1].ip) = (1, c.addresses[2].ip)),
        (Rule::AddressTwice, Place::Address(1), Place::Address(2))
    );
}

#[test]
fn one_vrid_serves_once_for_each_interface_and_family() {
    // The reference has VRID 51 twice: in IPv4 on eth0, in IPv6 on br-lan.
    assert_eq!(verdict(|c| c.instances[1].interface = 0), Ok(()));
    let mut config = reference();
    let mut twin = config.instances[0].clone();
    twin.name = "VI_2".try_into().unwrap();
    (twin.addresses, twin.peers) = (Span16 { start: 3, len: 1 }, Span16::default());
    twin.advertised = 1;
    twin.trackers = Span16::default();
    let mut address = config.addresses[0].clone();
    address.ip = "192.0.2.11".parse().unwrap();
    config.addresses.push(address).unwrap();
    config.instances.push(twin).unwrap();
    let invalid = check(&config).unwrap_err();
    assert_eq!(
        invalid.to_string(),
        "instance 2 breaks rule 10: no two instances share interface, family and VRID (the other: \
         instance 0)"
    );
    config.instances[2].vrid = Vrid::new(52).unwrap();
    assert_eq!(check(&config), Ok(()));
}

#[test]
fn interface_names_are_those_the_kernel_would_give() {
    for name in ["eth0", "br-lan", "wan.100", "pppoe-wan", "e", "vrrp.51", "@x"] {
        assert!(is_interface_name(name), "{name}");
    }
    for name in ["", ".", "..", "a/b", "eth0:1", "a b", "a\tb", "a\u{7f}"] {
        assert!(!is_interface_name(name), "{name:?}");
    }
    assert_eq!(
        verdict(|c| c.interfaces[1] = "a/b".try_into().unwrap()),
        Err((Rule::InterfaceName, Place::Interface(1)))
    );
}

#[test]
fn what_is_tracked_told_and_run_is_in_its_table() {
    let tracker = Place::Tracker(0);
    assert_eq!(
        verdict(|c| c.trackers[0].subject = Subject::Script(2)),
        Err((Rule::TrackerSubject, tracker))
    );
    assert_eq!(verdict(|c| c.trackers[0].subject = Subject::Interface(1)), Ok(()));
    assert_eq!(
        verdict(|c| c.trackers[0].subject = Subject::Interface(2)),
        Err((Rule::TrackerSubject, tracker))
    );
    assert_eq!(
        verdict(|c| c.instances[0].trackers.len = 2),
        Err((Rule::TrackerRange, Place::Global))
    );
    assert_eq!(
        verdict(|c| c.instances[0].notify.fault = Some(2)),
        Err((Rule::Notify, Place::Instance(0)))
    );
    assert_eq!(verdict(|c| c.groups[0].notify.any = Some(2)), Err((Rule::Notify, Place::Group(0))));
    assert_eq!(verdict(|c| c.groups[0].notify.any = Some(0)), Ok(()));
}

#[test]
fn weights_go_to_253_either_way() {
    for (weight, is_fine) in [(253, true), (-253, true), (254, false), (-254, false)] {
        let expected = if is_fine { Ok(()) } else { Err((Rule::Weight, Place::Tracker(0))) };
        assert_eq!(verdict(|c| c.trackers[0].weight = weight), expected, "{weight}");
    }
}

#[test]
fn a_script_has_a_command_and_times_that_are_not_zero() {
    let refused = Err((Rule::Script, Place::Script(0)));
    assert_eq!(verdict(|c| c.scripts[0].check = Check::Command(2)), refused);
    assert_eq!(verdict(|c| c.scripts[0].check = Check::Probe(1)), refused);
    assert_eq!(verdict(|c| c.scripts[0].check = Check::Probe(0)), Ok(()));
    assert_eq!(verdict(|c| c.scripts[0].interval = Span::ZERO), refused);
    assert_eq!(verdict(|c| c.scripts[0].timeout = Span::ZERO), refused);
    assert_eq!(verdict(|c| c.scripts[0].rise = 0), refused);
    assert_eq!(verdict(|c| c.scripts[0].fall = 0), refused);
    let twin = |c: &mut Config| c.scripts.push(c.scripts[0].clone()).unwrap();
    assert_eq!(verdict(twin), Err((Rule::NameTwice, Place::Script(2))));
}

#[test]
fn a_built_in_check_is_of_something_that_could_answer() {
    let tcp = |text: &str| Probe::Tcp { server: text.parse().unwrap() };
    let http = |path: &str, status| Probe::Http {
        server: "192.0.2.1:80".parse().unwrap(),
        path: path.try_into().unwrap(),
        status,
    };
    let route = |ip: &str, prefix_len, interface| {
        let ip = ip.parse().unwrap();
        Probe::Route { ip, prefix_len, interface }
    };
    let ping = |ip: &str, interface| Probe::Ping { ip: ip.parse().unwrap(), interface };
    let address = |ip: &str, interface| Probe::Address { ip: ip.parse().unwrap(), interface };
    for (probe, is_fine) in [
        (tcp("127.0.0.1:1"), true),
        (tcp("[::1]:65535"), true),
        (tcp("127.0.0.1:0"), false),
        (tcp("0.0.0.0:80"), false),
        (tcp("[::]:80"), false),
        (tcp("224.0.0.1:80"), false),
        (tcp("255.255.255.255:80"), false),
        (http("/", 200), true),
        (http("/a?b=c%20d", 599), true),
        (http("/", 99), false),
        (http("/", 1000), false),
        (http("", 200), false),
        (http("x", 200), false),
        (http("/a b", 200), false),
        (http("/a\r\nHost: x", 200), false),
        (route("0.0.0.0", 0, None), true),
        (route("10.1.0.0", 16, Some(1)), true),
        (route("10.1.0.0", 16, Some(2)), false),
        (route("10.1.0.1", 16, None), false),
        (route("10.1.0.1", 32, None), true),
        (route("10.1.0.1", 33, None), false),
        (route("::", 0, None), true),
        (route("2001:db8::", 28, None), false),
        (route("2001:db8::1", 128, None), true),
        (route("2001:db8::", 129, None), false),
        (ping("10.1.2.3", None), true),
        (ping("10.1.2.3", Some(1)), true),
        (ping("10.1.2.3", Some(2)), false),
        (ping("224.0.0.18", None), false),
        (ping("2001:db8::1", None), true),
        (ping("fe80::1", None), false),
        (ping("fe80::1", Some(0)), true),
        (address("10.1.2.3", Some(1)), true),
        (address("10.1.2.3", Some(2)), false),
        (address("::", None), false),
    ] {
        let expected = if is_fine { Ok(()) } else { Err((Rule::Probe, Place::Probe(0))) };
        assert_eq!(verdict(|c| c.probes[0] = probe.clone()), expected, "{probe}");
    }
}

#[test]
fn a_tracked_file_has_a_path_and_a_weight_of_its_own() {
    for (path, is_fine) in [
        ("/run/load", true),
        ("/a b", true),
        ("run/load", false),
        ("/run/", false),
        ("/a\nb", false),
    ] {
        let change = |c: &mut Config| {
            let path = path.try_into().unwrap();
            c.probes[0] = Probe::File { path, init: Init::Nothing };
            c.scripts[1].kind = Kind::File;
        };
        let expected = if is_fine { Ok(()) } else { Err((Rule::Probe, Place::Probe(0))) };
        assert_eq!(verdict(change), expected, "{path}");
        let weighing = |weight| {
            move |c: &mut Config| {
                change(c);
                c.probes[0] = Probe::File { path: "/a".try_into().unwrap(), init: Init::Nothing };
                c.trackers[0] = Tracker { subject: Subject::Script(1), weight, reverse: false };
            }
        };
        assert_eq!(verdict(weighing(-254)), Ok(()));
        assert_eq!(verdict(weighing(255)), Err((Rule::Weight, Place::Tracker(0))));
    }
    // What is called a file is one, and nothing else is.
    let refused = Err((Rule::Script, Place::Script(1)));
    assert_eq!(verdict(|c| c.scripts[1].kind = Kind::File), refused);
    let path = "/a".try_into().unwrap();
    let file = Probe::File { path, init: Init::Nothing };
    assert_eq!(verdict(|c| c.probes[0] = file), refused);
}

#[test]
fn a_fifo_is_one_absolute_path() {
    for (words, is_fine) in [
        ("/run/f\0", true),
        ("/run/a b\0", true),
        ("run/f\0", false),
        ("/run/\0", false),
        ("/\0", false),
        ("/run/f\0x\0", false),
    ] {
        let expected = if is_fine { Ok(()) } else { Err((Rule::Notify, Place::Global)) };
        let change = |c: &mut Config| c.commands[1].words = words.try_into().unwrap();
        assert_eq!(verdict(change), expected, "{words:?}");
    }
    let nowhere = Err((Rule::Notify, Place::Global));
    assert_eq!(verdict(|c| c.global.fifos[0] = Some(2)), nowhere);
}

#[test]
fn a_command_is_words_that_each_end() {
    for (words, is_fine) in
        [("/x\0", true), ("/x\0a\0\0", true), ("", false), ("\0a\0", false), ("/x\0a", false)]
    {
        let expected = if is_fine { Ok(()) } else { Err((Rule::Command, Place::Command(0))) };
        let change = |c: &mut Config| c.commands[0].words = words.try_into().unwrap();
        assert_eq!(verdict(change), expected, "{words:?}");
    }
    for user in ["a b", "a:b", "a\nb"] {
        let change = |c: &mut Config| c.commands[0].user = user.try_into().unwrap();
        assert_eq!(verdict(change), Err((Rule::Command, Place::Command(0))), "{user:?}");
    }
}
