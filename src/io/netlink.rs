//! Two netlink sockets: one that listens to news, one for requests and their acknowledgements.
//!
//! A request may wait for the kernel's global rtnl lock, which other programs hold for
//! milliseconds: the loop's requests go through the ring, never inline, one datagram in flight.
//! Acknowledgements queue up while a batch is being worked off, so news has a socket of its own.

use core::mem;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use io_uring::{opcode, squeue, types};

use super::port::{set_option, set_receive_buffer, socket, zeroed_sockaddr_nl};
use super::ring::{Ring, Tag};
use super::{Fault, clock};
use crate::addr::IfIndex;
use crate::engine::Owned;
use crate::limits::{ADDRESS_COUNT_MAX, NETLINK_BATCH_MAX};
use crate::time::Instant;
use crate::wire::rtnl::{self, Message};

// The numbers of the processor that this is built for.
const _: () = assert!(rtnl::EADDRNOTAVAIL == libc::EADDRNOTAVAIL);
const _: () = assert!(rtnl::ENODEV == libc::ENODEV);

/// Octets of the largest request: an IPv6 address with label, lifetimes and mark takes 112.
pub const REQUEST_LEN_MAX: usize = 128;
/// Octets of a full datagram of requests.
const BATCH_LEN: usize = NETLINK_BATCH_MAX * REQUEST_LEN_MAX;
/// The kernel fills a dump's datagrams up to this (NL_SKB size, linux/netlink.h: 32 kB).
const RECEIVE_LEN: usize = 1 << 15;
/// Datagrams taken from one socket in one turn.
const RECEIVE_COUNT_MAX: usize = 256;
/// Octets that the kernel may keep for us, each message accounted with its buffer.
const RECEIVE_BUFFER_LEN: usize = ADDRESS_COUNT_MAX * 512 // news about every address at once
    + (1 << 17); // and about interfaces and addresses that are not ours

/// A netlink header (linux/netlink.h): its length, NLMSG_NOOP, no flags, no number, no port.
static NOTHING: [u8; 16] = {
    let ([a, b, c, d], [e, f]) = (16_u32.to_ne_bytes(), 1_u16.to_ne_bytes());
    [a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
};

/// What there is to listen to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Groups {
    /// Links and addresses of both families.
    News,
    /// Answers to requests only.
    None,
}

/// Opens a netlink socket.
///
/// # Errors
/// The kernel refused it.
pub fn open(groups: Groups) -> Result<OwnedFd, Fault> {
    let what = "open a netlink socket";
    let fd = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE, what)?;
    let raw = fd.as_raw_fd();
    set_receive_buffer(raw, RECEIVE_BUFFER_LEN);
    // A refusal is answered with its errno, without a copy of the request.
    let _ = set_option(raw, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &1_i32, what);
    let mut address = zeroed_sockaddr_nl();
    if groups == Groups::News {
        address.nl_groups =
            (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR)
                .cast_unsigned();
    }
    let len = libc::socklen_t::try_from(mem::size_of_val(&address)).unwrap_or(0);
    // SAFETY: the kernel reads `len` octets of `address`.
    match unsafe { libc::bind(raw, (&raw const address).cast(), len) } {
        0 => Ok(fd),
        _ => Err(Fault::last(what)),
    }
}

/// What was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received<'a> {
    /// A datagram of the kernel's.
    Datagram(&'a [u8]),
    /// Messages were lost: ENOBUFS, or a datagram longer than any that the kernel sends.
    Overrun,
    /// A datagram that did not come from the kernel.
    Foreign,
}

/// The memory of both sockets.
#[derive(Debug)]
pub struct Space {
    receive: [u8; RECEIVE_LEN],
    batch: [u8; BATCH_LEN],
}

/// A static of type [`Space`] begins with this.
pub const SPACE: Space = Space { receive: [0; RECEIVE_LEN], batch: [0; BATCH_LEN] };

/// Receives from both sockets, and sends on the command socket.
pub struct Netlink {
    receive: &'static mut [u8; RECEIVE_LEN],
    batch: &'static mut [u8; BATCH_LEN],
    used: usize,
    header: Box<(libc::msghdr, libc::iovec, libc::sockaddr_nl)>,
}

impl core::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Netlink").field("used", &self.used).finish_non_exhaustive()
    }
}

impl Netlink {
    /// With its buffers in `space`.
    pub fn new(space: &'static mut Space) -> Self {
        let Space { receive, batch } = space;
        // SAFETY: all zeros are valid for these structs of integers and null pointers.
        let (message, part) = unsafe { (mem::zeroed(), mem::zeroed()) };
        let header = Box::new((message, part, zeroed_sockaddr_nl()));
        Netlink { receive, batch, used: 0, header }
    }

    /// Room for one more request in the batch that is being gathered; `None` when it is full or
    /// one is in flight.
    pub fn room(&mut self, ring: &Ring) -> Option<&mut [u8]> {
        if ring.is_busy(Tag::Commands) {
            return None;
        }
        self.batch.get_mut(self.used..).filter(|room| room.len() >= REQUEST_LEN_MAX)
    }

    /// The first `len` octets of the [`Netlink::room`] are a request.
    pub fn gather(&mut self, len: usize) {
        // Netlink messages begin at multiples of four (NLMSG_ALIGN).
        self.used = self.used.saturating_add(len.next_multiple_of(4)).min(BATCH_LEN);
    }

    /// Sends what was gathered, by one of the ring's own threads.
    pub fn send(&mut self, ring: &mut Ring, fd: RawFd) {
        if self.used == 0 || ring.is_busy(Tag::Commands) {
            return;
        }
        let (message, part, address) = &mut *self.header;
        *part = libc::iovec { iov_base: self.batch.as_mut_ptr().cast(), iov_len: self.used };
        message.msg_name = (&raw mut *address).cast();
        message.msg_namelen = libc::socklen_t::try_from(mem::size_of_val(address)).unwrap_or(0);
        message.msg_iov = part;
        message.msg_iovlen = 1;
        let entry = opcode::SendMsg::new(types::Fd(fd), &raw const *message)
            .flags(libc::MSG_NOSIGNAL.cast_unsigned())
            .build()
            .flags(squeue::Flags::ASYNC);
        // Header and batch are not touched again while the tag is busy.
        ring.push_entry(Tag::Commands, entry);
        self.used = 0;
    }

    /// Sends a message that the kernel skips, the way requests go: the thread that they are left to
    /// is there, and awake, and so is its processor.
    pub fn warm(&self, ring: &mut Ring, fd: RawFd) {
        let len = u32::try_from(NOTHING.len()).unwrap_or(0);
        let entry = opcode::Send::new(types::Fd(fd), NOTHING.as_ptr(), len)
            .flags(libc::MSG_NOSIGNAL)
            .build()
            .flags(squeue::Flags::ASYNC);
        ring.push_entry(Tag::Warm, entry);
    }

    /// Hands over what waits at `fd`, until nothing is left or enough was had.
    pub fn drain(&mut self, fd: RawFd, take: impl FnMut(Received<'_>)) {
        self.drain_some(fd, RECEIVE_COUNT_MAX, take);
    }

    /// The same, with how much is enough.
    pub fn drain_some(&mut self, fd: RawFd, most: usize, mut take: impl FnMut(Received<'_>)) {
        for _ in 0..most {
            match receive(fd, self.receive, libc::MSG_DONTWAIT) {
                Ok(received) => take(received),
                Err(libc::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// As [`ask`], with the memory of these sockets.
    ///
    /// # Errors
    /// The kernel did not take or answer the request; its own refusal is not an error here.
    pub fn ask(
        &mut self,
        fd: RawFd,
        request: &[u8],
        take: impl FnMut(Received<'_>),
    ) -> Result<(), Fault> {
        ask(fd, request, self.receive, take)
    }
}

/// Sends one request and waits for its end, handing over all that is received on the way. For the
/// time before the loop.
///
/// # Errors
/// The kernel did not take or answer the request; its own refusal is not an error here.
pub fn ask(
    fd: RawFd,
    request: &[u8],
    buffer: &mut [u8],
    mut take: impl FnMut(Received<'_>),
) -> Result<(), Fault> {
    send_now(fd, request)?;
    loop {
        let what = "read the kernel's tables";
        let received = receive(fd, buffer, 0).map_err(|errno| Fault { what, errno })?;
        let ends = match received {
            Received::Datagram(datagram) => rtnl::messages(datagram).any(|item| {
                item.is_ok_and(|item| {
                    matches!(item.message, Message::Done { .. } | Message::Ack { .. })
                })
            }),
            Received::Overrun => true,
            Received::Foreign => false,
        };
        take(received);
        if ends {
            return Ok(());
        }
    }
}

/// Opens a socket for tables, which hears nothing before [`hear_of_tables`].
///
/// # Errors
/// The kernel refused it.
#[cfg(feature = "trackers")]
pub fn open_for_tables() -> Result<OwnedFd, Fault> {
    let what = "open a netlink socket";
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK;
    socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE, what)
}

/// From the next request on, the socket hears of links, and of addresses and routes of both families:
/// with that request it gets its port.
///
/// # Errors
/// The kernel refused it: errno.
#[cfg(feature = "trackers")]
pub fn hear_of_tables(fd: RawFd) -> Result<(), i32> {
    for group in [
        libc::RTNLGRP_LINK,
        libc::RTNLGRP_IPV4_IFADDR,
        libc::RTNLGRP_IPV6_IFADDR,
        libc::RTNLGRP_IPV4_ROUTE,
        libc::RTNLGRP_IPV6_ROUTE,
    ] {
        let (option, what) = (libc::NETLINK_ADD_MEMBERSHIP, "listen to netlink");
        set_option(fd, libc::SOL_NETLINK, option, &group, what).map_err(|fault| fault.errno)?;
    }
    Ok(())
}

/// Sends one request on such a socket, and does not wait.
///
/// # Errors
/// The kernel did not take it: errno.
#[cfg(feature = "trackers")]
pub fn send_at_once(fd: RawFd, request: &[u8]) -> Result<(), i32> {
    // SAFETY: the kernel reads the octets of `request`.
    let sent =
        unsafe { libc::send(fd, request.as_ptr().cast(), request.len(), libc::MSG_DONTWAIT) };
    if sent < 0 { Err(nix::errno::Errno::last_raw()) } else { Ok(()) }
}

/// The port of a netlink socket, by which the kernel names it (nl_pid).
///
/// # Errors
/// It is none, or not bound.
pub fn port(fd: RawFd) -> Result<u32, Fault> {
    let mut address = zeroed_sockaddr_nl();
    let mut len = libc::socklen_t::try_from(mem::size_of_val(&address)).unwrap_or(0);
    // SAFETY: the kernel writes at most `len` octets to `address`.
    match unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut len) } {
        0 => Ok(address.nl_pid),
        _ => Err(Fault::last("name a netlink socket")),
    }
}

/// Waits, without sleeping, until one of these sockets has something to read or the clock shows
/// `until`, and returns what it shows then. Only for microseconds.
pub fn spin_until_readable(fds: [RawFd; 2], until: Instant) -> Instant {
    let mut polls = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    loop {
        // SAFETY: the kernel writes to the two of `polls` only.
        let readable = unsafe { libc::poll(polls.as_mut_ptr(), 2, 0) };
        let now = clock::now();
        if readable != 0 || now >= until {
            return now;
        }
        core::hint::spin_loop();
    }
}

/// Tries out whether addresses may be changed, on an interface that does not exist: the kernel's
/// errno, EPERM if they may not.
///
/// # Errors
/// The kernel did not take or answer the request.
pub fn probe(fd: RawFd) -> Result<i32, Fault> {
    let ip = core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);
    match IfIndex::new(u32::MAX >> 1) {
        Some(interface) => remove(fd, Owned { interface, ip, prefix_len: 32 }),
        None => Ok(0),
    }
}

/// Removes an address and waits for the answer, which is returned: 0, or the kernel's errno.
///
/// # Errors
/// The kernel did not take or answer the request.
pub fn remove(fd: RawFd, owned: Owned) -> Result<i32, Fault> {
    let mut buffer = [0; REQUEST_LEN_MAX];
    let request = rtnl::AddressRequest {
        add: false,
        index: owned.interface,
        ip: owned.ip,
        prefix_len: owned.prefix_len,
        label: "",
        lifetime_secs: None,
        proto: 0,
    };
    let len = rtnl::emit_address(&request, 1, &mut buffer).unwrap_or(0);
    carry_out(fd, buffer.get(..len).unwrap_or(&[]), "remove an address")
}

/// Sends one request that asks for an acknowledgement, and waits for that: 0, or the kernel's errno.
/// For the time before the loop.
///
/// # Errors
/// The kernel did not take or answer the request: it cannot do `what`.
pub fn carry_out(fd: RawFd, request: &[u8], what: &'static str) -> Result<i32, Fault> {
    let mut buffer = [0; REQUEST_LEN_MAX];
    send_now(fd, request)?;
    loop {
        let received = receive(fd, &mut buffer, 0).map_err(|errno| Fault { what, errno })?;
        let Received::Datagram(datagram) = received else { continue };
        for item in rtnl::messages(datagram).flatten() {
            if let Message::Ack { errno, .. } = item.message {
                return Ok(errno);
            }
        }
    }
}

/// Waiting is allowed here: the loop is not running.
fn send_now(fd: RawFd, request: &[u8]) -> Result<(), Fault> {
    let what = "send a netlink request";
    let timeout = libc::timeval { tv_sec: 5, tv_usec: 0 };
    set_option(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &timeout, what)?;
    // SAFETY: the kernel reads the octets of `request`.
    let sent = unsafe { libc::send(fd, request.as_ptr().cast(), request.len(), 0) };
    if sent < 0 { Err(Fault::last(what)) } else { Ok(()) }
}

fn receive(fd: RawFd, buffer: &mut [u8], flags: libc::c_int) -> Result<Received<'_>, i32> {
    let mut sender = zeroed_sockaddr_nl();
    let mut sender_len = libc::socklen_t::try_from(mem::size_of_val(&sender)).unwrap_or(0);
    // SAFETY: the kernel writes at most the lengths given, of memory that outlives the call.
    let len = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            // The true length of a datagram that does not fit.
            flags | libc::MSG_TRUNC,
            (&raw mut sender).cast(),
            &raw mut sender_len,
        )
    };
    let Ok(len) = usize::try_from(len) else {
        return match nix::errno::Errno::last_raw() {
            libc::ENOBUFS => Ok(Received::Overrun),
            errno => Err(errno),
        };
    };
    if sender.nl_pid != 0 {
        return Ok(Received::Foreign);
    }
    Ok(buffer.get(..len).map_or(Received::Overrun, Received::Datagram))
}
