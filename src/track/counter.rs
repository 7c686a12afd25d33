//! How often a script must succeed or fail before it counts (keepalived's `rise` and `fall`).

/// How a script stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It has not answered yet.
    Waiting,
    /// It succeeds.
    Passing,
    /// It fails.
    Failing,
}

impl Standing {
    /// `waiting`, `passing`, `failing`.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Waiting => "waiting",
            Standing::Passing => "passing",
            Standing::Failing => "failing",
        }
    }
}

/// keepalived's counter of a script: 0 to rise + fall − 1, passing from `rise` on.
///
/// It begins one success below passing, so that the first answer decides; with `init_fail` at the
/// bottom, as failed. A success at the threshold leads to the top, a failure at the threshold to the
/// bottom: what counts are successes and failures in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter {
    result: u32,
    rise: u32,
    fall: u32,
    standing: Standing,
}

impl Counter {
    /// Of a script that has not run. `rise` and `fall` are at least 1.
    pub fn new(rise: u16, fall: u16, init_fail: bool) -> Self {
        let (rise, fall) = (u32::from(rise.max(1)), u32::from(fall.max(1)));
        if init_fail {
            return Counter { result: 0, rise, fall, standing: Standing::Failing };
        }
        Counter { result: rise - 1, rise, fall, standing: Standing::Waiting }
    }

    /// How it stands.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Where it is, and from where on it passes.
    pub const fn position(&self) -> (u32, u32) {
        (self.result, self.rise)
    }

    /// A run has ended. Whether that changed how it stands.
    pub fn count(&mut self, success: bool) -> bool {
        let before = self.standing;
        if success {
            if self.result + 1 < self.rise {
                self.result += 1;
            } else {
                self.result = self.rise + self.fall - 1;
                self.standing = Standing::Passing;
            }
        } else if self.result > self.rise {
            self.result -= 1;
        } else {
            self.result = 0;
            self.standing = Standing::Failing;
        }
        before != self.standing
    }

    /// It counts as failed at once. Whether that changed how it stands.
    pub fn fail(&mut self) -> bool {
        self.result = 0;
        core::mem::replace(&mut self.standing, Standing::Failing) != Standing::Failing
    }

    /// The same standing with other numbers, after a reload.
    #[must_use]
    pub fn retuned(self, rise: u16, fall: u16) -> Self {
        let mut counter = Counter::new(rise, fall, self.standing == Standing::Failing);
        if self.standing == Standing::Passing {
            counter.count(true);
        }
        counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `S` and `F` are runs, `+` and `-` that it passes or fails after the run before.
    fn story(rise: u16, fall: u16, init_fail: bool, text: &str) {
        let mut counter = Counter::new(rise, fall, init_fail);
        let mut standing = if init_fail { Standing::Failing } else { Standing::Waiting };
        for (at, step) in text.chars().enumerate() {
            match step {
                'S' | 'F' => {
                    let before = counter.standing();
                    let changed = counter.count(step == 'S');
                    assert_eq!(changed, before != counter.standing(), "{text} at {at}");
                    if text[at + 1..].starts_with(['+', '-']) {
                        continue;
                    }
                }
                '+' => standing = Standing::Passing,
                _ => standing = Standing::Failing,
            }
            assert_eq!(counter.standing(), standing, "{text} at {at}");
        }
    }

    // From keepalived-2.2.7's vrrp_scheduler.c, worked by hand.
    #[test]
    fn the_first_answer_decides_whatever_rise_and_fall() {
        for (rise, fall) in [(1, 1), (3, 1), (1, 3), (5, 7)] {
            story(rise, fall, false, "S+");
            story(rise, fall, false, "F-");
        }
    }

    #[test]
    fn failures_in_a_row_make_it_fail() {
        story(1, 1, false, "S+F-S+F-");
        story(1, 3, false, "S+FFF-");
        // A success between them, and all begins anew.
        story(1, 3, false, "S+FFSFFSFFF-F");
    }

    #[test]
    fn successes_in_a_row_make_it_pass() {
        story(3, 1, false, "F-SSS+");
        story(3, 1, false, "F-SSFSSFSSS+S");
        story(3, 2, false, "S+FF-SSS+FSFF-");
    }

    #[test]
    fn init_fail_wants_all_of_rise() {
        story(3, 1, true, "SSS+");
        story(1, 1, true, "S+");
        story(2, 1, true, "FSFSS+");
    }

    #[test]
    fn a_reload_keeps_how_it_stands() {
        let mut counter = Counter::new(1, 5, false);
        counter.count(true);
        counter.count(false);
        let counter = counter.retuned(2, 1);
        assert_eq!(counter.standing(), Standing::Passing);
        assert_eq!(counter.position(), (2, 2));
        let mut failed = counter;
        assert!(failed.fail());
        assert!(!failed.fail());
        assert_eq!(failed.retuned(3, 3).standing(), Standing::Failing);
        let fresh = Counter::new(4, 4, false);
        assert_eq!(fresh.retuned(2, 2).standing(), Standing::Waiting);
    }
}
