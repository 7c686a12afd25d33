//! The kernel's numbers, by the kernel's names.

/// A request (linux/netlink.h).
pub const NLM_F_REQUEST: u16 = 0x1;
/// The request is to be answered with an acknowledgement.
pub const NLM_F_ACK: u16 = 0x4;
/// A dump changed while it was being read: it must be read again.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// A request for a dump (NLM_F_ROOT | NLM_F_MATCH).
pub const NLM_F_DUMP: u16 = 0x300;
/// Replace what exists.
pub const NLM_F_REPLACE: u16 = 0x100;
/// Fail with EEXIST if it exists.
pub const NLM_F_EXCL: u16 = 0x200;
/// Create what does not exist.
pub const NLM_F_CREATE: u16 = 0x400;

/// An acknowledgement, or a refusal with its errno.
pub const NLMSG_ERROR: u16 = 2;
/// The end of a dump.
pub const NLMSG_DONE: u16 = 3;
/// Messages were lost.
pub const NLMSG_OVERRUN: u16 = 4;

/// There is no such interface (asm-generic/errno-base.h).
pub const ENODEV: i32 = 19;
/// There is no such address (asm-generic/errno.h; MIPS has numbers of its own in asm/errno.h).
pub const EADDRNOTAVAIL: i32 = if cfg!(target_arch = "mips") { 126 } else { 99 };

/// A link exists or changed (linux/rtnetlink.h).
pub const RTM_NEWLINK: u16 = 16;
/// A link is gone.
pub const RTM_DELLINK: u16 = 17;
/// Asks for links.
pub const RTM_GETLINK: u16 = 18;
/// An address exists or changed.
pub const RTM_NEWADDR: u16 = 20;
/// An address is gone.
pub const RTM_DELADDR: u16 = 21;
/// Asks for addresses.
pub const RTM_GETADDR: u16 = 22;

/// A route exists or changed (linux/rtnetlink.h).
pub const RTM_NEWROUTE: u16 = 24;
/// A route is gone.
pub const RTM_DELROUTE: u16 = 25;
/// Asks for routes.
pub const RTM_GETROUTE: u16 = 26;
/// The prefix; none: of length 0.
pub const RTA_DST: u16 = 1;
/// The index of the interface that it leads to, u32.
pub const RTA_OIF: u16 = 4;
/// Several next hops: an array of struct rtnexthop, each with attributes behind it.
pub const RTA_MULTIPATH: u16 = 9;
/// The table, u32.
pub const RTA_TABLE: u16 = 15;
/// The table that is asked where no rule says another one.
pub const RT_TABLE_MAIN: u32 = 254;
/// An ordinary route: packets go somewhere.
pub const RTN_UNICAST: u8 = 1;
/// The next hop is of no use: its interface is down.
pub const RTNH_F_DEAD: u32 = 1;
/// The interface of the next hop has no carrier.
pub const RTNH_F_LINKDOWN: u32 = 16;
/// It is a copy in a cache of routes, and none itself.
pub const RTM_F_CLONED: u32 = 0x200;

/// No family: of a link itself, not of a protocol's view of it.
pub const AF_UNSPEC: u8 = 0;
/// IPv4.
pub const AF_INET: u8 = 2;
/// IPv6.
pub const AF_INET6: u8 = 10;

/// Set by the administrator: the link is up (linux/if.h).
pub const IFF_UP: u32 = 0x1;
/// The link is a loopback.
pub const IFF_LOOPBACK: u32 = 0x8;
/// The link can pass packets (RFC 2863 operational state up or unknown).
pub const IFF_RUNNING: u32 = 0x40;
/// The link can multicast.
pub const IFF_MULTICAST: u32 = 0x1000;
/// The driver sees a carrier.
pub const IFF_LOWER_UP: u32 = 0x1_0000;
/// The link waits for something besides a carrier: authentication, say.
pub const IFF_DORMANT: u32 = 0x2_0000;

/// The hardware address (linux/if_link.h).
pub const IFLA_ADDRESS: u16 = 1;
/// The name, terminated by a zero.
pub const IFLA_IFNAME: u16 = 3;
/// The MTU, u32.
pub const IFLA_MTU: u16 = 4;
/// The index of the bridge or bond that the link is a port of, u32; 0 to take it out.
pub const IFLA_MASTER: u16 = 10;
/// An event of the wireless extensions: the message says nothing else about the link.
pub const IFLA_WIRELESS: u16 = 11;
/// The operational state (RFC 2863), u8.
pub const IFLA_OPERSTATE: u16 = 16;
/// The operational state: down (linux/if.h).
pub const IF_OPER_DOWN: u8 = 2;
/// The kind of a virtual link and its settings, nested.
pub const IFLA_LINKINFO: u16 = 18;
/// What the protocol families keep for the link, nested by family.
pub const IFLA_AF_SPEC: u16 = 26;
/// Within AF_INET6 of IFLA_AF_SPEC: the settings of net.ipv6.conf, as an array (linux/ipv6.h).
pub const IFLA_INET6_CONF: u16 = 2;
/// A file descriptor of the network namespace that the link moves to, u32.
pub const IFLA_NET_NS_FD: u16 = 28;
/// What a dump is to contain besides, u32 of RTEXT_FILTER_*.
pub const IFLA_EXT_MASK: u16 = 29;
/// Within IFLA_LINKINFO: the kind as text, "veth", "bridge".
pub const IFLA_INFO_KIND: u16 = 1;
/// Within IFLA_LINKINFO: the kind's own settings, nested.
pub const IFLA_INFO_DATA: u16 = 2;
/// Within a veth's IFLA_INFO_DATA: an ifinfomsg and attributes of the other end
/// (linux/veth.h).
pub const VETH_INFO_PEER: u16 = 1;
/// Leaves the statistics out of a dump of links.
pub const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

/// The address, or of a point-to-point link its other end (linux/if_addr.h).
pub const IFA_ADDRESS: u16 = 1;
/// The address.
pub const IFA_LOCAL: u16 = 2;
/// IPv4: the label, terminated by a zero.
pub const IFA_LABEL: u16 = 3;
/// Lifetimes.
pub const IFA_CACHEINFO: u16 = 6;
/// The flags as u32, IFA_F_*.
pub const IFA_FLAGS: u16 = 8;
/// Who added the address, u8; kernels before 5.18 neither keep nor tell it.
pub const IFA_PROTO: u16 = 11;

/// IPv4: another address of the same subnet is the primary one. (IPv6: a temporary address.)
pub const IFA_F_SECONDARY: u32 = 0x01;
/// IPv6: no duplicate address detection.
pub const IFA_F_NODAD: u32 = 0x02;
/// IPv6: detection found the address elsewhere; it does not work.
pub const IFA_F_DADFAILED: u32 = 0x08;
/// Never chosen as a source.
pub const IFA_F_DEPRECATED: u32 = 0x20;
/// IPv6: detection is not finished; the address does not work yet.
pub const IFA_F_TENTATIVE: u32 = 0x40;

/// The lifetime of what does not expire.
pub const INFINITY_LIFE_TIME: u32 = u32::MAX;
