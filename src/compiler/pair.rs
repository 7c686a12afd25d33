//! Nodes against each other: do they form a pair, who is master, and who follows after how long?

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::addr::Version;
use crate::config::model::{Authentication, Config, Instance};

mod order;

/// A router with its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it runs.
    pub config: &'a Config,
}

/// What is said of nodes together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// In words, virtual router by virtual router.
    pub text: String,
    /// How many things keep them from working together.
    pub errors: usize,
    /// How many things are odd.
    pub warnings: usize,
}

/// A node's part in one virtual router.
#[derive(Clone, Copy)]
struct Member<'a> {
    node: Node<'a>,
    instance: &'a Instance,
}

/// Judges nodes that are to back each other.
pub fn judge(nodes: &[Node<'_>]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut seen = vec![BTreeSet::new(); nodes.len()];
    for (first, node) in nodes.iter().enumerate() {
        for (index, instance) in node.config.instances.iter().enumerate() {
            if seen.get(first).is_some_and(|seen| seen.contains(&index)) {
                continue;
            }
            let mut members = vec![Member { node: *node, instance }];
            for (other, partner) in nodes.iter().enumerate() {
                let Some(taken) = seen.get_mut(other).filter(|_| other != first) else { continue };
                if let Some(at) = partner_of(*node, instance, *partner, taken)
                    && let Some(instance) = partner.config.instances.get(at)
                {
                    taken.insert(at);
                    members.push(Member { node: *partner, instance });
                }
            }
            verdict.router(&members, nodes);
        }
    }
    verdict
}

/// The instance of another node that is the same virtual router: of the same family and VRID, if
/// there are several on the interface of the same name, or of the same name itself.
fn partner_of(
    node: Node<'_>,
    instance: &Instance,
    partner: Node<'_>,
    taken: &BTreeSet<usize>,
) -> Option<usize> {
    let interface = node.config.interface_name(instance.interface);
    let candidates = partner.config.instances.iter().enumerate().filter(|(at, other)| {
        !taken.contains(at) && (other.family, other.vrid) == (instance.family, instance.vrid)
    });
    let best = candidates.min_by_key(|(_, other)| {
        let is_there = partner.config.interface_name(other.interface) == interface;
        (!is_there, other.name != instance.name)
    });
    best.map(|(at, _)| at)
}

impl Verdict {
    fn error(&mut self, text: &str) {
        self.errors += 1;
        let _ = writeln!(self.text, "  error: {text}");
    }

    fn warning(&mut self, text: &str) {
        self.warnings += 1;
        let _ = writeln!(self.text, "  warning: {text}");
    }

    fn router(&mut self, members: &[Member<'_>], nodes: &[Node<'_>]) {
        let Some(&first) = members.first() else { return };
        let Instance { name, vrid, family, .. } = first.instance;
        let _ = writeln!(self.text, "{name} (VRID {vrid}, {family})");
        for node in nodes {
            if !members.iter().any(|member| member.node.name == node.name) {
                self.error(&format!("{} has no VRID {vrid} of {family}", node.name));
            }
        }
        let rest = members.get(1..).unwrap_or(&[]);
        let mut deaf = false;
        for &member in rest {
            deaf |= self.compare(first, member);
        }
        for (at, &one) in members.iter().enumerate() {
            for &other in members.iter().skip(at + 1) {
                deaf |= self.peers(one, other);
                deaf |= self.peers(other, one);
            }
        }
        if deaf {
            let _ = writeln!(self.text, "  more than one is master: not all obey each other");
        } else {
            order::tell(self, members);
        }
    }

    /// What must be the same everywhere. Whether one does not obey the other.
    fn compare(&mut self, one: Member<'_>, other: Member<'_>) -> bool {
        let (a, b) = (one.node.name, other.node.name);
        let (x, y) = (one.instance, other.instance);
        let errors = self.errors;
        if x.version != y.version {
            let (v, w) = (x.version.number(), y.version.number());
            self.error(&format!("version {v} on {a}, {w} on {b}: they do not hear each other"));
        }
        if x.interval != y.interval {
            let text = format!("advert_int {} on {a}, {} on {b}", x.interval, y.interval);
            match x.version {
                Version::V2 => self.error(&format!("{text}: version 2 rejects such adverts")),
                Version::V3 => self.warning(&format!("{text}: each learns the master's")),
            }
        }
        match (x.authentication, y.authentication) {
            (x, y) if x == y => {}
            (Authentication::None, _) => {
                self.error(&format!("{b} has a password, {a} has none"));
            }
            (_, Authentication::None) => {
                self.error(&format!("{a} has a password, {b} has none"));
            }
            (Authentication::Password(_), Authentication::Header(_))
            | (Authentication::Header(_), Authentication::Password(_)) => {
                self.error(&format!("auth_type differs between {a} and {b}"));
            }
            (Authentication::Password(_), Authentication::Password(_))
            | (Authentication::Header(_), Authentication::Header(_)) => {
                self.error(&format!("auth_pass differs between {a} and {b}"));
            }
        }
        let (sends, hears) = (x.peers.len == 0, y.peers.len == 0);
        if sends != hears {
            let (multicast, unicast) = if sends { (a, b) } else { (b, a) };
            self.error(&format!("{multicast} speaks multicast, {unicast} unicast"));
        }
        if let (Some(x), Some(y)) = (x.source, y.source)
            && x == y
        {
            self.error(&format!("{a} and {b} both send from {x}"));
        }
        let is_deaf = self.errors > errors;
        self.addresses(one, other);
        is_deaf
    }

    fn addresses(&mut self, one: Member<'_>, other: Member<'_>) {
        let of = |member: Member<'_>| -> BTreeSet<String> {
            let addresses = member.node.config.addresses_of(member.instance).iter();
            addresses.map(|address| format!("{}/{}", address.ip, address.prefix_len)).collect()
        };
        let (x, y) = (of(one), of(other));
        for (member, lacks, has) in [(one, &x, &y), (other, &y, &x)] {
            for address in has.difference(lacks) {
                self.error(&format!("{} does not have {address}", member.node.name));
            }
        }
    }

    /// Whether `one` neither sends to `other` nor takes anything from it.
    fn peers(&mut self, one: Member<'_>, other: Member<'_>) -> bool {
        if one.instance.peers.len == 0 || other.instance.peers.len == 0 {
            return false;
        }
        let (a, b) = (one.node.name, other.node.name);
        match other.instance.source {
            Some(source) => {
                if one.node.config.peers_of(one.instance).contains(&source) {
                    return false;
                }
                self.error(&format!("{a} does not list {source}, which {b} sends from"));
                true
            }
            None => {
                self.warning(&format!(
                    "{b} has no unicast_src_ip: nobody can tell whether {a} lists it as a peer"
                ));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
