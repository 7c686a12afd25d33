//! What the simulator found: what the journal is to forget, and when.

use super::found::{DOWN, acknowledge, one, removals};
use super::*;

/// What the journal is told to forget: interface and address.
fn released(bench: &mut Bench) -> std::vec::Vec<(u32, IpAddr)> {
    let next = || bench.engine.next_released();
    core::iter::from_fn(next).map(|owned| (owned.interface.get(), owned.ip)).collect()
}

#[test]
fn the_journal_does_not_forget_an_address_that_is_put_back() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        assert_eq!(bench.drain(), [Left::Add(ip(100))]);
        assert_eq!(bench.engine.next_released(), None);
    });
}

#[test]
fn the_journal_forgets_no_address_whose_loss_is_only_hearsay() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        acknowledge(&mut bench);
        // Of what was removed before this process began, and read only now.
        bench.address(false, 2, ip(100), 32, 0);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.next_released(), None);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
    });
}

#[test]
fn the_journal_forgets_what_was_on_an_interface_that_is_gone() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        // Removed and made anew again and again, as PPPoE does, each time with a new number.
        for number in 2..20 {
            assert_eq!(released(&mut bench), []);
            bench.link_gone(number);
            bench.drain();
            assert_eq!(released(&mut bench), [(number, ip(100))]);
            bench.link(number + 1, "eth0", true);
            bench.address(true, number + 1, ip(5), 24, 0);
            bench.turn(DOWN);
            let (sequence, asked) = bench.asked.remove(0);
            assert_eq!(asked, Left::Add(ip(100)));
            bench.acknowledge(sequence, 0);
            bench.address(true, number + 1, ip(100), 32, ADDRESS_PROTO);
        }
    });
}

#[test]
fn the_journal_keeps_what_an_unanswered_request_may_have_added_elsewhere() {
    for errno in [0, 19] {
        on_bench(move |mut bench| {
            bench.boot(one);
            bench.turn(DOWN);
            let (sequence, _) = bench.asked.remove(0);
            bench.link_gone(2);
            bench.drain();
            assert_eq!(released(&mut bench), []);
            bench.acknowledge(sequence, errno);
            if errno == 0 {
                assert_eq!(removals(&mut bench), [2], "nobody else's interface keeps it");
                assert_eq!(released(&mut bench), []);
                acknowledge(&mut bench);
            }
            assert!(removals(&mut bench).is_empty());
            assert_eq!(released(&mut bench), [(2, ip(100))]);
        });
    }
}

#[test]
fn the_journal_keeps_what_is_answered_on_an_interface_of_the_same_number() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.link_gone(2);
        bench.link(2, "eth0", true);
        // Whether it is there or not, nobody is master: removed, and only then forgotten.
        assert_eq!(removals(&mut bench), [2]);
        assert_eq!(released(&mut bench), []);
        acknowledge(&mut bench);
        assert_eq!(released(&mut bench), []);
        acknowledge(&mut bench);
        assert_eq!(released(&mut bench), [(2, ip(100))]);
    });
}

#[test]
fn an_address_does_not_stay_on_an_interface_that_was_renamed() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.link(2, "lan0", true);
        assert_eq!(removals(&mut bench), [2]);
        assert_eq!(released(&mut bench), []);
        acknowledge(&mut bench);
        assert!(removals(&mut bench).is_empty());
        assert_eq!(released(&mut bench), [(2, ip(100))]);
    });
}

#[test]
fn the_journal_forgets_what_the_kernel_refused_to_add_or_never_did() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.answer(13);
        assert_eq!(released(&mut bench), [(2, ip(100))]);
    });
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.asked.clear();
        // The answer is overdue, and the tables that are read then do not have it.
        let left = bench.turn(Span::from_secs(1));
        assert!(left.contains(&Left::Dump), "{left:?}");
        assert_eq!(released(&mut bench), []);
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.answer(0);
        assert_eq!(released(&mut bench), [(2, ip(100))]);
    });
}

#[test]
fn the_journal_forgets_every_number_of_an_interface_that_is_made_anew_while_it_serves() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.link_gone(2);
        bench.link(3, "eth0", true);
        bench.address(true, 3, ip(5), 24, 0);
        // Added anew before anybody has asked what may be forgotten.
        assert!(bench.turn(DOWN).contains(&Left::Add(ip(100))));
        bench.link_gone(3);
        bench.answer(19);
        assert_eq!(released(&mut bench), [(2, ip(100)), (3, ip(100))]);
        assert_eq!(released(&mut bench), []);
    });
}

#[test]
fn the_journal_forgets_what_was_asked_before_an_interface_was_made_anew_twice() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.link_gone(2);
        bench.link(3, "eth0", true);
        // Whether it is there or not, nobody is master.
        assert_eq!(removals(&mut bench), [3]);
        assert_eq!(released(&mut bench), [], "what was asked may have reached another");
        bench.link_gone(3);
        bench.answer(19);
        assert_eq!(released(&mut bench), [(2, ip(100))]);
    });
}
