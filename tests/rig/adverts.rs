//! When adverts left.

use ringward::lab::{Capture, Seen};
use ringward::time::Instant;

/// Fails unless so many adverts were captured since then, one every 100 ms: none was left out, and
/// there were no more than that. (One that is late by a little is not made up for.)
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
        assert!(gap < 200, "{gap} ms between adverts that are due every 100 ms");
    }
    let (first, last) = (adverts[0], adverts[adverts.len() - 1]);
    // Each may be a 64th of the interval early, 1 ms at most.
    let due = last.since(first).as_millis() / 99 + 1;
    assert!(adverts.len() as u64 <= due + 1, "{} adverts, {due} due", adverts.len());
}
