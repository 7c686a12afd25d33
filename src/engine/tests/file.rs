//! Files that are tracked: their numbers count. Expected values are from keepalived-2.4.3's
//! track_file.c.

use super::tracking::tracking;
use super::*;
use crate::config::model::{Check, Init, Kind, Probe};
use crate::track::Finding;
use crate::track::message::Outcome;
use StateName::{Backup, Fault, Init as Initial};

/// A file in the place of the only script.
fn file(weight: i16, reverse: bool) -> impl FnOnce(&mut Config) {
    move |config| {
        tracking(weight, reverse)(config);
        let path = "/run/load".try_into().unwrap();
        config.probes.push(Probe::File { path, init: Init::Nothing }).unwrap();
        let script = &mut config.scripts[0];
        (script.kind, script.check, script.fall) = (Kind::File, Check::Probe(0), 1);
    }
}

impl Bench {
    /// Whether it is BACKUP or MASTER, as the time has it, and its priority.
    fn takes_part(&self) -> (bool, u8) {
        let (state, priority) = self.standing();
        (matches!(state, StateName::Backup | StateName::Master), priority)
    }
}

fn reads(number: i32) -> Outcome {
    Outcome::Found(Finding::Number(number))
}

#[test]
fn the_number_times_the_weight_is_added() {
    on_bench(|mut bench| {
        bench.boot(file(-2, false));
        assert_eq!(bench.standing(), (Backup, 100));
        for (number, priority) in [(10, 80), (-20, 140), (0, 100), (49, 2), (60, 1), (-200, 254)] {
            bench.trial_ends(reads(number));
            assert_eq!(bench.takes_part(), (true, priority), "{number}");
        }
        // -254 and less.
        bench.trial_ends(reads(127));
        assert_eq!(bench.standing(), (Fault, 100));
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::FileFailed));
        bench.trial_ends(reads(1));
        assert_eq!(bench.standing(), (Backup, 98));
    });
}

#[test]
fn with_weight_0_another_number_than_0_is_a_fault() {
    for (reverse, good, bad) in [(false, 0, 1), (false, 0, -1), (true, 7, 0)] {
        on_bench(move |mut bench| {
            bench.boot(file(0, reverse));
            assert_eq!(bench.standing(), (Initial, 100), "it has not been read");
            bench.trial_ends(reads(good));
            assert_eq!(bench.standing(), (Backup, 100));
            bench.trial_ends(reads(bad));
            assert_eq!(bench.standing(), (Fault, 100));
            bench.trial_ends(reads(good));
            assert_eq!(bench.standing(), (Backup, 100));
        });
    }
}

#[test]
fn what_cannot_be_read_counts_as_zero_and_a_number_out_of_range_for_nothing() {
    on_bench(|mut bench| {
        bench.boot(file(1, false));
        for (finding, priority) in [
            (Finding::Number(-30), 70),
            (Finding::OutOfRange, 70),
            (Finding::NoFile, 100),
            (Finding::Number(30), 130),
            (Finding::NoNumber, 100),
            (Finding::Number(30), 130),
            (Finding::Errno(13), 100),
            (Finding::OutOfRange, 100),
        ] {
            bench.trial_ends(Outcome::Found(finding));
            assert_eq!(bench.takes_part(), (true, priority), "{finding:?}");
        }
        bench.trial_ends(reads(30));
        // The machine was short of something.
        bench.trial_ends(Outcome::Short(24));
        assert_eq!(bench.takes_part(), (true, 130));
    });
}

#[test]
fn a_file_that_was_written_is_looked_at_at_once() {
    on_bench(|mut bench| {
        bench.boot(file(1, false));
        bench.trial_ends(reads(0));
        bench.trial_ends(reads(0));
        bench.now = bench.now - Span::from_secs(9);
        bench.engine.expire(bench.now);
        assert!(bench.engine.next_trial(bench.now, |_| true).is_none(), "it is not due");
        bench.engine.hasten(bench.now, 1);
        bench.engine.expire(bench.now);
        assert!(bench.engine.next_trial(bench.now, |_| true).is_none(), "it is another one");
        bench.engine.hasten(bench.now, 0);
        assert_eq!(bench.engine.next_deadline(), bench.now);
        bench.trial_ends(reads(5));
        assert_eq!(bench.takes_part(), (true, 105));
    });
}
