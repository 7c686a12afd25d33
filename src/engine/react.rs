//! What a router does about an event, and what follows from that for the rest of the engine.

use super::{Engine, address};
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event, StateName, Transition};
use crate::vrrp::instance::{self, Reaction, Send};

impl Engine {
    /// Hands an event to a router; in a sync group, to those whom it concerns as well.
    pub(super) fn event(&mut self, now: Instant, index: usize, event: instance::Event) {
        match self.group_of(index) {
            Some(group) => self.group_event(now, (group, index), event),
            None => self.member_event(now, index, event),
        }
    }

    /// Hands an event to one router and carries out its reaction.
    pub(super) fn member_event(&mut self, now: Instant, index: usize, event: instance::Event) {
        let Some(router) = self.routers.get_mut(index) else { return };
        let lateness = match event {
            instance::Event::Expire => now.since(router.fsm.deadline().min(now)),
            instance::Event::Start
            | instance::Event::Resume(_)
            | instance::Event::Advert { .. } => Span::ZERO,
            instance::Event::Fail(..) | instance::Event::Recover(_) => Span::ZERO,
            instance::Event::Hold | instance::Event::Join | instance::Event::Follow => Span::ZERO,
            instance::Event::Release | instance::Event::Stop(_) => Span::ZERO,
        };
        let rival = router.fsm.rival();
        let reaction = router.fsm.on(now, event);
        if reaction != Reaction::default() {
            self.react(now, index, reaction, rival, lateness);
        }
        self.touch(index);
    }

    pub(super) fn react(
        &mut self,
        now: Instant,
        index: usize,
        reaction: Reaction,
        rival_before: Option<instance::Rival>,
        lateness: Span,
    ) {
        let Some(router) = self.routers.get_mut(index) else { return };
        let Ok(number) = u16::try_from(index) else { return };
        let rival = router.fsm.rival();
        if let Some((from, to, cause)) = reaction.transition {
            let shown = match cause {
                // What was heard last, and how long ago, explains a takeover.
                Cause::MasterDown | Cause::MasterResigned | Cause::Preempted => rival_before,
                Cause::HigherPriority | Cause::HigherAddress => rival,
                Cause::Started | Cause::Owner | Cause::Resumed | Cause::InterfaceMissing => None,
                Cause::InterfaceDown | Cause::CarrierLost | Cause::InterfaceUp => None,
                Cause::NetworkWithoutDevice => None,
                Cause::NoSourceAddress | Cause::SourceAddress | Cause::SocketRefused => None,
                Cause::AddressRefused | Cause::AddressLost | Cause::AddressInterface => None,
                Cause::ScriptWaiting | Cause::ScriptFailed | Cause::ScriptPassed => None,
                Cause::ProcessFailed | Cause::FileFailed => None,
                Cause::TrackedInterface | Cause::TrackedInterfaceUp => None,
                Cause::GroupMaster | Cause::GroupBackup | Cause::GroupFault => None,
                Cause::GroupRecovered => None,
                Cause::Released | Cause::Removed | Cause::Stopped => None,
            };
            let transition = Transition {
                at: now,
                instance: number,
                from,
                to,
                cause,
                peer: shown.map(|rival| rival.address),
                peer_priority: shown.map(|rival| rival.priority),
                advert_age: shown.map(|rival| now.since(rival.heard_at)),
                lateness,
            };
            router.last = Some(transition);
            if to == StateName::Master {
                router.counters.became_master = router.counters.became_master.saturating_add(1);
            } else if from == StateName::Master {
                router.counters.released_master = router.counters.released_master.saturating_add(1);
            }
            self.transitions.push(transition);
            self.events.push(Event::Transition(transition));
            self.role_changed(now, index, from, to);
            self.post(index, to);
        }
        if reaction.stalled {
            self.events.push(Event::Stalled { instance: number, lateness });
        }
        if reaction.rival
            && let Some(rival) = rival
        {
            self.rival_heard(now, index, rival);
        }
        if reaction.reannounce {
            // After a stall: what was not claimed while it listened is claimed now.
            self.kernel.restart();
            self.announce_rival(now, index);
        }
        self.queue_advert(index, reaction.send);
    }

    /// What of an address's row a state machine's change of role means: announced at once if it is
    /// there already, removed or added by the next requests otherwise.
    pub(super) fn role_changed(
        &mut self,
        now: Instant,
        index: usize,
        from: StateName,
        to: StateName,
    ) {
        self.kernel.restart();
        if to == StateName::Master {
            self.announce_takeover(now, index);
        } else if from == StateName::Master {
            if let Some(router) = self.routers.get_mut(index) {
                router.forget_announcements();
            }
            for row in self.rows_of(index) {
                row.burst = 0;
            }
        }
    }

    /// The rows of an instance's addresses.
    pub(super) fn rows_of(&mut self, index: usize) -> core::slice::IterMut<'_, address::Address> {
        let range =
            self.config.instances.get(index).map_or(0..0, |instance| instance.addresses.range());
        self.addresses.get_mut(range).unwrap_or(&mut []).iter_mut()
    }

    /// Puts a router in the queue of adverts; a resignation takes the place of a regular advert.
    pub(super) fn queue_advert(&mut self, index: usize, send: Send) {
        let Some(router) = self.routers.get_mut(index) else { return };
        if send == Send::Nothing {
            if !router.fsm.is_master() && router.send != Send::Resignation {
                // A reply of this turn, overtaken by a better master: it must not leave any more.
                router.send = Send::Nothing;
            }
            return;
        }
        router.send = send;
        if !core::mem::replace(&mut router.queued, true)
            && let Ok(number) = u16::try_from(index)
        {
            // Cannot be full: it holds each router once.
            let _ = self.adverts.push_back(number);
        }
    }
}
