//! Notify FIFOs: forms and messages. Expected values are from keepalived.conf(5).

use super::*;
use crate::config::model::Command;

fn global(lines: &str) -> String {
    format!("global_defs {{\n{lines}\n}}\n{}", with(""))
}

/// Path, user and group of each FIFO.
fn fifos(config: &Config) -> [Option<(&str, &str, &str)>; 2] {
    config.global.fifos.map(|number| {
        let Command { words, user, group, .. } = config.commands.get(usize::from(number?))?;
        Some((words.strip_suffix('\0')?, user.as_str(), group.as_str()))
    })
}

#[test]
fn a_fifo_is_owned_by_its_user_or_by_that_of_scripts() {
    let config = config(&global(
        "script_user www\nnotify_fifo /run/all\nvrrp_notify_fifo \"/run/a b\" nobody adm",
    ));
    let expected = [Some(("/run/all", "www", "")), Some(("/run/a b", "nobody", "adm"))];
    assert_eq!(fifos(&config), expected);
    assert!(!config.global.fifo_states_on_reload);
}

#[test]
fn the_default_user_counts_even_if_it_is_named_later() {
    let config = config(&global("vrrp_notify_fifo /run/f\nscript_user www"));
    assert_eq!(fifos(&config), [None, Some(("/run/f", "www", ""))]);
}

#[test]
fn two_fifos_of_one_path_are_one() {
    let text = global("notify_fifo /run/f\nvrrp_notify_fifo /run/f");
    assert_eq!(codes(&text), ["RW0027"]);
    assert_eq!(fifos(&config(&text)), [Some(("/run/f", "", "")), None]);
}

#[test]
fn what_is_no_fifo_is_refused() {
    for (line, code) in [
        ("notify_fifo", "RW0030"),
        ("notify_fifo run/f", "RW0080"),
        ("notify_fifo /run/", "RW0080"),
        ("notify_fifo_script /bin/reader", "RW0024"),
        ("vrrp_notify_fifo_script /bin/reader", "RW0024"),
        ("lvs_notify_fifo /run/f", "RW0023"),
        ("vrrp_notify_priority_changes perhaps", "RW0036"),
    ] {
        assert_eq!(codes(&global(line)), [code], "{line}");
    }
}

/// An instance says it itself, or its group does, or global_defs.
#[test]
fn changes_of_priority_are_told_as_the_nearest_says() {
    let is_told = |global_line: &str, group_line: &str, line: &str| {
        let group = format!("vrrp_sync_group G {{\ngroup {{\nV\n}}\n{group_line}\n}}\n");
        let name = with(line);
        let name = name.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let text = format!(
            "global_defs {{\n{global_line}\n}}\n{}{}",
            group.replace('V', &name),
            with(line)
        );
        config(&text).instances[0].notify.priority_changes
    };
    assert!(!is_told("", "", ""));
    assert!(is_told("vrrp_notify_priority_changes", "", ""));
    assert!(is_told("", "notify_priority_changes on", ""));
    assert!(is_told("", "", "notify_priority_changes yes"));
    assert!(!is_told("vrrp_notify_priority_changes true", "notify_priority_changes off", ""));
    assert!(!is_told("", "notify_priority_changes", "notify_priority_changes no"));
}
