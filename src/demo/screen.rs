//! What the user reads: plain lines, with bold and colour only on a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::time::{Instant, Span};

#[derive(Debug)]
pub(super) struct Screen {
    is_coloured: bool,
    started: Instant,
}

/// How a line looks on a terminal (ECMA-48 SGR).
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Plain,
    Heading,
    Good,
    Dim,
}

impl Screen {
    /// `started` is the zero of the times that are shown.
    pub(super) fn new(started: Instant) -> Self {
        let is_coloured = io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
        Screen { is_coloured, started }
    }

    pub(super) fn line(&self, look: Look, text: impl fmt::Display) -> io::Result<()> {
        let style = match look {
            Look::Plain => "",
            Look::Heading => "1",
            Look::Good => "32",
            Look::Dim => "2",
        };
        let mut out = io::stdout().lock();
        if self.is_coloured && !style.is_empty() {
            writeln!(out, "\x1b[{style}m{text}\x1b[0m")
        } else {
            writeln!(out, "{text}")
        }
    }

    /// Several things that happened, in the order of their times.
    pub(super) fn events(&self, mut events: Vec<(Instant, String)>) -> io::Result<()> {
        events.sort();
        events.into_iter().try_for_each(|(at, text)| self.event(at, text))
    }

    /// Something that happened, and when.
    pub(super) fn event(&self, at: Instant, text: impl fmt::Display) -> io::Result<()> {
        let millis = at.since(self.started).as_millis();
        let when = format!("{}.{:03}", millis / 1000, millis % 1000);
        self.line(Look::Plain, format_args!("{when:>8} s  {text}"))
    }
}

/// `341.4 ms`.
pub(super) struct Millis(pub Span);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_micros() + 50) / 100;
        f.pad(&format!("{}.{} ms", tenths / 10, tenths % 10))
    }
}

/// How much later than it should be: `+212 us`, `-3 us`.
pub(super) struct Overhead {
    pub theory: Span,
    pub seen: Span,
}

impl fmt::Display for Overhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, difference) = if self.seen >= self.theory {
            ('+', self.seen - self.theory)
        } else {
            ('-', self.theory - self.seen)
        };
        f.pad(&format!("{sign}{} us", difference.as_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_and_differences_keep_their_sign() {
        assert_eq!(Millis(Span::from_nanos(341_406_250)).to_string(), "341.4 ms");
        assert_eq!(Millis(Span::from_micros(49)).to_string(), "0.0 ms");
        assert_eq!(format!("{:>9}", Millis(Span::from_micros(950))), "   1.0 ms");
        let (theory, seen) = (Span::from_micros(100), Span::from_micros(97));
        assert_eq!(Overhead { theory, seen }.to_string(), "-3 us");
        assert_eq!(Overhead { theory: seen, seen: theory }.to_string(), "+3 us");
    }
}
