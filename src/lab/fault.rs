//! What can go wrong when a segment is built, and the way out.

use std::fmt;
use std::io;

/// Something that the lab could not do: what, why, and what to do about it.
#[derive(Debug)]
pub struct Fault {
    doing: String,
    error: io::Error,
    cure: Option<&'static str>,
}

/// What the lab's functions return.
pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// `doing` completes the sentence "cannot …".
    pub fn new(doing: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Fault { doing: doing.into(), error: error.into(), cure: None }
    }

    /// The same, with the way out.
    pub fn with_cure(mut self, cure: &'static str) -> Self {
        self.cure = Some(cure);
        self
    }

    /// Nothing happened within the deadline.
    pub fn timeout(waiting_for: impl fmt::Display) -> Self {
        Fault::new(
            format!("see {waiting_for}"),
            io::Error::new(io::ErrorKind::TimedOut, "did not happen within its deadline"),
        )
    }

    /// Whether the kernel said that we may not, or that it cannot: there is nothing to be found
    /// wrong with ringward itself.
    pub fn is_privilege(&self) -> bool {
        matches!(
            self.error.raw_os_error(),
            Some(libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EUSERS | libc::EOPNOTSUPP)
        )
    }

    /// What to do about it, where that is known.
    pub fn cure(&self) -> Option<&'static str> {
        self.cure
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.error)?;
        match self.cure {
            Some(cure) => write!(f, "\n{cure}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
