//! The Yocto layer beside the sources that it builds: the files, features and programs that it names,
//! and what it expects of Cargo.lock. Whether bitbake makes an image of it is beyond this.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::de::{DeTable, DeValue};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn recipes() -> PathBuf {
    root().join("yocto-layer/recipes-networking/ringward")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All of the layer's recipes and parts of recipes, with their names.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("yocto-layer")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "bb" || kind == "inc") {
                let text = read(&path);
                found.push((path, text));
            }
        }
    }
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// What follows `prefix` in a text, each time, up to white space or the end of a string.
fn named<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(prefix).skip(1).map(|rest| {
        rest.split(|end: char| end.is_whitespace() || end == '"' || end == ';').next().unwrap()
    })
}

/// The recipes read Cargo.lock by its lines, and call the registry as its index is called.
#[test]
fn cargo_lock_is_as_the_recipes_read_it() {
    let text = read(&root().join("Cargo.lock"));
    let lock = DeTable::parse(&text).unwrap().into_inner();
    let (packages, mut count) = (lock["package"].get_ref().as_array().unwrap(), 0);
    for package in packages {
        let value = |key: &str| package.get_ref().get(key).and_then(|it| it.get_ref().as_str());
        let name = value("name").unwrap();
        let Some(source) = value("source") else {
            assert_eq!(name, "ringward");
            continue;
        };
        assert!(source.starts_with("registry+") && source.ends_with("-index"), "{name}: {source}");
        for key in ["version", "checksum"] {
            let line = format!("\n{key} = \"{}\"\n", value(key).unwrap());
            assert!(text.contains(&line), "{name}: {key}");
        }
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn every_file_that_a_recipe_names_is_there() {
    let mut count = 0;
    for (path, text) in sources() {
        let folder = path.parent().unwrap();
        // The default of a variable is what its assignment says.
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.split('"').nth(1));
        for name in named(&text, "file://") {
            let name = name
                .strip_prefix("${")
                .map_or(name, |variable| value(variable.strip_suffix('}').unwrap()).unwrap());
            if name.starts_with("LICENSE-") {
                continue;
            }
            let file = folder.join("files").join(name);
            assert!(file.is_file(), "{}: {} is not there", path.display(), file.display());
            count += 1;
        }
        for name in named(&text, "\nrequire ") {
            assert!(folder.join(name).is_file(), "{}: {name} is not there", path.display());
            count += 1;
        }
        for name in named(&text, "${RINGWARD_SOURCE}/") {
            assert!(root().join(name).is_file(), "{}: {name} is not there", path.display());
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}

#[test]
fn the_checksums_of_the_licences_are_those_of_the_files() {
    let text = read(&recipes().join("ringward.inc"));
    let mut count = 0;
    for name in named(&text, "file://LICENSE-") {
        let file = fs::read(root().join(format!("LICENSE-{name}"))).unwrap();
        let sum = text.split(&format!("LICENSE-{name};md5=")).nth(1).unwrap();
        assert_eq!(sum[..32], format!("{:x}", md5::compute(file)), "{name}");
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn the_recipes_ask_for_features_programs_and_a_version_that_there_are() {
    let manifest = read(&root().join("Cargo.toml"));
    let manifest = DeTable::parse(&manifest).unwrap().into_inner();
    let features = manifest["features"].get_ref().as_table().unwrap();
    let programs: Vec<_> = manifest["bin"].get_ref().as_array().unwrap().iter().collect();
    let version = manifest["package"].get_ref()["version"].get_ref().as_str().unwrap();
    for program in ["ringward", "ringwardc"] {
        let text = read(&recipes().join(format!("{program}_{version}.bb")));
        let asked: Vec<_> = named(&text, "--features ").collect();
        assert!(!asked.is_empty());
        for feature in asked {
            assert!(features.contains_key(feature), "{program}: no feature {feature}");
        }
        assert_eq!(named(&text, "--bin ").collect::<Vec<_>>(), [program]);
        let is_there = |entry: &DeValue<'_>| entry["name"].get_ref().as_str() == Some(program);
        assert!(programs.iter().any(|entry| is_there(entry.get_ref())));
    }
    let text = read(&recipes().join("ringward.inc"));
    let board = text.split("RINGWARD_BOARD ?= \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(root().join("board").join(format!("{board}.toml")).is_file(), "no board {board}");
}

#[test]
fn the_services_start_the_program_where_the_recipe_installs_it() {
    let files = recipes().join("files");
    let unit = read(&files.join("ringward.service"));
    assert!(unit.contains("\nExecStart=/usr/sbin/ringward run\n"));
    // The exit codes after which another start would come to the same end, of ARCHITECTURE's table.
    assert!(unit.contains("\nRestartPreventExitStatus=2 65 69 77 78\n"));
    let script = files.join("ringward.init");
    assert!(read(&script).contains("\nprogram=/usr/sbin/ringward\n"));
    let status = Command::new("sh").arg("-n").arg(&script).status().unwrap();
    assert!(status.success(), "{}", script.display());
}
