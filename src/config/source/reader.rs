//! Files to tokens, as keepalived's reader goes about it: a line at a time is freed of its comment,
//! dropped when it is for another router, repeated for a sequence, has its variables put in, and is
//! split at braces; what follows a brace goes through all of that again.

use super::code::Code;
use super::comment::{self, is_secret_keyword};
use super::diagnostic::{Diagnostic, Report};
use super::include::Opened;
use super::lexer::{Lexer, Token};
use super::line::Line;
use super::options::Options;
use super::sequence::{self, Kind, Sequence, Written};
use super::text::{FileId, LINE_LEN_MAX, TextSpan};
use super::variable::{Variables, name_len, report_no_id};

/// So many lines may come of sequences and variables with several lines: ten for each instance
/// that the largest build holds, and some.
const LINES_MAX: usize = 1 << 15;

/// So deep sequences and variables with several lines may be nested.
const DEPTH_MAX: usize = 32;

/// Who takes the tokens, in their order.
type Sink<'a> = &'a mut dyn FnMut(Token, &mut Report);

pub(super) struct Reader<'a, 'o> {
    pub(super) options: &'o Options<'o>,
    pub(super) report: &'a mut Report,
    pub(super) variables: Variables<'o>,
    pub(super) opened: Vec<Opened>,
    /// A bound was met: nothing more is read.
    pub(super) is_stopped: bool,
    /// Of the line that is being read.
    tokens: Vec<Token>,
    /// What becomes of them.
    sink: Sink<'a>,
    /// The variable whose value goes on in the next line.
    defining: Option<String>,
    repeated: usize,
    depth: usize,
}

/// Gives the tokens of a file and of all that it includes to `sink`. The last one is always the end
/// of a line.
pub(super) fn read(file: FileId, options: &Options<'_>, report: &mut Report, sink: Sink<'_>) {
    let name = report.sources.file(file).map_or(String::new(), |file| file.name.clone());
    let identity = options.surroundings.identity(&name);
    let variables = Variables::new(options, report);
    let mut reader = Reader {
        options,
        report,
        variables,
        opened: vec![Opened { identity, span: TextSpan::default() }],
        is_stopped: false,
        tokens: Vec::new(),
        sink,
        defining: None,
        repeated: 0,
        depth: 0,
    };
    reader.file(file);
}

/// The folder of a file.
fn folder_of(name: &str) -> &str {
    match name.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

impl Reader<'_, '_> {
    /// Reads one file.
    pub(super) fn file(&mut self, file: FileId) {
        let Some(source) = self.report.sources.file(file) else { return };
        self.variables.folder = folder_of(&source.name).to_owned();
        let text = source.text.clone();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if self.is_stopped {
                return;
            }
            let body = line.strip_suffix('\n').unwrap_or(line).trim_end_matches('\r');
            let end = start + body.len();
            self.physical(body, TextSpan { file, start, end, ..TextSpan::default() });
            start += line.len();
        }
        self.defining = None;
    }

    /// A line as it stands in a file.
    fn physical(&mut self, text: &str, span: TextSpan) {
        if text.is_empty() {
            self.defining = None;
            return;
        }
        if text.len() > LINE_LEN_MAX {
            let start = TextSpan { end: span.start + 1, ..span };
            let message = format!("a line of more than {LINE_LEN_MAX} octets");
            self.report.add(Diagnostic::new(Code::LongLine, start, message));
            return;
        }
        if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| text.starts_with(marker)) {
            let message = "a merge marker was left in".to_owned();
            self.report.add(
                Diagnostic::new(Code::MergeMarker, span, message)
                    .survived(true)
                    .help("finish the merge: keep one version, and remove the three marker lines"),
            );
            return;
        }
        let indented = text.len();
        let text = text.trim_start_matches([' ', '\t']);
        let span = TextSpan { start: span.start + indented - text.len(), ..span };
        let bare = comment::strip(Line::at(text, span), self.report);
        if bare.line.is_empty() {
            return;
        }
        if let Some(name) = self.defining.take() {
            if is_secret_keyword(&name.to_lowercase()) {
                bare.line.hide(0, bare.line.text().len(), self.report);
            }
            self.variables.extend(&name, bare.line);
            self.defining = bare.goes_on.map(|_| name);
            return;
        }
        self.logical(bare.line, bare.comment, bare.goes_on);
    }

    /// A line without comment, from a file, a variable or a sequence.
    fn logical(&mut self, line: Line, mut comment: Option<TextSpan>, goes_on: Option<TextSpan>) {
        let mut line = line;
        let mut rest = Vec::new();
        loop {
            line = line.trimmed();
            if line.is_empty() || self.is_stopped {
                break;
            }
            let text = line.text();
            if text.starts_with('@') {
                match self.condition(&line) {
                    Some(kept) => line = kept,
                    None => return,
                }
                continue;
            }
            if text.starts_with('$') && self.definition(&line, goes_on.is_some()) {
                break;
            }
            if sequence::is_sequence(text) {
                self.sequence(&line, comment);
                break;
            }
            if text.contains('$') {
                let expanded = self.variables.expand(line, self.report);
                rest.splice(0..0, expanded.rest);
                line = expanded.line;
                if expanded.has_changed {
                    let bare = comment::strip(line, self.report);
                    comment = bare.comment.or(comment);
                    line = bare.line;
                    let text = line.text();
                    if text.starts_with('@') || sequence::is_sequence(text) || is_definition(text) {
                        continue;
                    }
                }
            }
            if self.include(&line) {
                break;
            }
            let mut lexer = Lexer::new(&line, &self.variables);
            let residue = lexer.run(&mut self.tokens, self.report);
            let Some(at) = residue else {
                self.report_backslash(&line, goes_on);
                break;
            };
            line = line.slice(at, line.text().len());
        }
        for token in self.tokens.drain(..) {
            (self.sink)(token, self.report);
        }
        (self.sink)(Token::LineEnd(comment), self.report);
        for line in rest {
            self.nested(line, None);
        }
    }

    /// A line that a variable or a sequence brings.
    fn nested(&mut self, line: Line, comment: Option<TextSpan>) {
        self.repeated += 1;
        self.depth += 1;
        if (self.repeated > LINES_MAX || self.depth > DEPTH_MAX) && !self.is_stopped {
            let span = line.span(0, line.text().len(), self.report);
            let message = if self.depth > DEPTH_MAX {
                format!("sequences and variables are nested more than {DEPTH_MAX} deep")
            } else {
                format!("more than {LINES_MAX} lines come of sequences and variables")
            };
            self.report.add(Diagnostic::new(Code::TooManyLines, span, message));
            self.is_stopped = true;
        }
        if !self.is_stopped {
            self.logical(line, comment, None);
        }
        self.depth -= 1;
    }

    /// `@ID LINE`: the line without the condition, if it is for this router.
    fn condition(&mut self, line: &Line) -> Option<Line> {
        let text = line.text();
        let (is_negated, start) = if text.starts_with("@^") { (true, 2) } else { (false, 1) };
        let len = text.find([' ', '\t']);
        let end = len.unwrap_or(text.len());
        let id = text.get(start..end).unwrap_or("");
        let span = line.span(0, end, self.report);
        if len.is_none() || id.is_empty() {
            let message = "a condition wants an id and a line behind it: this does nothing";
            let diagnostic = Diagnostic::new(Code::EmptyCondition, span, message.to_owned());
            self.report.add(diagnostic.help("write `@ID` and a space before the line"));
            return None;
        }
        let Some(own) = self.options.config_id else {
            report_no_id(&format!("`@{id}`"), span, self.report);
            return None;
        };
        ((id == own) != is_negated).then(|| line.slice(end, text.len()))
    }

    /// Sets a variable, if the line does that.
    fn definition(&mut self, line: &Line, goes_on: bool) -> bool {
        let text = line.text();
        if !is_definition(text) {
            return false;
        }
        let Some((name, _)) = text.split_once('=') else { return false };
        let name = name.trim_start_matches('$').to_owned();
        let value = line.slice(name.len() + 2, text.len()).trimmed();
        if is_secret_keyword(&name.to_lowercase()) {
            value.hide(0, value.text().len(), self.report);
        }
        if !self.variables.set(&name, value, goes_on) {
            let span = line.span(0, name.len() + 1, self.report);
            let message = format!("`${name}` is given on the command line: this does not count");
            self.report.add(Diagnostic::new(Code::Overruled, span, message));
        }
        self.defining = goes_on.then_some(name);
        true
    }

    /// `~SEQ` and `~LST`: their line, for each value.
    fn sequence(&mut self, line: &Line, comment: Option<TextSpan>) {
        let text = line.text();
        let read = sequence::read(text).and_then(|Written { kind, end }| {
            let sequence = match kind {
                Kind::List(list) => list,
                Kind::Numbers { name, is_hex, start, end } => {
                    let numbers = line.slice(start, end);
                    let numbers = self.variables.expand(numbers, self.report).line;
                    sequence::numbers(name, numbers.text(), is_hex)?
                }
            };
            Ok((sequence, end))
        });
        let (Sequence { names, rounds }, end) = match read {
            Ok(read) => read,
            Err(reason) => {
                let end = text.find(')').map_or(text.len(), |at| at + 1);
                let span = line.span(0, end, self.report);
                let message = format!("this sequence cannot be read: {reason}");
                self.report.add(Diagnostic::new(Code::BadSequence, span, message).help(
                    "`~SEQ(VARIABLE, START, STEP, END) LINE`, `~LST(VARIABLE, VALUE, VALUE) LINE`",
                ));
                return;
            }
        };
        let span = line.span(0, end, self.report);
        let body = line.slice(end, text.len()).trimmed();
        for round in rounds {
            for (name, value) in names.iter().zip(&round) {
                self.variables.set(name, Line::computed(value, span), false);
            }
            self.nested(body.clone(), comment);
        }
    }

    /// A line that ends with a backslash goes on for variables only.
    fn report_backslash(&mut self, line: &Line, goes_on: Option<TextSpan>) {
        let end = line.text().len();
        let span = match goes_on {
            Some(span) => span,
            None if line.text().ends_with('\\') => line.span(end - 1, end, self.report),
            None => return,
        };
        if let Some(Token::Word(word)) = self.tokens.last_mut() {
            word.is_reported = true;
        }
        let message = "only `$NAME=` lines go on in the next".to_owned();
        self.report.add(
            Diagnostic::new(Code::Continued, span, message)
                .label("keepalived takes this for a part of the last word")
                .help("write it on one line; or quote a value that ends with `\\`"),
        );
    }
}

/// Whether a line sets a variable.
fn is_definition(text: &str) -> bool {
    let name = text.strip_prefix('$').and_then(|text| text.get(..name_len(text)?));
    name.is_some_and(|name| text.get(name.len() + 1..).is_some_and(|rest| rest.starts_with('=')))
}
