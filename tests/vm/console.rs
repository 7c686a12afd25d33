//! The console on the serial line of an image, between the kernel's messages and a getty.

use std::time::Instant;

use crate::vm::guest::Guest;
use crate::vm::image::{configuration, initramfs_with, program};
use crate::vm::machine::GENERIC;
use crate::vm::scene::{FIRST, GATEWAY, advert_of};
use crate::vm::segment::Segment;

/// A shell on the line, as an administrator may have it.
const GETTY: &str = "::sysinit:/etc/rc
::respawn:/etc/ringward
ttyS0::respawn:/bin/getty -n -l /bin/sh -L 115200 ttyS0 vt100
";

/// A guest that is master, with this in `global_defs`.
fn master(segment: &Segment, global: &str, files: &[(&str, &str)]) -> Guest {
    let text = configuration("gw", "10.0.0.100", 100);
    let text = format!("global_defs {{\n  {global}\n}}\n{text}");
    let (since, program) = (Instant::now(), program(&GENERIC, &[text]));
    let image = initramfs_with(&GENERIC, "10.0.0.1", Some(&program), files);
    let guest = Guest::start(&GENERIC, segment, 1, &image);
    guest.expect("ringward: gw BACKUP -> MASTER: ");
    assert_eq!(advert_of(segment, since, FIRST), (100, GATEWAY));
    guest
}

#[test]
fn transitions_share_the_line_with_the_kernel_and_a_shell() {
    let segment = Segment::new();
    let mut guest = master(&segment, "console board", &[("etc/inittab", GETTY)]);
    guest.say("echo '<3>of the kernel' >/dev/kmsg");
    guest.expect("] of the kernel");
    // No key is read, and whoever has a shell is root.
    guest.say("ringward release gw; echo $((6 * 7)) told");
    guest.expect("ringward: gw MASTER -> BACKUP: released by the operator");
    guest.expect("42 told");
    assert!(!guest.said().contains("INFO"), "told twice");
    guest.kill();
}
