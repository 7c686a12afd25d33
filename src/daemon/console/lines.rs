//! One line for each transition, as the kernel writes its messages: for a line that a getty has.

use std::collections::VecDeque;

use super::view::Question;
use crate::time::{Instant, Span};

/// Transitions told at once; of more, the latest.
const COUNT_MAX: u64 = 32;
/// Transitions told at the start.
const COUNT_FIRST: u64 = 10;
/// The daemon answers a question that follows within 30 s, if nothing happens.
const FOLLOW_PATIENCE: Span = Span::from_secs(35);
/// It answers any other question at once.
const PATIENCE: Span = Span::from_secs(2);
/// A question that was answered with nothing, or not at all, is repeated after this.
const PAUSE: Span = Span::from_millis(250);
/// A daemon that is started again at once is not told of as one that was away.
const GRACE: Span = Span::from_secs(1);

/// Lines that wait to be written, and what is known of the daemon.
#[derive(Debug)]
pub(super) struct Lines {
    waiting: VecDeque<String>,
    /// The daemon that was heard last, and the number of its next transition.
    known: Option<(u32, u64)>,
    /// It was asked who it is, and not what has happened.
    is_probing: bool,
    ask_at: Instant,
    /// Since when it does not answer.
    missed_since: Option<Instant>,
    is_told: bool,
}

impl Lines {
    pub(super) fn new(now: Instant) -> Self {
        Lines {
            waiting: VecDeque::new(),
            known: None,
            is_probing: true,
            ask_at: now,
            missed_since: None,
            is_told: false,
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends one line. False: there is none.
    pub(super) fn take(&mut self, octets: &mut Vec<u8>) -> bool {
        let Some(line) = self.waiting.pop_front() else { return false };
        octets.extend_from_slice(b"\rringward: ");
        let printable = |c: char| u8::try_from(c).ok().filter(|o| (b' '..=b'~').contains(o));
        octets.extend(line.chars().map(|character| printable(character).unwrap_or(b'?')));
        octets.extend_from_slice(b"\r\n");
        true
    }

    /// When to ask, if the line is not behind.
    pub(super) fn next_deadline(&self) -> Instant {
        if self.waiting.is_empty() { self.ask_at } else { Instant::NEVER }
    }

    /// The next question. None while the line is behind: the daemon remembers the transitions.
    pub(super) fn question(&mut self, now: Instant) -> Option<Question> {
        if now < self.ask_at || !self.waiting.is_empty() {
            return None;
        }
        self.ask_at = now + PAUSE;
        let (line, patience) = match self.known {
            Some((pid, next)) if !self.is_probing => {
                (format!("follow {pid} {next} {COUNT_MAX}"), FOLLOW_PATIENCE)
            }
            // No daemon has this number: it answers at once.
            _ => ("follow 0 0 0".into(), PATIENCE),
        };
        Some(Question { line, patience })
    }

    /// Says something about the keys, unless that waits already.
    pub(super) fn hint(&mut self, text: &str) {
        if self.waiting.back().is_none_or(|last| last != text) {
            self.waiting.push_back(text.into());
        }
    }

    /// An answer: `follow PID NEXT LOST`, a summary, transitions.
    pub(super) fn hear(&mut self, now: Instant, answer: &str) {
        let mut lines = answer.lines();
        let mut head = lines.next().unwrap_or("").strip_prefix("follow ").unwrap_or("").split(' ');
        let mut number = || head.next()?.parse::<u64>().ok();
        let (Some(pid), Some(next), Some(lost)) = (number(), number(), number()) else {
            return self.miss(now, answer.lines().next().unwrap_or(""));
        };
        let pid = u32::try_from(pid).unwrap_or(0);
        let summary = lines.next().unwrap_or("");
        if self.is_probing {
            self.meet(pid, next, summary);
        } else {
            if self.known.is_none_or(|(known, _)| known != pid) {
                self.waiting.push_back(format!("the daemon was started again, {summary}"));
            }
            if lost > 0 {
                self.waiting.push_back(format!("{lost} transitions are not shown here"));
            }
            self.waiting.extend(lines.map(str::to_owned));
            if lost > 0 {
                self.waiting.push_back(summary.into());
            }
            self.known = Some((pid, next));
        }
        if self.is_probing || !self.waiting.is_empty() {
            self.ask_at = now;
        }
        (self.is_probing, self.is_told, self.missed_since) = (false, false, None);
    }

    /// It answers again, or for the first time.
    fn meet(&mut self, pid: u32, next: u64, summary: &str) {
        let after = match self.known {
            Some((known, after)) if known == pid => {
                if self.is_told {
                    self.waiting.push_back(format!("the daemon answers again, {summary}"));
                }
                after
            }
            Some(_) => {
                self.waiting.push_back(format!("the daemon was started again, {summary}"));
                0
            }
            None => {
                self.waiting.push_back(summary.into());
                next.saturating_sub(COUNT_FIRST)
            }
        };
        self.known = Some((pid, after));
    }

    /// No answer.
    pub(super) fn miss(&mut self, now: Instant, reason: &str) {
        self.is_probing = true;
        let since = *self.missed_since.get_or_insert(now);
        if !self.is_told && now.since(since) >= GRACE {
            self.is_told = true;
            self.waiting.push_back(reason.into());
        }
        self.ask_at = now + PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(1_000_000_000);

    fn written(lines: &mut Lines) -> String {
        let mut octets = Vec::new();
        while lines.take(&mut octets) {}
        String::from_utf8(octets).unwrap()
    }

    fn asked(lines: &mut Lines, now: Instant) -> String {
        lines.question(now).map(|question| question.line).unwrap_or_default()
    }

    /// At the transition of this number.
    fn following(next: u64) -> Lines {
        let mut lines = Lines::new(START);
        assert_eq!(asked(&mut lines, START), "follow 0 0 0");
        lines.hear(START, &format!("follow 70 {next} {next}\n2 instances\n"));
        assert_eq!(written(&mut lines), "\rringward: 2 instances\r\n");
        lines
    }

    #[test]
    fn the_last_ten_are_told_first_and_then_what_is_new() {
        let mut lines = following(256);
        let later = START + Span::from_secs(1);
        assert_eq!(asked(&mut lines, later), "follow 70 246 32");
        lines.hear(later, "follow 70 257 0\n2 instances\na A -> B: why\n");
        assert_eq!(asked(&mut lines, later + Span::from_secs(1)), "", "not while a line waits");
        assert_eq!(written(&mut lines), "\rringward: a A -> B: why\r\n");
        assert_eq!(asked(&mut lines, later + Span::from_secs(1)), "follow 70 257 32");
    }

    #[test]
    fn what_is_not_shown_is_counted_and_summed_up() {
        let mut lines = following(0);
        lines.hear(START, "follow 70 2000 1999\n2 instances\na A -> B: \x1b[2J\n");
        assert_eq!(
            written(&mut lines),
            "\rringward: 1999 transitions are not shown here\r\n\
             \rringward: a A -> B: ?[2J\r\n\rringward: 2 instances\r\n"
        );
    }

    #[test]
    fn a_new_daemon_is_told_of_once_and_followed_from_its_start() {
        let mut lines = following(5);
        let mut now = START;
        for _ in 0..9 {
            now = now + Span::from_millis(250);
            lines.miss(now, "nobody answers");
        }
        assert_eq!(written(&mut lines), "\rringward: nobody answers\r\n");
        now = now + Span::from_secs(1);
        assert_eq!(asked(&mut lines, now), "follow 0 0 0");
        lines.hear(now, "follow 71 2 2\n2 instances\n");
        let told = "\rringward: the daemon was started again, 2 instances\r\n";
        assert_eq!(written(&mut lines), told);
        assert_eq!(asked(&mut lines, now + Span::from_secs(1)), "follow 71 0 32");
    }

    #[test]
    fn a_new_daemon_may_answer_what_its_predecessor_was_asked() {
        let mut lines = following(5);
        lines.hear(START, "follow 71 1 0\n2 instances\na A -> B: why\n");
        assert_eq!(
            written(&mut lines),
            "\rringward: the daemon was started again, 2 instances\r\n\rringward: a A -> B: why\r\n"
        );
    }

    #[test]
    fn a_question_that_was_hung_up_on_once_is_asked_again_without_a_word() {
        let mut lines = following(5);
        lines.miss(START, "busy");
        assert_eq!(asked(&mut lines, START + Span::from_secs(1)), "follow 0 0 0");
        let later = START + Span::from_secs(1);
        lines.hear(later, "follow 70 6 6\n2 instances\n");
        assert_eq!(written(&mut lines), "");
        assert_eq!(asked(&mut lines, later), "follow 70 0 32");
        // Too many others follow: answered at once, with nothing.
        lines.hear(later, "follow 70 6 0\n2 instances\n");
        assert_eq!(asked(&mut lines, later), "");
    }
}
