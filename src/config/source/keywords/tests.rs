use super::*;

#[test]
fn the_table_has_every_keyword_of_keepalived_once_in_a_block() {
    let names: std::collections::BTreeSet<&str> = KEYWORDS.iter().map(|k| k.name).collect();
    // keepalived 2.4.3 installs 361 and, through a variable, HTTP_GET and SSL_GET. These are ours.
    let ours = ["builtin", "console", "console_release", "decision_timeout"];
    assert!(ours.iter().all(|name| names.contains(name)));
    assert_eq!(names.len() - ours.len(), 363);
    for (index, one) in KEYWORDS.iter().enumerate() {
        assert!(!one.blocks.is_empty() && !one.about.is_empty(), "{}", one.name);
        for other in KEYWORDS[index + 1..].iter().filter(|other| other.name == one.name) {
            assert!(!one.blocks.iter().any(|&block| other.is_in(block)), "{}", one.name);
        }
    }
}

#[test]
fn the_table_is_in_the_order_that_find_relies_on() {
    assert!(KEYWORDS.is_sorted_by(|a, b| a.name <= b.name));
    for keyword in KEYWORDS {
        for &block in keyword.blocks {
            assert_eq!(find(keyword.name, block), Some(keyword));
        }
    }
    assert_eq!(find("no_such_keyword", Block::Top), None);
    assert_eq!(find("", Block::Top), None);
}

#[test]
fn these_keywords_are_built_and_no_others() {
    let built: std::collections::BTreeSet<&str> =
        KEYWORDS.iter().filter(|k| k.status == Status::Built).map(|k| k.name).collect();
    let expected = [
        "global_defs",
        "router_id",
        "vrrp_version",
        "vrrp_garp_master_delay",
        "vrrp_garp_master_repeat",
        "vrrp_garp_master_refresh",
        "vrrp_garp_master_refresh_repeat",
        "vrrp_garp_lower_prio_delay",
        "vrrp_garp_lower_prio_repeat",
        "vrrp_garp_interval",
        "vrrp_garp_extra_if",
        "vrrp_startup_delay",
        "decision_timeout",
        "builtin",
        "console",
        "console_release",
        "vrrp_instance",
        "state",
        "interface",
        "virtual_router_id",
        "priority",
        "advert_int",
        "version",
        "virtual_ipaddress",
        "virtual_ipaddress_excluded",
        "nopreempt",
        "preempt",
        "preempt_delay",
        "mcast_src_ip",
        "unicast_src_ip",
        "unicast_peer",
        "authentication",
        "auth_type",
        "auth_pass",
        "garp_master_delay",
        "garp_master_repeat",
        "garp_master_refresh",
        "garp_master_refresh_repeat",
        "garp_lower_prio_delay",
        "garp_lower_prio_repeat",
        "garp_extra_if",
        "dont_track_primary",
        "group",
        "vrrp_script",
        "vrrp_sync_group",
        "sync_group_tracking_weight",
        "interface_up_down_delays",
        "notify_fifo",
        "vrrp_notify_fifo",
        "fifo_write_vrrp_states_on_reload",
        "notify_priority_changes",
        "vrrp_notify_priority_changes",
        "script",
        "interval",
        "timeout",
        "weight",
        "rise",
        "fall",
        "user",
        "init_fail",
        "track_interface",
        "track_script",
        "notify",
        "notify_backup",
        "notify_deleted",
        "notify_fault",
        "notify_master",
        "notify_master_rx_lower_pri",
        "notify_stop",
        "script_user",
        "vrrp_track_process",
        "track_process",
        "track_file",
        "vrrp_track_file",
        "file",
        "init_file",
        "process",
        "param_match",
        "full_command",
        "quorum",
        "quorum_max",
        "fork_delay",
        "terminate_delay",
        "delay",
        "enable_script_security",
        "set_supplementary_groups",
        "vrrp_gna_interval",
    ];
    assert_eq!(built, expected.into_iter().collect());
}

#[test]
fn one_name_can_mean_different_things() {
    assert_eq!(find("interface", Block::Instance).unwrap().status, Status::Built);
    assert_eq!(find("interface", Block::GarpGroup).unwrap().status, Status::Later);
}

#[test]
fn a_near_keyword_of_the_same_block_is_proposed_first() {
    assert_eq!(propose("vvrp_script", Block::Top), Some("vrrp_script"));
    assert_eq!(propose("vrrp_grap_interval", Block::GlobalDefs), Some("vrrp_garp_interval"));
    assert_eq!(propose("weigth", Block::Script), Some("weight"));
    assert_eq!(propose("inteval", Block::Script), Some("interval"));
    assert_eq!(propose("PRIORITY", Block::Instance), Some("priority"));
    assert_eq!(propose("virtual_ipadress", Block::Instance), Some("virtual_ipaddress"));
    assert_eq!(propose("nonsense_everywhere", Block::Instance), None);
}

#[test]
fn a_missing_space_is_seen() {
    let split = |word| split_glued(word, Block::Instance);
    assert_eq!(split("mcast_src_ip192.168.19.155"), Some(("mcast_src_ip", "192.168.19.155")));
    assert_eq!(split("priority100"), Some(("priority", "100")));
    assert_eq!(split("priority=100"), Some(("priority", "=100")));
    assert_eq!(split("stateMASTER"), Some(("state", "MASTER")));
    assert_eq!(split("virtual_router_id51"), Some(("virtual_router_id", "51")));
    assert_eq!(split("preempt_delays"), None);
    assert_eq!(split("nopreempt1"), None);
}

#[test]
fn the_page_of_keywords_is_of_today() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(root.join("KEYWORDS.md")).unwrap();
    assert!(written == page(), "run `ringwardc keywords >KEYWORDS.md`");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains("(KEYWORDS.md)"));
}
