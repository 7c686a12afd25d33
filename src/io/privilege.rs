//! Capabilities (capabilities(7)): which are kept, and that nothing gets them back.

use super::{Fault, process};

/// linux/capability.h.
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_ADMIN: u32 = 21;
/// _LINUX_CAPABILITY_VERSION_3.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CapabilitySets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up, for good, what the supervisor and the daemons that it starts do not need: those that
/// VRRP needs are kept; what the start of another daemon needs; nothing else.
///
/// That is to read the configuration, which somebody else may have compiled for himself alone, and,
/// where `kernel.io_uring_disabled` is 1, to make a ring.
///
/// # Errors
/// The kernel refused.
pub fn keep_for_supervisor() -> Result<(), Fault> {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let for_the_ring =
        if disabled.is_ok_and(|text| text.trim() == "1") { 1 << CAP_SYS_ADMIN } else { 0 };
    keep(1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW | 1 << CAP_DAC_READ_SEARCH | for_the_ring)
}

/// Gives up, for good, what VRRP does not need.
///
/// # Errors
/// The kernel refused.
pub fn keep_for_daemon() -> Result<(), Fault> {
    keep(1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW)
}

/// Gives up every privilege, for good: for who needs none.
///
/// # Errors
/// The kernel refused.
pub fn keep_none() -> Result<(), Fault> {
    restrict(0)
}

/// CAP_IPC_LOCK stays where the limit of locked memory could not be lifted: it would hold for a
/// stack that grows.
fn keep(mut kept: u32) -> Result<(), Fault> {
    if !process::is_memory_unlimited() {
        kept |= 1 << CAP_IPC_LOCK;
    }
    restrict(kept)
}

fn restrict(kept: u32) -> Result<(), Fault> {
    let what = "drop privileges";
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let none = CapabilitySets { effective: 0, permitted: 0, inheritable: 0 };
    let mut sets = [none, none];
    // SAFETY: the kernel reads the header, and writes the two sets that this version has.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr())
    };
    if result != 0 {
        return Err(Fault::last(what));
    }
    let [low, high] = &mut sets;
    let kept = low.permitted & kept;
    (*low, *high) = (CapabilitySets { effective: kept, permitted: kept, inheritable: 0 }, none);
    // SAFETY: the kernel reads the header and the two sets.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(Fault::last(what)) }
}
