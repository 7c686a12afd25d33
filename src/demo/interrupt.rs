//! Ctrl-C is a wish, not an accident: the demo takes it at its next look and cleans up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal};

use crate::lab::{Fault, Result};

/// Whether the user wants it to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes SIGINT, SIGTERM and SIGHUP from here on. To be called before other threads start, which
    /// inherit that they are blocked.
    pub(super) fn catch() -> Result<Self> {
        let signals: SigSet =
            [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        signals.thread_block().map_err(|error| Fault::new("block signals", error))?;
        let caught = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&caught);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let _ = signals.wait();
                flag.store(true, Ordering::Relaxed);
            })
            .map_err(|error| Fault::new("start a thread", error))?;
        Ok(Interrupt(caught))
    }

    /// Whether one of them has come.
    pub(super) fn is_caught(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
