//! Between processes and their kernels: requests, answers, news.

use super::{Happening, World};
use crate::sim::kernel::{self, What};
use crate::sim::node::Told;
use crate::sim::plan::S;
use crate::sim::spoil::{self, Spoiling};

impl World {
    pub(super) fn kernel_delay(&mut self) -> u64 {
        self.netlink.delay_min + self.kernel_random.exponential(self.netlink.jitter)
    }

    pub(super) fn trouble(&mut self, node: usize, span: u64) {
        let until = &mut self.nodes[node].trouble_until;
        *until = (*until).max(self.now + span);
    }

    /// The kernel carries out a request.
    pub(super) fn apply(&mut self, node: usize, boot: u32, bytes: &[u8]) {
        if self.nodes[node].boot != boot {
            // A request ends with the process that makes it, done or not.
            return;
        }
        self.nodes[node].in_flight = self.nodes[node].in_flight.saturating_sub(1);
        let asked = kernel::read(bytes);
        let mut refuse = None;
        if self.kernel_random.chance(self.netlink.refuse) {
            refuse = Some(self.kernel_random.pick(&[13, 105, 12]));
            self.trouble(node, 15 * S);
        }
        let said = self.nodes[node].kernel.ask(self.now, &asked, refuse);
        if let What::Address { lifetime: Some(secs), .. } = asked.what {
            self.push(self.now + u64::from(secs) * S, Happening::Lease(node));
        }
        self.tell(node, said.news, Told::News);
        if self.kernel_random.chance(self.netlink.lose_answer) {
            // A dump is lost as a whole; the socket may say so, or not.
            // Patience, the dump, and a second until the next one.
            self.trouble(node, 7 * S);
            // A second of patience, twice as much with each loss in a row, four at most, and the
            // time of the dump that follows.
            let patience = 1 << self.nodes[node].lost_in_row.min(2);
            self.nodes[node].lost_in_row += 1;
            self.wait(node, (patience + 1) * S);
            if self.kernel_random.coin() {
                self.nodes[node].overrun = true;
                self.arouse(node);
            }
            return;
        }
        self.nodes[node].lost_in_row = 0;
        if asked.what == What::Links || asked.what == What::Addresses {
            let mut answers = said.answers;
            if answers.len() > 1 && self.spoil_random.chance(self.netlink.spoil) {
                let errno = self.spoil_random.pick(&[4, 12, 105]);
                answers.pop();
                answers.push(spoil::broken_off(asked.sequence, errno));
                self.reads_again(node);
            }
            // The parts of a dump come in order, behind all that was answered before.
            let reorders = core::mem::take(&mut self.netlink.reorders);
            self.tell(node, answers, Told::Answer);
            self.netlink.reorders = reorders;
        } else {
            self.tell(node, said.answers, Told::Answer);
        }
    }

    /// For so long the process may judge nothing by half a table.
    fn wait(&mut self, node: usize, span: u64) {
        let until = &mut self.nodes[node].waits_until;
        *until = (*until).max(self.now + span);
    }

    /// A dump was not to be trusted: after a second there is another one.
    fn reads_again(&mut self, node: usize) {
        self.trouble(node, 3 * S);
        self.wait(node, 3 * S);
    }

    /// The kernel tells the process: news, or an answer.
    pub(super) fn tell(&mut self, node: usize, datagrams: Vec<Vec<u8>>, what: Told) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        for datagram in datagrams {
            if what == Told::News && self.lose_news[node] > 0 {
                self.lose_news[node] -= 1;
                self.nodes[node].overrun = true;
                self.arouse(node);
                continue;
            }
            let spoiling = self.spoil_random.chance(self.netlink.spoil);
            match spoiling.then(|| Spoiling::draw(&mut self.spoil_random)) {
                None => self.say(node, datagram, what),
                Some(Spoiling::Nonsense) => {
                    let plan = &self.nodes[node].plan;
                    let nonsense = spoil::nonsense(&mut self.spoil_random, &datagram, plan);
                    self.say(node, nonsense, Told::Nonsense);
                    self.say(node, datagram, what);
                }
                Some(Spoiling::Decorated) => {
                    let decorated = spoil::decorated(&mut self.spoil_random, &datagram);
                    self.say(node, decorated, what);
                }
                Some(Spoiling::Doubled) => {
                    // The second one may say that something was lost that had been put back.
                    self.trouble(node, 62 * S);
                    self.say(node, datagram.clone(), what);
                    self.say(node, datagram, what);
                }
                Some(Spoiling::Interrupted) => {
                    self.reads_again(node);
                    self.say(node, spoil::interrupted(&datagram), what);
                }
            }
        }
    }

    /// A datagram is on its way to the process.
    fn say(&mut self, node: usize, datagram: Vec<u8>, what: Told) {
        let delay = self.kernel_delay();
        let channel = usize::from(what != Told::News);
        let mut at = self.now + delay;
        if what == Told::News || !self.netlink.reorders {
            at = at.max(self.after[node][channel]);
            self.after[node][channel] = at;
        }
        self.nodes[node].in_flight += 1;
        let boot = self.nodes[node].boot;
        self.push(at, Happening::Say(node, boot, datagram, what));
    }
}
