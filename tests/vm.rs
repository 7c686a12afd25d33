//! Images of `board/build`, started in QEMU: real kernels, real serial lines, real power switches.
//! One guest job at a time: `cargo test --test vm -- --test-threads=1`.
#![cfg(test)]

#[path = "vm/console.rs"]
mod console;
#[path = "vm/init.rs"]
mod init;
#[path = "vm/mod.rs"]
mod vm;

use std::net::Ipv4Addr;
use std::time::Instant;

use ringward::config::embedded;
use vm::guest::Guest;
use vm::image::{configuration, initramfs, program};
use vm::machine::{AARCH64, X86_64};
use vm::scene::{FIRST, GATEWAY, advert_of, assert_resigned, ends_without_io_uring, serves};
use vm::segment::{Frame, Segment};

/// Of the guest with the number 2.
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Two routers of one address: the first, of priority 200, is master, and the second hears it.
fn pair(segment: &Segment) -> [Guest; 2] {
    let guests = [("better", 1, 200), ("other", 2, 100)].map(|(name, number, priority)| {
        let (since, address) = (Instant::now(), format!("10.0.0.{number}"));
        let program = program(&X86_64, &[configuration(name, "10.0.0.100", priority)]);
        let image = initramfs(&X86_64, &address, Some(&program));
        let guest = Guest::start(&X86_64, segment, number, &image);
        // Behind FAULT, where the card has no carrier yet.
        guest.expect("to=BACKUP");
        assert_eq!(advert_of(segment, since, FIRST), (200, GATEWAY));
        guest
    });
    // Where the machine stands still for seconds, the second takes over for a moment.
    segment.wait(Instant::now(), "three adverts, all of the first", |frames| {
        let adverts: Vec<_> = frames.iter().rev().filter_map(Frame::advert).take(3).collect();
        (adverts.len() == 3 && adverts.iter().all(|advert| advert.source == FIRST)).then_some(())
    });
    assert_eq!(segment.ping(GATEWAY), 1);
    guests
}

#[test]
fn the_x86_64_image_becomes_master_answers_and_resigns_when_it_is_switched_off() {
    serves(&X86_64);
}

#[test]
fn the_aarch64_image_becomes_master_answers_and_resigns_when_it_is_switched_off() {
    serves(&AARCH64);
}

#[test]
fn when_the_power_of_a_master_fails_the_other_image_takes_over() {
    let segment = Segment::new();
    let [first, second] = pair(&segment);
    let before = first.kill();
    assert_eq!(advert_of(&segment, before, SECOND), (100, GATEWAY));
    assert_eq!(segment.announcer(before, GATEWAY), 2);
    assert_eq!(segment.ping(GATEWAY), 2);
    second.expect("to=MASTER cause=\"master silent for the master-down interval\"");
    second.kill();
}

#[test]
fn when_a_master_is_switched_off_it_resigns_and_the_other_image_takes_over() {
    let segment = Segment::new();
    let [first, second] = pair(&segment);
    let before = first.power_off();
    assert_resigned(&segment, before, FIRST);
    assert_eq!(advert_of(&segment, before, SECOND), (100, GATEWAY));
    assert_eq!(segment.announcer(before, GATEWAY), 2);
    assert_eq!(segment.ping(GATEWAY), 2);
    second.expect("to=MASTER cause=\"master resigned (priority 0)\"");
    second.kill();
}

#[test]
fn an_image_with_garbage_in_one_slot_runs_what_is_in_the_other() {
    let segment = Segment::new();
    let configurations =
        [configuration("older", "10.0.0.101", 100), configuration("newer", "10.0.0.102", 100)];
    let mut program = program(&X86_64, &configurations);
    let at = embedded::find(&program).unwrap();
    let section = embedded::Section::parse(&program[at..]).unwrap();
    let blob = section.configurations().next().unwrap().1.to_vec();
    let place = program.windows(blob.len()).position(|octets| octets == blob).unwrap();
    program[place..place + blob.len()].fill(0x5a);
    let since = Instant::now();
    let guest = Guest::start(&X86_64, &segment, 1, &initramfs(&X86_64, "10.0.0.1", Some(&program)));
    guest.expect("WARN - configuration-damaged slot=2");
    guest.expect("older transition from=BACKUP to=MASTER");
    assert_eq!(advert_of(&segment, since, FIRST), (100, Ipv4Addr::new(10, 0, 0, 101)));
    assert_eq!(segment.ping(Ipv4Addr::new(10, 0, 0, 101)), 1);
    guest.kill();
}

#[test]
fn without_io_uring_the_x86_64_image_s_program_says_so_and_ends_with_69() {
    ends_without_io_uring(&X86_64);
}

#[test]
fn without_io_uring_the_aarch64_image_s_program_says_so_and_ends_with_69() {
    ends_without_io_uring(&AARCH64);
}
