//! The few rtnetlink requests that build a segment. They act in the namespace of the calling
//! thread.

use std::io::IoSlice;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendmsg, socket,
};

use super::fault::{Fault, Result};

// linux/veth.h and linux/if_link.h.
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_MACVLAN_MODE: u16 = 1;
const MACVLAN_MODE_BRIDGE: u32 = 4;

/// A link in the namespace of the thread that looked it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link(u32);

impl Link {
    /// The link called `name`.
    pub(super) fn index(name: &str) -> Result<Self> {
        if_nametoindex(name)
            .map(Link)
            .map_err(|error| Fault::new(format!("find the link {name}"), error))
    }

    pub(super) fn up(self) -> Result<()> {
        self.set_flags(libc::IFF_UP, libc::IFF_UP, "set a link up")
    }

    pub(super) fn down(self) -> Result<()> {
        self.set_flags(0, libc::IFF_UP, "set a link down")
    }

    /// Receives frames for everybody.
    pub(super) fn promiscuous(self) -> Result<()> {
        self.set_flags(libc::IFF_PROMISC, libc::IFF_PROMISC, "make a link promiscuous")
    }

    fn set_flags(self, flags: i32, mask: i32, doing: &str) -> Result<()> {
        Request::new(libc::RTM_NEWLINK, 0, &interface_header(self.0, flags, mask)).send(doing)
    }

    pub(super) fn delete(self) -> Result<()> {
        Request::new(libc::RTM_DELLINK, 0, &interface_header(self.0, 0, 0)).send("delete a link")
    }

    /// A bridge without multicast snooping, which would hold back adverts until it has learnt
    /// about groups.
    pub(super) fn add_bridge(name: &str) -> Result<Self> {
        let header = interface_header(0, libc::IFF_UP, libc::IFF_UP);
        Request::create(libc::RTM_NEWLINK, &header)
            .text(libc::IFLA_IFNAME, name)
            .kind("bridge", |data| data.attribute(IFLA_BR_MCAST_SNOOPING, &[0]))
            .send("create a bridge")
            .map_err(|fault| {
                fault.with_cure(
                    "The kernel needs bridges (CONFIG_BRIDGE): modprobe bridge, as root.",
                )
            })?;
        Link::index(name)
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
        let other = u32::try_from(other.as_raw_fd()).unwrap_or(0);
        let header = interface_header(0, libc::IFF_UP, libc::IFF_UP);
        Request::create(libc::RTM_NEWLINK, &header)
            .text(libc::IFLA_IFNAME, name)
            .attribute(libc::IFLA_MASTER, &master.0.to_ne_bytes())
            .kind("veth", |data| {
                data.nested(VETH_INFO_PEER, |pair| {
                    pair.raw(&interface_header(0, 0, 0))
                        .text(libc::IFLA_IFNAME, peer)
                        .attribute(libc::IFLA_ADDRESS, &mac)
                        .attribute(libc::IFLA_NET_NS_FD, &other.to_ne_bytes())
                })
            })
            .send("create a veth pair")
            .map_err(|fault| {
                fault.with_cure("The kernel needs veth (CONFIG_VETH): modprobe veth, as root.")
            })?;
        Link::index(name)
    }

    /// A link without a wire: carries addresses, swallows packets.
    pub(super) fn add_dummy(name: &str) -> Result<Self> {
        let header = interface_header(0, libc::IFF_UP, libc::IFF_UP);
        Request::create(libc::RTM_NEWLINK, &header)
            .text(libc::IFLA_IFNAME, name)
            .kind("dummy", |data| data)
            .send("create a dummy link")
            .map_err(|fault| {
                fault.with_cure(
                    "The kernel needs dummy links (CONFIG_DUMMY): modprobe dummy, as root.",
                )
            })?;
        Link::index(name)
    }

    /// A second interface on the wire of this one.
    pub(super) fn add_macvlan(self, name: &str) -> Result<Self> {
        let header = interface_header(0, libc::IFF_UP, libc::IFF_UP);
        Request::create(libc::RTM_NEWLINK, &header)
            .text(libc::IFLA_IFNAME, name)
            .attribute(libc::IFLA_LINK, &self.0.to_ne_bytes())
            .kind("macvlan", |data| {
                data.attribute(IFLA_MACVLAN_MODE, &MACVLAN_MODE_BRIDGE.to_ne_bytes())
            })
            .send("create a macvlan link")?;
        Link::index(name)
    }

    pub(super) fn add_address(self, address: IpAddr, prefix_len: u8) -> Result<()> {
        Request::create(libc::RTM_NEWADDR, &self.address_header(address, prefix_len))
            .address(address)
            .send(&format!("add the address {address}"))
    }

    pub(super) fn delete_address(self, address: IpAddr, prefix_len: u8) -> Result<()> {
        Request::new(libc::RTM_DELADDR, 0, &self.address_header(address, prefix_len))
            .address(address)
            .send(&format!("delete the address {address}"))
    }

    /// struct ifaddrmsg (linux/if_addr.h).
    fn address_header(self, address: IpAddr, prefix_len: u8) -> [u8; 8] {
        let (family, flags) = match address {
            IpAddr::V4(_) => (2, 0),
            // IFA_F_NODAD.
            IpAddr::V6(_) => (10, 2),
        };
        let [a, b, c, d] = self.0.to_ne_bytes();
        [family, prefix_len, flags, 0, a, b, c, d]
    }
}

/// struct ifinfomsg (linux/rtnetlink.h).
fn interface_header(index: u32, flags: i32, mask: i32) -> [u8; 16] {
    let mut header = [0; 16];
    let (_, rest) = header.split_at_mut(4);
    for (field, value) in
        rest.chunks_exact_mut(4).zip([index.to_ne_bytes(), flags.to_ne_bytes(), mask.to_ne_bytes()])
    {
        field.copy_from_slice(&value);
    }
    header
}

/// One message under construction.
struct Request {
    kind: u16,
    flags: i32,
    body: Vec<u8>,
}

impl Request {
    fn new(kind: u16, flags: i32, header: &[u8]) -> Self {
        Request { kind, flags, body: header.to_vec() }
    }

    fn create(kind: u16, header: &[u8]) -> Self {
        Request::new(kind, libc::NLM_F_CREATE | libc::NLM_F_EXCL, header)
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.body.extend_from_slice(&len.to_ne_bytes());
        self.body.extend_from_slice(&kind.to_ne_bytes());
        self.body.extend_from_slice(value);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    fn text(self, kind: u16, value: &str) -> Self {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat())
    }

    fn nested(self, kind: u16, fill: impl FnOnce(Request) -> Request) -> Self {
        let inner = fill(Request::new(0, 0, &[]));
        self.attribute(kind, &inner.body)
    }

    /// IFLA_LINKINFO: what kind of link, and what that kind wants to know.
    fn kind(self, name: &str, data: impl FnOnce(Request) -> Request) -> Self {
        self.nested(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, name).nested(libc::IFLA_INFO_DATA, data)
        })
    }

    fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self
                .attribute(libc::IFA_LOCAL, &address.octets())
                .attribute(libc::IFA_ADDRESS, &address.octets()),
            IpAddr::V6(address) => self.attribute(libc::IFA_ADDRESS, &address.octets()),
        }
    }

    /// Sends it and waits for the kernel's answer. `doing` completes "cannot …".
    fn send(self, doing: &str) -> Result<()> {
        self.transact().map_err(|error| Fault::new(doing, error))
    }

    fn transact(self) -> nix::Result<()> {
        let netlink = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        let flags = self.flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        let len = u32::try_from(16 + self.body.len()).map_err(|_| Errno::EMSGSIZE)?;
        let flags = u16::try_from(flags).map_err(|_| Errno::EINVAL)?;
        // struct nlmsghdr: length, type, flags, sequence, port.
        let mut message = Vec::with_capacity(16 + self.body.len());
        message.extend_from_slice(&len.to_ne_bytes());
        message.extend_from_slice(&self.kind.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&[0; 8]);
        message.extend_from_slice(&self.body);
        let kernel = NetlinkAddr::new(0, 0);
        sendmsg(
            netlink.as_raw_fd(),
            &[IoSlice::new(&message)],
            &[],
            MsgFlags::empty(),
            Some(&kernel),
        )?;
        let mut answer = [0; 4096];
        let len = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        // struct nlmsgerr behind the header: 0 or the negative errno.
        match answer.get(..len).and_then(|answer| answer.get(16..20)?.try_into().ok()) {
            Some(errno) => match i32::from_ne_bytes(errno) {
                0 => Ok(()),
                errno => Err(Errno::from_raw(errno.saturating_neg())),
            },
            None => Err(Errno::EBADMSG),
        }
    }
}
