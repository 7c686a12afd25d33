//! The two programs that are compared, each started in the way its users start it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringward::lab::Node;
use ringward::time::Span;

use super::rig::{self, Keepalived, Program};

pub(crate) struct Contestant {
    pub(crate) program: Program,
    ringward: PathBuf,
    keepalived: Keepalived,
}

/// A keepalived.conf of `count` virtual routers, VRIDs from 1 on, one address each.
pub(crate) fn configuration(count: u8, priority: u8, interval: Span) -> String {
    let (seconds, millis) = (interval.as_millis() / 1000, interval.as_millis() % 1000);
    let mut text = String::from("global_defs {\n  router_id bench\n  vrrp_version 3\n}\n");
    for vrid in 1..=count {
        write!(
            text,
            "vrrp_instance r{vrid} {{
  interface eth0
  virtual_router_id {vrid}
  priority {priority}
  advert_int {seconds}.{millis:03}
  virtual_ipaddress {{
    10.200.0.{vrid}/32
  }}
}}
"
        )
        .unwrap();
    }
    text
}

impl Contestant {
    pub(crate) fn ringward(path: PathBuf) -> Self {
        Contestant { program: Program::Ringward, ringward: path, keepalived: Keepalived::fetched() }
    }

    pub(crate) fn keepalived(path: Option<PathBuf>) -> Self {
        let keepalived = path.map_or_else(Keepalived::fetched, Keepalived::at);
        Contestant { program: Program::Keepalived, ringward: PathBuf::new(), keepalived }
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
