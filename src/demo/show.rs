//! The four things that happen to the routers, and what is seen of them.

use std::time::{Duration, Instant as Clock};

use super::interrupt::Interrupt;
use super::options::Options;
use super::plan::{Plan, VRID};
use super::router::Router;
use super::screen::{Look, Millis, Overhead, Screen};
use super::stop::Stop;
use super::summary::Row;
use crate::lab::{Capture, Node, Probe, Seen, Segment, decode, now, overlap};
use crate::time::{Instant, Span};

/// How often the client asks.
const PROBE_PERIOD: Duration = Duration::from_millis(5);

/// The segment, all that is on it, and all that watches it.
#[derive(Debug)]
pub(super) struct Show {
    pub screen: Screen,
    plan: Plan,
    routers: Vec<Router>,
    segment: Segment,
    client: Node,
    has_user_namespace: bool,
    capture: Capture,
    probe: Probe,
    interrupt: Interrupt,
}

/// Who takes over from whom.
#[derive(Clone, Copy, Debug)]
struct Turn {
    new: usize,
    /// The router that must give the address up, unless it has lost it otherwise.
    old: Option<usize>,
    /// When the step began.
    since: Instant,
    /// What theory counts from.
    from: Instant,
    theory: Span,
    /// The new master is seen to stay alone for three intervals: unless the next step may begin by
    /// itself before.
    stays: bool,
}

/// The supervisor starts a new daemon so long after the first one has died.
const RESTART: Span = Span::from_secs(1);

/// The first two routers of a show: who is master, and who takes over.
const MASTER: usize = 0;
const BACKUP: usize = 1;

impl Show {
    /// `has_user_namespace`: the segment belongs to a user namespace, not to the machine.
    pub(super) fn new(
        options: &Options,
        interrupt: Interrupt,
        has_user_namespace: bool,
    ) -> Result<Self, Stop> {
        let plan = Plan::new(options);
        let segment = Segment::new()?;
        let routers = (0..plan.nodes).map(|index| Router::new(&segment, &plan, index));
        let routers = routers.collect::<Result<Vec<_>, _>>()?;
        let client = segment.node()?;
        let capture = segment.capture()?;
        let probe = client.probe(plan.address, PROBE_PERIOD)?;
        let screen = Screen::new(now());
        Ok(Show {
            screen,
            plan,
            routers,
            segment,
            client,
            has_user_namespace,
            capture,
            probe,
            interrupt,
        })
    }

    /// Everything, in its order.
    pub(super) fn run(&mut self) -> Result<Vec<Row>, Stop> {
        self.begin()?;
        Ok(vec![self.power_off()?, self.power_on()?, self.lose_daemon()?, self.resign()?])
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let (interval, address) = (Millis(self.plan.interval), self.plan.address);
        let people = ["Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
        let people = self.routers.len().checked_sub(2).and_then(|index| people.get(index));
        self.screen.line(
            Look::Heading,
            format_args!(
                "{} routers and a client on a segment of their own; an advert every {interval}",
                people.unwrap_or(&"Some")
            ),
        )?;
        let names: Vec<String> = self
            .routers
            .iter()
            .map(|router| format!("{} (priority {})", router.name, router.priority))
            .collect();
        let since = now();
        self.screen.event(since, format_args!("{} start", names.join(", ")))?;
        for router in &mut self.routers {
            router.start()?;
        }
        let first = self.first_advert(MASTER, since, self.down_interval(MASTER))?;
        self.screen.event(first, format_args!("{} is master", self.name(MASTER)))?;
        let answered = self.first_answer(MASTER, since)?;
        self.screen.event(
            answered,
            format_args!("the client reaches {address} through {}", self.name(MASTER)),
        )?;
        self.settle(MASTER)?;
        self.show_statuses()
    }

    /// a: the machine of the master loses its power.
    fn power_off(&mut self) -> Result<Row, Stop> {
        let name = self.name(MASTER);
        self.heading('a', format_args!("power-off of {name}: all of it killed, its link cut"))?;
        let off = self.router(MASTER)?.switch_off()?;
        let last = self.last_advert(MASTER, off)?;
        let theory = self.down_interval(BACKUP);
        self.screen.event(
            off,
            format_args!("{name} is dead, {} after its last advert", Millis(off.since(last))),
        )?;
        self.hand_over(
            "a  power-off",
            Turn { new: BACKUP, old: None, since: off, from: last, theory, stays: true },
        )
    }

    /// b: it comes back, and is the better router.
    fn power_on(&mut self) -> Result<Row, Stop> {
        let name = self.name(MASTER);
        self.heading('b', format_args!("{name} returns"))?;
        self.router(MASTER)?.switch_on()?;
        let start = self.router(MASTER)?.start()?;
        self.screen.event(start, format_args!("{name} starts"))?;
        let theory = self.down_interval(MASTER);
        let (new, old) = (MASTER, Some(BACKUP));
        self.hand_over(
            "b  return",
            Turn { new, old, since: start, from: start, theory, stays: true },
        )
    }

    /// c: the daemon dies, the machine lives on.
    fn lose_daemon(&mut self) -> Result<Row, Stop> {
        let name = self.name(MASTER);
        self.heading('c', format_args!("kill -9 of {name}'s daemon alone"))?;
        let killed = self.router(MASTER)?.kill_daemon()?;
        let theory = self.down_interval(BACKUP);
        let gone = self.until("the address to go with the daemon", theory, |show| {
            show.routers.get(MASTER)?.went(killed)
        })?;
        let last = self.last_advert(MASTER, killed)?;
        self.screen.event(
            gone,
            format_args!(
                "{name} has lost the address {} after its daemon: its supervisor removed it",
                Millis(gone.since(killed))
            ),
        )?;
        let stays = theory + self.plan.interval.times(3) < RESTART;
        let turn = Turn { new: BACKUP, old: None, since: killed, from: last, theory, stays };
        let row = self.hand_over("c  daemon killed", turn)?;
        let back = self.first_advert(MASTER, last + row.seen, self.down_interval(MASTER))?;
        let events = vec![
            (back, format!("{name} is master again, with a new daemon")),
            self.gone(BACKUP, back)?,
        ];
        self.settle(MASTER)?;
        self.screen.events(events)?;
        Ok(row)
    }

    /// d: the master is asked to stop.
    fn resign(&mut self) -> Result<Row, Stop> {
        let name = self.name(MASTER);
        self.heading('d', format_args!("graceful stop of {name}"))?;
        let stop = self.router(MASTER)?.stop()?;
        let theory = self.plan.skew(self.priority(BACKUP));
        let mac = self.mac(MASTER);
        let resigned = self.until("the master to resign", theory, |show| {
            let advert = show.capture.find(stop, |frame| {
                matches!(advert_of(&frame.bytes), Some(advert)
                    if advert.source_mac == mac && advert.priority == 0)
            });
            advert.map(|frame| frame.at)
        })?;
        self.screen.event(resigned, format_args!("{name} resigns: priority 0"))?;
        let (new, old) = (BACKUP, Some(MASTER));
        let turn = Turn { new, old, since: stop, from: resigned, theory, stays: true };
        let row = self.hand_over("d  graceful stop", turn)?;
        let status = self.router(MASTER)?.exit_status(Duration::from_secs(5))?;
        if status != 0 {
            return Err(Stop::Missed(format!("{name} to exit with 0; it did with {status}")));
        }
        Ok(row)
    }

    /// Sees a router become master: its first advert, its address, its announcements, the client's
    /// first answer from it, and the address going from the one before.
    fn hand_over(&mut self, step: &'static str, turn: Turn) -> Result<Row, Stop> {
        let Turn { new, old, since, from, theory, stays } = turn;
        let name = self.name(new);
        let first = self.first_advert(new, since, theory)?;
        let seen = first.since(from);
        let mut events = vec![(
            first,
            format!(
                "{name} is master after {}; theory {}, overhead {}",
                Millis(seen),
                Millis(theory),
                Overhead { theory, seen }
            ),
        )];
        let expected = format!("the address to come to {name}");
        self.until(&expected, theory, |show| show.routers.get(new)?.came(since))?;
        let answered = self.first_answer(new, since)?;
        if let Some(old) = old {
            events.push(self.gone(old, since)?);
        }
        // What follows the takeover at once, too: further announcements, a second owner.
        if stays {
            self.settle(new)?;
        }
        let until = now();
        let (sent, lost) = self.probe.sent_and_lost(since, answered);
        let what = if lost == 0 {
            format!("the client is answered by {name}; no request was lost")
        } else {
            format!("the client is answered by {name}; {lost} of {sent} requests were lost")
        };
        events.push((answered, what));
        self.screen.events(events)?;
        let status = self.router(new)?.status()?;
        if let Some(reason) = reason_of(&status) {
            self.screen.line(Look::Dim, format_args!("              {name} itself: {reason}"))?;
        }
        let owners: Vec<Vec<(Instant, Instant)>> =
            self.routers.iter().map(|router| clip(router.tenures(until), since)).collect();
        Ok(Row {
            step,
            theory,
            seen,
            announced: self.announcements(new, since),
            lost,
            silence: self.probe.longest_silence(since, until),
            two_owners: overlap(&owners),
        })
    }

    /// Sees the address go from a router that is not master any more.
    fn gone(&mut self, old: usize, since: Instant) -> Result<(Instant, String), Stop> {
        let name = self.name(old);
        let expected = format!("the address to go from {name}");
        let interval = self.plan.interval;
        let at = self.until(&expected, interval, |show| show.routers.get(old)?.went(since))?;
        Ok((at, format!("{name} has given the address up")))
    }

    fn first_advert(&mut self, of: usize, since: Instant, theory: Span) -> Result<Instant, Stop> {
        let mac = self.mac(of);
        let expected = format!("{} to become master", self.name(of));
        self.until(&expected, theory, |show| {
            let advert = show.capture.find(since, |frame| {
                matches!(advert_of(&frame.bytes), Some(advert)
                    if advert.source_mac == mac && advert.priority > 0)
            });
            advert.map(|frame| frame.at)
        })
    }

    /// The last advert that `of` sent before `until`.
    fn last_advert(&self, of: usize, until: Instant) -> Result<Instant, Stop> {
        let mac = self.mac(of);
        let frames = self.capture.frames();
        frames
            .iter()
            .rev()
            .filter(|frame| frame.at <= until)
            .find(|frame| advert_of(&frame.bytes).is_some_and(|advert| advert.source_mac == mac))
            .map(|frame| frame.at)
            .ok_or_else(|| Stop::Missed(format!("an advert of {}", self.name(of))))
    }

    fn first_answer(&mut self, by: usize, since: Instant) -> Result<Instant, Stop> {
        let (mac, address) = (self.mac(by), self.plan.address);
        let expected = format!("the client to be answered by {}", self.name(by));
        self.until(&expected, self.plan.interval, |show| {
            let reply = show.capture.find(since, |frame| {
                matches!(frame.seen(), Seen::Echo(echo)
                    if echo.is_reply && echo.source == address && echo.source_mac == mac)
            });
            reply.map(|frame| frame.at)
        })
    }

    fn announcements(&self, of: usize, since: Instant) -> usize {
        let (mac, address) = (self.mac(of), self.plan.address);
        let frames = self.capture.frames_since(since);
        let announces = |seen: Seen| match seen {
            Seen::Arp(arp) => arp.is_gratuitous() && arp.sender_mac == mac && address == arp.sender,
            Seen::Neighbour(neighbour) => {
                !neighbour.solicited
                    && neighbour.target_mac == Some(mac)
                    && address == neighbour.target
            }
            Seen::Advert(_) | Seen::Echo(_) | Seen::Other => false,
        };
        frames.iter().filter(|frame| announces(frame.seen())).count()
    }

    /// Three intervals in which nobody but `master` advertises: usually the next ones. A machine
    /// that is itself held up may need more, until all have caught up.
    fn settle(&mut self, master: usize) -> Result<(), Stop> {
        let (mac, quiet) = (self.mac(master), self.plan.interval.times(3));
        let begun = now();
        let expected = format!("{} to stay the only master", self.name(master));
        self.until(&expected, quiet, |show| {
            let to = now();
            let frames = show.capture.frames_since(to - quiet);
            let mut adverts = frames.iter().filter_map(|frame| advert_of(&frame.bytes)).peekable();
            (to.since(begun) >= quiet
                && adverts.peek().is_some()
                && adverts.all(|a| a.source_mac == mac))
            .then_some(())
        })
    }

    /// Looks every millisecond for what must happen within ten times its theory and two seconds.
    /// What is found has the stamp of the kernel, so the looking costs no precision.
    fn until<T>(
        &mut self,
        expected: &str,
        theory: Span,
        mut look: impl FnMut(&Show) -> Option<T>,
    ) -> Result<T, Stop> {
        let within = Duration::from_nanos(theory.times(10).as_nanos()) + Duration::from_secs(2);
        let give_up = Clock::now() + within;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            self.check()?;
            if Clock::now() > give_up {
                return Err(Stop::Missed(format!("{expected} within {within:?}")));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn check(&mut self) -> Result<(), Stop> {
        if self.interrupt.is_caught() {
            return Err(Stop::Interrupted);
        }
        for router in &mut self.routers {
            if let Some(status) = router.has_ended() {
                return Err(Stop::Ended { router: router.name.clone(), status });
            }
        }
        Ok(())
    }

    /// What each router says of itself.
    fn show_statuses(&self) -> Result<(), Stop> {
        for router in &self.routers {
            self.screen.line(Look::Plain, "")?;
            let status = router.status()?;
            self.screen.line(Look::Dim, format_args!("   {}: ringward status", router.name))?;
            for line in instance_of(&status) {
                self.screen.line(Look::Dim, format_args!("   | {line}"))?;
            }
        }
        Ok(())
    }

    /// Starts the master again, tells how to look around, and waits for the user.
    pub(super) fn hold(&mut self) -> Result<(), Stop> {
        let start = self.router(MASTER)?.start()?;
        self.first_advert(MASTER, start, self.down_interval(MASTER))?;
        let nsenter = if self.has_user_namespace {
            format!("nsenter -t {} -U --preserve-credentials", std::process::id())
        } else {
            "nsenter".to_owned()
        };
        let program = std::env::current_exe()?;
        let (wire, client) = (self.segment.net_path(), self.client.net_path());
        self.screen.line(Look::Plain, "")?;
        self.screen.line(Look::Heading, "The segment stays until Ctrl-C. To look around:")?;
        for router in &self.routers {
            let Some(pid) = router.pid() else { continue };
            let inside = format!("{nsenter} -n/proc/{pid}/ns/net -m/proc/{pid}/ns/mnt");
            let name = &router.name;
            self.screen.line(
                Look::Plain,
                format_args!("  {name:<7} {inside} {} status", program.display()),
            )?;
        }
        let address = self.plan.address;
        self.screen
            .line(Look::Plain, format_args!("  client  {nsenter} -n{client} ping {address}"))?;
        self.screen
            .line(Look::Plain, format_args!("  wire    {nsenter} -n{wire} tcpdump -ni wire"))?;
        loop {
            // Nobody reads it any more.
            self.capture.forget();
            self.probe.forget();
            match self.check() {
                Err(Stop::Interrupted) => return Ok(()),
                Err(stop) => return Err(stop),
                Ok(()) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// After something did not happen: what the routers say, and what they have logged. After a
    /// program ended by itself: what it has logged.
    pub(super) fn explain(&self, stop: &Stop) {
        let ended = if let Stop::Ended { router, .. } = stop { Some(router) } else { None };
        if ended.is_none() {
            let _ = self.show_statuses();
        }
        for router in self.routers.iter().filter(|router| ended.is_none_or(|it| *it == router.name))
        {
            eprintln!("\n{} has written:\n{}", router.name, router.output().trim_end());
        }
    }

    fn heading(&self, letter: char, text: impl std::fmt::Display) -> Result<(), Stop> {
        self.screen.line(Look::Plain, "")?;
        self.screen.line(Look::Heading, format_args!("{letter}  {text}"))?;
        Ok(())
    }

    fn router(&mut self, index: usize) -> Result<&mut Router, Stop> {
        self.routers.get_mut(index).ok_or_else(|| Stop::Missed("a router".to_owned()))
    }

    fn name(&self, index: usize) -> String {
        self.routers.get(index).map(|router| router.name.clone()).unwrap_or_default()
    }

    fn mac(&self, index: usize) -> [u8; 6] {
        self.routers.get(index).map(Router::mac).unwrap_or_default()
    }

    fn priority(&self, index: usize) -> u8 {
        self.routers.get(index).map_or(0, |router| router.priority)
    }

    fn down_interval(&self, index: usize) -> Span {
        self.plan.down_interval(self.priority(index))
    }
}

fn advert_of(frame: &[u8]) -> Option<decode::Advert> {
    match decode::seen(frame) {
        Seen::Advert(advert) if advert.vrid == VRID => Some(advert),
        Seen::Advert(_) | Seen::Arp(_) | Seen::Neighbour(_) | Seen::Echo(_) | Seen::Other => None,
    }
}

/// What of these periods was after `since`.
fn clip(periods: Vec<(Instant, Instant)>, since: Instant) -> Vec<(Instant, Instant)> {
    let after = |(start, end): (Instant, Instant)| (end > since).then(|| (start.max(since), end));
    periods.into_iter().filter_map(after).collect()
}

/// Why the instance is what it is, from a status; without the details, which stand in parentheses
/// behind it.
fn reason_of(status: &str) -> Option<&str> {
    let reason = status.lines().find_map(|line| line.trim_start().strip_prefix("why "))?.trim();
    Some(reason.rsplit_once(" (").map_or(reason, |(cause, _)| cause))
}

/// The paragraph of a status that is about the instance; all of it if there is none.
fn instance_of(status: &str) -> impl Iterator<Item = &str> {
    let paragraph = status.split("\n\n").find(|paragraph| paragraph.starts_with("gateway"));
    paragraph.unwrap_or(status).lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_shown_without_its_details() {
        let status = "gateway  MASTER  eth0\n  why        master resigned (priority 0) (10.99.0.1 \
                      priority 0, heard 0.041 s before), timer late by 45 us\n  sends      x";
        assert_eq!(reason_of(status), Some("master resigned (priority 0)"));
        assert_eq!(reason_of("  why        started\n"), Some("started"));
        assert_eq!(reason_of("ringward: no daemon answers"), None);
    }
}
