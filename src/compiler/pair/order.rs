//! Who of the nodes is master, who follows after how long, and whether what they track moves that.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::{Member, Verdict};
use crate::addr::Priority;
use crate::config::model::{Kind, Subject, Tracker};
use crate::track::effective;
use crate::vrrp::timing::{master_down, skew};

impl Member<'_> {
    /// Its priority while all that it tracks is fine, and while the numbers in files are zero.
    fn priority(&self) -> Priority {
        self.with(|weight| weight.max(0))
    }

    /// Its priority when all that it tracks by a weight fails; none: it tracks nothing so, or the
    /// number in a file, which may be any.
    fn worst(&self) -> Option<Priority> {
        let trackers = self.node.config.trackers_of(self.instance);
        let mut weighted = trackers.iter().filter(|tracker| tracker.weight != 0).peekable();
        let has_weights = weighted.peek().is_some();
        let is_known = weighted.all(|tracker| !self.is_file(tracker));
        (has_weights && is_known).then(|| self.with(|weight| weight.min(0)))
    }

    /// Its own priority, and of each weight the part that counts.
    fn with(&self, part: impl Fn(i16) -> i16) -> Priority {
        let trackers = self.node.config.trackers_of(self.instance).iter();
        let weights = trackers.filter(|tracker| !self.is_file(tracker)).map(|tracker| {
            let weight = if tracker.reverse { -tracker.weight } else { tracker.weight };
            i32::from(part(weight))
        });
        effective(self.instance.priority, weights.sum())
    }

    fn is_file(&self, tracker: &Tracker) -> bool {
        match tracker.subject {
            Subject::Script(script) => {
                let row = self.node.config.scripts.get(usize::from(script));
                row.is_some_and(|row| row.kind == Kind::File)
            }
            Subject::Interface(_) => false,
        }
    }
}

/// Who is master, and who follows.
pub(super) fn tell(verdict: &mut Verdict, members: &[Member<'_>]) {
    let mut order = members.to_vec();
    order.sort_by_key(|member| Reverse((member.priority(), member.instance.source)));
    let equals = order.windows(2).find_map(|pair| match pair {
        [x, y] if x.priority() == y.priority() => Some((x.node.name, y.node.name, x.priority())),
        _ => None,
    });
    match equals {
        Some((a, b, Priority::OWNER)) => {
            verdict.error(&format!("{a} and {b} both own the addresses: both will be master"));
        }
        Some((a, b, Priority(priority))) => verdict.warning(&format!(
            "{a} and {b} have priority {priority}: who is master stays it, and of two masters the \
             higher source address decides"
        )),
        None => {}
    }
    let Some((&master, followers)) = order.split_first() else { return };
    let ties = order.iter().take_while(|member| member.priority() == master.priority());
    let firsts: Vec<&str> = ties.map(|member| member.node.name).collect();
    preemption(verdict, master, followers);
    if firsts.len() == 1 {
        weights(verdict, master, followers);
    }
    let (names, priority) = (firsts.join(" or "), master.priority().0);
    let _ = writeln!(verdict.text, "  {names} is master (priority {priority})");
    let mut before = master;
    for &follower in followers {
        let instance = follower.instance;
        let interval = before.instance.interval;
        let silent = master_down(instance.version, follower.priority(), interval);
        let resigned = skew(instance.version, follower.priority(), interval);
        let _ = writeln!(
            verdict.text,
            "  {} follows (priority {}): {silent} after {} fell silent, {resigned} after it \
             resigned",
            follower.node.name,
            follower.priority().0,
            before.node.name
        );
        before = follower;
    }
    if !followers.is_empty() {
        let preempts = firsts.len() == 1 && master.instance.preempt;
        let back = match (preempts, master.instance.preempt_delay) {
            (false, _) => "leaves the master alone".to_owned(),
            (true, delay) if delay.is_zero() => "takes over at once".to_owned(),
            (true, delay) => format!("takes over after {delay}"),
        };
        let _ = writeln!(verdict.text, "  {names}, when it comes back, {back}");
    }
}

/// nopreempt belongs on the node with the highest priority.
fn preemption(verdict: &mut Verdict, master: Member<'_>, followers: &[Member<'_>]) {
    let lazy: Vec<&str> = followers
        .iter()
        .filter(|member| !member.instance.preempt)
        .map(|member| member.node.name)
        .collect();
    if master.instance.preempt && !lazy.is_empty() {
        let (name, lazy) = (master.node.name, lazy.join(" and "));
        verdict.warning(&format!(
            "nopreempt on {lazy} does not keep {name} from taking over: it belongs on {name}"
        ));
    }
}

/// Weights that do not move the mastership, whatever fails.
fn weights(verdict: &mut Verdict, master: Member<'_>, followers: &[Member<'_>]) {
    let (Some(worst), Some(next)) = (master.worst(), followers.first()) else { return };
    let (a, b) = (master.node.name, next.node.name);
    if worst >= next.priority() {
        let other = match next.priority() {
            same if same == worst => "no more".to_owned(),
            lower => format!("only {}", lower.0),
        };
        verdict.warning(&format!(
            "when all that {a} tracks by a weight fails, it has priority {}, and {b} {other}: {a} \
             stays master",
            worst.0
        ));
    } else if followers
        .iter()
        .all(|follower| !follower.instance.preempt || follower.priority() <= worst)
    {
        verdict.warning(&format!(
            "when all that {a} tracks by a weight fails, it stays master all the same: {b} has \
             nopreempt"
        ));
    }
}
