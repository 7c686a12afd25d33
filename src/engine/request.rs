//! The difference between what should be in the kernel and what is, as netlink requests.

use heapless::Vec;

use super::{Address, Engine, Owned, Presence, Request, RequestKind};
use crate::addr::Family;
use crate::limits::NETLINK_BATCH_MAX;
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event};
use crate::vrrp::timing;
use crate::wire::rtnl::{self, AddressRequest, Dump};

/// An answer that has not come by then is taken for lost, and everything is read again. The kernel
/// answers before the write of a request returns, so what is late is lost, or the kernel is busy:
/// the patience doubles up to the second value while nothing at all is answered. The shortest lease
/// has 5 s left when it is renewed: two lost answers in a row do it no harm.
const PATIENCE_MIN: Span = Span::from_secs(1);
const PATIENCE_MAX: Span = Span::from_secs(4);

/// How long a refused request waits for its next try.
const RETRY_INTERVAL: Span = Span::from_secs(1);

/// How long an instance whose addresses were all refused stays in FAULT.
const REFUSED_INTERVAL: Span = Span::from_secs(10);

/// What is known of the conversation with the kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Something may have to be asked for.
    pub(super) dirty: bool,
    /// The tables are to be read again.
    pub(super) dump_wanted: bool,
    /// Messages were lost since the last dump began.
    pub(super) news_lost: bool,
    dump: Reading,
    /// When the patience with the dump that is being read ends; otherwise not before this is the
    /// next one asked for.
    dump_at: Instant,
    /// How many answers in a row have not come. Half of a dump does not count: a kernel that is too
    /// slow for the patience must not be too slow for every other half.
    silences: u32,
    pending: Vec<Pending, NETLINK_BATCH_MAX>,
    sequence: u32,
    /// The port of the socket that requests leave through.
    pub(super) port: u32,
    /// When a renewal, a retry or the patience with an answer is due.
    pub(super) due: Option<Instant>,
    /// Messages that could not be read.
    pub(super) malformed: u64,
    /// How often messages were lost.
    pub(super) overruns: u64,
    pub(super) released_left: bool,
    cursor: usize,
}

/// How far the reading of the tables has come: links first, because addresses refer to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    Nothing,
    Links(u32),
    LinksRead,
    Addresses(u32),
}

/// A request that the kernel has not answered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    sequence: u32,
    row: u16,
    asked: Asked,
    /// The news since then says otherwise than its answer will, and may be older or newer.
    disputed: bool,
    /// The address has been announced, because its own news was read before its answer.
    announced: bool,
    until: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// To add the address, with this lifetime in seconds.
    Add(Option<u32>),
    /// To set the lifetime of the address that is there already.
    Renew(Option<u32>),
    Remove,
    /// To remove it where [`Address::left_on`] says.
    RemoveStray,
    /// To add an address to an interface that is gone; one with its number may have got it.
    Gone,
}

impl Kernel {
    pub(super) const fn new() -> Self {
        Kernel {
            dirty: false,
            dump_wanted: false,
            news_lost: false,
            dump: Reading::Nothing,
            dump_at: Instant::ZERO,
            silences: 0,
            pending: Vec::new(),
            sequence: 0,
            port: 0,
            due: None,
            malformed: 0,
            overruns: 0,
            released_left: false,
            cursor: 0,
        }
    }

    /// Whether the tables are being read, or about to be.
    pub(super) fn is_dumping(&self) -> bool {
        self.dump_wanted || self.dump != Reading::Nothing
    }

    /// Whether the tables are being read.
    pub(super) fn is_reading(&self) -> bool {
        self.dump != Reading::Nothing
    }

    /// Whether a message with this sequence number is part of the dump that is being read.
    pub(super) fn is_part_of_dump(&self, sequence: u32) -> bool {
        match self.dump {
            Reading::Links(own) | Reading::Addresses(own) => own == sequence,
            Reading::LinksRead | Reading::Nothing => false,
        }
    }

    /// A part of the dump that is being read has come: its rest is waited for.
    pub(super) fn dump_goes_on(&mut self, now: Instant) {
        self.dump_at = now + self.patience();
    }

    /// How long the next answer is waited for.
    fn patience(&self) -> Span {
        PATIENCE_MIN.times(1 << self.silences.min(2)).min(PATIENCE_MAX)
    }

    /// Whether a request about this row waits for its answer.
    pub(super) fn is_asked(&self, row: u16) -> bool {
        self.pending.iter().any(|asked| asked.row == row)
    }

    /// The scan for what is wanted begins anew.
    pub(super) fn restart(&mut self) {
        self.dirty = true;
        self.cursor = 0;
    }

    /// The interface of these rows is gone: no answer tells anything about its successor.
    pub(super) fn forget(&mut self, is_of: impl Fn(u16) -> bool) {
        let removes = |asked| matches!(asked, Asked::Remove | Asked::RemoveStray);
        self.pending.retain(|asked| !is_of(asked.row) || !removes(asked.asked));
        for asked in self.pending.iter_mut().filter(|asked| is_of(asked.row)) {
            asked.asked = Asked::Gone;
        }
    }

    /// News of an address while a request about it is under way.
    pub(super) fn heard(&mut self, row: u16, present: bool) {
        for asked in self.pending.iter_mut().filter(|asked| asked.row == row) {
            if let (false, Asked::Renew(lease)) = (present, asked.asked) {
                // It was lost: the renewal adds it.
                asked.asked = Asked::Add(lease);
            }
            asked.disputed = match asked.asked {
                Asked::Remove => present,
                Asked::Add(_) | Asked::Renew(_) | Asked::Gone => !present,
                Asked::RemoveStray => false,
            };
        }
    }

    /// A reload has moved the rows: the answers still to come are for the new ones.
    pub(super) fn renumber(&mut self, moved_to: impl Fn(u16) -> u16) {
        for asked in &mut self.pending {
            asked.row = moved_to(asked.row);
        }
    }
}

/// What one row wants of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Nothing,
    Add,
    Remove,
    RemoveStray,
}

impl Engine {
    /// The next netlink request, written into `buffer`. `None` while nothing is wanted, while
    /// [`NETLINK_BATCH_MAX`] requests wait for their acknowledgement, while a dump is read, and
    /// until a reload has taken effect.
    pub fn next_request(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Request> {
        if self.reloading {
            // What an instance gives up that goes may be another's with the new tables.
            return None;
        }
        match self.kernel.dump {
            Reading::Links(_) | Reading::Addresses(_) => return self.wait(now),
            Reading::LinksRead => return self.request_dump(now, Dump::Addresses, buffer),
            // Alone on the way: what a request changes meanwhile would make the tables doubtful.
            Reading::Nothing if self.kernel.dump_wanted => {
                if !self.kernel.pending.is_empty() || now < self.kernel.dump_at {
                    return self.wait(now);
                }
                self.kernel.dump_wanted = false;
                self.dump_begins();
                return self.request_dump(now, Dump::Links, buffer);
            }
            Reading::Nothing => {}
        }
        if !self.kernel.dirty || self.kernel.pending.is_full() {
            return self.wait(now);
        }
        while let Some(row) = self.addresses.get(self.kernel.cursor) {
            let number = self.kernel.cursor;
            let want = self.want(now, row);
            if want == Want::Nothing {
                self.kernel.cursor += 1;
                continue;
            }
            let request = self.request_address(now, number, want, buffer);
            self.kernel.cursor += 1;
            if request.is_some() {
                return request;
            }
        }
        self.kernel.cursor = 0;
        self.kernel.dirty = false;
        self.plan_requests(now);
        None
    }

    /// Nothing can be asked for now; patience and plans end all the same.
    fn wait(&mut self, now: Instant) -> Option<Request> {
        if self.kernel.due.is_none_or(|due| due <= now) {
            self.plan_requests(now);
        }
        None
    }

    /// What is to be done about an address now.
    fn want(&self, now: Instant, row: &Address) -> Want {
        let exists = self
            .interfaces
            .get(usize::from(row.interface))
            .is_some_and(|interface| interface.index.is_some());
        if row.pending || row.retry_at.is_some_and(|at| now < at) {
            return Want::Nothing;
        }
        if row.stray {
            return Want::RemoveStray;
        }
        if !exists {
            return Want::Nothing;
        }
        let router = row.instance().and_then(|index| self.routers.get(usize::from(index)));
        let is_master = router.is_some_and(|router| router.fsm.is_master());
        match row.presence {
            Presence::Foreign => Want::Nothing,
            Presence::Ours if !is_master => Want::Remove,
            Presence::Ours if row.renew_at.is_some_and(|at| at <= now) => Want::Add,
            Presence::Ours => Want::Nothing,
            Presence::Absent if router.is_some_and(|router| router.fsm.may_claim()) => Want::Add,
            // In doubt: the kernel's answer says that it is gone, or makes it so.
            Presence::Absent if row.claimed && !is_master => Want::Remove,
            Presence::Absent => Want::Nothing,
        }
    }

    fn request_address(
        &mut self,
        now: Instant,
        number: usize,
        want: Want,
        buffer: &mut [u8],
    ) -> Option<Request> {
        let add = want == Want::Add;
        let lifetime = if add { self.lease_of(number) } else { None };
        let row = self.addresses.get_mut(number)?;
        let interface = match want {
            Want::RemoveStray => row.left_on?,
            Want::Nothing | Want::Add | Want::Remove => {
                self.interfaces.get(usize::from(row.interface))?.index?
            }
        };
        let label = self.config.addresses.get(number).map_or("", |address| address.label.as_str());
        let request = AddressRequest {
            add,
            index: interface,
            ip: row.ip,
            prefix_len: row.prefix_len,
            label: if row.instance().is_some() { label } else { "" },
            lifetime_secs: lifetime,
            proto: super::ADDRESS_PROTO,
        };
        self.kernel.sequence = self.kernel.sequence.wrapping_add(1);
        let sequence = self.kernel.sequence;
        let len = rtnl::emit_address(&request, sequence, buffer)?;
        let number = u16::try_from(number).ok()?;
        let asked = match (want, row.presence) {
            (Want::Nothing, _) => return None,
            (Want::Remove, _) => Asked::Remove,
            (Want::RemoveStray, _) => Asked::RemoveStray,
            (Want::Add, Presence::Ours) => Asked::Renew(lifetime),
            (Want::Add, Presence::Absent | Presence::Foreign) => Asked::Add(lifetime),
        };
        let until = now + self.kernel.patience();
        let pending =
            Pending { sequence, row: number, asked, disputed: false, announced: false, until };
        self.kernel.pending.push(pending).ok()?;
        row.pending = true;
        row.retry_at = None;
        if add {
            // The journal is told of it anew, and must not forget it right after.
            row.released = false;
            row.noted = true;
            row.addition_echoing = true;
        } else if asked == Asked::Remove {
            row.removals_echoing = row.removals_echoing.saturating_add(1);
        }
        let owned = Owned { interface, ip: row.ip, prefix_len: row.prefix_len };
        let kind = if add { RequestKind::Add(owned) } else { RequestKind::Remove(owned) };
        self.earliest_request(until);
        Some(Request { len, kind })
    }

    /// The lifetime of an address in seconds: the larger of 10 s and four master-down intervals,
    /// rounded up. Only where its expiry takes no other address along: host prefixes and
    /// secondaries.
    pub(super) fn lease_of(&self, number: usize) -> Option<u32> {
        let row = self.addresses.get(number)?;
        let config = self.config.instances.get(usize::from(row.instance()?))?;
        let is_host = row.prefix_len == Family::of(row.ip).host_len();
        if !self.leases || !(is_host || row.secondary) {
            return None;
        }
        let down = timing::master_down(config.version, config.priority, config.interval);
        let span = down.times(4) + Span::from_nanos(999_999_999);
        u32::try_from(span.as_secs().max(10)).ok()
    }

    fn request_dump(&mut self, now: Instant, dump: Dump, buffer: &mut [u8]) -> Option<Request> {
        self.kernel.sequence = self.kernel.sequence.wrapping_add(1);
        let sequence = self.kernel.sequence;
        let len = rtnl::emit_dump(dump, sequence, buffer)?;
        self.kernel.dump = match dump {
            Dump::Links => Reading::Links(sequence),
            Dump::Addresses => Reading::Addresses(sequence),
        };
        self.kernel.dump_goes_on(now);
        self.earliest_request(self.kernel.dump_at);
        Some(Request { len, kind: RequestKind::Dump })
    }

    /// The end of a dump. Answers whether the instances' health may have changed.
    pub(super) fn dump_done(&mut self, now: Instant, sequence: u32, errno: i32) -> bool {
        match self.kernel.dump {
            Reading::Links(own) if own == sequence => self.kernel.dump = Reading::LinksRead,
            Reading::Addresses(own) if own == sequence => {
                self.kernel.dump = Reading::Nothing;
                self.kernel.dump_at = now;
                self.kernel.silences = 0;
                if errno == 0 && !self.kernel.dump_wanted {
                    self.dump_ends(now);
                }
            }
            Reading::Nothing | Reading::Links(_) | Reading::LinksRead | Reading::Addresses(_) => {
                return false;
            }
        }
        if errno != 0 {
            self.kernel.dump = Reading::Nothing;
            self.kernel.dump_wanted = true;
            self.kernel.dump_at = now + RETRY_INTERVAL;
            self.earliest_request(now + RETRY_INTERVAL);
        }
        true
    }

    /// The kernel's answer to a request. Answers whether the instances' health may have changed.
    pub(super) fn acknowledged(&mut self, now: Instant, sequence: u32, errno: i32) -> bool {
        let Some(at) = self.kernel.pending.iter().position(|asked| asked.sequence == sequence)
        else {
            // A dump that was refused is answered like this as well.
            return errno != 0 && self.dump_done(now, sequence, errno);
        };
        let asked = self.kernel.pending.swap_remove(at);
        self.kernel.silences = 0;
        self.kernel.restart();
        let Some(row) = self.addresses.get_mut(usize::from(asked.row)) else { return false };
        self.kernel.released_left |= row.left_on.is_some();
        if asked.asked == Asked::Gone {
            // Done, it may be a successor that has it, known by now or not.
            row.claimed &= row.is_present() || errno == 0;
            row.addition_echoing &= errno == 0;
            let known = self.interfaces.get(usize::from(row.interface)).and_then(|i| i.index);
            row.stray |= errno == 0 && row.left_on.is_some() && row.left_on != known;
            return false;
        }
        if asked.asked == Asked::RemoveStray {
            row.pending = false;
            row.stray = errno != 0 && !is_gone(errno);
            row.addition_echoing &= row.stray;
            row.retry_at = row.stray.then_some(now + RETRY_INTERVAL);
            return false;
        }
        if asked.disputed && (errno == 0 || is_gone(errno)) {
            self.kernel.dump_wanted = true;
            if asked.asked != Asked::Remove && errno == 0 {
                // The dump is its answer.
                row.claimed = true;
                return false;
            }
        }
        row.pending = false;
        match asked.asked {
            Asked::Add(lease) => {
                return self.added(now, asked.row, errno, lease, asked.announced);
            }
            Asked::Renew(lease) => return self.added(now, asked.row, errno, lease, true),
            Asked::Remove | Asked::RemoveStray | Asked::Gone => {}
        }
        if errno == 0 || is_gone(errno) {
            if errno != 0 {
                row.removals_echoing = row.removals_echoing.saturating_sub(1);
            }
            row.release();
            self.kernel.released_left = true;
        } else {
            // What was taken for the news of this removal was of another one.
            self.kernel.dump_wanted |= row.removals_echoing == 0;
            row.removals_echoing = row.removals_echoing.saturating_sub(1);
            row.retry_at = Some(now + RETRY_INTERVAL);
        }
        false
    }

    /// News of an address, caused by the request of that number from that port. If it is one of
    /// ours to add it, the kernel has accepted that: the answer, which only follows when its routes
    /// are made, is not waited for to announce it. IPv6 has no such numbers.
    pub(super) fn accepted(&mut self, port: u32, sequence: u32) {
        if port != self.kernel.port {
            return;
        }
        let is_its_own = |asked: &&mut Pending| {
            asked.sequence == sequence && matches!(asked.asked, Asked::Add(_)) && !asked.announced
        };
        let Some(asked) = self.kernel.pending.iter_mut().find(is_its_own) else { return };
        let number = asked.row;
        if self.addresses.get(usize::from(number)).is_some_and(Address::is_present) {
            asked.announced = true;
            self.announce_installed(number);
        }
    }

    fn added(
        &mut self,
        now: Instant,
        number: u16,
        errno: i32,
        lease: Option<u32>,
        announced: bool,
    ) -> bool {
        let leasable = self.lease_of(usize::from(number)).is_some();
        let Some(row) = self.addresses.get_mut(usize::from(number)) else { return false };
        if errno != 0 {
            if row.refused != Some(errno) {
                self.events.push(Event::AddressRefused { address: number, errno });
            }
            row.refused = Some(errno);
            row.addition_echoing = false;
            // Nothing has come of it: the journal need not name it until the next try.
            row.released |= !row.claimed;
            self.kernel.released_left = true;
            row.retry_at = Some(now + RETRY_INTERVAL);
            let instance = row.instance;
            return self.all_refused(now, usize::from(instance));
        }
        row.refused = None;
        row.claim();
        row.renew_at = match lease {
            // At half its life, so that one lost renewal does no harm.
            Some(secs) => Some(now + Span::from_secs(u64::from(secs)).over(2)),
            // Known to be a secondary only since it was asked for.
            None => leasable.then_some(now),
        };
        if !announced {
            self.announce_installed(number);
        }
        false
    }

    /// A master none of whose addresses the kernel takes serves nobody: it goes to FAULT, so that
    /// another router becomes master, and tries again later.
    fn all_refused(&mut self, now: Instant, index: usize) -> bool {
        let refused = self.rows_of(index).all(|row| row.refused.is_some() && !row.is_present());
        if let (true, Some(router)) = (refused, self.routers.get_mut(index)) {
            router.barred = Some((now + REFUSED_INTERVAL, Cause::AddressRefused));
            // It may be in FAULT already, for another reason that ends earlier.
            self.touch(index);
        }
        refused
    }

    /// Whether requests wait for the kernel's answer, and announcements perhaps for that.
    pub fn awaits_answers(&self) -> bool {
        !self.kernel.pending.is_empty()
    }

    /// Whether the tables of the kernel have been read to their end: nothing is judged by half of
    /// them.
    pub fn knows_kernel(&self) -> bool {
        !self.kernel.is_dumping()
    }

    /// An address that the kernel has confirmed to be gone: the journal may forget it.
    pub fn next_released(&mut self) -> Option<Owned> {
        if !self.kernel.released_left {
            return None;
        }
        for (number, row) in (0..).zip(&mut self.addresses) {
            let known = self.interfaces.get(usize::from(row.interface)).and_then(|i| i.index);
            if let Some(interface) = row.next_released(known, self.kernel.is_asked(number)) {
                return Some(Owned { interface, ip: row.ip, prefix_len: row.prefix_len });
            }
        }
        self.kernel.released_left = false;
        None
    }

    /// Serves what is due of retries, renewals and lost answers.
    pub(super) fn expire_requests(&mut self, now: Instant) {
        if self.kernel.due.is_none_or(|due| now < due) {
            return;
        }
        let overdue = self.kernel.pending.iter().any(|asked| asked.until <= now);
        if overdue {
            // Their rows stay pending until a dump or the news has told what became of them.
            self.kernel.pending.clear();
        }
        let is_read = self.kernel.dump != Reading::Nothing;
        if overdue || (is_read && self.kernel.dump_at <= now) {
            self.kernel.dump = Reading::Nothing;
            self.kernel.silences = self.kernel.silences.saturating_add(1);
            self.observe_overrun(now);
        }
        // The others are still waited for, even if there is no room to ask for more.
        self.kernel.due = self.kernel.pending.iter().map(|asked| asked.until).min();
        self.kernel.restart();
    }

    fn earliest_request(&mut self, at: Instant) {
        self.kernel.due = Some(self.kernel.due.map_or(at, |due| due.min(at)));
    }

    /// When anything of this file is due next. What was due before and found nothing to ask for
    /// (a retry of an instance that is no longer master) is not due again.
    fn plan_requests(&mut self, now: Instant) {
        let rows = self.addresses.iter().flat_map(|row| {
            let renewal = row.renew_at.filter(|_| row.presence == Presence::Ours);
            [row.retry_at, renewal.filter(|_| !row.pending)]
        });
        let rows = rows.filter(|at| at.is_some_and(|at| now < at));
        let answers = self.kernel.pending.iter().map(|asked| Some(asked.until));
        let dump = self.kernel.is_dumping().then_some(self.kernel.dump_at);
        let dump = dump.filter(|at| now < *at);
        self.kernel.due = rows.chain(answers).chain([dump]).flatten().min();
    }
}

/// Whether the kernel says that there was nothing to remove: EADDRNOTAVAIL (99), ENODEV (19); 126
/// and the like of other architectures end in another try instead.
const fn is_gone(errno: i32) -> bool {
    errno == 99 || errno == 19
}
