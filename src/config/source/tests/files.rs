//! track_file: defaults, forms and messages. Expected values are from keepalived.conf(5) and
//! keepalived-2.4.3's track_file.c.

use super::*;
use crate::config::model::{Check, Init, Kind, Probe, Subject, Tracker};

/// A file `load` with `lines`, tracked by an instance in `track`.
fn tracked(lines: &str, track: &str) -> String {
    format!("track_file load {{\n{lines}\n}}\n{}", with(&format!("track_file {{\n{track}\n}}")))
}

/// The weight of the only tracker, and whether it is turned round.
fn weight(text: &str) -> (i16, bool) {
    let config = config(text);
    let [Tracker { subject: Subject::Script(0), weight, reverse }] = config.trackers[..] else {
        panic!("{:?}", config.trackers)
    };
    (weight, reverse)
}

#[test]
fn a_file_has_keepalived_s_defaults() {
    for keyword in ["track_file", "vrrp_track_file"] {
        let text = tracked("file /run/load", "load").replacen("track_file", keyword, 1);
        let config = config(&text);
        let script = &config.scripts[0];
        assert_eq!((script.name.as_str(), script.kind), ("load", Kind::File));
        assert_eq!(script.check, Check::Probe(0));
        let path = "/run/load".try_into().unwrap();
        assert_eq!(config.probes[..], [Probe::File { path, init: Init::Nothing }]);
        assert_eq!(weight(&text), (1, false));
    }
}

#[test]
fn a_line_of_track_file_overrides_the_weight_of_the_file() {
    for (lines, line, expected) in [
        ("weight 0", "load", (0, false)),
        ("weight -2 reverse", "load", (-2, true)),
        ("weight -254", "load weight 254 reverse", (254, true)),
        ("weight 3 reverse", "load weight 5", (5, true)),
        ("weight 3 reverse", "load weight 5 noreverse", (5, false)),
    ] {
        assert_eq!(
            weight(&tracked(&format!("file /a\n{lines}"), line)),
            expected,
            "{lines}, {line}"
        );
    }
    assert_eq!(codes(&tracked("file /a\nweight 255", "load")), ["RW0033"]);
    assert_eq!(codes(&tracked("file /a", "load weight -255")), ["RW0033"]);
}

#[test]
fn what_is_written_at_the_start_is_a_number() {
    for (line, expected) in [
        ("init_file", Init::Missing(0)),
        ("init_file 5", Init::Missing(5)),
        ("init_file -300", Init::Missing(-300)),
        ("init_file overwrite", Init::Always(0)),
        ("init_file 7 overwrite", Init::Always(7)),
        ("init_file overwrite 7", Init::Always(7)),
    ] {
        let config = config(&tracked(&format!("file \"/a b\"\n{line}"), "load"));
        let path = "/a b".try_into().unwrap();
        assert_eq!(config.probes[..], [Probe::File { path, init: expected }], "{line}");
    }
    assert_eq!(codes(&tracked("file /a\ninit_file seven", "load")), ["RW0140"]);
}

#[test]
fn a_file_that_cannot_be_tracked_is_an_error() {
    let long = format!("file /{}", "x".repeat(255));
    for (lines, expected) in [
        ("file load", "RW0140"),
        ("file /run/", "RW0140"),
        (long.as_str(), "RW0140"),
        ("file", "RW0030"),
        ("weight 1", "RW0080"),
    ] {
        assert_eq!(codes(&tracked(lines, "load"))[0], expected, "{lines}");
    }
    assert_eq!(codes(&tracked("file /a", "other")), ["RW0082", "RW0083"]);
}

/// keepalived takes the default weight for zero, and leaves out what has another one.
#[test]
fn where_no_weight_can_count_the_default_one_is_zero() {
    let owner = |line| tracked("file /a", line).replace("interface", "priority 255\ninterface");
    assert_eq!(codes(&owner("load")), ["RW0085"]);
    assert_eq!(weight(&owner("load")), (0, false));
    assert_eq!(config(&owner("load weight 2")).trackers.len(), 0);
    let other = with("").replace("VI_1", "VI_2").replace("router_id 51", "router_id 52");
    let group = |line| {
        let other = other.replace("10.0.0.9", "10.0.0.8");
        tracked("file /a", line) + &other + "vrrp_sync_group G {\n group { VI_1 VI_2 }\n}\n"
    };
    assert_eq!(codes(&group("load")), ["RW0094"]);
    assert_eq!(weight(&group("load")), (0, false));
    assert_eq!(config(&group("load weight 2")).trackers.len(), 0);
}

#[test]
fn a_group_tracks_a_file_for_all_its_members() {
    let other = with("").replace("VI_1", "VI_2").replace("router_id 51", "router_id 52");
    let text = "track_file load {\nfile /a\nweight 3\n}\n".to_owned()
        + &with("")
        + &other.replace("10.0.0.9", "10.0.0.8")
        + "vrrp_sync_group G {\n group { VI_1 VI_2 }\n track_file {\n load\n }\n}\n";
    let subject = Subject::Script(0);
    assert_eq!(config(&text).trackers[..], [Tracker { subject, weight: 3, reverse: false }; 2]);
}
