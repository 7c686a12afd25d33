//! Time as integer nanoseconds, handed in from outside.
//!
//! Nothing here reads a clock. Floats and coarser units are not used anywhere: a skew of
//! 39 µs (VRRPv3, 10 ms, one step of priority) must survive every computation.

use core::fmt;
use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// A moment on the loop's monotonic clock, in nanoseconds since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Instant(u64);

/// A length of time in nanoseconds. Up to 584 years; sums saturate.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash, Serialize, Deserialize,
)]
pub struct Span(u64);

impl Instant {
    /// The clock's start.
    pub const ZERO: Instant = Instant(0);
    /// Later than any moment the clock will show: "no deadline" in tables of deadlines.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Span(nanos)
    }

    /// `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Span(micros.saturating_mul(1_000))
    }

    /// `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Span(millis.saturating_mul(1_000_000))
    }

    /// `centis` centiseconds, the unit of VRRPv3's Max Advertise Interval (RFC 9568 §5.2.7).
    pub const fn from_centis(centis: u64) -> Self {
        Span(centis.saturating_mul(10_000_000))
    }

    /// `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Span(secs.saturating_mul(1_000_000_000))
    }

    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole centiseconds, rounded down.
    pub const fn as_centis(self) -> u64 {
        self.0 / 10_000_000
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// `self` × `factor`, saturating.
    pub const fn times(self, factor: u64) -> Self {
        Span(self.0.saturating_mul(factor))
    }

    /// `self` ÷ `divisor`, rounded down; a divisor of zero counts as one.
    pub const fn over(self, divisor: u64) -> Self {
        Span(self.0 / if divisor == 0 { 1 } else { divisor })
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add<Span> for Instant {
    type Output = Instant;
    fn add(self, span: Span) -> Instant {
        Instant(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Instant;
    fn sub(self, span: Span) -> Instant {
        Instant(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// Seconds with as many decimals as matter: `3.609375 s`, `1 s`, `0.0002 s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, mut fraction, mut digits) = (self.as_secs(), self.0 % 1_000_000_000, 9);
        if fraction == 0 {
            return write!(f, "{secs} s");
        }
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{secs}.{fraction:0digits$} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_only_the_decimals_that_matter() {
        assert_eq!(Span::from_nanos(3_609_375_000).to_string(), "3.609375 s");
        assert_eq!(Span::from_secs(1).to_string(), "1 s");
        assert_eq!(Span::from_micros(200).to_string(), "0.0002 s");
        assert_eq!(Span::from_nanos(1).to_string(), "0.000000001 s");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Instant::NEVER + Span::from_secs(1), Instant::NEVER);
        assert_eq!(Instant::from_nanos(5).since(Instant::from_nanos(9)), Span::ZERO);
        assert_eq!(Span::from_secs(7).over(0), Span::from_secs(7));
    }
}
