//! The virtual clock, and everything that happens on it in one order.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::invariant::{Violation, broken};
use super::kernel::{self, What};
use super::network::Network;
use super::node::{Emitted, Node, Order};
use super::options::{Netlink, Options};
use super::pcap;
use super::plan::{MS, NAMES, S, own_v4};
use super::random::Random;
use super::stranger::Stranger;

/// What goes wrong, or right again.
#[derive(Clone, Debug)]
pub(super) enum Fault {
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
}

#[derive(Debug)]
enum Happening {
    Arrive(usize, usize, Vec<u8>),
    Turn(usize),
    Apply(usize, u32, Vec<u8>),
    Say(usize, u32, Vec<u8>, bool),
    Lease(usize),
    Stranger(usize),
    Fault(Fault),
}

/// How the time between fault and new owner was distributed, by cause.
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
    pub(super) fault_random: Random,
    pub(super) whole: Vec<super::plan::NodePlan>,
    pub(super) hash: u64,
    pub(super) tally: Tally,
    /// The trace, if wanted.
    pub(super) trace: Option<String>,
    /// The packets, if wanted.
    pub(super) pcap: Option<Vec<u8>>,
    /// Virtual routers with two masters in the healed core, and since when.
    pub(super) rivals: BTreeMap<u8, u64>,
    pub(super) core: Vec<usize>,
}

impl World {
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let count = options.plans.len();
        let node = |(plan, drift): (&super::plan::NodePlan, &i64)| {
            let proto = options.netlink.keeps_proto;
            Node::new(plan.clone(), options.segments, *drift, options.leases, proto)
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
            strangers,
            latency: options.latency,
            segments: options.segments,
            lose_news: vec![0; count],
            turn_at: vec![None; count],
            after: vec![[0; 3]; count],
            kernel_random: Random::new(seed, "kernel"),
            latency_random: Random::new(seed, "latency"),
            stranger_random: random,
            fault_random: Random::new(seed, "faults"),
            whole: options.plans.clone(),
            hash: 0xcbf2_9ce4_8422_2325,
            tally: Tally::default(),
            trace: None,
            pcap: None,
            rivals: BTreeMap::new(),
            core: Vec::new(),
        }
    }

    fn push(&mut self, at: u64, what: Happening) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), what);
    }

    pub(super) fn plan(&mut self, at: u64, fault: Fault) {
        self.push(at, Happening::Fault(fault));
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
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at <= until
        {
            let Some(((at, _), what)) = self.queue.pop_first() else { break };
            self.now = at;
            self.tally.events += 1;
            let node = self.happen(what)?;
            if let Some(node) = node.and_then(|node| self.nodes.get(node)) {
                node.judge_kernel(self.now)?;
            }
            self.judge_rivals()?;
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
            Happening::Say(node, boot, bytes, is_news) => {
                if self.nodes[node].boot == boot && self.nodes[node].engine.is_some() {
                    if self.trace.is_some() {
                        self.write(&format!("n{node} is told {}", kernel::summary(&bytes)));
                    }
                    self.nodes[node].hear(bytes, is_news);
                    self.arouse(node);
                }
                Ok(None)
            }
            Happening::Lease(node) => {
                let news = self.nodes[node].kernel.expire(self.now);
                if !news.is_empty() {
                    self.trouble(node, 62 * S);
                }
                self.tell(node, news, true);
                Ok(Some(node))
            }
            Happening::Stranger(index) => {
                self.stranger(index);
                Ok(None)
            }
            Happening::Fault(fault) => self.fault(fault),
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
        let wake_at = self.nodes[node].wake_at;
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

    fn kernel_delay(&mut self) -> u64 {
        self.netlink.delay_min + self.kernel_random.exponential(self.netlink.jitter)
    }

    fn trouble(&mut self, node: usize, span: u64) {
        let until = &mut self.nodes[node].trouble_until;
        *until = (*until).max(self.now + span);
    }

    /// The kernel carries out a request.
    fn apply(&mut self, node: usize, boot: u32, bytes: &[u8]) {
        if self.nodes[node].boot != boot {
            // A request ends with the process that makes it, done or not.
            return;
        }
        self.nodes[node].in_flight = self.nodes[node].in_flight.saturating_sub(1);
        let asked = kernel::read(bytes);
        let mut refuse = None;
        if self.kernel_random.chance(self.netlink.refuse) {
            refuse = Some(self.kernel_random.pick(&[13, 105, 12]));
            self.trouble(node, 15 * S);
        }
        let said = self.nodes[node].kernel.ask(self.now, &asked, refuse);
        if let What::Address { lifetime: Some(secs), .. } = asked.what {
            self.push(self.now + u64::from(secs) * S, Happening::Lease(node));
        }
        self.tell(node, said.news, true);
        if self.kernel_random.chance(self.netlink.lose_answer) {
            // A dump is lost as a whole; the socket may say so, or not.
            self.trouble(node, 30 * S);
            // Five seconds of patience, and the time of the dump that follows.
            self.nodes[node].waits_until = self.now + 6 * S;
            if self.kernel_random.coin() {
                self.nodes[node].overrun = true;
                self.arouse(node);
            }
            return;
        }
        if asked.what == What::Links || asked.what == What::Addresses {
            // The parts of a dump come in order, behind all that was answered before.
            let reorders = core::mem::take(&mut self.netlink.reorders);
            self.tell(node, said.answers, false);
            self.netlink.reorders = reorders;
        } else {
            self.tell(node, said.answers, false);
        }
    }

    /// The kernel tells the process: news, or an answer.
    fn tell(&mut self, node: usize, datagrams: Vec<Vec<u8>>, is_news: bool) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        for datagram in datagrams {
            if is_news && self.lose_news[node] > 0 {
                self.lose_news[node] -= 1;
                self.nodes[node].overrun = true;
                self.arouse(node);
                continue;
            }
            let delay = self.kernel_delay();
            let channel = usize::from(!is_news);
            let mut at = self.now + delay;
            if is_news || !self.netlink.reorders {
                at = at.max(self.after[node][channel]);
                self.after[node][channel] = at;
            }
            self.nodes[node].in_flight += 1;
            let boot = self.nodes[node].boot;
            self.push(at, Happening::Say(node, boot, datagram, is_news));
        }
    }

    fn fault(&mut self, fault: Fault) -> Result<Option<usize>, Violation> {
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
                let mut plan = self.nodes[node].plan.clone();
                plan.vary(&mut self.fault_random, &self.whole[node]);
                return self.fault(Fault::Order(node, Order::Reload(plan)));
            }
            Fault::Pause(node) => {
                self.nodes[node].paused = true;
                self.turn_at[node] = None;
            }
            Fault::Resume(node) => {
                self.nodes[node].paused = false;
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
                self.tell(node, news, true);
            }
            Fault::RemoveLink(node, segment) => {
                if let Some(link) = self.nodes[node].kernel.link(NAMES[segment]) {
                    let index = link.index;
                    self.nodes[node].forget_index(index);
                }
                let news = self.nodes[node].kernel.remove_link(NAMES[segment]);
                self.trouble(node, 62 * S);
                self.tell(node, news, true);
            }
            Fault::AddLink(node, segment, index, usurp) => {
                self.add_link(node, segment, index, usurp);
            }
            Fault::DeleteVip(node) => self.delete_vip(node),
            Fault::AssignVip(node) => self.assign_vip(node),
            Fault::Source(node, segment, present) => self.set_source(node, segment, present),
        }
        Ok(None)
    }

    fn add_link(&mut self, node: usize, segment: usize, index: u32, usurp: bool) {
        let id = self.nodes[node].id;
        if self.nodes[node].kernel.link(NAMES[segment]).is_some() {
            return;
        }
        let mut index = index;
        if usurp {
            let other = Node::link(id, segment, "veth7", index);
            let news = self.nodes[node].kernel.add_link(other, own_v4(99, segment));
            self.tell(node, news, true);
            index += 100;
        }
        let link = Node::link(id, segment, NAMES[segment], index);
        let news = self.nodes[node].kernel.add_link(link, own_v4(id, segment));
        self.trouble(node, S);
        self.tell(node, news, true);
    }

    /// Somebody deletes one of the addresses that ringward added.
    fn delete_vip(&mut self, node: usize) {
        let ours = self.nodes[node].kernel.addresses.iter().find(|address| address.proto == 112);
        if let Some(address) = ours.cloned() {
            let kernel = &mut self.nodes[node].kernel;
            let (_, news) = kernel.remove(address.index, address.ip, address.len, 0);
            self.trouble(node, 62 * S);
            self.tell(node, news, true);
        }
    }

    /// The administrator assigns one of the virtual addresses, for good.
    fn assign_vip(&mut self, node: usize) {
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
        self.tell(node, news, true);
    }

    fn set_source(&mut self, node: usize, segment: usize, present: bool) {
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
        self.tell(node, news, true);
    }

    /// All faults end. `core` stays connected; everybody else is cut off from it.
    pub(super) fn heal(&mut self, core: Vec<usize>) -> Result<(), Violation> {
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
            self.fault(Fault::Resume(node))?;
            self.fault(Fault::Boot(node))?;
        }
        self.core = core;
        Ok(())
    }

    /// Every node as it is, for the end of a trace.
    pub(super) fn states(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let _ = writeln!(text, "n{} {}", node.id, node.state());
        }
        text
    }

    /// The nodes of the core that are master of a virtual router.
    pub(super) fn masters(&self, vrid: u8) -> Vec<usize> {
        let is_master = |node: &Node| {
            node.is_running()
                && node.shadows.iter().any(|s| s.plan.vrid == vrid && s.machine.is_active())
        };
        self.core.iter().copied().filter(|node| is_master(&self.nodes[*node])).collect()
    }

    /// I4: two masters in a healed core hear each other, and one of them yields.
    fn judge_rivals(&mut self) -> Result<(), Violation> {
        if self.core.is_empty() {
            return Ok(());
        }
        let mut routers: BTreeMap<u8, u64> = BTreeMap::new();
        for node in &self.core {
            for shadow in &self.nodes[*node].shadows {
                let interval = routers.entry(shadow.plan.vrid).or_insert(0);
                *interval = (*interval).max(shadow.plan.interval);
            }
        }
        for (vrid, interval) in routers {
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
}
