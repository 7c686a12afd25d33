//! Every state of a virtual router with every event, against a machine written from the RFCs
//! (RFC 9568 §6.4, RFC 3768 §6.4). Where the two differ from the RFC, ARCHITECTURE.md's table of
//! deviations must have a row for it.
#![cfg(test)]

#[allow(
    unreachable_pub,
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "the simulator's, which needs more of it"
)]
#[path = "../src/sim/reference.rs"]
mod reference;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use reference::{Input, Machine, ROWS, Rules, Sent, State};
use ringward::addr::{Priority, Version};
use ringward::time::{Instant, Span};
use ringward::trace::{Cause, StateName};
use ringward::vrrp::instance::{Event, Heard, Instance, Send, Settings};

const MS: u64 = 1_000_000;
const START: u64 = 1_000_000 * MS;

/// The instance and the reference, given the same at the same time.
#[derive(Clone)]
struct Pair {
    instance: Instance,
    machine: Machine,
    now: u64,
}

fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

/// State, timer, what is sent.
type Outcome = (&'static str, u64, Sent);

/// This router's address; others have 10.0.0.4 and 10.0.0.6.
const OWN: u8 = 5;

impl Pair {
    fn new(rules: Rules) -> Self {
        let settings = Settings {
            version: if rules.version == 2 { Version::V2 } else { Version::V3 },
            priority: Priority(rules.priority),
            interval: Span::from_nanos(rules.interval),
            preempt: rules.preempt,
            preempt_delay: Span::from_nanos(rules.delay),
            grouped: rules.grouped,
        };
        let instance = Instance::new(settings);
        Pair { instance, machine: Machine::house(rules), now: START }
    }

    /// One event for both; answers with what the RFC alone has, and what the house has.
    fn step(&mut self, input: Input, context: &str) -> (Outcome, Outcome) {
        let event = match input {
            Input::Startup => Event::Start,
            Input::Resume(at) => Event::Resume(Instant::from_nanos(at)),
            Input::Advert { priority, interval, source, local } => {
                let interval = Span::from_nanos(interval);
                let heard = Heard { source, priority: Priority(priority), interval };
                Event::Advert { heard, local }
            }
            Input::Timer => Event::Expire,
            Input::Lost(can_send) => Event::Fail(Cause::InterfaceDown, can_send),
            Input::Found => Event::Recover(Cause::InterfaceUp),
            Input::Wait => Event::Hold,
            Input::Join => Event::Join,
            Input::Follow => Event::Follow,
            Input::Release => Event::Release,
            Input::Shutdown => Event::Stop(Cause::Stopped),
        };
        let mut strict = self.machine.made_strict();
        let strict_sent = strict.step(self.now, input);
        let before = self.instance.name();
        let sent = self.machine.step(self.now, input);
        let reaction = self.instance.on(Instant::from_nanos(self.now), event);
        let context = format!("{context}, {input:?} at {} of {:?}", self.now, self.machine.rules);

        let name = match self.machine.state {
            State::Initialize => StateName::Init,
            State::Backup { .. } => StateName::Backup,
            State::Active { .. } => StateName::Master,
            State::Fault => StateName::Fault,
        };
        assert_eq!(self.instance.name(), name, "{context}");
        let deadline = self.machine.deadline().unwrap_or(u64::MAX);
        assert_eq!(self.instance.deadline().as_nanos(), deadline, "{context}");
        let really_sent = match reaction.send {
            Send::Nothing => Sent::Nothing,
            Send::Advert | Send::Reply => Sent::Advert,
            Send::Resignation => Sent::Resignation,
        };
        assert_eq!(really_sent, sent, "{context}");
        let change = reaction.transition.map(|(from, to, _)| (from, to));
        assert_eq!(change, (before != name).then_some((before, name)), "{context}");
        let master_interval = self.instance.master_interval().as_nanos();
        if matches!(self.machine.state, State::Backup { .. }) {
            assert_eq!(master_interval, self.machine.active_interval, "{context}");
        }
        (Pair::outcome(strict.state, strict_sent), Pair::outcome(self.machine.state, sent))
    }

    /// What an RFC can say of a step: the state, its timer, what is sent.
    fn outcome(state: State, sent: Sent) -> Outcome {
        match state {
            State::Initialize => ("Initialize", 0, sent),
            State::Backup { down_at, .. } => ("Backup", down_at, sent),
            State::Active { advert_at, .. } => ("Active", advert_at, sent),
            State::Fault => ("FAULT", 0, sent),
        }
    }

    fn advert(&self, priority: u8, last: u8) -> Input {
        let interval = self.machine.rules.interval;
        Input::Advert { priority, interval, source: ip(last), local: ip(OWN) }
    }
}

/// Leads a fresh pair into a state.
type Lead = fn(&mut Pair);

fn lower(pair: &Pair) -> u8 {
    (pair.machine.rules.priority - 1).max(1)
}

fn higher(pair: &Pair) -> u8 {
    pair.machine.rules.priority.saturating_add(1)
}

const LEADS: [(&str, Lead); 15] = [
    ("initialize", |_| {}),
    ("started", |pair| start(pair)),
    ("heard a better master", |pair| {
        start(pair);
        hear(pair, higher, 100);
    }),
    ("heard a lower master", |pair| {
        start(pair);
        hear(pair, lower, 100);
    }),
    ("endured a lower master", |pair| {
        start(pair);
        for _ in 0..8 {
            hear(pair, lower, 1_000);
        }
    }),
    ("heard a resignation", |pair| {
        start(pair);
        hear(pair, |_| 0, 100);
    }),
    ("heard a resignation late", |pair| {
        start(pair);
        pair.now += pair.machine.down() - pair.machine.skew() / 2;
        hear(pair, |_| 0, 0);
    }),
    ("released", |pair| {
        start(pair);
        pair.step(Input::Release, "lead");
    }),
    ("waits for its group", |pair| {
        start(pair);
        if let Some(at) = pair.machine.deadline() {
            pair.now = at;
            pair.step(Input::Wait, "lead");
        }
    }),
    ("master", master),
    ("master who has replied", |pair| {
        master(pair);
        hear(pair, lower, 1);
    }),
    ("master who is late", |pair| {
        master(pair);
        let late = 2 * pair.machine.rules.interval;
        pair.now = pair.machine.deadline().unwrap() + late;
        pair.step(Input::Timer, "lead");
    }),
    ("resumed", |pair| {
        let at = pair.now - pair.machine.rules.interval / 2;
        pair.step(Input::Resume(at), "lead");
    }),
    ("fault", |pair| {
        start(pair);
        pair.step(Input::Lost(true), "lead");
    }),
    ("never started", |pair| {
        pair.step(Input::Lost(false), "lead");
    }),
];

fn start(pair: &mut Pair) {
    pair.step(Input::Startup, "lead");
}

fn hear(pair: &mut Pair, priority: fn(&Pair) -> u8, millis: u64) {
    pair.now += millis * MS;
    let advert = pair.advert(priority(pair), 6);
    pair.step(advert, "lead");
}

fn master(pair: &mut Pair) {
    start(pair);
    if !pair.machine.is_active() {
        pair.now = pair.machine.deadline().unwrap();
        pair.step(Input::Timer, "lead");
    }
}

/// Every event, at this moment or at one that its timer gives a meaning to.
fn inputs(pair: &Pair) -> Vec<(u64, Input)> {
    let now = pair.now + MS;
    let own = pair.machine.rules.priority;
    let interval = pair.machine.rules.interval;
    let mut inputs = Vec::new();
    let priorities: BTreeSet<u8> = [0, 1, lower(pair), own, higher(pair), 255].into();
    for priority in priorities {
        for last in [OWN - 1, OWN, OWN + 1] {
            for interval in [interval, 3 * interval] {
                let (source, local) = (ip(last), ip(OWN));
                inputs.push((now, Input::Advert { priority, interval, source, local }));
            }
        }
    }
    let deadline = pair.machine.deadline().unwrap_or(now);
    let early = (interval / 64).min(MS);
    let late = [deadline, deadline + interval, deadline + 2 * interval - 1];
    let moments = [deadline - early - 1, deadline - early, deadline - 1];
    let moments = moments.into_iter().chain(late).chain([deadline + 2 * interval]);
    inputs.extend(moments.map(|at| (at, Input::Timer)));
    for input in [
        Input::Startup,
        Input::Resume(now - interval / 2),
        Input::Lost(true),
        Input::Lost(false),
        Input::Found,
        Input::Wait,
        Input::Join,
        Input::Follow,
        Input::Release,
        Input::Shutdown,
    ] {
        inputs.push((now, input));
    }
    inputs
}

fn rules() -> Vec<Rules> {
    let mut all = Vec::new();
    for (version, interval) in [(2, 1_000), (2, 5_000), (3, 10), (3, 1_000), (3, 40_950)] {
        for priority in [1, 2, 100, 254, 255] {
            for (preempt, delay) in [(true, 0), (true, 5_000), (false, 0)] {
                if priority == 255 && !(preempt && delay == 0) {
                    // What a configuration cannot be: the owner preempts, and at once.
                    continue;
                }
                let (interval, delay) = (interval * MS, delay * MS);
                for grouped in [false, true] {
                    all.push(Rules { version, priority, interval, preempt, delay, grouped });
                }
            }
        }
    }
    all
}

/// The first columns of the table of deviations.
fn table() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once("## Deviations from the RFCs").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.map(str::to_owned).collect()
}

#[test]
fn every_event_in_every_state_is_as_the_rfc_or_the_table_of_deviations_has_it() {
    let table = table();
    let (mut count, mut used) = (0, BTreeSet::new());
    for rules in rules() {
        for (name, lead) in LEADS {
            let mut pair = Pair::new(rules);
            lead(&mut pair);
            for (at, input) in inputs(&pair) {
                let mut pair = pair.clone();
                pair.now = at;
                let (strict, house) = pair.step(input, name);
                assert!(
                    strict == house || !pair.machine.rows.is_empty(),
                    "{name}, {input:?} of {rules:?}: {strict:?} by the RFC, {house:?} without a row"
                );
                used.extend(pair.machine.rows.iter().copied());
                count += 1;
            }
        }
    }
    assert!(count > 30_000, "only {count} rows");
    for row in &used {
        assert!(table.contains(*row), "no row in ARCHITECTURE.md: {row}");
    }
    let unused: Vec<_> = ROWS.iter().filter(|row| !used.contains(*row)).collect();
    assert!(unused.is_empty(), "never needed: {unused:?}");
}

#[test]
fn two_events_after_another_are_as_expected_as_one() {
    for rules in rules().into_iter().filter(|rules| rules.priority == 100) {
        for (name, lead) in LEADS {
            let mut pair = Pair::new(rules);
            lead(&mut pair);
            for (at, first) in inputs(&pair) {
                let mut first_pair = pair.clone();
                first_pair.now = at.max(pair.now);
                first_pair.step(first, name);
                for (at, second) in inputs(&first_pair) {
                    let mut second_pair = first_pair.clone();
                    second_pair.now = at.max(first_pair.now);
                    second_pair.step(second, &format!("{name}, {first:?}"));
                }
            }
        }
    }
}
