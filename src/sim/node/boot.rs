//! How a process begins, and how it dies.

use super::Node;
use crate::addr::IfIndex;
use crate::config;
use crate::engine::{Engine, Owned};
use crate::sim::invariant::{Violation, broken};
use crate::sim::judge::Shadow;
use crate::sim::kernel::{Asked, What};

impl Node {
    /// kill -9: the addresses stay.
    pub(in crate::sim) fn crash(&mut self) {
        self.engine = None;
        self.boot += 1;
        self.inbox.clear();
        self.orders.clear();
        self.overrun = false;
        self.in_flight = 0;
        self.asked.clear();
        self.shadows.clear();
        self.stopping = false;
        self.paused = false;
        self.wake_at = u64::MAX;
        self.events_lost = 0;
    }

    /// Starts the daemon: reads the kernel, removes what a predecessor left, and starts.
    pub(in crate::sim) fn start(&mut self, real: u64) -> Result<(), Violation> {
        let now = self.clock(real);
        self.sleeps.clear();
        // Made where it stays: there are megabytes of it.
        let mut engine = Box::write(Box::new_uninit(), Engine::new());
        engine.set_leases(self.leases);
        engine.set_life(self.boot);
        if let Some(config) = engine.stage() {
            self.plan.fill(config);
            if let Err(invalid) = config::check::check(config) {
                return Err(broken(15, format!("n{}: {invalid}", self.id)));
            }
        }
        engine.configure(now);
        for asked in [What::Links, What::Addresses] {
            let asked = Asked { sequence: 0, what: asked };
            for answer in self.kernel.ask(real, &asked, None).answers {
                engine.observe(now, &answer);
            }
        }
        let noted = core::mem::take(&mut self.journal);
        let mut news = Vec::new();
        for address in self.kernel.addresses.clone() {
            let Some(interface) = IfIndex::new(address.index) else { continue };
            let left = Owned { interface, ip: address.ip, prefix_len: address.len };
            // Where the kernel tells whose an address is, the journal is not asked.
            let is_ours =
                if self.kernel.keeps_proto { address.proto == 112 } else { noted.contains(&left) };
            if !is_ours {
                continue;
            }
            let mut beats = self.beats.iter().copied().map(Some).chain([None]);
            if beats.any(|beat| engine.adopt(now, left, beat)) {
                self.journal.push(left);
            } else {
                news.extend(self.kernel.remove(address.index, address.ip, address.len, 0).1);
            }
        }
        // The listening socket is read empty before anything starts.
        for datagram in news {
            engine.observe(now, &datagram);
        }
        self.shadows = self.plan.routers.iter().map(|(p, s)| Shadow::new(p.clone(), *s)).collect();
        self.begin_tracking(now);
        engine.start(now);
        self.engine = Some(engine);
        for index in 0..self.shadows.len() {
            self.follow_health(now, index)?;
        }
        self.beats.clear();
        self.wake_at = real;
        Ok(())
    }
}
