//! How much one build holds. Every table in the daemon has its length from here; nothing grows.
//!
//! A configuration that needs more is refused with both numbers ("needs 40, this build holds 16").

/// VRRP instances in one configuration.
pub const INSTANCE_COUNT_MAX: usize = 2048;

/// Interfaces that a configuration may name, in `interface` and in `dev`.
pub const INTERFACE_COUNT_MAX: usize = 64;

/// Virtual addresses of all instances together, excluded ones counted.
pub const ADDRESS_COUNT_MAX: usize = 4096;

/// Addresses that one advert can carry: the count field is one octet (RFC 9568 §5.2.5).
pub const ADDRESS_PER_ADVERT_MAX: usize = 255;

/// Unicast peers of all instances together.
pub const PEER_COUNT_MAX: usize = 2048;

/// Octets of an instance's or router's name, without a terminator.
pub const NAME_LEN_MAX: usize = 63;

/// Octets of an interface name or address label: IFNAMSIZ less the terminator (linux/if.h).
pub const INTERFACE_NAME_LEN_MAX: usize = 15;

/// Addresses of an interface's own (not virtual) that are remembered, per family, to choose the
/// source of adverts from. More are ignored: the first one is the primary.
pub const SOURCE_PER_INTERFACE_MAX: usize = 4;

/// Transitions that are kept with their reasons for `log` and `status`.
pub const TRANSITION_COUNT_MAX: usize = 256;

/// Hot-path events that wait to be formatted. One turn of the loop can produce at most a
/// transition and a removal per instance of a burst; past that the oldest are counted and dropped.
pub const EVENT_COUNT_MAX: usize = 512;

/// Netlink requests in one datagram: more lose their acknowledgements to ENOBUFS while the batch
/// is still being processed (measured: 255 failed, 128 did not).
pub const NETLINK_BATCH_MAX: usize = 128;

/// Octets of the largest datagram that the daemon sends or wants to receive: an IPv6 header and a
/// VRRP PDU of 255 IPv6 addresses (40 + 8 + 255 × 16 = 4,128), rounded up to a page and a half so
/// that padding and longer strangers are seen whole.
pub const DATAGRAM_LEN_MAX: usize = 6144;

/// Octets of a compiled configuration, header counted.
pub const BLOB_LEN_MAX: usize = 1 << 20;

// An index of an instance or address is carried as u16 with u16::MAX free for "none".
const _: () = assert!(INSTANCE_COUNT_MAX < 65_535 && ADDRESS_COUNT_MAX < 65_535);
const _: () = assert!(INTERFACE_COUNT_MAX < 255 && PEER_COUNT_MAX < 65_535);
const _: () = assert!(DATAGRAM_LEN_MAX >= 40 + 8 + ADDRESS_PER_ADVERT_MAX * 16);
