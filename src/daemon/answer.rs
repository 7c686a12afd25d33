//! Answers to operators.

use core::fmt::{self, Write};

use super::request::{Follow, Question, parse};
use super::run::Daemon;
use crate::engine::{Command, Engine};
use crate::io::ring::ENTRY_COUNT;
use crate::io::{heap, stderr};
use crate::status::{self, Process};
use crate::time::Instant;
use crate::trace::StateName;

impl Daemon {
    /// Answers the operators' requests.
    pub(super) fn answer(&mut self, now: Instant) {
        while let Some(index) = self.control.next_asked() {
            self.update_process();
            let (engine, ring) = (&mut *self.engine, &mut self.ring);
            let process = &self.process;
            let reloads = match parse(self.control.line(index)) {
                Ok(Question::Reload { networks, path }) => {
                    let is_begun =
                        self.reload.set_networks(networks) && self.reload.begin(ring, path);
                    if !is_begun {
                        let verdict = &self.reload.verdict;
                        self.control.answer(index, ring, |out| writeln!(out, "{verdict}"));
                    }
                    is_begun
                }
                Ok(Question::Release { at_console: true, .. })
                    if !engine.config().global.console_release =>
                {
                    self.control.answer(index, ring, |out| {
                        out.write_str("error: no console may release: the configuration lacks console_release\n")
                    });
                    false
                }
                Ok(Question::Release { instance, .. }) => {
                    let verdict = release(engine, now, instance);
                    self.control.answer(index, ring, |out| out.write_str(verdict));
                    false
                }
                Ok(Question::Status { json: false }) => {
                    self.control
                        .answer(index, ring, |out| status::render_text(engine, now, process, out));
                    false
                }
                Ok(Question::Status { json: true }) => {
                    self.control
                        .answer(index, ring, |out| status::render_json(engine, now, process, out));
                    false
                }
                Ok(Question::Log { json: false }) => {
                    self.control
                        .answer(index, ring, |out| status::render_log_text(engine, now, out));
                    false
                }
                Ok(Question::Log { json: true }) => {
                    self.control
                        .answer(index, ring, |out| status::render_log_json(engine, now, out));
                    false
                }
                #[cfg(feature = "console")]
                Ok(Question::Screen(view)) => {
                    self.control.answer(index, ring, |out| {
                        status::render_screen(engine, now, process, view, out)
                    });
                    false
                }
                Ok(Question::Follow(follow)) => {
                    if !self.control.hold(now, index, follow, ring) {
                        self.control
                            .answer(index, ring, |out| tell(engine, now, process, follow, out));
                    }
                    false
                }
                Ok(Question::Version) => {
                    self.control.answer(index, ring, super::render_version);
                    false
                }
                Err(reason) => {
                    self.control.answer(index, ring, |out| writeln!(out, "error: {reason}"));
                    false
                }
            };
            if reloads {
                self.control.put_off(now, index);
            }
        }
        self.answer_followers(now);
    }

    /// Tells of transitions to whoever waits for them.
    pub(super) fn answer_followers(&mut self, now: Instant) {
        let (engine, process) = (&*self.engine, &self.process);
        let has_news = |follow: Follow| {
            follow.pid != process.pid || follow.after != status::transition_count(engine)
        };
        while let Some((index, follow)) = self.control.next_followed(has_news) {
            self.control
                .answer(index, &mut self.ring, |out| tell(engine, now, process, follow, out));
        }
    }

    pub(super) fn answer_reloaders(&mut self) {
        while let Some(index) = self.control.next_put_off() {
            let verdict = &self.reload.verdict;
            self.control.answer(index, &mut self.ring, |out| writeln!(out, "{verdict}"));
        }
    }

    fn update_process(&mut self) {
        let process = &mut self.process;
        (process.sent, process.send_errors, process.send_errno) = self.outbox.counters();
        (process.ring_in_flight, process.ring_in_flight_max) = self.ring.occupancy();
        (process.control_answered, process.control_dropped) = self.control.counters();
        process.ring_entries = ENTRY_COUNT;
        process.allocations = heap::allocations();
        process.log_lines_lost = stderr::lost();
        process.reloads = self.reload.done;
        process.reloads_refused = self.reload.refused;
        if self.reload.done > 0 {
            process.embedded_version = 0;
        }
    }
}

/// The transitions that somebody does not know yet.
fn tell(
    engine: &Engine,
    now: Instant,
    process: &Process,
    follow: Follow,
    out: &mut dyn Write,
) -> fmt::Result {
    let after = if follow.pid == process.pid { follow.after } else { 0 };
    status::render_follow(engine, now, process, after, follow.count, out)
}

fn release(engine: &mut Engine, now: Instant, instance: Option<&str>) -> &'static str {
    let index = match instance {
        None => None,
        Some(name) => {
            let mut names = engine.config().instances.iter();
            match names.position(|instance| instance.name == name).map(u16::try_from) {
                Some(Ok(index)) => Some(index),
                _ => return "error: no instance has this name\n",
            }
        }
    };
    let is_meant = |number: usize| index.is_none_or(|index| usize::from(index) == number);
    let any_is = |state| {
        let mut routers = engine.routers().iter().enumerate();
        routers.any(|(number, router)| is_meant(number) && router.fsm.name() == state)
    };
    let (masters, backups) = (any_is(StateName::Master), any_is(StateName::Backup));
    engine.command(now, Command::Release(index));
    match (masters, backups) {
        (true, _) => "released\n",
        (false, true) => {
            "no MASTER to release; what is BACKUP preempts nobody until its master dies\n"
        }
        (false, false) => "nothing to release: neither MASTER nor BACKUP\n",
    }
}
