//! Sections that others refer to by name.

use std::collections::HashMap;

use super::super::code::Code;
use super::super::diagnostic::{Diagnostic, Report};
use super::super::lexer::Word;
use super::super::nearest::nearest;
use super::{Package, Section};

/// The sections of a package by type and name.
pub(super) struct Named<'p> {
    sections: HashMap<(&'p str, &'p str), &'p Section>,
}

impl<'p> Named<'p> {
    /// Those of a package. The first of equals counts, and the others are reported.
    pub(super) fn new(package: &'p Package, report: &mut Report) -> Self {
        let mut sections: HashMap<(&str, &str), &Section> = HashMap::new();
        for section in &package.sections {
            let Some(name) = section.known_as() else { continue };
            let key = (section.kind.text.as_str(), name.text.as_str());
            // Instances and groups are compared where they are read.
            let is_reference = ["ipaddress", "peer", "route", "track_interface", "track_script"];
            match sections.get(&key).and_then(|first| first.known_as()) {
                Some(first) if is_reference.contains(&key.0) => {
                    let message = format!("there is a {} `{}` already", key.0, key.1);
                    let diagnostic = Diagnostic::new(Code::SectionTwice, name.span, message);
                    report.add(diagnostic.also(first.span, "first given here"));
                }
                Some(_) => {}
                None => {
                    sections.insert(key, section);
                }
            }
        }
        Named { sections }
    }

    /// The section that is named, and the value of one of its options. What is missing is reported.
    pub(super) fn value_of(
        &self,
        kind: &'static str,
        name: &Word,
        option: &str,
        report: &mut Report,
    ) -> Option<(&'p Section, &'p Word)> {
        let Some(section) = self.get(kind, &name.text) else {
            self.report_missing(&[kind], name, report);
            return None;
        };
        let value = section.value(option);
        if value.is_none() {
            report_without(section, option, report);
        }
        value.map(|value| (section, value))
    }

    pub(super) fn get(&self, kind: &str, name: &str) -> Option<&'p Section> {
        self.sections.get(&(kind, name)).copied()
    }

    /// Says that nothing of this name is there.
    pub(super) fn report_missing(&self, kinds: &[&str], name: &Word, report: &mut Report) {
        let known = self.sections.keys().filter(|(kind, _)| kinds.contains(kind));
        let near = nearest(&name.text, known.map(|&(_, name)| name));
        let message = format!("there is no {} `{}`", kinds.join(" or "), name.text);
        let mut diagnostic = Diagnostic::new(Code::NoSection, name.span, message);
        diagnostic = match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("add one: `config {}`", kinds.first().unwrap_or(&""))),
        };
        report.add(diagnostic);
    }
}

/// Says that a section lacks an option that it needs.
pub(super) fn report_without(section: &Section, option: &str, report: &mut Report) {
    let message = format!("this {} has no `{option}`", section.kind.text);
    report.add(Diagnostic::new(Code::NoValue, section.kind.span, message));
}
