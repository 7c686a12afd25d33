//! A build that runs no programs: there is no helper, and nobody to start one. Its board holds no
//! commands, so no configuration asks for any.

use std::os::fd::OwnedFd;

use crate::io::Fault;

/// No keeper.
#[derive(Debug)]
pub(super) struct Keeper;

impl Keeper {
    pub(super) fn start() -> Result<(Self, Option<OwnedFd>), Fault> {
        Ok((Keeper, None))
    }

    pub(super) fn tend(&mut self) {}
}
