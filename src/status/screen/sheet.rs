//! Lines of a screen: cut, filled up, and only those that are asked for.

use core::fmt::{self, Write};

use super::Style;
use crate::time::Span;

/// Takes the rows of a page one by one, and writes those that are asked for.
pub(super) struct Sheet<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) columns: usize,
    /// Rows still to be passed over.
    pub(super) skip: usize,
    /// Rows still to be written.
    pub(super) room: usize,
    /// Rows that came.
    pub(super) total: usize,
}

impl Sheet<'_> {
    pub(super) fn row(
        &mut self,
        style: Style,
        write: impl FnOnce(&mut Line<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.total += 1;
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if self.room == 0 {
            return Ok(());
        }
        self.room -= 1;
        self.out.write_char(style.mark())?;
        write(&mut Line { out: &mut *self.out, column: 0, end: self.columns })?;
        self.out.write_char('\n')
    }
}

/// One line, cut where it ends. What is no printable ASCII becomes a question mark.
pub(super) struct Line<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) column: usize,
    pub(super) end: usize,
}

impl Line<'_> {
    /// Writes a column, `width` wide: cut or filled up.
    pub(super) fn column(
        &mut self,
        width: usize,
        write: impl FnOnce(&mut Self) -> fmt::Result,
    ) -> fmt::Result {
        let end = self.end;
        self.end = end.min(self.column + width);
        write(self)?;
        while self.column < self.end {
            self.write_char(' ')?;
        }
        self.end = end;
        Ok(())
    }

    /// Writes a column of text and the gap behind it.
    pub(super) fn text(&mut self, width: usize, text: &str) -> fmt::Result {
        self.column(width + 1, |line| line.column(width, |line| line.write_str(text)))
    }

    /// Writes a column with a number at its right edge, and the gap behind it.
    pub(super) fn number(&mut self, width: usize, number: u64) -> fmt::Result {
        self.column(width + 1, |line| write!(line, "{number:>width$}"))
    }

    /// Writes a column with a name and the gap behind it. One that is too long is cut in its
    /// middle, because names often differ at their ends.
    pub(super) fn name(&mut self, width: usize, name: &str) -> fmt::Result {
        let len = name.chars().count();
        self.column(width, |line| {
            if len <= width {
                return line.write_str(name);
            }
            let head = width / 2;
            let tail = width.saturating_sub(head + 1);
            for character in name.chars().take(head) {
                line.write_char(character)?;
            }
            line.write_char('~')?;
            name.chars().skip(len - tail).try_for_each(|character| line.write_char(character))
        })
    }
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.write_char(character))
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        if self.column >= self.end {
            return Ok(());
        }
        self.column += 1;
        let printable = character == ' ' || character.is_ascii_graphic();
        self.out.write_char(if printable { character } else { '?' })
    }
}

/// Where what is only counted goes.
pub(super) struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

/// Characters written.
pub(super) struct Count(pub(super) usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

/// A length of time in six characters, so coarse that a screen seldom changes: `3s`, `2m03s`,
/// `2h02m`, `2d07h`, `1234d`.
pub(super) struct Brief(pub(super) Span);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let mut text = heapless::String::<24>::new();
        match secs {
            0..60 => write!(text, "{secs}s"),
            60..3600 => write!(text, "{}m{:02}s", secs / 60, secs % 60),
            3600..86_400 => write!(text, "{}h{:02}m", secs / 3600, secs / 60 % 60),
            86_400..8_640_000 => write!(text, "{}d{:02}h", secs / 86_400, secs / 3600 % 24),
            _ => write!(text, "{}d", secs / 86_400),
        }?;
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    fn line(columns: usize, write: impl FnOnce(&mut Line<'_>) -> fmt::Result) -> String {
        let mut text = String::new();
        write(&mut Line { out: &mut text, column: 0, end: columns }).unwrap();
        text
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(line(79, |line| line.name(8, "VI_1")), "VI_1    ");
        assert_eq!(line(79, |line| line.name(8, "customer_0001")), "cust~001");
        assert_eq!(line(3, |line| line.name(8, "customer_0001")), "cus");
    }

    #[test]
    fn a_line_is_cut_at_its_end_and_printable() {
        assert_eq!(line(5, |line| line.write_str("abcdefg")), "abcde");
        assert_eq!(line(9, |line| line.write_str("a\x1b[2J\u{e9}\t")), "a?[2J??");
        assert_eq!(line(9, |line| line.number(4, 17)), "  17 ");
        assert_eq!(line(9, |line| line.text(3, "four")), "fou ");
    }

    #[test]
    fn times_take_six_characters_at_most() {
        let text = |secs| Brief(Span::from_secs(secs)).to_string();
        assert_eq!(text(0), "0s");
        assert_eq!(text(123), "2m03s");
        assert_eq!(text(7_325), "2h02m");
        assert_eq!(text(200_000), "2d07h");
        assert_eq!(text(8_639_999), "99d23h");
        assert_eq!(text(106_617_600), "1234d");
    }
}
