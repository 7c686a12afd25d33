//! How a text is compiled, and what lies around it.

use super::code::Code;
use super::{Language, Site};
use crate::limits::Capacity;

/// How a text is compiled.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The language of the text.
    pub language: Language,
    /// What is to hold the configuration.
    pub capacity: &'a Capacity,
    /// Which `@id` lines are for this router, and what `${_INSTANCE}` is: keepalived's
    /// `--config-id`.
    pub config_id: Option<&'a str>,
    /// Variables, with their values, that overrule those of the text.
    pub definitions: &'a [(String, String)],
    /// Other files.
    pub surroundings: &'a dyn Surroundings,
    /// The router that it is for.
    pub site: &'a Site,
    /// Compile what keepalived would have run: what it complains about and ignores is left out.
    pub is_permissive: bool,
    /// Leave out virtual servers and their checks.
    pub only_vrrp: bool,
    /// Messages that are not shown, unless they are errors.
    pub allowed: &'a [Code],
    /// Warnings are errors.
    pub denies_warnings: bool,
    /// Remember where each value came from: costs as much as half of all the rest.
    pub keeps_origins: bool,
}

impl Options<'static> {
    /// For this build, strictly, from one file alone.
    pub const PLAIN: Options<'static> = Options {
        language: Language::Keepalived,
        capacity: &Capacity::HERE,
        config_id: None,
        definitions: &[],
        surroundings: &Nowhere,
        site: Site::UNKNOWN,
        is_permissive: false,
        only_vrrp: false,
        allowed: &[],
        denies_warnings: false,
        keeps_origins: false,
    };
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Definitions may hold secrets.
        f.debug_struct("Options")
            .field("capacity", &self.capacity)
            .field("config_id", &self.config_id)
            .field("is_permissive", &self.is_permissive)
            .field("only_vrrp", &self.only_vrrp)
            .finish_non_exhaustive()
    }
}

/// A file that an `include` means.
#[derive(Clone, Debug)]
pub struct Found {
    /// What messages call it.
    pub name: String,
    /// What no other file has: its canonical path.
    pub identity: String,
    /// Its octets, or why it cannot be read.
    pub content: Result<Vec<u8>, String>,
}

/// What a text can refer to.
pub trait Surroundings {
    /// The files that `pattern` (glob(7), with braces) means, in order, seen from `folder`.
    fn find(&self, folder: &str, pattern: &str) -> Vec<Found>;

    /// The path of `folder` from the root.
    fn absolute(&self, folder: &str) -> String {
        folder.to_owned()
    }

    /// A variable of the environment.
    fn environment(&self, name: &str) -> Option<String>;

    /// What no other file has that is called so.
    fn identity(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// No surroundings: nothing is found.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn find(&self, _folder: &str, _pattern: &str) -> Vec<Found> {
        Vec::new()
    }

    fn environment(&self, _name: &str) -> Option<String> {
        None
    }
}
