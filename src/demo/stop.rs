//! Why a demo ends before its end.

use std::io;

use crate::lab::Fault;

#[derive(Debug)]
pub(super) enum Stop {
    /// The user wants it.
    Interrupted,
    /// Nobody reads what we write.
    Unread,
    /// The lab could not be built or used.
    Fault(Fault),
    /// What a step was to bring about did not come about.
    Missed(String),
    /// A router's program ended by itself.
    Ended {
        /// Which.
        router: String,
        /// Its exit status.
        status: i32,
    },
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

impl From<io::Error> for Stop {
    /// The only IO that is not the lab's is the screen's.
    fn from(_: io::Error) -> Self {
        Stop::Unread
    }
}
