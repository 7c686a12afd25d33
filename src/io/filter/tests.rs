//! Each test forks, and tries calls in the child, under a filter that it cannot take off again.

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use super::*;

/// How a child ends that runs `body`, and exits with what it returns.
fn end_of(body: impl FnOnce() -> i32) -> WaitStatus {
    // SAFETY: the child makes system calls and allocates the steps of a filter; glibc, which these
    // tests run with, keeps its allocator usable in the child of a program with threads.
    match unsafe { fork() }.expect("a process") {
        ForkResult::Parent { child } => waitpid(child, None).expect("the child"),
        ForkResult::Child => {
            // Who dies on purpose leaves no core; who waits for ever does not.
            // SAFETY: both touch no memory of ours, and the second ends the process.
            unsafe {
                libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
                libc::alarm(20);
                libc::_exit(body())
            }
        }
    }
}

#[track_caller]
fn assert_killed(what: &str, status: WaitStatus) {
    let by_filter = matches!(status, WaitStatus::Signaled(_, Signal::SIGSYS, _));
    assert!(by_filter, "{what}: {status:?}");
}

/// errno of a call with up to five arguments; 0 if it succeeds.
fn attempt(call: libc::c_long, arguments: [libc::c_long; 5]) -> i32 {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the calls below are given null pointers, or memory that outlives them.
    let result = unsafe { libc::syscall(call, a, b, c, d, e, 0) };
    if result < 0 { nix::errno::Errno::last_raw() } else { 0 }
}

fn path() -> libc::c_long {
    c"/dev/null".as_ptr() as libc::c_long
}

/// Calls that succeed for everybody, and that a confined daemon does not need.
fn needless() -> Vec<(&'static str, libc::c_long, [libc::c_long; 5])> {
    let (at, page) = (libc::c_long::from(libc::AT_FDCWD), 4096);
    let anonymous = libc::c_long::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let (read_exec, packet) = (libc::c_long::from(libc::PROT_READ | libc::PROT_EXEC), 2);
    let own = libc::c_long::from(std::process::id());
    vec![
        ("open a file to write", libc::SYS_openat, [at, path(), libc::O_WRONLY.into(), 0, 0]),
        ("look at a file", libc::SYS_faccessat, [at, path(), 0, 0, 0]),
        ("go elsewhere", libc::SYS_chdir, [c"/".as_ptr() as libc::c_long, 0, 0, 0, 0]),
        ("a UNIX socket", libc::SYS_socket, [1, packet, 0, 0, 0]),
        ("a netlink socket", libc::SYS_socket, [16, packet, 0, 0, 0]),
        ("memory to run", libc::SYS_mmap, [0, page, read_exec, anonymous, -1]),
        ("a descriptor for events", libc::SYS_eventfd2, [0, 0, 0, 0, 0]),
        ("signal a process", libc::SYS_kill, [own, 0, 0, 0, 0]),
        ("its parent's signal", libc::SYS_prctl, [1, 0, 0, 0, 0]),
        ("a descriptor's flags", libc::SYS_fcntl, [0, 3, 0, 0, 0]),
        ("another user", libc::SYS_setuid, [0, 0, 0, 0, 0]),
        ("more of something", libc::SYS_prlimit64, [0, 7, 0, 0, 0]),
    ]
}

#[test]
fn a_confined_process_is_refused_what_the_loop_does_not_need() {
    for (what, call, arguments) in needless() {
        let before = end_of(|| attempt(call, arguments));
        assert!(matches!(before, WaitStatus::Exited(_, 0)), "{what}, at liberty: {before:?}");
        let confined = end_of(|| match confine(Refusal::Errno) {
            Ok(()) => attempt(call, arguments),
            Err(_) => -1,
        });
        assert!(
            matches!(confined, WaitStatus::Exited(_, libc::EPERM)),
            "{what}, confined: {confined:?}"
        );
    }
}

#[test]
fn a_confined_process_makes_neither_a_ring_nor_a_process() {
    let status = end_of(|| {
        if confine(Refusal::Errno).is_err() {
            return -1;
        }
        let ring = attempt(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]);
        let registers = attempt(libc::SYS_io_uring_register, [0; 5]);
        // SAFETY: were there a child, it would do nothing but leave.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) };
        }
        let forked = child >= 0;
        if ring == libc::EPERM && registers == libc::EPERM && !forked { 0 } else { 1 }
    });
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
}

#[test]
fn a_confined_process_still_gets_sockets_and_memory_and_may_abort() {
    let status = end_of(|| {
        if confine(Refusal::Errno).is_err() {
            return -1;
        }
        let anonymous = libc::c_long::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let own = libc::c_long::from(std::process::id());
        // IPv4 and IPv6, datagrams: everybody may.
        attempt(libc::SYS_socket, [2, 2, 0, 0, 0])
            | attempt(libc::SYS_socket, [10, 2, 0, 0, 0])
            | attempt(libc::SYS_mmap, [0, 4096, 3, anonymous, -1])
            | attempt(libc::SYS_tgkill, [own, own, 0, 0, 0])
            | i32::from(attempt(libc::SYS_tgkill, [1, 1, 0, 0, 0]) != libc::EPERM)
    });
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    let status = end_of(|| match confine(Refusal::Errno) {
        Ok(()) => std::process::abort(),
        Err(_) => -1,
    });
    assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGABRT, _)), "{status:?}");
}

#[test]
fn a_call_newer_than_the_list_does_not_exist() {
    let status = end_of(|| match confine(Refusal::Errno) {
        // close_range, since Linux 5.9: libraries have another way.
        Ok(()) => attempt(436 + libc::SYS_io_uring_setup - 425, [90, 91, 0, 0, 0]),
        Err(_) => -1,
    });
    assert!(matches!(status, WaitStatus::Exited(_, libc::ENOSYS)), "{status:?}");
}

#[test]
fn a_debug_build_dies_of_a_call_that_the_list_forgets() {
    assert_eq!(Refusal::of_this_build() == Refusal::Kill, cfg!(debug_assertions));
    for (what, call, arguments) in needless() {
        let status = end_of(|| match confine(Refusal::Kill) {
            Ok(()) => attempt(call, arguments),
            Err(_) => -1,
        });
        assert_killed(what, status);
    }
}

#[test]
fn what_neither_process_ever_does_kills_it() {
    // With arguments that make each of them fail where it is allowed.
    let never = [
        ("execve", libc::SYS_execve),
        ("execveat", libc::SYS_execveat),
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("bpf", libc::SYS_bpf),
        ("finit_module", libc::SYS_finit_module),
        ("setns", libc::SYS_setns),
        ("mount", libc::SYS_mount),
        ("chroot", libc::SYS_chroot),
    ];
    for (what, call) in never {
        let before = end_of(|| i32::from(attempt(call, [-1; 5]) != 0));
        assert!(matches!(before, WaitStatus::Exited(_, 1)), "{what}, at liberty: {before:?}");
        let status = end_of(|| match forbid() {
            Ok(()) => attempt(call, [-1; 5]),
            Err(_) => -1,
        });
        assert_killed(what, status);
        let both = end_of(|| match forbid().and_then(|()| confine(Refusal::Errno)) {
            Ok(()) => attempt(call, [-1; 5]),
            Err(_) => -1,
        });
        assert_killed(what, both);
    }
    let status = end_of(|| match forbid() {
        Ok(()) => attempt(libc::SYS_openat, [libc::AT_FDCWD.into(), path(), 0, 0, 0]),
        Err(_) => -1,
    });
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "the rest is allowed: {status:?}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_by_the_numbers_of_other_processors_kill() {
    // execve of x32, which has a number of its own, and getpid of i386.
    let x32 = end_of(|| match forbid() {
        Ok(()) => attempt(0x4000_0000 | 520, [-1; 5]),
        Err(_) => -1,
    });
    assert_killed("x32", x32);
    let i386 = end_of(|| match confine(Refusal::Errno) {
        Ok(()) => {
            let result: i32;
            // SAFETY: getpid has no arguments and touches no memory.
            unsafe { core::arch::asm!("int 0x80", inlateout("eax") 20 => result) };
            result.min(1)
        }
        Err(_) => -1,
    });
    // Where the kernel has no such calls at all, the instruction itself is a fault.
    let is_stopped = matches!(i386, WaitStatus::Signaled(_, Signal::SIGSYS | Signal::SIGSEGV, _));
    assert!(is_stopped, "{i386:?}");
}
