//! What a built-in check has found.

use core::fmt;

/// How one look at a service ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Everything is as it should be.
    Fine,
    /// Nobody accepts connections there.
    Refused,
    /// There is no way there.
    Unreachable,
    /// It hung up before it answered.
    Closed,
    /// It answers in something else than HTTP.
    NotHttp,
    /// It answers with another status.
    Status(u16),
    /// There are so many processes.
    Processes(u16),
    /// There is no such route, or no such address.
    Absent,
    /// The file has this number.
    Number(i32),
    /// There is no such file: as if it had a zero.
    NoFile,
    /// The file does not begin with a number: as if it had a zero.
    NoNumber,
    /// The number in the file is none of 32 bits: as if it had not been written.
    OutOfRange,
    /// The kernel refused: errno.
    Errno(u16),
}

impl Finding {
    /// The number that a file counts as; none: as the one before.
    pub const fn number(self) -> Option<i32> {
        match self {
            Finding::Number(number) => Some(number),
            Finding::NoFile | Finding::NoNumber | Finding::Errno(_) => Some(0),
            Finding::OutOfRange
            | Finding::Fine
            | Finding::Absent
            | Finding::Refused
            | Finding::Unreachable
            | Finding::Closed
            | Finding::NotHttp
            | Finding::Status(_)
            | Finding::Processes(_) => None,
        }
    }
}

impl Finding {
    /// The kernel refused, with this errno.
    pub fn errno(errno: i32) -> Self {
        Finding::Errno(number_of(errno))
    }
}

/// An errno as it is kept: they are small, and positive.
pub(super) fn number_of(errno: i32) -> u16 {
    u16::try_from(errno).unwrap_or(0)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Fine => f.write_str("fine"),
            Finding::Refused => f.write_str("connection refused"),
            Finding::Unreachable => f.write_str("unreachable"),
            Finding::Closed => f.write_str("closed without an answer"),
            Finding::NotHttp => f.write_str("the answer is not HTTP"),
            Finding::Status(status) => write!(f, "status {status}"),
            Finding::Processes(1) => f.write_str("1 process"),
            Finding::Processes(count) => write!(f, "{count} processes"),
            Finding::Absent => f.write_str("not there"),
            Finding::Number(number) => write!(f, "{number}"),
            Finding::NoFile => f.write_str("no such file"),
            Finding::NoNumber => f.write_str("no number in it"),
            Finding::OutOfRange => f.write_str("a number out of range, ignored"),
            Finding::Errno(errno) => write!(f, "refused (errno {errno})"),
        }
    }
}
