//! Starting a program in namespaces of its own, or with less or more than it would have (feature
//! `demo`).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use super::filter;

/// Makes `command` start in these network and mount namespaces, as process 2 of a new PID
/// namespace. What `spawn` returns is a process that waits for process 1 of that namespace, which
/// waits for the program; each ends with the program's status (128 + *n* after signal *n*), and
/// when one of them is killed, all that the program started die as well. Once `spawn` has returned,
/// `numbers` has the numbers of process 1 and of the program as the caller sees them, 4 octets each
/// in the machine's byte order.
pub fn contain(command: &mut Command, net: OwnedFd, mount: OwnedFd, numbers: OwnedFd) {
    let starter = getpid();
    let enter = move || -> io::Result<()> {
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != starter {
            // It died before the line above.
            return Err(Errno::ESRCH.into());
        }
        setns(&net, CloneFlags::CLONE_NEWNET)?;
        setns(&mount, CloneFlags::CLONE_NEWNS)?;
        unshare(CloneFlags::CLONE_NEWPID)?;
        // SAFETY: this process has one thread; it came from `fork` and has not called `exec`, so
        // what follows may only make calls that are async-signal-safe: it makes system calls and
        // allocates nothing.
        if let ForkResult::Parent { child } = unsafe { fork()? } {
            watch_over(child);
        }
        set_pdeathsig(Signal::SIGKILL)?;
        tell_number(&numbers)?;
        // SAFETY: as above.
        if let ForkResult::Parent { child } = unsafe { fork()? } {
            watch_over(child);
        }
        tell_number(&numbers)?;
        Ok(())
    };
    // SAFETY: `enter` runs between fork and exec; it makes system calls only, all of them
    // async-signal-safe, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(enter) };
}

/// Writes the number of this process in the PID namespace of whoever mounted /proc: `getpid` would
/// give the one in its own.
fn tell_number(to: &OwnedFd) -> io::Result<()> {
    let mut text = [0_u8; 16];
    // SAFETY: the path ends with a zero, and the kernel writes at most `text.len()` octets to `text`.
    let len =
        unsafe { libc::readlink(c"/proc/self".as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    let len = usize::try_from(Errno::result(len)?).map_err(|_| Errno::EINVAL)?;
    let number = text
        .get(..len)
        .and_then(|digits| str::from_utf8(digits).ok()?.parse::<i32>().ok())
        .ok_or(Errno::EINVAL)?;
    nix::unistd::write(to, &number.to_ne_bytes())?;
    Ok(())
}

/// How long the processes that a program leaves behind may take to end by themselves, in steps of
/// [`STEP_NS`]: with process 1 of their namespace the kernel kills them.
const STEPS: u32 = 600;
const STEP_NS: i64 = 5_000_000;

/// Waits for `program`, reaps whatever else ends, and ends as it did: process 1 when what the
/// program left behind has ended too, three seconds later at the most. A daemon without its
/// supervisor still has something to say.
fn watch_over(program: Pid) -> ! {
    // The pipe on which `Command` hears of a failed exec must not stay open here.
    // SAFETY: nothing in this process uses a file descriptor from here on.
    unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
    let status = loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, status)) if pid == program => break status,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                break 128_i32.saturating_add(signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break 127,
        }
    };
    for _ in 0..STEPS {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {
                let step = libc::timespec { tv_sec: 0, tv_nsec: STEP_NS };
                // SAFETY: reads `step`; null: nothing is written.
                unsafe { libc::nanosleep(&raw const step, core::ptr::null_mut()) };
            }
            Ok(_) | Err(Errno::EINTR) => {}
            // There are no others.
            Err(_) => break,
        }
    }
    // SAFETY: ends the process without running anything of the program it was forked from.
    unsafe { libc::_exit(status) }
}

/// A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3).
///
/// # Errors
/// When there is no such process.
pub fn open_process(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers, touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives a program these capabilities, as bits (linux/capability.h), whoever starts it:
/// `setcap …+ep`.
///
/// # Errors
/// The file system keeps no such attribute, or this user may not set it.
pub fn grant(program: &Path, capabilities: u32) -> io::Result<()> {
    // struct vfs_cap_data, little endian: VFS_CAP_REVISION_2 with VFS_CAP_FLAGS_EFFECTIVE; permitted
    // and inheritable, of each the low half, then the high one.
    let mut value = [0_u8; 20];
    let (head, sets) = value.split_at_mut(4);
    head.copy_from_slice(&0x0200_0001_u32.to_le_bytes());
    sets.iter_mut().zip(capabilities.to_le_bytes()).for_each(|(to, from)| *to = from);
    let path = std::ffi::CString::new(program.as_os_str().as_bytes())?;
    let name = c"security.capability".as_ptr();
    // SAFETY: the kernel reads the two strings up to their zeros, and the octets of `value`.
    let result =
        unsafe { libc::setxattr(path.as_ptr(), name, value.as_ptr().cast(), value.len(), 0) };
    Errno::result(result)?;
    Ok(())
}

/// Makes `command` start where a system call fails with `errno`, as it does on a kernel that has not
/// got it (ENOSYS) and under a strict seccomp filter (EPERM).
pub fn refuse_call(command: &mut Command, call: libc::c_long, errno: u16) {
    let mut program = filter::refusing(call, errno);
    let refuse = move || {
        let installed = program.as_mut().map_err(|fault| *fault).and_then(|it| it.install());
        installed.map_err(|fault| io::Error::from_raw_os_error(fault.errno))
    };
    // SAFETY: the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(refuse) };
}
