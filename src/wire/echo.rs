//! ICMP echo (RFC 792, RFC 4443 §4): one request, and whether something that was heard answers it.

use core::net::IpAddr;

use super::checksum::Sum;

/// Octets of a request: type, code, checksum, identifier, sequence number, and its token.
pub const REQUEST_LEN: usize = 16;
/// Octets of the longest answer that is looked at: behind an IPv4 header with options.
pub const ANSWER_LEN_MAX: usize = 60 + REQUEST_LEN;

// Types of requests and replies: ICMP, ICMPv6.
const REQUEST: [u8; 2] = [8, 128];
const REPLY: [u8; 2] = [0, 129];

/// A request to `ip` that carries `token`, by which its answer is known. The kernel fills in the
/// checksum of ICMPv6.
pub fn request(ip: IpAddr, token: u64) -> [u8; REQUEST_LEN] {
    let mut packet = message(ip, REQUEST, token);
    if ip.is_ipv4() {
        let [high, low] = Sum::new().octets(&packet).complement().to_be_bytes();
        [packet[2], packet[3]] = [high, low];
    }
    packet
}

/// Whether `heard` answers that request: what a raw socket receives, over IPv4 with the header of
/// IPv4. Its checksum is the kernel's business for ICMPv6.
pub fn is_answer(ip: IpAddr, token: u64, heard: &[u8]) -> bool {
    let packet = if ip.is_ipv4() {
        let header_len = heard.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
        heard.get(header_len.max(20)..).unwrap_or(&[])
    } else {
        heard
    };
    let Some(packet) = packet.first_chunk::<REQUEST_LEN>() else { return false };
    let mut expected = message(ip, REPLY, token);
    [expected[2], expected[3]] = [packet[2], packet[3]];
    *packet == expected && (ip.is_ipv6() || Sum::new().octets(packet).is_valid())
}

/// Without a checksum. Identifier and sequence number are of the token as well.
fn message(ip: IpAddr, [v4, v6]: [u8; 2], token: u64) -> [u8; REQUEST_LEN] {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = token.to_be_bytes();
    let kind = if ip.is_ipv4() { v4 } else { v6 };
    [kind, 0, 0, 0, t4, t5, t6, t7, t0, t1, t2, t3, t4, t5, t6, t7]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: u64 = 0x0102_0304_0506_0708;
    const V4: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const V6: IpAddr = IpAddr::V6(core::net::Ipv6Addr::LOCALHOST);
    // By RFC 792; the checksum worked by hand: 0800 + 0506 + 0708 + 0102 + 0304 + 0506 + 0708 = 2422,
    // and its complement.
    const ASKED: [u8; 16] = [8, 0, 0xdb, 0xdd, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    // 2422 - 0800 = 1c22.
    const ANSWERED: [u8; 16] = [0, 0, 0xe3, 0xdd, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

    fn behind_ipv4(words: u8, answer: &[u8]) -> Vec<u8> {
        let mut header = vec![0; usize::from(words) * 4];
        header[0] = 0x40 | words;
        [&header, answer].concat()
    }

    #[test]
    fn a_request_carries_its_token_everywhere() {
        assert_eq!(request(V4, TOKEN), ASKED);
        let mut asked = ASKED;
        asked[..4].copy_from_slice(&[128, 0, 0, 0]);
        assert_eq!(request(V6, TOKEN), asked);
    }

    #[test]
    fn only_the_answer_to_this_request_is_one() {
        for words in [5, 6, 15] {
            assert!(is_answer(V4, TOKEN, &behind_ipv4(words, &ANSWERED)));
        }
        let padded = [&ANSWERED[..], &[0; 20]].concat();
        assert!(is_answer(V4, TOKEN, &behind_ipv4(5, &padded)));
        assert!(!is_answer(V4, TOKEN + 1, &behind_ipv4(5, &ANSWERED)));
        assert!(!is_answer(V4, TOKEN, &behind_ipv4(5, &ASKED)), "a request");
        assert!(!is_answer(V4, TOKEN, &ANSWERED), "no header");
        assert!(!is_answer(V4, TOKEN, &behind_ipv4(5, &ANSWERED[..15])), "cut");
        for octet in 0..16 {
            let mut other = ANSWERED;
            other[octet] ^= 0x40;
            assert!(!is_answer(V4, TOKEN, &behind_ipv4(5, &other)), "octet {octet}");
        }
        let mut answered = ANSWERED;
        answered[..4].copy_from_slice(&[129, 0, 0xab, 0xcd]);
        assert!(is_answer(V6, TOKEN, &answered));
        assert!(!is_answer(V6, TOKEN, &behind_ipv4(5, &answered)));
        answered[15] = 9;
        assert!(!is_answer(V6, TOKEN, &answered));
    }

    #[test]
    fn no_octets_are_no_answer() {
        for len in 0..ANSWER_LEN_MAX {
            for first in [0, 0x40, 0x45, 0x4f, 0xff] {
                let heard = vec![first; len];
                assert!(!is_answer(V4, TOKEN, &heard) && !is_answer(V6, TOKEN, &heard));
            }
        }
    }
}
