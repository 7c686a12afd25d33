//! `plan`: what the first program of an image would say about its plan, before there is an image.

use std::path::Path;

use super::{Outcome, complain, read};
use crate::config::plan::{Step, parse};

/// `plan`: complains about every line that is no step, and every module that is not in `overlay`.
pub fn plan_file(input: &Path, overlay: Option<&Path>) -> Outcome {
    let Some(octets) = read(input) else { return Outcome::File };
    let Ok(text) = core::str::from_utf8(&octets) else {
        complain(&format!("{}: not UTF-8", input.display()));
        return Outcome::Invalid;
    };
    let mut outcome = Outcome::Fine;
    for (number, line) in (1..).zip(text.lines()) {
        let (at, reason) = match parse(line) {
            Ok(Some(Step::Module { file, .. })) if !is_in(overlay, file) => {
                let reason = format!("{file} is not in the overlay, and would not be in the image");
                (line.find(file).unwrap_or(0), reason)
            }
            Ok(_) => continue,
            Err(mistake) => (mistake.at, mistake.fault.to_string()),
        };
        complain(&format!("{}:{number}:{}: {reason}", input.display(), at + 1));
        outcome = Outcome::Invalid;
    }
    outcome
}

fn is_in(overlay: Option<&Path>, file: &str) -> bool {
    overlay.is_some_and(|folder| folder.join(file.trim_start_matches('/')).is_file())
}
