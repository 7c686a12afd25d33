//! Each keyword that is built: what it accepts, refuses, defaults to, and becomes. The expected
//! values are from keepalived.conf(5) and from what Debian's keepalived 2.2.7 says of the same
//! lines.

use super::*;
use crate::addr::{Family, Name};
use crate::config::console::Console;
use crate::config::model::Authentication;
use crate::config::source::keywords::{Block, KEYWORDS, Shape, Status};
use crate::time::Span;

#[test]
fn an_instance_has_keepalived_s_defaults() {
    let config = config(&with(""));
    let instance = &config.instances[0];
    assert_eq!(instance.name, "VI_1");
    assert_eq!(config.interfaces, ["eth0"]);
    assert_eq!(instance.interface, 0);
    assert_eq!(instance.family, Family::V4);
    assert_eq!(instance.version.number(), 2);
    assert_eq!(instance.vrid.get(), 51);
    assert_eq!(instance.priority.0, 100);
    assert!(!instance.wants_master);
    assert_eq!(instance.interval, Span::from_secs(1));
    assert!(instance.preempt);
    assert_eq!(instance.preempt_delay, Span::ZERO);
    assert_eq!(instance.source, None);
    assert_eq!(instance.authentication, Authentication::None);
    assert_eq!(instance.announce.delay, Span::from_secs(5));
    assert_eq!(instance.announce.repeat, 5);
    assert_eq!(instance.announce.refresh, Span::ZERO);
    assert_eq!(instance.announce.refresh_repeat, 1);
    assert_eq!(instance.announce.lower_delay, Span::from_secs(5));
    assert_eq!(instance.announce.lower_repeat, 5);
    assert_eq!(instance.announce.extra_interface, Span::ZERO);
    assert!(instance.track_primary);
    assert_eq!((instance.addresses.start, instance.addresses.len), (0, 1));
    assert_eq!(instance.advertised, 1);
    assert_eq!(instance.peers.len, 0);
    assert_eq!(config.global.router_id, "");
    assert_eq!(config.global.startup_delay, Span::ZERO);
    assert_eq!(config.global.garp_interval, Span::ZERO);
    assert_eq!(config.global.gna_interval, Span::ZERO);
}

/// Lines of an instance that must be refused or warned about, and with what.
#[test]
fn values_that_are_refused_or_changed_say_so() {
    for (lines, expected) in [
        ("state master", "RW0036"),
        ("state FAULT", "RW0036"),
        ("state", "RW0030"),
        ("state BACKUP 1", "RW0031"),
        ("interface", "RW0030"),
        ("interface eth0:1", "RW0037"),
        ("interface name-of-16-octet", "RW0037"),
        ("virtual_router_id 0", "RW0033"),
        ("virtual_router_id 256", "RW0033"),
        ("virtual_router_id 0x33", "RW0032"),
        ("priority 0", "RW0033"),
        ("priority 256", "RW0033"),
        ("priority -1", "RW0032"),
        ("priority high", "RW0032"),
        ("priority 1.5", "RW0032"),
        ("priority 99999999999999999999999", "RW0033"),
        ("advert_int 0", "RW0033"),
        ("advert_int 0.009", "RW0033"),
        ("advert_int 255.1", "RW0033"),
        ("advert_int 1s", "RW0032"),
        ("advert_int 0,5", "RW0032"),
        ("advert_int .", "RW0032"),
        ("advert_int 0.4", "RW0038"),
        ("advert_int 1.5", "RW0038"),
        ("version 1", "RW0033"),
        ("version 4", "RW0033"),
        ("preempt_delay 1001", "RW0033"),
        ("preempt_delay 5m", "RW0032"),
        ("mcast_src_ip 10.0.0", "RW0034"),
        ("mcast_src_ip fe80::1", "RW0055"),
        ("mcast_src_ip 224.0.0.18", "RW0034"),
        ("unicast_src_ip 10.0.0.1", "RW0072"),
        ("unicast_peer {\n}", "RW0072"),
        ("unicast_peer 10.0.0.2", "RW0026"),
        ("unicast_peer {\n10.0.0.2 min_ttl 3\n}", "RW0023"),
        ("unicast_peer {\n10.0.0.2 10.0.0.3\n}", "RW0040"),
        ("unicast_peer {\n10.0.0.2\n10.0.0.2\n}", "RW0057"),
        ("unicast_peer {\nfe80::1\n}", "RW0055"),
        ("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.1\n10.0.0.2\n}", "RW0068"),
        ("authentication {\nauth_type PASS\n}", "RW0062"),
        ("authentication {\nauth_pass 1234\n}", "RW0062"),
        ("authentication {\nauth_type PASS\nauth_pass 123456789\n}", "RW0063"),
        ("authentication {\nauth_type PASS\nauth_pass 1\npriority 3\n}\n}", "RW0008"),
        ("authentication", "RW0026"),
        ("version 3\nauthentication {\nauth_type PASS\nauth_pass 1234\n}", "RW0062"),
        ("garp_master_delay 1.5", "RW0032"),
        ("garp_master_repeat 0", "RW0038"),
        ("garp_master_repeat 256", "RW0033"),
        ("garp_master_refresh_repeat 0", "RW0038"),
        ("garp_extra_if 5", "RW0038"),
        ("garp_extra_if all", "RW0030"),
        ("garp_extra_if all 86401", "RW0033"),
        ("garp_extra_if", "RW0030"),
        ("priority 100\npriority 120", "RW0027"),
        ("state MASTER\nstate BACKUP\npriority 5", "RW0027"),
        ("preempt\nnopreempt", "RW0027"),
        ("virtual_ipaddress {\n10.0.0.9/24\n}", "RW0057"),
        ("virtual_ipaddress_excluded {\n10.0.0.9\n}", "RW0057"),
        ("router_id x", "RW0022"),
        ("notify_priority_changes maybe", "RW0036"),
        ("use_vmac vrrp.51", "RW0023"),
        ("lvs_sync_daemon_interface eth0", "RW0024"),
        ("debug 3", "RW0025"),
        ("accept", "RW0025"),
    ] {
        let text = match lines.split_whitespace().next() {
            Some("interface") => with(lines).replacen("    interface eth0\n", "", 1),
            Some("virtual_router_id") => with(lines).replacen("    virtual_router_id 51\n", "", 1),
            _ => with(lines),
        };
        let found = codes(&text);
        // One cause, one message; the extra closer of one case has its own.
        assert_eq!(found.first(), Some(&expected), "{lines}: {found:?}");
        assert!(found.len() == 1 || lines.ends_with("}\n}"), "{lines}: {found:?}");
    }
}

#[test]
fn settings_of_global_defs_that_are_refused_or_changed_say_so() {
    for (line, expected) in [
        ("vrrp_version 4", "RW0033"),
        ("router_id", "RW0030"),
        ("router_id a b", "RW0031"),
        ("vrrp_garp_master_repeat 0", "RW0038"),
        ("vrrp_garp_master_delay -1", "RW0032"),
        ("vrrp_garp_extra_if all 100000", "RW0033"),
        ("vrrp_garp_interval x", "RW0032"),
        ("vrrp_startup_delay 4295", "RW0033"),
        ("garp_master_delay 5", "RW0022"),
        ("vrrp_grap_interval 0", "RW0020"),
        ("vrrp_gna_interval x", "RW0032"),
        ("vrrp_mcast_group4 224.0.0.19", "RW0023"),
        ("vrrp_strict", "RW0023"),
        ("notification_email {\nroot@localhost\n}", "RW0025"),
        ("smtp_alert on", "RW0023"),
        ("console", "RW0030"),
        ("console ttyS0,9601", "RW0036"),
        ("console ttyS0 keys", "RW0031"),
        ("console_release yes", "RW0031"),
        ("use_symlink_paths", "RW0025"),
        ("vrrp_iptables", "RW0024"),
        ("net_namespace blue", "RW0024"),
        ("vrrp_version 3\nvrrp_version 3", "RW0027"),
    ] {
        let text = format!("global_defs {{\n{line}\n}}\n{}", with(""));
        assert_eq!(codes(&text), [expected], "{line}");
    }
}

#[test]
fn values_at_the_ends_of_their_ranges_are_accepted() {
    assert_eq!(instance("priority 1").priority.0, 1);
    assert_eq!(instance("priority 254").priority.0, 254);
    assert_eq!(instance("advert_int 255").interval, Span::from_secs(255));
    assert_eq!(instance("version 3\nadvert_int 0.01").interval, Span::from_millis(10));
    assert_eq!(instance("version 3\nadvert_int 40.95").interval, Span::from_millis(40_950));
    assert_eq!(instance("preempt_delay 1000").preempt_delay, Span::from_secs(1000));
    assert_eq!(instance("preempt_delay 0.25").preempt_delay, Span::from_millis(250));
    assert_eq!(instance("garp_lower_prio_repeat 0").announce.lower_repeat, 0);
    assert_eq!(instance("garp_master_repeat 255").announce.repeat, 255);
    assert_eq!(instance("garp_master_delay 0").announce.delay, Span::ZERO);
    let name = "n".repeat(63);
    assert_eq!(config(&with("").replace("VI_1", &name)).instances[0].name, name.as_str());
    assert_eq!(codes(&with("").replace("VI_1", &"n".repeat(64))), ["RW0037"]);
}

#[test]
fn intervals_are_rounded_to_the_nearest_that_an_advert_can_carry() {
    // keepalived: "VRRPv2 advertisement interval 0.400000s must be an integer. rounding"
    for (lines, millis) in [
        ("advert_int 0.4", 1000),
        ("advert_int 1.49", 1000),
        ("advert_int 1.5", 2000),
        ("advert_int 254.9", 255_000),
        ("version 3\nadvert_int 0.015", 20),
        ("version 3\nadvert_int 0.1049", 100),
        // keepalived: "interval 41.00s is out of range. Must be less than 40.96s. Setting to 40.95s"
        ("version 3\nadvert_int 41", 40_950),
        ("version 3\nadvert_int 255", 40_950),
    ] {
        assert_eq!(instance(lines).interval, Span::from_millis(millis), "{lines}");
    }
}

#[test]
fn state_master_preempts_at_once_and_owns_without_a_priority() {
    let text = with("state MASTER\nnopreempt\npreempt_delay 5\npriority 150");
    assert_eq!(codes(&text), ["RW0059", "RW0059"]);
    let master = &config(&text).instances[0];
    assert!(master.wants_master && master.preempt && master.preempt_delay.is_zero());
    assert_eq!(master.priority.0, 150);

    assert_eq!(codes(&with("state MASTER")), ["RW0060"]);
    assert_eq!(instance("state MASTER").priority.0, 255);
    assert_eq!(codes(&with("state MASTER\npriority 100")), [""; 0]);
}

#[test]
fn an_owner_preempts_at_once() {
    assert_eq!(codes(&with("priority 255\nnopreempt")), ["RW0061"]);
    let owner = instance("priority 255\nnopreempt");
    assert!(owner.preempt && owner.wants_master);
    assert_eq!(codes(&with("priority 255\npreempt_delay 4")), ["RW0061"]);
}

#[test]
fn nopreempt_needs_no_delay() {
    assert_eq!(codes(&with("nopreempt\npreempt_delay 5")), ["RW0071"]);
    let lazy = instance("nopreempt\npreempt_delay 5");
    assert!(!lazy.preempt && lazy.preempt_delay.is_zero());
    assert!(instance("nopreempt\npreempt").preempt);
}

#[test]
fn a_password_is_padded_with_zeros_or_cut_to_8_octets() {
    let password = |pass: &str| {
        instance(&format!("authentication {{\nauth_type PASS\nauth_pass {pass}\n}}")).authentication
    };
    assert_eq!(password("1234"), Authentication::Password(*b"1234\0\0\0\0"));
    assert_eq!(password("123456789"), Authentication::Password(*b"12345678"));
    assert_eq!(password("\"a b\""), Authentication::Password(*b"a b\0\0\0\0\0"));
    let octets = [b'z', b'w', 0xc3, 0xb6, b'l', b'f', 0, 0];
    assert_eq!(password("zwölf"), Authentication::Password(octets));
    let key = "authentication {\nauth_type AH\nauth_pass 12345\n}";
    assert_eq!(instance(key).authentication, Authentication::Header(*b"12345\0\0\0"));
}

#[test]
fn authentication_is_for_version_2() {
    let lines = "authentication {\nauth_type PASS\nauth_pass 1234\n}";
    assert_eq!(instance(&format!("version 3\n{lines}")).authentication, Authentication::None);
    assert_eq!(under("vrrp_version 3", lines).authentication, Authentication::None);
    assert_eq!(
        under("vrrp_version 3", &format!("version 2\n{lines}")).authentication,
        Authentication::Password(*b"1234\0\0\0\0")
    );
}

#[test]
fn ipv6_is_version_3_whatever_is_said() {
    let text = with_addresses("fe80::10/64\n2001:db8::10", "");
    assert_eq!(codes(&text), [""; 0]);
    assert_eq!(config(&text).instances[0].version.number(), 3);
    assert_eq!(config(&text).addresses[1].prefix_len, 128);
    assert_eq!(codes(&with_addresses("fe80::10/64", "version 2")), ["RW0058"]);
    assert_eq!(codes(&with_addresses("2001:db8::10/64", "")), ["RW0066"]);
    assert_eq!(
        codes(&format!("global_defs {{\nvrrp_version 2\n}}\n{}", with_addresses("fe80::1/64", ""))),
        [""; 0]
    );
}

#[test]
fn addresses_have_their_own_interface_label_and_length() {
    let text = with_addresses(
        "10.0.0.9\n10.0.0.10/24 dev eth1 label eth1:vip\n10.0.0.11/28 label x dev br-lan",
        "virtual_ipaddress_excluded {\n2001:db8::1/64 dev eth1\n10.0.0.12\n}",
    );
    let config = config(&text);
    let addresses: Vec<_> = config
        .addresses
        .iter()
        .map(|a| {
            let interface = config.interface_name(a.interface);
            (a.ip.to_string(), a.prefix_len, interface, a.label.as_str())
        })
        .collect();
    assert_eq!(
        addresses,
        [
            ("10.0.0.9".to_owned(), 32, "eth0", ""),
            ("10.0.0.10".to_owned(), 24, "eth1", "eth1:vip"),
            ("10.0.0.11".to_owned(), 28, "br-lan", "x"),
            ("2001:db8::1".to_owned(), 64, "eth1", ""),
            ("10.0.0.12".to_owned(), 32, "eth0", ""),
        ]
    );
    assert_eq!(config.instances[0].advertised, 3);
    assert_eq!(config.instances[0].addresses.len, 5);
    assert_eq!(codes(&with_addresses("10.0.0.9 label averyveryverylong", "")), ["RW0037"]);
    assert_eq!(codes(&with_addresses("10.0.0.9 label \"eth0 1\"", "")), ["RW0037"]);
    assert_eq!(codes(&with_addresses("fe80::9 label x", "")), ["RW0038"]);
}

#[test]
fn announcements_take_their_defaults_from_global_defs() {
    let global = "vrrp_garp_master_delay 7\nvrrp_garp_master_repeat 2\nvrrp_garp_master_refresh 60\n\
                  vrrp_garp_master_refresh_repeat 3\nvrrp_garp_extra_if all 9";
    let announce = under(global, "").announce;
    assert_eq!(announce.delay, Span::from_secs(7));
    assert_eq!(announce.repeat, 2);
    assert_eq!(announce.refresh, Span::from_secs(60));
    assert_eq!(announce.refresh_repeat, 3);
    assert_eq!(announce.extra_interface, Span::from_secs(9));
    // Without an own word the lower_prio values follow the global master values.
    assert_eq!(announce.lower_delay, Span::from_secs(7));
    assert_eq!(announce.lower_repeat, 2);

    let global = format!("{global}\nvrrp_garp_lower_prio_delay 1\nvrrp_garp_lower_prio_repeat 0");
    let announce = under(&global, "garp_master_delay 8\ngarp_master_repeat 9").announce;
    assert_eq!((announce.delay, announce.repeat), (Span::from_secs(8), 9));
    assert_eq!((announce.lower_delay, announce.lower_repeat), (Span::from_secs(1), 0));

    let lines = "garp_master_refresh 5\ngarp_master_refresh_repeat 6\ngarp_lower_prio_delay 3\n\
                 garp_lower_prio_repeat 4\ngarp_extra_if all 2\ngarp_master_delay 1";
    let announce = under(&global, lines).announce;
    assert_eq!((announce.refresh, announce.refresh_repeat), (Span::from_secs(5), 6));
    assert_eq!((announce.lower_delay, announce.lower_repeat), (Span::from_secs(3), 4));
    assert_eq!(announce.extra_interface, Span::from_secs(2));
    // An instance's own master values do not reach its lower_prio values.
    assert_eq!(instance("garp_master_delay 1\ngarp_master_repeat 1").announce.lower_repeat, 5);
}

#[test]
fn global_settings_are_taken() {
    let text = format!(
        "global_defs {{\nrouter_id \"my router\"\nvrrp_startup_delay 1.5\nvrrp_garp_interval 0.001\n\
         vrrp_version 3\n}}\n{}",
        with("dont_track_primary")
    );
    let config = config(&text);
    assert_eq!(config.global.router_id, "my router");
    assert_eq!(config.global.startup_delay, Span::from_millis(1500));
    assert_eq!(config.global.garp_interval, Span::from_millis(1));
    assert_eq!(config.instances[0].version.number(), 3);
    assert!(!config.instances[0].track_primary);
    assert_eq!((config.global.console.len(), config.global.console_release), (0, false));
    // ringward's own.
    let lines = "console board,9600,keys\nconsole_release";
    let config = self::config(&format!("global_defs {{\n{lines}\n}}\n{}", with("")));
    let console = Console { tty: Name::new(), speed: Some(9600), keys: true, screen: false };
    assert_eq!(config.global.console, [console]);
    assert!(config.global.console_release);
    // Tutorials write it, and it is the default.
    let text = format!("global_defs {{\nvrrp_garp_interval 0\n}}\n{}", with(""));
    assert_eq!(codes(&text), [""; 0]);
}

#[test]
fn what_an_instance_lacks_is_said_once() {
    assert_eq!(codes("vrrp_instance A {\n}\n"), ["RW0050", "RW0051", "RW0052"]);
    assert_eq!(codes(&with("").replace("VI_1 ", "")), ["RW0030"]);
    assert_eq!(codes(&with("").replace("VI_1", "VI 1")), ["RW0037"]);
    assert_eq!(codes(&with_addresses("", "")), ["RW0052"]);
    // What is there and cannot be read is not called missing as well.
    assert_eq!(codes(&with("").replace("interface", "inteface")), ["RW0020"]);
    assert_eq!(codes(&with("").replace("virtual_router_id 51", "virtual_router_id51")), ["RW0021"]);
    assert_eq!(codes(&with_addresses("10.0.0.256", "")), ["RW0034"]);
}

#[test]
fn two_instances_do_not_share_name_router_or_address() {
    let second = |name: &str, vrid: u8, ip: &str, lines: &str| {
        let text = with(lines).replace("VI_1", name).replace(" 51", &format!(" {vrid}"));
        format!("{}{}", with(""), text.replace("10.0.0.9/24", ip))
    };
    assert_eq!(codes(&second("VI_2", 52, "10.0.0.10/24", "")), [""; 0]);
    assert_eq!(codes(&second("VI_1", 52, "10.0.0.10/24", "")), ["RW0053"]);
    assert_eq!(codes(&second("VI_2", 51, "10.0.0.10/24", "")), ["RW0054"]);
    assert_eq!(codes(&second("VI_2", 52, "10.0.0.9/24", "")), ["RW0056"]);
    // The other family is another virtual router.
    assert_eq!(codes(&second("VI_2", 51, "fe80::9/64", "")), [""; 0]);
    let report = run(&second("VI_2", 51, "10.0.0.10/24", "")).report;
    assert_eq!(report.diagnostics[0].message, "virtual_router_id 51 is taken on eth0 (IPv4)");
    assert_eq!(report.sources.place(report.diagnostics[0].primary.span), "test.conf:11");
    assert_eq!(report.sources.place(report.diagnostics[0].others[0].span), "test.conf:3");
}

#[test]
fn every_keyword_of_an_instance_is_judged_by_its_status() {
    for keyword in KEYWORDS.iter().filter(|keyword| keyword.is_in(Block::Instance)) {
        let line = match keyword.shape {
            Shape::Flag => keyword.name.to_owned(),
            Shape::Value | Shape::Values => format!("{} 1", keyword.name),
            Shape::Block(_) => format!("{} {{\n}}", keyword.name),
        };
        let found = codes(&with(&line));
        let expected = match keyword.status {
            Status::Built => continue,
            Status::Note(_) => "RW0025",
            Status::Later => "RW0023",
            Status::Never(_) => "RW0024",
        };
        assert_eq!(found, [expected], "{line}");
    }
}

#[test]
fn every_built_keyword_of_a_value_changes_what_is_compiled() {
    let text = |global: &str, script: &str, instance: &str| {
        format!(
            "global_defs {{\n{global}\n}}\nvrrp_script s {{\nscript /x\n{script}\n}}\n{}",
            with(&format!("track_script {{\ns\n}}\n{instance}"))
        )
    };
    let plain = config(&text("", "", ""));
    for keyword in KEYWORDS.iter().filter(|keyword| keyword.status == Status::Built) {
        let value = match keyword.name {
            "state" => "MASTER\npriority 9",
            "interface" => "eth7",
            "mcast_src_ip" | "unicast_src_ip" => "10.0.0.1",
            "version" | "vrrp_version" => "3",
            "garp_extra_if" | "vrrp_garp_extra_if" => "all 3",
            // Of those that do not say who they run as, there is none.
            "set_supplementary_groups" => "\nscript_user 2",
            // Of a group, which has no value of its own.
            "sync_group_tracking_weight" => continue,
            // Of a block that nobody tracks here.
            _ if !keyword.is_in(Block::Script)
                && [Block::TrackProcess, Block::TrackFile].iter().any(|it| keyword.is_in(*it)) =>
            {
                continue;
            }
            // Instead of `script`, which stands there.
            "builtin" => continue,
            "notify_fifo" => "/run/fifo root",
            "vrrp_notify_fifo" => "\"/run/a fifo\"",
            "vrrp_notify_priority_changes" | "notify_priority_changes" => "on",
            "preempt" | "auth_type" | "auth_pass" => continue,
            _ => "2",
        };
        let line = match keyword.shape {
            Shape::Flag if value.starts_with('\n') => format!("{}{value}", keyword.name),
            Shape::Flag => keyword.name.to_owned(),
            Shape::Value | Shape::Values => format!("{} {value}", keyword.name),
            Shape::Block(_) => continue,
        };
        let text = match keyword.blocks {
            blocks if blocks.contains(&Block::Instance) => text("", "", &line),
            blocks if blocks.contains(&Block::Script) => text("", &line, ""),
            _ => text(&line, "", ""),
        };
        assert_ne!(config(&text), plain, "{line}");
    }
}

/// keepalived.conf(5), but for the second delay, which keepalived takes for 0 where it is missing.
#[test]
fn delays_of_an_interface_are_for_down_and_for_up() {
    let text = |lines: &str| format!("interface_up_down_delays {{\n{lines}\n}}\n{}", with(""));
    let delays = |lines: &str| {
        let config = config(&text(lines));
        let row = |delay: &crate::config::model::LinkDelay| {
            (config.interface_name(delay.interface).to_owned(), delay.down, delay.up)
        };
        config.global.delays.iter().map(row).collect::<Vec<_>>()
    };
    let [eth0, eth1] = ["eth0", "eth1"].map(str::to_owned);
    let millis = Span::from_millis;
    assert_eq!(
        delays("eth0 0.5 255\neth1 0 0.000001"),
        [(eth0.clone(), millis(500), millis(255_000)), (eth1, Span::ZERO, Span::from_micros(1))]
    );
    assert_eq!(delays("eth0 2"), [(eth0.clone(), millis(2000), Span::ZERO)]);
    assert_eq!(delays("eth0 2 1\neth0 3 3"), [(eth0, millis(2000), millis(1000))]);
    for (lines, code) in [
        ("eth0 2", "RW0038"),
        ("eth0", "RW0030"),
        ("eth0 256 1", "RW0033"),
        ("eth0 1 256", "RW0033"),
        ("eth0 1 1s", "RW0032"),
        ("eth0 1 1 1", "RW0031"),
        ("eth0 1 1\neth0 1 1", "RW0027"),
    ] {
        assert_eq!(codes(&text(lines)), [code], "{lines}");
    }
}
