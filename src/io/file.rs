//! Reading a small file without waiting for the disk: opened and read by the ring's own threads.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use io_uring::{opcode, squeue, types};

use super::ring::{Ring, Tag};

/// Octets of a path with its zero (PATH_MAX, linux/limits.h).
const PATH_LEN: usize = 4096;

/// One file at a time.
pub struct Reader {
    path: Box<[u8; PATH_LEN]>,
    space: &'static mut [u8],
    file: Option<OwnedFd>,
    len: usize,
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reader").field("len", &self.len).finish_non_exhaustive()
    }
}

/// What a completion has led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is more to read.
    Reading,
    /// All of it is in [`Reader::content`]. A file longer than the space is as long as the space.
    Done,
    /// The file cannot be read: errno, positive.
    Failed(i32),
}

impl Reader {
    /// Reads into `space`.
    pub fn new(space: &'static mut [u8]) -> Self {
        Reader { path: Box::new([0; PATH_LEN]), space, file: None, len: 0 }
    }

    /// Starts reading `path`. False: another file is being read, or no file has such a path.
    pub fn start(&mut self, ring: &mut Ring, path: &[u8]) -> bool {
        if ring.is_busy(Tag::File) || path.contains(&0) || path.len() >= PATH_LEN {
            return false;
        }
        self.path.fill(0);
        for (to, from) in self.path.iter_mut().zip(path) {
            *to = *from;
        }
        (self.file, self.len) = (None, 0);
        let entry = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), self.path.as_ptr().cast())
            .flags(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK)
            .build()
            .flags(squeue::Flags::ASYNC);
        // The path is not touched again while the tag is busy.
        ring.push_entry(Tag::File, entry);
        true
    }

    /// An operation of [`Tag::File`] has completed.
    pub fn completed(&mut self, ring: &mut Ring, result: i32) -> Progress {
        if result < 0 {
            self.file = None;
            return Progress::Failed(-result);
        }
        if self.file.is_none() {
            // SAFETY: the kernel has just opened this descriptor for us.
            self.file = Some(unsafe { OwnedFd::from_raw_fd(result) });
        } else {
            let count = usize::try_from(result).unwrap_or(0);
            self.len = self.len.saturating_add(count).min(self.space.len());
            if count == 0 || self.len == self.space.len() {
                self.file = None;
                return Progress::Done;
            }
        }
        let Some(file) = &self.file else { return Progress::Failed(libc::EBADF) };
        let Some(rest) = self.space.get_mut(self.len..) else {
            return Progress::Failed(libc::EFBIG);
        };
        let len = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let entry = opcode::Read::new(types::Fd(file.as_raw_fd()), rest.as_mut_ptr(), len)
            .offset(self.len as u64)
            .build()
            .flags(squeue::Flags::ASYNC);
        // The space is not touched again while the tag is busy.
        ring.push_entry(Tag::File, entry);
        Progress::Reading
    }

    /// What was read.
    pub fn content(&self) -> &[u8] {
        self.space.get(..self.len).unwrap_or(&[])
    }
}
