//! Octets to words, braces and line ends, as keepalived splits them.
//!
//! `#` and `!` begin a comment anywhere but between double quotes. A quoted piece ends on its line
//! and is a word of its own, even where it touches others. Braces are tokens of their own, glued or
//! not. Single quotes and backslashes are ordinary characters: keepalived gives them a meaning in
//! command strings only (as tried with 2.2.7: `auth_pass '1234'` is a password of six octets).

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::text::{FileId, TextSpan};

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

/// Splits a file into tokens. The last one is always the end of a line.
pub(super) fn lex(file: FileId, report: &mut Report) -> Vec<Token> {
    let text = report.sources.text(file).to_owned();
    let mut tokens = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let body = body.strip_suffix('\r').unwrap_or(body);
        let lexer = Line { file, start, text: body, at: 0, is_secret: false };
        lexer.run(&mut tokens, report);
        start += line.len();
    }
    tokens
}

struct Line<'a> {
    file: FileId,
    /// The first octet of the line in its file.
    start: usize,
    text: &'a str,
    at: usize,
    /// Whether a keyword that takes a secret was met in this line.
    is_secret: bool,
}

impl<'a> Line<'a> {
    fn run(mut self, tokens: &mut Vec<Token>, report: &mut Report) {
        if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| self.text.starts_with(marker)) {
            let span = self.span(0, self.text.len());
            let message = "a merge marker was left in".to_owned();
            report.add(
                Diagnostic::new(Code::MergeMarker, span, message)
                    .help("finish the merge: keep one version, and remove the three marker lines"),
            );
            tokens.push(Token::LineEnd(None));
            return;
        }
        let mut comment = None;
        while let Some(c) = self.peek() {
            let at = self.at;
            match c {
                '#' | '!' => {
                    comment = Some(self.span(at, self.text.len()));
                    break;
                }
                '{' if template_len(self.rest(), true).is_some() => {
                    let word = self.word(report);
                    tokens.push(Token::Word(word));
                }
                '{' | '}' => {
                    self.at += 1;
                    let span = self.span(at, self.at);
                    tokens.push(if c == '{' { Token::Open(span) } else { Token::Close(span) });
                }
                c if c.is_ascii_whitespace() || c == '\u{b}' => self.at += 1,
                _ => {
                    let word = self.word(report);
                    if self.is_secret {
                        report.sources.hide(word.span);
                    }
                    self.is_secret |= is_secret_keyword(&word.text);
                    tokens.push(Token::Word(word));
                }
            }
        }
        if let (Some(comment), true) = (comment, self.is_secret) {
            report.sources.hide(comment);
        }
        self.refuse_continuation(comment, tokens.last_mut(), report);
        tokens.push(Token::LineEnd(comment));
    }

    /// keepalived joins a line that ends with a backslash, comments aside, with the next.
    fn refuse_continuation(
        &self,
        comment: Option<TextSpan>,
        last: Option<&mut Token>,
        report: &mut Report,
    ) {
        let end = comment.map_or(self.text.len(), |comment| comment.start - self.start);
        let text = self.text.get(..end).unwrap_or("").trim_end();
        if text.ends_with('\\') {
            if let Some(Token::Word(word)) = last {
                word.is_reported = true;
            }
            let span = self.span(text.len() - 1, text.len());
            let message = "lines that go on in the next (`\\`) are not supported yet".to_owned();
            let diagnostic = Diagnostic::new(Code::Later, span, message);
            report
                .add(diagnostic.help("write it on one line; or quote a value that ends with `\\`"));
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span(&self, start: usize, end: usize) -> TextSpan {
        TextSpan { file: self.file, start: self.start + start, end: self.start + end }
    }

    /// One word, which starts here.
    fn word(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let mut word =
            Word { text: String::new(), span: self.span(start, start), is_reported: false };
        while let Some(c) = self.peek() {
            if let Some(len) = template_len(self.rest(), self.at == start) {
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
                '{' | '}' => break,
                '#' | '!' => {
                    self.glued_comment(start, &word, report);
                    break;
                }
                c if c.is_ascii_whitespace() || c == '\u{b}' => break,
                c => {
                    self.at += c.len_utf8();
                    self.note_character(c, &mut word, report);
                    word.text.push(c);
                }
            }
        }
        word.span = self.span(start, self.at);
        let is_bracketed = |mark: &str| {
            word.text.len() > 2 * mark.len()
                && word.text.starts_with(mark)
                && word.text.ends_with(mark)
        };
        if !word.is_reported && (is_bracketed("__") || is_bracketed("@@") || is_bracketed("%")) {
            self.report_placeholder(word.span, report);
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
                for c in inside.chars().filter(|&c| c == char::REPLACEMENT_CHARACTER) {
                    self.note_character(c, word, report);
                }
                word.text.push_str(inside);
                self.at += len + 1;
            }
            None => {
                // A brace at the end of the line was hardly meant to be quoted.
                let rest = self.rest().trim_end();
                let rest = rest.strip_suffix('{').unwrap_or(rest);
                let end = self.at + rest.len();
                let span = self.span(open, end);
                if self.is_secret {
                    report.sources.hide(span);
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

    /// Reports a character that cannot have been meant. Invisible ones are dropped.
    fn note_character(&self, c: char, word: &mut Word, report: &mut Report) {
        let span = self.span(self.at - c.len_utf8().min(self.at), self.at);
        if c == char::REPLACEMENT_CHARACTER {
            let message = "this value is not UTF-8".to_owned();
            report
                .add(Diagnostic::new(Code::NotUtf8, span, message).help("save the file as UTF-8"));
        } else if let Some((_, name)) = LOOK_ALIKES.iter().find(|&&(known, _)| known == c) {
            word.is_reported = true;
            let message = format!("a {name} (U+{:04X}) in a word", u32::from(c));
            report.add(
                Diagnostic::new(Code::LookAlike, span, message)
                    .label(format!("this is a {name}"))
                    .help("type it anew: it came along when the text was copied"),
            );
        }
    }

    fn glued_comment(&self, start: usize, word: &Word, report: &mut Report) {
        let message = "a comment starts inside this word".to_owned();
        let comment = self.span(self.at, self.text.len());
        if self.is_secret {
            report.sources.hide(self.span(start, self.text.len()));
        }
        let value = if self.is_secret { "********" } else { word.text.as_str() };
        report.add(
            Diagnostic::new(Code::GluedComment, comment, message)
                .label("all of this is a comment")
                .also(self.span(start, self.at), format!("only `{value}` remains"))
                .help("put the value in quotes, or a space before the comment"),
        );
    }

    fn placeholder(&mut self, len: usize, word: &mut Word, report: &mut Report) {
        let start = self.at;
        self.at += len;
        word.text.push_str(self.text.get(start..self.at).unwrap_or(""));
        word.is_reported = true;
        let span = self.span(start, self.at);
        let piece = self.text.get(start..self.at).unwrap_or("");
        let name = piece.trim_start_matches("${").trim_start_matches('$').trim_end_matches('}');
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if piece.starts_with('$') && is_name {
            let message = "variables are not supported yet".to_owned();
            report.add(
                Diagnostic::new(Code::Later, span, message)
                    .help("write the value itself in their place"),
            );
        } else {
            self.report_placeholder(span, report);
        }
    }

    fn report_placeholder(&self, span: TextSpan, report: &mut Report) {
        report.add(
            Diagnostic::new(Code::Placeholder, span, "a placeholder was left in".to_owned())
                .help("fill the template first, and compile what comes of it"),
        );
    }
}

/// Whether what follows this word must not be shown. Misspelt ones count; and rather one word too
/// many is hidden than a password shown.
fn is_secret_keyword(word: &str) -> bool {
    word.contains("pass") || word.starts_with("auth_p")
}

/// The length of a template's placeholder at the start of `text`.
fn template_len(text: &str, at_word_start: bool) -> Option<usize> {
    let until = |end: &str| text.find(end).map(|at| at + end.len());
    if text.starts_with("{{") {
        return until("}}");
    }
    if text.starts_with("{%") {
        return until("%}");
    }
    if text.starts_with("${") {
        return until("}");
    }
    if let Some(name) = text.strip_prefix('$') {
        let len = name.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '_').count();
        return (at_word_start && len > 0).then_some(len + 1);
    }
    if let Some(name) = text.strip_prefix('<').filter(|_| at_word_start) {
        let len = name.find('>')?;
        let is_name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        return name.get(..len)?.chars().all(is_name).then_some(len + 2);
    }
    None
}
