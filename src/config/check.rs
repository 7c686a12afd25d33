//! The rules that a configuration keeps. The compiler runs them before it writes a blob, the
//! daemon after it has read one, so that nothing behind them meets a value it cannot serve.
//!
//! No allocation and little stack (about 12 kB), and no rule takes quadratic time: a reload is
//! checked between two adverts.

mod probe;

pub use probe::{is_file_path, is_prefix};

use core::cmp::Ordering;
use core::fmt;
use core::net::IpAddr;

use super::console::SPEEDS;
use super::model::{
    Address, Authentication, Check, Command, Config, Instance, Kind, LinkDelay, Probe, Script,
    Span16, Subject, Tracker,
};
use crate::addr::{Family, Version};
use crate::limits::{
    ADDRESS_COUNT_MAX, ADDRESS_PER_ADVERT_MAX, COMMAND_COUNT_MAX, GROUP_COUNT_MAX,
    HEADER_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, PEER_COUNT_MAX, PROBE_COUNT_MAX,
    SCRIPT_COUNT_MAX,
};
use crate::order::sort;
use crate::time::Span;

/// The longest `preempt_delay`: keepalived.conf(5).
pub const PREEMPT_DELAY_MAX: Span = Span::from_secs(1000);

/// The longest version 3 interval: 12 bits of centiseconds (RFC 9568 §5.2.7).
pub const INTERVAL_V3_MAX: Span = Span::from_centis(4095);

/// The longest version 2 interval: 8 bits of seconds (RFC 3768 §5.3.7).
pub const INTERVAL_V2_MAX: Span = Span::from_secs(255);

/// The largest weight, and less its sign the smallest: keepalived.conf(5).
pub const WEIGHT_MAX: i16 = 253;
/// The same of processes, and of a tracked file, by which its number is multiplied.
pub const COUNTED_WEIGHT_MAX: i16 = 254;

/// The largest weight of something of this kind.
pub const fn weight_max(kind: Kind) -> i16 {
    match kind {
        Kind::Script => WEIGHT_MAX,
        Kind::Process | Kind::File => COUNTED_WEIGHT_MAX,
    }
}

/// The longest delay of an interface's changes: keepalived.conf(5).
pub const LINK_DELAY_MAX: Span = Span::from_secs(255);

/// A rule that a configuration breaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Rule {
    /// An interface name the kernel would not give (`dev_valid_name`, net/core/dev.c).
    InterfaceName = 1,
    /// The same interface name twice in the table.
    InterfaceTwice = 2,
    /// An interface index that points nowhere.
    InterfaceIndex = 3,
    /// A name that is empty or has control characters in it.
    Name = 4,
    /// Two instances, or two scripts, of one name.
    NameTwice = 5,
    /// Priority 0, which only a resigning advert carries (RFC 9568 §5.2.4).
    Priority = 6,
    /// An IPv6 instance of version 2, which knows no IPv6.
    VersionFamily = 7,
    /// A version 2 interval that is not a whole number of seconds from 1 to 255.
    IntervalV2 = 8,
    /// A version 3 interval that is not a multiple of 10 ms from 10 ms to 40.95 s.
    IntervalV3 = 9,
    /// Two instances of one VRID and family on one interface.
    VridTwice = 10,
    /// An owner (priority 255) that would not preempt, or would wait to.
    OwnerPreempt = 11,
    /// A `preempt_delay` of more than 1000 s, or one of an instance that never preempts.
    PreemptDelay = 12,
    /// Authentication outside version 2.
    Authentication = 13,
    /// The addresses of the instances do not follow one another in the pool without a gap.
    AddressRange = 14,
    /// The peers of the instances do not follow one another in the pool without a gap.
    PeerRange = 15,
    /// Not 1 to 255 advertised addresses.
    Advertised = 16,
    /// An advertised address of another family than its instance.
    AddressFamily = 17,
    /// A virtual address that no interface can carry: unspecified, multicast, broadcast.
    Address = 18,
    /// A prefix length beyond the address's bits.
    PrefixLength = 19,
    /// One address twice on one interface.
    AddressTwice = 20,
    /// A label on an IPv6 address, or one with spaces or control characters.
    Label = 21,
    /// A source address of another family, or one that no packet can come from.
    Source = 22,
    /// A peer of another family, or one that no packet can be sent to.
    Peer = 23,
    /// One peer twice.
    PeerTwice = 24,
    /// No announcement at all in a burst that must have one.
    AnnounceRepeat = 25,
    /// What the instances track does not follow one another in the pool without a gap.
    TrackerRange = 26,
    /// A tracker of something that is not in its table.
    TrackerSubject = 27,
    /// A weight beyond -253 to 253, or of processes or a file beyond -254 to 254.
    Weight = 28,
    /// A script whose command or built-in check is not in the table or of another kind, that never
    /// runs or has no time to, or that wants no success or no failure at all.
    Script = 29,
    /// A command without a program, or whose words do not each end with a zero.
    Command = 30,
    /// A notification whose command is not in the table, or a FIFO that is no absolute path.
    Notify = 31,
    /// A sync group that is not in its table, or that nobody belongs to.
    Group = 40,
    /// A built-in check of nothing that could answer.
    Probe = 41,
    /// A console whose terminal's name has control characters, or at a speed that no line has.
    Console = 42,
    /// A delay of an interface that is not in the table, or of more than 255 s.
    Delay = 43,
}

impl Rule {
    /// The rule's number, stable across versions.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The rule in words.
    pub const fn text(self) -> &'static str {
        match self {
            Rule::InterfaceName => {
                "an interface name has 1 to 15 octets without '/', ':' and spaces"
            }
            Rule::InterfaceTwice => "each interface is in the table once",
            Rule::InterfaceIndex => "an interface index points into the table",
            Rule::Name => "a name is not empty and has no control characters",
            Rule::NameTwice => "no two instances and no two scripts have the same name",
            Rule::Priority => "a priority is 1 to 255",
            Rule::VersionFamily => "IPv6 needs version 3",
            Rule::IntervalV2 => "a version 2 interval is a whole number of seconds, 1 to 255",
            Rule::IntervalV3 => "a version 3 interval is a multiple of 10 ms, 10 ms to 40.95 s",
            Rule::VridTwice => "no two instances share interface, family and VRID",
            Rule::OwnerPreempt => "an owner (priority 255) preempts, and at once",
            Rule::PreemptDelay => "preempt_delay is at most 1000 s, and zero without preemption",
            Rule::Authentication => {
                "authentication is for version 2 only, and auth_type AH for boards that run programs"
            }
            Rule::AddressRange => "the instances' addresses follow one another in the pool",
            Rule::PeerRange => "the instances' peers follow one another in the pool",
            Rule::Advertised => "an instance advertises 1 to 255 of its addresses",
            Rule::AddressFamily => "advertised addresses are of their instance's family",
            Rule::Address => "a virtual address is a host's address",
            Rule::PrefixLength => "a prefix length is at most 32 (IPv4) or 128 (IPv6)",
            Rule::AddressTwice => "an address is once on an interface",
            Rule::Label => "a label is for IPv4 and has no spaces",
            Rule::Source => "a source is a host's address of the instance's family",
            Rule::Peer => "a peer is a host's address of the instance's family",
            Rule::PeerTwice => "a peer is named once",
            Rule::Group => "a sync group is in its table and has a member",
            Rule::AnnounceRepeat => "a burst has at least one announcement",
            Rule::TrackerRange => "what the instances track follows one another in the pool",
            Rule::TrackerSubject => "what is tracked is in its table",
            Rule::Weight => "a weight is -253 to 253, and of processes or a file -254 to 254",
            Rule::Script => {
                "a script has a command or a built-in check of its kind, an interval, a timeout, a rise \
                 and a fall of at least 1"
            }
            Rule::Probe => {
                "a built-in check has a server with a port, a path that begins with `/` and a status, \
                 the name of a process and how many there are at least and at most, a path from the \
                 root, a prefix without other bits or a host's address, on a known interface"
            }
            Rule::Notify => {
                "what is told is in the table of commands, and a FIFO there is one absolute path"
            }
            Rule::Console => {
                "a console's terminal has no control characters, and the speed of a line"
            }
            Rule::Delay => "a delay is of an interface in the table, and at most 255 s",
            Rule::Command => "a command has a program, and each word ends with a zero",
        }
    }
}

/// Where a rule is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In what holds for all instances.
    Global,
    /// At an interface name: index into [`Config::interfaces`].
    Interface(u16),
    /// At an instance: index into [`Config::instances`].
    Instance(u16),
    /// At an address: index into [`Config::addresses`].
    Address(u16),
    /// At a peer: index into [`Config::peers`].
    Peer(u16),
    /// At a script: index into [`Config::scripts`].
    Script(u16),
    /// At a tracker: index into [`Config::trackers`].
    Tracker(u16),
    /// At a command: index into [`Config::commands`].
    Command(u16),
    /// At a built-in check: index into [`Config::probes`].
    Probe(u16),
    /// At a sync group: index into [`Config::groups`].
    Group(u16),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Global => f.write_str("global settings"),
            Place::Interface(index) => write!(f, "interface {index}"),
            Place::Instance(index) => write!(f, "instance {index}"),
            Place::Address(index) => write!(f, "address {index}"),
            Place::Peer(index) => write!(f, "unicast peer {index}"),
            Place::Script(index) => write!(f, "script {index}"),
            Place::Tracker(index) => write!(f, "tracker {index}"),
            Place::Command(index) => write!(f, "command {index}"),
            Place::Probe(index) => write!(f, "built-in check {index}"),
            Place::Group(index) => write!(f, "sync group {index}"),
        }
    }
}

/// A configuration that breaks a rule: the first one found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// Which rule.
    pub rule: Rule,
    /// Where.
    pub place: Place,
    /// Where the thing is that it collides with, for the rules that forbid twins.
    pub first: Option<Place>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} breaks rule {}: {}", self.place, self.rule.number(), self.rule.text())?;
        match self.first {
            Some(first) => write!(f, " (the other: {first})"),
            None => Ok(()),
        }
    }
}

/// Whether `config` keeps every rule.
pub fn check(config: &Config) -> Result<(), Invalid> {
    check_global(config)?;
    check_interfaces(config)?;
    let mut addresses_end = 0;
    let mut peers_end = 0;
    let mut trackers_end = 0;
    for (index, instance) in (0..).zip(&config.instances) {
        let place = Place::Instance(index);
        check_instance(config, instance).map_err(|rule| broken(rule, place))?;
        follow(instance.addresses, &mut addresses_end).ok_or(broken(Rule::AddressRange, place))?;
        follow(instance.peers, &mut peers_end).ok_or(broken(Rule::PeerRange, place))?;
        follow(instance.trackers, &mut trackers_end).ok_or(broken(Rule::TrackerRange, place))?;
        check_advertised(config, instance, place)?;
        check_peers(config, instance)?;
    }
    if addresses_end != config.addresses.len() {
        return Err(broken(Rule::AddressRange, Place::Global));
    }
    if peers_end != config.peers.len() {
        return Err(broken(Rule::PeerRange, Place::Global));
    }
    if trackers_end != config.trackers.len() {
        return Err(broken(Rule::TrackerRange, Place::Global));
    }
    // Said again for boards that hold none: they have no code for them then.
    for (index, script) in (0..).zip(config.scripts.iter().take(SCRIPT_COUNT_MAX)) {
        check_script(config, script).map_err(|rule| broken(rule, Place::Script(index)))?;
    }
    for (index, tracker) in (0..).zip(&config.trackers) {
        check_tracker(config, *tracker).map_err(|rule| broken(rule, Place::Tracker(index)))?;
    }
    for (index, command) in (0..).zip(config.commands.iter().take(COMMAND_COUNT_MAX)) {
        check_command(command).map_err(|rule| broken(rule, Place::Command(index)))?;
    }
    for (index, probe) in (0..).zip(config.probes.iter().take(PROBE_COUNT_MAX)) {
        probe::check_probe(config, probe).map_err(|rule| broken(rule, Place::Probe(index)))?;
    }
    for (index, address) in (0..).zip(&config.addresses) {
        check_address(config, address).map_err(|rule| broken(rule, Place::Address(index)))?;
    }
    check_groups(config)?;
    check_twins(config)
}

fn check_groups(config: &Config) -> Result<(), Invalid> {
    let mut has_member = heapless::Vec::<bool, GROUP_COUNT_MAX>::new();
    // Cannot fail: the table of groups has this capacity.
    let _ = has_member.resize(config.groups.len(), false);
    for (index, instance) in (0..).zip(&config.instances) {
        let Some(group) = instance.group else { continue };
        match has_member.get_mut(usize::from(group)) {
            Some(has_member) => *has_member = true,
            None => return Err(broken(Rule::Group, Place::Instance(index))),
        }
    }
    for ((index, group), has_member) in (0..).zip(&config.groups).zip(has_member) {
        let place = Place::Group(index);
        let name = &group.name;
        let is_name = !name.is_empty() && !name.chars().any(char::is_control);
        require(is_name, Rule::Name).map_err(|rule| broken(rule, place))?;
        require(has_member, Rule::Group).map_err(|rule| broken(rule, place))?;
        let is_known = |command: u16| usize::from(command) < config.commands.len();
        let is_told = group.notify.commands().all(is_known);
        require(is_told, Rule::Notify).map_err(|rule| broken(rule, place))?;
    }
    Ok(())
}

const fn broken(rule: Rule, place: Place) -> Invalid {
    Invalid { rule, place, first: None }
}

fn require(kept: bool, rule: Rule) -> Result<(), Rule> {
    if kept { Ok(()) } else { Err(rule) }
}

fn check_global(config: &Config) -> Result<(), Invalid> {
    let global = &config.global;
    let name_is_fine = !global.router_id.chars().any(char::is_control);
    let is_delay = |delay: &LinkDelay| {
        usize::from(delay.interface) < config.interfaces.len()
            && delay.down <= LINK_DELAY_MAX
            && delay.up <= LINK_DELAY_MAX
    };
    let is_path = |command: &u16| {
        let command = config.commands.get(usize::from(*command));
        command.is_some_and(is_fifo)
    };
    let console_is_fine = global.console.iter().all(|console| {
        !console.tty.chars().any(char::is_control)
            && console.speed.is_none_or(|speed| SPEEDS.contains(&speed))
    });
    require(name_is_fine, Rule::Name)
        .and_then(|()| require(console_is_fine, Rule::Console))
        .and_then(|()| require(global.delays.iter().all(is_delay), Rule::Delay))
        .and_then(|()| require(global.fifos.iter().flatten().all(is_path), Rule::Notify))
        .map_err(|rule| broken(rule, Place::Global))
}

fn check_interfaces(config: &Config) -> Result<(), Invalid> {
    for (index, name) in (0..).zip(&config.interfaces) {
        if !is_interface_name(name) {
            return Err(broken(Rule::InterfaceName, Place::Interface(index)));
        }
    }
    Ok(())
}

/// Whether the kernel would accept `name` for an interface (`dev_valid_name`, net/core/dev.c).
/// Its length is limited by the type that holds it.
pub fn is_interface_name(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

/// Whether `ip` can be the address of a host: what an interface may carry and a packet may come
/// from.
pub fn is_host_address(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

/// Whether `interval` can be advertised in `version`.
pub fn is_interval(version: Version, interval: Span) -> Result<(), Rule> {
    match version {
        Version::V2 => {
            let whole = Span::from_secs(interval.as_secs()) == interval;
            require(whole && !interval.is_zero() && interval <= INTERVAL_V2_MAX, Rule::IntervalV2)
        }
        Version::V3 => {
            let whole = Span::from_centis(interval.as_centis()) == interval;
            require(whole && !interval.is_zero() && interval <= INTERVAL_V3_MAX, Rule::IntervalV3)
        }
    }
}

/// The rules that one instance keeps or breaks by itself.
fn check_instance(config: &Config, instance: &Instance) -> Result<(), Rule> {
    let name = &instance.name;
    require(!name.is_empty() && !name.chars().any(char::is_control), Rule::Name)?;
    require(usize::from(instance.interface) < config.interfaces.len(), Rule::InterfaceIndex)?;
    require(instance.priority.0 != 0, Rule::Priority)?;
    require(instance.family == Family::V4 || instance.version == Version::V3, Rule::VersionFamily)?;
    is_interval(instance.version, instance.interval)?;
    let waits = !instance.preempt_delay.is_zero();
    if instance.priority.0 == 255 {
        require(instance.preempt && !waits, Rule::OwnerPreempt)?;
    }
    require(
        instance.preempt_delay <= PREEMPT_DELAY_MAX && (instance.preempt || !waits),
        Rule::PreemptDelay,
    )?;
    let is_known = |command: u16| usize::from(command) < config.commands.len();
    require(instance.notify.commands().all(is_known), Rule::Notify)?;
    let is_for_us = match instance.authentication {
        Authentication::None => true,
        Authentication::Password(_) => instance.version == Version::V2,
        Authentication::Header(_) => instance.version == Version::V2 && HEADER_COUNT_MAX != 0,
    };
    require(is_for_us, Rule::Authentication)?;
    if let Some(source) = instance.source {
        require(is_host_address(source) && Family::of(source) == instance.family, Rule::Source)?;
    }
    require(
        instance.announce.repeat > 0 && instance.announce.refresh_repeat > 0,
        Rule::AnnounceRepeat,
    )
}

/// Whether a range that is not empty begins where the last one ended.
fn follow(range: Span16, end: &mut usize) -> Option<()> {
    if range.len == 0 {
        return Some(());
    }
    if usize::from(range.start) != *end {
        return None;
    }
    *end += usize::from(range.len);
    Some(())
}

fn check_advertised(config: &Config, instance: &Instance, place: Place) -> Result<(), Invalid> {
    let advertised = usize::from(instance.advertised);
    let addresses = config.addresses_of(instance);
    if addresses.len() != usize::from(instance.addresses.len) {
        return Err(broken(Rule::AddressRange, place));
    }
    if advertised == 0 || advertised > addresses.len().min(ADDRESS_PER_ADVERT_MAX) {
        return Err(broken(Rule::Advertised, place));
    }
    for (index, address) in (instance.addresses.start..).zip(addresses).take(advertised) {
        if Family::of(address.ip) != instance.family {
            return Err(broken(Rule::AddressFamily, Place::Address(index)));
        }
    }
    Ok(())
}

fn check_address(config: &Config, address: &Address) -> Result<(), Rule> {
    let family = Family::of(address.ip);
    require(is_host_address(address.ip), Rule::Address)?;
    require(address.prefix_len <= family.host_len(), Rule::PrefixLength)?;
    require(usize::from(address.interface) < config.interfaces.len(), Rule::InterfaceIndex)?;
    let label = &address.label;
    let is_printable = !label.chars().any(|c| c.is_whitespace() || c.is_control());
    require(label.is_empty() || (family == Family::V4 && is_printable), Rule::Label)
}

fn check_script(config: &Config, script: &Script) -> Result<(), Rule> {
    let name = &script.name;
    require(!name.is_empty() && !name.chars().any(char::is_control), Rule::Name)?;
    let is_known = match script.check {
        Check::Command(command) => usize::from(command) < config.commands.len(),
        Check::Probe(probe) => usize::from(probe) < config.probes.len(),
    };
    require(is_known, Rule::Script)?;
    let is_file = match script.check {
        Check::Command(_) => false,
        Check::Probe(probe) => {
            matches!(config.probes.get(usize::from(probe)), Some(Probe::File { .. }))
        }
    };
    require((script.kind == Kind::File) == is_file, Rule::Script)?;
    require(!script.interval.is_zero() && !script.timeout.is_zero(), Rule::Script)?;
    require(script.rise > 0 && script.fall > 0, Rule::Script)
}

fn check_tracker(config: &Config, tracker: Tracker) -> Result<(), Rule> {
    let is_known = match tracker.subject {
        Subject::Script(script) => usize::from(script) < config.scripts.len(),
        Subject::Interface(interface) => usize::from(interface) < config.interfaces.len(),
    };
    require(is_known, Rule::TrackerSubject)?;
    let most = match tracker.subject {
        Subject::Script(script) => config
            .scripts
            .get(usize::from(script))
            .map_or(WEIGHT_MAX, |script| weight_max(script.kind)),
        Subject::Interface(_) => WEIGHT_MAX,
    };
    require((-most..=most).contains(&tracker.weight), Rule::Weight)
}

fn check_command(command: &Command) -> Result<(), Rule> {
    let has_program = command.arguments().next().is_some_and(|program| !program.is_empty());
    require(has_program && command.words.ends_with('\0'), Rule::Command)?;
    let is_name =
        |name: &str| !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':');
    require(is_name(&command.user) && is_name(&command.group), Rule::Command)
}

/// Whether it is no command but a path, which has a file in some directory.
fn is_fifo(command: &Command) -> bool {
    let mut words = command.arguments();
    let is_path = words.next().is_some_and(|path| path.starts_with('/') && !path.ends_with('/'));
    is_path && words.next().is_none()
}

fn check_peers(config: &Config, instance: &Instance) -> Result<(), Invalid> {
    let peers = config.peers_of(instance);
    for (index, peer) in (instance.peers.start..).zip(peers) {
        if !is_host_address(*peer) || Family::of(*peer) != instance.family {
            return Err(broken(Rule::Peer, Place::Peer(index)));
        }
    }
    Ok(())
}

/// The rules that forbid twins. Sorted indexes put twins side by side.
fn check_twins(config: &Config) -> Result<(), Invalid> {
    let interfaces = twins(&config.interfaces, |a, b| a.cmp(b));
    report(interfaces, Rule::InterfaceTwice, Place::Interface)?;

    let names = twins(&config.instances, |a, b| a.name.cmp(&b.name));
    report(names, Rule::NameTwice, Place::Instance)?;

    let scripts = twins(&config.scripts, |a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    report(scripts, Rule::NameTwice, Place::Script)?;
    let groups = twins(&config.groups, |a, b| a.name.cmp(&b.name));
    report(groups, Rule::NameTwice, Place::Group)?;

    let routers = twins(&config.instances, |a, b| {
        (a.interface, a.family, a.vrid).cmp(&(b.interface, b.family, b.vrid))
    });
    report(routers, Rule::VridTwice, Place::Instance)?;

    let addresses = twins(&config.addresses, |a, b| (a.interface, a.ip).cmp(&(b.interface, b.ip)));
    report(addresses, Rule::AddressTwice, Place::Address)?;

    for instance in &config.instances {
        let start = instance.peers.start;
        let peers = twins(config.peers_of(instance), IpAddr::cmp);
        let peers = peers.map(|(first, second)| (start + first, start + second));
        report(peers, Rule::PeerTwice, Place::Peer)?;
    }
    Ok(())
}

fn report(
    twins: Option<(u16, u16)>,
    rule: Rule,
    place: impl Fn(u16) -> Place,
) -> Result<(), Invalid> {
    match twins {
        None => Ok(()),
        Some((first, second)) => {
            Err(Invalid { rule, place: place(second), first: Some(place(first)) })
        }
    }
}

/// Two entries that compare equal, the earlier one first.
fn twins<T>(entries: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Option<(u16, u16)> {
    let at = |index: u16| entries.get(usize::from(index));
    twins_of(entries.len(), &|a, b| match (at(a), at(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    })
}

const fn longer(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// The longest table that is searched for twins.
const TWIN_COUNT_MAX: usize = longer(
    longer(longer(INTERFACE_COUNT_MAX, INSTANCE_COUNT_MAX), ADDRESS_COUNT_MAX),
    longer(longer(PEER_COUNT_MAX, SCRIPT_COUNT_MAX), GROUP_COUNT_MAX),
);

/// The same for so many entries that are known by their numbers.
#[inline(never)]
fn twins_of(count: usize, compare: &dyn Fn(u16, u16) -> Ordering) -> Option<(u16, u16)> {
    let mut order = heapless::Vec::<u16, TWIN_COUNT_MAX>::new();
    for index in 0..u16::try_from(count).ok()? {
        // Cannot fail: no table is longer.
        order.push(index).ok()?;
    }
    sort(&mut order, &|a, b| compare(a, b).then(a.cmp(&b)));
    order.windows(2).find_map(|pair| match *pair {
        [first, second] if compare(first, second) == Ordering::Equal => Some((first, second)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
