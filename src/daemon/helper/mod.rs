//! Whatever runs other programs: processes of their own, started before the supervisor filters
//! itself and gives up its privileges.
//!
//! There are three. The keeper is the supervisor's child, holds one end of the socket whose other end
//! the daemons inherit, and sleeps until something is asked; then it forks the helper, and another
//! one when that dies. The helper runs programs. The guard does nothing: it is the next keeper when
//! the keeper dies, and the helper dies with its keeper. A configuration without scripts has neither
//! helper nor guard.
//!
//! They end when nobody holds the other end any more, and take no notice of SIGTERM: a service
//! manager may send that to every process, and the daemon still has something to run then.
//!
//! | file | what |
//! |---|---|
//! | `serve` | the helper's loop |
//! | `recipe` | from a request to a program, its arguments and its user |
//! | `fifo` | notify FIFOs |
//! | `account` | users and groups |

mod account;
mod fifo;
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
                // An image's router is started before all else.
                process::set_ordinary();
                keep(&theirs)
            }
            Fork::Parent(pid) => {
                process::set_name(c"ringward");
                Ok((Keeper { pid: Some(pid) }, Some(socket)))
            }
        }
    }

    /// Notices that it has died. It cannot be started again from here, because this process may not
    /// run programs; its guard takes over, if it has one yet.
    pub(super) fn tend(&mut self) {
        if let Some(pid) = self.pid
            && let Some(end) = process::reap(pid)
        {
            self.pid = None;
            let text = "its guard takes over; one that was never asked for anything has none: \
                        start ringward again before a reload brings scripts";
            log::error!("- keeper-died pid={pid} {} text=\"{text}\"", told(end));
        }
    }
}

/// The first keeper's whole life.
fn keep(socket: &OwnedFd) -> ! {
    if !is_asked(socket, PollTimeout::NONE) {
        // Nobody will ask any more.
        std::process::exit(0)
    }
    tend_helper(socket)
}

/// A keeper that was asked for something: there is a helper, and a guard, from here on.
fn tend_helper(socket: &OwnedFd) -> ! {
    let keeper = std::process::id();
    let mut guard = start_guard(socket);
    let mut backoff = Backoff::new();
    loop {
        let started_at = clock::now();
        let end = match process::fork() {
            Ok(Fork::Child) => {
                // Of two helpers, each would take requests from the other.
                process::end_with_parent();
                if std::os::unix::process::parent_id() != keeper {
                    std::process::exit(1)
                }
                serve::live(socket)
            }
            Ok(Fork::Parent(pid)) => wait_for_end(pid, &mut guard, socket),
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

/// Forks the next keeper. Without one, this one is as good.
fn start_guard(socket: &OwnedFd) -> Option<libc::pid_t> {
    let keeper = std::process::id();
    match process::fork() {
        Ok(Fork::Child) => guard(keeper, socket),
        Ok(Fork::Parent(pid)) => Some(pid),
        Err(fault) => {
            log::warn!("- guard-not-started reason=\"{fault}\"");
            None
        }
    }
}

/// Waits for the keeper's end, and takes its place.
fn guard(keeper: u32, socket: &OwnedFd) -> ! {
    process::set_name(c"ringward-guard");
    process::hear_of_parents_end();
    while std::os::unix::process::parent_id() == keeper {
        process::wait_for_word(None);
    }
    if is_closed(socket) {
        std::process::exit(0)
    }
    process::set_name(c"ringward-keeper");
    log::warn!("- keeper-replaced pid={}", std::process::id());
    tend_helper(socket)
}

/// Waits until something is asked. False: nobody will ask any more.
fn is_asked(socket: &OwnedFd, timeout: PollTimeout) -> bool {
    let mut waited = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    // The signals that would interrupt it are held.
    while poll(&mut waited, timeout).is_err() {}
    let [socket] = waited;
    !socket.revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

fn is_closed(socket: &OwnedFd) -> bool {
    !is_asked(socket, PollTimeout::ZERO)
}

fn wait_for_end(pid: libc::pid_t, guard: &mut Option<libc::pid_t>, socket: &OwnedFd) -> End {
    loop {
        if let Some(end) = process::reap(pid) {
            return end;
        }
        if guard.is_some_and(|guard| process::reap(guard).is_some()) {
            *guard = start_guard(socket);
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
