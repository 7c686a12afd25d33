//! `/etc/config/ringward`: sections and options are called as in keepalived.conf.
//!
//! A section is a block, `config vrrp_instance 'lan'`, and has its name from the section or from
//! `option name`. A flag is `option nopreempt '1'`, a list `list virtual_ipaddress
//! '192.0.2.1/24 dev br-lan'`, an item for each line. Items of virtual_ipaddress and unicast_peer may
//! be names of `ipaddress` and `peer` sections as well. `option network 'wan'` for `interface` or
//! `device` is the device that this network has. `auth_type` and `auth_pass` stand in the
//! instance itself.
//! `interface_up_down_delays` has `option interface`, `down_delay` and `up_delay`, a section for each.

use std::net::IpAddr;

use super::super::code::Code;
use super::super::diagnostic::{Diagnostic, Report};
use super::super::keepalived::{Statement, Tree};
use super::super::keywords::{self, Block, Shape};
use super::super::lexer::Word;
use super::super::lower::is_command;
use super::build::{block, delays, entry, line, list, truth, word, words};
use super::reference::{Named, report_without};
use super::{Package, Section, Setting};
use crate::config::network::MARK;

/// The package as a keepalived.conf would say it.
pub(in super::super) fn ringward(package: &Package, report: &mut Report) -> Tree {
    let named = Named::new(package, report);
    let mut statements = Vec::new();
    for section in &package.sections {
        let is_off = |word: &&Word| truth(&word.text) == Some(false);
        let is_global = ["globals", "global_defs"].contains(&section.kind.text.as_str());
        if section.value("enabled").filter(is_off).is_some() && !is_global {
            continue;
        }
        match section.kind.text.as_str() {
            "ipaddress" | "peer" => {}
            "globals" => {
                let keyword = word("global_defs", section.kind.span);
                let inner = settings(section, Block::GlobalDefs, &named, report);
                statements.push(block(keyword, Vec::new(), inner));
            }
            "interface_up_down_delays" => statements.push(delays(section, "interface")),
            kind => statements.push(named_block(section, kind, &named, report)),
        }
    }
    Tree { file: package.file, statements }
}

/// A section that is a block of keepalived.conf.
fn named_block(section: &Section, kind: &str, named: &Named<'_>, report: &mut Report) -> Statement {
    let opens = keywords::find(kind, Block::Top).and_then(keywords::Keyword::opens);
    let inner = match opens {
        Some(opens) => settings(section, opens, named, report),
        None => Vec::new(),
    };
    let name = if kind == "global_defs" { None } else { section.known_as() };
    block(section.kind.clone(), name.cloned().into_iter().collect(), inner)
}

/// The options of a section as lines of a block.
fn settings(
    section: &Section,
    here: Block,
    named: &Named<'_>,
    report: &mut Report,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut secrets = Vec::new();
    for setting in &section.options {
        match setting.name.text.as_str() {
            "name" | "enabled" => {}
            "auth_type" | "auth_pass" if here == Block::Instance => {
                secrets.push(line(setting.name.clone(), setting.values.clone()));
            }
            "network" if here == Block::Instance => {
                let networks = setting.values.iter().map(network).collect();
                statements.push(line(word("interface", setting.name.span), networks));
            }
            _ => statements.extend(statement(setting, here, named, report)),
        }
    }
    if let Some(first) = secrets.first() {
        let span = first.keyword.span;
        if !secrets.iter().any(|line| line.keyword.text == "auth_type") {
            secrets.insert(0, line(word("auth_type", span), vec![word("PASS", span)]));
        }
        statements.push(block(word("authentication", span), Vec::new(), secrets));
    }
    statements
}

/// The words of a command: one, unless some are in double quotes, as in keepalived.conf.
fn command_words(value: &Word) -> Vec<Word> {
    if !value.text.contains('"') {
        return vec![value.clone()];
    }
    let mut words = Vec::new();
    for (index, piece) in value.text.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(word(piece, value.span));
        } else {
            words.extend(piece.split_whitespace().map(|text| word(text, value.span)));
        }
    }
    words
}

/// The interface that stands for a network.
fn network(value: &Word) -> Word {
    word(format!("{MARK}{}", value.text), value.span)
}

/// One option as a line of a block; none for a flag that is off.
fn statement(
    setting: &Setting,
    here: Block,
    named: &Named<'_>,
    report: &mut Report,
) -> Option<Statement> {
    let name = setting.name.text.as_str();
    let keyword = keywords::find(name, here).filter(|keyword| keyword.is_in(here));
    match keyword.map(|keyword| keyword.shape) {
        Some(Shape::Flag) => {
            let value = setting.values.last()?;
            flag(setting, value, report)?.then(|| line(setting.name.clone(), Vec::new()))
        }
        Some(Shape::Block(Block::Addresses)) => Some(addresses(setting, named, report)),
        Some(Shape::Block(Block::Peers)) => Some(peers(setting, named, report)),
        Some(Shape::Block(_)) => Some(list(setting)),
        Some(Shape::Values) if !is_command(name) => {
            Some(line(setting.name.clone(), setting.values.iter().flat_map(words).collect()))
        }
        Some(Shape::Values) => Some(line(
            setting.name.clone(),
            setting.values.iter().flat_map(command_words).collect(),
        )),
        Some(Shape::Value) | None => Some(line(setting.name.clone(), setting.values.clone())),
    }
}

/// Whether a flag is on; none, with a message, when its value is neither on nor off.
pub(super) fn flag(setting: &Setting, value: &Word, report: &mut Report) -> Option<bool> {
    let truth = truth(&value.text);
    if truth.is_none() {
        let message = format!("`{}` is neither on nor off", value.text);
        let help = format!("write `option {} '1'`, or '0'", setting.name.text);
        report.add(Diagnostic::new(Code::NotTruth, value.span, message).help(help));
    }
    truth
}

/// Whether a value is an address and not the name of something.
pub(super) fn is_literal(value: &str) -> bool {
    let address = value.split([' ', '/', '\t']).next().unwrap_or("");
    address.parse::<IpAddr>().is_ok() || address.contains(['.', ':'])
}

fn addresses(setting: &Setting, named: &Named<'_>, report: &mut Report) -> Statement {
    let mut lines = Vec::new();
    for value in &setting.values {
        if is_literal(&value.text) {
            lines.extend(entry(words(value)));
        } else if let Some((section, address)) =
            named.value_of("ipaddress", value, "address", report)
        {
            let mut all = words(address);
            if let Some(value) = section.value("network") {
                all.extend([word("dev", value.span), network(value)]);
            }
            for (option, keyword) in [("device", "dev"), ("label", "label"), ("scope", "scope")] {
                if let Some(value) = section.value(option) {
                    all.push(word(keyword, value.span));
                    all.push(value.clone());
                }
            }
            let known = ["name", "address", "network", "device", "label", "scope"];
            check_options(section, &known, report);
            lines.extend(entry(all));
        }
    }
    block(setting.name.clone(), Vec::new(), lines)
}

fn peers(setting: &Setting, named: &Named<'_>, report: &mut Report) -> Statement {
    let mut lines = Vec::new();
    for value in &setting.values {
        if is_literal(&value.text) {
            lines.extend(entry(words(value)));
        } else if let Some(section) = named.get("peer", &value.text) {
            check_options(section, &["name", "address"], report);
            match section.value("address") {
                Some(address) => lines.extend(entry(words(address))),
                None => report_without(section, "address", report),
            }
        } else {
            named.report_missing(&["peer"], value, report);
        }
    }
    block(setting.name.clone(), Vec::new(), lines)
}

/// Reports options that nobody reads.
pub(super) fn check_options(section: &Section, known: &[&str], report: &mut Report) {
    for setting in &section.options {
        let name = setting.name.text.as_str();
        if known.contains(&name) {
            continue;
        }
        let message = format!("unknown option `{name}` of `{}`", section.kind.text);
        let diagnostic = Diagnostic::new(Code::Unknown, setting.name.span, message);
        let near = super::super::nearest::nearest(name, known.iter().copied());
        report.add(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("possible are {}", known.join(", "))),
        });
    }
}
