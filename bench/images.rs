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
use vm::image::{built, initramfs, program, setting};
use vm::machine::{AARCH64, ARMV7, MIPSEL, Machine, X86_64};
use vm::scene::{FIRST, advert_of};
use vm::segment::Segment;

/// Starts of each image; the median counts.
const ROUNDS: usize = 5;
/// Instances whose memory is measured.
const INSTANCES: usize = 16;

/// Octets of the executable and of the initramfs: the board's own budget.
const LENGTHS: [(&str, &str, &str); 2] = [
    ("executable", "ringward", "budget.executable_len_max"),
    ("initramfs", "initramfs.gz", "budget.initramfs_len_max"),
];
/// Proportional set size of all processes of ringward, in kB.
const PSS_MAX: f64 = 700.0;
/// Seconds from /init to the first advert as owner.
const START_MAX: f64 = 0.3;

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

/// What was measured of one start.
struct Start {
    /// Seconds from /init to the first advert.
    seconds: f64,
    /// Seconds of these for the modules that Debian's kernel has not built in.
    modules: f64,
    /// Memory in kB, three adverts later.
    pss: f64,
}

fn start(machine: &Machine, image: &[u8]) -> Start {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start(machine, &segment, 1, image);
    // The kernel's word before it starts the first program (kernel/init/main.c).
    let begun = guest.when("Run /init as init process");
    let advert_at = segment.wait(since, "an advert", |frames| {
        Some(frames.iter().find(|frame| frame.advert().is_some())?.at)
    });
    assert_eq!(advert_of(&segment, since, FIRST).0, 255);
    segment.wait(since, "three adverts of each", |frames| {
        let count = frames.iter().filter(|frame| frame.advert().is_some()).count();
        (count >= 3 * INSTANCES).then_some(())
    });
    guest.say("sh /etc/pss");
    guest.expect(" kB of ringward");
    let said = guest.said();
    let sum = said.split(" kB of ringward").next().and_then(|text| text.lines().last());
    let pss = sum.and_then(|sum| sum.trim().parse().ok()).expect("a number");
    // As /init tells.
    let told = said.split(" modules in ").nth(1).and_then(|text| text.split(" ms").next());
    let modules: f64 = told.and_then(|told| told.parse().ok()).expect("a number");
    guest.kill();
    let seconds = advert_at.duration_since(begun).as_secs_f64();
    Start { seconds, modules: modules / 1000.0, pss }
}

/// The figure in the middle.
fn median(starts: &[Start], figure: impl Fn(&Start) -> f64) -> f64 {
    let mut figures: Vec<f64> = starts.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let mut machines = vec![&X86_64, &AARCH64];
    if has("--all-boards") {
        machines.extend([&ARMV7, &MIPSEL]);
    }
    let (mut passed, mut failed) = (0, 0);
    let mut row = |board: &str, what: &str, figure: f64, bound: f64, unit: &str| {
        let is_met = figure <= bound;
        *if is_met { &mut passed } else { &mut failed } += 1;
        let missed = if is_met { "" } else { " (missed)" };
        println!("| {board} | {what} | {figure:.3} {unit} | {bound}{missed} |");
    };
    println!("\n| image | what | figure | bound |\n|---|---|---|---|");
    for machine in machines {
        let board = machine.board;
        for (what, file, budget) in LENGTHS {
            let len = fs::metadata(built(machine).join(file)).unwrap().len() as f64;
            let budget: f64 = setting(machine, budget).parse().unwrap();
            row(board, what, len / 1000.0, budget / 1000.0, "kB");
        }
        let program = program(machine, &[owners(INSTANCES)]);
        let archive = initramfs(machine, "10.0.0.1", Some(&program));
        let starts: Vec<Start> = (0..ROUNDS).map(|_| start(machine, &archive)).collect();
        let seconds = median(&starts, |start| start.seconds);
        row(board, "PSS, instances: 16", median(&starts, |start| start.pss), PSS_MAX, "kB");
        row(board, "/init to the first advert as owner", seconds, START_MAX, "s");
        let modules = median(&starts, |start| start.modules);
        println!("| {board} | of these, Debian's modules | {modules:.3} s | |");
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 || !has("--check") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
