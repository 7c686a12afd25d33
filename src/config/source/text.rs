//! The text being compiled, and places in it.

use std::fmt;

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};

/// The largest text that is read: a thousand times what people write.
pub const TEXT_LEN_MAX: usize = 4 << 20;

/// The longest line that is read, in octets.
const LINE_LEN_MAX: usize = 4096;

/// Which file, as an index into [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct FileId(pub u16);

/// A stretch of text, in octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct TextSpan {
    /// The file.
    pub file: FileId,
    /// The first octet.
    pub start: usize,
    /// The octet behind the last.
    pub end: usize,
}

impl TextSpan {
    /// From the start of `self` to the end of `last`.
    pub fn to(self, last: TextSpan) -> TextSpan {
        TextSpan { end: last.end.max(self.start), ..self }
    }
}

/// One file.
#[derive(Debug)]
pub struct SourceFile {
    /// What messages call it.
    pub name: String,
    /// Its text, without a byte order mark; octets that are not UTF-8 are replaced.
    pub text: String,
    /// Where each line starts.
    line_starts: Vec<usize>,
    /// Stretches that are never shown.
    secrets: Vec<(usize, usize)>,
}

/// The files of one compilation.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// Line and column of a place, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl SourceFile {
    fn new(name: &str, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|&(_, octet)| octet == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        SourceFile { name: name.to_owned(), text, line_starts, secrets: Vec::new() }
    }

    /// The line, from 1, that holds octet `at`.
    pub fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at).max(1)
    }

    /// The octet at which `line`, from 1, starts; past the last line, the end of the text.
    pub fn line_start(&self, line: usize) -> usize {
        self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len())
    }

    /// Line and column of octet `at`.
    pub fn position(&self, at: usize) -> Position {
        let line = self.line(at);
        let before = self.text.get(self.line_start(line)..at).unwrap_or("");
        Position { line, column: before.chars().count() + 1 }
    }

    /// The text of `span` with every secret replaced by as many octets of asterisks.
    pub fn shown(&self, start: usize, end: usize) -> String {
        let text = self.text.get(start..end).unwrap_or("");
        let is_secret = |at: usize| self.secrets.iter().any(|&(from, to)| from <= at && at < to);
        let mut shown = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            if is_secret(start + at) && !c.is_whitespace() {
                (0..c.len_utf8()).for_each(|_| shown.push('*'));
            } else {
                shown.push(c);
            }
        }
        shown
    }
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, name: &str, text: String) -> FileId {
        let id = FileId(u16::try_from(self.files.len()).unwrap_or(u16::MAX));
        self.files.push(SourceFile::new(name, text));
        id
    }

    /// The file.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::from(id.0))
    }

    /// The text of a file; empty for a file that is not there.
    pub fn text(&self, id: FileId) -> &str {
        self.file(id).map_or("", |file| file.text.as_str())
    }

    /// Marks a stretch as secret: no message ever shows it.
    pub fn hide(&mut self, span: TextSpan) {
        if let Some(file) = self.files.get_mut(usize::from(span.file.0)) {
            file.secrets.push((span.start, span.end));
        }
    }

    /// `file:line` of a place.
    pub fn place(&self, span: TextSpan) -> String {
        match self.file(span.file) {
            Some(file) => format!("{}:{}", file.name, file.line(span.start)),
            None => String::new(),
        }
    }
}

/// Takes the octets of a file as text, if they are one.
pub(super) fn read(name: &str, octets: &[u8], report: &mut Report) -> Option<FileId> {
    let no_text = |report: &mut Report, message: String, help: &str| {
        let file = report.sources.add(name, String::new());
        let nowhere = TextSpan { file, ..TextSpan::default() };
        report.add(Diagnostic::new(Code::NotText, nowhere, message).help(help));
        None
    };
    if octets.starts_with(&crate::config::blob::MAGIC) {
        let help = "`ringwardc explain` shows what is in it";
        return no_text(report, format!("{name} is a compiled configuration, not text"), help);
    }
    if octets.len() > TEXT_LEN_MAX {
        let message =
            format!("{name} has {} octets, more than {TEXT_LEN_MAX} are not read", octets.len());
        return no_text(report, message, "is this the right file?");
    }
    if octets.starts_with(&[0xff, 0xfe]) || octets.starts_with(&[0xfe, 0xff]) {
        return no_text(report, format!("{name} is UTF-16"), "save it as UTF-8");
    }
    let (octets, has_mark) = match octets.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (octets, false),
    };
    let nul = octets.iter().position(|&octet| octet == 0);
    let text = String::from_utf8_lossy(octets).into_owned();
    let file = report.sources.add(name, text);
    if has_mark {
        let start = TextSpan { file, ..TextSpan::default() };
        report.add(Diagnostic::new(
            Code::ByteOrderMark,
            start,
            "the file starts with a byte order mark".to_owned(),
        ));
    }
    if nul.is_some() {
        let text = report.sources.text(file);
        let start = text.find('\0').unwrap_or(0);
        let span = TextSpan { file, start, end: start + 1 };
        report.add(
            Diagnostic::new(
                Code::NotText,
                span,
                format!("{name} holds a NUL octet: it is no text"),
            )
            .label("here"),
        );
        return None;
    }
    let lines = report.sources.text(file).split('\n').enumerate();
    if let Some((index, _)) = { lines }.find(|(_, line)| line.len() > LINE_LEN_MAX) {
        let nowhere = TextSpan { file, ..TextSpan::default() };
        let message = format!("line {} of {name} has more than {LINE_LEN_MAX} octets", index + 1);
        report.add(Diagnostic::new(Code::LongLine, nowhere, message));
        return None;
    }
    Some(file)
}
