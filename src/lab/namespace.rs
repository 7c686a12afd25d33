//! One machine's worth of namespaces: network and mounts.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::fault::{Fault, Result};
use super::netlink::{self, Link};

/// A network namespace and a mount namespace with a private `/run`. They exist as long as this
/// value or a process in them.
#[derive(Debug)]
pub(super) struct Namespace {
    net: File,
    mount: File,
}

const CONTAINER: &str = "Run it as root (sudo); in a container, give it CAP_SYS_ADMIN and \
                         CAP_NET_ADMIN (docker run --privileged).";

impl Namespace {
    /// New, empty and with `lo` up.
    pub(super) fn new() -> Result<Self> {
        on_new_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| {
                Fault::new("create a network namespace", error).with_cure(CONTAINER)
            })?;
            unshare(CloneFlags::CLONE_NEWNS).map_err(|error| {
                Fault::new("create a mount namespace", error).with_cure(CONTAINER)
            })?;
            let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
            mount(none, "/", none, private, none)
                .and_then(|()| {
                    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
                    mount(Some("tmpfs"), "/run", Some("tmpfs"), flags, Some("mode=0755"))
                })
                .map_err(|error| Fault::new("mount a private /run", error).with_cure(CONTAINER))?;
            Link::index("lo")?.up()?;
            let open = |kind: &str| {
                let path = format!("/proc/thread-self/ns/{kind}");
                File::open(&path).map_err(|error| Fault::new(format!("open {path}"), error))
            };
            Ok(Namespace { net: open("net")?, mount: open("mnt")? })
        })?
    }

    /// Runs `work` inside, on a thread of its own. Sockets and files that it opens stay inside when
    /// it hands them out.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_new_thread(|| {
            // A thread that shares its root directory cannot change mount namespaces.
            unshare(CloneFlags::CLONE_FS)
                .and_then(|()| setns(&self.net, CloneFlags::CLONE_NEWNET))
                .and_then(|()| setns(&self.mount, CloneFlags::CLONE_NEWNS))
                .map_err(|error| Fault::new("enter a namespace", error))?;
            work()
        })?
    }

    pub(super) fn net(&self) -> BorrowedFd<'_> {
        self.net.as_fd()
    }

    pub(super) fn mount(&self) -> BorrowedFd<'_> {
        self.mount.as_fd()
    }

    pub(super) fn net_path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.net.as_raw_fd())
    }

    /// Writes `/proc/sys/net/<knob>` inside. A knob that this kernel does not have is skipped: what
    /// it would switch off is not there either.
    pub(super) fn set_sysctl(&self, knob: &str, value: &str) -> Result<()> {
        self.enter(|| write_sysctl(knob, value))
    }

    /// No duplicate address detection (addresses work at once), no router solicitations.
    pub(super) fn quieten(&self) -> Result<()> {
        self.enter(|| {
            for scope in ["all", "default"] {
                for (knob, value) in [
                    ("accept_dad", "0"),
                    ("dad_transmits", "0"),
                    ("accept_ra", "0"),
                    ("autoconf", "0"),
                    ("router_solicitations", "0"),
                ] {
                    write_sysctl(&format!("ipv6/conf/{scope}/{knob}"), value)?;
                }
            }
            Ok(())
        })
    }

    /// Index of link `name` inside.
    pub(super) fn link(&self, name: &str) -> Result<netlink::Link> {
        self.enter(|| Link::index(name))
    }
}

fn write_sysctl(knob: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/net/{knob}");
    if !Path::new(&path).exists() {
        return Ok(());
    }
    fs::write(&path, value)
        .map_err(|error| Fault::new(format!("write {value} to {path}"), error).with_cure(CONTAINER))
}

/// Namespaces belong to threads: work in one is done by a thread that then ends, so that no panic
/// and no early return can leave a caller in the wrong place.
fn on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .spawn_scoped(scope, work)
            .map_err(|error| Fault::new("start a thread", error))?;
        worker.join().map_or_else(|panic| std::panic::resume_unwind(panic), Ok)
    })
}
