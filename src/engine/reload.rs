//! A new configuration in force, as a difference: keep, retune, add, remove.
//!
//! Two steps, because an instance that goes must still say so: [`Engine::reload`] lets it resign,
//! and when those adverts have been composed, `install` puts the new tables in place of the old.

use super::{Address, Engine, Interface, NONE, Router, dispatch_key};
use crate::addr::InterfaceName;
use crate::config::is_same;
use crate::config::model::{self, Config};
use crate::order::sort;
use crate::time::Instant;
use crate::trace::Cause;
use crate::vrrp::instance::{self, Instance, Settings};

impl Engine {
    /// Puts the staged configuration in force while running, as a difference: instances that did
    /// not change keep their state and the instant of their next advert. The caller has had it
    /// checked. Takes effect within [`Engine::next_transmit`] of this turn.
    pub fn reload(&mut self, now: Instant) {
        self.reloading = true;
        for index in 0..self.routers.len() {
            let survives = self.config.instances.get(index).is_some_and(|old| {
                let mut new = self.staged.instances.iter();
                new.any(|new| is_same(&self.config, old, &self.staged, new))
            });
            if !survives {
                self.event(now, index, instance::Event::Stop(Cause::Removed));
                self.post_deleted(now, index);
            }
        }
    }

    /// The first configuration: nothing is known of anything in it.
    pub(super) fn install_first(&mut self) {
        self.configured = true;
        let config = &self.config;
        // None of these can be full: the tables of the configuration have the same capacity.
        for new in &config.instances {
            let _ = self.routers.push(Router::new(Instance::new(settings(new))));
        }
        for new in &config.addresses {
            let _ = self.addresses.push(Address::new(NONE, new.interface, new.ip, new.prefix_len));
        }
        for (index, instance) in (0_u16..).zip(&config.instances) {
            for row in self.addresses.get_mut(instance.addresses.range()).unwrap_or(&mut []) {
                row.instance = index;
            }
        }
        for _ in &config.interfaces {
            let _ = self.interfaces.push(Interface::new());
        }
        self.install_order();
        self.install_groups();
        self.ports_generation = self.ports_generation.wrapping_add(1);
        self.kernel.restart();
    }

    /// The staged configuration takes the place of the one in force.
    pub(super) fn install(&mut self, now: Instant) {
        self.install_routers(now);
        self.install_addresses();
        self.install_interfaces();
        self.install_scripts(now);
        self.carry_groups();
        self.carry_fifos();
        self.config.copy_from(&self.staged);
        self.installs = self.installs.wrapping_add(1);
        self.install_order();
        self.install_groups();
        self.settle_groups(now);
        self.ports_generation = self.ports_generation.wrapping_add(1);
        self.kernel.restart();
        self.want_fifos();
        self.write_states();
        if self.started {
            // Interfaces that are new to the configuration have not been looked at yet. Before that
            // nothing is judged: no advert may have a priority of which only half is known, or of
            // an instance that is about to fail.
            self.kernel.dump_wanted = true;
        }
    }

    /// Routers that survive keep everything but their numbers.
    fn install_routers(&mut self, now: Instant) {
        self.renumber_history();
        self.spare.clear();
        for new in &self.staged.instances {
            let old = self
                .config
                .instances
                .iter()
                .position(|old| is_same(&self.config, old, &self.staged, new));
            let mut router = match old.and_then(|index| self.routers.get(index)) {
                Some(router) => router.clone(),
                None => Router::new(Instance::new(settings(new))),
            };
            // What trackers add stays until it is computed anew.
            let priority =
                if old.is_some() { router.fsm.settings().priority } else { new.priority };
            router.fsm.retune(now, Settings { priority, ..settings(new) });
            // Cannot fail: both tables have the same capacity.
            let _ = self.spare.push(router);
        }
        self.routers.clear();
        let _ = self.routers.extend_from_slice(&self.spare);
        self.spare.clear();
    }

    /// What has been recorded speaks of instances by their numbers: those become the new ones.
    fn renumber_history(&mut self) {
        let (config, staged) = (&self.config, &self.staged);
        let moved_to = |number: u16| {
            let old = config.instances.get(usize::from(number))?;
            let new = staged.instances.iter().position(|new| is_same(config, old, staged, new))?;
            u16::try_from(new).ok()
        };
        for transition in self.transitions.iter_mut() {
            transition.instance = moved_to(transition.instance).unwrap_or(NONE);
        }
    }

    /// Each configured address takes over what is known of it; what is left over stays behind the
    /// configured ones until it is removed. Additions are asked for first, because they come first.
    fn install_addresses(&mut self) {
        self.spare_addresses.clear();
        for (number, new) in self.staged.addresses.iter().enumerate() {
            let instance = owner_of(&self.staged, number);
            let name = self.staged.interface_name(new.interface);
            let old = self.addresses.iter_mut().find(|row| {
                row.moved_to == NONE
                    && (row.ip, row.prefix_len) == (new.ip, new.prefix_len)
                    && self.config.interface_name(row.interface) == name
            });
            let row = match old {
                Some(old) => {
                    old.moved_to = u16::try_from(number).unwrap_or(NONE);
                    Address { instance, interface: new.interface, moved_to: NONE, ..old.clone() }
                }
                None => Address::new(instance, new.interface, new.ip, new.prefix_len),
            };
            let _ = self.spare_addresses.push(row);
        }
        for row in self.addresses.iter_mut().filter(|row| row.moved_to == NONE && row.is_left()) {
            let name = self.config.interface_name(row.interface);
            let Some(slot) = slot_of(&mut self.staged, name) else { continue };
            row.moved_to = u16::try_from(self.spare_addresses.len()).unwrap_or(NONE);
            let left = Address {
                instance: NONE,
                interface: slot,
                moved_to: NONE,
                burst: 0,
                ..row.clone()
            };
            let _ = self.spare_addresses.push(left);
        }
        let old = &self.addresses;
        self.kernel.renumber(|row| old.get(usize::from(row)).map_or(NONE, |row| row.moved_to));
        self.addresses.clear();
        let _ = self.addresses.extend_from_slice(&self.spare_addresses);
        self.spare_addresses.clear();
    }

    /// An interface that keeps its name keeps what is known of it.
    fn install_interfaces(&mut self) {
        let old = core::mem::take(&mut self.interfaces);
        for name in &self.staged.interfaces {
            let slot = self.config.interfaces.iter().position(|known| known == name);
            let interface = slot.and_then(|slot| old.get(slot)).cloned();
            let _ = self.interfaces.push(interface.unwrap_or(Interface::new()));
        }
    }

    /// The tables that are searched.
    fn install_order(&mut self) {
        self.dispatch.clear();
        self.due.clear();
        for (index, instance) in self.config.instances.iter().enumerate() {
            let key = dispatch_key(instance.interface, instance.family, instance.vrid);
            let _ = self.dispatch.push((key, u16::try_from(index).unwrap_or(NONE)));
            let due = self.routers.get(index).map_or(Instant::NEVER, Router::deadline);
            let _ = self.due.push(due);
        }
        self.dispatch.sort_unstable();
        self.by_ip.clear();
        for number in 0..self.addresses.len() {
            let _ = self.by_ip.push(u16::try_from(number).unwrap_or(NONE));
        }
        let rows = &self.addresses;
        let key = |row: u16| rows.get(usize::from(row)).map(Address::key);
        sort(&mut self.by_ip, &|a, b| key(a).cmp(&key(b)));
    }
}

/// The slot of an interface's name; one that only left-over addresses still need is added.
fn slot_of(config: &mut Config, name: &str) -> Option<u8> {
    let known = config.interfaces.iter().position(|known| known.as_str() == name);
    let slot = match known {
        Some(slot) => slot,
        None => {
            config.interfaces.push(InterfaceName::try_from(name).ok()?).ok()?;
            config.interfaces.len().checked_sub(1)?
        }
    };
    u8::try_from(slot).ok()
}

/// The instance whose range holds address `number`.
fn owner_of(config: &Config, number: usize) -> u16 {
    let holds = |instance: &model::Instance| instance.addresses.range().contains(&number);
    let index = config.instances.iter().position(holds);
    index.and_then(|index| u16::try_from(index).ok()).unwrap_or(NONE)
}

fn settings(instance: &model::Instance) -> Settings {
    Settings {
        version: instance.version,
        priority: instance.priority,
        interval: instance.interval,
        preempt: instance.preempt,
        preempt_delay: instance.preempt_delay,
        grouped: instance.group.is_some(),
    }
}
