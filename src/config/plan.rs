//! What an image's first program does before the router: its plan, one step a line.
//!
//! ```text
//! # The network card; each file behind those that it depends on.
//! module /lib/modules/virtio_net.ko
//! address eth0 10.0.0.1/24
//! ```
//!
//! The host checks it when it builds the image; the device reads it again, because its overlay may
//! bring another.

use core::fmt;
use core::net::IpAddr;

use super::check::is_interface_name;
use crate::addr::Family;
use crate::limits::INTERFACE_NAME_LEN_MAX;

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// `module FILE [PARAMETERS]`: loads a kernel module.
    Module {
        /// Its file, not compressed: an absolute path.
        file: &'a str,
        /// What it is told, as the kernel reads it: `name=value name=value`.
        parameters: &'a str,
    },
    /// `address INTERFACE ADDRESS/LENGTH`: an address of the router's own.
    Address {
        /// The interface.
        interface: &'a str,
        /// The address.
        ip: IpAddr,
        /// Bits of its network.
        prefix_len: u8,
    },
}

/// What is wrong with a line, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mistake<'a> {
    /// Octets before it in the line.
    pub at: usize,
    /// What.
    pub fault: Fault<'a>,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault<'a> {
    /// The first word is no step.
    Step(&'a str),
    /// The file is not an absolute path.
    File(&'a str),
    /// No name of an interface.
    Interface(&'a str),
    /// No address with the length of its network.
    Address(&'a str),
    /// A word too many.
    Behind(&'a str),
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Step(word) => write!(f, "'{word}' is no step: there are module and address"),
            Fault::File(word) => {
                write!(f, "'{word}' is not an absolute path: module FILE [PARAMETERS]")
            }
            Fault::Interface(word) => write!(
                f,
                "'{word}' is no interface's name (1 to {INTERFACE_NAME_LEN_MAX} octets without '/', ':' and spaces): address \
                 INTERFACE ADDRESS/LENGTH"
            ),
            Fault::Address(word) => write!(
                f,
                "'{word}' is no address with the length of its network, such as 192.0.2.1/24 or \
                 2001:db8::1/64"
            ),
            Fault::Behind(word) => write!(f, "'{word}' is a word too many"),
        }
    }
}

/// The step of a line; none where that is empty or a comment.
///
/// # Errors
/// It is no step.
pub fn parse(line: &str) -> Result<Option<Step<'_>>, Mistake<'_>> {
    let (step, rest) = word(line);
    match step {
        "" => Ok(None),
        comment if comment.starts_with('#') => Ok(None),
        "module" => {
            let (file, rest) = word(rest);
            if !file.starts_with('/') {
                return Err(mistake(line, file, Fault::File(file)));
            }
            Ok(Some(Step::Module { file, parameters: rest.trim_ascii() }))
        }
        "address" => {
            let (interface, rest) = word(rest);
            // Of any length, for that rule: the type of a name has the limit.
            if !is_interface_name(interface) || interface.len() > INTERFACE_NAME_LEN_MAX {
                return Err(mistake(line, interface, Fault::Interface(interface)));
            }
            let (text, rest) = word(rest);
            let Some((ip, prefix_len)) = network(text) else {
                return Err(mistake(line, text, Fault::Address(text)));
            };
            match word(rest).0 {
                "" => Ok(Some(Step::Address { interface, ip, prefix_len })),
                behind => Err(mistake(line, behind, Fault::Behind(behind))),
            }
        }
        _ => Err(mistake(line, step, Fault::Step(step))),
    }
}

/// The first word of a text, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_ascii_start();
    let end = text.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(text.len());
    text.split_at(end)
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, len) = text.split_once('/')?;
    let (ip, len) = (ip.parse().ok()?, len.parse().ok()?);
    (len <= Family::of(ip).host_len()).then_some((ip, len))
}

/// `word` is a part of `line`.
fn mistake<'a>(line: &'a str, word: &'a str, fault: Fault<'a>) -> Mistake<'a> {
    Mistake { at: word.as_ptr().addr() - line.as_ptr().addr(), fault }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn modules_are_named_by_their_files_and_addresses_by_their_interfaces() {
        let module = |file, parameters| Ok(Some(Step::Module { file, parameters }));
        assert_eq!(parse("module /lib/a.ko"), module("/lib/a.ko", ""));
        assert_eq!(parse("\tmodule  /a.ko  debug=1 b=2 \r"), module("/a.ko", "debug=1 b=2"));
        let address =
            |ip, prefix_len| Ok(Some(Step::Address { interface: "eth0", ip, prefix_len }));
        let ip = Ipv4Addr::new(192, 0, 2, 1).into();
        assert_eq!(parse("address eth0 192.0.2.1/24"), address(ip, 24));
        let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into();
        assert_eq!(parse("address eth0\t2001:db8::1/128 "), address(ip, 128));
        for line in ["", "  ", "# module", "#"] {
            assert_eq!(parse(line), Ok(None), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_step_is_refused_with_its_place() {
        let cases = [
            ("modul /a.ko", 0, Fault::Step("modul")),
            ("module", 6, Fault::File("")),
            ("module a.ko", 7, Fault::File("a.ko")),
            ("address", 7, Fault::Interface("")),
            ("address sixteen-letters- 10.0.0.1/8", 8, Fault::Interface("sixteen-letters-")),
            ("address eth0", 12, Fault::Address("")),
            ("address eth0 10.0.0.1", 13, Fault::Address("10.0.0.1")),
            ("address eth0 10.0.0.1/33", 13, Fault::Address("10.0.0.1/33")),
            ("address eth0 10.0.0/8", 13, Fault::Address("10.0.0/8")),
            (" address eth0 10.0.0.1/8 up", 25, Fault::Behind("up")),
        ];
        for (line, at, fault) in cases {
            assert_eq!(parse(line), Err(Mistake { at, fault }), "{line}");
        }
    }
}
