//! An image from its start to its end.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Instant;

use ringward::lab;

use super::guest::{Guest, PATIENCE};
use super::image::{built, folder_of, initramfs, target};
use super::machine::Machine;
use super::segment::{Frame, Segment};

/// The virtual address.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
/// Of the guest with the number 1.
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Waits for an advert of this station: its priority and its address.
#[track_caller]
pub(crate) fn advert_of(segment: &Segment, since: Instant, station: Ipv4Addr) -> (u8, Ipv4Addr) {
    segment.wait(since, &format!("an advert of {station}"), |frames| {
        let mut adverts = frames.iter().filter_map(Frame::advert);
        let advert = adverts.find(|advert| advert.source == station)?;
        Some((advert.priority, advert.address))
    })
}

/// RFC 9568 §6.4.3, Shutdown: an advert of priority 0.
#[track_caller]
pub(crate) fn assert_resigned(segment: &Segment, since: Instant, station: Ipv4Addr) {
    let adverts = segment.adverts(since);
    let last = adverts.iter().rfind(|advert| advert.source == station);
    assert!(last.is_some_and(|advert| advert.priority == 0), "{adverts:?}");
}

/// An image as it was built, alone on its segment, until it is switched off.
pub(crate) fn serves(machine: &Machine) {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start(machine, &segment, 1, &initramfs(machine, "10.0.0.1", None));
    guest.expect("built transition from=BACKUP to=MASTER");
    assert_eq!(advert_of(&segment, since, FIRST), (100, GATEWAY));
    assert_eq!(segment.announcer(since, GATEWAY), 1);
    assert_eq!(segment.ping(GATEWAY), 1);
    // It says so only of a daemon that is confined.
    guest.say("ringward status");
    guest.expect("seccomp yes");
    let before = guest.power_off();
    assert_resigned(&segment, before, FIRST);
}

/// The program of an image, under a kernel that was built without io_uring: QEMU's emulation of
/// programs has none.
pub(crate) fn ends_without_io_uring(machine: &Machine) {
    let program = built(machine).join("ringward");
    let segment = lab::Segment::new().unwrap();
    let node = segment.node().unwrap();
    let mut command = Command::new(target().join("vm").join(machine.emulator));
    command.arg(program).args(["run", "--run-directory"]).arg(folder_of("run"));
    let mut process = node.spawn(&mut command).unwrap();
    let (_, code) = process.wait(PATIENCE).unwrap();
    let said = process.output();
    assert_eq!(code, 69, "{said}");
    let line =
        "not-started reason=\"this kernel has no io_uring (CONFIG_IO_URING, Linux 5.11 or later)\"";
    assert!(said.contains(line), "{said}");
}
