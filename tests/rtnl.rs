//! What `wire::rtnl` asks of the running kernel, and how it reads the answers, in a network
//! namespace of each test's own. The C library's getifaddrs and /proc are the other opinions.
#![cfg(test)]

use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrLike, bind,
    recv, send, setsockopt, socket,
};
use nix::sys::time::TimeVal;

use ringward::addr::{IfIndex, MacAddr};
use ringward::wire::rtnl::*;

/// The groups of links, IPv4 addresses and IPv6 addresses (RTMGRP_LINK and so on).
const NEWS: u32 = 0x1 | 0x10 | 0x100;

const MAC_A: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
const MAC_B: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);

/// Runs `work` on a thread of its own in an empty network namespace, with a veth pair a and b, both
/// up, and a socket that hears no news of how they came.
fn in_namespace(work: impl FnOnce(&mut Kernel) + Send) {
    thread::scope(|scope| {
        scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .unwrap_or_else(|error| panic!("a network namespace: {error}; run as root"));
            let mut news = Kernel::new(NEWS);
            Kernel::new(0).add_pair();
            // The kernel looks at carriers when it finds the time.
            let mut awaited = vec!["a", "b"];
            news.read("two carriers", |item| {
                if let Message::Link(link) = item.message
                    && link.running
                {
                    awaited.retain(|name| *name != link.name);
                }
                awaited.is_empty()
            });
            work(&mut Kernel::new(NEWS));
        });
    });
}

/// A netlink socket.
struct Kernel {
    socket: OwnedFd,
    sequence: u32,
}

impl Kernel {
    fn new(groups: u32) -> Self {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .unwrap();
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).unwrap();
        // Long enough for a machine that is busy with other things.
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(20, 0)).unwrap();
        Kernel { socket, sequence: 0 }
    }

    /// Sends what `emit` writes for a sequence number and returns that number.
    fn send(&mut self, emit: impl FnOnce(u32, &mut [u8]) -> Option<usize>) -> u32 {
        self.sequence += 1;
        let mut buffer = [0xa5; 1024];
        let len = emit(self.sequence, &mut buffer).unwrap();
        let sent = send(self.socket.as_raw_fd(), &buffer[..len], MsgFlags::empty());
        assert_eq!(sent, Ok(len));
        self.sequence
    }

    /// Reads datagrams and hands each message to `see`, until it says that it has seen enough.
    fn read(&mut self, what: &str, mut see: impl FnMut(Item<'_>) -> bool) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let len = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
                .unwrap_or_else(|error| panic!("waited for {what}: {error}"));
            let mut is_enough = false;
            for item in messages(&buffer[..len]) {
                is_enough |= see(item.expect("the kernel's message is malformed"));
            }
            if is_enough {
                return;
            }
        }
    }

    /// Sends what `emit` writes and returns the errno of the kernel's answer.
    fn ask(&mut self, emit: impl FnOnce(u32, &mut [u8]) -> Option<usize>) -> i32 {
        let asked = self.send(emit);
        let mut answer = None;
        self.read("an acknowledgement", |item| {
            if let Message::Ack { sequence, errno } = item.message {
                assert_eq!((sequence, item.sequence), (asked, asked));
                answer = Some(errno);
            }
            answer.is_some()
        });
        answer.unwrap()
    }

    fn address(&mut self, request: AddressRequest<'_>) -> i32 {
        self.ask(|sequence, buffer| emit_address(&request, sequence, buffer))
    }

    fn addresses(&mut self) -> Vec<Address> {
        let asked = self.send(|sequence, buffer| emit_dump(Dump::Addresses, sequence, buffer));
        let mut addresses = Vec::new();
        self.read("a dump of addresses", |item| match item.message {
            Message::Address(address) if item.sequence == asked => {
                addresses.push(address);
                false
            }
            Message::Done { sequence, errno } => {
                assert_eq!((sequence, errno, item.interrupted), (asked, 0, false));
                true
            }
            Message::Address(_)
            | Message::Link(_)
            | Message::LinkGone { .. }
            | Message::Ack { .. }
            | Message::Route(_)
            | Message::Overrun
            | Message::Other(_) => false,
        });
        addresses
    }

    fn find(&mut self, ip: IpAddr) -> Option<Address> {
        let mut found = self.addresses().into_iter().filter(|address| address.ip == ip);
        let first = found.next();
        assert_eq!(found.next(), None, "{ip} is there twice");
        first
    }

    fn add_pair(&mut self) {
        let errno = self.ask(|sequence, buffer| {
            let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
            Builder::new(buffer, RTM_NEWLINK, flags, sequence)
                .body(&ifinfomsg(None, IFF_UP, IFF_UP))
                .text(IFLA_IFNAME, "a")
                .attribute(IFLA_ADDRESS, &MAC_A.0)
                .number(IFLA_MTU, 1400)
                .nested(IFLA_LINKINFO, |info| {
                    info.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, |data| {
                        data.nested(VETH_INFO_PEER, |peer| {
                            peer.body(&ifinfomsg(None, 0, 0))
                                .text(IFLA_IFNAME, "b")
                                .attribute(IFLA_ADDRESS, &MAC_B.0);
                        });
                    });
                })
                .finish()
        });
        assert_eq!(errno, 0, "the pair was refused");
        assert_eq!(self.switch("b", true), 0);
    }

    fn switch(&mut self, name: &str, on: bool) -> i32 {
        let flags = if on { IFF_UP } else { 0 };
        self.ask(|sequence, buffer| {
            Builder::new(buffer, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence)
                .body(&ifinfomsg(Some(index(name)), flags, IFF_UP))
                .finish()
        })
    }
}

fn index(name: &str) -> IfIndex {
    IfIndex::new(if_nametoindex(name).unwrap()).unwrap()
}

fn request(ip: &str, prefix_len: u8) -> AddressRequest<'_> {
    AddressRequest {
        add: true,
        index: index("a"),
        ip: ip.parse().unwrap(),
        prefix_len,
        label: "",
        lifetime_secs: None,
        proto: 0,
    }
}

fn errno(errno: Errno) -> i32 {
    errno as i32
}

/// The names under which getifaddrs lists `ip`: of IPv4, the label.
fn listed(ip: IpAddr) -> Vec<String> {
    let is_it = |address: &nix::sys::socket::SockaddrStorage| match address.family() {
        Some(AddressFamily::Inet) => {
            address.as_sockaddr_in().is_some_and(|other| IpAddr::V4(other.ip()) == ip)
        }
        Some(AddressFamily::Inet6) => {
            address.as_sockaddr_in6().is_some_and(|other| IpAddr::V6(other.ip()) == ip)
        }
        _ => false,
    };
    getifaddrs()
        .unwrap()
        .filter(|entry| entry.address.as_ref().is_some_and(is_it))
        .map(|entry| entry.interface_name)
        .collect()
}

/// The prefix length and flags of `ip` in /proc/net/if_inet6.
fn proc_ipv6(ip: &str) -> Option<(u8, u32)> {
    let ip: std::net::Ipv6Addr = ip.parse().unwrap();
    let wanted: String = ip.octets().iter().map(|octet| format!("{octet:02x}")).collect();
    let table = fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
    let line = table.lines().find(|line| line.starts_with(&wanted))?;
    let field = |at| u32::from_str_radix(line.split_whitespace().nth(at).unwrap(), 16).unwrap();
    Some((u8::try_from(field(2)).unwrap(), field(4)))
}

#[test]
fn a_dump_of_links_holds_what_was_made() {
    in_namespace(|kernel| {
        let asked = kernel.send(|sequence, buffer| emit_dump(Dump::Links, sequence, buffer));
        let mut seen = Vec::new();
        kernel.read("a dump of links", |item| {
            // Late news of a carrier, which answers nobody, may come in between.
            if let Message::Link(link) = item.message
                && item.sequence == asked
            {
                let flags = (link.up, link.running, link.loopback, link.multicast);
                seen.push((link.name.to_owned(), link.index, link.mac, link.mtu, flags));
            }
            matches!(item.message, Message::Done { sequence, errno: 0 } if sequence == asked)
        });
        seen.sort();
        let running = (true, true, false, true);
        assert_eq!(
            seen,
            [
                ("a".to_owned(), index("a"), Some(MAC_A), 1400, running),
                ("b".to_owned(), index("b"), Some(MAC_B), 1500, running),
                // A new namespace's loopback is down.
                (
                    "lo".to_owned(),
                    index("lo"),
                    Some(MacAddr([0; 6])),
                    65_536,
                    (false, false, true, false)
                ),
            ]
        );
    });
}

#[test]
fn a_carrier_is_seen_to_go_and_to_come() {
    in_namespace(|kernel| {
        let mut other = Kernel::new(0);
        for is_running in [false, true] {
            assert_eq!(other.switch("b", is_running), 0);
            kernel.read("the carrier of a", |item| {
                let Message::Link(link) = item.message else { return false };
                link.index == index("a") && link.up && link.running == is_running
            });
        }
    });
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_gone_and_a_deleted_link_is() {
    in_namespace(|kernel| {
        let mut other = Kernel::new(0);
        let flags = NLM_F_REQUEST | NLM_F_ACK;
        let added = other.ask(|sequence, buffer| {
            Builder::new(buffer, RTM_NEWLINK, flags | NLM_F_CREATE, sequence)
                .body(&ifinfomsg(None, 0, 0))
                .text(IFLA_IFNAME, "bridge")
                .nested(IFLA_LINKINFO, |info| {
                    info.text(IFLA_INFO_KIND, "bridge");
                })
                .finish()
        });
        assert_eq!(added, 0, "the bridge was refused");
        let (a, bridge) = (index("a"), index("bridge"));
        for master in [bridge.get(), 0] {
            let set = other.ask(|sequence, buffer| {
                Builder::new(buffer, RTM_NEWLINK, flags, sequence)
                    .body(&ifinfomsg(Some(a), 0, 0))
                    .number(IFLA_MASTER, master)
                    .finish()
            });
            assert_eq!(set, 0, "the port was refused");
        }
        for gone in [bridge, a] {
            let deleted = other.ask(|sequence, buffer| {
                Builder::new(buffer, RTM_DELLINK, flags, sequence)
                    .body(&ifinfomsg(Some(gone), 0, 0))
                    .finish()
            });
            assert_eq!(deleted, 0);
        }
        let (mut gone, mut strangers) = (Vec::new(), 0);
        kernel.read("the end of a", |item| {
            match item.message {
                Message::LinkGone { index } => gone.push(index),
                Message::Other(RTM_DELLINK) => strangers += 1,
                Message::Link(_)
                | Message::Address(_)
                | Message::Ack { .. }
                | Message::Done { .. }
                | Message::Route(_)
                | Message::Overrun
                | Message::Other(_) => {}
            }
            gone.contains(&a)
        });
        // b goes with a, before or after it.
        assert_eq!(gone.iter().filter(|index| **index == bridge || **index == a).count(), 2);
        assert_eq!(strangers, 1, "the bridge's word that its port left");
    });
}

#[test]
fn an_ipv4_address_comes_and_goes() {
    in_namespace(|kernel| {
        let request = AddressRequest { label: "a:vip", proto: 217, ..request("10.1.1.1", 32) };
        assert_eq!(kernel.address(request), 0);
        let expected = Address {
            present: true,
            index: index("a"),
            ip: request.ip,
            prefix_len: 32,
            flags: 0x80, // permanent
            scope: 0,
            proto: 217,
        };
        assert_eq!(kernel.find(request.ip), Some(expected));
        assert_eq!(listed(request.ip), ["a:vip"]);

        let removal = AddressRequest { add: false, ..request };
        assert_eq!(kernel.address(removal), 0);
        assert_eq!(kernel.find(request.ip), None);
        assert_eq!(listed(request.ip), [""; 0]);
        assert_eq!(kernel.address(removal), errno(Errno::EADDRNOTAVAIL));
    });
}

#[test]
fn an_ipv6_host_address_is_usable_at_once_and_deprecated() {
    in_namespace(|kernel| {
        let request = AddressRequest { proto: 217, ..request("fd99::200:1", 128) };
        assert_eq!(kernel.address(request), 0);
        // Permanent, deprecated, without detection; never tentative.
        assert_eq!(proc_ipv6("fd99::200:1"), Some((128, 0xa2)));
        let address = kernel.find(request.ip).unwrap();
        assert!(address.is_deprecated() && !address.is_tentative());
        assert_eq!((address.flags, address.proto), (0xa2, 217));

        assert_eq!(kernel.address(AddressRequest { add: false, ..request }), 0);
        assert_eq!(proc_ipv6("fd99::200:1"), None);
    });
}

#[test]
fn an_ipv6_address_with_a_subnet_is_not_deprecated() {
    in_namespace(|kernel| {
        assert_eq!(kernel.address(request("fd99::200:1", 64)), 0);
        assert_eq!(proc_ipv6("fd99::200:1"), Some((64, 0x82)));
    });
}

#[test]
fn a_lease_is_not_permanent_and_can_be_renewed_and_made_permanent() {
    in_namespace(|kernel| {
        for (ip, prefix_len, leased, kept) in [
            ("10.1.1.1", 32, 0, 0x80),
            ("10.2.1.1", 24, 0, 0x80),
            ("fd99::200:1", 128, 0x22, 0xa2),
            ("fd99::200:2", 64, 0x02, 0x82),
        ] {
            let permanent = request(ip, prefix_len);
            let lease = AddressRequest { lifetime_secs: Some(1000), ..permanent };
            for (request, flags) in [(lease, leased), (lease, leased), (permanent, kept)] {
                assert_eq!(kernel.address(request), 0, "{request:?}");
                assert_eq!(kernel.find(request.ip).unwrap().flags, flags, "{request:?}");
            }
        }
        assert_eq!(proc_ipv6("fd99::200:1"), Some((128, 0xa2)));
        assert_eq!(proc_ipv6("fd99::200:2"), Some((64, 0x82)));
    });
}

#[test]
fn a_lease_that_is_not_renewed_expires() {
    in_namespace(|kernel| {
        let mut other = Kernel::new(0);
        for (ip, prefix_len) in [("10.1.1.1", 32), ("fd99::200:1", 128)] {
            let lease = AddressRequest { lifetime_secs: Some(1), ..request(ip, prefix_len) };
            assert_eq!(other.address(lease), 0);
            kernel.read("the end of the lease", |item| {
                let Message::Address(address) = item.message else { return false };
                address.ip == lease.ip && !address.present
            });
            assert_eq!(listed(lease.ip), [""; 0]);
        }
    });
}

#[test]
fn a_refusal_is_an_errno() {
    in_namespace(|kernel| {
        let nowhere =
            AddressRequest { index: IfIndex::new(999).unwrap(), ..request("10.1.1.1", 32) };
        assert_eq!(kernel.address(nowhere), errno(Errno::ENODEV));
        let longest = AddressRequest { label: "a:0123456789012", ..request("10.1.1.1", 32) };
        assert_eq!(kernel.address(longest), 0, "15 octets of label");
        assert_eq!(listed(longest.ip), ["a:0123456789012"]);
    });
}
