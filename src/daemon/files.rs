//! Files that are tracked: read when somebody has written them, and once a second where nobody tells
//! of that.

use core::ffi::CStr;

use nix::errno::Errno;

use crate::config::model::{Config, Init, Probe, Text};
use crate::engine::Engine;
use crate::io::watch::{self, Happened, Watches};
use crate::limits::{COMMAND_LEN_MAX, PROBE_COUNT_MAX};
use crate::time::Instant;
use crate::track::message::Outcome;
use crate::track::{Finding, NUMBER_LEN_MAX, number};

/// What is known of each file, by its row in [`Config::probes`].
#[derive(Debug)]
pub(super) struct Files {
    /// None before the first file is looked at, or where the kernel gives none.
    watches: Option<Watches>,
    rows: Box<[Row]>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// The watch of its directory.
    watch: Option<i32>,
    /// It has been read since somebody wrote it, and whoever writes it next is told of.
    is_current: bool,
    finding: Finding,
}

impl Row {
    const UNKNOWN: Row = Row { watch: None, is_current: false, finding: Finding::NoFile };
}

impl Files {
    pub(super) fn new() -> Self {
        let rows = vec![Row::UNKNOWN; PROBE_COUNT_MAX].into_boxed_slice();
        Files { watches: None, rows }
    }

    /// What is readable when something has happened to a file.
    pub(super) fn fd(&self) -> Option<i32> {
        self.watches.as_ref().map(Watches::fd)
    }

    /// What the file of row `probe` says now: it is read unless nothing has happened to it.
    pub(super) fn look(&mut self, engine: &Engine, probe: u16) -> Outcome {
        let config = engine.config();
        let Some(Probe::File { path, .. }) = config.probes.get(usize::from(probe)) else {
            return Outcome::Found(Finding::NoFile);
        };
        let Some(row) = self.rows.get_mut(usize::from(probe)) else {
            return Outcome::Found(Finding::NoFile);
        };
        if row.is_current {
            return Outcome::Found(row.finding);
        }
        // First watched, then read: what is written between is told of.
        if row.watch.is_none() {
            if self.watches.is_none() {
                self.watches = Watches::new().ok();
            }
            let directory = terminated(directory_of(path));
            let add = |watches: &Watches| watches.add(with_zero(&directory)?).ok();
            row.watch = self.watches.as_ref().and_then(add);
        }
        let mut room = [0; NUMBER_LEN_MAX];
        let name = terminated(path);
        let read = with_zero(&name).ok_or(Errno::ENOENT);
        let is_link = match read.and_then(|path| watch::look(path, &mut room)) {
            Ok(content) => {
                row.finding = number(room.get(..content.len).unwrap_or(&[]));
                content.is_link
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                row.finding = Finding::NoFile;
                false
            }
            Err(errno) => {
                if matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) {
                    return Outcome::short(errno as i32);
                }
                row.finding = Finding::errno(errno as i32);
                false
            }
        };
        row.is_current = row.watch.is_some() && !is_link;
        Outcome::Found(row.finding)
    }

    /// Something has happened: the files that it has happened to are due.
    pub(super) fn observe(&mut self, now: Instant, engine: &mut Engine) {
        let Some(watches) = &self.watches else { return };
        let rows = &mut self.rows;
        watches.drain(|happened| {
            for (number, row) in (0..).zip(rows.iter_mut()) {
                if is_about(happened, row.watch, engine.config(), number) {
                    row.is_current = false;
                    if let Happened::Gone { watch } = happened {
                        // It may only have got another name.
                        watches.remove(watch);
                        row.watch = None;
                    }
                    engine.hasten(now, number);
                }
            }
        });
    }

    /// Another configuration is in force: other files may have the rows.
    pub(super) fn reconfigured(&mut self) {
        for row in &mut self.rows {
            if let (Some(watch), Some(watches)) = (row.watch, &self.watches) {
                watches.remove(watch);
            }
            *row = Row::UNKNOWN;
        }
    }
}

/// Whether what has happened concerns the file of row `number`, whose directory has this watch.
fn is_about(happened: Happened<'_>, own: Option<i32>, config: &Config, number: u16) -> bool {
    match happened {
        Happened::Lost => own.is_some(),
        Happened::Gone { watch } => own == Some(watch),
        Happened::Changed { watch, name } => {
            own == Some(watch)
                && matches!(config.probes.get(usize::from(number)), Some(Probe::File { path, .. })
                    if path.rsplit('/').next().is_some_and(|last| last.as_bytes() == name))
        }
    }
}

/// The directory of a path from the root.
fn directory_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(at @ 1..) => path.get(..at).unwrap_or("/"),
        Some(0) | None => "/",
    }
}

/// A path with a zero behind it, and zeros behind that.
fn terminated(path: &str) -> [u8; COMMAND_LEN_MAX + 1] {
    let mut name = [0; COMMAND_LEN_MAX + 1];
    for (to, from) in name.iter_mut().zip(path.bytes().take(COMMAND_LEN_MAX)) {
        *to = from;
    }
    name
}

fn with_zero(name: &[u8]) -> Option<&CStr> {
    CStr::from_bytes_until_nul(name).ok()
}

/// Writes what `init_file` says to the files that want it. Before the loop: it waits for the disk.
pub(super) fn initialise(config: &Config) {
    for probe in &config.probes {
        let Probe::File { path, init } = probe else { continue };
        if let Err(error) = write_first(path, *init) {
            log::warn!("- file-not-written path={path} reason=\"{error}\"");
        }
    }
}

fn write_first(path: &Text, init: Init) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let (number, overwrites) = match init {
        Init::Nothing => return Ok(()),
        Init::Missing(number) => (number, false),
        Init::Always(number) => (number, true),
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(0o644);
    // A link could lead anywhere, and a pipe hold it up.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    match options.clone().create_new(true).open(path.as_str()) {
        Ok(mut file) => return writeln!(file, "{number}"),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    if !overwrites {
        return Ok(());
    }
    let mut file = options.open(path.as_str())?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    file.set_len(0)?;
    writeln!(file, "{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_path_is_what_is_watched() {
        for (path, directory) in [("/a", "/"), ("/a/b", "/a"), ("/a//b", "/a/"), ("/a/b/c", "/a/b")]
        {
            assert_eq!(directory_of(path), directory);
        }
        let path = terminated("/a/b");
        assert_eq!(with_zero(&path), Some(c"/a/b"));
        let longest = terminated(&"x".repeat(300));
        assert_eq!(with_zero(&longest).map(|path| path.count_bytes()), Some(COMMAND_LEN_MAX));
    }
}
