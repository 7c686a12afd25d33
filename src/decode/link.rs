//! Link layers: what stands before IP and ARP. Numbers of link types:
//! <https://www.tcpdump.org/linktypes.html>.

use crate::addr::MacAddr;
use crate::wire::ethernet::{self, Frame};

const ETHERNET: u16 = 1;
/// Linux "cooked", what `tcpdump -i any` wrote before and writes since libpcap 1.10.
const LINUX_SLL: u16 = 113;
const LINUX_SLL2: u16 = 276;
const RAW: u16 = 101;
/// LINKTYPE_RAW of OpenBSD and of others, as some programs put it into files.
const RAW_OTHERS: [u16; 2] = [12, 14];
const IPV4: u16 = 228;
const IPV6: u16 = 229;

/// Tags of 802.1Q, of 802.1ad, and of what was in use before the latter.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// What a link layer says of its payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link<'a> {
    /// The sender's MAC address, where there is one.
    pub(super) source: Option<MacAddr>,
    /// The receiver's; Linux's cooked frames lack it.
    pub(super) destination: Option<MacAddr>,
    /// VLAN identifiers, the outermost first.
    pub(super) vlans: Vec<u16>,
    /// EtherType of the payload.
    pub(super) ethertype: u16,
    /// The payload, padding included.
    pub(super) payload: &'a [u8],
}

/// Whether frames of this link type are read.
pub(super) fn is_known(link_type: u16) -> bool {
    matches!(link_type, ETHERNET | LINUX_SLL | LINUX_SLL2 | RAW | IPV4 | IPV6)
        || RAW_OTHERS.contains(&link_type)
}

impl<'a> Link<'a> {
    /// Reads a frame; `None` when its link layer is not known, or longer than the frame.
    pub(super) fn read(link_type: u16, frame: &'a [u8]) -> Option<Self> {
        let mut link = match link_type {
            ETHERNET => {
                let frame = Frame::parse(frame)?;
                Link {
                    source: Some(frame.source),
                    destination: Some(frame.destination),
                    vlans: Vec::new(),
                    ethertype: frame.ethertype,
                    payload: frame.payload,
                }
            }
            LINUX_SLL => {
                let (header, payload) = frame.split_first_chunk::<16>()?;
                let &[_, _, _, _, l0, l1, a0, a1, a2, a3, a4, a5, _, _, e0, e1] = header;
                let mac = ([l0, l1] == [0, 6]).then_some(MacAddr([a0, a1, a2, a3, a4, a5]));
                Link::cooked(mac, [e0, e1], payload)
            }
            LINUX_SLL2 => {
                let (header, payload) = frame.split_first_chunk::<20>()?;
                let &[e0, e1, _, _, _, _, _, _, _, _, _, len, a0, a1, a2, a3, a4, a5, _, _] =
                    header;
                let mac = (len == 6).then_some(MacAddr([a0, a1, a2, a3, a4, a5]));
                Link::cooked(mac, [e0, e1], payload)
            }
            _ if is_known(link_type) => {
                let ethertype = match frame.first()? >> 4 {
                    4 => ethernet::IPV4,
                    6 => ethernet::IPV6,
                    _ => return None,
                };
                Link { ethertype, ..Link::cooked(None, [0, 0], frame) }
            }
            _ => return None,
        };
        while TAGS.contains(&link.ethertype) {
            let (&[t0, t1, e0, e1], payload) = link.payload.split_first_chunk::<4>()?;
            link.vlans.push(u16::from_be_bytes([t0, t1]) & 0x0fff);
            link.ethertype = u16::from_be_bytes([e0, e1]);
            link.payload = payload;
        }
        Some(link)
    }

    fn cooked(source: Option<MacAddr>, ethertype: [u8; 2], payload: &'a [u8]) -> Self {
        let ethertype = u16::from_be_bytes(ethertype);
        Link { source, destination: None, vlans: Vec::new(), ethertype, payload }
    }
}
