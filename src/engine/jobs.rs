//! What is asked of the helper, one message at a time, and what it answers.

use super::Engine;
use super::script::{Ended, Phase};
use crate::config::model::Check;
use crate::limits::RUNS_PROGRAMS;
use crate::time::{Instant, Span};
use crate::track::message::{Answer, Request, Run};

/// The helper takes no more for now: asked again after so long.
const RETRY: Span = Span::from_millis(50);

/// A message for the helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// Octets of the caller's buffer that are the message.
    pub len: usize,
    pub(super) of: Of,
}

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Begin,
    Script(u16),
    /// Of an instance's notification.
    Lane(u16),
    /// Of a sync group's.
    Group(u16),
    /// Of an instance that is gone.
    Orphan(u16),
    /// Lines for a FIFO.
    Fifo,
}

/// What is to be asked of the helper.
#[derive(Debug)]
pub(super) struct Jobs {
    ticket: u64,
    /// The helper that was heard of last.
    helper: Option<u64>,
    /// It waits for its greeting.
    begin: bool,
    /// It takes nothing before.
    pub(super) blocked_until: Option<Instant>,
    cursor: usize,
    /// When a reload has given scripts their numbers.
    pub(super) retuned_at: Instant,
    /// Somebody may have something to be told.
    pub(super) has_news: bool,
    /// When notifications that are not answered are to be looked at.
    pub(super) look_at: Option<Instant>,
    /// Messages of the helper that could not be read.
    pub(super) malformed: u64,
}

impl Jobs {
    pub(super) const fn new() -> Self {
        Jobs {
            ticket: 0,
            helper: None,
            begin: false,
            blocked_until: None,
            cursor: 0,
            retuned_at: Instant::ZERO,
            has_news: false,
            look_at: None,
            malformed: 0,
        }
    }

    pub(super) fn next_ticket(&mut self) -> u64 {
        self.ticket = self.ticket.wrapping_add(1);
        self.ticket
    }
}

impl Engine {
    /// Where the numbers of requests begin, so that what the helper answers to a predecessor is
    /// taken for nothing else: how often a daemon has been started. No daemon asks so often that it
    /// comes to the numbers of its successor: 2⁴⁰ requests are 348 years of a hundred a second.
    pub fn set_life(&mut self, life: u32) {
        self.jobs.ticket = u64::from(life) << 40;
    }

    /// The next message for the helper, written into `buffer` (at least
    /// [`crate::track::message::MESSAGE_LEN_MAX`] octets).
    pub fn next_job(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Job> {
        if !RUNS_PROGRAMS || self.jobs.blocked_until.is_some_and(|until| now < until) {
            return None;
        }
        self.jobs.blocked_until = None;
        if let Some(helper) = self.jobs.helper
            && core::mem::take(&mut self.jobs.begin)
        {
            return Some(Job { len: Request::Begin { helper }.write(buffer)?, of: Of::Begin });
        }
        if let Some(job) = self.next_notification(now, buffer) {
            return Some(job);
        }
        if self.stopping {
            return None;
        }
        let count = self.scripts.len();
        for index in (self.jobs.cursor..count).chain(0..self.jobs.cursor.min(count)) {
            if !self.is_wanted(index, |check| matches!(check, Check::Command(_))) {
                continue;
            }
            self.jobs.cursor = index + 1;
            if let Some(job) = self.run_script(now, index, buffer) {
                return Some(job);
            }
        }
        None
    }

    fn run_script(&mut self, now: Instant, index: usize, buffer: &mut [u8]) -> Option<Job> {
        let (script, row) = (self.scripts.get_mut(index)?, self.config.scripts.get(index)?);
        let Check::Command(command) = row.check else { return None };
        let command = self.config.commands.get(usize::from(command))?;
        let ticket = self.jobs.next_ticket();
        let run = Run {
            ticket,
            limit: row.timeout,
            secure: self.config.global.script_security,
            supplementary: command.supplementary,
            user: &command.user,
            group: &command.group,
            words: &command.words,
            tail: "",
        };
        let len = Request::Run(run).write(buffer)?;
        script.phase = Phase::Running { ticket, since: now, counted: false };
        script.runs = script.runs.saturating_add(1);
        Some(Job { len, of: Of::Script(u16::try_from(index).ok()?) })
    }

    /// The helper could not take `job`: it is asked again a little later.
    pub fn job_refused(&mut self, now: Instant, job: Job) {
        self.jobs.blocked_until = Some(now + RETRY);
        match job.of {
            Of::Begin => self.jobs.begin = true,
            Of::Lane(_) | Of::Group(_) | Of::Orphan(_) | Of::Fifo => {
                self.notification_refused(job.of)
            }
            Of::Script(index) => {
                if let Some(script) = self.scripts.get_mut(usize::from(index)) {
                    script.phase = Phase::Wanted;
                    script.runs = script.runs.saturating_sub(1);
                }
            }
        }
    }

    /// A message of the helper. What refers to nothing that was asked is ignored.
    pub fn observe_answer(&mut self, now: Instant, datagram: &[u8]) {
        if !RUNS_PROGRAMS {
            return;
        }
        match Answer::read(datagram) {
            // It may say so again before it has read its greeting.
            Some(Answer::Ready { helper }) if self.jobs.helper == Some(helper) => {}
            Some(Answer::Ready { helper }) => self.helper_is_new(helper),
            Some(Answer::Late { ticket }) => {
                if let Some(index) = self.running(ticket) {
                    self.script_was_late(now, index);
                }
            }
            Some(Answer::Ended { ticket, outcome, took }) => {
                let ended = Ended { at: now, outcome, took };
                match self.running(ticket) {
                    Some(index) => self.script_ended(now, index, ended),
                    None => self.told(ticket, ended),
                }
            }
            Some(Answer::Written { ticket, lost, errno }) => {
                self.lines_written(ticket, lost, errno);
            }
            None => self.jobs.malformed = self.jobs.malformed.saturating_add(1),
        }
    }

    /// Messages of the helper that could not be read.
    pub fn answers_malformed(&self) -> u64 {
        self.jobs.malformed
    }

    /// Whatever was asked of the helper's predecessor has come to nothing, and is asked again.
    fn helper_is_new(&mut self, helper: u64) {
        (self.jobs.helper, self.jobs.begin) = (Some(helper), true);
        self.jobs.blocked_until = None;
        for (script, row) in self.scripts.iter_mut().zip(&self.config.scripts) {
            let is_asked = matches!(script.phase, Phase::Running { .. });
            if is_asked && matches!(row.check, Check::Command(_)) {
                script.phase = Phase::Wanted;
            }
        }
        self.ask_notifications_again();
    }
}
