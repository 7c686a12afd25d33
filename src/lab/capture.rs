//! What is on the wire, stamped by the kernel.

use std::fmt;
use std::io::{self, IoSliceMut, PipeWriter, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use super::decode::{self, Seen};
use super::fault::{Fault, Result};
use super::namespace::Namespace;
use crate::time::Instant;

/// One Ethernet frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// When the kernel got it (CLOCK_REALTIME).
    pub at: Instant,
    /// From the destination address on, without a checksum.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// What it is.
    pub fn seen(&self) -> Seen {
        decode::seen(&self.bytes)
    }
}

/// `seconds.microseconds what`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.as_nanos() / 1_000;
        write!(f, "{}.{:06} {}", micros / 1_000_000, micros % 1_000_000, self.seen())
    }
}

/// Keeps every frame in memory until it is dropped.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    // Dropped: the thread sees the end of the pipe.
    _stop: PipeWriter,
}

#[derive(Debug, Default)]
struct Shared {
    frames: Mutex<Vec<Frame>>,
    more: Condvar,
}

impl Capture {
    pub(super) fn start(namespace: &Namespace, interface: &str) -> Result<Self> {
        let packets = namespace.enter(|| {
            let packets = packet_socket(interface)?;
            setsockopt(&packets, sockopt::ReceiveTimestampns, &true)
                .and_then(|()| setsockopt(&packets, sockopt::RcvBuf, &RECEIVE_BUFFER_LEN))
                .map_err(|error| Fault::new("set up a packet socket", error))?;
            Ok(packets)
        })?;
        let (ended, stop) = io::pipe().map_err(|error| Fault::new("create a pipe", error))?;
        let shared = Arc::new(Shared::default());
        let sink = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(format!("capture {interface}"))
            .spawn(move || receive(&packets, ended.as_fd(), &sink))
            .map_err(|error| Fault::new("start a thread", error))?;
        Ok(Capture { shared, _stop: stop })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.shared.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All frames so far, in the order of their arrival.
    pub fn frames(&self) -> Vec<Frame> {
        self.lock().clone()
    }

    /// The frames stamped at `since` or later.
    pub fn frames_since(&self, since: Instant) -> Vec<Frame> {
        later(&self.lock(), since).to_vec()
    }

    /// The first frame so far that was stamped at `since` or later and is `wanted`.
    pub fn find(&self, since: Instant, wanted: impl FnMut(&&Frame) -> bool) -> Option<Frame> {
        later(&self.lock(), since).iter().find(wanted).cloned()
    }

    /// The first frame stamped at `since` or later that is `wanted`, as soon as there is one.
    ///
    /// # Errors
    /// When there is none `within` this time from now on.
    pub fn wait(
        &self,
        since: Instant,
        within: Duration,
        mut wanted: impl FnMut(&Frame) -> bool,
    ) -> Result<Frame> {
        let give_up = Clock::now() + within;
        let mut looked_at = 0;
        let mut frames = self.lock();
        loop {
            let fresh = frames.get(looked_at..).unwrap_or(&[]);
            if let Some(frame) = fresh.iter().find(|frame| frame.at >= since && wanted(frame)) {
                return Ok(frame.clone());
            }
            looked_at = frames.len();
            let left = give_up.saturating_duration_since(Clock::now());
            if left.is_zero() {
                return Err(Fault::timeout("the frame on the wire"));
            }
            frames = self
                .shared
                .more
                .wait_timeout(frames, left)
                .map_or_else(|poison| poison.into_inner().0, |(frames, _)| frames);
        }
    }

    /// Drops all frames so far.
    pub fn forget(&self) {
        self.lock().clear();
    }

    /// One line a frame, for the message of a test that failed.
    pub fn listing(&self) -> String {
        self.lock().iter().map(|frame| format!("{frame}\n")).collect()
    }
}

/// Frames are kept in the order of their stamps.
fn later(frames: &[Frame], since: Instant) -> &[Frame] {
    let first = frames.partition_point(|frame| frame.at < since);
    frames.get(first..).unwrap_or(&[])
}

/// Writes frames as a pcap file with nanoseconds (magic a1b23c4d, link type 1: Ethernet).
///
/// # Errors
/// Those of the writer.
pub fn write_pcap(frames: &[Frame], mut to: impl Write) -> io::Result<()> {
    // Version 2.4, no zone, no accuracy.
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        to.write_all(&word.to_le_bytes())?;
    }
    for frame in frames {
        let (secs, nanos) =
            (frame.at.as_nanos() / 1_000_000_000, frame.at.as_nanos() % 1_000_000_000);
        let len = u64::try_from(frame.bytes.len()).unwrap_or(u64::MAX);
        for word in [secs, nanos, len, len] {
            to.write_all(&u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        to.write_all(&frame.bytes)?;
    }
    Ok(())
}

/// Room for some thousand small frames while the thread is not scheduled.
const RECEIVE_BUFFER_LEN: usize = 4 << 20;

/// A packet socket bound to `interface` of the calling thread's namespace.
pub(super) fn packet_socket(interface: &str) -> Result<OwnedFd> {
    let doing = || format!("open a packet socket on {interface}");
    let packets = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        SockProtocol::EthAll,
    )
    .map_err(|error| {
        Fault::new(doing(), error).with_cure("Run it as root (sudo), or with CAP_NET_RAW.")
    })?;
    // The kernel's own list has the link-layer address of each interface, index included.
    let address = getifaddrs()
        .map_err(|error| Fault::new("list interfaces", error))?
        .filter(|entry| entry.interface_name == interface)
        .find_map(|entry| entry.address?.as_link_addr().copied())
        .ok_or_else(|| Fault::new(doing(), Errno::ENODEV))?;
    bind(packets.as_raw_fd(), &address).map_err(|error| Fault::new(doing(), error))?;
    Ok(packets)
}

fn receive(packets: &OwnedFd, ended: impl AsFd, sink: &Shared) {
    let mut buffer = vec![0; 65_536];
    loop {
        let mut ready = [
            PollFd::new(packets.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        let is_over = ready.last().is_some_and(|ended| ended.any() == Some(true));
        while let Some((at, len)) = receive_stamped(packets, &mut buffer) {
            let bytes = buffer.get(..len).unwrap_or(&[]).to_vec();
            sink.frames.lock().unwrap_or_else(PoisonError::into_inner).push(Frame { at, bytes });
            sink.more.notify_all();
        }
        if is_over {
            return;
        }
    }
}

/// The next packet without waiting: when the kernel got it, and its length.
pub(super) fn receive_stamped(from: impl AsFd, buffer: &mut [u8]) -> Option<(Instant, usize)> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut space = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(
        from.as_fd().as_raw_fd(),
        &mut space,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )
    .ok()?;
    let mut stamps = message.cmsgs().ok()?;
    let at = stamps.find_map(|part| {
        if let ControlMessageOwned::ScmTimestampns(stamp) = part {
            let secs = u64::try_from(stamp.tv_sec()).ok()?;
            let nanos = u64::try_from(stamp.tv_nsec()).ok()?;
            return Some(Instant::from_nanos(secs * 1_000_000_000 + nanos));
        }
        None
    })?;
    Some((at, message.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_file_has_the_header_that_wireshark_expects() {
        let frame = Frame { at: Instant::from_nanos(3_000_000_007), bytes: vec![0xaa, 0xbb] };
        let mut file = Vec::new();
        write_pcap(&[frame], &mut file).unwrap();
        assert_eq!(
            file,
            [
                0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0,
                0, 0, // one frame:
                3, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0xaa, 0xbb
            ]
        );
    }
}
