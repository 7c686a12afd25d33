//! A kernel's links and addresses, behind real rtnetlink octets: requests are read by a decoder of
//! its own, what it says is written as the kernel lays it out.

use core::net::{IpAddr, Ipv6Addr};

use crate::addr::IfIndex;
use crate::wire::rtnl::{Builder, ifinfomsg};

/// errno: no such device.
pub(super) const ENODEV: i32 = 19;
/// errno: cannot assign requested address.
const EADDRNOTAVAIL: i32 = 99;

const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: [u8; 6],
    pub(super) up: bool,
    pub(super) carrier: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) index: u32,
    pub(super) ip: IpAddr,
    pub(super) len: u8,
    /// Who added it, whether this kernel tells or not.
    pub(super) proto: u8,
    pub(super) secondary: bool,
    /// When its lease ends.
    pub(super) until: Option<u64>,
}

/// Netlink datagrams for the listening socket and for the one that asked.
#[derive(Default, Debug)]
pub(super) struct Said {
    pub(super) news: Vec<Vec<u8>>,
    pub(super) answers: Vec<Vec<u8>>,
}

/// A request, as its octets say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) sequence: u32,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Links,
    Addresses,
    Address { add: bool, index: u32, ip: IpAddr, len: u8, proto: u8, lifetime: Option<u32> },
    Nonsense,
}

#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub(super) links: Vec<Link>,
    pub(super) addresses: Vec<Address>,
    /// Since 5.18 the kernel tells who added an address.
    pub(super) keeps_proto: bool,
}

fn number(octets: &[u8], at: usize) -> u32 {
    octets.get(at..at + 4).and_then(|o| o.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn half(octets: &[u8], at: usize) -> u16 {
    octets.get(at..at + 2).and_then(|o| o.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

/// Reads a request: nlmsghdr, ifaddrmsg, attributes.
pub(super) fn read(message: &[u8]) -> Asked {
    let sequence = number(message, 8);
    let kind = half(message, 4);
    let whole = usize::try_from(number(message, 0)) == Ok(message.len());
    let what = match kind {
        18 if whole => What::Links,
        22 if whole => What::Addresses,
        RTM_NEWADDR | RTM_DELADDR if whole && message.len() >= 24 => read_address(kind, message),
        _ => What::Nonsense,
    };
    Asked { sequence, what }
}

fn read_address(kind: u16, message: &[u8]) -> What {
    let (mut ip, mut proto, mut lifetime) = (None, 0, None);
    let mut at = 24;
    while at + 4 <= message.len() {
        let len = usize::from(half(message, at));
        if len < 4 || at + len > message.len() {
            return What::Nonsense;
        }
        let value = &message[at + 4..at + len];
        match half(message, at + 2) {
            // IFA_LOCAL, IFA_PROTO, IFA_CACHEINFO with the valid lifetime second.
            2 => ip = read_ip(value),
            11 => proto = value.first().copied().unwrap_or(0),
            6 => lifetime = Some(number(value, 4)).filter(|secs| *secs != u32::MAX),
            _ => {}
        }
        at += len.next_multiple_of(4);
    }
    match ip {
        Some(ip) if lifetime != Some(0) => What::Address {
            add: kind == RTM_NEWADDR,
            index: number(message, 20),
            ip,
            len: message[17],
            proto,
            lifetime,
        },
        Some(_) | None => What::Nonsense,
    }
}

fn read_ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A datagram that the kernel sends, for a trace: its messages, each with its number.
pub(super) fn summary(datagram: &[u8]) -> String {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(message) = datagram.get(at..).filter(|rest| rest.len() >= 16) {
        let len = usize::try_from(number(message, 0)).unwrap_or(0);
        let Some(message) = message.get(..len).filter(|message| message.len() >= 16) else { break };
        let ip = message
            .get(28..)
            .and_then(|ip| ip.get(..usize::from(half(message, 24)).saturating_sub(4)));
        let ip = ip.and_then(read_ip).map_or(String::new(), |ip| ip.to_string());
        let what = match half(message, 4) {
            2 => format!("answer {}", number(message, 16).wrapping_neg()),
            3 => "done".to_owned(),
            16 => format!("link {}", number(message, 20)),
            17 => format!("link {} gone", number(message, 20)),
            RTM_NEWADDR => format!("address {}:{ip}", number(message, 20)),
            RTM_DELADDR => format!("address {}:{ip} gone", number(message, 20)),
            kind => format!("type {kind}"),
        };
        words.push(format!("{what} #{}", number(message, 8)));
        at += len.next_multiple_of(4);
    }
    words.join(", ")
}

fn finish(buffer: &[u8], builder: Option<usize>) -> Vec<u8> {
    builder.and_then(|len| buffer.get(..len)).map_or(Vec::new(), <[u8]>::to_vec)
}

/// NLMSG_ERROR: 0 or the errno, and the header of the request.
fn acknowledgement(sequence: u32, errno: i32) -> Vec<u8> {
    let mut buffer = [0; 64];
    let mut body = [0; 20];
    body[..4].copy_from_slice(&(-errno).to_ne_bytes());
    let len = Builder::new(&mut buffer, 2, 0, sequence).body(&body).finish();
    finish(&buffer, len)
}

fn done(sequence: u32) -> Vec<u8> {
    let mut buffer = [0; 32];
    let len = Builder::new(&mut buffer, 3, 2, sequence).body(&[0; 4]).finish();
    finish(&buffer, len)
}

pub(super) fn link_message(link: &Link, gone: bool, sequence: u32) -> Vec<u8> {
    let mut flags = 0x1000;
    if link.up {
        flags |= 0x1;
        if link.carrier {
            flags |= 0x40 | 0x1_0000;
        }
    }
    let mut buffer = [0; 256];
    let body = ifinfomsg(IfIndex::new(link.index), flags, 0);
    let kind = if gone { 17 } else { 16 };
    let len = Builder::new(&mut buffer, kind, 0, sequence)
        .body(&body)
        .text(3, &link.name)
        .attribute(1, &link.mac)
        .number(4, 1500)
        .finish();
    finish(&buffer, len)
}

/// 10.0.0.0/24 and the like.
fn network(ip: IpAddr, len: u8) -> u128 {
    let (bits, width) = match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    bits.checked_shr(width - u32::from(len).min(width)).unwrap_or(0)
}

impl Kernel {
    pub(super) fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// Whether packets pass a link of this name.
    pub(super) fn passes(&self, name: &str) -> bool {
        self.link(name).is_some_and(|link| link.up && link.carrier)
    }

    pub(super) fn address_message(&self, address: &Address, gone: bool, sequence: u32) -> Vec<u8> {
        let mut buffer = [0; 256];
        let index = address.index.to_ne_bytes();
        let family = if address.ip.is_ipv4() { 2 } else { 10 };
        let flags: u32 = 0x80 | if address.secondary { 1 } else { 0 };
        let mut body = [family, address.len, flags.to_le_bytes()[0], 0, 0, 0, 0, 0];
        body[4..].copy_from_slice(&index);
        let kind = if gone { RTM_DELADDR } else { RTM_NEWADDR };
        let mut builder = Builder::new(&mut buffer, kind, 0, sequence);
        builder.body(&body);
        match address.ip {
            IpAddr::V4(ip) => builder.attribute(1, &ip.octets()).attribute(2, &ip.octets()),
            IpAddr::V6(ip) => builder.attribute(1, &ip.octets()),
        };
        builder.number(8, flags);
        if self.keeps_proto && address.proto != 0 {
            builder.attribute(11, &[address.proto]);
        }
        let len = builder.finish();
        finish(&buffer, len)
    }

    /// Carries out a request, or refuses it with `refuse`.
    pub(super) fn ask(&mut self, now: u64, asked: &Asked, refuse: Option<i32>) -> Said {
        let mut said = Said::default();
        let sequence = asked.sequence;
        match (&asked.what, refuse) {
            (What::Nonsense, _) => said.answers.push(acknowledgement(sequence, 22)),
            (_, Some(errno)) => said.answers.push(acknowledgement(sequence, errno)),
            (What::Links, None) => {
                let messages = self.links.iter().map(|link| link_message(link, false, sequence));
                said.answers.push(messages.collect::<Vec<_>>().concat());
                said.answers.push(done(sequence));
            }
            (What::Addresses, None) => {
                let all = self.addresses.iter();
                let messages = all.map(|address| self.address_message(address, false, sequence));
                said.answers.push(messages.collect::<Vec<_>>().concat());
                said.answers.push(done(sequence));
            }
            (What::Address { add, index, ip, len, proto, lifetime }, None) => {
                let until = lifetime.map(|secs| now + u64::from(secs) * 1_000_000_000);
                let address = Address {
                    index: *index,
                    ip: *ip,
                    len: *len,
                    proto: *proto,
                    secondary: false,
                    until,
                };
                let (errno, news) = if *add {
                    self.add(address, sequence)
                } else {
                    self.remove(*index, *ip, *len, sequence)
                };
                said.news = news;
                said.answers.push(acknowledgement(sequence, errno));
            }
        }
        said
    }

    /// RTM_NEWADDR with CREATE and REPLACE.
    pub(super) fn add(&mut self, mut address: Address, sequence: u32) -> (i32, Vec<Vec<u8>>) {
        if !self.links.iter().any(|link| link.index == address.index) {
            return (ENODEV, Vec::new());
        }
        let same = |known: &Address| {
            (known.index, known.ip, known.len) == (address.index, address.ip, address.len)
        };
        if let Some(known) = self.addresses.iter_mut().find(|known| same(known)) {
            known.until = address.until;
            known.proto = address.proto;
            let known = known.clone();
            return (0, vec![self.address_message(&known, false, sequence)]);
        }
        address.secondary = address.ip.is_ipv4()
            && self.addresses.iter().any(|known| {
                known.index == address.index
                    && known.ip.is_ipv4()
                    && !known.secondary
                    && known.len == address.len
                    && network(known.ip, known.len) == network(address.ip, address.len)
            });
        self.addresses.push(address.clone());
        (0, vec![self.address_message(&address, false, sequence)])
    }

    /// RTM_DELADDR; without promote_secondaries a primary takes its secondaries along.
    pub(super) fn remove(
        &mut self,
        index: u32,
        ip: IpAddr,
        len: u8,
        sequence: u32,
    ) -> (i32, Vec<Vec<u8>>) {
        if !self.links.iter().any(|link| link.index == index) {
            return (ENODEV, Vec::new());
        }
        let same = |known: &Address| (known.index, known.ip, known.len) == (index, ip, len);
        let Some(at) = self.addresses.iter().position(same) else {
            return (EADDRNOTAVAIL, Vec::new());
        };
        let gone = self.addresses.remove(at);
        let mut news = Vec::new();
        if gone.ip.is_ipv4() && !gone.secondary {
            let follows = |known: &Address| {
                known.index == index
                    && known.secondary
                    && known.len == len
                    && network(known.ip, len) == network(ip, len)
            };
            let others: Vec<Address> =
                self.addresses.iter().filter(|known| follows(known)).cloned().collect();
            self.addresses.retain(|known| !follows(known));
            news.extend(others.iter().map(|other| self.address_message(other, true, sequence)));
        }
        news.push(self.address_message(&gone, true, sequence));
        (0, news)
    }

    /// Leases that have run out.
    pub(super) fn expire(&mut self, now: u64) -> Vec<Vec<u8>> {
        let is_over = |address: &Address| address.until.is_some_and(|until| until <= now);
        let over: Vec<Address> = self.addresses.iter().filter(|a| is_over(a)).cloned().collect();
        let gone = over.iter();
        gone.flat_map(|address| self.remove(address.index, address.ip, address.len, 0).1).collect()
    }

    /// IFF_UP and carrier of a link. IPv6 addresses do not survive its being switched off, and the
    /// link-local one comes back with it.
    pub(super) fn set_link(&mut self, name: &str, up: bool, carrier: bool) -> Vec<Vec<u8>> {
        let Some(link) = self.links.iter_mut().find(|link| link.name == name) else {
            return Vec::new();
        };
        let was_up = link.up;
        (link.up, link.carrier) = (up, carrier);
        let link = link.clone();
        let mut news = Vec::new();
        if was_up && !up {
            let is_lost = |known: &Address| known.index == link.index && known.ip.is_ipv6();
            let lost: Vec<Address> =
                self.addresses.iter().filter(|known| is_lost(known)).cloned().collect();
            self.addresses.retain(|known| !is_lost(known));
            news.extend(lost.iter().map(|address| self.address_message(address, true, 0)));
        }
        news.push(link_message(&link, false, 0));
        if up && !was_up {
            let local = Kernel::link_local(&link);
            news.extend(self.add(local, 0).1);
        }
        news
    }

    /// A link's own address from its Ethernet address (RFC 4291, appendix A).
    pub(super) fn link_local(link: &Link) -> Address {
        let [a, b, c, d, e, f] = link.mac.map(u16::from);
        let words = [(a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f];
        let ip = Ipv6Addr::new(0xfe80, 0, 0, 0, words[0], words[1], words[2], words[3]);
        let index = link.index;
        Address { index, ip: IpAddr::V6(ip), len: 64, proto: 0, secondary: false, until: None }
    }

    /// A link is gone, its addresses first.
    pub(super) fn remove_link(&mut self, name: &str) -> Vec<Vec<u8>> {
        let Some(at) = self.links.iter().position(|link| link.name == name) else {
            return Vec::new();
        };
        let link = self.links.remove(at);
        let lost: Vec<Address> =
            self.addresses.iter().filter(|known| known.index == link.index).cloned().collect();
        self.addresses.retain(|known| known.index != link.index);
        let mut news: Vec<Vec<u8>> =
            lost.iter().map(|address| self.address_message(address, true, 0)).collect();
        news.push(link_message(&link, true, 0));
        news
    }

    /// A link appears, switched on, with its link-local address and `ip`/24.
    pub(super) fn add_link(&mut self, link: Link, ip: IpAddr) -> Vec<Vec<u8>> {
        let mut news = vec![link_message(&link, false, 0)];
        let local = Kernel::link_local(&link);
        let own =
            Address { index: link.index, ip, len: 24, proto: 0, secondary: false, until: None };
        self.links.push(link);
        news.extend(self.add(local, 0).1);
        news.extend(self.add(own, 0).1);
        news
    }
}
