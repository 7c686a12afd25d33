//! The console that `ringward run --console` starts.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::line::Line;
use crate::scene::{Scene, two};

/// The supervisor's child of this name.
fn child(scene: &Scene, name: &str) -> Option<Pid> {
    scene.daemon.children_named(name).first().copied()
}

#[test]
fn it_is_started_started_again_and_ends_with_the_supervisor() {
    let mut line = Line::new();
    let console = format!("{},9600", line.path.display());
    let scene = Scene::new("supervised", &two(), &["--console", &console]);
    line.until_there_is("ringward: office INIT -> FAULT: interface does not exist");
    let first = child(&scene, "ringward-cons").unwrap();
    let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap();
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    let open: Vec<_> = fs::read_dir(format!("/proc/{first}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().contains("journal"))
        .collect();
    assert_eq!(open, Vec::<std::path::PathBuf>::new(), "the journal's lock went with it");
    kill(first, Signal::SIGKILL).unwrap();
    scene.eventually("another console", |scene| {
        child(scene, "ringward-cons").is_some_and(|pid| pid != first)
    });
    assert!(scene.ask(&["status"]).contains("gateway  MASTER"), "nothing else has happened");
    line.until("it tells again", |text| text.matches("office INIT -> FAULT").count() >= 2);
    scene.wait_until_followed();
    scene.daemon.signal(Signal::SIGTERM).unwrap();
    line.until_there_is("ringward: gateway MASTER -> INIT: stopped");
    scene.eventually("its end", |scene| child(scene, "ringward-cons").is_none());
}

#[test]
fn the_configuration_starts_one_as_well() {
    let mut line = Line::new();
    let global = format!("global_defs {{\n  console {},keys,screen\n", line.path.display());
    let scene = Scene::new("configured", &two().replacen("global_defs {\n", &global, 1), &[]);
    line.until_there_is("q quit");
    line.press("q");
    line.until_there_is("ringward: office INIT -> FAULT: interface does not exist");
    assert!(child(&scene, "ringward-cons").is_some());
    // The log goes elsewhere, and so says all.
    assert!(scene.daemon.output().contains("INFO gateway transition"));
}

#[test]
fn a_line_that_is_not_there_costs_nothing_but_a_line_in_the_log() {
    let scene = Scene::new("no-line", &two(), &["--console", "/nonexistent/tty"]);
    scene.eventually("the line", |scene| scene.daemon.output().contains("console-died"));
    scene.eventually("why", |scene| scene.daemon.output().contains("cannot use /nonexistent/tty"));
    scene.eventually("a master", |scene| scene.ask(&["status"]).contains("gateway  MASTER"));
}
