//! Processes that are tracked: /proc is gone through, some processes a turn, when a check is due, and
//! when the kernel tells that a process has begun or ended. It does not tell everywhere.

use heapless::Vec;

use crate::config::model::{Config, Probe};
use crate::engine::Engine;
use crate::engine::process::{COMM_LEN_MAX, is_tracked};
use crate::io::connector::Connector;
use crate::io::procfs::{self, Aspect, Listing};
use crate::limits::{COMMAND_LEN_MAX, PROBE_COUNT_MAX};
use crate::time::{Instant, Span};
use crate::track::Finding;
use crate::track::message::Outcome;

/// Octets of arguments that can make a difference.
const ARGUMENTS_LEN: usize = 2 * COMMAND_LEN_MAX;

/// Between two looks for which news is the reason: processes may come and go all the time.
const REST: Span = Span::from_millis(100);

/// What is looked for, and how far it has been found.
#[derive(Debug)]
pub(super) struct Processes {
    listing: Option<Listing>,
    /// Of each row of [`Config::probes`], the processes seen since the listing began.
    counts: Box<[u16]>,
    waiting: Vec<Waiting, PROBE_COUNT_MAX>,
    /// Opened before the loop, which may open none.
    connector: Option<Connector>,
    is_listening: bool,
    /// Nothing is to be heard before this.
    rests_until: Instant,
    /// Something has happened since the listing under way began.
    has_news: bool,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    probe: usize,
    since: Instant,
    /// The listing under way had begun before it was asked: the next one answers.
    is_for_next: bool,
}

impl Processes {
    pub(super) fn new() -> Self {
        let counts = vec![0; PROBE_COUNT_MAX].into_boxed_slice();
        Processes {
            listing: None,
            counts,
            waiting: Vec::new(),
            connector: Connector::open().ok(),
            is_listening: false,
            rests_until: Instant::ZERO,
            has_news: false,
        }
    }

    /// What is readable when something has happened, unless that rests.
    pub(super) fn fd(&self, now: Instant) -> Option<i32> {
        let connector = self.connector.as_ref().filter(|_| self.is_listening)?;
        (self.rests_until <= now).then(|| connector.fd())
    }

    /// When it has rested.
    pub(super) fn rested_at(&self) -> Instant {
        let is_over = self.rests_until == Instant::ZERO;
        if is_over || !self.is_listening { Instant::NEVER } else { self.rests_until }
    }

    /// Something has happened to processes.
    pub(super) fn observe(&mut self, now: Instant, engine: &mut Engine) {
        if self.connector.as_ref().is_some_and(Connector::drain) {
            self.rests_until = now + REST;
            self.has_news = true;
            self.pass_on(now, engine);
        }
    }

    /// Has those looked at that are tracked, when nobody is about to do that.
    fn pass_on(&mut self, now: Instant, engine: &mut Engine) {
        if self.listing.is_none() && self.waiting.is_empty() && core::mem::take(&mut self.has_news)
        {
            engine.hasten_processes(now);
        }
    }

    /// Another configuration is in force. Listens while processes are tracked.
    pub(super) fn reconfigured(&mut self, engine: &Engine) {
        let is_process = |probe: &Probe| matches!(probe, Probe::Process(_));
        let wanted = engine.config().probes.iter().any(is_process);
        if let Some(connector) = &self.connector
            && wanted != self.is_listening
        {
            // Where nobody tells, they are looked at when a check is due.
            self.is_listening = connector.listen(wanted).is_ok() && wanted;
        }
    }

    /// A check of the processes of row `probe` is due.
    pub(super) fn ask(&mut self, now: Instant, ticket: u64, probe: u16) {
        let is_for_next = self.listing.is_some();
        let waiting = Waiting { ticket, probe: usize::from(probe), since: now, is_for_next };
        // Cannot fail but for answers that a reload has made meaningless: they are asked again.
        let _ = self.waiting.push(waiting);
    }

    /// Looks at some processes, if anybody waits for that, and answers when those were all. False:
    /// there are more.
    pub(super) fn go_on(&mut self, now: Instant, engine: &mut Engine) -> bool {
        if self.rests_until <= now {
            self.rests_until = Instant::ZERO;
        }
        if self.listing.is_none() && !self.begin(now, engine) {
            return true;
        }
        let Some(listing) = &mut self.listing else { return true };
        let (config, counts) = (engine.config(), &mut self.counts);
        if listing.some(|pid| count(config, counts, pid)) {
            return false;
        }
        self.listing = None;
        for index in (0..self.waiting.len()).rev() {
            let Some(waiting) = self.waiting.get_mut(index) else { continue };
            if core::mem::take(&mut waiting.is_for_next) {
                continue;
            }
            let Waiting { ticket, probe, since, .. } = self.waiting.swap_remove(index);
            let found = self.counts.get(probe).copied().unwrap_or(0);
            let outcome = Outcome::Found(Finding::Processes(found));
            engine.observe_finding(now, ticket, outcome, now.since(since));
        }
        self.pass_on(now, engine);
        self.waiting.is_empty()
    }

    fn begin(&mut self, now: Instant, engine: &mut Engine) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        self.counts.fill(0);
        match Listing::begin() {
            Ok(listing) => self.listing = Some(listing),
            Err(errno) => {
                while let Some(Waiting { ticket, .. }) = self.waiting.pop() {
                    engine.observe_finding(now, ticket, Outcome::short(errno as i32), Span::ZERO);
                }
            }
        }
        self.listing.is_some()
    }
}

/// Counts a process for every check that means it.
fn count(config: &Config, counts: &mut [u16], pid: u32) {
    // A name and the end of its line.
    let mut name = [0; COMM_LEN_MAX + 1];
    let Some(name_len) = procfs::look(pid, Aspect::Name, &mut name) else { return };
    let name = name.get(..name_len).unwrap_or(&[]);
    // Read once, for whichever check wants them first.
    let (mut room, mut len) = ([0; ARGUMENTS_LEN], None);
    for (probe, count) in config.probes.iter().zip(counts) {
        let Probe::Process(wanted) = probe else { continue };
        let (room, len) = (&mut room[..], &mut len);
        let arguments = || {
            let room = room;
            let mut look = || procfs::look(pid, Aspect::Arguments, room).unwrap_or(0);
            let len = *len.get_or_insert_with(&mut look);
            room.get(..len).unwrap_or(&[])
        };
        if is_tracked(wanted, name, arguments) {
            *count = count.saturating_add(1);
        }
    }
}
