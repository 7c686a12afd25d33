//! From a blob to a running loop. Whatever can be refused is refused before the kernel is touched.

use core::fmt;
use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use static_cell::ConstStaticCell;

use super::arguments::RunOptions;
use super::control::{self, Control, Reply};
use super::haste::Haste;
#[cfg(not(feature = "trackers"))]
use super::no_probe::Probes;
use super::ports::Ports;
use super::presence::{Name, Presence};
#[cfg(feature = "trackers")]
use super::probe::Probes;
use super::reload::Reload;
use super::run::Daemon;
use super::source::{Source, sources};
use super::supervise::House;
use super::{Exit, Failure};
use crate::config::blob;
use crate::config::network::Networks;
use crate::engine::{ADDRESS_PROTO, Engine, Heartbeat, Owned};
use crate::io::file::Reader;
use crate::io::filter::{self, Refusal};
use crate::io::journal::Journal;
use crate::io::netlink::{self, Groups, Netlink, Received};
use crate::io::outbox::{self, Arena, Outbox};
use crate::io::port::{self, Inbox};
use crate::io::ring::{self, Ring};
use crate::io::timer::Timer;
use crate::io::{Fault, clock, privilege, process};
use crate::limits::BLOB_LEN_MAX;
use crate::status::Process;
use crate::wire::rtnl::{self, Dump, Message};

// All of it zeros: none of it takes room in the executable, and only what is used takes memory.
static ENGINE: ConstStaticCell<Engine> = ConstStaticCell::new(Engine::new());
static ARENA: ConstStaticCell<Arena> = ConstStaticCell::new(outbox::arena());
static INBOX: ConstStaticCell<port::Space> = ConstStaticCell::new(port::SPACE);
static NETLINK: ConstStaticCell<netlink::Space> = ConstStaticCell::new(netlink::SPACE);
static REPLY: ConstStaticCell<Reply> = ConstStaticCell::new(control::reply());
/// One octet more than a blob may have: a file that fills it is too long.
static BLOB: ConstStaticCell<[u8; BLOB_LEN_MAX + 1]> = ConstStaticCell::new([0; BLOB_LEN_MAX + 1]);

/// What the supervisor hands down.
#[derive(Debug)]
pub(super) struct Legacy<'a> {
    pub(super) supervisor: u32,
    pub(super) restarts: u32,
    pub(super) journal: &'a mut Journal,
    pub(super) source: Source<'a>,
    /// The version of the embedded configuration that did not come up; zero: none.
    pub(super) abandoned: u32,
    /// There is no configuration that could be tried after this one.
    pub(super) is_last: bool,
}

/// `ringward check`: whether `run` would come up, as far as that can be told without changing anything.
///
/// # Errors
/// What `run` would end with.
pub fn check(options: &RunOptions) -> Result<(), Failure> {
    let sources = sources(options)?;
    let _packet = port::open_packet().map_err(explain_refusal)?;
    if let Some(source) = sources.first() {
        load(*source, &options.networks, BLOB.take(), ENGINE.take())?;
    }
    check_privileges()?;
    ring::attempt().map_err(explain_ring)
}

/// The daemon's whole life, in the child.
pub(super) fn serve(house: &House<'_>, legacy: Legacy<'_>) -> ! {
    let exit = match start(house, legacy) {
        Ok(exit) => exit,
        Err(failure) => {
            log::error!("- not-started reason=\"{failure}\"");
            failure.exit
        }
    };
    // Without taking the ring apart: the kernel does that.
    std::process::exit(i32::from(exit.code()))
}

fn start(house: &House<'_>, legacy: Legacy<'_>) -> Result<Exit, Failure> {
    let options = house.options;
    process::set_name(c"ringward");
    if !process::die_with_parent(legacy.supervisor) {
        return Ok(Exit::Fine);
    }
    let engine = ENGINE.take();
    let space = BLOB.take();
    let path = load(legacy.source, &options.networks, space, engine)?;
    engine.set_leases(options.lease);
    if !cfg!(feature = "console") && !engine.config().global.console.is_empty() {
        log::warn!("- console-missing reason=\"this build has no consoles\"");
    }
    check_privileges()?;
    let process = Process {
        pid: std::process::id(),
        started_at: clock::now(),
        restarts: legacy.restarts,
        journal_kept: legacy.journal.is_kept(),
        realtime: house.realtime,
        embedded_version: legacy.source.version(),
        abandoned_version: legacy.abandoned,
        ..Process::default()
    };
    let news = netlink::open(Groups::News)?;
    let commands = netlink::open(Groups::None)?;
    engine.set_port(netlink::port(commands.as_raw_fd())?);
    let packet = house.packet.as_raw_fd();
    let signals = process::signal_fd()?;
    let listener = house.control.as_ref().map(UnixListener::try_clone).transpose();
    let listener = listener.map_err(|error| {
        Failure::new(Exit::System, format!("cannot share the control socket: {error}"))
    })?;
    let helper = house.helper.as_ref().map(AsRawFd::as_raw_fd);
    engine.set_life(legacy.restarts);
    let mut journal = legacy.journal.share();
    let mut netlink = Netlink::new(NETLINK.take());
    let reload = prepare_reload(space, &path, &options.networks);
    let (is_filtered, is_last) = (house.filtered, legacy.is_last);
    let locks_memory = options.realtime;
    let name = house.presence.as_ref().map(Presence::name);
    #[cfg(feature = "trackers")]
    let restarts = legacy.restarts;

    ring::start(move |ring: Ring| async move {
        let now = clock::now();
        engine.configure(now);
        if let Err(fault) =
            settle(engine, &mut netlink, commands.as_raw_fd(), &mut journal, name.as_ref())
        {
            log::error!("- not-started reason=\"{fault}\"");
            return Exit::System;
        }
        // What the removals have left there is of before the start.
        netlink.drain(news.as_raw_fd(), |received| match received {
            Received::Datagram(datagram) => engine.observe(now, datagram),
            Received::Overrun => engine.observe_overrun(now),
            Received::Foreign => {}
        });
        // Who died would overwrite what others have written meanwhile.
        #[cfg(feature = "trackers")]
        if restarts == 0 {
            super::files::initialise(engine.config());
        }
        tell(privilege::keep_for_daemon());
        engine.start(clock::now());
        let global = &engine.config().global;
        let decide_by = clock::now() + global.startup_delay + global.decision_timeout;
        let has_to_decide = !is_last && !global.decision_timeout.is_zero();
        let mut daemon = Daemon {
            engine,
            ring,
            timer: Timer::new(),
            haste: Haste::new(),
            outbox: Outbox::new(ARENA.take()),
            inbox: Inbox::new(INBOX.take()),
            netlink,
            ports: Ports::new(),
            probes: Probes::new(),
            control: Control::new(listener, REPLY.take()),
            reload,
            journal,
            process,
            packet,
            helper,
            news,
            commands,
            signals,
            stop_by: None,
            decide_by: Some(decide_by).filter(|_| has_to_decide),
        };
        // Where the kernel has none, the supervisor has said so.
        if is_filtered {
            daemon.process.seccomp = tell(filter::confine(Refusal::of_this_build()));
        }
        daemon.run(locks_memory).await
    })
    .map_err(explain_ring)
}

/// Apart from [`start`], whose frame stays where it is for good: paths are long.
#[inline(never)]
fn prepare_reload(space: &'static mut [u8], path: &str, networks: &Networks) -> Box<Reload> {
    Box::new(Reload::new(Reader::new(space), path, networks))
}

/// Decodes the configuration. Its path, for a later reload; empty where it has none.
#[inline(never)]
fn load(
    source: Source<'_>,
    networks: &Networks,
    space: &mut [u8],
    engine: &mut Engine,
) -> Result<String, Failure> {
    match source {
        Source::File(path) => load_file(path, networks, space, engine),
        Source::Embedded { blob, .. } => {
            decode(source, blob, networks, engine)?;
            Ok(String::new())
        }
    }
}

fn decode(
    source: Source<'_>,
    blob: &[u8],
    networks: &Networks,
    engine: &mut Engine,
) -> Result<(), Failure> {
    let stage = engine.stage().ok_or_else(|| Failure::new(Exit::System, "already started"))?;
    let refused =
        |reason: &dyn fmt::Display| Failure::new(Exit::Blob, format!("{source}: {reason}"));
    blob::decode(blob, stage).map_err(|reason| refused(&reason))?;
    networks.resolve(stage).map_err(|reason| refused(&reason))
}

fn load_file(
    path: &Path,
    networks: &Networks,
    space: &mut [u8],
    engine: &mut Engine,
) -> Result<String, Failure> {
    let name = path.display();
    let failed = |error: std::io::Error| {
        // The file may be as good as ever, and readable the next time.
        if error.raw_os_error().is_some_and(is_shortage) {
            return Failure::new(Exit::System, format!("cannot read {name}: {error}"));
        }
        Failure::new(Exit::Configuration, format!("no configuration: {name}: {error}"))
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut len = 0;
    while let Some(room) = space.get_mut(len..).filter(|room| !room.is_empty()) {
        match file.read(room).map_err(failed)? {
            0 => break,
            count => len += count,
        }
    }
    let octets = blob::without_padding(space.get(..len).unwrap_or(&[]));
    decode(Source::File(path), octets, networks, engine)?;
    process::give_back(space);
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("the path {name} is not UTF-8")))
}

/// Each privilege is tried by using it: what a namespace or a filter forbids shows in no list.
#[inline(never)]
fn check_privileges() -> Result<(), Failure> {
    let commands = netlink::open(Groups::None)?;
    match netlink::probe(commands.as_raw_fd())? {
        libc::EPERM | libc::EACCES => Err(missing("CAP_NET_ADMIN")),
        _ => Ok(()),
    }
}

/// Why the packet socket cannot be had.
pub(super) fn explain_refusal(fault: Fault) -> Failure {
    match fault.errno {
        libc::EPERM | libc::EACCES => missing("CAP_NET_RAW"),
        _ => fault.into(),
    }
}

fn missing(privilege: &str) -> Failure {
    Failure::new(
        Exit::Privilege,
        format!(
            "{privilege} is missing: run as root; or give it to the program (setcap \
             cap_net_admin,cap_net_raw+ep FILE); or to the service (systemd: \
             AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW)"
        ),
    )
}

/// Says what is not permitted, and goes on.
pub(super) fn tell(result: Result<(), Fault>) -> bool {
    if let Err(fault) = &result {
        log::warn!("- not-permitted reason=\"{fault}\"");
    }
    result.is_ok()
}

/// Reads the kernel's tables, and settles what a predecessor has left: kept, if the engine takes
/// it over, and otherwise removed before the first packet is heard.
#[inline(never)]
fn settle(
    engine: &mut Engine,
    netlink: &mut Netlink,
    commands: RawFd,
    journal: &mut Journal,
    name: Option<&Name>,
) -> Result<(), Fault> {
    let mut present = Vec::new();
    let mut buffer = [0; netlink::REQUEST_LEN_MAX];
    for (sequence, dump) in (1..).zip([Dump::Links, Dump::Addresses]) {
        let len = rtnl::emit_dump(dump, sequence, &mut buffer).unwrap_or(0);
        let request = buffer.get(..len).unwrap_or(&[]);
        netlink.ask(commands, request, |received| match received {
            Received::Datagram(datagram) => {
                engine.observe(clock::now(), datagram);
                present.extend(rtnl::messages(datagram).flatten().filter_map(|item| {
                    let Message::Address(address) = item.message else { return None };
                    Some(address).filter(|address| address.present)
                }));
            }
            Received::Overrun => engine.observe_overrun(clock::now()),
            Received::Foreign => {}
        })?;
    }
    let noted: Vec<Owned> = journal.owned().collect();
    let beats: Vec<Heartbeat> = journal.beats().collect();
    journal.forget_beats();
    // Nobody is looked for where nobody can have left anything.
    let has_marks = present.iter().any(|address| address.proto == ADDRESS_PROTO);
    let others = name.filter(|_| has_marks).map_or(0, Name::others);
    if others > 0 {
        log::info!("- not-alone others={others} text=\"what they have is left alone\"");
    }
    let left = left_over(&present, &noted, others == 0);
    for owned in noted.iter().filter(|owned| !left.contains(owned)) {
        journal.strike(*owned);
    }
    let (mut kept, mut removed) = (0, 0);
    for owned in left {
        let beat = |beat| engine.adopt(clock::now(), owned, beat);
        if beats.iter().copied().map(Some).chain([None]).any(beat) {
            journal.note(owned);
            kept += 1;
        } else if netlink::remove(commands, owned)? == 0 {
            // Not before: who dies here leaves it to the next.
            journal.strike(owned);
            removed += 1;
        }
    }
    if kept + removed > 0 {
        log::info!("- predecessor-left kept={kept} removed={removed}");
    }
    Ok(())
}

/// Which addresses of the kernel are a predecessor's: those with our mark. Where the kernel keeps
/// no marks (before 5.18: not even its own), those in the journal. One that is in the journal but
/// has lost our mark has been replaced by the administrator, and is his. Beside another ringward,
/// which has the same mark, only those in the journal.
fn left_over(present: &[rtnl::Address], noted: &[Owned], is_alone: bool) -> Vec<Owned> {
    let keeps_marks = present.iter().any(|address| address.proto != 0);
    let mut left = Vec::new();
    for address in present {
        let owned =
            Owned { interface: address.index, ip: address.ip, prefix_len: address.prefix_len };
        let is_noted = noted.contains(&owned);
        let is_marked = address.proto == ADDRESS_PROTO;
        let is_ours = (is_marked && (is_alone || is_noted)) || (!keeps_marks && is_noted);
        if is_ours && !left.contains(&owned) {
            left.push(owned);
        }
    }
    left
}

/// Whether the machine was only short of something that others hold.
fn is_shortage(errno: i32) -> bool {
    matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN)
}

fn explain_ring(fault: Fault) -> Failure {
    if fault.errno == libc::ENOMEM {
        let cure = "its memory counts as locked: raise RLIMIT_MEMLOCK, or give CAP_IPC_LOCK";
        return Failure::new(Exit::System, format!("{fault}; {cure}"));
    }
    if is_shortage(fault.errno) {
        return fault.into();
    }
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let reason: &dyn fmt::Display = match (fault.errno, disabled.unwrap_or_default().trim()) {
        (libc::ENOSYS, _) => &"this kernel has no io_uring (CONFIG_IO_URING, Linux 5.11 or later)",
        (libc::EPERM, "2") => &"io_uring is disabled: sysctl -w kernel.io_uring_disabled=0",
        (libc::EPERM, "1") => {
            &"io_uring is for root and one group only: sysctl kernel.io_uring_disabled is 1"
        }
        (libc::EPERM, _) => &"io_uring is forbidden, by a seccomp filter or a security module",
        _ => &fault,
    };
    Failure::new(Exit::Ring, reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::IfIndex;

    fn address(ip: &str, proto: u8) -> rtnl::Address {
        rtnl::Address {
            present: true,
            index: IfIndex::new(2).expect("not zero"),
            ip: ip.parse().expect("an address"),
            prefix_len: 24,
            flags: 0,
            scope: 0,
            proto,
        }
    }

    fn owned(ip: &str) -> Owned {
        let address = address(ip, 0);
        Owned { interface: address.index, ip: address.ip, prefix_len: 24 }
    }

    #[test]
    fn a_marked_address_is_ours_even_without_a_journal() {
        let present = [address("10.0.0.1", 0), address("10.0.0.2", 112)];
        assert_eq!(left_over(&present, &[], true), [owned("10.0.0.2")]);
    }

    #[test]
    fn beside_another_ringward_only_what_the_journal_names_is_ours() {
        let present = [address("10.0.0.1", 112), address("10.0.0.2", 112), address("10.0.0.3", 0)];
        let noted = [owned("10.0.0.2"), owned("10.0.0.3")];
        assert_eq!(left_over(&present, &noted, false), [owned("10.0.0.2")]);
    }

    #[test]
    fn a_journaled_address_without_the_mark_has_become_the_administrators() {
        let present = [address("127.0.0.1", 1), address("10.0.0.2", 0)];
        assert_eq!(left_over(&present, &[owned("10.0.0.2")], true), []);
    }

    #[test]
    fn where_the_kernel_keeps_no_marks_the_journal_decides() {
        let present = [address("10.0.0.1", 0), address("10.0.0.2", 0)];
        let noted = [owned("10.0.0.2"), owned("10.0.0.3")];
        assert_eq!(left_over(&present, &noted, true), [owned("10.0.0.2")]);
    }
}
