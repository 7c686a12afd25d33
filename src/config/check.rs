//! The rules that a configuration keeps. The compiler runs them before it writes a blob, the
//! daemon after it has read one, so that nothing behind them meets a value it cannot serve.
//!
//! No allocation and little stack (about 12 kB), and no rule takes quadratic time: a reload is
//! checked between two adverts.

mod probe;
mod rule;
mod twins;

pub use probe::{is_file_path, is_prefix};
pub use rule::{Invalid, Place, Rule};

use core::net::IpAddr;

use super::console::SPEEDS;
use super::model::{
    Address, Authentication, Check, Command, Config, Instance, Kind, LinkDelay, Probe, Script,
    Span16, Subject, Tracker,
};
use crate::addr::{Family, Version};
use crate::limits::{
    ADDRESS_PER_ADVERT_MAX, COMMAND_COUNT_MAX, GROUP_COUNT_MAX, HEADER_COUNT_MAX, PROBE_COUNT_MAX,
    SCRIPT_COUNT_MAX,
};
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
    twins::check_twins(config)
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

#[cfg(test)]
mod tests;
