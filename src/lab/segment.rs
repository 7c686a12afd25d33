//! The wire: a bridge in a namespace of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::capture::Capture;
use super::fault::{Fault, Result};
use super::namespace::Namespace;
use super::netlink::Link;
use super::node::Node;

/// An Ethernet segment: what is sent by one [`Node`] of it reaches all others.
#[derive(Debug)]
pub struct Segment {
    pub(super) hub: Arc<Hub>,
}

/// What nodes share with their segment: whoever is dropped last takes it away.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) namespace: Namespace,
    bridge: Link,
    next: AtomicU8,
}

const BRIDGE: &str = "wire";

impl Segment {
    /// A segment without nodes.
    ///
    /// # Errors
    /// Names the privilege or the kernel's feature that is missing.
    pub fn new() -> Result<Self> {
        let namespace = Namespace::new()?;
        // The bridge itself says nothing.
        namespace.set_sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        let bridge = namespace.enter(|| {
            let bridge = Link::add_bridge(BRIDGE)?;
            // So that its packet tap shows what is forwarded, too.
            bridge.promiscuous()?;
            Ok(bridge)
        })?;
        Ok(Segment { hub: Arc::new(Hub { namespace, bridge, next: AtomicU8::new(1) }) })
    }

    /// One more node, with the next number: the first one is 1.
    ///
    /// # Errors
    /// When the kernel refuses, or at the 255th.
    pub fn node(&self) -> Result<Node> {
        Node::new(self.hub.number()?, Arc::clone(&self.hub))
    }

    /// The file by which other programs may enter the wire's network namespace, where the interface
    /// `wire` shows every frame.
    pub fn net_path(&self) -> String {
        self.hub.namespace.net_path()
    }

    /// Everything on the wire from now on, each frame once.
    ///
    /// # Errors
    /// When the kernel refuses the packet socket.
    pub fn capture(&self) -> Result<Capture> {
        Capture::start(&self.hub.namespace, BRIDGE)
    }
}

impl Hub {
    /// The number of the next node.
    pub(super) fn number(&self) -> Result<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number == u8::MAX {
            let full = std::io::Error::other("a segment holds 254 nodes");
            return Err(Fault::new("add a node", full));
        }
        Ok(number)
    }

    /// Connects a namespace: its end is called `interface` there, ours `port` here.
    pub(super) fn connect(
        &self,
        port: &str,
        (interface, mac): (&str, [u8; 6]),
        node: &Namespace,
    ) -> Result<()> {
        self.namespace
            .enter(|| Link::add_veth(port, self.bridge, interface, mac, node.net()).map(|_| ()))
    }

    pub(super) fn on_port<T: Send>(
        &self,
        port: &str,
        act: impl FnOnce(Link) -> Result<T> + Send,
    ) -> Result<T> {
        self.namespace.enter(|| act(Link::index(port)?))
    }
}
