//! Lines of virtual_ipaddress: `ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL]`.

use std::net::{IpAddr, Ipv4Addr};

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::keepalived::Statement;
use super::super::lexer::Word;
use super::super::nearest::nearest;
use super::super::text::TextSpan;
use super::{Given, Lowering};
use crate::addr::InterfaceName;

/// An address line.
pub(super) struct Entry {
    pub(super) ip: IpAddr,
    pub(super) prefix_len: Option<u8>,
    pub(super) interface: Option<Given<InterfaceName>>,
    pub(super) label: Option<Given<InterfaceName>>,
    pub(super) span: TextSpan,
}

const NO_DAD: &str = "remove it: it is always so, addresses are there at once";

/// What else keepalived reads in an address line, and how many words follow each.
const LATER: [(&str, usize); 12] = [
    ("brd", 1),
    ("broadcast", 1),
    ("scope", 1),
    ("peer", 1),
    ("home", 0),
    ("-nodad", 0),
    ("mngtmpaddr", 0),
    ("noprefixroute", 0),
    ("autojoin", 0),
    ("no_track", 0),
    ("track_group", 1),
    ("preferred_lft", 1),
];

impl Lowering<'_> {
    /// The lines of a block of addresses that can be read.
    pub(super) fn entries(&mut self, statement: &Statement) -> Vec<Entry> {
        let lines = statement.block.iter().flat_map(|body| &body.statements);
        lines.filter_map(|line| self.entry(line)).collect()
    }

    fn entry(&mut self, line: &Statement) -> Option<Entry> {
        if line.block.is_some() {
            let message = "an address takes no block".to_owned();
            self.report.add(Diagnostic::new(Code::UnwantedBlock, line.keyword.span, message));
        }
        if ["default", "default6"].contains(&line.keyword.text.as_str()) {
            let message = format!("`{}` is not supported yet", line.keyword.text);
            self.report.add(Diagnostic::new(Code::Later, line.keyword.span, message));
            return None;
        }
        let host = self.host(&line.keyword);
        let mut interface = None;
        let mut label = None;
        let mut words = line.values.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "dev" => interface = self.option(word, words.next(), Self::interface_name),
                "label" => label = self.option(word, words.next(), Self::label),
                "scope" if words.clone().next().is_some_and(|next| next.text == "global") => {
                    words.next();
                }
                text => {
                    self.other_word(word, line);
                    let skipped = LATER.iter().find(|(known, _)| *known == text);
                    (0..skipped.map_or(0, |&(_, len)| len)).for_each(|_| {
                        words.next();
                    });
                }
            }
        }
        let (given, prefix_len) = host?;
        if let (IpAddr::V6(_), Some(ignored)) = (given.value, &label) {
            let message = "a label is for IPv4: it is left out".to_owned();
            self.report.add(Diagnostic::new(Code::Rewritten, ignored.span, message));
            label = None;
        }
        if let (IpAddr::V4(ip), Some(len)) = (given.value, prefix_len) {
            self.judge_host_part(ip, len, given.span);
        }
        Some(Entry { ip: given.value, prefix_len, interface, label, span: given.span })
    }

    /// Warns of the first and the last address of a network, which no host has (RFC 1122
    /// §3.2.1.3; RFC 3021 for /31).
    fn judge_host_part(&mut self, ip: Ipv4Addr, len: u8, span: TextSpan) {
        let hosts = u32::MAX.checked_shr(u32::from(len)).unwrap_or(0);
        let what = match ip.to_bits() & hosts {
            _ if len >= 31 => return,
            0 => "the network itself",
            host if host == hosts => "the broadcast address of its network",
            _ => return,
        };
        let message = format!("{ip}/{len} is {what}, and no address of a host");
        self.report.add(
            Diagnostic::new(Code::NoHostPart, span, message)
                .help("write the address that clients use, with the length of its network"),
        );
    }

    /// The value of `dev` or `label`.
    fn option<T>(
        &mut self,
        keyword: &Word,
        value: Option<&Word>,
        read: impl Fn(&mut Self, &Word) -> Option<Given<T>>,
    ) -> Option<Given<T>> {
        match value {
            Some(value) => read(self, value),
            None => {
                let message = format!("`{}` wants a value", keyword.text);
                self.report.add(Diagnostic::new(Code::NoValue, keyword.span, message));
                None
            }
        }
    }

    fn other_word(&mut self, word: &Word, line: &Statement) {
        if word.is_reported {
            return;
        }
        let text = word.text.as_str();
        let address = line.keyword.text.as_str();
        if LATER.iter().any(|(known, _)| *known == text) {
            let message = format!("`{text}` of an address is not supported yet");
            let mut diagnostic = Diagnostic::new(Code::Later, word.span, message);
            if ["brd", "broadcast"].contains(&text) {
                diagnostic = diagnostic.help("remove it with its value: nobody sends from it");
            } else if text == "-nodad" {
                diagnostic = diagnostic.help(NO_DAD);
            }
            self.report.add(diagnostic);
            return;
        }
        let ip = text.split('/').next().unwrap_or(text);
        let message = format!("`{text}` does not belong in an address line");
        let help = if text == "nodad" {
            NO_DAD.to_owned()
        } else if ip.parse::<IpAddr>().is_ok() {
            "write one address to a line".to_owned()
        } else if let Some(near) = nearest(text, ["dev", "label"].into_iter()) {
            format!("did you mean `{near}`?")
        } else if text.contains(':') {
            format!("`label` is missing before it: `{address} label {text}`")
        } else {
            format!("`dev` is missing before it, if it is an interface: `{address} dev {text}`")
        };
        let diagnostic = Diagnostic::new(Code::AddressWord, word.span, message).help(help);
        self.report.add(diagnostic.survived(true));
    }
}
