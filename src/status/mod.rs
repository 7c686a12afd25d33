//! What the engine and the program know, as text for people and JSON for machines.
//!
//! Everything is written through `core::fmt::Write` into whatever the caller has reserved. Secrets
//! (passwords) are never written.

mod follow;
mod group;
mod json;
mod log;
mod process;
mod screen;
mod text;

pub use follow::{render_follow, transition_count};
pub use json::{Quoted, render_json, render_log_json};
pub use log::render_event;
pub use process::Process;
pub use screen::{Page, Style, View, render_screen};
pub use text::{render_log_text, render_text};

use core::fmt;

use crate::time::Span;
use crate::track::message::Outcome;

/// The version of the JSON documents' layout: grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// How a command ended, where anything was heard of it.
fn render_outcome(outcome: Option<Outcome>, out: &mut dyn fmt::Write) -> fmt::Result {
    match outcome {
        Some(outcome) => write!(out, "{outcome}"),
        None => out.write_str("nothing is heard of it"),
    }
}

/// A length of time as people read it: `3.61 s`, `12 min 3 s`, `4 d 2 h`.
struct Ago(Span);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        match secs {
            0..10 => write!(f, "{secs}.{:03} s", self.0.as_millis() % 1000),
            10..60 => write!(f, "{secs} s"),
            60..3600 => write!(f, "{} min {} s", secs / 60, secs % 60),
            3600..86_400 => write!(f, "{} h {} min", secs / 3600, secs / 60 % 60),
            _ => write!(f, "{} d {} h", secs / 86_400, secs / 3600 % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_coarse_as_they_are_long() {
        let text =
            |secs: u64, millis: u64| Ago(Span::from_millis(secs * 1000 + millis)).to_string();
        assert_eq!(text(3, 610), "3.610 s");
        assert_eq!(text(59, 999), "59 s");
        assert_eq!(text(61, 0), "1 min 1 s");
        assert_eq!(text(7_325, 0), "2 h 2 min");
        assert_eq!(text(200_000, 0), "2 d 7 h");
    }
}
