//! What leaves the process, each octet judged: adverts, announcements, requests.

use core::net::IpAddr;

use super::{Emitted, Node, Turned};
use crate::addr::IfIndex;
use crate::engine::{Engine, Heartbeat, RequestKind, Via};
use crate::limits::{DATAGRAM_LEN_MAX, EVENT_COUNT_MAX, NETLINK_BATCH_MAX};
use crate::sim::decode;
use crate::sim::invariant::{Violation, broken};
use crate::sim::kernel;
use crate::sim::plan::{NAMES, NodePlan};
use crate::time::Instant;
use crate::trace::Event;

impl Node {
    pub(super) fn segment_of(&self, index: IfIndex) -> Option<usize> {
        let link = self.kernel.links.iter().find(|link| link.index == index.get())?;
        NAMES.iter().position(|name| *name == link.name)
    }

    /// I8, I11, I12, I13: exactly the adverts that the reference sends, each octet as it must be.
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        before: &NodePlan,
        turned: &mut Turned,
    ) -> Result<(), Violation> {
        let mut buffer = [0; DATAGRAM_LEN_MAX];
        let mut announces = false;
        while let Some(Some(packet)) = self.call(|engine| engine.next_transmit(now, &mut buffer)) {
            let bytes = buffer[..packet.len].to_vec();
            let segment = self.segment_of(packet.interface);
            let is_ip = matches!(packet.via, Via::Raw { .. });
            if is_ip && announces {
                return Err(broken(12, format!("n{}: advert behind an announcement", self.id)));
            }
            announces |= !is_ip;
            if is_ip {
                let Ok(heard) = decode::advert(&bytes) else {
                    return Err(broken(11, format!("n{}: {bytes:02x?}", self.id)));
                };
                let shadow = self
                    .shadows
                    .iter_mut()
                    .find(|shadow| shadow.is_of(&heard))
                    .ok_or_else(|| broken(11, format!("n{}: nobody's {heard:?}", self.id)))?;
                shadow.sends(&heard, self.id, before.nodes)?;
                if let (Some(index), Some(engine)) = (packet.advert_of, self.engine.as_ref()) {
                    let row = engine.config().instances.get(usize::from(index));
                    if let Some(row) = row {
                        let beat = Heartbeat {
                            interface: packet.interface,
                            family: row.family,
                            vrid: row.vrid,
                            sent_at: now,
                        };
                        self.beats.retain(|old| (old.family, old.vrid) != (row.family, row.vrid));
                        self.beats.push(beat);
                    }
                }
            }
            if let Some(segment) = segment {
                turned.frames.push(Emitted { segment, is_ip, bytes });
            }
        }
        let interfaces = self.engine.as_ref().map(|engine| engine.interfaces()).unwrap_or(&[]);
        for shadow in &mut self.shadows {
            if interfaces.get(shadow.plan.segment).is_none_or(|row| row.index.is_none()) {
                shadow.is_mute();
            }
            shadow.end_turn(now, self.id, before.nodes)?;
        }
        Ok(())
    }

    /// I12: announcements for what is installed and master, at once; for nothing else.
    pub(super) fn judge_announcements(
        &self,
        installed: &[(IpAddr, u32)],
        before: &NodePlan,
        turned: &Turned,
    ) -> Result<(), Violation> {
        let mut announced = Vec::new();
        for frame in turned.frames.iter().filter(|frame| !frame.is_ip) {
            let (ip, from) = decode::announcement(&frame.bytes)
                .map_err(|why| broken(11, format!("n{}: {why} {:02x?}", self.id, frame.bytes)))?;
            let link = self.kernel.link(NAMES[frame.segment]);
            if link.is_some_and(|link| link.mac != from) {
                return Err(broken(11, format!("n{}: announced from {from:02x?}", self.id)));
            }
            let is_ours = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active()
                    && shadow.plan.vips.iter().any(|vip| (vip.0, vip.2) == (ip, frame.segment))
            });
            if !is_ours {
                return Err(broken(12, format!("n{}: announces {ip}, not master", self.id)));
            }
            announced.push((ip, frame.segment));
        }
        let paced = before.garp_interval > 0 || self.plan.garp_interval > 0;
        for (ip, index) in installed {
            let Some(segment) = IfIndex::new(*index).and_then(|index| self.segment_of(index))
            else {
                continue;
            };
            let wanted = self.shadows.iter().any(|shadow| {
                shadow.machine.is_active() && shadow.plan.vips.iter().any(|vip| vip.0 == *ip)
            });
            let rows = self.engine.as_ref().map(|engine| engine.addresses()).unwrap_or(&[]);
            let wanted = wanted && rows.iter().any(|row| row.ip == *ip && row.is_present());
            if wanted && !paced && *before == *self.plan && !announced.contains(&(*ip, segment)) {
                return Err(broken(12, format!("n{}: {ip} is not announced", self.id)));
            }
        }
        Ok(())
    }

    /// I10: never more requests than fit into one datagram.
    pub(super) fn request(&mut self, now: Instant, turned: &mut Turned) -> Result<(), Violation> {
        let mut buffer = [0; 512];
        while let Some(Some(request)) = self.call(|engine| engine.next_request(now, &mut buffer)) {
            let bytes = buffer[..request.len].to_vec();
            match request.kind {
                RequestKind::Add(owned) => {
                    self.journal.retain(|known| *known != owned);
                    self.journal.push(owned);
                }
                RequestKind::Remove(_) | RequestKind::Dump => {}
            }
            let asked = kernel::read(&bytes);
            self.asked.insert(asked.sequence, asked);
            self.in_flight += 1;
            turned.requests.push(bytes);
        }
        if turned.requests.len() > NETLINK_BATCH_MAX {
            let text = format!("n{}: {} requests in a turn", self.id, turned.requests.len());
            return Err(broken(10, text));
        }
        while let Some(Some(owned)) = self.call(Engine::next_released) {
            self.journal.retain(|known| *known != owned);
        }
        Ok(())
    }

    /// What happened, for the trace and for those who are told. How many events.
    pub(super) fn hear_events(&mut self, turned: &mut Turned) -> usize {
        let id = self.id;
        let mut events = 0;
        while let Some(Some(event)) = self.call(Engine::next_event) {
            events += 1;
            self.posts(&event);
            let Some(engine) = self.engine.as_deref() else { break };
            if let Event::Transition(change) = event {
                turned.changed += 1;
                turned.lines.push(format!(
                    "n{id} {} {}->{} {} | heard {:?} {:?} late {}",
                    engine.name_at(change.instance),
                    change.from.name(),
                    change.to.name(),
                    change.cause.text(),
                    change.peer,
                    change.advert_age,
                    change.lateness
                ));
            } else {
                turned.lines.push(format!("n{id} {event:?}"));
            }
        }
        if self.engine.as_deref().is_some_and(|engine| engine.events_lost() > self.events_lost) {
            self.is_blind();
        }
        events
    }

    /// I10: what happened, with nothing allocated and nothing dropped for want of room that there
    /// was; I16: when to wake next: always later, unless a reload or a
    /// tracker has just moved a timer into the past.
    pub(super) fn end(
        &mut self,
        now: Instant,
        moved: bool,
        events: usize,
    ) -> Result<(), Violation> {
        let id = self.id;
        self.judge_group()?;
        self.judge_tracking()?;
        if self.allocated > 0 {
            return Err(broken(10, format!("n{id}: {} allocations", self.allocated)));
        }
        let Some(engine) = self.engine.as_deref() else { return Ok(()) };
        let lost = engine.events_lost();
        if lost > self.events_lost && events < EVENT_COUNT_MAX {
            return Err(broken(10, format!("n{id}: events lost beside {events} that were not")));
        }
        self.events_lost = lost;
        let deadline = engine.next_deadline();
        if deadline <= now && !moved {
            let late = now.since(deadline);
            return Err(broken(16, format!("n{id}: wants to be called {late} ago, forever")));
        }
        self.wake_at = self.real(deadline);
        Ok(())
    }
}
