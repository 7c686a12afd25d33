//! The virtual clock, and everything that happens on it in one order.
//!
//! | file | what |
//! |---|---|
//! | `fault` | what goes wrong, and how all of it ends |
//! | `helper` | between processes and their helpers |
//! | `netlink` | between processes and their kernels |
//! | `core` | the nodes of the healed core, who of them is master, and since when |

mod core;
mod fault;
mod helper;
mod netlink;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::helper::Manners;
use super::invariant::Violation;
use super::kernel;
use super::measure::{Measure, Watch};
use super::network::Network;
use super::node::{Emitted, Node, Told};
use super::options::{Netlink, Options};
use super::pcap;
use super::plan::{NAMES, S};
use super::random::Random;
use super::stranger::Stranger;

pub(super) use fault::Fault;

#[derive(Debug)]
enum Happening {
    Arrive(usize, usize, Vec<u8>),
    Turn(usize),
    Apply(usize, u32, Vec<u8>),
    Say(usize, u32, Vec<u8>, Told),
    Lease(usize),
    Stranger(usize),
    /// A helper of this life reads what it is asked.
    Helper(usize, u32),
    /// A helper of this life has said this.
    Answer(usize, u32, Vec<u8>),
    Fault(Box<Fault>),
}

/// How much happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events on the virtual clock.
    pub events: u64,
    /// Changes of state.
    pub transitions: u64,
    /// Adverts and announcements that left.
    pub frames: u64,
    /// Virtual nanoseconds.
    pub time: u64,
}

pub(super) struct World {
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    order: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) network: Network,
    pub(super) netlink: Netlink,
    manners: Manners,
    strangers: Vec<Stranger>,
    latency: u64,
    segments: usize,
    lose_news: Vec<u64>,
    turn_at: Vec<Option<u64>>,
    /// Per node: the last moment at which news, an answer, a request is due, to keep their order.
    after: Vec<[u64; 3]>,
    kernel_random: Random,
    latency_random: Random,
    stranger_random: Random,
    spoil_random: Random,
    helper_random: Random,
    pub(super) tracker_random: Random,
    pub(super) fault_random: Random,
    pub(super) whole: Vec<super::plan::NodePlan>,
    pub(super) hash: u64,
    pub(super) tally: Tally,
    /// The trace, if wanted.
    pub(super) trace: Option<String>,
    /// The packets, if wanted.
    pub(super) pcap: Option<Vec<u8>>,
    /// Virtual routers with two masters in the healed core, and since when.
    rivals: BTreeMap<u8, u64>,
    /// Virtual routers with two owners of their addresses in the healed core, and since when.
    owners: BTreeMap<u8, u64>,
    /// Virtual routers whose next owner is waited for.
    pub(super) watches: Vec<Watch>,
    /// What was measured.
    pub(super) measures: Vec<Measure>,
    pub(super) core: Vec<usize>,
}

impl World {
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let count = options.plans.len();
        let node = |(plan, drift): (&super::plan::NodePlan, &i64)| {
            Node::new(plan.clone(), *drift, options)
        };
        let mut random = Random::new(seed, "strangers");
        let strangers = (0..options.strangers)
            .map(|_| Stranger::draw(&mut random, &options.plans, options.safety))
            .collect();
        World {
            now: 0,
            queue: BTreeMap::new(),
            order: 0,
            nodes: options.plans.iter().zip(&options.drift).map(node).collect(),
            network: Network::new(options.net, seed),
            netlink: options.netlink,
            manners: options.manners,
            strangers,
            latency: options.latency,
            segments: options.segments,
            lose_news: vec![0; count],
            turn_at: vec![None; count],
            after: vec![[0; 3]; count],
            kernel_random: Random::new(seed, "kernel"),
            latency_random: Random::new(seed, "latency"),
            stranger_random: random,
            spoil_random: Random::new(seed, "spoil"),
            helper_random: Random::new(seed, "helper"),
            tracker_random: Random::new(seed, "tracker faults"),
            fault_random: Random::new(seed, "faults"),
            whole: options.plans.clone(),
            hash: 0xcbf2_9ce4_8422_2325,
            tally: Tally::default(),
            trace: None,
            pcap: None,
            rivals: BTreeMap::new(),
            owners: BTreeMap::new(),
            watches: Vec::new(),
            measures: Vec::new(),
            core: Vec::new(),
        }
    }

    fn push(&mut self, at: u64, what: Happening) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), what);
    }

    pub(super) fn plan(&mut self, at: u64, fault: Fault) {
        self.push(at, Happening::Fault(Box::new(fault)));
    }

    pub(super) fn let_strangers_in(&mut self) {
        for index in 0..self.strangers.len() {
            let from = self.strangers[index].from;
            self.push(from, Happening::Stranger(index));
        }
    }

    pub(super) fn invite(&mut self, stranger: Stranger) {
        let from = stranger.from;
        self.strangers.push(stranger);
        self.push(from, Happening::Stranger(self.strangers.len() - 1));
    }

    /// The longest interval that a stranger has taught, or could have.
    pub(super) fn taught(&self) -> u64 {
        self.strangers.iter().map(|stranger| stranger.interval).max().unwrap_or(0)
    }

    pub(super) fn note(&mut self, line: &str) {
        for octet in line.bytes().chain(self.now.to_be_bytes()) {
            self.hash = (self.hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
        self.write(line);
    }

    /// A line for the trace that is no part of the hash.
    fn write(&mut self, line: &str) {
        let (secs, micros) = (self.now / S, self.now % S / 1_000);
        if let Some(trace) = &mut self.trace {
            let _ = writeln!(trace, "{secs}.{micros:06}s {line}");
        }
    }

    /// Everything up to `until`, judged after every event.
    pub(super) fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        let mut has_changed = true;
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at <= until
        {
            let Some(((at, _), what)) = self.queue.pop_first() else { break };
            self.now = at;
            self.tally.events += 1;
            // Who is master changes in turns that say so.
            let (transitions, is_turn) =
                (self.tally.transitions, matches!(what, Happening::Turn(_)));
            has_changed |=
                matches!(what, Happening::Apply(..) | Happening::Lease(_) | Happening::Fault(_));
            let node = self.happen(what)?;
            if let Some(node) = node.and_then(|node| self.nodes.get(node)) {
                node.judge_kernel(self.now)?;
            }
            has_changed |= transitions != self.tally.transitions;
            if has_changed || (is_turn && !self.rivals.is_empty()) {
                self.judge_rivals()?;
            }
            if std::mem::take(&mut has_changed) {
                self.measure();
            }
        }
        self.now = until;
        self.tally.time = until;
        Ok(())
    }

    /// One thing happens; answers with the node that it happened to.
    fn happen(&mut self, what: Happening) -> Result<Option<usize>, Violation> {
        match what {
            Happening::Arrive(node, segment, bytes) => {
                if self.nodes[node].receive(segment, &bytes) {
                    self.arouse(node);
                }
                Ok(None)
            }
            Happening::Turn(node) => {
                if self.turn_at[node] == Some(self.now) {
                    self.turn_at[node] = None;
                    self.turn(node)?;
                }
                Ok(Some(node))
            }
            Happening::Apply(node, boot, bytes) => {
                self.apply(node, boot, &bytes);
                Ok(Some(node))
            }
            Happening::Say(node, boot, bytes, what) => {
                if self.nodes[node].boot == boot && self.nodes[node].engine.is_some() {
                    if self.trace.is_some() {
                        self.write(&format!("n{node} is told {}", kernel::summary(&bytes)));
                    }
                    self.nodes[node].hear(bytes, what);
                    self.arouse(node);
                }
                Ok(None)
            }
            Happening::Lease(node) => {
                let news = self.nodes[node].kernel.expire(self.now);
                if !news.is_empty() {
                    self.trouble(node, 62 * S);
                }
                self.tell(node, news, Told::News);
                Ok(Some(node))
            }
            Happening::Stranger(index) => {
                self.stranger(index);
                Ok(None)
            }
            Happening::Helper(node, life) => {
                self.helper_reads(node, life);
                Ok(None)
            }
            Happening::Answer(node, life, bytes) => {
                self.helper_says(node, life, bytes);
                Ok(None)
            }
            Happening::Fault(fault) => self.fault(*fault),
        }
    }

    /// The process has something to do: it gets its turn soon.
    fn arouse(&mut self, node: usize) {
        self.arouse_at(node, self.now);
    }

    fn arouse_at(&mut self, node: usize, at: u64) {
        if at == u64::MAX || self.nodes[node].paused {
            return;
        }
        let at = at.max(self.now) + self.latency_random.exponential(self.latency);
        if self.turn_at[node].is_none_or(|turn| at < turn) {
            self.turn_at[node] = Some(at);
            self.push(at, Happening::Turn(node));
        }
    }

    fn turn(&mut self, node: usize) -> Result<(), Violation> {
        let turned = self.nodes[node].turn(self.now)?;
        self.tally.transitions += u64::try_from(turned.changed).unwrap_or(0);
        for line in &turned.lines {
            self.note(line);
        }
        for frame in turned.frames {
            self.emit(node, &frame);
        }
        for request in turned.requests {
            self.note(&format!("n{node} asks {:?}", kernel::read(&request).what));
            let delay = self.kernel_delay();
            let at = (self.now + delay).max(self.after[node][2]);
            self.after[node][2] = at;
            let boot = self.nodes[node].boot;
            self.push(at, Happening::Apply(node, boot, request));
        }
        self.wake_helper(node);
        let wake_at = if turned.asks_again { self.now } else { self.nodes[node].wake_at };
        if self.nodes[node].is_running() {
            self.arouse_at(node, wake_at);
        }
        Ok(())
    }

    fn emit(&mut self, node: usize, frame: &Emitted) {
        if !self.nodes[node].kernel.passes(NAMES[frame.segment]) {
            return;
        }
        self.tally.frames += 1;
        let octets = frame.bytes.iter().fold(0_u64, |sum, o| sum * 31 % 1_000_003 + u64::from(*o));
        self.note(&format!("n{node} sends {octets}"));
        if let Some(file) = &mut self.pcap {
            let from = super::plan::mac(node, frame.segment);
            pcap::append(file, self.now, &frame.bytes, frame.is_ip.then_some(from));
        }
        if frame.is_ip {
            self.spread((frame.segment, node), &frame.bytes);
        }
    }

    fn spread(&mut self, from: (usize, usize), bytes: &[u8]) {
        for arrival in self.network.send(self.now, from, self.nodes.len(), bytes) {
            self.push(arrival.at, Happening::Arrive(arrival.node, from.0, arrival.bytes));
        }
    }

    fn stranger(&mut self, index: usize) {
        let stranger = self.strangers[index].clone();
        let bytes = stranger.packet(&mut self.stranger_random);
        if let Some(file) = &mut self.pcap {
            pcap::append(file, self.now, &bytes, Some([2, 0, 0, 0, 0, 0xee]));
        }
        self.spread((stranger.plan.segment, usize::MAX), &bytes);
        let next = self.now + stranger.period;
        if next < stranger.until {
            self.push(next, Happening::Stranger(index));
        }
    }

    /// Every node as it is, for the end of a trace.
    pub(super) fn states(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let _ = writeln!(text, "n{} {}", node.id, node.state());
        }
        text
    }
}
