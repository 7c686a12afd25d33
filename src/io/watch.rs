//! Files whose content is tracked: read at once, and told of by inotify(7) when they change. Nothing
//! is allocated, and nothing waits but for the filesystem, which is to be one of this machine.

use core::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, FUSE_SUPER_MAGIC, FsType,
    NFS_SUPER_MAGIC, PROC_SUPER_MAGIC, SMB_SUPER_MAGIC, SYSFS_MAGIC, TRACEFS_MAGIC, statfs,
};
use nix::unistd::read;

/// Octets of events that are read at once: more than the longest one has (NAME_MAX and a header).
const ROOM_LEN: usize = 1024;
/// How often that is done before something else has its turn.
const READ_COUNT_MAX: usize = 8;
/// Octets of an event before its name (struct inotify_event, linux/inotify.h).
const HEADER_LEN: usize = 16;

/// Filesystems on which files change and nobody is told.
const SILENT: [FsType; 9] = [
    PROC_SUPER_MAGIC,
    SYSFS_MAGIC,
    CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,
    DEBUGFS_MAGIC,
    TRACEFS_MAGIC,
    NFS_SUPER_MAGIC,
    SMB_SUPER_MAGIC,
    FUSE_SUPER_MAGIC,
];

/// The directories that are watched.
#[derive(Debug)]
pub struct Watches {
    fd: OwnedFd,
}

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened<'a> {
    /// The file of this name in a watched directory was written, moved or removed.
    Changed {
        /// The watch.
        watch: i32,
        /// Its name.
        name: &'a [u8],
    },
    /// The directory is where it was no more: the watch is none.
    Gone {
        /// The watch.
        watch: i32,
    },
    /// Something was forgotten.
    Lost,
}

impl Watches {
    /// None yet.
    ///
    /// # Errors
    /// The kernel has no inotify, or none left for this user.
    pub fn new() -> Result<Self, Errno> {
        // SAFETY: no memory is involved.
        let fd = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
        let fd = Errno::result(fd)?;
        // SAFETY: the kernel has just opened this descriptor for us.
        Ok(Watches { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// What is readable when something has happened.
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Watches a directory: the same one has the same number.
    ///
    /// # Errors
    /// There is no such directory, or its filesystem tells of no changes (EOPNOTSUPP).
    pub fn add(&self, directory: &CStr) -> Result<i32, Errno> {
        if SILENT.contains(&statfs(directory)?.filesystem_type()) {
            return Err(Errno::EOPNOTSUPP);
        }
        let events = libc::IN_CLOSE_WRITE | libc::IN_DELETE | libc::IN_MOVE;
        let events = events | libc::IN_DELETE_SELF | libc::IN_MOVE_SELF | libc::IN_ONLYDIR;
        // SAFETY: the path ends with a zero, and outlives the call.
        Errno::result(unsafe { libc::inotify_add_watch(self.fd(), directory.as_ptr(), events) })
    }

    /// Watches it no more.
    pub fn remove(&self, watch: i32) {
        // SAFETY: no memory is involved. It fails for a watch that the kernel has removed already.
        let _ = unsafe { libc::inotify_rm_watch(self.fd(), watch) };
    }

    /// Tells what has happened. There may be more: the descriptor is readable then.
    pub fn drain(&self, mut tell: impl FnMut(Happened<'_>)) {
        let mut room = [0; ROOM_LEN];
        for _ in 0..READ_COUNT_MAX {
            let Ok(len) = read(&self.fd, &mut room) else { return };
            events(room.get(..len).unwrap_or(&[])).for_each(&mut tell);
        }
    }
}

/// What a buffer of events says: number of the watch, mask, cookie, length of the name, and the name
/// with zeros behind it.
fn events(mut rest: &[u8]) -> impl Iterator<Item = Happened<'_>> {
    core::iter::from_fn(move || {
        loop {
            let (header, behind) = rest.split_at_checked(HEADER_LEN)?;
            let field = |at: usize| header.get(at..at + 4)?.first_chunk().copied();
            let watch = i32::from_ne_bytes(field(0)?);
            let mask = u32::from_ne_bytes(field(4)?);
            let len = usize::try_from(u32::from_ne_bytes(field(12)?)).ok()?;
            let (name, next) = behind.split_at_checked(len)?;
            rest = next;
            let is = |bits: u32| mask & bits != 0;
            if is(libc::IN_Q_OVERFLOW) {
                return Some(Happened::Lost);
            }
            if is(libc::IN_IGNORED | libc::IN_DELETE_SELF | libc::IN_MOVE_SELF | libc::IN_UNMOUNT) {
                return Some(Happened::Gone { watch });
            }
            if !is(libc::IN_ISDIR) {
                let name = name.split(|octet| *octet == 0).next().unwrap_or(&[]);
                return Some(Happened::Changed { watch, name });
            }
        }
    })
}

/// What was read of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// Octets that were read.
    pub len: usize,
    /// The path is a symbolic link: a watch of its directory does not tell what happens to the file.
    pub is_link: bool,
}

/// Reads the beginning of a file, as far as there is room, without waiting for whoever would write to
/// a pipe.
///
/// # Errors
/// It cannot be opened, or not be read.
pub fn look(path: &CStr, room: &mut [u8]) -> Result<Content, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let open = |more: OFlag| openat(AT_FDCWD, path, flags | more, Mode::empty());
    let (fd, is_link) = match open(OFlag::O_NOFOLLOW) {
        Err(Errno::ELOOP) => (open(OFlag::empty())?, true),
        opened => (opened?, false),
    };
    Ok(Content { len: read(&fd, room)?, is_link })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs;
    use std::path::Path;

    fn c(path: &Path) -> CString {
        CString::new(path.to_str().unwrap()).unwrap()
    }

    fn directory(test: &str) -> std::path::PathBuf {
        let directory =
            std::env::temp_dir().join(format!("ringward-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        directory
    }

    fn heard(watches: &Watches) -> Vec<String> {
        let mut heard = Vec::new();
        watches.drain(|happened| heard.push(format!("{happened:?}")));
        heard
    }

    #[test]
    fn what_happens_to_a_file_is_told_by_its_name() {
        let directory = directory("watch");
        let watches = Watches::new().unwrap();
        let watch = watches.add(&c(&directory)).unwrap();
        assert_eq!(watches.add(&c(&directory)), Ok(watch));
        let changed = |name: &str| {
            let name = name.as_bytes();
            format!("{:?}", Happened::Changed { watch, name })
        };
        fs::write(directory.join("number"), "1").unwrap();
        fs::create_dir(directory.join("folder")).unwrap();
        assert_eq!(heard(&watches), [changed("number")]);
        fs::rename(directory.join("number"), directory.join("other")).unwrap();
        assert_eq!(heard(&watches), [changed("number"), changed("other")]);
        fs::remove_file(directory.join("other")).unwrap();
        assert_eq!(heard(&watches), [changed("other")]);
        fs::remove_dir_all(&directory).unwrap();
        let gone = format!("{:?}", Happened::Gone { watch });
        // That it is gone, and that the watch is: when nobody has it open any more, such as what
        // another test has forked meanwhile.
        let give_up = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let mut last = Vec::new();
        while last.len() < 2 && std::time::Instant::now() < give_up {
            last.extend(heard(&watches));
            std::thread::yield_now();
        }
        assert_eq!(last, [gone.clone(), gone]);
        assert_eq!(watches.add(&c(&directory)), Err(Errno::ENOENT));
        assert_eq!(watches.add(c"/proc/self"), Err(Errno::EOPNOTSUPP));
    }

    #[test]
    fn a_file_is_read_as_far_as_there_is_room() {
        let directory = directory("look");
        let path = directory.join("number");
        assert_eq!(look(&c(&path), &mut [0; 4]), Err(Errno::ENOENT));
        fs::write(&path, "123456").unwrap();
        let mut room = [0; 4];
        assert_eq!(look(&c(&path), &mut room), Ok(Content { len: 4, is_link: false }));
        assert_eq!(&room, b"1234");
        let link = directory.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(look(&c(&link), &mut [0; 9]), Ok(Content { len: 6, is_link: true }));
        // Nobody writes to it, and nobody waits for that.
        let pipe = directory.join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert_eq!(look(&c(&pipe), &mut [0; 4]), Ok(Content { len: 0, is_link: false }));
        assert_eq!(look(&c(&directory), &mut [0; 4]), Err(Errno::EISDIR));
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn events_that_are_cut_or_lie_end_the_buffer() {
        let event = |mask: u32, len: u32, name: &[u8]| {
            let fields = [1, mask, 0, len].map(u32::to_ne_bytes).concat();
            [&fields[..], name].concat()
        };
        let written = event(libc::IN_CLOSE_WRITE, 4, b"a\0\0\0");
        let changed = Happened::Changed { watch: 1, name: b"a" };
        let both = [&written[..], &event(libc::IN_Q_OVERFLOW, 0, b"")].concat();
        assert!(events(&both).eq([changed, Happened::Lost]));
        assert!(events(&both[..both.len() - 1]).eq([changed]));
        assert_eq!(events(&written[..19]).count(), 0);
        assert_eq!(events(&event(libc::IN_CLOSE_WRITE, u32::MAX, b"a\0\0\0")).count(), 0);
    }
}
