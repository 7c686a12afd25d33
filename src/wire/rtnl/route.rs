//! Routes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::abi::*;
use super::message::{Attributes, Malformed, Message, cut, parse_ip, parse_number};
use crate::addr::{Family, IfIndex};

/// A route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route<'a> {
    /// It exists; otherwise it is gone.
    pub present: bool,
    /// The prefix that it leads to.
    pub ip: IpAddr,
    /// Its length, at most 32 or 128.
    pub prefix_len: u8,
    /// The table that it is in.
    pub table: u32,
    /// RTN_*: 1 is an ordinary route.
    pub kind: u8,
    /// RTNH_F_* of its only next hop, and RTM_F_* of itself.
    pub flags: u32,
    /// The interface of its only next hop.
    pub interface: Option<IfIndex>,
    /// Several next hops, as the kernel has them: see [`Route::is_usable`].
    hops: &'a [u8],
}

impl Route<'_> {
    /// Whether packets can leave by it, by this interface if one is meant: it is an ordinary route of
    /// the main table, and a next hop's interface is up and has carrier.
    pub fn is_usable(&self, by: Option<IfIndex>) -> bool {
        let is_wanted = |index: Option<IfIndex>, flags: u32| {
            flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) == 0 && (by.is_none() || by == index)
        };
        if self.table != RT_TABLE_MAIN || self.kind != RTN_UNICAST || self.flags & RTM_F_CLONED != 0
        {
            return false;
        }
        if self.hops.is_empty() {
            return is_wanted(self.interface, self.flags);
        }
        // struct rtnexthop: length of it and its attributes, u16; flags, weight, index.
        let mut rest = self.hops;
        while let Ok(hop) = cut(&mut rest, 8, |len: &[u8; 2]| u16::from_ne_bytes(*len)) {
            let Some(&[_, _, flags, _, i0, i1, i2, i3]) = hop.first_chunk() else { break };
            let index = IfIndex::new(u32::from_ne_bytes([i0, i1, i2, i3]));
            if is_wanted(index, u32::from(flags)) {
                return true;
            }
        }
        false
    }
}

pub(super) fn parse_route(kind: u16, body: &[u8]) -> Result<Message<'_>, Malformed> {
    let (header, attributes) = body.split_first_chunk::<12>().ok_or(Malformed)?;
    let &[family, prefix_len, _, _, table, _, _, kind_of_route, f0, f1, f2, f3] = header;
    let (family, any) = match family {
        AF_INET => (Family::V4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        AF_INET6 => (Family::V6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => return Ok(Message::Other(kind)),
    };
    if prefix_len > family.host_len() {
        return Err(Malformed);
    }
    let mut route = Route {
        present: kind == RTM_NEWROUTE,
        ip: any,
        prefix_len,
        table: u32::from(table),
        kind: kind_of_route,
        flags: u32::from_ne_bytes([f0, f1, f2, f3]),
        interface: None,
        hops: &[],
    };
    for attribute in Attributes(attributes) {
        let (kind_of_value, value) = attribute?;
        match kind_of_value {
            RTA_DST => route.ip = parse_ip(family, value)?,
            RTA_OIF => route.interface = IfIndex::new(parse_number(value)?),
            RTA_TABLE => route.table = parse_number(value)?,
            RTA_MULTIPATH => route.hops = value,
            _ => {}
        }
    }
    Ok(Message::Route(route))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::super::messages;
    use super::*;
    use crate::wire::octets::hex;

    // RTM_NEWROUTE of Linux 6.18 on x86-64, in a network namespace with a veth pair eth0 (3) and eth1
    // (2); the last one was sent when a route was removed.
    const DEFAULT: &str = "34000000 1800 0200 07000000 134b0000
        02000000fe030001 00000000 08000f00fe000000 080005000a000001 0800040003000000";
    const DEFAULT_LINKDOWN: &str = "34000000 1800 0200 07000000 134b0000
        02000000fe030001 10000000 08000f00fe000000 080005000a000001 0800040003000000";
    const MULTIPATH: &str = "40000000 1800 0200 07000000 134b0000
        02000000fe030001 00000000 08000f00fe000000
        1c000900 1000000003000000 080005000a000001 0800000102000000";
    const MULTIPATH_LINKDOWN: &str = "40000000 1800 0200 07000000 134b0000
        02000000fe030001 10000000 08000f00fe000000
        1c000900 1000100003000000 080005000a000001 0800110102000000";
    const BLACKHOLE: &str = "2c000000 1800 0200 07000000 134b0000
        02100000fe030006 00000000 08000f00fe000000 080001000a090000";
    const V6: &str = "88000000 1800 0200 07000000 134b0000
        0a300000fe030001 00000000 08000f00fe000000 1400010020010db8000100000000000000000000
        0800060000040000 1400050020010db8000000000000000000000001 0800040003000000
        24000c00 0000000000000000000000000000000000000000000000000000000000000000 0500140000000000";
    const GONE: &str = "2c000000 1900 0000 8a4a026b 574b0000
        02100000fe030006 00000000 08000f00fe000000 080001000a090000";

    fn index(number: u32) -> IfIndex {
        IfIndex::new(number).unwrap()
    }

    #[track_caller]
    fn with_route(text: &str, look: impl FnOnce(Route<'_>)) {
        let octets = hex(text);
        let item = messages(&octets).next().unwrap().unwrap();
        let Message::Route(route) = item.message else { panic!("{item:?}") };
        look(route);
    }

    #[test]
    fn a_route_has_a_prefix_and_an_interface() {
        for (text, present, ip, prefix_len, interface) in [
            (DEFAULT, true, "0.0.0.0", 0, Some(index(3))),
            (BLACKHOLE, true, "10.9.0.0", 16, None),
            (GONE, false, "10.9.0.0", 16, None),
            (V6, true, "2001:db8:1::", 48, Some(index(3))),
            (MULTIPATH, true, "0.0.0.0", 0, None),
        ] {
            with_route(text, |route| {
                let ip: IpAddr = ip.parse().unwrap();
                assert_eq!((route.present, route.ip, route.prefix_len), (present, ip, prefix_len));
                assert_eq!((route.table, route.interface), (254, interface));
            });
        }
    }

    #[test]
    fn a_route_is_usable_while_an_interface_of_it_has_carrier() {
        for (text, [any, by2, by3]) in [
            (DEFAULT, [true, false, true]),
            (DEFAULT_LINKDOWN, [false; 3]),
            (MULTIPATH, [true; 3]),
            (MULTIPATH_LINKDOWN, [false; 3]),
            (BLACKHOLE, [false; 3]),
            (V6, [true, false, true]),
        ] {
            with_route(text, |route| {
                let seen = [None, Some(index(2)), Some(index(3))].map(|by| route.is_usable(by));
                assert_eq!(seen, [any, by2, by3], "{text}");
            });
        }
        // One hop of two.
        let half = MULTIPATH.replace("0800000102000000", "0800110102000000");
        with_route(&half, |route| {
            let seen = [None, Some(index(2)), Some(index(3))].map(|by| route.is_usable(by));
            assert_eq!(seen, [true, false, true]);
        });
        // In the local table.
        let local = DEFAULT.replace("08000f00fe000000", "08000f00ff000000");
        with_route(&local, |route| assert!(!route.is_usable(None)));
    }

    #[test]
    fn routes_that_contradict_themselves_are_malformed() {
        for text in [
            BLACKHOLE.replace("02100000fe030006", "02210000fe030006"),
            BLACKHOLE.replace("080001000a090000", "070001000a090000"),
            BLACKHOLE.replace("080001000a090000", "090001000a090000"),
            DEFAULT.replace("0800040003000000", "0600040003000000"),
        ] {
            let octets = hex(&text);
            assert_eq!(messages(&octets).next(), Some(Err(Malformed)), "{text}");
        }
        // Hops that are cut short lead nowhere, and nobody looks behind them.
        for hops in ["1c000900 0700000003000000", "1c000900 ff00000003000000"] {
            let text = MULTIPATH.replace("1c000900 1000000003000000", hops);
            with_route(&text, |route| assert!(!route.is_usable(None), "{text}"));
        }
    }
}
