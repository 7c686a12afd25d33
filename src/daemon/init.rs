//! The first program of an image: makes the machine ready for the router, forks it, and becomes
//! busybox's init for all the rest.
//!
//! To start a program takes an emulated or a small processor tens of milliseconds, so nothing is
//! started before the router, and that needs no start of its own. What init's table starts later in
//! its place waits at a pipe, of which the first router has the other end as long as any process of it
//! lives.
//!
//! Nothing that goes wrong here keeps the machine from getting further: it is told on the console.

use core::fmt::Display;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;

use super::boot::tell;
use crate::config::plan::{self, Step};
use crate::io::netlink::{self, Groups};
use crate::io::process::{self, End, Fork};
use crate::io::{Fault, clock, image};
use crate::time::Span;

/// What is done first. An image may have none.
const PLAN: &str = "/etc/plan";
/// What the plan has no words for, in the shell's. It delays the router.
const SCRIPT: &str = "/etc/rc.local";
/// The descriptor at which the line of init's table reads, until the router that is forked here has
/// ended: board/build writes that line.
const END: RawFd = 9;

/// Whether the program was called by the name of the first one.
pub fn is_meant() -> bool {
    let name = std::env::args_os().next();
    name.is_some_and(|name| Path::new(&name).file_name().is_some_and(|name| name == "init"))
}

/// Does not return but in the process of the router.
pub fn begin() {
    if std::process::id() != 1 {
        eprintln!("ringward: as init, only the kernel starts it, as the first process");
        std::process::exit(super::Exit::Usage.code().into())
    }
    if let Err(fault) = image::mount_file_systems() {
        complain(&fault);
    }
    let modules = match netlink::open(Groups::None) {
        Ok(netlink) => prepare(netlink.as_raw_fd()),
        Err(fault) => {
            complain(&fault);
            Loaded::default()
        }
    };
    // Ahead of all that init starts: it goes on when the router sleeps.
    tell(process::set_realtime());
    match fork_router() {
        Ok(Fork::Child) => {
            image::leave_terminal();
            return;
        }
        Ok(Fork::Parent(_)) => {}
        // Init's table starts it.
        Err(fault) => complain(&fault),
    }
    process::set_ordinary();
    if modules.count > 0 {
        let Loaded { count, took } = modules;
        eprintln!("ringward: {PLAN}: {count} modules in {} ms", took.as_millis());
    }
    let fault = image::become_program(c"/bin/busybox", c"init", None);
    complain(&format_args!("/bin/busybox init: {fault}"));
    image::reap_for_ever()
}

/// How many modules were loaded, and how long it took.
#[derive(Default)]
struct Loaded {
    count: u32,
    took: Span,
}

fn prepare(netlink: RawFd) -> Loaded {
    let mut loaded = Loaded::default();
    match std::fs::read_to_string(PLAN) {
        Ok(text) => {
            for (number, line) in (1..).zip(text.lines()) {
                carry_out(netlink, number, line, &mut loaded);
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => complain(&format_args!("{PLAN}: {error}")),
    }
    if Path::new(SCRIPT).exists() {
        match image::run(c"/bin/sh", c"sh", c"/etc/rc.local") {
            Ok(End::Exited(0)) => {}
            Ok(end) => {
                complain(&format_args!("{SCRIPT} ended with {}", super::supervise::told(end)))
            }
            Err(fault) => complain(&format_args!("{SCRIPT}: {fault}")),
        }
    }
    if let Err(fault) = image::set_links_up(netlink) {
        complain(&fault);
    }
    loaded
}

fn carry_out(netlink: RawFd, number: u32, line: &str, loaded: &mut Loaded) {
    let done = match plan::parse(line) {
        Ok(None) => return,
        Ok(Some(Step::Module { file, parameters })) => {
            let begun_at = clock::now();
            let done = image::load_module(Path::new(file), parameters);
            loaded.count += u32::from(done.is_ok());
            loaded.took = loaded.took + clock::now().since(begun_at);
            done
        }
        Ok(Some(Step::Address { interface, ip, prefix_len })) => {
            image::add_address(netlink, interface, ip, prefix_len)
        }
        Err(mistake) => {
            let (column, fault) = (mistake.at + 1, mistake.fault);
            complain(&format_args!("{PLAN}:{number}:{column}: {fault}; the line is left out"));
            return;
        }
    };
    if let Err(fault) = done {
        complain(&format_args!("{PLAN}:{number}: {}: {fault}", line.trim_ascii()));
    }
}

/// Forks the router. What starts another one waits for the end of all its processes.
fn fork_router() -> Result<Fork, Fault> {
    let (end, leash) = image::pipe()?;
    let forked = process::fork()?;
    if forked == Fork::Child {
        // Open as long as it or a child of it lives. In the first process it is closed.
        core::mem::forget(leash);
    } else {
        image::hand_on(&end, END);
    }
    Ok(forked)
}

fn complain(what: &dyn Display) {
    eprintln!("ringward: {what}");
}
