//! Configurations inside the executable: a section with room for two blobs, which `ringwardc embed`
//! writes into a program that is already built, for whatever processor.
//!
//! All numbers are little-endian. The header says what the program holds:
//!
//! | octets | field |
//! |---|---|
//! | 0–15 | [`MAGIC`] |
//! | 16–17 | number of this layout, 3 |
//! | 18–19 | [`SCHEMA`] of the blobs |
//! | 20–23 | room: octets of a blob |
//! | 24–25, 26–27, … 38–39 | holds: interfaces, instances, addresses, peers, scripts, trackers, commands, built-in checks |
//! | 40–59 | name of the board, padded with zeros |
//! | 60–63 | CRC-32 (IEEE 802.3) of octets 0–59 |
//!
//! Two slots follow, each of a header and room for a blob:
//!
//! | octets | field |
//! |---|---|
//! | 0–3 | version: the higher one is the newer one; zero: empty |
//! | 4–7 | octets of the blob |
//! | 8–11 | CRC-32 of octets 0–7 and of the blob |

use super::blob::{SCHEMA, checksum};
use crate::limits::{
    ADDRESS_COUNT_MAX, BOARD, COMMAND_COUNT_MAX, EMBEDDED_LEN_MAX, INSTANCE_COUNT_MAX,
    INTERFACE_COUNT_MAX, PEER_COUNT_MAX, PROBE_COUNT_MAX, SCRIPT_COUNT_MAX, TRACKER_COUNT_MAX,
};

/// The first octets of the section. No text has them.
pub const MAGIC: [u8; 16] = *b"\x00RINGWARD\xffslots\r";

/// Slots of a section.
pub const SLOT_COUNT: usize = 2;

/// Octets of this build's section.
pub const SECTION_LEN: usize = HEADER_LEN + SLOT_COUNT * (SLOT_HEADER_LEN + EMBEDDED_LEN_MAX);

const HEADER_LEN: usize = 64;
const HEADER_SUMMED_LEN: usize = 60;
const SLOT_HEADER_LEN: usize = 12;
const SLOT_SUMMED_LEN: usize = 8;
const LAYOUT: u16 = 3;
const HOLDS_PLACE: usize = 24;
const BOARD_PLACE: usize = 40;

const _: () = assert!(BOARD.len() <= HEADER_SUMMED_LEN - BOARD_PLACE);

/// This build's section with nothing in it. For a static: it takes a while.
pub const fn empty() -> [u8; SECTION_LEN] {
    let mut section = [0; SECTION_LEN];
    put(&mut section, 0, &MAGIC);
    put(&mut section, 16, &LAYOUT.to_le_bytes());
    put(&mut section, 18, &SCHEMA.to_le_bytes());
    put(&mut section, 20, &narrow(EMBEDDED_LEN_MAX).to_le_bytes());
    // Each below 2^16: the upper half is zero, and overwritten by the next.
    put(&mut section, 24, &narrow(INTERFACE_COUNT_MAX).to_le_bytes());
    put(&mut section, 26, &narrow(INSTANCE_COUNT_MAX).to_le_bytes());
    put(&mut section, 28, &narrow(ADDRESS_COUNT_MAX).to_le_bytes());
    put(&mut section, 30, &narrow(PEER_COUNT_MAX).to_le_bytes());
    put(&mut section, 32, &narrow(SCRIPT_COUNT_MAX).to_le_bytes());
    put(&mut section, 34, &narrow(TRACKER_COUNT_MAX).to_le_bytes());
    put(&mut section, 36, &narrow(COMMAND_COUNT_MAX).to_le_bytes());
    put(&mut section, 38, &narrow(PROBE_COUNT_MAX).to_le_bytes());
    put(&mut section, BOARD_PLACE, BOARD.as_bytes());
    let sum = crc32(section.split_at(HEADER_SUMMED_LEN).0);
    put(&mut section, HEADER_SUMMED_LEN, &sum.to_le_bytes());
    section
}

#[expect(clippy::cast_possible_truncation, reason = "no limit is above 2^32, see build.rs")]
const fn narrow(number: usize) -> u32 {
    number as u32
}

const fn put(section: &mut [u8], at: usize, mut octets: &[u8]) {
    let mut place = section.split_at_mut(at).1;
    while let ([to, places @ ..], [from, rest @ ..]) = (place, octets) {
        *to = *from;
        (place, octets) = (places, rest);
    }
}

/// CRC-32 (IEEE 802.3), bit by bit: the fast one is not for constants.
const fn crc32(mut octets: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    while let [octet, rest @ ..] = octets {
        sum ^= *octet as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 0 { sum >> 1 } else { (sum >> 1) ^ 0xedb8_8320 };
            bit += 1;
        }
        octets = rest;
    }
    !sum
}

/// A section, as it is found in a program.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The name of the program's board.
    pub board: &'a str,
    /// The schema of the blobs that the program reads.
    pub schema: u16,
    /// Octets of the largest blob that there is room for.
    pub room: usize,
    /// What the program holds: records of each table of a configuration, in their order.
    pub holds: [usize; 8],
    slots: &'a [u8],
}

/// What is in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot<'a> {
    /// Nothing.
    Empty,
    /// Something that was not written by `ringwardc embed`, or not kept since.
    Damaged,
    /// A configuration.
    Intact {
        /// The higher one is the newer one.
        version: u32,
        /// Not yet judged: see [`super::blob::decode`].
        blob: &'a [u8],
    },
}

impl<'a> Section<'a> {
    /// The section that `octets` begin with.
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let (header, slots) = octets.split_at_checked(HEADER_LEN)?;
        let (summed, sum) = header.split_at_checked(HEADER_SUMMED_LEN)?;
        if !summed.starts_with(&MAGIC) || checksum(summed, &[]) != u32_at(sum, 0)? {
            return None;
        }
        if u16_at(summed, 16)? != LAYOUT {
            return None;
        }
        let room = usize::try_from(u32_at(summed, 20)?).ok()?;
        let slots = slots.get(..SLOT_COUNT.checked_mul(SLOT_HEADER_LEN.checked_add(room)?)?)?;
        let mut holds = [0; 8];
        for (held, at) in holds.iter_mut().zip((HOLDS_PLACE..).step_by(2)) {
            *held = usize::from(u16_at(summed, at)?);
        }
        let board = summed.get(BOARD_PLACE..)?.split(|octet| *octet == 0).next()?;
        let board = core::str::from_utf8(board).ok()?;
        Some(Section { board, schema: u16_at(summed, 18)?, room, holds, slots })
    }

    /// The slots, as they lie.
    pub fn slots(&self) -> [Slot<'a>; SLOT_COUNT] {
        let len = SLOT_HEADER_LEN + self.room;
        let mut slots = self.slots.chunks_exact(len);
        [(); SLOT_COUNT].map(|()| slots.next().map_or(Slot::Empty, slot))
    }

    /// The configurations, the newest first.
    pub fn configurations(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut slots = self.slots();
        slots.sort_unstable_by_key(|slot| core::cmp::Reverse(slot.version()));
        slots.into_iter().filter_map(|slot| match slot {
            Slot::Intact { version, blob } => Some((version, blob)),
            Slot::Empty | Slot::Damaged => None,
        })
    }
}

impl Slot<'_> {
    /// Zero where there is no configuration.
    pub fn version(&self) -> u32 {
        match self {
            Slot::Intact { version, .. } => *version,
            Slot::Empty | Slot::Damaged => 0,
        }
    }
}

fn slot(octets: &[u8]) -> Slot<'_> {
    let read = || {
        let (header, room) = octets.split_at_checked(SLOT_HEADER_LEN)?;
        let (version, len) = (u32_at(header, 0)?, u32_at(header, 4)?);
        let blob = room.get(..usize::try_from(len).ok()?)?;
        (version > 0 && sum(header, blob)? == u32_at(header, SLOT_SUMMED_LEN)?)
            .then_some(Slot::Intact { version, blob })
    };
    match octets.get(..SLOT_HEADER_LEN) {
        Some(header) if header.iter().all(|octet| *octet == 0) => Slot::Empty,
        _ => read().unwrap_or(Slot::Damaged),
    }
}

/// Where the one section of a program begins. None: there is none.
pub fn find(program: &[u8]) -> Option<usize> {
    let mut windows = program.windows(MAGIC.len()).enumerate();
    windows.find_map(|(at, octets)| {
        let is_there = *octets == MAGIC && Section::parse(program.get(at..)?).is_some();
        is_there.then_some(at)
    })
}

/// Writes a blob into the slot that is empty, damaged or older, as a version that is newer than the
/// other. The slot from 0, and the version; none where `section` is none or has no room.
pub fn embed(section: &mut [u8], blob: &[u8]) -> Option<(usize, u32)> {
    let parsed = Section::parse(section)?;
    let (room, slots) = (parsed.room, parsed.slots());
    if blob.len() > room {
        return None;
    }
    let (index, _) = slots.iter().enumerate().min_by_key(|(_, slot)| slot.version())?;
    let newest = slots.iter().map(Slot::version).max()?;
    let version = newest.checked_add(1)?;
    let place = section.get_mut(HEADER_LEN..)?.chunks_exact_mut(SLOT_HEADER_LEN + room);
    let place = { place }.nth(index)?;
    place.fill(0);
    put(place, 0, &version.to_le_bytes());
    put(place, 4, &u32::try_from(blob.len()).ok()?.to_le_bytes());
    let sum = sum(place, blob)?;
    put(place, SLOT_SUMMED_LEN, &sum.to_le_bytes());
    put(place, SLOT_HEADER_LEN, blob);
    Some((index, version))
}

fn sum(header: &[u8], blob: &[u8]) -> Option<u32> {
    Some(checksum(header.get(..SLOT_SUMMED_LEN)?, blob))
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|octets| u16::from_le_bytes(*octets))
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|octets| u32::from_le_bytes(*octets))
}

#[cfg(test)]
mod tests;
