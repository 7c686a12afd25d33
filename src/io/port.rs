//! Raw protocol-112 sockets, one for each interface and family, and the packet socket.
//!
//! A raw socket hears adverts, sends whole datagrams, joins the group, and keeps the kernel from
//! answering unicast adverts with "protocol unreachable". The packet socket only sends: it is
//! bound to no protocol.

use core::mem::{self, MaybeUninit};
use core::net::Ipv6Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::outbox::family;
use super::{Fault, clock};
use crate::addr::{Family, IfIndex};
use crate::engine::Port;
use crate::limits::{DATAGRAM_LEN_MAX, INSTANCE_COUNT_MAX};
use crate::time::Instant;
use crate::wire::ah;
use crate::wire::vrrp::{self, GROUP_V4, GROUP_V6};

// linux/in.h, linux/in6.h: not in libc.
const IP_MULTICAST_ALL: libc::c_int = 49;
const IPV6_MULTICAST_ALL: libc::c_int = 29;
const IPV6_HDRINCL: libc::c_int = 36;
/// TC_PRIO_INTERACTIVE (linux/pkt_sched.h): the highest that needs no privilege.
const PRIORITY: libc::c_int = 6;

/// Octets that the kernel may keep for us on one socket, each packet accounted with its buffer
/// (below 1 kB).
const RECEIVE_BUFFER_LEN: usize = INSTANCE_COUNT_MAX * 1024 // an advert of every instance at once
    + (1 << 17); // of strangers, before they crowd ours out

/// Packets taken from a socket with one system call.
const BATCH_LEN: usize = 16;
/// Batches taken from one socket in one turn: a flood costs time, and never the turn.
const BATCH_COUNT_MAX: usize = 8;
/// Octets of control messages: time stamp, hop limit and packet information, each with its header.
const CONTROL_LEN: usize = 128;

/// Opens the raw socket of `port`.
///
/// # Errors
/// The kernel refused it.
pub fn open(port: Port) -> Result<OwnedFd, Fault> {
    let domain = match port.family {
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
    };
    let protocol = if port.authenticated { ah::PROTOCOL } else { vrrp::PROTOCOL };
    let fd = socket(domain, libc::SOCK_RAW, protocol.into(), "open a raw VRRP socket")?;
    let raw = fd.as_raw_fd();
    let index = port.interface.get().cast_signed();
    let set = |level, name, value: libc::c_int, what| set_option(raw, level, name, &value, what);

    bind_to_interface(raw, port.interface)?;
    set(libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY, "set SO_PRIORITY")?;
    set_receive_buffer(raw, RECEIVE_BUFFER_LEN);
    // When a packet arrived counts, not when we came to read it. Without stamps: when we read it.
    let _ = set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1, "set SO_TIMESTAMPNS");
    match port.family {
        Family::V4 => {
            let (ip, what) = (libc::IPPROTO_IP, "set up the raw IPv4 socket");
            set(ip, libc::IP_HDRINCL, 1, what)?;
            set(ip, libc::IP_MULTICAST_LOOP, 0, what)?;
            set(ip, IP_MULTICAST_ALL, 0, what)?;
            let membership = libc::ip_mreqn {
                imr_multiaddr: libc::in_addr { s_addr: u32::from_ne_bytes(GROUP_V4.octets()) },
                imr_address: libc::in_addr { s_addr: 0 },
                imr_ifindex: index,
            };
            set_option(raw, ip, libc::IP_MULTICAST_IF, &membership, what)?;
            if port.multicast {
                let what = "join the VRRP group";
                set_option(raw, ip, libc::IP_ADD_MEMBERSHIP, &membership, what)?;
            }
        }
        Family::V6 => {
            let (ip, what) = (libc::IPPROTO_IPV6, "set up the raw IPv6 socket");
            set(ip, IPV6_HDRINCL, 1, what)?;
            set(ip, libc::IPV6_MULTICAST_LOOP, 0, what)?;
            // Since Linux 4.20; without it, strangers' groups are heard and their packets counted.
            let _ = set(ip, IPV6_MULTICAST_ALL, 0, what);
            set(ip, libc::IPV6_MULTICAST_IF, index, what)?;
            set(ip, libc::IPV6_RECVHOPLIMIT, 1, what)?;
            set(ip, libc::IPV6_RECVPKTINFO, 1, what)?;
            if port.multicast {
                let membership = libc::ipv6_mreq {
                    ipv6mr_multiaddr: libc::in6_addr { s6_addr: GROUP_V6.octets() },
                    ipv6mr_interface: port.interface.get(),
                };
                let what = "join the VRRP group";
                set_option(raw, ip, libc::IPV6_ADD_MEMBERSHIP, &membership, what)?;
            }
        }
    }
    Ok(fd)
}

/// Opens the socket that ARP and neighbour advertisement frames leave through.
///
/// # Errors
/// The kernel refused it.
pub fn open_packet() -> Result<OwnedFd, Fault> {
    let fd = socket(libc::AF_PACKET, libc::SOCK_RAW, 0, "open a packet socket")?;
    let what = "set SO_PRIORITY";
    set_option(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, &PRIORITY, what)?;
    Ok(fd)
}

/// Ends all use of a socket whose readiness the ring still waits for: that completes, and then the
/// descriptor may be closed.
pub fn shut_down(fd: RawFd) {
    // SAFETY: touches no memory. An unconnected socket says ENOTCONN and wakes its waiters anyway.
    unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
}

/// Whether poll(2) says that nothing will ever come from this socket again.
pub fn is_broken(result: i32) -> bool {
    let broken = i32::from(libc::POLLHUP | libc::POLLNVAL);
    result < 0 || result & broken != 0
}

/// By index, not by name: the interface may have been renamed since.
fn bind_to_interface(fd: RawFd, interface: IfIndex) -> Result<(), Fault> {
    let what = "bind a socket to its interface";
    let index = interface.get().cast_signed();
    const SO_BINDTOIFINDEX: libc::c_int = 62;
    if set_option(fd, libc::SOL_SOCKET, SO_BINDTOIFINDEX, &index, what).is_ok() {
        return Ok(());
    }
    // Before Linux 5.0.
    let mut name = [0_u8; libc::IFNAMSIZ];
    // SAFETY: the buffer has the IFNAMSIZ octets that the call may write.
    if unsafe { libc::if_indextoname(interface.get(), name.as_mut_ptr().cast()) }.is_null() {
        return Err(Fault::last(what));
    }
    set_option(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &name, what)
}

pub(super) fn socket(
    domain: libc::c_int,
    kind: libc::c_int,
    protocol: libc::c_int,
    what: &'static str,
) -> Result<OwnedFd, Fault> {
    // SAFETY: touches no memory.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(Fault::last(what));
    }
    // SAFETY: `fd` is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn set_option<T>(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
    what: &'static str,
) -> Result<(), Fault> {
    let len = libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0);
    // SAFETY: the kernel reads `len` octets of `value`.
    match unsafe { libc::setsockopt(fd, level, name, core::ptr::from_ref(value).cast(), len) } {
        0 => Ok(()),
        _ => Err(Fault::last(what)),
    }
}

/// Best effort: beyond net.core.rmem_max only with CAP_NET_ADMIN in the first user namespace.
pub(super) fn set_receive_buffer(fd: RawFd, len: usize) {
    let len = libc::c_int::try_from(len).unwrap_or(libc::c_int::MAX);
    let what = "size a receive buffer";
    if set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &len, what).is_err() {
        let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &len, what);
    }
}

/// A received packet, with what the control messages said of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// IP header included.
    V4(&'a [u8]),
    /// What is behind the IPv6 header.
    V6 {
        /// Source address.
        source: Ipv6Addr,
        /// Destination address.
        destination: Ipv6Addr,
        /// Hop limit as received.
        hop_limit: u8,
        /// The VRRP PDU.
        payload: &'a [u8],
    },
}

/// The memory that packets are received into, shared by all sockets.
pub struct Inbox {
    space: &'static mut Space,
}

impl core::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Inbox")
    }
}

/// A static of this type begins as [`SPACE`].
#[derive(Debug)]
pub struct Space {
    payloads: [[u8; DATAGRAM_LEN_MAX]; BATCH_LEN],
    controls: [Control; BATCH_LEN],
}

/// Aligned like the cmsghdr that it begins with.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// Nothing received.
pub const SPACE: Space = Space {
    payloads: [[0; DATAGRAM_LEN_MAX]; BATCH_LEN],
    controls: [Control([0; CONTROL_LEN]); BATCH_LEN],
};

impl Inbox {
    /// An inbox in `space`.
    pub fn new(space: &'static mut Space) -> Self {
        Inbox { space }
    }

    /// Hands over what waits at the raw socket `fd`, each with the time of its arrival, until
    /// nothing is left or enough was had; says how many packets that were, and whether nothing is
    /// left.
    pub fn drain(
        &mut self,
        fd: RawFd,
        family: Family,
        mut take: impl FnMut(Instant, Packet<'_>),
    ) -> (u64, bool) {
        let mut total = 0_u64;
        for _ in 0..BATCH_COUNT_MAX {
            let count = self.receive(fd, family, &mut take);
            total += count as u64;
            if count < BATCH_LEN {
                return (total, true);
            }
        }
        (total, false)
    }

    fn receive(
        &mut self,
        fd: RawFd,
        family: Family,
        take: &mut impl FnMut(Instant, Packet<'_>),
    ) -> usize {
        // SAFETY: all zeros are valid for these structs of integers and null pointers.
        let mut parts: [libc::iovec; BATCH_LEN] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut sources: [libc::sockaddr_in6; BATCH_LEN] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut messages: [libc::mmsghdr; BATCH_LEN] = unsafe { mem::zeroed() };
        let Space { payloads, controls } = &mut *self.space;
        let rows = messages.iter_mut().zip(&mut parts).zip(&mut sources);
        for (((message, part), source), (payload, control)) in
            rows.zip(payloads.iter_mut().zip(controls.iter_mut()))
        {
            *part = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
            let header = &mut message.msg_hdr;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            if family == Family::V6 {
                header.msg_name = (&raw mut *source).cast();
                header.msg_namelen =
                    libc::socklen_t::try_from(mem::size_of::<libc::sockaddr_in6>()).unwrap_or(0);
            }
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_LEN as _;
        }
        let len = libc::c_uint::try_from(BATCH_LEN).unwrap_or(0);
        // SAFETY: each header points to buffers of the lengths it says, which outlive the call.
        let count = unsafe {
            let flags = libc::MSG_DONTWAIT as _;
            libc::recvmmsg(fd, messages.as_mut_ptr(), len, flags, core::ptr::null_mut())
        };
        let count = usize::try_from(count).unwrap_or(0);
        if count == 0 {
            return 0;
        }
        let reading = clock::Reading::take();
        for ((message, source), payload) in
            messages.iter().zip(&sources).zip(payloads.iter()).take(count)
        {
            let len = usize::try_from(message.msg_len).unwrap_or(0);
            let Some(payload) = payload.get(..len) else { continue };
            let Facts { stamp, hop_limit, destination } = facts(&message.msg_hdr);
            let arrival = reading.arrival(stamp);
            match family {
                Family::V4 => take(arrival, Packet::V4(payload)),
                Family::V6 => {
                    let source = Ipv6Addr::from(source.sin6_addr.s6_addr);
                    take(arrival, Packet::V6 { source, destination, hop_limit, payload });
                }
            }
        }
        count
    }
}

/// What the control messages say; zeros where the kernel did not.
struct Facts {
    stamp: Option<libc::timespec>,
    hop_limit: u8,
    destination: Ipv6Addr,
}

fn facts(header: &libc::msghdr) -> Facts {
    let mut facts = Facts { stamp: None, hop_limit: 0, destination: Ipv6Addr::UNSPECIFIED };
    // SAFETY: the kernel has filled in the control messages and their total length.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: the macros stay within the control messages, and return null at their end.
        let (control, data) = unsafe { (*next, libc::CMSG_DATA(next)) };
        match (control.cmsg_level, control.cmsg_type) {
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                // SAFETY: this control message carries an int, of any alignment.
                let value = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                facts.hop_limit = u8::try_from(value).unwrap_or(0);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: this control message carries an in6_pktinfo, of any alignment.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                facts.destination = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: this control message carries a timespec, of any alignment.
                facts.stamp = Some(unsafe { data.cast::<libc::timespec>().read_unaligned() });
            }
            _ => {}
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    facts
}

/// The netlink, packet and IP sockaddrs are all zeros until filled in.
pub(super) fn zeroed_sockaddr_nl() -> libc::sockaddr_nl {
    // SAFETY: all zeros are valid for this struct of integers.
    let mut address: libc::sockaddr_nl = unsafe { MaybeUninit::zeroed().assume_init() };
    address.nl_family = family(libc::AF_NETLINK);
    address
}
