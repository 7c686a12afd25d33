//! The table as KEYWORDS.md shows it.

use std::fmt::Write as _;

use super::{KEYWORDS, Status};

/// KEYWORDS.md, to the letter: `ringwardc keywords >KEYWORDS.md`.
pub fn page() -> String {
    let mut text = String::from(
        "# Keywords\n\nEvery keyword of keepalived 2.4.3, and what ringward makes of it. Made of \
         `src/config/source/keywords/table.rs` by\n`ringwardc keywords`; a test compares.\n\n",
    );
    let count = |status: &str| {
        let mut names: Vec<&str> =
            KEYWORDS.iter().filter(|k| k.status.name() == status).map(|k| k.name).collect();
        names.dedup();
        names.len()
    };
    for (status, meaning) in [
        ("built", "does what keepalived does"),
        ("note", "accepted; means nothing here, and a message says why"),
        ("later", "an error that says so, until it is built"),
        ("never", "an error that says what to do instead"),
    ] {
        let _ = writeln!(text, "* **{status}** ({}): {meaning}.", count(status));
    }
    text.push_str(
        "\nA name that means different things in different blocks counts once for each status.\n\n\
         | keyword | in | status | what |\n|---|---|---|---|\n",
    );
    for keyword in KEYWORDS {
        let blocks: Vec<&str> = keyword.blocks.iter().map(|block| block.name()).collect();
        let why = match keyword.status {
            Status::Note(why) | Status::Never(why) => format!(". {}", capital(why)),
            Status::Built | Status::Later => String::new(),
        };
        let (name, status, about) = (keyword.name, keyword.status.name(), keyword.about);
        let about = format!("{about}{why}").replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | {} | {status} | {about} |", blocks.join(", "));
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}
