//! track_file: the number in a file.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::keepalived::Statement;
use super::super::keywords::Block;
use super::super::lexer::Word;
use super::script::Draft;
use super::track::Weight;
use super::{Given, Lowering, Seen};
use crate::config::check::is_file_path;
use crate::config::model::{Init, Kind, Probe, Text};

/// The weight of a file, unless something else is said.
pub(super) const WEIGHT: Weight = Weight { value: 1, reverse: false };

impl Lowering<'_> {
    /// Reads one block. The file is read when the kernel tells that it was written, and once a second
    /// where it does not.
    pub(super) fn track_file(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        let name = statement.values.first().and_then(|word| self.name(word));
        self.one_name(statement, "a tracked file");
        let mut seen = Seen::default();
        let (mut path, mut init, mut weight) = (None, Init::Nothing, WEIGHT);
        let mut has_path = false;
        for inner in &body.statements {
            let Some(keyword) = self.judge(inner, Block::TrackFile) else {
                has_path |= inner.keyword.text == "file";
                continue;
            };
            self.once(&mut seen, keyword.name, inner.keyword.span);
            match (keyword.name, inner.values.first()) {
                ("init_file", _) => init = self.init_file(&inner.values).unwrap_or(init),
                (name, None) => {
                    let message = format!("`{name}` wants a value");
                    self.report.add(Diagnostic::new(Code::NoValue, inner.keyword.span, message));
                }
                ("file", Some(word)) => {
                    has_path = true;
                    path = self.file_path(word);
                }
                ("weight", Some(_)) => {
                    weight = self.weight(Kind::File, &inner.values, WEIGHT).unwrap_or(weight);
                }
                _ => {}
            }
        }
        if !has_path {
            let message = "this block has no `file`: which one it is about".to_owned();
            self.report.add(Diagnostic::new(Code::BadCommand, statement.keyword.span, message));
        }
        let Some(Given { value: path, span }) = path else { return };
        let probe = Given { value: Probe::File { path, init }, span };
        self.keep(Draft::built_in(Kind::File, name, probe).weighing(weight));
    }

    fn file_path(&mut self, word: &Word) -> Option<Given<Text>> {
        let message = match Text::try_from(word.text.as_str()) {
            Ok(value) if is_file_path(&value) => return Some(Given { value, span: word.span }),
            Ok(_) => format!("`{}` is not a path from the root to a file", word.text),
            Err(_) => format!("a path has at most {} octets", Text::new().capacity()),
        };
        let diagnostic = Diagnostic::new(Code::BadBuiltin, word.span, message);
        self.report.add(diagnostic.help("write something like `/run/load`".to_owned()));
        None
    }

    /// `[NUMBER] [overwrite]`.
    fn init_file(&mut self, words: &[Word]) -> Option<Init> {
        let (mut number, mut overwrites) = (0, false);
        for word in words {
            match (word.text.as_str(), word.text.parse()) {
                ("overwrite", _) => overwrites = true,
                (_, Ok(value)) => number = value,
                (text, Err(_)) => {
                    let message = format!("`{text}` is neither a number nor `overwrite`");
                    let diagnostic = Diagnostic::new(Code::BadBuiltin, word.span, message);
                    self.report.add(diagnostic.help("write `init_file 0 overwrite`".to_owned()));
                    return None;
                }
            }
        }
        Some(if overwrites { Init::Always(number) } else { Init::Missing(number) })
    }
}
