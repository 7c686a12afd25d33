//! How the texts of a command are to be read.

use std::path::Path;

use super::disk::Disk;
use super::messages::MessageForm;
use crate::config::source::code::Code;
use crate::config::source::{Compiled, Language, Options, Site, compile_with};
use crate::limits::Capacity;

/// How texts are read, and how messages about them are written. See [`Options`].
#[derive(Clone, Default)]
#[allow(missing_docs, reason = "as in Options")]
pub struct Reading {
    pub language: Language,
    pub config_id: Option<String>,
    pub definitions: Vec<(String, String)>,
    pub site: Site,
    pub is_permissive: bool,
    pub only_vrrp: bool,
    pub denies_warnings: bool,
    pub allowed: Vec<Code>,
    pub messages: MessageForm,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.options(&Capacity::HERE).fmt(f)
    }
}

impl Reading {
    pub(super) fn options<'a>(&'a self, capacity: &'a Capacity) -> Options<'a> {
        Options {
            language: self.language,
            capacity,
            config_id: self.config_id.as_deref(),
            definitions: &self.definitions,
            surroundings: &Disk,
            site: &self.site,
            is_permissive: self.is_permissive,
            only_vrrp: self.only_vrrp,
            allowed: &self.allowed,
            denies_warnings: self.denies_warnings,
            keeps_origins: false,
        }
    }
}

pub(super) fn compile_text(
    input: &Path,
    octets: &[u8],
    reading: &Reading,
    capacity: &Capacity,
) -> Compiled {
    compile_by(input, octets, reading.options(capacity))
}

/// The same for this build, with where each value came from.
pub(super) fn trace_text(input: &Path, octets: &[u8], reading: &Reading) -> Compiled {
    let options = Options { keeps_origins: true, ..reading.options(&Capacity::HERE) };
    compile_by(input, octets, options)
}

fn compile_by(input: &Path, octets: &[u8], mut options: Options<'_>) -> Compiled {
    let is_keepalived = input.file_name().is_some_and(|name| name == "keepalived");
    if options.language == Language::Uci && is_keepalived {
        options.language = Language::UciKeepalived;
    }
    compile_with(&options, &input.display().to_string(), octets)
}
