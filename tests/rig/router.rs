//! A router on a node: ringward, or the keepalived that this machine's tests run against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ringward::lab::{Node, Process};
use serde_json::Value;

/// Which program a router runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Program {
    Ringward,
    Keepalived,
}

/// Where keepalived is, and the libraries that it brought along.
#[derive(Clone, Debug)]
pub(crate) struct Keepalived {
    program: PathBuf,
    libraries: Option<PathBuf>,
}

impl Keepalived {
    /// The one that `tests/peers/fetch` has unpacked, without its wrapper: starting a shell takes
    /// longer than some of what is measured.
    pub(crate) fn fetched() -> Self {
        let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
        let program = peers.join("root/usr/sbin/keepalived");
        if program.exists() {
            return Keepalived { program, libraries: Some(peers.join("lib")) };
        }
        let wrapper = peers.join("keepalived");
        assert!(wrapper.exists(), "{} is missing: run tests/peers/fetch", wrapper.display());
        Keepalived { program: wrapper, libraries: None }
    }

    /// Some other one.
    pub(crate) fn at(program: PathBuf) -> Self {
        Keepalived { program, libraries: None }
    }

    /// With the scheduling that ringward asks for itself, where that is permitted: two routers are
    /// to be compared, and not how a busy machine treats them.
    pub(crate) fn realtime_command(&self) -> Command {
        let realtime = ["--fifo", "10"];
        let is_permitted = Command::new(CHRT).args(realtime).arg("true").output();
        if !is_permitted.is_ok_and(|output| output.status.success()) {
            return self.command();
        }
        let plain = self.command();
        let mut command = Command::new(CHRT);
        command.args(realtime).arg(plain.get_program());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap());
        }
        command
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// Of util-linux, which every Debian has.
pub(super) const CHRT: &str = "/usr/bin/chrt";

/// A router that runs. Dropping it kills all its processes at once.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) program: Program,
    pub(crate) process: Process,
}

/// The control socket, as the node sees it: each node has a `/run` of its own.
const CONTROL: &str = "/run/ringward/control";

impl Router {
    /// Starts `program` on `node` with the keepalived.conf `text`. Files are left in `directory`
    /// for whoever looks into a failure.
    pub(crate) fn start(program: Program, node: &Node, directory: &Path, text: &str) -> Self {
        fs::create_dir_all(directory).unwrap();
        let source = directory.join(format!("node{}.conf", node.number()));
        fs::write(&source, text).unwrap();
        let mut command = match program {
            Program::Keepalived => {
                forget_pid_files(node);
                let mut command = Keepalived::fetched().realtime_command();
                command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"]);
                command.arg("--use-file").arg(&source);
                command
            }
            Program::Ringward => {
                let blob = compile(&source);
                let mut command = Command::new(env!("CARGO_BIN_EXE_ringward"));
                command.arg("run").arg("--config").arg(blob).args(["--control", CONTROL]);
                command
            }
        };
        let process = node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"));
        Router { program, process }
    }

    /// Waits until the router listens for adverts.
    pub(crate) fn wait_until_ready(&mut self, node: &Node, within: Duration) {
        let give_up = Instant::now() + within;
        loop {
            let ready = match self.program {
                Program::Keepalived => self.process.output().contains("Startup complete"),
                Program::Ringward => {
                    let status = self.status(node);
                    states(&status).next().is_some()
                        && states(&status).all(|state| state == "BACKUP" || state == "MASTER")
                }
            };
            if ready {
                return;
            }
            let output = self.process.output();
            assert!(Instant::now() < give_up, "{:?} is not ready:\n{output}", self.program);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What `ringward status --json` says; what it printed instead, if that is no JSON.
    pub(crate) fn status(&self, node: &Node) -> Value {
        let output = self.ask(node, &["status", "--json"]);
        serde_json::from_str(&output).unwrap_or(Value::String(output))
    }

    /// What `ringward log --json` says.
    pub(crate) fn log(&self, node: &Node) -> Value {
        serde_json::from_str(&self.ask(node, &["log", "--json"])).unwrap()
    }

    /// What `ringward` prints, asked so.
    pub(crate) fn ask(&self, node: &Node, question: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringward"));
        command.args(question).args(["--control", CONTROL]);
        let Ok(mut client) = node.spawn(&mut command) else { return String::new() };
        let _ = client.wait(Duration::from_secs(60));
        client.output()
    }

    /// The whole router loses its power.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop, as an init does, and waits until it has.
    pub(crate) fn stop(&mut self, within: Duration) {
        self.process.signal(Signal::SIGTERM).unwrap();
        let (_, code) = self.process.wait(within).unwrap_or_else(|fault| {
            panic!("{:?} does not stop: {fault}\n{}", self.program, self.process.output())
        });
        assert_eq!(code, 0, "{:?} stops:\n{}", self.program, self.process.output());
    }
}

/// The states of all instances in a status.
pub(crate) fn states(status: &Value) -> impl Iterator<Item = &str> {
    let instances = status.get("instances").and_then(Value::as_array);
    instances.into_iter().flatten().filter_map(|instance| instance.get("state")?.as_str())
}

/// In a PID namespace of its own, each keepalived has the number that a killed one has left in its
/// PID file: it would take itself for an other one that runs, and stop.
pub(crate) fn forget_pid_files(node: &Node) {
    let removed = node.enter(|| {
        for name in ["keepalived.pid", "keepalived_vrrp.pid"] {
            let _ = fs::remove_file(Path::new("/run").join(name));
        }
        Ok(())
    });
    removed.unwrap_or_else(|fault| panic!("{fault}"));
}

/// The blob of this text. Both lie in a folder of the tests' own, under this name.
pub(crate) fn compile_text(folder: &str, name: &str, text: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&directory).unwrap();
    let source = directory.join(format!("{name}.conf"));
    fs::write(&source, text).unwrap();
    compile(&source)
}

/// Compiles a keepalived.conf by the program that users have.
pub(crate) fn compile(source: &Path) -> PathBuf {
    let blob = source.with_extension("rwb");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
    command.arg("compile").arg(source).arg("-o").arg(&blob).args(["--from", "keepalived"]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{} is refused:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    blob
}
