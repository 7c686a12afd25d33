//! The forms in which people write keepalived.conf.

use super::*;
use crate::config::model::Authentication;

#[test]
fn braces_may_be_glued_on_the_next_line_or_all_on_one() {
    let plain = config(&with("authentication {\nauth_type PASS\nauth_pass 1234\n}"));
    for text in [
        "vrrp_instance VI_1{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress{\n10.0.0.9/24\n}\
         \nauthentication{\nauth_type PASS\nauth_pass 1234\n}\n}",
        "vrrp_instance VI_1\n{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress\n\n{\n\
         10.0.0.9/24\n}\nauthentication # why not\n{\nauth_type PASS\nauth_pass 1234\n}\n}\n",
        "vrrp_instance VI_1 { interface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 10.0.0.9/24 \
         }\nauthentication { auth_type PASS\nauth_pass 1234 } }",
        "vrrp_instance VI_1 {\n\tinterface\teth0\r\n\tvirtual_router_id 51\r\n\tvirtual_ipaddress \
         {\r\n10.0.0.9/24\r\n}\r\nauthentication {\r\nauth_type PASS\r\nauth_pass 1234\r\n}}\r\n",
        "! comment {\nvrrp_instance VI_1 { # {\ninterface eth0 ! the lan\nvirtual_router_id 51\n\
         virtual_ipaddress {\n# none\n10.0.0.9/24\n}\nauthentication {\nauth_type PASS\nauth_pass \
         \"1234\"\n}\n} # }",
        "vrrp_instance \"VI_1\"{\ninterface \"eth0\"\nvirtual_router_id \"51\"\nvirtual_ipaddress \
         {\n\"10.0.0.9/24\"#\n}\nauthentication {\nauth_type \"PASS\"\nauth_pass \"1234\"\n}\n}",
    ] {
        let compiled = run(text);
        assert_eq!(compiled.report.to_string(), "", "{text}");
        assert_eq!(compiled.config.unwrap(), plain, "{text}");
    }
}

#[test]
fn a_block_may_be_repeated_and_global_defs_may_come_last() {
    let text = format!(
        "{}global_defs {{\nvrrp_version 3\n}}\nglobal_defs {{\nrouter_id gw\n}}\n",
        with("virtual_ipaddress { 10.0.0.10/24 }")
    );
    let config = config(&text);
    assert_eq!(config.instances[0].version.number(), 3);
    assert_eq!(config.global.router_id, "gw");
    assert_eq!(config.instances[0].advertised, 2);
}

#[test]
fn a_numeric_name_is_a_name() {
    let text = with("").replace("VI_1", "51");
    assert_eq!(config(&text).instances[0].name, "51");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_keyword() {
    let text = format!("\u{feff}{}", with(""));
    assert_eq!(codes(&text), ["RW0004"]);
    assert_eq!(config(&text).instances.len(), 1);
}

#[test]
fn a_missing_closer_is_noticed_where_the_next_block_begins() {
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n\
                10.0.0.1\n}\n\nvrrp_instance B {\ninterface eth0\nvirtual_router_id 2\n\
                virtual_ipaddress {\n10.0.0.2\n}\n}\n";
    let report = run(text).report;
    assert_eq!(report.diagnostics.len(), 1, "{report}");
    let diagnostic = &report.diagnostics[0];
    assert_eq!(diagnostic.code.id(), "RW0008");
    assert_eq!(diagnostic.message, "the block of `vrrp_instance` is not closed");
    assert_eq!(diagnostic.helps, ["put a `}` before `vrrp_instance`"]);
}

#[test]
fn a_missing_inner_closer_does_not_swallow_the_keywords_behind_it() {
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_ipaddress {\n10.0.0.1\n\
                virtual_router_id 1\nauthentication {\nauth_type PASS\npriority 5\n}\n";
    let report = run(text).report;
    let messages: Vec<_> = report.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the block of `virtual_ipaddress` is not closed",
            "there is no `auth_pass`: no authentication",
            "the block of `authentication` is not closed",
        ]
    );
}

#[test]
fn the_last_block_may_lack_its_closer() {
    let text = with("");
    assert_eq!(codes(text.trim_end().strip_suffix('}').unwrap()), ["RW0008"]);
}

#[test]
fn an_extra_closer_is_named_and_the_rest_is_read() {
    assert_eq!(codes(&format!("{}}}\n", with(""))), ["RW0009"]);
    // Closed too early: the instance goes on behind it.
    let text = with("}\npriority 90\nadvert_int 2");
    assert_eq!(codes(&text), ["RW0009"]);
}

#[test]
fn stray_openers_are_named_with_their_closers_left_in_peace() {
    assert_eq!(codes(&format!("{{\n}}\n{}", with(""))), ["RW0010"]);
    assert_eq!(codes(&with("priority 100 {\n}")), ["RW0028"]);
    assert_eq!(codes(&with("{ {\n} }")), ["RW0010", "RW0010"]);
}

#[test]
fn comments_begin_in_the_middle_of_words() {
    let text = with("priority 10!0");
    assert_eq!(codes(&text), ["RW0007"]);
    assert_eq!(config(&text).instances[0].priority.0, 10);
    assert_eq!(codes(&with("priority 100 #0")), [""; 0]);
}

#[test]
fn quotes_keep_comments_and_braces() {
    let text = with("authentication {\nauth_type PASS\nauth_pass \"a#!}b{\"\n}");
    assert_eq!(codes(&text), [""; 0]);
    assert_eq!(config(&text).instances[0].authentication, Authentication::Password(*b"a#!}b{\0\0"));
}

#[test]
fn a_password_is_hidden_behind_a_misspelt_keyword_as_well() {
    for keyword in ["auth_pass", "auth_pas", "auht_pass", "auth_pss", "authpass", "auth_password"] {
        let line = format!("authentication {{\n{keyword} hunter2#hunter2\nauth_type XX\n}}");
        let report = run(&with(&line)).report.to_string();
        assert!(!report.contains("hunter"), "{report}");
        assert!(report.contains("XX"), "{report}");
    }
}

#[test]
fn single_quotes_are_ordinary_and_quoted_pieces_are_words() {
    let password = |pass: &str| {
        let text = with(&format!("authentication {{\nauth_type PASS\nauth_pass {pass}\n}}"));
        let Authentication::Password(octets) = config(&text).instances[0].authentication else {
            panic!("a password")
        };
        (octets, codes(&text))
    };
    assert_eq!(password("'1234'"), (*b"'1234'\0\0", vec!["RW0015"]));
    assert_eq!(password("a'b"), (*b"a'b\0\0\0\0\0", vec![]));
    assert_eq!(password("'a b'"), (*b"'a\0\0\0\0\0\0", vec!["RW0015", "RW0031"]));
    assert_eq!(password("a\"b\"c"), (*b"a\0\0\0\0\0\0\0", vec!["RW0031"]));
    assert_eq!(password("12\\34"), (*b"12\\34\0\0\0", vec![]));
}

#[test]
fn an_open_quote_ends_with_its_line() {
    assert_eq!(codes(&with("authentication {\nauth_type PASS\nauth_pass \"abc\n}")), ["RW0006"]);
    assert_eq!(codes(&with("").replace("VI_1", "\"VI 1")), ["RW0006"]);
}

#[test]
fn a_missing_opener_is_noticed_by_what_follows() {
    assert_eq!(codes(&with("").replace("VI_1 {", "VI_1")), ["RW0026"]);
    assert_eq!(codes(&with("authentication\nauth_type PASS\nauth_pass 1\n}")), ["RW0026"]);
}

#[test]
fn a_value_eaten_by_a_comment_is_missing() {
    let report = run(&with("state #STATE#")).report;
    assert_eq!(report.diagnostics[0].code.id(), "RW0030");
    assert_eq!(report.diagnostics[0].others[0].text, "all of this is a comment");
}

#[test]
fn characters_that_look_like_others_are_named() {
    for (text, name) in [
        ("priority 100\u{ff0c}", "full-width comma"),
        ("priority\u{a0}100", "no-break space"),
        ("priority \u{201c}100\u{201d}", "curly quote"),
    ] {
        let report = run(&with(text)).report;
        assert!(report.diagnostics[0].message.contains(name), "{report}");
        assert!(report.diagnostics.iter().all(|d| d.code.id() == "RW0005"), "{report}");
    }
    // In comments and quotes anything goes.
    assert_eq!(codes(&with("# für 100\u{a0}€\npriority 100")), [""; 0]);
}

#[test]
fn a_flag_is_on_whatever_follows() {
    for flag in ["nopreempt 1", "nopreempt off", "dont_track_primary false"] {
        assert_eq!(codes(&with(flag)), ["RW0031"], "{flag}");
    }
    assert!(!instance("nopreempt 0").preempt);
}

#[test]
fn a_prefix_length_on_a_router_is_ignored_with_a_warning() {
    let text = with("unicast_src_ip 10.0.0.1/24\nunicast_peer {\n10.0.0.2/24\n}");
    assert_eq!(codes(&text), ["RW0065", "RW0065"]);
    let config = config(&text);
    assert_eq!(config.instances[0].source, Some("10.0.0.1".parse().unwrap()));
    assert_eq!(config.peers[0], "10.0.0.2".parse::<std::net::IpAddr>().unwrap());
}

#[test]
fn address_lines_say_what_is_wrong_with_them() {
    for (line, code, help) in [
        ("10.1.1.9/255.255.255.0", "RW0039", "write `10.1.1.9/24`"),
        ("10.1.1.9/33", "RW0039", "choose /0 to /32"),
        ("10.1.1.9/", "RW0039", "choose /0 to /32"),
        ("10.1.1.9/24 10.1.1.10/24", "RW0040", "write one address to a line"),
        ("10.1.1.9/24 eth1", "RW0040", "`10.1.1.9/24 dev eth1`"),
        ("10.1.1.9/24 eth1:1", "RW0040", "`10.1.1.9/24 label eth1:1`"),
        ("10.1.1.9/24 lable eth1:1", "RW0040", "did you mean `label`?"),
        ("10.1.1.016", "RW0034", "without leading zeros: 10.1.1.16"),
        ("10.1.1", "RW0034", "an IPv4 address has four numbers"),
        ("10.1.1.256", "RW0034", "up to 255"),
        ("router.example.net", "RW0034", "host names are not looked up"),
        ("fe80::1%eth0", "RW0034", "`fe80::1 dev eth0`"),
    ] {
        let report = run(&with_addresses(line, "")).report;
        assert_eq!(report.diagnostics[0].code.id(), code, "{line}");
        assert!(report.diagnostics[0].helps[0].contains(help), "{line}\n{report}");
    }
    assert_eq!(codes(&with_addresses("10.0.0.9/24 dev", "")), ["RW0030"]);
    assert_eq!(codes(&with_addresses("0.0.0.0", "")), ["RW0034"]);
    assert_eq!(codes(&with_addresses("224.0.0.18", "")), ["RW0034"]);
    assert_eq!(codes(&with_addresses("10.0.0.9/24 brd +", "")), ["RW0023"]);
    assert_eq!(codes(&with_addresses("10.0.0.9/24 scope global dev eth0", "")), [""; 0]);
    assert_eq!(codes(&with_addresses("10.0.0.9/24\nfe80::1", "")), ["RW0055"]);
}

#[test]
fn what_has_another_name_here_or_a_new_one_is_told() {
    for (line, help) in [
        ("garp_master_delay 5", "in global_defs it is called `vrrp_garp_master_delay`"),
        ("lvs_id gw", "write `router_id`"),
        ("vrrp_grap_interval 0", "did you mean `vrrp_garp_interval`?"),
    ] {
        let report = run(&format!("global_defs {{\n{line}\n}}\n{}", with(""))).report;
        assert_eq!(report.diagnostics[0].helps.last().map(String::as_str), Some(help), "{report}");
    }
    let report = run(&with("vrrp_garp_master_repeat 2")).report;
    let help = "in vrrp_instance it is called `garp_master_repeat`";
    assert_eq!(report.diagnostics[0].helps.last().map(String::as_str), Some(help), "{report}");
}

#[test]
fn case_counts_and_the_message_says_so() {
    for (line, help) in [
        ("PRIORITY 100", "write `priority`"),
        ("state master", "case counts: write `MASTER`"),
        ("authentication {\nauth_type pass\nauth_pass 1\n}", "case counts: write `PASS`"),
    ] {
        let report = run(&with(line)).report;
        assert_eq!(report.diagnostics.len(), 1, "{report}");
        assert_eq!(report.diagnostics[0].helps, [help], "{report}");
    }
}

#[test]
fn placeholders_are_reported_once_and_start_no_cascade() {
    for placeholder in
        ["${X:-51}", "{{ vrid }}", "{{vrid}}", "<vrid>", "<your vrid>", "__VRID__", "@@VRID@@"]
    {
        let text = with("").replace(" 51", &format!(" {placeholder}"));
        assert_eq!(codes(&text), ["RW0011"], "{placeholder}");
    }
    let text = "vrrp_instance {{ name }} {\ninterface {{ interface }}\n{% if vrid %}\n\
                virtual_router_id {{ vrid }}\n{% endif %}\nvirtual_ipaddress {\n{{ vip }}/24 dev \
                {{ interface }}\n}\n}\n";
    let report = run(text).report;
    assert_eq!(report.diagnostics.len(), 1, "{report}");
    assert_eq!(report.diagnostics[0].folded, 3, "{report}");
    assert_eq!(codes(&with("").replace(" 51", " $VRID")), ["RW0100"]);
    assert_eq!(codes(&with("").replace(" 51", " ${VRID}")), ["RW0100"]);
}

#[test]
fn merge_markers_are_reported() {
    let text = with("<<<<<<< HEAD\npriority 100\n=======\npriority 90\n>>>>>>> branch");
    let text = text.replace("    <<<<<<<", "<<<<<<<");
    assert_eq!(codes(&text), ["RW0012", "RW0027"]);
}

#[test]
fn several_keywords_on_a_line_are_told_apart() {
    let report = run(&with("state BACKUP priority 90")).report;
    assert_eq!(report.diagnostics[0].code.id(), "RW0031");
    assert_eq!(report.diagnostics[0].helps, ["put `priority` on a line of its own"]);
}

#[test]
fn what_is_no_text_is_refused() {
    for (octets, word) in [
        (b"RINGWARD\x01\x00".as_slice(), "compiled"),
        (b"\xff\xfeg\0l\0", "UTF-16"),
        (b"vrrp_instance\0", "NUL"),
    ] {
        let compiled = compile("x", octets);
        assert!(compiled.config.is_none());
        assert!(compiled.report.to_string().contains(word), "{}", compiled.report);
    }
    assert_eq!(codes(""), ["RW0001"]);
    assert_eq!(codes("# nothing\n\n"), ["RW0001"]);
    assert_eq!(codes("global_defs {\n}\n"), ["RW0001"]);
}

#[test]
fn octets_that_are_not_utf8_are_fine_in_comments_and_a_warning_in_values() {
    let mut text = with("").replace("eth0", "eth0 # f\u{1}r alle").into_bytes();
    let at = text.iter().position(|&octet| octet == 1).unwrap();
    text[at] = 0xfc;
    assert_eq!(compile("x", &text).report.diagnostics.len(), 0);
    let text = with("").replace("VI_1", "VI_\u{1}").into_bytes();
    let text: Vec<u8> =
        text.into_iter().map(|octet| if octet == 1 { 0xfc } else { octet }).collect();
    let compiled = compile("x", &text);
    assert_eq!(compiled.report.diagnostics[0].code.id(), "RW0003");
    assert_eq!(compiled.config.unwrap().instances[0].name, "VI_\u{fffd}");
}
