//! Comments: `#` and `!` begin one anywhere but between double quotes.
//!
//! keepalived.conf(5) knows `\#` and `\!` as well; but keepalived reads each line twice, the second
//! time from a copy that the first has freed of these backslashes, so there is a comment all the same
//! (as tried with 2.2.7: `auth_pass x\#y` is the password `x`).

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::line::Line;
use super::text::TextSpan;

/// A line without its comment.
pub(super) struct Bare {
    /// What remains, without blanks around it.
    pub(super) line: Line,
    /// The comment.
    pub(super) comment: Option<TextSpan>,
    /// The backslash that the line ended with, which is not in `line`.
    pub(super) goes_on: Option<TextSpan>,
}

/// Takes the comment from a line.
pub(super) fn strip(line: Line, report: &mut Report) -> Bare {
    // Most lines have none of these.
    if !line.text().bytes().any(|octet| matches!(octet, b'#' | b'!' | b'\\' | b'"')) {
        return Bare { line: line.trimmed(), comment: None, goes_on: None };
    }
    let text = line.text();
    let mut bare = Line::default();
    let mut kept = 0;
    let mut is_quoted = false;
    let mut comment = None;
    let mut goes_on = false;
    let mut octets = text.bytes().enumerate().peekable();
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => is_quoted ^= comment.is_none(),
            b'\\' => match octets.peek() {
                Some(&(_, b'#' | b'!')) if !is_quoted && comment.is_none() => {
                    bare.push_slice(&line, kept, at);
                    kept = at + 1;
                    octets.next();
                }
                Some(_) => drop(octets.next()),
                None => goes_on = true,
            },
            b'#' | b'!' if !is_quoted && comment.is_none() => comment = Some(at),
            _ => {}
        }
    }
    let end = comment.unwrap_or(text.len() - usize::from(goes_on));
    if let Some(at) = comment {
        report_glued(&line, at, report);
    }
    let goes_on = goes_on.then(|| line.span(text.len() - 1, text.len(), report));
    let comment = comment.map(|at| {
        if secret_before(text.get(..at).unwrap_or("")).is_some() {
            line.hide(at, text.len(), report);
        }
        line.span(at, text.len(), report)
    });
    if kept == 0 && end == text.len() {
        return Bare { line: line.trimmed(), comment, goes_on };
    }
    bare.push_slice(&line, kept, end);
    if kept == 0 {
        return Bare { line: bare.trimmed(), comment, goes_on };
    }
    let again = strip(bare, report);
    Bare { comment: again.comment.or(comment), goes_on, ..again }
}

/// Warns of a comment that begins in the middle of a word.
fn report_glued(line: &Line, at: usize, report: &mut Report) {
    let before = line.text().get(..at).unwrap_or("");
    let ends = |c: char| c.is_ascii_whitespace() || "{}\"".contains(c);
    let word = before.rsplit(ends).next().unwrap_or("");
    if word.is_empty() {
        return;
    }
    let start = at - word.len();
    let is_secret = secret_before(before.get(..start).unwrap_or("")).is_some()
        || (word.starts_with('$') && is_secret_keyword(&word.to_lowercase()));
    if is_secret {
        line.hide(start, line.text().len(), report);
    }
    let value = if is_secret { "********" } else { word };
    let comment = line.span(at, line.text().len(), report);
    let kept = line.span(start, at, report);
    report.add(
        Diagnostic::new(
            Code::GluedComment,
            comment,
            "a comment starts inside this word".to_owned(),
        )
        .label("all of this is a comment")
        .also(kept, format!("only `{value}` remains"))
        .help("put the value in quotes, or a space before the comment"),
    );
}

/// The word in `text` behind which nothing must be shown.
pub(super) fn secret_before(text: &str) -> Option<&str> {
    let ends = |c: char| c.is_ascii_whitespace() || "{}\"".contains(c);
    text.split(ends).find(|word| is_secret_keyword(word))
}

/// Whether what follows this word must not be shown. Misspelt ones count; and rather one word too
/// many is hidden than a password shown.
pub(super) fn is_secret_keyword(word: &str) -> bool {
    word.as_bytes().windows(4).any(|octets| octets == b"pass") || word.starts_with("auth_p")
}
