mod fifos;
mod files;
mod forms;
mod groups;
mod includes;
mod keywords;
mod language;
mod levels;
mod messages;
mod nodes;
mod processes;
mod robustness;
mod scripts;
mod slips;

use super::diagnostic::Severity;
use super::{Compiled, compile};
use crate::config::model::{Config, Instance};

fn run(text: &str) -> Compiled {
    compile("test.conf", text.as_bytes())
}

/// The identifiers of all messages, in the order of the text.
fn codes(text: &str) -> Vec<&'static str> {
    run(text).report.diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

/// The configuration of a text that must compile.
#[track_caller]
fn config(text: &str) -> Box<Config> {
    let compiled = run(text);
    match compiled.config {
        Some(config) => config,
        None => panic!("{text}\ndoes not compile:\n{}", compiled.report),
    }
}

/// A complete instance with `lines` in it.
fn with(lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    interface eth0\n    virtual_router_id 51\n    \
         virtual_ipaddress {{\n        10.0.0.9/24\n    }}\n    {lines}\n}}\n"
    )
}

/// The same with another list of addresses.
fn with_addresses(addresses: &str, lines: &str) -> String {
    with(lines).replace("10.0.0.9/24", addresses)
}

/// The instance of `with(lines)`.
#[track_caller]
fn instance(lines: &str) -> Instance {
    config(&with(lines)).instances[0].clone()
}

/// The same with settings in global_defs.
#[track_caller]
fn under(global: &str, lines: &str) -> Instance {
    config(&format!("global_defs {{\n{global}\n}}\n{}", with(lines))).instances[0].clone()
}

#[test]
fn every_code_can_be_found_by_its_name() {
    use super::code::Code;
    for pair in Code::ALL.windows(2) {
        assert!(pair[0].id() < pair[1].id(), "{}", pair[1].id());
    }
    for &code in Code::ALL {
        assert_eq!(Code::find(&code.id().to_lowercase()), Some(code));
        assert!(code.cause().ends_with('.') && code.cure().ends_with('.'), "{}", code.id());
    }
    assert_eq!(Code::find("RW9999"), None);
}

#[test]
fn what_compiles_has_no_errors_and_what_has_errors_does_not_compile() {
    for lines in ["", "priority 0", "nopreempt\nstate MASTER\npriority 7", "notify x"] {
        let compiled = run(&with(lines));
        let errors = compiled.report.count(Severity::Error);
        assert_eq!(compiled.config.is_some(), errors == 0, "{lines}");
    }
}
