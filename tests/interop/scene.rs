//! Two routers and the wire between them, watched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

use ringward::lab::{self, Capture, Frame, Node, Segment};
use ringward::time::{Instant, Span};

use super::mode::{Mode, Theory, VRID};
use super::rig::{Program, Router};
use super::story::{self, Deed, End, Mark, Reign, advert, stamp};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Priority 200.
    Master,
    /// Priority 100.
    Backup,
}

pub(crate) struct Scene {
    mode: &'static Mode,
    directory: PathBuf,
    capture: Capture,
    master: Party,
    backup: Party,
    marks: Vec<Mark>,
    _segment: Segment,
}

struct Party {
    role: Role,
    program: Program,
    priority: u8,
    node: Node,
    router: Option<Router>,
}

impl Scene {
    /// Both routers run, and the one of priority 200 has been master for a few adverts.
    pub(crate) fn new(mode: &'static Mode, event: &str, master: Program, backup: Program) -> Self {
        let name = format!("{}-{master:?}-{event}-beside-{backup:?}", mode.name).to_lowercase();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(name);
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let party = |role, program, priority| {
            let node = segment.node().unwrap_or_else(|fault| panic!("{fault}"));
            Party { role, program, priority, node, router: None }
        };
        let mut scene = Scene {
            mode,
            directory,
            capture: segment.capture().unwrap(),
            master: party(Role::Master, master, 200),
            backup: party(Role::Backup, backup, 100),
            marks: Vec::new(),
            _segment: segment,
        };
        scene.start(Role::Master);
        scene.wait_for_takeover(Role::Master);
        scene.start(Role::Backup);
        let within = scene.patience();
        let Party { node, router, .. } = &mut scene.backup;
        router.as_mut().unwrap().wait_until_ready(node, within);
        // It has to hear the master before it can miss it.
        scene.wait_for_adverts(Role::Master, lab::now(), 2);
        scene
    }

    fn party(&self, role: Role) -> &Party {
        match role {
            Role::Master => &self.master,
            Role::Backup => &self.backup,
        }
    }

    fn party_mut(&mut self, role: Role) -> &mut Party {
        match role {
            Role::Master => &mut self.master,
            Role::Backup => &mut self.backup,
        }
    }

    fn theory(&self, role: Role) -> &'static Theory {
        match role {
            Role::Master => &self.mode.master,
            Role::Backup => &self.mode.backup,
        }
    }

    /// Ten times what theory says of the slowest step there is.
    fn patience(&self) -> Duration {
        Duration::from_micros(self.mode.backup.master_down.as_micros()) * 10
    }

    fn mark(&mut self, deed: Deed, role: Role) {
        let mac = self.party(role).node.mac();
        self.marks.push(Mark { at: lab::now(), deed, mac });
    }

    pub(crate) fn start(&mut self, role: Role) {
        self.mark(Deed::Start, role);
        let (party, peer) = match role {
            Role::Master => (&self.master, &self.backup),
            Role::Backup => (&self.backup, &self.master),
        };
        let text = self.mode.configuration(&party.node, &peer.node, party.priority);
        let router = Router::start(party.program, &party.node, &self.directory, &text);
        self.party_mut(role).router = Some(router);
    }

    /// Ends all its processes at once.
    pub(crate) fn kill(&mut self, role: Role) {
        self.party_mut(role).router.as_mut().unwrap().kill();
        // After the fact: what was sent until now was sent by the living.
        self.mark(Deed::Kill, role);
    }

    /// SIGTERM, and waits for its end, which leaves no address behind.
    pub(crate) fn stop(&mut self, role: Role) {
        self.mark(Deed::Stop, role);
        let within = self.patience();
        let party = self.party_mut(role);
        party.router.as_mut().unwrap().stop(within);
        let left = self.left_addresses(role);
        assert!(left.is_empty(), "stopped, and left {left:?} behind");
    }

    fn left_addresses(&self, role: Role) -> Vec<std::net::IpAddr> {
        let node = &self.party(role).node;
        self.mode.ips().into_iter().filter(|ip| node.has(*ip).unwrap()).collect()
    }

    /// Waits until the kernel of this router has given up the virtual addresses.
    pub(crate) fn wait_until_without_addresses(&self, role: Role) {
        let give_up = Clock::now() + self.patience();
        loop {
            let left = self.left_addresses(role);
            if left.is_empty() {
                return;
            }
            assert!(Clock::now() < give_up, "{role:?} keeps {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until this router is master: it advertises, has the addresses, and has announced each
    /// of them five times; and then for two adverts more.
    pub(crate) fn wait_for_takeover(&mut self, role: Role) {
        let since = self.marks.last().unwrap().at;
        let Party { node, .. } = self.party(role);
        let (mac, patience) = (node.mac(), self.patience());
        self.wait_for_adverts(role, since, 1);
        for ip in self.mode.ips() {
            let mut left = 5;
            let announced = self.capture.wait(since, patience, |frame| {
                left -= i32::from(story::announcement(frame) == Some((mac, ip)));
                left == 0
            });
            announced.unwrap_or_else(|fault| panic!("{role:?} announces {ip} 5 times: {fault}"));
            assert!(node.has(ip).unwrap(), "{role:?} announces {ip} and does not have it");
        }
        self.wait_for_adverts(role, lab::now(), 2);
    }

    fn wait_for_adverts(&self, role: Role, since: Instant, count: usize) {
        let Party { node, priority, .. } = self.party(role);
        let mut left = count;
        let seen = self.capture.wait(since, self.patience(), |frame| {
            let is_wanted = advert(frame).is_some_and(|advert| {
                advert.source_mac == node.mac() && advert.priority == *priority
            });
            left -= usize::from(is_wanted);
            left == 0
        });
        seen.unwrap_or_else(|fault| panic!("{role:?} sends {count} adverts: {fault}"));
    }

    /// Compares the capture with what has to be told.
    pub(crate) fn assert_story(&self, expected: &[(Role, End)]) {
        let frames = self.capture.frames();
        let reigns = story::read(&frames, &self.marks, &self.mode.ips());
        let told = reigns.iter().map(|reign| (reign.mac[5], reign.end)).collect::<Vec<_>>();
        let number = |role| self.party(role).node.number();
        let expected_told =
            expected.iter().map(|&(role, end)| (number(role), end)).collect::<Vec<_>>();
        assert_eq!(told, expected_told, "who was master, and how it ended");
        self.assert_adverts(&frames);
        for (index, (&(role, _), reign)) in expected.iter().zip(&reigns).enumerate() {
            let before = index.checked_sub(1).map(|before| &reigns[before]);
            self.assert_takeover_time(role, reign, before);
            self.assert_rhythm(reign);
            self.assert_announcements(reign, reigns.get(index + 1));
        }
    }

    /// Each advert says what its sender was configured to say.
    fn assert_adverts(&self, frames: &[Frame]) {
        for advert in frames.iter().filter_map(advert) {
            let roles = [(&self.master, &self.backup), (&self.backup, &self.master)];
            let (party, peer) =
                roles.into_iter().find(|(party, _)| party.node.mac() == advert.source_mac).unwrap();
            assert!([0, party.priority].contains(&advert.priority), "{advert:?}");
            assert_eq!(advert.version, self.mode.version, "{advert:?}");
            assert_eq!(advert.vrid, VRID, "{advert:?}");
            assert_eq!(advert.interval, self.mode.interval, "{advert:?}");
            assert_eq!(advert.source, self.mode.source(&party.node), "{advert:?}");
            assert_eq!(advert.destination, self.mode.destination(&peer.node), "{advert:?}");
            assert_eq!(advert.addresses, self.mode.ips(), "{advert:?}");
            assert_eq!(advert.ttl, 255, "{advert:?}");
        }
    }

    /// Not before its time, and not half as late again.
    fn assert_takeover_time(&self, role: Role, reign: &Reign, before: Option<&Reign>) {
        let theory = self.theory(role);
        let (since, due) = match before {
            // Priority 0 was the last that the predecessor sent.
            Some(Reign { end: End::Resigned, .. }) => (self.resigned_at(reign), theory.skew),
            Some(before @ Reign { end: End::Killed, .. }) => (before.last(), theory.master_down),
            // First at its start, or back to preempt: it listens for the master-down interval.
            Some(_) | None => (self.started_before(reign), theory.master_down),
        };
        let took = reign.first().since(since);
        assert!(took + CLOCK_SLACK >= due, "{role:?} takes over early, after {took}: due {due}");
        let late = took - due;
        let late_max = due.over(2) + SCHEDULING_SLACK;
        assert!(late <= late_max, "{role:?} takes over late, after {took}: due {due}");
        println!("{role:?} took over after {took}, due {due}");
    }

    fn resigned_at(&self, successor: &Reign) -> Instant {
        let frames = self.capture.frames();
        let resigned = |frame: &&Frame| advert(frame).is_some_and(|advert| advert.priority == 0);
        let before = |frame: &&Frame| frame.at < successor.first();
        frames.iter().filter(before).rfind(resigned).unwrap().at
    }

    fn started_before(&self, reign: &Reign) -> Instant {
        let start = |mark: &&Mark| mark.deed == Deed::Start && mark.mac == reign.mac;
        let mut before = self.marks.iter().filter(|mark| mark.at < reign.first());
        before.rfind(start).unwrap().at
    }

    /// One advert an interval: none is missing, none is ahead of the first one's rhythm.
    fn assert_rhythm(&self, reign: &Reign) {
        let interval = self.mode.interval;
        for (count, pair) in (1..).zip(reign.adverts.windows(2)) {
            let gap = pair[1].since(pair[0]);
            assert!(gap <= interval + SCHEDULING_SLACK, "{reign}: silence of {gap}");
            let passed = pair[1].since(reign.first());
            let due = interval.times(count);
            // The first one may have been late itself.
            let is_early = passed + CLOCK_SLACK.times(count) + SCHEDULING_SLACK < due;
            assert!(!is_early, "{reign}: advert {count} after {passed}: due {due}");
        }
    }

    /// The advert comes first, then each address five times at once; nothing once it is over.
    fn assert_announcements(&self, reign: &Reign, successor: Option<&Reign>) {
        for ip in self.mode.ips() {
            let of_ip = reign.announcements.iter().filter(|entry| entry.1 == ip);
            let times = of_ip.map(|entry| entry.0).collect::<Vec<_>>();
            assert!(times.len() >= 5, "{reign}: {ip} announced {} times", times.len());
            assert!(times[0] > reign.first(), "{reign}: {ip} announced before the first advert");
            let burst = times[4].since(reign.first());
            assert!(burst <= SCHEDULING_SLACK, "{reign}: five announcements took {burst}");
        }
        if let (End::Yielded, Some(successor)) = (reign.end, successor) {
            let last = reign.announcements.iter().map(|entry| entry.0).max().unwrap();
            assert!(last < successor.first(), "{reign}: announces after its end");
        }
    }

    /// The capture and the marks as one list.
    fn listing(&self, frames: &[Frame]) -> String {
        let mut lines = Vec::new();
        for frame in frames {
            let sender = frame.bytes.get(11).copied().unwrap_or(0);
            let line = format!("{}  node {sender}: {}", stamp(frame.at), frame.seen());
            lines.push((frame.at, line));
        }
        for mark in &self.marks {
            let [.., number] = mark.mac;
            lines
                .push((mark.at, format!("{}  ---- {:?} node {number}", stamp(mark.at), mark.deed)));
        }
        lines.sort_by_key(|line| line.0);
        lines.into_iter().map(|(_, line)| line + "\n").collect()
    }
}

/// Two clocks' reading of one interval: a deadline counts from when a packet was received, a stamp
/// says when it was sent; and a regular advert may leave up to 1 ms early to share a turn of the
/// loop with others.
const CLOCK_SLACK: Span = Span::from_micros(1_500);

/// What a busy machine of two cores may add.
const SCHEDULING_SLACK: Span = Span::from_millis(100);

/// Leaves what a failure can be understood from.
impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let frames = self.capture.frames();
        println!("{}", self.listing(&frames));
        for party in [&self.master, &self.backup] {
            if let Some(router) = &party.router {
                println!("-- {:?}, {:?}:", party.role, party.program);
                if party.program == Program::Ringward {
                    println!("{}", router.status(&party.node));
                }
                println!("{}", router.process.output());
            }
        }
        let path = self.directory.join("capture.pcap");
        let written = fs::create_dir_all(&self.directory)
            .and_then(|()| File::create(&path))
            .and_then(|file| lab::write_pcap(&frames, file));
        match written {
            Ok(()) => println!("capture: {}", path.display()),
            Err(error) => println!("no capture file: {error}"),
        }
    }
}
