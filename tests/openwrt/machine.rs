//! A router with a root directory as OpenWrt's: busybox, ringward and the package's files where the
//! package puts them, and stand-ins for OpenWrt's own. The test plays procd.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sys::signal::Signal;
use ringward::lab::{Node, Process, Segment};
use serde_json::Value;

use crate::rig::{self, fault};
use crate::{package, root};

pub(crate) const SOON: Duration = Duration::from_secs(60);

/// The root directory, as the node sees it.
const ROOT: &str = "/run/root";
/// Where the script leaves what it says to procd.
const PROCD: &str = "/run/root/tmp/procd";

/// What procd was told of the one instance.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Instance {
    pub(crate) parameters: Vec<(String, Vec<String>)>,
}

impl Instance {
    pub(crate) fn get(&self, name: &str) -> Option<Vec<&str>> {
        let found = self.parameters.iter().find(|(parameter, _)| parameter == name)?;
        Some(found.1.iter().map(String::as_str).collect())
    }
}

/// A machine with OpenWrt's file system.
pub(crate) struct Machine {
    pub(crate) node: Node,
    pub(crate) segment: Segment,
    /// Of eth1.
    _other: Segment,
    /// What procd runs.
    pub(crate) daemon: Option<Process>,
    /// What procd was told last.
    pub(crate) instance: Option<Instance>,
    /// When to call the script: `config ringward`, `raw interface.* 1000 ...`.
    pub(crate) triggers: Vec<Vec<String>>,
}

impl Machine {
    /// With the package `ringward`, and `ringwardc` if it `has_compiler`; its networks, `lan=eth0`,
    /// a line each; and /etc/config/ringward.
    pub(crate) fn new(has_compiler: bool, networks: &str, config: &str) -> Self {
        let [segment, other] =
            [(); 2].map(|()| Segment::new().unwrap_or_else(|fault| panic!("{fault}")));
        let node = segment.node().unwrap();
        node.join(&other, "eth1", Ipv4Addr::new(10, 98, 0, 1)).unwrap();
        let busybox = busybox();
        node.enter(|| lay_out(&busybox, has_compiler).map_err(fault)).unwrap();
        let machine = Machine {
            node,
            segment,
            _other: other,
            daemon: None,
            instance: None,
            triggers: Vec::new(),
        };
        machine.run(&["/bin/busybox", "--install", "-s"]);
        machine.set_networks(networks);
        machine.configure(config);
        machine
    }

    pub(crate) fn set_networks(&self, networks: &str) {
        self.write("/tmp/network", networks.as_bytes());
    }

    pub(crate) fn configure(&self, config: &str) {
        self.write("/etc/config/ringward", config.as_bytes());
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        self.node.write(&format!("{ROOT}{path}"), content).unwrap();
    }

    /// Runs a program of the machine: how it ended, and what it said.
    pub(crate) fn run(&self, words: &[&str]) -> (i32, String) {
        let mut process = self.spawn(words);
        let (_, code) = process.wait(SOON).unwrap_or_else(|fault| panic!("{words:?}: {fault}"));
        (code, process.output())
    }

    fn spawn(&self, words: &[&str]) -> Process {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(ROOT).args(words).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        self.node.spawn(&mut command).unwrap()
    }

    /// `service ringward ACTION`, and then what procd does on account of it.
    pub(crate) fn service(&mut self, action: &str) -> (i32, String) {
        self.node
            .enter(|| {
                let _ = fs::remove_file(PROCD);
                Ok(())
            })
            .unwrap();
        let ended = self.run(&["/etc/init.d/ringward", action]);
        let said = self.node.enter(|| Ok(fs::read_to_string(PROCD).unwrap_or_default())).unwrap();
        self.obey(&said);
        ended
    }

    /// As procd's service_update and instance_update: what is not in a set is stopped, what has an
    /// error is not started, what has changed is started again.
    fn obey(&mut self, said: &str) {
        let items = said.split_terminator('\x1e');
        let mut items =
            items.map(|item| item.split_terminator('\x1f').map(str::to_owned).collect::<Vec<_>>());
        let Some(first) = items.next() else { return };
        let mut instance = None;
        if first[0] == "set" {
            self.triggers.clear();
        }
        let mut is_open = false;
        for item in items {
            match (item[0].as_str(), is_open) {
                ("instance", false) => {
                    assert_eq!(instance.replace(Instance::default()), None);
                    is_open = true;
                }
                ("end", true) => is_open = false,
                ("trigger", false) => self.triggers.push(item[1..].to_vec()),
                (parameter, true) => {
                    let parameter = (parameter.to_owned(), item[1..].to_vec());
                    instance.as_mut().unwrap().parameters.push(parameter);
                }
                other => panic!("{other:?} in {said:?}"),
            }
        }
        if instance != self.instance {
            self.stop();
        }
        self.instance = instance;
        let Some(instance) = &self.instance else { return };
        if self.daemon.is_none() && instance.get("error").is_none() {
            self.daemon = Some(self.spawn(&instance.get("command").unwrap()));
        }
    }

    fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.signal(Signal::SIGTERM).unwrap();
            let (_, code) = daemon.wait(SOON).unwrap();
            assert_eq!(code, 0, "{}", daemon.output());
        }
    }

    /// What `ringward QUESTION --json` says.
    pub(crate) fn ask(&self, question: &str) -> Value {
        let (_, said) = self.run(&["/usr/sbin/ringward", question, "--json"]);
        serde_json::from_str(&said).unwrap_or(Value::String(said))
    }

    /// State and fault of an instance; how often it has become master.
    pub(crate) fn state(&self, name: &str) -> (String, String, u64) {
        let status = self.ask("status");
        let instances = status["instances"].as_array().cloned().unwrap_or_default();
        let found = instances.iter().find(|instance| instance["name"] == name);
        let text = |key| found.and_then(|it| it[key].as_str()).unwrap_or("").to_owned();
        let count = found.and_then(|it| it["counters"]["became_master"].as_u64());
        (text("state"), text("fault"), count.unwrap_or(0))
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str, state: &str) {
        let shown = || self.daemon.as_ref().map(Process::output);
        rig::eventually(SOON, &format!("{name} is {state}, in {:?}", shown()), || {
            self.state(name).0 == state
        });
    }
}

/// The one that images have.
fn busybox() -> PathBuf {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => panic!("which busybox does {other} take?"),
    };
    let boards = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("boards");
    let path = boards.join(format!("toolchain/busybox-{architecture}"));
    let cure = format!("run board/toolchain {architecture} --busybox-only");
    assert!(path.exists(), "{} is missing: {cure}", path.display());
    path
}

/// busybox, to be run where the tests are.
pub(crate) fn ash_accepts(script: &Path) -> bool {
    Command::new(busybox()).args(["ash", "-n"]).arg(script).status().unwrap().success()
}

/// As the Makefile's Package/ringward/install.
fn lay_out(busybox: &Path, has_compiler: bool) -> std::io::Result<()> {
    let place = |path: &str| Path::new(ROOT).join(path);
    for folder in [
        "bin",
        "sbin",
        "usr/bin",
        "usr/sbin",
        "usr/libexec/rpcd",
        "lib/functions",
        "etc/init.d",
        "etc/config",
        "tmp/run",
        "proc",
        "dev",
    ] {
        fs::create_dir_all(place(folder))?;
    }
    std::os::unix::fs::symlink("tmp", place("var"))?;
    // OpenWrt's boot script makes it. The daemon that is tested here has its socket there.
    std::os::unix::fs::symlink("tmp/run", place("run"))?;
    fs::write(place("etc/passwd"), "root:x:0:0:root:/root:/bin/ash\n")?;
    // What programs of this machine are linked with.
    let libraries = fs::read_dir("/lib")?.filter_map(Result::ok).map(|entry| entry.path());
    let libraries = libraries.filter(|path| path.to_string_lossy().contains("-linux"));
    let folders = ["/lib64", "/proc", "/dev/null", "/dev/urandom"].map(PathBuf::from);
    for path in libraries.chain(folders).filter(|path| path.exists()) {
        bind(&path, &path.to_string_lossy()[1..])?;
    }
    bind(busybox, "bin/busybox")?;
    bind(Path::new(env!("CARGO_BIN_EXE_ringward")), "usr/sbin/ringward")?;
    let compiler = Path::new(env!("CARGO_BIN_EXE_ringwardc"));
    bind(compiler, "usr/libexec/uci")?;
    if has_compiler {
        bind(compiler, "usr/bin/ringwardc")?;
    }
    let (files, stand_ins) = (package().join("files"), root().join("tests/openwrt"));
    for (from, to) in [
        (files.join("ringward.init"), "etc/init.d/ringward"),
        (files.join("ringward.rpcd"), "usr/libexec/rpcd/ringward"),
        (stand_ins.join("rc.common"), "etc/rc.common"),
        (stand_ins.join("network.sh"), "lib/functions/network.sh"),
        (stand_ins.join("ubus"), "bin/ubus"),
    ] {
        fs::write(place(to), fs::read(from)?)?;
        fs::set_permissions(place(to), fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A file or folder of this machine at a place below the root directory.
fn bind(source: &Path, target: &str) -> std::io::Result<()> {
    let target = Path::new(ROOT).join(target);
    if source.is_dir() {
        fs::create_dir_all(&target)?;
    } else {
        fs::write(&target, "")?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    Ok(mount(Some(source), &target, None::<&str>, flags, None::<&str>)?)
}
