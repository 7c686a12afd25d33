//! Which addresses a node has, and since when.

use std::io::{self, PipeWriter};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use super::fault::{Fault, Result};
use super::namespace::Namespace;
use crate::time::{Instant, Span};

/// An address came or went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressChange {
    /// When we were told, a few dozen microseconds after the fact (CLOCK_REALTIME).
    pub at: Instant,
    /// The address.
    pub address: IpAddr,
    /// It is there; a renewal repeats it.
    pub is_present: bool,
}

/// Keeps every change of a node's addresses until it is dropped.
#[derive(Debug)]
pub struct AddressWatch {
    changes: Arc<Mutex<Vec<AddressChange>>>,
    // Dropped: the thread sees the end of the pipe.
    _stop: PipeWriter,
}

impl AddressWatch {
    pub(super) fn start(namespace: &Namespace) -> Result<Self> {
        let open = || -> nix::Result<OwnedFd> {
            let netlink = socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                SockProtocol::NetlinkRoute,
            )?;
            let groups = u32::try_from(libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR);
            bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, groups.map_err(|_| Errno::EINVAL)?))?;
            Ok(netlink)
        };
        let netlink =
            namespace.enter(|| open().map_err(|error| Fault::new("watch addresses", error)))?;
        let (ended, stop) = io::pipe().map_err(|error| Fault::new("create a pipe", error))?;
        let changes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&changes);
        std::thread::Builder::new()
            .name("address watch".into())
            .spawn(move || watch(&netlink, ended.as_fd(), &sink))
            .map_err(|error| Fault::new("start a thread", error))?;
        Ok(AddressWatch { changes, _stop: stop })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AddressChange>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All changes so far.
    pub fn changes(&self) -> Vec<AddressChange> {
        self.lock().clone()
    }

    /// When `address` first came at `since` or later.
    pub fn came(&self, address: IpAddr, since: Instant) -> Option<Instant> {
        self.first(address, since, true)
    }

    /// When `address` first went at `since` or later.
    pub fn went(&self, address: IpAddr, since: Instant) -> Option<Instant> {
        self.first(address, since, false)
    }

    fn first(&self, address: IpAddr, since: Instant, is_present: bool) -> Option<Instant> {
        let changes = self.lock();
        changes
            .iter()
            .find(|change| {
                change.address == address && change.is_present == is_present && change.at >= since
            })
            .map(|change| change.at)
    }

    /// The periods, up to `until`, in which `address` was there.
    pub fn tenures(&self, address: IpAddr, until: Instant) -> Vec<(Instant, Instant)> {
        let mut tenures = Vec::new();
        let mut since = None;
        for change in self.lock().iter().filter(|change| change.address == address) {
            match (change.is_present, since) {
                (true, None) => since = Some(change.at),
                (false, Some(start)) => {
                    tenures.push((start, change.at));
                    since = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        tenures.extend(since.map(|start| (start, until)));
        tenures
    }
}

/// For how long an address had two owners: the overlaps of its [`AddressWatch::tenures`] at each
/// pair of nodes, all together.
pub fn overlap(owners: &[Vec<(Instant, Instant)>]) -> Span {
    let mut total = Span::ZERO;
    for (index, one) in owners.iter().enumerate() {
        for other in owners.iter().skip(index + 1) {
            for (start, end) in one {
                for (other_start, other_end) in other {
                    total = total + (*end).min(*other_end).since((*start).max(*other_start));
                }
            }
        }
    }
    total
}

fn watch(netlink: &OwnedFd, ended: impl AsFd, sink: &Mutex<Vec<AddressChange>>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let mut ready = [
            PollFd::new(netlink.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        if ready.last().is_some_and(|ended| ended.any() == Some(true)) {
            return;
        }
        let at = super::now();
        while let Ok(len) = recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            let mut changes = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let datagram = buffer.get(..len).unwrap_or(&[]);
            for (address, is_present) in addresses(datagram) {
                changes.push(AddressChange { at, address, is_present });
            }
        }
    }
}

/// The addresses of RTM_NEWADDR (20) and RTM_DELADDR (21) messages, and which of the two it was.
fn addresses(mut datagram: &[u8]) -> Vec<(IpAddr, bool)> {
    let mut found = Vec::new();
    while let Some((message, rest)) = split_unit(datagram, 4) {
        let kind = message.get(4..6).and_then(|kind| kind.first_chunk()).copied();
        let kind = kind.map(u16::from_ne_bytes);
        // Behind struct nlmsghdr and struct ifaddrmsg.
        if let (Some(20 | 21), Some(attributes)) = (kind, message.get(24..)) {
            found.extend(address(attributes).map(|address| (address, kind == Some(20))));
        }
        datagram = rest;
    }
    found
}

/// IFA_LOCAL (2) if there is one, else IFA_ADDRESS (1).
fn address(mut attributes: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    while let Some((attribute, rest)) = split_unit(attributes, 2) {
        let value = attribute.get(4..).unwrap_or(&[]);
        let ip = match (value.as_array::<4>(), value.as_array::<16>()) {
            (Some(v4), _) => Some(IpAddr::from(*v4)),
            (None, Some(v6)) => Some(IpAddr::from(*v6)),
            (None, None) => None,
        };
        match attribute.get(2..4) {
            Some(kind) if kind == 2_u16.to_ne_bytes() => return ip,
            Some(kind) if kind == 1_u16.to_ne_bytes() => found = ip,
            Some(_) | None => {}
        }
        attributes = rest;
    }
    found
}

/// Splits off what begins with its own length, in `width` octets, padded to a multiple of four.
fn split_unit(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let len = match *bytes.get(..width)? {
        [a, b] => usize::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => usize::try_from(u32::from_ne_bytes([a, b, c, d])).ok()?,
        _ => return None,
    };
    let unit = bytes.get(..len).filter(|unit| unit.len() >= 4)?;
    Some((unit, bytes.get(len.next_multiple_of(4)..).unwrap_or(&[])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_counts_only_time_with_two_owners() {
        let at = Instant::from_nanos;
        let first = vec![(at(0), at(10)), (at(20), at(30))];
        let second = vec![(at(8), at(21))];
        assert_eq!(overlap(&[first, second, Vec::new()]), Span::from_nanos(3));
    }
}
