//! Starting a program in namespaces of its own (feature `demo`), between `fork` and `exec`.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// Makes `command` start in these network and mount namespaces, as process 2 of a new PID
/// namespace. What `spawn` returns is a process that waits for process 1 of that namespace, which
/// waits for the program; each ends with the program's status (128 + *n* after signal *n*), and
/// when one of them dies, all that the program started die as well. Once `spawn` has returned,
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

/// Waits for `program`, reaps whatever else ends, and ends as it did.
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

/// Makes `command` start where io_uring_setup fails with `errno`, as it does on a kernel without
/// io_uring (ENOSYS) and under a strict seccomp filter (EPERM).
pub fn forbid_ring(command: &mut Command, errno: u16) {
    // linux/filter.h and linux/seccomp.h: load the number of the call, compare, answer.
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ERRNO: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7fff_0000;
    let forbid = move || -> io::Result<()> {
        let ring = u32::try_from(libc::SYS_io_uring_setup).unwrap_or(u32::MAX);
        let step = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
        let mut steps = [
            step(LOAD, 0, 0),
            step(JUMP_IF_EQUAL, 1, ring),
            step(RETURN, 0, ERRNO | u32::from(errno)),
            step(RETURN, 0, ALLOW),
        ];
        let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
        // SAFETY: the kernel copies the four steps; both calls are async-signal-safe.
        let result = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(forbid) };
}
