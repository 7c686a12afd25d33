//! Keys, as a VT100 and its descendants send them.

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// A printable ASCII character.
    Character(char),
    Enter,
    Erase,
    Tab,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-L.
    Repaint,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// Where in an escape sequence the last octet has left us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Keys {
    #[default]
    Ground,
    Escape,
    /// `ESC [` or `ESC O`, and the number so far.
    Sequence(u8),
}

impl Keys {
    /// Takes one octet.
    pub(super) fn take(&mut self, octet: u8) -> Option<Key> {
        match (*self, octet) {
            (_, 0x1b) => {
                *self = Keys::Escape;
                None
            }
            (Keys::Escape, b'[' | b'O') => {
                *self = Keys::Sequence(0);
                None
            }
            (Keys::Sequence(number), b'0'..=b'9') => {
                *self = Keys::Sequence(number.saturating_mul(10).saturating_add(octet - b'0'));
                None
            }
            (Keys::Sequence(number), _) => {
                *self = Keys::Ground;
                sequence(number, octet)
            }
            (Keys::Escape | Keys::Ground, _) => {
                *self = Keys::Ground;
                plain(octet)
            }
        }
    }
}

fn sequence(number: u8, last: u8) -> Option<Key> {
    match (last, number) {
        (b'A', _) => Some(Key::Up),
        (b'B', _) => Some(Key::Down),
        (b'H', _) | (b'~', 1 | 7) => Some(Key::Home),
        (b'F', _) | (b'~', 4 | 8) => Some(Key::End),
        (b'~', 5) => Some(Key::PageUp),
        (b'~', 6) => Some(Key::PageDown),
        _ => None,
    }
}

fn plain(octet: u8) -> Option<Key> {
    match octet {
        b'\r' | b'\n' => Some(Key::Enter),
        b'\t' => Some(Key::Tab),
        0x03 => Some(Key::Interrupt),
        0x0c => Some(Key::Repaint),
        0x08 | 0x7f => Some(Key::Erase),
        b' '..=b'~' => Some(Key::Character(char::from(octet))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(octets: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        octets.iter().filter_map(|octet| keys.take(*octet)).collect()
    }

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        assert_eq!(typed(b"q\r\x0c"), [Key::Character('q'), Key::Enter, Key::Repaint]);
        // A VT100's cursor keys in both of its modes.
        assert_eq!(typed(b"\x1b[A\x1bOB"), [Key::Up, Key::Down]);
        // A VT220's Prev and Next, xterm's and rxvt's Home and End.
        assert_eq!(typed(b"\x1b[5~\x1b[6~"), [Key::PageUp, Key::PageDown]);
        assert_eq!(typed(b"\x1b[H\x1b[4~\x1b[7~"), [Key::Home, Key::End, Key::Home]);
    }

    #[test]
    fn noise_is_no_key() {
        assert_eq!(typed(b"\x00\xff\x80\x1b[99999Z\x1b[2"), []);
        assert_eq!(typed(b"\x1b\x1b[A"), [Key::Up]);
    }
}
