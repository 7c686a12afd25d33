//! What the kernel says.

use core::net::IpAddr;

use super::abi::*;
use super::route::{Route, parse_route};
use crate::addr::{Family, IfIndex, MacAddr};
use crate::limits::PROBE_COUNT_MAX;

/// One message of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// The request that it answers; 0 in news that nobody asked for.
    pub sequence: u32,
    /// The port of the socket that it answers or that caused it; 0 for the kernel itself.
    pub port: u32,
    /// The dump that it belongs to is inconsistent and must be read again.
    pub interrupted: bool,
    /// What it says.
    pub message: Message<'a>,
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// A link exists or changed.
    Link(Link<'a>),
    /// A link is gone, and its index may be given to another one.
    LinkGone {
        /// What its index was.
        index: IfIndex,
    },
    /// An address exists, changed, or is gone.
    Address(Address),
    /// A route exists, changed, or is gone. Builds without built-in checks have it as
    /// [`Message::Other`].
    Route(Route<'a>),
    /// The answer to a request that asked for one.
    Ack {
        /// The request.
        sequence: u32,
        /// 0, or why the kernel refused, positive.
        errno: i32,
    },
    /// The end of a dump.
    Done {
        /// The request.
        sequence: u32,
        /// 0, or why the dump broke off, positive.
        errno: i32,
    },
    /// Messages were lost: everything is to be read again.
    Overrun,
    /// Another message, by its type; also a link's message that says nothing of the link itself
    /// (a bridge's view of its port, a wireless event).
    Other(u16),
}

/// A link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link<'a> {
    /// Its index.
    pub index: IfIndex,
    /// Its name; empty when that is not UTF-8, which no configuration can name.
    pub name: &'a str,
    /// Switched on by the administrator.
    pub up: bool,
    /// Has a carrier and can pass packets.
    pub running: bool,
    /// Its Ethernet address, of links that have one.
    pub mac: Option<MacAddr>,
    /// Octets of the largest packet it takes.
    pub mtu: u32,
    /// Is a loopback.
    pub loopback: bool,
    /// Can multicast.
    pub multicast: bool,
    /// Whether it forwards IPv6 (net.ipv6.conf.*.forwarding), where the message says so.
    pub forwarding6: Option<bool>,
}

/// An address of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// It exists; otherwise it is gone.
    pub present: bool,
    /// The link.
    pub index: IfIndex,
    /// The address: on a point-to-point link the local end.
    pub ip: IpAddr,
    /// Its prefix length, at most 32 or 128.
    pub prefix_len: u8,
    /// IFA_F_*.
    pub flags: u32,
    /// RT_SCOPE_*: 0 is global, 253 link, 254 host.
    pub scope: u8,
    /// Who added it (IFA_PROTO); 0 for nobody in particular, and where the kernel does not say.
    pub proto: u8,
}

impl Address {
    /// IPv4: another address of the subnet is the primary one, and this one goes with it unless
    /// promote_secondaries is set.
    pub const fn is_secondary(&self) -> bool {
        self.ip.is_ipv4() && self.flags & IFA_F_SECONDARY != 0
    }

    /// Duplicate address detection is not finished: the address cannot be used yet.
    pub const fn is_tentative(&self) -> bool {
        self.flags & IFA_F_TENTATIVE != 0
    }

    /// Never chosen as a source.
    pub const fn is_deprecated(&self) -> bool {
        self.flags & IFA_F_DEPRECATED != 0
    }

    /// Duplicate address detection found it elsewhere: the address cannot be used.
    pub const fn is_dad_failed(&self) -> bool {
        self.flags & IFA_F_DADFAILED != 0
    }
}

/// A message that contradicts its own lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// The messages of one datagram. See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

/// The messages of one datagram, in order. A malformed body spoils one message; a malformed length
/// ends the iteration after its error, because the next message cannot be found.
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Item<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = cut(&mut self.rest, 16, |len: &[u8; 4]| u32::from_ne_bytes(*len));
        Some(message.and_then(parse_message))
    }
}

/// Takes one element off the front of `rest`. `len` reads its length from its first octets: at
/// least `header_len`, which it includes. On a length that cannot be, nothing is left.
pub(super) fn cut<'a, const N: usize, L: TryInto<usize>>(
    rest: &mut &'a [u8],
    header_len: usize,
    len: impl FnOnce(&[u8; N]) -> L,
) -> Result<&'a [u8], Malformed> {
    let all = core::mem::take(rest);
    let head = all.first_chunk().ok_or(Malformed)?;
    let len = len(head).try_into().map_err(|_| Malformed)?;
    let element = all.get(..len).filter(|_| len >= header_len).ok_or(Malformed)?;
    // The last element of a datagram need not be padded.
    *rest = len.checked_next_multiple_of(4).and_then(|end| all.get(end..)).unwrap_or_default();
    Ok(element)
}

fn parse_message(message: &[u8]) -> Result<Item<'_>, Malformed> {
    let (header, body) = message.split_first_chunk::<16>().ok_or(Malformed)?;
    let &[_, _, _, _, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = header;
    let kind = u16::from_ne_bytes([k0, k1]);
    let sequence = u32::from_ne_bytes([s0, s1, s2, s3]);
    let message = match kind {
        RTM_NEWLINK | RTM_DELLINK => parse_link(kind, body)?,
        RTM_NEWADDR | RTM_DELADDR => parse_address(kind, body)?,
        RTM_NEWROUTE | RTM_DELROUTE if PROBE_COUNT_MAX != 0 => parse_route(kind, body)?,
        NLMSG_ERROR => {
            let errno = parse_errno(body).ok_or(Malformed)?;
            Message::Ack { sequence, errno }
        }
        // Kernels have sent it without a body.
        NLMSG_DONE => Message::Done { sequence, errno: parse_errno(body).unwrap_or(0) },
        NLMSG_OVERRUN => Message::Overrun,
        other => Message::Other(other),
    };
    Ok(Item {
        sequence,
        port: u32::from_ne_bytes([p0, p1, p2, p3]),
        interrupted: u16::from_ne_bytes([f0, f1]) & NLM_F_DUMP_INTR != 0,
        message,
    })
}

/// The kernel sends the number negative.
fn parse_errno(body: &[u8]) -> Option<i32> {
    body.first_chunk().map(|errno| i32::from_ne_bytes(*errno).saturating_abs())
}

fn parse_link(kind: u16, body: &[u8]) -> Result<Message<'_>, Malformed> {
    let (header, attributes) = body.split_first_chunk::<16>().ok_or(Malformed)?;
    let &[family, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, _, _, _, _] = header;
    // Bridges tell of their ports by the same messages with their own family: RTM_DELLINK then
    // means that the port has left the bridge, not that the link is gone.
    if family != AF_UNSPEC {
        return Ok(Message::Other(kind));
    }
    let index = IfIndex::new(u32::from_ne_bytes([i0, i1, i2, i3])).ok_or(Malformed)?;
    if kind == RTM_DELLINK {
        return Ok(Message::LinkGone { index });
    }
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let has = |flag| flags & flag == flag;
    let mut link = Link {
        index,
        name: "",
        up: has(IFF_UP),
        running: has(IFF_RUNNING | IFF_LOWER_UP),
        mac: None,
        mtu: 0,
        loopback: has(IFF_LOOPBACK),
        multicast: has(IFF_MULTICAST),
        forwarding6: None,
    };
    for attribute in Attributes(attributes) {
        let (kind_of_value, value) = attribute?;
        match kind_of_value {
            IFLA_ADDRESS => link.mac = value.try_into().ok().map(MacAddr),
            IFLA_IFNAME => link.name = parse_text(value),
            IFLA_MTU => link.mtu = parse_number(value)?,
            // With a carrier, down means that the kernel has not looked at it yet: it does so at
            // most once a second (net/core/link_watch.c). Packets pass already.
            IFLA_OPERSTATE if value == [IF_OPER_DOWN] => {
                link.running = has(IFF_LOWER_UP) && !has(IFF_DORMANT);
            }
            IFLA_AF_SPEC => link.forwarding6 = parse_forwarding6(value)?,
            IFLA_WIRELESS => return Ok(Message::Other(kind)),
            _ => {}
        }
    }
    Ok(Message::Link(link))
}

/// IFLA_AF_SPEC { AF_INET6 { IFLA_INET6_CONF: an array of i32 by DEVCONF_* } }.
fn parse_forwarding6(families: &[u8]) -> Result<Option<bool>, Malformed> {
    for family in Attributes(families) {
        let (family, settings) = family?;
        if family != u16::from(AF_INET6) {
            continue;
        }
        for setting in Attributes(settings) {
            let (kind, values) = setting?;
            if kind == IFLA_INET6_CONF {
                // DEVCONF_FORWARDING is the first one.
                return Ok(values.first_chunk().map(|first| i32::from_ne_bytes(*first) != 0));
            }
        }
    }
    Ok(None)
}

fn parse_address(kind: u16, body: &[u8]) -> Result<Message<'_>, Malformed> {
    let (header, attributes) = body.split_first_chunk::<8>().ok_or(Malformed)?;
    let &[family, prefix_len, flags, scope, i0, i1, i2, i3] = header;
    let family = match family {
        AF_INET => Family::V4,
        AF_INET6 => Family::V6,
        _ => return Ok(Message::Other(kind)),
    };
    let (mut local, mut address, mut flags, mut proto) = (None, None, u32::from(flags), 0);
    for attribute in Attributes(attributes) {
        let (kind_of_value, value) = attribute?;
        match kind_of_value {
            IFA_LOCAL => local = Some(parse_ip(family, value)?),
            IFA_ADDRESS => address = Some(parse_ip(family, value)?),
            IFA_FLAGS => flags = parse_number(value)?,
            IFA_PROTO => proto = *value.first().ok_or(Malformed)?,
            _ => {}
        }
    }
    if prefix_len > family.host_len() {
        return Err(Malformed);
    }
    Ok(Message::Address(Address {
        present: kind == RTM_NEWADDR,
        index: IfIndex::new(u32::from_ne_bytes([i0, i1, i2, i3])).ok_or(Malformed)?,
        ip: local.or(address).ok_or(Malformed)?,
        prefix_len,
        flags,
        scope,
        proto,
    }))
}

pub(super) fn parse_ip(family: Family, value: &[u8]) -> Result<IpAddr, Malformed> {
    match family {
        Family::V4 => <[u8; 4]>::try_from(value).map(IpAddr::from),
        Family::V6 => <[u8; 16]>::try_from(value).map(IpAddr::from),
    }
    .map_err(|_| Malformed)
}

pub(super) fn parse_number(value: &[u8]) -> Result<u32, Malformed> {
    value.try_into().map(u32::from_ne_bytes).map_err(|_| Malformed)
}

fn parse_text(value: &[u8]) -> &str {
    let text = value.split(|octet| *octet == 0).next().unwrap_or_default();
    core::str::from_utf8(text).unwrap_or_default()
}

/// Attributes: type without the flags in its upper two bits, and value.
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        // Less than a header is padding, as the kernel's own parser has it.
        if self.0.len() < 4 {
            return None;
        }
        let attribute = cut(&mut self.0, 4, |len: &[u8; 2]| u16::from_ne_bytes(*len));
        Some(attribute.and_then(|attribute| {
            let (&[_, _, k0, k1], value) = attribute.split_first_chunk().ok_or(Malformed)?;
            Ok((u16::from_ne_bytes([k0, k1]) & 0x3fff, value))
        }))
    }
}
