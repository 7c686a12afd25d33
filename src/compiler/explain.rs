//! What `explain` prints beside values: codes, and blobs.

use crate::config::blob::{Refused, decode};
use crate::config::model::Config;
use crate::config::source::code::Code;
use crate::config::source::diagnostic::Severity;

/// What a code means.
pub(super) fn code(code: Code) -> String {
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let (id, title) = (code.id(), code.title());
    let (cause, cure) = (wrapped(code.cause()), wrapped(code.cure()));
    format!("{id} ({severity}): {title}\n\n{cause}\n\nWhat to do: {cure}\n")
}

/// A text in lines of at most 80 letters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if width > 0 && width + 1 + len > 80 {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += len;
    }
    lines
}

/// A compiled configuration.
pub(super) fn decode_boxed(octets: &[u8]) -> Result<Box<Config>, Refused> {
    let mut config = Box::new(Config::new());
    decode(octets, &mut config)?;
    Ok(config)
}
