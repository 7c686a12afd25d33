//! Configurations inside executables: `embed` and `extract`.

use std::path::Path;

use super::{Outcome, Reading, compile_text, complain, file, print, shortage, show, summary};
use crate::config::blob;
use crate::config::embedded::{self, SLOT_COUNT, Section, Slot};
use crate::config::model::Config;
use crate::config::source::Compiled;
use crate::limits::{BLOB_LEN_MAX, Capacity};

/// Whoever may run the program may have its secrets.
const MODE: u32 = 0o700;

/// `embed --config FILE --into EXE -o OUT`. The executable may be of any processor.
pub fn embed_file(config: &Path, reading: &Reading, into: &Path, output: &Path) -> Outcome {
    let Some(mut program) = read_program(into) else { return Outcome::File };
    let Some(at) = embedded::find(&program) else { return has_none(into) };
    let Some(octets) = super::read(config) else { return Outcome::File };
    let Some(section) = program.get(at..).and_then(Section::parse) else { return has_none(into) };
    if section.schema != blob::SCHEMA {
        let (found, written) = (section.schema, blob::SCHEMA);
        complain(&format!(
            "{}: reads configurations of schema {found}, this ringwardc writes schema {written}: \
             take the ringwardc of the same version",
            into.display()
        ));
        return Outcome::Invalid;
    }
    let Some(blob) = compiled(config, &octets, reading, &section, into) else {
        return Outcome::Invalid;
    };
    let written = program.get_mut(at..).and_then(|section| embedded::embed(section, &blob));
    let Some((slot, version)) = written else { return has_none(into) };
    if let Err(error) = file::replace(output, &program, MODE) {
        complain(&format!("{}: cannot be written: {error}", output.display()));
        return Outcome::File;
    }
    let (number, len) = (slot + 1, blob.len());
    print(&format!("{}: version {version} in slot {number}, {len} octets\n", output.display()))
}

/// The blob, if the program holds what is in it.
fn compiled(
    path: &Path,
    octets: &[u8],
    reading: &Reading,
    section: &Section<'_>,
    program: &Path,
) -> Option<Vec<u8>> {
    let fits = |config: &Config, blob: &[u8]| {
        let [interfaces, instances, addresses, peers, scripts, trackers, commands, probes] =
            section.holds;
        let capacity = Capacity {
            board: "",
            instances,
            interfaces,
            addresses,
            peers,
            scripts,
            trackers,
            commands,
            probes,
            blob_len: section.room,
            console: true,
        };
        let Some((needed, held, what)) = shortage(config, blob, &capacity) else { return true };
        let (path, program, board) = (path.display(), program.display(), section.board);
        complain(&format!("{path}: needs {needed} {what}, {program} (board {board}) holds {held}"));
        false
    };
    if octets.starts_with(&blob::MAGIC) {
        let is_fine = super::with_blob(path, octets, |config| {
            if fits(config, octets) { Outcome::Fine } else { Outcome::Invalid }
        });
        return (is_fine == Outcome::Fine).then(|| octets.to_vec());
    }
    let board = Capacity::of(section.board);
    let capacity = Capacity {
        board: board.map_or("", |board| board.board),
        console: board.is_none_or(|board| board.console),
        ..Capacity::HERE
    };
    let Compiled { config, report, .. } = compile_text(path, octets, reading, &capacity);
    show(&report, reading.messages);
    let Some(config) = config else {
        complain(&format!("{}: {}; nothing was written", path.display(), summary(&report)));
        return None;
    };
    let mut blob = vec![0; BLOB_LEN_MAX];
    match blob::encode(&config, &mut blob) {
        Ok(len) => blob.truncate(len),
        Err(unwritable) => {
            complain(&format!("{}: {unwritable}", path.display()));
            return None;
        }
    }
    fits(&config, &blob).then_some(blob)
}

/// `extract EXE -o OUT.rwb`: the configuration in `slot`, from 1, else the newest.
pub fn extract_file(program: &Path, slot: Option<usize>, output: &Path) -> Outcome {
    let Some(octets) = read_program(program) else { return Outcome::File };
    let at = embedded::find(&octets);
    let section = at.and_then(|at| octets.get(at..)).and_then(Section::parse);
    let Some(section) = section else { return has_none(program) };
    let found = match slot {
        None => section.configurations().next(),
        Some(number) => number
            .checked_sub(1)
            .and_then(|index| section.slots().get(index).copied())
            .and_then(|slot| match slot {
                Slot::Intact { version, blob } => Some((version, blob)),
                Slot::Empty | Slot::Damaged => None,
            }),
    };
    let Some((version, blob)) = found else {
        let where_to = slot.map_or("no slot".to_owned(), |number| format!("slot {number} not"));
        complain(&format!(
            "{}: {where_to} of {SLOT_COUNT} has an intact configuration",
            program.display()
        ));
        return Outcome::Invalid;
    };
    if let Err(error) = file::replace(output, blob, file::MODE) {
        complain(&format!("{}: cannot be written: {error}", output.display()));
        return Outcome::File;
    }
    print(&format!("{}: version {version}, {} octets\n", output.display(), blob.len()))
}

fn has_none(program: &Path) -> Outcome {
    let name = program.display();
    complain(&format!("{name}: has no room for configurations: it is no ringward"));
    Outcome::Invalid
}

fn read_program(path: &Path) -> Option<Vec<u8>> {
    match std::fs::read(path) {
        Ok(octets) => Some(octets),
        Err(error) => {
            complain(&format!("{}: {}", path.display(), file::reason(&error)));
            None
        }
    }
}
