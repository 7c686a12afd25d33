//! The console on the serial line of an image, between the kernel's messages and a getty.

use std::time::Instant;

use crate::vm::guest::Guest;
use crate::vm::image::{configuration, initramfs_with, program};
use crate::vm::machine::GENERIC;
use crate::vm::scene::{FIRST, GATEWAY, advert_of};
use crate::vm::segment::{Frame, Segment};

/// A shell on the line, as an administrator may have it.
const GETTY: &str = "::respawn:/etc/ringward
ttyS0::respawn:/bin/busybox getty -n -l /bin/sh -L 115200 ttyS0 vt100
";

/// What begins a screen of which nothing was known: up to the cursor at home.
const RESET: &str = "\x18\x0f\x1b(B\x1b[m\x1b[?7h\x1b[r\x1b[H";

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

/// Waits for so many adverts from now on.
#[track_caller]
fn advertises(segment: &Segment, count: usize) {
    segment.wait(Instant::now(), "adverts, one after the other", |frames| {
        (frames.iter().filter_map(Frame::advert).count() >= count).then_some(())
    });
}

#[test]
fn keys_lead_through_the_full_screen_and_a_line_that_stands_still_holds_up_no_advert() {
    let segment = Segment::new();
    let mut guest = master(&segment, "console board,keys\n  console_release", &[]);
    // Init hangs the line up once, when it has done what waits for the router.
    let rows = guest.press_until_shown("s", "r release  q quit");
    assert!(rows[0].starts_with("ringward ") && rows[0].ends_with("  instances"), "{rows:?}");
    assert_eq!(rows[1], "1 instance: 1 MASTER, 0 BACKUP, 0 FAULT");
    assert_eq!(rows[2], "NAME     STATE  FOR    IFACE IP VRID PRIO  WHAT");
    assert!(rows[3].starts_with("gw       MASTER "), "{rows:?}");
    assert!(rows[3].ends_with(" eth0  v4   51  100  10.0.0.100/24"), "{rows:?}");
    assert!(rows[4..23].iter().all(String::is_empty), "{rows:?}");
    for (key, title) in
        [("t", "  transitions"), ("c", "  counters"), ("p", "  peers"), ("i", "  instances")]
    {
        guest.press(key);
        let rows = guest.until_shown(title);
        assert!(rows[0].ends_with(title), "{rows:?}");
    }
    guest.press("rgw\r");
    guest.until_shown("released");
    guest.press("t");
    guest.until_shown("MASTER -> BACKUP released by the operator");

    // XOFF, and Ctrl-L: the whole screen is more than the driver takes.
    guest.press("\x13\x0c");
    advertises(&segment, 4);
    let silent = guest.said().len();
    advertises(&segment, 8);
    assert!(!guest.said()[silent..].contains('\x1b'), "a stopped line was written to");
    // XON.
    guest.press("\x11");
    let rows = guest.until_shown(" dropped");
    assert!(rows[23].ends_with(" dropped"), "{rows:?}");
    assert!(guest.said()[silent..].contains(RESET), "it was not painted anew");
    guest.press("q");
    guest.press("x");
    guest.until_shown("ringward: press s for the full screen");
    guest.kill();
}
