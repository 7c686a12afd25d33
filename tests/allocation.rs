//! The daemon as it is shipped allocates nothing after its start: not for adverts, not for
//! transitions, not for requests. What it says of itself is the count of its own allocator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use rig::{Program, Router, states};
use ringward::lab::{Capture, Frame, Node, Seen, Segment};
use serde_json::Value;

/// Instances on each of the two routers, VRIDs from 1 on, at 10 ms.
const INSTANCES: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(60);

/// `INSTANCES` virtual routers.
fn configuration(priority: u8) -> String {
    let mut text = String::new();
    for vrid in 1..=INSTANCES {
        write!(
            text,
            "vrrp_instance r{vrid} {{
  version 3
  interface eth0
  virtual_router_id {vrid}
  priority {priority}
  advert_int 0.01
  virtual_ipaddress {{
    10.200.0.{vrid}/32
  }}
}}
"
        )
        .unwrap();
    }
    text
}

struct Pair {
    nodes: [Node; 2],
    observed: Router,
    rival: Option<Router>,
    capture: Capture,
    _segment: Segment,
}

impl Pair {
    /// The observed router alone, master of everything.
    fn new() -> Self {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let nodes = [segment.node().unwrap(), segment.node().unwrap()];
        let capture = segment.capture().unwrap();
        let observed = start(&nodes[0], 100);
        let pair = Pair { nodes, observed, rival: None, capture, _segment: segment };
        pair.wait_until_all_are("MASTER");
        pair
    }

    fn status(&self) -> Value {
        self.observed.status(&self.nodes[0])
    }

    /// Asks for its status again and again until every instance is in this state.
    fn wait_until_all_are(&self, state: &str) {
        let give_up = Clock::now() + PATIENCE;
        loop {
            let status = self.status();
            if states(&status).filter(|is| *is == state).count() as u64 == INSTANCES {
                return;
            }
            let output = self.observed.process.output();
            assert!(Clock::now() < give_up, "not all are {state}:\n{status}\n{output}");
        }
    }

    /// A better router comes, and dies.
    fn depose(&mut self) {
        self.rival = Some(start(&self.nodes[1], 200));
        self.wait_until_all_are("BACKUP");
        self.rival = None;
        self.wait_until_all_are("MASTER");
    }

    fn counter(&self, name: &str) -> u64 {
        let status = self.status();
        let instances = status["instances"].as_array().unwrap();
        instances.iter().map(|instance| instance["counters"][name].as_u64().unwrap()).sum()
    }
}

fn start(node: &Node, priority: u8) -> Router {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocation");
    Router::start(Program::Ringward, node, &directory, &configuration(priority))
}

#[test]
fn nothing_is_allocated_by_adverts_transitions_and_requests() {
    let mut pair = Pair::new();
    let transitions = |pair: &Pair| pair.counter("became_master") + pair.counter("released_master");
    let transitions_before = transitions(&pair);
    while transitions(&pair) - transitions_before < 100 {
        pair.depose();
    }
    let give_up = Clock::now() + PATIENCE;
    while pair.counter("adverts_sent") < 10_000 {
        assert!(Clock::now() < give_up, "too few adverts: {}", pair.counter("adverts_sent"));
    }
    let requests_before = pair.status()["process"]["control_answered"].as_u64().unwrap();
    let mut status = pair.status();
    while status["process"]["control_answered"].as_u64().unwrap() - requests_before < 100 {
        assert!(Clock::now() < give_up, "too few answers: {status}");
        status = pair.status();
    }
    let process = &status["process"];
    assert_eq!(process["restarts"], 0, "{process}");
    assert_eq!(process["allocations"], 0, "{process}");
    // It did not only say so: the segment has seen them.
    let mac = pair.nodes[0].mac();
    let is_advert =
        |frame: &Frame| matches!(frame.seen(), Seen::Advert(advert) if advert.source_mac == mac);
    let seen = pair.capture.frames().iter().filter(|frame| is_advert(frame)).count();
    assert!(seen >= 10_000, "{seen} adverts on the wire");
}

/// Every table of the daemon is zeros until it is used, and takes no room in the executable: a
/// single number that is not zero, where one is made, would put all of it there.
#[test]
fn no_table_is_in_the_executable() {
    let octets = std::fs::read(env!("CARGO_BIN_EXE_ringward")).unwrap();
    let number = |at: usize, len: usize| {
        let mut field = [0; 8];
        field[..len].copy_from_slice(&octets[at..at + len]);
        u64::from_le_bytes(field)
    };
    assert_eq!(octets[..6], [0x7f, b'E', b'L', b'F', 2, 1], "64 bits, little-endian (elf.h)");
    // e_phoff, e_phentsize, e_phnum; of each p_type, p_flags, p_filesz, p_memsz.
    let at = |index: u64| usize::try_from(number(32, 8) + index * number(54, 2)).unwrap();
    let headers = (0..number(56, 2)).map(at);
    // PT_LOAD, PF_W.
    let written = headers.filter(|at| number(*at, 4) == 1 && number(at + 4, 4) & 2 != 0);
    let (in_file, in_memory) = written.fold((0, 0), |(file, memory), at| {
        (file + number(at + 32, 8), memory + number(at + 40, 8))
    });
    assert!(in_memory > 4_000_000, "{in_memory}: then the tables are somewhere else");
    assert!(in_file < 1_000_000, "{in_file} octets of {in_memory} are in the file");
}
