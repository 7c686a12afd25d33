//! What there is to say about a text: messages with places, a way out, and a code.

use std::fmt;

use super::code::Code;
use super::render;
use super::text::{Sources, TextSpan};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// No blob is written.
    Error,
    /// A blob is written; it may not do what was meant.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// What a compilation makes of messages.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Errors that keepalived survives by leaving something out are warnings.
    pub is_permissive: bool,
    /// Warnings are errors.
    pub denies_warnings: bool,
    /// Warnings and notes that are not kept.
    pub allowed: Vec<Code>,
}

/// A place with a few words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: TextSpan,
    /// The words; may be empty.
    pub text: String,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What kind of message it is.
    pub code: Code,
    /// How bad it is: as bad as its code, unless [`Levels`] say otherwise.
    pub severity: Severity,
    /// What is the matter.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that have to do with it.
    pub others: Vec<Label>,
    /// The ways out.
    pub helps: Vec<String>,
    /// How many more places there are, beyond those shown.
    pub folded: usize,
    /// Whether keepalived goes on after this by leaving out what it is about, and what is compiled
    /// without that is what keepalived would run.
    pub is_survived: bool,
}

/// So many places of one message are shown; the others are counted.
const PLACES_SHOWN_MAX: usize = 4;

impl Diagnostic {
    /// A message about a place.
    pub fn new(code: Code, span: TextSpan, message: String) -> Self {
        let primary = Label { span, text: String::new() };
        let severity = code.severity();
        Diagnostic {
            code,
            severity,
            message,
            primary,
            others: Vec::new(),
            helps: Vec::new(),
            folded: 0,
            is_survived: false,
        }
    }

    /// The words under the underlined place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Another place.
    #[must_use]
    pub fn also(mut self, span: TextSpan, text: impl Into<String>) -> Self {
        self.others.push(Label { span, text: text.into() });
        self
    }

    /// keepalived goes on without what it is about, if so.
    #[must_use]
    pub fn survived(mut self, is_so: bool) -> Self {
        self.is_survived = is_so;
        self
    }

    /// A way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }
}

/// All messages about a compilation, with the text that they are about.
#[derive(Debug, Default)]
pub struct Report {
    /// The text.
    pub sources: Sources,
    /// The messages.
    pub diagnostics: Vec<Diagnostic>,
    /// How many messages were left out because there are too many.
    pub left_out: usize,
    /// Whether one of the messages is an error.
    has_error: bool,
    /// What is made of messages.
    levels: Levels,
}

/// So many messages are kept: nobody reads more, and a file that is no configuration could bring
/// about millions.
const MESSAGES_MAX: usize = 500;

impl Report {
    /// No messages yet.
    pub fn new(sources: Sources, levels: Levels) -> Self {
        Report { sources, levels, ..Report::default() }
    }

    /// Adds a message.
    pub fn add(&mut self, mut diagnostic: Diagnostic) {
        if self.levels.is_permissive && diagnostic.is_survived {
            diagnostic.severity = Severity::Warning;
            diagnostic.helps.push("left out, as keepalived leaves it out".to_owned());
        }
        let is_error = diagnostic.severity == Severity::Error;
        if !is_error && self.levels.allowed.contains(&diagnostic.code) {
            return;
        }
        if self.is_full() && (self.has_error || !is_error) {
            self.left_out += 1;
        } else {
            self.has_error |= is_error;
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether there is a message of this code.
    pub fn has(&self, code: Code) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == code)
    }

    /// Whether further messages are counted at most: whoever looks for something helpful to say
    /// need not.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MESSAGES_MAX
    }

    /// How many messages there are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.has_error
    }

    /// Puts the messages in the order of the text, and those that say the same of several places
    /// together.
    pub(super) fn finish(&mut self) {
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span);
        let mut folded: Vec<Diagnostic> = Vec::new();
        let mut known = std::collections::HashMap::<(Code, String), usize>::new();
        for mut diagnostic in self.diagnostics.drain(..) {
            // The same place in another round of a sequence.
            let is_same = |last: &Diagnostic| {
                last.code == diagnostic.code
                    && last.message == diagnostic.message
                    && last.primary.span.without_way() == diagnostic.primary.span.without_way()
            };
            if folded.last().is_some_and(is_same) {
                continue;
            }
            let trail = self.sources.trail(diagnostic.primary.span);
            let steps = trail.into_iter().map(|(span, text)| Label { span, text });
            diagnostic.others.extend(steps);
            let key = (diagnostic.code, diagnostic.message.clone());
            let first = known.get(&key).and_then(|&index| folded.get_mut(index));
            match first {
                Some(first) if diagnostic.code.folds() => {
                    if first.others.len() + 1 < PLACES_SHOWN_MAX {
                        // The words are said once.
                        first.others.push(Label { text: String::new(), ..diagnostic.primary });
                    } else {
                        first.folded += 1;
                    }
                }
                _ => {
                    known.insert(key, folded.len());
                    folded.push(diagnostic);
                }
            }
        }
        if self.levels.denies_warnings {
            let warnings = folded.iter_mut().filter(|known| known.severity == Severity::Warning);
            for warning in warnings {
                warning.severity = Severity::Error;
                self.has_error = true;
            }
        }
        self.diagnostics = folded;
    }

    /// The messages as text, with colours and underlines for a terminal or without.
    pub fn render(&self, styled: bool) -> String {
        render::render(self, styled)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}
