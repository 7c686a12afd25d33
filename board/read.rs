//! Reads boards. `base.toml` is the schema: a board may say what base says, with values of the
//! same kind, and nothing else.

use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

#[path = "../src/config/source/nearest.rs"]
mod nearest;

/// One board, with everything that base says and it does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Board {
    /// The name of its file, without `.toml`.
    pub(crate) name: String,
    /// In the order of base.
    pub(crate) entries: Vec<Entry>,
}

/// One key of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The table.
    pub(crate) table: String,
    /// The key in it.
    pub(crate) key: String,
    /// The comment above it in base, one string a line.
    pub(crate) doc: Vec<String>,
    /// What this board says, or else base.
    pub(crate) value: Value,
}

/// What a board can say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// A count, or a number of octets.
    Integer(u32),
    /// A name or a path.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Names.
    List(Vec<String>),
}

/// Why a board's file is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    /// The file.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// What is wrong, and the way out.
    pub(crate) message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Every board of a folder, base first, the others by name; or everything that is wrong with them.
///
/// # Errors
/// A file cannot be read or is refused.
pub(crate) fn read(folder: &Path) -> Result<Vec<Board>, Vec<String>> {
    let broken = |error: std::io::Error| vec![format!("{}: {error}", folder.display())];
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            && name != "base"
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let text = |name: &str| {
        let path = folder.join(name).with_extension("toml");
        std::fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])
    };
    let shown = |mistakes: Vec<Mistake>| mistakes.iter().map(ToString::to_string).collect();
    let base = parse_base("board/base.toml", &text("base")?).map_err(shown)?;
    let mut boards = vec![base];
    let mut mistakes = Vec::new();
    for name in names {
        let board = boards.first().map(|base| {
            let file = format!("board/{name}.toml");
            text(&name).and_then(|text| base.derive(&name, &file, &text).map_err(shown))
        });
        match board {
            Some(Ok(board)) => boards.push(board),
            Some(Err(more)) => mistakes.extend(more),
            None => {}
        }
    }
    if mistakes.is_empty() { Ok(boards) } else { Err(mistakes) }
}

/// The board that all others take from.
///
/// # Errors
/// It is not of tables of values, or a key has no comment.
pub(crate) fn parse_base(file: &str, text: &str) -> Result<Board, Vec<Mistake>> {
    let source = Source { file, text };
    let mut mistakes = Vec::new();
    let mut entries = Vec::new();
    for (table, key, value) in source.entries(&mut mistakes) {
        let doc = source.comment_above(key.at);
        if doc.is_empty() {
            mistakes
                .push(source.mistake(key.at, format!("`{}` has no comment above it", key.name)));
        }
        match source.value(&value) {
            Ok(value) => entries.push(Entry { table: table.name, key: key.name, doc, value }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(Board { name: "base".into(), entries }) } else { Err(mistakes) }
}

impl Board {
    /// The board of a file that says how it differs from this one.
    ///
    /// # Errors
    /// It says something that this one does not know, or a value of another kind.
    pub(crate) fn derive(&self, name: &str, file: &str, text: &str) -> Result<Board, Vec<Mistake>> {
        let source = Source { file, text };
        let mut mistakes = Vec::new();
        let mut board = Board { name: name.to_owned(), entries: self.entries.clone() };
        for (table, key, given) in source.entries(&mut mistakes) {
            let tables = self.entries.iter().map(|entry| entry.table.as_str());
            if !tables.clone().any(|known| known == table.name) {
                let known = table.unknown("table", tables, "board/base.toml");
                let mistake = source.mistake(table.at, known);
                if !mistakes.contains(&mistake) {
                    mistakes.push(mistake);
                }
                continue;
            }
            let keys = self.entries.iter().filter(|entry| entry.table == table.name);
            let known = |entry: &&mut Entry| entry.table == table.name && entry.key == key.name;
            let Some(entry) = board.entries.iter_mut().find(known) else {
                let keys = keys.map(|entry| entry.key.as_str());
                let place = format!("[{}] of board/base.toml", table.name);
                mistakes.push(source.mistake(key.at, key.unknown("key", keys, &place)));
                continue;
            };
            match source.value(&given) {
                Ok(value) if value.kind() == entry.value.kind() => entry.value = value,
                Ok(value) => {
                    let (found, wanted) = (value.kind(), entry.value.kind());
                    let message = format!("`{}` is {found}; it must be {wanted}", key.name);
                    mistakes.push(source.mistake(given.span().start, message));
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(board) } else { Err(mistakes) }
    }

    /// The values of one table.
    pub(crate) fn table<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.table == table)
    }
}

impl Value {
    /// What it is, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Value::Integer(_) => "an integer",
            Value::Text(_) => "a string",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list of strings",
        }
    }
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

/// A key or a table's name and where it stands.
#[derive(Clone)]
struct Name {
    name: String,
    at: usize,
}

impl Name {
    fn unknown<'a>(&self, what: &str, known: impl Iterator<Item = &'a str>, place: &str) -> String {
        match nearest::nearest(&self.name, known) {
            Some(near) => format!("unknown {what} `{}`; did you mean `{near}`?", self.name),
            None => format!("unknown {what} `{}`; {place} has all there are", self.name),
        }
    }
}

impl<'a> Source<'a> {
    /// Table, key and value of every line that has a value, in order.
    fn entries(&self, mistakes: &mut Vec<Mistake>) -> Vec<(Name, Name, Spanned<DeValue<'a>>)> {
        let mut entries = Vec::new();
        let tables = match DeTable::parse(self.text) {
            Ok(tables) => tables.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = error.message().trim_end().replace('\n', "; ");
                mistakes.push(self.mistake(at, message));
                return entries;
            }
        };
        for (table, inside) in tables {
            let at = table.span().start;
            let table = Name { name: table.into_inner().into_owned(), at };
            let DeValue::Table(inside) = inside.into_inner() else {
                let message = format!("`{}` stands in no table such as [limits]", table.name);
                mistakes.push(self.mistake(at, message));
                continue;
            };
            for (key, value) in inside {
                let at = key.span().start;
                let key = Name { name: key.into_inner().into_owned(), at };
                entries.push((table.clone(), key, value));
            }
        }
        entries.sort_by_key(|(_, key, _)| key.at);
        entries
    }

    fn value(&self, given: &Spanned<DeValue<'_>>) -> Result<Value, Mistake> {
        let refuse = |message: &str| Err(self.mistake(given.span().start, message.to_owned()));
        match given.get_ref() {
            DeValue::Integer(integer) => {
                match u32::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(number) => Ok(Value::Integer(number)),
                    Err(_) => refuse("a number from 0 to 4294967295 is needed"),
                }
            }
            DeValue::String(text) => Ok(Value::Text(text.to_string())),
            DeValue::Boolean(flag) => Ok(Value::Flag(*flag)),
            DeValue::Array(array) => {
                let texts = array.iter().map(|element| element.get_ref().as_str());
                match texts.map(|text| text.map(str::to_owned)).collect() {
                    Some(list) => Ok(Value::List(list)),
                    None => refuse("a list may hold strings only"),
                }
            }
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
                refuse("no key takes such a value")
            }
        }
    }

    /// The comment directly above the line of an offset, without its marks.
    fn comment_above(&self, at: usize) -> Vec<String> {
        let above = self.text.get(..at).unwrap_or("");
        let above = above.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let mut comment: Vec<String> = above
            .lines()
            .rev()
            .map_while(|line| line.strip_prefix('#'))
            .map(|line| line.trim().to_owned())
            .collect();
        comment.reverse();
        comment
    }

    fn mistake(&self, at: usize, message: String) -> Mistake {
        let above = self.text.get(..at).unwrap_or("");
        let line = above.split('\n').count();
        let start = above.rfind('\n').map_or(0, |newline| newline + 1);
        let column = above.get(start..).unwrap_or("").chars().count() + 1;
        Mistake { file: self.file.to_owned(), line, column, message }
    }
}
