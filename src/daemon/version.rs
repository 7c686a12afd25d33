//! What this build is, and how much it holds.

use core::fmt::{self, Write};

use crate::config::blob::SCHEMA;
use crate::limits;

/// Version, features, limits.
///
/// # Errors
/// Those of `out`.
pub fn render_version(out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "ringward {}", env!("CARGO_PKG_VERSION"))?;
    write!(out, "features: daemon")?;
    for (name, built) in
        [("compiler", cfg!(feature = "compiler")), ("demo", cfg!(feature = "demo"))]
    {
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
    writeln!(out, "embedded configuration: none")
}
