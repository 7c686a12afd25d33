//! One virtual router as the RFCs say it, for the engine to be judged by: RFC 9568 §6.4 and
//! RFC 3768 §6.4, written without a look at the engine and from nothing but the core library.
//!
//! [`Machine::strict`] does what the RFC says and nothing else. [`Machine::house`] differs where
//! the table of deviations in ARCHITECTURE.md says so; each place names its row, and what it names
//! is kept in [`Machine::rows`], so that a difference without a row is found.

use core::net::IpAddr;

/// What is configured. Times are nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// 2 or 3.
    pub version: u8,
    /// 1–255.
    pub priority: u8,
    /// Advertisement_Interval.
    pub interval: u64,
    /// Preempt_Mode.
    pub preempt: bool,
    /// keepalived's preempt_delay.
    pub delay: u64,
    /// Whether it belongs to keepalived's vrrp_sync_group.
    pub grouped: bool,
}

/// The states, with their timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// RFC: Initialize.
    Initialize,
    /// RFC: Backup.
    Backup {
        /// When Active_Down_Timer fires.
        down_at: u64,
        /// Until when a lower master is endured, if one was heard.
        endured_until: Option<u64>,
        /// Released: any master will do.
        yields: bool,
        /// The timer has fired, and the group was not ready.
        waits: bool,
    },
    /// RFC: Active; RFC 3768: Master.
    Active {
        /// When Adver_Timer fires.
        advert_at: u64,
        /// Until then nothing is answered.
        quiet_until: u64,
        /// Came too late, and listens before it advertises.
        listens: bool,
    },
    /// keepalived's FAULT.
    Fault,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// Startup.
    Startup,
    /// Startup less than an interval after this instant, at which it last advertised.
    Resume(u64),
    /// An advert that passed all checks.
    Advert {
        /// Its priority.
        priority: u8,
        /// Its Max Advertise Interval.
        interval: u64,
        /// The primary address of its sender.
        source: IpAddr,
        /// The primary address of this router.
        local: IpAddr,
    },
    /// Time passes.
    Timer,
    /// Something that it needs is missing; whether it can still send.
    Lost(bool),
    /// What was missing is back.
    Found,
    /// The timer fires, and others of the group are not ready.
    Wait,
    /// The group is master already.
    Join,
    /// Another of the group is master no more.
    Follow,
    /// The operator wants another master.
    Release,
    /// Shutdown.
    Shutdown,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sent {
    /// Nothing.
    #[default]
    Nothing,
    /// An advert with the configured priority.
    Advert,
    /// An advert with priority 0.
    Resignation,
}

/// The rows of ARCHITECTURE.md's table of deviations that concern the states, by their first
/// column.
pub const ROWS: [&str; 14] = [
    ROW_ZERO_BACKUP,
    ROW_ZERO_MASTER,
    ROW_LOWER,
    ROW_LOWER_V2,
    ROW_REPLY_TIMER,
    ROW_SAME,
    ROW_DELAY,
    ROW_EARLY,
    ROW_STALL,
    ROW_FAULT,
    ROW_RESUME,
    ROW_RELEASE,
    ROW_SKEW_V2,
    ROW_GROUP,
];

const ROW_ZERO_BACKUP: &str = "RFC 9568 §6.4.2 priority 0";
const ROW_ZERO_MASTER: &str = "RFC 9568 §6.4.3 priority 0";
const ROW_LOWER: &str = "RFC 9568 §6.4.3 lower priority";
const ROW_LOWER_V2: &str = "RFC 3768 §6.4.3 lower priority";
const ROW_REPLY_TIMER: &str = "RFC 9568 §6.4.3 timer after a reply";
const ROW_SAME: &str = "RFC 9568 §6.4.3 same priority and address";
const ROW_DELAY: &str = "preempt_delay, nopreempt, startup delay";
const ROW_EARLY: &str = "RFC 9568 §6.4.3 Adver_Timer";
const ROW_STALL: &str = "RFC 9568 §6.4.3 Adver_Timer long ago";
const ROW_FAULT: &str = "FAULT";
const ROW_RESUME: &str = "hot restart";
const ROW_RELEASE: &str = "release";
const ROW_SKEW_V2: &str = "RFC 3768 §6.4.2 priority 0";
const ROW_GROUP: &str = "sync groups";

/// One virtual router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// What is configured.
    pub rules: Rules,
    /// Its state.
    pub state: State,
    /// Active_Adver_Interval.
    pub active_interval: u64,
    /// The rows of the table of deviations that the last step stood on.
    pub rows: Vec<&'static str>,
    is_strict: bool,
}

impl Machine {
    /// As the RFC has it, deviations where the table says so.
    pub fn house(rules: Rules) -> Self {
        let state = State::Initialize;
        Machine {
            rules,
            state,
            active_interval: rules.interval,
            rows: Vec::new(),
            is_strict: false,
        }
    }

    /// As the RFC has it.
    pub fn strict(rules: Rules) -> Self {
        Machine { is_strict: true, ..Machine::house(rules) }
    }

    /// The same machine, from here on as the RFC has it.
    pub fn made_strict(&self) -> Self {
        Machine { is_strict: true, ..self.clone() }
    }

    /// Skew_Time. RFC 9568 §6.1: ((256 − Priority) × Active_Adver_Interval) / 256; RFC 3768 §6.1:
    /// (256 − Priority) / 256 seconds.
    pub fn skew(&self) -> u64 {
        let unit = if self.rules.version == 2 { 1_000_000_000 } else { self.active_interval };
        (256 - u64::from(self.rules.priority)) * unit / 256
    }

    /// Active_Down_Interval, Master_Down_Interval: 3 × the interval and Skew_Time.
    pub fn down(&self) -> u64 {
        3 * self.active_interval + self.skew()
    }

    /// When its timer fires.
    pub fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Initialize | State::Fault | State::Backup { waits: true, .. } => None,
            State::Backup { down_at, .. } => Some(down_at),
            State::Active { advert_at, .. } => Some(advert_at),
        }
    }

    /// Whether it is master.
    pub fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    /// One input, and what is sent for it.
    pub fn step(&mut self, now: u64, input: Input) -> Sent {
        self.rows.clear();
        match self.state {
            State::Initialize => self.initialize(now, input),
            State::Backup { .. } => self.backup(now, input),
            State::Active { .. } => self.active(now, input),
            State::Fault => self.fault(now, input),
        }
    }

    /// Whether this machine deviates from the RFC as `row` says.
    fn deviates(&mut self, row: &'static str) -> bool {
        if !self.is_strict {
            self.rows.push(row);
        }
        !self.is_strict
    }

    fn begin(&mut self, now: u64) -> Sent {
        self.active_interval = self.rules.interval;
        let mut down_at = now + self.down();
        if self.rules.priority == 255 {
            if !self.rules.grouped || !self.deviates(ROW_GROUP) {
                return self.activate(now);
            }
            down_at = now;
        }
        self.become_backup(down_at, false);
        Sent::Nothing
    }

    fn become_backup(&mut self, down_at: u64, yields: bool) {
        self.state = State::Backup { down_at, endured_until: None, yields, waits: false };
    }

    fn activate(&mut self, now: u64) -> Sent {
        self.active_interval = self.rules.interval;
        let advert_at = now + self.rules.interval;
        self.state = State::Active { advert_at, quiet_until: now, listens: false };
        Sent::Advert
    }

    fn initialize(&mut self, now: u64, input: Input) -> Sent {
        match input {
            Input::Startup => self.begin(now),
            Input::Resume(at) if self.deviates(ROW_RESUME) => {
                let advert_at = (at + self.rules.interval).max(now);
                self.state = State::Active { advert_at, quiet_until: now, listens: false };
                Sent::Nothing
            }
            Input::Join if self.deviates(ROW_GROUP) => self.activate(now),
            Input::Lost(_) if self.deviates(ROW_FAULT) => {
                self.state = State::Fault;
                Sent::Nothing
            }
            Input::Resume(_)
            | Input::Advert { .. }
            | Input::Timer
            | Input::Wait
            | Input::Join
            | Input::Follow
            | Input::Lost(_)
            | Input::Found
            | Input::Release
            | Input::Shutdown => Sent::Nothing,
        }
    }

    fn fault(&mut self, now: u64, input: Input) -> Sent {
        match input {
            Input::Found if self.deviates(ROW_FAULT) => self.begin(now),
            Input::Shutdown => {
                self.state = State::Initialize;
                Sent::Nothing
            }
            Input::Startup
            | Input::Resume(_)
            | Input::Advert { .. }
            | Input::Timer
            | Input::Wait
            | Input::Join
            | Input::Follow
            | Input::Lost(_)
            | Input::Found
            | Input::Release => Sent::Nothing,
        }
    }

    fn backup(&mut self, now: u64, input: Input) -> Sent {
        let State::Backup { down_at, endured_until, yields, waits } = self.state else {
            return Sent::Nothing;
        };
        match input {
            Input::Shutdown => self.state = State::Initialize,
            Input::Timer if now >= down_at => return self.activate(now),
            Input::Wait if now >= down_at && self.deviates(ROW_GROUP) => {
                self.state = State::Backup { down_at, endured_until, yields, waits: true };
            }
            Input::Advert { priority: 0, .. } => {
                let row = if self.rules.version == 2 { ROW_SKEW_V2 } else { ROW_ZERO_BACKUP };
                let mut at = now + self.skew();
                if down_at < at && self.deviates(row) {
                    at = down_at;
                }
                self.state = State::Backup { down_at: at, endured_until: None, yields, waits };
            }
            Input::Advert { priority, interval, .. } => {
                let is_lower = priority < self.rules.priority;
                let until = endured_until.unwrap_or(now + self.rules.delay);
                let mut counts = !self.rules.preempt || !is_lower;
                if !counts && now < until && self.deviates(ROW_DELAY) {
                    counts = true;
                }
                if !counts && yields && self.deviates(ROW_RELEASE) {
                    counts = true;
                }
                let mut at = down_at;
                if counts {
                    if self.rules.version == 3 {
                        self.active_interval = interval;
                    }
                    at = now + self.down();
                }
                let endured_until = is_lower.then_some(until);
                let waits = waits && !counts;
                self.state = State::Backup { down_at: at, endured_until, yields, waits };
            }
            Input::Release if self.deviates(ROW_RELEASE) => {
                self.become_backup(now + self.down(), true);
            }
            Input::Lost(_) if self.deviates(ROW_FAULT) => self.state = State::Fault,
            Input::Startup
            | Input::Resume(_)
            | Input::Timer
            | Input::Wait
            | Input::Join
            | Input::Follow
            | Input::Lost(_)
            | Input::Found
            | Input::Release => {}
        }
        Sent::Nothing
    }

    fn active(&mut self, now: u64, input: Input) -> Sent {
        match input {
            Input::Shutdown => {
                self.state = State::Initialize;
                Sent::Resignation
            }
            Input::Timer => self.adver_timer(now),
            Input::Advert { priority, interval, source, local } => {
                self.active_hears(now, priority, interval, source, local)
            }
            Input::Release if self.deviates(ROW_RELEASE) => {
                self.become_backup(now + self.down(), true);
                Sent::Resignation
            }
            Input::Follow if self.deviates(ROW_GROUP) => {
                self.become_backup(now + self.down(), false);
                Sent::Resignation
            }
            Input::Lost(can_send) if self.deviates(ROW_FAULT) => {
                self.state = State::Fault;
                if can_send { Sent::Resignation } else { Sent::Nothing }
            }
            Input::Startup | Input::Resume(_) | Input::Lost(_) | Input::Found => Sent::Nothing,
            Input::Wait | Input::Join | Input::Follow | Input::Release => Sent::Nothing,
        }
    }

    fn adver_timer(&mut self, now: u64) -> Sent {
        let State::Active { advert_at, quiet_until, listens } = self.state else {
            return Sent::Nothing;
        };
        let interval = self.rules.interval;
        if listens {
            if now < advert_at {
                return Sent::Nothing;
            }
        } else if now < advert_at {
            let early = (interval / 64).min(1_000_000);
            if now + early < advert_at || !self.deviates(ROW_EARLY) {
                return Sent::Nothing;
            }
        } else if now - advert_at >= 2 * interval && self.deviates(ROW_STALL) {
            let advert_at = now + interval + self.skew();
            self.state = State::Active { advert_at, quiet_until, listens: true };
            return Sent::Nothing;
        }
        // The next one is due one interval after this one was, however late it is.
        let planned = advert_at.min(now) + interval;
        let next = if planned > now { planned } else { now + interval };
        self.state = State::Active { advert_at: next, quiet_until, listens: false };
        Sent::Advert
    }

    fn active_hears(
        &mut self,
        now: u64,
        priority: u8,
        interval: u64,
        source: IpAddr,
        local: IpAddr,
    ) -> Sent {
        let State::Active { advert_at, quiet_until, listens } = self.state else {
            return Sent::Nothing;
        };
        let own = self.rules.priority;
        if priority > own || (priority == own && priority != 0 && source > local) {
            if self.rules.version == 3 {
                self.active_interval = interval;
            }
            self.become_backup(now + self.down(), false);
            return Sent::Nothing;
        }
        let held = listens || now < quiet_until;
        let until = now + self.rules.interval;
        if priority == 0 {
            if held && self.deviates(ROW_ZERO_MASTER) {
                return Sent::Nothing;
            }
            self.state = State::Active { advert_at: until, quiet_until: until, listens };
            return Sent::Advert;
        }
        if priority == own && source == local && self.deviates(ROW_SAME) {
            return Sent::Nothing;
        }
        if self.rules.version == 2 && !self.deviates(ROW_LOWER_V2) {
            return Sent::Nothing;
        }
        if held && self.deviates(ROW_LOWER) {
            return Sent::Nothing;
        }
        let mut at = advert_at;
        if self.deviates(ROW_REPLY_TIMER) {
            at = until;
        }
        self.state = State::Active { advert_at: at, quiet_until: until, listens };
        Sent::Advert
    }
}
