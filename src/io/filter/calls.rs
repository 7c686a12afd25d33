//! The two lists. Numbers are the kernel's for the processor that this is built for.

use libc::c_long;

/// A system call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) number: c_long,
    pub(super) only: Only,
}

/// Which of its uses is meant. Arguments count from 0; of each, the low 32 bits are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Only {
    /// All of them.
    Anyhow,
    /// The argument has one of these values.
    Is(u8, &'static [u32]),
    /// The argument is the number of this process.
    IsOwnProcess(u8),
    /// The argument has none of these bits.
    Without(u8, u32),
}

const fn any(number: c_long) -> Call {
    Call { number, only: Only::Anyhow }
}

const fn only(number: c_long, only: Only) -> Call {
    Call { number, only }
}

/// Since Linux 5.1 a call has the same number everywhere, above one that depends on the processor:
/// io_uring_enter is the 426th.
const UNIFIED: c_long = libc::SYS_io_uring_enter - 426;

/// What is newer, no C library can rely on.
pub(super) const NEWEST: c_long = UNIFIED + 427; // io_uring_register

/// What the loop and its end need, the most frequent first. Each allows what it says, and nothing
/// that another one on the list does not.
pub(super) const CONFINED: &[Call] = &[
    // The loop: the ring, and what it reads when the ring says so.
    any(libc::SYS_io_uring_enter),
    #[cfg(not(any(target_arch = "aarch64", target_arch = "riscv64")))]
    any(libc::SYS_epoll_wait),
    any(libc::SYS_epoll_pwait),
    any(libc::SYS_recvmmsg),
    any(libc::SYS_recvfrom),
    // Signals; the descriptor by which the runtime wakes itself.
    any(libc::SYS_read),
    // Log lines, and answers to clients.
    any(libc::SYS_write),
    any(libc::SYS_sendto),
    #[cfg(not(any(target_arch = "aarch64", target_arch = "riscv64")))]
    any(libc::SYS_poll),
    any(libc::SYS_ppoll),
    any(libc::SYS_accept4),
    only(libc::SYS_ioctl, Only::Is(1, &[FIONBIO])),
    any(libc::SYS_shutdown),
    any(libc::SYS_close),
    // A socket for an interface that has come.
    only(libc::SYS_socket, Only::Is(0, &[AF_INET, AF_INET6])),
    any(libc::SYS_setsockopt),
    // Built-in checks: a connection, and whether there is one.
    #[cfg(feature = "trackers")]
    any(libc::SYS_connect),
    #[cfg(feature = "trackers")]
    any(libc::SYS_getsockopt),
    // And the processes there are: files are opened to be read, as the ring could.
    #[cfg(feature = "trackers")]
    only(libc::SYS_openat, Only::Without(2, WRITING)),
    #[cfg(feature = "trackers")]
    any(libc::SYS_getdents64),
    // And the files whose numbers are tracked.
    #[cfg(feature = "trackers")]
    any(libc::SYS_inotify_init1),
    #[cfg(feature = "trackers")]
    any(libc::SYS_inotify_add_watch),
    #[cfg(feature = "trackers")]
    any(libc::SYS_inotify_rm_watch),
    #[cfg(feature = "trackers")]
    any(libc::SYS_statfs),
    #[cfg(all(feature = "trackers", target_pointer_width = "32"))]
    any(libc::SYS_statfs64),
    // The spare descriptor, which musl marks a second time; debug builds of Rust look whether what
    // they close is open.
    only(libc::SYS_fcntl, Only::Is(1, &[F_GETFD, F_SETFD, F_DUPFD_CLOEXEC])),
    // Where the vDSO has no clock.
    any(libc::SYS_clock_gettime),
    any(libc::SYS_futex),
    // Nothing is allocated any more; and if it is, a router with a leak serves longer than a dead
    // one. Nothing of it can be run.
    any(libc::SYS_brk),
    any(libc::SYS_munmap),
    any(libc::SYS_mremap),
    any(libc::SYS_madvise),
    #[cfg(not(any(target_arch = "arm", target_arch = "x86")))]
    only(libc::SYS_mmap, Only::Without(2, PROT_EXEC)),
    #[cfg(any(target_arch = "arm", target_arch = "mips", target_arch = "x86"))]
    only(libc::SYS_mmap2, Only::Without(2, PROT_EXEC)),
    only(libc::SYS_mprotect, Only::Without(2, PROT_EXEC)),
    // Once, behind the first adverts.
    any(libc::SYS_mlockall),
    // The end: an orderly one, and abort(3).
    any(libc::SYS_epoll_ctl),
    any(libc::SYS_exit),
    any(libc::SYS_exit_group),
    any(libc::SYS_sigaltstack),
    any(libc::SYS_rt_sigaction),
    any(libc::SYS_rt_sigprocmask),
    any(libc::SYS_rt_sigreturn),
    any(libc::SYS_getpid),
    any(libc::SYS_gettid),
    only(libc::SYS_tgkill, Only::IsOwnProcess(0)),
    // musl's abort: the number of the only thread is that of the process.
    only(libc::SYS_tkill, Only::IsOwnProcess(0)),
    // A debugger has stopped it, and lets it go on.
    any(libc::SYS_restart_syscall),
    // 32 bits: with 64 of them for the time, or with names of its own.
    #[cfg(target_pointer_width = "32")]
    any(UNIFIED + 403), // clock_gettime64
    #[cfg(target_pointer_width = "32")]
    any(UNIFIED + 414), // ppoll_time64
    #[cfg(target_pointer_width = "32")]
    any(UNIFIED + 417), // recvmmsg_time64
    #[cfg(target_pointer_width = "32")]
    any(UNIFIED + 422), // futex_time64
    #[cfg(target_pointer_width = "32")]
    only(libc::SYS_fcntl64, Only::Is(1, &[F_GETFD, F_SETFD, F_DUPFD_CLOEXEC])),
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    any(libc::SYS_send),
    #[cfg(any(target_arch = "arm", target_arch = "mips"))]
    any(libc::SYS_recv),
    #[cfg(target_pointer_width = "32")]
    any(libc::SYS_sigreturn),
    // glibc on it makes all calls for sockets by this one, with arguments that no filter can see.
    #[cfg(target_arch = "x86")]
    any(libc::SYS_socketcall),
];

/// What neither process ever does, whatever happens: become another program, enter or see into
/// others, change the kernel or the place it lives in. Nothing legitimate forgets itself to this:
/// somebody else is at work, and a dead router is taken over from.
pub(super) const FORBIDDEN: &[Call] = &[
    any(libc::SYS_execve),
    any(libc::SYS_execveat),
    any(libc::SYS_ptrace),
    any(libc::SYS_process_vm_readv),
    any(libc::SYS_process_vm_writev),
    any(libc::SYS_bpf),
    any(libc::SYS_perf_event_open),
    any(libc::SYS_userfaultfd),
    any(libc::SYS_init_module),
    any(libc::SYS_finit_module),
    any(libc::SYS_delete_module),
    any(libc::SYS_kexec_load),
    any(libc::SYS_reboot),
    any(libc::SYS_unshare),
    any(libc::SYS_setns),
    any(libc::SYS_mount),
    any(libc::SYS_umount2),
    any(libc::SYS_pivot_root),
    any(libc::SYS_chroot),
];

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its type differs between C libraries; its value is below 2^16"
)]
const FIONBIO: u32 = libc::FIONBIO as u32;
const AF_INET: u32 = libc::AF_INET.cast_unsigned();
const AF_INET6: u32 = libc::AF_INET6.cast_unsigned();
const F_GETFD: u32 = libc::F_GETFD.cast_unsigned();
const F_SETFD: u32 = libc::F_SETFD.cast_unsigned();
const F_DUPFD_CLOEXEC: u32 = libc::F_DUPFD_CLOEXEC.cast_unsigned();
#[cfg(feature = "trackers")]
const WRITING: u32 =
    (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND)
        .cast_unsigned();
const PROT_EXEC: u32 = libc::PROT_EXEC.cast_unsigned();
