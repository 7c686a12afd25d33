//! What a client of the control socket may ask: a line of words.

use crate::config::network::MARK;
#[cfg(feature = "console")]
use crate::status::{Page, View};

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
    /// `reload`, `reload PATH`, `reload @wan=eth1 @lan=br-lan PATH`.
    Reload {
        /// Networks with the devices that they have now, each behind its mark.
        networks: &'a str,
        /// Another blob than the one that is in force.
        path: Option<&'a str>,
    },
    /// `release`, `release INSTANCE`; `console-release`, `console-release INSTANCE`.
    Release {
        /// The instance's name; none: all.
        instance: Option<&'a str>,
        /// Whoever asks is at a console, which may be in anybody's reach.
        at_console: bool,
    },
    /// `screen PAGE FIRST ROWS COLUMNS`: a page for a console, in builds that have consoles.
    #[cfg(feature = "console")]
    Screen(View),
    /// `follow PID AFTER COUNT`: answered as soon as there is something to tell.
    Follow(Follow),
    /// `version`.
    Version,
}

/// Somebody who wants to be told of transitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Follow {
    /// The daemon that `after` is about. What is known of another one is nothing.
    pub pid: u32,
    /// Transitions before this number are known.
    pub after: u64,
    /// The most lines to be told, the latest ones.
    pub count: usize,
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
        #[cfg(feature = "console")]
        ("screen", _) => view(rest).map(Question::Screen).ok_or("screen PAGE FIRST ROWS COLUMNS"),
        ("follow", _) => follow(rest).map(Question::Follow).ok_or("follow PID AFTER COUNT"),
        ("reload", _) => Ok(reload(rest)),
        ("release", _) => Ok(Question::Release { instance: argument, at_console: false }),
        #[cfg(feature = "console")]
        ("console-release", _) => Ok(Question::Release { instance: argument, at_console: true }),
        _ => {
            Err("unknown request; known are status, log, screen, follow, reload, release, version")
        }
    }
}

fn reload(rest: &str) -> Question<'_> {
    let mut path = rest;
    while path.starts_with(MARK) {
        path = path.split_once(char::is_whitespace).map_or("", |(_, behind)| behind.trim_start());
    }
    let networks = rest.strip_suffix(path).unwrap_or(rest);
    Question::Reload { networks, path: Some(path).filter(|path| !path.is_empty()) }
}

#[cfg(feature = "console")]
fn view(text: &str) -> Option<View> {
    let mut words = text.split_ascii_whitespace();
    let page = Page::of(words.next()?)?;
    let mut number = || words.next()?.parse().ok();
    let view = View { page, first: number()?, rows: number()?, columns: number()? };
    words.next().is_none().then_some(view)
}

fn follow(text: &str) -> Option<Follow> {
    let mut words = text.split_ascii_whitespace();
    let follow = Follow {
        pid: words.next()?.parse().ok()?,
        after: words.next()?.parse().ok()?,
        count: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(follow)
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
        let reload = |networks, path| Ok(Question::Reload { networks, path });
        assert_eq!(parse(b"reload"), reload("", None));
        let path = Some("/etc/my router.rwb");
        assert_eq!(parse(b"reload /etc/my router.rwb"), reload("", path));
        assert_eq!(parse(b"reload @wan=eth1"), reload("@wan=eth1", None));
        assert_eq!(parse(b"reload @a=b @c= /etc/my router.rwb"), reload("@a=b @c= ", path));
        let view = View { page: Page::Peers, first: 40, rows: 23, columns: 79 };
        assert_eq!(parse(b"screen peers 40 23 79"), Ok(Question::Screen(view)));
        let follow = Follow { pid: 4711, after: 17, count: 32 };
        assert_eq!(parse(b"follow 4711 17 32"), Ok(Question::Follow(follow)));
        let instance = Some("VI_1");
        let released = |at_console| Ok(Question::Release { instance, at_console });
        assert_eq!(parse(b"release VI_1"), released(false));
        assert_eq!(parse(b"console-release VI_1"), released(true));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [&b""[..], b"statusjson", b"status xml", b"version 2", b"\xff\xfe", b"STATUS"] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        for line in
            ["screen", "screen cells 0 24 79", "screen peers 0 24", "screen peers 0 24 79 1"]
        {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
        for line in ["follow", "follow 1 2", "follow 1 -2 3", "follow 1 2 3 4"] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
