//! What goes wrong, and how all of it ends.

use super::{Happening, World};
use crate::sim::helper::{Habit, Manners};
use crate::sim::invariant::Violation;
use crate::sim::kernel;
use crate::sim::node::{Node, Order, Told};
use crate::sim::options::Netlink;
use crate::sim::plan::{NAMES, NodePlan, S, own_v4};

/// What goes wrong, or right again.
#[derive(Clone, Debug)]
pub(in crate::sim) enum Fault {
    Boot(usize),
    Crash(usize),
    Order(usize, Order),
    Vary(usize),
    /// After a graceful stop: the process ends.
    Exit(usize),
    Pause(usize),
    Resume(usize),
    Link(usize, usize, bool, bool),
    RemoveLink(usize, usize),
    /// Under its old number or another; `usurp` gives the old number to another link.
    AddLink(usize, usize, u32, bool),
    DeleteVip(usize),
    AssignVip(usize),
    Source(usize, usize, bool),
    LoseNews(usize, u64),
    RefusePort(usize, usize, bool),
    Cut(usize, usize),
    Join(usize, usize),
    Clog(usize, u64),
    /// What the program of a script does from now on; none: what is told of states.
    Habit(usize, Option<usize>, Habit),
    HelperDies(usize),
    HelperStarts(usize),
    HelperPauses(usize, u64),
    /// A reload with other numbers for scripts.
    VaryTracking(usize),
}

impl World {
    pub(super) fn fault(&mut self, fault: Fault) -> Result<Option<usize>, Violation> {
        self.note(&format!("{fault:?}"));
        match fault {
            Fault::Boot(node) => {
                if self.nodes[node].engine.is_none() {
                    self.nodes[node].start(self.now)?;
                    self.arouse(node);
                }
                return Ok(None);
            }
            Fault::Crash(node) => {
                self.nodes[node].crash();
                self.turn_at[node] = None;
            }
            Fault::Exit(node) => {
                if self.nodes[node].stopping {
                    self.nodes[node].crash();
                    self.turn_at[node] = None;
                }
            }
            Fault::Order(node, order) => {
                if self.nodes[node].engine.is_some() && !self.nodes[node].stopping {
                    self.nodes[node].orders.push(order);
                    self.arouse(node);
                }
            }
            Fault::Vary(node) => {
                let mut plan = NodePlan::clone(&self.nodes[node].plan);
                plan.vary(&mut self.fault_random, &self.whole[node]);
                return self.fault(Fault::Order(node, Order::Reload(plan)));
            }
            Fault::Pause(node) => {
                let paused = &mut self.nodes[node];
                if !paused.paused {
                    paused.paused_at = self.now;
                }
                paused.paused = true;
                self.turn_at[node] = None;
            }
            Fault::Resume(node) => {
                let resumed = &mut self.nodes[node];
                if resumed.paused {
                    // What it waits for does not come nearer while it sleeps.
                    let slept = self.now - resumed.paused_at;
                    for until in [&mut resumed.trouble_until, &mut resumed.waits_until] {
                        if *until > resumed.paused_at {
                            *until += slept;
                        }
                    }
                }
                if resumed.paused {
                    let end = resumed.clock(self.now);
                    resumed.sleeps.push((end, self.now - resumed.paused_at));
                }
                resumed.paused = false;
                self.arouse(node);
            }
            Fault::Cut(from, to) => self.network.cut(from, to),
            Fault::Join(from, to) => {
                self.network.cuts.retain(|cut| (cut.1, cut.2) != (from, to));
            }
            Fault::Clog(segment, until) => self.network.clogged_until[segment] = until,
            Fault::LoseNews(node, count) => self.lose_news[node] += count,
            Fault::RefusePort(node, segment, refused) => {
                self.nodes[node].refused_ports[segment] = refused;
                let errno = refused.then_some(13);
                for is_v6 in [false, true] {
                    self.fault(Fault::Order(node, Order::Port(segment, is_v6, errno)))?;
                }
            }
            Fault::Link(node, segment, up, carrier) => {
                let news = self.nodes[node].kernel.set_link(NAMES[segment], up, carrier);
                self.trouble(node, if up { 0 } else { 62 * S });
                self.tell(node, news, Told::News);
            }
            Fault::RemoveLink(node, segment) => {
                let news = self.nodes[node].kernel.remove_link(NAMES[segment]);
                self.trouble(node, 62 * S);
                self.tell(node, news, Told::News);
            }
            Fault::AddLink(node, segment, index, usurp) => {
                self.add_link(node, segment, index, usurp);
            }
            Fault::Habit(node, script, habit) => {
                let helper = &mut self.nodes[node].helper;
                match script.and_then(|script| helper.scripts.get_mut(script)) {
                    Some(known) => *known = habit,
                    None => helper.others = habit,
                }
            }
            Fault::HelperDies(node) => self.nodes[node].helper.die(),
            Fault::HelperStarts(node) => self.start_helper(node),
            Fault::HelperPauses(node, until) => {
                let paused_until = &mut self.nodes[node].helper.paused_until;
                *paused_until = (*paused_until).max(until);
            }
            Fault::VaryTracking(node) => {
                let mut plan = NodePlan::clone(&self.nodes[node].plan);
                plan.tracking.vary(&mut self.tracker_random);
                return self.fault(Fault::Order(node, Order::Reload(plan)));
            }
            Fault::DeleteVip(node) => self.delete_vip(node),
            Fault::AssignVip(node) => self.assign_vip(node),
            Fault::Source(node, segment, present) => self.set_source(node, segment, present),
        }
        Ok(None)
    }

    pub(super) fn add_link(&mut self, node: usize, segment: usize, index: u32, usurp: bool) {
        let id = self.nodes[node].id;
        if self.nodes[node].kernel.link(NAMES[segment]).is_some() {
            return;
        }
        let mut index = index;
        if usurp {
            let other = Node::link(id, segment, "veth7", index);
            let news = self.nodes[node].kernel.add_link(other, own_v4(99, segment));
            self.tell(node, news, Told::News);
            index += 100;
        }
        let link = Node::link(id, segment, NAMES[segment], index);
        let news = self.nodes[node].kernel.add_link(link, own_v4(id, segment));
        self.trouble(node, S);
        self.tell(node, news, Told::News);
    }

    /// Somebody deletes one of the addresses that ringward added.
    pub(super) fn delete_vip(&mut self, node: usize) {
        let ours = self.nodes[node].kernel.addresses.iter().find(|address| address.proto == 112);
        if let Some(address) = ours.cloned() {
            let kernel = &mut self.nodes[node].kernel;
            let (_, news) = kernel.remove(address.index, address.ip, address.len, 0);
            self.trouble(node, 62 * S);
            self.tell(node, news, Told::News);
        }
    }

    /// The administrator assigns one of the virtual addresses, for good.
    pub(super) fn assign_vip(&mut self, node: usize) {
        let plan = &self.nodes[node].plan;
        let Some((router, _)) = plan.routers.first() else { return };
        let Some((ip, len, segment)) = router.vips.first().copied() else { return };
        let whole = self.whole[node].routers.iter();
        if whole.clone().any(|(router, _)| router.unicast && router.segment == segment) {
            // An owner speaks from it, and so does everybody once a reload has taken its instance
            // away: peers would have to be configured with it.
            return;
        }
        let kernel = &mut self.nodes[node].kernel;
        let Some(index) = kernel.link(NAMES[segment]).map(|link| link.index) else { return };
        if kernel.addresses.iter().any(|known| known.ip == ip) {
            return;
        }
        let address = kernel::Address { index, ip, len, proto: 0, secondary: false, until: None };
        let (_, news) = kernel.add(address, 0);
        self.tell(node, news, Told::News);
    }

    pub(super) fn set_source(&mut self, node: usize, segment: usize, present: bool) {
        let ip = own_v4(self.nodes[node].id, segment);
        let kernel = &mut self.nodes[node].kernel;
        let Some(index) = kernel.link(NAMES[segment]).map(|link| link.index) else { return };
        let mut news = kernel.remove(index, ip, 24, 0).1;
        if present {
            // The administrator wants it to be the primary one of its subnet: what took its place
            // meanwhile would take it along some day.
            let others = kernel
                .addresses
                .iter()
                .filter(|known| known.index == index && known.ip.is_ipv4() && known.len == 24);
            for other in others.cloned().collect::<Vec<_>>() {
                news.extend(kernel.remove(index, other.ip, other.len, 0).1);
            }
            let address =
                kernel::Address { index, ip, len: 24, proto: 0, secondary: false, until: None };
            news.extend(kernel.add(address, 0).1);
        }
        self.trouble(node, 62 * S);
        self.tell(node, news, Told::News);
    }

    /// All faults end. `core` stays connected; everybody else is cut off from it.
    pub(in crate::sim) fn heal(&mut self, core: Vec<usize>) -> Result<(), Violation> {
        // What is still under way would be a fault of before.
        self.queue.retain(|_, what| {
            !matches!(what, Happening::Fault(_) | Happening::Stranger(_) | Happening::Arrive(..))
        });
        self.network.heal();
        self.network.cuts.clear();
        self.netlink = Netlink {
            keeps_proto: self.netlink.keeps_proto,
            delay_min: self.netlink.delay_min,
            ..Netlink::default()
        };
        self.lose_news.fill(0);
        self.manners = Manners::default();
        self.latency = self.latency.min(100_000);
        for node in 0..self.nodes.len() {
            for other in 0..self.nodes.len() {
                if core.contains(&node) != core.contains(&other) {
                    self.network.cut(node, other);
                }
            }
            if !core.contains(&node) {
                continue;
            }
            self.nodes[node].orders.clear();
            if self.nodes[node].stopping {
                self.fault(Fault::Crash(node))?;
            }
            for (segment, name) in NAMES.into_iter().enumerate().take(self.segments) {
                self.fault(Fault::RefusePort(node, segment, false))?;
                let index = 50 + u32::try_from(segment).unwrap_or(0);
                self.fault(Fault::AddLink(node, segment, index, false))?;
                let link = self.nodes[node].kernel.link(name).cloned();
                if link.is_some_and(|link| !link.up || !link.carrier) {
                    self.fault(Fault::Link(node, segment, true, true))?;
                }
                let own = own_v4(self.nodes[node].id, segment);
                let known = &self.nodes[node].kernel.addresses;
                if !known.iter().any(|known| known.ip == own && !known.secondary) {
                    self.fault(Fault::Source(node, segment, true))?;
                }
            }
            let helper = &mut self.nodes[node].helper;
            helper.scripts.fill(Habit::Right);
            helper.others = Habit::Right;
            self.resume_helper(node);
            self.start_helper(node);
            self.fault(Fault::Resume(node))?;
            self.fault(Fault::Boot(node))?;
        }
        self.core = core;
        Ok(())
    }
}
