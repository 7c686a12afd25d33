//! When adverts left, and whether that was in time.

use std::collections::BTreeMap;
use std::time::Duration;

use ringward::lab::{Capture, Frame, Seen};
use ringward::time::{Instant, Span};

use super::stalls::Stalls;

const PATIENCE: Duration = Duration::from_secs(30);

/// The VRID of an advert of the machine with this MAC.
pub(crate) fn vrid_of(frame: &Frame, mac: [u8; 6]) -> Option<u8> {
    let Seen::Advert(advert) = frame.seen() else { return None };
    (advert.source_mac == mac).then_some(advert.vrid)
}

/// Waits until each of so many virtual routers has advertised so often.
pub(crate) fn wait_for_adverts(
    capture: &Capture,
    (mac, since): ([u8; 6], Instant),
    (routers, each): (usize, usize),
) {
    let mut adverts = BTreeMap::<u8, usize>::new();
    let seen = capture.wait(since, PATIENCE, |frame| {
        if let Some(vrid) = vrid_of(frame, mac) {
            *adverts.entry(vrid).or_default() += 1;
        }
        adverts.len() == routers && adverts.values().all(|count| *count >= each)
    });
    seen.unwrap_or_else(|fault| panic!("machine {} advertises: {fault}", mac[5]));
}

/// The adverts of one machine on one wire in a stretch of time, by VRID.
pub(crate) struct Rhythm {
    stamps: BTreeMap<u8, Vec<Instant>>,
    interval: Span,
}

impl Rhythm {
    pub(crate) fn new(
        capture: &Capture,
        mac: [u8; 6],
        (since, until): (Instant, Instant),
        interval: Span,
    ) -> Self {
        let mut stamps = BTreeMap::<u8, Vec<Instant>>::new();
        for frame in capture.frames_since(since).iter().filter(|frame| frame.at <= until) {
            if let Some(vrid) = vrid_of(frame, mac) {
                stamps.entry(vrid).or_default().push(frame.at);
            }
        }
        Rhythm { stamps, interval }
    }

    pub(crate) fn adverts(&self) -> usize {
        self.stamps.values().map(Vec::len).sum()
    }

    /// From one advert to the next, as microseconds above the interval.
    pub(crate) fn excesses(&self) -> impl Iterator<Item = f64> {
        self.gaps().map(|gap| self.excess(gap))
    }

    /// The same of those adverts that were due while the machine ran.
    pub(crate) fn excesses_outside(&self, stalls: &Stalls) -> impl Iterator<Item = f64> {
        let ran = |gap: &[Instant; 2]| !stalls.held_up(gap[0] + self.interval);
        self.gaps().filter(ran).map(|gap| self.excess(gap))
    }

    fn excess(&self, [from, to]: [Instant; 2]) -> f64 {
        micros(to.since(from)) - micros(self.interval)
    }

    /// Adverts that should have been there, between others that were.
    pub(crate) fn missed(&self) -> u64 {
        let interval = self.interval.as_nanos();
        self.gaps()
            .map(|[from, to]| (to.since(from).as_nanos() + interval / 2) / interval)
            .map(|intervals| intervals.saturating_sub(1))
            .sum()
    }

    /// Each advert but the first, behind the one before it.
    fn gaps(&self) -> impl Iterator<Item = [Instant; 2]> {
        self.stamps.values().flat_map(|stamps| stamps.windows(2)).map(|pair| [pair[0], pair[1]])
    }
}

pub(crate) fn micros(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e3
}

/// The smallest that so many in a thousand do not exceed.
pub(crate) fn quantile(mut samples: Vec<f64>, per_mille: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[(samples.len() * per_mille).div_ceil(1000).max(1) - 1]
}
