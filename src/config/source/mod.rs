//! Text to [`Config`]: what `ringwardc` does, and the only part of the configuration that
//! allocates and uses std.
//!
//! ```text
//! octets -> text -> lines (reader) -> words (lexer) -> tree (keepalived) -> Config (lower) -> check -> blob
//! ```
//!
//! Every step reports into one [`Report`] and goes on, so that all problems are shown at once. A
//! step that cannot make sense of something leaves a mark that keeps later steps silent about the
//! same place. [`keywords`] is the one table of the language: the tree is built, the values are
//! read and the messages are worded by it.

pub mod code;
mod comment;
pub mod diagnostic;
mod difference;
pub mod explain;
mod include;
mod keepalived;
pub mod keywords;
mod lexer;
mod line;
mod lower;
mod nearest;
mod options;
mod reader;
mod render;
mod sequence;
mod site;
pub mod text;
pub mod uci;
mod variable;

#[cfg(test)]
mod tests;

use super::model::Config;
use code::Code;
use diagnostic::{Levels, Report};
pub use difference::difference;
use explain::Origins;
pub use options::{Found, Nowhere, Options, Surroundings};
pub use site::Site;
use text::Sources;

/// What a compilation came to.
#[derive(Debug)]
pub struct Compiled {
    /// The configuration; none when there are errors.
    pub config: Option<Box<Config>>,
    /// Where each value of it came from, if that was asked for.
    pub origins: Origins,
    /// Everything there is to say about the text, with the text.
    pub report: Report,
}

/// Compiles the octets of one keepalived.conf for this build. `name` is what messages call it.
pub fn compile(name: &str, octets: &[u8]) -> Compiled {
    compile_with(&Options::PLAIN, name, octets)
}

/// The languages that are compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// keepalived.conf.
    #[default]
    Keepalived,
    /// UCI with the names of keepalived.conf: `/etc/config/ringward`.
    Uci,
    /// OpenWrt's `/etc/config/keepalived`.
    UciKeepalived,
}

/// The same as `options` say.
pub fn compile_with(options: &Options<'_>, name: &str, octets: &[u8]) -> Compiled {
    let mut report = report_of(options);
    let mut origins = Origins::new(options.keeps_origins);
    let mut config = None;
    let tree = text::read(name, octets, &mut report).and_then(|file| match options.language {
        Language::Keepalived => {
            uci::refuse(file, &mut report).then(|| keepalived::parse(file, options, &mut report))
        }
        Language::Uci => uci::parse(file, &mut report).map(|it| uci::ringward(&it, &mut report)),
        Language::UciKeepalived => {
            uci::parse(file, &mut report).map(|it| uci::openwrt(&it, &mut report))
        }
    });
    // Half a text would bring about messages about what is missing.
    if let Some(tree) = tree.filter(|_| !report.has(Code::NoConfigId)) {
        config = lower::lower(&tree, options, &mut origins, &mut report);
    }
    report.finish();
    if report.has_errors() {
        config = None;
    }
    Compiled { config, origins, report }
}

/// Reads UCI of any kind, and prints it as `uci export` does; none when it is no UCI, as the report
/// says.
pub fn export_uci(
    options: &Options<'_>,
    name: &str,
    octets: &[u8],
    package: &str,
) -> (Option<String>, Report) {
    let mut report = report_of(options);
    let parsed =
        text::read(name, octets, &mut report).and_then(|file| uci::parse(file, &mut report));
    report.finish();
    (parsed.map(|parsed| uci::export(package, &parsed)), report)
}

/// A keepalived.conf as `/etc/config/ringward`, which compiles to the same; none when there are
/// errors, or when something cannot be said in UCI, as the report says.
pub fn import(options: &Options<'_>, name: &str, octets: &[u8]) -> (Option<String>, Report) {
    let Compiled { config, report, .. } = compile_with(options, name, octets);
    let Some(config) = config else { return (None, report) };
    let mut scratch = report_of(options);
    let Some(file) = text::read(name, octets, &mut scratch) else { return (None, report) };
    let tree = keepalived::parse(file, options, &mut scratch);
    let text = uci::import(&tree, options.only_vrrp);
    let uci = Options { language: Language::Uci, is_permissive: false, ..*options };
    let again = compile_with(&uci, "what was imported", text.as_bytes());
    match again.config {
        Some(same) if same == config => (Some(text), report),
        Some(_) => {
            let mut report = report;
            let span = text::TextSpan { file, ..text::TextSpan::default() };
            let message = "UCI cannot say all of this: something would be lost".to_owned();
            report.add(diagnostic::Diagnostic::new(Code::NoImport, span, message));
            (None, report)
        }
        None => (None, again.report),
    }
}

fn report_of(options: &Options<'_>) -> Report {
    let levels = Levels {
        is_permissive: options.is_permissive,
        denies_warnings: options.denies_warnings,
        allowed: options.allowed.to_vec(),
    };
    Report::new(Sources::default(), levels)
}

/// Compiles a text for this build, for callers that want the configuration or the reasons why not. Warnings are
/// not shown.
pub fn compile_str(name: &str, text: &str) -> Result<Box<Config>, Report> {
    let Compiled { config, report, .. } = compile(name, text.as_bytes());
    config.ok_or(report)
}
