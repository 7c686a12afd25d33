//! Whatever runs other programs: processes of their own, started before the supervisor filters
//! itself and gives up its privileges.
//!
//! There are two. The keeper is the supervisor's child, holds one end of the socket whose other end
//! the daemons inherit, and sleeps until something is asked; then it forks the helper, and another
//! one when that dies. The helper runs programs. A configuration without scripts has no helper.
//!
//! Both end when nobody holds the other end any more, and take no notice of SIGTERM: a service
//! manager may send that to every process, and the daemon still has something to run then.
//!
//! | file | what |
//! |---|---|
//! | `serve` | the helper's loop |
//! | `recipe` | from a request to a program, its arguments and its user |
//! | `account` | users and groups |

mod account;
mod recipe;
mod serve;

use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::backoff::Backoff;
use super::supervise::told;
use crate::io::process::{self, End, Fork};
use crate::io::{Fault, clock, pair};
use crate::time::Instant;

/// The keeper, as the supervisor sees it.
#[derive(Debug)]
pub(super) struct Keeper {
    pid: Option<libc::pid_t>,
}

impl Keeper {
    /// Starts it. Also the daemons' end of its socket.
    ///
    /// # Errors
    /// The kernel has no process or no descriptor left.
    pub(super) fn start() -> Result<(Self, Option<OwnedFd>), Fault> {
        let (socket, theirs) = pair::open()?;
        // It has its name from the first.
        process::set_name(c"ringward-keeper");
        match process::fork()? {
            Fork::Child => {
                drop(socket);
                keep(&theirs)
            }
            Fork::Parent(pid) => {
                process::set_name(c"ringward");
                Ok((Keeper { pid: Some(pid) }, Some(socket)))
            }
        }
    }

    /// Notices that it has died. It cannot be started again: this process may not run programs.
    pub(super) fn tend(&mut self) {
        if let Some(pid) = self.pid
            && let Some(end) = process::reap(pid)
        {
            self.pid = None;
            let text = "a helper that dies is not replaced any more: start ringward again";
            log::error!("- keeper-died pid={pid} {} text=\"{text}\"", told(end));
        }
    }
}

/// The keeper's whole life.
fn keep(socket: &OwnedFd) -> ! {
    wait_until_asked(socket);
    let mut backoff = Backoff::new();
    loop {
        let started_at = clock::now();
        let end = match process::fork() {
            Ok(Fork::Child) => serve::live(socket),
            Ok(Fork::Parent(pid)) => wait_for_end(pid),
            Err(fault) => {
                log::error!("- helper-not-started reason=\"{fault}\"");
                End::Exited(1)
            }
        };
        if end == End::Exited(0) {
            // Nobody is left to ask for anything.
            std::process::exit(0)
        }
        let now = clock::now();
        let wait = backoff.after_death(started_at, now);
        log::warn!("- helper-died {} restart-in={}s", told(end), wait.as_secs());
        rest(now + wait);
    }
}

fn wait_until_asked(socket: &OwnedFd) {
    let mut waited = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    // The signals that would interrupt it are held.
    while poll(&mut waited, PollTimeout::NONE).is_err() {}
    let [socket] = waited;
    if socket.revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)) {
        // Nobody will ask any more.
        std::process::exit(0)
    }
}

fn wait_for_end(pid: libc::pid_t) -> End {
    loop {
        if let Some(end) = process::reap(pid) {
            return end;
        }
        process::wait_for_word(None);
    }
}

fn rest(until: Instant) {
    loop {
        let now = clock::now();
        if now >= until {
            return;
        }
        process::wait_for_word(Some(until.since(now)));
    }
}
