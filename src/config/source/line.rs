//! One line of configuration on its way through the reader: its text, and where each piece of it
//! came from.

use std::rc::Rc;

use super::diagnostic::Report;
use super::text::{TextSpan, Via};

/// A text with its places.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    text: String,
    pieces: Vec<Piece>,
}

/// A piece of a line, up to where the next begins.
#[derive(Clone, Debug)]
struct Piece {
    /// Where it begins in the line.
    at: usize,
    /// Where it stands.
    place: TextSpan,
    /// Whether it was computed, and does not stand at `place` letter by letter.
    is_computed: bool,
    /// Where whatever it replaced stands in the text.
    outer: TextSpan,
    /// The variable that it came from.
    variable: Option<Rc<str>>,
}

impl Piece {
    /// The place of the octets `from..to` of its line.
    fn span(&self, from: usize, to: usize) -> TextSpan {
        if self.is_computed {
            return self.place;
        }
        let start = self.place.start + from.saturating_sub(self.at);
        TextSpan { start, end: start + to.saturating_sub(from.max(self.at)), ..self.place }
    }
}

impl Line {
    /// A line that stands at `span`.
    pub(super) fn at(text: &str, span: TextSpan) -> Self {
        let mut line = Line::default();
        line.push_piece(
            text,
            Piece { at: 0, place: span, is_computed: false, outer: span, variable: None },
        );
        line
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn push_piece(&mut self, text: &str, piece: Piece) {
        if !text.is_empty() {
            // Most lines are of one piece.
            if self.pieces.is_empty() {
                self.pieces.reserve_exact(1);
            }
            self.pieces.push(Piece { at: self.text.len(), ..piece });
            self.text.push_str(text);
        }
    }

    /// The pieces that `start..end` touches, each with its part of that.
    fn touched(&self, start: usize, end: usize) -> impl Iterator<Item = (&Piece, usize, usize)> {
        let first = self.pieces.partition_point(|piece| piece.at <= start).saturating_sub(1);
        let ends = self.pieces.iter().skip(first + 1).map(|piece| piece.at);
        let ends = ends.chain(std::iter::once(self.text.len()));
        let pieces = self.pieces.iter().skip(first).zip(ends);
        pieces
            .take_while(move |(piece, _)| piece.at < end || piece.at == start)
            .map(move |(piece, until)| (piece, piece.at.max(start), until.min(end)))
    }

    /// Appends the octets `start..end` of `other`.
    pub(super) fn push_slice(&mut self, other: &Line, start: usize, end: usize) {
        for (piece, from, to) in other.touched(start, end) {
            let place = piece.span(from, to);
            let text = other.text.get(from..to).unwrap_or("");
            self.push_piece(text, Piece { place, ..piece.clone() });
        }
    }

    /// The octets `start..end` as a line of their own.
    pub(super) fn slice(&self, start: usize, end: usize) -> Line {
        let mut line = Line::default();
        line.push_slice(self, start, end);
        line
    }

    /// The same without blanks around.
    pub(super) fn trimmed(self) -> Line {
        let is_blank = |c: char| c == ' ' || c == '\t';
        let start = self.text.len() - self.text.trim_start_matches(is_blank).len();
        let end = self.text.trim_end_matches(is_blank).len();
        if start == 0 && end == self.text.len() { self } else { self.slice(start, end) }
    }

    /// Appends the value of a variable, which replaces what stands at `reference` of `from`.
    pub(super) fn push_value(
        &mut self,
        name: &Rc<str>,
        value: &Line,
        (from, start, end): (&Line, usize, usize),
        report: &mut Report,
    ) {
        let used = from.span(start, end, report);
        let outer = from.outer(start, end);
        let is_computed = value.pieces.iter().any(|piece| piece.is_computed);
        let via = if is_computed {
            // It has no letters of its own in the text: it is shown where it is used.
            let set = value.pieces.first().map_or(used, |piece| piece.place);
            let text = format!("`${name}` is `{}` here", value.text);
            report.sources.step(used.via, set, text)
        } else {
            report.sources.step(used.via, used, format!("`${name}` is used here"))
        };
        for (piece, from, to) in value.touched(0, value.text.len()) {
            let place = if is_computed { used } else { piece.span(from, to) };
            let text = value.text.get(from..to).unwrap_or("");
            self.push_piece(
                text,
                Piece {
                    at: 0,
                    place: TextSpan { via, ..place },
                    is_computed,
                    outer,
                    variable: Some(Rc::clone(name)),
                },
            );
        }
    }

    /// A computed value, said to stand at `span`.
    pub(super) fn computed(text: &str, span: TextSpan) -> Line {
        let piece = Piece { at: 0, place: span, is_computed: true, outer: span, variable: None };
        let mut line = Line { text: text.to_owned(), pieces: Vec::new() };
        line.pieces.push(piece);
        line
    }

    /// Where `start..end` stands: the letters themselves where they stand together, else that part
    /// of the file which they were made of.
    pub(super) fn span(&self, start: usize, end: usize, report: &mut Report) -> TextSpan {
        if let [only] = self.pieces.as_slice() {
            return only.span(start, end);
        }
        let mut touched = self.touched(start, end);
        let Some((first, from, to)) = touched.next() else { return TextSpan::default() };
        let rest: Vec<_> = touched.collect();
        if rest.is_empty() {
            return first.span(from, to);
        }
        let all = || std::iter::once((first, from, to)).chain(rest.iter().copied());
        let joined = all().try_fold(first.span(from, from), |span, (piece, from, to)| {
            let next = piece.span(from, to);
            // A `\#` that lost its backslash leaves a gap of one octet.
            let is_next = !piece.is_computed
                && next.file == span.file
                && next.via == span.via
                && (span.end..=span.end + 1).contains(&next.start);
            is_next.then_some(TextSpan { end: next.end, ..span })
        });
        if let Some(joined) = joined {
            return joined;
        }
        let mut via = Via::default();
        for (piece, from, to) in all() {
            if let Some(name) = &piece.variable {
                let span = piece.span(from, to);
                let text = format!("`${name}` is set here");
                // What was computed says already how.
                via = if piece.is_computed {
                    span.via
                } else {
                    report.sources.step(via, TextSpan { via: Via::default(), ..span }, text)
                };
            }
        }
        TextSpan { via, ..self.outer(start, end) }
    }

    /// The part of the file that `start..end` was made of.
    fn outer(&self, start: usize, end: usize) -> TextSpan {
        let mut spans = self.touched(start, end).map(|(piece, from, to)| match piece.variable {
            Some(_) => piece.outer,
            None => piece.span(from, to),
        });
        let first = spans.next().unwrap_or_default();
        spans.fold(first, TextSpan::to)
    }

    /// Hides `start..end` wherever it stands.
    pub(super) fn hide(&self, start: usize, end: usize, report: &mut Report) {
        for (piece, from, to) in self.touched(start, end) {
            report.sources.hide(piece.span(from, to));
        }
    }
}
