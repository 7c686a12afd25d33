//! The console on the serial line of an image, between the kernel's messages and a getty.

use std::time::Instant;

use crate::vm::guest::Guest;
use crate::vm::image::{configuration, initramfs_with, program};
use crate::vm::machine::GENERIC;
use crate::vm::scene::{FIRST, GATEWAY, advert_of};
use crate::vm::segment::{Frame, Segment};

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

/// Waits for so many adverts.
fn advertises(segment: &Segment, count: usize) {
    segment.wait(Instant::now(), "adverts, one after the other", |frames| {
        (frames.iter().filter_map(Frame::advert).count() >= count).then_some(())
    });
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

#[test]
fn keys_lead_through_the_full_screen_and_a_line_that_stands_still_delays_no_advert() {
    let segment = Segment::new();
    let mut guest = master(&segment, "console board,keys\n  console_release", &[]);
    guest.press("s");
    let rows = guest.until_shown("gw       MASTER");
    assert!(rows[0].starts_with("ringward ") && rows[0].ends_with("  instances"), "{rows:?}");
    for (key, shown) in
        [("t", "  transitions"), ("c", "  counters"), ("p", "  peers"), ("i", "  instances")]
    {
        guest.press(key);
        guest.until_shown(shown);
    }
    guest.press("rgw\r");
    guest.until_shown("gw       BACKUP");
    guest.until_shown("gw       MASTER");

    // XOFF. What the driver had taken before may still come.
    guest.press("\x13");
    advertises(&segment, 4);
    let silent = guest.said().len();
    advertises(&segment, 8);
    assert_eq!(guest.said().len(), silent, "a stopped line was written to");
    // XON.
    guest.press("\x11");
    guest.until_shown(" dropped");
    guest.press("q");
    guest.press("x");
    guest.expect("\rringward: press s for the full screen");
    guest.kill();
}
