//! What is made of messages.

use super::super::Options;
use super::super::code::Code;
use super::*;
use crate::config::source::compile_with;

fn levels(options: Options<'_>, text: &str) -> (Vec<(&'static str, &'static str)>, bool) {
    let compiled = compile_with(&options, "test.conf", text.as_bytes());
    let messages = compiled.report.diagnostics.iter();
    (messages.map(|d| (d.code.id(), d.severity.name())).collect(), compiled.config.is_some())
}

#[test]
fn warnings_can_be_errors_and_messages_can_be_allowed() {
    let text = with("authentication {\nauth_type PASS\nauth_pass 123456789\n}\ndebug 3");
    let all = vec![("RW0063", "warning"), ("RW0025", "note")];
    assert_eq!(levels(Options::PLAIN, &text), (all, true));
    let denied = Options { denies_warnings: true, ..Options::PLAIN };
    assert_eq!(levels(denied, &text), (vec![("RW0063", "error"), ("RW0025", "note")], false));
    let allowed = [Code::PasswordCut, Code::NoEffect, Code::Unknown];
    let allowed = Options { allowed: &allowed, ..denied };
    assert_eq!(levels(allowed, &text), (vec![], true));
    // Errors cannot be allowed.
    assert_eq!(levels(allowed, &with("nonsense")), (vec![("RW0020", "error")], false));
}

#[test]
fn keepalived_s_leniency_is_for_the_asking() {
    let permissive = Options { is_permissive: true, ..Options::PLAIN };
    for (lines, code) in [
        ("prioritty 7", "RW0020"),
        ("priority100", "RW0021"),
        ("auth_pass x", "RW0022"),
        ("priority 300", "RW0033"),
        ("advert_int 1s", "RW0032"),
        ("state Master", "RW0036"),
        ("virtual_ipaddress { 10.0.0.300 }", "RW0034"),
        ("virtual_ipaddress { 10.0.0.10 eth0 }", "RW0040"),
        ("virtual_ipaddress { fe80::1 }", "RW0055"),
        ("include nowhere.conf", "RW0112"),
    ] {
        assert_eq!(levels(Options::PLAIN, &with(lines)), (vec![(code, "error")], false), "{lines}");
        assert_eq!(levels(permissive, &with(lines)), (vec![(code, "warning")], true), "{lines}");
    }
    // What keepalived does not survive, or what would mean something else, stays an error.
    for lines in
        ["virtual_router_id 0", "nonsense {\npriority 9\n}", "garp_master_repeat x", "use_vmac"]
    {
        assert!(!levels(permissive, &with(lines)).1, "{lines}");
    }
    let twice = format!("{}{}", with(""), with("priority 7"));
    let compiled = compile_with(&permissive, "test.conf", twice.as_bytes());
    assert_eq!(compiled.config.unwrap().instances.len(), 1);
}

#[test]
fn virtual_servers_can_be_left_out() {
    let servers = "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}\n\
                   global_defs {\nlvs_flush\nnotification_email {\nx@example.net\n}\n}\n";
    let only = Options { only_vrrp: true, ..Options::PLAIN };
    let text = format!("{}{servers}", with("use_vmac"));
    let compiled = compile_with(&only, "test.conf", text.as_bytes());
    let messages = compiled.report.diagnostics.iter().map(|d| d.message.as_str());
    let messages: Vec<&str> = messages.collect();
    assert!(messages.contains(&"`virtual_server 10.0.0.1 80` is left out"), "{messages:?}");
    assert!(messages.contains(&"`lvs_flush` is left out"), "{messages:?}");
    assert!(messages.contains(&"`use_vmac` is not supported yet"), "{messages:?}");
    let text = format!("{}virtual_server fwmark 1 {{\n}}\n", with(""));
    assert_eq!(levels(only, &text), (vec![("RW0117", "note")], true));
    assert!(!levels(Options::PLAIN, &text).1);
}

#[test]
fn what_usually_hurts_is_warned_of() {
    for (lines, code) in [
        ("unicast_src_ip 10.0.1.2\nunicast_peer { 10.0.1.3 }", "RW0130"),
        ("mcast_src_ip 192.168.0.1", "RW0130"),
        ("mcast_src_ip 10.0.0.200", ""),
        ("state MASTER\npriority 9\nnopreempt", "RW0059"),
        ("authentication {\nauth_type PASS\nauth_pass s3cr!t\n}", "RW0007"),
        ("authentication {\nauth_type PASS\nauth_pass 123456789\n}", "RW0063"),
        ("unicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.3/24 }", "RW0065"),
        ("unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.2\n10.0.0.3\n}", "RW0068"),
    ] {
        let expected: Vec<_> =
            Some((code, "warning")).filter(|_| !code.is_empty()).into_iter().collect();
        assert_eq!(levels(Options::PLAIN, &with(lines)), (expected, true), "{lines}");
    }
    // Without a prefix length nothing can be said.
    let text = with("mcast_src_ip 192.168.0.1").replace("9/24", "9");
    assert_eq!(levels(Options::PLAIN, &text), (vec![], true));
    let text = format!(
        "vrrp_script c {{\nscript /x\ninterval 2\ntimeout 3\n}}\n{}",
        with("track_script { c }")
    );
    assert_eq!(levels(Options::PLAIN, &text), (vec![("RW0131", "warning")], true));
    let six = with_addresses("2001:db8::9/64", "");
    assert_eq!(levels(Options::PLAIN, &six), (vec![("RW0066", "warning")], true));
    let strict = format!("global_defs {{\nvrrp_strict\n}}\n{}", with(""));
    let report = run(&strict).report.to_string();
    assert!(report.contains("keepalived then drops packets to the addresses"), "{report}");
    for old in ["lvs_id x", "nat_mask 255.255.255.0"] {
        let report = run(&format!("global_defs {{\n{old}\n}}\n{}", with(""))).report.to_string();
        assert!(report.contains("is no keyword any more"), "{report}");
    }
}
