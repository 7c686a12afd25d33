//! A daemon on a node whose control socket can be reached from outside, and its consoles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringward::lab::{Node, Process, Segment};

use crate::rig;

pub(crate) const RINGWARD: &str = env!("CARGO_BIN_EXE_ringward");
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// An instance in keepalived's words.
pub(crate) fn instance(name: &str, interface: &str, vrid: u32, priority: u8, vip: &str) -> String {
    format!(
        "vrrp_instance {name} {{
  version 3
  interface {interface}
  virtual_router_id {vrid}
  priority {priority}
  advert_int 0.1
  virtual_ipaddress {{
    {vip}/32
  }}
}}
"
    )
}

/// One instance that is MASTER as soon as it runs, and one that lacks its interface.
pub(crate) fn two() -> String {
    let global = "global_defs {\n  router_id gw1\n}\n";
    let owner = instance("gateway", "eth0", 51, 255, "10.99.0.100");
    global.to_owned() + &owner + &instance("office", "lan7", 52, 100, "10.99.0.110")
}

pub(crate) struct Scene {
    pub(crate) segment: Segment,
    pub(crate) node: Node,
    pub(crate) daemon: Process,
    directory: PathBuf,
}

impl Scene {
    /// Starts the daemon with `text` and further options; `test` names its directory.
    pub(crate) fn new(test: &str, text: &str, options: &[&str]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console").join(test);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let source = directory.join("ringward.conf");
        fs::write(&source, text).unwrap();
        let blob = rig::compile(&source);
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let node = segment.node().unwrap();
        let mut command = Command::new(RINGWARD);
        command.arg("run").arg("--config").arg(blob);
        command.arg("--run-directory").arg(&directory).args(options);
        let daemon = node.spawn(&mut command).unwrap_or_else(|fault| panic!("{fault}"));
        let scene = Scene { segment, node, daemon, directory };
        scene.eventually("an answer", |scene| scene.ask(&["status"]).starts_with("ringward"));
        scene
    }

    /// Puts another configuration in force.
    pub(crate) fn reload(&self, text: &str) {
        let source = self.directory.join("ringward.conf");
        fs::write(&source, text).unwrap();
        let blob = rig::compile(&source);
        let said = self.ask(&["reload", blob.to_str().unwrap()]);
        assert!(!said.starts_with("error"), "{said}");
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.directory.join("control")
    }

    /// What the command prints, or says to be wrong.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(RINGWARD);
        let output = command.args(arguments).arg("--control").arg(self.control()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    #[track_caller]
    pub(crate) fn eventually(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let give_up = Instant::now() + SOON;
        while !condition(self) {
            assert!(Instant::now() < give_up, "not in time: {what}\n{}", self.daemon.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a console waits to be told of transitions: its connection stays, where those of
    /// every other request are gone in an instant.
    pub(crate) fn wait_until_followed(&self) {
        let mut before = self.connections();
        self.eventually("somebody follows", |scene| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            let now = scene.connections();
            let stays = now.iter().any(|inode| before.contains(inode));
            before = now;
            stays
        });
    }

    /// The inodes of the control socket's connections.
    fn connections(&self) -> Vec<String> {
        let control = self.control();
        // The daemon's end is listed where the console is: here, or on the node.
        let of = |process: &str| fs::read_to_string(format!("/proc/{process}/net/unix")).unwrap();
        let sockets = of("self") + &of(&self.daemon.pid().to_string());
        // `Num RefCount Protocol Flags Type St Inode Path`; St 03: connected (linux/net.h).
        let words = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        words
            .filter(|words| words.get(5) == Some(&"03"))
            .filter(|words| words.get(7).is_some_and(|path| Path::new(path) == control))
            .map(|words| words[6].to_owned())
            .collect()
    }

    /// A console at `tty`.
    pub(crate) fn console(&self, tty: &Path, options: &[&str]) -> Console {
        let mut command = Command::new(RINGWARD);
        command.arg("console").arg("--tty").arg(tty).args(options);
        command.arg("--control").arg(self.control());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Console { process: command.spawn().unwrap() }
    }
}

/// A console that runs; dropping it ends it.
pub(crate) struct Console {
    pub(crate) process: Child,
}

impl Console {
    /// Asks it to end, and waits for that.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
