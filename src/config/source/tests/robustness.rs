//! Nothing that a file holds makes the compiler panic, hang or write a blob the daemon refuses.

use super::*;
use crate::config::check::check;

/// Something of everything.
const SAMPLE: &str = "\u{feff}global_defs {\n\trouter_id \"g w\"\n  vrrp_version 3 # für alle\n \
    vrrp_garp_extra_if all 5\n}\n\nvrrp_instance \"VI 1\"{\r\n interface eth0\n virtual_router_id 51\n \
    state MASTER\n nopreempt\n advert_int 0.25\n unicast_src_ip fe80::2\n unicast_peer { fe80::3/64\n \
    }\n authentication\n {\n auth_type PASS\n auth_pass s3cr!tt\n }\n virtual_ipaddress {\n \
    fe80::10/64 dev br-lan\n 2001:db8::10\n }\n virtual_ipaddress_excluded { 10.0.0.1/24 label \
    eth0:1 }\n notify \"/bin/x a##b\" {{ x }}\n mcast_src_ip192.168.1.1\n priority 100\u{ff0c}\n}\n\
    virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80{\n TCP_CHECK { connect_timeout 3 }\n }\n}\n\
    @id x $Y=${Z:-1}\n";

/// Compiles, renders and, when it is a configuration, checks it.
fn survive(octets: &[u8]) {
    let compiled = compile("sample", octets);
    let text = compiled.report.render(true);
    assert!(text.len() < 1 << 20);
    // The daemon's rules have nothing to add to what the compiler says.
    assert!(!text.contains("RW0099"), "{text}");
    if let Some(config) = compiled.config {
        assert_eq!(check(&config), Ok(()));
    }
}

#[test]
fn truncations_are_survived() {
    for len in (0..=SAMPLE.len()).step_by(2) {
        survive(&SAMPLE.as_bytes()[..len]);
    }
}

#[test]
fn octets_may_become_troublesome_ones() {
    let troublesome = [0, b'\n', b'{', b'}', b'"', b'#', b' ', b'/', 0x80, 0xff, b'9'];
    let mut octets = SAMPLE.as_bytes().to_vec();
    for at in (0..octets.len()).step_by(2) {
        let kept = octets[at];
        octets[at] = troublesome[at / 2 % troublesome.len()];
        survive(&octets);
        octets[at] = kept;
    }
}

#[test]
fn every_line_may_be_missing_or_doubled() {
    let lines: Vec<&str> = SAMPLE.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let mut missing = lines.clone();
        missing.remove(at);
        survive(missing.concat().as_bytes());
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        survive(doubled.concat().as_bytes());
    }
}

#[test]
fn noise_is_survived() {
    // A linear congruential generator (Knuth's MMIX constants): the same noise at each run.
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let words = [
        "vrrp_instance",
        "global_defs",
        "interface",
        "eth0",
        "{",
        "}",
        "\n",
        "\n",
        "priority",
        "51",
        "virtual_router_id",
        "virtual_ipaddress",
        "10.0.0.1/24",
        "dev",
        "label",
        "#",
        "\"",
        "state",
        "MASTER",
        "authentication",
        "auth_pass",
        "unicast_peer",
        "fe80::1",
        "${",
        "{{",
        "}}",
        "<a>",
        "\u{a0}",
        "advert_int",
        "0.00",
        "preempt_delay",
        "-1",
        "99999999999999999999",
        "\t",
        "\r\n",
    ];
    for _ in 0..200 {
        let text: String = (0..60)
            .map(|_| format!("{}{}", words[next() % words.len()], [" ", "", "\n"][next() % 3]))
            .collect();
        survive(text.as_bytes());
    }
}

#[test]
fn nesting_without_end_is_refused_in_a_moment() {
    let text = "vrrp_instance x {\n".repeat(50_000);
    survive(text.as_bytes());
    survive("{".repeat(50_000).as_bytes());
    let text = "a {\n".repeat(50_000);
    let report = run(&text).report;
    assert!(report.diagnostics.iter().any(|d| d.code.id() == "RW0013"));
}

#[test]
fn more_than_the_daemon_holds_is_refused_with_both_numbers() {
    let text: String = (0..2050_u32)
        .map(|index| {
            format!(
                "vrrp_instance i{index} {{\ninterface eth{}\nvirtual_router_id {}\n\
                 virtual_ipaddress {{ 10.{}.{}.1 }}\n}}\n",
                index / 255,
                index % 255 + 1,
                index / 256,
                index % 256
            )
        })
        .collect();
    let report = run(&text).report;
    assert_eq!(report.diagnostics.len(), 1, "{report}");
    assert_eq!(report.diagnostics[0].message, "needs 2050 instances, this build holds 2048");
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let text = "# nothing\n".repeat(1 << 20);
    let report = run(&text).report;
    assert_eq!(report.diagnostics[0].code.id(), "RW0002");
}
