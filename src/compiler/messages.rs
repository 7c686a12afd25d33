//! Messages on stderr: for people, with colours on a terminal that wants them, or as JSON.

use std::io::{IsTerminal, Write};

use serde_json::{Value, json};

use crate::config::source::diagnostic::{Diagnostic, Label, Report, Severity};

/// How messages are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MessageForm {
    /// As rustc writes them.
    #[default]
    Human,
    /// A JSON document a line.
    Json,
}

/// How many messages there are of each kind.
pub(super) fn summary(report: &Report) -> String {
    let counted = |severity: Severity| match report.count(severity) {
        0 => None,
        1 => Some(format!("1 {}", severity.name())),
        count => Some(format!("{count} {}s", severity.name())),
    };
    let all = [Severity::Error, Severity::Warning, Severity::Note];
    let parts: Vec<String> = all.into_iter().filter_map(counted).collect();
    if parts.is_empty() { "fine".to_owned() } else { parts.join(", ") }
}

/// Messages go to stderr.
pub(super) fn show(report: &Report, form: MessageForm) {
    let stderr = std::io::stderr();
    let text = match form {
        MessageForm::Human => {
            let wants_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            report.render(stderr.is_terminal() && !wants_none)
        }
        MessageForm::Json => {
            let lines = report.diagnostics.iter().map(|diagnostic| document(diagnostic, report));
            lines.map(|document| format!("{document}\n")).collect()
        }
    };
    // Whoever closed stderr does not want to know.
    let _ = stderr.lock().write_all(text.as_bytes());
}

/// One message. Lines and columns count from 1, columns in characters; octets from 0.
fn document(diagnostic: &Diagnostic, report: &Report) -> Value {
    let place = |label: &Label, is_primary: bool| {
        let file = report.sources.file(label.span.file);
        let position = |at| file.map(|file| file.position(at));
        let (start, end) = (position(label.span.start), position(label.span.end));
        json!({
            "file": file.map(|file| file.name.as_str()),
            "line": start.map(|start| start.line),
            "column": start.map(|start| start.column),
            "end_line": end.map(|end| end.line),
            "end_column": end.map(|end| end.column),
            "start": label.span.start,
            "end": label.span.end,
            "primary": is_primary,
            "label": label.text,
        })
    };
    let others = diagnostic.others.iter().map(|label| place(label, false));
    let places: Vec<Value> =
        std::iter::once(place(&diagnostic.primary, true)).chain(others).collect();
    json!({
        "schema": 1,
        "code": diagnostic.code.id(),
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
        "places": places,
        "more_places": diagnostic.folded,
        "help": diagnostic.helps,
    })
}
