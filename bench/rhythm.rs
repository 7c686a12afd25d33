//! When adverts left, and whether that was in time.

use std::collections::BTreeMap;
use std::time::Duration;

use ringward::lab::{Capture, Frame, Seen};
use ringward::time::{Instant, Span};

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

    /// From one advert to the next, as microseconds above the interval, the smallest first.
    pub(crate) fn excesses(&self) -> Vec<f64> {
        let mut excesses = Vec::new();
        for stamps in self.stamps.values() {
            for pair in stamps.windows(2) {
                excesses.push(micros(pair[1].since(pair[0])) - micros(self.interval));
            }
        }
        excesses.sort_by(f64::total_cmp);
        excesses
    }

    /// Adverts that should have been there, between others that were.
    pub(crate) fn missed(&self) -> u64 {
        let gaps = self.stamps.values().flat_map(|stamps| stamps.windows(2));
        let interval = self.interval.as_nanos();
        gaps.map(|pair| (pair[1].since(pair[0]).as_nanos() + interval / 2) / interval)
            .map(|intervals| intervals.saturating_sub(1))
            .sum()
    }
}

pub(crate) fn micros(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e3
}

/// The smallest that so many in a thousand do not exceed, of what is sorted.
pub(crate) fn quantile(sorted: &[f64], per_mille: usize) -> f64 {
    sorted[(sorted.len() * per_mille).div_ceil(1000).max(1) - 1]
}
