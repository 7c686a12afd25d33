//! Lines on standard error that never block: what nobody reads in time is dropped and counted.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::io::IsTerminal;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;

/// Octets of the longest line; what is longer is cut.
const LINE_LEN_MAX: usize = 512;

static LOST: AtomicUsize = AtomicUsize::new(0);
/// Where lines go: standard error itself, or the same pipe or terminal opened once more.
static FD: AtomicI32 = AtomicI32::new(2);
static IS_SOCKET: AtomicBool = AtomicBool::new(false);
/// A write may have to wait: somebody else's pipe, which we may not open.
static MAY_BLOCK: AtomicBool = AtomicBool::new(false);
static HAS_PREFIX: AtomicBool = AtomicBool::new(false);

/// Finds out what standard error is. Before it, and if it is never called, lines may block.
///
/// Making it non-blocking would do so for everybody who shares it, the user's shell included: it is
/// opened anew where that can be done, a socket (the journal's) is asked not to wait each time, and
/// a pipe that belongs to another user is looked at before.
pub fn prepare() {
    FD.store(2, Ordering::Relaxed);
    let mut kind: libc::c_int = 0;
    let mut len = libc::socklen_t::try_from(size_of_val(&kind)).unwrap_or(0);
    // SAFETY: the kernel writes at most `len` octets to `kind`.
    let result = unsafe {
        let kind = (&raw mut kind).cast();
        libc::getsockopt(2, libc::SOL_SOCKET, libc::SO_TYPE, kind, &raw mut len)
    };
    if result == 0 {
        IS_SOCKET.store(true, Ordering::Relaxed);
    } else if !is_regular_file() {
        let again = std::fs::OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open("/proc/self/fd/2");
        match again {
            Ok(file) => FD.store(file.into_raw_fd(), Ordering::Relaxed),
            Err(_) => MAY_BLOCK.store(true, Ordering::Relaxed),
        }
    }
    // SAFETY: touches no memory.
    let child_of_init = unsafe { libc::getppid() } == 1;
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let terminal = std::io::stderr().is_terminal();
    // In a file nobody reads the number.
    let is_read = !terminal && !is_regular_file();
    HAS_PREFIX.store(journal || (child_of_init && is_read), Ordering::Relaxed);
}

/// Opened anew, a file would be written to in two places.
fn is_regular_file() -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = std::fs::metadata("/proc/self/fd/2").map(|meta| meta.file_type());
    kind.is_ok_and(|kind| !kind.is_fifo() && !kind.is_char_device())
}

/// How many lines were dropped.
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed) as u64
}

/// Writes one line: `LEVEL text`, with syslog's number of the level before it where a journal
/// reads it.
pub fn line(level: log::Level, text: fmt::Arguments<'_>) {
    let (number, name) = match level {
        log::Level::Error => (3, "ERROR"),
        log::Level::Warn => (4, "WARN"),
        log::Level::Info => (6, "INFO"),
        log::Level::Debug | log::Level::Trace => (7, "DEBUG"),
    };
    let mut line = Line { octets: [0; LINE_LEN_MAX], len: 0 };
    let prefix = HAS_PREFIX.load(Ordering::Relaxed);
    // A line that is too long is cut, not refused.
    let _ = if prefix { write!(line, "<{number}>") } else { Ok(()) };
    let _ = write!(line, "{name} {text}");
    line.end();
    if !put(line.octets.get(..line.len).unwrap_or(&[])) {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn put(octets: &[u8]) -> bool {
    let fd = FD.load(Ordering::Relaxed);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    if MAY_BLOCK.load(Ordering::Relaxed) && !has_room(fd) {
        return false;
    }
    // SAFETY: the kernel reads the octets and nothing else.
    let written = unsafe {
        if IS_SOCKET.load(Ordering::Relaxed) {
            libc::send(fd, octets.as_ptr().cast(), octets.len(), flags)
        } else {
            libc::write(fd, octets.as_ptr().cast(), octets.len())
        }
    };
    usize::try_from(written).is_ok_and(|written| written == octets.len())
}

/// Whether a line can be written without waiting: a pipe that says so takes PIPE_BUF octets.
fn has_room(fd: libc::c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the kernel writes to the one `poll`.
    let result = unsafe { libc::poll(&raw mut poll, 1, 0) };
    result == 1 && poll.revents & libc::POLLOUT != 0
}

struct Line {
    octets: [u8; LINE_LEN_MAX],
    len: usize,
}

impl Line {
    fn end(&mut self) {
        self.len = self.len.min(LINE_LEN_MAX - 1);
        if let Some(last) = self.octets.get_mut(self.len) {
            *last = b'\n';
        }
        self.len += 1;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            let Some(place) = self.octets.get_mut(self.len) else { return Err(fmt::Error) };
            // One line stays one line.
            *place = if octet == b'\n' { b' ' } else { octet };
            self.len += 1;
        }
        Ok(())
    }
}
