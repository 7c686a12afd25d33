//! THE loop.
//!
//! One turn: sleep; take what has come; if a master would be found dead now, look once more at
//! every socket; serve the deadlines; send; ask the kernel; answer operators; arm the timer. What
//! was sent leaves when the loop sleeps again, all at once.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::boot::tell;
use super::control::Control;
use super::haste::{Haste, Step};
#[cfg(not(feature = "trackers"))]
use super::no_probe::Probes;
use super::ports::Ports;
#[cfg(feature = "trackers")]
use super::probe::Probes;
use super::reload::Reload;
use super::{Exit, report};
use crate::addr::Family;
use crate::engine::{Engine, Heartbeat, RequestKind, STOP_LIMIT, Via};
use crate::io::journal::Journal;
use crate::io::netlink::{self, Netlink, Received};
use crate::io::outbox::Outbox;
use crate::io::pair::{self, Received as Heard};
use crate::io::port::Inbox;
use crate::io::process::{self, Word};
use crate::io::ring::{Operation, Ring, Tag};
use crate::io::timer::Timer;
use crate::io::{clock, heap};
use crate::limits::RUNS_PROGRAMS;
use crate::status::Process;
use crate::time::{Instant, Span};
use crate::track::message::MESSAGE_LEN_MAX;

/// Everything is to be gone this long after it was asked for.
const STOP_PATIENCE: Span = Span::from_secs(1);

/// Announcements sent in one turn: they take less than the millisecond by which adverts may be
/// early, so that none is late because of them.
const ANNOUNCEMENT_COUNT_MAX: usize = 32;

/// Programs asked for in one turn: more are spread over several.
const JOB_COUNT_MAX: usize = 8;

/// The daemon, with all that it needs.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) engine: &'static mut Engine,
    pub(super) ring: Ring,
    pub(super) timer: Timer,
    pub(super) haste: Haste,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) netlink: Netlink,
    pub(super) ports: Ports,
    pub(super) probes: Probes,
    pub(super) control: Control,
    /// Boxed: it holds paths, and the daemon is moved over the stack some times.
    pub(super) reload: Box<Reload>,
    pub(super) journal: Journal,
    pub(super) process: Process,
    pub(super) packet: RawFd,
    /// Where programs are asked for; none: the helper and its keeper are gone for good.
    pub(super) helper: Option<RawFd>,
    pub(super) news: OwnedFd,
    pub(super) commands: OwnedFd,
    pub(super) signals: OwnedFd,
    pub(super) stop_by: Option<Instant>,
    /// Until when an instance is to be MASTER or BACKUP; none: one is, or nobody waits for it.
    pub(super) decide_by: Option<Instant>,
}

impl Daemon {
    /// Runs until it was asked to stop and everything is cleaned up.
    pub(super) async fn run(mut self, mut locks_memory: bool) -> Exit {
        self.listen();
        heap::seal();
        // The first turn is a short one, whoever has nothing to send.
        self.ring.push(Tag::Again, Operation::Nop);
        let mut now = clock::now();
        loop {
            self.ports.reconcile(now, self.engine, &mut self.ring);
            if self.send(now) {
                // Nothing is on its way that the words for people could delay.
                self.engine.review_rejects(now);
                if !report::report(self.engine) {
                    self.ring.push(Tag::Again, Operation::Nop);
                } else if self.is_done() {
                    // Consoles hear of the end.
                    self.answer_followers(now);
                    return Exit::Fine;
                }
                self.answer(now);
            }
            let has_begun = self.probes.begin(now, self.engine, &mut self.ring);
            if !self.ask_helper(now) || !has_begun {
                self.ring.push(Tag::Again, Operation::Nop);
            }
            if self.give_up_at().is_some_and(|by| by <= now) {
                return Exit::Fine;
            }
            if self.is_undecided(now) {
                return Exit::Undecided;
            }
            self.sleep_until_next(now);
            self.ring.wait().await;
            if core::mem::take(&mut locks_memory) {
                // The first adverts do not wait for it.
                self.process.memory_locked = tell(process::lock_memory());
            }
            now = self.wake();
            self.take_completions(now);
            let (inbox, ring) = (&mut self.inbox, &mut self.ring);
            self.process.received += self.ports.serve_rested(now, self.engine, inbox, ring);
            if self.engine.is_verdict_due(now) {
                // Late is not dead.
                self.process.received += self.ports.serve_all(self.engine, &mut self.inbox);
                self.haste.expect_answers(now);
            }
            self.probes.expire(now, self.engine);
            self.engine.expire(now);
            self.control.expire(now, &mut self.ring);
        }
    }

    fn listen(&mut self) {
        self.control.arm(&mut self.ring);
        self.ring.push(Tag::Signal, Operation::Readable(self.signals.as_raw_fd()));
        self.listen_to_helper();
    }

    fn listen_to_helper(&mut self) {
        if let Some(fd) = self.helper {
            self.ring.push(Tag::Helper, Operation::Readable(fd));
        }
    }

    /// The time of the turn that begins.
    fn wake(&mut self) -> Instant {
        let mut now = clock::now();
        if self.is_eager(now) {
            let until = self.haste.eager_until().min(self.engine.next_deadline());
            let fds = [self.news.as_raw_fd(), self.commands.as_raw_fd()];
            now = netlink::spin_until_readable(fds, until);
        }
        let due = self.engine.next_deadline();
        self.process.turns += 1;
        if due > now {
            let is_near = due.since(now) <= self.haste.early() && self.engine.is_verdict_due(due);
            if !is_near {
                return now;
            }
            let step = self.haste.step(now, due);
            if step == Step::Spin {
                return clock::spin_until(due);
            }
            self.netlink.warm(&mut self.ring, self.commands.as_raw_fd());
            if step == Step::Prepare {
                // It may have spoken after all; and the next such look finds its way warm.
                self.process.received += self.ports.serve_all(self.engine, &mut self.inbox);
            }
            return now;
        }
        self.process.lateness_max = self.process.lateness_max.max(now.since(due));
        now
    }

    fn take_completions(&mut self, now: Instant) {
        let is_eager = self.is_eager(now);
        if is_eager {
            // The news of an addition comes before its answer.
            self.observe(now, Tag::Listen);
            self.observe(now, Tag::Answers);
        }
        while let Some((tag, result)) = self.ring.take() {
            match tag {
                Tag::Send(slot) => self.outbox.sent(slot, result),
                Tag::Port(slot) => {
                    let (inbox, ring) = (&mut self.inbox, &mut self.ring);
                    self.process.received +=
                        self.ports.serve(now, slot, result, self.engine, inbox, ring);
                }
                Tag::Timer(slot) => self.timer.fired(slot),
                Tag::Probe(slot) => self.probes.serve(now, slot, self.engine, &mut self.ring),
                Tag::Watch => self.probes.watched(now, self.engine),
                Tag::Processes => self.probes.processes_changed(now, self.engine),
                Tag::Tables => self.probes.tables_changed(now, self.engine, &mut self.netlink),
                Tag::Listen | Tag::Answers if is_eager => {}
                Tag::Listen | Tag::Answers => self.observe(now, tag),
                Tag::Commands if result < 0 => {
                    // Nothing of the batch was read: it is never answered.
                    self.process.netlink_overruns += 1;
                    self.engine.observe_overrun(now);
                }
                Tag::Commands | Tag::Again | Tag::Warm => {}
                Tag::Signal => self.obey_signals(now),
                Tag::Helper => self.hear_helper(now),
                Tag::Control => self.control.accept(now, &mut self.ring),
                Tag::Client(slot) => self.control.serve(slot, &mut self.ring),
                Tag::File => {
                    if self.reload.completed(now, result, self.engine, &mut self.ring) {
                        // Whoever goes has his name and number until the next advert is composed.
                        while !report::report(self.engine) {}
                        self.answer_reloaders();
                    }
                }
            }
        }
    }

    fn observe(&mut self, now: Instant, tag: Tag) {
        let fd = if tag == Tag::Listen { &self.news } else { &self.commands }.as_raw_fd();
        let (engine, process) = (&mut *self.engine, &mut self.process);
        let (ports, ring) = (&mut self.ports, &mut self.ring);
        self.netlink.drain(fd, |received| match received {
            Received::Datagram(datagram) => {
                engine.observe(now, datagram);
                // An interface that comes together with its address: whether it has a socket is
                // known before anybody is master of it.
                ports.reconcile(now, engine, ring);
            }
            Received::Overrun => {
                process.netlink_overruns += 1;
                engine.observe_overrun(now);
            }
            Received::Foreign => process.netlink_foreign += 1,
        });
    }

    fn hear_helper(&mut self, now: Instant) {
        if !RUNS_PROGRAMS {
            return;
        }
        let mut buffer = [0; MESSAGE_LEN_MAX];
        while let Some(fd) = self.helper {
            match pair::receive(fd, &mut buffer) {
                Heard::Datagram(len) => {
                    self.engine.observe_answer(now, buffer.get(..len).unwrap_or(&[]));
                }
                Heard::Empty => break,
                Heard::Closed => self.helper = None,
            }
        }
        self.listen_to_helper();
    }

    /// Asks the helper for what is due. False: there may be more.
    fn ask_helper(&mut self, now: Instant) -> bool {
        if !RUNS_PROGRAMS {
            return true;
        }
        let mut buffer = [0; MESSAGE_LEN_MAX];
        for _ in 0..JOB_COUNT_MAX {
            let Some(fd) = self.helper else { return true };
            let Some(job) = self.engine.next_job(now, &mut buffer) else { return true };
            let message = buffer.get(..job.len).unwrap_or(&[]);
            if !pair::send(fd, message) {
                self.engine.job_refused(now, job);
                return true;
            }
        }
        false
    }

    fn obey_signals(&mut self, now: Instant) {
        let fd = self.signals.as_raw_fd();
        while let Some(word) = process::next_word(fd) {
            match word {
                Word::Stop if self.stop_by.is_none() => {
                    self.engine.stop(now);
                    self.stop_by = Some(now + STOP_PATIENCE);
                }
                Word::Reload => {
                    // A refusal is in the log.
                    let _ = self.reload.begin(&mut self.ring, None);
                }
                Word::Stop | Word::ChildDied | Word::Resized | Word::Dump => {}
            }
        }
        self.ring.push(Tag::Signal, Operation::Readable(fd));
    }

    /// Sends packets and requests. Whether nothing at all is on its way.
    fn send(&mut self, now: Instant) -> bool {
        // Requests first: one of the ring's threads wakes for them while the adverts leave.
        self.ask(now);
        self.transmit(now);
        // A reload takes effect when its last resignation is written.
        self.ask(now);
        while let Some(owned) = self.engine.next_released() {
            self.journal.strike(owned);
        }
        self.outbox.is_idle() && !self.ring.is_busy(Tag::Commands) && !self.is_eager(now)
    }

    /// Whether answers of the kernel are to be looked for at once, because announcements wait.
    fn is_eager(&self, now: Instant) -> bool {
        now < self.haste.eager_until() && self.engine.awaits_answers()
    }

    fn ask(&mut self, now: Instant) {
        while let Some(room) = self.netlink.room(&self.ring) {
            let Some(request) = self.engine.next_request(now, room) else { break };
            if let RequestKind::Add(owned) = request.kind {
                self.journal.note(owned);
            }
            self.netlink.gather(request.len);
        }
        self.netlink.send(&mut self.ring, self.commands.as_raw_fd());
    }

    fn transmit(&mut self, now: Instant) {
        let mut announced = 0;
        while let Some(room) = self.outbox.room() {
            if announced == ANNOUNCEMENT_COUNT_MAX {
                self.ring.push(Tag::Again, Operation::Nop);
                return;
            }
            let Some(transmit) = self.engine.next_transmit(now, room) else { break };
            announced += usize::from(transmit.via == Via::Packet);
            let interface = transmit.interface;
            let fd = match transmit.via {
                Via::Packet => Some(self.packet),
                Via::Raw { destination } => self.ports.fd(interface, Family::of(destination)),
            };
            match fd {
                Some(fd) => {
                    self.outbox.send(&mut self.ring, fd, transmit.len, transmit.via, interface);
                }
                // Refused, and the engine knows: the instance is on its way to FAULT.
                None => self.outbox.refused(libc::ENOTCONN),
            }
            if let Some(index) = transmit.advert_of
                && let Some(instance) = self.engine.config().instances.get(usize::from(index))
            {
                let (family, vrid) = (instance.family, instance.vrid);
                self.journal.beat(index, Heartbeat { interface, family, vrid, sent_at: now });
            }
        }
    }

    fn is_done(&self) -> bool {
        self.stop_by.is_some() && self.engine.is_stopped() && !self.has_to_tell()
    }

    /// When it ends, whatever is not done yet: who is to be told of the end has his own time.
    fn give_up_at(&self) -> Option<Instant> {
        self.stop_by.map(|by| if self.has_to_tell() { by + STOP_LIMIT } else { by })
    }

    /// Whether the configuration had its time, and nothing came of it: another one waits.
    fn is_undecided(&mut self, now: Instant) -> bool {
        if self.stop_by.is_some() || (self.decide_by.is_some() && self.engine.has_decided()) {
            self.decide_by = None;
        }
        self.decide_by.is_some_and(|by| by <= now)
    }

    fn has_to_tell(&self) -> bool {
        self.helper.is_some() && !self.engine.is_told()
    }

    fn sleep_until_next(&mut self, now: Instant) {
        // Behind what is sent. The ring ignores it where it still listens.
        for (tag, fd) in [(Tag::Listen, &self.news), (Tag::Answers, &self.commands)] {
            self.ring.push(tag, Operation::Readable(fd.as_raw_fd()));
        }
        let mut due = self.engine.next_deadline();
        if due != Instant::NEVER && self.engine.is_verdict_due(due) {
            due = due - self.haste.early();
        }
        let others = [
            self.control.next_deadline(),
            self.ports.next_deadline(),
            self.probes.next_deadline(),
            self.give_up_at().unwrap_or(Instant::NEVER),
            self.decide_by.unwrap_or(Instant::NEVER),
        ];
        let due = others.into_iter().fold(due, Instant::min);
        if due <= now || self.is_eager(now) {
            self.ring.push(Tag::Again, Operation::Nop);
        } else {
            self.timer.arm(&mut self.ring, due);
        }
    }
}
