//! The page of transitions.

use core::fmt::{self, Write};

use super::super::text::{is_by_timer, render_peer};
use super::{Brief, Line, Sheet, Style, Subject};
use crate::trace::{StateName, Transition};

/// `BACKUP -> MASTER`.
const CHANGE_WIDTH: usize = 16;

impl Subject<'_> {
    pub(super) fn transitions_heading(self, line: &mut Line<'_>) -> fmt::Result {
        line.text(6, "AGO")?;
        line.text(self.widths.name, "NAME")?;
        line.text(CHANGE_WIDTH, "CHANGE")?;
        line.write_str("WHY")
    }

    /// The latest first. Who was heard, and how late a timer was, is on a row of its own.
    pub(super) fn transitions(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        for transition in self.engine.transitions().iter().rev() {
            let faulty = transition.to == StateName::Fault;
            sheet.row(if faulty { Style::Alarm } else { Style::Plain }, |line| {
                line.column(7, |line| write!(line, "{}", Brief(self.now.since(transition.at))))?;
                line.name(self.widths.name, self.engine.name_at(transition.instance))?;
                line.write_char(' ')?;
                line.column(CHANGE_WIDTH + 1, |line| {
                    write!(line, "{} -> {}", transition.from.name(), transition.to.name())
                })?;
                line.write_str(transition.cause.text())
            })?;
            if transition.peer.is_some() || is_by_timer(transition) {
                sheet.row(Style::Plain, |line| {
                    line.column(7 + self.widths.name + 1, |_| Ok(()))?;
                    render_circumstances(transition, line)
                })?;
            }
        }
        match self.engine.transitions().lost() {
            0 => Ok(()),
            lost => sheet.row(Style::Plain, |line| write!(line, "{lost} older ones are forgotten")),
        }
    }
}

fn render_circumstances(transition: &Transition, line: &mut Line<'_>) -> fmt::Result {
    render_peer(transition, line)?;
    if !is_by_timer(transition) {
        return Ok(());
    }
    if transition.peer.is_some() {
        line.write_str("; ")?;
    }
    write!(line, "timer late by {} us", transition.lateness.as_micros())
}
