//! The rules by their numbers, and where one is broken.

use core::fmt;

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
    /// At an interface name: index into `Config::interfaces`.
    Interface(u16),
    /// At an instance: index into `Config::instances`.
    Instance(u16),
    /// At an address: index into `Config::addresses`.
    Address(u16),
    /// At a peer: index into `Config::peers`.
    Peer(u16),
    /// At a script: index into `Config::scripts`.
    Script(u16),
    /// At a tracker: index into `Config::trackers`.
    Tracker(u16),
    /// At a command: index into `Config::commands`.
    Command(u16),
    /// At a built-in check: index into `Config::probes`.
    Probe(u16),
    /// At a sync group: index into `Config::groups`.
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
