//! What a client of the control socket may ask: a line of words.

/// What a client asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question<'a> {
    /// `status`, `status json`.
    Status {
        /// For machines.
        json: bool,
    },
    /// `log`, `log json`.
    Log {
        /// For machines.
        json: bool,
    },
    /// `reload`, `reload PATH`.
    Reload {
        /// Another blob than the one that is in force.
        path: Option<&'a str>,
    },
    /// `release`, `release INSTANCE`.
    Release {
        /// The instance's name; none: all.
        instance: Option<&'a str>,
    },
    /// `version`.
    Version,
}

/// Reads a request, its newline left out; or says what is wrong with it.
pub fn parse(line: &[u8]) -> Result<Question<'_>, &'static str> {
    let line = core::str::from_utf8(line).map_err(|_| "a request is UTF-8")?.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let argument = (!rest.is_empty()).then_some(rest);
    match (word, rest) {
        ("status", "" | "json") => Ok(Question::Status { json: !rest.is_empty() }),
        ("log", "" | "json") => Ok(Question::Log { json: !rest.is_empty() }),
        ("version", "") => Ok(Question::Version),
        ("reload", _) => Ok(Question::Reload { path: argument }),
        ("release", _) => Ok(Question::Release { instance: argument }),
        _ => Err("unknown request; known are status, log, reload, release, version"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_lines_of_words() {
        assert_eq!(parse(b"status"), Ok(Question::Status { json: false }));
        assert_eq!(parse(b" status  json \r"), Ok(Question::Status { json: true }));
        assert_eq!(parse(b"log json"), Ok(Question::Log { json: true }));
        assert_eq!(parse(b"version"), Ok(Question::Version));
        assert_eq!(parse(b"reload"), Ok(Question::Reload { path: None }));
        let path = Some("/etc/my router.rwb");
        assert_eq!(parse(b"reload /etc/my router.rwb"), Ok(Question::Reload { path }));
        let instance = Some("VI_1");
        assert_eq!(parse(b"release VI_1"), Ok(Question::Release { instance }));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [&b""[..], b"statusjson", b"status xml", b"version 2", b"\xff\xfe", b"STATUS"] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
