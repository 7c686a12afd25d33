//! What the day brings: a machine that stands still, programs that are killed, cables with a bad
//! contact, somebody else at the addresses, a kernel that is busy with other things, and a machine
//! that has run out of what a program needs. After each, what the wire and the kernel show, and what
//! the status says about it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "resilience/churn.rs"]
mod churn;
#[path = "resilience/death.rs"]
mod death;
#[path = "resilience/link.rs"]
mod link;
#[path = "resilience/reload.rs"]
mod reload;
mod rig;
#[path = "resilience/scene.rs"]
mod scene;
#[path = "resilience/shortage.rs"]
mod shortage;
#[path = "resilience/stall.rs"]
mod stall;
#[path = "resilience/theft.rs"]
mod theft;
