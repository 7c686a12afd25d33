//! A program that runs on a node.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fault::{Fault, Result};
use super::namespace::Namespace;
use crate::io::contain;
use crate::time::Instant;

/// A program on a node, and all that it starts. Dropping it kills them all.
///
/// The program is process 2 of a PID namespace; process 1 does nothing but wait, and when it is
/// killed the kernel kills the rest. All process numbers here are those of the caller's namespace.
#[derive(Debug)]
pub struct Process {
    // Outside the PID namespace: waits for its process 1 and ends with the same status.
    keeper: Child,
    init: Pid,
    program: Pid,
    ended: Option<OwnedFd>,
    output: File,
    // The processes keep the namespaces alive; this keeps them for as long as anybody may ask.
    _namespace: Arc<Namespace>,
}

impl Process {
    pub(super) fn start(command: &mut Command, namespace: &Arc<Namespace>) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let fault = |error: std::io::Error| {
            let fault = Fault::new(format!("start {program}"), error);
            if fault.is_privilege() {
                return fault.with_cure(
                    "It needs a PID namespace of its own: run it as root (sudo); in a container, \
                     give it CAP_SYS_ADMIN (docker run --privileged).",
                );
            }
            fault
        };
        let output = memfd_create("output", MFdFlags::MFD_CLOEXEC)
            .map(File::from)
            .map_err(|error| fault(error.into()))?;
        // Writes to memory are not serialised by the file's position, as those to a disk are: of two
        // processes that write at once, one would overwrite the other's line.
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_APPEND)).map_err(|error| fault(error.into()))?;
        let stdio = || output.try_clone().map(Stdio::from).map_err(&fault);
        let dup = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map_err(&fault);
        command.stdin(Stdio::null()).stdout(stdio()?).stderr(stdio()?).process_group(0);
        let (mut numbers, told) = std::io::pipe().map_err(&fault)?;
        contain::contain(command, dup(namespace.net())?, dup(namespace.mount())?, told.into());
        let mut keeper = command.spawn().map_err(&fault)?;
        let mut number = || {
            let mut octets = [0; 4];
            numbers.read_exact(&mut octets).map(|()| Pid::from_raw(i32::from_ne_bytes(octets)))
        };
        let (init, program) = match (number(), number()) {
            (Ok(init), Ok(program)) => (init, program),
            (Err(error), _) | (_, Err(error)) => {
                let _ = keeper.kill();
                let _ = keeper.wait();
                return Err(fault(error));
            }
        };
        // None: it has ended already.
        let ended = contain::open_process(program).ok();
        let namespace = Arc::clone(namespace);
        Ok(Process { keeper, init, program, ended, output, _namespace: namespace })
    }

    /// The program's number.
    pub fn pid(&self) -> Pid {
        self.program
    }

    /// The program and all that it started and that still runs, as (process, parent).
    pub fn tree(&self) -> Vec<(Pid, Pid)> {
        let table = table();
        let mut tree = vec![(self.program, self.init)];
        let mut parents = vec![self.init];
        while let Some(parent) = parents.pop() {
            for &(pid, _) in table.iter().filter(|entry| entry.1 == parent) {
                parents.push(pid);
                if pid != self.program {
                    tree.push((pid, parent));
                }
            }
        }
        tree.retain(|entry| table.contains(entry));
        tree
    }

    /// The processes that the program started itself.
    pub fn children(&self) -> Vec<Pid> {
        let of_program = |&(pid, parent): &(Pid, Pid)| (parent == self.program).then_some(pid);
        table().iter().filter_map(of_program).collect()
    }

    /// Those of them that have this name (comm, proc_pid_comm(5)).
    pub fn children_named(&self, name: &str) -> Vec<Pid> {
        let is_named = |pid: &Pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim() == name)
        };
        self.children().into_iter().filter(is_named).collect()
    }

    /// Sends a signal to the program alone.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.program, signal).map_err(|error| Fault::new(format!("send {signal}"), error))
    }

    /// Everything it wrote so far, errors included.
    pub fn output(&self) -> String {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(len @ 1..) =
            self.output.read_at(&mut chunk, u64::try_from(bytes.len()).unwrap_or(u64::MAX))
        {
            bytes.extend_from_slice(chunk.get(..len).unwrap_or(&[]));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the program has ended: when (CLOCK_REALTIME, read after waking up), and its exit
    /// status; 128 + *n* if signal *n* killed it. What it has left behind is killed.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub fn wait(&mut self, within: Duration) -> Result<(Instant, i32)> {
        let give_up = Clock::now() + within;
        while let Some(ended) = &self.ended {
            let mut ready = [PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
            let left = give_up.saturating_duration_since(Clock::now());
            let _ = poll(&mut ready, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
            if ready.iter().any(|ended| ended.any() == Some(true)) {
                break;
            }
            if left.is_zero() {
                return Err(Fault::timeout("the end of a program"));
            }
        }
        let at = super::now();
        let status = self.keeper.wait().map_err(|error| Fault::new("wait for a program", error))?;
        Ok((at, status.code().unwrap_or(-1)))
    }

    /// Kills the program and all that it started, in one stroke, and returns when all are gone.
    pub fn kill(&mut self) {
        if let Ok(None) = self.keeper.try_wait() {
            let _ = kill(self.init, Signal::SIGKILL);
            let _ = self.keeper.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every living process and its parent.
fn table() -> Vec<(Pid, Pid)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let mut stat = String::new();
            File::open(format!("/proc/{pid}/stat")).ok()?.read_to_string(&mut stat).ok()?;
            // The name, in parentheses, may hold anything; state and parent follow it (proc(5)).
            let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (state != "Z").then(|| (Pid::from_raw(pid), Pid::from_raw(parent)))
        })
        .collect()
}
