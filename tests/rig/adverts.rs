//! When adverts left.

use ringward::lab::{Capture, Seen};
use ringward::time::Instant;

/// Fails unless so many adverts were captured since then, each about 100 ms after the one before.
#[track_caller]
pub(crate) fn assert_regular(capture: &Capture, since: Instant, at_least: usize) {
    let adverts: Vec<_> = capture
        .frames_since(since)
        .iter()
        .filter(|frame| matches!(frame.seen(), Seen::Advert(_)))
        .map(|frame| frame.at)
        .collect();
    assert!(adverts.len() >= at_least, "{}", capture.listing());
    for pair in adverts.windows(2) {
        let gap = pair[1].since(pair[0]).as_millis();
        assert!((85..200).contains(&gap), "{gap} ms between adverts that are due every 100 ms");
    }
}
