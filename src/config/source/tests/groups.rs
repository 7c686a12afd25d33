//! vrrp_sync_group.

use super::*;

/// Three instances, and these groups.
fn three(groups: &str) -> String {
    let mut text = String::new();
    for number in 1..=3 {
        text += &with(&format!("priority {}", 100 + number))
            .replace("VI_1", &format!("VI_{number}"))
            .replace("router_id 51", &format!("router_id {}", 50 + number))
            .replace("10.0.0.9", &format!("10.0.0.{number}"));
    }
    text + groups
}

fn groups_of(text: &str) -> Vec<Option<u16>> {
    config(text).instances.iter().map(|instance| instance.group).collect()
}

#[test]
fn members_stand_on_lines_of_their_own_or_on_one() {
    let lines = "vrrp_sync_group G {\n group {\n VI_1\n VI_3\n }\n}\n";
    assert_eq!(groups_of(&three(lines)), [Some(0), None, Some(0)]);
    let one = "vrrp_sync_group G {\n group { VI_1 VI_3 }\n}\n";
    assert_eq!(groups_of(&three(one)), [Some(0), None, Some(0)]);
    assert_eq!(config(&three(one)).groups[0].name, "G");
    // Before its instances, as many people write it.
    let text = format!("{one}{}", three(""));
    assert_eq!(groups_of(&text), [Some(0), None, Some(0)]);
}

#[test]
fn a_member_that_does_not_exist_is_an_error_that_names_the_nearest() {
    let text = three("vrrp_sync_group G {\n group {\n VI_1\n VI_3x\n }\n}\n");
    assert_eq!(codes(&text), ["RW0090"]);
    let shown = run(&text).report.to_string();
    assert!(shown.contains("there is no instance `VI_3x`"), "{shown}");
    assert!(shown.contains("did you mean `VI_3`?"), "{shown}");
}

#[test]
fn an_instance_is_in_one_group() {
    let two = "vrrp_sync_group G {\n group { VI_1 VI_2 }\n}\n\
               vrrp_sync_group H {\n group { VI_2 VI_3 }\n}\n";
    assert_eq!(codes(&three(two)), ["RW0091"]);
    let twice = "vrrp_sync_group G {\n group { VI_1 VI_2 VI_1 }\n}\n";
    assert_eq!(codes(&three(twice)), ["RW0027"]);
    assert_eq!(groups_of(&three(twice)), [Some(0), Some(0), None]);
}

#[test]
fn a_group_that_holds_nothing_together_is_a_warning() {
    assert_eq!(codes(&three("vrrp_sync_group G {\n group { VI_1 }\n}\n")), ["RW0092"]);
    let empty = three("vrrp_sync_group G {\n}\n");
    assert_eq!(codes(&empty), ["RW0092"]);
    assert!(config(&empty).groups.is_empty());
}

#[test]
fn two_lists_of_members_are_one_too_many() {
    // keepalived 2.2.7 logs "Group list already specified" and leaves the first one.
    let text = "vrrp_sync_group G {\n group { VI_1 VI_2 }\n group { VI_3 }\n}\n";
    assert_eq!(codes(&three(text)), ["RW0027"]);
    assert_eq!(groups_of(&three(text)), [Some(0), Some(0), None]);
}

#[test]
fn two_groups_of_one_name_are_an_error() {
    let text = "vrrp_sync_group G {\n group { VI_1 VI_2 }\n}\n\
                vrrp_sync_group G {\n group { VI_3 }\n}\n";
    assert_eq!(codes(&three(text)), ["RW0053"]);
}

#[test]
fn an_owner_among_others_is_a_warning() {
    let group = "vrrp_sync_group G {\n group { VI_1 VI_2 }\n}\n";
    assert_eq!(codes(&three(group).replace("101", "255")), ["RW0093"]);
    let all = three(group).replace("101", "255").replace("102", "255");
    assert_eq!(codes(&all), [""; 0]);
}

#[test]
fn explain_names_the_members() {
    let compiled = run(&three("vrrp_sync_group G {\n group {\n VI_1\n VI_3\n }\n}\n"));
    let config = compiled.config.unwrap();
    let text = crate::config::source::explain::explain(&config, None);
    let (_, group) = text.split_once("vrrp_sync_group G\n").unwrap();
    let rows: Vec<Vec<&str>> =
        group.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["group", "VI_1"], ["group", "VI_3"]]);
}

/// Instance 1 of three tracks this, and the group says that; the trackers of 1, 2 and 3.
fn trackers_of(own: &str, group: &str) -> (Vec<&'static str>, Vec<Vec<i16>>) {
    let script = "vrrp_script chk {\n script /bin/true\n}\n";
    let group = format!("vrrp_sync_group G {{\n group {{ VI_1 VI_2 }}\n {group}\n}}\n");
    let text = format!("{script}{}", three(&group));
    let text = text.replace("priority 101", &format!("priority 101\n    {own}"));
    let config = config(&text);
    let weights = config.instances.iter().map(|instance| {
        config.trackers_of(instance).iter().map(|tracker| tracker.weight).collect()
    });
    (codes(&text), weights.collect())
}

#[test]
fn what_a_group_tracks_every_member_tracks() {
    let track = "track_script {\n chk weight -20\n }";
    assert_eq!(trackers_of("", track), (vec![], vec![vec![-20], vec![-20], vec![]]));
    let own = "track_script {\n chk weight 0\n }";
    assert_eq!(trackers_of(own, track), (vec![], vec![vec![0], vec![-20], vec![]]));
}

#[test]
fn a_weight_of_one_member_counts_only_if_the_group_says_so() {
    let own = "track_script {\n chk weight 10\n }";
    assert_eq!(trackers_of(own, ""), (vec!["RW0094"], vec![vec![], vec![], vec![]]));
    let weights = "sync_group_tracking_weight";
    assert_eq!(trackers_of(own, weights), (vec![], vec![vec![10], vec![], vec![]]));
    let fault = "track_script {\n chk\n }";
    assert_eq!(trackers_of(fault, ""), (vec![], vec![vec![0], vec![], vec![]]));
}
