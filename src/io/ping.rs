//! Echo requests over raw sockets, of which each hears of one host only. Nothing of it waits.
//!
//! Sockets for echo alone (IPPROTO_ICMP with SOCK_DGRAM) would do without CAP_NET_RAW, which the daemon
//! has in any case; but by default nobody may open them (net.ipv4.ping_group_range), root neither.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, connect};

use super::port::set_option;
use crate::addr::IfIndex;

// linux/icmp.h, linux/icmpv6.h: what the socket does not want to hear of, a bit for each type.
const ICMP_FILTER: libc::c_int = 1;
const ICMPV6_FILTER: libc::c_int = 1;
const REPLY: u32 = 0;
const REPLY_V6: usize = 129;

/// Sends `request` to a host, by this interface if one is meant, and hears of that host's replies.
///
/// # Errors
/// The kernel knows at once that nothing will come of it.
pub fn begin(ip: IpAddr, by: Option<IfIndex>, request: &[u8]) -> Result<OwnedFd, Errno> {
    let (family, protocol) = match ip {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
    };
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no memory is involved.
    let fd = Errno::result(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: the kernel has just opened this descriptor for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let raw = fd.as_raw_fd();
    let index = by.map_or(0, IfIndex::get);
    if by.is_some() {
        set(raw, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &index)?;
    }
    let host = match ip {
        IpAddr::V4(ip) => {
            set(raw, libc::SOL_RAW, ICMP_FILTER, &!(1_u32 << REPLY))?;
            SocketAddr::V4(SocketAddrV4::new(ip, 0))
        }
        IpAddr::V6(ip) => {
            let mut refused = [u32::MAX; 8];
            if let Some(word) = refused.get_mut(REPLY_V6 / 32) {
                *word = !(1 << (REPLY_V6 % 32));
            }
            set(raw, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &refused)?;
            SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, index))
        }
    };
    connect(raw, &SockaddrStorage::from(host))?;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads the octets of `request`.
    let sent = unsafe { libc::send(raw, request.as_ptr().cast(), request.len(), flags) };
    Errno::result(sent)?;
    Ok(fd)
}

fn set<T>(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &T) -> Result<(), Errno> {
    set_option(fd, level, name, value, "prepare a ping")
        .map_err(|fault| Errno::from_raw(fault.errno))
}

/// What has come; none: nothing yet.
///
/// # Errors
/// A router has said that the host cannot be reached.
pub fn receive<'a>(fd: &OwnedFd, room: &'a mut [u8]) -> Result<Option<&'a [u8]>, Errno> {
    // SAFETY: the kernel writes at most `room.len()` octets to `room`.
    let received = unsafe {
        libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT)
    };
    match usize::try_from(received) {
        Ok(len) => Ok(Some(room.get(..len).unwrap_or(&[]))),
        Err(_) if matches!(Errno::last(), Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(_) => Err(Errno::last()),
    }
}
