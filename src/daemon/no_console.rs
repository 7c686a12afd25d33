//! A build without consoles: nothing to look after.

use super::arguments::RunOptions;
use super::source::Sources;
use crate::time::Instant;

/// No console.
#[derive(Debug)]
pub(super) struct Child<'a> {
    _options: &'a RunOptions,
}

impl<'a> Child<'a> {
    pub(super) fn new(_options: &'a RunOptions, _: &Sources<'_>) -> Self {
        Child { _options }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }

    pub(super) fn tend(&mut self, _: Instant) {}
}
