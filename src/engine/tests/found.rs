//! What the simulator found: a kernel that answers late, not at all, or in the wrong order.

use super::*;
use crate::limits::SOURCE_PER_INTERFACE_MAX;
use crate::track::Standing;

pub(super) const DOWN: Span = Span::from_nanos(3_609_375_000);

pub(super) fn one(config: &mut Config) {
    add_instance(config, "VI_1", 51, 100, ip(100));
}

/// Says something on the listening socket while a dump is being read on the other one.
fn beside_dump(bench: &mut Bench, say: impl FnOnce(&mut Bench)) {
    let asked = core::mem::take(&mut bench.asked);
    say(bench);
    bench.asked = asked;
}

/// The kernel's answer alone, without the news of what it did.
pub(super) fn acknowledge(bench: &mut Bench) {
    let (sequence, _) = bench.asked.remove(0);
    let mut ack = [0; 36];
    ack[..4].copy_from_slice(&36u32.to_ne_bytes());
    ack[4] = 2;
    ack[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bench.engine.observe(bench.now, &ack);
}

/// The interface numbers in the requests to remove an address that come next (ifaddrmsg).
pub(super) fn removals(bench: &mut Bench) -> std::vec::Vec<u32> {
    let mut buffer = [0; 512];
    let mut numbers = std::vec::Vec::new();
    while let Some(request) = bench.engine.next_request(bench.now, &mut buffer) {
        let sequence = u32::from_ne_bytes(buffer[8..12].try_into().unwrap());
        if let RequestKind::Remove(owned) = request.kind {
            numbers.push(u32::from_ne_bytes(buffer[20..24].try_into().unwrap()));
            bench.asked.push((sequence, Left::Remove(owned.ip)));
        }
    }
    numbers
}

#[test]
fn a_retry_that_is_no_longer_wanted_does_not_keep_the_loop_awake() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.answer(13);
        bench.drain();
        assert_eq!(bench.state(0), StateName::Fault);
        bench.turn(Span::from_secs(1));
        assert!(bench.engine.next_deadline() > bench.now);
    });
}

#[test]
fn a_stop_during_the_start_up_delay_does_not_keep_the_loop_awake() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            config.global.startup_delay = Span::from_secs(2);
        });
        bench.engine.stop(bench.now);
        bench.turn(Span::from_secs(3));
        assert!(bench.engine.next_deadline() > bench.now);
    });
}

#[test]
fn a_dump_that_is_never_answered_is_asked_for_again() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump]);
        bench.asked.clear();
        let left = bench.turn(Span::from_secs(1));
        assert_eq!(left.last(), Some(&Left::Dump));
    });
}

#[test]
fn lost_messages_do_not_make_a_lost_answer_be_waited_for_forever() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [], "the dump waits for the answer");
        bench.asked.clear();
        let left = bench.turn(Span::from_secs(1));
        assert!(left.contains(&Left::Dump), "{left:?}");
    });
}

#[test]
fn a_dump_that_is_refused_is_asked_for_again_a_second_later() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        bench.drain();
        bench.answer(105);
        assert_eq!(bench.drain(), []);
        assert_eq!(bench.turn(Span::from_secs(1)), [Left::Dump]);
    });
}

#[test]
fn news_beside_a_dump_mean_another_dump() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        bench.drain();
        bench.link(2, "eth0", true);
        bench.answer(0);
        assert_eq!(bench.drain(), [Left::Dump]);
        beside_dump(&mut bench, |bench| bench.address(false, 2, ip(5), 24, 0));
        // What the kernel had gathered before that was not so any more when it was read.
        bench.address(true, 2, ip(5), 24, 0);
        bench.answer(0);
        assert_eq!(bench.drain(), [Left::Dump]);
    });
}

#[test]
fn a_reply_that_a_better_master_overtakes_is_not_sent() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.advert(ip(9), 50, 100);
        bench.advert(ip(10), 200, 100);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
    });
}

#[test]
fn late_news_of_a_removed_address_do_not_make_it_the_administrators() {
    // A kernel before 5.18: it does not tell who added an address.
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        acknowledge(&mut bench);
        bench.advert(ip(9), 200, 100);
        bench.drain();
        acknowledge(&mut bench);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Absent);
        bench.address(false, 2, ip(100), 32, 0);
        let left = bench.turn(Span::from_secs(4));
        assert_eq!(left.last(), Some(&Left::Add(ip(100))));
    });
}

#[test]
fn an_addition_whose_answer_was_lost_is_ours_and_is_announced() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.asked.clear();
        bench.turn(Span::from_secs(1));
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, ip(100), 32, 0);
        bench.answer(0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
        assert_eq!(bench.drain(), vec![Left::Announce(ip(100)); 5]);
    });
}

#[test]
fn a_predecessors_address_is_no_source_on_a_kernel_that_does_not_tell_whose_it_is() {
    on_bench(|mut bench| {
        bench.stage(one);
        bench.engine.configure(bench.now);
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(100), 32, 0);
        bench.address(true, 2, ip(5), 24, 0);
        let left = Owned { interface: IfIndex::new(2).unwrap(), ip: ip(100), prefix_len: 32 };
        assert!(!bench.engine.adopt(bench.now, left, None));
        bench.engine.start(bench.now);
        assert_eq!(bench.engine.routers()[0].source, Some(ip(5)));
    });
}

#[test]
fn an_assigned_virtual_address_is_a_source_for_its_owner_only() {
    for (priority, fault) in [(100, Some(Cause::NoSourceAddress)), (255, None)] {
        on_bench(move |mut bench| {
            bench.stage(|config| add_instance(config, "VI_1", 51, priority, ip(100)));
            bench.engine.configure(bench.now);
            bench.link(2, "eth0", true);
            bench.address(true, 2, ip(100), 32, 0);
            bench.engine.start(bench.now);
            assert_eq!(bench.engine.routers()[0].fault, fault);
        });
    }
}

#[test]
fn an_address_that_a_reload_left_over_is_not_announced() {
    on_bench(|mut bench| {
        let paced = |config: &mut Config| config.global.garp_interval = Span::from_secs(1);
        bench.boot(|config| {
            one(config);
            paced(config);
        });
        bench.become_master();
        bench.stage(|config| {
            add_instance(config, "VI_1", 51, 100, ip(101));
            paced(config);
        });
        bench.engine.reload(bench.now);
        bench.drain();
        for _ in 0..5 {
            let left = bench.turn(Span::from_secs(1));
            assert!(!left.contains(&Left::Announce(ip(100))), "{left:?}");
        }
    });
}

#[test]
fn what_a_listening_master_did_not_claim_is_claimed_when_it_has_listened() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.turn(Span::from_secs(4));
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        assert_eq!(bench.drain(), []);
        let left = bench.turn(Span::from_secs(2));
        assert!(left.contains(&Left::Add(ip(100))), "{left:?}");
    });
}

#[test]
fn a_refusal_that_is_heard_in_fault_ends_by_itself() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        // The source goes before the refusal comes, and is there again soon.
        bench.address(false, 2, ip(5), 24, 0);
        bench.answer(13);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        assert_eq!(bench.state(0), StateName::Fault);
        assert_eq!(bench.engine.next_deadline(), bench.now + Span::from_secs(1));
        bench.turn(Span::from_secs(1));
        assert_eq!(bench.engine.next_deadline(), bench.now + Span::from_secs(9));
        bench.turn(Span::from_secs(9));
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

#[test]
fn a_renewal_that_adds_what_was_lost_is_announced() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(one);
        bench.become_master();
        // The lease is 15 s and renewed at half its life.
        let mut left = std::vec::Vec::new();
        while !left.contains(&Left::Add(ip(100))) {
            left = bench.turn(Span::from_millis(500));
        }
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        bench.drain();
        acknowledge(&mut bench);
        // It was lost before or after its renewal: the tables tell.
        assert_eq!(bench.drain(), [Left::Dump]);
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, ip(100), 32, ADDRESS_PROTO);
        bench.answer(0);
        let left = bench.drain();
        assert_eq!(left[..5], vec![Left::Announce(ip(100)); 5]);
        // How much of its lease is left is not known.
        assert_eq!(left[5..], [Left::Add(ip(100))]);
    });
}

#[test]
fn a_refused_removal_of_what_somebody_else_removed_is_looked_into() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.advert(ip(9), 200, 100);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
        bench.address(false, 2, ip(100), 32, 0);
        bench.answer(13);
        assert_eq!(bench.drain(), [Left::Dump]);
    });
}

#[test]
fn an_addition_that_is_answered_after_the_news_of_its_loss_is_looked_into() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.address(true, 2, ip(100), 32, ADDRESS_PROTO);
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        acknowledge(&mut bench);
        assert_eq!(bench.drain(), [Left::Dump], "and no announcement");
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.answer(0);
        assert_eq!(bench.drain(), [Left::Add(ip(100))]);
    });
}

#[test]
fn news_of_before_a_dump_does_not_make_an_address_the_administrators() {
    // A kernel before 5.18: it does not tell who added an address.
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        acknowledge(&mut bench);
        bench.drain();
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump]);
        // What it removed some time ago, before it became master again.
        beside_dump(&mut bench, |bench| bench.address(false, 2, ip(100), 32, 0));
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
    });
}

#[test]
fn an_address_there_was_no_room_for_is_found_when_those_known_are_gone() {
    on_bench(|mut bench| {
        bench.boot(one);
        let last = 10 + u8::try_from(SOURCE_PER_INTERFACE_MAX).unwrap();
        for host in 11..=last {
            bench.address(true, 2, ip(host), 24, 0);
        }
        bench.address(false, 2, ip(5), 24, 0);
        assert_eq!(bench.drain(), [Left::Dump]);
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(last), 24, 0);
        bench.answer(0);
        assert_eq!(bench.engine.routers()[0].source, Some(ip(last)));
    });
}

#[test]
fn a_kernel_that_answers_nothing_is_asked_again_after_one_two_four_and_four_seconds() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump]);
        for patience in [1, 2, 4, 4, 4] {
            bench.asked.clear();
            let almost = Span::from_secs(patience) - Span::from_millis(1);
            assert!(!bench.turn(almost).contains(&Left::Dump), "before {patience} s");
            assert!(bench.turn(Span::from_millis(1)).contains(&Left::Dump), "{patience} s");
        }
        // Half of a dump changes nothing.
        bench.link(2, "eth0", true);
        bench.answer(0);
        assert_eq!(bench.drain(), [Left::Dump]);
        assert!(!bench.turn(Span::from_millis(3_999)).contains(&Left::Dump));
        // All of it does.
        bench.address(true, 2, ip(5), 24, 0);
        bench.answer(0);
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump]);
        bench.asked.clear();
        assert!(bench.turn(Span::from_secs(1)).contains(&Left::Dump));
    });
}

#[test]
fn a_long_dump_is_waited_for_as_long_as_parts_of_it_come() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump]);
        for _ in 0..3 {
            assert!(!bench.turn(Span::from_millis(900)).contains(&Left::Dump));
            bench.link(2, "eth0", true);
        }
        bench.asked.clear();
        assert!(bench.turn(Span::from_secs(1)).contains(&Left::Dump));
    });
}

#[test]
fn an_address_whose_first_answer_was_lost_keeps_its_lease() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(one);
        bench.turn(DOWN);
        bench.asked.clear();
        assert!(bench.turn(Span::from_secs(1)).contains(&Left::Dump));
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, ip(100), 32, ADDRESS_PROTO);
        bench.answer(0);
        // How much of it is left is not known: it is renewed at once.
        assert!(bench.drain().contains(&Left::Add(ip(100))));
    });
}

#[test]
fn a_renewal_that_is_answered_between_the_news_of_a_loss_and_its_own_is_announced_at_once() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(one);
        bench.become_master();
        let mut left = std::vec::Vec::new();
        while !left.contains(&Left::Add(ip(100))) {
            left = bench.turn(Span::from_millis(500));
        }
        // The lease ran out just before the kernel read the renewal, which therefore added it.
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        acknowledge(&mut bench);
        bench.address(true, 2, ip(100), 32, ADDRESS_PROTO);
        let left = bench.drain();
        let announced = left.iter().filter(|left| **left == Left::Announce(ip(100))).count();
        assert_eq!(announced, 5, "{left:?}");
    });
}

/// What a script adds stays through a reload: nobody is told of a priority that never was.
#[test]
fn a_reload_keeps_the_effective_priority_of_who_stays() {
    on_bench(|mut bench| {
        let tracked = |config: &mut Config| {
            one(config);
            tracking::add_script(config, "chk");
            config.instances[0].trackers = model::Span16 { start: 0, len: 1 };
            let subject = model::Subject::Script(0);
            config.trackers.push(model::Tracker { subject, weight: 20, reverse: false }).unwrap();
        };
        bench.boot(tracked);
        bench.run_ends(tracking::GOOD);
        assert_eq!(bench.engine.routers()[0].fsm.settings().priority, Priority(120));
        while bench.engine.next_event().is_some() {}
        bench.stage(tracked);
        bench.engine.reload(bench.now);
        bench.drain();
        assert_eq!(bench.engine.routers()[0].fsm.settings().priority, Priority(120));
        let events: std::vec::Vec<_> = core::iter::from_fn(|| bench.engine.next_event()).collect();
        assert_eq!(events, []);
    });
}

/// The helper's answers wait while the process sleeps, and come after it wakes.
#[test]
fn a_script_that_could_not_be_heard_has_not_failed() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            tracking::add_script(config, "chk");
            config.instances[0].trackers = model::Span16 { start: 0, len: 1 };
            let subject = model::Subject::Script(0);
            config.trackers.push(model::Tracker { subject, weight: 0, reverse: false }).unwrap();
        });
        bench.run_ends(tracking::GOOD);
        // Its interval, its timeout and 30 s are 42 s.
        bench.turn(Span::from_secs(120));
        let standing = |bench: &Bench| bench.engine.scripts()[0].counter.standing();
        assert_eq!(standing(&bench), Standing::Passing);
        bench.turn(Span::from_secs(60));
        assert_eq!(standing(&bench), Standing::Passing, "slept again");
        for _ in 0..60 {
            bench.turn(Span::from_millis(900));
        }
        assert_eq!(standing(&bench), Standing::Failing, "nothing is heard, and everybody listens");
    });
}
