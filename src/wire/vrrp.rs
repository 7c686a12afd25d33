//! VRRP adverts, version 2 (RFC 3768 §5) and version 3 (RFC 9568 §5), whole IP packets.
//!
//! ```text
//!  0       4       8              16              24              31
//! +-------+-------+---------------+---------------+---------------+
//! |Version| Type 1| Virtual Rtr ID|   Priority    | Address Count |
//! +-------+-------+---------------+---------------+---------------+
//! |   v2: Auth Type | Interval, s |           Checksum            |
//! |   v3: 0000 | Interval, cs 12b |                               |
//! +-------------------------------+-------------------------------+
//! |               Addresses, 4 or 16 octets each                  |
//! +---------------------------------------------------------------+
//! |       v2 only: Authentication Data, 8 octets, always          |
//! +---------------------------------------------------------------+
//! ```
//!
//! Only what the format itself forbids is rejected here. Whether an advert concerns an instance,
//! and its password, interval, sender and destination, are the engine's to judge.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::octets::{Writer, is_same_secret};
use super::{Reject, ah, ipv4, ipv6};
use crate::addr::{Family, Priority, Version, Vrid};
use crate::limits::HEADER_COUNT_MAX;
use crate::time::Span;

/// IANA's protocol number of VRRP.
pub const PROTOCOL: u8 = 112;

/// The IPv4 group that adverts go to (RFC 9568 §5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The IPv6 group that adverts go to (RFC 9568 §5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// TTL and hop limit of every advert: it has not passed a router (RFC 9568 §5.1.1.3, §5.1.2.3).
const HOP_LIMIT: u8 = 255;

/// DSCP CS6, internet control, as keepalived marks its adverts.
const TRAFFIC_CLASS: u8 = 0xc0;

/// Octets before the addresses.
const HEADER_LEN: usize = 8;

/// Octets of version 2's authentication data, present whatever the type says.
const AUTH_LEN: usize = 8;

/// RFC 2338 §5.3.6: the authentication types of version 2.
const TYPE_NONE: u8 = 0;
const TYPE_PASSWORD: u8 = 1;
const TYPE_AH: u8 = 2;

/// The shortest payload of an Ethernet frame. Peers are known whose padding up to it is counted
/// in IPv4's total length.
const ETHERNET_PAYLOAD_LEN_MIN: usize = 46;

/// How the checksum of an advert was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ChecksumFlavour {
    /// Version 2: the PDU alone (RFC 3768 §5.3.8).
    V2,
    /// Version 3 over IPv4 with a pseudo header: RFC 5798 as keepalived reads it, its default.
    V3PseudoHeader,
    /// Version 3 over IPv4, the PDU alone: RFC 9568 §5.2.8; Cisco, Juniper, Arista, keepalived's
    /// v3_checksum_as_v2.
    V3Plain,
    /// Version 3 over IPv4 unicast as keepalived up to 1.3.6 makes it: with 224.0.0.18 for the
    /// destination in the pseudo header.
    V3LegacyUnicast,
    /// Version 3 over IPv6, with its pseudo header (RFC 9568 §5.2.8).
    Ipv6,
}

impl ChecksumFlavour {
    /// A few words for `decode` and `status`.
    pub const fn text(self) -> &'static str {
        match self {
            ChecksumFlavour::V2 => "version 2",
            ChecksumFlavour::V3PseudoHeader => "pseudo header",
            ChecksumFlavour::V3Plain => "no pseudo header",
            ChecksumFlavour::V3LegacyUnicast => "pseudo header with the group",
            ChecksumFlavour::Ipv6 => "IPv6",
        }
    }
}

/// The addresses of an advert, in its order, left where they were received.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Addresses<'a>(Octets<'a>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Octets<'a> {
    V4(&'a [[u8; 4]]),
    V6(&'a [[u8; 16]]),
}

impl<'a> Addresses<'a> {
    /// How many.
    pub const fn len(&self) -> usize {
        match self.0 {
            Octets::V4(list) => list.len(),
            Octets::V6(list) => list.len(),
        }
    }

    /// Whether there is none: possible in version 2 only.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their family, the one of the advert.
    pub const fn family(&self) -> Family {
        match self.0 {
            Octets::V4(_) => Family::V4,
            Octets::V6(_) => Family::V6,
        }
    }

    /// The addresses.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + Clone + 'a {
        let (v4, v6): (&[[u8; 4]], &[[u8; 16]]) = match self.0 {
            Octets::V4(list) => (list, &[]),
            Octets::V6(list) => (&[], list),
        };
        v4.iter().copied().map(IpAddr::from).chain(v6.iter().copied().map(IpAddr::from))
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Version 2's authentication; always `None` in version 3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth<'a> {
    /// Type 0.
    None,
    /// Type 1: a password in the clear, padded with zeros.
    Password([u8; 8]),
    /// Type 2: an IPsec Authentication Header, not verified yet.
    Header(ah::Header<'a>),
    /// Another type, or a type and an Authentication Header that do not go together.
    Other(u8),
}

impl Auth<'_> {
    /// Whether this is `password`, compared in a time that does not depend on where they differ.
    #[must_use]
    pub fn password_matches(&self, password: &[u8; 8]) -> bool {
        matches!(self, Auth::Password(received) if is_same_secret(received, password))
    }
}

/// Without the password: it must not reach a log.
impl fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Auth::None => f.write_str("None"),
            Auth::Password(_) => f.write_str("Password(********)"),
            Auth::Header(header) => header.fmt(f),
            Auth::Other(kind) => write!(f, "Other({kind})"),
        }
    }
}

/// An advert that is well formed and whose checksum is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advert<'a> {
    /// Its version; always 3 over IPv6.
    pub version: Version,
    /// The virtual router it speaks for.
    pub vrid: Vrid,
    /// The sender's priority.
    pub priority: Priority,
    /// The sender's interval, never zero: whole seconds in version 2, centiseconds in version 3.
    pub interval: Span,
    /// The virtual addresses. At least one in version 3.
    pub addresses: Addresses<'a>,
    /// Version 2's authentication.
    pub auth: Auth<'a>,
    /// How the sender makes its checksums.
    pub checksum: ChecksumFlavour,
}

/// An advert and the parts of its IP header that the protocol looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// The sender's primary address.
    pub source: IpAddr,
    /// The group, or one of our addresses.
    pub destination: IpAddr,
    /// TTL or hop limit: 255 when `destination` is a group, anything otherwise.
    pub hop_limit: u8,
    /// The advert.
    pub advert: Advert<'a>,
}

/// Why a packet is none, and the virtual router it seems to speak for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The first thing that is wrong.
    pub reason: Reject,
    /// The VRID, where the packet reaches that far. Unverified: for counting only.
    pub vrid: Option<Vrid>,
}

/// Reads a whole IPv4 packet as a raw socket delivers it. IP options are skipped, octets behind
/// the total length are ignored, and so is padding up to Ethernet's minimum within it.
pub fn dissect_ipv4(packet: &[u8]) -> Result<Datagram<'_>, Rejected> {
    let nobodys = |reason| Rejected { reason, vrid: None };
    let octets = packet;
    let packet = ipv4::Packet::parse(octets).map_err(nobodys)?;
    let (ah, pdu) = match packet.protocol {
        PROTOCOL => (None, packet.payload),
        // A fragment's beginning need not be a header.
        ah::PROTOCOL if HEADER_COUNT_MAX != 0 && packet.fragment_offset == 0 => {
            let (header, pdu) = ah::Header::parse(octets, &packet).map_err(nobodys)?;
            (Some(header), pdu)
        }
        ah::PROTOCOL if HEADER_COUNT_MAX != 0 => (None, packet.payload),
        _ => return Err(nobodys(Reject::IpHeader)),
    };
    let rejected = |reason| Rejected {
        reason,
        vrid: if packet.fragment_offset == 0 { vrid_of(pdu) } else { None },
    };
    if packet.is_fragment() {
        return Err(rejected(Reject::Fragment));
    }
    let envelope = Envelope {
        source: IpAddr::V4(packet.source),
        destination: IpAddr::V4(packet.destination),
        hop_limit: packet.ttl,
        ah,
        // With AH, header and shortest advert pass it.
        padded_len_max: match ah {
            None => ETHERNET_PAYLOAD_LEN_MIN.saturating_sub(packet.header_len),
            Some(_) => 0,
        },
    };
    envelope.open(pdu).map_err(rejected)
}

/// Reads an advert that came over IPv6: `payload` is what follows the IPv6 header, the rest is
/// what the control messages of a raw socket (or the header) said.
pub fn dissect_ipv6(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    payload: &[u8],
) -> Result<Datagram<'_>, Rejected> {
    let envelope = Envelope {
        source: IpAddr::V6(source),
        destination: IpAddr::V6(destination),
        hop_limit,
        ah: None,
        // Header and shortest advert pass Ethernet's minimum: there is no padding to tolerate.
        padded_len_max: 0,
    };
    envelope.open(payload).map_err(|reason| Rejected { reason, vrid: vrid_of(payload) })
}

fn vrid_of(pdu: &[u8]) -> Option<Vrid> {
    pdu.get(1).copied().and_then(Vrid::new)
}

/// What surrounds a PDU.
struct Envelope<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    ah: Option<ah::Header<'a>>,
    /// A payload up to this long may be a shorter PDU and padding.
    padded_len_max: usize,
}

impl<'a> Envelope<'a> {
    fn open(&self, payload: &'a [u8]) -> Result<Datagram<'a>, Reject> {
        // rfc9568:7.1/receive/hop-limit — first of all checks: routed packets are nobody's peer.
        if self.destination.is_multicast() && self.hop_limit != HOP_LIMIT {
            return Err(Reject::HopLimit);
        }
        let (header, rest) = payload.split_first_chunk::<HEADER_LEN>().ok_or(Reject::Truncated)?;
        let &[version_type, vrid, priority, count, high, low, _, _] = header;
        let family = Family::of(self.source);
        let version = match (version_type >> 4, family) {
            (2, Family::V4) => Version::V2,
            (3, _) => Version::V3,
            _ => return Err(Reject::Version),
        };
        if version_type & 0x0f != 1 {
            return Err(Reject::Type);
        }
        let addresses_len = usize::from(count) * usize::from(family.host_len() / 8);
        let (addresses, rest) = rest.split_at_checked(addresses_len).ok_or(Reject::Truncated)?;
        let (auth, interval, padding) = match version {
            Version::V2 => {
                let (data, padding) =
                    rest.split_first_chunk::<AUTH_LEN>().ok_or(Reject::Truncated)?;
                let auth = match (high, self.ah) {
                    (TYPE_NONE, None) => Auth::None,
                    (TYPE_PASSWORD, None) => Auth::Password(*data),
                    (TYPE_AH, Some(header)) => Auth::Header(header),
                    (other, _) => Auth::Other(other),
                };
                (auth, Span::from_secs(u64::from(low)), padding)
            }
            Version::V3 => {
                // rfc9568:5.2.6/receive/reserved — the upper four bits are ignored.
                let centis = u16::from_be_bytes([high & 0x0f, low]);
                (Auth::None, Span::from_centis(u64::from(centis)), rest)
            }
        };
        // rfc9568:5.2.5/receive/count-zero — an advert of version 3 without addresses is ignored.
        let is_without_addresses = version == Version::V3 && count == 0;
        let is_too_long = !padding.is_empty() && payload.len() > self.padded_len_max;
        if is_without_addresses || is_too_long {
            return Err(Reject::Length);
        }
        let pdu = payload.strip_suffix(padding).unwrap_or(payload);
        let checksum = self.verify(version, pdu).ok_or(Reject::Checksum)?;
        let vrid = Vrid::new(vrid).ok_or(Reject::VridZero)?;
        if interval.is_zero() {
            return Err(Reject::IntervalZero);
        }
        let addresses = Addresses(match family {
            Family::V4 => Octets::V4(addresses.as_chunks().0),
            Family::V6 => Octets::V6(addresses.as_chunks().0),
        });
        let priority = Priority(priority);
        Ok(Datagram {
            source: self.source,
            destination: self.destination,
            hop_limit: self.hop_limit,
            advert: Advert { version, vrid, priority, interval, addresses, auth, checksum },
        })
    }

    /// The flavour in which the checksum of `pdu` is right.
    fn verify(&self, version: Version, pdu: &[u8]) -> Option<ChecksumFlavour> {
        let plain = Sum::new().octets(pdu);
        let len = u16::try_from(pdu.len()).ok()?;
        let with_pseudo =
            |destination| plain.pseudo_header(self.source, destination, PROTOCOL, len).is_valid();
        match (version, self.source) {
            (Version::V2, _) => plain.is_valid().then_some(ChecksumFlavour::V2),
            (Version::V3, IpAddr::V6(_)) => {
                with_pseudo(self.destination).then_some(ChecksumFlavour::Ipv6)
            }
            (Version::V3, IpAddr::V4(_)) => {
                if with_pseudo(self.destination) {
                    Some(ChecksumFlavour::V3PseudoHeader)
                } else if plain.is_valid() {
                    Some(ChecksumFlavour::V3Plain)
                } else if !self.destination.is_multicast() && with_pseudo(IpAddr::V4(GROUP_V4)) {
                    Some(ChecksumFlavour::V3LegacyUnicast)
                } else {
                    None
                }
            }
        }
    }
}

/// An advert to send.
#[derive(Clone, Copy)]
pub struct Outgoing<I> {
    /// Its version.
    pub version: Version,
    /// The virtual router it speaks for.
    pub vrid: Vrid,
    /// Our priority.
    pub priority: Priority,
    /// Our interval. Cut to what the format can say: seconds up to 255 in version 2, centiseconds
    /// up to 4,095 in version 3.
    pub interval: Span,
    /// Our primary address, or the configured source.
    pub source: IpAddr,
    /// The group or a peer, of the same family.
    pub destination: IpAddr,
    /// The virtual addresses, of the same family: up to 255.
    pub addresses: I,
    /// Version 2's authentication. Not used in version 3.
    pub seal: Seal,
    /// IPv4's identification. With an Authentication Header not zero: the kernel writes another
    /// number for that, and the check value is made with this one.
    pub identification: u16,
}

/// How an advert of version 2 shows that it is one of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Not at all.
    None,
    /// By a password, padded with zeros.
    Password([u8; 8]),
    /// By an Authentication Header with this key.
    Header {
        /// The key.
        key: ah::Key,
        /// Above that of all adverts before it.
        sequence: u32,
    },
}

/// Without the password: it must not reach a log.
impl<I> fmt::Debug for Outgoing<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("version", &self.version)
            .field("vrid", &self.vrid)
            .field("priority", &self.priority)
            .field("interval", &self.interval)
            .field("source", &self.source)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// Without the password: it must not reach a log.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seal::None => f.write_str("None"),
            Seal::Password(_) => f.write_str("Password(********)"),
            Seal::Header { sequence, .. } => write!(f, "Header(********, {sequence})"),
        }
    }
}

/// Writes `advert` as a whole IP packet to the front of `buffer` and returns its length.
///
/// TTL or hop limit is 255, DSCP CS6, DF clear. The checksum of version 3 over IPv4 includes the
/// pseudo header, keepalived's default.
///
/// `None`: `buffer` is too short, or no such advert exists: families that differ, version 2 over
/// IPv6, more than 255 addresses, an interval that is zero or too long for the version.
pub fn emit<I>(advert: &Outgoing<I>, buffer: &mut [u8]) -> Option<usize>
where
    I: Iterator<Item = IpAddr> + Clone,
{
    let count = u8::try_from(advert.addresses.clone().count()).ok()?;
    let address_len = u16::from(Family::of(advert.source).host_len() / 8);
    let (version_type, fourth_word, auth) = match advert.version {
        Version::V2 => {
            let seconds = u8::try_from(advert.interval.as_secs()).ok().filter(|s| *s > 0)?;
            let (kind, data) = match advert.seal {
                Seal::None => (TYPE_NONE, [0; AUTH_LEN]),
                Seal::Password(password) => (TYPE_PASSWORD, password),
                Seal::Header { .. } => (TYPE_AH, [0; AUTH_LEN]),
            };
            (0x21, [kind, seconds], Some(data))
        }
        Version::V3 => {
            let centis = u16::try_from(advert.interval.as_centis()).ok();
            (0x31, centis.filter(|c| (1..=0x0fff).contains(c))?.to_be_bytes(), None)
        }
    };
    let auth = auth.as_ref().map_or(&[][..], |data| &data[..]);
    let pdu_len = u16::from(count) * address_len + if auth.is_empty() { 8 } else { 16 };
    let ah = match advert.seal {
        Seal::Header { key, sequence }
            if HEADER_COUNT_MAX != 0 && advert.version == Version::V2 =>
        {
            Some((key, sequence))
        }
        Seal::Header { .. } | Seal::Password(_) | Seal::None => None,
    };

    let mut packet = Writer::new(buffer);
    match (advert.source, advert.destination, advert.version) {
        (IpAddr::V4(source), IpAddr::V4(destination), _) => {
            let header = ipv4::Header {
                source,
                destination,
                protocol: if ah.is_some() { ah::PROTOCOL } else { PROTOCOL },
                ttl: HOP_LIMIT,
                tos: TRAFFIC_CLASS,
                identification: advert.identification,
                payload_len: pdu_len + if ah.is_some() { 24 } else { 0 },
            };
            packet.put(&header.emit()?)?;
            if let Some((_, sequence)) = ah {
                packet.put(&ah::emit(source, sequence))?;
            }
        }
        (IpAddr::V6(source), IpAddr::V6(destination), Version::V3) => packet.put(
            &ipv6::Header {
                source,
                destination,
                next_header: PROTOCOL,
                hop_limit: HOP_LIMIT,
                traffic_class: TRAFFIC_CLASS,
                payload_len: pdu_len,
            }
            .emit(),
        )?,
        _ => return None,
    }
    let pdu_at = packet.len();
    packet.put(&[version_type, advert.vrid.get(), advert.priority.0, count])?;
    packet.put(&fourth_word)?;
    packet.put(&[0, 0])?;
    for address in advert.addresses.clone() {
        match (address, advert.source) {
            (IpAddr::V4(ip), IpAddr::V4(_)) => packet.put(&ip.octets())?,
            (IpAddr::V6(ip), IpAddr::V6(_)) => packet.put(&ip.octets())?,
            _ => return None,
        }
    }
    packet.put(auth)?;

    let plain = Sum::new().octets(packet.written_from(pdu_at));
    let sum = match advert.version {
        Version::V2 => plain,
        Version::V3 => plain.pseudo_header(advert.source, advert.destination, PROTOCOL, pdu_len),
    };
    packet.patch(pdu_at + 6, &sum.complement().to_be_bytes())?;
    let len = packet.len();
    if let Some((key, _)) = ah {
        ah::seal(buffer.get_mut(..len)?, &key)?;
    }
    Some(len)
}

#[cfg(test)]
mod tests;
