//! The few rtnetlink requests that build a segment. They act in the namespace of the calling
//! thread.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

use super::fault::{Fault, Result};
use crate::addr::IfIndex;
use crate::wire::rtnl::{
    AF_INET, AF_INET6, Builder, IFA_ADDRESS, IFA_LOCAL, IFF_UP, IFLA_ADDRESS, IFLA_IFNAME,
    IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MASTER, IFLA_NET_NS_FD, NLM_F_ACK,
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, RTA_DST, RTA_OIF, RTM_DELADDR, RTM_DELLINK,
    RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWROUTE, RTN_UNICAST, VETH_INFO_PEER, ifinfomsg,
};

// linux/if_link.h and linux/if.h: what the daemon has no use for.
const IFLA_LINK: u16 = 5;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_MACVLAN_MODE: u16 = 1;
const MACVLAN_MODE_BRIDGE: u32 = 4;
const IFF_PROMISC: u32 = 0x100;
// linux/if_addr.h, as the octet in struct ifaddrmsg.
const IFA_F_NODAD: u8 = 2;

// linux/rtnetlink.h, as the octets in struct rtmsg.
const RTPROT_STATIC: u8 = 4;
const MAIN_TABLE: u8 = 254;

const CREATE: u16 = NLM_F_CREATE | NLM_F_EXCL;

/// A link in the namespace of the thread that looked it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link(IfIndex);

impl Link {
    /// The link called `name`.
    pub(super) fn index(name: &str) -> Result<Self> {
        if_nametoindex(name)
            .and_then(|index| IfIndex::new(index).ok_or(Errno::ENODEV))
            .map(Link)
            .map_err(|error| Fault::new(format!("find the link {name}"), error))
    }

    pub(super) fn up(self) -> Result<()> {
        self.set_flags(IFF_UP, IFF_UP, "set a link up")
    }

    pub(super) fn down(self) -> Result<()> {
        self.set_flags(0, IFF_UP, "set a link down")
    }

    /// Receives frames for everybody.
    pub(super) fn promiscuous(self) -> Result<()> {
        self.set_flags(IFF_PROMISC, IFF_PROMISC, "make a link promiscuous")
    }

    fn set_flags(self, flags: u32, mask: u32, doing: &str) -> Result<()> {
        request(doing, RTM_NEWLINK, 0, |request| {
            request.body(&ifinfomsg(Some(self.0), flags, mask));
        })
    }

    pub(super) fn delete(self) -> Result<()> {
        request("delete a link", RTM_DELLINK, 0, |request| {
            request.body(&ifinfomsg(Some(self.0), 0, 0));
        })
    }

    /// A bridge without multicast snooping, which would hold back adverts until it has learnt
    /// about groups.
    pub(super) fn add_bridge(name: &str) -> Result<Self> {
        create(
            name,
            "bridge",
            |_| {},
            |data| {
                data.attribute(IFLA_BR_MCAST_SNOOPING, &[0]);
            },
        )
        .map_err(|fault| {
            fault.with_cure("The kernel needs bridges (CONFIG_BRIDGE): modprobe bridge, as root.")
        })
    }

    /// A pair of virtual Ethernet links: `name` here, on bridge `master`; `peer` with hardware
    /// address `mac` in the namespace `other`.
    pub(super) fn add_veth(
        name: &str,
        master: Link,
        peer: &str,
        mac: [u8; 6],
        other: BorrowedFd<'_>,
    ) -> Result<Self> {
        let other = u32::try_from(other.as_raw_fd()).unwrap_or(u32::MAX);
        let on_bridge = |link: &mut Builder<'_>| {
            link.number(IFLA_MASTER, master.0.get());
        };
        create(name, "veth", on_bridge, |data| {
            data.nested(VETH_INFO_PEER, |pair| {
                pair.body(&ifinfomsg(None, 0, 0))
                    .text(IFLA_IFNAME, peer)
                    .attribute(IFLA_ADDRESS, &mac)
                    .number(IFLA_NET_NS_FD, other);
            });
        })
        .map_err(|fault| {
            fault.with_cure("The kernel needs veth (CONFIG_VETH): modprobe veth, as root.")
        })
    }

    /// A link without a wire: carries addresses, swallows packets.
    pub(super) fn add_dummy(name: &str) -> Result<Self> {
        create(name, "dummy", |_| {}, |_| {}).map_err(|fault| {
            fault.with_cure("The kernel needs dummy links (CONFIG_DUMMY): modprobe dummy, as root.")
        })
    }

    /// A second interface on the wire of this one.
    pub(super) fn add_macvlan(self, name: &str) -> Result<Self> {
        let on_wire = |link: &mut Builder<'_>| {
            link.number(IFLA_LINK, self.0.get());
        };
        create(name, "macvlan", on_wire, |data| {
            data.number(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
        })
    }

    pub(super) fn add_address(self, address: IpAddr, prefix_len: u8) -> Result<()> {
        self.change_address(RTM_NEWADDR, CREATE, "add", address, prefix_len)
    }

    pub(super) fn delete_address(self, address: IpAddr, prefix_len: u8) -> Result<()> {
        self.change_address(RTM_DELADDR, 0, "delete", address, prefix_len)
    }

    /// An ordinary route to a prefix of the main table, by this link.
    pub(super) fn add_route(self, prefix: IpAddr, prefix_len: u8) -> Result<()> {
        self.change_route(RTM_NEWROUTE, CREATE, "add", prefix, prefix_len)
    }

    pub(super) fn delete_route(self, prefix: IpAddr, prefix_len: u8) -> Result<()> {
        self.change_route(RTM_DELROUTE, 0, "delete", prefix, prefix_len)
    }

    fn change_route(
        self,
        kind: u16,
        flags: u16,
        doing: &str,
        prefix: IpAddr,
        prefix_len: u8,
    ) -> Result<()> {
        let doing = format!("{doing} the route to {prefix}/{prefix_len}");
        request(&doing, kind, flags, |request| {
            let body = |family| {
                let body = [family, prefix_len, 0, 0, MAIN_TABLE, RTPROT_STATIC, 0, RTN_UNICAST];
                [&body[..], &[0; 4]].concat()
            };
            match prefix {
                IpAddr::V4(ip) => request.body(&body(AF_INET)).attribute(RTA_DST, &ip.octets()),
                IpAddr::V6(ip) => request.body(&body(AF_INET6)).attribute(RTA_DST, &ip.octets()),
            };
            request.number(RTA_OIF, self.0.get());
        })
    }

    fn change_address(
        self,
        kind: u16,
        flags: u16,
        doing: &str,
        address: IpAddr,
        prefix_len: u8,
    ) -> Result<()> {
        let [i, j, k, l] = self.0.get().to_ne_bytes();
        request(&format!("{doing} the address {address}"), kind, flags, |request| match address {
            IpAddr::V4(ip) => {
                request
                    .body(&[AF_INET, prefix_len, 0, 0, i, j, k, l])
                    .attribute(IFA_LOCAL, &ip.octets())
                    .attribute(IFA_ADDRESS, &ip.octets());
            }
            IpAddr::V6(ip) => {
                request
                    .body(&[AF_INET6, prefix_len, IFA_F_NODAD, 0, i, j, k, l])
                    .attribute(IFA_ADDRESS, &ip.octets());
            }
        })
    }
}

/// Creates a link that is up: `attributes` of its own, and `data` for its kind.
fn create(
    name: &str,
    kind: &str,
    attributes: impl FnOnce(&mut Builder<'_>),
    data: impl FnOnce(&mut Builder<'_>),
) -> Result<Link> {
    request(&format!("create a {kind} link"), RTM_NEWLINK, CREATE, |request| {
        request.body(&ifinfomsg(None, IFF_UP, IFF_UP)).text(IFLA_IFNAME, name);
        attributes(request);
        request.nested(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_KIND, kind).nested(IFLA_INFO_DATA, data);
        });
    })?;
    Link::index(name)
}

/// Sends one request and waits for the kernel's answer. `doing` completes "cannot …".
fn request(doing: &str, kind: u16, flags: u16, fill: impl FnOnce(&mut Builder<'_>)) -> Result<()> {
    let mut buffer = [0; 512];
    let mut builder = Builder::new(&mut buffer, kind, flags | NLM_F_REQUEST | NLM_F_ACK, 0);
    fill(&mut builder);
    let len = builder.finish().unwrap_or(0);
    transact(buffer.get(..len).unwrap_or(&[])).map_err(|error| Fault::new(doing, error))
}

fn transact(message: &[u8]) -> nix::Result<()> {
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    sendto(netlink.as_raw_fd(), message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 4096];
    let len = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // struct nlmsgerr behind the header: 0 or the negative errno.
    match answer.get(..len).and_then(|answer| answer.get(16..20)?.as_array()) {
        Some(errno) => match i32::from_ne_bytes(*errno) {
            0 => Ok(()),
            errno => Err(Errno::from_raw(errno.saturating_neg())),
        },
        None => Err(Errno::EBADMSG),
    }
}
