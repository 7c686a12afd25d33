//! Whether this machine is a guest whose host ran something else meanwhile: no figure of such a
//! demo says anything about ringward.

use std::fs;

use crate::time::Span;

/// The processor time that the host has withheld so far, all processors together. Zero where there
/// is no host, or where it does not tell.
pub(super) fn stolen() -> Span {
    fs::read_to_string("/proc/stat").ok().and_then(|stat| total(&stat)).unwrap_or(Span::ZERO)
}

/// The eighth figure behind `cpu`, in USER_HZ, which every Linux has at 100 (proc(5)).
fn total(stat: &str) -> Option<Span> {
    let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().nth(7)?;
    ticks.parse().ok().map(Span::from_centis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_share_is_the_eighth_figure() {
        let stat = "cpu  114955 0 23555 588096 7071 0 673 35646 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(total(stat), Some(Span::from_millis(356_460)));
        assert_eq!(total("intr 1 2 3"), None);
    }
}
