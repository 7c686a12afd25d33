//! What holds for every configuration and every course of events, tried on some thousands that are
//! the same in every run. That adverts of all versions and families are read as they were written
//! is among the tests of `wire`, and among the bodies of `tests/fuzz`.
#![cfg(test)]

#[path = "property/bench.rs"]
mod bench;
#[path = "property/configuration.rs"]
mod configuration;
#[path = "rig/noise.rs"]
mod noise;

use bench::Bench;
use configuration::{fill, forge, routers, tamper};
use noise::Noise;
use ringward::config::blob::{self, Refused};
use ringward::config::check::check;
use ringward::config::model::Config;
use ringward::limits::BLOB_LEN_MAX;
use ringward::time::Span;

/// Runs a test on a stack that tables fit on while they are boxed.
fn roomy(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(128 << 20).spawn(test);
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_configuration_is_read_as_it_was_written() {
    roomy(|| {
        let (mut config, mut read) = (Box::new(Config::new()), Box::new(Config::new()));
        let mut out = vec![0; BLOB_LEN_MAX];
        for seed in 0..500 {
            fill(&mut config, &routers(&mut Noise(seed), 12));
            assert_eq!(check(&config), Ok(()), "seed {seed}");
            let len = blob::encode(&config, &mut out).unwrap();
            assert!(out[..len] == forge(&config), "seed {seed}: not what the format says");
            blob::decode(&out[..len], &mut read).unwrap();
            assert!(read == config, "seed {seed}");
        }
    });
}

#[test]
fn the_compiler_and_the_daemon_refuse_the_same() {
    roomy(|| {
        let (mut config, mut read) = (Box::new(Config::new()), Box::new(Config::new()));
        let mut out = vec![0; BLOB_LEN_MAX];
        let mut rules = std::collections::BTreeSet::new();
        for seed in 0..5_000 {
            let mut noise = Noise(seed);
            let routers = routers(&mut noise, 6);
            if routers.is_empty() {
                continue;
            }
            fill(&mut config, &routers);
            for _ in 0..=noise.below(2) {
                tamper(&mut noise, &mut config);
            }
            let before = config.clone();
            let verdict = check(&config);
            assert!(verdict == check(&config) && before == config, "seed {seed}: twice the same");
            let written = blob::encode(&config, &mut out);
            let refused = blob::decode(&forge(&config), &mut read);
            match verdict {
                Ok(()) => {
                    assert!(written.is_ok() && read == config, "seed {seed}");
                    assert_eq!(refused, Ok(()), "seed {seed}");
                }
                Err(invalid) => {
                    rules.insert(invalid.rule);
                    assert_eq!(written, Err(blob::Unwritable::Invalid(invalid)), "seed {seed}");
                    assert_eq!(refused, Err(Refused::Invalid(invalid)), "seed {seed}");
                }
            }
        }
        assert!(rules.len() >= 18, "only {rules:?} were broken");
    });
}

#[test]
fn no_deadline_is_over_when_a_turn_is_and_no_advert_is_late() {
    roomy(|| {
        let mut bench = Bench::new();
        let mut adverts = 0;
        for seed in 0..300 {
            bench.begin(seed, 6);
            for _ in 0..80 {
                bench.happens();
                bench.turn();
            }
            adverts += bench.adverts;
        }
        assert!(adverts > 1_000, "only {adverts} adverts were sent");
    });
}

#[test]
fn a_deadline_that_is_not_due_changes_nothing() {
    roomy(|| {
        let mut bench = Bench::new();
        for seed in 0..100 {
            bench.begin(seed, 6);
            for _ in 0..40 {
                bench.happens();
                bench.turn();
                // A millisecond is what an advert may leave early by.
                let due = bench.engine.next_deadline();
                if due.since(bench.now) > Span::from_millis(2) {
                    let before = bench.state();
                    bench.engine.expire(bench.now);
                    assert_eq!(bench.drain(), 0, "seed {seed}");
                    assert_eq!(bench.state(), before, "seed {seed}");
                    assert_eq!(bench.engine.next_deadline(), due, "seed {seed}");
                }
            }
        }
    });
}

#[test]
fn the_same_configuration_again_keeps_everything_in_any_order() {
    roomy(|| {
        let mut bench = Bench::new();
        for seed in 0..150 {
            bench.begin(seed, 6);
            for _ in 0..seed % 60 {
                bench.happens();
                bench.turn();
            }
            let before = bench.state();
            let routers = bench.routers.clone();
            bench.reload(&routers);
            assert_eq!(bench.drain(), 0, "seed {seed}: a reload is silent");
            assert_eq!(bench.state(), before, "seed {seed}");
            let reversed: Vec<_> = routers.into_iter().rev().collect();
            bench.reload(&reversed);
            assert_eq!(bench.drain(), 0, "seed {seed}: a reload is silent");
            assert_eq!(bench.state(), before, "seed {seed}: in another order");
        }
    });
}
