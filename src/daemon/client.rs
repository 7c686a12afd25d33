//! The other end of the control socket: `status`, `watch`, `log`, `reload`, `release`.

use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Exit, Failure};
use crate::io::process::{self, Word};
use crate::io::terminal;
use crate::time::Span;

/// A daemon that has not answered by then is stuck, or reads a configuration from a very slow disk.
const PATIENCE: Duration = Duration::from_secs(15);
/// `watch` asks so often.
const REFRESH: Span = Span::from_secs(1);
/// Rows and columns of a terminal that does not say: VT100.
const SCREEN: (usize, usize) = (24, 80);

// Another screen and no cursor; both are taken back. A VT100 ignores what it does not know.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Sends one request and returns the answer.
///
/// # Errors
/// Nobody answers.
pub fn ask(control: &Path, request: &str) -> Result<String, Failure> {
    let conversation = || -> io::Result<String> {
        let mut stream = UnixStream::connect(control)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut answer = String::new();
        let asked = stream.write_all(format!("{request}\n").as_bytes());
        match asked.and_then(|()| stream.read_to_string(&mut answer)) {
            // Hung up on, before or after it could be asked.
            Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {}
            result => drop(result?),
        }
        Ok(answer)
    };
    let place = control.display();
    let failed = |why: &dyn core::fmt::Display| {
        Failure::new(Exit::System, format!("no daemon answers at {place}: {why}"))
    };
    let answer = conversation().map_err(|error| failed(&error))?;
    if answer.is_empty() {
        return Err(failed(&"it is busy with others, or refused the request"));
    }
    Ok(answer)
}

/// Asks once and prints the answer: to standard error if it is a refusal.
///
/// # Errors
/// Nobody answers, or the answer cannot be printed.
pub fn print(control: &Path, request: &str) -> Result<Exit, Failure> {
    let answer = ask(control, request)?;
    if let Some(reason) = answer.strip_prefix("error: ") {
        return Err(Failure::new(Exit::Refused, reason.trim_end()));
    }
    put(&answer)?;
    Ok(Exit::Fine)
}

/// Shows the status again every second until interrupted. Where standard output is no terminal,
/// one status follows the other, parted by an empty line.
///
/// # Errors
/// Nobody answers at the start, or the answer cannot be printed.
pub fn watch(control: &Path) -> Result<Exit, Failure> {
    let mut answer = ask(control, "status")?;
    process::hold_signals();
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    if is_terminal {
        put(ENTER)?;
    }
    loop {
        let shown = if is_terminal {
            put(&screen(&answer, terminal::size(stdout.as_fd()).unwrap_or(SCREEN)))
        } else {
            put(&answer).and_then(|()| put("\n"))
        };
        let is_over = process::wait_for_word(Some(REFRESH)) == Some(Word::Stop);
        if is_over || shown.is_err() {
            if is_terminal {
                put(LEAVE)?;
            }
            return shown.map(|()| Exit::Fine);
        }
        // A daemon that is being restarted comes back.
        answer = ask(control, "status").unwrap_or_else(|failure| format!("{failure}\n"));
    }
}

/// The answer as one screen: from its top, cut at its edges, and the rest of it cleared.
fn screen(answer: &str, (rows, columns): (usize, usize)) -> String {
    let mut text = String::from("\x1b[H");
    for (row, line) in answer.lines().take(rows).enumerate() {
        if row > 0 {
            text.push_str("\r\n");
        }
        text.extend(line.chars().take(columns));
        text.push_str("\x1b[K");
    }
    text.push_str("\x1b[J");
    text
}

fn put(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::new(Exit::System, format!("cannot print: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_cut_at_its_edges_and_cleared_behind() {
        assert_eq!(screen("abcdef\ngh\nij\n", (2, 4)), "\x1b[Habcd\x1b[K\r\ngh\x1b[K\x1b[J");
    }
}
