//! The other end of the control socket: `status`, `watch`, `log`, `reload`, `release`.

use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Exit, Failure};
use crate::io::process::{self, Word};
use crate::time::Span;

/// A daemon that has not answered by then is stuck, or reads a configuration from a very slow disk.
const PATIENCE: Duration = Duration::from_secs(15);
/// `watch` asks so often.
const REFRESH: Span = Span::from_secs(1);

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
    say(&answer)
}

/// Prints this. Nobody who reads no further is told of it.
///
/// # Errors
/// It cannot be printed.
pub fn say(text: &str) -> Result<Exit, Failure> {
    put(text).map(|_| Exit::Fine)
}

/// Shows what the daemon does until interrupted. Where standard output is no terminal, one status
/// follows the other each second, parted by an empty line.
///
/// # Errors
/// Nobody answers at the start, or the answer cannot be printed.
pub fn watch(control: &Path) -> Result<Exit, Failure> {
    let mut answer = ask(control, "status")?;
    #[cfg(feature = "console")]
    {
        use std::io::IsTerminal;
        if io::stdout().is_terminal()
            && let Some(exit) = super::console::watch(control, io::stdin().is_terminal())?
        {
            return Ok(exit);
        }
    }
    process::hold_signals();
    loop {
        answer.push('\n');
        if !put(&answer)? || process::wait_for_word(Some(REFRESH)) == Some(Word::Stop) {
            return Ok(Exit::Fine);
        }
        // A daemon that is being restarted comes back.
        answer = ask(control, "status").unwrap_or_else(|failure| format!("{failure}\n"));
    }
}

/// Prints; answers whether anybody reads it still.
fn put(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(Exit::System, format!("cannot print: {error}"))),
    }
}
