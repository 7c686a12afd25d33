//! Slips as people make them, and the cure that each is told.

use super::*;
use crate::config::source::{Language, Options, compile_with};

/// The first message about `text` is `code`, and this cures it.
#[track_caller]
fn cured(text: &str, code: &str, cure: &str) {
    let report = run(text).report;
    assert_eq!(report.diagnostics[0].code.id(), code, "{report}");
    assert!(report.diagnostics[0].helps.iter().any(|help| help.contains(cure)), "{report}");
}

#[test]
fn a_line_ends_by_itself() {
    for (line, code, cure) in [
        ("priority 100;", "RW0032", "write `100`"),
        ("advert_int 1.5,", "RW0032", "write `1.5`"),
        ("state MASTER;", "RW0036", "write `MASTER`"),
        ("mcast_src_ip 10.0.0.1;", "RW0034", "write `10.0.0.1`"),
    ] {
        cured(&with(line), code, cure);
    }
    cured(&with("").replace("eth0", "eth0;"), "RW0037", "write `eth0`");
    cured(&with_addresses("10.0.0.9 dev eth1;", ""), "RW0037", "write `eth1`");
}

#[test]
fn colons_equals_signs_and_units_belong_to_other_languages() {
    cured(&with("priority: 100"), "RW0021", "write `priority 100`");
    cured(&with("priority=100"), "RW0021", "write `priority 100`");
    cured(&with("advert_int 1s"), "RW0032", "write `1`");
}

#[test]
fn what_was_meant_by_an_address_or_interface_is_said() {
    cured(&with_addresses("10.0.0.9-10.0.0.12", ""), "RW0034", "one address to a line");
    cured(&with_addresses("10.0.0.9 dev eth0:1", ""), "RW0037", "`label eth0:1` behind");
    cured(&with("").replace("eth0", "eth0:1"), "RW0037", "write `eth0` here");
}

#[test]
fn a_keyword_that_was_cut_short_is_found() {
    let text = with("").replace("virtual_ipaddress", "virtual_ip");
    assert_eq!(codes(&text), ["RW0020"]);
    cured(&text, "RW0020", "did you mean `virtual_ipaddress`?");
}

#[test]
fn members_of_a_group_and_names_of_blocks_are_asked_for() {
    cured(&format!("{}vrrp_sync_group G {{\nVI_1\n}}\n", with("")), "RW0020", "`group { VI_1 }`");
    cured(&with("").replace(" VI_1", ""), "RW0030", "write `vrrp_instance NAME {`");
    cured(&with("track_script {\nchk\n}"), "RW0083", "define it: `vrrp_script chk {`");
    let process = with("track_process {\nchk\n}");
    cured(&process, "RW0083", "define it: `vrrp_track_process chk {`");
}

#[test]
fn a_misspelt_block_is_read_as_what_was_meant() {
    let script = "vvrp_script chk {\nscript /bin/true\ninteval 2\n}\n";
    let text = format!("{script}{}", with("track_script {\nchk\n}"));
    assert_eq!(codes(&text), ["RW0020"; 2], "and nothing about a missing script");
    // keepalived leaves it out.
    let options = crate::config::source::Options {
        is_permissive: true,
        ..crate::config::source::Options::PLAIN
    };
    let compiled = crate::config::source::compile_with(&options, "test.conf", text.as_bytes());
    assert_eq!(compiled.config.unwrap().scripts.len(), 0);
}

#[test]
fn peers_that_cannot_be_read_are_not_called_missing() {
    let text = with("unicast_src_ip 10.0.0.1\nunicast_peer {\ngw2.example.net\n}");
    assert_eq!(codes(&text), ["RW0034"]);
}

#[test]
fn variables_in_a_circle_are_shown_once() {
    let report = run(&format!("$A=$B\n$B=$A\n{}$A\n", with(""))).report;
    assert_eq!(report.diagnostics[0].code.id(), "RW0103", "{report}");
    assert!(report.diagnostics[0].others.len() <= 3, "{report}");
}

#[test]
fn uci_that_is_read_as_keepalived_conf_is_told_once() {
    for text in ["# mine\n\nconfig vrrp_instance 'lan'\n\toption priority '100'\n", "package x\n"] {
        assert_eq!(codes(text), ["RW0016"], "{text}");
        cured(text, "RW0016", "give `--from uci`");
    }
}

#[test]
fn the_address_of_a_network_is_not_taken_for_a_hosts() {
    for (address, codes_of_it) in [
        ("10.0.0.0/24", &["RW0067"][..]),
        ("10.0.0.255/24", &["RW0067"]),
        ("10.0.0.255/23", &[]),
        ("10.0.0.0/23", &["RW0067"]),
        // RFC 3021: both addresses of a /31 are hosts'.
        ("10.0.0.0/31", &[]),
        ("10.0.0.0/32", &[]),
        ("10.0.0.0", &[]),
    ] {
        assert_eq!(codes(&with_addresses(address, "")), codes_of_it, "{address}");
    }
}

#[test]
fn a_slip_brings_about_one_message() {
    assert_eq!(codes(&with("notify_master /a.sh\"")), ["RW0006"]);
    cured(&with_addresses("fe80::1/64 nodad", ""), "RW0040", "it is always so");
    cured(&with_addresses("fe80::1/64 -nodad", ""), "RW0023", "it is always so");
    cured(&with_addresses("10.0.0.9/24 brd 10.0.0.255", ""), "RW0023", "remove it with its value");
    cured(&with("use_vmac vrrp.51"), "RW0023", "remove it: the addresses have the MAC address");
    cured(&with("nopreempt 0"), "RW0031", "to switch it off, remove `nopreempt`");
    for weight in ["300", "-300"] {
        let text = with(&format!("track_interface {{\neth1 weight {weight}\n}}"));
        cured(&text, "RW0033", "choose -253 to 253");
    }
}

#[test]
fn cures_of_uci_are_in_uci() {
    let text = "config vrrp_script 'chk'\n\toption script '/bin/true'\n\nconfig vrrp_instance 'lan'\n\
                \toption interface 'eth0'\n\toption virtual_router_id '51'\n\
                \tlist virtual_ipaddress '10.0.0.9/24'\n\tlist track_script 'other'\n";
    let options = Options { language: Language::Uci, ..Options::PLAIN };
    let report = compile_with(&options, "ringward", text.as_bytes()).report;
    let helps: Vec<&str> =
        report.diagnostics.iter().flat_map(|it| &it.helps).map(String::as_str).collect();
    assert_eq!(
        helps,
        [
            "name it in `list track_script 'chk'` of an instance",
            "define it: `config vrrp_script 'other'`"
        ]
    );
}
