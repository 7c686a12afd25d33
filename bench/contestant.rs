//! The two programs that are compared, each started in the way its users start it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringward::lab::{Node, Process};
use ringward::time::Span;

use super::noise::Noise;
use super::rig::{self, Keepalived, Program};

pub(crate) struct Contestant {
    pub(crate) program: Program,
    ringward: PathBuf,
    compiler: PathBuf,
    keepalived: Keepalived,
}

/// A virtual router: interface `ethN`, and the address 10.(200 + N).0.VRID.
#[derive(Clone, Copy)]
pub(crate) struct Instance {
    pub(crate) interface: u8,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
}

/// The routers of VRID 1 to `count` on each of some interfaces.
pub(crate) fn instances(
    (interfaces, count): (u8, u8),
    mut priority: impl FnMut() -> u8,
) -> Vec<Instance> {
    let mut instances = Vec::new();
    for interface in 0..interfaces {
        for vrid in 1..=count {
            instances.push(Instance { interface, vrid, priority: priority() });
        }
    }
    instances
}

/// A priority that is not an owner's. Backups of different priorities wait for different times
/// before they take over: so drawn, the phases of the adverts spread over the interval.
pub(crate) fn drawn(noise: &mut Noise) -> u8 {
    u8::try_from(1 + noise.below(254)).unwrap()
}

/// A keepalived.conf.
pub(crate) fn configuration(instances: &[Instance], interval: Span) -> String {
    let (seconds, millis) = (interval.as_millis() / 1000, interval.as_millis() % 1000);
    let mut text = String::from("global_defs {\n  router_id bench\n  vrrp_version 3\n}\n");
    for Instance { interface, vrid, priority } in instances {
        let net = 200 + interface;
        write!(
            text,
            "vrrp_instance r{interface}_{vrid} {{
  interface eth{interface}
  virtual_router_id {vrid}
  priority {priority}
  advert_int {seconds}.{millis:03}
  virtual_ipaddress {{
    10.{net}.0.{vrid}/32 dev eth{interface}
  }}
}}
"
        )
        .unwrap();
    }
    text
}

/// One router of VRID 1.
pub(crate) fn single(priority: u8, interval: Span) -> String {
    configuration(&[Instance { interface: 0, vrid: 1, priority }], interval)
}

/// The same, and it tracks so many scripts, each of which is run every second and does nothing.
pub(crate) fn scripted(priority: u8, interval: Span, scripts: u8) -> String {
    let text = single(priority, interval);
    let text = text.replace("  vrrp_version 3\n", "  vrrp_version 3\n  script_user root\n");
    let instance = text.strip_suffix("}\n").unwrap();
    let (mut blocks, mut names) = (String::new(), String::new());
    for number in 1..=scripts {
        write!(blocks, "vrrp_script s{number} {{\n  script /bin/true\n  interval 1\n}}\n").unwrap();
        writeln!(names, "    s{number}").unwrap();
    }
    // keepalived wants scripts before the instances that track them.
    let (globals, instance) = instance.split_once("vrrp_instance").unwrap();
    format!("{globals}{blocks}vrrp_instance{instance}  track_script {{\n{names}  }}\n}}\n")
}

impl Contestant {
    pub(crate) fn ringward(path: PathBuf, compiler: PathBuf) -> Self {
        let keepalived = Keepalived::fetched();
        Contestant { program: Program::Ringward, ringward: path, compiler, keepalived }
    }

    pub(crate) fn keepalived(path: Option<PathBuf>) -> Self {
        let keepalived = path.map_or_else(Keepalived::fetched, Keepalived::at);
        let (ringward, compiler) = (PathBuf::new(), PathBuf::new());
        Contestant { program: Program::Keepalived, ringward, compiler, keepalived }
    }

    /// The command that judges the configuration in `source`, and writes what comes of it to `output`.
    pub(crate) fn judge(&self, source: &Path, output: &Path) -> Command {
        match self.program {
            Program::Ringward => {
                let mut command = Command::new(&self.compiler);
                command.arg("compile").arg(source).arg("-o").arg(output);
                command
            }
            Program::Keepalived => {
                let mut command = self.keepalived.command();
                command.args(["--no-syslog", "--vrrp", "--config-test", "--use-file"]).arg(source);
                command
            }
        }
    }

    /// Runs this configuration on this node.
    pub(crate) fn start(&self, node: &Node, text: &str) -> Process {
        node.spawn(&mut self.command(node, text)).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// The command that runs this configuration on this node. Whatever can be done before the
    /// start is done here: for ringward, the configuration is compiled.
    pub(crate) fn command(&self, node: &Node, text: &str) -> Command {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
        fs::create_dir_all(&directory).unwrap();
        let source = directory.join(format!("{:?}-node{}.conf", self.program, node.number()));
        fs::write(&source, text).unwrap();
        match self.program {
            Program::Ringward => {
                let mut command = Command::new(&self.ringward);
                command.arg("run").arg("--config").arg(rig::compile(&source));
                command.args(["--control", "/run/ringward/control"]);
                command
            }
            Program::Keepalived => {
                rig::forget_pid_files(node);
                let mut command = self.keepalived.command();
                // Without syslog, which slows it by 0.3 to 0.8 ms a line.
                command.args(["--dont-fork", "--no-syslog", "--vrrp", "--use-file"]).arg(&source);
                command
            }
        }
    }

    /// The executable, and the command by which `ldd` names its shared libraries.
    pub(crate) fn executable(&self) -> (PathBuf, Command) {
        let plain = match self.program {
            Program::Ringward => Command::new(&self.ringward),
            Program::Keepalived => self.keepalived.command(),
        };
        let path = PathBuf::from(plain.get_program());
        let mut ldd = Command::new("ldd");
        ldd.arg(&path);
        for (name, value) in plain.get_envs() {
            ldd.env(name, value.unwrap());
        }
        (path, ldd)
    }

    /// What the program says of its version.
    pub(crate) fn version(&self) -> String {
        let output = match self.program {
            Program::Ringward => Command::new(&self.ringward).arg("version").output(),
            Program::Keepalived => self.keepalived.command().arg("--version").output(),
        };
        let output = output.unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
    }
}
