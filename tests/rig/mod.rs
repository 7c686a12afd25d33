//! What the interoperability tests, the hostile tests and the benchmarks stand on besides
//! [`ringward::lab`]: the programs under test, started from one and the same keepalived.conf.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part of it")]

mod adverts;
mod router;
mod witness;

use std::os::unix::fs::PermissionsExt;

use ringward::lab::{Fault, Node};

pub(crate) use adverts::assert_regular;
pub(crate) use router::{
    Keepalived, Program, Router, compile, compile_text, forget_pid_files, states,
};
pub(crate) use witness::{eventually, lost_at_most, processors, stand_watch, undisturbed};

/// What the laboratory's nodes want of an error.
pub(crate) fn fault(error: std::io::Error) -> Fault {
    Fault::new("prepare a test", error)
}

/// Gives a file on a node this mode.
pub(crate) fn set_mode(node: &Node, path: &str, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    node.enter(|| std::fs::set_permissions(path, mode).map_err(fault)).unwrap();
}
