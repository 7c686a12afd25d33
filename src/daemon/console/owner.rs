//! Who else uses a terminal: two readers would take each other's keys.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, makedev, minor};

/// A process whose controlling terminal the device is: a getty, a login shell.
pub(super) fn owner(device: u64) -> Option<String> {
    let device = behind_console(device).unwrap_or(device);
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let (pid, name, terminal) = parse(&stat)?;
        (terminal == device).then(|| format!("{name}, process {pid}"))
    })
}

/// Whether standard error, where the log goes, is this terminal.
pub(super) fn is_log(terminal: &Path) -> bool {
    let device = |path| {
        let device = fs::metadata(path).ok()?.rdev();
        Some(behind_console(device).unwrap_or(device))
    };
    // What is no device has the number zero.
    let log = device(Path::new("/proc/self/fd/2")).filter(|device| *device != 0);
    log.is_some() && log == device(terminal)
}

/// `pid (name) state ppid pgrp session tty_nr …` (proc_pid_stat(5)): number, name, terminal.
fn parse(stat: &str) -> Option<(&str, &str, u64)> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let number: i32 = rest.split(' ').nth(4)?.parse().ok()?;
    // Its minor number is in bits 31 to 20 and 7 to 0, the major one in bits 15 to 8.
    let bits = u64::from(number.cast_unsigned());
    let terminal = makedev(bits >> 8 & 0xff, bits >> 12 & 0xfff00 | bits & 0xff);
    (number != 0).then_some((pid, name, terminal))
}

/// `/dev/console` is another name: of the last one of the kernel's consoles.
fn behind_console(device: u64) -> Option<u64> {
    if (major(device), minor(device)) != (5, 1) {
        return None;
    }
    let active = fs::read_to_string("/sys/class/tty/console/active").ok()?;
    let number = fs::read_to_string(
        Path::new("/sys/class/tty").join(active.split_whitespace().last()?).join("dev"),
    );
    let number = number.ok()?;
    let (major, minor) = number.trim().split_once(':')?;
    Some(makedev(major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_of_a_process_is_read_from_its_stat() {
        let getty = "812 (get (x) ty) S 1 812 812 1088 812 4194304 94 0";
        // ttyS0 is 4:64 (Documentation/admin-guide/devices.txt).
        assert_eq!(parse(getty), Some(("812", "get (x) ty", makedev(4, 64))));
        // pts/300 is 136:300.
        assert_eq!(parse("9 (sh) S 1 9 9 1083436 9 0").map(|row| row.2), Some(makedev(136, 300)));
        assert_eq!(parse("2 (kthreadd) S 0 0 0 0 -1 2129984"), None);
    }
}
