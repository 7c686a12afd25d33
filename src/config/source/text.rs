//! The text being compiled, and places in it.

use std::collections::BTreeMap;
use std::fmt;

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};

/// The largest text that is read, with all that it includes: a thousand times what people write.
pub const TEXT_LEN_MAX: usize = 4 << 20;

/// The longest line, in octets: keepalived reads lines in pieces of 1023 with the line's end.
pub(super) const LINE_LEN_MAX: usize = 1022;

/// Which file, as an index into [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct FileId(pub u16);

/// How a text came to be where it is: through which variables and sequences, as an index into
/// [`Sources`]. The default: it stands there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Via(u32);

/// A stretch of text, in octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct TextSpan {
    /// The file.
    pub file: FileId,
    /// The first octet.
    pub start: usize,
    /// The octet behind the last.
    pub end: usize,
    /// What it went through.
    pub via: Via,
}

impl TextSpan {
    /// The place alone.
    pub(super) fn without_way(self) -> TextSpan {
        TextSpan { via: Via::default(), ..self }
    }

    /// From the start of `self` to the end of `last`; `self` where that is elsewhere.
    pub fn to(self, last: TextSpan) -> TextSpan {
        if last.file != self.file || last.end < self.start {
            return self;
        }
        TextSpan { end: last.end, ..self }
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
    /// Stretches that are never shown, by start: the end.
    secrets: BTreeMap<usize, usize>,
    /// Where it was included.
    included: Option<TextSpan>,
}

/// A step of the way of a text.
#[derive(Debug)]
struct Step {
    before: Via,
    span: TextSpan,
    text: String,
}

/// The files of one compilation.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    steps: Vec<Step>,
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
        SourceFile {
            name: name.to_owned(),
            text,
            line_starts,
            secrets: BTreeMap::new(),
            included: None,
        }
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
        if self.secrets.range(..end).next_back().is_none_or(|(_, &end)| end <= start) {
            return text.to_owned();
        }
        let is_secret =
            |at| self.secrets.range(..=at).next_back().is_some_and(|(_, &end)| at < end);
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
            // Stretches that touch become one, so that the last one before a place is the one to ask.
            let (mut start, mut end) = (span.start, span.end);
            let before = file.secrets.range(..=start).next_back();
            if let Some((&from, &to)) = before.filter(|&(_, &to)| to >= start) {
                (start, end) = (from, end.max(to));
            }
            while let Some((&from, &to)) = file.secrets.range(start..=end).next() {
                file.secrets.remove(&from);
                end = end.max(to);
            }
            file.secrets.insert(start, end);
        }
    }

    /// Remembers where a file was included.
    pub(super) fn set_included(&mut self, id: FileId, span: TextSpan) {
        if let Some(file) = self.files.get_mut(usize::from(id.0)) {
            file.included = Some(span);
        }
    }

    /// Remembers a step: `text` says at `span` what happened to a text that came through `before`.
    pub(super) fn step(&mut self, before: Via, span: TextSpan, text: String) -> Via {
        self.steps.push(Step { before, span, text });
        Via(u32::try_from(self.steps.len()).unwrap_or(u32::MAX))
    }

    /// The steps of a place, the last one first, and where its file was included.
    pub(super) fn trail(&self, span: TextSpan) -> Vec<(TextSpan, String)> {
        let step = |via: Via| self.steps.get(usize::try_from(via.0).ok()?.checked_sub(1)?);
        let mut trail = Vec::new();
        let mut next = step(span.via);
        while let Some(known) = next {
            // Variables that name each other come by the same places again and again.
            let place = known.span.without_way();
            if !trail.iter().any(|(span, _): &(TextSpan, String)| span.without_way() == place) {
                trail.push((known.span, known.text.clone()));
            }
            next = step(known.before);
        }
        let mut file = self.file(span.file);
        while let Some(span) = file.and_then(|file| file.included) {
            trail.push((span, "included here".to_owned()));
            file = self.file(span.file);
        }
        trail
    }

    /// The octets of all files.
    pub(super) fn len(&self) -> usize {
        self.files.iter().map(|file| file.text.len()).sum()
    }

    /// The file that was added last.
    pub(super) fn last(&self) -> Option<FileId> {
        Some(FileId(u16::try_from(self.files.len().checked_sub(1)?).ok()?))
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
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
        let message = format!("{name} is longer than {TEXT_LEN_MAX} octets, the most that is read");
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
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(octets).into_owned(),
    };
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
        let span = TextSpan { file, start, end: start + 1, ..TextSpan::default() };
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
    Some(file)
}
