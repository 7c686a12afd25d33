//! What is tracked, as pure values: how often a script must succeed or fail before it counts, what
//! its weight does to a priority, and the messages that the daemon and its helper exchange.
//!
//! | file | what |
//! |---|---|
//! | `counter` | rise and fall |
//! | `weight` | from standings to a priority |
//! | `finding` | what a built-in check has found |
//! | `number` | the number in a tracked file |
//! | `message` | what is asked of the helper, and what it answers |

mod counter;
mod finding;
pub mod message;
mod number;
mod weight;

pub use counter::{Counter, Standing};
pub use finding::Finding;
pub use number::{NUMBER_LEN_MAX, number};
pub use weight::{Effect, effective, weigh, weigh_number};
