//! What the engine and the program know, as text for people and JSON for machines.

mod process;

pub use process::Process;
