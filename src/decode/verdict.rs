//! What ringward would have made of an advert.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::View;
use super::capture::Record;
use super::frame::{Advert, Content, Frame};
use super::link;
use crate::addr::{Family, Vrid};
use crate::config::model::Config;
use crate::engine::policy;
use crate::trace::Mismatch;
use crate::wire::Reject;
use crate::wire::vrrp::Rejected;

/// One verdict: of an instance, or of none in particular.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// Index into the configuration's instances.
    pub(super) instance: Option<usize>,
}

/// What an advert comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nothing is wrong with its format, and there is no configuration to judge it by.
    WellFormed,
    /// Obeyed; what is counted all the same because it differs.
    Accepted(Option<Mismatch>),
    /// Counted, not obeyed.
    Rejected(Reject),
    /// Neither: the capture holds only the front of it.
    Cut,
    /// Neither: its IPv4 header checksum is wrong, so no kernel hands it to ringward.
    Dropped,
}

/// The verdicts on a frame: one for each instance that would be asked; none when it is no advert.
pub(super) fn judge(record: &Record<'_>, frame: &Frame<'_>, view: &View<'_>) -> Vec<Verdict> {
    let Content::Advert(advert) = &frame.content else { return Vec::new() };
    let of_nobody = |outcome| vec![Verdict { outcome, instance: None }];
    if let Err(Rejected { reason: Reject::Truncated, .. }) = advert.dissected
        && record.is_cut()
    {
        return of_nobody(Outcome::Cut);
    }
    if advert.header_is_damaged {
        return of_nobody(Outcome::Dropped);
    }
    let Some(config) = view.config else {
        return of_nobody(match advert.dissected {
            Ok(_) => Outcome::WellFormed,
            Err(rejected) => Outcome::Rejected(rejected.reason),
        });
    };
    let verdicts = judge_by(config, view.interface, advert);
    if !verdicts.is_empty() {
        return verdicts;
    }
    of_nobody(Outcome::Rejected(match advert.dissected {
        Ok(_) => Reject::VridUnknown,
        Err(rejected) => rejected.reason,
    }))
}

/// What each instance says that has this advert's family and VRID.
fn judge_by(config: &Config, interface: Option<&str>, advert: &Advert<'_>) -> Vec<Verdict> {
    let (vrid, family) = match (&advert.dissected, advert.envelope) {
        (Ok(datagram), _) => (Some(datagram.advert.vrid), Family::of(datagram.source)),
        (Err(rejected), Some((source, ..))) => (rejected.vrid, Family::of(source)),
        (Err(_), None) => return Vec::new(),
    };
    let mut verdicts = Vec::new();
    for (index, instance) in config.instances.iter().enumerate() {
        let name = config.interface_name(instance.interface);
        let is_there = interface.is_none_or(|wanted| wanted == name);
        if !is_there || Some(instance.vrid) != vrid || instance.family != family {
            continue;
        }
        let outcome = match &advert.dissected {
            Err(rejected) => Outcome::Rejected(rejected.reason),
            Ok(datagram) => match policy::judge(config, instance, instance.source, datagram) {
                Err(reason) => Outcome::Rejected(reason),
                Ok(()) => Outcome::Accepted(policy::mismatch(config, instance, &datagram.advert)),
            },
        };
        verdicts.push(Verdict { outcome, instance: Some(index) });
    }
    verdicts
}

/// The instance that has `ip` as a virtual address, as its name and VRID.
pub(super) fn owner(config: Option<&Config>, ip: IpAddr) -> Option<(&str, Vrid)> {
    let config = config?;
    let has = |instance: &&crate::config::model::Instance| {
        config.addresses_of(instance).iter().any(|address| address.ip == ip)
    };
    config.instances.iter().find(has).map(|instance| (instance.name.as_str(), instance.vrid))
}

/// What a capture held.
#[derive(Debug, Default)]
pub(super) struct Tally {
    frames: u64,
    adverts: u64,
    well_formed: u64,
    accepted: u64,
    rejected: BTreeMap<Reject, u64>,
    cut: u64,
    dropped: u64,
    arp: u64,
    neighbours: u64,
    other: u64,
    /// Frames of link types that are not read, by type.
    unread: BTreeMap<u16, u64>,
}

impl Tally {
    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    pub(super) fn count(&mut self, record: &Record<'_>, frame: &Frame<'_>, verdicts: &[Verdict]) {
        self.frames += 1;
        match frame.content {
            Content::Advert(_) => self.adverts += 1,
            Content::Arp(_) => self.arp += 1,
            Content::Neighbour(..) => self.neighbours += 1,
            Content::Other if link::is_known(record.link_type) => self.other += 1,
            Content::Other => *self.unread.entry(record.link_type).or_default() += 1,
        }
        for verdict in verdicts {
            match verdict.outcome {
                Outcome::WellFormed => self.well_formed += 1,
                Outcome::Accepted(_) => self.accepted += 1,
                Outcome::Rejected(reason) => *self.rejected.entry(reason).or_default() += 1,
                Outcome::Cut => self.cut += 1,
                Outcome::Dropped => self.dropped += 1,
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames: {} VRRP", self.frames, self.adverts)?;
        let verdicts: Vec<String> = [
            (self.well_formed, "well formed"),
            (self.accepted, "accepted"),
            (self.cut, "cut by the capture"),
            (self.dropped, "dropped by any kernel"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .chain(self.rejected.iter().map(|(reason, n)| format!("{n} rejected {}", reason.name())))
        .collect();
        if !verdicts.is_empty() {
            write!(f, " ({})", verdicts.join(", "))?;
        }
        write!(f, ", {} ARP, {} neighbour discovery, ", self.arp, self.neighbours)?;
        write!(f, "{} others", self.other)?;
        for (link_type, count) in &self.unread {
            write!(f, ", {count} of link type {link_type}, which is not read")?;
        }
        Ok(())
    }
}
