//! track_ blocks: what an instance tracks.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{Origin, Scope};
use super::super::keepalived::Statement;
use super::super::lexer::Word;
use super::super::nearest::nearest;
use super::super::text::TextSpan;
use super::complete::span16;
use super::{Given, Lowering, file, script};
use crate::addr::{InterfaceName, Priority};
use crate::config::check::weight_max;
use crate::config::model::{Kind, Span16, Subject, Tracker};

/// A weight, and whether its sign is turned round.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Weight {
    pub(super) value: i16,
    pub(super) reverse: bool,
}

/// A line of a track_ block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    keyword: &'static str,
    subject: What,
    weight: Weight,
    pub(super) span: TextSpan,
}

impl Entry {
    /// Where a weight cannot count. keepalived takes a file's default weight for zero there, and
    /// leaves out what has another one.
    pub(super) fn unweighted(&self) -> Option<Entry> {
        let is_default = self.keyword == "track_file" && self.weight.value == file::WEIGHT.value;
        let weight = Weight { value: 0, ..self.weight };
        is_default.then(|| Entry { weight, ..self.clone() })
    }

    pub(super) fn has_weight(&self) -> bool {
        self.weight.value != 0
    }

    /// Whether both are about the same thing.
    pub(super) fn is_twin(&self, other: &Entry) -> bool {
        self.subject == other.subject
    }
}

/// What becomes of the default weight of a file where it cannot count.
pub(super) const TAKEN_AS_ZERO: &str = "tracked with weight 0";

/// What it is about, as the text numbers it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Script(usize),
    Interface(InterfaceName),
}

impl Lowering<'_> {
    /// `WEIGHT [reverse|noreverse]` of something of this kind.
    pub(super) fn weight(&mut self, kind: Kind, words: &[Word], default: Weight) -> Option<Weight> {
        let word = words.first()?;
        let (sign, digits) = match word.text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, word.text.strip_prefix('+').unwrap_or(&word.text)),
        };
        let bare = Word { text: digits.to_owned(), ..word.clone() };
        let max = weight_max(kind).unsigned_abs();
        if bare.text.parse::<u64>().is_ok_and(|value| value > u64::from(max)) {
            let message = format!("{} is out of range for `weight`", word.text);
            let help = Some(format!("choose -{max} to {max}"));
            self.refuse_value(word, Code::OutOfRange, message, help, false);
            return None;
        }
        let number = self.number("weight", &bare, 0..=u64::from(max))?;
        let value = sign * i16::try_from(number.value).ok()?;
        let mut weight = Weight { value, ..default };
        if let Some(direction) = words.get(1) {
            let choices = [("reverse", true), ("noreverse", false)];
            weight.reverse = self.choice("weight", direction, &choices)?.value;
        }
        if let Some(extra) = words.get(2) {
            self.report_word(extra);
        }
        Some(weight)
    }

    fn report_word(&mut self, word: &Word) {
        let message = format!("`{}` does not belong here", word.text);
        self.report.add(
            Diagnostic::new(Code::TrackerWord, word.span, message)
                .help("a line is `NAME [weight WEIGHT [reverse|noreverse]]`"),
        );
    }

    /// The script, or whatever else it is, of this name, and its weight.
    fn script_named(&mut self, kind: Kind, word: &Word) -> Option<(What, Weight)> {
        let is_it = |name: &Given<crate::addr::Name>| name.value.as_str() == word.text;
        let mut scripts = self.scripts.iter();
        let found = scripts
            .position(|draft| draft.kind() == kind && draft.name.as_ref().is_some_and(is_it));
        let Some(number) = found else {
            self.report_unknown_script(kind, word);
            return None;
        };
        let draft = self.scripts.get_mut(number);
        Some((What::Script(number), draft.map(script::Draft::track).unwrap_or_default()))
    }

    /// The lines of `track_script`, `track_process`, `track_file` or `track_interface`.
    pub(super) fn track(
        &mut self,
        keyword: &'static str,
        statement: &Statement,
        known: &[Entry],
    ) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let kind = match keyword {
            "track_process" => Kind::Process,
            "track_file" => Kind::File,
            _ => Kind::Script,
        };
        for line in statement.block.iter().flat_map(|body| &body.statements) {
            let word = &line.keyword;
            let found = match keyword {
                "track_interface" => self
                    .interface_name(word)
                    .map(|name| (What::Interface(name.value), Weight::default())),
                _ => self.script_named(kind, word),
            };
            let Some((subject, default)) = found else { continue };
            let weight = match line.values.split_first() {
                None => Some(default),
                Some((keyword, [])) if keyword.text == "weight" => {
                    let message = "`weight` wants a number".to_owned();
                    self.report.add(Diagnostic::new(Code::NoValue, keyword.span, message));
                    None
                }
                Some((keyword, rest)) if keyword.text == "weight" => {
                    self.weight(kind, rest, default)
                }
                Some((other, _)) => {
                    self.report_word(other);
                    None
                }
            };
            if line.block.is_some() {
                let message = "a tracker takes no block".to_owned();
                self.report.add(Diagnostic::new(Code::UnwantedBlock, word.span, message));
            }
            let Some(weight) = weight else { continue };
            let twin = |entry: &&Entry| entry.subject == subject;
            if let Some(first) = known.iter().chain(&entries).find(twin) {
                let message = format!("`{}` is tracked already", word.text);
                let diagnostic = Diagnostic::new(Code::AddressRepeated, word.span, message);
                self.report.add(diagnostic.also(first.span, "first given here"));
                continue;
            }
            entries.push(Entry { keyword, subject, weight, span: word.span });
        }
        entries
    }

    fn report_unknown_script(&mut self, kind: Kind, word: &Word) {
        let message = format!("there is no {} `{}`", kind.block(), word.text);
        let drafts = self.scripts.iter().filter(|draft| draft.kind() == kind);
        let names = drafts.filter_map(|draft| draft.name.as_ref());
        let near = nearest(&word.text, names.map(|name| name.value.as_str()));
        let mut diagnostic =
            Diagnostic::new(Code::UnknownSubject, word.span, message).survived(true);
        diagnostic = match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if self.is_uci() => {
                diagnostic.help(format!("define it: `config {} '{}'`", kind.block(), word.text))
            }
            None => diagnostic.help(format!("define it: `{} {} {{`", kind.block(), word.text)),
        };
        self.report.add(diagnostic);
    }

    /// Adds what an instance tracks to the pool. An owner's priority never moves: what would only
    /// move it is left out, as keepalived does. `own` is the interface that is tracked in any case.
    pub(super) fn push_trackers(
        &mut self,
        entries: &[Entry],
        priority: Priority,
        own: Option<u8>,
    ) -> Span16 {
        let start = self.config.trackers.len();
        for entry in entries {
            let mut weight = entry.weight;
            if priority.is_owner() && entry.has_weight() {
                let bare = entry.unweighted();
                let message = "a weight means nothing to an owner (priority 255)".to_owned();
                self.report.add(
                    Diagnostic::new(Code::OwnerWeight, entry.span, message)
                        .label(if bare.is_some() { TAKEN_AS_ZERO } else { "not tracked" })
                        .help("lower the priority, or track it with weight 0"),
                );
                let Some(bare) = bare else { continue };
                weight = bare.weight;
            }
            let Some(subject) = self.subject(entry) else { continue };
            if own.is_some_and(|own| subject == Subject::Interface(own)) {
                let message = "the instance's own interface is tracked in any case".to_owned();
                self.report.add(
                    Diagnostic::new(Code::OwnInterface, entry.span, message)
                        .label("left out")
                        .help("with `dont_track_primary` in the instance, this line counts"),
                );
                continue;
            }
            let scope = Scope::Tracker(self.config.trackers.len());
            let Weight { value: weight, reverse } = weight;
            let _ = self.config.trackers.push(Tracker { subject, weight, reverse });
            self.needs.trackers.push(entry.span);
            self.origins.set(scope, entry.keyword, Origin::Configured(entry.span));
        }
        span16(start, self.config.trackers.len() - start)
    }

    /// What an entry is about, put into its table.
    fn subject(&mut self, entry: &Entry) -> Option<Subject> {
        match &entry.subject {
            What::Script(number) => self.tracked(*number).map(Subject::Script),
            What::Interface(name) => {
                let name = Given { value: name.clone(), span: entry.span };
                self.interface(&name).map(Subject::Interface)
            }
        }
    }
}
