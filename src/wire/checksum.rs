//! The Internet checksum (RFC 1071) and the pseudo headers that go into it.

use core::net::IpAddr;

/// A running one's complement sum of 16-bit words in network order.
///
/// The checksum of a message is the [`Sum::complement`] of it with zero in the checksum field; a
/// message with its checksum in place sums up to a [`Sum::is_valid`] value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Sum(u16);

impl Sum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Sum(0)
    }

    /// Adds one word.
    pub const fn word(self, word: u16) -> Self {
        let (sum, carry) = self.0.overflowing_add(word);
        // A sum that carried is at most 0xfffe, so the end-around carry cannot carry again.
        Sum(if carry { sum.wrapping_add(1) } else { sum })
    }

    /// Adds `octets`; an odd one at the end counts as the high half of a word. Only the last piece
    /// of a message may therefore have an odd length.
    pub fn octets(self, octets: &[u8]) -> Self {
        let (words, odd) = octets.as_chunks::<2>();
        let sum = words.iter().fold(self, |sum, word| sum.word(u16::from_be_bytes(*word)));
        odd.iter().fold(sum, |sum, octet| sum.word(u16::from_be_bytes([*octet, 0])))
    }

    /// Adds the pseudo header of the addresses' family: RFC 768 for IPv4, RFC 8200 §8.1 for IPv6.
    /// `len` is that of the upper-layer packet.
    ///
    /// Both layouts sum up alike, since a length below 65,536 leaves the high half of IPv6's
    /// length field zero.
    pub fn pseudo_header(
        self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        len: u16,
    ) -> Self {
        self.address(source).address(destination).word(u16::from(protocol)).word(len)
    }

    /// Adds an address.
    pub fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => self.octets(&ip.octets()),
            IpAddr::V6(ip) => self.octets(&ip.octets()),
        }
    }

    /// What belongs into the checksum field.
    #[must_use]
    pub const fn complement(self) -> u16 {
        !self.0
    }

    /// Whether a message that includes its checksum is intact. An all-zero message is not.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 == 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    // RFC 1071 §3: the worked example, 0001 f203 f4f5 f6f7 sums up to ddf2.
    const EXAMPLE: [u8; 8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];

    #[test]
    fn the_example_of_rfc_1071_sums_up_as_printed() {
        assert_eq!(Sum::new().octets(&EXAMPLE).complement(), !0xddf2);
    }

    #[test]
    fn pieces_of_even_length_sum_up_like_the_whole() {
        let (head, tail) = EXAMPLE.split_at(2);
        assert_eq!(Sum::new().octets(head).octets(tail), Sum::new().octets(&EXAMPLE));
    }

    #[test]
    fn an_odd_octet_counts_as_the_high_half_of_a_word() {
        // ddf2 + ab00 = 1_88f2, and the carry goes round: 88f3.
        assert_eq!(Sum::new().octets(&EXAMPLE).octets(&[0xab]).complement(), !0x88f3);
    }

    #[test]
    fn a_captured_ipv4_header_is_valid_and_an_empty_one_is_not() {
        // keepalived-deb-v3-ipv4.pcap, frame 5.
        let header = [
            0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd0, 0x36, 0x0a, 0x63,
            0x00, 0x01, 0xe0, 0x00, 0x00, 0x12,
        ];
        assert!(Sum::new().octets(&header).is_valid());
        assert!(!Sum::new().octets(&[0; 20]).is_valid());
    }
}
