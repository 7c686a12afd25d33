//! A package as `uci export` prints it.

use std::fmt::Write as _;

use super::Package;

/// The package in libuci's own form, which libuci reads back as the same.
pub fn export(name: &str, package: &Package) -> String {
    let mut text = format!("package {name}\n");
    for section in &package.sections {
        let kind = &section.kind.text;
        // libuci writes a type as it is, and could not read these again.
        let is_bare = !kind.contains(['\'', '"', '\\', '#', ';']);
        let kind = if is_bare { kind.clone() } else { quoted(kind) };
        let _ = write!(text, "\nconfig {kind}");
        if let Some(name) = &section.name {
            let _ = write!(text, " {}", quoted(&name.text));
        }
        text.push('\n');
        for setting in &section.options {
            let keyword = if setting.is_list { "list" } else { "option" };
            for value in &setting.values {
                let _ = writeln!(text, "\t{keyword} {} {}", setting.name.text, quoted(&value.text));
            }
        }
    }
    text.push('\n');
    text
}

/// A value between quotes.
pub(in super::super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}
