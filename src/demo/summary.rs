//! The figures of each step.

use super::screen::{Look, Millis, Overhead, Screen};
use crate::time::Span;

/// What one step has shown.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// `a  power-off`.
    pub step: &'static str,
    /// How long the protocol takes to notice.
    pub theory: Span,
    /// How long it took until the new master's first advert.
    pub seen: Span,
    /// Gratuitous ARPs or neighbour advertisements of the new master.
    pub announced: usize,
    /// Requests of the client that nobody answered.
    pub lost: usize,
    /// The longest time for which the client had no answer.
    pub silence: Span,
    /// For how long two routers had the address.
    pub two_owners: Span,
}

pub(super) fn show(screen: &Screen, rows: &[Row]) -> std::io::Result<()> {
    let heading = format!(
        "{:<19}{:>9}  {:>9}  {:>9} {:>9} {:>5}  {:>9}  {:>10}",
        "", "theory", "seen", "overhead", "announced", "lost", "no answer", "two owners"
    );
    screen.line(Look::Heading, heading)?;
    for row in rows {
        let (theory, seen) = (row.theory, row.seen);
        screen.line(
            Look::Plain,
            format_args!(
                "{:<19}{:>9}  {:>9}  {:>9} {:>9} {:>5}  {:>9}  {:>10}",
                row.step,
                Millis(theory),
                Millis(seen),
                Overhead { theory, seen },
                row.announced,
                row.lost,
                Millis(row.silence),
                Millis(row.two_owners),
            ),
        )?;
    }
    screen.line(
        Look::Dim,
        "theory: a, c: 3 intervals and the skew, after the last advert; b: the same, after the\n\
         program's start; d: the skew alone, after priority 0 (RFC 9568, 6.1 and 6.4.2)",
    )
}
