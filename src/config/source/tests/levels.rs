//! What is made of messages.

use super::super::Options;
use super::super::code::Code;
use super::*;
use crate::config::source::compile_with;

fn levels(options: Options<'_>, text: &str) -> (Vec<(&'static str, &'static str)>, bool) {
    let compiled = compile_with(&options, "test.conf", text.as_bytes());
    let messages = compiled.report.diagnostics.iter();
    (messages.map(|d| (d.code.id(), d.severity.name())).collect(), compiled.config.is_some())
}

#[test]
fn warnings_can_be_errors_and_messages_can_be_allowed() {
    let text = with("authentication {\nauth_type PASS\nauth_pass 123456789\n}\ndebug 3");
    let all = vec![("RW0063", "warning"), ("RW0025", "note")];
    assert_eq!(levels(Options::PLAIN, &text), (all, true));
    let denied = Options { denies_warnings: true, ..Options::PLAIN };
    assert_eq!(levels(denied, &text), (vec![("RW0063", "error"), ("RW0025", "note")], false));
    let allowed = [Code::PasswordCut, Code::NoEffect, Code::Unknown];
    let allowed = Options { allowed: &allowed, ..denied };
    assert_eq!(levels(allowed, &text), (vec![], true));
    // Errors cannot be allowed.
    assert_eq!(levels(allowed, &with("nonsense")), (vec![("RW0020", "error")], false));
}
