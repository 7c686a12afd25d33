//! vrrp_instance: what its lines say, before defaults.

use std::net::IpAddr;

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::keepalived::{Body, Statement};
use super::super::keywords::{self, Block};
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::address::Entry;
use super::global::{Announcing, is_announcing};
use super::{Given, Lowering, Seen, track};
use crate::addr::{InterfaceName, Name, Version};
use crate::config::check::{INTERVAL_V2_MAX, PREEMPT_DELAY_MAX};
use crate::config::model;
use crate::time::Span;

/// An instance as it stands in the text.
#[derive(Default)]
pub(super) struct Draft {
    /// Where its keyword is.
    pub(super) keyword: TextSpan,
    pub(super) name: Option<Given<Name>>,
    pub(super) is_master: Option<Given<bool>>,
    pub(super) interface: Option<Given<InterfaceName>>,
    pub(super) vrid: Option<Given<u8>>,
    pub(super) priority: Option<Given<u8>>,
    pub(super) interval: Option<Given<Span>>,
    pub(super) version: Option<Given<Version>>,
    pub(super) preempt: Option<Given<bool>>,
    pub(super) preempt_delay: Option<Given<Span>>,
    pub(super) source: Option<Given<IpAddr>>,
    /// `unicast_src_ip` or an empty `unicast_peer`: unicast was meant.
    pub(super) unicast: Option<TextSpan>,
    pub(super) peers: Vec<Given<IpAddr>>,
    pub(super) authentication: Option<Authentication>,
    pub(super) announce: Announcing,
    pub(super) dont_track_primary: Option<TextSpan>,
    pub(super) addresses: Vec<Entry>,
    pub(super) excluded: Vec<Entry>,
    pub(super) trackers: Vec<track::Entry>,
    pub(super) notify: Vec<(&'static str, Vec<Word>)>,
    pub(super) priority_changes: Option<Given<bool>>,
    /// Keywords that are there but could not be read, so that nobody calls them missing.
    pub(super) unread: Vec<&'static str>,
}

/// `auth_type`: what it makes of the octets of `auth_pass`.
type AuthType = fn([u8; 8]) -> model::Authentication;

/// The block `authentication`.
pub(super) struct Authentication {
    pub(super) span: TextSpan,
    pub(super) kind: Option<Given<AuthType>>,
    pub(super) password: Option<Given<String>>,
    /// Whether something in the block was reported.
    pub(super) is_reported: bool,
}

impl Lowering<'_> {
    /// Reads one instance and adds it to the configuration.
    pub(super) fn instance(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        let mut draft = Draft { keyword: statement.keyword.span, ..Draft::default() };
        draft.name = statement.values.first().and_then(|word| self.name(word));
        self.one_name(statement, "an instance");
        let mut seen = Seen::default();
        for inner in &body.statements {
            let Some(keyword) = self.judge(inner, Block::Instance) else {
                if !self.report.is_full() {
                    draft.unread.extend(meant(&inner.keyword.text));
                }
                continue;
            };
            let key = if keyword.name == "nopreempt" { "preempt" } else { keyword.name };
            if keyword.opens().is_none() {
                let differs = key == "state" && draft.is_master.as_ref().is_some_and(|m| m.value);
                if differs {
                    self.second_state(inner, &seen);
                    continue;
                }
                self.once(&mut seen, key, inner.keyword.span);
            }
            if !self.instance_keyword(keyword.name, inner, &mut draft) {
                draft.unread.push(keyword.name);
            }
        }
        self.complete(draft);
    }

    /// Takes one keyword into the draft; false when its value cannot be read.
    fn instance_keyword(
        &mut self,
        name: &'static str,
        statement: &Statement,
        draft: &mut Draft,
    ) -> bool {
        let span = statement.keyword.span;
        if is_announcing(name) {
            self.announcing(name, name, statement, &mut draft.announce);
            return true;
        }
        let word = statement.values.first();
        match (name, word) {
            ("nopreempt" | "preempt", _) => {
                draft.preempt = Some(Given { value: name == "preempt", span });
                true
            }
            ("dont_track_primary", _) => {
                draft.dont_track_primary = Some(span);
                true
            }
            ("virtual_ipaddress", _) => {
                let entries = self.entries(statement);
                let is_read = !entries.is_empty();
                draft.addresses.extend(entries);
                is_read || statement.block.as_ref().is_some_and(|body| body.statements.is_empty())
            }
            ("virtual_ipaddress_excluded", _) => {
                draft.excluded.extend(self.entries(statement));
                true
            }
            ("unicast_peer", _) => {
                self.peers(statement, draft);
                let is_empty = |body: &Body| body.statements.is_empty();
                !draft.peers.is_empty() || statement.block.as_ref().is_some_and(is_empty)
            }
            ("notify_priority_changes", _) => {
                draft.priority_changes = self.flag(name, statement);
                draft.priority_changes.is_some()
            }
            (name, Some(_)) if name.starts_with("notify") => {
                draft.notify.push((name, statement.values.clone()));
                true
            }
            ("track_script" | "track_process" | "track_file" | "track_interface", _) => {
                let tracked = self.track(name, statement, &draft.trackers);
                draft.trackers.extend(tracked);
                true
            }
            ("authentication", _) => {
                draft.authentication = Some(self.authentication(statement));
                true
            }
            (_, Some(word)) => self.instance_value(name, word, draft),
            (_, None) => false,
        }
    }

    fn instance_value(&mut self, name: &'static str, word: &Word, draft: &mut Draft) -> bool {
        match name {
            "state" => {
                let states = [("MASTER", true), ("BACKUP", false)];
                draft.is_master = self.choice(name, word, &states);
                draft.is_master.is_some()
            }
            "interface" => {
                draft.interface = self.interface_name(word);
                draft.interface.is_some()
            }
            "virtual_router_id" => {
                draft.vrid = self.octet(name, word, 1..=255);
                draft.vrid.is_some()
            }
            "priority" => {
                draft.priority = self.octet(name, word, 1..=255);
                draft.priority.is_some()
            }
            "advert_int" => {
                let range = Span::from_millis(10)..=INTERVAL_V2_MAX;
                draft.interval = self.seconds(name, word, range);
                draft.interval.is_some()
            }
            "version" => {
                draft.version = self.version(name, word);
                draft.version.is_some()
            }
            "preempt_delay" => {
                draft.preempt_delay = self.seconds(name, word, Span::ZERO..=PREEMPT_DELAY_MAX);
                draft.preempt_delay.is_some()
            }
            "mcast_src_ip" | "unicast_src_ip" => {
                draft.source = self.router(word);
                if name == "unicast_src_ip" {
                    draft.unicast = Some(word.span);
                }
                draft.source.is_some()
            }
            _ => false,
        }
    }

    /// A second `state` in an instance that has `state MASTER`: keepalived ignores it.
    fn second_state(&mut self, statement: &Statement, seen: &Seen) {
        let message = "`state` is given twice; MASTER counts".to_owned();
        let mut diagnostic = Diagnostic::new(Code::Twice, statement.keyword.span, message);
        if let Some(first) = seen.get("state") {
            diagnostic = diagnostic.also(first, "MASTER is given here");
        }
        self.report.add(diagnostic);
    }

    fn peers(&mut self, statement: &Statement, draft: &mut Draft) {
        let Some(body) = &statement.block else { return };
        if body.statements.is_empty() && draft.peers.is_empty() {
            draft.unicast = Some(statement.keyword.span);
        }
        for entry in &body.statements {
            let peer = self.router(&entry.keyword);
            if let Some(extra) = entry.values.first().filter(|extra| !extra.is_reported) {
                let (code, message, help) = match extra.text.as_str() {
                    "min_ttl" | "max_ttl" => {
                        let message = format!("`{}` is not supported yet", extra.text);
                        (Code::Later, message, "remove it")
                    }
                    _ => {
                        let message = format!("`{}` does not belong here", extra.text);
                        (Code::AddressWord, message, "write one peer to a line")
                    }
                };
                self.report.add(Diagnostic::new(code, extra.span, message).help(help));
            }
            if entry.block.is_some() {
                let message = "a peer takes no block".to_owned();
                let span = entry.keyword.span;
                self.report.add(Diagnostic::new(Code::UnwantedBlock, span, message));
            }
            let Some(peer) = peer else { continue };
            match draft.peers.iter().find(|known| known.value == peer.value) {
                Some(first) => {
                    let message = format!("{} is a peer already", peer.value);
                    let diagnostic = Diagnostic::new(Code::AddressRepeated, peer.span, message);
                    self.report.add(diagnostic.also(first.span, "first given here"));
                }
                None => draft.peers.push(peer),
            }
        }
    }

    fn authentication(&mut self, statement: &Statement) -> Authentication {
        let mut authentication = Authentication {
            span: statement.keyword.span,
            kind: None,
            password: None,
            is_reported: false,
        };
        let mut seen = Seen::default();
        let inner = statement.block.iter().flat_map(|body| &body.statements);
        for statement in inner {
            let judged = self.judge(statement, Block::Authentication);
            let (Some(keyword), Some(word)) = (judged, statement.values.first()) else {
                authentication.is_reported = true;
                continue;
            };
            self.once(&mut seen, keyword.name, statement.keyword.span);
            match keyword.name {
                "auth_type" => {
                    let kinds: [(&str, AuthType); 2] = [
                        ("PASS", model::Authentication::Password),
                        ("AH", model::Authentication::Header),
                    ];
                    let given = self.choice("auth_type", word, &kinds);
                    authentication.is_reported |= given.is_none();
                    authentication.kind = given;
                }
                _ if word.is_reported => authentication.is_reported = true,
                _ => {
                    let value = word.text.clone();
                    authentication.password = Some(Given { value, span: word.span });
                }
            }
        }
        authentication
    }
}

/// The keyword that a line was probably meant to be.
fn meant(word: &str) -> Option<&'static str> {
    let known = keywords::find(word, Block::Instance).map(|keyword| keyword.name);
    let glued = || keywords::split_glued(word, Block::Instance).map(|(keyword, _)| keyword);
    known.or_else(glued).or_else(|| keywords::propose(word, Block::Instance))
}
