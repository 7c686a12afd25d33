//! What people see.

use super::*;
use crate::config::source::explain::explain;

#[track_caller]
fn shown(text: &str, expected: &str) {
    assert_eq!(run(text).report.to_string().trim_end(), expected.trim_end());
}
