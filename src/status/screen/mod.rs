//! One page of the full screen, as lines cut to a terminal's size: ASCII, no escape sequences.
//!
//! The first line is `screen FIRST SHOWN TOTAL`: the first row of the page's body that is shown, how
//! many are, and of how many; ` release` follows where the configuration lets consoles do that. Each further line begins with the mark of its [`Style`].

mod counters;
mod instances;
mod peers;
mod sheet;
mod transitions;

use core::fmt::{self, Write};

use sheet::{Brief, Count, Line, Nowhere, Sheet};

use super::Process;
use crate::engine::Engine;
use crate::limits::NAME_LEN_MAX;
use crate::time::Instant;
use crate::trace::StateName;

/// More rows than any terminal is asked for.
const ROW_COUNT_MAX: usize = 200;
/// More columns than any terminal is asked for.
const COLUMN_COUNT_MAX: usize = 500;
/// The title, the summary, and the columns' headings.
const HEAD_ROW_COUNT: usize = 3;

/// What a screen shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// Each instance and why it is as it is; those in FAULT first.
    Instances,
    /// The last changes of state with their reasons, the latest first.
    Transitions,
    /// What instances, interfaces and the daemon have counted.
    Counters,
    /// Who else is there: masters, unicast peers, and how they differ.
    Peers,
}

impl Page {
    /// Every page, in the order of the keys 1 to 4.
    pub const ALL: [Page; 4] = [Page::Instances, Page::Transitions, Page::Counters, Page::Peers];

    /// Its name in a request, and in its title.
    pub const fn name(self) -> &'static str {
        match self {
            Page::Instances => "instances",
            Page::Transitions => "transitions",
            Page::Counters => "counters",
            Page::Peers => "peers",
        }
    }

    /// The page of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.name() == name)
    }
}

/// How a line is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// As it is.
    Plain,
    /// In reverse video.
    Title,
    /// Underlined.
    Heading,
    /// Bold: something is wrong.
    Alarm,
}

impl Style {
    /// The first character of a line of an answer.
    pub const fn mark(self) -> char {
        match self {
            Style::Plain => ' ',
            Style::Title => '=',
            Style::Heading => '_',
            Style::Alarm => '!',
        }
    }

    /// What [`Style::mark`] says; plain if it says nothing known.
    pub fn of(mark: char) -> Self {
        let styles = [Style::Title, Style::Heading, Style::Alarm];
        styles.into_iter().find(|style| style.mark() == mark).unwrap_or(Style::Plain)
    }
}

/// What of a page is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The page.
    pub page: Page,
    /// The first row of its body; one too far down is moved up.
    pub first: usize,
    /// Lines of the answer, its first one not counted.
    pub rows: usize,
    /// Characters of each line, its mark not counted.
    pub columns: usize,
}

/// Writes the part of a page that a terminal has room for.
pub fn render_screen(
    engine: &Engine,
    now: Instant,
    process: &Process,
    view: View,
    out: &mut dyn Write,
) -> fmt::Result {
    let rows = view.rows.min(ROW_COUNT_MAX);
    let columns = view.columns.min(COLUMN_COUNT_MAX);
    let room = rows.saturating_sub(HEAD_ROW_COUNT);
    let subject = Subject { engine, now, process, widths: Widths::of(engine, columns) };
    let mut nowhere = Nowhere;
    let mut count = Sheet { out: &mut nowhere, columns, skip: usize::MAX, room: 0, total: 0 };
    subject.body(view.page, &mut count)?;
    let total = count.total;
    let first = view.first.min(total.saturating_sub(room));
    let shown = room.min(total - first);
    let may_release = if engine.config().global.console_release { " release" } else { "" };
    writeln!(out, "screen {first} {shown} {total}{may_release}")?;
    let mut sheet = Sheet { out: &mut *out, columns, skip: 0, room: rows, total: 0 };
    subject.title(view.page, &mut sheet, first, shown, total)?;
    subject.summary(&mut sheet)?;
    subject.heading(view.page, &mut sheet)?;
    let mut sheet = Sheet { out, columns, skip: first, room, total: 0 };
    subject.body(view.page, &mut sheet)
}

/// One line: how many instances there are, and in which states.
pub(super) fn render_summary(engine: &Engine, now: Instant, out: &mut dyn Write) -> fmt::Result {
    let count = |state| engine.routers().iter().filter(|router| router.fsm.name() == state).count();
    let instances = engine.routers().len();
    write!(
        out,
        "{instances} {}: {} MASTER, {} BACKUP, {} FAULT",
        if instances == 1 { "instance" } else { "instances" },
        count(StateName::Master),
        count(StateName::Backup),
        count(StateName::Fault),
    )?;
    match count(StateName::Init) {
        0 => {}
        init => write!(out, ", {init} INIT")?,
    }
    match engine.listen_at() {
        Some(at) => write!(out, "; vrrp_startup_delay: {} more", Brief(at.since(now))),
        None => Ok(()),
    }
}

/// What a page is drawn from.
#[derive(Clone, Copy)]
struct Subject<'a> {
    engine: &'a Engine,
    now: Instant,
    process: &'a Process,
    widths: Widths,
}

impl Subject<'_> {
    fn title(
        self,
        page: Page,
        sheet: &mut Sheet<'_>,
        first: usize,
        shown: usize,
        total: usize,
    ) -> fmt::Result {
        let name = match self.engine.config().global.router_id.as_str() {
            "" => "(no router_id)",
            name => name,
        };
        let up = Brief(self.now.since(self.process.started_at));
        let mut len = Count(0);
        let place = Place { page, first, shown, total };
        write!(len, "{place}")?;
        let (columns, version) = (sheet.columns, env!("CARGO_PKG_VERSION"));
        sheet.row(Style::Title, |line| {
            let left = columns.saturating_sub(len.0 + 2);
            // What is long is the name, and not to push the time it is up from the screen.
            let room = left.saturating_sub(25).max(8);
            let name_width = name.chars().count().min(room);
            line.column(left, |line| {
                write!(line, "ringward {version}  ")?;
                line.name(name_width, name)?;
                write!(line, "  up {up}")
            })?;
            write!(line, "  {place}")
        })
    }

    fn summary(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let is_faulty =
            self.engine.routers().iter().any(|router| router.fsm.name() == StateName::Fault);
        let style = if is_faulty { Style::Alarm } else { Style::Plain };
        sheet.row(style, |line| render_summary(self.engine, self.now, line))
    }

    fn heading(self, page: Page, sheet: &mut Sheet<'_>) -> fmt::Result {
        sheet.row(Style::Heading, |line| match page {
            Page::Instances => self.instances_heading(line),
            Page::Transitions => self.transitions_heading(line),
            Page::Counters => self.counters_heading(line),
            Page::Peers => self.peers_heading(line),
        })
    }

    /// All rows of the page; the sheet takes those that it has room for.
    fn body(self, page: Page, sheet: &mut Sheet<'_>) -> fmt::Result {
        match page {
            Page::Instances => self.instances(sheet),
            Page::Transitions => self.transitions(sheet),
            Page::Counters => self.counters(sheet),
            Page::Peers => self.peers(sheet),
        }
    }
}

/// Which part of which page.
#[derive(Clone, Copy)]
struct Place {
    page: Page,
    first: usize,
    shown: usize,
    total: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { page, first, shown, total } = *self;
        f.write_str(page.name())?;
        if shown < total {
            write!(f, " {}-{} of {total}", first + 1, first + shown)?;
        }
        Ok(())
    }
}

/// How wide the columns are whose content the configuration decides: as wide as the longest needs,
/// if that leaves room for the others.
#[derive(Clone, Copy)]
struct Widths {
    name: usize,
    interface: usize,
}

impl Widths {
    fn of(engine: &Engine, columns: usize) -> Self {
        let config = engine.config();
        let longest = |lens: &mut dyn Iterator<Item = usize>| lens.max().unwrap_or(0);
        // At 79 columns: 13 and 9 characters.
        let name_max = columns.saturating_sub(66).clamp(8, NAME_LEN_MAX);
        let interface_max = if columns < 100 { 9 } else { 15 };
        let names = &mut config.instances.iter().map(|instance| instance.name.chars().count());
        let interfaces = &mut config.interfaces.iter().map(|name| name.chars().count());
        Widths {
            name: longest(names).clamp(8, name_max),
            interface: longest(interfaces).clamp(5, interface_max),
        }
    }
}
