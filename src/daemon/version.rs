//! What this build is, and how much it holds.

use core::fmt::{self, Write};

use crate::config::blob::SCHEMA;
use crate::config::embedded::{SLOT_COUNT, Section, Slot};
use crate::io::embedded;
use crate::limits;

/// Version, features, limits.
///
/// # Errors
/// Those of `out`.
pub fn render_version(out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "ringward {}", env!("CARGO_PKG_VERSION"))?;
    write!(out, "features: daemon")?;
    for (name, built) in [
        ("trackers", cfg!(feature = "trackers")),
        ("compiler", cfg!(feature = "compiler")),
        ("console", cfg!(feature = "console")),
        ("demo", cfg!(feature = "demo")),
    ] {
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
