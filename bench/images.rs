//! The images of boards, measured where they run: in QEMU, with Debian's kernels. `bench/run --images`
//! starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    reason = "a measurement that fails is reported as failed; figures are for people"
)]

#[path = "../tests/vm/mod.rs"]
mod vm;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use vm::guest::Guest;
use vm::image::{built, initramfs, program};
use vm::machine::{AARCH64, Machine, X86_64};
use vm::scene::{FIRST, advert_of};
use vm::segment::Segment;

/// Starts of each image; the median counts.
const ROUNDS: usize = 5;
/// Instances whose memory is measured.
const INSTANCES: usize = 16;

/// What an image may be at most.
struct Bounds {
    machine: Machine,
    executable_kb: f64,
    initramfs_kb: f64,
    pss_kb: f64,
    start_s: f64,
}

const IMAGES: [Bounds; 2] = [
    Bounds {
        machine: X86_64,
        executable_kb: 400.0,
        initramfs_kb: 2500.0,
        pss_kb: 700.0,
        start_s: 0.3,
    },
    Bounds {
        machine: AARCH64,
        executable_kb: 450.0,
        initramfs_kb: 2500.0,
        pss_kb: 700.0,
        start_s: 0.3,
    },
];

/// So many owners, the first of them of the virtual router 1.
fn owners(count: usize) -> String {
    let owner = |number| {
        format!(
            "vrrp_instance r{number} {{\n  interface eth0\n  virtual_router_id {number}\n  \
             priority 255\n  version 3\n  virtual_ipaddress {{\n    10.0.1.{number}/32\n  }}\n}}\n"
        )
    };
    (1..=count).map(owner).collect()
}

/// Seconds from /init to the first advert, and the memory of all its processes after it.
fn start(machine: &Machine, image: &[u8]) -> (f64, f64) {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start(machine, &segment, 1, image);
    // The kernel's word before it starts the first program (kernel/init/main.c).
    let begun = guest.when("Run /init as init process");
    let advert_at = segment.wait(since, "an advert", |frames| {
        Some(frames.iter().find(|frame| frame.advert().is_some())?.at)
    });
    assert_eq!(advert_of(&segment, since, FIRST).0, 255);
    let seconds = advert_at.duration_since(begun).as_secs_f64();
    guest.say("sh /etc/pss");
    guest.expect(" kB of ringward");
    let said = guest.said();
    let sum = said.split(" kB of ringward").next().and_then(|text| text.lines().last());
    let sum = sum.and_then(|sum| sum.trim().parse().ok()).expect("a number");
    guest.kill();
    (seconds, sum)
}

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let (mut passed, mut failed) = (0, 0);
    println!("\n| image | what | figure | bound |\n|---|---|---|---|");
    for image in &IMAGES {
        let machine = &image.machine;
        let octets = |name: &str| fs::metadata(built(machine).join(name)).unwrap().len() as f64;
        let program = program(machine, &[owners(INSTANCES)]);
        let archive = initramfs(machine, "10.0.0.1", Some(&program));
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| start(machine, &archive)).collect();
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (seconds, pss) = rounds[ROUNDS / 2];
        for (what, figure, bound, unit) in [
            ("executable", octets("ringward") / 1000.0, image.executable_kb, "kB"),
            ("initramfs", octets("initramfs.gz") / 1000.0, image.initramfs_kb, "kB"),
            ("PSS, instances: 16", pss, image.pss_kb, "kB"),
            ("/init to the first advert as owner", seconds, image.start_s, "s"),
        ] {
            let is_met = figure <= bound;
            *if is_met { &mut passed } else { &mut failed } += 1;
            let missed = if is_met { "" } else { " (missed)" };
            println!("| {} | {what} | {figure:.3} {unit} | {bound}{missed} |", machine.board);
        }
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 || !check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
