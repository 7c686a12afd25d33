//! A serial line with a terminal at its other end, which is read only when it is looked at.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

use crate::scene::SOON;

pub(crate) struct Line {
    master: File,
    /// Keeps the line alive while nobody else has it open.
    slave: File,
    pub(crate) path: PathBuf,
    terminal: vt100::Parser,
    /// All that has come.
    pub(crate) octets: Vec<u8>,
}

impl Line {
    /// A line that does not say how large its terminal is, as serial ones are: 24 × 80.
    pub(crate) fn new() -> Self {
        Self::with_size(0, 0)
    }

    pub(crate) fn with_size(rows: u16, columns: u16) -> Self {
        // Not for the programs that other tests start meanwhile.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname_r(&master).unwrap());
        let noctty = OFlag::O_NOCTTY.bits();
        let slave =
            File::options().read(true).write(true).custom_flags(noctty).open(&path).unwrap();
        if rows > 0 {
            let mut command = Command::new("stty");
            command.args(["rows", &rows.to_string(), "cols", &columns.to_string()]);
            assert!(command.stdin(slave.try_clone().unwrap()).status().unwrap().success());
        }
        let (rows, columns) = if rows == 0 { (24, 80) } else { (rows, columns) };
        let terminal = vt100::Parser::new(rows, columns, 1000);
        let master = File::from(std::os::fd::OwnedFd::from(master));
        Line { master, slave, path, terminal, octets: Vec::new() }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Takes what comes within `patience`. False: nothing.
    pub(crate) fn listen(&mut self, patience: Duration) -> bool {
        let timeout = PollTimeout::try_from(patience).unwrap();
        let mut waited = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waited, timeout).unwrap() == 0 {
            return false;
        }
        let mut octets = [0; 4096];
        let count = self.master.read(&mut octets).unwrap();
        self.terminal.process(&octets[..count]);
        self.octets.extend_from_slice(&octets[..count]);
        true
    }

    pub(crate) fn rows(&self) -> Vec<String> {
        let columns = self.terminal.screen().size().1;
        self.terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect()
    }

    pub(crate) fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// Reads until the screen is as wanted.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let give_up = Instant::now() + SOON;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < give_up, "not in time: {what}\n{text}");
            self.listen(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub(crate) fn until_there_is(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Its settings, as stty prints them.
    pub(crate) fn settings(&self) -> String {
        let mut command = Command::new("stty");
        let output = command.arg("-g").stdin(self.slave.try_clone().unwrap()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// A program that has the line as its controlling terminal, as a getty does.
    #[allow(clippy::zombie_processes, reason = "the caller waits; a failed test leaves a sleep")]
    pub(crate) fn getty(&self) -> std::process::Child {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "sleep", "1000"]).stdin(self.slave.try_clone().unwrap());
        let child = command.spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        let give_up = Instant::now() + SOON;
        loop {
            // proc_pid_stat(5): behind the name in parentheses, the fifth word is tty_nr, 0: none.
            let text = fs::read_to_string(&stat).unwrap();
            let (name, rest) = text.rsplit_once(')').unwrap();
            if name.ends_with("(sleep") && rest.split_whitespace().nth(4) != Some("0") {
                return child;
            }
            assert!(Instant::now() < give_up, "it has no terminal: {text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Pulls it out: the console is the only one that has it open then.
    pub(crate) fn unplug(self) {}

    pub(crate) fn cells(&self, row: u16) -> impl Fn(u16) -> vt100::Cell {
        let screen = self.terminal.screen().clone();
        move |column| screen.cell(row, column).unwrap().clone()
    }
}

/// A name for a line that stays when the line is another one.
pub(crate) fn name(link: &Path, line: &Line) {
    let _ = fs::remove_file(link);
    std::os::unix::fs::symlink(&line.path, link).unwrap();
}
