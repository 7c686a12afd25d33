//! Files: read with care, replaced at once.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::source::text::TEXT_LEN_MAX;
use crate::limits::BLOB_LEN_MAX;

/// A blob holds secrets.
pub(super) const MODE: u32 = 0o600;

/// The octets of a regular file, or why not.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err("is not a regular file".to_owned());
    }
    // One octet more than is wanted tells a file that is too long; the compiler says so.
    let limit = TEXT_LEN_MAX.max(BLOB_LEN_MAX) + 1;
    let expected = usize::try_from(metadata.len()).unwrap_or(limit).min(limit);
    let mut octets = Vec::with_capacity(expected + 1);
    let file = open(path)?;
    file.take(u64::try_from(limit).unwrap_or(u64::MAX))
        .read_to_end(&mut octets)
        .map_err(|error| reason(&error))?;
    Ok(octets)
}

/// A file to be read bit by bit, perhaps a pipe; or why not.
pub(super) fn open(path: &Path) -> Result<File, String> {
    let file = File::open(path).map_err(|error| reason(&error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err("is a directory".to_owned()),
        Ok(_) => Ok(file),
        Err(error) => Err(reason(&error)),
    }
}

pub(super) fn reason(error: &Error) -> String {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        "does not exist".to_owned()
    } else if kind == ErrorKind::PermissionDenied {
        "may not be read".to_owned()
    } else {
        format!("cannot be read: {error}")
    }
}

/// Puts `octets` in the place of `path` at once: whoever opens it finds the old file or the new
/// one, never a part, and after a power failure as well. Where `path` is a link, its target is
/// replaced.
pub(super) fn replace(path: &Path, octets: &[u8], mode: u32) -> Result<(), Error> {
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::other("it exists and is not a regular file"));
    }
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().ok_or_else(|| Error::other("it has no file name"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let result =
        write_new(&temporary, octets, mode).and_then(|()| std::fs::rename(&temporary, &path));
    if result.is_err() {
        // It may never have existed.
        let _ = std::fs::remove_file(&temporary);
        return result;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // Not every file system can do this; the file is in its place all the same.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Whether two paths lead to the same file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    match (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn write_new(path: &Path, octets: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}
