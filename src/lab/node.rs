//! A machine on the segment.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{MsgFlags, SockaddrStorage, send};

use super::addresses::AddressWatch;
use super::capture::{Capture, packet_socket};
use super::fault::{Fault, Result};
use super::namespace::Namespace;
use super::netlink::Link;
use super::probe::Probe;
use super::process::Process;
use super::segment::{Hub, Segment};

/// A machine with one interface, `eth0`, on the segment.
#[derive(Debug)]
pub struct Node {
    number: u8,
    hub: Arc<Hub>,
    namespace: Arc<Namespace>,
}

impl Node {
    pub(super) fn new(number: u8, hub: Arc<Hub>) -> Result<Self> {
        let namespace = Arc::new(Namespace::new()?);
        let node = Node { number, hub, namespace };
        node.connect()?;
        Ok(node)
    }

    fn connect(&self) -> Result<()> {
        self.namespace.quieten()?;
        self.hub.connect(&self.port(), ("eth0", self.mac()), &self.namespace)?;
        self.namespace.enter(|| {
            let eth0 = Link::index("eth0")?;
            eth0.up()?;
            eth0.add_address(IpAddr::V4(self.ipv4()), 24)?;
            if std::path::Path::new("/proc/sys/net/ipv6").exists() {
                eth0.add_address(IpAddr::V6(self.ipv6()), 64)?;
            }
            Ok(())
        })?;
        self.wait_for_carrier("eth0", &self.hub, &self.port())
    }

    /// A further interface, `interface`, on another segment: with this node's MAC, and with
    /// `address` of a /24.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&self, segment: &Segment, interface: &str, address: Ipv4Addr) -> Result<()> {
        let port = format!("node{}", segment.hub.number()?);
        segment.hub.connect(&port, (interface, self.mac()), &self.namespace)?;
        self.namespace.enter(|| {
            let link = Link::index(interface)?;
            link.up()?;
            link.add_address(IpAddr::V4(address), 24)
        })?;
        self.wait_for_carrier(interface, &segment.hub, &port)
    }

    /// A link that has just been set up carries nothing until the kernel has noticed its peer.
    fn wait_for_carrier(&self, interface: &str, hub: &Hub, port: &str) -> Result<()> {
        let give_up = Clock::now() + Duration::from_secs(30);
        while !(self.namespace.enter(|| is_running(interface))?
            && hub.namespace.enter(|| is_running(port))?)
        {
            if Clock::now() > give_up {
                return Err(Fault::timeout(format!("the carrier of node {}", self.number)));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// 1 for the first node of the segment.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// `02:00:00:00:00:0N`.
    pub fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.number]
    }

    /// `10.99.0.N`.
    pub fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, 0, self.number)
    }

    /// `fd99::N` (the digits of N read as hexadecimal only below 10: node 16 is `fd99::10`).
    pub fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, u16::from(self.number))
    }

    /// `fe80::ff:fe00:N`, which the kernel makes of the MAC address.
    pub fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, u16::from(self.number))
    }

    /// The file by which other programs may enter its network namespace, as long as it exists:
    /// `nsenter --net=<path>`.
    pub fn net_path(&self) -> String {
        self.namespace.net_path()
    }

    fn port(&self) -> String {
        format!("node{}", self.number)
    }

    /// Starts a program here. Its output is kept in [`Process::output`]; its signal mask is empty
    /// and it does not belong to the terminal's foreground group. It dies with the thread that
    /// called this, or with the [`Process`]. The path of the program must be absolute, and
    /// `command` is good for one start only.
    ///
    /// # Errors
    /// When the program or a PID namespace cannot be had.
    pub fn spawn(&self, command: &mut Command) -> Result<Process> {
        Process::start(command, &self.namespace)
    }

    /// Pulls the cable: the carrier is gone on both sides.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn cut(&self) -> Result<()> {
        self.hub.on_port(&self.port(), Link::down)
    }

    /// Plugs it in again, and waits for the carrier.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn mend(&self) -> Result<()> {
        self.hub.on_port(&self.port(), Link::up)?;
        self.wait_for_carrier("eth0", &self.hub, &self.port())
    }

    /// Another machine takes this one's place: same number, MAC and addresses, nothing else left.
    /// Kill its processes first ([`Process::kill`]): they would go on in the old one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn replace(&mut self) -> Result<()> {
        self.hub.on_port(&self.port(), Link::delete)?;
        self.namespace = Arc::new(Namespace::new()?);
        self.connect()
    }

    /// Runs `work` in this node's namespaces, on a thread of its own.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.namespace.enter(work)
    }

    /// Writes a file as this node sees it: below `/run` it goes away with the node.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.enter(|| {
            let directory = std::path::Path::new(path).parent();
            directory
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(path, content))
                .map_err(|error| Fault::new(format!("write {path}"), error))
        })
    }

    /// Every address of every interface, as (interface, address).
    ///
    /// # Errors
    /// When the kernel does not list them.
    pub fn addresses(&self) -> Result<Vec<(String, IpAddr)>> {
        self.enter(|| {
            let list = getifaddrs().map_err(|error| Fault::new("list addresses", error))?;
            Ok(list.filter_map(|entry| Some((entry.interface_name, ip(entry.address?)?))).collect())
        })
    }

    /// Whether some interface carries `address` now.
    ///
    /// # Errors
    /// When the kernel does not list its addresses.
    pub fn has(&self, address: IpAddr) -> Result<bool> {
        Ok(self.addresses()?.iter().any(|(_, ip)| *ip == address))
    }

    /// Every change of its addresses from now on.
    ///
    /// # Errors
    /// When the kernel refuses the netlink socket.
    pub fn watch_addresses(&self) -> Result<AddressWatch> {
        AddressWatch::start(&self.namespace)
    }

    /// What one of its interfaces sends and receives from now on.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn capture(&self, interface: &str) -> Result<Capture> {
        Capture::start(&self.namespace, interface)
    }

    /// Asks `target` for an echo every `period` from now on.
    ///
    /// # Errors
    /// When the kernel refuses the raw socket.
    pub fn probe(&self, target: IpAddr, period: Duration) -> Result<Probe> {
        Probe::start(&self.namespace, target, period)
    }

    /// Sends frames as they are on `interface`.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn injector(&self, interface: &str) -> Result<Injector> {
        self.enter(|| packet_socket(interface)).map(Injector)
    }

    /// Sets `/proc/sys/net/<knob>` here, if this kernel has it.
    ///
    /// # Errors
    /// When the kernel refuses the value.
    pub fn set_sysctl(&self, knob: &str, value: &str) -> Result<()> {
        self.namespace.set_sysctl(knob, value)
    }

    /// A further interface, without a wire.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_dummy(&self, name: &str) -> Result<()> {
        self.enter(|| Link::add_dummy(name).map(|_| ()))
    }

    /// A further interface on `eth0`'s wire (macvlan, bridge mode).
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_macvlan(&self, name: &str) -> Result<()> {
        self.enter(|| Link::index("eth0")?.add_macvlan(name).map(|_| ()))
    }

    /// Removes an interface.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete_link(&self, name: &str) -> Result<()> {
        self.namespace.link(name).and_then(|link| self.enter(|| link.delete()))
    }

    /// Sets an interface up, as an administrator would.
    ///
    /// # Errors
    /// When there is none.
    pub fn set_up(&self, name: &str) -> Result<()> {
        self.enter(|| Link::index(name)?.up())
    }

    /// Sets an interface down, as an administrator would.
    ///
    /// # Errors
    /// When there is none.
    pub fn set_down(&self, name: &str) -> Result<()> {
        self.enter(|| Link::index(name)?.down())
    }

    /// Adds an address, as an administrator would.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_address(&self, interface: &str, address: IpAddr, prefix_len: u8) -> Result<()> {
        self.enter(|| Link::index(interface)?.add_address(address, prefix_len))
    }

    /// Adds a route by an interface to the main table, as an administrator would.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_route(&self, interface: &str, prefix: IpAddr, prefix_len: u8) -> Result<()> {
        self.enter(|| Link::index(interface)?.add_route(prefix, prefix_len))
    }

    /// Removes such a route.
    ///
    /// # Errors
    /// When it is not there.
    pub fn delete_route(&self, interface: &str, prefix: IpAddr, prefix_len: u8) -> Result<()> {
        self.enter(|| Link::index(interface)?.delete_route(prefix, prefix_len))
    }

    /// Removes an address, whoever added it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn delete_address(&self, interface: &str, address: IpAddr, prefix_len: u8) -> Result<()> {
        self.enter(|| Link::index(interface)?.delete_address(address, prefix_len))
    }
}

/// Sends frames as they are.
#[derive(Debug)]
pub struct Injector(OwnedFd);

impl Injector {
    /// Sends one Ethernet frame, header included.
    ///
    /// # Errors
    /// When the interface is down or its queue full.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.0.as_raw_fd(), frame, MsgFlags::empty())
            .map(|_| ())
            .map_err(|error| Fault::new("send a frame", error))
    }
}

fn ip(address: SockaddrStorage) -> Option<IpAddr> {
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Some(IpAddr::V4(v4.ip())),
        (None, Some(v6)) => Some(IpAddr::V6(v6.ip())),
        (None, None) => None,
    }
}

fn is_running(interface: &str) -> Result<bool> {
    let mut list = getifaddrs().map_err(|error| Fault::new("list interfaces", error))?;
    Ok(list.any(|entry| {
        entry.interface_name == interface && entry.flags.contains(InterfaceFlags::IFF_RUNNING)
    }))
}
