use super::*;
use crate::config::source::compile_str;

/// A complete instance with `lines` in it.
fn with(lines: &str) -> String {
    let vrid = if lines.contains("virtual_router_id") { "" } else { "virtual_router_id 51" };
    format!(
        "vrrp_instance VI_1 {{\ninterface eth0\n{vrid}\nvirtual_ipaddress {{\n10.0.0.9/24\n}}\n{lines}\n}}\n"
    )
}

/// The verdict on nodes a, b … with these lines in the same instance.
fn pair(lines: &[&str]) -> Verdict {
    let configs: Vec<_> =
        lines.iter().map(|lines| compile_str("node", &with(lines)).unwrap()).collect();
    let names = ["a", "b", "c"];
    let nodes = configs.iter().zip(names).map(|(config, name)| Node { name, config });
    judge(&nodes.collect::<Vec<_>>())
}

#[test]
fn who_is_master_and_who_follows_is_told() {
    let verdict = pair(&["priority 150\npreempt_delay 60", "priority 50", "priority 100"]);
    // RFC 3768 §6.1: 3 × 1 s + (256 − 100) / 256 s, and with 50.
    assert_eq!(
        verdict.text,
        "VI_1 (VRID 51, IPv4)\n  a is master (priority 150)\n  c follows (priority 100): \
         3.609375 s after a fell silent, 0.609375 s after it resigned\n  b follows (priority 50): \
         3.8046875 s after c fell silent, 0.8046875 s after it resigned\n  a, when it comes back, \
         takes over after 60 s\n"
    );
    assert_eq!((verdict.errors, verdict.warnings), (0, 0));
}

#[test]
fn what_keeps_a_pair_apart_is_told() {
    let auth = "authentication {\nauth_type PASS\nauth_pass 1\n}";
    for (a, b, word) in [
        ("priority 101", "virtual_router_id 52", "b has no VRID 51 of IPv4"),
        ("priority 101\nversion 3", "", "version 3 on a, 2 on b: they do not hear each other"),
        ("priority 101\nadvert_int 2", "", "advert_int 2 s on a, 1 s on b: version 2 rejects"),
        ("priority 101", auth, "b has a password, a has none"),
        (
            auth,
            "priority 99\nauthentication {\nauth_type PASS\nauth_pass 2\n}",
            "auth_pass differs",
        ),
        ("priority 101", "virtual_ipaddress { 10.0.0.10 }", "a does not have 10.0.0.10/32"),
        ("priority 101", "unicast_peer { 10.0.0.2 }", "a speaks multicast, b unicast"),
        ("priority 255", "priority 255", "both own the addresses"),
        (
            "priority 101\nunicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.4 }",
            "unicast_src_ip 10.0.0.3\nunicast_peer { 10.0.0.2 }",
            "a does not list 10.0.0.3, which b sends from",
        ),
        (
            "priority 101\nmcast_src_ip 10.0.0.2",
            "mcast_src_ip 10.0.0.2",
            "a and b both send from 10.0.0.2",
        ),
    ] {
        let verdict = pair(&[a, b]);
        assert!(verdict.text.contains(&format!("error: {word}")) || verdict.text.contains(word));
        assert!(verdict.errors >= 1, "{word}: {}", verdict.text);
    }
    for (a, b, word) in [
        ("", "", "the higher source address decides"),
        ("priority 101", "nopreempt", "it belongs on a"),
        (
            "priority 101\nunicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.3 }",
            "unicast_peer { 10.0.0.2 }",
            "b has no unicast_src_ip",
        ),
    ] {
        let verdict = pair(&[a, b]);
        assert!(verdict.text.contains(&format!("warning: {word}")) || verdict.text.contains(word));
        assert_eq!((verdict.errors, verdict.warnings), (0, 1), "{word}: {}", verdict.text);
    }
    let fine = pair(&["priority 101\nnopreempt", ""]);
    assert!(
        fine.text.ends_with("a, when it comes back, leaves the master alone\n"),
        "{}",
        fine.text
    );
    assert_eq!((fine.errors, fine.warnings), (0, 0));
}
