//! The images of the boards that few have, started in QEMU; the others are in `vm.rs`.
//! `tests/run --all-boards`, or `cargo test --test vm_all_boards -- --test-threads=1`.
#![cfg(test)]

#[path = "vm/mod.rs"]
mod vm;

use vm::machine::{ARMV7, MIPSEL};
use vm::scene::{ends_without_io_uring, serves};

#[test]
fn the_armv7_image_becomes_master_answers_and_resigns_when_it_is_switched_off() {
    serves(&ARMV7);
}

#[test]
fn the_mipsel_image_becomes_master_answers_and_resigns_when_it_is_switched_off() {
    serves(&MIPSEL);
}

#[test]
fn without_io_uring_the_armv7_image_s_program_says_so_and_ends_with_69() {
    ends_without_io_uring(&ARMV7);
}

#[test]
fn without_io_uring_the_mipsel_image_s_program_says_so_and_ends_with_69() {
    ends_without_io_uring(&MIPSEL);
}
