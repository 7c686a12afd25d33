//! ringward keeps virtual IP addresses alive: VRRP (RFC 9568, RFC 3768) for router images.
//!
//! A pure engine with a thin ring around it. The layers, each using only those above it:
//!
//! | layer | modules | what |
//! |---|---|---|
//! | L0 | [`limits`] [`time`] [`addr`] [`track`] [`order`] [`trace`] | leaves, `core` only |
//! | L1 | [`wire`] | bytes to small owned values and back; no clock, no state |
//! | L2 | [`vrrp`] | the protocol: timing, election, the state machine of one instance |
//! | L2 | [`config`] | the model, the blob, the checks; `config::source` is the compiler |
//! | L3 | [`engine`] [`status`] | composes the above; what the engine knows, as text and JSON |
//! | L4 | `io` | tokio-uring, libc, and every line of `unsafe` |
//! | L5 | `daemon` `lab` `demo` `decode` `compiler` | the running program; namespaces to try it in; captures, judged; the commands of `ringwardc` |
//! | L5 | `sim` | several engines on one virtual clock, for tests |
//!
//! L0–L3 build as `no_std` without alloc; `tests/layers.rs` holds the rule.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod addr;
pub mod config;
pub mod engine;
pub mod limits;
pub mod order;
pub mod status;
pub mod time;
pub mod trace;
pub mod track;
pub mod vrrp;
pub mod wire;

#[cfg(feature = "compiler")]
pub mod compiler;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "compiler")]
pub mod decode;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "daemon")]
pub mod io;
#[cfg(feature = "demo")]
pub mod lab;
#[cfg(feature = "sim")]
pub mod sim;
