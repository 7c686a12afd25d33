//! `include PATTERN`, and its variants that insist: r on files that can be read, m that no file is
//! missing, w that a pattern matches, b that all in braces match, a on everything.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::line::Line;
use super::options::Found;
use super::reader::Reader;
use super::text::{self, TEXT_LEN_MAX, TextSpan};
use super::variable::name_len;

/// So deep includes may be nested.
const DEPTH_MAX: usize = 16;

/// So many files may belong to one configuration.
const FILES_MAX: usize = 1000;

/// A file that is being read.
pub(super) struct Opened {
    pub(super) identity: String,
    pub(super) span: TextSpan,
}

/// The keyword and the pattern, if the line is an include.
pub(super) fn pattern_of(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("include")?;
    let len = 7 + usize::from(rest.starts_with(['r', 'm', 'w', 'b', 'a']));
    let (keyword, rest) = text.split_at_checked(len)?;
    let pattern = rest.trim_start_matches([' ', '\t']);
    (pattern.len() < rest.len()).then_some((keyword, pattern))
}

impl Reader<'_, '_> {
    /// Reads what an include means, if the line is one.
    pub(super) fn include(&mut self, line: &Line) -> bool {
        let text = line.text();
        let Some((keyword, pattern)) = pattern_of(text) else { return false };
        let start = text.len() - pattern.len();
        let span = line.span(start, text.len(), self.report);
        if self.opened.len() > DEPTH_MAX {
            let message = format!("includes are nested more than {DEPTH_MAX} deep");
            self.report.add(Diagnostic::new(Code::TooManyFiles, span, message));
            return true;
        }
        let folder = self.variables.folder.clone();
        let found = self.options.surroundings.find(&folder, pattern);
        if found.is_empty() {
            self.report_none(keyword, pattern, span);
        }
        for found in found {
            self.included(found, span);
        }
        self.variables.folder = folder;
        true
    }

    fn report_none(&mut self, keyword: &str, pattern: &str, span: TextSpan) {
        let is_wild = pattern.contains(['*', '?', '[']);
        let insists = keyword.ends_with(['w', 'a']);
        if let Some((_, name)) = pattern.split_once('$') {
            let message = format!("there is no file `{pattern}`");
            let name = name.get(..name_len(name).unwrap_or(0)).unwrap_or("");
            let help =
                format!("a variable is put in where `${{{name}}}` stands, if it is set before");
            self.report.add(Diagnostic::new(Code::MissingFile, span, message).help(help));
            return;
        }
        if is_wild && !insists {
            let message = format!("no file matches `{pattern}`");
            self.report.add(
                Diagnostic::new(Code::NothingIncluded, span, message)
                    .help("`includew` makes this an error"),
            );
            return;
        }
        let message = if is_wild {
            format!("no file matches `{pattern}`")
        } else {
            format!("there is no file `{pattern}`")
        };
        let mut diagnostic = Diagnostic::new(Code::MissingFile, span, message);
        if pattern.starts_with(['"', '\'']) {
            diagnostic = diagnostic.help("write the path without quotes");
        } else {
            diagnostic = diagnostic.help("paths start at the folder of the file they stand in");
        }
        self.report.add(diagnostic.survived(true));
    }

    fn included(&mut self, found: Found, span: TextSpan) {
        let Found { name, identity, content } = found;
        let circle = self.opened.iter().find(|opened| opened.identity == identity);
        if let Some(opened) = circle {
            let message = format!("{name} includes itself");
            let mut diagnostic = Diagnostic::new(Code::IncludeCircle, span, message);
            if opened.span != TextSpan::default() {
                diagnostic = diagnostic.also(opened.span, "it is being read from here");
            }
            self.report.add(diagnostic.help("remove one of the includes"));
            return;
        }
        let octets = match content {
            Ok(octets) => octets,
            Err(reason) => {
                let message = format!("{name} {reason}: it is left out");
                self.report.add(Diagnostic::new(Code::SkippedFile, span, message));
                return;
            }
        };
        let too_much = if self.report.sources.count() >= FILES_MAX {
            Some(format!("more than {FILES_MAX} files"))
        } else if self.report.sources.len() + octets.len() > TEXT_LEN_MAX {
            Some(format!("more than {TEXT_LEN_MAX} octets of text"))
        } else {
            None
        };
        if let Some(too_much) = too_much {
            self.report.add(Diagnostic::new(Code::TooManyFiles, span, too_much));
            self.is_stopped = true;
            return;
        }
        let before = self.report.sources.count();
        if let Some(file) = text::read(&name, &octets, self.report) {
            self.report.sources.set_included(file, span);
            self.opened.push(Opened { identity, span });
            self.file(file);
            self.opened.pop();
        } else if self.report.sources.count() > before
            && let Some(file) = self.report.sources.last()
        {
            self.report.sources.set_included(file, span);
        }
    }
}
