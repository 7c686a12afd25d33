//! The section of the executable that `ringwardc embed` writes into.

use crate::config::embedded::{SECTION_LEN, Section, empty};

#[used]
#[unsafe(link_section = ".ringward")]
static SECTION: [u8; SECTION_LEN] = empty();
static WHERE: &[u8; SECTION_LEN] = &SECTION;

/// What this program was given. None: somebody has damaged the section itself.
pub fn section() -> Option<Section<'static>> {
    // SAFETY: reads a reference that is valid for ever. Volatile, because the compiler knows what
    // it has put there, and not that it was changed since.
    let octets = unsafe { core::ptr::read_volatile(&raw const WHERE) };
    Section::parse(octets)
}
