//! UCI: read as libuci reads it, and compiled to what keepalived.conf would say.
//!
//! `uci/golden.json` was made by running the real `uci` (openwrt/uci 66127cd) on each input: what
//! `uci export` printed, or the reason it gave.
#![cfg(test)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ringward::config::model::{Authentication, Config};
use ringward::config::source::{
    Compiled, Language, Options, Site, compile_str, compile_with, export_uci,
};
use serde_json::Value;

const OPENWRT: &str = include_str!("uci/keepalived-25.12");

#[test]
fn libuci_makes_the_same_of_the_same_text() {
    let cases: Value = serde_json::from_str(include_str!("uci/golden.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 50);
    for case in cases {
        let (name, input) = (&case["name"], case["input"].as_str().unwrap());
        let (text, report) = export_uci(&Options::PLAIN, "cfg", input.as_bytes(), "cfg");
        match case["error"].as_str() {
            None => assert_eq!(text.as_deref(), case["export"].as_str(), "{name}: {report}"),
            Some(reason) => {
                assert_eq!(text, None, "{name}");
                let errors: Vec<_> =
                    report.diagnostics.iter().filter(|d| d.code.id() == "RW0120").collect();
                assert_eq!(errors.len(), 1, "{name}: {report}");
                assert!(errors[0].message.starts_with(reason), "{name}: {report}");
            }
        }
    }
}

#[test]
fn what_is_exported_is_read_as_the_same() {
    let cases: Value = serde_json::from_str(include_str!("uci/golden.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let Some(export) = case["export"].as_str() else { continue };
        let (text, report) = export_uci(&Options::PLAIN, "cfg", export.as_bytes(), "cfg");
        assert_eq!(text.as_deref(), Some(export), "{report}");
    }
}

/// libuci writes the type bare, and refuses what it wrote.
#[test]
fn a_type_with_marks_in_it_is_exported_between_quotes() {
    for (input, exported) in [
        ("config a\\'s\n", "'a'\\''s'"),
        ("config 'a#b'\n", "'a#b'"),
        ("config \"a;b\"\n", "'a;b'"),
        ("config 'a\\b'\n", "'a\\b'"),
        ("config a.b\n", "a.b"),
    ] {
        let (text, report) = export_uci(&Options::PLAIN, "x", input.as_bytes(), "x");
        let wanted = format!("package x\n\nconfig {exported}\n\n");
        assert_eq!(text.as_deref(), Some(&*wanted), "{report}");
        let (again, report) = export_uci(&Options::PLAIN, "x", wanted.as_bytes(), "x");
        assert_eq!(again, Some(wanted), "{report}");
    }
}

#[test]
fn an_error_is_shown_where_it_begins() {
    // libuci reports the end of the file.
    let text = "config a b\n\toption c 'it's'\n";
    let (_, report) = export_uci(&Options::PLAIN, "x", text.as_bytes(), "x");
    let shown = report.to_string();
    assert!(shown.starts_with("error[RW0120]: EOF with unterminated '\n --> x:2:16\n"), "{shown}");
    assert!(shown.contains("netjsonconfig forgets that"), "{shown}");
    let (text, report) =
        export_uci(&Options::PLAIN, "x", b"config a\n\toption b c; option d e\n", "x");
    assert_eq!(text.as_deref(), Some("package x\n\nconfig a\n\toption b 'c'\n\n"));
    assert_eq!(report.diagnostics[0].code.id(), "RW0121");
    let (text, report) = export_uci(&Options::PLAIN, "x", b"config a\n\toption b 'c\0d'\n", "x");
    assert_eq!((text, report.diagnostics[0].code.id()), (None, "RW0002"));
}

fn compiled(language: Language, text: &str) -> Compiled {
    compile_with(&Options { language, ..Options::PLAIN }, "test", text.as_bytes())
}

#[track_caller]
fn config(language: Language, text: &str) -> Box<Config> {
    let compiled = compiled(language, text);
    compiled.config.unwrap_or_else(|| panic!("{}", compiled.report))
}

fn codes(language: Language, text: &str) -> Vec<&'static str> {
    compiled(language, text).report.diagnostics.iter().map(|d| d.code.id()).collect()
}

/// The same configuration as the UCI texts below.
const SAME: &str = r#"
global_defs {
    router_id gw1
    vrrp_startup_delay 2
}
vrrp_script chk {
    script "/bin/chk a b"
    interval 5
    fall 3
    weight -20
}
vrrp_instance lan {
    state BACKUP
    interface br-lan
    virtual_router_id 51
    priority 150
    advert_int 1
    nopreempt
    authentication {
        auth_type PASS
        auth_pass it's
    }
    unicast_src_ip 192.0.2.2
    unicast_peer {
        192.0.2.3
        192.0.2.4
    }
    track_script {
        chk
    }
    virtual_ipaddress {
        192.0.2.1/24 dev br-lan label br-lan:vip
        192.0.2.5/24 dev br-lan
    }
}
"#;

#[test]
fn our_sections_say_what_keepalived_conf_says() {
    let text = r"
config globals
	option router_id 'gw1'
	option vrrp_startup_delay '2'

config vrrp_script 'chk'
	option script '/bin/chk a b'
	option interval '5'
	option fall 3
	option weight '-20'

config ipaddress 'main'
	option address '192.0.2.1/24'
	option device 'br-lan'
	option label 'br-lan:vip'

config peer
	option name 'other'
	option address '192.0.2.3'

config vrrp_instance
	option name 'lan'
	option state 'BACKUP'
	option interface 'br-lan'
	option virtual_router_id '51'
	option priority '150'
	option advert_int '1'
	option nopreempt 'yes'
	option dont_track_primary 'off'
	option auth_pass 'it'\''s'
	option unicast_src_ip '192.0.2.2'
	list unicast_peer 'other'
	list unicast_peer '192.0.2.4'
	list track_script 'chk'
	list virtual_ipaddress 'main'
	list virtual_ipaddress '192.0.2.5/24 dev br-lan'

config vrrp_instance 'off'
	option enabled '0'
";
    assert_eq!(codes(Language::Uci, text), [""; 0]);
    assert_eq!(config(Language::Uci, text), compile_str("same", SAME).unwrap());
}

#[test]
fn keywords_of_ringward_are_options_too() {
    let uci = r"
config globals
	option console 'ttyS0,9600,keys'
	option console_release '1'
	option decision_timeout '60'

config vrrp_script 'web'
	option builtin 'process nginx'
	option interval '0.5'
	option weight '-100'

config vrrp_instance 'lan'
	option interface 'br-lan'
	option virtual_router_id '51'
	list virtual_ipaddress '192.0.2.5/24'
	list track_script 'web'
";
    let conf = r#"
global_defs {
  console ttyS0,9600,keys
  console_release
  decision_timeout 60
}
vrrp_script web {
  builtin "process nginx"
  interval 0.5
  weight -100
}
vrrp_instance lan {
  interface br-lan
  virtual_router_id 51
  virtual_ipaddress {
    192.0.2.5/24
  }
  track_script {
    web
  }
}
"#;
    assert_eq!(config(Language::Uci, uci), compile_str("conf", conf).unwrap());
}

#[test]
fn both_dialects_of_openwrt_say_the_same() {
    let old = OPENWRT;
    // In 2026 track_script sections went, and their weight to the vrrp_script.
    let new = old
        .replace("list track_script 'track_chk'", "list track_script 'chk'")
        .replace("\toption weight '0'\n", "\toption weight '-20'\n");
    let new = new.split("config track_script").next().unwrap();
    // And its script has keepalived call hotplug.
    let mut hotplug = String::new();
    for (keyword, action) in [
        ("notify_master", "NOTIFY_MASTER"),
        ("notify_backup", "NOTIFY_BACKUP"),
        ("notify_fault", "NOTIFY_FAULT"),
        ("notify_stop", "NOTIFY_STOP"),
    ] {
        hotplug += &format!(
            "    {keyword} \"/bin/busybox env -i ACTION={action} TYPE=INSTANCE NAME=lan \
             /sbin/hotplug-call keepalived\"\n"
        );
    }
    let end = SAME.trim_end().strip_suffix('}').unwrap();
    let same = compile_str("same", &format!("{end}{hotplug}}}\n")).unwrap();
    let old = config(Language::UciKeepalived, old);
    let new = config(Language::UciKeepalived, new);
    // The names and scripts, addresses and peers: weights are of the tracking.
    assert_eq!(old.instances, same.instances);
    assert_eq!(new.addresses, same.addresses);
    assert_eq!(old, same);
    assert_eq!(new, same);
}

#[test]
fn what_openwrt_s_script_loses_is_done_and_said() {
    let head = "config vrrp_instance\n\toption name 'a'\n\toption interface 'eth0'\n\toption \
                virtual_router_id '7'\n";
    let text = format!("{head}\tlist virtual_ipaddress '10.0.0.1'\n\toption nopreempt '0'\n");
    assert_eq!(codes(Language::UciKeepalived, &text), ["RW0124", "RW0124"]);
    let config = config(Language::UciKeepalived, &text);
    assert!(config.instances[0].preempt);
    assert_eq!(config.addresses[0].ip.to_string(), "10.0.0.1");
    for (lines, code) in [
        ("\tlist virtual_ipaddress 'nowhere'\n", "RW0122"),
        ("\tlist virtual_ipaddress '10.0.0.1'\n\tlist unicast_peer 'nowhere'\n", "RW0122"),
        ("\tlist virtual_ipaddress '10.0.0.1'\n\toption prioritty '7'\n", "RW0020"),
        ("\tlist virtual_ipaddress '10.0.0.1'\n\toption nopreempt 'maybe'\n", "RW0125"),
        ("\tlist virtual_ipaddress '10.0.0.1'\nconfig vrrp_instanze\n", "RW0020"),
        (
            "\tlist virtual_ipaddress '10.0.0.1'\nconfig globals\n\toption alt_config_file 'x'\n",
            "RW0024",
        ),
        (
            "\tlist virtual_ipaddress '10.0.0.1'\nconfig virtual_server\n\toption ipaddr '10.0.0.1'\n",
            "RW0023",
        ),
    ] {
        let compiled = compiled(Language::UciKeepalived, &format!("{head}{lines}"));
        assert!(compiled.config.is_none(), "{lines}");
        let found = compiled.report.diagnostics.iter().any(|d| d.code.id() == code);
        assert!(found, "{lines}: {}", compiled.report);
    }
}

#[test]
fn a_flag_is_on_or_off_and_names_are_of_something() {
    let head = "config vrrp_instance 'a'\n\toption interface 'eth0'\n\toption virtual_router_id \
                '7'\n\tlist virtual_ipaddress '10.0.0.1'\n";
    assert_eq!(codes(Language::Uci, head), [""; 0]);
    for (line, code) in [
        ("\toption nopreempt 'maybe'\n", "RW0125"),
        ("\tlist virtual_ipaddress '10.0.0.2 dev @fifteen-letters'\n", "RW0037"),
        ("\toption prioritty '9'\n", "RW0020"),
        ("\tlist virtual_ipaddress 'main'\n", "RW0122"),
        ("\toption priority '300'\n", "RW0033"),
    ] {
        assert_eq!(codes(Language::Uci, &format!("{head}{line}")), [code], "{line}");
    }
}

const NETWORKS: &str = "config ipaddress 'main'\n\toption address '192.0.2.1/24'\n\toption network 'wan6'\n\n\
    config vrrp_instance 'a'\n\toption network 'wan'\n\toption virtual_router_id '7'\n\
    \tlist virtual_ipaddress 'main'\n\tlist track_interface '@lan'\n";

/// Interfaces of [`NETWORKS`] on a router of which this is known, and the messages.
fn interfaces(site: &Site) -> (Vec<String>, Vec<&'static str>) {
    let options = Options { language: Language::Uci, site, ..Options::PLAIN };
    let Compiled { config, report, .. } = compile_with(&options, "test", NETWORKS.as_bytes());
    let config = config.unwrap_or_else(|| panic!("{report}"));
    let codes = report.diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect();
    (config.interfaces.iter().map(|name| name.as_str().to_owned()).collect(), codes)
}

#[test]
fn a_network_stays_one_until_its_device_is_known() {
    let (names, codes) = interfaces(Site::UNKNOWN);
    assert_eq!(names, ["@wan", "@wan6", "@lan"]);
    assert_eq!(codes, ["RW0132"; 3]);
    let mut site = Site::default();
    site.set_network("wan", "eth1");
    site.set_network("wan6", "eth1");
    site.set_network("lan", "br-lan");
    assert_eq!(interfaces(&site), (vec!["eth1".to_owned(), "br-lan".to_owned()], vec![]));
}

#[test]
fn devices_and_addresses_of_networks_are_those_of_etc_config_network() {
    // As OpenWrt 25.12 and 19.07 write them. The device of a PPP session is netifd's to name.
    let text = "config interface 'lan'\n\toption type 'bridge'\n\toption ifname 'eth0.1 wlan0'\n\
        \toption proto 'static'\n\toption ipaddr '192.168.1.1'\n\toption netmask '255.255.255.0'\n\
        config interface 'wan'\n\toption device 'eth1'\n\toption proto 'static'\n\
        \tlist ipaddr '198.51.100.2/24'\n\tlist ipaddr '10.0.0.2/8'\n\
        config interface 'wan6'\n\toption device '@wan'\n\toption proto 'dhcpv6'\n";
    let mut site = Site::default();
    site.read_network("network", text.as_bytes()).unwrap();
    // 192.0.2.1 is in none of the networks of wan.
    let found = (vec!["eth1".to_owned(), "br-lan".to_owned()], vec!["RW0134"]);
    assert_eq!(interfaces(&site), found);
    let mut site = Site::default();
    let text = text.replacen("'static'\n\tlist", "'pppoe'\n\tlist", 1);
    site.read_network("network", text.as_bytes()).unwrap();
    assert_eq!(interfaces(&site).0, ["@wan", "@wan6", "br-lan"]);
    assert!(Site::default().read_network("network", b"config interface 'lan\n").is_err());
}

#[test]
fn secrets_are_not_shown() {
    for text in [
        "config vrrp_instance 'a'\n\toption auth_pass 'hunter2hunter2'\n",
        "config vrrp_instance 'a'\n\toption auth_pass 'hunter2' hunter3\n",
        "config vrrp_instance 'a'\n\toption auth_pass 'hunter2\n",
        "config vrrp_instance 'a'\n\toption auth_pass hunter2; hunter3\n",
    ] {
        for language in [Language::Uci, Language::UciKeepalived] {
            let report = compiled(language, text).report.to_string();
            assert!(report.contains("error"), "{report}");
            assert!(!report.contains("hunter"), "{report}");
        }
    }
}

#[test]
fn a_hundred_thousand_sections_are_refused() {
    let text = "config vrrp_instance\n".repeat(100_000);
    let report = compiled(Language::Uci, &text).report;
    assert_eq!(report.diagnostics[0].message, "more than 20000 sections");
}

/// What netjsonconfig (PyPI, fetched by tests/peers/fetch) renders of a configuration.
fn rendered(json: &str) -> String {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers").join("python");
    assert!(python.join("netjsonconfig").is_dir(), "run tests/peers/fetch");
    let program = "import json, sys; from netjsonconfig import OpenWrt; \
                   sys.stdout.write(OpenWrt(json.load(sys.stdin)).render())";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .env("PYTHONPATH", python)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_netjsonconfig_renders_compiles() {
    let json = r#"{ "ringward": [
        { "config_name": "globals", "config_value": "globals", "router_id": "gw 1" },
        { "config_name": "ipaddress", "config_value": "main", "address": "192.0.2.1/24",
          "device": "br-lan" },
        { "config_name": "vrrp_instance", "config_value": "lan", "interface": "br-lan",
          "virtual_router_id": 51, "priority": 150, "nopreempt": true, "dont_track_primary": false,
          "auth_pass": "a#;\\\"b", "virtual_ipaddress": ["main", "192.0.2.5/24"] }
    ] }"#;
    let config = config(Language::Uci, &rendered(json));
    let same = compile_str(
        "same",
        "global_defs {\nrouter_id \"gw 1\"\n}\nvrrp_instance lan {\ninterface br-lan\n\
         virtual_router_id 51\npriority 150\nnopreempt\nvirtual_ipaddress {\n192.0.2.1/24 dev br-lan\n\
         192.0.2.5/24\n}\n}\n",
    );
    let mut same = same.unwrap();
    // What keepalived.conf cannot say: a double quote.
    same.instances[0].authentication = Authentication::Password(*b"a#;\\\"b\0\0");
    assert_eq!(config, same);
}

#[test]
fn quotes_that_netjsonconfig_forgets_are_named() {
    for (value, reason) in
        [("it's", "EOF with unterminated '"), ("it's a 'x'", "too many arguments")]
    {
        let json = format!(
            r#"{{ "ringward": [ {{ "config_name": "vrrp_instance", "config_value": "lan",
                "router_id": "{value}" }} ] }}"#
        );
        let report = compiled(Language::Uci, &rendered(&json)).report;
        assert!(report.diagnostics[0].message.starts_with(reason), "{report}");
        assert!(report.to_string().contains("written '\\''"), "{report}");
    }
}

/// What is made of an option, said by [`what_is_made_of`].
#[derive(PartialEq, Eq, Debug)]
enum Made {
    /// The configuration is another one than without it.
    Compiled,
    /// It is the same, and something says so.
    Noted,
    /// There is none, and something says why.
    Refused,
}

/// What OpenWrt's file has more than a pair of routers needs: in its instance, and behind all.
fn openwrt_with(instance: &str, more: &str) -> String {
    format!(
        "config globals 'globals'\n\toption router_id 'gw1'\n\n\
         config ipaddress\n\toption name 'main'\n\toption address '192.0.2.1/24'\n\n\
         config ipaddress\n\toption name 'second'\n\toption address '192.0.2.9/24'\n\
         \toption device 'eth0'\n\n\
         config vrrp_script\n\toption name 'chk'\n\toption script '/bin/true'\n\n\
         config peer\n\toption name 'other'\n\toption address '192.0.2.3'\n\n\
         config track_interface\n\toption name 'up'\n\toption value 'eth1'\n\n\
         config track_script\n\toption name 'old'\n\toption value 'chk'\n\n\
         config route\n\toption name 'way'\n\toption address '198.51.100.0/24'\n\
         \toption device 'eth0'\n\n\
         config vrrp_instance\n\toption name 'lan'\n\toption interface 'eth0'\n\
         \toption virtual_router_id '51'\n\tlist virtual_ipaddress 'main'\n{instance}\n{more}"
    )
}

#[track_caller]
fn what_is_made_of(text: &str) -> Made {
    let without = config(Language::UciKeepalived, &openwrt_with("", ""));
    let Compiled { config, report, .. } = compiled(Language::UciKeepalived, text);
    match config {
        None => {
            assert!(report.has_errors());
            Made::Refused
        }
        Some(config) if config != without => Made::Compiled,
        Some(_) => {
            let others = compiled(Language::UciKeepalived, &openwrt_with("", "")).report;
            let (all, others) = (report.diagnostics.len(), others.diagnostics.len());
            assert!(all > others, "lost without a word:\n{text}");
            Made::Noted
        }
    }
}

/// The options of an instance in OpenWrt's package, as its init script reads them, and those that
/// LuCI writes.
#[test]
fn each_option_of_openwrt_s_instance_is_compiled_or_told() {
    use Made::{Compiled, Noted, Refused};
    for (option, made) in [
        ("option auth_type 'PASS'\n\toption auth_pass 'secret'", Compiled),
        ("option auth_type 'PASS'", Noted),
        ("option auth_pass 'secret'", Noted),
        ("option state 'MASTER'", Compiled),
        ("option interface 'eth2'", Compiled),
        ("option mcast_src_ip '192.0.2.2'", Compiled),
        ("option unicast_src_ip '192.0.2.2'", Compiled),
        ("option unicast_src_ip '192.0.2.2'\n\tlist unicast_peer 'other'", Compiled),
        ("list unicast_peer '192.0.2.4'", Compiled),
        ("option virtual_router_id '52'", Compiled),
        ("option version '3'", Compiled),
        ("option priority '150'", Compiled),
        ("option advert_int '2'", Compiled),
        ("option preempt_delay '5'", Compiled),
        ("option debug '1'", Noted),
        ("option lvs_sync_daemon_interface 'eth0'", Refused),
        ("option garp_master_delay '3'", Compiled),
        ("option garp_master_refresh '60'", Compiled),
        ("option garp_master_repeat '2'", Compiled),
        ("option garp_master_refresh_repeat '2'", Compiled),
        ("option vmac_xmit_base '1'", Refused),
        ("option vmac_xmit_base '0'", Noted),
        ("option native_ipv6 '1'", Noted),
        ("option accept '1'", Noted),
        ("option no_accept '1'", Refused),
        ("option dont_track_primary '1'", Compiled),
        ("option smtp_alert '1'", Refused),
        ("option smtp_alert '0'", Noted),
        ("option nopreempt '1'", Compiled),
        ("option nopreempt '0'", Noted),
        ("option use_vmac 'vrrp.51'", Refused),
        ("list virtual_ipaddress 'second'", Compiled),
        ("list virtual_ipaddress '192.0.2.7/24'", Compiled),
        ("list virtual_ipaddress 'nobody'", Refused),
        ("list virtual_ipaddress_excluded 'second'", Compiled),
        ("list virtual_routes 'way'", Refused),
        ("list track_script 'chk'", Compiled),
        ("list track_script 'old'", Compiled),
        ("list track_script 'nobody'", Refused),
        ("list track_interface 'up'", Compiled),
        ("list track_bfd 'b'", Refused),
        ("option priorty '150'", Refused),
    ] {
        let text = openwrt_with(&format!("\t{option}\n"), "");
        assert_eq!(what_is_made_of(&text), made, "{option}");
    }
}

#[test]
fn each_other_section_of_openwrt_is_compiled_or_told() {
    use Made::{Compiled, Noted, Refused};
    for (section, made) in [
        ("globals 'globals'\n\toption enabled '0'", Noted),
        ("globals 'globals'\n\toption alt_config_file '/etc/other.conf'", Refused),
        ("globals 'globals'\n\toption linkbeat_use_polling '1'", Noted),
        ("globals 'globals'\n\tlist notification_email 'a@b.example'", Noted),
        ("globals 'globals'\n\toption notification_email_from 'a@b.example'", Noted),
        ("globals 'globals'\n\toption smtp_server '192.0.2.25'", Noted),
        ("globals 'globals'\n\toption smtp_connect_timeout '10'", Noted),
        ("globals 'globals'\n\toption router_id 'gw2'", Compiled),
        ("globals 'globals'\n\toption vrrp_mcast_group4 '224.0.0.19'", Refused),
        ("globals 'globals'\n\toption vrrp_mcast_group6 'ff02::13'", Refused),
        ("globals 'globals'\n\toption vrrp_startup_delay '2'", Compiled),
        ("static_ipaddress\n\tlist address 'main'", Refused),
        ("static_routes\n\tlist route 'way'", Refused),
        (
            "interface_up_down_delays\n\toption device 'eth0'\n\toption down_delay '2'\n\
             \toption up_delay '3'",
            Compiled,
        ),
        ("vrrp_script\n\toption name 'more'\n\toption script '/bin/true'", Noted), // nobody asks
        (
            "bfd_instance\n\toption name 'b'\n\toption neighbor_ip '192.0.2.3'\n\
             \toption source_ip '192.0.2.2'",
            Refused,
        ),
        ("vrrp_sync_group\n\toption name 'g'\n\tlist group 'lan'", Compiled),
        ("vrrp_sync_group\n\toption name 'g'\n\tlist group 'nobody'", Refused),
        (
            "vrrp_sync_group\n\toption name 'g'\n\tlist group 'lan'\n\
             \tlist track_script 'chk'",
            Compiled,
        ),
        (
            "vrrp_sync_group\n\toption name 'g'\n\tlist group 'lan'\n\toption smtp_alert '1'",
            Refused,
        ),
        ("virtual_server\n\toption ipaddr '192.0.2.1'\n\toption port '80'", Refused),
        ("vrrp_skript\n\toption name 'chk'", Refused),
    ] {
        let text = openwrt_with("", &format!("config {section}\n"));
        assert_eq!(what_is_made_of(&text), made, "{section}");
    }
}
