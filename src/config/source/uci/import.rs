//! keepalived.conf as UCI: blocks become sections, lines become options.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::super::keepalived::{Statement, Tree};
use super::super::keywords::{self, Block, Shape, Status};
use super::super::lexer::Word;
use super::super::lower::is_command;
use super::export::quoted;

/// The text of `/etc/config/ringward`. What means nothing here is left out.
pub(in super::super) fn import(tree: &Tree, only_vrrp: bool) -> String {
    let mut text = String::new();
    let mut names = HashSet::new();
    for statement in &tree.statements {
        let Some(keyword) = keywords::find(&statement.keyword.text, Block::Top) else { continue };
        let is_left_out = only_vrrp && keyword.is_of_servers();
        let (Some(opens), Some(body)) = (keyword.opens(), &statement.block) else { continue };
        if keyword.status != Status::Built || is_left_out {
            continue;
        }
        let separator = if text.is_empty() { "" } else { "\n" };
        let kind = if keyword.name == "global_defs" { "globals" } else { keyword.name };
        let name = statement.values.first().map(|name| name.text.as_str());
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let section = name.filter(|name| name.chars().all(is_letter) && names.insert(*name));
        let _ = match section {
            Some(section) => writeln!(text, "{separator}config {kind} {}", quoted(section)),
            None => writeln!(text, "{separator}config {kind}"),
        };
        if let (None, Some(name)) = (section, name) {
            let _ = writeln!(text, "\toption name {}", quoted(name));
        }
        // `state MASTER` counts wherever it stands; of options the last one does.
        let is_state = |inner: &Statement| inner.keyword.text == "state";
        let is_master = |inner: &Statement| {
            is_state(inner) && inner.values.first().is_some_and(|value| value.text == "MASTER")
        };
        let has_master = body.statements.iter().any(is_master);
        for inner in &body.statements {
            if !(has_master && is_state(inner) && !is_master(inner)) {
                option(&mut text, inner, opens);
            }
        }
    }
    text
}

/// A line as an option or a list.
fn option(text: &mut String, statement: &Statement, here: Block) {
    let name = statement.keyword.text.as_str();
    let Some(keyword) = keywords::find(name, here).filter(|known| known.is_in(here)) else {
        return;
    };
    if keyword.status != Status::Built {
        return;
    }
    let _ = match (keyword.shape, &statement.block) {
        (Shape::Flag, _) => writeln!(text, "\toption {name} '1'"),
        (Shape::Value, _) => match statement.values.first() {
            Some(value) => writeln!(text, "\toption {name} {}", quoted(&value.text)),
            None => Ok(()),
        },
        (Shape::Values, _) => {
            let value = joined(&statement.values, is_command(name));
            writeln!(text, "\toption {name} {}", quoted(&value))
        }
        (Shape::Block(Block::Authentication), Some(body)) => {
            for inner in &body.statements {
                option(text, inner, Block::Authentication);
            }
            Ok(())
        }
        (Shape::Block(_), Some(body)) => {
            for line in &body.statements {
                let first = std::iter::once(&line.keyword).chain(&line.values);
                let words: Vec<&str> = first.map(|word| word.text.as_str()).collect();
                let _ = writeln!(text, "\tlist {name} {}", quoted(&words.join(" ")));
            }
            Ok(())
        }
        (Shape::Block(_), None) => Ok(()),
    };
}

/// The words of a line. Those of a command are in quotes where they hold blanks, unless there is
/// only one.
fn joined(words: &[Word], is_command: bool) -> String {
    let plain = |word: &Word| word.text.clone();
    let in_quotes = |word: &Word| {
        if word.text.contains([' ', '\t']) { format!("\"{}\"", word.text) } else { plain(word) }
    };
    let words: Vec<String> = match (is_command, words) {
        (true, [one]) => vec![plain(one)],
        (true, words) => words.iter().map(in_quotes).collect(),
        (false, words) => words.iter().map(plain).collect(),
    };
    words.join(" ")
}
