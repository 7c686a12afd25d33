//! From a request to a program, its arguments and its user, or the reason why not.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::account::{self, Account};
use crate::io::child::{Identity, Recipe};
use crate::track::message::{Refusal, Run};

/// Where programs are looked for that are named without a path.
const PATH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What is to be run, and as whom. `own` is the helper's user.
///
/// # Errors
/// It cannot be run, today or tomorrow.
pub(super) fn recipe(run: &Run<'_>, own: u32) -> Result<Recipe, Refusal> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
    let account = account::find((&passwd, &group), (run.user, run.group), run.supplementary)?;
    let identity = match account {
        Some(Account { uid, gid, groups }) if own == 0 => Some(Identity { uid, gid, groups }),
        // Who is not root is himself, or nobody.
        Some(Account { uid, .. }) if uid != own && !run.user.is_empty() => {
            return Err(Refusal::NotPermitted);
        }
        Some(_) | None => None,
    };
    let mut words = run.words.split_terminator('\0').chain(run.tail.split_terminator('\0'));
    let program = words.next().unwrap_or_default();
    let path = find_program(program)?;
    let runs_as_root = identity.as_ref().map_or(own, |identity| identity.uid) == 0;
    if run.secure && runs_as_root && !is_secure(&path) {
        return Err(Refusal::Insecure);
    }
    // The words have no zeros: those end them.
    let terminated = |text: &str| CString::new(text).unwrap_or_default();
    let file = CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default();
    let arguments = core::iter::once(program).chain(words).map(terminated).collect();
    Ok(Recipe { file, arguments, identity })
}

fn find_program(name: &str) -> Result<PathBuf, Refusal> {
    if name.starts_with('/') {
        return Ok(PathBuf::from(name));
    }
    if name.contains('/') {
        // Relative to what?
        return Err(Refusal::Missing);
    }
    let mut candidates = PATH.iter().map(|directory| Path::new(directory).join(name));
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
    };
    candidates.find(is_program).ok_or(Refusal::Missing)
}

/// Whether nobody but root can change what is found at `path`: neither the file, nor a directory on
/// the way to it, as written and as it really is. A directory that lets everybody make files but not
/// remove those of others (`/tmp`) is no harm.
fn is_secure(path: &Path) -> bool {
    let real = fs::canonicalize(path);
    let Ok(real) = real else { return true }; // It is not there: that is what will be said.
    path.ancestors().chain(real.ancestors()).all(|part| {
        fs::metadata(part).is_ok_and(|meta| {
            let (mode, is_sticky) = (meta.mode(), meta.is_dir() && meta.mode() & 0o1000 != 0);
            let by_owner = meta.uid() != 0 && mode & 0o200 != 0;
            let by_group = meta.gid() != 0 && mode & 0o020 != 0;
            let by_others = mode & 0o002 != 0;
            !by_owner && (is_sticky || !(by_group || by_others))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn run<'a>(words: &'a str, user: &'a str) -> Run<'a> {
        Run {
            ticket: 1,
            limit: Span::from_secs(1),
            secure: false,
            supplementary: false,
            user,
            group: "",
            words,
            tail: "MASTER\x00100\0",
        }
    }

    #[test]
    fn a_program_without_a_path_is_looked_for() {
        let recipe = recipe(&run("sh\0-c\0exit 1\0", "0"), 0).unwrap();
        assert!(recipe.file.to_str().unwrap().ends_with("bin/sh"));
        let words: Vec<_> = recipe.arguments.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words, ["sh", "-c", "exit 1", "MASTER", "100"]);
        assert_eq!(recipe.identity, Some(Identity { uid: 0, gid: 0, groups: vec![0] }));
        for missing in ["no-such-program-anywhere\0", "./sh\0", "bin/sh\0"] {
            assert_eq!(super::recipe(&run(missing, ""), 0), Err(Refusal::Missing));
        }
    }

    #[test]
    fn who_is_not_root_becomes_nobody_else() {
        let mine = recipe(&run("/bin/true\0", "1000"), 1000).unwrap();
        assert_eq!(mine.identity, None);
        assert_eq!(recipe(&run("/bin/true\0", "0"), 1000), Err(Refusal::NotPermitted));
    }

    /// A directory that only its owner may change, on the way to it as well, as far as the machine
    /// that the tests run on has it so.
    #[test]
    fn what_others_could_change_is_not_secure() {
        let directory = PathBuf::from(format!("/run/ringward-test-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("script");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let link = directory.join("link");
        symlink(&file, &link).unwrap();
        for (directory_mode, file_mode, expected) in [
            (0o755, 0o755, true),
            (0o755, 0o757, false),
            (0o777, 0o755, false),
            (0o1777, 0o755, true),
        ] {
            mode(&directory, directory_mode);
            mode(&file, file_mode);
            assert_eq!(is_secure(&file), expected, "{directory_mode:o} {file_mode:o}");
            assert_eq!(is_secure(&link), expected, "{directory_mode:o} {file_mode:o}");
        }
        mode(&directory, 0o755);
        mode(&file, 0o755);
        std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
        assert!(!is_secure(&file), "its owner could change it");
        fs::remove_dir_all(&directory).unwrap();
    }
}
