//! Intervals that follow from a priority and an advertisement interval: pure functions in integer
//! nanoseconds. No result is ever rounded to a coarser unit.

use crate::addr::{Priority, Version};
use crate::time::Span;

/// How long a backup waits beyond three intervals, or after a resignation: the higher its
/// priority, the shorter, so that the best backup is first.
///
/// Version 2: (256 − priority) / 256 seconds, whatever the interval (RFC 3768 §6.1).
/// Version 3: (256 − priority) × the master's interval / 256 (RFC 9568 §6.1).
pub const fn skew(version: Version, priority: Priority, master_interval: Span) -> Span {
    let unit = match version {
        Version::V2 => Span::from_secs(1),
        Version::V3 => master_interval,
    };
    // priority.0 is at most 255: the difference is 1 at least.
    unit.times(256 - priority.0 as u64).over(256)
}

/// How long a backup hears nothing before it takes the master for dead: three intervals plus skew
/// (RFC 9568 §6.1 Active_Down_Interval).
pub fn master_down(version: Version, priority: Priority, master_interval: Span) -> Span {
    master_interval.times(3) + skew(version, priority, master_interval)
}

/// How early an advert may leave to share a turn of the loop with others: a 64th of the interval,
/// a millisecond at most. Never late instead: a peer counts from what it hears.
pub fn early(interval: Span) -> Span {
    interval.over(64).min(Span::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Worked by hand from the RFCs' formulas, in nanoseconds.
    #[test]
    fn skew_of_version_2_is_a_part_of_a_second() {
        let skew = |priority| skew(Version::V2, Priority(priority), Span::from_secs(7)).as_nanos();
        assert_eq!(skew(100), 609_375_000);
        assert_eq!(skew(255), 3_906_250);
        assert_eq!(skew(1), 996_093_750);
    }

    #[test]
    fn skew_of_version_3_scales_with_the_interval() {
        let skew = |priority, centis| {
            skew(Version::V3, Priority(priority), Span::from_centis(centis)).as_nanos()
        };
        assert_eq!(skew(100, 100), 609_375_000);
        assert_eq!(skew(100, 1), 6_093_750);
        // One step of priority at 10 ms: 39,062.5 ns, which coarser units would lose.
        assert_eq!(skew(254, 1), 78_125);
        assert_eq!(skew(255, 1), 39_062);
        assert_eq!(skew(1, 4095), 40_790_039_062);
    }

    #[test]
    fn master_down_is_three_intervals_and_skew() {
        let down = |version, priority, centis| {
            master_down(version, Priority(priority), Span::from_centis(centis)).as_nanos()
        };
        assert_eq!(down(Version::V2, 100, 100), 3_609_375_000);
        assert_eq!(down(Version::V3, 200, 20), 643_750_000);
        assert_eq!(down(Version::V3, 1, 4095), 163_640_039_062);
    }

    #[test]
    fn adverts_are_early_by_a_millisecond_at_most() {
        assert_eq!(early(Span::from_millis(10)).as_nanos(), 156_250);
        assert_eq!(early(Span::from_millis(100)).as_nanos(), 1_000_000);
        assert_eq!(early(Span::from_secs(1)).as_nanos(), 1_000_000);
    }
}
