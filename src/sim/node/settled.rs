//! What the kernel must have once nothing is on its way.

use super::Node;
use crate::sim::invariant::{Violation, broken};
use crate::sim::plan::NAMES;
use crate::trace::StateName;

impl Node {
    /// I7: the kernel has what it should, once nothing is on its way.
    pub(in crate::sim) fn judge_kernel(&self, real: u64) -> Result<(), Violation> {
        let is_settled = self.is_running()
            && self.in_flight == 0
            && self.inbox.is_empty()
            && self.orders.is_empty()
            && !self.overrun
            // Nothing is due, and the first turn has been.
            && self.wake_at > real
            && self.trouble_until < real;
        let Some(engine) = self.engine.as_ref().filter(|_| is_settled) else { return Ok(()) };
        if engine.listen_at().is_some() && !self.stopping {
            // Nothing is owned before the start; what is left was removed at boot.
            return Ok(());
        }
        for address in self.kernel.addresses.iter().filter(|address| address.proto == 112) {
            let link = self.kernel.links.iter().find(|link| link.index == address.index);
            let wanted = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active()
                    && shadow.plan.vips.iter().any(|vip| {
                        (vip.0, vip.1) == (address.ip, address.len)
                            && link.is_some_and(|link| link.name == NAMES[vip.2])
                    })
            });
            if !wanted {
                let text = format!("n{}: {} is kept by nobody's master", self.id, address.ip);
                return Err(broken(7, text));
            }
        }
        for (shadow, router) in self.shadows.iter().zip(engine.routers()) {
            if router.fsm.name() != StateName::Master || !shadow.may_claim() {
                continue;
            }
            for (ip, len, segment) in &shadow.plan.vips {
                let Some(link) = self.kernel.link(NAMES[*segment]) else { continue };
                let has = self
                    .kernel
                    .addresses
                    .iter()
                    .any(|known| (known.index, known.ip, known.len) == (link.index, *ip, *len));
                let refused =
                    engine.addresses().iter().any(|row| row.ip == *ip && row.refused.is_some());
                if !has && !refused {
                    let text = format!("n{} {}: {ip} is missing", self.id, shadow.plan.vrid);
                    return Err(broken(7, text));
                }
            }
        }
        Ok(())
    }
}
