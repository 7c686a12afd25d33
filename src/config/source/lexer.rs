//! A line to words, braces and its end, as keepalived splits it.
//!
//! A quoted piece ends on its line and is a word of its own, even where it touches others. Braces
//! are tokens of their own, glued or not. Single quotes and backslashes are ordinary characters:
//! keepalived gives them a meaning in command strings only (as tried with 2.2.7: `auth_pass '1234'`
//! is a password of six octets).

use super::code::Code;
use super::comment::is_secret_keyword;
use super::diagnostic::{Diagnostic, Report};
use super::include;
use super::line::Line;
use super::sequence;
use super::text::TextSpan;
use super::variable::{Variables, name_len};

/// A word of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    /// What it says, without quotes.
    pub(super) text: String,
    /// Where it is, quotes included.
    pub(super) span: TextSpan,
    /// Something in it was reported already: whoever cannot read it keeps silent.
    pub(super) is_reported: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Word(Word),
    Open(TextSpan),
    Close(TextSpan),
    /// The end of a line, with its comment.
    LineEnd(Option<TextSpan>),
}

/// Characters that people do not see or mistake for others, with what they are called.
const LOOK_ALIKES: [(char, &str); 14] = [
    ('\u{a0}', "no-break space"),
    ('\u{2007}', "figure space"),
    ('\u{202f}', "narrow no-break space"),
    ('\u{3000}', "ideographic space"),
    ('\u{200b}', "zero-width space"),
    ('\u{200d}', "zero-width joiner"),
    ('\u{2060}', "word joiner"),
    ('\u{feff}', "byte order mark"),
    ('\u{ff0c}', "full-width comma"),
    ('\u{ff1b}', "full-width semicolon"),
    ('\u{201c}', "curly quote"),
    ('\u{201d}', "curly quote"),
    ('\u{2018}', "curly quote"),
    ('\u{2019}', "curly quote"),
];

/// Splits one line, which has no comment any more.
pub(super) struct Lexer<'a> {
    line: &'a Line,
    variables: &'a Variables<'a>,
    at: usize,
    /// Whether a keyword that takes a secret was met in this line.
    is_secret: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(line: &'a Line, variables: &'a Variables<'a>) -> Self {
        Lexer { line, variables, at: 0, is_secret: false }
    }

    /// Adds the line's tokens, without its end. Stops behind a brace where what follows is to be
    /// treated as a line of its own, and tells where.
    pub(super) fn run(&mut self, tokens: &mut Vec<Token>, report: &mut Report) -> Option<usize> {
        while let Some(c) = self.peek() {
            let at = self.at;
            match c {
                '{' if template_len(self.rest()).is_some() => {
                    let word = self.word(report);
                    tokens.push(Token::Word(word));
                }
                '{' | '}' => {
                    self.at += 1;
                    let span = self.span(at, self.at, report);
                    tokens.push(if c == '{' { Token::Open(span) } else { Token::Close(span) });
                    let rest = self.rest().trim_start_matches([' ', '\t']);
                    let is_line = rest.starts_with(['@', '$'])
                        || sequence::is_sequence(rest)
                        || include::pattern_of(rest).is_some();
                    if is_line {
                        return Some(self.line.text().len() - rest.len());
                    }
                }
                c if c.is_ascii_whitespace() || c == '\u{b}' => self.at += 1,
                _ => {
                    let word = self.word(report);
                    if self.is_secret {
                        self.line.hide(at, self.at, report);
                    }
                    self.is_secret |= is_secret_keyword(&word.text);
                    tokens.push(Token::Word(word));
                }
            }
        }
        None
    }

    fn rest(&self) -> &'a str {
        self.line.text().get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span(&self, start: usize, end: usize, report: &mut Report) -> TextSpan {
        self.line.span(start, end, report)
    }

    /// One word, which starts here.
    fn word(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        // Most words are nothing but this, and none of it means anything.
        let plain = self.rest().bytes().take_while(|&octet| is_plain(octet)).count();
        let text = self.rest().get(..plain).unwrap_or("").to_owned();
        let mut word = Word { text, span: TextSpan::default(), is_reported: false };
        self.at += plain;
        while let Some(c) = self.peek() {
            if c == '$' && self.variable(start, &mut word, report) {
                continue;
            }
            if let Some(len) = template_len(self.rest()) {
                self.placeholder(len, &mut word, report);
                continue;
            }
            match c {
                '"' => {
                    if self.at == start {
                        self.quote(&mut word, report);
                    }
                    break;
                }
                '<' if self.at == start && marked_len(self.rest()).is_some() => {
                    let len = marked_len(self.rest()).unwrap_or(1);
                    self.placeholder(len, &mut word, report);
                }
                '{' | '}' => break,
                c if c.is_ascii_whitespace() || c == '\u{b}' => break,
                c => {
                    self.at += c.len_utf8();
                    self.note_character(c, self.at, &mut word, report);
                    word.text.push(c);
                }
            }
        }
        word.span = self.span(start, self.at, report);
        let is_bracketed = |mark: &str| {
            word.text.len() > 2 * mark.len()
                && word.text.starts_with(mark)
                && word.text.ends_with(mark)
        };
        if !word.is_reported && (is_bracketed("__") || is_bracketed("@@") || is_bracketed("%")) {
            report_placeholder(word.span, report);
            word.is_reported = true;
        }
        word
    }

    /// A quoted piece, which starts here.
    fn quote(&mut self, word: &mut Word, report: &mut Report) {
        let open = self.at;
        self.at += 1;
        match self.rest().find('"') {
            Some(len) => {
                let inside = self.rest().get(..len).unwrap_or("");
                self.note_variables(inside, word, report);
                for (at, c) in inside.char_indices() {
                    if c == char::REPLACEMENT_CHARACTER {
                        self.note_character(c, self.at + at + c.len_utf8(), word, report);
                    }
                }
                word.text.push_str(inside);
                self.at += len + 1;
            }
            None => {
                // A brace at the end of the line was hardly meant to be quoted.
                let rest = self.rest().trim_end();
                let rest = rest.strip_suffix('{').unwrap_or(rest);
                let end = self.at + rest.len();
                let span = self.span(open, end, report);
                if self.is_secret {
                    self.line.hide(open, end, report);
                }
                report.add(
                    Diagnostic::new(Code::OpenQuote, span, "this quote is never closed".to_owned())
                        .label("no second \" up to the end of the line"),
                );
                word.text.push_str(rest);
                word.is_reported = true;
                self.at = end;
            }
        }
    }

    /// Reports a character that cannot have been meant; `end` is behind it.
    fn note_character(&self, c: char, end: usize, word: &mut Word, report: &mut Report) {
        if c == char::REPLACEMENT_CHARACTER {
            let span = self.span(end - c.len_utf8(), end, report);
            let message = "this value is not UTF-8".to_owned();
            report
                .add(Diagnostic::new(Code::NotUtf8, span, message).help("save the file as UTF-8"));
        } else if let Some((_, name)) = LOOK_ALIKES.iter().find(|&&(known, _)| known == c) {
            let span = self.span(end - c.len_utf8(), end, report);
            word.is_reported = true;
            let message = format!("a {name} (U+{:04X}) in a word", u32::from(c));
            report.add(
                Diagnostic::new(Code::LookAlike, span, message)
                    .label(format!("this is a {name}"))
                    .help("type it anew: it came along when the text was copied"),
            );
        }
    }

    /// Takes the name of a variable for which nothing was put in, if there is one here.
    fn variable(&mut self, start: usize, word: &mut Word, report: &mut Report) -> bool {
        let rest = self.rest().get(1..).unwrap_or("");
        let is_braced = rest.starts_with('{');
        let bare = rest.strip_prefix('{').unwrap_or(rest);
        let Some(name) = name_len(bare).and_then(|len| bare.get(..len)) else { return false };
        let behind = bare.get(name.len()..).unwrap_or("");
        let is_known = self.variables.has(name);
        if is_braced && !behind.starts_with('}') && !is_known {
            // `${X:-1}` is another language's.
            return false;
        }
        // In the middle of a word it may be meant as it stands: a password.
        if !is_braced && !is_known && self.at != start {
            return false;
        }
        let close = if is_braced { behind.find('}').map_or(0, |at| at + 1) } else { 0 };
        let end = self.at + 1 + usize::from(is_braced) + name.len() + close;
        let written = self.line.text().get(self.at..end).unwrap_or("");
        let span = self.span(self.at, end, report);
        let (code, message, help) = if is_known && !is_braced && !behind.is_empty() {
            let help = format!("write `${{{name}}}`");
            let message = format!("`{written}` is not put in where other letters follow");
            (Code::VariableEnd, message, help)
        } else if is_known {
            let help = "one of several lines goes last in its line; _ENV wants a name".to_owned();
            (Code::VariableEnd, format!("`{written}` cannot be put in here"), help)
        } else if self.is_secret {
            let message = format!("`{written}` is not set: it is taken as it stands");
            (Code::PlainDollar, message, "say what it is by -D, if a variable was meant".to_owned())
        } else {
            let help = if behind.trim_start().starts_with('=') {
                format!("to set it, write `${name}=` without a space before the `=`")
            } else {
                format!("set it in a line before, `${name}=VALUE`, or by -D {name}=VALUE")
            };
            (Code::Unset, format!("`{written}` is not set"), help)
        };
        word.is_reported |= code != Code::PlainDollar;
        report.add(Diagnostic::new(code, span, message).help(help));
        word.text.push_str(written);
        self.at = end;
        true
    }

    /// Reports variables in a quoted piece, which starts here, that were not put in.
    fn note_variables(&self, inside: &str, word: &mut Word, report: &mut Report) {
        for (at, _) in inside.match_indices('$') {
            let behind = inside.get(at + 1..).unwrap_or("");
            let name = name_len(behind).and_then(|len| behind.get(..len));
            let Some(name) = name.filter(|name| self.variables.has(name)) else { continue };
            let start = self.at + at;
            let span = self.span(start, start + 1 + name.len(), report);
            let message = format!("`${name}` is not put in where other letters follow");
            let diagnostic = Diagnostic::new(Code::VariableEnd, span, message);
            report.add(diagnostic.help(format!("write `${{{name}}}`")));
            word.is_reported = true;
        }
    }

    fn placeholder(&mut self, len: usize, word: &mut Word, report: &mut Report) {
        let start = self.at;
        self.at += len;
        word.text.push_str(self.line.text().get(start..self.at).unwrap_or(""));
        word.is_reported = true;
        report_placeholder(self.span(start, self.at, report), report);
    }
}

/// Whether this stands for itself, whatever is before and behind it.
fn is_plain(octet: u8) -> bool {
    matches!(octet, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/' | b':' | b',')
}

fn report_placeholder(span: TextSpan, report: &mut Report) {
    report.add(
        Diagnostic::new(Code::Placeholder, span, "a placeholder was left in".to_owned())
            .help("fill the template first, and compile what comes of it"),
    );
}

/// The length of a template's placeholder at the start of `text`.
fn template_len(text: &str) -> Option<usize> {
    [("{{", "}}"), ("{%", "%}"), ("${", "}")].iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        Some(open.len() + inside.find(close)? + close.len())
    })
}

/// The length of a `<your address>` at the start of `text`.
fn marked_len(text: &str) -> Option<usize> {
    let name = text.strip_prefix('<')?;
    let len = name.find('>')?;
    let is_name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
    name.get(..len)?.chars().all(is_name).then_some(len + 2)
}
