//! The engine: everything ringward knows and decides, as one fixed-size value.
//!
//! It takes *(now, input)* and answers with what to send, what to ask of the kernel, and when it
//! wants to be called next. It never reads a clock, never allocates, never does IO, never fails.
//!
//! One turn of its owner's loop, in this order and no other (an advert that arrived in time must
//! beat a timer that fired in the same turn):
//!
//! 1. [`Engine::ingest_ipv4`] / [`Engine::ingest_ipv6`] every received packet,
//! 2. [`Engine::observe`] every netlink message, [`Engine::command`] every operator's word,
//! 3. [`Engine::expire`],
//! 4. [`Engine::next_transmit`] and [`Engine::next_request`] until they are empty,
//! 5. sleep until [`Engine::next_deadline`] or the next input.

use core::net::IpAddr;

use crate::addr::{Family, IfIndex};
use crate::config::model::Config;
use crate::time::Instant;

/// The engine. Hundreds of kilobytes of tables: it lives in a `static`.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    staged: Config,
}

/// Where and how a prepared packet is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Octets of the caller's buffer that are the packet.
    pub len: usize,
    /// The interface to send on.
    pub interface: IfIndex,
    /// Which socket.
    pub via: Via,
    /// For the journal of a hot restart: the instance whose regular advert this is.
    pub advert_of: Option<u16>,
}

/// The socket that a packet leaves through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// A whole IP datagram, header included, through the raw socket (IP_HDRINCL, IPV6_HDRINCL) of
    /// this interface and the destination's family.
    Raw {
        /// The destination.
        destination: IpAddr,
    },
    /// A whole Ethernet frame through the packet socket.
    Packet,
}

/// A prepared netlink request: one message with NLM_F_ACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Octets of the caller's buffer that are the message.
    pub len: usize,
    /// What it asks for.
    pub kind: RequestKind,
}

/// What a netlink request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// Add or renew an address. The journal must know of it before the request leaves.
    Add(Owned),
    /// Remove an address. The journal forgets it when [`Engine::next_released`] names it.
    Remove(Owned),
    /// A dump of links or addresses: ends with a DONE message instead of an acknowledgement, and
    /// must be the only request in its datagram.
    Dump,
}

/// A virtual address in the kernel, as the journal keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owned {
    /// The interface that carries it.
    pub interface: IfIndex,
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix_len: u8,
}

/// A raw socket that the engine wants open: one for each interface and family that an instance
/// uses, while the interface exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    /// The interface.
    pub interface: IfIndex,
    /// The family.
    pub family: Family,
    /// Whether the multicast group must be joined.
    pub multicast: bool,
}

/// An operator's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Give up mastership of one instance (index) or of all, and stay BACKUP for one master-down
    /// interval at least.
    Release(Option<u16>),
}

/// What a predecessor left in the journal about an instance: how a hot restart knows it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// The interface of the instance.
    pub interface: IfIndex,
    /// Its family.
    pub family: Family,
    /// Its VRID.
    pub vrid: crate::addr::Vrid,
    /// When its last regular advert as master left.
    pub sent_at: Instant,
}

impl Engine {
    /// An engine without instances.
    pub const fn new() -> Self {
        Engine { config: Config::new(), staged: Config::new() }
    }

    /// The configuration to be filled before [`Engine::start`] or [`Engine::reload`]. Emptied by
    /// this call; the running one is untouched.
    pub fn stage(&mut self) -> &mut Config {
        &mut self.staged
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Puts the staged configuration in force at boot: after this the engine knows its interfaces'
    /// names, and nothing moves yet. The caller has had it checked.
    pub fn configure(&mut self, now: Instant) {
        let _ = now;
    }

    /// Before [`Engine::start`], after the first dumps were observed: an address that a dead
    /// predecessor left in the kernel (found in the journal, or by IFA_PROTO). True: the engine
    /// takes it over, because its instance is an owner or has just been master by `heartbeat`.
    /// False: the caller must remove it before the first receive.
    pub fn adopt(&mut self, now: Instant, left: Owned, heartbeat: Option<Heartbeat>) -> bool {
        let _ = (now, left, heartbeat);
        false
    }

    /// Starts all instances.
    pub fn start(&mut self, now: Instant) {
        let _ = now;
    }

    /// Puts the staged configuration in force while running, as a difference: instances that did
    /// not change keep their state and the instant of their next advert. The caller has had it
    /// checked.
    pub fn reload(&mut self, now: Instant) {
        let _ = now;
    }

    /// A packet from the IPv4 raw socket of `interface`, IP header included.
    pub fn ingest_ipv4(&mut self, now: Instant, interface: IfIndex, packet: &[u8]) {
        let _ = (now, interface, packet);
    }

    /// A packet from the IPv6 raw socket of `interface`: what the control messages said, and the
    /// payload behind the IPv6 header.
    pub fn ingest_ipv6(
        &mut self,
        now: Instant,
        interface: IfIndex,
        source: core::net::Ipv6Addr,
        destination: core::net::Ipv6Addr,
        hop_limit: u8,
        payload: &[u8],
    ) {
        let _ = (now, interface, source, destination, hop_limit, payload);
    }

    /// One netlink datagram, from either netlink socket. Anything in it that is malformed or
    /// unknown is counted and skipped.
    pub fn observe(&mut self, now: Instant, datagram: &[u8]) {
        let _ = (now, datagram);
    }

    /// Netlink messages were lost (ENOBUFS on a netlink socket): everything is read again.
    pub fn observe_overrun(&mut self, now: Instant) {
        let _ = now;
    }

    /// The raw socket of `port` could not be opened, or works again (`errno` none).
    pub fn observe_port(&mut self, now: Instant, port: Port, errno: Option<i32>) {
        let _ = (now, port, errno);
    }

    /// An operator's word.
    pub fn command(&mut self, now: Instant, command: Command) {
        let _ = (now, command);
    }

    /// Whether [`Engine::expire`] would find a master dead now: the caller then receives until
    /// nothing is left (bounded) before it expires anything, because late is not dead.
    pub fn is_verdict_due(&self, now: Instant) -> bool {
        let _ = now;
        false
    }

    /// Serves every deadline that is due.
    pub fn expire(&mut self, now: Instant) {
        let _ = now;
    }

    /// When [`Engine::expire`] is to be called next; [`Instant::NEVER`] when nothing is planned.
    /// Earlier calls are harmless, later ones make adverts late.
    pub fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }

    /// The next packet to send, written into `buffer` (at least
    /// [`crate::limits::DATAGRAM_LEN_MAX`] octets). Adverts come before announcements.
    pub fn next_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let _ = (now, buffer);
        None
    }

    /// The next netlink request, written into `buffer`. `None` while nothing is wanted, and while
    /// [`crate::limits::NETLINK_BATCH_MAX`] requests wait for their acknowledgement.
    pub fn next_request(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Request> {
        let _ = (now, buffer);
        None
    }

    /// An address that the kernel has confirmed to be gone: the journal may forget it.
    pub fn next_released(&mut self) -> Option<Owned> {
        None
    }

    /// The next event worth a line in the log.
    pub fn next_event(&mut self) -> Option<crate::trace::Event> {
        None
    }

    /// The raw sockets that should be open now. Changes only in `configure`, `reload`, `observe`.
    pub fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        core::iter::empty()
    }

    /// Counts the changes of [`Engine::ports`]: the caller compares it instead of the ports.
    pub fn ports_generation(&self) -> u32 {
        0
    }

    /// Resigns everywhere and removes all addresses; [`Engine::is_stopped`] tells when it is done.
    pub fn stop(&mut self, now: Instant) {
        let _ = now;
    }

    /// Whether [`Engine::stop`] was called and nothing is left to send or to remove.
    pub fn is_stopped(&self) -> bool {
        true
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}
