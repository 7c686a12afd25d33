//! The wire between guests: every frame passes through here, is kept, and reaches all others. We
//! are a station on it ourselves.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::guest::PATIENCE;

/// Ours.
const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x99];
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 99);

/// A frame as it passed.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Instant,
    pub(crate) octets: Vec<u8>,
}

/// A VRRP advert in a frame (RFC 9568 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Advert {
    pub(crate) source: Ipv4Addr,
    pub(crate) priority: u8,
    /// The first of its addresses.
    pub(crate) address: Ipv4Addr,
}

impl Frame {
    pub(crate) fn advert(&self) -> Option<Advert> {
        let octets = self.octets.get(14..)?;
        // IPv4 without options, protocol 112, version 3, type 1.
        let is_advert = self.octets[12..14] == [8, 0]
            && octets.first() == Some(&0x45)
            && octets.get(9) == Some(&112)
            && octets.get(20) == Some(&0x31);
        let address =
            |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets.get(at..at + 4)?).ok()?));
        let advert =
            Advert { source: address(12)?, priority: *octets.get(22)?, address: address(28)? };
        is_advert.then_some(advert)
    }

    /// Whether it says to us that this address is at a station (RFC 826).
    fn is_arp_reply(&self, about: Ipv4Addr) -> bool {
        self.octets[..6] == MAC
            && self.octets.get(12..22) == Some(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 2])
            && self.octets.get(28..32) == Some(&about.octets())
    }

    /// The address that a station announces to all, and that station: the last octet of its MAC
    /// address (RFC 5227 §3; RFC 9568 §6.4.2 has a new master do so).
    fn announcement(&self) -> Option<(Ipv4Addr, u8)> {
        let address = |at: usize| {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.octets.get(at..at + 4)?).ok()?))
        };
        let is_announcement = self.octets[..6] == [0xff; 6]
            && self.octets.get(12..20) == Some(&[8, 6, 0, 1, 8, 0, 6, 4])
            && address(28) == address(38);
        Some((address(28)?, *self.octets.get(27)?)).filter(|_| is_announcement)
    }

    fn is_echo_reply(&self, from: Ipv4Addr) -> bool {
        self.octets[..6] == MAC
            && self.octets.get(12..15) == Some(&[8, 0, 0x45])
            && self.octets.get(23) == Some(&1)
            && self.octets.get(26..30) == Some(&from.octets())
            && self.octets.get(34..36) == Some(&[0, 0])
    }
}

/// The way to one guest.
type Port = Sender<Vec<u8>>;

struct Wire {
    /// What has passed, and the way to each guest.
    frames: Mutex<(Vec<Frame>, Vec<Port>)>,
    news: Condvar,
}

/// One Ethernet.
pub(crate) struct Segment {
    wire: Arc<Wire>,
    folder: PathBuf,
}

impl Segment {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // The path of a socket may have 107 octets, which a folder of Cargo's may exceed.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("ringward-vm-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let wire = Wire { frames: Mutex::default(), news: Condvar::new() };
        Segment { wire: Arc::new(wire), folder }
    }

    /// For a guest's sockets.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// A netdev `wire` of QEMU that is on this segment.
    pub(crate) fn plug(&self, name: &str) -> String {
        let [ours, theirs] =
            ["ours", "theirs"].map(|side| self.folder.join(format!("{name}-{side}")));
        let socket = UnixDatagram::bind(&ours).unwrap();
        let reader = socket.try_clone().unwrap();
        let (port, frames) = channel::<Vec<u8>>();
        let there = theirs.clone();
        // A guest that is not there yet, or no more, hears nothing; one that is busy is waited for.
        std::thread::spawn(move || {
            for octets in frames {
                let _ = socket.send_to(&octets, &there);
            }
        });
        let mut kept = self.wire.frames.lock().unwrap();
        let number = kept.1.len();
        kept.1.push(port);
        drop(kept);
        let wire = Arc::clone(&self.wire);
        std::thread::spawn(move || {
            let mut octets = [0; 65_536];
            while let Ok(len) = reader.recv(&mut octets) {
                if len >= 14 {
                    wire.pass(&octets[..len], Some(number));
                }
            }
        });
        format!(
            "dgram,id=wire,local.type=unix,local.path={},remote.type=unix,remote.path={}",
            theirs.display(),
            ours.display()
        )
    }

    /// Waits until the frames that passed since then are such. What the condition makes of them.
    #[track_caller]
    pub(crate) fn wait<T>(
        &self,
        since: Instant,
        what: &str,
        condition: impl Fn(&[Frame]) -> Option<T>,
    ) -> T {
        let found = self.within(PATIENCE, since, condition);
        found.unwrap_or_else(|| {
            panic!("not within {PATIENCE:?}: {what}; since then:\n{}", self.told(since))
        })
    }

    fn within<T>(
        &self,
        patience: Duration,
        since: Instant,
        condition: impl Fn(&[Frame]) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + patience;
        let mut kept = self.wire.frames.lock().unwrap();
        loop {
            let first = kept.0.partition_point(|frame| frame.at < since);
            let left = until.saturating_duration_since(Instant::now());
            match condition(&kept.0[first..]) {
                None if !left.is_zero() => {}
                found => return found,
            }
            kept = self.wire.news.wait_timeout(kept, left).unwrap().0;
        }
    }

    /// The adverts that passed from then on.
    pub(crate) fn adverts(&self, since: Instant) -> Vec<Advert> {
        let kept = self.wire.frames.lock().unwrap();
        let new = kept.0.iter().filter(|frame| frame.at >= since);
        new.filter_map(Frame::advert).collect()
    }

    /// The frames that passed from then on: milliseconds, and what a person needs of them.
    fn told(&self, since: Instant) -> String {
        let kept = self.wire.frames.lock().unwrap();
        let new = kept.0.iter().filter(|frame| frame.at >= since);
        new.map(|frame| {
            let millis = frame.at.duration_since(since).as_millis();
            let from = frame.octets.get(11).unwrap_or(&0);
            let octets: Vec<_> = frame.octets.iter().skip(12).map(|o| format!("{o:02x}")).collect();
            format!("{millis:6} from {from:02x}: {:.90} {:?}\n", octets.concat(), frame.advert())
        })
        .collect()
    }

    /// Waits until somebody announces the address. Who: the last octet of its MAC address.
    ///
    /// A new master's first advert leaves before the kernel has the address: until that it answers
    /// no question about it, and announces nothing.
    #[track_caller]
    pub(crate) fn announcer(&self, since: Instant, address: Ipv4Addr) -> u8 {
        self.wait(since, &format!("an announcement of {address}"), |frames| {
            let mut announced = frames.iter().filter_map(Frame::announcement).rev();
            announced.find(|(announced, _)| *announced == address).map(|(_, station)| station)
        })
    }

    /// Asks for an address with ARP, and pings it. Who has it: the last octet of its MAC address.
    #[track_caller]
    pub(crate) fn ping(&self, address: Ipv4Addr) -> u8 {
        let mut request = vec![0xff; 6];
        request.extend_from_slice(&MAC);
        request.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        request.extend_from_slice(&MAC);
        request.extend_from_slice(&ADDRESS.octets());
        request.extend_from_slice(&[0; 6]);
        request.extend_from_slice(&address.octets());
        let since = Instant::now();
        // Once a second, as stations do: RFC 1122 §2.3.2.1.
        let owner = (0..PATIENCE.as_secs()).find_map(|_| {
            self.wire.pass(&request, None);
            self.within(Duration::from_secs(1), since, |frames| {
                let reply = frames.iter().find(|frame| frame.is_arp_reply(address))?;
                <[u8; 6]>::try_from(&reply.octets[22..28]).ok()
            })
        });
        let owner = owner.unwrap_or_else(|| {
            panic!("nobody says where {address} is; since then:\n{}", self.told(since))
        });
        // An echo request of no data: identifier 0x5257, sequence 1 (RFC 792).
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0];
        packet.extend_from_slice(&ADDRESS.octets());
        packet.extend_from_slice(&address.octets());
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum);
        packet.extend_from_slice(&[8, 0, 0xa5, 0xa7, 0x52, 0x57, 0, 1]);
        let mut frame = owner.to_vec();
        frame.extend_from_slice(&MAC);
        frame.extend_from_slice(&[8, 0]);
        frame.extend_from_slice(&packet);
        self.wire.pass(&frame, None);
        self.wait(since, "an echo reply", |frames| {
            frames.iter().any(|frame| frame.is_echo_reply(address)).then_some(owner[5])
        })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Wire {
    fn pass(&self, octets: &[u8], from: Option<usize>) {
        let mut kept = self.frames.lock().unwrap();
        kept.0.push(Frame { at: Instant::now(), octets: octets.to_vec() });
        for (number, port) in kept.1.iter().enumerate() {
            if Some(number) != from {
                let _ = port.send(octets.to_vec());
            }
        }
        self.news.notify_all();
    }
}

/// The internet checksum of an even number of octets (RFC 1071).
fn checksum(octets: &[u8]) -> [u8; 2] {
    let words = octets.chunks_exact(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [_, _, high, low] = (!sum).to_be_bytes();
    [high, low]
}
