//! What the daemon owns in the kernel, in memory that outlives it.
//!
//! The daemon notes an address before it asks for it, and strikes it out when the kernel has
//! confirmed that it is gone; it notes when each instance last advertised as master. The
//! supervisor, which shares the page, removes what a dead daemon has left; the next boot reads the
//! same file, should the supervisor have died too. The file is locked as long as one of them lives.
//!
//! Whoever writes may die between any two stores, so what is half written must not be taken for
//! something. All is in 32-bit words, which every target writes as a whole, in the machine's own
//! order; an entry is what its first word says, and that is written last.
//!
//! | words | what |
//! |---|---|
//! | 0 | [`MARK`] |
//! | 1–6 | boot (four words) and network namespace (two) that the rest is of |
//! | 7, 8 | how many heartbeats, how many addresses have ever been used |
//! | 6 for each instance | key, interface, two times of two words: the key says which one holds |
//! | 6 for each address | key, interface, address (IPv4: the last word) |

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::sync::atomic::{AtomicU32, Ordering};
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
const HEADER_LEN: usize = 9;
const BEAT_LEN: usize = 6;
const OWNED_LEN: usize = 6;
const OWNED_START: usize = HEADER_LEN + BEAT_LEN * INSTANCE_COUNT_MAX;
const WORD_COUNT: usize = OWNED_START + OWNED_LEN * OWNED_COUNT_MAX;
const LEN: usize = WORD_COUNT * size_of::<AtomicU32>();

const MARK_WORD: usize = 0;
const BEAT_COUNT_WORD: usize = 7;
const COUNT_WORD: usize = 8;
/// "rwj" and the number of this layout.
const MARK: u32 = u32::from_be_bytes(*b"rwj\x02");
/// Bits of a key: the entry says something; it is of IPv6; the second of its times holds. The VRID
/// or the prefix length is in the lowest octet.
const USED: u32 = 1 << 31;
const V6: u32 = 1 << 30;
const SECOND: u32 = 1 << 29;

/// The journal: shared memory, in a file where there is a place for one.
#[derive(Debug)]
pub struct Journal {
    words: &'static [AtomicU32],
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
        let word = address_word(row);
        // The key last: until then the entry is a free one.
        for (value, word) in pack(owned).into_iter().zip(word..word + OWNED_LEN).rev() {
            self.store(word, value);
        }
        if row >= count {
            self.store(COUNT_WORD, u32::try_from(row + 1).unwrap_or(0));
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
        (0..self.count()).filter_map(|row| unpack(self.words_at(address_word(row))))
    }

    /// Notes that `instance` has advertised as master.
    pub fn beat(&self, instance: u16, beat: Heartbeat) {
        let word = beat_word(instance);
        let family = if beat.family == Family::V6 { V6 } else { 0 };
        let key = USED | family | u32::from(beat.vrid.get());
        let interface = beat.interface.get();
        let last = self.load(word);
        if last & !SECOND != key || self.load(word + 1) != interface {
            self.store(word, 0);
            self.store(word + 1, interface);
        }
        // The time that holds is left alone until the key tells of the new one.
        let second = !last & SECOND;
        let (high, low) = halves(beat.sent_at.as_nanos());
        let time = time_word(word, second);
        self.store(time, high);
        self.store(time + 1, low);
        self.store(word, key | second);
        if self.load(BEAT_COUNT_WORD) <= u32::from(instance) {
            // What lies between has never been written, or belongs to another boot.
            for between in self.beat_count()..instance {
                self.store(beat_word(between), 0);
            }
            self.store(BEAT_COUNT_WORD, u32::from(instance) + 1);
        }
    }

    /// The last adverts noted.
    pub fn beats(&self) -> impl Iterator<Item = Heartbeat> + '_ {
        (0..self.beat_count()).filter_map(|instance| {
            let word = beat_word(instance);
            let key = self.load(word);
            if key & USED == 0 {
                return None;
            }
            let time = time_word(word, key & SECOND);
            let nanos = u64::from(self.load(time)) << 32 | u64::from(self.load(time + 1));
            Some(Heartbeat {
                interface: IfIndex::new(self.load(word + 1))?,
                family: if key & V6 == 0 { Family::V4 } else { Family::V6 },
                vrid: Vrid::new(low_octet(key))?,
                sent_at: Instant::from_nanos(nanos),
            })
        })
    }

    /// Forgets all heartbeats: they were for the boot that has just read them.
    pub fn forget_beats(&self) {
        self.store(BEAT_COUNT_WORD, 0);
    }

    fn beat_count(&self) -> u16 {
        let count = usize::try_from(self.load(BEAT_COUNT_WORD)).unwrap_or(0);
        u16::try_from(count.min(INSTANCE_COUNT_MAX)).unwrap_or(0)
    }

    fn find(&self, owned: Owned) -> Option<usize> {
        let wanted = pack(owned);
        (0..self.count()).find(|row| {
            let words = address_word(*row)..;
            wanted.iter().zip(words).all(|(wanted, word)| self.load(word) == *wanted)
        })
    }

    fn count(&self) -> usize {
        usize::try_from(self.load(COUNT_WORD)).unwrap_or(0).min(OWNED_COUNT_MAX)
    }

    fn words_at<const N: usize>(&self, word: usize) -> [u32; N] {
        core::array::from_fn(|index| self.load(word + index))
    }

    fn load(&self, word: usize) -> u32 {
        self.words.get(word).map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn store(&self, word: usize, value: u32) {
        #[cfg(test)]
        if tests::is_dead() {
            return;
        }
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

/// Where the first or, with [`SECOND`] set, the second time of a heartbeat is.
const fn time_word(beat_word: usize, second: u32) -> usize {
    if second == 0 { beat_word + 2 } else { beat_word + 4 }
}

const fn low_octet(word: u32) -> u8 {
    let [_, _, _, octet] = word.to_be_bytes();
    octet
}

/// The upper and the lower half.
fn halves(word: u64) -> (u32, u32) {
    let half = |shift: u32| u32::try_from((word >> shift) & 0xffff_ffff).unwrap_or(0);
    (half(32), half(0))
}

/// The four words of 128 bits, the most significant first.
fn quarters(bits: u128) -> [u32; 4] {
    let half = |shift: u32| u64::try_from((bits >> shift) & u128::from(u64::MAX)).unwrap_or(0);
    let ((first, second), (third, fourth)) = (halves(half(64)), halves(half(0)));
    [first, second, third, fourth]
}

fn pack(owned: Owned) -> [u32; OWNED_LEN] {
    let (family, bits) = match owned.ip {
        IpAddr::V4(ip) => (0, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (V6, u128::from(ip)),
    };
    let [first, second, third, fourth] = quarters(bits);
    let key = USED | family | u32::from(owned.prefix_len);
    [key, owned.interface.get(), first, second, third, fourth]
}

fn unpack([key, interface, address @ .., last]: [u32; OWNED_LEN]) -> Option<Owned> {
    if key & USED == 0 {
        return None;
    }
    let ip = if key & V6 == 0 {
        IpAddr::V4(Ipv4Addr::from(last))
    } else {
        let bits = address.into_iter().fold(0, |bits, word| bits << 32 | u128::from(word));
        IpAddr::V6(Ipv6Addr::from(bits << 32 | u128::from(last)))
    };
    Some(Owned { interface: IfIndex::new(interface)?, ip, prefix_len: low_octet(key) })
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

fn map(file: Option<&File>) -> Result<&'static [AtomicU32], Fault> {
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
    Ok(unsafe { core::slice::from_raw_parts(start.cast::<AtomicU32>(), WORD_COUNT) })
}

/// This boot and this network namespace: elsewhere, and later, the same numbers mean other things.
fn identity() -> [u32; 6] {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hex: String = boot.chars().filter(char::is_ascii_hexdigit).collect();
    let bits = u128::from_str_radix(&hex, 16).unwrap_or(0);
    let [first, second, third, fourth] = quarters(bits);
    let namespace = fs::metadata("/proc/self/ns/net").map_or(0, |meta| meta.ino());
    let (high, low) = halves(namespace);
    [first, second, third, fourth, high, low]
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    thread_local! {
        /// Stores that this thread still lives for.
        static LIFE: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// Lets `act` write so often; what it writes after that never happens.
    fn dying_after(stores: usize, act: impl FnOnce()) {
        LIFE.set(stores);
        act();
        LIFE.set(usize::MAX);
    }

    pub(super) fn is_dead() -> bool {
        let left = LIFE.get();
        LIFE.set(left.saturating_sub(1));
        left == 0
    }

    fn journal() -> Journal {
        Journal { words: map(None).expect("memory"), file: None, hint: 0 }
    }

    fn owned(interface: u32, ip: &str, prefix_len: u8) -> Owned {
        let interface = IfIndex::new(interface).expect("not zero");
        Owned { interface, ip: ip.parse().expect("an address"), prefix_len }
    }

    fn heartbeat(nanos: u64) -> Heartbeat {
        Heartbeat {
            interface: IfIndex::new(9).expect("not zero"),
            family: Family::V6,
            vrid: Vrid::new(255).expect("not zero"),
            sent_at: Instant::from_nanos(nanos),
        }
    }

    #[test]
    fn entries_have_the_documented_words() {
        assert_eq!(pack(owned(7, "192.0.2.1", 24)), [0x8000_0018, 7, 0, 0, 0, 0xc000_0201]);
        assert_eq!(
            pack(owned(0xffff_ffff, "2001:db8::5", 128)),
            [0xc000_0080, 0xffff_ffff, 0x2001_0db8, 0, 0, 5]
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
        let beat = heartbeat(1_234_567_890_123);
        journal.beat(3, beat);
        assert_eq!(journal.beats().collect::<Vec<_>>(), [beat]);
        journal.forget_beats();
        assert_eq!(journal.beats().count(), 0);
    }

    #[test]
    fn a_writer_that_dies_between_two_stores_leaves_the_last_heartbeat_or_the_new_one() {
        let (before, after) = (heartbeat(0xffff_ffff), heartbeat(0x1_0000_0000));
        let mut seen = Vec::new();
        for stores in 0..4 {
            let journal = journal();
            journal.beat(0, before);
            dying_after(stores, || journal.beat(0, after));
            seen.extend(journal.beats());
        }
        assert_eq!(seen, [before, before, before, after]);
    }

    #[test]
    fn a_writer_that_dies_between_two_stores_leaves_an_address_whole_or_not_at_all() {
        let ours = owned(7, "2001:db8::5", 64);
        let mut seen = Vec::new();
        for stores in 0..8 {
            let mut journal = journal();
            let other = owned(8, "192.0.2.1", 24);
            journal.note(other);
            journal.strike(other);
            dying_after(stores, || journal.note(ours));
            seen.push(journal.owned().collect::<Vec<_>>());
        }
        assert_eq!(seen[..6], vec![vec![]; 6], "the key is the sixth word to be written");
        assert_eq!(seen[6..], [[ours], [ours]]);
    }

    #[test]
    fn a_heartbeat_of_another_instance_takes_the_place_of_the_last() {
        let journal = journal();
        journal.beat(0, heartbeat(1));
        let other = Heartbeat {
            interface: IfIndex::new(10).expect("not zero"),
            family: Family::V4,
            vrid: Vrid::new(1).expect("not zero"),
            ..heartbeat(2)
        };
        journal.beat(0, other);
        assert_eq!(journal.beats().collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn a_torn_or_foreign_entry_is_skipped() {
        let journal = journal();
        journal.store(COUNT_WORD, u32::MAX);
        journal.store(address_word(0), USED | 24);
        assert_eq!(journal.owned().count(), 0, "interface 0 does not exist");
    }
}
