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
        ("", "", "of two masters the higher source address decides"),
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

#[test]
fn of_nodes_that_do_not_hear_each_other_nobody_follows() {
    for (a, b) in [
        ("priority 101\nversion 3", ""),
        ("priority 101\nadvert_int 2", ""),
        ("priority 101", "authentication {\nauth_type PASS\nauth_pass 1\n}"),
        ("priority 101", "unicast_peer { 10.0.0.2 }"),
        (
            "priority 101\nunicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.4 }",
            "unicast_src_ip 10.0.0.3\nunicast_peer { 10.0.0.2 }",
        ),
    ] {
        let text = pair(&[a, b]).text;
        assert!(text.ends_with("  more than one is master: not all obey each other\n"), "{text}");
        assert!(!text.contains("follows"), "{text}");
    }
    let text = pair(&["priority 101", "virtual_ipaddress { 10.0.0.10 }"]).text;
    assert!(text.contains("b follows"), "other addresses are tolerated: {text}");
}

#[test]
fn of_equals_nobody_takes_over_from_the_other() {
    // RFC 9568 §6.4.2: an advert of the same priority keeps a backup where it is.
    let text = pair(&["priority 150", "priority 150"]).text;
    assert!(text.contains("a or b is master (priority 150)"), "{text}");
    assert!(text.ends_with("when it comes back, leaves the master alone\n"), "{text}");
}

/// The verdict on two nodes that track a script: priority, weight, more lines.
fn tracking(a: (u8, i16, &str), b: (u8, i16, &str)) -> Verdict {
    let node = |(priority, weight, lines): (u8, i16, &str)| {
        let script = format!("vrrp_script s {{\nscript \"/bin/true\"\nweight {weight}\n}}\n");
        let lines = format!("priority {priority}\n{lines}\ntrack_script {{\ns\n}}");
        compile_str("node", &(script + &with(&lines))).unwrap()
    };
    let configs = [node(a), node(b)];
    judge(&[Node { name: "a", config: &configs[0] }, Node { name: "b", config: &configs[1] }])
}

#[test]
fn a_weight_that_leaves_the_master_above_the_other_is_told() {
    // 150 - 20 = 130, above 100; 150 - 60 = 90, below.
    let text = tracking((150, -20, ""), (100, -20, "")).text;
    assert!(text.contains("it has priority 130, and b only 100: a stays master"), "{text}");
    let verdict = tracking((150, -60, ""), (100, -60, ""));
    assert_eq!((verdict.errors, verdict.warnings), (0, 0), "{}", verdict.text);
    // As much is not below: nobody is preempted by an equal.
    let text = tracking((150, -50, ""), (100, -50, "")).text;
    assert!(text.contains("it has priority 100, and b no more: a stays master"), "{text}");
    // A positive weight counts while the script succeeds: 100 + 4 and 98 + 4, then 100.
    let verdict = tracking((100, 4, ""), (98, 4, ""));
    assert!(verdict.text.contains("a is master (priority 104)"), "{}", verdict.text);
    assert_eq!((verdict.errors, verdict.warnings), (0, 0), "{}", verdict.text);
    let text = tracking((100, 2, ""), (90, 2, "")).text;
    assert!(text.contains("it has priority 100, and b only 92: a stays master"), "{text}");
    // Weight zero is FAULT, which everybody takes over from.
    let verdict = tracking((150, 0, ""), (100, 0, ""));
    assert_eq!((verdict.errors, verdict.warnings), (0, 0), "{}", verdict.text);
}

#[test]
fn a_weight_does_not_move_mastership_to_a_node_with_nopreempt() {
    let text = tracking((150, -60, ""), (100, -60, "nopreempt")).text;
    assert!(text.contains("it stays master all the same: b has nopreempt"), "{text}");
}
