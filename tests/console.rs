//! The serial console and the full screen, as terminals understand them: the `vt100` crate at the
//! other end of a pseudo-terminal, and tmux.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod rig;

#[path = "console/line.rs"]
mod line;
#[path = "console/lines.rs"]
mod lines;
#[path = "console/scene.rs"]
mod scene;
#[path = "console/screen.rs"]
mod screen;
#[path = "console/supervised.rs"]
mod supervised;
#[path = "console/tmux.rs"]
mod tmux;
