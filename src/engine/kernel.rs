//! The conversation with the kernel: what it was asked and has not answered, and how far the reading of
//! its tables has come.

use heapless::Vec;

use crate::limits::NETLINK_BATCH_MAX;
use crate::time::{Instant, Span};

/// An answer that has not come by then is taken for lost, and everything is read again. The kernel
/// answers before the write of a request returns, so what is late is lost, or the kernel is busy:
/// the patience doubles up to the second value while nothing at all is answered. The shortest lease
/// has 5 s left when it is renewed: two lost answers in a row do it no harm.
const PATIENCE_MIN: Span = Span::from_secs(1);
const PATIENCE_MAX: Span = Span::from_secs(4);

/// What is known of the conversation with the kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Something may have to be asked for.
    pub(super) dirty: bool,
    /// The tables are to be read again.
    pub(super) dump_wanted: bool,
    /// Messages were lost since the last dump began.
    pub(super) news_lost: bool,
    pub(super) dump: Reading,
    /// When the patience with the dump that is being read ends; otherwise not before this is the
    /// next one asked for.
    pub(super) dump_at: Instant,
    /// How many answers in a row have not come. Half of a dump does not count: a kernel that is too
    /// slow for the patience must not be too slow for every other half.
    pub(super) silences: u32,
    pub(super) pending: Vec<Pending, NETLINK_BATCH_MAX>,
    pub(super) sequence: u32,
    /// The port of the socket that requests leave through.
    pub(super) port: u32,
    /// When a renewal, a retry or the patience with an answer is due.
    pub(super) due: Option<Instant>,
    /// Messages that could not be read.
    pub(super) malformed: u64,
    /// How often messages were lost.
    pub(super) overruns: u64,
    pub(super) released_left: bool,
    pub(super) cursor: usize,
}

/// How far the reading of the tables has come: links first, because addresses refer to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    Nothing,
    Links(u32),
    LinksRead,
    Addresses(u32),
}

/// A request that the kernel has not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) sequence: u32,
    pub(super) row: u16,
    pub(super) asked: Asked,
    /// The news since then says otherwise than its answer will, and may be older or newer.
    pub(super) disputed: bool,
    /// The address has been announced, because its own news was read before its answer.
    pub(super) announced: bool,
    pub(super) until: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
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
    pub(super) fn patience(&self) -> Span {
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
