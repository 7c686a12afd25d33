//! Sorting by number.

use core::cmp::Ordering;

/// Sorts the numbers of entries; equal ones in any order. A sort is several kilobytes of program for
/// each kind of entry and comparison: this one is there once, for all that is not on the way of a
/// packet.
#[inline(never)]
pub fn sort(numbers: &mut [u16], compare: &dyn Fn(u16, u16) -> Ordering) {
    numbers.sort_unstable_by(|&one, &other| compare(one, other));
}
