//! The console that `ringward run --console` starts: a child of the supervisor.
//!
//! It gets no priority, no privilege and no descriptor from it, ends with it, and is started again
//! when it dies.

use std::path::Path;

use super::super::arguments::RunOptions;
use super::super::backoff::Backoff;
use super::super::boot::tell;
use super::super::source::{self, Sources};
use super::owner;
use crate::config::console::Console;
use crate::io::process::{self, End, Fork};
use crate::io::{privilege, stderr};
use crate::time::{Instant, Span};

/// The console of a supervisor, if it is to have one.
#[derive(Debug)]
pub(in crate::daemon) struct Child<'a> {
    console: Option<Console>,
    control: &'a Path,
    pid: Option<libc::pid_t>,
    started_at: Instant,
    start_at: Instant,
    backoff: Backoff,
}

impl<'a> Child<'a> {
    /// To be started by the first [`Child::tend`].
    ///
    /// What the daemon logs of its work would be told twice where the log goes to the same line, and
    /// in the middle of a screen: only what is wrong is logged there.
    pub(in crate::daemon) fn new(run: &'a RunOptions, sources: &Sources<'_>) -> Self {
        let console = run.console.clone().or_else(|| source::console(sources));
        if console.as_ref().is_some_and(|console| owner::is_log(&super::line(console).0)) {
            log::set_max_level(log::LevelFilter::Warn);
        }
        let start_at = if console.is_some() { Instant::ZERO } else { Instant::NEVER };
        Child {
            console,
            control: run.control.as_path(),
            pid: None,
            started_at: Instant::ZERO,
            start_at,
            backoff: Backoff::new(),
        }
    }

    /// When it is to be started.
    pub(in crate::daemon) fn next_deadline(&self) -> Instant {
        self.start_at
    }

    /// Notices that it has died, and starts it when it is time to.
    pub(in crate::daemon) fn tend(&mut self, now: Instant) {
        if let Some(pid) = self.pid
            && let Some(end) = process::reap(pid)
        {
            let wait = self.backoff.after_death(self.started_at, now);
            let (how, number) = match end {
                End::Exited(code) => ("code", code),
                End::Killed(signal) => ("signal", signal),
            };
            log::warn!("- console-died pid={pid} {how}={number} restart-in={}s", wait.as_secs());
            (self.pid, self.start_at) = (None, now + wait);
        }
        let Some(console) = self.console.as_ref().filter(|_| self.start_at <= now) else { return };
        let supervisor = std::process::id();
        (self.started_at, self.start_at) = (now, Instant::NEVER);
        match process::fork() {
            Ok(Fork::Child) => live(console, self.control, supervisor),
            Ok(Fork::Parent(pid)) => self.pid = Some(pid),
            Err(fault) => {
                self.start_at = now + Span::from_secs(60);
                tell(Err(fault));
            }
        }
    }
}

/// The console's whole life.
fn live(console: &Console, control: &Path, supervisor: u32) -> ! {
    process::set_name(c"ringward-cons");
    process::close_inherited();
    stderr::prepare();
    process::set_ordinary();
    tell(privilege::keep_none());
    let is_orphan = !process::die_with_parent(supervisor);
    let code = match super::console(console, control) {
        _ if is_orphan => 0,
        Ok(exit) => exit.code(),
        Err(failure) => {
            log::error!("- console-not-started reason=\"{failure}\"");
            failure.exit.code()
        }
    };
    std::process::exit(i32::from(code))
}
