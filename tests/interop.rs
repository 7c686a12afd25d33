//! ringward and Debian's keepalived keep one address alive together, in every mode and in both
//! roles, through the death, the graceful stop and the return of the master.
//!
//! What is asserted is read from a capture with the kernel's time stamps: who spoke when, in which
//! order, and that nobody else did. On failure the capture is printed, and kept as a pcap file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "interop/mode.rs"]
mod mode;
mod rig;
#[path = "interop/scene.rs"]
mod scene;
#[path = "interop/story.rs"]
mod story;

use mode::Mode;
use rig::Program::{self, Keepalived, Ringward};
use rig::undisturbed;
use scene::{Role, Scene};
use story::End;

/// The master dies with all its processes, in silence: the backup waits out the master-down
/// interval, not a moment less, and takes over.
fn master_is_killed(mode: &'static Mode, master: Program, backup: Program) {
    let mut scene = Scene::new(mode, "killed", master, backup);
    scene.kill(Role::Master);
    scene.wait_for_takeover(Role::Backup);
    scene.assert_story(&[(Role::Master, End::Killed), (Role::Backup, End::Open)]);
}

/// The master is told to stop: it resigns with priority 0, gives the addresses back, and the backup
/// waits for its skew time only.
fn master_stops(mode: &'static Mode, master: Program, backup: Program) {
    let mut scene = Scene::new(mode, "stopped", master, backup);
    scene.stop(Role::Master);
    scene.wait_for_takeover(Role::Backup);
    scene.assert_story(&[(Role::Master, End::Resigned), (Role::Backup, End::Open)]);
}

/// The master comes back from the dead, with the addresses of its former life still in the kernel:
/// it gives them up at once, listens for its master-down interval, and then preempts.
fn master_returns(mode: &'static Mode, master: Program, backup: Program) {
    let mut scene = Scene::new(mode, "returned", master, backup);
    scene.kill(Role::Master);
    scene.wait_for_takeover(Role::Backup);
    scene.start(Role::Master);
    scene.wait_until_without_addresses(Role::Master);
    scene.wait_for_takeover(Role::Master);
    scene.wait_until_without_addresses(Role::Backup);
    scene.assert_story(&[
        (Role::Master, End::Killed),
        (Role::Backup, End::Yielded),
        (Role::Master, End::Open),
    ]);
}

macro_rules! matrix {
    ($($module:ident: $mode:expr;)*) => { $(
        mod $module {
            matrix!($mode, ringward_is_master, Ringward, Keepalived);
            matrix!($mode, keepalived_is_master, Keepalived, Ringward);
        }
    )* };
    ($mode:expr, $module:ident, $master:ident, $backup:ident) => {
        mod $module {
            use super::super::*;

            #[test]
            fn and_is_killed() {
                undisturbed(|| master_is_killed(&$mode, $master, $backup));
            }

            #[test]
            fn and_stops() {
                undisturbed(|| master_stops(&$mode, $master, $backup));
            }

            #[test]
            fn and_returns() {
                undisturbed(|| master_returns(&$mode, $master, $backup));
            }
        }
    };
}

matrix! {
    v2_ipv4: mode::V2_IPV4;
    v2_pass: mode::V2_PASS;
    v2_ah: mode::V2_AH;
    v2_ah_unicast: mode::V2_AH_UNICAST;
    v3_ipv4: mode::V3_IPV4;
    v3_ipv6: mode::V3_IPV6;
    v3_unicast: mode::V3_UNICAST;
}

/// The yardstick is measured too: what is asked of ringward holds between two keepalived.
mod control {
    matrix!(mode::V3_IPV4, keepalived_alone, Keepalived, Keepalived);
}
