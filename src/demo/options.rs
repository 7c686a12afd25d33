//! The command line of `ringward demo`.

use crate::time::Span;

/// What the user asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Options {
    /// Advertisement interval: a multiple of 10 ms.
    pub interval: Span,
    /// How many routers.
    pub nodes: u8,
    /// IPv6 instead of IPv4.
    pub ipv6: bool,
    /// Keep the segment at the end until interrupted.
    pub hold: bool,
}

/// Why there are no [`Options`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The user asked for [`USAGE`].
    Help,
    /// One line about what is wrong.
    Usage(String),
}

pub(super) const USAGE: &str = "\
usage: ringward demo [--interval TIME] [--nodes N] [--ipv6] [--hold]

Two routers and a client on a segment of their own, in namespaces: the master is
switched off, comes back, loses its daemon, and is stopped; the client never loses
its gateway for longer than the protocol needs to notice.

  --interval TIME  time between adverts, 10ms to 4s in steps of 10 ms [100ms]
  --nodes N        routers, 2 to 9 [2]
  --ipv6           IPv6 instead of IPv4
  --hold           keep the segment at the end, to look around, until Ctrl-C

Needs root, or a machine whose users may have user namespaces.
";

const NODES_MAX: u8 = 9;

/// The protocol knows longer intervals. But a dead daemon is started again after a second, and from
/// 5.12 s on its skew time is so much shorter than its peer's that it would win the race, with
/// nothing to be seen of the peer.
const CENTIS_MAX: u64 = 400;

impl Options {
    /// Reads the arguments behind `demo`.
    pub(super) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Refusal> {
        let mut options =
            Options { interval: Span::from_millis(100), nodes: 2, ipv6: false, hold: false };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let (name, attached) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let mut value = || {
                attached
                    .clone()
                    .or_else(|| arguments.next())
                    .ok_or_else(|| Refusal::Usage(format!("{name} needs a value")))
            };
            match name.as_str() {
                "--interval" => options.interval = interval(&value()?)?,
                "--nodes" => options.nodes = nodes(&value()?)?,
                "--ipv6" if attached.is_none() => options.ipv6 = true,
                "--hold" if attached.is_none() => options.hold = true,
                "--help" | "-h" => return Err(Refusal::Help),
                _ => return Err(Refusal::Usage(format!("there is no {name} here"))),
            }
        }
        Ok(options)
    }
}

fn interval(text: &str) -> Result<Span, Refusal> {
    let refused = || {
        Refusal::Usage(format!(
            "{text} is no interval: 10ms to 4s in steps of 10 ms, such as 200ms or 1s"
        ))
    };
    let centis = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => centis_of_millis(millis),
        (None, Some(secs)) => centis_of_secs(secs),
        (None, None) => centis_of_millis(text),
    };
    let possible = centis.filter(|centis| (1..=CENTIS_MAX).contains(centis));
    possible.map(Span::from_centis).ok_or_else(refused)
}

fn centis_of_millis(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|millis| millis.is_multiple_of(10)).map(|millis| millis / 10)
}

/// `1`, `0.2`, `1.25`.
fn centis_of_secs(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = match fraction.len() {
        1 => fraction.parse::<u64>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(fraction)
}

fn nodes(text: &str) -> Result<u8, Refusal> {
    let number = text.parse().ok().filter(|number| (2..=NODES_MAX).contains(number));
    number
        .ok_or_else(|| Refusal::Usage(format!("{text} is no number of routers: 2 to {NODES_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Refusal> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn intervals_are_read_in_the_units_that_people_write() {
        for (text, millis) in [
            ("200ms", 200),
            ("200", 200),
            ("1s", 1000),
            ("0.2s", 200),
            ("1.25s", 1250),
            ("10ms", 10),
        ] {
            let options = parse(&format!("--interval {text}")).unwrap();
            assert_eq!(options.interval, Span::from_millis(millis), "{text}");
        }
        for text in
            ["0", "5ms", "15ms", "41s", "0.001s", "-1s", "1m", "", "s", "99999999999999999999s"]
        {
            assert!(parse(&format!("--interval={text}")).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_unknown_or_incomplete_is_refused() {
        for line in ["--nodes", "--nodes 1", "--nodes 10", "--ipv6=yes", "--frobnicate", "x"] {
            assert!(matches!(parse(line), Err(Refusal::Usage(_))), "{line}");
        }
        assert_eq!(parse("--nodes 3 --help"), Err(Refusal::Help));
        let all = parse("--nodes=3 --ipv6 --hold").unwrap();
        assert_eq!((all.nodes, all.ipv6, all.hold), (3, true, true));
    }
}
