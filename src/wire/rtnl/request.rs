//! What is asked of the kernel.

use core::net::IpAddr;

use super::abi::*;
use crate::addr::{Family, IfIndex};
use crate::wire::octets::Writer;

/// Writes one message: header, fixed body, attributes. What does not fit is noticed at
/// [`Builder::finish`], so that calls can be chained.
#[derive(Debug)]
pub struct Builder<'b> {
    writer: Writer<'b>,
    fits: bool,
}

impl<'b> Builder<'b> {
    /// Starts a message of type `kind` (RTM_*) with `flags` (NLM_F_*) at the front of `buffer`.
    pub fn new(buffer: &'b mut [u8], kind: u16, flags: u16, sequence: u32) -> Self {
        let mut builder = Builder { writer: Writer::new(buffer), fits: true };
        let length_and_port = [0; 4]; // The length follows in `finish`; port 0 is the kernel.
        builder
            .put(&length_and_port)
            .put(&kind.to_ne_bytes())
            .put(&flags.to_ne_bytes())
            .put(&sequence.to_ne_bytes())
            .put(&length_and_port);
        builder
    }

    /// Appends a fixed structure, ifinfomsg or ifaddrmsg, padded to four octets.
    pub fn body(&mut self, octets: &[u8]) -> &mut Self {
        self.put(octets).pad()
    }

    /// Appends an attribute.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.nested(kind, |inside| {
            inside.put(value);
        })
    }

    /// Appends an attribute that is a number.
    pub fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Appends an attribute that is text, with the zero that terminates it.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        self.nested(kind, |inside| {
            inside.put(value.as_bytes()).put(&[0]);
        })
    }

    /// Appends an attribute that holds what `inside` appends. Without the flag NLA_F_NESTED, which
    /// routing messages have never asked for.
    pub fn nested(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.writer.len();
        self.put(&[0, 0]).put(&kind.to_ne_bytes());
        inside(self);
        match u16::try_from(self.writer.len() - at) {
            Ok(len) => self.patch(at, &len.to_ne_bytes()).pad(),
            Err(_) => {
                self.fits = false;
                self
            }
        }
    }

    /// The length of the message; `None` when it did not fit.
    pub fn finish(&mut self) -> Option<usize> {
        let len = u32::try_from(self.writer.len()).ok()?;
        self.patch(0, &len.to_ne_bytes());
        self.fits.then_some(self.writer.len())
    }

    fn put(&mut self, octets: &[u8]) -> &mut Self {
        self.fits &= self.writer.put(octets).is_some();
        self
    }

    fn patch(&mut self, at: usize, octets: &[u8]) -> &mut Self {
        self.fits &= self.writer.patch(at, octets).is_some();
        self
    }

    fn pad(&mut self) -> &mut Self {
        while self.fits && !self.writer.len().is_multiple_of(4) {
            self.put(&[0]);
        }
        self
    }
}

/// The fixed body of a message about a link. `index` is `None` in a request that names the link
/// otherwise or creates it; `change` is the mask of the `flags` (IFF_*) that are to be set.
pub fn ifinfomsg(index: Option<IfIndex>, flags: u32, change: u32) -> [u8; 16] {
    let [i0, i1, i2, i3] = index.map_or(0, IfIndex::get).to_ne_bytes();
    let [f0, f1, f2, f3] = flags.to_ne_bytes();
    let [c0, c1, c2, c3] = change.to_ne_bytes();
    [AF_UNSPEC, 0, 0, 0, i0, i1, i2, i3, f0, f1, f2, f3, c0, c1, c2, c3]
}

fn ifaddrmsg(family: Family, prefix_len: u8, flags: u8, index: u32) -> [u8; 8] {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let [i0, i1, i2, i3] = index.to_ne_bytes();
    [family, prefix_len, flags, 0, i0, i1, i2, i3]
}

/// What to dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dump {
    /// All links, as [`super::Message::Link`]s.
    Links,
    /// All addresses of both families, as [`super::Message::Address`]es.
    Addresses,
}

/// Writes a request for a dump: one at a time on a socket, each ends with
/// [`super::Message::Done`]. `None`: `buffer` is too short.
pub fn emit_dump(dump: Dump, sequence: u32, buffer: &mut [u8]) -> Option<usize> {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    match dump {
        Dump::Links => Builder::new(buffer, RTM_GETLINK, flags, sequence)
            .body(&ifinfomsg(None, 0, 0))
            .number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
            .finish(),
        Dump::Addresses => Builder::new(buffer, RTM_GETADDR, flags, sequence)
            .body(&[AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0])
            .finish(),
    }
}

/// Writes a request for a dump of all routes of all families, as [`super::Message::Route`]s.
pub fn emit_dump_of_routes(sequence: u32, buffer: &mut [u8]) -> Option<usize> {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    Builder::new(buffer, RTM_GETROUTE, flags, sequence).body(&[0; 12]).finish()
}

/// An address to add, renew or remove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRequest<'a> {
    /// Add it or, where the same address with the same prefix length exists, renew it; otherwise
    /// remove it.
    pub add: bool,
    /// The link.
    pub index: IfIndex,
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix_len: u8,
    /// IPv4: its label; none when empty. Not used when removing.
    pub label: &'a str,
    /// Seconds until the kernel removes it by itself; `None` for never. Not zero, which the kernel
    /// refuses. Not used when removing.
    pub lifetime_secs: Option<u32>,
    /// Marks whose it is (IFA_PROTO); 0 for no mark. Not used when removing.
    pub proto: u8,
}

/// Writes a request for an address that asks for an acknowledgement. `None`: `buffer` is too
/// short.
///
/// An IPv6 address comes without duplicate address detection: the old master may still hold it. An
/// IPv6 host address (/128) is deprecated from the start, as keepalived has it, so that the router
/// never chooses it for traffic of its own.
pub fn emit_address(
    request: &AddressRequest<'_>,
    sequence: u32,
    buffer: &mut [u8],
) -> Option<usize> {
    let (kind, flags) = if request.add {
        (RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
    } else {
        (RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK)
    };
    let family = Family::of(request.ip);
    let mut message = Builder::new(buffer, kind, flags, sequence);
    put_address(&mut message, request.index, request.ip, request.prefix_len);
    if !request.add {
        return message.finish();
    }
    if family == Family::V6 {
        message.number(IFA_FLAGS, IFA_F_NODAD);
    } else if !request.label.is_empty() {
        message.text(IFA_LABEL, request.label);
    }
    // The kernel refuses a preferred lifetime beyond the valid one.
    let valid = request.lifetime_secs.unwrap_or(INFINITY_LIFE_TIME);
    let is_host_v6 = family == Family::V6 && request.prefix_len == family.host_len();
    if request.lifetime_secs.is_some() || is_host_v6 {
        let preferred = if is_host_v6 { 0 } else { valid };
        message.nested(IFA_CACHEINFO, |lifetimes| {
            lifetimes.put(&preferred.to_ne_bytes()).put(&valid.to_ne_bytes()).put(&[0; 8]);
        });
    }
    if request.proto != 0 {
        message.attribute(IFA_PROTO, &[request.proto]);
    }
    message.finish()
}

/// Writes a request for an address that the machine has for itself, which asks for an
/// acknowledgement: one that exists already is refused (EEXIST). `None`: `buffer` is too short.
pub fn emit_own_address(
    index: IfIndex,
    ip: IpAddr,
    prefix_len: u8,
    sequence: u32,
    buffer: &mut [u8],
) -> Option<usize> {
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    let mut message = Builder::new(buffer, RTM_NEWADDR, flags, sequence);
    put_address(&mut message, index, ip, prefix_len);
    message.finish()
}

fn put_address(message: &mut Builder<'_>, index: IfIndex, ip: IpAddr, prefix_len: u8) {
    message.body(&ifaddrmsg(Family::of(ip), prefix_len, 0, index.get()));
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        match ip {
            IpAddr::V4(ip) => message.attribute(kind, &ip.octets()),
            IpAddr::V6(ip) => message.attribute(kind, &ip.octets()),
        };
    }
}

/// Writes a request to set a link up, which asks for an acknowledgement. `None`: `buffer` is too
/// short.
pub fn emit_up(index: IfIndex, sequence: u32, buffer: &mut [u8]) -> Option<usize> {
    Builder::new(buffer, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence)
        .body(&ifinfomsg(Some(index), IFF_UP, IFF_UP))
        .finish()
}
