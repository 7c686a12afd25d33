//! A console on a serial line: which line, and what may be done there. Configuration and command
//! line name it alike, in the manner of the kernel's `console=`.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::addr::Name;

/// Speeds that serial lines are run at, in bits a second (termios(3)).
pub const SPEEDS: [u32; 13] = [
    1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
    1_000_000, 1_500_000,
];

/// What stands for the line that the board's file names.
const BOARD: &str = "board";

/// A console: `DEV[,SPEED][,keys][,screen]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Console {
    /// The terminal: a name in /dev, or a path. Empty: the board's line.
    pub tty: Name,
    /// Bits a second. `None`: as the line is set; the board's line has the board's speed.
    pub speed: Option<u32>,
    /// Keys are read.
    pub keys: bool,
    /// The full screen from the start.
    pub screen: bool,
}

/// Why a console cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake<'a> {
    /// No terminal is named.
    NoTerminal,
    /// It is no terminal's name.
    Terminal(&'a str),
    /// A word that is no speed of a line, and nothing else that is known.
    Word(&'a str),
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::NoTerminal => {
                f.write_str("a console needs a terminal: ttyS0, for instance, or board")
            }
            Mistake::Terminal(name) => write!(f, "'{}' is no terminal's name", name.escape_debug()),
            Mistake::Word(word) => write!(
                f,
                "'{}' is no speed of a line (9600 or 115200, for instance), and neither keys nor \
                 screen",
                word.escape_debug()
            ),
        }
    }
}

impl Console {
    /// Reads `DEV[,SPEED][,keys][,screen]`.
    ///
    /// # Errors
    /// It names no terminal, or says something that a console does not know.
    pub fn parse(text: &str) -> Result<Self, Mistake<'_>> {
        let mut words = text.split(',');
        let mut console = Console { tty: tty(words.next().unwrap_or(""))?, ..Self::default() };
        for word in words {
            match word {
                "keys" => console.keys = true,
                "screen" => console.screen = true,
                _ => console.speed = Some(speed(word)?),
            }
        }
        Ok(console)
    }
}

/// The name of a terminal.
///
/// # Errors
/// There is none, or it cannot be one.
pub fn tty(text: &str) -> Result<Name, Mistake<'_>> {
    match text {
        "" => Err(Mistake::NoTerminal),
        BOARD => Ok(Name::new()),
        text if text.chars().any(char::is_control) => Err(Mistake::Terminal(text)),
        text => Name::try_from(text).map_err(|_| Mistake::Terminal(text)),
    }
}

/// Bits a second.
///
/// # Errors
/// No line is run at that speed.
pub fn speed(text: &str) -> Result<u32, Mistake<'_>> {
    let known = text.parse().ok().filter(|speed| SPEEDS.contains(speed));
    known.ok_or(Mistake::Word(text))
}

impl fmt::Display for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tty.is_empty() { BOARD } else { &self.tty })?;
        if let Some(speed) = self.speed {
            write!(f, ",{speed}")?;
        }
        let words = [(self.keys, ",keys"), (self.screen, ",screen")];
        words.iter().filter(|(said, _)| *said).try_for_each(|(_, word)| f.write_str(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read_as_it_is_written() {
        let whole = Console {
            tty: "ttyS0".try_into().unwrap(),
            speed: Some(9600),
            keys: true,
            screen: true,
        };
        assert_eq!(Console::parse("ttyS0,9600,keys,screen"), Ok(whole.clone()));
        assert_eq!(Console::parse("ttyS0,screen,keys,9600"), Ok(whole));
        let board = Console { keys: true, ..Console::default() };
        assert_eq!(Console::parse("board,keys"), Ok(board));
        for text in ["ttyS0,9600,keys,screen", "/dev/serial/by-id/x", "board", "board,1500000"] {
            assert_eq!(Console::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_no_console_knows_is_refused() {
        let long = "x".repeat(64);
        for (text, mistake) in [
            ("", Mistake::NoTerminal),
            (",keys", Mistake::NoTerminal),
            ("tty\n", Mistake::Terminal("tty\n")),
            (&long, Mistake::Terminal(&long)),
            ("ttyS0,", Mistake::Word("")),
            ("ttyS0,9601", Mistake::Word("9601")),
            ("ttyS0,key", Mistake::Word("key")),
        ] {
            assert_eq!(Console::parse(text), Err(mistake), "{text}");
        }
    }
}
