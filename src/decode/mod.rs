//! Captures, read as ringward would have read them: every VRRP, ARP and neighbour discovery frame
//! with its fields, and for each advert what ringward would have made of it.
//!
//! ```text
//! file -> records (capture) -> IP or ARP (link) -> fields (frame) -> verdict -> text or JSON
//! ```
//!
//! Verdicts come from the code that the daemon runs: [`crate::wire`] for the format and
//! [`crate::engine::policy`] for the configuration. What that code cannot know from a file is left
//! out: whether the instance listened at the time, and, unless it is configured, which source
//! address was its own.
//!
//! The two file formats are read here and not by a crate: frames, times and link types are all that
//! is wanted of them, and every complaint is to name the octet that it is about.

mod capture;
mod frame;
mod json;
mod link;
mod text;
mod verdict;

use std::fmt;
use std::io::{self, Read, Write};

use crate::config::model::Config;
use capture::{Capture, Record};
use frame::{Content, Frame};
use verdict::Tally;

/// How frames are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// One line a frame for people, and one at the end that counts.
    Text,
    /// One JSON document a line (RFC 8259), one line a frame.
    Json,
}

/// From where a capture is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The configuration to judge adverts by; without one only their format is judged.
    pub config: Option<&'a Config>,
    /// Only the instances on this interface are asked. Without it every instance of an advert's
    /// family and VRID is: a capture seldom says which interface it was taken on.
    pub interface: Option<&'a str>,
}

/// Why a capture was not read to its end.
#[derive(Debug)]
pub enum Stopped {
    /// The file is no capture, or damaged.
    Damaged {
        /// The octet of the file that this is about, from 0.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The operating system failed to read it.
    Read(io::Error),
    /// The output could not be written.
    Write(io::Error),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Damaged { offset, what } => write!(f, "at octet {offset}: {what}"),
            Stopped::Read(error) => write!(f, "cannot be read: {error}"),
            Stopped::Write(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

/// Shows the frames of a capture (pcap or pcapng) in `form`. What stands before a damage is shown.
pub fn decode(
    input: impl Read,
    view: &View<'_>,
    form: Form,
    out: &mut dyn Write,
) -> Result<(), Stopped> {
    let mut tally = Tally::default();
    let read = read_all(input, view, form, out, &mut tally);
    // Nothing is counted of what is no capture.
    if form == Form::Text && (read.is_ok() || !tally.is_empty()) {
        writeln!(out, "{tally}").map_err(Stopped::Write)?;
    }
    read.and_then(|()| out.flush().map_err(Stopped::Write))
}

fn read_all(
    input: impl Read,
    view: &View<'_>,
    form: Form,
    out: &mut dyn Write,
    tally: &mut Tally,
) -> Result<(), Stopped> {
    let mut capture = Capture::open(input)?;
    let mut line = String::new();
    while let Some(record) = capture.next()? {
        let frame = Frame::read(&record);
        let verdicts = verdict::judge(&record, &frame, view);
        tally.count(&record, &frame, &verdicts);
        if matches!(frame.content, Content::Other) {
            continue;
        }
        let seen = Seen { record, frame, verdicts, config: view.config };
        line.clear();
        // Writing to a string does not fail.
        let _ = match form {
            Form::Text => text::render(&seen, &mut line),
            Form::Json => json::render(&seen, &mut line),
        };
        writeln!(out, "{line}").map_err(Stopped::Write)?;
    }
    Ok(())
}

/// All there is to show of a frame.
struct Seen<'a> {
    record: Record<'a>,
    frame: Frame<'a>,
    verdicts: Vec<verdict::Verdict>,
    config: Option<&'a Config>,
}
