//! How long things took, beside what the protocol promises.

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// I4: two nodes of a healed core had the addresses of a virtual router.
    TwoOwners,
    /// I5: from the crash of a master until another node had its addresses.
    AfterCrash,
    /// I5: the same after a resignation.
    AfterResignation,
}

impl What {
    /// All of them.
    pub const ALL: [What; 3] = [What::TwoOwners, What::AfterCrash, What::AfterResignation];

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            What::TwoOwners => "two owners in a healed core",
            What::AfterCrash => "from a crash to a new owner",
            What::AfterResignation => "from a resignation to a new owner",
        }
    }

    /// How long it takes by the RFC, with a network and a kernel that take no time.
    pub const fn theory(self) -> &'static str {
        match self {
            What::TwoOwners => "an advert interval",
            What::AfterCrash => "the master-down interval of the best backup",
            What::AfterResignation => "the skew time of the best backup",
        }
    }
}

/// One measurement, in virtual nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Of what.
    pub what: What,
    /// How long it took.
    pub took: u64,
    /// See [`What::theory`].
    pub theory: u64,
}

/// A virtual router whose next owner is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) vrid: u8,
    pub(super) what: What,
    pub(super) since: u64,
    pub(super) theory: u64,
}
