//! Programs that the helper runs: each in a process group of its own, without anything of ours.

use core::sync::atomic::{AtomicI32, Ordering};
use std::ffi::{CStr, CString};

use super::Fault;
use super::process::End;

/// Programs that run at once.
pub const CHILD_COUNT_MAX: usize = 256;

/// The only thing in a program's environment.
const ENVIRONMENT: [&CStr; 1] =
    [c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

/// What is run, and as whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipe {
    /// The executable file.
    pub file: CString,
    /// Its arguments, its own name first.
    pub arguments: Vec<CString>,
    /// User, group and supplementary groups to become; none: those of the helper.
    pub identity: Option<Identity>,
}

/// Whom a program runs as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// Memory that a program shares with the helper until it is executed, to say why it was not.
#[derive(Debug)]
pub struct Reasons(&'static [AtomicI32]);

impl Reasons {
    /// One word for each program.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new() -> Result<Self, Fault> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let len = CHILD_COUNT_MAX * size_of::<AtomicI32>();
        // SAFETY: asks for new memory, wherever.
        let memory = unsafe { libc::mmap(core::ptr::null_mut(), len, protection, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(Fault::last("share memory"));
        }
        // SAFETY: that much memory, aligned to a page, all zeros, and never unmapped.
        Ok(Reasons(unsafe { core::slice::from_raw_parts(memory.cast(), CHILD_COUNT_MAX) }))
    }

    /// Why the program in `slot` was never executed: errno.
    pub fn take(&self, slot: usize) -> Option<i32> {
        self.0.get(slot).map(|word| word.swap(0, Ordering::AcqRel)).filter(|errno| *errno != 0)
    }
}

/// Starts a program. What goes wrong behind the fork is found in `reasons`, under `slot`, when it
/// has ended.
///
/// # Errors
/// The kernel has no process left.
pub fn start(recipe: &Recipe, reasons: &Reasons, slot: usize) -> Result<libc::pid_t, Fault> {
    let terminated = |strings: &mut dyn Iterator<Item = *const libc::c_char>| {
        strings.chain([core::ptr::null()]).collect::<Vec<_>>()
    };
    let arguments = terminated(&mut recipe.arguments.iter().map(|word| word.as_ptr()));
    let environment = terminated(&mut ENVIRONMENT.iter().map(|word| word.as_ptr()));
    let parent = std::process::id();
    // SAFETY: the process has one thread; the child makes system calls only, and allocates nothing.
    match unsafe { libc::fork() } {
        0 => {
            let errno = become_program(recipe, &arguments, &environment, parent);
            if let Some(word) = reasons.0.get(slot) {
                word.store(errno, Ordering::Release);
            }
            // SAFETY: ends the process without running anything of the helper's.
            unsafe { libc::_exit(127) }
        }
        pid if pid > 0 => Ok(pid),
        _ => Err(Fault::last("fork")),
    }
}

/// In the child: does not return if all goes well. Errno.
fn become_program(
    recipe: &Recipe,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
    parent: u32,
) -> i32 {
    let errno = || nix::errno::Errno::last_raw();
    // SAFETY: system calls with integers and with memory that stays; the lists end with null.
    unsafe {
        libc::setpgid(0, 0);
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if null < 0 {
            return errno();
        }
        for standard in 0..3 {
            libc::dup2(null, standard);
        }
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        if let Some(identity) = &recipe.identity {
            let groups = identity.groups.as_ptr();
            #[allow(clippy::useless_conversion, reason = "its type differs between C libraries")]
            let count = identity.groups.len().try_into().unwrap_or(0);
            if libc::setgroups(count, groups) != 0
                || libc::setgid(identity.gid) != 0
                || libc::setuid(identity.uid) != 0
            {
                return errno();
            }
        }
        // Behind setuid, which clears it.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0);
        if u32::try_from(libc::getppid()) != Ok(parent) {
            return libc::ESRCH;
        }
        libc::chdir(c"/".as_ptr());
        libc::umask(0o022);
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none: libc::sigset_t = core::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, core::ptr::null_mut());
        libc::execve(recipe.file.as_ptr(), arguments.as_ptr(), environment.as_ptr());
    }
    errno()
}

/// The next child that has ended.
pub fn reap_any() -> Option<(libc::pid_t, End)> {
    let mut status = 0;
    // SAFETY: the kernel writes to `status` only.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    let end = if libc::WIFEXITED(status) {
        End::Exited(libc::WEXITSTATUS(status))
    } else {
        End::Killed(libc::WTERMSIG(status))
    };
    Some((pid, end))
}

/// Asks all processes of a program's group to end.
pub fn terminate(pid: libc::pid_t) {
    signal_group(pid, libc::SIGTERM);
}

/// Ends them.
pub fn kill(pid: libc::pid_t) {
    signal_group(pid, libc::SIGKILL);
}

fn signal_group(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: touches no memory.
    unsafe { libc::kill(-pid, signal) };
}
