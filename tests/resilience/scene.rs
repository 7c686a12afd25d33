//! Routers that run ringward on one wire, and questions to them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant as Clock};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::lab::{Capture, Frame, Node, Process, Seen, Segment};
use ringward::time::Instant;
use serde_json::Value;

use crate::rig;

pub(crate) const RINGWARD: &str = env!("CARGO_BIN_EXE_ringward");
pub(crate) const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A multicast instance of version 3 with one host address.
pub(crate) struct Spec<'a> {
    pub(crate) name: &'a str,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    /// Seconds, as keepalived.conf has it.
    pub(crate) interval: &'a str,
    pub(crate) addresses: &'a [IpAddr],
    /// Further lines.
    pub(crate) more: &'a str,
}

impl Spec<'_> {
    /// VRID 51 with the one address of most tests, every 100 ms.
    pub(crate) fn gateway(priority: u8) -> Self {
        let addresses = &[VIP];
        Spec { name: "gateway", vrid: 51, priority, interval: "0.1", addresses, more: "" }
    }

    pub(crate) fn text(&self) -> String {
        let addresses: String = self.addresses.iter().map(|ip| format!("    {ip}/32\n")).collect();
        let Spec { name, vrid, priority, interval, more, .. } = self;
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface eth0\n  virtual_router_id {vrid}\n  \
             priority {priority}\n  advert_int {interval}\n  {more}\n  virtual_ipaddress \
             {{\n{addresses}  }}\n}}\n"
        )
    }
}

/// A blob of `text` for a test, in a directory of its own.
pub(crate) fn blob(test: &str, name: &str, text: &str) -> PathBuf {
    rig::compile_text(&format!("resilience/{test}"), name, text)
}

/// A router: a node, its configuration, and its ringward while one runs.
pub(crate) struct Router {
    pub(crate) node: Node,
    pub(crate) blob: PathBuf,
    process: Option<Process>,
}

impl Router {
    pub(crate) fn new(segment: &Segment, test: &str, text: &str) -> Self {
        let node = segment.node().unwrap_or_else(|fault| panic!("{fault}"));
        let blob = blob(test, &format!("node{}", node.number()), text);
        Router { node, blob, process: None }
    }

    pub(crate) fn start(&mut self) {
        self.start_under(&[], &[]);
    }

    /// Under another program (which must exec it), or with further options.
    pub(crate) fn start_under(&mut self, wrapper: &[&str], options: &[&str]) {
        let words = [wrapper, &[RINGWARD, "run"], options].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--config").arg(&self.blob);
        self.process = Some(self.node.spawn(&mut command).unwrap_or_else(|f| panic!("{f}")));
    }

    #[track_caller]
    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// Everything it wrote.
    pub(crate) fn said(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// Waits for its end: its code.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        let ended = self.process().wait(SOON);
        ended.unwrap_or_else(|fault| panic!("{fault}\n{}", self.said())).1
    }

    /// The daemon under the supervisor.
    #[track_caller]
    pub(crate) fn daemon(&self) -> Pid {
        let mut found = None;
        eventually("a daemon", || {
            let daemons = |process: &Process| process.children_named("ringward");
            let children = self.process.as_ref().map(daemons).unwrap_or_default();
            found = children.first().copied();
            found.is_some()
        });
        found.unwrap()
    }

    #[track_caller]
    pub(crate) fn signal_daemon(&self, signal: Signal) {
        kill(self.daemon(), signal).unwrap();
    }

    /// What a client prints, and its exit code.
    pub(crate) fn ask(&self, arguments: &[&str]) -> (String, i32) {
        let mut command = Command::new(RINGWARD);
        let mut client = self.node.spawn(command.args(arguments)).unwrap();
        let (_, code) = client.wait(SOON).unwrap_or_else(|fault| panic!("{fault}"));
        (client.output(), code)
    }

    pub(crate) fn status(&self) -> Value {
        let (answer, _) = self.ask(&["status", "--json"]);
        serde_json::from_str(&answer).unwrap_or(Value::String(answer))
    }

    /// The first instance of the status.
    pub(crate) fn instance(&self) -> Value {
        self.status()["instances"][0].clone()
    }

    pub(crate) fn instance_named(&self, name: &str) -> Value {
        let status = self.status();
        let instances = status["instances"].as_array();
        let found = instances.and_then(|all| all.iter().find(|instance| instance["name"] == name));
        found.cloned().unwrap_or_default()
    }

    pub(crate) fn is(&self, state: &str) -> bool {
        self.instance()["state"] == state
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, state: &str) {
        let give_up = Clock::now() + SOON;
        while !self.is(state) {
            assert!(Clock::now() < give_up, "never {state}: {}\n{}", self.status(), self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_address(&self, ip: IpAddr) {
        eventually(&format!("{ip} is there"), || self.node.has(ip).unwrap());
    }

    /// Whether this router sent the frame as an advert, and with which VRID.
    pub(crate) fn sent(&self, frame: &Frame) -> Option<u8> {
        let Seen::Advert(advert) = frame.seen() else { return None };
        (advert.source == self.node.ipv4()).then_some(advert.vrid)
    }

    /// When its adverts of this VRID were on the wire.
    pub(crate) fn adverts(&self, capture: &Capture, vrid: u8, since: Instant) -> Vec<Instant> {
        let frames = capture.frames_since(since).into_iter();
        frames.filter(|frame| self.sent(frame) == Some(vrid)).map(|frame| frame.at).collect()
    }

    /// The next advert of its own.
    #[track_caller]
    pub(crate) fn wait_for_advert(&self, capture: &Capture, since: Instant) -> Instant {
        let found = capture.wait(since, SOON, |frame| self.sent(frame).is_some());
        found.unwrap_or_else(|fault| panic!("{fault}\n{}\n{}", capture.listing(), self.said())).at
    }
}

/// Whether the frame is a resignation of anybody's.
pub(crate) fn resigns(frame: &Frame) -> bool {
    matches!(frame.seen(), Seen::Advert(advert) if advert.priority == 0)
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Clock::now() + SOON;
    while !condition() {
        assert!(Clock::now() < give_up, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Two routers with the gateway of [`Spec::gateway`]: the first one is master, the second its
/// backup and has heard it.
pub(crate) fn pair(test: &str, priority: u8, peer: &str) -> (Segment, Capture, Router, Router) {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let capture = segment.capture().unwrap();
    let mut master = Router::new(&segment, test, &Spec::gateway(priority).text());
    let mut backup = Router::new(&segment, test, peer);
    master.start();
    master.wait_for("MASTER");
    master.wait_for_address(VIP);
    backup.start();
    eventually("the backup hears the master", || !backup.instance()["master"].is_null());
    assert_eq!(backup.instance()["state"], "BACKUP");
    (segment, capture, master, backup)
}
