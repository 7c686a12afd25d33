//! Log lines: `LEVEL instance event key=value`, with `-` where it is about no instance.

use core::fmt;

use log::{Level, Metadata, Record};

use crate::engine::Engine;
use crate::io::stderr;
use crate::status::render_event;
use crate::trace::{Event, StateName};
use crate::track::Standing;

/// Events formatted in one turn: a burst is spread over several.
const REPORT_COUNT_MAX: usize = 32;

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Not what the runtime has to say about itself.
        if record.target().starts_with("ringward") {
            stderr::line(record.level(), *record.args());
        }
    }

    fn flush(&self) {}
}

/// Log records go to standard error from here on.
pub(super) fn install() {
    // Fails only when it was called before.
    if log::set_logger(&Lines).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// One line for each event that waits. False: there are more.
pub(super) fn report(engine: &mut Engine) -> bool {
    for _ in 0..REPORT_COUNT_MAX {
        let Some(event) = engine.next_event() else { return true };
        log::log!(level(&event), "{}", Rendered(engine, &event));
    }
    false
}

fn level(event: &Event) -> Level {
    match event {
        Event::Transition(transition) if transition.to != StateName::Fault => Level::Info,
        Event::Notified { told, .. } if told.is_success() => Level::Info,
        Event::Script { standing: Standing::Passing, .. }
        | Event::PriorityChanged { .. }
        | Event::LinkDelayed { .. }
        | Event::Fifo { lost: 0, errno: 0, .. } => Level::Info,
        Event::Transition(_) | Event::AddressRefused { .. } => Level::Error,
        Event::FaultChanged { .. }
        | Event::AddressLost { .. }
        | Event::Rival { .. }
        | Event::Stalled { .. }
        | Event::Script { .. }
        | Event::Notified { .. }
        | Event::Fifo { .. }
        | Event::NotTold { .. }
        | Event::Mismatch { .. }
        | Event::Rejected { .. }
        | Event::KernelOverrun => Level::Warn,
    }
}

struct Rendered<'a>(&'a Engine, &'a Event);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render_event(self.0, self.1, f)
    }
}
