//! What is read besides keywords: escapes, variables, conditions, sequences. How keepalived 2.2.7
//! takes each was tried; `tests/agreement.rs` tries it at every run.

use super::super::Options;
use super::*;
use crate::config::model::Authentication;
use crate::config::source::compile_with;

fn with_id(text: &str, id: &str) -> Compiled {
    compile_with(&Options { config_id: Some(id), ..Options::PLAIN }, "test.conf", text.as_bytes())
}

fn shown(compiled: &Compiled) -> Vec<String> {
    let line = |d: &crate::config::source::diagnostic::Diagnostic| {
        let place = compiled.report.sources.place(d.primary.span);
        format!("{} {place} {}", d.code.id(), d.message)
    };
    compiled.report.diagnostics.iter().map(line).collect()
}

#[test]
fn a_backslash_does_not_keep_a_comment_from_beginning() {
    let text = with("authentication {\nauth_type PASS\nauth_pass a\\#b\\!c # d\n}");
    assert_eq!(codes(&text), ["RW0007"]);
    assert_eq!(
        config(&text).instances[0].authentication,
        Authentication::Password(*b"a\0\0\0\0\0\0\0")
    );
    assert!(!run(&text).report.to_string().contains("b!c"));
    // Between quotes there are neither comments nor backslashes.
    let text = with("authentication {\nauth_type PASS\nauth_pass \"a\\#b\" # d\n}");
    assert_eq!(codes(&text), [""; 0]);
    assert_eq!(
        config(&text).instances[0].authentication,
        Authentication::Password(*b"a\\#b\0\0\0\0")
    );
}

#[test]
fn a_line_goes_on_for_variables_only() {
    for line in ["priority \\ # 5", "priority 5\\", "priority 5 \\\n# nothing"] {
        assert_eq!(codes(&with(line)), ["RW0106"], "{line}");
    }
    assert_eq!(codes(&with("# a comment \\\npriority 5")), [""; 0]);
}

#[test]
fn variables_are_put_in_when_a_line_is_read() {
    let text = with(
        "$P=20\n$Q=$P\n$LINE=priority $Q\n$P=30\n$LINE\n$A=10.0.7\nvirtual_ipaddress \
                     {\n${A}.1/24\n\"${A}.2/24\"\n}",
    );
    assert_eq!(codes(&text), [""; 0]);
    let config = config(&text);
    assert_eq!(config.instances[0].priority.0, 30);
    assert_eq!(config.addresses[1].ip.to_string(), "10.0.7.1");
    assert_eq!(config.addresses[2].ip.to_string(), "10.0.7.2");
}

#[test]
fn variables_may_have_several_lines() {
    let text = "$B=\\\n  priority 77 \\\n  # comment \\\n  advert_int 3\n$I=vrrp_instance A {\\\n\
                interface eth0\\\nvirtual_router_id 5 \\\n$B\\\n$V \\\n}\n$V=virtual_ipaddress {\\\n\
                10.0.0.1\\\n}\n$I\n";
    let config = config(text);
    assert_eq!(codes(text), [""; 0]);
    assert_eq!(config.instances[0].priority.0, 77);
    assert_eq!(config.instances[0].interval.as_secs(), 3);
    assert_eq!(config.addresses[0].ip.to_string(), "10.0.0.1");
}

#[test]
fn what_is_not_put_in_is_told() {
    for (lines, code) in [
        ("$P=2\npriority 1$P", ""),
        ("$P=24\nvirtual_ipaddress { 10.0.0.$P/24 }", "RW0101"),
        ("$P=24\nvirtual_ipaddress { 10.0.0.${P}/24 }", ""),
        ("$P=24\nauthentication {\nauth_type PASS\nauth_pass \"x$P\"\n}", "RW0101"),
        ("priority $P", "RW0100"),
        ("priority ${P}", "RW0100"),
        ("$P = 5", "RW0100"),
        ("$M=\\\npriority 5\\\nadvert_int 2\nstate $M x", "RW0101"),
        ("$M=\\\npriority 5\\\nadvert_int 2\n${M}x", "RW0101"),
        ("authentication {\nauth_type PASS\nauth_pass $ecret\n}", "RW0102"),
        ("authentication {\nauth_type PASS\nauth_pass s$cret\n}", ""),
        ("$A=$A x\npriority $A", "RW0103"),
        ("$A=$B\n$B=$A\npriority $A", "RW0103"),
    ] {
        let found = codes(&with(lines));
        let is_as_expected = if code.is_empty() { found.is_empty() } else { found.contains(&code) };
        assert!(is_as_expected, "{lines}: {found:?}");
    }
    let text = with("authentication {\nauth_type PASS\nauth_pass $ecret\n}");
    assert_eq!(config(&text).instances[0].authentication, Authentication::Password(*b"$ecret\0\0"));
}

#[test]
fn messages_tell_where_a_value_is_set_and_used() {
    let compiled = run(&with("$P=0\npriority $P\n$Q=3\nadvert_int 9${Q}9"));
    let report = compiled.report.to_string();
    assert!(
        report.contains(
            "error[RW0033]: 0 is out of range for `priority`\n --> test.conf:7:8\n  |\n7 |     $P=0\n  \
             |        ^\n8 | priority $P\n  |          -- `$P` is used here\n"
        ),
        "{report}"
    );
    assert!(
        report.contains(
            "error[RW0033]: 939 is out of range for `advert_int`\n  --> test.conf:10:12\n   |\n 9 | \
             $Q=3\n   |    - `$Q` is set here\n10 | advert_int 9${Q}9\n   |            ^^^^^^\n"
        ),
        "{report}"
    );
}

#[test]
fn a_secret_is_hidden_wherever_it_came_from() {
    let lines = "$WORD=hunter2hunter2\n$MY_PASS=hunter3hunter3\nauthentication {\nauth_type PASS\n\
                 auth_pass $WORD\n}\nstate $MY_PASS";
    let report = run(&with(lines)).report.to_string();
    assert!(report.contains("RW0063") && report.contains("RW0036"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
    let definitions = [("P".to_owned(), "hunter2hunter2".to_owned())];
    let options = Options { definitions: &definitions, ..Options::PLAIN };
    let text = with("authentication {\nauth_type PASS\nauth_pass $P\n}");
    let report = compile_with(&options, "test.conf", text.as_bytes()).report.to_string();
    assert!(report.contains("the command line:1:6"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn the_command_line_overrules_the_text() {
    let definitions = [("P".to_owned(), "90".to_owned())];
    let options = Options { definitions: &definitions, ..Options::PLAIN };
    let compiled = compile_with(&options, "test.conf", with("$P=80\npriority $P").as_bytes());
    assert_eq!(
        shown(&compiled),
        ["RW0107 test.conf:7 `$P` is given on the command line: this does not count"]
    );
    assert_eq!(compiled.config.unwrap().instances[0].priority.0, 90);
}

#[test]
fn some_variables_are_always_there() {
    let text = with(
        "authentication {\nauth_type PASS\nauth_pass \"a${_HASH}b${_BANG}\"\n}\n\
                     priority ${_RANDOM 7 9}",
    );
    let (one, other) = (with_id(&text, "a"), with_id(&text, "a"));
    let config = one.config.unwrap();
    assert_eq!(config.instances[0].authentication, Authentication::Password(*b"a#b!\0\0\0\0"));
    assert!((7..=9).contains(&config.instances[0].priority.0));
    assert_eq!(other.config.unwrap(), config);
    let text = with("").replace("VI_1", "VI_${_INSTANCE}");
    assert_eq!(with_id(&text, "gw7").config.unwrap().instances[0].name, "VI_gw7");
    assert_eq!(codes(&text), ["RW0110"]);
    assert_eq!(codes(&with("priority ${_ENV NO_SUCH}0")), ["RW0109", "RW0033"]);
}

#[test]
fn lines_are_for_one_router_or_for_all_others() {
    let text = with("@a priority 7\n@^a priority 8\n@b state MASTER\n@a { @b }\n@a\n@ x");
    let text = text.replace("@a { @b }\n", "");
    let compiled = with_id(&text, "a");
    assert_eq!(
        shown(&compiled),
        [
            "RW0111 test.conf:10 a condition wants an id and a line behind it: this does nothing",
            "RW0111 test.conf:11 a condition wants an id and a line behind it: this does nothing",
        ]
    );
    assert_eq!(compiled.config.unwrap().instances[0].priority.0, 7);
    assert_eq!(with_id(&text, "c").config.unwrap().instances[0].priority.0, 8);
    // Without an id nothing else is said: half the text is unknown.
    assert_eq!(codes("vrrp_instance A { @a interface eth0\n}\n"), ["RW0110"]);
    let text = "vrrp_instance A { @a interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { @a \
                10.0.0.1\n@b 10.0.0.2\n} @b priority 7\n}\n";
    let config = with_id(text, "a").config.unwrap();
    assert_eq!(config.addresses.len(), 1);
}

#[test]
fn sequences_repeat_a_line() {
    let text = "$I=vrrp_instance V${i} {\\\ninterface eth0\\\nvirtual_router_id $i \\\n\
                ~SEQ(k, 1, 2) virtual_ipaddress { 10.0.${i}.${k} }\\\n}\n~SEQ(i, 9, 11) $I\n";
    let config = config(text);
    let names: Vec<_> = config.instances.iter().map(|instance| instance.name.as_str()).collect();
    assert_eq!(names, ["V9", "V10", "V11"]);
    let addresses: Vec<_> = config.addresses.iter().map(|a| a.ip.to_string()).collect();
    assert_eq!(
        addresses,
        ["10.0.9.1", "10.0.9.2", "10.0.10.1", "10.0.10.2", "10.0.11.1", "10.0.11.2"]
    );
    let text = with(
        "$N=4\nvirtual_ipaddress {\n~SEQ(a,3,$N) ~LST({b,c},{1,2},{3,4}) \
                     10.${a}.${b}.${c}\n~SEQx(h,9,11) fe80::$h,\n}",
    );
    let report = run(&text).report.to_string();
    assert!(report.contains("`fe80::b,` is not an address"), "{report}");
    let text = text.replace("fe80::$h,", "10.9.9.1$h").replace("9,11", "0,1");
    let config = super::config(&text);
    assert_eq!(config.addresses.len(), 1 + 4 + 2);
    assert_eq!(config.addresses[4].ip.to_string(), "10.4.3.4");
}

#[test]
fn sequences_have_bounds() {
    for (line, word) in [
        ("~SEQ(i,1,5000000) priority $i", "4096 are possible"),
        ("~SEQ(i,1,4096) ~SEQ(j,1,4096) # nothing\n", ""),
        ("~SEQ(i,1,4096) ~SEQ(j,1,4096) priority $i", "more than 32768 lines"),
        ("$A=~SEQ(i,1,2) $A\n$A", "more than"),
        ("~SEQ(i priority 5", "a `)` is missing"),
    ] {
        let report = run(&with(line)).report;
        let is_told = report.diagnostics.iter().any(|d| d.message.contains(word));
        assert!(word.is_empty() || is_told, "{line}: {report}");
    }
}

#[test]
fn a_message_about_every_round_is_shown_once() {
    let text = with("~SEQ(i,1,3) prioritty 7\n~SEQ(i,1,3) advert_int 30$i");
    assert_eq!(
        codes(&text),
        ["RW0020", "RW0027", "RW0033", "RW0033", "RW0033"],
        "{}",
        run(&text).report
    );
}

#[test]
fn a_line_has_an_end() {
    assert_eq!(codes(&with(&format!("# {}", "x".repeat(1021)))), ["RW0014"]);
    assert_eq!(
        codes(&with("").replace("{\n    i", &format!("{{ # {}\ni", "x".repeat(990)))),
        [""; 0]
    );
}
