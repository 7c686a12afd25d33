//! The library without features needs neither std nor alloc.
//!
//! Proven on an ordinary toolchain by a static library that brings its own panic handler and no
//! allocator: std would bring a second handler, alloc would want an allocator. Both refusals are
//! provoked as well, so that the proof is known to be able to fail.
#![cfg(test)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the library with `features` and makes the static library `name` of it and
/// `tests/no_std/lib.rs`.
fn build(name: &str, features: &str, configuration: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("no_std-{features}"));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root())
        .args(["build", "--lib", "--locked", "--quiet", "--no-default-features", "--features"])
        .arg(features)
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_PROFILE_DEV_PANIC", "abort")
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo does not start");
    assert!(built.status.success(), "the library does not build: {}", stderr(&built));

    let library = target.join("debug");
    let mut externals = PathBuf::from("ringward=").into_os_string();
    externals.push(library.join("libringward.rlib"));
    let mut dependencies = PathBuf::from("dependency=").into_os_string();
    dependencies.push(library.join("deps"));
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(root())
        .args(["--edition", "2024", "--crate-type", "staticlib", "--crate-name", name])
        .args(["-C", "panic=abort", "--extern"])
        .arg(externals)
        .arg("-L")
        .arg(dependencies)
        .arg("--out-dir")
        .arg(&target)
        .args(configuration)
        .arg("tests/no_std/lib.rs")
        .output()
        .expect("rustc does not start")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_library_alone_needs_neither_std_nor_alloc() {
    let proof = build("bare", "", &[]);
    assert!(proof.status.success(), "{}", stderr(&proof));
}

#[test]
fn the_proof_fails_when_std_enters() {
    let proof = build("with_std", "std", &[]);
    let said = stderr(&proof);
    assert!(!proof.status.success() && said.contains("duplicate lang item"), "{said}");
}

#[test]
fn the_proof_fails_when_alloc_enters() {
    let proof = build("with_alloc", "", &["--cfg", "with_alloc"]);
    let said = stderr(&proof);
    assert!(!proof.status.success() && said.contains("no global memory allocator"), "{said}");
}
