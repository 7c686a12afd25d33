//! vrrp_script and track_script: defaults, forms and messages. Expected values are from
//! keepalived.conf(5).

use super::*;
use crate::config::model::{Check, Probe, Subject, Tracker};
use crate::config::source::explain::explain;
use crate::config::source::{Options, compile_with};
use crate::time::Span;

/// A script `chk` with `lines`, tracked by an instance in `track`.
fn scripted(lines: &str, track: &str) -> String {
    format!("vrrp_script chk {{\n{lines}\n}}\n{}", with(&format!("track_script {{\n{track}\n}}")))
}

fn words(config: &Config, script: usize) -> Vec<&str> {
    let Check::Command(command) = config.scripts[script].check else { return Vec::new() };
    config.commands[usize::from(command)].arguments().collect()
}

#[test]
fn a_script_has_keepalived_s_defaults() {
    let config = config(&scripted("script \"killall -0 nginx\"", "chk"));
    let script = &config.scripts[0];
    assert_eq!((script.name.as_str(), script.check), ("chk", Check::Command(0)));
    assert_eq!((script.interval, script.timeout), (Span::from_secs(1), Span::from_secs(1)));
    assert_eq!((script.rise, script.fall, script.init_fail), (1, 1, false));
    assert_eq!(words(&config, 0), ["killall", "-0", "nginx"]);
    let command = &config.commands[0];
    assert_eq!((command.user.as_str(), command.group.as_str()), ("", ""));
    assert!(!command.supplementary && !config.global.script_security);
    assert_eq!(config.trackers_of(&config.instances[0]), [tracker(0, 0, false)]);
}

fn tracker(script: u16, weight: i16, reverse: bool) -> Tracker {
    Tracker { subject: Subject::Script(script), weight, reverse }
}

#[test]
fn everything_that_a_script_can_say_is_taken() {
    let lines = "script /bin/check --fast \"a b\"\ninterval 0.25\ntimeout 0.1\nrise 3\nfall 65535\n\
                 weight -20\nuser nobody :adm\ninit_fail";
    let text = format!(
        "global_defs {{\nenable_script_security\nscript_user www\n}}\n{}",
        scripted(lines, "chk")
    );
    let config = config(&text);
    let script = &config.scripts[0];
    assert_eq!((script.interval, script.timeout), (Span::from_millis(250), Span::from_millis(100)));
    assert_eq!((script.rise, script.fall, script.init_fail), (3, 65535, true));
    assert_eq!(words(&config, 0), ["/bin/check", "--fast", "a", "b"]);
    let command = &config.commands[0];
    assert_eq!((command.user.as_str(), command.group.as_str()), ("nobody", "adm"));
    assert!(command.supplementary && config.global.script_security);
    assert_eq!(config.trackers_of(&config.instances[0]), [tracker(0, -20, false)]);
}

#[test]
fn the_default_user_is_that_of_global_defs_and_a_timeout_of_0_is_the_interval() {
    let lines = "script /x\ninterval 7\ntimeout 0";
    let text = format!("global_defs {{\nscript_user www data\n}}\n{}", scripted(lines, "chk"));
    let config = config(&text);
    assert_eq!(config.scripts[0].timeout, Span::from_secs(7));
    let command = &config.commands[0];
    assert_eq!((command.user.as_str(), command.group.as_str()), ("www", "data"));
    assert!(!command.supplementary);
}

#[test]
fn a_line_of_track_script_overrides_the_weight_of_the_script() {
    for (weight, line, expected) in [
        ("", "chk weight 4", (4, false)),
        ("weight 4", "chk", (4, false)),
        ("weight 4 reverse", "chk", (4, true)),
        ("weight 4 reverse", "chk weight 5", (5, true)),
        ("weight 4 reverse", "chk weight -253 noreverse", (-253, false)),
        ("weight +253", "chk weight 0 reverse", (0, true)),
    ] {
        let config = config(&scripted(&format!("script /x\n{weight}"), line));
        let (value, reverse) = expected;
        assert_eq!(config.trackers[..], [tracker(0, value, reverse)], "{weight} {line}");
    }
}

#[test]
fn what_cannot_be_tracked_or_run_says_so() {
    for (lines, track, expected) in [
        ("script /x", "ckh", vec!["RW0082", "RW0083"]),
        ("", "chk", vec!["RW0080"]),
        ("script", "chk", vec!["RW0030"]),
        ("script \"\"", "chk", vec!["RW0080"]),
        ("script \"/x 'a\"", "chk", vec!["RW0080"]),
        ("script /x\ninterval 0", "chk", vec!["RW0033"]),
        ("script /x\ninterval 1s", "chk", vec!["RW0032"]),
        ("script /x\nrise 0", "chk", vec!["RW0033"]),
        ("script /x\nweight 254", "chk", vec!["RW0033"]),
        ("script /x\nweight -254", "chk", vec!["RW0033"]),
        ("script /x\nweight 5 backwards", "chk", vec!["RW0036"]),
        ("script /x\nweight", "chk", vec!["RW0030"]),
        ("script /x\nuser", "chk", vec!["RW0030"]),
        ("script /x", "chk wieght 5", vec!["RW0084"]),
        ("script /x", "chk weight", vec!["RW0030"]),
        ("script /x", "chk weight 5 reverse 7", vec!["RW0084"]),
        ("script /x", "chk\nchk", vec!["RW0057"]),
        ("script \"pidof nginx || exit 1\"", "chk", vec!["RW0081"]),
        ("script \"/bin/sh -c 'pidof nginx || exit 1'\"", "chk", vec![]),
        ("script '/x y'", "chk", vec![]),
        ("script /x\nvirtual_router_id 5", "chk", vec!["RW0022"]),
        ("script /x\nscript /y", "chk", vec!["RW0027"]),
    ] {
        assert_eq!(codes(&scripted(lines, track)), expected, "{lines} / {track}");
    }
    let long = format!("script \"/x {}\"", "y".repeat(255));
    assert_eq!(codes(&scripted(&long, "chk")), ["RW0080"]);
}

#[test]
fn scripts_of_one_name_and_scripts_that_nobody_tracks_are_named() {
    let script = "vrrp_script chk {\nscript /x\n}\n";
    assert_eq!(codes(&format!("{script}{}", scripted("script /x", "chk"))), ["RW0053"]);
    let text = format!("{script}{}", with(""));
    assert_eq!(codes(&text), ["RW0082"]);
    assert!(config(&text).scripts.is_empty());
}

#[test]
fn an_owner_tracks_nothing_that_only_moves_its_priority() {
    let text =
        scripted("script /x\nweight 5", "chk").replace("interface", "priority 255\ninterface");
    assert_eq!(codes(&text), ["RW0085"]);
    assert!(config(&text).trackers.is_empty());
    let text = scripted("script /x", "chk").replace("interface", "priority 255\ninterface");
    assert_eq!(codes(&text), [""; 0]);
    assert_eq!(config(&text).trackers.len(), 1);
}

#[test]
fn one_command_of_several_scripts_is_in_the_table_once() {
    let text = "vrrp_script a {\nscript \"/x 1\"\n}\nvrrp_script b {\nscript /x 1\ninterval 9\n}\n\
                vrrp_script c {\nscript /x 1\nuser www\n}\n";
    let config = config(&format!("{text}{}", with("track_script {\na\nb\nc\n}")));
    assert_eq!(config.scripts.len(), 3);
    let checks: Vec<Check> = config.scripts.iter().map(|script| script.check).collect();
    assert_eq!(checks, [0, 0, 1].map(Check::Command));
}

#[test]
fn interfaces_are_tracked_with_weights_too() {
    let text = with("track_interface {\neth1\neth2 weight -20\neth3 weight 10 reverse\neth0\n}");
    assert_eq!(codes(&text), ["RW0087"]);
    let tracking = config(&text);
    assert_eq!(tracking.interfaces, ["eth0", "eth1", "eth2", "eth3"]);
    let interface =
        |slot, weight, reverse| Tracker { subject: Subject::Interface(slot), weight, reverse };
    let expected = [interface(1, 0, false), interface(2, -20, false), interface(3, 10, true)];
    assert_eq!(tracking.trackers[..], expected);
    let text = with("dont_track_primary\ntrack_interface {\neth0 weight -50\n}");
    assert_eq!(codes(&text), [""; 0]);
    assert_eq!(config(&text).trackers[..], [interface(0, -50, false)]);
    assert_eq!(codes(&with("track_interface {\na/b\n}")), ["RW0037"]);
}

#[test]
fn a_built_in_check_takes_the_place_of_the_command() {
    let config = config(&scripted("builtin \"tcp 127.0.0.1:80\"\nrise 2\nfall 3", "chk"));
    let script = &config.scripts[0];
    assert_eq!((script.check, script.rise, script.fall), (Check::Probe(0), 2, 3));
    assert_eq!(script.timeout, Span::from_secs(1));
    assert_eq!(config.probes[..], [Probe::Tcp { server: "127.0.0.1:80".parse().unwrap() }]);
    assert!(config.commands.is_empty());
    // Quotes are not needed.
    let text = scripted("builtin http://127.0.0.1/up 204", "chk");
    assert_eq!(super::config(&text).probes[0].to_string(), "http://127.0.0.1:80/up 204");
}

#[test]
fn a_built_in_check_that_cannot_be_made_is_an_error() {
    for (lines, expected) in [
        ("builtin tcp localhost:80", "RW0140"),
        ("builtin", "RW0030"),
        ("script /x\nbuiltin tcp 127.0.0.1:80", "RW0140"),
        ("interval 1", "RW0080"),
    ] {
        assert_eq!(codes(&scripted(lines, "chk")), [expected], "{lines}");
    }
}

#[test]
fn explain_says_whose_user_a_script_has_and_keeps_its_columns() {
    let shown = |global: &str, lines: &str| {
        let text = format!(
            "global_defs {{\n{global}\n}}\nvrrp_script chk {{\nscript \"/bin/chk --with words\"\n{lines}\n}}\n{}",
            with("track_script {\nchk\n}")
        );
        let options = Options { keeps_origins: true, ..Options::PLAIN };
        let compiled = compile_with(&options, "test.conf", text.as_bytes());
        let config = compiled.config.expect("it compiles");
        explain(&config, Some((&compiled.origins, &compiled.report.sources)))
    };
    for (global, lines, user, origin) in [
        ("", "", "keepalived_script or root", "default (keepalived)"),
        ("script_user nobody", "", "nobody", "default (script_user)"),
        ("script_user nobody", "user root", "root", "configured at test.conf:6"),
    ] {
        let text = shown(global, lines);
        let row = text.lines().find(|line| line.trim_start().starts_with("user ")).unwrap();
        assert!(
            row.contains(&format!(" {user} ")) && row.ends_with(&format!(" {origin}")),
            "{row}"
        );
        let script = text.split("vrrp_script chk\n").nth(1).unwrap().lines().take(7);
        let starts: Vec<usize> = script
            .map(|row| row.find(" default (").or(row.find(" configured at ")).expect("an origin"))
            .collect();
        assert!(starts.iter().all(|start| *start == starts[0]), "{text}");
    }
}
