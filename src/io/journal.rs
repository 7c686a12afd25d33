//! What the daemon owns in the kernel, in memory that outlives it.
//!
//! The daemon notes an address before it asks for it, and strikes it out when the kernel has
//! confirmed that it is gone; it notes when each instance last advertised as master. The
//! supervisor, which shares the page, removes what a dead daemon has left; the next boot reads the
//! same file, should the supervisor have died too. The file is locked as long as one of them lives.
//!
//! Layout: 64-bit words in the machine's own order, each written as a whole, an entry's first word
//! last. Header of eight: mark, boot (two), network namespace, two unused, how many heartbeats and
//! how many addresses have ever been used. Then a heartbeat (two words) for each instance, then addresses (three words).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::Fault;
use crate::addr::{Family, IfIndex, Vrid};
use crate::engine::{Heartbeat, Owned};
use crate::limits::{ADDRESS_COUNT_MAX, INSTANCE_COUNT_MAX};
use crate::time::Instant;

/// Of a reload, the old and the new addresses may be there at once.
const OWNED_COUNT_MAX: usize = 2 * ADDRESS_COUNT_MAX;
const HEADER_LEN: usize = 8;
const BEAT_LEN: usize = 2;
const OWNED_LEN: usize = 3;
const OWNED_START: usize = HEADER_LEN + BEAT_LEN * INSTANCE_COUNT_MAX;
const WORD_COUNT: usize = OWNED_START + OWNED_LEN * OWNED_COUNT_MAX;
const LEN: usize = WORD_COUNT * size_of::<AtomicU64>();

const MARK_WORD: usize = 0;
const BEAT_COUNT_WORD: usize = 6;
const COUNT_WORD: usize = 7;
/// "ringjrn" and the number of this layout.
const MARK: u64 = u64::from_be_bytes(*b"ringjrn\x01");
/// An entry that says something, in its first word; beside it, bit 62 is set for IPv6.
const USED: u64 = 1 << 63;
const V6: u64 = 1 << 62;

/// The journal: shared memory, in a file where there is a place for one.
#[derive(Debug)]
pub struct Journal {
    words: &'static [AtomicU64],
    /// Holds the lock.
    file: Option<File>,
    /// Where the next free entry of an address may be.
    hint: usize,
}

/// Why there is no journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Another daemon holds it.
    Taken,
    /// Not even anonymous memory could be had.
    Fault(Fault),
}

impl Journal {
    /// The journal in `directory`, which is made if need be; in anonymous memory, with the reason,
    /// when that cannot be. What another boot or network namespace left is forgotten.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn open(directory: &Path) -> Result<(Self, Option<std::io::Error>), Refused> {
        let opened = open_file(directory);
        if let Ok(file) = &opened {
            // SAFETY: touches no memory.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
                return Err(Refused::Taken);
            }
        }
        let (file, reason) = match opened.and_then(reserve) {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let words = map(file.as_ref()).map_err(Refused::Fault)?;
        let journal = Journal { words, file, hint: 0 };
        let here = identity();
        let known = journal.load(MARK_WORD) == MARK
            && here.iter().zip(1..).all(|(word, index)| journal.load(index) == *word);
        if !known {
            journal.store(MARK_WORD, 0);
            journal.store(COUNT_WORD, 0);
            journal.store(BEAT_COUNT_WORD, 0);
            for (word, index) in here.into_iter().zip(1..) {
                journal.store(index, word);
            }
            journal.store(MARK_WORD, MARK);
        }
        Ok((journal, reason))
    }

    /// The same memory, for the daemon; the lock stays where it is.
    pub fn share(&self) -> Self {
        Journal { words: self.words, file: None, hint: 0 }
    }

    /// Whether it is in a file, and so survives the supervisor.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Notes an address that is about to be requested. Nothing happens if it is noted already.
    pub fn note(&mut self, owned: Owned) {
        if self.find(owned).is_some() {
            return;
        }
        let count = self.count();
        let free = (self.hint..count).find(|row| self.load(address_word(*row)) & USED == 0);
        let row = free.unwrap_or(count);
        if row >= OWNED_COUNT_MAX {
            return;
        }
        self.hint = row + 1;
        let [first, second, third] = pack(owned);
        let word = address_word(row);
        self.store(word + 1, second);
        self.store(word + 2, third);
        self.store(word, first);
        if row >= count {
            self.store(COUNT_WORD, u64::try_from(row + 1).unwrap_or(0));
        }
    }

    /// Strikes an address out.
    pub fn strike(&mut self, owned: Owned) {
        if let Some(row) = self.find(owned) {
            self.store(address_word(row), 0);
            self.hint = self.hint.min(row);
        }
    }

    /// The addresses noted.
    pub fn owned(&self) -> impl Iterator<Item = Owned> + '_ {
        (0..self.count()).filter_map(|row| {
            let word = address_word(row);
            unpack([self.load(word), self.load(word + 1), self.load(word + 2)])
        })
    }

    /// Notes that `instance` has advertised as master.
    pub fn beat(&self, instance: u16, beat: Heartbeat) {
        let word = beat_word(instance);
        let family = if beat.family == Family::V6 { V6 } else { 0 };
        let vrid = u64::from(beat.vrid.get()) << 32;
        let key = USED | family | vrid | u64::from(beat.interface.get());
        if self.load(word) != key {
            self.store(word, 0);
        }
        self.store(word + 1, beat.sent_at.as_nanos());
        self.store(word, key);
        if self.load(BEAT_COUNT_WORD) <= u64::from(instance) {
            // What lies between has never been written, or belongs to another boot.
            for between in self.beat_count()..instance {
                self.store(beat_word(between), 0);
            }
            self.store(BEAT_COUNT_WORD, u64::from(instance) + 1);
        }
    }

    /// The last adverts noted.
    pub fn beats(&self) -> impl Iterator<Item = Heartbeat> + '_ {
        (0..self.beat_count()).filter_map(|instance| {
            let word = beat_word(instance);
            let [key, at] = [self.load(word), self.load(word + 1)];
            if key & USED == 0 {
                return None;
            }
            Some(Heartbeat {
                interface: IfIndex::new(low_half(key))?,
                family: if key & V6 == 0 { Family::V4 } else { Family::V6 },
                vrid: Vrid::new(key.to_be_bytes().get(3).copied()?)?,
                sent_at: Instant::from_nanos(at),
            })
        })
    }

    /// Forgets all heartbeats: they were for the boot that has just read them.
    pub fn forget_beats(&self) {
        self.store(BEAT_COUNT_WORD, 0);
    }

    fn beat_count(&self) -> u16 {
        let max = INSTANCE_COUNT_MAX as u64;
        u16::try_from(self.load(BEAT_COUNT_WORD).min(max)).unwrap_or(0)
    }

    fn find(&self, owned: Owned) -> Option<usize> {
        let wanted = pack(owned);
        (0..self.count()).find(|row| {
            let word = address_word(*row);
            wanted.iter().zip(word..).all(|(wanted, word)| self.load(word) == *wanted)
        })
    }

    fn count(&self) -> usize {
        usize::try_from(self.load(COUNT_WORD)).unwrap_or(0).min(OWNED_COUNT_MAX)
    }

    fn load(&self, word: usize) -> u64 {
        self.words.get(word).map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn store(&self, word: usize, value: u64) {
        if let Some(word) = self.words.get(word) {
            word.store(value, Ordering::Release);
        }
    }
}

const fn beat_word(instance: u16) -> usize {
    HEADER_LEN + BEAT_LEN * instance as usize
}

const fn address_word(row: usize) -> usize {
    OWNED_START + OWNED_LEN * row
}

fn low_half(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or(0)
}

fn pack(owned: Owned) -> [u64; 3] {
    let (family, bits) = match owned.ip {
        IpAddr::V4(ip) => (0, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (V6, u128::from(ip)),
    };
    let half = |shift: u32| u64::try_from((bits >> shift) & u128::from(u64::MAX)).unwrap_or(0);
    let prefix = u64::from(owned.prefix_len) << 32;
    [USED | family | prefix | u64::from(owned.interface.get()), half(64), half(0)]
}

fn unpack([first, second, third]: [u64; 3]) -> Option<Owned> {
    if first & USED == 0 {
        return None;
    }
    let ip = if first & V6 == 0 {
        IpAddr::V4(Ipv4Addr::from(low_half(third)))
    } else {
        IpAddr::V6(Ipv6Addr::from(u128::from(second) << 64 | u128::from(third)))
    };
    let [_, _, _, prefix_len, ..] = first.to_be_bytes();
    Some(Owned { interface: IfIndex::new(low_half(first))?, ip, prefix_len })
}

fn open_file(directory: &Path) -> std::io::Result<File> {
    fs::create_dir_all(directory)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(directory.join("journal"))
}

/// Takes all of the file's room now: on a disk that is full, a page that has no place there yet is
/// SIGBUS for whoever writes to it.
fn reserve(file: File) -> std::io::Result<File> {
    file.set_len(LEN as u64)?;
    let len = libc::off_t::try_from(LEN).unwrap_or(libc::off_t::MAX);
    // SAFETY: touches no memory.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
        // Such a file system (none that /run is on) makes room when it is written to.
        0 | libc::EOPNOTSUPP => Ok(file),
        errno => Err(std::io::Error::from_raw_os_error(errno)),
    }
}

fn map(file: Option<&File>) -> Result<&'static [AtomicU64], Fault> {
    let what = "map the journal";
    let place = if file.is_some() { 0 } else { libc::MAP_ANONYMOUS };
    let fd = file.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
    let start = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        libc::mmap(core::ptr::null_mut(), LEN, protection, libc::MAP_SHARED | place, fd, 0)
    };
    if start == libc::MAP_FAILED {
        return Err(Fault::last(what));
    }
    // SAFETY: the mapping is page-aligned, `LEN` octets long, never unmapped, and only ever used
    // through atomics, by this process and by its supervisor. Any bits are valid for them.
    Ok(unsafe { core::slice::from_raw_parts(start.cast::<AtomicU64>(), WORD_COUNT) })
}

/// This boot and this network namespace: elsewhere, and later, the same numbers mean other things.
fn identity() -> [u64; 3] {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hex: String = boot.chars().filter(char::is_ascii_hexdigit).collect();
    let bits = u128::from_str_radix(&hex, 16).unwrap_or(0);
    let half = |shift: u32| u64::try_from((bits >> shift) & u128::from(u64::MAX)).unwrap_or(0);
    let namespace = fs::metadata("/proc/self/ns/net").map_or(0, |meta| meta.ino());
    [half(64), half(0), namespace]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal { words: map(None).expect("memory"), file: None, hint: 0 }
    }

    fn owned(interface: u32, ip: &str, prefix_len: u8) -> Owned {
        let interface = IfIndex::new(interface).expect("not zero");
        Owned { interface, ip: ip.parse().expect("an address"), prefix_len }
    }

    #[test]
    fn entries_have_the_documented_words() {
        assert_eq!(pack(owned(7, "192.0.2.1", 24)), [0x8000_0018_0000_0007, 0, 0xc000_0201]);
        assert_eq!(
            pack(owned(0xffff_ffff, "2001:db8::5", 128)),
            [0xc000_0080_ffff_ffff, 0x2001_0db8_0000_0000, 5]
        );
    }

    #[test]
    fn what_is_noted_is_found_until_it_is_struck_out() {
        let mut journal = journal();
        let (a, b) = (owned(1, "192.0.2.1", 32), owned(2, "2001:db8::1", 64));
        journal.note(a);
        journal.note(b);
        journal.note(a);
        assert_eq!(journal.owned().collect::<Vec<_>>(), [a, b]);
        journal.strike(a);
        assert_eq!(journal.owned().collect::<Vec<_>>(), [b]);
        let c = owned(3, "192.0.2.3", 24);
        journal.note(c);
        assert_eq!(journal.owned().collect::<Vec<_>>(), [c, b], "a free entry is used again");
    }

    #[test]
    fn a_heartbeat_comes_back_as_it_was_written() {
        let journal = journal();
        let beat = Heartbeat {
            interface: IfIndex::new(9).expect("not zero"),
            family: Family::V6,
            vrid: Vrid::new(255).expect("not zero"),
            sent_at: Instant::from_nanos(1_234_567_890_123),
        };
        journal.beat(3, beat);
        assert_eq!(journal.beats().collect::<Vec<_>>(), [beat]);
        journal.forget_beats();
        assert_eq!(journal.beats().count(), 0);
    }

    #[test]
    fn a_torn_or_foreign_entry_is_skipped() {
        let journal = journal();
        journal.store(COUNT_WORD, u64::MAX);
        journal.store(address_word(0), USED | 24 << 32);
        assert_eq!(journal.owned().count(), 0, "interface 0 does not exist");
    }
}
