//! A build that makes no built-in checks. Its board holds none, so no configuration asks for any.

use crate::engine::Engine;
use crate::io::netlink::Netlink;
use crate::io::ring::Ring;
use crate::time::Instant;

/// Nothing under way.
#[derive(Debug)]
pub(super) struct Probes;

impl Probes {
    pub(super) fn new() -> Self {
        Probes
    }

    pub(super) fn begin(&mut self, _: Instant, _: &mut Engine, _: &mut Ring) -> bool {
        true
    }

    pub(super) fn serve(&mut self, _: Instant, _: u16, _: &mut Engine, _: &mut Ring) {}

    pub(super) fn watched(&mut self, _: Instant, _: &mut Engine) {}

    pub(super) fn processes_changed(&mut self, _: Instant, _: &mut Engine) {}

    pub(super) fn tables_changed(&mut self, _: Instant, _: &mut Engine, _: &mut Netlink) {}

    pub(super) fn expire(&mut self, _: Instant, _: &mut Engine) {}

    pub(super) fn next_deadline(&self) -> Instant {
        Instant::NEVER
    }
}
