//! From how things stand to a priority (keepalived.conf(5), `weight`).

use super::Standing;
use crate::addr::Priority;

/// What follows from how one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing is wrong, and so much is added to the priority.
    Adds(i16),
    /// The instance cannot start before this has answered.
    Holds,
    /// The instance cannot take part.
    Fails,
}

/// What follows from a tracker. A positive weight counts while the subject is fine, a negative one
/// while it is not, neither before it has answered; zero means FAULT while it is not fine.
/// `reverse` turns a weight's sign round, and with weight zero what counts as fine.
pub const fn weigh(weight: i16, reverse: bool, standing: Standing) -> Effect {
    let is_fine = match standing {
        Standing::Waiting if weight == 0 => return Effect::Holds,
        Standing::Waiting => return Effect::Adds(0),
        Standing::Passing => true,
        Standing::Failing => false,
    };
    if weight == 0 {
        return if is_fine == reverse { Effect::Fails } else { Effect::Adds(0) };
    }
    if is_fine != (weight > 0) {
        return Effect::Adds(0);
    }
    Effect::Adds(if reverse { -weight } else { weight })
}

/// The priority that counts: an owner's is never moved, and nobody becomes one or resigns by it.
pub fn effective(base: Priority, sum: i32) -> Priority {
    if base.is_owner() {
        return base;
    }
    let clamped = (i32::from(base.0) + sum).clamp(1, 254);
    Priority(u8::try_from(clamped).unwrap_or(base.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_count_as_in_keepalived() {
        use Effect::{Adds, Fails, Holds};
        use Standing::{Failing, Passing, Waiting};
        // weight, reverse: waiting, passing, failing.
        for (weight, reverse, expected) in [
            (0, false, [Holds, Adds(0), Fails]),
            (0, true, [Holds, Fails, Adds(0)]),
            (4, false, [Adds(0), Adds(4), Adds(0)]),
            (4, true, [Adds(0), Adds(-4), Adds(0)]),
            (-20, false, [Adds(0), Adds(0), Adds(-20)]),
            (-20, true, [Adds(0), Adds(0), Adds(20)]),
            (-253, true, [Adds(0), Adds(0), Adds(253)]),
        ] {
            let seen = [Waiting, Passing, Failing].map(|standing| weigh(weight, reverse, standing));
            assert_eq!(seen, expected, "weight {weight} reverse {reverse}");
        }
    }

    #[test]
    fn the_sum_is_clamped_and_an_owner_left_alone() {
        for (base, sum, expected) in [
            (100, 0, 100),
            (100, 4, 104),
            (100, -20, 80),
            (100, -100, 1),
            (100, -2530, 1),
            (100, 154, 254),
            (100, 155, 254),
            (254, 253, 254),
            (1, -253, 1),
            (255, -253, 255),
            (255, 1, 255),
        ] {
            assert_eq!(effective(Priority(base), sum), Priority(expected), "{base} {sum:+}");
        }
    }
}
