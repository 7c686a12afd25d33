//! A guest: QEMU, its serial line, and its monitor.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::image::target;
use super::machine::Machine;
use super::segment::Segment;

/// For what a quiet machine does in three seconds, and a busy one in thirty.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a kernel says when something is wrong: with it, or with the program. `type=1326` is a
/// system call that a seccomp filter did not allow (AUDIT_SECCOMP, linux/audit.h).
const TROUBLE: [&str; 7] =
    ["type=1326", "Kernel panic", "Oops", "BUG:", "segfault", "not-permitted", "daemon-died"];

pub(crate) struct Guest {
    qemu: Child,
    input: ChildStdin,
    serial: Arc<Serial>,
    monitor: PathBuf,
    name: String,
}

/// What came over the serial line.
#[derive(Default)]
struct Serial {
    /// The text, and whether there will be no more.
    said: Mutex<(String, bool)>,
    /// How long the text was when.
    times: Mutex<Vec<(usize, Instant)>>,
    news: Condvar,
}

/// Guests whose time is ours.
const FREE: [&str; 2] = ["-accel", "tcg,thread=multi"];

impl Guest {
    /// Powers it on, with this initramfs.
    pub(crate) fn start(
        machine: &Machine,
        segment: &Segment,
        number: u8,
        initramfs: &[u8],
    ) -> Self {
        Guest::start_paced(machine, segment, number, initramfs, &FREE)
    }

    /// The same, with what QEMU is told of its pace.
    pub(crate) fn start_paced(
        machine: &Machine,
        segment: &Segment,
        number: u8,
        initramfs: &[u8],
        pace: &[&str],
    ) -> Self {
        let name = format!("guest-{number}");
        let [image, monitor] =
            ["initramfs", "monitor"].map(|what| segment.folder().join(format!("{name}-{what}")));
        fs::write(&image, initramfs).unwrap();
        let vm = target().join("vm");
        let mut command = Command::new(vm.join(machine.program));
        command.args(machine.arguments).args(pace);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
        for firmware in ["qemu", "seabios"] {
            command.arg("-L").arg(vm.join("root/usr/share").join(firmware));
        }
        let kernel = vm.join(format!("kernel-{}/kernel", machine.architecture));
        command.arg("-kernel").arg(kernel).arg("-initrd").arg(&image);
        // Notices are shown: what a filter has refused is one.
        let line = format!(
            "console={} loglevel=7 panic=-1 nokaslr mitigations=off tsc=reliable no_timer_check",
            machine.tty
        );
        command.args(["-append", &line, "-serial", "stdio"]);
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", monitor.display()));
        command.arg("-netdev").arg(segment.plug(&name));
        command
            .arg("-device")
            .arg(format!("{},netdev=wire,mac=52:54:00:00:00:{number:02x}", machine.card));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut qemu =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", machine.program));
        let serial = Arc::<Serial>::default();
        let (listener, output) = (Arc::clone(&serial), qemu.stdout.take().unwrap());
        std::thread::spawn(move || listener.listen(output));
        let input = qemu.stdin.take().unwrap();
        Guest { qemu, input, serial, monitor, name }
    }

    /// Waits until its serial line has said this.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str) {
        self.serial.wait(PATIENCE, &self.name, text);
    }

    /// When its serial line said this.
    #[track_caller]
    pub(crate) fn when(&self, text: &str) -> Instant {
        self.serial.wait(PATIENCE, &self.name, text);
        let said = self.serial.said.lock().unwrap();
        let end = said.0.find(text).unwrap() + text.len();
        let times = self.serial.times.lock().unwrap();
        times.iter().find(|(len, _)| *len >= end).unwrap().1
    }

    /// Waits until a VT100 at its serial line shows this. Its rows.
    #[track_caller]
    pub(crate) fn until_shown(&self, text: &str) -> Vec<String> {
        self.shown(text, PATIENCE).unwrap_or_else(|rows| {
            panic!("{} does not show {text:?}, but\n{}", self.name, rows.join("\n"))
        })
    }

    /// The same, and presses keys every other second, which are lost where nobody reads yet.
    #[track_caller]
    pub(crate) fn press_until_shown(&mut self, keys: &str, text: &str) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.press(keys);
            if let Ok(rows) = self.shown(text, Duration::from_secs(2)) {
                return rows;
            }
        }
        self.until_shown(text)
    }

    /// Its rows, whether or not they show this in time.
    fn shown(&self, text: &str, patience: Duration) -> Result<Vec<String>, Vec<String>> {
        let until = Instant::now() + patience;
        let (mut terminal, mut taken) = (vt100::Parser::new(24, 80, 0), 0);
        let mut said = self.serial.said.lock().unwrap();
        loop {
            terminal.process(&said.0.as_bytes()[taken..]);
            taken = said.0.len();
            let rows = terminal.screen().rows(0, 80);
            let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
            if rows.iter().any(|row| row.contains(text)) {
                return Ok(rows);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || said.1 {
                return Err(rows);
            }
            said = self.serial.news.wait_timeout(said, left).unwrap().0;
        }
    }

    pub(crate) fn said(&self) -> String {
        self.serial.said.lock().unwrap().0.clone()
    }

    /// Types a line for the shell, as soon as that is there: what is typed before is thrown away.
    #[track_caller]
    pub(crate) fn say(&mut self, line: &str) {
        self.expect("built-in shell");
        self.press(&format!("{line}\n"));
    }

    /// Types keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Takes its power away. The instant before.
    pub(crate) fn kill(mut self) -> Instant {
        let mut monitor = self.monitor();
        let before = Instant::now();
        monitor.ask("quit");
        self.qemu.wait().unwrap();
        self.judge();
        before
    }

    /// Has it switched off by its own system, asked for on its serial line. The instant before.
    #[track_caller]
    pub(crate) fn power_off(mut self) -> Instant {
        let mut monitor = self.monitor();
        let before = Instant::now();
        self.say("poweroff");
        let reason = monitor.wait_for_shutdown();
        assert_eq!(reason, "guest-shutdown");
        self.qemu.wait().unwrap();
        self.judge();
        before
    }

    fn monitor(&self) -> Monitor {
        let stream = UnixStream::connect(&self.monitor).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut monitor = Monitor { stream: BufReader::new(stream) };
        monitor.ask("qmp_capabilities");
        monitor
    }

    /// Nothing on the serial line speaks of trouble.
    #[track_caller]
    fn judge(&self) {
        let said = self.said();
        for trouble in TROUBLE {
            assert!(!said.contains(trouble), "{} said {trouble}", self.name);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} has said:\n{}", self.name, self.said());
        }
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Serial {
    fn listen(&self, mut output: impl Read) {
        let mut octets = [0; 4096];
        loop {
            let count = output.read(&mut octets).unwrap_or(0);
            let mut said = self.said.lock().unwrap();
            said.0.push_str(&String::from_utf8_lossy(&octets[..count]));
            said.1 = count == 0;
            self.times.lock().unwrap().push((said.0.len(), Instant::now()));
            self.news.notify_all();
            if said.1 {
                return;
            }
        }
    }

    #[track_caller]
    fn wait(&self, patience: Duration, name: &str, text: &str) {
        let until = Instant::now() + patience;
        let mut said = self.said.lock().unwrap();
        while !said.0.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let is_over = left.is_zero() || said.1;
            if is_over {
                // The text is shown by whoever drops the guest.
                drop(said);
                panic!("{name} did not say {text:?}");
            }
            said = self.news.wait_timeout(said, left).unwrap().0;
        }
    }
}

/// QEMU's machine protocol: one JSON document a line.
struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    fn ask(&mut self, command: &str) {
        writeln!(self.stream.get_mut(), "{{\"execute\": \"{command}\"}}").unwrap();
    }

    /// Why the machine stops.
    fn wait_for_shutdown(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the monitor has hung up");
            let document: serde_json::Value = serde_json::from_str(&line).unwrap();
            if document["event"] == "SHUTDOWN" {
                return document["data"]["reason"].as_str().unwrap().to_owned();
            }
        }
    }
}
