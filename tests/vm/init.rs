//! The first program of an image: what it does before the router, and that there is never a second
//! one.

use std::time::Instant;

use crate::vm::guest::Guest;
use crate::vm::image::{initramfs, initramfs_with, plan};
use crate::vm::machine::X86_64;
use crate::vm::scene::{FIRST, GATEWAY, advert_of};
use crate::vm::segment::Segment;

/// Tells the supervisors that there are, and that it has: the answer is not what was typed.
const SUPERVISORS: &str = "echo super: $(pidof ringward-super | wc -w)";

/// Kills every process of the router at once.
const KILL: &str = "kill -9 $(for p in /proc/[0-9]*; do \
                    [ \"$(readlink $p/exe)\" != /sbin/ringward ] || echo ${p#/proc/}; done)";

#[test]
fn the_router_of_init_is_the_only_one_and_when_it_is_killed_init_s_table_starts_another() {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start(&X86_64, &segment, 1, &initramfs(&X86_64, "10.0.0.1", None));
    guest.expect("built transition from=BACKUP to=MASTER");
    assert_eq!(advert_of(&segment, since, FIRST), (100, GATEWAY));
    // The table's line has had its turn: it waits.
    guest.say("until ps | grep -q '/etc/ringwar[d]'; do sleep 1; done; echo waits: $((6 * 7))");
    guest.expect("waits: 42");
    guest.say(SUPERVISORS);
    guest.expect("super: 1");
    assert!(!guest.said().contains("another ringward runs"), "a second one was started");
    // With all processes of it gone, nobody is left to start another one but init.
    let before = Instant::now();
    guest.say(KILL);
    segment.wait(before, "the next router is master", |_| {
        (guest.said().matches("to=MASTER").count() == 2).then_some(())
    });
    assert_eq!(segment.ping(GATEWAY), 1);
    guest.say(&SUPERVISORS.replace("super:", "then:"));
    guest.expect("then: 1");
    guest.kill();
}

#[test]
fn a_bad_line_of_a_plan_is_told_with_its_place_and_the_rest_is_carried_out() {
    let (segment, since) = (Segment::new(), Instant::now());
    let good = plan(&X86_64, "10.0.0.1");
    let bad = format!("modul /lib/a.ko\nmodule /lib/b.ko\naddress eth7 10.0.0.9/24\n{good}");
    let script = "echo 'rc.local sees' $(ip -o addr show dev eth0)\nexit 3\n";
    let files = [("etc/plan", bad.as_str()), ("etc/rc.local", script)];
    let guest =
        Guest::start(&X86_64, &segment, 1, &initramfs_with(&X86_64, "10.0.0.1", None, &files));
    guest.expect(
        "ringward: /etc/plan:1:1: 'modul' is no step: there are module and address; the line is \
         left out",
    );
    guest.expect(
        "ringward: /etc/plan:2: module /lib/b.ko: cannot open the module: No such file or \
         directory (ENOENT)",
    );
    guest.expect(
        "ringward: /etc/plan:3: address eth7 10.0.0.9/24: cannot find the interface: No such \
         device (ENODEV)",
    );
    // Behind the plan, and before the links are up.
    guest.expect("rc.local sees 2: eth0 inet 10.0.0.1/24");
    guest.expect("ringward: /etc/rc.local ended with code=3");
    assert_eq!(advert_of(&segment, since, FIRST), (100, GATEWAY));
    assert_eq!(segment.ping(GATEWAY), 1);
    guest.kill();
}
