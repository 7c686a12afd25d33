//! Segments between nodes: what they lose, delay, double, spoil and repeat.

use std::collections::BTreeSet;

use super::options::Net;
use super::plan::S;
use super::random::Random;

/// A packet that will arrive.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) at: u64,
    pub(super) node: usize,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Network {
    pub(super) net: Net,
    random: Random,
    /// Directed links that pass nothing: segment, from, to.
    pub(super) cuts: BTreeSet<(usize, usize, usize)>,
    /// Until then nothing arrives on the segment; then everything does.
    pub(super) clogged_until: [u64; 2],
    burst_left: u64,
}

impl Network {
    pub(super) fn new(net: Net, seed: u64) -> Self {
        Network {
            net,
            random: Random::new(seed, "net"),
            cuts: BTreeSet::new(),
            clogged_until: [0; 2],
            burst_left: 0,
        }
    }

    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.cuts.extend([(0, from, to), (1, from, to)]);
    }

    /// No fault any more, except the cuts; every packet takes the shortest delay.
    pub(super) fn heal(&mut self) {
        self.net = Net { delay_min: self.net.delay_min, ..Net::default() };
        self.clogged_until = [0; 2];
        self.burst_left = 0;
    }

    /// A packet from `from` (none of the `nodes`: a stranger) to all others on the segment.
    pub(super) fn send(
        &mut self,
        now: u64,
        (segment, from): (usize, usize),
        nodes: usize,
        bytes: &[u8],
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for to in (0..nodes).filter(|to| *to != from) {
            if self.cuts.contains(&(segment, from, to)) || self.loses() {
                continue;
            }
            self.deliver(now, segment, to, bytes, &mut arrivals);
            if self.random.chance(self.net.duplicate) {
                self.deliver(now, segment, to, bytes, &mut arrivals);
            }
            if self.random.chance(self.net.replay) {
                let later = now + self.random.below(10 * S);
                self.deliver(later, segment, to, bytes, &mut arrivals);
            }
        }
        arrivals
    }

    fn loses(&mut self) -> bool {
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return true;
        }
        if self.random.chance(self.net.burst) {
            self.burst_left = self.random.exponential(self.net.burst_len);
        }
        self.random.chance(self.net.loss)
    }

    fn deliver(
        &mut self,
        now: u64,
        segment: usize,
        node: usize,
        bytes: &[u8],
        arrivals: &mut Vec<Arrival>,
    ) {
        let mut bytes = bytes.to_vec();
        if self.random.chance(self.net.corrupt) {
            let at = self.random.index(bytes.len());
            bytes[at] ^= 1 << self.random.below(8);
        }
        let delay = self.net.delay_min + self.random.exponential(self.net.jitter);
        let at = (now + delay).max(self.clogged_until[segment]);
        arrivals.push(Arrival { at, node, bytes });
    }
}
