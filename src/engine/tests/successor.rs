//! Interfaces that are gone, and others that come with their name or number.

use super::found::{DOWN, acknowledge, one, removals};
use super::*;

/// Another interface of that name comes, with an address of its own.
fn another(bench: &mut Bench, index: u32) {
    bench.link(index, "eth0", true);
    bench.address(true, index, ip(5), 24, 0);
}

#[test]
fn an_answer_about_a_vanished_interface_says_nothing_about_its_successor() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.link_gone(2);
        acknowledge(&mut bench);
        // Should another one have the number now, it does not keep the address.
        assert_eq!(removals(&mut bench), [2]);
        acknowledge(&mut bench);
        another(&mut bench, 9);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Absent);
        let left = bench.turn(DOWN);
        assert_eq!(left.last(), Some(&Left::Add(ip(100))));
    });
}

#[test]
fn a_stop_ends_although_an_interface_took_its_addresses_along() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.link_gone(2);
        bench.engine.stop(bench.now);
        bench.drain();
        assert!(bench.engine.is_stopped());
    });
}

#[test]
fn an_addition_that_reaches_an_interface_of_the_same_number_is_ours() {
    // A kernel before 5.18; the old interface and the new one are both number 2.
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.link_gone(2);
        another(&mut bench, 2);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
    });
}

#[test]
fn an_answered_addition_that_is_heard_of_behind_a_new_interface_of_the_same_number_is_ours() {
    // A kernel before 5.18: it does not tell who added an address.
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        acknowledge(&mut bench);
        bench.link_gone(2);
        another(&mut bench, 2);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
    });
}

#[test]
fn an_addition_of_long_ago_claims_nothing_on_a_new_interface_of_the_same_number() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.link_gone(2);
        another(&mut bench, 2);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Foreign);
    });
}

#[test]
fn an_addition_that_is_answered_between_two_interfaces_of_a_number_is_ours() {
    // A kernel before 5.18: it does not tell who added an address.
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        bench.link_gone(2);
        acknowledge(&mut bench);
        another(&mut bench, 2);
        bench.address(true, 2, ip(100), 32, 0);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
    });
}

#[test]
fn what_a_vanished_interface_refused_does_not_bar_its_successor() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(DOWN);
        // ENODEV: the interface is gone, and the news of it is still to come.
        bench.answer(19);
        bench.drain();
        assert_eq!(
            (bench.state(0), bench.last_cause(0)),
            (StateName::Fault, Cause::AddressRefused)
        );
        bench.link_gone(2);
        another(&mut bench, 9);
        assert_eq!(bench.state(0), StateName::Backup);
    });
}
