//! The engine: everything ringward knows and decides, as one fixed-size value.
//!
//! It takes *(now, input)* and answers with what to send, what to ask of the kernel, and when it
//! wants to be called next. It never reads a clock, never allocates, never does IO, never fails.
//!
//! One turn of its owner's loop, in this order and no other (an advert that arrived in time must
//! beat a timer that fired in the same turn):
//!
//! 1. [`Engine::ingest_ipv4`] / [`Engine::ingest_ipv6`] every received packet,
//! 2. [`Engine::observe`] every netlink message, [`Engine::observe_answer`] every answer of the
//!    helper, [`Engine::observe_finding`] every built-in check that ended, [`Engine::command`] every operator's word,
//! 3. [`Engine::expire`],
//! 4. [`Engine::next_transmit`], [`Engine::next_request`], [`Engine::next_job`] and
//!    [`Engine::next_trial`] until they are empty,
//! 5. sleep until [`Engine::next_deadline`] or the next input.
//!
//! | file | what |
//! |---|---|
//! | `router` | one instance at run time: its state machine, counters, announcement timers |
//! | `interface` | what the kernel said about the configured interfaces |
//! | `delay` | changes of interfaces that do not count at once |
//! | `address` | what should be in the kernel, and what is |
//! | `ingest` | packets: from bytes to the instance they are for |
//! | `policy` | whether an instance takes an advert into account |
//! | `observe` | netlink: from messages to tables |
//! | `health` | what is missing for each instance, and what follows from that |
//! | `group` | sync groups: who waits for whom, and who follows |
//! | `request` | the difference between should and is, as netlink requests |
//! | `kernel` | what the kernel was asked and has not answered |
//! | `transmit` | adverts and announcements, written into the caller's buffer |
//! | `script` | scripts: when each is run next, and what it has said |
//! | `process` | whether a process is one that is tracked |
//! | `track` | what an instance tracks: its effective priority, and whether it may take part |
//! | `lane` | what of one instance or group is told next |
//! | `notify` | which command is told of what, in which order |
//! | `fifo` | lines for pipes that are told of everything |
//! | `reload` | a new configuration in force, as a difference |

mod address;
mod boundary;
mod delay;
mod fifo;
mod group;
mod health;
mod ingest;
mod interface;
mod jobs;
mod kernel;
mod lane;
mod notify;
mod observe;
pub mod policy;
pub mod process;
mod react;
mod refusal;
mod reload;
mod request;
mod router;
mod script;
mod track;
mod transmit;
mod trial;

#[cfg(test)]
mod tests;

use heapless::{Deque, Vec};

pub use address::{Address, Presence};
pub use boundary::{Command, Heartbeat, Owned, Port, Request, RequestKind, Transmit, Via};
pub use fifo::Fifo;
pub use group::Group;
pub use interface::{Change, Interface};
pub use jobs::Job;
pub use notify::{NOTIFY_LIMIT, STOP_LIMIT};
pub use router::{Counters, Router};
pub use script::{Ended, PATIENCE, Script};
pub use trial::Trial;

use crate::addr::{Family, IfIndex, Vrid};
use crate::config::model::Config;
use crate::limits::{
    ADDRESS_COUNT_MAX, GROUP_COUNT_MAX, INSTANCE_COUNT_MAX, INTERFACE_COUNT_MAX, SCRIPT_COUNT_MAX,
};
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event, Events, NotifiedRing, Told, Transitions};
use crate::vrrp::instance::{self, State};
use crate::wire::Reject;

/// IFA_PROTO of the addresses that ringward adds (kernel 5.18 and later keep it): VRRP's IP
/// protocol number. Tells ours from the administrator's after a crash.
pub const ADDRESS_PROTO: u8 = 112;

/// Rows of addresses: those of the configuration, and as many that a reload has left over and
/// that are still to be removed.
const ADDRESS_ROW_COUNT_MAX: usize = 2 * ADDRESS_COUNT_MAX;

/// No instance, no address.
const NONE: u16 = u16::MAX;

/// The engine. Megabytes of tables, of which only what is used is ever touched: it lives in a
/// `static`, and [`Engine::new`] is all zeros so that it takes no room in the executable.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    staged: Config,
    configured: bool,
    started: bool,
    stopping: bool,
    reloading: bool,
    leases: bool,
    /// Adverts are discarded and nobody starts before this (`vrrp_startup_delay`).
    listen_at: Option<Instant>,
    interfaces: Vec<Interface, INTERFACE_COUNT_MAX>,
    routers: Vec<Router, INSTANCE_COUNT_MAX>,
    /// Where a reload builds the new table of routers.
    spare: Vec<Router, INSTANCE_COUNT_MAX>,
    /// The earliest deadline of each router, beside each other so that the scan is short.
    due: Vec<Instant, INSTANCE_COUNT_MAX>,
    /// Routers by (interface, family, VRID), sorted.
    dispatch: Vec<(u32, u16), INSTANCE_COUNT_MAX>,
    groups: Vec<Group, GROUP_COUNT_MAX>,
    /// Where a reload keeps what groups are still to tell.
    spare_groups: Vec<Group, GROUP_COUNT_MAX>,
    /// Routers by group: each group has a part of it.
    members: Vec<u16, INSTANCE_COUNT_MAX>,
    addresses: Vec<Address, ADDRESS_ROW_COUNT_MAX>,
    /// Where a reload builds the new table of addresses.
    spare_addresses: Vec<Address, ADDRESS_ROW_COUNT_MAX>,
    /// Rows of addresses by (interface, address, prefix length), sorted.
    by_ip: Vec<u16, ADDRESS_ROW_COUNT_MAX>,
    kernel: kernel::Kernel,
    /// Routers with an advert to send, in order.
    adverts: Deque<u16, INSTANCE_COUNT_MAX>,
    /// The next unicast peer of the router at the head of `adverts`.
    peer_cursor: u16,
    announce: transmit::Announcements,
    scripts: Vec<Script, SCRIPT_COUNT_MAX>,
    /// Where a reload builds the new table of scripts.
    spare_scripts: Vec<Script, SCRIPT_COUNT_MAX>,
    jobs: jobs::Jobs,
    /// Instances that are gone, until that has been told.
    orphans: Vec<notify::Orphan, { notify::ORPHAN_COUNT_MAX }>,
    fifos: fifo::Fifos,
    /// Where the scan of deadlines begins: rotates, so that no router is always last.
    rotation: usize,
    ports_generation: u32,
    installs: u32,
    adverts_accepted: u64,
    /// When the counters of rejected packets are looked at next.
    review_at: Instant,
    events: Events,
    transitions: Transitions,
    notified: NotifiedRing,
}

impl Engine {
    /// An engine without instances.
    pub const fn new() -> Self {
        Engine {
            config: Config::new(),
            staged: Config::new(),
            configured: false,
            started: false,
            stopping: false,
            reloading: false,
            leases: false,
            listen_at: None,
            interfaces: Vec::new(),
            routers: Vec::new(),
            spare: Vec::new(),
            due: Vec::new(),
            dispatch: Vec::new(),
            groups: Vec::new(),
            spare_groups: Vec::new(),
            members: Vec::new(),
            addresses: Vec::new(),
            spare_addresses: Vec::new(),
            by_ip: Vec::new(),
            kernel: kernel::Kernel::new(),
            adverts: Deque::new(),
            peer_cursor: 0,
            announce: transmit::Announcements::new(),
            scripts: Vec::new(),
            spare_scripts: Vec::new(),
            jobs: jobs::Jobs::new(),
            orphans: Vec::new(),
            fifos: fifo::Fifos::new(),
            rotation: 0,
            ports_generation: 0,
            installs: 0,
            adverts_accepted: 0,
            review_at: Instant::ZERO,
            events: Events::new(),
            transitions: Transitions::new(),
            notified: NotifiedRing::new(),
        }
    }

    /// The configuration to be filled before [`Engine::configure`] or [`Engine::reload`]. Emptied
    /// by this call; the running one is untouched. While a reload is still being carried out
    /// (within the turn that asked for it) there is none to fill.
    pub fn stage(&mut self) -> Option<&mut Config> {
        if self.reloading {
            return None;
        }
        // The first one is filled in where it stays: each copy of a large one costs memory.
        let staged = if self.configured { &mut self.staged } else { &mut self.config };
        staged.clear();
        Some(staged)
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Counts the configurations that were put in force: rows of one are not those of another.
    pub fn installs(&self) -> u32 {
        self.installs
    }

    /// Whether addresses get a finite lifetime that the loop renews, so that they vanish with a
    /// dead daemon even if nobody is left to remove them.
    pub fn set_leases(&mut self, leases: bool) {
        self.leases = leases;
    }

    /// The port (nl_pid) of the socket that requests leave through: news says which one caused it.
    pub fn set_port(&mut self, port: u32) {
        self.kernel.port = port;
    }

    /// Puts the staged configuration in force at boot: after this the engine knows its interfaces'
    /// names, and nothing moves yet. The caller has had it checked.
    pub fn configure(&mut self, now: Instant) {
        let delay = self.config.global.startup_delay;
        self.listen_at = (!delay.is_zero()).then_some(now + delay);
        self.install_first();
    }

    /// Before [`Engine::start`], after the first dumps were observed: an address that a dead
    /// predecessor left in the kernel (found in the journal, or by IFA_PROTO). True: the engine
    /// takes it over, because its instance is an owner or has just been master by `heartbeat`.
    /// False: the caller must remove it before the first receive.
    pub fn adopt(&mut self, now: Instant, left: Owned, heartbeat: Option<Heartbeat>) -> bool {
        let Some(row) = self.row_of(left.interface, left.ip, left.prefix_len) else {
            return false;
        };
        let Some(instance) = self.addresses.get(usize::from(row)).map(|row| row.instance) else {
            return false;
        };
        let Some(config) = self.config.instances.get(usize::from(instance)) else { return false };
        let resume = heartbeat.filter(|beat| {
            self.slot_of(beat.interface) == Some(config.interface)
                && (beat.family, beat.vrid) == (config.family, config.vrid)
                && beat.sent_at <= now
                && now.since(beat.sent_at) < config.interval
                // Its count of adverts died with it: what we sent now would be a replay to others,
                // until we have heard one of them.
                && !health::has_header(config)
        });
        let keeps = self.listen_at.is_none() && (config.priority.is_owner() || resume.is_some());
        if let Some(row) = self.addresses.get_mut(usize::from(row)) {
            row.presence = Presence::Absent;
            if keeps {
                row.noted = true;
                row.claim();
            }
            // What is left of its lease is the predecessor's: it may be about to end.
            row.renew_at = keeps.then_some(now);
            // A kernel that does not tell whose it is let it pass for the administrator's.
            if let Some(interface) = self.interfaces.get_mut(usize::from(row.interface)) {
                self.kernel.dump_wanted |= interface.remove_source(row.ip);
            }
        }
        if keeps && let Some(router) = self.routers.get_mut(usize::from(instance)) {
            router.resume_at = resume.map(|beat| beat.sent_at);
        }
        keeps
    }

    /// Starts all instances, at once or after `vrrp_startup_delay`.
    pub fn start(&mut self, now: Instant) {
        self.started = true;
        self.want_fifos();
        self.start_scripts(now);
        self.judge_health(now);
    }

    /// An operator's word.
    pub fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Release(Some(index)) => {
                self.event(now, usize::from(index), instance::Event::Release);
            }
            Command::Release(None) => {
                for index in 0..self.routers.len() {
                    self.event(now, index, instance::Event::Release);
                }
            }
        }
    }

    /// Whether [`Engine::expire`] would find a master dead now: the caller then receives until
    /// nothing is left (bounded) before it expires anything, because late is not dead.
    pub fn is_verdict_due(&self, now: Instant) -> bool {
        self.due
            .iter()
            .zip(&self.routers)
            .any(|(due, router)| *due <= now && router.fsm.is_verdict_due(now))
    }

    /// Serves every deadline that is due.
    pub fn expire(&mut self, now: Instant) {
        if self.expire_links(now) {
            self.judge_health(now);
        }
        if self.started && !self.stopping && self.listen_at.is_some_and(|at| at <= now) {
            self.listen_at = None;
            self.judge_health(now);
        }
        // Before the routers: whom a silent script lets start may be master at once.
        self.expire_scripts(now);
        if self.expire_routers(now) {
            self.judge_health(now);
            // An owner that starts in a sync group may be master at once.
            self.expire_routers(now);
        }
        let count = self.routers.len();
        self.rotation = if count == 0 { 0 } else { (self.rotation + 1) % count };
        self.expire_requests(now);
    }

    /// Serves the deadlines of the routers. True: one may take part again.
    fn expire_routers(&mut self, now: Instant) -> bool {
        let count = self.routers.len();
        let soon = now + Span::from_millis(1);
        let mut is_free = false;
        for index in (self.rotation..count).chain(0..self.rotation.min(count)) {
            if self.due.get(index).is_some_and(|due| *due <= soon) {
                self.event(now, index, instance::Event::Expire);
                is_free |= self.expire_announcements(now, index);
            }
        }
        is_free
    }

    /// When [`Engine::expire`] is to be called next; [`Instant::NEVER`] when nothing is planned.
    /// Earlier calls are harmless, later ones make adverts late.
    pub fn next_deadline(&self) -> Instant {
        let [scripts, links] = [self.scripts_due(), self.links_due()];
        let other = [self.listen_at, self.kernel.due, self.announce.due, scripts, links];
        let routers = self.due.iter().copied();
        routers.chain(other.into_iter().flatten()).min().unwrap_or(Instant::NEVER)
    }

    /// Adverts that were not rejected, of all instances and configurations.
    pub fn adverts_accepted(&self) -> u64 {
        self.adverts_accepted
    }

    /// The next event worth a line in the log.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// How many events were dropped because nobody took them in time.
    pub fn events_lost(&self) -> u64 {
        self.events.lost()
    }

    /// The last transitions, oldest first.
    pub fn transitions(&self) -> &Transitions {
        &self.transitions
    }

    /// How the last commands ended that were told of something, oldest first.
    pub const fn notified(&self) -> &NotifiedRing {
        &self.notified
    }

    /// The instances at run time, in the order of [`Config::instances`].
    pub fn routers(&self) -> &[Router] {
        &self.routers
    }

    /// The interfaces as the kernel described them, in the order of [`Config::interfaces`].
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The addresses, in the order of [`Config::addresses`]; those that a reload has left over,
    /// and that are being removed, come behind.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The name of an instance that an event or a transition speaks of.
    pub fn name_at(&self, instance: u16) -> &str {
        self.config.instances.get(usize::from(instance)).map_or("-", |row| row.name.as_str())
    }

    /// Netlink messages that could not be read.
    pub fn netlink_malformed(&self) -> u64 {
        self.kernel.malformed
    }

    /// Until when nobody starts (`vrrp_startup_delay`), while that is still to come.
    pub fn listen_at(&self) -> Option<Instant> {
        self.listen_at
    }

    /// Whether an instance is MASTER or BACKUP: it hears and is heard.
    pub fn has_decided(&self) -> bool {
        self.routers.iter().any(|router| match router.fsm.state() {
            State::Master { .. } | State::Backup { .. } => true,
            State::Init | State::Fault => false,
        })
    }

    /// Resigns everywhere and removes all addresses; [`Engine::is_stopped`] tells when it is done.
    pub fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.listen_at = None;
        for index in 0..self.routers.len() {
            self.event(now, index, instance::Event::Stop(Cause::Stopped));
            self.post_told(index, Told::Stop);
        }
        for group in 0..self.groups.len() {
            self.post_told_of_group(u16::try_from(group).unwrap_or(NONE), Told::Stop);
        }
        self.kernel.restart();
    }

    /// Whether [`Engine::stop`] was called and nothing is left to send or to remove.
    pub fn is_stopped(&self) -> bool {
        let has_interface = |row: &&Address| {
            let interface = self.interfaces.get(usize::from(row.interface));
            interface.is_some_and(|interface| interface.index.is_some())
        };
        self.stopping
            && self.adverts.is_empty()
            && !self.addresses.iter().filter(has_interface).any(Address::is_left)
    }

    /// Recomputes a router's earliest deadline.
    fn touch(&mut self, index: usize) {
        if let (Some(router), Some(due)) = (self.routers.get(index), self.due.get_mut(index)) {
            *due = router.deadline();
        }
    }

    /// The slot of the configured interface with this number.
    fn slot_of(&self, interface: IfIndex) -> Option<u8> {
        let slot = self.interfaces.iter().position(|row| row.index == Some(interface))?;
        u8::try_from(slot).ok()
    }

    /// The router for a packet.
    fn router_of(&self, slot: u8, family: Family, vrid: Vrid) -> Option<usize> {
        let key = dispatch_key(slot, family, vrid);
        let at = self.dispatch.binary_search_by_key(&key, |entry| entry.0).ok()?;
        self.dispatch.get(at).map(|entry| usize::from(entry.1))
    }

    /// Counts a packet that is not obeyed: at the router it was for, else at the interface.
    fn reject(&mut self, slot: u8, index: Option<usize>, reason: Reject) {
        let counter = match index.and_then(|index| self.routers.get_mut(index)) {
            Some(router) => router.counters.rejected.get_mut(reason.index()),
            None => self
                .interfaces
                .get_mut(usize::from(slot))
                .and_then(|interface| interface.rejected.get_mut(reason.index())),
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(1);
        }
    }
}

/// Sorts by interface, family, VRID.
fn dispatch_key(slot: u8, family: Family, vrid: Vrid) -> u32 {
    let family = if family == Family::V4 { 0 } else { 1 };
    u32::from(slot) << 16 | family << 8 | u32::from(vrid.get())
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}
