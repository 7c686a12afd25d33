//! HTTP/1.1 as far as a check of a server needs it (RFC 9112): one request, and the status of its
//! answer.

use core::fmt::Write;
use core::net::SocketAddr;
use heapless::String;

use crate::limits::COMMAND_LEN_MAX;

/// Octets of the longest request.
pub const REQUEST_LEN_MAX: usize = COMMAND_LEN_MAX + 160;

/// Octets of an answer from which its status is known: `HTTP/1.1 200`, and what ends the number.
pub const STATUS_LEN: usize = 13;

/// A request for `path`, after whose answer the server is to hang up. None: it is too long.
pub fn request(server: SocketAddr, path: &str) -> Option<String<REQUEST_LEN_MAX>> {
    let mut text = String::new();
    write!(
        text,
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: ringward\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    )
    .ok()?;
    Some(text)
}

/// What the first octets of an answer say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// More are needed.
    Incomplete,
    /// This is its status.
    Status(u16),
    /// This is no answer in HTTP.
    Malformed,
}

/// Reads the status of an answer (RFC 9112 §4): `HTTP/`, a digit, a dot, a digit, a space, and
/// three digits, behind which a space or the end of the line follows.
pub fn status(octets: &[u8]) -> Answer {
    const SHAPE: &[u8; STATUS_LEN] = b"HTTP/d.d ddd ";
    for (octet, shape) in octets.iter().zip(SHAPE) {
        let fits = match shape {
            b'd' => octet.is_ascii_digit(),
            b' ' => matches!(octet, b' ' | b'\r' | b'\n'),
            exact => octet == exact,
        };
        if !fits {
            return Answer::Malformed;
        }
    }
    match octets.get(9..STATUS_LEN) {
        Some([a, b, c, _]) => Answer::Status(
            [a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0')),
        ),
        _ => Answer::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_host_and_hangs_up() {
        let text = request("192.0.2.1:8080".parse().unwrap(), "/health?x=1").unwrap();
        assert_eq!(
            text,
            "GET /health?x=1 HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: ringward\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        );
        let text = request("[2001:db8::1]:80".parse().unwrap(), "/").unwrap();
        assert!(text.contains("\r\nHost: [2001:db8::1]:80\r\n"), "{text}");
    }

    #[test]
    fn the_longest_path_has_room() {
        let server = "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().unwrap();
        assert!(request(server, &"p".repeat(COMMAND_LEN_MAX)).is_some());
    }

    // The examples of RFC 9112 §4 and RFC 9110, and what servers have been seen to say.
    #[test]
    fn the_status_is_read() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nServer: x\r\n", Answer::Status(200)),
            ("HTTP/1.0 404 Not Found\r\n", Answer::Status(404)),
            ("HTTP/1.1 503 ", Answer::Status(503)),
            // Without the reason, and without the space before it, which many leave out.
            ("HTTP/1.1 204\r\n", Answer::Status(204)),
            ("HTTP/1.1 20", Answer::Incomplete),
            // The next octet could be a digit.
            ("HTTP/1.1 200", Answer::Incomplete),
            ("", Answer::Incomplete),
            ("HTTP/1.1 2000", Answer::Malformed),
            ("HTTP/1.1 abc", Answer::Malformed),
            ("HTTP/11 200 ", Answer::Malformed),
            ("SSH-2.0-OpenSSH_9.2p1\r\n", Answer::Malformed),
            ("http/1.1 200 OK", Answer::Malformed),
            ("\x15\x03\x01\x00\x02\x02\x16", Answer::Malformed),
        ] {
            assert_eq!(status(answer.as_bytes()), expected, "{answer:?}");
        }
    }

    #[test]
    fn an_answer_in_pieces_is_the_same() {
        let answer = b"HTTP/1.1 200 OK\r\n";
        for len in 0..STATUS_LEN {
            assert_eq!(status(&answer[..len]), Answer::Incomplete, "{len}");
        }
        assert_eq!(status(&answer[..STATUS_LEN]), Answer::Status(200));
    }
}
