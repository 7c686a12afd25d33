//! A cluster simulated: several engines on one virtual clock, with segments that lose and spoil
//! packets, kernels that answer late or not at all, and strangers that send what they like.
//!
//! [`run`] draws a whole run from one seed: first faults of all kinds (safety), then a core of
//! nodes is healed and must settle (liveness), lose a master, settle again, and stop. After every
//! event the [`invariant`]s are checked. The engine is judged by what shares no code with it: the
//! [`reference`] machine, a decoder of frames, a kernel that reads requests by itself.
//!
//! | file | what |
//! |---|---|
//! | `random` `options` `plan` `tracked` | what the seed says: faults, configurations |
//! | `network` `kernel` `spoil` `stranger` `helper` | what surrounds a router |
//! | `node` `world` | the daemon's turn; the clock and the order of events |
//! | `reference` `decode` `judge` `invariant` | what is right |
//! | `measure` | how long it took |
//! | `run` `scenario` | a run drawn from a seed; runs with a name |
#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a bench: what is out of place here is to be noticed at once"
)]

mod decode;
mod helper;
pub mod invariant;
mod judge;
mod kernel;
pub mod measure;
mod network;
mod node;
mod options;
mod pcap;
mod plan;
mod random;
pub mod reference;
mod run;
mod scenario;
mod spoil;
mod stranger;
mod tracked;
mod world;

pub use invariant::Violation;
pub use run::{Outcome, Record, options_of, run};
pub use scenario::{SCENARIOS, Scenario};
pub use world::Tally;
