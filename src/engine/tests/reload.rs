//! A new configuration as a difference to the one in force.

use super::tracking::{BAD, add_script, tracking};
use super::*;
use crate::config::model::{Span16, Subject, Tracker};
use crate::track::Standing;
use StateName::{Backup, Fault, Init};

fn two(config: &mut Config) {
    add_instance(config, "VI_1", 51, 100, ip(100));
    add_instance(config, "VI_2", 52, 100, ip(101));
}

fn reload(bench: &mut Bench, fill: impl FnOnce(&mut Config)) -> std::vec::Vec<Left> {
    bench.stage(fill);
    bench.engine.reload(bench.now);
    bench.drain()
}

/// The dumps that follow a reload find what was there before.
fn read_again(bench: &mut Bench, vips: &[IpAddr]) {
    bench.link(2, "eth0", true);
    bench.answer(0);
    assert_eq!(bench.drain(), [Left::Dump]);
    bench.address(true, 2, ip(5), 24, 0);
    for vip in vips {
        bench.address(true, 2, *vip, 32, ADDRESS_PROTO);
    }
    bench.answer(0);
}

#[test]
fn an_untouched_instance_keeps_its_state_and_the_instant_of_its_next_advert() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        bench.turn(Span::from_millis(300));
        let deadline = bench.engine.next_deadline();
        assert_eq!(reload(&mut bench, two), [Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), []);
        assert_eq!(bench.engine.next_deadline(), deadline);
        assert_eq!((bench.state(0), bench.state(1)), (StateName::Master, StateName::Master));
    });
}

#[test]
fn a_removed_instance_resigns_and_its_address_goes() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        let left = reload(&mut bench, |config| add_instance(config, "VI_2", 52, 100, ip(101)));
        assert_eq!(left, [Left::Advert(51, 0, "224.0.0.18".parse().unwrap()), Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
        bench.answer(0);
        assert_eq!(bench.engine.next_released().unwrap().ip, ip(100));
        assert_eq!(bench.engine.routers().len(), 1);
        assert_eq!(bench.state(0), StateName::Master, "VI_2 has moved up and kept its role");
    });
}

#[test]
fn an_address_that_moves_between_masters_never_leaves_the_kernel() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        let left = reload(&mut bench, |config| {
            add_instance(config, "VI_1", 51, 100, ip(101));
            add_instance(config, "VI_2", 52, 100, ip(102));
        });
        assert_eq!(left, [Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), [Left::Add(ip(102)), Left::Remove(ip(100))]);
    });
}

#[test]
fn an_address_of_an_instance_that_goes_is_not_removed_before_the_new_tables_are_in_force() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        bench.stage(|config| {
            add_instance(config, "VI_2", 52, 100, ip(101));
            let moved = model::Address { ip: ip(100), ..config.addresses[0].clone() };
            config.addresses.push(moved).unwrap();
            config.instances[0].addresses.len = 2;
        });
        bench.engine.reload(bench.now);
        // Its owner asks for requests before it sends what VI_1 has to say.
        let mut buffer = [0; 256];
        assert_eq!(bench.engine.next_request(bench.now, &mut buffer), None);
        let resignation = Left::Advert(51, 0, "224.0.0.18".parse().unwrap());
        assert_eq!(bench.drain(), [resignation, Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), []);
    });
}

#[test]
fn an_added_instance_starts_after_the_tables_were_read() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "VI_1", 51, 100, ip(100)));
        bench.become_master();
        reload(&mut bench, two);
        read_again(&mut bench, &[ip(100)]);
        assert_eq!((bench.state(0), bench.state(1)), (StateName::Master, StateName::Backup));
    });
}

#[test]
fn a_new_priority_is_advertised_with_the_next_advert() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "VI_1", 51, 100, ip(100)));
        bench.become_master();
        reload(&mut bench, |config| add_instance(config, "VI_1", 51, 120, ip(100)));
        read_again(&mut bench, &[ip(100)]);
        let left = bench.turn(Span::from_secs(1));
        assert_eq!(left, [Left::Advert(51, 120, "224.0.0.18".parse().unwrap())]);
    });
}

#[test]
fn a_reload_keeps_what_a_script_has_said() {
    on_bench(|mut bench| {
        bench.boot(tracking(-20, false));
        bench.run_ends(BAD);
        bench.engine.expire(bench.now);
        bench.drain();
        let before = bench.standing();
        assert_eq!(before.1, 80);
        let due = bench.engine.routers()[0].fsm.deadline();
        reload(&mut bench, |config| {
            // Another one before it.
            add_script(config, "new");
            add_instance(config, "V", 7, 100, ip(9));
            add_script(config, "chk");
            for script in 0..2 {
                let subject = Subject::Script(script);
                config.trackers.push(Tracker { subject, weight: -20, reverse: false }).unwrap();
            }
            config.instances[0].trackers = Span16 { start: 0, len: 2 };
        });
        assert_eq!(bench.standing(), before);
        assert_eq!(bench.engine.routers()[0].fsm.deadline(), due);
        let standings = bench.engine.scripts().iter().map(|script| script.counter.standing());
        assert!(standings.eq([Standing::Waiting, Standing::Failing]));
    });
}

#[test]
fn a_reload_that_makes_a_fault_of_a_weight_leaves_no_advert_between() {
    on_bench(|mut bench| {
        bench.boot(tracking(-20, false));
        bench.run_ends(BAD);
        bench.become_master();
        let advert = |priority| Left::Advert(7, priority, "224.0.0.18".parse().unwrap());
        bench.turn(Span::from_millis(600));
        assert_eq!(reload(&mut bench, tracking(0, false)), [Left::Dump]);
        // The kernel takes its time.
        assert_eq!(bench.turn(Span::from_millis(400)), [advert(80)]);
        read_again(&mut bench, &[ip(9)]);
        assert_eq!(bench.drain(), [advert(0), Left::Remove(ip(9))]);
        assert_eq!(bench.standing().0, Fault);
    });
}

#[test]
fn an_interface_that_a_reload_adds_does_not_count_before_it_was_looked_at() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "V", 7, 100, ip(9)));
        bench.become_master();
        bench.turn(Span::from_millis(600));
        let left = reload(&mut bench, |config| {
            add_instance(config, "V", 7, 100, ip(9));
            config.interfaces.push("eth1".try_into().unwrap()).unwrap();
            config.instances[0].trackers = Span16 { start: 0, len: 1 };
            let subject = Subject::Interface(1);
            config.trackers.push(Tracker { subject, weight: -20, reverse: false }).unwrap();
        });
        assert_eq!(left, [Left::Dump]);
        let advert = || Left::Advert(7, 100, "224.0.0.18".parse().unwrap());
        assert_eq!(bench.turn(Span::from_millis(400)), [advert()]);
        bench.link(3, "eth1", true);
        read_again(&mut bench, &[ip(9)]);
        assert_eq!(bench.turn(Span::from_secs(1)), [advert()]);
    });
}

#[test]
fn a_reload_that_adds_a_script_of_weight_0_is_no_fault_before_it_fails() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "V", 7, 100, ip(9)));
        assert_eq!(bench.standing().0, Backup);
        reload(&mut bench, tracking(0, false));
        read_again(&mut bench, &[]);
        assert_eq!(bench.standing().0, Backup);
        bench.run_ends(BAD);
        assert_eq!(bench.standing().0, Fault);
    });
}

#[test]
fn a_reload_with_shorter_times_is_not_taken_for_a_sleep() {
    on_bench(|mut bench| {
        let two = |config: &mut Config, timeout| {
            tracking(0, false)(config);
            add_script(config, "slow");
            config.scripts[1].timeout = timeout;
        };
        bench.boot(|config| two(config, Span::from_secs(20)));
        bench.turn(Span::ZERO);
        bench.jobs();
        for _ in 0..25 {
            bench.turn(Span::from_secs(1));
        }
        // With the new timeout it was lost 8 s ago.
        reload(&mut bench, |config| two(config, Span::from_secs(2)));
        read_again(&mut bench, &[]);
        bench.turn(Span::from_millis(10));
        for _ in 25..41 {
            bench.turn(Span::from_secs(1));
            assert_eq!(bench.standing().0, Init);
        }
        // 10 s, 2 s and 30 s after the start.
        bench.turn(Span::from_secs(1));
        assert_eq!(bench.standing().0, Fault);
    });
}
