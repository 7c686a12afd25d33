//! What must hold, and how a run says that it did not.

use core::fmt;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which, 1 to 20; 17: a scenario went otherwise.
    pub invariant: u8,
    /// What was seen.
    pub text: String,
}

pub(super) fn broken(invariant: u8, text: String) -> Violation {
    Violation { invariant, text }
}

impl Violation {
    /// The exit code: 10 and the invariant's number.
    pub const fn exit_code(&self) -> u8 {
        10 + self.invariant
    }

    /// The invariant in words.
    pub const fn statement(&self) -> &'static str {
        match self.invariant {
            1 => "whoever heard a better advert is not master after that turn",
            2 => "a backup becomes master when its timer says so, and at no other time",
            3 => "a healed core has one master a virtual router, the best one if all preempt",
            4 => "in a healed core two nodes own an address for a bounded time only",
            5 => "a takeover takes the master-down interval, after a resignation the skew time",
            6 => "without faults there are no transitions",
            7 => "the kernel has the addresses of masters and no others",
            8 => "adverts are sent once an interval, and in reaction once an interval",
            9 => "the members of a sync group are master together or not at all",
            10 => {
                "the same seed gives the same run, the engine allocates nothing, no queue overflows"
            }
            11 => "every frame is what an independent decoder expects",
            12 => "a new master advertises, then announces each address when it is installed",
            13 => "who leaves mastership by choice resigns, exactly once",
            14 => "a reload leaves an unchanged instance and its next advert alone",
            15 => "no input panics, and a bad packet changes a counter and nothing else",
            16 => "after a turn the next deadline lies ahead",
            17 => "the scenario goes as it is written",
            18 => {
                "the effective priority is what is configured and what trackers add, from 1 to 254, \
                 and a fault of a tracker is one of its instance"
            }
            19 => {
                "of each instance commands are told in order, one at a time, and of the last state"
            }
            20 => "a script stands as its answers say, whatever becomes of the helper",
            _ => "?",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}: {} — {}", self.invariant, self.statement(), self.text)
    }
}
