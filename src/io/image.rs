//! What the first program of an image asks of the kernel, and nobody else.

use core::ffi::CStr;
use core::ptr;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::unistd::{pipe2, setsid};

use super::process::{self, End, Fork};
use super::{Fault, netlink};
use crate::addr::IfIndex;
use crate::wire::rtnl::{self, Dump, Link, Message};

/// The kernel's own file systems, and one for what lives as long as the machine: kind, folder, data.
const FILE_SYSTEMS: [(&CStr, &CStr, &CStr); 4] = [
    (c"devtmpfs", c"/dev", c""),
    (c"proc", c"/proc", c""),
    (c"sysfs", c"/sys", c""),
    (c"tmpfs", c"/run", c"mode=755"),
];

fn fault(what: &'static str, errno: Errno) -> Fault {
    Fault { what, errno: errno as i32 }
}

/// Mounts them. What is there already stays: kernels can mount `/dev` themselves.
///
/// # Errors
/// One of them is missing. The others are there.
pub fn mount_file_systems() -> Result<(), Fault> {
    let mut result = Ok(());
    for (kind, place, data) in FILE_SYSTEMS {
        match mount(Some(kind), place, Some(kind), MsFlags::empty(), Some(data)) {
            Ok(()) | Err(Errno::EBUSY) => {}
            Err(errno) => result = Err(fault("mount /dev, /proc, /sys and /run", errno)),
        }
    }
    result
}

/// Loads a kernel module. One that is loaded is as good.
///
/// # Errors
/// The file cannot be opened, or the kernel refused it.
pub fn load_module(path: &Path, parameters: &str) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault {
        what: "open the module",
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    };
    let file = File::open(path).map_err(failed)?;
    let what = "load the module";
    let parameters = CString::new(parameters).map_err(|_| Fault { what, errno: libc::EINVAL })?;
    // SAFETY: the kernel reads the parameters up to their zero.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), parameters.as_ptr(), 0) };
    match result {
        0 => Ok(()),
        _ if Errno::last() == Errno::EEXIST => Ok(()),
        _ => Err(Fault::last(what)),
    }
}

/// Gives the router an address of its own. One that is there is as good.
///
/// # Errors
/// There is no such interface, or the kernel refused.
pub fn add_address(
    netlink: RawFd,
    interface: &str,
    ip: core::net::IpAddr,
    prefix_len: u8,
) -> Result<(), Fault> {
    let what = "add the address";
    let links = links(netlink, |link| link.name == interface)?;
    let [index] = *links else { return Err(fault("find the interface", Errno::ENODEV)) };
    let mut buffer = [0; netlink::REQUEST_LEN_MAX];
    let len = rtnl::emit_own_address(index, ip, prefix_len, 1, &mut buffer).unwrap_or(0);
    match netlink::carry_out(netlink, buffer.get(..len).unwrap_or(&[]), what)? {
        0 | libc::EEXIST => Ok(()),
        errno => Err(Fault { what, errno }),
    }
}

/// Octets of a dump's datagram: what the kernel fills for somebody who has not read yet
/// (NLMSG_GOODSIZE, linux/netlink.h), twice.
const DUMP_LEN: usize = 1 << 14;

/// Sets every link up but the loopback, which no router waits for.
///
/// # Errors
/// There is no list of links, or the kernel refused one. The others are up.
pub fn set_links_up(netlink: RawFd) -> Result<(), Fault> {
    let (what, mut result) = ("set a link up", Ok(()));
    let mut request = [0; netlink::REQUEST_LEN_MAX];
    for index in links(netlink, |link| !link.loopback && !link.up)? {
        let len = rtnl::emit_up(index, 1, &mut request).unwrap_or(0);
        match netlink::carry_out(netlink, request.get(..len).unwrap_or(&[]), what)? {
            0 => {}
            errno => result = Err(Fault { what, errno }),
        }
    }
    result
}

/// The links of this kind.
fn links(netlink: RawFd, is_meant: impl Fn(&Link<'_>) -> bool) -> Result<Vec<IfIndex>, Fault> {
    let (mut links, mut buffer) = (Vec::new(), [0; DUMP_LEN]);
    let mut request = [0; netlink::REQUEST_LEN_MAX];
    let len = rtnl::emit_dump(Dump::Links, 1, &mut request).unwrap_or(0);
    netlink::ask(netlink, request.get(..len).unwrap_or(&[]), &mut buffer, |received| {
        let netlink::Received::Datagram(datagram) = received else { return };
        links.extend(rtnl::messages(datagram).flatten().filter_map(|item| {
            let Message::Link(link) = item.message else { return None };
            is_meant(&link).then_some(link.index)
        }));
    })?;
    Ok(links)
}

/// Runs a program, with one argument, and waits for its end.
///
/// # Errors
/// There is no process left.
pub fn run(program: &CStr, name: &CStr, argument: &CStr) -> Result<End, Fault> {
    match process::fork()? {
        Fork::Parent(pid) => Ok(process::wait(pid)),
        Fork::Child => {
            become_program(program, name, Some(argument));
            std::process::exit(127)
        }
    }
}

/// Becomes another program, with the same environment. Why it has not.
pub fn become_program(program: &CStr, name: &CStr, argument: Option<&CStr>) -> Fault {
    let argument = argument.map_or(ptr::null(), CStr::as_ptr);
    let arguments = [name.as_ptr(), argument, ptr::null()];
    // SAFETY: reads strings up to their zeros, and a list of them up to its null.
    unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
    Fault::last("execute it")
}

/// A pipe: whoever reads at its first end hears of the end of all that have its second one.
/// Programs inherit neither.
///
/// # Errors
/// The kernel has no descriptor left.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Fault> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| fault("open a pipe", errno))
}

/// Gives a descriptor to the programs that follow, under this number.
pub fn hand_on(fd: &OwnedFd, number: RawFd) {
    // SAFETY: nobody has a descriptor of so high a number in a process that opened a few.
    unsafe { libc::dup2(fd.as_raw_fd(), number) };
}

/// A session of its own: no key of a terminal's ends it.
pub fn leave_terminal() {
    // Fails where it has one already.
    let _ = setsid();
}

/// For a first program that is left alone: takes note of processes that have ended, for good.
pub fn reap_for_ever() -> ! {
    loop {
        // SAFETY: touches no memory.
        unsafe {
            if libc::waitpid(-1, ptr::null_mut(), 0) < 0 {
                libc::sleep(1);
            }
        }
    }
}
