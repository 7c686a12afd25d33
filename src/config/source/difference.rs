//! What a reload from one configuration to another would keep, retune, add and remove.

use std::fmt::Write as _;

use super::explain::{global_values, instance_values};
use crate::config::is_same;
use crate::config::model::{Config, Instance};

/// The difference in words; empty when there is none.
pub fn difference(old: &Config, new: &Config) -> String {
    let mut text = String::new();
    let global = changes(&global_values(old), &global_values(new));
    if !global.is_empty() {
        let _ = writeln!(text, "change  global_defs\n{global}");
    }
    let mut kept = 0;
    for (index, instance) in new.instances.iter().enumerate() {
        let mut olds = old.instances.iter().enumerate();
        let before = olds.find(|(_, before)| is_same(old, before, new, instance));
        let title = title(new, instance);
        let Some((at, before)) = before else {
            let _ = writeln!(text, "add     {title}");
            continue;
        };
        let mut changes = changes(&instance_values(old, at), &instance_values(new, index));
        if before.name != instance.name {
            let _ = writeln!(changes, "          called {} before", before.name);
        }
        if before.authentication != instance.authentication {
            changes.push_str("          auth_pass changes\n");
        }
        if changes.is_empty() {
            kept += 1;
        } else {
            let _ = write!(text, "retune  {title}\n{changes}");
        }
    }
    for instance in &old.instances {
        if !new.instances.iter().any(|after| is_same(old, instance, new, after)) {
            let _ = writeln!(text, "remove  {}", title(old, instance));
        }
    }
    if kept > 0 && !text.is_empty() {
        let _ = writeln!(text, "keep    {kept} as they are");
    }
    text
}

pub(super) fn title(config: &Config, instance: &Instance) -> String {
    let interface = config.interface_name(instance.interface);
    format!("{} ({interface} VRID {} {})", instance.name, instance.vrid, instance.family)
}

/// What of the values differs, a line each.
fn changes(old: &[(&'static str, String)], new: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    let mut keywords: Vec<&str> = Vec::new();
    for (keyword, _) in old.iter().chain(new) {
        if !keywords.contains(keyword) {
            keywords.push(keyword);
        }
    }
    for keyword in keywords {
        let of = |rows: &[(&'static str, String)]| -> Vec<String> {
            let rows = rows.iter().filter(|(known, _)| *known == keyword);
            rows.map(|(_, value)| value.clone()).collect()
        };
        let (before, after) = (of(old), of(new));
        if let ([before], [after]) = (before.as_slice(), after.as_slice()) {
            if before != after {
                let _ = writeln!(text, "          {keyword} {before} -> {after}");
            }
            continue;
        }
        for value in before.iter().filter(|value| !after.contains(value)) {
            let _ = writeln!(text, "          {keyword} - {value}");
        }
        for value in after.iter().filter(|value| !before.contains(value)) {
            let _ = writeln!(text, "          {keyword} + {value}");
        }
    }
    text
}
