//! What goes into the engine and what comes out of it.

use core::net::IpAddr;

use crate::addr::{Family, IfIndex, Vrid};
use crate::time::Instant;

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
    /// Remove an address. The journal forgets it when [`super::Engine::next_released`] names it.
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
/// uses, and one more where an instance uses `auth_type AH`, while the interface exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    /// The interface.
    pub interface: IfIndex,
    /// The family.
    pub family: Family,
    /// Whether the group must be joined: [`crate::wire::vrrp::GROUP_V4`] or its twin.
    pub multicast: bool,
    /// Whether it is for adverts in an Authentication Header, which only hears: adverts with and
    /// without one leave through the other.
    pub authenticated: bool,
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
    pub vrid: Vrid,
    /// When its last regular advert as master left.
    pub sent_at: Instant,
}
