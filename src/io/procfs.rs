//! Processes, as /proc shows them: memory of the kernel's, not of a disk. Nothing is allocated.
//!
//! The arguments of a process lie in its own memory, and reading them may wait for it: they are read
//! only where its name does not decide.

use core::fmt::Write;
use core::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use heapless::String;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

/// Octets of names that are taken at once: of some forty processes.
const LISTING_LEN: usize = 1024;

/// The processes there are, some at a time.
#[derive(Debug)]
pub struct Listing {
    folder: OwnedFd,
}

impl Listing {
    /// Begins at the first one.
    ///
    /// # Errors
    /// There is no /proc, or no descriptor left.
    pub fn begin() -> Result<Self, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Listing { folder: openat(AT_FDCWD, c"/proc", flags, Mode::empty())? })
    }

    /// Hands over the numbers of some more. False: those were all.
    pub fn some(&mut self, take: impl FnMut(u32)) -> bool {
        let mut room = [0_u8; LISTING_LEN];
        // SAFETY: the kernel writes at most `LISTING_LEN` octets to `room`.
        let count = unsafe {
            let fd = self.folder.as_raw_fd();
            libc::syscall(libc::SYS_getdents64, fd, room.as_mut_ptr(), LISTING_LEN)
        };
        let count = usize::try_from(count).unwrap_or(0);
        names(room.get(..count).unwrap_or(&[])).filter_map(number).for_each(take);
        count > 0
    }
}

/// The names in a buffer of getdents64(2): each record has its length at octet 16, and its name,
/// ended by a zero, from octet 19 on (struct linux_dirent64).
fn names(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let len = u16::from_ne_bytes(*records.get(16..18)?.first_chunk()?);
        let (record, rest) = records.split_at_checked(usize::from(len))?;
        let name = record.get(19..)?;
        records = rest;
        name.split(|octet| *octet == 0).next()
    })
}

fn number(name: &[u8]) -> Option<u32> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

/// What there is to read of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aspect {
    /// Its name.
    Name,
    /// Its arguments, each ended by a zero.
    Arguments,
}

/// Reads of a process what has room. None: it is gone.
pub fn look(pid: u32, aspect: Aspect, room: &mut [u8]) -> Option<usize> {
    let file = match aspect {
        Aspect::Name => "comm",
        Aspect::Arguments => "cmdline",
    };
    let mut path = String::<32>::new();
    write!(path, "/proc/{pid}/{file}\0").ok()?;
    let path = core::ffi::CStr::from_bytes_until_nul(path.as_bytes()).ok()?;
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let fd = openat(AT_FDCWD, path, flags, Mode::empty()).ok()?;
    let len = read(&fd, room).ok()?;
    let ends_line = aspect == Aspect::Name && len > 0 && room.get(len - 1) == Some(&b'\n');
    mem::drop(fd);
    Some(if ends_line { len - 1 } else { len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_this_process_and_its_name_and_arguments() {
        let mut listing = Listing::begin().unwrap();
        let mut found = Vec::new();
        while listing.some(|pid| found.push(pid)) {}
        assert!(found.contains(&std::process::id()) && found.contains(&1));
        let mut room = [0; 512];
        let mut look = |aspect| {
            let len = look(std::process::id(), aspect, &mut room).unwrap();
            room[..len].to_vec()
        };
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(look(Aspect::Name), name.trim_end().as_bytes());
        let first = std::env::args().next().unwrap();
        assert!(look(Aspect::Arguments).starts_with(format!("{first}\0").as_bytes()));
    }

    // What Linux 6.1 on x86-64 gave for a directory with `.` and `7`: two records of 24 octets.
    #[test]
    fn records_that_are_cut_or_lie_end_the_listing() {
        let mut record = [0_u8; 48];
        record[16..18].copy_from_slice(&24_u16.to_ne_bytes());
        record[18..21].copy_from_slice(b"\x04.\0");
        record[40..42].copy_from_slice(&24_u16.to_ne_bytes());
        record[42..45].copy_from_slice(b"\x047\0");
        assert!(names(&record).eq([b"." as &[u8], b"7"]));
        assert_eq!(names(&record).filter_map(number).collect::<Vec<_>>(), [7]);
        assert_eq!(names(&record[..47]).count(), 1);
        record[16] = 0;
        assert_eq!(names(&record).count(), 0);
        record[16] = 255;
        assert_eq!(names(&record).count(), 0);
    }
}
