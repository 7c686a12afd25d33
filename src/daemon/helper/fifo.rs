//! Notify FIFOs: made where there is none, opened so that nobody is waited for, and written to in whole
//! lines.
//!
//! As keepalived does, a FIFO is open for reading as well: lines that are written before somebody
//! reads, or between two readers, stay in the pipe (64 KiB of them, pipe(7)), and a reader that goes
//! is no error. What has no room is lost, and counted.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, fchown};

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use super::account::{self, Account};
use crate::track::message::{Answer, Lines};

/// Its owner may write to it, everybody may read: as keepalived makes it.
const MODE: Mode = Mode::from_bits_truncate(0o644);

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Fifos(Vec<Fifo>);

#[derive(Debug)]
struct Fifo {
    path: String,
    file: File,
    /// It was made here, and is removed at the end.
    is_ours: bool,
}

impl Fifos {
    /// Writes lines, all of them in one piece if there is room.
    pub(super) fn write(&mut self, lines: &Lines<'_>) -> Answer {
        let ticket = lines.ticket;
        let all = || u16::try_from(lines.text.lines().count()).unwrap_or(u16::MAX);
        let result = self.open(lines).and_then(|mut file| write(&mut file, lines.text));
        match result {
            Ok(lost) => Answer::Written { ticket, lost, errno: 0 },
            Err(error) => {
                let errno = error.raw_os_error().and_then(|errno| u16::try_from(errno).ok());
                Answer::Written { ticket, lost: all(), errno: errno.unwrap_or(u16::MAX) }
            }
        }
    }

    /// Removes those that were made here.
    pub(super) fn remove(&mut self) {
        for fifo in self.0.drain(..).filter(|fifo| fifo.is_ours && is_at(&fifo.file, &fifo.path)) {
            let _ = fs::remove_file(&fifo.path);
        }
    }

    /// The FIFO that is there now: somebody may have put another one in the place of that which is
    /// open.
    fn open(&mut self, lines: &Lines<'_>) -> Result<&File, Error> {
        let known = self.0.iter().position(|fifo| fifo.path == lines.path);
        let known = match known {
            Some(known) if self.0.get(known).is_some_and(|fifo| is_at(&fifo.file, lines.path)) => {
                known
            }
            gone => {
                if let Some(gone) = gone {
                    self.0.remove(gone);
                }
                self.0.push(open(lines)?);
                self.0.len() - 1
            }
        };
        let found = self.0.get(known).map(|fifo| &fifo.file);
        found.ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// Opens a FIFO, and makes it if there is none.
fn open(lines: &Lines<'_>) -> Result<Fifo, Error> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
    let owner = account::find((&passwd, &group), (lines.user, lines.group), false);
    let owner = owner.map_err(|_| Error::from_raw_os_error(libc::EINVAL))?;
    let is_ours = match mkfifo(lines.path, MODE) {
        Ok(()) => true,
        Err(nix::Error::EEXIST) => false,
        Err(errno) => return Err(errno.into()),
    };
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(lines.path)?;
    if let (true, Some(Account { uid, gid, .. }), true) = (is_ours, &owner, geteuid().is_root()) {
        fchown(&file, Some(*uid), Some(*gid))?;
    }
    let meta = file.metadata()?;
    let own = geteuid().as_raw();
    let is_trusted = meta.uid() == own || owner.is_some_and(|owner| meta.uid() == owner.uid);
    // What somebody else has put there is not written to.
    match (meta.file_type().is_fifo(), is_trusted) {
        (true, true) => Ok(Fifo { path: lines.path.to_owned(), file, is_ours }),
        (false, _) => Err(Error::from_raw_os_error(libc::EEXIST)),
        (true, false) => Err(Error::from_raw_os_error(libc::EPERM)),
    }
}

/// Whether what is found at `path` is this file.
fn is_at(file: &File, path: &str) -> bool {
    let at = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let found = fs::symlink_metadata(path).map(at).ok();
    found.is_some() && found == file.metadata().map(at).ok()
}

/// Writes lines; how many found no room. A pipe takes as little as this in one piece or not at all.
fn write(file: &mut &File, text: &str) -> Result<u16, Error> {
    if text.is_empty() || !is_full(file.write_all(text.as_bytes()))? {
        return Ok(0);
    }
    let mut lost = 0;
    for line in text.split_inclusive('\n') {
        lost += u16::from(is_full(file.write_all(line.as_bytes()))?);
    }
    Ok(lost)
}

fn is_full(written: Result<(), Error>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const EMPTY: Lines<'_> = Lines { ticket: 7, path: "", user: "root", group: "", text: "" };

    /// A folder of this test's own, and a path in it.
    fn place(test: &str) -> (std::path::PathBuf, String) {
        let folder = format!("/run/ringward-fifo-{}-{test}", std::process::id());
        fs::create_dir_all(&folder).unwrap();
        let path = format!("{folder}/fifo");
        (folder.into(), path)
    }

    fn reader(path: &str) -> File {
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap()
    }

    fn heard(file: &mut File) -> String {
        let mut text = vec![0; 4096];
        let len = file.read(&mut text).unwrap_or(0);
        String::from_utf8_lossy(&text[..len]).into_owned()
    }

    const FINE: Answer = Answer::Written { ticket: 7, lost: 0, errno: 0 };

    #[test]
    fn lines_wait_in_the_pipe_for_a_reader_and_for_the_next_one() {
        let (folder, path) = place("wait");
        let mut fifos = Fifos::default();
        let lines = |text| Lines { path: &path, text, ..EMPTY };
        assert_eq!(fifos.write(&lines("")), FINE);
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fifos.write(&lines("one\ntwo\n")), FINE);
        let mut first = reader(&path);
        assert_eq!(heard(&mut first), "one\ntwo\n");
        drop(first);
        assert_eq!(fifos.write(&lines("three\n")), FINE);
        assert_eq!(heard(&mut reader(&path)), "three\n");
        fifos.remove();
        assert!(!fs::exists(&path).unwrap());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_has_no_room_is_lost_and_counted() {
        let (folder, path) = place("full");
        let mut fifos = Fifos::default();
        let line = "x".repeat(31) + "\n";
        let (line, four) = (line.clone(), line.repeat(4));
        let write =
            |fifos: &mut Fifos, text: &str| fifos.write(&Lines { path: &path, text, ..EMPTY });
        let mut written = 0;
        let lost = loop {
            let Answer::Written { lost, errno: 0, .. } = write(&mut fifos, &four) else {
                panic!("not written");
            };
            match lost {
                0 => written += 4,
                lost => break lost,
            }
        };
        // A pipe of 64 KiB (pipe(7)) is sixteen pages of 128 such lines.
        assert_eq!((written, lost), (2048, 4));
        let mut reader = reader(&path);
        assert_eq!(heard(&mut reader).len(), 4096);
        assert_eq!(write(&mut fifos, &line), FINE);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn another_fifo_in_its_place_is_opened_and_what_is_none_is_not_written_to() {
        let (folder, path) = place("other");
        let mut fifos = Fifos::default();
        let lines = Lines { path: &path, text: "line\n", ..EMPTY };
        assert_eq!(fifos.write(&lines), FINE);
        fs::remove_file(&path).unwrap();
        assert_eq!(fifos.write(&lines), FINE);
        assert_eq!(heard(&mut reader(&path)), "line\n");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        let refused = |errno| Answer::Written { ticket: 7, lost: 1, errno };
        assert_eq!(fifos.write(&lines), refused(17)); // EEXIST
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        // Nor removed at the end.
        fifos.remove();
        assert!(fs::exists(&path).unwrap());
        let missing = format!("{path}/missing");
        assert_eq!(fifos.write(&Lines { path: &missing, ..lines }), refused(20)); // ENOTDIR
        fs::remove_dir_all(folder).unwrap();
    }
}
