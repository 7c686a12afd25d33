//! `$NAME=VALUE`, `$NAME`, `${NAME}`: set anywhere, put in when a line is read. A value is put in as
//! it stands, and what it names in turn is put in then.

use std::collections::HashMap;
use std::rc::Rc;

use super::Options;
use super::code::Code;
use super::comment::is_secret_keyword;
use super::diagnostic::{Diagnostic, Report};
use super::line::Line;
use super::text::{LINE_LEN_MAX, TextSpan};

/// So many variables are put in one line: more are variables that name each other in a circle.
const EXPANSIONS_MAX: usize = 500;

/// Of what a variable may consist behind its first letter.
fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of the variable's name that `text` begins with; none when it begins with none.
pub(super) fn name_len(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|&c| c.is_ascii_alphabetic() || c == '_')?;
    Some(first.len_utf8() + text.chars().skip(1).take_while(|&c| is_name_char(c)).count())
}

/// The value of a variable: one line, or several.
struct Value {
    lines: Vec<Line>,
    has_several: bool,
    /// Given on the command line, which a file does not overrule.
    is_given: bool,
}

/// `$NAME` in a text.
struct Reference<'t> {
    name: &'t str,
    parameters: &'t str,
    /// Where the text goes on.
    end: usize,
}

/// A line with its variables put in.
pub(super) struct Expanded {
    pub(super) line: Line,
    /// The further lines of values that have several.
    pub(super) rest: Vec<Line>,
    pub(super) has_changed: bool,
}

/// What is set.
pub(super) struct Variables<'o> {
    options: &'o Options<'o>,
    known: HashMap<Rc<str>, Value>,
    /// The folder of the file that is read.
    pub(super) folder: String,
    randoms: u64,
}

impl<'o> Variables<'o> {
    /// Those of the command line.
    pub(super) fn new(options: &'o Options<'o>, report: &mut Report) -> Self {
        let mut variables =
            Variables { options, known: HashMap::new(), folder: String::new(), randoms: 0 };
        for (name, value) in options.definitions {
            let file = report.sources.add("the command line", format!("-D {name}={value}"));
            let start = name.len() + 4;
            let span = TextSpan { file, start, end: start + value.len(), ..TextSpan::default() };
            if is_secret_keyword(&name.to_lowercase()) {
                report.sources.hide(span);
            }
            let lines = vec![Line::at(value, span)];
            let value = Value { lines, has_several: false, is_given: true };
            variables.known.insert(Rc::from(name.as_str()), value);
        }
        variables
    }

    /// Whether something of this name can be put in.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
            || ["_PWD", "_INSTANCE", "_RANDOM", "_ENV", "_HASH", "_BANG"].contains(&name)
    }

    /// Sets a variable; false when the command line has set it, which counts.
    pub(super) fn set(&mut self, name: &str, value: Line, goes_on: bool) -> bool {
        if self.known.get(name).is_some_and(|known| known.is_given) {
            return false;
        }
        let lines = if goes_on && value.is_empty() { Vec::new() } else { vec![value] };
        let value = Value { lines, has_several: goes_on, is_given: false };
        self.known.insert(Rc::from(name), value);
        true
    }

    /// Adds a line to a value that goes on.
    pub(super) fn extend(&mut self, name: &str, line: Line) {
        if let Some(value) = self.known.get_mut(name).filter(|value| !value.is_given)
            && !line.is_empty()
        {
            value.lines.push(line);
        }
    }

    /// Puts the values in the place of the names.
    pub(super) fn expand(&mut self, line: Line, report: &mut Report) -> Expanded {
        let mut expanded = Expanded { line, rest: Vec::new(), has_changed: false };
        let mut at = 0;
        let mut count = 0;
        while let Some(found) = expanded.line.text().get(at..).and_then(|text| text.find('$')) {
            let start = at + found;
            let Some((name, end, values)) = self.value(&expanded.line, start, report) else {
                at = start + 1;
                continue;
            };
            count += 1;
            let line = &expanded.line;
            let whole = (line, start, end);
            let mut next = line.slice(0, start);
            let mut values = values.iter();
            if let Some(first) = values.next() {
                next.push_value(&name, first, whole, report);
            }
            next.push_slice(line, end, line.text().len());
            let further = values.map(|value| {
                let mut further = Line::default();
                further.push_value(&name, value, whole, report);
                further
            });
            let further: Vec<Line> = further.collect();
            if count > EXPANSIONS_MAX || next.text().len() > LINE_LEN_MAX {
                let span = line.span(start, end, report);
                let message = if next.text().len() > LINE_LEN_MAX {
                    format!("`${name}` becomes a line of more than {LINE_LEN_MAX} octets")
                } else {
                    format!("`${name}` is put in again and again")
                };
                report.add(
                    Diagnostic::new(Code::EndlessVariable, span, message)
                        .help("look for variables that name themselves, or each other"),
                );
                return Expanded { line: Line::default(), rest: Vec::new(), has_changed: true };
            }
            expanded.rest.splice(0..0, further);
            expanded.line = next;
            expanded.has_changed = true;
            // What was put in is looked at again, unless it repeats lines.
            at = start;
            if expanded.line.text().trim_start().starts_with('~') {
                break;
            }
        }
        expanded
    }

    /// The value for the name at `start`, and where that name ends.
    fn value(
        &mut self,
        line: &Line,
        start: usize,
        report: &mut Report,
    ) -> Option<(Rc<str>, usize, Vec<Line>)> {
        let text = line.text();
        let reference = reference(text, start)?;
        let is_last = reference.end == text.len();
        if let Some((name, value)) = self.known.get_key_value(reference.name) {
            let is_possible = reference.parameters.is_empty() && (is_last || !value.has_several);
            return is_possible.then(|| (Rc::clone(name), reference.end, value.lines.clone()));
        }
        let span = line.span(start, reference.end, report);
        let computed = self.predefined(&reference, span, report)?;
        let value = vec![Line::computed(&computed, span)];
        Some((Rc::from(reference.name), reference.end, value))
    }

    /// The variables that are always there.
    fn predefined(
        &mut self,
        reference: &Reference<'_>,
        span: TextSpan,
        report: &mut Report,
    ) -> Option<String> {
        match (reference.name, reference.parameters) {
            ("_HASH", "") => Some("#".to_owned()),
            ("_BANG", "") => Some("!".to_owned()),
            ("_PWD", "") => Some(self.options.surroundings.absolute(&self.folder)),
            ("_INSTANCE", "") => match self.options.config_id {
                Some(id) => Some(id.to_owned()),
                None => {
                    report_no_id("`${_INSTANCE}`", span, report);
                    Some("INSTANCE".to_owned())
                }
            },
            ("_RANDOM", parameters) => Some(self.random(parameters, span, report)),
            ("_ENV", name) if !name.is_empty() => {
                let value = self.options.surroundings.environment(name);
                if value.is_none() {
                    let message = format!("the environment has no `{name}`: it becomes nothing");
                    report.add(Diagnostic::new(Code::NoEnvironment, span, message));
                }
                Some(value.unwrap_or_default())
            }
            _ => None,
        }
    }

    /// A number that differs from router to router, and is the same at every compilation.
    fn random(&mut self, parameters: &str, span: TextSpan, report: &mut Report) -> String {
        let mut numbers = parameters.split(' ').filter_map(|number| number.parse::<u64>().ok());
        let least = numbers.next().unwrap_or(0);
        let most = numbers.next().unwrap_or(32_767).max(least);
        self.randoms += 1;
        let id = self.options.config_id.unwrap_or("");
        // FNV-1a (Fowler, Noll, Vo) of the id and the count.
        let octets = id.bytes().chain(self.randoms.to_le_bytes());
        let hash = octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        let value = (least + mixed % (most - least).saturating_add(1)).to_string();
        let message = format!("`${{_RANDOM}}` is {value}");
        report.add(
            Diagnostic::new(Code::NotRandom, span, message)
                .label("the same at every compilation")
                .help("--config-id makes it differ from router to router"),
        );
        value
    }
}

/// Says that something depends on the router's name, which was not given.
pub(super) fn report_no_id(what: &str, span: TextSpan, report: &mut Report) {
    let message = format!("{what} depends on the configuration id, which was not given");
    report.add(
        Diagnostic::new(Code::NoConfigId, span, message)
            .help("compile with --config-id NAME; keepalived takes the short host name"),
    );
}

/// The reference at the `$` at `start`; none when keepalived would leave it alone.
fn reference(text: &str, start: usize) -> Option<Reference<'_>> {
    let behind = text.get(start + 1..)?;
    if let Some(braced) = behind.strip_prefix('{') {
        let name_len = name_len(braced)?;
        let (name, rest) = braced.split_at_checked(name_len)?;
        let close = rest.find('}')?;
        let parameters = rest.get(..close)?;
        let is_parameter =
            |c: char| c == ' ' || if name == "_ENV" { is_name_char(c) } else { c.is_ascii_digit() };
        let is_possible = parameters.is_empty()
            || (parameters.starts_with(' ')
                && parameters.chars().all(is_parameter)
                && (!parameters.ends_with(' ') || parameters.trim().is_empty()));
        let end = start + 2 + name_len + close + 1;
        return is_possible.then_some(Reference { name, parameters: parameters.trim(), end });
    }
    let name = behind.get(..name_len(behind)?)?;
    let end = start + 1 + name.len();
    let next = text.get(end..)?.chars().next();
    let is_end = next.is_none_or(|c| " \t,)".contains(c));
    is_end.then_some(Reference { name, parameters: "", end })
}
