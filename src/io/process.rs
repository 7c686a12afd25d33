//! The process: signals, scheduling, memory, and the fork of the supervisor.

use core::time::Duration;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::sys::time::TimeSpec;

use super::Fault;
use crate::time::Span;

/// What somebody asks of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// SIGTERM, SIGINT: resign and go.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGCHLD.
    ChildDied,
    /// SIGWINCH: the terminal has another size.
    Resized,
    /// SIGUSR1, SIGUSR2 or SIGRTMIN+2: keepalived writes files about itself then. Who is used to
    /// send them must not end the daemon.
    Dump,
}

impl Word {
    fn of(signal: libc::c_int) -> Option<Self> {
        match signal {
            libc::SIGTERM | libc::SIGINT => Some(Word::Stop),
            libc::SIGHUP => Some(Word::Reload),
            libc::SIGCHLD => Some(Word::ChildDied),
            libc::SIGWINCH => Some(Word::Resized),
            libc::SIGUSR1 | libc::SIGUSR2 => Some(Word::Dump),
            signal if signal == libc::SIGRTMIN() + 2 => Some(Word::Dump),
            _ => None,
        }
    }

    /// The signal that says so.
    pub fn signal(self) -> libc::c_int {
        match self {
            Word::Stop => libc::SIGTERM,
            Word::Reload => libc::SIGHUP,
            Word::ChildDied => libc::SIGCHLD,
            Word::Resized => libc::SIGWINCH,
            Word::Dump => libc::SIGUSR1,
        }
    }
}

fn signals() -> libc::sigset_t {
    // SAFETY: the set is initialised by sigemptyset before it is used, and these signals exist.
    unsafe {
        let mut set: libc::sigset_t = core::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        let words = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD, libc::SIGWINCH];
        let dumps = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGRTMIN() + 2];
        for signal in words.into_iter().chain(dumps) {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// From here on, signals wait until they are asked for. Inherited by children.
pub fn hold_signals() {
    let set = signals();
    // SAFETY: reads `set`; SIG_IGN is a valid disposition.
    unsafe {
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, core::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// A descriptor that is readable when a signal waits.
///
/// # Errors
/// The kernel has no descriptor left.
pub fn signal_fd() -> Result<OwnedFd, Fault> {
    let set = signals();
    // SAFETY: reads `set`.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(Fault::last("open a signalfd"));
    }
    // SAFETY: `fd` is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The next signal that waits at a [`signal_fd`].
pub fn next_word(fd: RawFd) -> Option<Word> {
    loop {
        let mut info = core::mem::MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let len = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the kernel writes at most `len` octets to `info`, which is valid in any case.
        let (read, info) =
            unsafe { (libc::read(fd, info.as_mut_ptr().cast(), len), info.assume_init()) };
        if read <= 0 {
            return None;
        }
        if let Some(word) = Word::of(info.ssi_signo.cast_signed()) {
            return Some(word);
        }
    }
}

/// Waits for a signal, at most for `timeout`.
pub fn wait_for_word(timeout: Option<Span>) -> Option<Word> {
    let set = signals();
    let nanos = timeout.unwrap_or(Span::ZERO).as_nanos();
    let timespec = TimeSpec::from_duration(Duration::from_nanos(nanos));
    let timespec: &libc::timespec = timespec.as_ref();
    let timespec = if timeout.is_some() { &raw const *timespec } else { core::ptr::null() };
    // SAFETY: reads `set` and the timespec, writes nothing.
    let signal = unsafe { libc::sigtimedwait(&raw const set, core::ptr::null_mut(), timespec) };
    Word::of(signal)
}

/// Which of the two processes this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fork {
    /// The new one.
    Child,
    /// The old one, and the number of the new one.
    Parent(libc::pid_t),
}

/// Forks. The process must have one thread, and no ring.
///
/// # Errors
/// The kernel has no process left.
pub fn fork() -> Result<Fork, Fault> {
    // SAFETY: the process has one thread, so the child may do everything that the parent may.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid if pid > 0 => Ok(Fork::Parent(pid)),
        _ => Err(Fault::last("fork")),
    }
}

/// How a child has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

/// How child `pid` has ended; `None` while it lives.
pub fn reap(pid: libc::pid_t) -> Option<End> {
    let mut status = 0;
    // SAFETY: the kernel writes to `status` only.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    (reaped == pid).then(|| end(status))
}

/// Waits until child `pid` has ended, and tells how.
#[cfg(feature = "init")]
pub fn wait(pid: libc::pid_t) -> End {
    let mut status = 0;
    // SAFETY: the kernel writes to `status` only. Nothing is to interrupt the call, and who has no
    // such child has nothing to wait for.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    end(status)
}

fn end(status: libc::c_int) -> End {
    if libc::WIFEXITED(status) {
        End::Exited(libc::WEXITSTATUS(status))
    } else {
        End::Killed(libc::WTERMSIG(status))
    }
}

/// Passes a signal on.
pub fn tell(pid: libc::pid_t, word: Word) {
    // SAFETY: touches no memory.
    unsafe { libc::kill(pid, word.signal()) };
}

/// Asks for SIGTERM when the parent dies. False: it is dead already.
pub fn die_with_parent(parent: u32) -> bool {
    // SAFETY: touches no memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0);
        u32::try_from(libc::getppid()).is_ok_and(|now| now == parent)
    }
}

/// Ends with the parent, at once.
pub fn end_with_parent() {
    // SAFETY: touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// Asks for SIGCHLD when the parent dies.
pub fn hear_of_parents_end() {
    // SAFETY: touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGCHLD, 0, 0, 0) };
}

/// Names the process in `ps`; at most 15 octets are kept.
pub fn set_name(name: &core::ffi::CStr) {
    // SAFETY: the kernel reads the string up to its zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// SCHED_FIFO at priority 50, and timers that are not put off to be served together.
///
/// # Errors
/// Not permitted.
pub fn set_realtime() -> Result<(), Fault> {
    // SAFETY: all zeros are valid for this struct of integers.
    let mut parameter: libc::sched_param = unsafe { core::mem::zeroed() };
    parameter.sched_priority = 50;
    // SAFETY: reads `parameter`.
    let result = unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0);
        // Not by the C library's function: musl's only says ENOSYS.
        let fifo = libc::SCHED_FIFO;
        libc::syscall(libc::SYS_sched_setscheduler, 0, fifo, &raw const parameter)
    };
    if result == 0 { Ok(()) } else { Err(Fault::last("run with SCHED_FIFO")) }
}

/// Lifts the limit of locked memory, where that is permitted. It counts untouched pages as well, and
/// the ring's.
pub fn lift_memory_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: reads `limit`.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

/// Whether as much memory may be locked as there is.
pub(super) fn is_memory_unlimited() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes to `limit` only.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    result == 0 && limit.rlim_cur == libc::RLIM_INFINITY
}

/// Ordinary scheduling again, whatever was inherited, and no privilege when memory runs out.
pub fn set_ordinary() {
    // What the kernel starts with (init_task).
    const TIMER_SLACK: libc::c_ulong = 50_000;
    // SAFETY: all zeros are valid for this struct of integers.
    let parameter: libc::sched_param = unsafe { core::mem::zeroed() };
    // SAFETY: reads `parameter`.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, TIMER_SLACK, 0, 0, 0);
        // Not by the C library's function: musl's only says ENOSYS.
        let other = libc::SCHED_OTHER;
        libc::syscall(libc::SYS_sched_setscheduler, 0, other, &raw const parameter);
    }
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
}

/// Closes every descriptor but the standard ones: a fork that goes its own way.
pub fn close_inherited() {
    // SAFETY: whoever holds one of these descriptors is on the stack of the parent's work, to which
    // a fork that calls this never returns.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Keeps every page in memory once it has been touched; untouched tables stay free.
///
/// # Errors
/// Not permitted.
pub fn lock_memory() -> Result<(), Fault> {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: changes no memory.
    let result = unsafe { libc::mlockall(flags) };
    if result == 0 { Ok(()) } else { Err(Fault::last("lock memory")) }
}

/// Processors that this process may run on.
pub fn processor_count() -> usize {
    // Not std's available_parallelism, which reads all of /proc/self/mountinfo for a quota of time.
    let Ok(set) = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)) else { return 1 };
    (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).count()
}

/// Gives memory back whose content is not needed any more: it reads as zeros or as before.
pub fn give_back(space: &mut [u8]) {
    const PAGE_LEN: usize = 4096;
    let to_page = space.as_ptr().align_offset(PAGE_LEN);
    let Some(pages) = space.get_mut(to_page..) else { return };
    let len = pages.len() / PAGE_LEN * PAGE_LEN;
    // SAFETY: whole pages that `space` has to itself; any octets are valid there. With pages larger
    // than ours, or memory that is locked, the call fails and nothing changes.
    unsafe { libc::madvise(pages.as_mut_ptr().cast(), len, libc::MADV_DONTNEED) };
}

/// When memory runs out, others go first. Not permitted without CAP_SYS_RESOURCE: no matter.
pub fn avoid_oom_killer() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
}
