//! Statements of keepalived.conf, made of sections.

use super::super::keepalived::{Body, Statement};
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::{Section, Setting};

/// The values of UCI that mean on and off (`get_bool` of OpenWrt's functions.sh).
const ON: [&str; 5] = ["1", "on", "true", "yes", "enabled"];
const OFF: [&str; 5] = ["0", "off", "false", "no", "disabled"];

/// On or off; none when it is neither.
pub(super) fn truth(value: &str) -> Option<bool> {
    if ON.contains(&value) {
        return Some(true);
    }
    OFF.contains(&value).then_some(false)
}

/// A word that stands at `span`.
pub(super) fn word(text: impl Into<String>, span: TextSpan) -> Word {
    Word { text: text.into(), span, is_reported: false }
}

/// The words of a value: it has blanks where keepalived.conf has.
pub(super) fn words(value: &Word) -> Vec<Word> {
    value.text.split_whitespace().map(|text| word(text, value.span)).collect()
}

/// `KEYWORD VALUE…`.
pub(super) fn line(keyword: Word, values: Vec<Word>) -> Statement {
    Statement { keyword, values, block: None, comment: None }
}

/// `KEYWORD VALUE… { … }`.
pub(super) fn block(keyword: Word, values: Vec<Word>, statements: Vec<Statement>) -> Statement {
    let open = keyword.span;
    Statement { keyword, values, block: Some(Body { open, statements }), comment: None }
}

/// A line whose first word is its keyword; none for an empty value.
pub(super) fn entry(words: Vec<Word>) -> Option<Statement> {
    let mut words = words.into_iter();
    Some(line(words.next()?, words.collect()))
}

/// `NAME { VALUE… }`, a line for each value.
pub(super) fn list(setting: &Setting) -> Statement {
    let lines = setting.values.iter().filter_map(|value| entry(words(value)));
    block(setting.name.clone(), Vec::new(), lines.collect())
}

/// `interface_up_down_delays`: a section for each interface, which `device` names.
pub(super) fn delays(section: &Section, device: &str) -> Statement {
    let options = [device, "down_delay", "up_delay"];
    let line = entry(options.iter().map_while(|option| section.value(option)).cloned().collect());
    block(section.kind.clone(), Vec::new(), line.into_iter().collect())
}
