//! Netlink as no kernel should send it, and as a later one might.

use super::plan::NodePlan;
use super::random::Random;

/// NLM_F_DUMP_INTR: the table changed while it was dumped.
const DUMP_INTR: u8 = 0x10;
/// An interface that no node has.
const NOWHERE: u32 = 4_000;

/// What is done to a datagram on its way to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoiling {
    /// Something that says nothing comes with it.
    Nonsense,
    /// It has attributes that nobody knows.
    Decorated,
    /// It comes twice.
    Doubled,
    /// It is part of a dump that is not to be trusted.
    Interrupted,
}

impl Spoiling {
    pub(super) fn draw(random: &mut Random) -> Self {
        let all = [
            Spoiling::Nonsense,
            Spoiling::Nonsense,
            Spoiling::Decorated,
            Spoiling::Doubled,
            Spoiling::Interrupted,
        ];
        random.pick(&all)
    }
}

/// A message: nlmsghdr and body.
fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + body.len()).unwrap_or(0);
    let mut octets = len.to_ne_bytes().to_vec();
    octets.extend(kind.to_ne_bytes());
    octets.extend([0; 2]);
    octets.extend(sequence.to_ne_bytes());
    octets.extend([0; 4]);
    octets.extend(body);
    octets
}

fn octets(random: &mut Random, most: u64) -> Vec<u8> {
    let len = random.below(most);
    (0..len).map(|_| random.below(256).to_le_bytes()[0]).collect()
}

/// A datagram that contradicts itself, or is about nothing that the node knows; often a copy of
/// one that it was just `told`, so that every octet but the wrong one looks right.
pub(super) fn nonsense(random: &mut Random, told: &[u8], plan: &NodePlan) -> Vec<u8> {
    if told.len() < 16 {
        // A table without entries: there is nothing to copy.
        return octets(random, 16);
    }
    let mut copy = told.to_vec();
    match random.below(8) {
        // Cut short: its length is that of the whole.
        0 => copy.truncate(first_len(told).min(told.len()).saturating_sub(1)),
        // nlmsg_len: less than its own header, or more than there is.
        1 => {
            let len = random.pick(&[0, 1, 15, 0x7fff_ffff, u32::MAX, u32::MAX - 2]);
            copy[..4].copy_from_slice(&len.to_ne_bytes());
        }
        // rta_len of the first attribute: the same.
        2 => {
            let len = random.pick(&[0, 1, 3, 0x7fff, u16::MAX]);
            match attributes_at(told) {
                Some(at) => {
                    copy.truncate(first_len(told));
                    copy[at..at + 2].copy_from_slice(&len.to_ne_bytes());
                }
                None => copy.truncate(3),
            }
        }
        // A type of another family of messages, or of none.
        3 => {
            return message(random.pick(&[24, 28, 64, 112, 999, u16::MAX]), 0, &octets(random, 80));
        }
        // An address of ours, come and gone on an interface that does not exist.
        4 => {
            let vip = plan.routers.iter().flat_map(|(router, _)| &router.vips).next();
            let Some((ip, len, _)) = vip else { return vec![0] };
            let (family, ip) = match ip {
                core::net::IpAddr::V4(ip) => (2, ip.octets().to_vec()),
                core::net::IpAddr::V6(ip) => (10, ip.octets().to_vec()),
            };
            let mut body = vec![family, *len, 0x80, 0];
            body.extend(NOWHERE.to_ne_bytes());
            body.extend(u16::try_from(4 + ip.len()).unwrap_or(0).to_ne_bytes());
            body.extend(2_u16.to_ne_bytes());
            body.extend(ip);
            return message(random.pick(&[20, 21]), 0, &body);
        }
        // An interface that nobody has heard of is gone.
        5 => {
            let mut body = [0; 16];
            body[4..8].copy_from_slice(&NOWHERE.to_ne_bytes());
            return message(17, 0, &body);
        }
        // The answer to a request that was never made, and the end of a dump of the same kind.
        6 => {
            let errno = random.pick(&[0_i32, -1, -17, -19, -99, i32::MIN, i32::MAX]);
            let kind = random.pick(&[2, 3]);
            let never = 0xffff_0000 + u32::try_from(random.below(0xffff)).unwrap_or(0);
            return message(kind, never, &errno.to_ne_bytes());
        }
        // Less than a header, of anything.
        _ => return octets(random, 16),
    }
    copy
}

/// The length of a datagram's first message, as it says.
fn first_len(datagram: &[u8]) -> usize {
    let len = datagram.first_chunk().map_or(0, |len| u32::from_ne_bytes(*len));
    usize::try_from(len).unwrap_or(0)
}

/// Where the attributes of a datagram's first message begin, if it is of a kind that has any.
fn attributes_at(datagram: &[u8]) -> Option<usize> {
    let kind = datagram.get(4..6)?.try_into().map(u16::from_ne_bytes).ok()?;
    let at = match kind {
        16 => 32,
        20 | 21 => 24,
        _ => return None,
    };
    (at + 4 <= first_len(datagram).min(datagram.len())).then_some(at)
}

/// The same, with attributes behind those of its only message that no kernel of today sends.
pub(super) fn decorated(random: &mut Random, told: &[u8]) -> Vec<u8> {
    let mut copy = told.to_vec();
    if first_len(told) != told.len() || attributes_at(told).is_none() {
        return copy;
    }
    for _ in 0..=random.below(3) {
        copy.resize(copy.len().next_multiple_of(4), 0);
        let value = octets(random, 40);
        copy.extend(u16::try_from(4 + value.len()).unwrap_or(0).to_ne_bytes());
        // NLA_F_NESTED, NLA_F_NET_BYTEORDER: flags in the upper bits.
        let kind = random.pick(&[200_u16, 999, 0x3fff, 0x8000 | 300, 0x4000 | 300]);
        copy.extend(kind.to_ne_bytes());
        copy.extend(value);
    }
    let len = u32::try_from(copy.len()).unwrap_or(0);
    copy[..4].copy_from_slice(&len.to_ne_bytes());
    copy
}

/// The same, as a part of a dump that was interrupted.
pub(super) fn interrupted(told: &[u8]) -> Vec<u8> {
    let mut copy = told.to_vec();
    if let Some(flags) = copy.get_mut(6) {
        *flags |= DUMP_INTR;
    }
    copy
}

/// NLMSG_DONE with an errno: the dump broke off.
pub(super) fn broken_off(sequence: u32, errno: i32) -> Vec<u8> {
    message(3, sequence, &(-errno).to_ne_bytes())
}
