//! What the tests of images stand on.

#![allow(dead_code, reason = "each test program uses its own part of it")]

pub(crate) mod guest;
pub(crate) mod image;
pub(crate) mod machine;
pub(crate) mod scene;
pub(crate) mod segment;
