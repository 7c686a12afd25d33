//! A configuration as the compiler writes it and the engine runs it: flat tables, no pointers.
//!
//! Every default has been applied by whoever filled it (`config::source::lower`), so nothing
//! downstream knows a default. Instances refer to their addresses and peers as ranges of shared
//! pools, and to interfaces by index into the table of names.

mod probe;

use core::net::IpAddr;
use core::ops::Range;
use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

pub use probe::{Init, Parameters, Probe, Process, Text};

use super::console::Console;
use crate::addr::{AccountName, Family, InterfaceName, Name, Priority, Version, Vrid};
use crate::limits::{
    ADDRESS_COUNT_MAX, COMMAND_COUNT_MAX, COMMAND_LEN_MAX, DELAY_COUNT_MAX, GROUP_COUNT_MAX,
    INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, PEER_COUNT_MAX, PROBE_COUNT_MAX, SCRIPT_COUNT_MAX,
    TRACKER_COUNT_MAX,
};
use crate::time::Span;

/// A whole configuration. Large (hundreds of kilobytes of tables): keep it in a `static` or a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What holds for all instances.
    pub global: Global,
    /// Names of the interfaces that instances and addresses refer to, each once.
    pub interfaces: Vec<InterfaceName, INTERFACE_COUNT_MAX>,
    /// The virtual routers.
    pub instances: Vec<Instance, INSTANCE_COUNT_MAX>,
    /// The sync groups: [`Instance::group`] says who belongs to them.
    pub groups: Vec<Group, GROUP_COUNT_MAX>,
    /// The virtual addresses of all instances: [`Instance::addresses`] says whose.
    pub addresses: Vec<Address, ADDRESS_COUNT_MAX>,
    /// The unicast peers of all instances: [`Instance::peers`] says whose.
    pub peers: Vec<IpAddr, PEER_COUNT_MAX>,
    /// The scripts whose success somebody tracks.
    pub scripts: Vec<Script, SCRIPT_COUNT_MAX>,
    /// What all instances track: [`Instance::trackers`] says whose.
    pub trackers: Vec<Tracker, TRACKER_COUNT_MAX>,
    /// The commands that scripts refer to.
    pub commands: Vec<Command, COMMAND_COUNT_MAX>,
    /// The built-in checks that scripts refer to.
    pub probes: Vec<Probe, PROBE_COUNT_MAX>,
}

/// What holds for all instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Global {
    /// `router_id`: how this router calls itself in status. May be empty.
    pub router_id: Name,
    /// `vrrp_startup_delay`: adverts are discarded and nobody becomes master for so long after the
    /// start.
    pub startup_delay: Span,
    /// `vrrp_garp_interval`: least time between two gratuitous ARPs on one interface.
    pub garp_interval: Span,
    /// `vrrp_gna_interval`: the same for unsolicited neighbour advertisements.
    pub gna_interval: Span,
    /// `enable_script_security`: a command that runs as root is refused if others than root could
    /// change what it runs.
    pub script_security: bool,
    /// `decision_timeout`: a configuration under which no instance has become MASTER or BACKUP so
    /// long after the start (and `vrrp_startup_delay`) gives way to the next one; zero: never.
    pub decision_timeout: Span,
    /// `console`: what `ringward run` starts beside the daemon, if anything. Not an `Option`: without
    /// one, a `Config` is all zeros, and takes no room in the executable.
    pub console: Vec<Console, 1>,
    /// `console_release`: whoever is at a console may release instances.
    pub console_release: bool,
    /// `notify_fifo` and `vrrp_notify_fifo`: pipes that are told of everything. Indexes into
    /// [`Config::commands`]: the one word is the path, and user and group are its owner.
    pub fifos: [Option<u16>; FIFO_COUNT],
    /// `fifo_write_vrrp_states_on_reload`: a reload writes each state anew.
    pub fifo_states_on_reload: bool,
    /// `interface_up_down_delays`: how long changes of an interface must last to count.
    pub delays: Vec<LinkDelay, DELAY_COUNT_MAX>,
}

/// How long a change of an interface must last to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDelay {
    /// Index into [`Config::interfaces`].
    pub interface: u8,
    /// That it is down, or has no carrier.
    pub down: Span,
    /// That it is up again.
    pub up: Span,
}

/// The keywords of [`Global::fifos`].
pub const FIFO_KEYWORDS: [&str; FIFO_COUNT] = ["notify_fifo", "vrrp_notify_fifo"];
/// How many pipes are told at most.
pub const FIFO_COUNT: usize = 2;

/// One virtual router: `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The name in the configuration.
    pub name: Name,
    /// `interface`: adverts are sent and heard here. Index into [`Config::interfaces`].
    pub interface: u8,
    /// Family of the advertised addresses and of the adverts.
    pub family: Family,
    /// `version`.
    pub version: Version,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `priority`, 1–255; 255 owns the addresses.
    pub priority: Priority,
    /// `state MASTER`. keepalived starts such an instance in BACKUP all the same, unless its
    /// priority is 255; kept for `explain` and `status`.
    pub wants_master: bool,
    /// `advert_int`: whole seconds in version 2, multiples of 10 ms up to 40.95 s in version 3.
    pub interval: Span,
    /// `preempt` (the default) or `nopreempt`.
    pub preempt: bool,
    /// `preempt_delay`: how long a lower master is endured before it is preempted.
    pub preempt_delay: Span,
    /// `mcast_src_ip` or `unicast_src_ip`; without it the interface's primary address is the source.
    pub source: Option<IpAddr>,
    /// `authentication`. Version 2 only.
    pub authentication: Authentication,
    /// When and how often gratuitous ARPs and neighbour advertisements are sent.
    pub announce: Announce,
    /// Whether a fault of the instance's own interface is a fault of the instance; false with
    /// `dont_track_primary`.
    pub track_primary: bool,
    /// The instance's addresses in [`Config::addresses`]: first those of `virtual_ipaddress`, in
    /// order, then those of `virtual_ipaddress_excluded`.
    pub addresses: Span16,
    /// How many of [`Instance::addresses`], from the first on, adverts carry.
    pub advertised: u8,
    /// The instance's `unicast_peer`s in [`Config::peers`]; none: multicast.
    pub peers: Span16,
    /// What the instance tracks, in [`Config::trackers`].
    pub trackers: Span16,
    /// The sync group it belongs to: index into [`Config::groups`].
    pub group: Option<u16>,
    /// What is told of its changes.
    pub notify: Notify,
}

/// `authentication`: how adverts of version 2 show that they are the instance's (RFC 2338 §5.3.6).
/// In both cases the octets of `auth_pass`, padded with zeros.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// `auth_type PASS`: they carry the password.
    Password([u8; 8]),
    /// `auth_type AH`: an IPsec Authentication Header with this key.
    Header([u8; 8]),
}

impl Authentication {
    /// Whether adverts are in an Authentication Header.
    pub const fn is_header(&self) -> bool {
        matches!(self, Authentication::Header(_))
    }
}

/// Without the password: it must not reach a log.
impl core::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Authentication::None => "None",
            Authentication::Password(_) => "Password(********)",
            Authentication::Header(_) => "Header(********)",
        })
    }
}

/// What is told of an instance's changes: indexes into [`Config::commands`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<u16>,
    /// `notify_backup`.
    pub backup: Option<u16>,
    /// `notify_fault`.
    pub fault: Option<u16>,
    /// `notify_stop`.
    pub stop: Option<u16>,
    /// `notify_deleted`.
    pub deleted: Option<u16>,
    /// `notify_master_rx_lower_pri`.
    pub rx_lower_priority: Option<u16>,
    /// `notify`: of each state, with what and whom it is about behind its own words.
    pub any: Option<u16>,
    /// `notify_priority_changes`: pipes are told of another effective priority.
    pub priority_changes: bool,
}

impl Notify {
    /// Nobody is told of anything.
    pub const NOBODY: Notify = Notify {
        master: None,
        backup: None,
        fault: None,
        stop: None,
        deleted: None,
        rx_lower_priority: None,
        any: None,
        priority_changes: false,
    };

    /// The commands that there are.
    pub fn commands(&self) -> impl Iterator<Item = u16> {
        let Notify { master, backup, fault, stop, deleted, rx_lower_priority, any, .. } = *self;
        [master, backup, fault, stop, deleted, rx_lower_priority, any].into_iter().flatten()
    }
}

/// Virtual routers that are master together or not at all: `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name in the configuration.
    pub name: Name,
    /// What is told of its changes.
    pub notify: Notify,
}

/// The `garp_*` keywords of one instance, which hold for neighbour advertisements as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// `garp_master_delay`: the second burst comes so long after the takeover; zero: none.
    pub delay: Span,
    /// `garp_master_repeat`: announcements an address and burst, at least 1.
    pub repeat: u8,
    /// `garp_master_refresh`: a burst every so often while master; zero: none.
    pub refresh: Span,
    /// `garp_master_refresh_repeat`: announcements an address and refresh, at least 1.
    pub refresh_repeat: u8,
    /// `garp_lower_prio_delay`: the second burst after a rival with a lower priority was heard.
    pub lower_delay: Span,
    /// `garp_lower_prio_repeat`: announcements an address in such a burst; zero: none.
    pub lower_repeat: u8,
    /// `garp_extra_if all`: a burst every so often for addresses on interfaces that carry no
    /// adverts of their instance; zero: none.
    pub extra_interface: Span,
}

impl Announce {
    /// keepalived's defaults: five at once, five more after five seconds, no refresh.
    pub const KEEPALIVED: Announce = Announce {
        delay: Span::from_secs(5),
        repeat: 5,
        refresh: Span::ZERO,
        refresh_repeat: 1,
        lower_delay: Span::from_secs(5),
        lower_repeat: 5,
        extra_interface: Span::ZERO,
    };
}

/// One virtual address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length; 32 or 128 unless configured.
    pub prefix_len: u8,
    /// The interface that carries it: `dev`, else the instance's. Index into
    /// [`Config::interfaces`].
    pub interface: u8,
    /// `label`, as `ip addr` shows it (IPv4 only). Empty: none.
    pub label: InterfaceName,
}

/// What is looked at time and again, and whose success is tracked: `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The name in the configuration.
    pub name: Name,
    /// Which block it is from.
    pub kind: Kind,
    /// What is run.
    pub check: Check,
    /// `interval`: from one run to the next.
    pub interval: Span,
    /// `timeout`: a run that takes longer has failed, and is ended.
    pub timeout: Span,
    /// `rise`: so many successes in a row make it succeed, at least 1.
    pub rise: u16,
    /// `fall`: so many failures in a row make it fail, at least 1.
    pub fall: u16,
    /// `init_fail`: it counts as failed until it has succeeded.
    pub init_fail: bool,
}

/// The block that something tracked is from: two of different kinds may have one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// `vrrp_script`.
    Script,
    /// `vrrp_track_process`.
    Process,
    /// `track_file`: what counts is a number, and not whether it succeeds.
    File,
}

impl Kind {
    /// `script`, `process`, `file`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Script => "script",
            Kind::Process => "process",
            Kind::File => "file",
        }
    }

    /// The block that defines it.
    pub const fn block(self) -> &'static str {
        match self {
            Kind::Script => "vrrp_script",
            Kind::Process => "vrrp_track_process",
            Kind::File => "track_file",
        }
    }

    /// The block of an instance that names it.
    pub const fn track(self) -> &'static str {
        match self {
            Kind::Script => "track_script",
            Kind::Process => "track_process",
            Kind::File => "track_file",
        }
    }
}

/// What a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// `script`: index into [`Config::commands`].
    Command(u16),
    /// `builtin`: index into [`Config::probes`].
    Probe(u16),
}

/// What an instance tracks, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracker {
    /// What is tracked.
    pub subject: Subject,
    /// Added to the priority while the subject is fine, if positive; while it is not, if negative.
    /// Zero: the instance is in FAULT while the subject is not fine. Of a file, whose number is
    /// multiplied by it: zero means FAULT while the number is another than zero.
    pub weight: i16,
    /// The weight's sign is turned round; with weight zero, FAULT means that the subject is fine.
    pub reverse: bool,
}

/// What can be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Index into [`Config::scripts`].
    Script(u16),
    /// Index into [`Config::interfaces`]: fine while it exists, is up and has carrier.
    Interface(u8),
}

/// A program with its arguments, and who runs it. No shell is involved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments, each ended by a zero.
    pub words: String<COMMAND_LEN_MAX>,
    /// `user`; empty: `keepalived_script` where there is such a user, else the daemon's own.
    pub user: AccountName,
    /// Its group; empty: the user's own.
    pub group: AccountName,
    /// Whether it also gets the supplementary groups of its user.
    pub supplementary: bool,
}

impl Command {
    /// The program and its arguments.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words.split_terminator('\0')
    }
}

/// A range of a pool, as start and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span16 {
    /// First index.
    pub start: u16,
    /// How many.
    pub len: u16,
}

impl Span16 {
    /// The range as indexes of a slice.
    pub fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.start) + usize::from(self.len)
    }
}

impl Global {
    /// Whether there is a FIFO that could be told of anything.
    pub fn has_fifo(&self) -> bool {
        self.fifos.iter().any(Option::is_some)
    }

    /// keepalived's defaults.
    pub const fn new() -> Self {
        Global {
            router_id: Name::new(),
            startup_delay: Span::ZERO,
            garp_interval: Span::ZERO,
            gna_interval: Span::ZERO,
            script_security: false,
            decision_timeout: Span::ZERO,
            console: Vec::new(),
            console_release: false,
            fifos: [None; FIFO_COUNT],
            fifo_states_on_reload: false,
            delays: Vec::new(),
        }
    }
}

impl Default for Global {
    fn default() -> Self {
        Global::new()
    }
}

impl Config {
    /// No instance at all. All octets zero, so that a `static` of it takes no room in the
    /// executable.
    pub const fn new() -> Self {
        Config {
            global: Global::new(),
            interfaces: Vec::new(),
            instances: Vec::new(),
            groups: Vec::new(),
            addresses: Vec::new(),
            peers: Vec::new(),
            scripts: Vec::new(),
            trackers: Vec::new(),
            commands: Vec::new(),
            probes: Vec::new(),
        }
    }

    /// The same on the heap. Made of a constant in a function of its own: an unoptimised build has
    /// it on the stack first, but once, and gives that back.
    #[cfg(feature = "std")]
    #[inline(never)]
    pub fn boxed() -> std::boxed::Box<Config> {
        const EMPTY: Config = Config::new();
        std::boxed::Box::new(EMPTY)
    }

    /// Makes it what [`Config::new`] returns, in place: a value of this size is not to pass over
    /// the stack.
    pub fn clear(&mut self) {
        self.global = Global::new();
        self.interfaces.clear();
        self.instances.clear();
        self.groups.clear();
        self.addresses.clear();
        self.peers.clear();
        self.scripts.clear();
        self.trackers.clear();
        self.commands.clear();
        self.probes.clear();
    }

    /// Becomes equal to `other` without moving more than what is in use.
    pub fn copy_from(&mut self, other: &Config) {
        self.clear();
        self.global = other.global.clone();
        // None of these can fail: both sides have the same capacity.
        let _ = self.interfaces.extend_from_slice(&other.interfaces);
        let _ = self.instances.extend_from_slice(&other.instances);
        let _ = self.groups.extend_from_slice(&other.groups);
        let _ = self.addresses.extend_from_slice(&other.addresses);
        let _ = self.peers.extend_from_slice(&other.peers);
        let _ = self.scripts.extend_from_slice(&other.scripts);
        let _ = self.trackers.extend_from_slice(&other.trackers);
        let _ = self.commands.extend_from_slice(&other.commands);
        let _ = self.probes.extend_from_slice(&other.probes);
    }

    /// The addresses of `instance`, advertised ones first.
    pub fn addresses_of(&self, instance: &Instance) -> &[Address] {
        self.addresses.get(instance.addresses.range()).unwrap_or(&[])
    }

    /// The unicast peers of `instance`.
    pub fn peers_of(&self, instance: &Instance) -> &[IpAddr] {
        self.peers.get(instance.peers.range()).unwrap_or(&[])
    }

    /// What `instance` tracks.
    pub fn trackers_of(&self, instance: &Instance) -> &[Tracker] {
        self.trackers.get(instance.trackers.range()).unwrap_or(&[])
    }

    /// The name of interface `index`; empty when there is none, which [`super::check`] excludes.
    pub fn interface_name(&self, index: u8) -> &str {
        self.interfaces.get(usize::from(index)).map_or("", InterfaceName::as_str)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}
