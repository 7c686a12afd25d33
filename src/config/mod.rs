//! What the daemon is to do: the model, its checks, and its binary form.
//!
//! A configuration is one flat value, [`model::Config`]: the compiler fills it from text, the
//! blob carries it, the engine runs from it. The same [`check`] judges it on both sides.

pub mod blob;
pub mod check;
pub mod embedded;
pub mod model;
#[cfg(test)]
mod sample;
#[cfg(feature = "compiler")]
pub mod source;
