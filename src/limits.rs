//! How much one build holds. Every table in the daemon has its length from here; nothing grows.
//!
//! What differs between boards comes from `board/*.toml` by way of `build.rs`; base is the default,
//! and `RINGWARD_BOARD=NAME cargo build` chooses another. A configuration that needs more is refused
//! with both numbers ("needs 40, this build holds 16").

include!(concat!(env!("OUT_DIR"), "/limits.rs"));

/// What a board holds of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// The board's name; empty: this build, whatever its board.
    pub board: &'static str,
    /// See [`INSTANCE_COUNT_MAX`].
    pub instances: usize,
    /// See [`INTERFACE_COUNT_MAX`].
    pub interfaces: usize,
    /// See [`ADDRESS_COUNT_MAX`].
    pub addresses: usize,
    /// See [`PEER_COUNT_MAX`].
    pub peers: usize,
    /// See [`SCRIPT_COUNT_MAX`].
    pub scripts: usize,
    /// See [`TRACKER_COUNT_MAX`].
    pub trackers: usize,
    /// See [`COMMAND_COUNT_MAX`].
    pub commands: usize,
    /// See [`PROBE_COUNT_MAX`].
    pub probes: usize,
    /// See [`BLOB_LEN_MAX`].
    pub blob_len: usize,
    /// Its program has the Cargo feature `console`.
    pub console: bool,
}

impl Capacity {
    /// This build.
    pub const HERE: Capacity = Capacity {
        board: "",
        instances: INSTANCE_COUNT_MAX,
        interfaces: INTERFACE_COUNT_MAX,
        addresses: ADDRESS_COUNT_MAX,
        peers: PEER_COUNT_MAX,
        scripts: SCRIPT_COUNT_MAX,
        trackers: TRACKER_COUNT_MAX,
        commands: COMMAND_COUNT_MAX,
        probes: PROBE_COUNT_MAX,
        blob_len: BLOB_LEN_MAX,
        // Whoever names no board compiles for one that nobody knows.
        console: true,
    };

    /// See [`DELAY_COUNT_MAX`].
    pub const fn delays(&self) -> usize {
        delay_count_max(self.scripts, self.commands)
    }

    /// See [`HEADER_COUNT_MAX`].
    pub const fn headers(&self) -> usize {
        header_count_max(self.scripts, self.commands, self.instances)
    }

    /// The board of this name.
    pub fn of(board: &str) -> Option<&'static Capacity> {
        BOARDS.iter().find(|capacity| capacity.board == board)
    }
}

/// Who holds so much, for messages: "this build", "board tiny".
impl core::fmt::Display for Capacity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.board {
            "" => f.write_str("this build"),
            board => write!(f, "board {board}"),
        }
    }
}

/// Sync groups: each has a member at least, and no instance is in two.
pub const GROUP_COUNT_MAX: usize = group_count_max(INSTANCE_COUNT_MAX);

/// The sync groups that a board holds with room for so many instances.
pub const fn group_count_max(instances: usize) -> usize {
    if instances < 256 { instances } else { 256 }
}

/// Interfaces whose changes are delayed (`interface_up_down_delays`): for boards that track something.
pub const DELAY_COUNT_MAX: usize = delay_count_max(SCRIPT_COUNT_MAX, COMMAND_COUNT_MAX);

/// The same of a board with room for so many scripts and commands.
pub const fn delay_count_max(scripts: usize, commands: usize) -> usize {
    if scripts == 0 && commands == 0 { 0 } else { 16 }
}

/// Commands that were told of something and how they ended, kept for `log`.
pub const NOTIFIED_COUNT_MAX: usize = if COMMAND_COUNT_MAX == 0 { 1 } else { TRANSITION_COUNT_MAX };

/// Instances whose adverts are in an Authentication Header (`auth_type AH`): all, or none on boards of
/// VRRP alone, which do without its 12 kB of code.
pub const HEADER_COUNT_MAX: usize =
    header_count_max(SCRIPT_COUNT_MAX, COMMAND_COUNT_MAX, INSTANCE_COUNT_MAX);

/// The same of a board with room for so many scripts, commands and instances.
pub const fn header_count_max(scripts: usize, commands: usize, instances: usize) -> usize {
    if scripts == 0 && commands == 0 { 0 } else { instances }
}

/// Addresses that one advert can carry: the count field is one octet (RFC 9568 §5.2.5).
pub const ADDRESS_PER_ADVERT_MAX: usize = 255;

/// Octets of an instance's or router's name, without a terminator.
pub const NAME_LEN_MAX: usize = 63;

/// Octets of an interface name or address label: IFNAMSIZ less the terminator (linux/if.h).
pub const INTERFACE_NAME_LEN_MAX: usize = 15;

/// Octets of a command: its words, each ended by a zero.
pub const COMMAND_LEN_MAX: usize = 255;

/// Octets of a user's or group's name (LOGIN_NAME_MAX of most systems, less the terminator).
pub const ACCOUNT_LEN_MAX: usize = 31;

/// Hot-path events that wait to be formatted; past that the oldest are counted and dropped.
pub const EVENT_COUNT_MAX: usize = SEND_COUNT_MAX  // a transition of every instance that sends in this turn
    + SEND_COUNT_MAX; // a removal or refusal of an address of each

/// Octets of the largest datagram that the daemon sends or wants to receive: an IPv6 header and a
/// VRRP PDU of 255 IPv6 addresses (40 + 8 + 255 × 16 = 4,128), rounded up to a page and a half so
/// that padding and longer strangers are seen whole.
pub const DATAGRAM_LEN_MAX: usize = 6144;

// An index of an instance or address is carried as u16 with u16::MAX free for "none".
const _: () = assert!(INSTANCE_COUNT_MAX < 65_535 && ADDRESS_COUNT_MAX < 65_535);
const _: () = assert!(PEER_COUNT_MAX < 65_535 && TRACKER_COUNT_MAX < 65_535);
const _: () = assert!(SCRIPT_COUNT_MAX < 65_535 && COMMAND_COUNT_MAX < 65_535);
const _: () = assert!(PROBE_COUNT_MAX < 65_535 && PROBE_FLIGHT_MAX < 65_535);
/// Whether there is anything that a program could be run for: without it, a board has no code for it.
pub const RUNS_PROGRAMS: bool = SCRIPT_COUNT_MAX != 0 || COMMAND_COUNT_MAX != 0;
// To be made, a check needs a place.
const _: () = assert!(PROBE_COUNT_MAX == 0 || PROBE_FLIGHT_MAX != 0);
// An index of an interface is carried as u8.
const _: () = assert!(INTERFACE_COUNT_MAX < 255);
// An instance needs an interface, and has at least one address.
const _: () = assert!(INSTANCE_COUNT_MAX >= 1 && INTERFACE_COUNT_MAX >= 1);
const _: () = assert!(ADDRESS_COUNT_MAX >= INSTANCE_COUNT_MAX);
// The primary address is the source of adverts.
const _: () = assert!(SOURCE_PER_INTERFACE_MAX >= 1);
// A ring keeps its latest entry.
const _: () = assert!(TRANSITION_COUNT_MAX >= 1);
// A packet in flight has a slot numbered as u16, and there is one to begin with.
const _: () = assert!(SEND_COUNT_MAX >= 1 && SEND_COUNT_MAX < 65_535);
// What is embedded can be replaced by a file, and the other way round.
const _: () = assert!(EMBEDDED_LEN_MAX <= BLOB_LEN_MAX);
// More acknowledgements than these are lost.
const _: () = assert!(NETLINK_BATCH_MAX >= 1 && NETLINK_BATCH_MAX <= 128);
const _: () = assert!(DATAGRAM_LEN_MAX >= 40 + 8 + ADDRESS_PER_ADVERT_MAX * 16);
