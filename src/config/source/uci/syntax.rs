//! The parser, which accepts and refuses what libuci's does in its strict mode, and says better
//! where. It stops at the first error, as libuci does: what follows one is guesswork.

use std::collections::HashMap;

use super::super::code::Code;
use super::super::diagnostic::{Diagnostic, Report};
use super::super::keywords::{self, Block};
use super::super::lexer::Word;
use super::super::text::{FileId, TextSpan};
use super::{Package, Section, Setting};

/// So many sections are read: no router has use for a hundredth of them.
const SECTIONS_MAX: usize = 20_000;

/// Why a text is no UCI, in libuci's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    InvalidCommand,
    Insufficient,
    TooMany,
    BadName,
    BadType,
    OpenSingle,
    OpenDouble,
    NoSection,
    OtherType,
    NoPackageName,
    NoConfigName,
    NoOptionName,
    /// Not libuci's: it has no bound.
    TooManySections,
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Reason::InvalidCommand => "invalid command",
            Reason::Insufficient => "insufficient arguments",
            Reason::TooMany => "too many arguments",
            Reason::BadName => "invalid character in name field",
            Reason::BadType => "invalid character in type field",
            Reason::OpenSingle => "EOF with unterminated '",
            Reason::OpenDouble => "EOF with unterminated \"",
            Reason::NoSection => "option/list command found before the first section",
            Reason::OtherType => {
                "section of different type overwrites prior section with same name"
            }
            Reason::NoPackageName => "package without name",
            Reason::NoConfigName => "config without name",
            Reason::NoOptionName => "option without name",
            Reason::TooManySections => "more than 20000 sections",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Reason::InvalidCommand => {
                "a line is `config TYPE 'NAME'`, `option NAME 'VALUE'` or `list NAME 'VALUE'`"
            }
            Reason::Insufficient => "write what is missing behind it",
            Reason::TooMany => {
                "put a value with spaces in quotes; a ' in a value is written '\\'' (netjsonconfig forgets that)"
            }
            Reason::BadName => "names have letters, digits and _ only",
            Reason::BadType => "types have printable ASCII characters only",
            Reason::OpenSingle => {
                "close the quote; a ' in a value is written '\\'' (netjsonconfig forgets that)"
            }
            Reason::OpenDouble => "close the quote; a \" in a value is written \\\"",
            Reason::NoSection => "write `config TYPE 'NAME'` before it",
            Reason::OtherType => "give one of the two another name",
            Reason::NoPackageName | Reason::NoConfigName | Reason::NoOptionName => {
                "write what is missing behind it"
            }
            Reason::TooManySections => "is this the right file?",
        }
    }
}

/// Stops the parser: what is wrong, and where.
struct Wrong {
    reason: Reason,
    start: usize,
    end: usize,
}

type Parsed<T> = Result<T, Wrong>;

/// An argument: what it says, and where. libuci knows no difference between `''` and nothing.
struct Argument {
    text: String,
    start: usize,
    end: usize,
}

/// Reads a file; none when it is no UCI, which is reported then.
pub(in super::super) fn parse(file: FileId, report: &mut Report) -> Option<Package> {
    if report.has(Code::ByteOrderMark) {
        let span = TextSpan { file, end: 1, ..TextSpan::default() };
        let message = "invalid command: the file begins with a byte order mark".to_owned();
        report.add(Diagnostic::new(Code::UciSyntax, span, message).help("save it without one"));
        return None;
    }
    let text = report.sources.text(file).to_owned();
    let mut parser = Parser {
        file,
        text: &text,
        at: 0,
        limit: 0,
        next_line: 0,
        sections: Vec::new(),
        open: 0,
        names: HashMap::new(),
        settings: HashMap::new(),
        swallowed: Vec::new(),
    };
    let result = parser.run();
    for (start, end) in std::mem::take(&mut parser.swallowed) {
        let span = TextSpan { file, start, end, ..TextSpan::default() };
        hide_secrets(&text, span, report);
        report.add(
            Diagnostic::new(Code::Swallowed, span, "UCI drops this silently".to_owned())
                .label("a `;` glued to a word ends the line")
                .help("put a space before the `;`, or each command on a line of its own"),
        );
    }
    let package = Package { file, sections: parser.sections };
    for section in &package.sections {
        for setting in section.options.iter().filter(|setting| is_secret(&setting.name.text)) {
            setting.values.iter().for_each(|value| report.sources.hide(value.span));
        }
    }
    match result {
        Ok(()) => Some(package),
        Err(Wrong { reason, start, end }) => {
            let span = TextSpan { file, start, end, ..TextSpan::default() };
            hide_secrets(&text, span, report);
            let message = reason.words().to_owned();
            let word = text.get(start..end).unwrap_or("");
            let is_keepalived =
                keywords::find(word, Block::Top).is_some_and(|it| it.opens().is_some());
            let help = if is_keepalived {
                "this is keepalived.conf: read it without `--from`, or make UCI of it by `ringwardc import`"
            } else {
                reason.help()
            };
            report.add(Diagnostic::new(Code::UciSyntax, span, message).help(help));
            None
        }
    }
}

/// Tells if a text that was given as keepalived.conf is UCI, instead of a message for each line of
/// it. True: it is not.
pub(in super::super) fn refuse(file: FileId, report: &mut Report) -> bool {
    let text = report.sources.text(file);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim();
        let (command, rest) = words.split_once([' ', '\t']).unwrap_or((words, ""));
        if command.is_empty() || command.starts_with(['#', '!']) {
            start += line.len();
            continue;
        }
        if !["config", "package"].contains(&command) || rest.is_empty() || rest.contains('{') {
            return true;
        }
        let start = start + line.len() - line.trim_start().len();
        let span = TextSpan { file, start, end: start + command.len(), ..TextSpan::default() };
        let message = "this is UCI, and was read as keepalived.conf".to_owned();
        report.add(Diagnostic::new(Code::OtherLanguage, span, message).help("give `--from uci`"));
        return false;
    }
    true
}

/// Hides what follows the name of a secret in the line of `span`, which cannot be read.
fn hide_secrets(text: &str, span: TextSpan, report: &mut Report) {
    let before = text.get(..span.start).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    if let Some(at) = line.find("pass") {
        let name = line.get(at..).and_then(|rest| rest.find([' ', '\t'])).unwrap_or(4);
        let end = start + line.len();
        report.sources.hide(TextSpan { start: start + at + name, end, ..span });
    }
}

fn is_secret(name: &str) -> bool {
    name.contains("pass")
}

struct Parser<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
    /// The end of what was read, as far as it counts: a comment is cut off.
    limit: usize,
    /// Where reading goes on.
    next_line: usize,
    sections: Vec<Section>,
    /// The section that settings belong to.
    open: usize,
    /// Named sections.
    names: HashMap<String, usize>,
    /// Settings by section and name.
    settings: HashMap<(usize, String), usize>,
    swallowed: Vec<(usize, usize)>,
}

impl Parser<'_> {
    fn run(&mut self) -> Parsed<()> {
        while self.next_line < self.text.len() {
            self.at = self.next_line;
            self.read_line();
            self.line()?;
            if self.sections.len() > SECTIONS_MAX {
                let reason = Reason::TooManySections;
                return Err(Wrong { reason, start: self.at - 1, end: self.at });
            }
        }
        Ok(())
    }

    /// Reads another line into view.
    fn read_line(&mut self) {
        let rest = self.text.get(self.next_line..).unwrap_or("");
        self.next_line += rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.limit = self.next_line;
    }

    /// The octet here; 0 at the end of what was read.
    fn here(&self) -> u8 {
        self.peek(0)
    }

    fn peek(&self, distance: usize) -> u8 {
        let at = self.at + distance;
        if at < self.limit { self.text.as_bytes().get(at).copied().unwrap_or(0) } else { 0 }
    }

    fn skip_blank(&mut self) {
        while is_space(self.here()) {
            self.at += 1;
        }
    }

    /// The commands of a line.
    fn line(&mut self) -> Parsed<()> {
        self.skip_blank();
        loop {
            while matches!(self.here(), b' ' | b'\t') {
                self.at += 1;
            }
            let start = self.at;
            let rest = self.text.get(start..self.limit).unwrap_or("");
            let len = rest.find([' ', '\t']).unwrap_or(rest.len());
            let word = rest.get(..len).unwrap_or("");
            if word.is_empty() || word.starts_with('#') {
                return Ok(());
            }
            let has_more = start + len < self.limit;
            let wrong = |reason| Wrong { reason, start, end: start + word.trim_end().len() };
            match word {
                "p" | "package" | "c" | "config" | "o" | "option" | "l" | "list" => {}
                _ => return Err(wrong(Reason::InvalidCommand)),
            }
            let is_setting = word.starts_with(['o', 'l']);
            if is_setting && self.sections.is_empty() {
                return Err(wrong(Reason::NoSection));
            }
            if !has_more {
                return Err(wrong(match word.as_bytes().first() {
                    Some(b'p') => Reason::NoPackageName,
                    Some(b'c') => Reason::NoConfigName,
                    _ => Reason::NoOptionName,
                }));
            }
            self.at = start + len + 1;
            match word.as_bytes().first() {
                Some(b'p') => self.package()?,
                Some(b'c') => self.config()?,
                _ => self.setting(word.starts_with('l'))?,
            }
        }
    }

    /// `package NAME`: the name of the file counts.
    fn package(&mut self) -> Parsed<()> {
        let name = self.required()?;
        if !name.text.bytes().all(|c| c == b'-' || is_name_octet(c)) {
            return Err(name.wrong(Reason::BadName));
        }
        self.end_of_command()
    }

    fn config(&mut self) -> Parsed<()> {
        let kind = self.required()?;
        if !kind.text.bytes().all(|c| (33..=126).contains(&c)) {
            return Err(kind.wrong(Reason::BadType));
        }
        let name = self.argument()?;
        if !name.text.bytes().all(is_name_octet) {
            return Err(name.wrong(Reason::BadName));
        }
        self.end_of_command()?;
        let (kind, name) = (self.word(kind), self.word(name));
        if name.text.is_empty() {
            self.sections.push(Section { kind, name: None, options: Vec::new() });
        } else if let Some(&known) = self.names.get(&name.text) {
            if self.sections.get(known).is_some_and(|section| section.kind.text != kind.text) {
                let (start, end) = (name.span.start, name.span.end);
                return Err(Wrong { reason: Reason::OtherType, start, end });
            }
            // The section goes on.
            self.open = known;
            return Ok(());
        } else {
            self.names.insert(name.text.clone(), self.sections.len());
            self.sections.push(Section { kind, name: Some(name), options: Vec::new() });
        }
        self.open = self.sections.len() - 1;
        Ok(())
    }

    fn setting(&mut self, is_list: bool) -> Parsed<()> {
        let name = self.required()?;
        if !name.text.bytes().all(is_name_octet) {
            return Err(name.wrong(Reason::BadName));
        }
        let value = self.argument()?;
        self.end_of_command()?;
        let (name, value) = (self.word(name), self.word(value));
        if value.text.is_empty() && !is_list {
            // Nothing is said, and what was said before counts.
            return Ok(());
        }
        let open = self.open;
        let Some(section) = self.sections.get_mut(open) else { return Ok(()) };
        let key = (open, name.text.clone());
        match self.settings.get(&key).and_then(|&at| section.options.get_mut(at)) {
            Some(known) if is_list => {
                known.is_list = true;
                known.values.push(value);
            }
            Some(known) => *known = Setting { name, values: vec![value], is_list: false },
            None => {
                self.settings.insert(key, section.options.len());
                section.options.push(Setting { name, values: vec![value], is_list });
            }
        }
        Ok(())
    }

    fn word(&self, argument: Argument) -> Word {
        let Argument { text, start, end } = argument;
        let span = TextSpan { file: self.file, start, end, ..TextSpan::default() };
        Word { text, span, is_reported: false }
    }

    fn end_of_command(&mut self) -> Parsed<()> {
        let extra = self.argument()?;
        if extra.text.is_empty() { Ok(()) } else { Err(extra.wrong(Reason::TooMany)) }
    }

    fn required(&mut self) -> Parsed<Argument> {
        let argument = self.argument()?;
        if argument.text.is_empty() {
            return Err(argument.wrong(Reason::Insufficient));
        }
        Ok(argument)
    }

    /// The next argument; empty at the end of the line or command.
    fn argument(&mut self) -> Parsed<Argument> {
        self.skip_blank();
        let start = self.at;
        if self.here() == b';' {
            self.at += 1;
            return Ok(Argument { text: String::new(), start, end: start });
        }
        let mut octets = Vec::new();
        let mut ends_at_blank = true;
        loop {
            match self.here() {
                b'\'' => self.single_quoted(&mut octets)?,
                b'"' => self.double_quoted(&mut octets)?,
                b'#' => {
                    self.limit = self.at;
                    break;
                }
                0 => break,
                b';' => {
                    ends_at_blank = false;
                    break;
                }
                b'\\' => self.backslash(&mut octets),
                octet => {
                    octets.push(octet);
                    self.at += 1;
                }
            }
            if self.here() == 0 || is_space(self.here()) {
                break;
            }
        }
        let end = self.at;
        if ends_at_blank {
            self.at += usize::from(self.here() != 0);
        } else if octets.len() == end - start {
            // The word is ended in place, on top of the `;`: so ends the line.
            let rest = self.text.get(end + 1..self.limit).unwrap_or("");
            if !rest.trim_start().is_empty() && !rest.trim_start().starts_with('#') {
                self.swallowed.push((end, end + 1 + rest.trim_end().len()));
            }
            self.limit = end;
        }
        // Quotes and backslashes are ASCII: what remains is UTF-8 as before.
        let text = String::from_utf8_lossy(&octets).into_owned();
        Ok(Argument { text, start, end })
    }

    /// A backslash and what it escapes; at the end of a line both are nothing.
    fn backslash(&mut self, octets: &mut Vec<u8>) {
        self.at += 1;
        let is_end = match self.here() {
            0 | b'\n' => true,
            b'\r' => self.peek(1) == b'\n' && self.peek(2) == 0,
            _ => false,
        };
        if is_end {
            self.at = self.next_line;
            self.read_line();
        } else {
            octets.push(self.here());
            self.at += 1;
        }
    }

    fn single_quoted(&mut self, octets: &mut Vec<u8>) -> Parsed<()> {
        let open = self.at;
        self.at += 1;
        loop {
            match self.here() {
                b'\'' => break,
                0 => self.quoted_line(open, Reason::OpenSingle)?,
                octet => {
                    octets.push(octet);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    fn double_quoted(&mut self, octets: &mut Vec<u8>) -> Parsed<()> {
        let open = self.at;
        self.at += 1;
        loop {
            match self.here() {
                b'"' => break,
                0 => self.quoted_line(open, Reason::OpenDouble)?,
                b'\\' => self.backslash(octets),
                octet => {
                    octets.push(octet);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on in the next line, if there is one.
    fn quoted_line(&mut self, open: usize, reason: Reason) -> Parsed<()> {
        if self.next_line >= self.text.len() {
            return Err(Wrong { reason, start: open, end: open + 1 });
        }
        self.at = self.next_line;
        self.read_line();
        Ok(())
    }
}

impl Argument {
    fn wrong(&self, reason: Reason) -> Wrong {
        Wrong { reason, start: self.start, end: self.end }
    }
}

/// isspace(3) in the C locale.
fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'_'
}
