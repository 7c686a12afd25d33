//! What a terminal shows, what it should show, and the octets that lead from one to the other.
//!
//! VT100 only (EK-VT100-UG, chapter 3): cursor addressing, erasing to the end of the line, three
//! attributes. Octets are made run by run, when the line can take them, so a page that is replaced
//! before it was painted costs nothing, and what was begun is never half an escape sequence.

use crate::status::Style;

/// Unchanged cells between two changed ones that are written again: moving the cursor costs more.
const GAP_MAX: usize = 5;
/// From anything: an unfinished sequence is cancelled, then the usual characters, attributes,
/// margins, and a cursor that wraps. It ends with the cursor at home.
const RESET: &[u8] = b"\x18\x0f\x1b(B\x1b[m\x1b[?7h\x1b[r\x1b[H";
/// Where the cursor is left: messages of the kernel that come in between then scroll nothing.
const PARK: &[u8] = b"\x1b[H";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    character: u8,
    style: Style,
}

const BLANK: Cell = Cell { character: b' ', style: Style::Plain };

/// The cells of one terminal.
#[derive(Debug)]
pub(super) struct Painter {
    columns: usize,
    wanted: Vec<Cell>,
    /// `None`: not known.
    shown: Vec<Option<Cell>>,
    is_reset: bool,
    is_parked: bool,
}

impl Painter {
    /// A terminal of which nothing is known.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let len = rows * columns;
        Painter {
            columns,
            wanted: vec![BLANK; len],
            shown: vec![None; len],
            is_reset: false,
            is_parked: false,
        }
    }

    /// Nothing of what the terminal shows is known any more.
    pub(super) fn forget(&mut self) {
        self.shown.fill(None);
        self.is_reset = false;
    }

    /// What row `row` should show from now on. What is no printable ASCII becomes `?`.
    pub(super) fn want(&mut self, row: usize, style: Style, text: &str) {
        let columns = self.columns;
        let Some(cells) = self.wanted.chunks_mut(columns.max(1)).nth(row) else { return };
        // Title rows are reversed as a whole.
        let filler = match style {
            Style::Title | Style::Heading => Cell { character: b' ', style },
            Style::Plain | Style::Alarm => BLANK,
        };
        let mut characters = text.chars();
        for cell in cells {
            *cell = match characters.next() {
                None => filler,
                Some(' ') if filler == BLANK => BLANK,
                Some(c) if c == ' ' || c.is_ascii_graphic() => {
                    Cell { character: u8::try_from(c).unwrap_or(b'?'), style }
                }
                Some(_) => Cell { character: b'?', style },
            };
        }
    }

    /// Everything blank from row `row` on.
    pub(super) fn want_blank(&mut self, row: usize) {
        self.wanted.iter_mut().skip(row * self.columns).for_each(|cell| *cell = BLANK);
    }

    /// Whether the terminal shows what it should.
    pub(super) fn is_done(&self) -> bool {
        self.is_reset && self.is_parked && self.first_difference().is_none()
    }

    /// Appends the next few octets. False: there are none.
    pub(super) fn paint(&mut self, octets: &mut Vec<u8>) -> bool {
        if !self.is_reset {
            self.is_reset = true;
            self.is_parked = true;
            octets.extend_from_slice(RESET);
            return true;
        }
        let Some(first) = self.first_difference() else {
            if self.is_parked {
                return false;
            }
            self.is_parked = true;
            octets.extend_from_slice(PARK);
            return true;
        };
        self.is_parked = false;
        self.run(first, octets);
        true
    }

    fn first_difference(&self) -> Option<usize> {
        self.wanted.iter().zip(&self.shown).position(|(wanted, shown)| Some(*wanted) != *shown)
    }

    /// The changed cells from `first` to the end of its row, or to the first longer gap.
    fn run(&mut self, first: usize, octets: &mut Vec<u8>) {
        let row = first / self.columns;
        let row_end = (row + 1) * self.columns;
        let column = first % self.columns;
        octets.extend_from_slice(format!("\x1b[{};{}H", row + 1, column + 1).as_bytes());
        let cells = || self.wanted.iter().zip(&self.shown).take(row_end).enumerate();
        // Behind the last cell that is to be seen, one sequence erases the rest.
        let seen_end = cells().rev().find(|(_, (cell, _))| **cell != BLANK);
        let seen_end = seen_end.map_or(0, |(index, _)| index + 1).max(row_end - self.columns);
        let mut end = first + 1;
        let mut gap = 0;
        for (index, (wanted, shown)) in cells().skip(first + 1) {
            gap = if Some(*wanted) == *shown { gap + 1 } else { 0 };
            if gap > GAP_MAX {
                break;
            }
            if gap == 0 {
                end = index + 1;
            }
        }
        let erases = end > seen_end && end - seen_end.max(first) > 3;
        let text_end = if erases { seen_end.max(first) } else { end };
        let mut pen = Style::Plain;
        for cell in self.wanted.iter().take(text_end).skip(first) {
            if cell.style != pen {
                octets.extend_from_slice(attributes(pen, cell.style));
                pen = cell.style;
            }
            octets.push(cell.character);
        }
        octets.extend_from_slice(attributes(pen, Style::Plain));
        let known_end = if erases {
            octets.extend_from_slice(b"\x1b[K");
            row_end
        } else {
            end
        };
        let known = self.wanted.iter().zip(&mut self.shown).take(known_end).skip(first);
        known.for_each(|(wanted, shown)| *shown = Some(*wanted));
    }
}

fn attributes(from: Style, to: Style) -> &'static [u8] {
    match to {
        _ if from == to => b"",
        Style::Plain => b"\x1b[m",
        Style::Title => b"\x1b[0;7m",
        Style::Heading => b"\x1b[0;4m",
        Style::Alarm => b"\x1b[0;1m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(painter: &mut Painter) -> String {
        let mut octets = Vec::new();
        while painter.paint(&mut octets) {}
        assert!(painter.is_done());
        String::from_utf8(octets).unwrap()
    }

    /// A terminal of 3 × 20 that shows two rows.
    fn known() -> Painter {
        let mut painter = Painter::new(3, 20);
        painter.want(0, Style::Title, "title");
        painter.want(1, Style::Plain, "count 1 of 9 things");
        painted(&mut painter);
        painter
    }

    #[test]
    fn nothing_is_known_at_first_and_every_row_is_erased_behind_its_text() {
        let mut painter = Painter::new(2, 10);
        painter.want(0, Style::Plain, "ab");
        let reset = "\x18\x0f\x1b(B\x1b[m\x1b[?7h\x1b[r\x1b[H";
        assert_eq!(painted(&mut painter), format!("{reset}\x1b[1;1Hab\x1b[K\x1b[2;1H\x1b[K\x1b[H"));
        assert_eq!(painted(&mut painter), "");
    }

    #[test]
    fn one_changed_cell_is_one_cell() {
        let mut painter = known();
        painter.want(1, Style::Plain, "count 2 of 9 things");
        assert_eq!(painted(&mut painter), "\x1b[2;7H2\x1b[H");
    }

    #[test]
    fn short_gaps_are_written_again_and_long_ones_jumped_over() {
        let mut painter = known();
        painter.want(1, Style::Plain, "count 2 of 8 things");
        assert_eq!(painted(&mut painter), "\x1b[2;7H2 of 8\x1b[H");
        painter.want(1, Style::Plain, "Count 2 of 8 thingS");
        assert_eq!(painted(&mut painter), "\x1b[2;1HC\x1b[2;19HS\x1b[H");
    }

    #[test]
    fn a_shorter_line_is_erased_behind_its_end() {
        let mut painter = known();
        painter.want(1, Style::Plain, "count 1");
        assert_eq!(painted(&mut painter), "\x1b[2;9H\x1b[K\x1b[H");
        painter.want(1, Style::Plain, "");
        assert_eq!(painted(&mut painter), "\x1b[2;1H\x1b[K\x1b[H");
    }

    #[test]
    fn attributes_are_taken_back_and_escapes_are_none() {
        let mut painter = known();
        painter.want(2, Style::Alarm, "a\x1b\u{e9}");
        assert_eq!(painted(&mut painter), "\x1b[3;1H\x1b[0;1ma??\x1b[m\x1b[H");
        painter.want(0, Style::Title, "tITle");
        assert_eq!(painted(&mut painter), "\x1b[1;2H\x1b[0;7mIT\x1b[m\x1b[H");
    }

    #[test]
    fn a_page_that_is_replaced_while_it_is_painted_is_not_painted_on() {
        let mut painter = known();
        painter.want(0, Style::Plain, "old");
        painter.want(1, Style::Plain, "old");
        let mut octets = Vec::new();
        painter.paint(&mut octets);
        painter.want(0, Style::Plain, "new");
        painter.want(1, Style::Plain, "new");
        assert!(!painted(&mut painter).contains("old"));
    }
}
