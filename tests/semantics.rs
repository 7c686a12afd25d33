//! keepalived's rules of tracked scripts as a table: what an instance of priority 100 says on the wire
//! while its script waits, succeeds, fails, hangs, and across reloads. Each row is told by ringward
//! and by Debian's keepalived; what is expected of both was read from keepalived.conf(5) and from
//! keepalived 2.2.7 (`initialise_track_script_state`, `process_script_update_priority` in vrrp_track.c).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use rig::Program::{self, Keepalived, Ringward};
use rig::{Router, compile, eventually, set_mode};
use ringward::lab::{Capture, Node, Seen, Segment};

const SOON: Duration = Duration::from_secs(60);

/// The instance of the table, and one beside it that tracks nothing.
const TRACKING: u8 = 51;
const FREE: u8 = 52;

/// What happens to the script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The router does, with nothing that is tracked.
    Starts,
    /// It has begun, and does not end.
    Waits,
    /// From now on it ends with exit code 0.
    Good,
    /// From now on it ends with exit code 1.
    Bad,
    /// From now on it runs until its time is over.
    Hangs,
    /// The configuration is read again, with these lines in it.
    Reload(Lines),
}
use Step::{Bad, Good, Hangs, Reload, Starts, Waits};

/// What a row has in its script and in its instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lines {
    script: &'static str,
    instance: &'static str,
}

const fn weight(script: &'static str) -> Lines {
    Lines { script, instance: "track_script {\n    service\n  }" }
}

/// The script is there, and nobody tracks it.
const UNTRACKED: Lines = Lines { script: "weight 0", instance: "" };

/// After each step: the priority of the adverts; none: there are none.
type Row = &'static [(Step, Option<u8>)];

const COMMAND: &str = "#!/bin/sh\ntouch /run/begun\n\
    while [ ! -e /run/answer ]; do sleep 0.05; done\nread answer < /run/answer\n\
    [ $answer = Hangs ] && exec sleep 1000\necho $answer >> /run/runs\n[ $answer = Good ]\n";

fn text(lines: Lines) -> String {
    let instance = |name: &str, vrid: u8, lines: &str| {
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface eth0\n  virtual_router_id {vrid}\n  \
             priority 100\n  advert_int 0.1\n  virtual_ipaddress {{\n    10.99.0.{vrid}/24\n  }}\n  {lines}\n}}\n"
        )
    };
    format!(
        "global_defs {{\n  script_user root\n}}\nvrrp_script service {{\n  script /run/service\n  \
         interval 1\n  timeout 6\n  {}\n}}\n{}{}",
        lines.script,
        instance("free", FREE, ""),
        instance("tracking", TRACKING, lines.instance)
    )
}

struct Story {
    node: Node,
    router: Router,
    capture: Capture,
    directory: PathBuf,
    _segment: Segment,
}

impl Story {
    fn begin(test: &str, program: Program, lines: Lines) -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let (node, capture) = (segment.node().unwrap(), segment.capture().unwrap());
        node.write("/run/service", COMMAND.as_bytes()).unwrap();
        set_mode(&node, "/run/service", 0o755);
        let name = format!("{test}-{program:?}").to_lowercase();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("semantics").join(name);
        let router = Router::start(program, &node, &directory, &text(lines));
        Story { node, router, capture, directory, _segment: segment }
    }

    fn file(&self, path: &str) -> Option<String> {
        self.node.enter(|| Ok(fs::read_to_string(path).ok())).unwrap()
    }

    /// The priorities of this instance's adverts, in their order.
    fn adverts(&self, vrid: u8) -> Vec<u8> {
        let frames = self.capture.frames();
        let adverts = frames.iter().filter_map(|frame| {
            if let Seen::Advert(advert) = frame.seen() { Some(advert) } else { None }
        });
        adverts.filter(|advert| advert.vrid == vrid).map(|advert| advert.priority).collect()
    }

    /// Waits until both have gone on for so many adverts of the free instance, and `holds`.
    #[track_caller]
    fn settle(&self, step: Step, expected: Option<u8>, holds: impl Fn() -> bool) {
        let shown = format!("{step:?}: {expected:?} of {:?}", self.router.program);
        eventually(SOON, &shown, holds);
        let free = self.adverts(FREE).len();
        eventually(SOON, "adverts of the other one", || self.adverts(FREE).len() >= free + 5);
        eventually(SOON, &format!("{shown}; {}", self.router.process.output()), || {
            self.is_last(expected)
        });
    }

    /// Whether the last advert has this priority; none: it has resigned, or never sent any.
    fn is_last(&self, expected: Option<u8>) -> bool {
        self.adverts(TRACKING).last().copied().unwrap_or(0) == expected.unwrap_or(0)
    }

    #[track_caller]
    fn tell(&mut self, step: Step, expected: Option<u8>) {
        match step {
            Starts => self.settle(step, expected, || true),
            Waits => self.settle(step, expected, || self.file("/run/begun").is_some()),
            Good | Bad => {
                let answer = format!("{step:?}");
                let runs = || {
                    let runs = self.file("/run/runs").unwrap_or_default();
                    runs.lines().filter(|line| *line == answer).count()
                };
                let before = runs();
                self.answer(&answer);
                // Of the third run, the first two are known.
                self.settle(step, expected, || runs() >= before + 3);
            }
            Hangs => {
                self.answer("Hangs");
                self.settle(step, expected, || self.is_last(expected));
            }
            Reload(lines) => {
                let source = self.directory.join(format!("node{}.conf", self.node.number()));
                fs::write(&source, text(lines)).unwrap();
                let _ = self.node.enter(|| Ok(fs::remove_file("/run/begun").is_ok())).unwrap();
                match self.router.program {
                    Keepalived => self.router.process.signal(Signal::SIGHUP).unwrap(),
                    Ringward => {
                        compile(&source);
                        let said = self.router.ask(&self.node, &["reload"]);
                        assert!(said.contains("2 instances from "), "{said}");
                    }
                }
                self.settle(step, expected, || self.file("/run/begun").is_some());
            }
        }
    }

    fn answer(&self, answer: &str) {
        // In one piece: the script may look at any moment.
        self.node.write("/run/next", format!("{answer}\n").as_bytes()).unwrap();
        let moved = self.node.enter(|| Ok(fs::rename("/run/next", "/run/answer").is_ok()));
        assert!(moved.unwrap());
    }
}

/// Each of them tells this story, and says nothing else on the wire.
#[track_caller]
fn holds(test: &str, programs: &[Program], lines: Lines, row: Row) {
    std::thread::scope(|scope| {
        for program in programs {
            scope.spawn(move || holds_for(test, *program, lines, row));
        }
    });
}

fn holds_for(test: &str, program: Program, lines: Lines, row: Row) {
    let mut story = Story::begin(test, program, lines);
    let mut expected = Vec::new();
    for (step, priority) in row {
        story.tell(*step, *priority);
        // Nothing is said before there is a master, and one that leaves resigns.
        if priority.is_some() || !expected.is_empty() {
            expected.push(priority.unwrap_or(0));
        }
    }
    let mut told = story.adverts(TRACKING);
    told.dedup();
    expected.dedup();
    assert_eq!(told, expected, "{program:?}\n{}", story.router.process.output());
}

const BOTH: &[Program] = &[Ringward, Keepalived];

macro_rules! rows {
    ($programs:expr; $($name:ident: $lines:expr, $row:expr;)*) => {
        $(
            #[test]
            fn $name() {
                const ROW: Row = $row;
                holds(stringify!($name), $programs, $lines, ROW);
            }
        )*
    };
}

rows! { BOTH;
    weight_0: weight("weight 0"),
        &[(Waits, None), (Good, Some(100)), (Bad, None), (Good, Some(100)), (Hangs, None)];
    weight_0_in_reverse: weight("weight 0 reverse"),
        &[(Waits, None), (Good, None), (Bad, Some(100)), (Good, None), (Hangs, Some(100))];
    weight_0_that_fails_from_the_first: weight("weight 0"),
        &[(Waits, None), (Bad, None), (Good, Some(100))];
    positive_weight: weight("weight 20"),
        &[(Waits, Some(100)), (Good, Some(120)), (Bad, Some(100)), (Good, Some(120)), (Hangs, Some(100))];
    negative_weight: weight("weight -20"),
        &[(Waits, Some(100)), (Good, Some(100)), (Bad, Some(80)), (Good, Some(100)), (Hangs, Some(80))];
    positive_weight_in_reverse: weight("weight 20 reverse"),
        &[(Waits, Some(100)), (Good, Some(80)), (Bad, Some(100)), (Good, Some(80)), (Hangs, Some(100))];
    negative_weight_in_reverse: weight("weight -20 reverse"),
        &[(Waits, Some(100)), (Bad, Some(120)), (Good, Some(100)), (Hangs, Some(120))];
    weights_beyond_what_a_priority_can_be: weight("weight 253"),
        &[(Waits, Some(100)), (Good, Some(254)), (Bad, Some(100)), (Reload(weight("weight -253")), Some(1))];
    time_over_before_the_first_answer: weight("weight -20"),
        &[(Waits, Some(100)), (Hangs, Some(80))];
    // `rise` and `fall` of answers in a row.
    rise_and_fall: weight("weight 20\n  rise 2\n  fall 3"),
        &[(Waits, Some(100)), (Good, Some(120)), (Bad, Some(100)), (Good, Some(120))];
    init_fail_of_weight_0: weight("weight 0\n  init_fail\n  rise 2"),
        &[(Waits, None), (Good, Some(100)), (Bad, None)];
    a_reload_carries_over_what_fails: weight("weight -20"),
        &[(Waits, Some(100)), (Bad, Some(80)), (Reload(weight("weight -20")), Some(80)),
          (Reload(weight("weight -30")), Some(70)), (Good, Some(100))];
    a_reload_carries_over_what_succeeds: weight("weight 20"),
        &[(Waits, Some(100)), (Good, Some(120)), (Reload(weight("weight 30")), Some(130)), (Bad, Some(100))];
    a_reload_carries_over_a_fault: weight("weight 0"),
        &[(Waits, None), (Good, Some(100)), (Bad, None), (Reload(weight("weight 0")), None), (Good, Some(100))];
    a_reload_makes_a_weight_of_a_fault: weight("weight 0"),
        &[(Waits, None), (Bad, None), (Reload(weight("weight -20")), Some(80)), (Good, Some(100))];
    what_a_reload_adds_is_no_fault_before_it_fails: UNTRACKED,
        &[(Starts, Some(100)), (Reload(weight("weight 0")), Some(100)), (Bad, None), (Good, Some(100))];
}

// Of these, keepalived 2.2.7 does otherwise than it documents: `init_fail` says that the script is to be
// taken for failed before its first answer, and there it is for weight 0 only; a master that a reload
// puts into FAULT does not resign, as one does that comes there in any other way; and while a script
// hangs it says each second that it skips a run, but starts one, so that the time of some is over after
// others have succeeded (which is why a row of both ends where the script hangs).
rows! { &[Ringward];
    good_again_when_the_time_was_over: weight("weight -20"),
        &[(Waits, Some(100)), (Hangs, Some(80)), (Good, Some(100))];
    init_fail_of_negative_weight: weight("weight -20\n  init_fail"),
        &[(Waits, Some(80)), (Good, Some(100)), (Bad, Some(80))];
    a_reload_makes_a_fault_of_a_weight: weight("weight -20"),
        &[(Waits, Some(100)), (Bad, Some(80)), (Reload(weight("weight 0")), None), (Good, Some(100))];
}
