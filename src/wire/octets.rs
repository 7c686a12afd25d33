//! Writing into a borrowed buffer, front to back.

/// A buffer and how much of it is written. Nothing is ever written past its end.
#[derive(Debug)]
pub(super) struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    /// Starts at the front of `buffer`.
    pub(super) fn new(buffer: &'b mut [u8]) -> Self {
        Writer { buffer, len: 0 }
    }

    /// Appends `octets`; `None`, and nothing written, when they do not fit.
    pub(super) fn put(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.len.checked_add(octets.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(octets);
        self.len = end;
        Some(())
    }

    /// Replaces octets that were written before; `None` when `at` is not among them.
    pub(super) fn patch(&mut self, at: usize, octets: &[u8]) -> Option<()> {
        let end = at.checked_add(octets.len()).filter(|end| *end <= self.len)?;
        self.buffer.get_mut(at..end)?.copy_from_slice(octets);
        Some(())
    }

    /// What was written from `at` on; empty when that is nothing.
    pub(super) fn written_from(&self, at: usize) -> &[u8] {
        self.buffer.get(at..self.len).unwrap_or_default()
    }

    /// How many octets were written.
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

/// Whether these are the same secret, compared in a time that does not depend on where they differ.
pub(super) fn is_same_secret<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    core::hint::black_box(difference) == 0
}

/// Octets written as hexadecimal digits, with white space where it helps the reader.
#[cfg(test)]
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "half an octet at the end of {text}");
    let octet = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::Writer;

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut buffer = [0xa5; 4];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(writer.put(&[1, 2, 3]), Some(()));
        assert_eq!(writer.put(&[4, 5]), None);
        assert_eq!(writer.len(), 3);
        assert_eq!(buffer, [1, 2, 3, 0xa5]);
    }

    #[test]
    fn only_written_octets_can_be_replaced() {
        let mut buffer = [0xa5; 4];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(writer.put(&[1, 2, 3]), Some(()));
        assert_eq!(writer.patch(1, &[9, 9]), Some(()));
        assert_eq!(writer.patch(2, &[7, 7]), None);
        assert_eq!(writer.written_from(1), [9, 9]);
        assert_eq!(writer.written_from(7), [0_u8; 0]);
    }
}
