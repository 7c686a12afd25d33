//! Packets on their way out.
//!
//! They are written one behind the other into one arena, and the arena begins anew when all have
//! been sent, which is at the next submission: with MSG_DONTWAIT a send completes at once, sent or
//! refused. So a burst touches a few pages, however many slots there are.

use core::mem::{self, MaybeUninit};
use core::net::IpAddr;
use std::os::fd::RawFd;

use heapless::Vec;
use io_uring::{opcode, types};

use super::ring::{Ring, Tag};
use crate::addr::IfIndex;
use crate::engine::Via;
use crate::limits::{DATAGRAM_LEN_MAX, SEND_COUNT_MAX};

const ARENA_LEN: usize = 1 << 16;
const _: () = assert!(ARENA_LEN >= DATAGRAM_LEN_MAX);

/// The packets in flight and what the kernel said about those before.
pub struct Outbox {
    arena: &'static mut [u8; ARENA_LEN],
    headers: Box<[Header]>,
    free: Vec<u16, SEND_COUNT_MAX>,
    used: usize,
    sent: u64,
    errors: u64,
    errno: i32,
}

impl core::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Outbox").field("used", &self.used).finish_non_exhaustive()
    }
}

/// What SENDMSG reads while it is in flight.
struct Header {
    message: libc::msghdr,
    part: libc::iovec,
    address: Address,
}

#[repr(C)]
union Address {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    link: libc::sockaddr_ll,
}

/// The memory that packets are written into.
pub type Arena = [u8; ARENA_LEN];

/// Zeros, for a static.
pub const fn arena() -> Arena {
    [0; ARENA_LEN]
}

impl Outbox {
    /// An empty outbox.
    pub fn new(arena: &'static mut Arena) -> Self {
        let mut headers = std::vec::Vec::with_capacity(SEND_COUNT_MAX);
        headers.resize_with(SEND_COUNT_MAX, || {
            // SAFETY: all zeros are valid for these structs of integers and null pointers.
            unsafe { MaybeUninit::<Header>::zeroed().assume_init() }
        });
        // The lowest slot last, so that few packets touch few headers.
        let free = (0..SEND_COUNT_MAX).rev().filter_map(|slot| u16::try_from(slot).ok()).collect();
        Outbox {
            arena,
            headers: headers.into_boxed_slice(),
            free,
            used: 0,
            sent: 0,
            errors: 0,
            errno: 0,
        }
    }

    /// Room for one packet; `None` until packets in flight have been sent.
    pub fn room(&mut self) -> Option<&mut [u8]> {
        if self.free.is_empty() {
            return None;
        }
        self.arena.get_mut(self.used..).filter(|room| room.len() >= DATAGRAM_LEN_MAX)
    }

    /// Sends the first `len` octets of the [`Outbox::room`] through `fd`.
    pub fn send(&mut self, ring: &mut Ring, fd: RawFd, len: usize, via: Via, interface: IfIndex) {
        let Some(packet) = self.arena.get_mut(self.used..self.used.saturating_add(len)) else {
            return;
        };
        let Some(slot) = self.free.pop() else { return };
        let Some(header) = self.headers.get_mut(usize::from(slot)) else { return };
        let (address, address_len) = address(via, interface, packet);
        header.address = address;
        header.part = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() };
        header.message.msg_name = (&raw mut header.address).cast();
        header.message.msg_namelen = address_len;
        header.message.msg_iov = &raw mut header.part;
        header.message.msg_iovlen = 1;
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let entry = opcode::SendMsg::new(types::Fd(fd), &raw const header.message)
            .flags(flags.cast_unsigned())
            .build();
        // The header is not touched again, nor the packet, before `sent` frees the slot.
        ring.push_entry(Tag::Send(slot), entry);
        // The next packet is aligned like the first.
        self.used = self.used.saturating_add(len).next_multiple_of(8);
    }

    /// The packet in `slot` has left, or `result` is the negative errno.
    pub fn sent(&mut self, slot: u16, result: i32) {
        let _ = self.free.push(slot);
        if self.free.len() == SEND_COUNT_MAX {
            self.used = 0;
        }
        if result < 0 {
            self.refused(-result);
        } else {
            self.sent += 1;
        }
    }

    /// A packet that could not be sent at all.
    pub fn refused(&mut self, errno: i32) {
        self.errors += 1;
        self.errno = errno;
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.free.len() == SEND_COUNT_MAX
    }

    /// Packets sent, packets refused, and the errno of the last one refused.
    pub fn counters(&self) -> (u64, u64, i32) {
        (self.sent, self.errors, self.errno)
    }
}

fn address(via: Via, interface: IfIndex, packet: &[u8]) -> (Address, libc::socklen_t) {
    fn len<T>() -> libc::socklen_t {
        libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0)
    }
    match via {
        Via::Raw { destination: IpAddr::V4(ip) } => {
            let v4 = libc::sockaddr_in {
                sin_family: family(libc::AF_INET),
                sin_port: 0,
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                sin_zero: [0; 8],
            };
            (Address { v4 }, len::<libc::sockaddr_in>())
        }
        Via::Raw { destination: IpAddr::V6(ip) } => {
            let v6 = libc::sockaddr_in6 {
                sin6_family: family(libc::AF_INET6),
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: ip.octets() },
                sin6_scope_id: interface.get(),
            };
            (Address { v6 }, len::<libc::sockaddr_in6>())
        }
        Via::Packet => {
            let mut link = libc::sockaddr_ll {
                sll_family: family(libc::AF_PACKET),
                sll_protocol: 0,
                sll_ifindex: interface.get().cast_signed(),
                sll_hatype: 0,
                sll_pkttype: 0,
                sll_halen: 6,
                sll_addr: [0; 8],
            };
            if let Some((destination, rest)) = packet.split_first_chunk::<6>() {
                let [a, b, c, d, e, f] = *destination;
                link.sll_addr = [a, b, c, d, e, f, 0, 0];
                if let Some([high, low]) = rest.get(6..8) {
                    link.sll_protocol = u16::from_ne_bytes([*high, *low]);
                }
            }
            (Address { link }, len::<libc::sockaddr_ll>())
        }
    }
}

/// An AF_ constant as sockaddr fields have it.
pub(super) fn family(constant: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(constant).unwrap_or(0)
}
