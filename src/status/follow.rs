//! The latest transitions for somebody who has seen those before.
//!
//! The first line is `follow PID NEXT LOST`: the daemon, the number to ask with the next time, and
//! how many transitions since the last time are not among the lines that follow. The second line
//! sums the instances up; each further one is a transition, the oldest first.

use core::fmt::{self, Write};

use super::screen::render_summary;
use super::text::render_step;
use super::{Ago, Process};
use crate::engine::Engine;
use crate::time::{Instant, Span};

/// Transitions in one answer.
const LINE_COUNT_MAX: usize = 64;
/// A transition that is older than this is told with its age.
const RECENT: Span = Span::from_secs(2);

/// How many transitions there have been since the daemon started: the number of the next one.
pub fn transition_count(engine: &Engine) -> u64 {
    let kept = u64::try_from(engine.transitions().iter().len()).unwrap_or(0);
    engine.transitions().lost().saturating_add(kept)
}

/// Writes the transitions from number `after` on, the latest `count` of them.
pub fn render_follow(
    engine: &Engine,
    now: Instant,
    process: &Process,
    after: u64,
    count: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let next = transition_count(engine);
    let new = next.saturating_sub(after);
    let kept = engine.transitions().iter();
    let wanted = usize::try_from(new).unwrap_or(usize::MAX).min(count).min(LINE_COUNT_MAX);
    let told = wanted.min(kept.len());
    let lost = new.saturating_sub(u64::try_from(told).unwrap_or(0));
    writeln!(out, "follow {} {next} {lost}", process.pid)?;
    render_summary(engine, now, out)?;
    writeln!(out)?;
    let passed_over = kept.len() - told;
    for transition in kept.skip(passed_over) {
        let age = now.since(transition.at);
        write!(out, "{} ", engine.name_at(transition.instance))?;
        render_step(transition, out)?;
        if age > RECENT {
            write!(out, " ({} ago)", Ago(age))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
