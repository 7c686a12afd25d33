//! What the lab needs from the kernel, and how a user who is not root gets it.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use super::fault::{Fault, Result};

const ASK_ROOT: &str = "Run it as root (sudo).";

/// Makes sure that namespaces can be made: nothing to do for root; any other user becomes root of a
/// new user namespace. Whether that was necessary.
///
/// The kernel takes only a process with one thread into a user namespace: call it first in `main`.
/// A test of a multi-threaded harness has to run as root instead.
///
/// # Errors
/// With the way out, if this user may not have a user namespace, or may do nothing in it.
pub fn become_root() -> Result<bool> {
    if may_make_namespaces() {
        return Ok(false);
    }
    let (uid, gid) = (geteuid(), getegid());
    unshare_user()?;
    // A process may map only itself, and its group only after giving up setgroups
    // (user_namespaces(7)).
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {uid} 1")),
        ("gid_map", format!("0 {gid} 1")),
    ];
    for (file, content) in maps {
        fs::write(format!("/proc/self/{file}"), content).map_err(|error| {
            Fault::new(format!("write /proc/self/{file}"), error).with_cure(ASK_ROOT)
        })?;
    }
    if may_make_namespaces() {
        return Ok(true);
    }
    // Ubuntu's AppArmor grants the user namespace and then refuses everything in it.
    Err(Fault::new("create a network namespace inside a user namespace", Errno::EPERM)
        .with_cure(restriction()))
}

/// Tries it in a thread that is thrown away.
fn may_make_namespaces() -> bool {
    let flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    std::thread::spawn(move || unshare(flags).is_ok()).join().unwrap_or(false)
}

fn unshare_user() -> Result<()> {
    let give_up = Instant::now() + Duration::from_millis(200);
    loop {
        match unshare(CloneFlags::CLONE_NEWUSER) {
            Ok(()) => return Ok(()),
            // The thread of `may_make_namespaces` was joined, but the kernel may still be about to
            // take it from the books.
            Err(Errno::EINVAL) if Instant::now() < give_up => std::thread::yield_now(),
            Err(Errno::EINVAL) => {
                return Err(Fault::new(
                    "enter a user namespace",
                    io::Error::other("this process has more than one thread"),
                )
                .with_cure("Run it as root."));
            }
            Err(error) => {
                return Err(Fault::new("create a user namespace", error).with_cure(restriction()));
            }
        }
    }
}

/// Which knob of this machine keeps its users from having namespaces.
fn restriction() -> &'static str {
    let reads = |path: &str, value: &str| {
        fs::read_to_string(path).is_ok_and(|content| content.trim() == value)
    };
    if reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "Run it as root (sudo), or let users have namespaces: \
         sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if reads("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "Run it as root (sudo), or let users have namespaces: \
         sysctl -w kernel.unprivileged_userns_clone=1"
    } else if reads("/proc/sys/user/max_user_namespaces", "0") {
        "Run it as root (sudo), or let users have namespaces: \
         sysctl -w user.max_user_namespaces=10000"
    } else {
        "Run it as root (sudo); in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN \
         (docker run --privileged)."
    }
}
