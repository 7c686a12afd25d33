//! How long from exec to the first advert of an owner (priority 255), to all that 255 of them have
//! to do at first, and from SIGTERM to the end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::{Duration, Instant as Clock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::lab::{Capture, Frame, Node, Seen, Segment, now};
use ringward::time::{Instant, Span};

use super::contestant::{Contestant, configuration, instances, single};
use super::report::{Bound, Row};
use super::rhythm::wait_for_adverts;

const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    node: Node,
    capture: Capture,
    _segment: Segment,
}

impl Stage {
    fn new() -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let node = segment.node().unwrap();
        Stage { node, capture: segment.capture().unwrap(), _segment: segment }
    }

    /// One life: the time to the first advert, and the time from SIGTERM to the exit.
    fn round(&self, contestant: &Contestant) -> (Span, Span) {
        let text = single(255, Span::from_secs(1));
        let mut command = contestant.command(&self.node, &text);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not by `Node::spawn`: the processes that contain a program would be measured with it.
        let spawn = || {
            let started_at = now();
            Ok((started_at, command.spawn().unwrap()))
        };
        let (started_at, mut child) = self.node.enter(spawn).unwrap();
        let is_advert = |frame: &Frame| matches!(frame.seen(), Seen::Advert(_));
        let advert = self.capture.wait(started_at, PATIENCE, is_advert).unwrap();
        // With the announcements its work as a new master ends.
        let mut announcements = 0;
        let is_fifth = |frame: &Frame| {
            announcements += u8::from(matches!(frame.seen(), Seen::Arp(_)));
            announcements == 5
        };
        self.capture.wait(started_at, PATIENCE, is_fifth).unwrap();
        let told_at = now();
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = child.wait().unwrap();
        let ended_at = now();
        assert!(status.success(), "{:?} ends with {status}", contestant.program);
        (advert.at.since(started_at), ended_at.since(told_at))
    }
}

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize) -> Vec<Row> {
    let stages = [Stage::new(), Stage::new()];
    let mut rows = vec![
        Row::new("start to first advert as owner", "ms", Bound::Ratio(0.4)),
        Row::new("SIGTERM to exit", "ms", Bound::Ratio(0.1)),
    ];
    for number in 0..pairs {
        for side in Row::order(number) {
            let (start, stop) = stages[side].round(&pair[side]);
            rows[0].add(side, start.as_nanos() as f64 / 1e6);
            rows[1].add(side, stop.as_nanos() as f64 / 1e6);
        }
    }
    rows
}

/// From exec until 255 owners have sent an advert each and have their addresses.
fn start_many(contestant: &Contestant) -> Span {
    const COUNT: u8 = 255;
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let node = segment.node().unwrap();
    let (capture, watch) = (segment.capture().unwrap(), node.watch_addresses().unwrap());
    let text = configuration(&instances((1, COUNT), || 255), Span::from_secs(1));
    let mut command = contestant.command(&node, &text);
    let since = now();
    let _process = node.spawn(&mut command).unwrap();
    wait_for_adverts(&capture, (node.mac(), since), (COUNT.into(), 1));
    let advertised = first_adverts(&capture, since);
    let give_up = Clock::now() + PATIENCE;
    let addresses = (1..=COUNT).map(|vrid| IpAddr::from([10, 200, 0, vrid]));
    let installed = addresses.map(|address| {
        loop {
            if let Some(at) = watch.came(address, since) {
                break at;
            }
            assert!(Clock::now() < give_up, "{address} is not installed");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    installed.chain([advertised]).max().unwrap().since(since)
}

/// When the last of all virtual routers sent its first advert.
fn first_adverts(capture: &Capture, since: Instant) -> Instant {
    let mut firsts = BTreeMap::new();
    for frame in capture.frames_since(since) {
        if let Seen::Advert(advert) = frame.seen() {
            firsts.entry(advert.vrid).or_insert(frame.at);
        }
    }
    firsts.into_values().max().unwrap()
}

pub(crate) fn measure_many(pair: &[Contestant; 2], pairs: usize) -> Vec<Row> {
    let name = "start to 255 adverts sent and addresses there";
    let mut row = Row::new(name, "ms", Bound::Ratio(0.35));
    for number in 0..pairs {
        for side in Row::order(number) {
            row.add(side, start_many(&pair[side]).as_nanos() as f64 / 1e6);
        }
    }
    vec![row]
}
