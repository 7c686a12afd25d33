//! How large the terminal is.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Rows and columns of the terminal at `fd`; `None` when it is none, or does not say.
pub fn size(fd: BorrowedFd<'_>) -> Option<(usize, usize)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes a winsize to `size`.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let (rows, columns) = (usize::from(size.ws_row), usize::from(size.ws_col));
    (result == 0 && rows > 0 && columns > 0).then_some((rows, columns))
}
