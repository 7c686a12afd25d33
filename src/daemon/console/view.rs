//! What a console shows, and what its keys do. No IO: keys, answers and time come in, questions
//! and octets go out.

use super::cells::Painter;
use super::keys::Key;
use super::lines::Lines;
use crate::status::{Page, Style};
use crate::time::{Instant, Span};

/// A screen is asked for so often.
const REFRESH: Span = Span::from_secs(1);
/// On a line that others write to, everything is painted again so often.
const REPAINT: Span = Span::from_secs(60);
/// A line that took nothing for so long is painted anew when it goes on.
const STANDSTILL: Span = Span::from_secs(2);
/// What came of a command is shown for so long.
const NOTICE: Span = Span::from_secs(5);
/// A daemon that has not answered by then is shown as one that does not.
const PATIENCE: Span = Span::from_secs(2);
/// An instance's name, typed.
const TYPED_LEN_MAX: usize = 63;

/// What holds for the whole session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Habits {
    /// Keys are read.
    pub(super) keys: bool,
    /// `watch`: nobody else writes to the terminal, leaving the screen is the end, and whoever can
    /// run it can run `ringward release`.
    pub(super) watch: bool,
}

/// What is asked of the daemon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Question {
    pub(super) line: String,
    pub(super) patience: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Nothing,
    Screen,
    Release,
    /// What `Lines` wants to know.
    Lines,
}

/// A console.
#[derive(Debug)]
pub(super) struct View {
    habits: Habits,
    /// One line a transition; the full screen otherwise.
    lines_only: bool,
    lines: Lines,
    painter: Painter,
    rows: usize,
    columns: usize,
    page: Page,
    first: usize,
    shown: usize,
    /// The name that is being typed.
    typed: Option<String>,
    notice: Option<(String, Instant)>,
    /// The configuration lets consoles release instances.
    may_release: bool,
    /// To be released when the daemon can be asked.
    release: Option<String>,
    asked: Asked,
    refresh_at: Instant,
    repaint_at: Instant,
    /// The line last took something.
    moved_at: Instant,
    dropped: u64,
    /// Octets that were made and not taken yet.
    octets: Vec<u8>,
    /// Octets that go before all further ones: into the screen, and out of it.
    urgent: Vec<u8>,
    over: bool,
}

// Another screen and no cursor; both are taken back. A VT100 ignores what it does not know.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
const LEAVE: &[u8] = b"\x1b[m\x1b[?25h\x1b[?1049l";

impl View {
    pub(super) fn new(now: Instant, habits: Habits, lines_only: bool) -> Self {
        let mut view = View {
            habits,
            lines_only: true,
            lines: Lines::new(now),
            painter: Painter::new(0, 0),
            rows: 0,
            columns: 0,
            page: Page::Instances,
            first: 0,
            shown: 1,
            typed: None,
            notice: None,
            may_release: habits.watch,
            release: None,
            asked: Asked::Nothing,
            refresh_at: now,
            repaint_at: now,
            moved_at: now,
            dropped: 0,
            octets: Vec::new(),
            urgent: Vec::new(),
            over: false,
        };
        view.resize(24, 80);
        if !lines_only {
            view.enter(now);
        }
        view
    }

    /// Whether it was left by a key.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The terminal's size.
    pub(super) fn resize(&mut self, rows: usize, columns: usize) {
        // Nothing is ever written to the last column: a terminal may scroll for it.
        let (rows, columns) = (rows.clamp(2, 200), columns.saturating_sub(1).clamp(8, 500));
        if (rows, columns) != (self.rows, self.columns) {
            (self.rows, self.columns) = (rows, columns);
            self.painter = Painter::new(rows, columns);
            self.refresh_at = Instant::ZERO;
            self.foot();
        }
    }

    /// When something is to be done without anything coming in.
    pub(super) fn next_deadline(&self) -> Instant {
        let notice = self.notice.as_ref().map_or(Instant::NEVER, |(_, until)| *until);
        match (self.asked, self.lines_only) {
            (Asked::Nothing, true) => self.lines.next_deadline(),
            (Asked::Nothing, false) => self.refresh_at,
            _ => Instant::NEVER,
        }
        .min(notice)
    }

    /// The question to ask now. Whatever was asked before is given up.
    pub(super) fn question(&mut self, now: Instant, is_idle: bool) -> Option<Question> {
        if is_idle && let Some(name) = self.release.take() {
            self.asked = Asked::Release;
            let verb = if self.habits.watch { "release" } else { "console-release" };
            let line = if name == "*" { verb.into() } else { format!("{verb} {name}") };
            return Some(Question { line, patience: PATIENCE });
        }
        if self.lines_only {
            let question = if is_idle { self.lines.question(now) } else { None };
            return question.inspect(|_| self.asked = Asked::Lines);
        }
        if !is_idle || now < self.refresh_at {
            return None;
        }
        if self.refresh_at != Instant::ZERO && !self.is_painted() {
            // The line is slow, and this page is painted first; or it stands still.
            if now.since(self.moved_at) >= REFRESH {
                self.dropped += 1;
            }
            self.refresh_at = now + REFRESH;
            return None;
        }
        self.refresh_at = now + REFRESH;
        if !self.habits.watch && self.repaint_at <= now {
            self.repaint_at = now + REPAINT;
            self.painter.forget();
        }
        self.asked = Asked::Screen;
        let (page, first) = (self.page.name(), self.first);
        let line = format!("screen {page} {first} {} {}", self.rows - 1, self.columns);
        Some(Question { line, patience: PATIENCE })
    }

    /// What the daemon says.
    pub(super) fn hear(&mut self, now: Instant, answer: &str) {
        match core::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Screen => self.show(answer),
            Asked::Release => {
                self.note(now, answer.trim_end());
                self.refresh_at = Instant::ZERO;
            }
            Asked::Lines => self.lines.hear(now, answer),
            Asked::Nothing => {}
        }
    }

    /// The daemon does not answer.
    pub(super) fn miss(&mut self, now: Instant, reason: &str) {
        match core::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Screen if !self.lines_only => {
                // What it showed before may have ceased to be true with it.
                self.painter.want(0, Style::Title, "ringward");
                self.painter.want(1, Style::Alarm, reason);
                self.painter.want_blank(2);
                self.foot();
            }
            Asked::Release => self.note(now, reason),
            Asked::Lines => self.lines.miss(now, reason),
            Asked::Screen | Asked::Nothing => {}
        }
    }

    /// Somebody has pressed a key. True: the question that is under way is to be given up.
    pub(super) fn press(&mut self, now: Instant, key: Key) -> bool {
        let gives_up = self.obey(now, key) && self.asked != Asked::Release;
        if gives_up {
            self.asked = Asked::Nothing;
        }
        gives_up
    }

    /// True: the screen is another one now.
    fn obey(&mut self, now: Instant, key: Key) -> bool {
        if self.lines_only {
            if key == Key::Character('s') {
                self.enter(now);
                return true;
            }
            self.lines.hint("press s for the full screen");
            return false;
        }
        if let Some(typed) = self.typed.take() {
            self.type_on(typed, key);
            self.foot();
            return false;
        }
        let step = self.shown.max(1);
        match key {
            Key::Character('q') | Key::Interrupt => {
                self.leave();
                return true;
            }
            Key::Character('1' | 'i') => self.turn_to(Page::Instances),
            Key::Character('2' | 't') => self.turn_to(Page::Transitions),
            Key::Character('3' | 'c') => self.turn_to(Page::Counters),
            Key::Character('4' | 'p') => self.turn_to(Page::Peers),
            Key::Tab => {
                let after = Page::ALL.iter().skip_while(|page| **page != self.page).nth(1);
                self.turn_to(*after.unwrap_or(&Page::Instances));
            }
            Key::Character('j') | Key::Down | Key::Enter => self.first += 1,
            Key::Character('k') | Key::Up => self.first = self.first.saturating_sub(1),
            Key::Character(' ' | 'f') | Key::PageDown => self.first += step,
            Key::Character('b') | Key::PageUp => self.first = self.first.saturating_sub(step),
            Key::Character('g') | Key::Home => self.first = 0,
            // Too far: the daemon says where the end is.
            Key::Character('G') | Key::End => self.first = usize::from(u16::MAX),
            Key::Repaint => self.painter.forget(),
            Key::Character('r') if self.may_release => self.typed = Some(String::new()),
            Key::Character('r') => {
                self.note(now, "no console may release: the configuration lacks console_release");
            }
            Key::Character(_) | Key::Erase => return false,
        }
        self.refresh_at = Instant::ZERO;
        self.foot();
        true
    }

    fn type_on(&mut self, mut typed: String, key: Key) {
        match key {
            Key::Enter => {
                self.release = Some(typed).filter(|name| !name.is_empty());
                return;
            }
            Key::Interrupt => return,
            Key::Erase => drop(typed.pop()),
            Key::Character(character) if typed.len() < TYPED_LEN_MAX => typed.push(character),
            Key::Character(_)
            | Key::Tab
            | Key::Repaint
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Home
            | Key::End => {}
        }
        self.typed = Some(typed);
    }

    fn turn_to(&mut self, page: Page) {
        (self.page, self.first) = (page, 0);
    }

    fn enter(&mut self, now: Instant) {
        self.lines_only = false;
        self.urgent.extend_from_slice(ENTER);
        self.painter.forget();
        (self.refresh_at, self.repaint_at) = (Instant::ZERO, now + REPAINT);
        self.foot();
    }

    fn leave(&mut self) {
        // Where there is no other screen to come back from: below what was shown.
        self.urgent.extend_from_slice(format!("\x1b[{};1H\r\n", self.rows).as_bytes());
        self.urgent.extend_from_slice(LEAVE);
        self.lines_only = true;
        self.over = self.habits.watch;
    }

    /// The session ends: the screen is given back.
    pub(super) fn end(&mut self) {
        if !self.lines_only {
            self.leave();
        }
    }

    fn note(&mut self, now: Instant, text: &str) {
        self.notice = Some((text.into(), now + NOTICE));
        self.foot();
    }

    /// An answer to `screen`.
    fn show(&mut self, answer: &str) {
        if self.lines_only {
            return;
        }
        let mut lines = answer.lines();
        let mut place = lines.next().unwrap_or("").strip_prefix("screen ").unwrap_or("").split(' ');
        let mut number = || place.next()?.parse::<usize>().ok();
        let (Some(first), Some(shown)) = (number(), number()) else {
            self.painter.want(0, Style::Title, "ringward");
            self.painter.want(1, Style::Alarm, answer.lines().next().unwrap_or(""));
            self.painter.want_blank(2);
            return self.foot();
        };
        (self.first, self.shown) = (first, shown);
        self.may_release = self.habits.watch || place.any(|word| word == "release");
        let mut row = 0;
        for line in lines.take(self.rows - 1) {
            let mark = line.chars().next().unwrap_or(' ');
            let text = line.get(mark.len_utf8()..).unwrap_or("");
            self.painter.want(row, Style::of(mark), text);
            row += 1;
        }
        self.painter.want_blank(row);
        self.foot();
    }

    /// The last row: what is being typed, what was to be told, or else what the keys do.
    fn foot(&mut self) {
        let row = self.rows - 1;
        let (style, mut text) = match (&self.typed, &self.notice) {
            (Some(typed), _) => {
                (Style::Alarm, format!("release (a name, or * for all; Ctrl-C: none): {typed}_"))
            }
            (None, Some((notice, _))) => (Style::Alarm, notice.clone()),
            (None, None) if self.habits.keys => {
                let release = if self.may_release { "  r release" } else { "" };
                let keys = "i instances t transitions c counters p peers  space/b scroll";
                (Style::Title, format!("{keys}{release}  q quit"))
            }
            (None, None) => (Style::Title, String::new()),
        };
        if self.dropped > 0 && self.typed.is_none() {
            let told = format!("  {} dropped", self.dropped);
            text = format!("{text:<0$.0$}{told}", self.columns.saturating_sub(told.len()));
        }
        self.painter.want(row, style, &text);
    }

    fn is_painted(&self) -> bool {
        self.octets.is_empty() && self.urgent.is_empty() && self.painter.is_done()
    }

    /// Whether there is anything to write.
    pub(super) fn has_octets(&self) -> bool {
        let is_done = if self.lines_only { self.lines.is_empty() } else { self.painter.is_done() };
        !(self.octets.is_empty() && self.urgent.is_empty() && is_done)
    }

    /// Octets to write, at most `count`; more of them are made only when these are taken.
    pub(super) fn octets(&mut self, count: usize) -> &[u8] {
        if self.octets.is_empty() {
            self.octets.append(&mut self.urgent);
        }
        while self.octets.len() < count {
            let octets = &mut self.octets;
            let is_more =
                if self.lines_only { self.lines.take(octets) } else { self.painter.paint(octets) };
            if !is_more {
                break;
            }
        }
        self.octets.get(..count).unwrap_or(&self.octets)
    }

    /// The line has taken so many octets.
    pub(super) fn took(&mut self, now: Instant, count: usize) {
        if now.since(self.moved_at) >= STANDSTILL && !self.lines_only {
            // Who knows what it shows by now.
            self.painter.forget();
        }
        self.moved_at = now;
        self.octets.drain(..count.min(self.octets.len()));
    }

    /// Until now there was nothing that the line could have taken.
    pub(super) fn rest(&mut self, now: Instant) {
        self.moved_at = now;
    }

    /// Time passes.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.notice = None;
            self.foot();
        }
    }

    /// Nothing of what the terminal shows is known any more: it was opened anew.
    pub(super) fn forget(&mut self) {
        self.octets.clear();
        self.urgent.clear();
        if !self.lines_only {
            self.urgent.extend_from_slice(ENTER);
        }
        self.painter.forget();
    }
}
