//! What holds for every configuration and every course of events, tried on some thousands that are
//! the same in every run. That packets and messages are read as they were written is among the
//! tests of `wire`, and among the bodies of `tests/fuzz`.
#![cfg(test)]

#[path = "property/bench.rs"]
mod bench;
#[path = "property/configuration.rs"]
mod configuration;
#[path = "rig/noise.rs"]
mod noise;
#[path = "property/rules.rs"]
mod rules;

use bench::{Bench, key, number};
use configuration::{Router, fill, forge, routers, tamper, vary};
use noise::Noise;
use ringward::addr::{Family, IfIndex};
use ringward::config::blob::{self, Refused};
use ringward::config::check::{Invalid, check};
use ringward::config::model::Config;
use ringward::engine::RequestKind;
use ringward::limits::BLOB_LEN_MAX;
use ringward::time::Span;
use rules::breaches;

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
        let (mut config, mut read) = (Config::boxed(), Config::boxed());
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
        let (mut config, mut read) = (Config::boxed(), Config::boxed());
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
fn the_check_finds_what_is_broken_and_nothing_else() {
    roomy(|| {
        let mut config = Config::boxed();
        let mut found = std::collections::BTreeSet::new();
        for seed in 0..6_000 {
            let mut noise = Noise(seed);
            let routers = routers(&mut noise, 6);
            fill(&mut config, &routers);
            assert_eq!(breaches(&config), [].into(), "seed {seed}");
            for _ in 0..noise.below(4) {
                if !routers.is_empty() {
                    tamper(&mut noise, &mut config);
                }
            }
            let breaches = breaches(&config);
            match check(&config) {
                Ok(()) => assert_eq!(breaches, [].into(), "seed {seed}"),
                Err(Invalid { rule, place, first }) => {
                    let breach = (rule, place.to_string(), first.map(|first| first.to_string()));
                    assert!(breaches.contains(&breach), "seed {seed}: {breach:?} of {breaches:?}");
                    found.insert(rule);
                }
            }
        }
        assert_eq!(found.len(), 26, "only {found:?} were broken");
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

/// The resignations that a master owes its neighbours.
fn resignations(router: &Router) -> Vec<(IfIndex, Family, u8)> {
    let row = &router.instance;
    let index = number(row.interface.into());
    vec![(index, row.family, row.vrid.get()); router.peers.len().max(1)]
}

#[test]
fn a_reload_touches_nothing_but_the_difference() {
    roomy(|| {
        let mut bench = Bench::new();
        let (mut kept, mut resigned, mut moved) = (0, 0, 0);
        for seed in 0..400 {
            bench.begin(seed, 6);
            bench.settle();
            let base = bench.routers.clone();
            for _ in 0..2 {
                for _ in 0..Noise(seed).below(60) {
                    bench.happens();
                    bench.turn();
                    bench.settle();
                }
                let new = vary(&mut bench.noise, &base);
                let old = std::mem::replace(&mut bench.routers, new.clone());
                let masters = bench.masters();
                let (before, due) = (bench.state(), bench.kernel.clone());
                bench.reload(&new);
                let packets = bench.drain();

                // Who goes as master says so, to each of its peers, and nobody says anything else.
                let survives = |old: &Router| new.iter().any(|new| new.is_same(old));
                let going = old.iter().filter(|old| !survives(old));
                let going = going.filter(|old| masters.contains(&old.instance.name));
                let mut expected: Vec<_> = going.flat_map(resignations).collect();
                expected.sort_unstable();
                bench.resignations.sort_unstable();
                assert_eq!(bench.resignations, expected, "seed {seed}");
                assert_eq!(packets, u64::try_from(expected.len()).unwrap(), "seed {seed}");
                resigned += expected.len();

                // Who is as before goes on as before; who was retuned keeps its state.
                let after = bench.state();
                for name in old.iter().filter(|old| new.contains(old)).map(Router::name) {
                    assert_eq!(after[name], before[name], "seed {seed}: {name}");
                    kept += 1;
                }
                let now_masters = bench.masters();
                for old in old.iter().filter(|old| survives(old)) {
                    let name = &old.instance.name;
                    assert_eq!(now_masters.contains(name), masters.contains(name), "seed {seed}");
                }

                // In the end the kernel has what the masters carry, and what it was not asked for
                // twice, nor rid of what somebody needs.
                bench.requests.clear();
                bench.settle();
                let wanted = bench.wanted();
                assert_eq!(bench.kernel, wanted, "seed {seed}");
                moved += due.intersection(&wanted).count();
                for request in &bench.requests {
                    match request {
                        RequestKind::Add(owned) => assert!(!due.contains(&key(*owned)), "{seed}"),
                        RequestKind::Remove(owned) => {
                            assert!(!wanted.contains(&key(*owned)), "seed {seed}: {owned:?}");
                        }
                        RequestKind::Dump => {}
                    }
                }
            }
        }
        assert!(kept > 300 && resigned > 100 && moved > 300, "{kept}, {resigned}, {moved}");
    });
}
