//! Where the configuration comes from, and when the next one is tried: one that does not come
//! up gives way to the one before it, until the program is started again.

use core::fmt;
#[cfg(feature = "console")]
use std::fs::File;
#[cfg(feature = "console")]
use std::io::Read;
use std::path::Path;

use heapless::Vec;

use super::arguments::RunOptions;
use super::backoff::STABLE;
use super::{Exit, Failure};
#[cfg(feature = "console")]
use crate::config::blob;
#[cfg(feature = "console")]
use crate::config::console::Console;
use crate::config::embedded::{SLOT_COUNT, Slot};
use crate::io::embedded;
use crate::io::process::End;
#[cfg(feature = "console")]
use crate::limits::BLOB_LEN_MAX;
use crate::limits::CONFIGURATION_PATH;
use crate::time::Instant;

/// Deaths in a row that condemn a configuration, where there is another.
const DEATH_COUNT_MAX: u32 = 3;

/// One configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source<'a> {
    /// A compiled one in a file.
    File(&'a Path),
    /// One in the executable.
    Embedded {
        /// The higher one is the newer one.
        version: u32,
        /// Its octets.
        blob: &'static [u8],
    },
}

impl Source<'_> {
    /// Zero for a file.
    pub(super) fn version(self) -> u32 {
        match self {
            Source::File(_) => 0,
            Source::Embedded { version, .. } => version,
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Embedded { version, .. } => write!(f, "embedded version {version}"),
        }
    }
}

/// The board's own file or partition, and the slots.
const SOURCE_COUNT_MAX: usize = 1 + SLOT_COUNT;

/// Configurations, the best first.
pub(super) type Sources<'a> = Vec<Source<'a>, SOURCE_COUNT_MAX>;

/// The configurations there are: the file that was named; or else that of the board, if it is
/// there, and the embedded ones, the newest first.
///
/// # Errors
/// There is none.
pub(super) fn sources(options: &RunOptions) -> Result<Sources<'_>, Failure> {
    sources_of(options, CONFIGURATION_PATH)
}

fn sources_of<'a>(options: &'a RunOptions, board_path: &'a str) -> Result<Sources<'a>, Failure> {
    if let Some(path) = options.config.as_deref() {
        return Ok([Source::File(path)].into_iter().collect());
    }
    let file = Some(Path::new(board_path)).filter(|path| path.exists());
    let section = embedded::section();
    let slots = section.map_or([Slot::Empty; SLOT_COUNT], |section| section.slots());
    for (number, slot) in (1..).zip(slots) {
        if slot == Slot::Damaged {
            log::warn!("- configuration-damaged slot={number}");
        }
    }
    let slots = section.into_iter().flat_map(|section| section.configurations());
    let slots = slots.map(|(version, blob)| Source::Embedded { version, blob });
    let all: Sources<'_> = file.map(Source::File).into_iter().chain(slots).collect();
    if all.is_empty() {
        return Err(Failure::new(
            Exit::Configuration,
            "no configuration: give --config FILE, compiled by ringwardc compile, or embed one \
             with ringwardc embed",
        ));
    }
    Ok(all)
}

/// The console that the first configuration wants which is not damaged.
#[cfg(feature = "console")]
pub(super) fn console(sources: &Sources<'_>) -> Option<Console> {
    let global = |source: &Source<'_>| match *source {
        Source::File(path) => {
            let mut octets = std::vec::Vec::new();
            // One octet more than a blob may have, as the daemon reads it.
            let most = BLOB_LEN_MAX as u64 + 1;
            File::open(path).ok()?.take(most).read_to_end(&mut octets).ok()?;
            blob::global(blob::without_padding(&octets)).ok()
        }
        Source::Embedded { blob, .. } => blob::global(blob).ok(),
    };
    sources.iter().find_map(global)?.console.pop()
}

/// The configuration that is being tried, of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trial {
    /// Which one.
    pub(super) index: usize,
    deaths: u32,
}

impl Trial {
    /// A daemon has ended without being asked to: whether the next configuration is to be tried, of
    /// so many.
    pub(super) fn ended(&mut self, end: End, count: usize, life: (Instant, Instant)) -> bool {
        let (started_at, now) = life;
        if now.since(started_at) >= STABLE {
            self.deaths = 0;
        }
        self.deaths += 1;
        let is_refused = [Exit::Blob, Exit::Configuration, Exit::Undecided]
            .iter()
            .any(|exit| end == End::Exited(exit.code().into()));
        let is_over = is_refused || self.deaths >= DEATH_COUNT_MAX;
        if !is_over || self.index + 1 >= count {
            return false;
        }
        *self = Trial { index: self.index + 1, deaths: 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const REFUSED: End = End::Exited(65);
    const KILLED: End = End::Killed(11);

    fn life(secs: u64) -> (Instant, Instant) {
        (Instant::ZERO, Instant::ZERO + Span::from_secs(secs))
    }

    #[test]
    fn the_boards_file_counts_if_it_is_there_and_none_was_named() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let options = RunOptions::default();
        let found = sources_of(&options, here).expect("it is there");
        assert_eq!(found, [Source::File(Path::new(here))]);
        let missing = sources_of(&options, "/nonexistent.rwb").expect_err("nothing is embedded");
        assert_eq!(missing.exit, Exit::Configuration);
        let options = RunOptions { config: Some("/named.rwb".into()), ..options.clone() };
        let named = sources_of(&options, here).expect("it was named");
        assert_eq!(named, [Source::File(Path::new("/named.rwb"))]);
    }

    #[test]
    fn a_refused_configuration_gives_way_at_once() {
        let mut trial = Trial::default();
        assert!(trial.ended(REFUSED, 2, life(0)));
        assert_eq!(trial.index, 1);
        assert!(!trial.ended(REFUSED, 2, life(0)), "there is no third");
    }

    #[test]
    fn a_configuration_without_a_decision_gives_way_at_once() {
        let mut trial = Trial::default();
        assert!(trial.ended(End::Exited(75), 2, life(3600)));
        assert_eq!(trial.index, 1);
    }

    #[test]
    fn the_third_death_in_a_row_condemns_a_configuration() {
        let mut trial = Trial::default();
        let ends = [life(1), life(59), life(60), life(1)];
        assert_eq!(ends.map(|life| trial.ended(KILLED, 2, life)), [false; 4], "a minute forgives");
        assert!(trial.ended(KILLED, 2, life(1)));
        assert_eq!([1, 1, 1].map(|secs| trial.ended(KILLED, 2, life(secs))), [false; 3]);
    }

    #[test]
    fn the_only_configuration_is_never_given_up() {
        let mut trial = Trial::default();
        assert!((0..9).all(|_| !trial.ended(KILLED, 1, life(1))));
    }
}
