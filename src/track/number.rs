//! The number in a tracked file (keepalived.conf(5), `track_file`), as strtol(3) with base 0 reads it.

use super::Finding;

/// Octets of a file that are looked at.
pub const NUMBER_LEN_MAX: usize = 127;

/// One beyond what a number may be, either way: keepalived takes 2^31 as well.
const LIMIT: i64 = (1 << 31) + 1;

/// The number that `content` begins with, behind white space: decimal, hexadecimal with `0x` or
/// octal with `0` before it. What follows it does not matter.
pub fn number(content: &[u8]) -> Finding {
    let content = content.get(..NUMBER_LEN_MAX).unwrap_or(content);
    // isspace(3): the vertical tab is no white space to Rust.
    let is_space = |octet: &u8| octet.is_ascii_whitespace() || *octet == 0x0b;
    let start = content.iter().position(|octet| !is_space(octet)).unwrap_or(content.len());
    let rest = content.get(start..).unwrap_or(&[]);
    let (sign, rest) = match rest {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, rest),
    };
    let (radix, digits) = match rest {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, digits)
        }
        [b'0', ..] => (8, rest),
        _ => (10, rest),
    };
    let mut number = None;
    for digit in digits.iter().map_while(|octet| char::from(*octet).to_digit(radix)) {
        let larger = number.unwrap_or(0) * i64::from(radix) + i64::from(digit);
        number = Some(larger.min(LIMIT));
    }
    match number {
        None => Finding::NoNumber,
        Some(LIMIT..) => Finding::OutOfRange,
        // 2^31 means no more than what is one less.
        Some(number) => Finding::Number(i32::try_from(sign * number).unwrap_or(i32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Each was given to strtol(3) of glibc 2.36 with base 0.
    #[test]
    fn numbers_are_read_as_strtol_does() {
        for (content, expected) in [
            ("0", 0),
            ("7\n", 7),
            (" \t\n\x0b\x0c\r42", 42),
            ("-50\n", -50),
            ("+50", 50),
            ("0x1f", 31),
            ("-0XfF", -255),
            ("010", 8),
            ("08", 0),
            ("0x", 0),
            ("0xg", 0),
            ("12abc", 12),
            ("1 2", 1),
            ("1.9", 1),
            ("2147483647", i32::MAX),
            ("2147483648", i32::MAX),
            ("-2147483648", i32::MIN),
            ("000000000000000000000000017", 15),
        ] {
            assert_eq!(number(content.as_bytes()), Finding::Number(expected), "{content:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_apart_from_what_is_too_large() {
        for content in ["", "\n", "x", "-", "- 1", "--1", "\0", "\u{a0}1"] {
            assert_eq!(number(content.as_bytes()), Finding::NoNumber, "{content:?}");
        }
        for content in
            ["2147483649", "-2147483649", "99999999999999999999999999", "0xffffffffffffffffffff"]
        {
            assert_eq!(number(content.as_bytes()), Finding::OutOfRange, "{content:?}");
        }
    }

    #[test]
    fn a_long_file_counts_as_far_as_it_is_looked_at() {
        let padded = |spaces: usize| number(format!("{}15", " ".repeat(spaces)).as_bytes());
        assert_eq!(padded(125), Finding::Number(15));
        assert_eq!(padded(126), Finding::Number(1));
        assert_eq!(padded(127), Finding::NoNumber);
    }
}
