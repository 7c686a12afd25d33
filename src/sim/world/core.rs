//! The nodes of the healed core, and who of them is master.

use super::World;
use crate::sim::invariant::{Violation, broken};
use crate::sim::kernel::Address;
use crate::sim::measure::{Measure, Watch, What as Measured};
use crate::sim::node::Node;
use crate::sim::plan::{MS, S};

impl World {
    /// The nodes of the core that are master of a virtual router.
    pub(in crate::sim) fn masters(&self, vrid: u8) -> Vec<usize> {
        let is_master = |node: &Node| {
            node.is_running()
                && node.shadows.iter().any(|s| s.plan.vrid == vrid && s.machine.is_active())
        };
        self.core.iter().copied().filter(|node| is_master(&self.nodes[*node])).collect()
    }

    /// The virtual routers of the core, each with its longest interval.
    fn core_routers(&self) -> Vec<(u8, u64)> {
        let mut routers: Vec<(u8, u64)> = Vec::with_capacity(8);
        for shadow in self.core.iter().flat_map(|node| &self.nodes[*node].shadows) {
            let (vrid, interval) = (shadow.plan.vrid, shadow.plan.interval);
            match routers.iter_mut().find(|router| router.0 == vrid) {
                Some(router) => router.1 = router.1.max(interval),
                None => routers.push((vrid, interval)),
            }
        }
        routers
    }

    /// I4: two masters in a healed core hear each other, and one of them yields.
    pub(super) fn judge_rivals(&mut self) -> Result<(), Violation> {
        for (vrid, interval) in self.core_routers() {
            let masters = self.masters(vrid);
            if masters.len() < 2 {
                self.rivals.remove(&vrid);
                continue;
            }
            let since = *self.rivals.entry(vrid).or_insert(self.now);
            let waits = masters.iter().map(|node| self.nodes[*node].waits_until).max();
            let since = since.max(waits.unwrap_or(0));
            // A master that came too late listens for up to two intervals and a second first.
            let bound = 3 * interval + S + 500 * MS + 30 * self.latency;
            if self.now > since + bound {
                let span = self.now - since;
                return Err(broken(4, format!("{vrid}: {masters:?} for {span} ns")));
            }
        }
        Ok(())
    }

    /// I4, I5: how long two nodes of the core have had a virtual router's addresses, and how long
    /// it took until one had them again.
    pub(super) fn measure(&mut self) {
        for (vrid, theory) in self.core_routers() {
            let owners = self.owners_of(vrid);
            if owners > 1 {
                self.owners.entry(vrid).or_insert(self.now);
            } else if let Some(since) = self.owners.remove(&vrid) {
                let took = self.now - since;
                self.measures.push(Measure { what: Measured::TwoOwners, took, theory });
            }
            if owners == 1
                && let Some(at) = self.watches.iter().position(|watch| watch.vrid == vrid)
            {
                let Watch { what, since, theory, .. } = self.watches.swap_remove(at);
                self.measures.push(Measure { what, took: self.now - since, theory });
            }
        }
    }

    /// How many nodes of the core have all addresses of a virtual router, the administrator's
    /// counted where they are the owner's.
    fn owners_of(&self, vrid: u8) -> usize {
        let owns = |node: &&usize| {
            let node = &self.nodes[**node];
            let mut shadows = node.shadows.iter().filter(|shadow| shadow.plan.vrid == vrid);
            shadows.any(|shadow| {
                shadow.plan.vips.iter().all(|(ip, len, _)| {
                    let is_it = |known: &Address| (known.ip, known.len) == (*ip, *len);
                    let known = node.kernel.addresses.iter().find(|known| is_it(known));
                    known.is_some_and(|known| known.proto == 112 || shadow.machine.is_active())
                })
            })
        };
        self.core.iter().filter(owns).count()
    }
}
