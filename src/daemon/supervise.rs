//! The parent process: keeps a daemon running, and removes what a dead one has left.
//!
//! It opened everything that it needs before the first fork, holds no ring, and allocates nothing
//! while it waits. The daemon shares its journal, and listens at its control socket, so that
//! clients can wait while a new daemon starts.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use nix::sys::stat::{Mode, umask};

use super::arguments::RunOptions;
use super::backoff::Backoff;
#[cfg(feature = "console")]
use super::console::child::Child;
#[cfg(feature = "commands")]
use super::helper::Keeper;
#[cfg(not(feature = "console"))]
use super::no_console::Child;
#[cfg(not(feature = "commands"))]
use super::no_helper::Keeper;
use super::presence::Presence;
use super::source::{Sources, Trial, sources};
use super::{Exit, Failure, boot, report};
use crate::io::journal::{Journal, Refused};
use crate::io::netlink::{self, Groups};
use crate::io::process::{self, End, Fork, Word};
use crate::io::{clock, filter, port, privilege, stderr};
use crate::time::{Instant, Span};

/// Exit codes that a new start would only repeat.
const FINAL: [i32; 5] = [
    Exit::Usage.code() as i32,
    Exit::Blob.code() as i32,
    Exit::Ring.code() as i32,
    Exit::Privilege.code() as i32,
    Exit::Configuration.code() as i32,
];

/// `ringward run`: does not return before the daemon has ended for good. The code to exit with.
///
/// # Errors
/// Something that supervisor and daemon need cannot be had.
pub fn supervise(options: &RunOptions) -> Result<u8, Failure> {
    process::hold_signals();
    stderr::prepare();
    report::install();
    let sources = sources(options)?;
    // Before anything is open, given up or filtered.
    let (keeper, helper) = Keeper::start()?;
    // What may be refused comes before what would be left behind.
    let netlink = netlink::open(Groups::None)?;
    let packet = port::open_packet().map_err(boot::explain_refusal)?;
    let (mut journal, why_anonymous) =
        Journal::open(&options.run_directory).map_err(|refused| match refused {
            Refused::Taken => Failure::new(
                Exit::System,
                format!(
                    "another ringward runs with {}: stop it, or give this one a --run-directory \
                     of its own",
                    options.run_directory.display()
                ),
            ),
            Refused::Fault(fault) => fault.into(),
        })?;
    if let Some(reason) = why_anonymous {
        log::warn!(
            "- journal-not-kept directory={} reason=\"{reason}\"",
            options.run_directory.display()
        );
    }
    let control = listen(options, journal.is_kept())?;
    let presence = Presence::new();
    // From here on, all of it is inherited by the daemons.
    let realtime = options.realtime && boot::tell(process::set_realtime());
    if options.realtime {
        process::lift_memory_limit();
        process::avoid_oom_killer();
    }
    boot::tell(privilege::keep_for_supervisor());
    let filtered = boot::tell(filter::forbid());
    let house =
        House { options, sources, control, presence, netlink, packet, helper, realtime, filtered };
    let code = watch_over(&house, keeper, &mut journal);
    if house.control.is_some() {
        // Ours: the listener was bound there.
        let _ = std::fs::remove_file(&options.control);
    }
    code
}

/// What outlives every daemon.
#[derive(Debug)]
pub(super) struct House<'a> {
    pub(super) options: &'a RunOptions,
    /// Where a configuration may be had, the best first; never empty.
    sources: Sources<'a>,
    /// Clients may wait here while a new daemon starts.
    pub(super) control: Option<UnixListener>,
    /// Others see it, and leave alone what is ours.
    pub(super) presence: Option<Presence>,
    /// For cleaning up.
    netlink: OwnedFd,
    /// For the daemon's frames. The last one to close a packet socket waits for the kernel to let
    /// go of it (10 ms and more), and a daemon that dies must not: its addresses wait for its end.
    pub(super) packet: OwnedFd,
    /// Where programs are asked for.
    pub(super) helper: Option<OwnedFd>,
    /// SCHED_FIFO was permitted.
    pub(super) realtime: bool,
    /// The kernel has seccomp.
    pub(super) filtered: bool,
}

fn watch_over(house: &House<'_>, keeper: Keeper, journal: &mut Journal) -> Result<u8, Failure> {
    let mut backoff = Backoff::new();
    let mut trial = Trial::default();
    let mut abandoned = 0;
    let supervisor = std::process::id();
    let mut others = Others { console: Child::new(house.options, &house.sources), keeper };
    for restarts in 0.. {
        let started_at = clock::now();
        let Some(source) = house.sources.get(trial.index).copied() else { break };
        let pid = match process::fork()? {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                let is_last = trial.index + 1 == house.sources.len();
                let legacy =
                    boot::Legacy { supervisor, restarts, journal, source, abandoned, is_last };
                boot::serve(house, legacy)
            }
        };
        if restarts == 0 {
            process::set_name(c"ringward-super");
        }
        let (end, asked) = wait_for_end(pid, &mut others);
        let removed = clean_up(journal, &house.netlink);
        let now = clock::now();
        let is_failure = !asked && end != End::Exited(Exit::Fine.code().into());
        if is_failure && trial.ended(end, house.sources.len(), (started_at, now)) {
            log::error!(
                "- configuration-abandoned source=\"{source}\" {} addresses-removed={removed}",
                told(end)
            );
            abandoned = source.version();
            continue;
        }
        match end {
            // A daemon that was asked to stop has said so itself.
            End::Exited(code) if asked || code == 0 || FINAL.contains(&code) => {
                if removed > 0 {
                    log::warn!("- cleaned-up addresses={removed}");
                }
                return Ok(u8::try_from(code).unwrap_or(Exit::System.code()));
            }
            End::Exited(_) | End::Killed(_) if asked => return Ok(Exit::System.code()),
            End::Exited(_) | End::Killed(_) => {}
        }
        let wait = backoff.after_death(started_at, now);
        log::error!(
            "- daemon-died pid={pid} {} addresses-removed={removed} restart-in={}s",
            told(end),
            wait.as_secs()
        );
        if !rest(wait, &mut others) {
            return Ok(Exit::Fine.code());
        }
    }
    Ok(Exit::System.code())
}

/// How a daemon ended, for the log.
pub(super) fn told(end: End) -> impl core::fmt::Display {
    let (how, number) = match end {
        End::Exited(code) => ("code", code),
        End::Killed(signal) => ("signal", signal),
    };
    let why = match end {
        End::Killed(libc::SIGSYS) => " reason=\"a system call that is forbidden (seccomp)\"",
        End::Exited(code) if code == i32::from(Exit::Undecided.code()) => {
            " reason=\"no instance became MASTER or BACKUP within decision_timeout\""
        }
        End::Exited(_) | End::Killed(_) => "",
    };
    core::fmt::from_fn(move |f| write!(f, "{how}={number}{why}"))
}

/// Waits for the daemon to end, and passes signals on to it. Whether it was asked to stop.
fn wait_for_end(pid: libc::pid_t, others: &mut Others<'_>) -> (End, bool) {
    let mut asked = false;
    loop {
        if let Some(end) = process::reap(pid) {
            return (end, asked);
        }
        match wait_for_word(Instant::NEVER, others) {
            Some(Word::ChildDied | Word::Resized) | None => {}
            Some(Word::Dump) => {
                log::info!("- nothing-dumped instead=\"ringward status, also with --json\"");
            }
            Some(word) => {
                asked |= word == Word::Stop;
                process::tell(pid, word);
            }
        }
    }
}

/// The supervisor's children besides the daemon.
struct Others<'a> {
    console: Child<'a>,
    keeper: Keeper,
}

/// The next signal, or none until then; the others are looked after meanwhile.
fn wait_for_word(until: Instant, others: &mut Others<'_>) -> Option<Word> {
    others.keeper.tend();
    others.console.tend(clock::now());
    let until = until.min(others.console.next_deadline());
    let wait = (until != Instant::NEVER).then(|| until.since(clock::now()));
    process::wait_for_word(wait)
}

/// Removes every address that the journal names. How many the kernel still had.
fn clean_up(journal: &mut Journal, netlink: &OwnedFd) -> u32 {
    let mut removed = 0;
    loop {
        let next = journal.owned().next();
        let Some(owned) = next else { return removed };
        if netlink::remove(netlink.as_raw_fd(), owned) == Ok(0) {
            removed += 1;
        }
        journal.strike(owned);
    }
}

/// Waits before the next start. False: asked to stop instead.
fn rest(wait: Span, others: &mut Others<'_>) -> bool {
    let until = clock::now() + wait;
    loop {
        let now = clock::now();
        if now >= until {
            return true;
        }
        if wait_for_word(until, others) == Some(Word::Stop) {
            return false;
        }
    }
}

/// The control socket, for its owner and group. None, and a line in the log, if there is no place
/// for it: where nothing can be written, addresses are to be kept all the same.
fn listen(options: &RunOptions, is_alone: bool) -> Result<Option<UnixListener>, Failure> {
    let path = &options.control;
    let failed = |error: std::io::Error| {
        Failure::new(Exit::System, format!("cannot listen at {}: {error}", path.display()))
    };
    // With the journal's lock, the run directory is ours alone. Elsewhere somebody may listen; and
    // of a daemon that was just killed, the kernel keeps the socket until its ring is taken apart.
    let is_in_run_directory = path.parent() == Some(options.run_directory.as_path());
    let is_ours = is_alone && is_in_run_directory;
    let answers = || std::os::unix::net::UnixStream::connect(path).is_ok();
    let pause = || std::thread::sleep(std::time::Duration::from_millis(50));
    if !is_ours
        && (0..10).all(|_| {
            answers() && {
                pause();
                true
            }
        })
    {
        return Err(Failure::new(
            Exit::System,
            format!("another daemon answers at {}", path.display()),
        ));
    }
    let stale = std::fs::symlink_metadata(path);
    if stale.is_ok_and(|meta| std::os::unix::fs::FileTypeExt::is_socket(&meta.file_type())) {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let mask = umask(Mode::from_bits_truncate(0o117));
    let bound = UnixListener::bind(path);
    umask(mask);
    let listener = match bound {
        Ok(listener) => listener,
        Err(error) if is_in_run_directory && has_no_place(&error) => {
            log::warn!("- control-missing path={} reason=\"{error}\"", path.display());
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(Some(listener))
}

/// Whether the directory is full, or cannot be written to: the journal has been told the same.
fn has_no_place(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    matches!(
        error.kind(),
        NotFound | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}
