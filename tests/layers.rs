//! The layers of `src/lib.rs`, held: its table is read, and so is every path in `src`.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a module stands: the number of its layer, its row in the table, its place in the row.
#[derive(Clone, Copy, Debug)]
struct Place {
    layer: u32,
    row: usize,
    column: usize,
}

impl Place {
    /// Whether a module at this place may use one at `other`: of a layer above in the table, or
    /// named before it in the same row.
    fn may_use(self, other: Place) -> bool {
        other.layer < self.layer || (other.row == self.row && other.column <= self.column)
    }
}

type Table = BTreeMap<String, Place>;

/// The rows `//! | L1 | [`wire`] | … |` of lib.rs.
fn table(lib: &str) -> Table {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | L"));
    let mut table = Table::new();
    for (row, line) in rows.enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let layer = cells[0].parse().unwrap_or_else(|_| panic!("no layer in lib.rs: {line}"));
        let modules = cells[1].split('`').skip(1).step_by(2);
        for (column, module) in modules.enumerate() {
            table.insert(module.to_owned(), Place { layer, row, column });
        }
    }
    table
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below `directory`.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules that lead to `file`: src/wire/rtnl/mod.rs is wire, rtnl; src/lib.rs is nothing.
fn modules(file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root()).unwrap().with_extension("");
    let mut names: Vec<String> =
        relative.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib")) {
        names.pop();
    }
    names
}

/// `source` with comments, strings and characters blanked out, line by line as it was.
fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = skipped(rest).unwrap_or(0);
        if len == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..len].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[len..];
        }
    }
    code
}

/// The length of the comment, string or character that `text` begins with.
fn skipped(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |at| at + 2));
    }
    if let Some(raw) = text.strip_prefix("r#\"") {
        return Some(raw.find("\"#").map_or(text.len(), |at| 3 + at + 2));
    }
    if text.starts_with('"') {
        return Some(quoted(text, '"').unwrap_or(text.len()));
    }
    // A character, not a lifetime: the quote ends behind one character or escape.
    let inside = text.strip_prefix('\'')?;
    let is_character =
        inside.starts_with('\\') || inside.chars().nth(1).is_some_and(|second| second == '\'');
    is_character.then(|| quoted(text, '\'').unwrap_or(text.len()))
}

/// Where the literal that begins with `quote` ends.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            other if other == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The line numbers on which `word` stands alone.
fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let has = |line: &str| line.split(|c| !is_word(c)).any(|other| other == word);
    code.lines().enumerate().filter(|(_, line)| has(line)).map(|(at, _)| at + 1).collect()
}

/// The modules of the crate's root that `code`, found at `modules`, names: by `crate::name` and
/// `crate::{name, …}`, or by so many `super::` that they reach the root.
fn used<'t>(code: &str, modules: &[String], table: &'t Table) -> Vec<(usize, &'t str, Place)> {
    let mut used = Vec::new();
    let mut note = |at: usize, path: &str| {
        let names: Vec<&str> = match path.strip_prefix('{') {
            Some(group) => first_names(group),
            None => path.split(|c| !is_word(c)).take(1).collect(),
        };
        let line = code[..at].matches('\n').count() + 1;
        for name in names {
            if let Some((name, place)) = table.get_key_value(name) {
                used.push((line, name.as_str(), *place));
            }
        }
    };
    for (at, found) in code.match_indices("crate::") {
        if !code[..at].ends_with(is_word) && !code[..at].ends_with('$') {
            note(at, &code[at + found.len()..]);
        }
    }
    for (at, _) in code.match_indices("super::") {
        if code[..at].ends_with("super::") || code[..at].ends_with(is_word) {
            continue;
        }
        let mut path = &code[at..];
        let mut depth = 0;
        while let Some(rest) = path.strip_prefix("super::") {
            (path, depth) = (rest, depth + 1);
        }
        if depth == modules.len() + inline_modules(&code[..at]) {
            note(at, path);
        }
    }
    used
}

/// How many `mod name {` are open at the end of `code`.
fn inline_modules(code: &str) -> usize {
    let mut blocks = Vec::new();
    for (at, character) in code.char_indices() {
        match character {
            '{' => {
                let mut words = code[..at].split_whitespace().rev();
                blocks.push(words.next().is_some() && words.next() == Some("mod"));
            }
            '}' => drop(blocks.pop()),
            _ => {}
        }
    }
    blocks.into_iter().filter(|is_module| *is_module).count()
}

/// The first name of each path in `{a::b, c::{d, e}, f}`, the opening brace left out.
fn first_names(group: &str) -> Vec<&str> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                let path = group[start..at].trim();
                names.extend(path.split(|c| !is_word(c)).next());
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn read(file: &Path) -> (String, String) {
    let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let shown = file.strip_prefix(root().parent().unwrap()).unwrap().display().to_string();
    (shown, code(&source))
}

#[test]
fn every_module_uses_only_layers_above_it() {
    let table = table(&fs::read_to_string(root().join("lib.rs")).unwrap());
    let mut faults = Vec::new();
    let mut paths = 0;
    for file in sources(&root()) {
        let modules = modules(&file);
        let Some(module) = modules.first().filter(|module| *module != "bin") else { continue };
        let (shown, code) = read(&file);
        let Some(place) = table.get(module) else {
            faults.push(format!("{shown}: `{module}` is missing in the table of src/lib.rs"));
            continue;
        };
        for (line, name, other) in used(&code, &modules, &table) {
            paths += 1;
            if name != module && !place.may_use(other) {
                faults.push(format!(
                    "{shown}:{line}: `{module}` (L{}) uses `{name}` (L{})",
                    place.layer, other.layer
                ));
            }
        }
    }
    assert!(faults.is_empty(), "against the table of src/lib.rs:\n{}", faults.join("\n"));
    assert!(paths > 100, "only {paths} paths found: the reader of this test is broken");
}

#[test]
fn the_table_names_every_module_and_no_other() {
    let lib = fs::read_to_string(root().join("lib.rs")).unwrap();
    let mut declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    declared.sort_unstable();
    let table = table(&lib);
    let named: Vec<&str> = table.keys().map(String::as_str).collect();
    assert_eq!(named, declared, "left: the table of src/lib.rs; right: its `pub mod` lines");
}

#[test]
fn unsafe_code_is_under_io_only() {
    let mut faults = Vec::new();
    let mut found = 0;
    for file in sources(&root()) {
        let (shown, code) = read(&file);
        for word in ["unsafe", "unsafe_code"] {
            for line in lines_with(&code, word) {
                found += 1;
                if modules(&file).first().is_none_or(|module| module != "io") {
                    faults.push(format!("{shown}:{line}: {word}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "belongs under src/io:\n{}", faults.join("\n"));
    assert!(found > 0, "none under src/io either: the reader of this test is broken");
}

#[test]
fn the_reader_sees_paths_and_not_prose() {
    let table = table("//! | L0 | [`time`] [`addr`] | x |\n//! | L1 | [`wire`] | x |");
    let source = r#"
        //! [`crate::wire`]
        use crate::addr::MacAddr;
        use crate::{time::{Instant, wire}, addr};
        /* crate::wire */ const TEXT: &str = "crate::wire \" crate::wire";
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || crate::wire::g() }
        use super::super::time::Span;
        use super::wire::nothing;
        mod tests { fn f() {} use super::super::wire::nothing; use super::super::super::addr; }
    "#;
    let modules = ["wire".to_owned(), "arp".to_owned()];
    let used: Vec<(usize, &str)> = used(&code(source), &modules, &table)
        .into_iter()
        .map(|(line, name, _)| (line, name))
        .collect();
    assert_eq!(
        used,
        [(3, "addr"), (4, "time"), (4, "addr"), (6, "wire"), (7, "time"), (9, "addr")]
    );
    assert_eq!(lines_with("unsafe_code\nunsafe {}\n an_unsafe", "unsafe"), [2]);
}

#[test]
fn the_rule_allows_what_is_above_and_before() {
    let table = table("//! | L0 | `a` `b` |\n//! | L2 | `c` |\n//! | L2 | `d` |\n//! | L3 | `e` |");
    let may = |user: &str, used: &str| table[user].may_use(table[used]);
    assert!(may("b", "a") && may("c", "b") && may("e", "d"));
    assert!(!may("a", "b"), "named later in the same row");
    assert!(!may("c", "d") && !may("d", "c"), "another row of the same layer");
    assert!(!may("c", "e"), "a layer below");
}
