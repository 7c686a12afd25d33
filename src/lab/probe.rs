//! A client's view: is the address answered, and how fast.

use std::io::{self, PipeWriter};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto, setsockopt,
    socket, sockopt,
};

use super::capture::receive_stamped;
use super::fault::{Fault, Result};
use super::namespace::Namespace;
use crate::time::{Instant, Span};

/// One echo request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Echo {
    /// When it was handed to the kernel (CLOCK_REALTIME).
    pub sent: Instant,
    /// When the kernel got the reply.
    pub answered: Option<Instant>,
}

/// Asks one address for echoes, through the client's own neighbour table: what is lost was sent to
/// a router that does not carry the address any more, or to nobody.
#[derive(Debug)]
pub struct Probe {
    log: Arc<Mutex<Log>>,
    // Dropped: the thread sees the end of the pipe.
    _stop: PipeWriter,
}

#[derive(Debug, Default)]
struct Log {
    // The number of the first of `echoes`.
    forgotten: u64,
    echoes: Vec<Echo>,
}

impl Log {
    fn next_number(&self) -> u64 {
        self.forgotten + u64::try_from(self.echoes.len()).unwrap_or(0)
    }

    fn of_number(&mut self, number: u64) -> Option<&mut Echo> {
        self.echoes.get_mut(usize::try_from(number.checked_sub(self.forgotten)?).ok()?)
    }
}

impl Probe {
    pub(super) fn start(namespace: &Namespace, target: IpAddr, period: Duration) -> Result<Self> {
        let (raw, destination) = namespace.enter(|| {
            // A link-local address means nothing without its link.
            let destination = match target {
                IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                    let eth0 = if_nametoindex("eth0")
                        .map_err(|error| Fault::new("find the link eth0", error))?;
                    SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, eth0))
                }
                IpAddr::V4(_) | IpAddr::V6(_) => SocketAddr::new(target, 0),
            };
            let (family, protocol) = match target {
                IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
                IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
            };
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let raw = socket(family, SockType::Raw, flags, protocol).map_err(|error| {
                Fault::new("open a raw ICMP socket", error)
                    .with_cure("Run it as root (sudo), or with CAP_NET_RAW.")
            })?;
            setsockopt(&raw, sockopt::ReceiveTimestampns, &true)
                .map_err(|error| Fault::new("set up a raw ICMP socket", error))?;
            Ok((raw, destination))
        })?;
        let (ended, stop) = io::pipe().map_err(|error| Fault::new("create a pipe", error))?;
        let log = Arc::new(Mutex::new(Log::default()));
        let sink = Arc::clone(&log);
        std::thread::Builder::new()
            .name("probe".into())
            .spawn(move || run(&raw, ended.as_fd(), destination, period, &sink))
            .map_err(|error| Fault::new("start a thread", error))?;
        Ok(Probe { log, _stop: stop })
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All requests so far. The latest may still be answered.
    pub fn echoes(&self) -> Vec<Echo> {
        self.lock().echoes.clone()
    }

    /// Drops all requests so far.
    pub fn forget(&self) {
        let mut log = self.lock();
        log.forgotten = log.next_number();
        log.echoes.clear();
    }

    /// How many requests were sent from `since` on and before `until`, and how many of them have
    /// had no answer yet.
    pub fn sent_and_lost(&self, since: Instant, until: Instant) -> (usize, usize) {
        let log = self.lock();
        let sent = || log.echoes.iter().filter(|echo| (since..until).contains(&echo.sent));
        (sent().count(), sent().filter(|echo| echo.answered.is_none()).count())
    }

    /// The longest time without an answer from `since` until `until`.
    pub fn longest_silence(&self, since: Instant, until: Instant) -> Span {
        let log = self.lock();
        let answers = log.echoes.iter().filter_map(|echo| echo.answered);
        let mut longest = Span::ZERO;
        let mut last = since;
        for at in answers.filter(|at| (since..until).contains(at)).chain([until]) {
            longest = longest.max(at.since(last));
            last = last.max(at);
        }
        longest
    }

    /// Whether a request sent at `since` or later has been answered, and when.
    pub fn answered(&self, since: Instant) -> Option<Instant> {
        self.lock().echoes.iter().filter(|echo| echo.sent >= since).find_map(|echo| echo.answered)
    }
}

fn run(
    raw: &OwnedFd,
    ended: impl AsFd,
    destination: SocketAddr,
    period: Duration,
    sink: &Mutex<Log>,
) {
    let (target, destination) = (destination.ip(), SockaddrStorage::from(destination));
    let mut buffer = vec![0; 2048];
    let mut next = Clock::now();
    loop {
        if next <= Clock::now() {
            let mut log = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let request = request(target, log.next_number());
            log.echoes.push(Echo { sent: super::now(), answered: None });
            // A refusal (no route, no neighbour) is a request without an answer.
            let _ = sendto(raw.as_raw_fd(), &request, &destination, MsgFlags::empty());
            next += period;
        }
        let mut ready = [
            PollFd::new(raw.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        // In whole milliseconds, rounded up: a request leaves a little late rather than spinning.
        let wait = next.saturating_duration_since(Clock::now()) + Duration::from_micros(999);
        let _ = poll(&mut ready, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX));
        if ready.last().is_some_and(|ended| ended.any() == Some(true)) {
            return;
        }
        while let Some((at, len)) = receive_stamped(raw, &mut buffer) {
            let number = reply(target, buffer.get(..len).unwrap_or(&[]));
            let mut log = sink.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(echo) = number.and_then(|number| log.of_number(number)) {
                echo.answered.get_or_insert(at);
            }
        }
    }
}

/// Identifies our echoes: 16 bits would wrap, so the number is the payload.
const IDENTIFIER: [u8; 2] = *b"rw";

/// Echo request (RFC 792, RFC 4443 §4.1). The kernel fills in the checksum of ICMPv6.
fn request(target: IpAddr, number: u64) -> [u8; 16] {
    let kind = match target {
        IpAddr::V4(_) => 8,
        IpAddr::V6(_) => 128,
    };
    let [i, j] = IDENTIFIER;
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let mut packet = [kind, 0, 0, 0, i, j, 0, 0, a, b, c, d, e, f, g, h];
    if target.is_ipv4() {
        let words =
            packet.as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        let [_, _, high, low] = (!folded).to_be_bytes();
        packet = [kind, 0, high, low, i, j, 0, 0, a, b, c, d, e, f, g, h];
    }
    packet
}

/// The number of the request that this packet answers.
fn reply(target: IpAddr, packet: &[u8]) -> Option<u64> {
    // A raw IPv4 socket delivers the header, too.
    let (kind, message) = match target {
        IpAddr::V4(_) => (0, packet.get(usize::from(packet.first()? & 0x0f) * 4..)?),
        IpAddr::V6(_) => (129, packet),
    };
    let is_ours = *message.first()? == kind && *message.get(4..6)? == IDENTIFIER;
    let number = message.get(8..16)?.as_array()?;
    is_ours.then(|| u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_request_has_the_checksum_of_rfc_1071() {
        // 0800 + 7277 + 0001 = 7a78, complement 8587.
        let packet = request(IpAddr::from([10, 99, 0, 1]), 1);
        assert_eq!(packet, [8, 0, 0x85, 0x87, b'r', b'w', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
