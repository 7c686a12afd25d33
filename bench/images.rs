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
/// Proportional set size of all processes of ringward, in kB: of a board that does VRRP and nothing
/// else.
const PSS_MAX: f64 = 700.0;
/// Seconds from /init to the first advert as owner.
const START_MAX: f64 = 0.3;
/// A guest whose clock goes by instructions, each of 2^3 ns: 125 million in a second, fewer than the
/// processors of these boards carry out. It tells the same on every machine.
///
/// By our own clock, a start is mostly QEMU's translation of code that is run for the first time.
const COUNTED: [&str; 6] =
    // MIPS's kernel measures its clock by the clock of the day.
    ["-accel", "tcg", "-icount", "shift=3", "-rtc", "clock=vm"];

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

/// The kernel's word before it starts the first program (kernel/init/main.c).
const INIT: &str = "Run /init as init process";

/// What was measured of one start.
struct Start {
    /// Seconds from /init to the first advert, by our clock.
    seconds: f64,
    /// Memory in kB, three adverts later.
    pss: f64,
}

fn start(machine: &Machine, image: &[u8]) -> Start {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start(machine, &segment, 1, image);
    let begun = guest.when(INIT);
    let advert_at = segment.wait(since, "an advert", |frames| {
        Some(frames.iter().find(|frame| frame.advert().is_some())?.at)
    });
    assert_eq!(advert_of(&segment, since, FIRST).0, 255);
    until_steady(&segment, since);
    guest.say("sh /etc/pss");
    guest.expect(" kB of ringward");
    let said = guest.said();
    let sum = said.split(" kB of ringward").next().and_then(|text| text.lines().last());
    let pss = sum.and_then(|sum| sum.trim().parse().ok()).expect("a number");
    guest.kill();
    Start { seconds: advert_at.duration_since(begun).as_secs_f64(), pss }
}

fn until_steady(segment: &Segment, since: Instant) {
    segment.wait(since, "three adverts of each", |frames| {
        let count = frames.iter().filter(|frame| frame.advert().is_some()).count();
        (count >= 3 * INSTANCES).then_some(())
    });
}

/// The same by a guest's clock that goes by instructions: until the first instance is MASTER and has
/// advertised, and how much of it the modules take that Debian's kernel has not built in.
fn start_counted(machine: &Machine, image: &[u8]) -> (f64, f64) {
    let (segment, since) = (Segment::new(), Instant::now());
    let mut guest = Guest::start_paced(machine, &segment, 1, image, &COUNTED);
    until_steady(&segment, since);
    // How long ago it was, and what time it is then: later by the start of another program, which
    // takes longer than it is from the transition to its advert.
    guest.say("ringward log --json >/run/log; head -c 300 /run/log; echo the time >/dev/kmsg");
    guest.expect("the time\r");
    let said = guest.said();
    guest.kill();
    assert!(said.contains("\"to\":\"MASTER\""), "{said}");
    let number = |text: Option<&str>| -> f64 { text.unwrap().trim().parse().unwrap() };
    // The kernel's stamp, `[    4.342132] ` (printk.time).
    let stamp = |line: &str| {
        let before = said.split(line).next().and_then(|text| text.rsplit('[').next());
        number(before.and_then(|text| text.strip_suffix("] ")))
    };
    let between = |begin: &str, end: &str| {
        number(said.split(begin).nth(1).and_then(|text| text.split(end).next()))
    };
    let master_at = stamp("the time\r") - between("\"age_us\":", ",") / 1e6;
    (master_at - stamp(INIT), between(" modules in ", " ms") / 1e3)
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
    let mut row = |board: &str, what: &str, figure: f64, bound: Option<f64>, unit: &str| {
        let judged = match bound {
            Some(bound) if figure <= bound => {
                passed += 1;
                bound.to_string()
            }
            Some(bound) => {
                failed += 1;
                format!("{bound} (missed)")
            }
            None => String::new(),
        };
        println!("| {board} | {what} | {figure:.3} {unit} | {judged} |");
    };
    println!("\n| image | what | figure | bound |\n|---|---|---|---|");
    for machine in machines {
        let board = machine.board;
        for (what, file, budget) in LENGTHS {
            let len = fs::metadata(built(machine).join(file)).unwrap().len() as f64;
            let budget: f64 = setting(machine, budget).parse().unwrap();
            row(board, what, len / 1000.0, Some(budget / 1000.0), "kB");
        }
        let program = program(machine, &[owners(INSTANCES)]);
        let archive = initramfs(machine, "10.0.0.1", Some(&program));
        let starts: Vec<Start> = (0..ROUNDS).map(|_| start(machine, &archive)).collect();
        let does_more = setting(machine, "build.features").contains("commands");
        let pss_max = Some(PSS_MAX).filter(|_| !does_more);
        row(board, "PSS, instances: 16", median(&starts, |start| start.pss), pss_max, "kB");
        let (seconds, modules) = start_counted(machine, &archive);
        row(board, "/init to the first advert as owner", seconds, Some(START_MAX), "s");
        row(board, "of these, Debian's modules", modules, None, "s");
        let ours = median(&starts, |start| start.seconds);
        row(board, "/init to the first advert, outside the guest", ours, None, "s");
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 || !has("--check") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
