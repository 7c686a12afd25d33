//! The console: what the daemon does, on a serial line or in a terminal.
//!
//! A process of its own, so that no line, however slow or stuck, can hold up an advert. It asks
//! the daemon as any operator does.
//!
//! | file | what |
//! |---|---|
//! | `view` | what is shown, what is asked, what keys do: no IO |
//! | `lines` | one line a transition |
//! | `cells` | a full screen, by as few octets as possible |
//! | `keys` | from octets to keys |
//! | `link` | the way to the daemon |
//! | `owner` | who else reads from a terminal |
//! | `child` | the console that `ringward run` starts |

mod cells;
pub(super) mod child;
mod keys;
mod lines;
mod link;
mod owner;
mod view;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::keys::Keys;
use self::link::{Heard, Link};
use self::view::{Habits, View};
use super::{Exit, Failure};
use crate::config::console::Console;
use crate::io::clock;
use crate::io::process::{self, Word};
use crate::io::terminal::Terminal;
use crate::limits::{CONSOLE_SPEED, CONSOLE_TTY};
use crate::time::{Instant, Span};

/// A terminal that has gone is looked for so often.
const REOPEN: Span = Span::from_secs(2);
/// The last words are waited for so long.
const FAREWELL: Span = Span::from_millis(300);
/// The driver reports room when fewer octets than this wait (WAKEUP_CHARS, linux/tty.h).
const WAKEUP_LEN: usize = 256;
/// A page of the driver's: more than it takes at once.
const WRITE_LEN_MAX: usize = 4096;
/// Where a shell's terminal can be opened anew.
const OWN_TERMINAL: [&str; 2] = ["/proc/self/fd/1", "/dev/tty"];

/// `ringward console`.
///
/// # Errors
/// The terminal cannot be opened, or somebody else reads from it.
pub fn console(console: &Console, control: &Path) -> Result<Exit, Failure> {
    process::hold_signals();
    let terminal = open(console)?;
    let habits = Habits { keys: console.keys, watch: false };
    let view = View::new(clock::now(), habits, !console.screen);
    Session::new(Place::Device(console.clone()), terminal, view, control, console.keys).run()
}

/// `ringward watch` in a terminal: where there is none, `None`.
///
/// # Errors
/// The kernel has no descriptor left.
pub(super) fn watch(control: &Path, keys: bool) -> Result<Option<Exit>, Failure> {
    let opened = OWN_TERMINAL.iter().find_map(|path| Terminal::open(Path::new(path)).ok());
    let Some(mut terminal) = opened else { return Ok(None) };
    process::hold_signals();
    if terminal.set_up(None, keys).is_err() {
        return Ok(None);
    }
    let habits = Habits { keys, watch: true };
    let view = View::new(clock::now(), habits, false);
    Session::new(Place::Own, terminal, view, control, keys).run().map(Some)
}

/// The terminal of a console, and its speed if it is to have one.
fn line(console: &Console) -> (PathBuf, Option<u32>) {
    match console.tty.as_str() {
        "" => {
            let speed = u32::try_from(CONSOLE_SPEED).ok();
            (Path::new("/dev").join(CONSOLE_TTY), console.speed.or(speed))
        }
        path if path.contains('/') => (path.into(), console.speed),
        name => (Path::new("/dev").join(name), console.speed),
    }
}

fn open(console: &Console) -> Result<Terminal, Failure> {
    let (path, speed) = line(console);
    let failed = |error: std::io::Error| {
        Failure::new(Exit::System, format!("cannot use {}: {error}", path.display()))
    };
    let mut terminal = Terminal::open(&path).map_err(failed)?;
    if console.keys {
        let reader = terminal.device().ok().and_then(owner::owner);
        if let Some(reader) = reader {
            return Err(Failure::new(
                Exit::System,
                format!(
                    "cannot read keys from {}: it is the terminal of {reader}; leave --keys out, or \
                     run ringward watch there",
                    path.display()
                ),
            ));
        }
    }
    if console.keys || speed.is_some() {
        terminal.set_up(speed, console.keys).map_err(failed)?;
    }
    Ok(terminal)
}

/// Where the terminal is from.
#[derive(Debug)]
enum Place {
    /// A line, which may be pulled out and come back.
    Device(Console),
    /// A shell's: when it goes, so do we.
    Own,
}

#[derive(Debug)]
struct Session {
    place: Place,
    /// `None`: it has gone.
    terminal: Option<Terminal>,
    reopen_at: Instant,
    /// Octets written at once: what leaves in a second, less what may still wait then.
    budget: usize,
    reads_keys: bool,
    keys: Keys,
    link: Link,
    view: View,
}

impl Session {
    fn new(place: Place, terminal: Terminal, view: View, control: &Path, reads_keys: bool) -> Self {
        let mut session = Session {
            place,
            terminal: None,
            reopen_at: Instant::NEVER,
            budget: 0,
            reads_keys,
            keys: Keys::default(),
            link: Link::new(PathBuf::from(control)),
            view,
        };
        session.adopt(terminal);
        session
    }

    fn adopt(&mut self, terminal: Terminal) {
        let speed = terminal.octets_per_second();
        self.budget = speed.saturating_sub(WAKEUP_LEN).clamp(64, WRITE_LEN_MAX);
        self.terminal = Some(terminal);
        self.measure();
    }

    /// A serial line does not say how large the terminal at its other end is: 24 × 80, then.
    fn measure(&mut self) {
        let size = self.terminal.as_ref().and_then(Terminal::size);
        let (rows, columns) = size.unwrap_or((24, 80));
        self.view.resize(rows, columns);
    }

    fn run(mut self) -> Result<Exit, Failure> {
        let signals = process::signal_fd()?;
        loop {
            self.ask(clock::now());
            let events = self.wait(&signals);
            let now = clock::now();
            while let Some(word) = process::next_word(signals.as_raw_fd()) {
                match word {
                    Word::Stop | Word::Reload => {
                        self.listen(now);
                        return Ok(self.say_farewell());
                    }
                    Word::Resized => self.measure(),
                    Word::ChildDied | Word::Dump => {}
                }
            }
            if !self.use_terminal(now, events) && matches!(self.place, Place::Own) {
                return Ok(Exit::Fine);
            }
            self.listen(now);
            self.view.expire(now);
            if self.view.is_over() {
                return Ok(self.say_farewell());
            }
            self.reopen(now);
        }
    }

    fn ask(&mut self, now: Instant) {
        while let Some(question) = self.view.question(now, self.link.is_idle()) {
            let heard = self.link.ask(now, &question.line, question.patience);
            self.deliver(now, heard);
        }
    }

    fn listen(&mut self, now: Instant) {
        let heard = self.link.advance(now);
        self.deliver(now, heard);
    }

    fn deliver(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Nothing => {}
            Heard::Answer(answer) => self.view.hear(now, &answer),
            Heard::Failure(reason) => self.view.miss(now, &reason),
        }
    }

    /// Sleeps until something is to be done. What the terminal is ready for.
    fn wait(&mut self, signals: &OwnedFd) -> PollFlags {
        let now = clock::now();
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, self.reads_keys);
        wanted.set(PollFlags::POLLOUT, self.view.has_octets());
        let mut waited: heapless::Vec<PollFd<'_>, 3> = heapless::Vec::new();
        // There is room for three.
        let _ = waited.push(PollFd::new(signals.as_fd(), PollFlags::POLLIN));
        if let Some(terminal) = &self.terminal {
            let _ = waited.push(PollFd::new(terminal.as_fd(), wanted));
        }
        if let Some((fd, flags)) = self.link.interest() {
            let _ = waited.push(PollFd::new(fd, flags));
        }
        let deadlines = [self.view.next_deadline(), self.link.next_deadline(), self.reopen_at];
        let until = deadlines.into_iter().fold(Instant::NEVER, Instant::min);
        // Rounded up, or the last millisecond would be spent awake; never for longer than a day.
        let millis = until.since(now).as_millis().saturating_add(1).min(86_400_000);
        let timeout = if until <= now { 0 } else { i32::try_from(millis).unwrap_or(i32::MAX) };
        let _ = poll(&mut waited, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::NONE));
        let terminal = if self.terminal.is_some() { waited.get(1) } else { None };
        let events = terminal.and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if !wanted.contains(PollFlags::POLLOUT) {
            self.view.rest(clock::now());
        }
        events
    }

    /// Reads keys, and writes what the line takes. False: it was hung up.
    fn use_terminal(&mut self, now: Instant, events: PollFlags) -> bool {
        let Some(terminal) = &self.terminal else { return true };
        let mut lives = !events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR);
        let mut typed = [0; 64];
        let mut count = 0;
        if lives && events.contains(PollFlags::POLLIN) && self.reads_keys {
            match terminal.read(&mut typed) {
                Ok(None) => {}
                Ok(Some(0)) | Err(_) => lives = false,
                Ok(Some(read)) => count = read,
            }
        }
        for octet in typed.into_iter().take(count) {
            if let Some(key) = self.keys.take(octet)
                && self.view.press(now, key)
            {
                self.link.hang_up();
            }
        }
        if lives && events.contains(PollFlags::POLLOUT) {
            lives = self.write(now).is_some();
        }
        if !lives {
            self.terminal = None;
            self.reopen_at = now + REOPEN;
        }
        lives
    }

    /// Octets that the line took. `None`: it has gone.
    fn write(&mut self, now: Instant) -> Option<usize> {
        let terminal = self.terminal.as_ref()?;
        let octets = self.view.octets(self.budget);
        if octets.is_empty() {
            return Some(0);
        }
        match terminal.write(octets) {
            Ok(Some(count)) => {
                self.view.took(now, count);
                Some(count)
            }
            Ok(None) => Some(0),
            Err(_) => None,
        }
    }

    fn reopen(&mut self, now: Instant) {
        if now < self.reopen_at {
            return;
        }
        self.reopen_at = now + REOPEN;
        if let Place::Device(console) = &self.place
            && let Ok(terminal) = open(console)
        {
            self.reopen_at = Instant::NEVER;
            self.view.forget();
            self.adopt(terminal);
        }
    }

    /// Gives the screen back, as far as the line takes that.
    fn say_farewell(mut self) -> Exit {
        self.view.end();
        let until = clock::now() + FAREWELL;
        let mut now = clock::now();
        while self.view.has_octets() && now < until && self.write(now).is_some() {
            let _ = self.terminal.as_ref().map(|terminal| {
                let mut waited = [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)];
                poll(&mut waited, PollTimeout::from(20_u8))
            });
            now = clock::now();
        }
        if self.view.has_octets()
            && let Some(terminal) = &self.terminal
        {
            terminal.discard();
        }
        Exit::Fine
    }
}
