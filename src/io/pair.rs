//! The socket between the daemon and its helper: datagrams that keep their borders and their order
//! (SOCK_SEQPACKET), and never block.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::Fault;

/// What a socket has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// A datagram of so many octets.
    Datagram(usize),
    /// Nothing for now.
    Empty,
    /// Nobody holds the other end any more.
    Closed,
}

/// Both ends.
///
/// # Errors
/// The kernel has no descriptor left.
pub fn open() -> Result<(OwnedFd, OwnedFd), Fault> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the kernel writes two descriptors to `ends`.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(Fault::last("open a socket pair"));
    }
    let [one, other] = ends;
    // SAFETY: both are open, and nobody else has them.
    Ok(unsafe { (OwnedFd::from_raw_fd(one), OwnedFd::from_raw_fd(other)) })
}

/// Sends a datagram. False: there is no room, or nobody to receive it.
pub fn send(fd: RawFd, datagram: &[u8]) -> bool {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads the octets of `datagram`.
    let sent = unsafe { libc::send(fd, datagram.as_ptr().cast(), datagram.len(), flags) };
    usize::try_from(sent) == Ok(datagram.len())
}

/// Takes the next datagram; what has no room in `buffer` is lost.
pub fn receive(fd: RawFd, buffer: &mut [u8]) -> Received {
    // SAFETY: the kernel writes at most `buffer.len()` octets to `buffer`.
    let received =
        unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    match usize::try_from(received) {
        Ok(0) => Received::Closed,
        Ok(len) => Received::Datagram(len),
        Err(_) if matches!(Errno::last(), Errno::EAGAIN | Errno::EINTR) => Received::Empty,
        Err(_) => Received::Closed,
    }
}
