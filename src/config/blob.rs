//! The binary form of a configuration: what `ringwardc` writes and the daemon reads.
//!
//! A header of 38 octets, then one postcard record after another, in the order of the tables.
//! All header fields are little-endian:
//!
//! | octets | field |
//! |---|---|
//! | 0–7 | magic, `RINGWARD` |
//! | 8–9 | [`SCHEMA`] |
//! | 10–11 | zero |
//! | 12–13, 14–15, … 28–29 | needs: the records of each table, in order |
//! | 30–33 | octets behind the header |
//! | 34–37 | CRC-32 (IEEE 802.3) of octets 0–33 and of everything behind the header |
//!
//! The records: [`Global`], then as many interface names, [`Instance`]s, [`Group`]s, [`Address`]es,
//! peers, [`Script`]s, [`Tracker`]s, [`Command`]s and [`Probe`]s as the header says. They are decoded one at a
//! time, straight into the tables of a [`Config`] that exists already, so that decoding takes little
//! stack whatever the configuration holds.

use core::fmt;
use core::net::IpAddr;
use crc::{CRC_32_ISO_HDLC, Crc};
use serde::{Deserialize, Serialize};

use super::check::{Invalid, check};
use super::model::{Address, Command, Config, Global, Group, Instance, Probe, Script, Tracker};
use crate::addr::InterfaceName;
use crate::limits::{
    ADDRESS_COUNT_MAX, COMMAND_COUNT_MAX, GROUP_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX,
    PEER_COUNT_MAX, PROBE_COUNT_MAX, SCRIPT_COUNT_MAX, TRACKER_COUNT_MAX,
};

/// The first octets of every blob.
pub const MAGIC: [u8; 8] = *b"RINGWARD";

/// The number of this layout. Any change of a record is a new one: postcard does not describe
/// itself, so a daemon reads its own schema only.
pub const SCHEMA: u16 = 14;

/// Octets of the header.
pub const HEADER_LEN: usize = HEADER_SUMMED_LEN + 4;

/// Octets of the header that the checksum covers: all but itself.
const HEADER_SUMMED_LEN: usize = LEN_PLACE + 4;

/// Tables besides the global settings.
const TABLE_COUNT: usize = 9;

/// Where the header tells how many octets follow it.
const LEN_PLACE: usize = 12 + 2 * TABLE_COUNT;

/// A table of a configuration, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// What holds for all instances: always one.
    Global,
    /// [`Config::interfaces`].
    Interfaces,
    /// [`Config::instances`].
    Instances,
    /// [`Config::groups`].
    Groups,
    /// [`Config::addresses`].
    Addresses,
    /// [`Config::peers`].
    Peers,
    /// [`Config::scripts`].
    Scripts,
    /// [`Config::trackers`].
    Trackers,
    /// [`Config::commands`].
    Commands,
    /// [`Config::probes`].
    Probes,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Table::Global => "global settings",
            Table::Interfaces => "interfaces",
            Table::Instances => "instances",
            Table::Groups => "sync groups",
            Table::Addresses => "addresses",
            Table::Peers => "unicast peers",
            Table::Scripts => "scripts",
            Table::Trackers => "trackers",
            Table::Commands => "commands",
            Table::Probes => "built-in checks",
        })
    }
}

/// Why a blob is not obeyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It does not begin with [`MAGIC`]: something else altogether.
    Foreign,
    /// It was written for another schema.
    Schema {
        /// The schema it was written for.
        found: u16,
    },
    /// It ends too early.
    Truncated {
        /// Octets that it should have, as far as is known.
        needed: usize,
        /// Octets that it has.
        found: usize,
    },
    /// Octets follow behind its end.
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The checksum does not match: it was damaged in storage or on the way.
    Damaged,
    /// It holds more than this build has room for.
    Needs {
        /// Of what.
        table: Table,
        /// How many it holds.
        needed: usize,
        /// How many this build holds.
        held: usize,
    },
    /// The checksum matches but a record does not parse: the program that wrote it has a fault.
    Record {
        /// In which table.
        table: Table,
        /// Which record, from zero.
        index: usize,
    },
    /// It breaks a rule of [`check`].
    Invalid(Invalid),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Refused::Foreign => {
                f.write_str("not a ringward configuration (compile it with ringwardc)")
            }
            Refused::Schema { found } => write!(
                f,
                "written for schema {found}, this build reads schema {SCHEMA}: compile it again with \
                 the ringwardc of this version"
            ),
            Refused::Truncated { needed, found } => {
                write!(f, "truncated: {found} octets of {needed}")
            }
            Refused::Trailing { extra } => write!(f, "{extra} octets follow behind its end"),
            Refused::Damaged => f.write_str("damaged: the checksum does not match"),
            Refused::Needs { table, needed, held } => {
                write!(f, "needs {needed} {table}, this build holds {held}")
            }
            Refused::Record { table, index } => {
                write!(f, "record {index} of the {table} does not parse")
            }
            Refused::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

/// Why a configuration cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unwritable {
    /// It breaks a rule of [`check`], so every reader would refuse it.
    Invalid(Invalid),
    /// It does not fit in the buffer; [`crate::limits::BLOB_LEN_MAX`] octets are always enough.
    Full,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwritable::Invalid(invalid) => invalid.fmt(f),
            Unwritable::Full => f.write_str("does not fit in the buffer"),
        }
    }
}

/// Writes `config` to the start of `out` and says how many octets it took.
pub fn encode(config: &Config, out: &mut [u8]) -> Result<usize, Unwritable> {
    check(config).map_err(Unwritable::Invalid)?;
    let room = out.len();
    let (header, body) = out.split_at_mut_checked(HEADER_LEN).ok_or(Unwritable::Full)?;

    let mut rest = write(&config.global, &mut *body)?;
    for name in &config.interfaces {
        rest = write(name, rest)?;
    }
    for instance in &config.instances {
        rest = write(instance, rest)?;
    }
    for group in &config.groups {
        rest = write(group, rest)?;
    }
    for address in &config.addresses {
        rest = write(address, rest)?;
    }
    for peer in &config.peers {
        rest = write(peer, rest)?;
    }
    for script in &config.scripts {
        rest = write(script, rest)?;
    }
    for tracker in &config.trackers {
        rest = write(tracker, rest)?;
    }
    for command in &config.commands {
        rest = write(command, rest)?;
    }
    for probe in &config.probes {
        rest = write(probe, rest)?;
    }
    let body_len = room - HEADER_LEN - rest.len();
    let body = body.get(..body_len).ok_or(Unwritable::Full)?;

    let fields = Header {
        needs: [
            config.interfaces.len(),
            config.instances.len(),
            config.groups.len(),
            config.addresses.len(),
            config.peers.len(),
            config.scripts.len(),
            config.trackers.len(),
            config.commands.len(),
            config.probes.len(),
        ],
        body_len,
    };
    fields.write(header, body).ok_or(Unwritable::Full)?;
    Ok(HEADER_LEN + body_len)
}

/// Reads `blob` into `config`, whose former content is gone in any case. When the blob is refused
/// `config` is left without instances.
pub fn decode(blob: &[u8], config: &mut Config) -> Result<(), Refused> {
    config.clear();
    let result =
        decode_records(blob, config).and_then(|()| check(config).map_err(Refused::Invalid));
    if result.is_err() {
        config.clear();
    }
    result
}

fn decode_records(blob: &[u8], config: &mut Config) -> Result<(), Refused> {
    let (header, body) = Header::parse(blob)?;
    let [interfaces, instances, groups, addresses, peers, scripts, trackers, commands, probes] =
        header.needs;
    for (table, needed, held) in [
        (Table::Interfaces, interfaces, INTERFACE_COUNT_MAX),
        (Table::Instances, instances, INSTANCE_COUNT_MAX),
        (Table::Groups, groups, GROUP_COUNT_MAX),
        (Table::Addresses, addresses, ADDRESS_COUNT_MAX),
        (Table::Peers, peers, PEER_COUNT_MAX),
        (Table::Scripts, scripts, SCRIPT_COUNT_MAX),
        (Table::Trackers, trackers, TRACKER_COUNT_MAX),
        (Table::Commands, commands, COMMAND_COUNT_MAX),
        (Table::Probes, probes, PROBE_COUNT_MAX),
    ] {
        if needed > held {
            return Err(Refused::Needs { table, needed, held });
        }
    }
    let mut rest = body;
    config.global = read::<Global>(&mut rest, Table::Global, 0)?;
    fill::<InterfaceName, _>(&mut rest, Table::Interfaces, interfaces, &mut config.interfaces)?;
    fill::<Instance, _>(&mut rest, Table::Instances, instances, &mut config.instances)?;
    fill::<Group, _>(&mut rest, Table::Groups, groups, &mut config.groups)?;
    fill::<Address, _>(&mut rest, Table::Addresses, addresses, &mut config.addresses)?;
    fill::<IpAddr, _>(&mut rest, Table::Peers, peers, &mut config.peers)?;
    fill::<Script, _>(&mut rest, Table::Scripts, scripts, &mut config.scripts)?;
    fill::<Tracker, _>(&mut rest, Table::Trackers, trackers, &mut config.trackers)?;
    fill::<Command, _>(&mut rest, Table::Commands, commands, &mut config.commands)?;
    fill::<Probe, _>(&mut rest, Table::Probes, probes, &mut config.probes)?;
    if rest.is_empty() { Ok(()) } else { Err(Refused::Trailing { extra: rest.len() }) }
}

/// What a blob that is not damaged says about all instances; the rest of it is not judged.
///
/// # Errors
/// It is refused whatever else it holds.
pub fn global(blob: &[u8]) -> Result<Global, Refused> {
    let (_, mut body) = Header::parse(blob)?;
    read::<Global>(&mut body, Table::Global, 0)
}

/// A blob as a flash partition has it: without the octets behind its end, if they are those of
/// erased or cleared flash. Anything else is left as it is, for [`decode`] to refuse.
pub fn without_padding(octets: &[u8]) -> &[u8] {
    let body_len = octets.get(LEN_PLACE..LEN_PLACE + 4).and_then(|len| len.first_chunk()).copied();
    let len = body_len.and_then(|len| usize::try_from(u32::from_le_bytes(len)).ok());
    let end = len.and_then(|len| len.checked_add(HEADER_LEN));
    match end.and_then(|end| octets.split_at_checked(end)) {
        Some((blob, rest)) if rest.iter().all(|octet| *octet == 0xff) => blob,
        Some((blob, rest)) if rest.iter().all(|octet| *octet == 0) => blob,
        _ => octets,
    }
}

/// The header's fields but for magic, schema and checksum.
struct Header {
    /// Records of each table, in their order.
    needs: [usize; TABLE_COUNT],
    body_len: usize,
}

impl Header {
    fn write(&self, header: &mut [u8], body: &[u8]) -> Option<()> {
        let mut fields = Cursor(header);
        fields.put(&MAGIC)?;
        fields.put(&SCHEMA.to_le_bytes())?;
        fields.put(&[0, 0])?;
        for count in self.needs {
            fields.put(&u16::try_from(count).ok()?.to_le_bytes())?;
        }
        fields.put(&u32::try_from(self.body_len).ok()?.to_le_bytes())?;
        let sum = checksum(header.get(..HEADER_SUMMED_LEN)?, body);
        header.get_mut(HEADER_SUMMED_LEN..)?.copy_from_slice(&sum.to_le_bytes());
        Some(())
    }

    /// The header and the octets behind it, after everything that the checksum covers was found
    /// intact.
    fn parse(blob: &[u8]) -> Result<(Header, &[u8]), Refused> {
        let known = blob.len().min(MAGIC.len());
        if blob.get(..known) != MAGIC.get(..known) {
            return Err(Refused::Foreign);
        }
        let short = Refused::Truncated { needed: HEADER_LEN, found: blob.len() };
        let (header, body) = blob.split_at_checked(HEADER_LEN).ok_or(short)?;
        let mut fields = header.get(MAGIC.len()..).ok_or(short)?;
        let mut next_u16 = || {
            let (field, rest) = fields.split_first_chunk::<2>()?;
            fields = rest;
            Some(u16::from_le_bytes(*field))
        };
        let schema = next_u16().ok_or(short)?;
        if schema != SCHEMA {
            return Err(Refused::Schema { found: schema });
        }
        let zero = next_u16().ok_or(short)?;
        let mut needs = [0; TABLE_COUNT];
        for count in &mut needs {
            *count = usize::from(next_u16().ok_or(short)?);
        }
        let (low, high) = (next_u16().ok_or(short)?, next_u16().ok_or(short)?);
        let body_len = usize::from(low) + (usize::from(high) << 16);
        let (sum_low, sum_high) = (next_u16().ok_or(short)?, next_u16().ok_or(short)?);
        let sum = u32::from(sum_low) + (u32::from(sum_high) << 16);

        if body.len() < body_len {
            return Err(Refused::Truncated { needed: HEADER_LEN + body_len, found: blob.len() });
        }
        if body.len() > body_len {
            return Err(Refused::Trailing { extra: body.len() - body_len });
        }
        let summed = header.get(..HEADER_SUMMED_LEN).ok_or(short)?;
        if checksum(summed, body) != sum || zero != 0 {
            return Err(Refused::Damaged);
        }
        Ok((Header { needs, body_len }, body))
    }
}

/// Writes fields one behind the other.
struct Cursor<'a>(&'a mut [u8]);

impl Cursor<'_> {
    fn put(&mut self, field: &[u8]) -> Option<()> {
        let (head, tail) = core::mem::take(&mut self.0).split_at_mut_checked(field.len())?;
        head.copy_from_slice(field);
        self.0 = tail;
        Some(())
    }
}

/// CRC-32 as IEEE 802.3 has it, by the smallest table that is not slow.
static CRC_32: Crc<u32, Table1> = Crc::<u32, Table1>::new(&CRC_32_ISO_HDLC);

type Table1 = crc::Table<1>;

/// The checksum of two pieces, one behind the other.
pub(super) fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut digest = CRC_32.digest();
    digest.update(header);
    digest.update(body);
    digest.finalize()
}

/// Writes one record and returns the room behind it.
fn write<'a, T: Serialize>(record: &T, out: &'a mut [u8]) -> Result<&'a mut [u8], Unwritable> {
    let used = postcard::to_slice(record, &mut *out).map_err(|_| Unwritable::Full)?.len();
    out.get_mut(used..).ok_or(Unwritable::Full)
}

/// Reads one record off the front of `rest`. Not inlined: the stack of one record is given back
/// before the next.
#[inline(never)]
fn read<'a, T: Deserialize<'a>>(
    rest: &mut &'a [u8],
    table: Table,
    index: usize,
) -> Result<T, Refused> {
    let (record, behind) =
        postcard::take_from_bytes(rest).map_err(|_| Refused::Record { table, index })?;
    *rest = behind;
    Ok(record)
}

#[inline(never)]
fn fill<'a, T: Deserialize<'a>, const N: usize>(
    rest: &mut &'a [u8],
    table: Table,
    count: usize,
    into: &mut heapless::Vec<T, N>,
) -> Result<(), Refused> {
    // What a board holds none of, it need not know how to read.
    if N == 0 {
        return Ok(());
    }
    for index in 0..count {
        let record = read::<T>(rest, table, index)?;
        into.push(record).map_err(|_| Refused::Needs { table, needed: count, held: N })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
