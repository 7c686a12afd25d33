//! What the interoperability tests, the hostile tests and the benchmarks stand on besides
//! [`ringward::lab`]: the programs under test, started from one and the same keepalived.conf.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part of it")]

mod adverts;
mod router;
mod witness;

pub(crate) use adverts::assert_regular;
pub(crate) use router::{
    Keepalived, Program, Router, compile, compile_text, forget_pid_files, states,
};
pub(crate) use witness::{eventually, lost_at_most, lost_since, undisturbed};
