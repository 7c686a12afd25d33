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

/// What follows from the number in a tracked file: the number times the weight is added, and means
/// FAULT where it is -254 or less; with weight zero, any number but zero means FAULT (keepalived.conf(5),
/// `track_file`). `reverse` turns the sign round, and with weight zero which number means FAULT.
pub fn weigh_number(weight: i16, reverse: bool, number: i32) -> Effect {
    if weight == 0 {
        return if (number != 0) == reverse { Effect::Adds(0) } else { Effect::Fails };
    }
    let sign = if reverse { -1 } else { 1 };
    match i64::from(number) * i64::from(weight) * sign {
        ..=-254 => Effect::Fails,
        product => Effect::Adds(i16::try_from(product).unwrap_or(PRODUCT_MAX).min(PRODUCT_MAX)),
    }
}

/// The most that a file adds.
const PRODUCT_MAX: i16 = 253;

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

    // From keepalived-2.4.3's track_file.c, worked by hand.
    #[test]
    fn a_number_counts_times_its_weight() {
        use Effect::{Adds, Fails};
        for (weight, reverse, number, expected) in [
            (1, false, 0, Adds(0)),
            (1, false, 7, Adds(7)),
            (1, false, -50, Adds(-50)),
            (1, true, 50, Adds(-50)),
            (-2, false, 10, Adds(-20)),
            (-2, true, 10, Adds(20)),
            (1, false, -253, Adds(-253)),
            (1, false, -254, Fails),
            (127, false, -2, Fails),
            (254, false, 0, Adds(0)),
            (254, false, -1, Fails),
            (254, false, 1, Adds(253)),
            (1, false, 300, Adds(253)),
            (254, false, i32::MAX, Adds(253)),
            (254, true, i32::MAX, Fails),
            (254, true, i32::MIN, Adds(253)),
            (0, false, 0, Adds(0)),
            (0, false, 1, Fails),
            (0, false, -1, Fails),
            (0, true, 0, Fails),
            (0, true, 1, Adds(0)),
        ] {
            let seen = weigh_number(weight, reverse, number);
            assert_eq!(seen, expected, "{number} times {weight} reverse {reverse}");
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
