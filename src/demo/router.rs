//! One router of the demo: a node, and the real daemon on it.

use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::plan::Plan;
use crate::lab::{AddressWatch, Fault, Node, Process, Result, Segment, now};
use crate::time::Instant;

// Below the node's own /run: they go away with it.
const CONFIGURATION: &str = "/run/ringward/demo.rwb";
const CONTROL: &str = "/run/ringward/control";

#[derive(Debug)]
pub(super) struct Router {
    pub name: String,
    pub priority: u8,
    node: Node,
    address: IpAddr,
    blob: Vec<u8>,
    process: Option<Process>,
    watch: AddressWatch,
    // What earlier watches saw, before the machine was switched off.
    tenures: Vec<(Instant, Instant)>,
    is_on: bool,
    is_stopping: bool,
}

impl Router {
    pub(super) fn new(segment: &Segment, plan: &Plan, index: u8) -> Result<Self> {
        let node = segment.node()?;
        let name = format!("r{}", node.number());
        let priority = plan.priority(index);
        let blob = plan.blob(&name, priority)?;
        let watch = node.watch_addresses()?;
        let address = plan.address;
        Ok(Router {
            name,
            priority,
            node,
            address,
            blob,
            process: None,
            watch,
            tenures: Vec::new(),
            is_on: true,
            is_stopping: false,
        })
    }

    pub(super) fn mac(&self) -> [u8; 6] {
        self.node.mac()
    }

    /// Starts the daemon as an init system would. When.
    pub(super) fn start(&mut self) -> Result<Instant> {
        self.node.write(CONFIGURATION, &self.blob)?;
        let at = now();
        let mut daemon = this_program();
        daemon.args(["run", "--config", CONFIGURATION, "--control", CONTROL]);
        self.process = Some(self.node.spawn(&mut daemon)?);
        self.is_stopping = false;
        Ok(at)
    }

    /// Nothing of it runs any more, and its cable is dead. When.
    pub(super) fn switch_off(&mut self) -> Result<Instant> {
        let at = now();
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        self.node.cut()?;
        self.tenures = self.tenures(now());
        self.is_on = false;
        Ok(at)
    }

    /// A machine in the state that its image describes.
    pub(super) fn switch_on(&mut self) -> Result<()> {
        self.node.replace()?;
        self.watch = self.node.watch_addresses()?;
        self.is_on = true;
        Ok(())
    }

    /// Kills the daemon, and leaves its supervisor alone. When.
    pub(super) fn kill_daemon(&self) -> Result<Instant> {
        let children = self.process.as_ref().map(|process| process.children_named("ringward"));
        let children = children.unwrap_or_default();
        let [daemon] = children.as_slice() else {
            let found = std::io::Error::other(format!("{} has {children:?}", self.name));
            return Err(Fault::new("find the one daemon below its supervisor", found));
        };
        let at = now();
        kill(*daemon, Signal::SIGKILL).map_err(|error| Fault::new("kill the daemon", error))?;
        Ok(at)
    }

    /// Asks the program to stop, as an init system would. When.
    pub(super) fn stop(&mut self) -> Result<Instant> {
        let at = now();
        self.is_stopping = true;
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::SIGTERM))?;
        Ok(at)
    }

    /// Its exit status, when it ends within this time.
    pub(super) fn exit_status(&mut self, within: Duration) -> Result<i32> {
        let process = self.process.as_mut();
        process.map_or(Ok(-1), |process| process.wait(within).map(|(_, status)| status))
    }

    /// The exit status of a program that has ended by itself.
    pub(super) fn has_ended(&mut self) -> Option<i32> {
        if self.is_stopping {
            return None;
        }
        self.process.as_mut()?.wait(Duration::ZERO).ok().map(|(_, status)| status)
    }

    /// What its program has written.
    pub(super) fn output(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// What `ringward status` says on this router.
    pub(super) fn status(&self) -> Result<String> {
        let mut client = this_program();
        client.args(["status", "--control", CONTROL]);
        let mut client = self.node.spawn(&mut client)?;
        client.wait(Duration::from_secs(5))?;
        Ok(client.output())
    }

    /// When the virtual address came at `since` or later.
    pub(super) fn came(&self, since: Instant) -> Option<Instant> {
        self.watch.came(self.address, since)
    }

    /// When the virtual address went at `since` or later.
    pub(super) fn went(&self, since: Instant) -> Option<Instant> {
        self.watch.went(self.address, since)
    }

    /// When it has carried the virtual address, with the power on.
    pub(super) fn tenures(&self, until: Instant) -> Vec<(Instant, Instant)> {
        let mut tenures = self.tenures.clone();
        if self.is_on {
            tenures.extend(self.watch.tenures(self.address, until));
        }
        tenures
    }

    /// A process to enter its namespaces by.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(Process::pid)
    }
}

/// This very program, whatever became of its file.
fn this_program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("ringward");
    command
}
