//! What is tracked, as pure values: how often a script must succeed or fail before it counts, what
//! its weight does to a priority, and the messages that the daemon and its helper exchange.
//!
//! | file | what |
//! |---|---|
//! | `counter` | rise and fall |
//! | `weight` | from standings to a priority |
//! | `finding` | what a built-in check has found |
//! | `message` | what is asked of the helper, and what it answers |

mod counter;
mod finding;
pub mod message;
mod weight;

pub use counter::{Counter, Standing};
pub use finding::Finding;
pub use weight::{Effect, effective, weigh};
