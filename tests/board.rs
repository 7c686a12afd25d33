//! The reader of `board/*.toml`, and what came of it.
#![cfg(test)]

#[path = "../board/read.rs"]
mod read;

use std::path::Path;

use read::{Board, Mistake, Value, parse_base};
use ringward::limits::{BOARD, BOARDS, INSTANCE_COUNT_MAX};

const BASE: &str = "# Of a table.\n\n[limits]\n# Doors, all of them.\ndoor_count_max = 1_024\n\
                    # Windows, of which\n# some open.\nwindow_count_max = 0x20\n[board]\n\
                    # Its name.\nsummary = \"a house\"\n# Pets.\npets = [\"cat\"]\n";

fn base() -> Board {
    parse_base("base.toml", BASE).unwrap()
}

/// What is said about a board of this text.
fn refused(text: &str) -> Vec<String> {
    let mistakes = base().derive("hut", "hut.toml", text).unwrap_err();
    mistakes.iter().map(Mistake::to_string).collect()
}

#[test]
fn a_board_takes_from_base_what_it_does_not_say() {
    let hut = base().derive("hut", "hut.toml", "[limits]\nwindow_count_max = 1\n").unwrap();
    let values: Vec<(&str, &Value)> =
        hut.entries.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect();
    assert_eq!(
        values,
        [
            ("door_count_max", &Value::Integer(1024)),
            ("window_count_max", &Value::Integer(1)),
            ("summary", &Value::Text("a house".into())),
            ("pets", &Value::List(vec!["cat".into()])),
        ]
    );
    let docs: Vec<&[String]> = hut.table("limits").map(|entry| entry.doc.as_slice()).collect();
    assert_eq!(docs, [&["Doors, all of them."][..], &["Windows, of which", "some open."]]);
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_key() {
    assert_eq!(
        refused("[limits]\n  dor_count_max = 1\nchimneys = 2\n"),
        [
            "hut.toml:2:3: unknown key `dor_count_max`; did you mean `door_count_max`?",
            "hut.toml:3:1: unknown key `chimneys`; [limits] of board/base.toml has all there are",
        ]
    );
}

#[test]
fn an_unknown_table_is_refused_once() {
    assert_eq!(
        refused("[limit]\ndoor_count_max = 1\nwindow_count_max = 1\n"),
        ["hut.toml:1:2: unknown table `limit`; did you mean `limits`?"]
    );
}

#[test]
fn a_value_of_another_kind_is_refused() {
    assert_eq!(
        refused("[limits]\ndoor_count_max = \"3\"\nwindow_count_max = -1\n"),
        [
            "hut.toml:2:18: `door_count_max` is a string; it must be an integer",
            "hut.toml:3:20: a number from 0 to 4294967295 is needed",
        ]
    );
    assert_eq!(refused("[board]\npets = [1]\n"), ["hut.toml:2:8: a list may hold strings only"]);
    assert_eq!(refused("pets = 1\n"), ["hut.toml:1:1: `pets` stands in no table such as [limits]"]);
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_place() {
    let mistakes = refused("[limits]\ndoor_count_max 1\n");
    assert!(mistakes[0].starts_with("hut.toml:2:"), "{mistakes:?}");
}

#[test]
fn a_key_of_base_without_a_comment_is_refused() {
    let mistakes = parse_base("base.toml", "[limits]\n# A.\na = 1\nb = 2\n").unwrap_err();
    assert_eq!(mistakes[0].to_string(), "base.toml:4:1: `b` has no comment above it");
}

#[test]
fn the_build_has_the_boards_of_the_folder() {
    let boards = read::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("board")).unwrap();
    let names: Vec<&str> = boards.iter().map(|board| board.name.as_str()).collect();
    let built: Vec<&str> = BOARDS.iter().map(|capacity| capacity.board).collect();
    assert_eq!(built, names);
    let here = boards.iter().find(|board| board.name == BOARD).unwrap();
    let instances = here.table("limits").find(|entry| entry.key == "instance_count_max").unwrap();
    assert_eq!(instances.value, Value::Integer(INSTANCE_COUNT_MAX.try_into().unwrap()));
}

/// Whoever is at a router's serial line is not root for that.
#[test]
fn only_boards_of_the_laboratory_have_a_shell_without_a_password() {
    let boards = read::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("board").as_path()).unwrap();
    for board in boards {
        let shell = board.table("console").find(|entry| entry.key == "shell").unwrap();
        let expected = Value::Flag(board.name.starts_with("qemu-"));
        assert_eq!(shell.value, expected, "{}", board.name);
    }
}
