//! Files that include files.

use super::super::{Found, Options, Surroundings};
use super::*;
use crate::config::source::compile_with;

/// Files by path; a pattern is a path, or ends with `*`.
struct Files(Vec<(&'static str, String)>);

impl Surroundings for Files {
    fn find(&self, folder: &str, pattern: &str) -> Vec<Found> {
        let path = if folder == "." { pattern.to_owned() } else { format!("{folder}/{pattern}") };
        let is_meant = |name: &str| match path.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == path,
        };
        let found = self.0.iter().filter(|(name, _)| is_meant(name));
        found
            .map(|(name, text)| Found {
                name: (*name).to_owned(),
                identity: (*name).to_owned(),
                content: match text.as_str() {
                    "unreadable" => Err("may not be read".to_owned()),
                    text => Ok(text.as_bytes().to_vec()),
                },
            })
            .collect()
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name == "PRIORITY").then(|| "99".to_owned())
    }

    fn absolute(&self, folder: &str) -> String {
        format!("/etc/{folder}")
    }
}

fn of(files: &[(&'static str, &str)], text: &str) -> Compiled {
    let files = Files(files.iter().map(|&(name, text)| (name, text.to_owned())).collect());
    let options = Options { surroundings: &files, ..Options::PLAIN };
    compile_with(&options, "main.conf", text.as_bytes())
}

fn codes_of(compiled: &Compiled) -> Vec<&'static str> {
    compiled.report.diagnostics.iter().map(|d| d.code.id()).collect()
}

#[test]
fn an_include_stands_for_what_is_in_the_files() {
    let files = [
        (
            "conf.d/a.conf",
            "vrrp_instance A {\ninclude parts/common\nvirtual_router_id 1\n\
                           virtual_ipaddress { 10.0.0.1 }\n}\n",
        ),
        (
            "conf.d/b.conf",
            "vrrp_instance B {\ninclude parts/common\nvirtual_router_id 2\n\
                           virtual_ipaddress { 10.0.0.2 }\n}",
        ),
        ("conf.d/parts/common", "interface eth0\npriority $P\n"),
    ];
    // `$D` in front of a slash is not put in.
    let compiled = of(&files[..], "$P=33\n$D=conf.d\ninclude $D/*\n");
    assert!(codes_of(&compiled).contains(&"RW0112"), "{}", compiled.report);
    let compiled = of(&files[..], "$P=33\n$D=conf.d\ninclude ${D}/a.conf\ninclude conf.d/b.conf");
    let config = compiled.config.unwrap();
    assert_eq!(config.instances.len(), 2);
    assert_eq!(config.instances[1].priority.0, 33);
}

#[test]
fn an_included_file_is_named_with_its_include() {
    let files = [("sub/a", "vrrp_instance VI_1 {\ninterface eth0\n}\n")];
    let text = format!("{}\ninclude sub/a\n", with(""));
    let report = of(&files, &text).report.to_string();
    assert!(
        report.ends_with(
            "error[RW0053]: instance `VI_1` exists already\n  --> sub/a:1:15\n   |\n 1 | vrrp_instance \
             VI_1 {\n   |               ^^^^ keepalived drops this one\n   |\n  ::: \
             main.conf:1:15\n   |\n 1 | vrrp_instance VI_1 {\n   |               ---- first given \
             here\n...\n10 | include sub/a\n   |         ----- included here\n   |\n   = help: give it \
             another name\n\n"
        ),
        "{report}"
    );
}

#[test]
fn what_cannot_be_included_is_told() {
    let files = [("loop", "include loop2"), ("loop2", "include loop"), ("locked", "unreadable")];
    for (line, expected) in [
        ("include conf.d/*", "RW0113"),
        ("includew conf.d/*", "RW0112"),
        ("includea conf.d/*", "RW0112"),
        ("include missing.conf", "RW0112"),
        ("include \"loop\"", "RW0112"),
        ("include loop", "RW0115"),
        ("include locked", "RW0114"),
        ("includes x", "RW0020"),
    ] {
        let compiled = of(&files, &with(line));
        assert_eq!(codes_of(&compiled), [expected], "{line}: {}", compiled.report);
    }
}

#[test]
fn the_folder_and_the_environment_can_be_put_in() {
    let files = [("sub/a", "priority ${_ENV PRIORITY}\nnotifies ${_PWD}\n")];
    let compiled = of(&files, &with("include sub/a"));
    let report = compiled.report.to_string();
    assert!(report.contains("unknown keyword `notifies`"), "{report}");
    let compiled = of(&files, &format!("global_defs {{\nrouter_id ${{_PWD}}\n}}\n{}", with("")));
    assert_eq!(compiled.config.unwrap().global.router_id, "/etc/.");
}

#[test]
fn more_text_than_is_read_is_refused() {
    struct Many;
    impl Surroundings for Many {
        fn find(&self, _: &str, _: &str) -> Vec<Found> {
            let found = |index: usize| Found {
                name: format!("f{index}"),
                identity: format!("f{index}"),
                content: Ok(b"# nothing\n".repeat(1000)),
            };
            (0..2000).map(found).collect()
        }

        fn environment(&self, _: &str) -> Option<String> {
            None
        }
    }
    let options = Options { surroundings: &Many, ..Options::PLAIN };
    let compiled = compile_with(&options, "main.conf", format!("{}include x", with("")).as_bytes());
    assert_eq!(codes_of(&compiled), ["RW0116"]);
}
