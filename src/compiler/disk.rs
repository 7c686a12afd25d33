//! The files around a text.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::file;
use crate::config::source::{Found, Surroundings};

/// The file system, the environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk;

/// So many patterns may come of the braces of one.
const PATTERNS_MAX: usize = 256;

/// As glob(3) matches when nothing else is asked of it.
const AS_GLOB: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Surroundings for Disk {
    fn find(&self, folder: &str, pattern: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for pattern in braces(pattern) {
            let path = if folder == "." || pattern.starts_with('/') {
                pattern
            } else {
                format!("{}/{pattern}", glob::Pattern::escape(folder))
            };
            // A pattern that is none matches nothing, and the compiler says so.
            let Ok(paths) = glob_with(&path, AS_GLOB) else { continue };
            found.extend(paths.map(|path| match path {
                Ok(path) => {
                    let content = content(&path);
                    Found { name: path.display().to_string(), identity: identity(&path), content }
                }
                Err(error) => {
                    let name = error.path().display().to_string();
                    Found {
                        identity: name.clone(),
                        content: Err(file::reason(error.error())),
                        name,
                    }
                }
            }));
        }
        found
    }

    fn absolute(&self, folder: &str) -> String {
        identity(Path::new(folder))
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn identity(&self, name: &str) -> String {
        identity(Path::new(name))
    }
}

fn identity(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    path.display().to_string()
}

/// The octets of a file that keepalived would include.
fn content(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| file::reason(&error))?;
    if metadata.is_dir() {
        return Err("is a directory".to_owned());
    }
    if metadata.permissions().mode() & 0o111 != 0 {
        return Err("is executable".to_owned());
    }
    file::read(path)
}

/// `a{b,c}d` is `abd` and `acd`, from left to right, nested as well; a `{` without `}` is itself.
fn braces(pattern: &str) -> Vec<String> {
    let Some((before, inside, after)) = first_braces(pattern) else {
        return vec![pattern.to_owned()];
    };
    let mut depth = 0_usize;
    let choices = inside.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let mut all = Vec::new();
    for choice in choices {
        let more = braces(&format!("{before}{choice}{after}"));
        all.extend(more);
        if all.len() > PATTERNS_MAX {
            break;
        }
    }
    all
}

fn first_braces(pattern: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = pattern.split_once('{')?;
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((before, rest.get(..at)?, rest.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::braces;

    #[test]
    fn braces_are_choices() {
        assert_eq!(braces("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(braces("{a,b{1,2}}/*.conf"), ["a/*.conf", "b1/*.conf", "b2/*.conf"]);
        assert_eq!(braces("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
        assert_eq!(braces("a{b"), ["a{b"]);
        assert_eq!(braces("plain"), ["plain"]);
    }
}
