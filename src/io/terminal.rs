//! A terminal: opened so that it never holds anybody up, and left as it was found.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::sys::termios::{
    BaudRate, FlushArg, InputFlags, SetArg, Termios, cfgetospeed, cfmakeraw, cfsetspeed, tcflush,
    tcgetattr, tcsetattr,
};

use crate::config::console::SPEEDS;

/// The kernel's words for [`SPEEDS`], in their order.
const RATES: [BaudRate; SPEEDS.len()] = [
    BaudRate::B1200,
    BaudRate::B2400,
    BaudRate::B4800,
    BaudRate::B9600,
    BaudRate::B19200,
    BaudRate::B38400,
    BaudRate::B57600,
    BaudRate::B115200,
    BaudRate::B230400,
    BaudRate::B460800,
    BaudRate::B921600,
    BaudRate::B1000000,
    BaudRate::B1500000,
];

/// An open terminal. Dropping it restores its settings, if they were changed.
#[derive(Debug)]
pub struct Terminal {
    file: File,
    saved: Option<Termios>,
}

impl Terminal {
    /// Opens `path` without waiting for a carrier, and without making it this process's own.
    ///
    /// # Errors
    /// There is none, it is not permitted, or it is no terminal.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        if !file.is_terminal() {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        Ok(Terminal { file, saved: None })
    }

    /// Sets its speed and, to read single keys, takes away everything between the line and us but
    /// XON and XOFF.
    ///
    /// # Errors
    /// The terminal cannot do that.
    pub fn set_up(&mut self, speed: Option<u32>, keys: bool) -> io::Result<()> {
        let found = tcgetattr(&self.file)?;
        let mut wanted = found.clone();
        if keys {
            cfmakeraw(&mut wanted);
            wanted.input_flags |= InputFlags::IXON;
        }
        if let Some((_, rate)) = rates().find(|(bits, _)| Some(*bits) == speed) {
            cfsetspeed(&mut wanted, rate)?;
        }
        self.saved.get_or_insert(found);
        // Not when the output has left: a line that stands still would be waited for.
        tcsetattr(&self.file, SetArg::TCSANOW, &wanted)?;
        Ok(())
    }

    /// Octets a second: ten bits each. A terminal that does not say is taken for a fast one.
    pub fn octets_per_second(&self) -> usize {
        let speed = tcgetattr(&self.file).map(|settings| cfgetospeed(&settings));
        let known = rates().find(|(_, rate)| speed == Ok(*rate));
        known.map_or(11_520, |(bits, _)| usize::try_from(bits / 10).unwrap_or(11_520))
    }

    /// Rows and columns, if it says.
    pub fn size(&self) -> Option<(usize, usize)> {
        size(self.file.as_fd())
    }

    /// Its device number.
    ///
    /// # Errors
    /// It is gone.
    pub fn device(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.rdev())
    }

    /// Reads what has been typed. `None`: nothing; zero octets: it was hung up.
    ///
    /// # Errors
    /// It is gone.
    pub fn read(&self, octets: &mut [u8]) -> io::Result<Option<usize>> {
        patient((&self.file).read(octets))
    }

    /// Writes as much as it takes now. `None`: nothing.
    ///
    /// # Errors
    /// It is gone.
    pub fn write(&self, octets: &[u8]) -> io::Result<Option<usize>> {
        patient((&self.file).write(octets))
    }

    /// Forgets what has not left: closing a line that stands still would wait for that.
    pub fn discard(&self) {
        let _ = tcflush(&self.file, FlushArg::TCOFLUSH);
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            let _ = tcsetattr(&self.file, SetArg::TCSANOW, saved);
        }
    }
}

/// Each speed, and the kernel's word for it.
fn rates() -> impl Iterator<Item = (u32, BaudRate)> {
    SPEEDS.into_iter().zip(RATES)
}

fn patient(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Rows and columns of the terminal at `fd`; `None` when it is none, or does not say.
fn size(fd: BorrowedFd<'_>) -> Option<(usize, usize)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes a winsize to `size`.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let (rows, columns) = (usize::from(size.ws_row), usize::from(size.ws_col));
    (result == 0 && rows > 0 && columns > 0).then_some((rows, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_speed_is_the_kernel_s_of_the_same_number() {
        for (bits, rate) in rates() {
            assert_eq!(format!("{rate:?}"), format!("B{bits}"));
        }
    }
}
