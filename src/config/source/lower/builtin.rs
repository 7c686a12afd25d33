//! `builtin`: a check that the daemon makes by itself.

use std::net::{IpAddr, SocketAddr};

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::lexer::Word;
use super::{Given, Lowering};
use crate::addr::{Family, InterfaceName};
use crate::config::check::{is_host_address, is_prefix};
use crate::config::model::{Probe, Process, Text};

/// What can be written.
const FORMS: &str = "a check is `process NAME`, `tcp ADDRESS:PORT`, \
                     `http://ADDRESS[:PORT]/PATH [STATUS]`, `ping ADDRESS [dev INTERFACE]`, \
                     `route PREFIX [dev INTERFACE]` or \
                     `address ADDRESS [dev INTERFACE]`";

/// The port of a server that is named without one.
const HTTP_PORT: u16 = 80;
/// The answer that is fine unless another one is named (RFC 9110 §15.3.1).
const OK: u16 = 200;

/// A check as it stands in the text.
#[derive(Clone)]
pub(super) struct Builtin {
    pub(super) probe: Given<Probe>,
    /// `dev`: the interface that it is about.
    pub(super) device: Option<Given<InterfaceName>>,
}

impl Lowering<'_> {
    /// The check that `builtin` names.
    pub(super) fn builtin(&mut self, words: &[Word]) -> Option<Builtin> {
        let (first, last) = (words.first()?, words.last()?);
        let span = first.span.to(last.span);
        let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let text = text.join(" ");
        let (check, device) = match text.rsplit_once(" dev ") {
            Some((check, device))
                if ["ping ", "route ", "address "].iter().any(|kind| check.starts_with(kind)) =>
            {
                (check, Some(device))
            }
            Some(_) | None => (text.as_str(), None),
        };
        match parse(check) {
            Ok(Probe::Ping { ip: IpAddr::V6(ip), .. })
                if ip.is_unicast_link_local() && device.is_none() =>
            {
                let message = format!("each link has a `{ip}` of its own");
                let diagnostic = Diagnostic::new(Code::BadBuiltin, span, message);
                self.report.add(diagnostic.help(format!("write `ping {ip} dev INTERFACE`")));
                None
            }
            Ok(value) => {
                let device = match device {
                    Some(device) => {
                        let word = Word { text: device.trim().to_owned(), span, ..first.clone() };
                        Some(self.interface_name(&word)?)
                    }
                    None => None,
                };
                Some(Builtin { probe: Given { value, span }, device })
            }
            Err(problem) => {
                let diagnostic = Diagnostic::new(Code::BadBuiltin, span, problem.message);
                self.report.add(diagnostic.help(problem.cure.unwrap_or(FORMS).to_owned()));
                None
            }
        }
    }

    /// Says so if there is a built-in check that does what a command does.
    pub(super) fn propose_builtin(&mut self, words: &[Word], command: u16) {
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return };
        let command = self.config.commands.get(usize::from(command));
        let arguments: Vec<&str> = command.map_or(Vec::new(), |it| it.arguments().collect());
        if let Some(text) = equivalent(&arguments) {
            let message = "the daemon can check this without a program".to_owned();
            let diagnostic = Diagnostic::new(Code::HasBuiltin, first.span.to(last.span), message);
            self.report.add(diagnostic.help(format!("write `builtin \"{text}\"` for `script`")));
        }
    }

    /// The index of a built-in check in the table, where it is put.
    pub(super) fn probe(&mut self, given: &Builtin) -> Option<u16> {
        let Builtin { probe, device } = given;
        let mut check = probe.value.clone();
        if let Some(device) = device {
            let slot = self.interface(device)?;
            if let Probe::Ping { interface, .. }
            | Probe::Route { interface, .. }
            | Probe::Address { interface, .. } = &mut check
            {
                *interface = Some(slot);
            }
        }
        let index = self.config.probes.len();
        self.needs.probes.push(probe.span);
        self.config.probes.push(check).ok()?;
        u16::try_from(index).ok()
    }
}

/// What is wrong with a check, and the way out.
#[derive(Debug)]
struct Problem {
    message: String,
    cure: Option<&'static str>,
}

fn problem(message: String) -> Problem {
    Problem { message, cure: None }
}

/// The check that `builtin` names.
fn parse(text: &str) -> Result<Probe, Problem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let probe = match *words.as_slice() {
        ["tcp", server] => Probe::Tcp { server: address(server, None)? },
        ["process", name] => Probe::Process(
            Process::named(name).ok_or_else(|| problem("the name is too long".to_owned()))?,
        ),
        ["ping", host] => match host.parse() {
            Ok(ip) if is_host_address(ip) => Probe::Ping { ip, interface: None },
            _ => return Err(problem(format!("`{host}` is no address that a host has"))),
        },
        ["route", prefix] => route(prefix)?,
        ["address", address] => match address.parse() {
            Ok(ip) if is_host_address(ip) => Probe::Address { ip, interface: None },
            _ => return Err(problem(format!("`{address}` is no address that a host has"))),
        },
        [url] if url.starts_with("http://") => http(url, OK)?,
        [url, status] if url.starts_with("http://") => {
            let number = status.parse().ok().filter(|status| (100..600).contains(status));
            http(url, number.ok_or_else(|| problem(format!("`{status}` is no status of HTTP")))?)?
        }
        [url, ..] if url.starts_with("https://") => {
            let message = "there is no built-in check by TLS".to_owned();
            let cure = "check the port with `tcp ADDRESS:PORT`, or run a program in `script`";
            return Err(Problem { message, cure: Some(cure) });
        }
        [kind, ..] => return Err(problem(format!("`{kind}` is not how a check is written"))),
        [] => return Err(problem("which check is not said".to_owned())),
    };
    Ok(probe)
}

/// `default`, or a prefix: without a length, of one address.
fn route(text: &str) -> Result<Probe, Problem> {
    let text = if text == "default" { "0.0.0.0/0" } else { text };
    let (ip, len) = text.split_once('/').map_or((text, None), |(ip, len)| (ip, Some(len)));
    let wrong = || Problem {
        message: format!("`{text}` is no prefix"),
        cure: Some("write `default`, `::/0`, `10.0.0.0/8` or `2001:db8::/32`"),
    };
    let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
    let host_len = Family::of(ip).host_len();
    let prefix_len = match len {
        Some(len) => len.parse().ok().filter(|len| *len <= host_len).ok_or_else(wrong)?,
        None => host_len,
    };
    if !is_prefix(ip, prefix_len) {
        return Err(problem(format!("`{text}` has bits beyond its length: no route is to it")));
    }
    Ok(Probe::Route { ip, prefix_len, interface: None })
}

fn http(url: &str, status: u16) -> Result<Probe, Problem> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (server, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let server = address(server, Some(HTTP_PORT))?;
    // A fragment is not for the server.
    let path = path.split('#').next().unwrap_or(path);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{path}");
    if !path.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(problem("a path is of ASCII; anything else is written as %XX".to_owned()));
    }
    let path = Text::try_from(path.as_str())
        .map_err(|_| problem(format!("a path has at most {} octets", Text::new().capacity())))?;
    Ok(Probe::Http { server, path, status })
}

/// An address and a port: names are for resolvers, and the daemon asks none.
fn address(text: &str, port: Option<u16>) -> Result<SocketAddr, Problem> {
    let with_port = port.and_then(|port| {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        Some(SocketAddr::new(bare.parse().ok()?, port))
    });
    let server = with_port.or_else(|| text.parse().ok()).ok_or_else(|| Problem {
        message: format!("`{text}` is not an address with a port"),
        cure: Some("write `192.0.2.1:80` or `[2001:db8::1]:80`: names are not looked up"),
    })?;
    if !is_host_address(server.ip()) || server.port() == 0 {
        return Err(problem(format!("nobody can be reached at `{text}`")));
    }
    Ok(server)
}

/// The built-in check that does what this command does, as `builtin` names it.
fn equivalent(arguments: &[&str]) -> Option<String> {
    let (program, rest) = arguments.split_first()?;
    let program = program.rsplit('/').next()?;
    // Options that change nothing, and those that have a value and change nothing.
    let (alone, with_value): (&[&str], &[&str]) = match program {
        "killall" => (&["-0", "-q", "--quiet"], &["-u"]),
        "pidof" => (&["-s", "-q"], &[]),
        "pgrep" => (&["-x"], &[]),
        "curl" => (
            &["-f", "-s", "-S", "-fs", "-sf", "-sS", "-fsS", "-sSf", "-sfS", "--fail", "--silent"],
            &["-m", "--max-time", "--connect-timeout", "-o"],
        ),
        "ping" | "ping6" => (&["-4", "-6", "-n", "-q"], &["-c", "-i", "-s", "-w", "-W"]),
        "nc" | "ncat" | "netcat" => (&["-z", "-v", "-n", "-vz", "-zv"], &["-w"]),
        _ => return None,
    };
    let mut words = rest.iter();
    let mut values = Vec::new();
    while let Some(word) = words.next() {
        if with_value.contains(word) {
            words.next()?;
        } else if !alone.contains(word) {
            values.push(*word);
        }
    }
    if values.iter().any(|value| value.starts_with('-')) {
        return None;
    }
    let has = |wanted: fn(&str) -> bool| rest.iter().any(|word| wanted(word));
    let local = |text: &str| text.replacen("localhost", "127.0.0.1", 1);
    let text = match (program, values.as_slice()) {
        ("killall", [name]) if has(|word| word == "-0") => format!("process {name}"),
        ("pidof", [name]) => format!("process {}", name.rsplit('/').next()?),
        ("pgrep", [name]) if name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') => {
            format!("process {name}")
        }
        ("ping" | "ping6", [host]) => format!("ping {}", local(host)),
        ("curl", [url]) if has(|word| word == "--fail" || is_short(word, 'f')) => local(url),
        ("nc" | "ncat" | "netcat", [host, port]) if has(|word| is_short(word, 'z')) => {
            let host = local(host);
            if host.contains(':') {
                format!("tcp [{host}]:{port}")
            } else {
                format!("tcp {host}:{port}")
            }
        }
        _ => return None,
    };
    parse(&text).is_ok().then_some(text)
}

/// Whether a word of short options has this one.
fn is_short(word: &str, option: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(option)
}

#[cfg(test)]
mod tests {
    use super::{equivalent, parse};

    #[test]
    fn common_commands_are_known_by_what_they_check() {
        for (command, expected) in [
            ("killall -0 nginx", Some("process nginx")),
            ("/usr/bin/killall -q -0 haproxy", Some("process haproxy")),
            ("killall nginx", None),
            ("killall -9 nginx", None),
            ("killall -0 a b", None),
            ("pidof nginx", Some("process nginx")),
            ("pidof -x nginx", None),
            ("/bin/pidof /usr/sbin/nginx", Some("process nginx")),
            ("pgrep -x nginx", Some("process nginx")),
            ("pgrep nginx", Some("process nginx")),
            ("pgrep -f nginx.*master", None),
            ("pgrep ng.*", None),
            ("curl -f http://127.0.0.1:8080/up", Some("http://127.0.0.1:8080/up")),
            ("curl -sf -m 2 -o /dev/null http://localhost/", Some("http://127.0.0.1/")),
            ("curl http://127.0.0.1/", None),
            ("curl -f https://127.0.0.1/", None),
            ("curl -f http://example.org/", None),
            ("curl -fk http://127.0.0.1/", None),
            ("ping -c 1 -W 1 192.0.2.1", Some("ping 192.0.2.1")),
            ("/bin/ping6 -q -c1 2001:db8::1", None),
            ("ping6 -q -c 1 2001:db8::1", Some("ping 2001:db8::1")),
            ("ping -c 1 -I eth0 192.0.2.1", None),
            ("ping -c 1 example.org", None),
            ("nc -z 127.0.0.1 80", Some("tcp 127.0.0.1:80")),
            ("nc -z -w 1 localhost 80", Some("tcp 127.0.0.1:80")),
            ("nc -zv ::1 80", Some("tcp [::1]:80")),
            ("nc 127.0.0.1 80", None),
            ("nc -zu 127.0.0.1 53", None),
            ("/etc/keepalived/check.sh", None),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(equivalent(&words).as_deref(), expected, "{command}");
        }
    }

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("process nginx", "process nginx"),
            ("tcp 127.0.0.1:80", "tcp 127.0.0.1:80"),
            ("tcp  [::1]:443 ", "tcp [::1]:443"),
            ("ping 192.0.2.1", "ping 192.0.2.1"),
            ("ping 2001:db8::1", "ping 2001:db8::1"),
            ("route default", "route 0.0.0.0/0"),
            ("route ::/0", "route ::/0"),
            ("route 10.1.0.0/16", "route 10.1.0.0/16"),
            ("route 10.1.2.3", "route 10.1.2.3/32"),
            ("route 2001:db8::1", "route 2001:db8::1/128"),
            ("address 10.1.2.3", "address 10.1.2.3"),
            ("address 2001:db8::1", "address 2001:db8::1"),
            ("http://192.0.2.1", "http://192.0.2.1:80/ 200"),
            ("http://192.0.2.1:8080/health?x=1 204", "http://192.0.2.1:8080/health?x=1 204"),
            ("http://192.0.2.1?x=1", "http://192.0.2.1:80/?x=1 200"),
            ("http://[2001:db8::1]/a#b", "http://[2001:db8::1]:80/a 200"),
            ("http://[2001:db8::1]:81", "http://[2001:db8::1]:81/ 200"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_check_is_refused_with_what_is_wrong() {
        for (text, expected) in [
            ("", "which check is not said"),
            ("udp 127.0.0.1:53", "`udp` is not how a check is written"),
            ("process", "`process` is not how a check is written"),
            ("process a b", "`process` is not how a check is written"),
            ("tcp", "`tcp` is not how a check is written"),
            ("tcp 127.0.0.1 80", "`tcp` is not how a check is written"),
            ("tcp 127.0.0.1", "`127.0.0.1` is not an address with a port"),
            ("ping example.org", "`example.org` is no address that a host has"),
            ("ping 224.0.0.1", "`224.0.0.1` is no address that a host has"),
            ("route", "`route` is not how a check is written"),
            ("route wan", "`wan` is no prefix"),
            ("route 10.0.0.0/33", "`10.0.0.0/33` is no prefix"),
            ("route 10.0.0.0/-1", "`10.0.0.0/-1` is no prefix"),
            ("route 10.1.0.0/8", "`10.1.0.0/8` has bits beyond its length: no route is to it"),
            ("address 0.0.0.0", "`0.0.0.0` is no address that a host has"),
            ("address 10.1.2.3/24", "`10.1.2.3/24` is no address that a host has"),
            ("tcp localhost:80", "`localhost:80` is not an address with a port"),
            ("tcp 127.0.0.1:0", "nobody can be reached at `127.0.0.1:0`"),
            ("tcp 0.0.0.0:80", "nobody can be reached at `0.0.0.0:80`"),
            ("http://example.org/", "`example.org` is not an address with a port"),
            ("http://192.0.2.1/ OK", "`OK` is no status of HTTP"),
            ("http://192.0.2.1/ 600", "`600` is no status of HTTP"),
            ("http://192.0.2.1/ä", "a path is of ASCII; anything else is written as %XX"),
            ("https://192.0.2.1/", "there is no built-in check by TLS"),
        ] {
            assert_eq!(parse(text).unwrap_err().message, expected, "{text}");
        }
        let long = format!("http://192.0.2.1/{}", "x".repeat(255));
        assert_eq!(parse(&long).unwrap_err().message, "a path has at most 255 octets");
    }
}
