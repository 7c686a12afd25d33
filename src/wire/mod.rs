//! Bytes to small owned values or borrowed views, and back. No clock, no state, no decision.
//!
//! Everything that arrives is untrusted: a parser returns a value that holds only what the format
//! allows, or the reason why not, [`Reject`]. Nothing here panics on any input.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;
mod octets;
pub mod rtnl;
pub mod vrrp;

/// Why a packet was not obeyed. The value is the index of its counter; `status` shows each by its
/// [`Reject::name`]. A rejected packet changes this counter and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Reject {
    /// Shorter than its own headers and counts say.
    Truncated,
    /// Longer or shorter than a VRRP PDU with this count of addresses (RFC 9568 §7.1).
    Length,
    /// Not an IP header of the expected version, or a header length below its minimum.
    IpHeader,
    /// A fragment: adverts fit in one packet.
    Fragment,
    /// TTL or hop limit of a multicast advert was not 255: routed or spoofed (RFC 9568 §5.1.1.3).
    HopLimit,
    /// Neither version 2 nor 3, or not this instance's version.
    Version,
    /// Not an advertisement: the only packet type there is (RFC 9568 §5.2.2).
    Type,
    /// The checksum is wrong, in each flavour that peers are known to use.
    Checksum,
    /// VRID 0.
    VridZero,
    /// No instance with this VRID, family and interface here.
    VridUnknown,
    /// Version 2: the authentication type is not this instance's.
    AuthType,
    /// Version 2: the password is not this instance's.
    Password,
    /// Version 2: the interval is not this instance's (RFC 3768 §7.1).
    Interval,
    /// An interval of zero, which no timer can follow.
    IntervalZero,
    /// The sender's address is one of ours: our own packet came back.
    OwnAddress,
    /// Sent to the group while the instance speaks unicast, or the other way round.
    Destination,
    /// Unicast from an address that is none of the instance's peers.
    UnknownPeer,
    /// IPsec AH around the advert, which this build does not check.
    Ah,
    /// The instance does not listen now: in FAULT, or within the start-up delay.
    NotListening,
}

impl Reject {
    /// Every reason, in the order of its value.
    pub const ALL: [Reject; 19] = [
        Reject::Truncated,
        Reject::Length,
        Reject::IpHeader,
        Reject::Fragment,
        Reject::HopLimit,
        Reject::Version,
        Reject::Type,
        Reject::Checksum,
        Reject::VridZero,
        Reject::VridUnknown,
        Reject::AuthType,
        Reject::Password,
        Reject::Interval,
        Reject::IntervalZero,
        Reject::OwnAddress,
        Reject::Destination,
        Reject::UnknownPeer,
        Reject::Ah,
        Reject::NotListening,
    ];

    /// How many reasons there are: the length of a table of counters.
    pub const COUNT: usize = Self::ALL.len();

    /// The index of this reason's counter.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in `status`, in JSON and in `decode`.
    pub const fn name(self) -> &'static str {
        match self {
            Reject::Truncated => "truncated",
            Reject::Length => "length",
            Reject::IpHeader => "ip-header",
            Reject::Fragment => "fragment",
            Reject::HopLimit => "hop-limit",
            Reject::Version => "version",
            Reject::Type => "type",
            Reject::Checksum => "checksum",
            Reject::VridZero => "vrid-zero",
            Reject::VridUnknown => "vrid-unknown",
            Reject::AuthType => "auth-type",
            Reject::Password => "password",
            Reject::Interval => "interval",
            Reject::IntervalZero => "interval-zero",
            Reject::OwnAddress => "own-address",
            Reject::Destination => "destination",
            Reject::UnknownPeer => "unknown-peer",
            Reject::Ah => "ah",
            Reject::NotListening => "not-listening",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reject;

    #[test]
    fn a_reason_is_the_index_of_its_counter() {
        for (index, reason) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
        }
    }
}
