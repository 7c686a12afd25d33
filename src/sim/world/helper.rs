//! Between processes and their helpers.

use super::{Happening, World};

impl World {
    /// The helper of a node reads soon, if it is asked for anything.
    pub(super) fn wake_helper(&mut self, node: usize) {
        let helper = &mut self.nodes[node].helper;
        if !helper.is_asked() || core::mem::replace(&mut helper.wakes, true) {
            return;
        }
        let (life, paused_until) = (helper.life, helper.paused_until);
        let at = self.now + 20_000 + self.helper_random.exponential(self.manners.delay / 8);
        self.push(at.max(paused_until), Happening::Helper(node, life));
    }

    pub(super) fn helper_reads(&mut self, node: usize, life: u32) {
        if self.nodes[node].helper.life != life {
            return;
        }
        self.nodes[node].helper.wakes = false;
        for (after, answer) in self.nodes[node].helper.read(&mut self.helper_random) {
            if self.helper_random.chance(self.manners.lose) {
                continue;
            }
            let delay = self.helper_random.exponential(self.manners.delay);
            let at = self.now.saturating_add(after) + delay;
            self.push(at, Happening::Answer(node, life, answer));
        }
    }

    /// What a dead helper was about to say is lost.
    pub(super) fn helper_says(&mut self, node: usize, life: u32, answer: Vec<u8>) {
        let helper = &self.nodes[node].helper;
        if helper.life != life || !helper.lives {
            return;
        }
        if helper.paused_until > self.now {
            return self.push(helper.paused_until, Happening::Answer(node, life, answer));
        }
        self.nodes[node].answers.push_back(answer);
        if self.nodes[node].engine.is_some() {
            self.arouse(node);
        }
    }

    /// A pause ends before its time: what was to wait for its end is due now.
    pub(super) fn resume_helper(&mut self, node: usize) {
        if core::mem::take(&mut self.nodes[node].helper.paused_until) <= self.now {
            return;
        }
        let is_its_own = |what: &Happening| match what {
            Happening::Helper(of, _) | Happening::Answer(of, ..) => *of == node,
            _ => false,
        };
        let waiting = self.queue.iter().filter(|(_, what)| is_its_own(what));
        for at in waiting.map(|(at, _)| *at).collect::<Vec<_>>() {
            if let Some(what) = self.queue.remove(&at) {
                self.push(self.now, what);
            }
        }
    }

    /// The keeper starts another helper.
    pub(super) fn start_helper(&mut self, node: usize) {
        let helper = &mut self.nodes[node].helper;
        if helper.lives {
            return;
        }
        (helper.lives, helper.wakes) = (true, false);
        let (life, ready) = (helper.life, helper.ready());
        self.helper_says(node, life, ready);
        self.wake_helper(node);
    }
}
