//! A helper that runs programs of paper: each answers as it is told to, and the helper itself dies,
//! is slow, and loses what it was to say.

use std::collections::VecDeque;

use super::plan::{MS, S};
use super::random::Random;
use super::tracked::script_name;
use crate::time::Span;
use crate::track::message::{Answer, MESSAGE_LEN_MAX, Outcome, Refusal, Request, Run};

/// Requests that the socket holds.
const REQUEST_COUNT_MAX: usize = 16;

/// What a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// What it should.
    Right,
    /// The opposite.
    Wrong,
    /// What it should, after so long.
    Slow(u64),
    /// Nothing, until it is killed.
    Hangs,
    /// It dies of a signal.
    Crashes,
    /// There is none.
    Missing,
    /// The machine has no room for it.
    Short,
}

impl Habit {
    pub(super) fn draw(random: &mut Random) -> Self {
        random.pick(&[
            Habit::Wrong,
            Habit::Wrong,
            Habit::Slow(40 * MS),
            Habit::Slow(2 * S),
            Habit::Hangs,
            Habit::Crashes,
            Habit::Missing,
            Habit::Short,
        ])
    }
}

/// What helpers do wrong in a run. Chances are in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manners {
    /// Answers that nobody ever hears.
    pub(super) lose: u64,
    /// Mean delay of an answer.
    pub(super) delay: u64,
    /// How often a program does something else for a while.
    pub(super) flap: u64,
    pub(super) death: u64,
    /// How often the helper does nothing for a while.
    pub(super) pause: u64,
    /// How often a reload brings other numbers.
    pub(super) reload: u64,
}

impl Manners {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut some = |strengths: &[u64]| match random.below(3) {
            0 => random.pick(strengths),
            _ => 0,
        };
        Manners {
            lose: some(&[20_000, 300_000]),
            delay: some(&[MS, 100 * MS, 2 * S]),
            flap: some(&[2, 10, 60]) + some(&[1, 5]),
            death: some(&[1, 3, 10]),
            pause: some(&[1, 4]),
            reload: some(&[1, 4]),
        }
    }
}

/// The helper of one node: it outlives the daemons.
#[derive(Debug)]
pub(super) struct Helper {
    /// Counts the helpers: what an earlier one was doing is lost.
    pub(super) life: u32,
    pub(super) lives: bool,
    begun: bool,
    requests: VecDeque<Vec<u8>>,
    /// What each script's program does.
    pub(super) scripts: Vec<Habit>,
    /// What those do that are told of states.
    pub(super) others: Habit,
    /// What is right of each script.
    pub(super) good: Vec<bool>,
    pub(super) paused_until: u64,
    /// It is about to read.
    pub(super) wakes: bool,
}

impl Helper {
    pub(super) fn new(good: Vec<bool>) -> Self {
        Helper {
            life: 0,
            lives: true,
            begun: false,
            requests: VecDeque::new(),
            scripts: vec![Habit::Right; good.len()],
            others: Habit::Right,
            good,
            paused_until: 0,
            wakes: false,
        }
    }

    /// A request reaches the socket. False: it is full.
    pub(super) fn ask(&mut self, request: &[u8]) -> bool {
        if self.requests.len() >= REQUEST_COUNT_MAX {
            return false;
        }
        self.requests.push_back(request.to_vec());
        true
    }

    pub(super) fn is_asked(&self) -> bool {
        self.lives && !self.requests.is_empty()
    }

    pub(super) fn die(&mut self) {
        self.life += 1;
        self.lives = false;
        self.begun = false;
    }

    /// It reads what it is asked: each answer and after how long it comes.
    pub(super) fn read(&mut self, random: &mut Random) -> Vec<(u64, Vec<u8>)> {
        let mut answers = Vec::new();
        while let Some(request) = self.requests.pop_front() {
            match Request::read(&request) {
                Some(Request::Begin { helper }) => self.begun |= helper == self.id(),
                Some(Request::Run(run)) if self.begun => self.run(random, &run, &mut answers),
                Some(Request::Write(lines)) if self.begun => {
                    let ticket = lines.ticket;
                    answers.push((0, said(Answer::Written { ticket, lost: 0, errno: 0 })));
                }
                Some(Request::Run(_) | Request::Write(_)) => answers.push((0, self.ready())),
                None => {}
            }
        }
        answers
    }

    /// What it is known by.
    fn id(&self) -> u64 {
        u64::from(self.life)
    }

    /// What it says first of all.
    pub(super) fn ready(&self) -> Vec<u8> {
        said(Answer::Ready { helper: self.id() })
    }

    fn run(&self, random: &mut Random, run: &Run<'_>, answers: &mut Vec<(u64, Vec<u8>)>) {
        let ticket = run.ticket;
        let program = run.words.trim_end_matches('\0');
        let script = (0..self.scripts.len()).find(|script| script_name(*script) == program);
        let habit = script.map_or(self.others, |script| self.scripts[script]);
        let right = script.is_none_or(|script| self.good[script]);
        let code = |right: bool| Outcome::Exited(if right { 0 } else { 1 });
        let limit = run.limit.as_nanos();
        let quick = random.exponential(2 * MS);
        let (after, outcome) = match habit {
            Habit::Right => (quick, code(right)),
            Habit::Wrong => (quick, code(!right)),
            Habit::Slow(span) => (span, code(right)),
            Habit::Hangs => (u64::MAX, Outcome::TimedOut),
            Habit::Crashes => (quick, Outcome::Killed(11)),
            Habit::Missing => (0, Outcome::Refused(Refusal::Missing)),
            Habit::Short => (0, Outcome::Short(11)),
        };
        let (after, outcome) = if after < limit {
            (after, outcome)
        } else {
            answers.push((limit, said(Answer::Late { ticket })));
            (limit + random.pick(&[MS, 2 * S, 4 * S]), Outcome::TimedOut)
        };
        let took = Span::from_nanos(after);
        answers.push((after, said(Answer::Ended { ticket, outcome, took })));
    }
}

pub(super) fn said(answer: Answer) -> Vec<u8> {
    let mut buffer = [0; MESSAGE_LEN_MAX];
    let len = answer.write(&mut buffer).unwrap_or(0);
    buffer[..len].to_vec()
}
