//! How long from exec to the first advert of an owner (priority 255), and from SIGTERM to the end.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::lab::{Capture, Frame, Node, Seen, Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, configuration};
use super::report::Row;

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
        let text = configuration(1, 255, Span::from_secs(1));
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

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize) -> [Row; 2] {
    let stages = [Stage::new(), Stage::new()];
    let mut rows = [
        Row::new("start to first advert as owner", "ms", 0.4),
        Row::new("SIGTERM to exit", "ms", 0.1),
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
