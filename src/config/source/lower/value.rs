//! Words to values. Whoever cannot read a word says so once and returns none.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::lexer::Word;
use super::super::nearest::nearest;
use super::super::site::report_interface;
use super::{Given, Lowering};
use crate::addr::InterfaceName;
use crate::config::check::{is_host_address, is_interface_name};
use crate::config::console::Console;
use crate::config::network::network_of;
use crate::time::Span;

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;

impl Lowering<'_> {
    fn refuse(&mut self, word: &Word, code: Code, message: String, help: Option<String>) {
        self.refuse_value(word, code, message, help, false);
    }

    pub(super) fn refuse_value(
        &mut self,
        word: &Word,
        code: Code,
        message: String,
        help: Option<String>,
        is_survived: bool,
    ) {
        if word.is_reported {
            return;
        }
        let mut diagnostic = Diagnostic::new(code, word.span, message).survived(is_survived);
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.report.add(diagnostic);
    }

    /// A whole number.
    pub(super) fn number(
        &mut self,
        keyword: &str,
        word: &Word,
        range: RangeInclusive<u64>,
    ) -> Option<Given<u64>> {
        let is_digits = !word.text.is_empty() && word.text.bytes().all(|c| c.is_ascii_digit());
        if !is_digits {
            let bare = without_stop(&word.text).filter(|bare| bare.parse::<u64>().is_ok());
            let help = match bare {
                Some(bare) => format!("write `{bare}`: {ENDS}"),
                None => {
                    format!("`{keyword}` is a whole number, {} to {}", range.start(), range.end())
                }
            };
            let message = format!("`{}` is not a whole number", word.text);
            self.refuse_value(word, Code::NotNumber, message, Some(help), has_default(keyword));
            return None;
        }
        match word.text.parse::<u64>() {
            Ok(value) if range.contains(&value) && !word.is_reported => {
                Some(Given { value, span: word.span })
            }
            _ => {
                let message = format!("{} is out of range for `{keyword}`", word.text);
                let help = format!("choose {} to {}", range.start(), range.end());
                self.refuse_value(
                    word,
                    Code::OutOfRange,
                    message,
                    Some(help),
                    has_default(keyword),
                );
                None
            }
        }
    }

    /// The same for values that fit an octet.
    pub(super) fn octet(
        &mut self,
        keyword: &str,
        word: &Word,
        range: RangeInclusive<u8>,
    ) -> Option<Given<u8>> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        let given = self.number(keyword, word, range)?;
        Some(Given { value: u8::try_from(given.value).ok()?, span: given.span })
    }

    /// Seconds, whole or with decimals.
    pub(super) fn seconds(
        &mut self,
        keyword: &str,
        word: &Word,
        range: RangeInclusive<Span>,
    ) -> Option<Given<Span>> {
        let Some(value) = decimal_seconds(&word.text) else {
            let bare = without_stop(&word.text).filter(|bare| decimal_seconds(bare).is_some());
            let bare_unit = word.text.strip_suffix('s').filter(|it| decimal_seconds(it).is_some());
            let help = if let Some(bare) = bare {
                format!("write `{bare}`: {ENDS}")
            } else if word.text.contains(',') {
                "decimals follow a point".to_owned()
            } else if let Some(bare) = bare_unit {
                format!("write `{bare}`: the unit is always the second")
            } else {
                format!("`{keyword}` is a number of seconds, without a unit")
            };
            let message = format!("`{}` is not a number of seconds", word.text);
            self.refuse_value(word, Code::NotNumber, message, Some(help), has_default(keyword));
            return None;
        };
        if !range.contains(&value) {
            let message = format!("{} is out of range for `{keyword}`", word.text);
            let help = format!("choose {} to {}", range.start(), range.end());
            self.refuse_value(word, Code::OutOfRange, message, Some(help), has_default(keyword));
            return None;
        }
        (!word.is_reported).then_some(Given { value, span: word.span })
    }

    /// Whole seconds, as keepalived wants them for announcements.
    pub(super) fn whole_seconds(&mut self, keyword: &str, word: &Word) -> Option<Given<Span>> {
        let given = self.number(keyword, word, 0..=u64::from(u32::MAX))?;
        Some(Given { value: Span::from_secs(given.value), span: given.span })
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone>(
        &mut self,
        keyword: &str,
        word: &Word,
        choices: &[(&str, T)],
    ) -> Option<Given<T>> {
        let found = choices.iter().find(|(name, _)| *name == word.text);
        if let Some((_, value)) = found {
            return (!word.is_reported).then(|| Given { value: value.clone(), span: word.span });
        }
        let bare = without_stop(&word.text);
        let near = bare.into_iter().find(|bare| choices.iter().any(|(name, _)| name == bare));
        if let Some(bare) = near {
            let message = format!("`{}` is not a value of `{keyword}`", word.text);
            let help = format!("write `{bare}`: {ENDS}");
            self.refuse_value(word, Code::WrongWord, message, Some(help), has_default(keyword));
            return None;
        }
        let near = nearest(&word.text, choices.iter().map(|(name, _)| *name));
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let help = match near {
            Some(near) if near.eq_ignore_ascii_case(&word.text) => {
                format!("case counts: write `{near}`")
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("possible are {}", names.join(" and ")),
        };
        let message = format!("`{}` is not a value of `{keyword}`", word.text);
        self.refuse_value(word, Code::WrongWord, message, Some(help), has_default(keyword));
        None
    }

    /// A name of an interface.
    pub(super) fn interface_name(&mut self, word: &Word) -> Option<Given<InterfaceName>> {
        // The kernel would take such a name, but nobody means it.
        if let Some(bare) = without_stop(&word.text) {
            let message = format!("`{}` is hardly the name of an interface", word.text);
            self.refuse(word, Code::BadName, message, Some(format!("write `{bare}`: {ENDS}")));
            return None;
        }
        let site = self.options.site;
        let name = site.device(&word.text).unwrap_or(&word.text);
        match InterfaceName::try_from(name) {
            Ok(value) if is_interface_name(&value) && network_of(&value) != Some("") => {
                report_interface(site, word, &value, self.report);
                (!word.is_reported).then_some(Given { value, span: word.span })
            }
            _ => {
                let (what, len) = match network_of(name) {
                    Some(network) => (format!("`{network}` cannot be the name of a network"), 14),
                    None => (format!("`{name}` cannot be the name of an interface"), 15),
                };
                let help = match name.split_once(':') {
                    Some((device, label)) if !device.is_empty() && !label.is_empty() => format!(
                        "`{name}` is a label: write `{device}` here, and `label {name}` behind an \
                         address"
                    ),
                    _ => format!("at most {len} octets, without `/`, `:` and spaces"),
                };
                self.refuse(word, Code::BadName, what, Some(help));
                None
            }
        }
    }

    /// A name of a router or instance.
    pub(super) fn name<const N: usize>(
        &mut self,
        word: &Word,
    ) -> Option<Given<heapless::String<N>>> {
        let is_fine = !word.text.is_empty() && !word.text.chars().any(char::is_control);
        match heapless::String::try_from(word.text.as_str()) {
            Ok(value) if is_fine => (!word.is_reported).then_some(Given { value, span: word.span }),
            _ => {
                let message = format!("`{}` cannot be used as a name", word.text.escape_debug());
                let help = format!("1 to {N} octets, without control characters");
                self.refuse(word, Code::BadName, message, Some(help));
                None
            }
        }
    }

    /// A console and its line.
    pub(super) fn console(&mut self, word: &Word) -> Option<Given<Console>> {
        match Console::parse(&word.text) {
            Ok(value) => {
                let board = self.options.capacity;
                if !board.console {
                    self.refuse(word, Code::NoConsole, format!("{board} has no console"), None);
                }
                (!word.is_reported).then_some(Given { value, span: word.span })
            }
            Err(mistake) => {
                let help = "DEV[,SPEED][,keys][,screen], DEV being `board` or a terminal";
                self.refuse(word, Code::WrongWord, mistake.to_string(), Some(help.to_owned()));
                None
            }
        }
    }

    /// A label of an address.
    pub(super) fn label(&mut self, word: &Word) -> Option<Given<InterfaceName>> {
        if word.text.contains(char::is_whitespace) {
            let message = "a label has no spaces".to_owned();
            self.refuse(word, Code::BadName, message, None);
            return None;
        }
        self.name(word)
    }

    /// The address of a host, and the prefix length behind it if there is one.
    pub(super) fn host(&mut self, word: &Word) -> Option<(Given<IpAddr>, Option<u8>)> {
        let (text, prefix) = match word.text.split_once('/') {
            Some((text, prefix)) => (text, Some(prefix)),
            None => (word.text.as_str(), None),
        };
        let Ok(ip) = text.parse::<IpAddr>() else {
            let help = address_help(text);
            let message = format!("`{text}` is not an address");
            self.refuse_value(word, Code::NotAddress, message, help, true);
            return None;
        };
        if !is_host_address(ip) {
            let message = format!("{ip} is not the address of a host");
            self.refuse(word, Code::NotAddress, message, None);
            return None;
        }
        let bits: u8 = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => None,
            Some(text) => match text.parse::<u8>() {
                Ok(len) if len <= bits && !text.starts_with('+') => Some(len),
                _ => {
                    let message = format!("`/{text}` is not a prefix length");
                    let help = match dotted_mask(text) {
                        Some(len) => format!("write `{ip}/{len}`"),
                        None => format!("choose /0 to /{bits}"),
                    };
                    self.refuse_value(word, Code::BadPrefix, message, Some(help), true);
                    None
                }
            },
        };
        (!word.is_reported).then_some((Given { value: ip, span: word.span }, prefix))
    }

    /// The address of another router, or of this one: a prefix length means nothing.
    pub(super) fn router(&mut self, word: &Word) -> Option<Given<IpAddr>> {
        let (given, prefix) = self.host(word)?;
        if let Some(prefix) = prefix {
            let message =
                format!("`/{prefix}` means nothing here: this is the address of one router");
            let diagnostic = Diagnostic::new(Code::HostMask, word.span, message);
            self.report.add(diagnostic.help(format!("{} is meant, and compiled", given.value)));
        }
        Some(given)
    }
}

/// What is said of a `;` or `,` at the end of a value.
const ENDS: &str = "a line ends by itself";

/// A value without the `;` or `,` that other languages end lines with.
fn without_stop(value: &str) -> Option<&str> {
    value.strip_suffix([';', ',']).filter(|bare| !bare.is_empty())
}

/// Whether keepalived takes the default, as is done here, when the value of this keyword cannot be
/// read. Others become zero or one, or keepalived gives up (tried with 2.2.7).
fn has_default(keyword: &str) -> bool {
    [
        "advert_int",
        "auth_type",
        "preempt_delay",
        "priority",
        "state",
        "version",
        "vrrp_startup_delay",
        "vrrp_version",
    ]
    .contains(&keyword)
}

/// Seconds with up to nine decimals that count.
fn decimal_seconds(text: &str) -> Option<Span> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |digits: &str| digits.bytes().all(|c| c.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0_u64, |nanos, digit| nanos * 10 + u64::from(digit - b'0'));
    Some(Span::from_nanos(whole.saturating_mul(NANOS).saturating_add(nanos)))
}

/// The length of a mask like 255.255.255.0.
fn dotted_mask(text: &str) -> Option<u32> {
    let mask = text.parse::<std::net::Ipv4Addr>().ok()?.to_bits();
    (mask.leading_ones() + mask.trailing_zeros() == 32).then_some(mask.leading_ones())
}

fn address_help(text: &str) -> Option<String> {
    if let Some(bare) = without_stop(text).filter(|bare| bare.parse::<IpAddr>().is_ok()) {
        return Some(format!("write `{bare}`: {ENDS}"));
    }
    if let Some((first, _)) = text.split_once('-')
        && first.parse::<IpAddr>().is_ok()
    {
        return Some("write one address to a line: there are no ranges".to_owned());
    }
    if let Some((ip, interface)) = text.split_once('%')
        && ip.parse::<IpAddr>().is_ok()
    {
        return Some(format!("name the interface apart: `{ip} dev {interface}`"));
    }
    let octets: Vec<&str> = text.split('.').collect();
    let is_number = |octet: &&str| !octet.is_empty() && octet.bytes().all(|c| c.is_ascii_digit());
    if octets.len() == 4 && octets.iter().all(is_number) {
        let numbers: Vec<u64> = octets.iter().filter_map(|octet| octet.parse().ok()).collect();
        if numbers.iter().all(|&number| number < 256) {
            let plain: Vec<String> = numbers.iter().map(u64::to_string).collect();
            return Some(format!("without leading zeros: {}", plain.join(".")));
        }
        return Some("the numbers go up to 255".to_owned());
    }
    if octets.iter().all(is_number) {
        return Some("an IPv4 address has four numbers".to_owned());
    }
    let is_name = text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':');
    is_name.then(|| "host names are not looked up: write the address in numbers".to_owned())
}
