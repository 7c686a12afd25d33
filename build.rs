//! Turns the boards of `board/` into constants, which `src/limits.rs` takes in. The board that is
//! built for is named by RINGWARD_BOARD; without it, it is base.

#[path = "board/read.rs"]
mod read;

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use read::{Board, Entry, Value};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=board");
    println!("cargo::rerun-if-env-changed=RINGWARD_BOARD");
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(messages) => {
            for message in messages {
                println!("cargo::error={message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), Vec<String>> {
    let boards = read::read(Path::new("board"))?;
    let wanted = std::env::var("RINGWARD_BOARD").unwrap_or_default();
    let wanted = if wanted.is_empty() { "base" } else { wanted.as_str() };
    let Some(board) = boards.iter().find(|board| board.name == wanted) else {
        let names: Vec<&str> = boards.iter().map(|board| board.name.as_str()).collect();
        return Err(vec![format!("RINGWARD_BOARD={wanted}: the boards are {}", names.join(", "))]);
    };
    let (mut limits, mut settings) = (String::new(), String::new());
    // A string takes everything.
    let _ = constants(board, &mut limits).and_then(|()| capacities(&boards, &mut limits));
    let _ = all_settings(&boards, &mut settings);
    write("limits.rs", &limits)?;
    write("settings.rs", &settings)
}

fn write(name: &str, text: &str) -> Result<(), Vec<String>> {
    let folder = std::env::var_os("OUT_DIR").unwrap_or_default();
    let path = Path::new(&folder).join(name);
    std::fs::write(&path, text).map_err(|error| vec![format!("{}: {error}", path.display())])
}

/// Each limit of the board that is built for, by its own name in capitals, where its configuration
/// and its control socket are, and its console.
fn constants(board: &Board, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "/// The board that this is built for.\npub const BOARD: &str = {:?};",
        board.name
    )?;
    let tables = ["limits", "configuration", "run", "console"];
    for entry in tables.into_iter().flat_map(|table| board.table(table)) {
        for line in &entry.doc {
            writeln!(out, "/// {line}")?;
        }
        let table = if entry.table == "limits" { "" } else { &format!("{}_", entry.table) };
        let name = format!("{table}{}", entry.key).to_uppercase();
        match &entry.value {
            Value::Integer(number) => writeln!(out, "pub const {name}: usize = {number};")?,
            Value::Text(text) => writeln!(out, "pub const {name}: &str = {text:?};")?,
            Value::Flag(flag) => writeln!(out, "pub const {name}: bool = {flag};")?,
            Value::List(list) => writeln!(out, "pub const {name}: &[&str] = &{list:?};")?,
        }
    }
    Ok(())
}

/// Everything that each board says, as text.
fn all_settings(boards: &[Board], out: &mut String) -> std::fmt::Result {
    writeln!(out, "&[")?;
    for board in boards {
        writeln!(out, "    ({:?}, &[", board.name)?;
        for Entry { table, key, value, .. } in &board.entries {
            let value = match value {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => text.clone(),
                Value::Flag(flag) => flag.to_string(),
                Value::List(list) => list.join(","),
            };
            writeln!(out, "        ({:?}, {value:?}),", format!("{table}.{key}"))?;
        }
        writeln!(out, "    ]),")?;
    }
    writeln!(out, "]")
}

/// What each board holds, for the compiler.
fn capacities(boards: &[Board], out: &mut String) -> std::fmt::Result {
    const FIELDS: [(&str, &str); 9] = [
        ("instances", "instance_count_max"),
        ("interfaces", "interface_count_max"),
        ("addresses", "address_count_max"),
        ("peers", "peer_count_max"),
        ("scripts", "script_count_max"),
        ("trackers", "tracker_count_max"),
        ("commands", "command_count_max"),
        ("probes", "probe_count_max"),
        ("blob_len", "blob_len_max"),
    ];
    writeln!(out, "/// What each board holds, base first.")?;
    writeln!(out, "pub const BOARDS: &[Capacity] = &[")?;
    for board in boards {
        write!(out, "    Capacity {{ board: {:?}, ", board.name)?;
        for (field, key) in FIELDS {
            let known = board.table("limits").find(|entry| entry.key == key);
            if let Some(Value::Integer(number)) = known.map(|entry| &entry.value) {
                write!(out, "{field}: {number}, ")?;
            }
        }
        let features = board.table("build").find(|entry| entry.key == "features");
        let has_console = features.is_some_and(|entry| match &entry.value {
            Value::List(features) => features.iter().any(|feature| feature == "console"),
            Value::Integer(_) | Value::Text(_) | Value::Flag(_) => false,
        });
        writeln!(out, "console: {has_console} }},")?;
    }
    writeln!(out, "];")
}
