//! vrrp_track_process and track_process: defaults, forms and messages. Expected values are from
//! keepalived.conf(5), and from what keepalived 2.2.7 makes of the same lines.

use super::*;
use crate::config::model::{Check, Kind, Parameters, Probe, Process, Subject, Tracker};
use crate::time::Span;

/// A process `chk` with `lines`, tracked by an instance in `track`.
fn tracked(lines: &str, track: &str) -> String {
    let track = with(&format!("track_process {{\n{track}\n}}"));
    format!("vrrp_track_process chk {{\n{lines}\n}}\n{track}")
}

/// What becomes of these lines.
#[track_caller]
fn process(lines: &str) -> Process {
    let config = config(&tracked(lines, "chk"));
    let script = &config.scripts[0];
    assert_eq!((script.name.as_str(), script.kind), ("chk", Kind::Process));
    let Check::Probe(probe) = script.check else { panic!("{script:?}") };
    let Probe::Process(process) = &config.probes[usize::from(probe)] else { panic!("{probe}") };
    process.clone()
}

#[test]
fn a_process_has_keepalived_s_defaults() {
    let expected = Process {
        words: "nginx\0".try_into().unwrap(),
        full_command: false,
        parameters: Parameters::Any,
        quorum: 1,
        // None is given: more than there can be.
        quorum_max: 65535,
        fork_delay: Span::ZERO,
        terminate_delay: Span::ZERO,
    };
    assert_eq!(process("process nginx"), expected);
    let text = tracked("process nginx", "chk");
    let config = config(&text);
    assert_eq!(config.trackers_of(&config.instances[0]), [tracker(0, false)]);
    // One success is enough, and one failure, and there is no first time.
    let script = &config.scripts[0];
    assert_eq!((script.rise, script.fall, script.init_fail), (1, 1, false));
    assert!(config.commands.is_empty());
}

fn tracker(weight: i16, reverse: bool) -> Tracker {
    Tracker { subject: Subject::Script(0), weight, reverse }
}

#[test]
fn everything_that_a_process_can_say_is_taken() {
    let lines = "process \"/usr/bin/a b\" --one \"param 2\"\nparam_match initial\nquorum 2\n\
                 quorum_max 65535\nfork_delay 0.5\nterminate_delay 3600\nfull_command";
    let expected = Process {
        words: "/usr/bin/a b\0--one\0param 2\0".try_into().unwrap(),
        full_command: true,
        parameters: Parameters::Initial,
        quorum: 2,
        quorum_max: 65535,
        fork_delay: Span::from_millis(500),
        terminate_delay: Span::from_secs(3600),
    };
    assert_eq!(process(lines), expected);
    let both = process("process x\ndelay 0.000001");
    let least = Span::from_micros(1);
    assert_eq!((both.fork_delay, both.terminate_delay), (least, least));
}

#[test]
fn parameters_are_matched_as_param_match_says() {
    use Parameters::{Any, Exact, Initial, Partial};
    for (lines, expected) in [
        ("process x", Any),
        ("process x a", Exact),
        ("process x a\nparam_match initial", Initial),
        ("process x a\nparam_match partial", Partial),
        // "To specify that a command must have no parameters, don't specify any parameters, but
        // specify param_match."
        ("process x\nparam_match", Exact),
        ("process x a\nparam_match", Exact),
    ] {
        assert_eq!(process(lines).parameters, expected, "{lines}");
    }
}

#[test]
fn none_may_run_where_quorum_max_is_0() {
    for (lines, expected) in [
        ("quorum 3", (3, 65535)),
        ("quorum_max 3", (1, 3)),
        ("quorum_max 0", (0, 0)),
        ("quorum 2\nquorum_max 2", (2, 2)),
    ] {
        let process = process(&format!("process x\n{lines}"));
        assert_eq!((process.quorum, process.quorum_max), expected, "{lines}");
    }
}

#[test]
fn a_line_of_track_process_overrides_the_weight_of_the_process() {
    for (weight, line, expected) in [
        ("", "chk weight 4", tracker(4, false)),
        ("weight 4", "chk", tracker(4, false)),
        ("weight 254", "chk", tracker(254, false)),
        ("weight -254 reverse", "chk", tracker(-254, true)),
        ("weight 4 reverse", "chk weight -6", tracker(-6, true)),
        ("weight 4 reverse", "chk weight -6 noreverse", tracker(-6, false)),
        ("weight 0 reverse", "chk", tracker(0, true)),
    ] {
        let config = config(&tracked(&format!("process x\n{weight}"), line));
        assert_eq!(config.trackers_of(&config.instances[0]), [expected], "{weight}; {line}");
    }
}

#[test]
fn what_cannot_be_counted_says_so() {
    for (lines, expected) in [
        ("process x\nquorum 65536", "RW0033"),
        ("process x\nquorum 2\nquorum_max 1", "RW0140"),
        ("process x\ndelay 0", "RW0033"),
        ("process x\ndelay 3600.000001", "RW0033"),
        ("process x\nparam_match some", "RW0036"),
        ("process x\nweight 255", "RW0033"),
        ("process x\nprocess y", "RW0027"),
        ("process x\nparam_match initial partial", "RW0031"),
        ("process", "RW0080"),
        ("quorum 1", "RW0080"),
    ] {
        assert_eq!(codes(&tracked(lines, "chk")).first(), Some(&expected), "{lines}");
    }
}
