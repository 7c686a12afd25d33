//! Who should be master, judged from one advert. Pure comparisons; no clock, no state.

use core::cmp::Ordering;
use core::net::IpAddr;

use crate::addr::Priority;

/// How the sender of an advert stands to this router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its priority is higher: it should be master.
    HigherPriority,
    /// The same priority from a numerically higher primary address: it should be master.
    HigherAddress,
    /// Its priority is lower, or the same from a lower address: this router should be master.
    Inferior,
    /// The same priority from our own address: a copy of our configuration, or our own packet.
    /// Nobody can win; neither side may react, or both would answer each other at link speed.
    Same,
}

/// Compares an advert's sender with this router (rfc9568:6.4.3/advert/compare). Addresses compare
/// numerically in network order, IPv6 as well.
pub fn compare(local: (Priority, IpAddr), sender: (Priority, IpAddr)) -> Standing {
    match sender.0.cmp(&local.0) {
        Ordering::Greater => Standing::HigherPriority,
        Ordering::Less => Standing::Inferior,
        Ordering::Equal => match sender.1.cmp(&local.1) {
            Ordering::Greater => Standing::HigherAddress,
            Ordering::Less => Standing::Inferior,
            Ordering::Equal => Standing::Same,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_decides_before_the_address() {
        let local = (Priority(100), "10.0.0.5".parse().unwrap());
        let standing = |priority, address: &str| {
            compare(local, (Priority(priority), address.parse().unwrap()))
        };
        assert_eq!(standing(101, "10.0.0.1"), Standing::HigherPriority);
        assert_eq!(standing(99, "10.0.0.9"), Standing::Inferior);
        assert_eq!(standing(100, "10.0.0.9"), Standing::HigherAddress);
        assert_eq!(standing(100, "10.0.0.1"), Standing::Inferior);
        assert_eq!(standing(100, "10.0.0.5"), Standing::Same);
        // 10.0.1.0 is more than 10.0.0.255: octets in network order, not in memory order.
        assert_eq!(standing(100, "10.0.1.0"), Standing::HigherAddress);
    }
}
