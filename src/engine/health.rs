//! What is missing for each instance, what follows from that, and the sockets that should be open.

use core::net::IpAddr;

use super::{Engine, Port};
use crate::addr::Family;
use crate::config::model::Instance;
use crate::config::network::network_of;
use crate::limits::HEADER_COUNT_MAX;
use crate::time::Instant;
use crate::trace::{Cause, Event, StateName};
use crate::vrrp::instance;

impl Engine {
    /// Compares what each instance needs with what there is, and tells those for which that
    /// changed. Does nothing while a dump is being read: half a table proves nothing.
    pub(super) fn judge_health(&mut self, now: Instant) {
        if !self.started || self.stopping || self.kernel.is_dumping() {
            return;
        }
        self.judge_groups(now);
        for index in 0..self.routers.len() {
            self.judge_priority(now, index);
            let (own_fault, source) = self.health(now, index);
            let group = self.group_of(index);
            let fault = match group {
                Some(group) => self.fault_in_group(group, own_fault),
                None => own_fault,
            };
            let resumes = group.is_none_or(|group| self.group_resumes(group));
            let Some(router) = self.routers.get_mut(index) else { continue };
            if source.is_some() {
                router.source = source;
            }
            let was = core::mem::replace(&mut router.fault, fault);
            // What was master a moment ago need not wait for a script, nor need who takes part
            // already and gets one by a reload.
            let goes_on = resumes && router.resume_at.is_some();
            let event = match (router.fsm.name(), fault) {
                (StateName::Init, None | Some(Cause::ScriptWaiting))
                    if self.listen_at.is_none() && (fault.is_none() || goes_on) =>
                {
                    let resume_at = router.resume_at.take();
                    match group {
                        Some(group) => self.group_start(group, resume_at),
                        None => resume_at.map_or(instance::Event::Start, instance::Event::Resume),
                    }
                }
                (StateName::Fault, None) => instance::Event::Recover(recovery(was)),
                (
                    StateName::Init | StateName::Backup | StateName::Master,
                    Some(Cause::ScriptWaiting),
                ) => continue,
                (StateName::Init | StateName::Backup | StateName::Master, Some(cause)) => {
                    instance::Event::Fail(cause, can_resign(cause))
                }
                (StateName::Fault, Some(cause)) => {
                    if was != fault
                        && let Ok(instance) = u16::try_from(index)
                    {
                        self.events.push(Event::FaultChanged { instance, cause });
                    }
                    continue;
                }
                (StateName::Init | StateName::Backup | StateName::Master, None) => continue,
            };
            self.event(now, index, event);
        }
        self.settle_groups(now);
    }

    /// What is missing for an instance, and the source of its adverts.
    pub(super) fn health(&self, now: Instant, index: usize) -> (Option<Cause>, Option<IpAddr>) {
        let (Some(config), Some(router)) =
            (self.config.instances.get(index), self.routers.get(index))
        else {
            return (Some(Cause::Removed), None);
        };
        let Some(interface) = self.interfaces.get(usize::from(config.interface)) else {
            return (Some(Cause::InterfaceMissing), None);
        };
        if interface.index.is_none()
            && network_of(self.config.interface_name(config.interface)).is_some()
        {
            return (Some(Cause::NetworkWithoutDevice), None);
        }
        let fault = interface.fault();
        if let Some(cause) = fault
            && (config.track_primary || cause == Cause::InterfaceMissing)
        {
            return (Some(cause), None);
        }
        let is_refused = |kind: usize| interface.refused.get(kind).copied().flatten().is_some();
        if is_refused(config.family.index()) || (has_header(config) && is_refused(HEADER_KIND)) {
            return (Some(Cause::SocketRefused), None);
        }
        let unicast = config.peers.len > 0;
        let source = config.source.or_else(|| interface.primary(config.family, unicast));
        if source.is_none() {
            return (Some(Cause::NoSourceAddress), None);
        }
        let broken = self.config.addresses_of(config).iter().any(|address| {
            address.interface != config.interface
                && self
                    .interfaces
                    .get(usize::from(address.interface))
                    .is_none_or(|interface| interface.fault().is_some())
        });
        if broken {
            return (Some(Cause::AddressInterface), source);
        }
        if let Some((until, cause)) = router.barred
            && now < until
        {
            return (Some(cause), source);
        }
        (self.tracked_fault(index), source)
    }

    /// The raw sockets that should be open now. Changes only in `configure`, `reload`, `observe`.
    pub fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        let kinds = [(Family::V4, false), (Family::V6, false), (Family::V4, true)];
        self.interfaces.iter().enumerate().flat_map(move |(slot, interface)| {
            kinds.into_iter().filter_map(move |(family, authenticated)| {
                let mut users = self.config.instances.iter().filter(|instance| {
                    usize::from(instance.interface) == slot
                        && instance.family == family
                        && (!authenticated || has_header(instance))
                });
                let first = users.next()?;
                let multicast = first.peers.len == 0 || users.any(|user| user.peers.len == 0);
                Some(Port { interface: interface.index?, family, multicast, authenticated })
            })
        })
    }

    /// Counts the changes of [`Engine::ports`]: the caller compares it instead of the ports.
    pub fn ports_generation(&self) -> u32 {
        self.ports_generation
    }
}

/// What to call the end of a fault.
const fn recovery(was: Option<Cause>) -> Cause {
    match was {
        Some(Cause::NoSourceAddress) => Cause::SourceAddress,
        Some(Cause::GroupFault) => Cause::GroupRecovered,
        Some(Cause::AddressRefused | Cause::AddressLost | Cause::SocketRefused) => Cause::Started,
        Some(
            Cause::ScriptFailed | Cause::ProcessFailed | Cause::FileFailed | Cause::ScriptWaiting,
        ) => Cause::ScriptPassed,
        Some(Cause::TrackedInterface) => Cause::TrackedInterfaceUp,
        _ => Cause::InterfaceUp,
    }
}

/// Whether a resignation can still leave when this goes wrong.
const fn can_resign(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::InterfaceMissing
            | Cause::NetworkWithoutDevice
            | Cause::InterfaceDown
            | Cause::CarrierLost
    )
}

/// The kind of the socket for adverts in an Authentication Header, behind those of the families.
const HEADER_KIND: usize = 2;

impl Port {
    /// Which of the sockets of its interface, for tables with one entry for each.
    pub(super) const fn kind(self) -> usize {
        if self.authenticated { HEADER_KIND } else { self.family.index() }
    }
}

/// Whether its adverts are in an Authentication Header.
pub(super) fn has_header(instance: &Instance) -> bool {
    HEADER_COUNT_MAX != 0 && instance.authentication.is_header()
}
