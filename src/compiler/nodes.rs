//! Several configurations: `pair`, `diff`; and one in two languages: `import`.

use std::path::{Path, PathBuf};

use super::messages::{show, summary};
use super::pair::{Node, judge};
use super::reading::{Reading, compile_text};
use super::{Outcome, complain, file, print, read};
use crate::config::blob;
use crate::config::model::Config;
use crate::config::source::{Compiled, difference, import};
use crate::limits::Capacity;

/// `pair A B…`: nodes against each other.
pub fn pair_files(inputs: &[PathBuf], reading: &Reading) -> Outcome {
    let mut configs = Vec::new();
    for input in inputs {
        match load(input, reading, true) {
            Ok(config) => configs.push((input.display().to_string(), config)),
            Err(outcome) => return outcome,
        }
    }
    let nodes: Vec<Node<'_>> = configs.iter().map(|(name, config)| Node { name, config }).collect();
    let verdict = judge(&nodes);
    let shown = print(&verdict.text);
    let counted = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    if verdict.errors + verdict.warnings > 0 {
        let (errors, warnings) = (verdict.errors, verdict.warnings);
        complain(&format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")));
    }
    if verdict.errors > 0 { Outcome::Invalid } else { shown }
}

/// `diff A B`: what a reload would do.
pub fn diff_files(old: &Path, new: &Path, reading: &Reading) -> Outcome {
    match (load(old, reading, false), load(new, reading, false)) {
        (Ok(old), Ok(new)) => {
            let text = difference(&old, &new);
            print(if text.is_empty() { "no difference\n" } else { &text })
        }
        (Err(outcome), _) | (_, Err(outcome)) => outcome,
    }
}

/// `import keepalived.conf`: the same as `/etc/config/ringward`.
pub fn import_file(input: &Path, output: Option<&Path>, reading: &Reading) -> Outcome {
    let Some(octets) = read(input) else { return Outcome::File };
    let name = input.display().to_string();
    let (text, report) = import(&reading.options(&Capacity::HERE), &name, &octets);
    show(&report, reading.messages);
    let Some(text) = text else {
        complain(&format!("{name}: {}; nothing was written", summary(&report)));
        return Outcome::Invalid;
    };
    let Some(output) = output else { return print(&text) };
    match file::replace(output, text.as_bytes(), file::MODE) {
        Ok(()) => Outcome::Fine,
        Err(error) => {
            complain(&format!("{}: cannot be written: {error}", output.display()));
            Outcome::File
        }
    }
}

/// A configuration from a text or a blob. Of a text, errors are shown, and the rest if need be.
fn load(input: &Path, reading: &Reading, shows_all: bool) -> Result<Box<Config>, Outcome> {
    let Some(octets) = read(input) else { return Err(Outcome::File) };
    if octets.starts_with(&blob::MAGIC) {
        let mut config = Config::boxed();
        return match blob::decode(&octets, &mut config) {
            Ok(()) => Ok(config),
            Err(refused) => {
                complain(&format!("{}: {refused}", input.display()));
                Err(Outcome::Invalid)
            }
        };
    }
    let Compiled { config, report, .. } = compile_text(input, &octets, reading, &Capacity::HERE);
    if shows_all || config.is_none() {
        show(&report, reading.messages);
    }
    config.ok_or_else(|| {
        complain(&format!("{}: {}", input.display(), summary(&report)));
        Outcome::Invalid
    })
}
