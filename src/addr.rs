//! Small types for what has an address or a number in VRRP: nothing here can hold a value that
//! the protocol does not know.

use core::fmt;
use core::net::IpAddr;
use core::num::{NonZeroU8, NonZeroU32};
use heapless::String;
use serde::{Deserialize, Serialize};

use crate::limits::{ACCOUNT_LEN_MAX, INTERFACE_NAME_LEN_MAX, NAME_LEN_MAX};

/// A name of an instance or router.
pub type Name = String<NAME_LEN_MAX>;

/// A name of an interface, or a label of an address.
pub type InterfaceName = String<INTERFACE_NAME_LEN_MAX>;

/// A name of a user or a group.
pub type AccountName = String<ACCOUNT_LEN_MAX>;

/// The address family of an instance: that of its virtual addresses and of its adverts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Bits of a host address: 32 or 128.
    pub const fn host_len(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// 0 or 1, for tables with one entry a family.
    pub const fn index(self) -> usize {
        match self {
            Family::V4 => 0,
            Family::V6 => 1,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// The protocol version of an instance: 2 (RFC 3768) or 3 (RFC 9568).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Version {
    /// RFC 3768: IPv4 only, whole seconds, one interval for all routers.
    V2,
    /// RFC 9568: both families, centiseconds, the interval is learnt from the master.
    V3,
}

impl Version {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// A virtual router identifier, 1–255. Zero does not exist on the wire, so it does not exist here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for zero.
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) => Some(Vrid(number)),
            None => None,
        }
    }

    /// 1–255.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A priority as an advert carries it: 0 resigns, 1–254 compete, 255 owns the addresses
/// (RFC 9568 §5.2.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct Priority(pub u8);

impl Priority {
    /// The master resigns: whoever is best takes over after its skew time.
    pub const RESIGN: Priority = Priority(0);
    /// keepalived's and the RFC's default for a router that does not own the addresses.
    pub const DEFAULT: Priority = Priority(100);
    /// The router owns the addresses: it is master whenever it runs.
    pub const OWNER: Priority = Priority(255);

    /// Whether an advert with this priority says that its sender stops.
    pub const fn is_resigning(self) -> bool {
        self.0 == 0
    }

    /// Whether this is the owner's priority.
    pub const fn is_owner(self) -> bool {
        self.0 == 255
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An interface's number in the kernel. Never zero; may be reused after the interface went away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// `None` for zero, which the kernel uses for "any".
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(IfIndex(number)),
            None => None,
        }
    }

    /// The kernel's number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
