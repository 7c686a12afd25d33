//! The state machine of one virtual router (RFC 9568 §6.4, RFC 3768 §6.4).
//!
//! [`Instance::on`] is the only place that assigns the state. States own their deadlines, so a
//! backup cannot have an advert timer and a master no master-down timer.
//!
//! ```text
//!             start, not owner / fault over             master-down timer
//!   Init ───────────────────────────────► Backup ───────────────────────► Master
//!    │ ▲                                   │  ▲    better advert, release   │
//!    │ └───────────── stop ────────────────┤  └────────────────────────────┤
//!    └── start as owner, resume ───────────┼───────────────────────────────►│
//!                                          └──────────► Fault ◄─────────────┘
//! ```

use core::net::IpAddr;

use super::election::{self, Standing};
use super::timing;
use crate::addr::{Priority, Version};
use crate::time::{Instant, Span};
use crate::trace::{Cause, StateName};

/// The numbers of the configuration that decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The protocol version.
    pub version: Version,
    /// The effective priority; 255 owns the addresses.
    pub priority: Priority,
    /// The interval of this router's own adverts.
    pub interval: Span,
    /// Whether a master of lower priority is preempted.
    pub preempt: bool,
    /// How long a master of lower priority is endured before it is.
    pub preempt_delay: Span,
    /// Whether it belongs to a sync group: then even an owner starts as BACKUP, and becomes master
    /// with the others.
    pub grouped: bool,
}

/// The state, with the deadlines that belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not started, or stopped.
    Init,
    /// Listens.
    Backup {
        /// When the master counts as dead.
        down_at: Instant,
        /// Since when a lower master has been endured plus preempt_delay: until then its adverts
        /// count like any other's. None: no lower master was heard yet.
        preempt_at: Option<Instant>,
        /// What the expiry of `down_at` will mean.
        verdict: Verdict,
        /// Released by the operator: any master will do until it dies.
        yielding: bool,
        /// The timer has run out, and the verdict waits for the others of the sync group.
        held: bool,
    },
    /// Advertises.
    Master {
        /// When the next regular advert is due.
        advert_at: Instant,
        /// Before this no further advert is sent in reaction to a packet.
        reply_at: Instant,
        /// Woken too late to be sure: no advert leaves before `advert_at`, so that a master that
        /// took over meanwhile is heard first.
        listening: bool,
    },
    /// Cannot take part until [`Event::Recover`].
    Fault,
}

/// What the expiry of a backup's timer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The master fell silent, or there never was one.
    Silent,
    /// The master resigned with priority 0.
    Resigned,
    /// A lower master still advertises; its adverts did not count.
    Preempting,
    /// None needs to: priority 255, in a sync group.
    Owner,
}

/// The router last heard as master.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rival {
    /// Its primary address.
    pub address: IpAddr,
    /// The priority it sent.
    pub priority: Priority,
    /// When it was heard.
    pub heard_at: Instant,
}

/// An advert that passed every check, as far as the election cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The sender's primary address.
    pub source: IpAddr,
    /// Its priority; 0: it resigns.
    pub priority: Priority,
    /// Its interval, which version 3 learns.
    pub interval: Span,
}

/// What can happen to an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It starts; everything it needs is there.
    Start,
    /// It starts as the master it has just been: its last advert left at this instant, less than
    /// an interval ago.
    Resume(Instant),
    /// An advert from another router. `local` is this router's own source address.
    Advert {
        /// What was heard.
        heard: Heard,
        /// This router's own primary address, for the tie-break.
        local: IpAddr,
    },
    /// Time has passed.
    Expire,
    /// Something it needs is missing, and whether a resignation can still be sent.
    Fail(Cause, bool),
    /// Everything it needs is there again.
    Recover(Cause),
    /// The timer has run out, but another member of the sync group is not ready.
    Hold,
    /// Its sync group is master already: it was added to it.
    Join,
    /// Another member of its sync group is master no more.
    Follow,
    /// The operator wants another router to be master.
    Release,
    /// It stops, for good.
    Stop(Cause),
}

/// What is to be done after an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reaction {
    /// The change of state, with its cause.
    pub transition: Option<(StateName, StateName, Cause)>,
    /// The advert to send.
    pub send: Send,
    /// Whether the addresses are to be announced again although the state is the same.
    pub reannounce: bool,
    /// A rival master was heard and was not better.
    pub rival: bool,
    /// The loop came too late: the instance listens before it advertises.
    pub stalled: bool,
}

/// Which advert is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Send {
    /// None.
    #[default]
    Nothing,
    /// The regular one of the timer.
    Advert,
    /// One in reaction to a packet.
    Reply,
    /// Priority 0.
    Resignation,
}

/// One virtual router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instance {
    settings: Settings,
    state: State,
    /// The interval that the master of version 3 announced (RFC 9568 Active_Adver_Interval).
    master_interval: Span,
    rival: Option<Rival>,
}

impl Instance {
    /// An instance that has not started.
    pub const fn new(settings: Settings) -> Self {
        Instance { settings, state: State::Init, master_interval: settings.interval, rival: None }
    }

    /// The state with its deadlines.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The numbers it runs with.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The router last heard as master, even if it is long gone.
    pub const fn rival(&self) -> Option<Rival> {
        self.rival
    }

    /// The interval the master-down timer counts with.
    pub const fn master_interval(&self) -> Span {
        self.master_interval
    }

    /// The state's name.
    pub const fn name(&self) -> StateName {
        match self.state {
            State::Init => StateName::Init,
            State::Backup { .. } => StateName::Backup,
            State::Master { .. } => StateName::Master,
            State::Fault => StateName::Fault,
        }
    }

    /// Whether it carries the addresses.
    pub const fn is_master(&self) -> bool {
        matches!(self.state, State::Master { .. })
    }

    /// Whether addresses that are missing may be put (back) into the kernel now: not while it
    /// listens for a master that may have taken over during a stall.
    pub const fn may_claim(&self) -> bool {
        matches!(self.state, State::Master { listening: false, .. })
    }

    /// When [`Event::Expire`] is due.
    pub const fn deadline(&self) -> Instant {
        match self.state {
            State::Init | State::Fault | State::Backup { held: true, .. } => Instant::NEVER,
            State::Backup { down_at, .. } => down_at,
            State::Master { advert_at, .. } => advert_at,
        }
    }

    /// Whether the expiry at `now` would make it master.
    pub fn is_verdict_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Backup { down_at, .. } if down_at <= now)
    }

    /// How long it waits for a sign of the master.
    pub fn master_down(&self) -> Span {
        timing::master_down(self.settings.version, self.settings.priority, self.master_interval)
    }

    /// New numbers from a reload. The state stays; a running timer moves as far as its reason did.
    pub fn retune(&mut self, now: Instant, settings: Settings) {
        if let State::Backup { held, .. } = &mut self.state {
            // The sync group may be another one, or smaller: it is asked again.
            *held = false;
        }
        if settings == self.settings {
            return;
        }
        let before = self.master_down();
        let interval_changed = settings.interval != self.settings.interval;
        self.settings = settings;
        match &mut self.state {
            State::Init | State::Fault => self.master_interval = settings.interval,
            State::Backup { down_at, .. } => {
                if settings.version == Version::V2 {
                    self.master_interval = settings.interval;
                }
                let down =
                    timing::master_down(settings.version, settings.priority, self.master_interval);
                *down_at = if down < before {
                    *down_at - (before - down)
                } else {
                    *down_at + (down - before)
                };
            }
            State::Master { advert_at, .. } => {
                self.master_interval = settings.interval;
                if interval_changed {
                    *advert_at = (*advert_at).min(now + settings.interval);
                }
            }
        }
    }

    /// Takes an event and answers with what is to be done about it.
    pub fn on(&mut self, now: Instant, event: Event) -> Reaction {
        match (self.state, event) {
            (State::Init, Event::Start) => self.start(now, Cause::Started),
            (State::Init, Event::Join) => self.become_master(now, Cause::GroupMaster),
            (State::Init, Event::Resume(sent_at)) => self.resume(now, sent_at),
            (State::Init, Event::Fail(cause, _)) => self.enter(State::Fault, cause),
            (State::Init, Event::Advert { .. } | Event::Expire | Event::Recover(_))
            | (State::Init, Event::Hold | Event::Follow | Event::Release | Event::Stop(_)) => {
                Reaction::default()
            }

            (State::Backup { .. }, Event::Advert { heard, .. }) => self.backup_hears(now, heard),
            (State::Backup { down_at, verdict, .. }, Event::Expire) => {
                if now < down_at {
                    Reaction::default()
                } else {
                    self.take_over(now, verdict)
                }
            }
            (State::Backup { .. }, Event::Hold) => self.hold(now),
            (State::Backup { .. }, Event::Fail(cause, _)) => self.enter(State::Fault, cause),
            (State::Backup { .. }, Event::Release) => self.yield_on(now),
            (State::Backup { .. }, Event::Stop(cause)) => self.enter(State::Init, cause),
            (State::Backup { .. }, Event::Start | Event::Resume(_) | Event::Recover(_))
            | (State::Backup { .. }, Event::Join | Event::Follow) => Reaction::default(),

            (State::Master { .. }, Event::Advert { heard, local }) => {
                self.master_hears(now, heard, local)
            }
            (State::Master { .. }, Event::Expire) => self.advertise(now),
            (State::Master { .. }, Event::Fail(cause, can_send)) => {
                let mut reaction = self.enter(State::Fault, cause);
                if can_send {
                    reaction.send = Send::Resignation;
                }
                reaction
            }
            (State::Master { .. }, Event::Follow) => self.resign(now, false, Cause::GroupBackup),
            (State::Master { .. }, Event::Release) => self.resign(now, true, Cause::Released),
            (State::Master { .. }, Event::Stop(cause)) => {
                let mut reaction = self.enter(State::Init, cause);
                reaction.send = Send::Resignation;
                reaction
            }
            (State::Master { .. }, Event::Start | Event::Resume(_) | Event::Recover(_))
            | (State::Master { .. }, Event::Hold | Event::Join) => Reaction::default(),

            (State::Fault, Event::Recover(cause)) => self.start(now, cause),
            (State::Fault, Event::Stop(cause)) => self.enter(State::Init, cause),
            (State::Fault, Event::Start | Event::Resume(_) | Event::Advert { .. })
            | (State::Fault, Event::Expire | Event::Fail(..) | Event::Release)
            | (State::Fault, Event::Hold | Event::Join | Event::Follow) => Reaction::default(),
        }
    }

    /// The only place that assigns the state.
    fn enter(&mut self, state: State, cause: Cause) -> Reaction {
        let from = self.name();
        self.state = state;
        Reaction { transition: Some((from, self.name(), cause)), ..Reaction::default() }
    }

    /// BACKUP with a fresh master-down timer.
    fn backup(&self, now: Instant, yielding: bool) -> State {
        State::Backup {
            down_at: now + self.master_down(),
            preempt_at: None,
            verdict: Verdict::Silent,
            yielding,
            held: false,
        }
    }

    /// rfc9568:6.4.1 — the owner is master at once, everybody else listens first; what was learnt
    /// of an earlier master is forgotten.
    fn start(&mut self, now: Instant, cause: Cause) -> Reaction {
        self.master_interval = self.settings.interval;
        if !self.settings.priority.is_owner() {
            return self.enter(self.backup(now, false), cause);
        }
        if !self.settings.grouped {
            return self.become_master(now, Cause::Owner);
        }
        let state = State::Backup {
            down_at: now,
            preempt_at: None,
            verdict: Verdict::Owner,
            yielding: false,
            held: false,
        };
        self.enter(state, cause)
    }

    /// A restart within one interval: no router can have missed us, so nothing is announced anew
    /// before the advert that is due anyway.
    fn resume(&mut self, now: Instant, sent_at: Instant) -> Reaction {
        let advert_at = (sent_at + self.settings.interval).max(now);
        let state = State::Master { advert_at, reply_at: now, listening: false };
        self.enter(state, Cause::Resumed)
    }

    fn take_over(&mut self, now: Instant, verdict: Verdict) -> Reaction {
        let cause = match verdict {
            Verdict::Silent => Cause::MasterDown,
            Verdict::Resigned => Cause::MasterResigned,
            Verdict::Preempting => Cause::Preempted,
            Verdict::Owner => Cause::Owner,
        };
        self.become_master(now, cause)
    }

    fn become_master(&mut self, now: Instant, cause: Cause) -> Reaction {
        // Unconditionally: keepalived forgets to unless it logs in detail, and then advertises
        // the dead master's interval.
        self.master_interval = self.settings.interval;
        let advert_at = now + self.settings.interval;
        let state = State::Master { advert_at, reply_at: now, listening: false };
        let mut reaction = self.enter(state, cause);
        reaction.send = Send::Advert;
        reaction
    }

    fn backup_hears(&mut self, now: Instant, heard: Heard) -> Reaction {
        let State::Backup { down_at, preempt_at, yielding, held, .. } = self.state else {
            return Reaction::default();
        };
        let settings = self.settings;
        self.rival = Some(Rival { address: heard.source, priority: heard.priority, heard_at: now });
        if heard.priority.is_resigning() {
            // rfc9568:6.4.2/advert/priority-zero — the master resigned; wait skew only, so that the
            // best backup wins. Never later than planned: a stream of resignations must not keep
            // everybody waiting.
            let skew = timing::skew(settings.version, settings.priority, self.master_interval);
            self.state = State::Backup {
                down_at: down_at.min(now + skew),
                preempt_at: None,
                verdict: Verdict::Resigned,
                yielding,
                held,
            };
            return Reaction::default();
        }
        let lower = heard.priority < settings.priority;
        // keepalived: the delay counts from the first lower advert, and a better one cancels it.
        let preempt_at =
            if lower { preempt_at.or(Some(now + settings.preempt_delay)) } else { None };
        let endured = preempt_at.is_some_and(|at| now < at);
        if !lower || !settings.preempt || yielding || endured {
            // rfc9568:6.4.2/advert/accept
            if settings.version == Version::V3 {
                self.master_interval = heard.interval;
            }
            self.state = State::Backup {
                down_at: now + self.master_down(),
                preempt_at,
                verdict: Verdict::Silent,
                yielding,
                held: false,
            };
        } else {
            // rfc9568:6.4.2/advert/discard — the running timer goes on, and its expiry preempts.
            let verdict = Verdict::Preempting;
            self.state = State::Backup { down_at, preempt_at, verdict, yielding, held };
        }
        Reaction::default()
    }

    /// The timer has run out for nothing, until the sync group agrees or a master is heard.
    fn hold(&mut self, now: Instant) -> Reaction {
        if let State::Backup { down_at, held, .. } = &mut self.state {
            *held = *down_at <= now;
        }
        Reaction::default()
    }

    /// Gives mastership up and says so.
    fn resign(&mut self, now: Instant, yielding: bool, cause: Cause) -> Reaction {
        let mut reaction = self.enter(self.backup(now, yielding), cause);
        reaction.send = Send::Resignation;
        reaction
    }

    fn yield_on(&mut self, now: Instant) -> Reaction {
        self.state = self.backup(now, true);
        Reaction::default()
    }

    fn master_hears(&mut self, now: Instant, heard: Heard, local: IpAddr) -> Reaction {
        let State::Master { advert_at, reply_at, listening } = self.state else {
            return Reaction::default();
        };
        let settings = self.settings;
        let may_reply = !listening && reply_at <= now;
        let replied = State::Master {
            advert_at: now + settings.interval,
            reply_at: now + settings.interval,
            listening,
        };
        if heard.priority.is_resigning() {
            // rfc9568:6.4.3/advert/priority-zero — another master leaves: everybody shall know at
            // once that this one stays. At most one reply an interval: packets must not drive us.
            if may_reply {
                self.state = replied;
            }
            let send = if may_reply { Send::Reply } else { Send::Nothing };
            return Reaction { send, ..Reaction::default() };
        }
        match election::compare((settings.priority, local), (heard.priority, heard.source)) {
            Standing::HigherPriority => self.step_down(now, heard, Cause::HigherPriority),
            Standing::HigherAddress => self.step_down(now, heard, Cause::HigherAddress),
            Standing::Inferior => {
                // rfc9568:6.4.3/advert/inferior — assert ourselves, at most once an interval.
                self.rival =
                    Some(Rival { address: heard.source, priority: heard.priority, heard_at: now });
                if !may_reply {
                    return Reaction { rival: true, ..Reaction::default() };
                }
                self.state = replied;
                Reaction { send: Send::Reply, rival: true, reannounce: true, ..Reaction::default() }
            }
            Standing::Same => {
                self.state = State::Master { advert_at, reply_at, listening };
                Reaction::default()
            }
        }
    }

    /// rfc9568:6.4.3/advert/superior
    fn step_down(&mut self, now: Instant, heard: Heard, cause: Cause) -> Reaction {
        if self.settings.version == Version::V3 {
            self.master_interval = heard.interval;
        }
        self.rival = Some(Rival { address: heard.source, priority: heard.priority, heard_at: now });
        self.enter(self.backup(now, false), cause)
    }

    /// The advert timer. An advert may leave early, to share a turn; the next one is due one
    /// interval after the earlier of what was due and what was done, so that nothing drifts late.
    fn advertise(&mut self, now: Instant) -> Reaction {
        let State::Master { advert_at, reply_at, listening } = self.state else {
            return Reaction::default();
        };
        let interval = self.settings.interval;
        if now + timing::early(interval) < advert_at {
            return Reaction::default();
        }
        // Our last advert left one interval before this one was due. Three intervals after it the
        // best of peers may have taken over.
        if !listening && now.since(advert_at) >= interval.times(2) {
            let skew = timing::skew(self.settings.version, self.settings.priority, interval);
            self.state =
                State::Master { advert_at: now + interval + skew, reply_at, listening: true };
            return Reaction { stalled: true, ..Reaction::default() };
        }
        if listening && now < advert_at {
            return Reaction::default();
        }
        let on_time = advert_at.min(now) + interval;
        let next = if on_time <= now { now + interval } else { on_time };
        self.state = State::Master { advert_at: next, reply_at, listening: false };
        Reaction { send: Send::Advert, reannounce: listening, ..Reaction::default() }
    }
}

#[cfg(test)]
mod tests;
