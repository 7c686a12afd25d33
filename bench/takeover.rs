//! The master dies with all its processes; how long after theory does the backup announce itself?
//!
//! Theory is the kernel's stamp of the last advert, plus three intervals, plus the skew time of
//! priority 100. The master is keepalived for both, so that both wait for the same thing.

use std::time::Duration;

use ringward::lab::{Capture, Frame, Node, Process, Seen, Segment, now};
use ringward::time::Span;

use super::contestant::{Contestant, scripted, single};
use super::noise::Noise;
use super::report::{Bound, Row};
use super::rhythm::{vrid_of, wait_for_adverts};

const BACKUP_PRIORITY: u8 = 100;
const MASTER_PRIORITY: u8 = 200;
const PATIENCE: Duration = Duration::from_secs(20);

/// Adverts that the backup hears before the master may die.
const ADVERTS_HEARD: usize = 5;

struct Arena {
    interval: Span,
    master: Node,
    backup: Node,
    capture: Capture,
    _backup: Process,
    _segment: Segment,
}

impl Arena {
    fn new(contestant: &Contestant, interval: Span, scripts: u8) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let (master, backup) = (segment.node().unwrap(), segment.node().unwrap());
        let capture = segment.capture().unwrap();
        let text = match scripts {
            0 => single(BACKUP_PRIORITY, interval),
            _ => scripted(BACKUP_PRIORITY, interval, scripts),
        };
        let since = now();
        let process = contestant.start(&backup, &text);
        let arena =
            Arena { interval, master, backup, capture, _backup: process, _segment: segment };
        wait_for_adverts(&arena.capture, (arena.backup.mac(), since), (1, 1));
        arena
    }

    /// One death. The backup's lateness after theory.
    fn round(&self, master: &Contestant, phase: Duration) -> Span {
        let text = single(MASTER_PRIORITY, self.interval);
        let since = now();
        let mut process = master.start(&self.master, &text);
        wait_for_adverts(&self.capture, (self.master.mac(), since), (1, ADVERTS_HEARD));
        std::thread::sleep(phase);
        process.kill();
        let killed_at = now();
        let is_announcement = |frame: &Frame| {
            matches!(frame.seen(), Seen::Arp(arp) if arp.is_gratuitous()
                && arp.operation == 1 && arp.sender_mac == self.backup.mac())
        };
        let announcement = self.capture.wait(killed_at, PATIENCE, is_announcement).unwrap();
        let frames = self.capture.frames_since(since);
        let is_last = |frame: &&Frame| vrid_of(frame, self.master.mac()).is_some();
        let last = frames.iter().rfind(is_last).unwrap().at;
        // Skew: (256 − 100)/256 of an interval (RFC 9568 §6.1).
        let theory = last + self.interval.times(3) + self.interval.times(156).over(256);
        assert!(announcement.at >= theory, "the backup is early");
        announcement.at.since(theory)
    }
}

/// Without and with scripts that the backup tracks.
pub(crate) fn measure(
    pair: &[Contestant; 2],
    pairs: usize,
    noise: &mut Noise,
    interval: Span,
) -> Vec<Row> {
    let name = format!("takeover after theory, advert {interval}");
    let row = Row::new(&name, "ms", Bound::Ratio(0.5));
    vec![measure_with(pair, pairs, noise, (interval, 0), row)]
}

pub(crate) fn measure_scripted(
    pair: &[Contestant; 2],
    pairs: usize,
    noise: &mut Noise,
) -> Vec<Row> {
    let name = "takeover after theory, 100 scripts a second";
    let row = Row::new(name, "ms", Bound::Ratio(0.6));
    vec![measure_with(pair, pairs, noise, (Span::from_millis(100), 100), row)]
}

fn measure_with(
    pair: &[Contestant; 2],
    pairs: usize,
    noise: &mut Noise,
    (interval, scripts): (Span, u8),
    mut row: Row,
) -> Row {
    let arenas = [0, 1].map(|side: usize| Arena::new(&pair[side], interval, scripts));
    for number in 0..pairs {
        // The same moment of the interval for both.
        let phase = Duration::from_nanos(noise.next() % interval.as_nanos());
        for side in Row::order(number) {
            let late = arenas[side].round(&pair[1], phase);
            row.add(side, late.as_nanos() as f64 / 1e6);
        }
    }
    row
}
