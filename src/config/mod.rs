//! What the daemon is to do: the model, its checks, and its binary form.
//!
//! A configuration is one flat value, [`model::Config`]: the compiler fills it from text, the
//! blob carries it, the engine runs from it. The same [`check`] judges it on both sides.

pub mod blob;
pub mod check;
pub mod console;
pub mod embedded;
pub mod model;
pub mod network;
pub mod plan;
#[cfg(test)]
mod sample;
#[cfg(feature = "compiler")]
pub mod source;

use model::{Config, Instance};

/// Whether two instances are the same virtual router to a reload: on one interface, in one family
/// and version, with one VRID, and both unicast or both multicast. Everything else can be retuned in
/// place.
pub fn is_same(a: &Config, one: &Instance, b: &Config, other: &Instance) -> bool {
    (one.family, one.version, one.vrid) == (other.family, other.version, other.vrid)
        && (one.peers.len == 0) == (other.peers.len == 0)
        && a.interface_name(one.interface) == b.interface_name(other.interface)
}
