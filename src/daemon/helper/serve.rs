//! The helper's loop: takes requests, runs programs, ends those that take too long, and says how
//! each ended. It keeps nothing: what it was doing when it died is asked of the next one again.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::fifo::Fifos;
use super::recipe::recipe;
use crate::io::child::{self, CHILD_COUNT_MAX, Reasons};
use crate::io::clock;
use crate::io::pair::{self, Received};
use crate::io::process::{self, End};
use crate::io::ring::{self, Operation, Ring, Tag};
use crate::io::timer::Timer;
use crate::time::{Instant, Span};
use crate::track::message::{Answer, MESSAGE_LEN_MAX, Outcome, Refusal, Request, Run};

/// A program that does not end when it is asked to is killed after so long, as in keepalived.
const TERM_PATIENCE: Span = Span::from_secs(2);
/// And again, if even that did not end it.
const KILL_AGAIN: Span = Span::from_secs(10);
/// The daemon takes no more answers for now: it is tried again after so long.
const RETRY: Span = Span::from_millis(10);

/// A program that runs.
#[derive(Clone, Copy, Debug)]
struct Child {
    pid: libc::pid_t,
    ticket: u64,
    started_at: Instant,
    /// When something is to be done about it.
    due: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Running,
    /// Asked to end.
    Asked,
    Killed,
}

/// The helper's whole life.
pub(super) fn live(socket: &OwnedFd) -> ! {
    process::set_name(c"ringward-helper");
    let fd = socket.as_raw_fd();
    let code = match Reasons::new()
        .and_then(|reasons| ring::start_small(move |ring| Helper::new(fd, ring, reasons).run()))
    {
        Ok(code) => code,
        Err(fault) => {
            log::error!("- helper-not-started reason=\"{fault}\"");
            1
        }
    };
    std::process::exit(code)
}

struct Helper {
    id: u64,
    socket: RawFd,
    ring: Ring,
    timer: Timer,
    reasons: Reasons,
    children: Vec<Option<Child>>,
    fifos: Fifos,
    answers: VecDeque<Answer>,
    /// When the answers that wait are tried again.
    retry_at: Instant,
    /// The daemon has said that it knows of this helper.
    begun: bool,
    uid: u32,
    /// Nobody asks any more: everything is to be gone by then.
    ends_by: Option<Instant>,
}

impl Helper {
    fn new(socket: RawFd, ring: Ring, reasons: Reasons) -> Self {
        // Of those that follow each other, each begins later.
        let id = clock::now().as_nanos();
        Helper {
            id,
            socket,
            ring,
            timer: Timer::new(),
            reasons,
            children: vec![None; CHILD_COUNT_MAX],
            fifos: Fifos::default(),
            answers: VecDeque::from([Answer::Ready { helper: id }]),
            retry_at: Instant::NEVER,
            begun: false,
            uid: nix::unistd::geteuid().as_raw(),
            ends_by: None,
        }
    }

    /// Until nobody asks for anything any more. The code to exit with.
    async fn run(mut self) -> i32 {
        let signals = match process::signal_fd() {
            Ok(signals) => signals,
            Err(fault) => {
                log::error!("- helper-not-started reason=\"{fault}\"");
                return 1;
            }
        };
        loop {
            let now = clock::now();
            self.take_requests(now);
            self.reap(now);
            self.expire(now);
            self.answer(now);
            let is_idle = self.children.iter().all(Option::is_none);
            if self.ends_by.is_some_and(|by| is_idle || by <= now) {
                return 0;
            }
            if self.ends_by.is_none() && self.free_slot().is_some() {
                self.ring.push(Tag::Helper, Operation::Readable(self.socket));
            }
            self.ring.push(Tag::Signal, Operation::Readable(signals.as_raw_fd()));
            let due = self.next_deadline();
            self.timer.arm(&mut self.ring, due);
            self.ring.wait().await;
            while let Some((tag, _)) = self.ring.take() {
                if let Tag::Timer(slot) = tag {
                    self.timer.fired(slot);
                }
            }
            // Of whom it was does not matter: all that have ended are asked for.
            while process::next_word(signals.as_raw_fd()).is_some() {}
        }
    }

    fn next_deadline(&self) -> Instant {
        let children = self.children.iter().flatten().map(|child| child.due);
        let other = [self.retry_at, self.ends_by.unwrap_or(Instant::NEVER)];
        children.chain(other).min().unwrap_or(Instant::NEVER)
    }

    fn free_slot(&self) -> Option<usize> {
        self.children.iter().position(Option::is_none)
    }

    fn take_requests(&mut self, now: Instant) {
        let mut buffer = [0; MESSAGE_LEN_MAX];
        while self.ends_by.is_none()
            && let Some(slot) = self.free_slot()
        {
            let len = match pair::receive(self.socket, &mut buffer) {
                Received::Datagram(len) => len,
                Received::Empty => return,
                Received::Closed => return self.end(now),
            };
            match buffer.get(..len).and_then(Request::read) {
                Some(Request::Begin { helper }) => self.begun |= helper == self.id,
                Some(Request::Run(run)) if self.begun => self.start(now, &run, slot),
                Some(Request::Write(lines)) if self.begun => {
                    self.answers.push_back(self.fifos.write(&lines));
                }
                // Asked of a predecessor, and asked again; or by a daemon whose predecessor was told
                // that this helper is there, and died before it could answer.
                Some(Request::Run(_) | Request::Write(_)) => {
                    let ready = Answer::Ready { helper: self.id };
                    if self.answers.back() != Some(&ready) {
                        self.answers.push_back(ready);
                    }
                }
                None => {}
            }
        }
    }

    fn start(&mut self, now: Instant, run: &Run<'_>, slot: usize) {
        let ticket = run.ticket;
        let refused = |outcome| Answer::Ended { ticket, outcome, took: Span::ZERO };
        let started = match recipe(run, self.uid) {
            Ok(recipe) => child::start(&recipe, &self.reasons, slot),
            Err(refusal) => {
                return self.answers.push_back(refused(Outcome::Refused(refusal)));
            }
        };
        match (started, self.children.get_mut(slot)) {
            (Ok(pid), Some(place)) => {
                let due = now + run.limit;
                *place = Some(Child { pid, ticket, started_at: now, due, stage: Stage::Running });
            }
            (Ok(_), None) => {}
            (Err(fault), _) => self.answers.push_back(refused(Outcome::short(fault.errno))),
        }
    }

    /// Says how those ended that have.
    fn reap(&mut self, now: Instant) {
        while let Some((pid, end)) = child::reap_any() {
            let of = |place: &Option<Child>| place.is_some_and(|child| child.pid == pid);
            let Some(slot) = self.children.iter().position(of) else { continue };
            let Some(child) = self.children.get_mut(slot).and_then(Option::take) else { continue };
            let reason = self.reasons.take(slot);
            let outcome = match (reason, end) {
                _ if child.stage != Stage::Running => Outcome::TimedOut,
                (Some(errno), _) => never_executed(errno),
                (None, End::Exited(code)) => Outcome::Exited(u8::try_from(code).unwrap_or(255)),
                (None, End::Killed(signal)) => Outcome::Killed(u8::try_from(signal).unwrap_or(0)),
            };
            let took = now.since(child.started_at);
            self.answers.push_back(Answer::Ended { ticket: child.ticket, outcome, took });
        }
    }

    fn expire(&mut self, now: Instant) {
        for child in self.children.iter_mut().flatten().filter(|child| child.due <= now) {
            match child.stage {
                Stage::Running => {
                    child::terminate(child.pid);
                    self.answers.push_back(Answer::Late { ticket: child.ticket });
                    (child.stage, child.due) = (Stage::Asked, now + TERM_PATIENCE);
                }
                Stage::Asked => {
                    child::kill(child.pid);
                    (child.stage, child.due) = (Stage::Killed, now + TERM_PATIENCE);
                }
                Stage::Killed => {
                    child::kill(child.pid);
                    child.due = now + KILL_AGAIN;
                }
            }
        }
    }

    fn answer(&mut self, now: Instant) {
        self.retry_at = Instant::NEVER;
        let mut buffer = [0; MESSAGE_LEN_MAX];
        while let Some(answer) = self.answers.front() {
            let message = answer.write(&mut buffer).and_then(|len| buffer.get(..len));
            if !message.is_none_or(|message| pair::send(self.socket, message)) {
                self.retry_at = now + RETRY;
                return;
            }
            self.answers.pop_front();
        }
    }

    /// Nobody asks any more: whatever still runs is ended.
    fn end(&mut self, now: Instant) {
        self.ends_by = Some(now + TERM_PATIENCE + TERM_PATIENCE);
        self.answers.clear();
        self.fifos.remove();
        for child in self.children.iter_mut().flatten().filter(|c| c.stage == Stage::Running) {
            child::terminate(child.pid);
            (child.stage, child.due) = (Stage::Asked, now + TERM_PATIENCE);
        }
    }
}

/// What an errno of execve(2) and of what goes before it says.
fn never_executed(errno: i32) -> Outcome {
    match errno {
        libc::ENOENT | libc::ENOTDIR => Outcome::Refused(Refusal::Missing),
        libc::EACCES | libc::ENOEXEC | libc::EISDIR | libc::ELIBBAD => {
            Outcome::Refused(Refusal::NotExecutable)
        }
        libc::EPERM => Outcome::Refused(Refusal::NotPermitted),
        other => Outcome::short(other),
    }
}
