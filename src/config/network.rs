//! Networks of OpenWrt. An interface of a configuration that is called `@wan` is whatever device the
//! network `wan` has where the configuration runs; that is how OpenWrt's own configuration says it.
//! netifd knows the device, and whoever starts the daemon passes it on: `--network wan=eth1`.

use core::fmt;

use heapless::Vec;

use super::check::{Invalid, check, is_interface_name};
use super::model::{Config, Probe, Subject};
use crate::addr::InterfaceName;
use crate::limits::INTERFACE_COUNT_MAX;

/// What the name of a network begins with.
pub const MARK: char = '@';

/// The network that an interface's name stands for, if it is no device.
pub fn network_of(name: &str) -> Option<&str> {
    name.strip_prefix(MARK)
}

/// The devices of networks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks {
    /// Networks, with their mark, and the device of each.
    known: Vec<(InterfaceName, InterfaceName), INTERFACE_COUNT_MAX>,
}

/// Why a network and its device are not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is not `NETWORK=DEVICE`.
    Form,
    /// One of them cannot be a name.
    Name,
    /// More networks than interfaces.
    Full,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Form => "a network is written NAME=DEVICE: wan=eth1, or wan= without one",
            Refused::Name => {
                "a network's name has at most 14 octets, a device's 15; no '/', ':', spaces"
            }
            Refused::Full => "there are more networks than this build has interfaces",
        })
    }
}

impl Networks {
    /// None is known.
    pub const fn new() -> Self {
        Networks { known: Vec::new() }
    }

    /// Takes `wan=eth1`; without a device the network has none.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn set(&mut self, text: &str) -> Result<(), Refused> {
        let (name, device) = text.split_once('=').ok_or(Refused::Form)?;
        let mut network = InterfaceName::new();
        network.push(MARK).and_then(|()| network.push_str(name)).map_err(|_| Refused::Name)?;
        let device = InterfaceName::try_from(device).map_err(|_| Refused::Name)?;
        let is_device = device.is_empty() || is_interface_name(&device);
        if name.is_empty() || !is_interface_name(&network) || !is_device {
            return Err(Refused::Name);
        }
        self.known.retain(|(known, _)| *known != network);
        if device.is_empty() {
            return Ok(());
        }
        self.known.push((network, device)).map_err(|_| Refused::Full)
    }

    /// Puts devices in the place of the networks that have one. Networks that share a device become
    /// one interface.
    ///
    /// # Errors
    /// A rule that `config` breaks then: two instances of one VRID are on one device, say.
    pub fn resolve(&self, config: &mut Config) -> Result<(), Invalid> {
        let mut is_changed = false;
        for name in &mut config.interfaces {
            if let Some((_, device)) = self.known.iter().find(|(network, _)| network == name) {
                name.clone_from(device);
                is_changed = true;
            }
        }
        if !is_changed {
            return Ok(());
        }
        let mut names: Vec<InterfaceName, INTERFACE_COUNT_MAX> = Vec::new();
        let mut places: Vec<u8, INTERFACE_COUNT_MAX> = Vec::new();
        for name in &config.interfaces {
            let known = names.iter().position(|known| known == name);
            let place = known.unwrap_or(names.len());
            if known.is_none() {
                // Cannot fail: there are no more than there were.
                let _ = names.push(name.clone());
            }
            let _ = places.push(u8::try_from(place).unwrap_or(u8::MAX));
        }
        let moved = |index: &mut u8| {
            *index = places.get(usize::from(*index)).copied().unwrap_or(*index);
        };
        config.interfaces.clone_from(&names);
        config.instances.iter_mut().for_each(|instance| moved(&mut instance.interface));
        config.addresses.iter_mut().for_each(|address| moved(&mut address.interface));
        config.global.delays.iter_mut().for_each(|delay| moved(&mut delay.interface));
        for tracker in &mut config.trackers {
            if let Subject::Interface(index) = &mut tracker.subject {
                moved(index);
            }
        }
        config.probes.iter_mut().filter_map(Probe::interface_mut).for_each(moved);
        check(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check::Rule;
    use crate::config::sample;

    fn networks(texts: &[&str]) -> Networks {
        let mut networks = Networks::new();
        texts.iter().for_each(|text| networks.set(text).unwrap());
        networks
    }

    fn set(text: &str) -> Result<(), Refused> {
        Networks::new().set(text)
    }

    #[test]
    fn a_network_is_a_name_and_a_device() {
        assert_eq!(set("wan=eth1"), Ok(()));
        assert_eq!(set("lan="), Ok(()));
        assert_eq!(set("wan"), Err(Refused::Form));
        assert_eq!(set("=eth1"), Err(Refused::Name));
        assert_eq!(set("wan=a/b"), Err(Refused::Name));
        assert_eq!(set("wan=a b"), Err(Refused::Name));
        assert_eq!(set("fourteenoctets=pppoe-fifteen-a"), Ok(()));
        assert_eq!(set("fifteen--octets=eth0"), Err(Refused::Name));
    }

    #[test]
    fn the_last_word_about_a_network_counts() {
        assert_eq!(networks(&["wan=eth1", "wan=eth2"]), networks(&["wan=eth2"]));
        assert_eq!(networks(&["wan=eth1", "wan="]), Networks::new());
    }

    #[test]
    fn networks_on_one_device_become_one_interface() {
        let mut config = sample::reference();
        config.interfaces[0] = "@wan".try_into().unwrap();
        config.interfaces[1] = "@wan6".try_into().unwrap();
        config.trackers[0].subject = Subject::Interface(1);
        let ip = "192.0.2.7".parse().unwrap();
        config.probes[0] = Probe::Address { ip, interface: Some(1) };
        networks(&["wan=eth1", "wan6=eth1", "lan=br-lan"]).resolve(&mut config).unwrap();
        assert_eq!(config.interfaces, ["eth1"]);
        assert!(config.instances.iter().all(|instance| instance.interface == 0));
        assert!(config.addresses.iter().all(|address| address.interface == 0));
        assert_eq!(config.trackers[0].subject, Subject::Interface(0));
        assert_eq!(config.global.delays[0].interface, 0);
        assert_eq!(config.probes[0].interface_mut(), Some(&mut 0));
    }

    #[test]
    fn what_has_no_device_yet_keeps_its_name() {
        let mut config = sample::reference();
        config.interfaces[1] = "@wan".try_into().unwrap();
        let mut before = sample::boxed();
        before.copy_from(&config);
        networks(&["lan=br-lan", "wan="]).resolve(&mut config).unwrap();
        assert_eq!(config, before);
    }

    #[test]
    fn rivals_on_one_device_are_refused() {
        let mut config = sample::reference();
        config.interfaces[0] = "@wan".try_into().unwrap();
        config.interfaces[1] = "eth1".try_into().unwrap();
        let ip = config.addresses[2].ip;
        (config.addresses[1].interface, config.addresses[1].ip) = (0, ip);
        let refused = networks(&["wan=eth1"]).resolve(&mut config).unwrap_err();
        assert_eq!(refused.rule, Rule::AddressTwice);
    }
}
