//! The master of 64 virtual routers is stopped: how long after the skew time has its backup
//! announced the last of their addresses?
//!
//! The skew time counts from the kernel's stamp of the last resignation (priority 0). The master is
//! keepalived for both, so that both wait for the same thing.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use nix::sys::signal::Signal;
use ringward::lab::{Capture, Frame, Node, Process, Seen, Segment, now};
use ringward::time::{Instant, Span};

use super::contestant::{Contestant, configuration, instances};
use super::noise::Noise;
use super::report::{Bound, Row};
use super::rhythm::wait_for_adverts;

const COUNT: u8 = 64;
const INTERVAL: Span = Span::from_millis(100);
const BACKUP_PRIORITY: u8 = 100;
const MASTER_PRIORITY: u8 = 200;
const PATIENCE: Duration = Duration::from_secs(20);

struct Arena {
    master: Node,
    backup: Node,
    capture: Capture,
    _backup: Process,
    _segment: Segment,
}

impl Arena {
    fn new(contestant: &Contestant) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let (master, backup) = (segment.node().unwrap(), segment.node().unwrap());
        let capture = segment.capture().unwrap();
        let since = now();
        let process = contestant.start(&backup, &text(BACKUP_PRIORITY));
        wait_for_adverts(&capture, (backup.mac(), since), (COUNT.into(), 1));
        Arena { master, backup, capture, _backup: process, _segment: segment }
    }

    /// One stop: how long after theory the last address was announced.
    fn round(&self, master: &Contestant, phase: Duration) -> Span {
        self.capture.forget();
        let since = now();
        let mut process = master.start(&self.master, &text(MASTER_PRIORITY));
        wait_for_adverts(&self.capture, (self.master.mac(), since), (COUNT.into(), 3));
        std::thread::sleep(phase);
        let told_at = now();
        process.signal(Signal::SIGTERM).unwrap();
        let mut announced = BTreeSet::<Ipv4Addr>::new();
        let is_last = |frame: &Frame| {
            if let Seen::Arp(arp) = frame.seen()
                && arp.is_gratuitous()
                && arp.sender_mac == self.backup.mac()
            {
                announced.insert(arp.sender);
            }
            announced.len() == usize::from(COUNT)
        };
        let last = self.capture.wait(told_at, PATIENCE, is_last).unwrap();
        // keepalived lingers for a second; its part is done.
        process.kill();
        let theory = self.last_resignation(told_at) + INTERVAL.times(156).over(256);
        assert!(last.at >= theory, "the backup is early");
        last.at.since(theory)
    }

    fn last_resignation(&self, since: Instant) -> Instant {
        let frames = self.capture.frames_since(since);
        let resignations = frames.iter().filter(|frame| {
            matches!(frame.seen(), Seen::Advert(advert)
                if advert.priority == 0 && advert.source_mac == self.master.mac())
        });
        let resignations = resignations.map(|frame| frame.at).collect::<Vec<_>>();
        assert!(resignations.len() >= usize::from(COUNT), "{} resign", resignations.len());
        // It says so more than once: what counts is the first time of the last one to say it.
        resignations[usize::from(COUNT) - 1]
    }
}

fn text(priority: u8) -> String {
    configuration(&instances((1, COUNT), || priority), INTERVAL)
}

pub(crate) fn measure(pair: &[Contestant; 2], pairs: usize, noise: &mut Noise) -> Vec<Row> {
    let arenas = [Arena::new(&pair[0]), Arena::new(&pair[1])];
    let name = "64 masters stopped: last announced after skew";
    let mut row = Row::new(name, "ms", Bound::Ratio(0.3));
    for number in 0..pairs {
        let phase = Duration::from_micros(noise.next() % INTERVAL.as_micros());
        for side in Row::order(number) {
            let late = arenas[side].round(&pair[1], phase);
            row.add(side, late.as_nanos() as f64 / 1e6);
        }
    }
    vec![row]
}
