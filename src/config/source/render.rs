//! Messages as rustc shows them.
//!
//! annotate-snippets is what rustc and cargo print with: several places in one picture, folding of
//! the lines between, tabs and wide characters measured; and it brings no further dependencies
//! into the build beyond what clap has already.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Label, Report, Severity};
use super::text::{FileId, SourceFile, Sources, TextSpan};

pub(super) fn render(report: &Report, styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        text.push_str(&render_one(diagnostic, &report.sources, &renderer));
        text.push_str("\n\n");
    }
    if report.left_out > 0 {
        text.push_str(&format!("{} more messages are not shown\n\n", report.left_out));
    }
    text
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let title =
        level(diagnostic.severity).primary_title(&diagnostic.message).id(diagnostic.code.id());
    let mut group = Group::with_title(title);
    let mut files: Vec<FileId> = vec![diagnostic.primary.span.file];
    for label in &diagnostic.others {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    let span = diagnostic.primary.span;
    let is_about_all = span.start == 0 && span.end == 0;
    if let (true, Some(source)) = (is_about_all, sources.file(span.file)) {
        group = group.element(Origin::path(&source.name));
        files.clear();
    }
    for file in files {
        for snippet in snippets(diagnostic, file, sources) {
            group = group.element(snippet);
        }
    }
    if diagnostic.folded > 0 {
        let more = format!("{} more places like these", diagnostic.folded);
        group = group.element(Level::NOTE.message(more));
    }
    for help in &diagnostic.helps {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// Places so many lines apart are shown in pictures of their own: the renderer goes through all that
/// is between.
const DISTANCE_MAX: usize = 200;

/// The lines of one file that a message is about, those of the primary place first.
fn snippets<'a>(
    diagnostic: &'a Diagnostic,
    file: FileId,
    sources: &'a Sources,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let Some(source) = sources.file(file) else { return Vec::new() };
    let primary = std::iter::once((&diagnostic.primary, AnnotationKind::Primary));
    let others = diagnostic.others.iter().map(|label| (label, AnnotationKind::Context));
    let here = primary.chain(others).filter(|(label, _)| label.span.file == file);
    let mut groups: Vec<Vec<(&Label, AnnotationKind)>> = Vec::new();
    for (label, kind) in here {
        let line = source.line(label.span.start);
        let is_near = |group: &Vec<(&Label, AnnotationKind)>| {
            let mut lines = group.iter().map(|(known, _)| source.line(known.span.start));
            lines.any(|known| known.abs_diff(line) <= DISTANCE_MAX)
        };
        match groups.iter().position(is_near).and_then(|at| groups.get_mut(at)) {
            Some(group) => group.push((label, kind)),
            None => groups.push(vec![(label, kind)]),
        }
    }
    groups.into_iter().filter_map(|labels| snippet(source, labels)).collect()
}

fn snippet<'a>(
    source: &'a SourceFile,
    labels: Vec<(&'a Label, AnnotationKind)>,
) -> Option<Snippet<'a, Annotation<'a>>> {
    let first = labels.iter().map(|(label, _)| source.line(label.span.start)).min()?;
    let last = labels.iter().map(|(label, _)| source.line(label.span.end)).max()?;
    let (start, end) = (source.line_start(first), source.line_start(last + 1));
    let shown = source.shown(start, end);
    let annotations = labels.into_iter().map(|(label, kind)| {
        let range = within(label.span, start, &shown);
        let annotation = kind.span(range);
        if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
    });
    let annotations: Vec<_> = annotations.collect();
    Some(Snippet::source(shown).line_start(first).path(&source.name).annotations(annotations))
}

/// The part of `text`, which begins at octet `start` of its file, that `span` covers.
fn within(span: TextSpan, start: usize, text: &str) -> std::ops::Range<usize> {
    let clip = |at: usize| {
        let mut at = at.saturating_sub(start).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    clip(span.start)..clip(span.end.max(span.start))
}
