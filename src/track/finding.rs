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
    /// The kernel refused: errno.
    Errno(u16),
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
            Finding::Errno(errno) => write!(f, "refused (errno {errno})"),
        }
    }
}
