//! What this build is, and how much it holds.

use core::fmt::{self, Write};

use crate::config::blob::SCHEMA;
use crate::config::embedded::{SLOT_COUNT, Section, Slot};
use crate::io::embedded;
use crate::limits;

/// The features of Cargo.toml that change what the program does, and whether this build has them.
const BUILT: [(&str, bool); 7] = [
    ("daemon", cfg!(feature = "daemon")),
    ("commands", cfg!(feature = "commands")),
    ("trackers", cfg!(feature = "trackers")),
    ("compiler", cfg!(feature = "compiler")),
    ("console", cfg!(feature = "console")),
    ("init", cfg!(feature = "init")),
    ("demo", cfg!(feature = "demo")),
];

/// Version, features, limits.
///
/// # Errors
/// Those of `out`.
pub fn render_version(out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "ringward {}", env!("CARGO_PKG_VERSION"))?;
    write!(out, "features:")?;
    for (name, built) in BUILT {
        if built {
            write!(out, " {name}")?;
        }
    }
    writeln!(out, "\nconfiguration schema: {SCHEMA}")?;
    writeln!(out, "board: {}", limits::BOARD)?;
    writeln!(
        out,
        "holds: {} instances, {} addresses, {} interfaces, {} unicast peers, \
         a configuration of {} octets",
        limits::INSTANCE_COUNT_MAX,
        limits::ADDRESS_COUNT_MAX,
        limits::INTERFACE_COUNT_MAX,
        limits::PEER_COUNT_MAX,
        limits::BLOB_LEN_MAX
    )?;
    match embedded::section() {
        Some(section) => render_embedded(&section, out),
        None => writeln!(out, "embedded configurations: damaged"),
    }
}

fn render_embedded(section: &Section<'_>, out: &mut dyn Write) -> fmt::Result {
    write!(out, "embedded configurations: ")?;
    for (slot, number) in section.slots().into_iter().zip(1..) {
        match slot {
            Slot::Empty => continue,
            Slot::Damaged => write!(out, "slot {number} is damaged, ")?,
            Slot::Intact { version, blob } => {
                write!(out, "version {version} in slot {number} ({} octets), ", blob.len())?;
            }
        }
    }
    writeln!(out, "room for {} of {} octets each", SLOT_COUNT, section.room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_that_changes_the_program_is_listed() {
        let manifest = include_str!("../../Cargo.toml");
        let (_, features) = manifest.split_once("[features]\n").unwrap();
        let (features, _) = features.split_once("\n\n").unwrap();
        let mut text = String::new();
        render_version(&mut text).unwrap();
        let listed = text.lines().find(|line| line.starts_with("features:")).unwrap();
        let names = features.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
        // `std` and `sim` are for libraries and tests.
        for name in names.filter(|name| !["default", "std", "sim"].contains(name)) {
            assert!(BUILT.iter().any(|(known, _)| *known == name), "{name}");
        }
        for (name, built) in BUILT {
            assert_eq!(listed.split(' ').any(|word| word == name), built, "{listed}");
        }
    }
}
