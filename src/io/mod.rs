//! (being written)
#![allow(unsafe_code, reason = "the layer that may; each use says why it is sound")]

#[cfg(feature = "demo")]
pub mod contain;
