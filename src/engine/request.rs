//! The difference between what should be in the kernel and what is, as netlink requests.

use super::kernel::{Asked, Pending, Reading};
use super::{Address, Engine, Owned, Presence, Request, RequestKind};
use crate::addr::Family;
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event};
use crate::vrrp::timing;
use crate::wire::rtnl::{self, AddressRequest, Dump};

/// How long a refused request waits for its next try.
const RETRY_INTERVAL: Span = Span::from_secs(1);

/// How long an instance whose addresses were all refused stays in FAULT.
const REFUSED_INTERVAL: Span = Span::from_secs(10);

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
    /// [`crate::limits::NETLINK_BATCH_MAX`] requests wait for their acknowledgement, while a dump is read, and
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

/// Whether the kernel says that there was nothing to remove.
const fn is_gone(errno: i32) -> bool {
    matches!(errno, rtnl::EADDRNOTAVAIL | rtnl::ENODEV)
}
