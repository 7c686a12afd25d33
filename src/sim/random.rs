//! Numbers that look random and are the same for the same seed, on every machine.

/// splitmix64: small, and good enough to choose faults with.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of one concern: adding draws to one concern leaves the others as they were.
    pub(super) fn new(seed: u64, concern: &str) -> Self {
        // FNV-1a of the concern's name.
        let name = concern.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ name);
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit` − 1; 0 for a limit of 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub(super) fn octet(&mut self) -> u8 {
        self.next().to_be_bytes()[7]
    }

    /// An index of a table of `len` entries.
    pub(super) fn index(&mut self, len: usize) -> usize {
        let len = u64::try_from(len).unwrap_or(1);
        usize::try_from(self.below(len)).unwrap_or(0)
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// True in `millionths` of a million cases.
    pub(super) fn chance(&mut self, millionths: u64) -> bool {
        self.below(1_000_000) < millionths
    }

    /// An exponentially distributed number with this mean: −ln(u) as −log2(u) × ln 2, the
    /// mantissa's logarithm taken for linear.
    pub(super) fn exponential(&mut self, mean: u64) -> u64 {
        let number = self.next() | 1;
        let zeros = number.leading_zeros();
        let mantissa = ((number << zeros) << 1) >> 48;
        let log2 = (u64::from(zeros) + 1) * 65_536 - mantissa;
        let log = u128::from(log2) * 45_426 / 65_536;
        u64::try_from(u128::from(mean) * log / 65_536).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concerns_are_independent_and_repeatable() {
        let draw = |concern| {
            let mut random = Random::new(7, concern);
            [random.next(), random.next()]
        };
        assert_eq!(draw("net"), draw("net"));
        assert_ne!(draw("net"), draw("kernel"));
    }

    #[test]
    fn the_exponential_distribution_has_its_mean() {
        let mut random = Random::new(1, "mean");
        let sum: u64 = (0..100_000).map(|_| random.exponential(1_000)).sum();
        assert!((95_000_000..110_000_000).contains(&sum), "{sum}");
    }
}
