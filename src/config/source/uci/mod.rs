//! UCI, the configuration of OpenWrt: read as libuci reads it (file.c of openwrt/uci), and its
//! sections made what the same words in keepalived.conf would be.

mod build;
mod export;
mod import;
mod openwrt;
mod reference;
mod ringward;
mod syntax;

pub use export::export;
pub(super) use import::import;
pub(super) use openwrt::openwrt;
pub(super) use ringward::ringward;
pub(super) use syntax::{parse, refuse};

use super::lexer::Word;
use super::text::FileId;

/// What a file holds.
#[derive(Debug)]
pub struct Package {
    pub(super) file: FileId,
    pub(super) sections: Vec<Section>,
}

/// `config TYPE 'NAME'`.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) kind: Word,
    pub(super) name: Option<Word>,
    options: Vec<Setting>,
}

/// `option NAME 'VALUE'`, or all `list NAME 'VALUE'` of one name.
#[derive(Debug)]
pub(super) struct Setting {
    name: Word,
    pub(super) values: Vec<Word>,
    is_list: bool,
}

impl Section {
    pub(super) fn setting(&self, name: &str) -> Option<&Setting> {
        self.options.iter().find(|option| option.name.text == name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Word> {
        self.setting(name).and_then(|setting| setting.values.last())
    }

    /// What references call it: `option name`, else the name of the section.
    fn known_as(&self) -> Option<&Word> {
        self.value("name").or(self.name.as_ref())
    }
}
