//! `ringward demo` as a user runs it. Needs root, or user namespaces for everybody.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ringward");
const SOON: Duration = Duration::from_secs(60);

/// One demo at a time: several would disturb each other's clocks.
static STAGE: Mutex<()> = Mutex::new(());

#[test]
fn everything_happens_over_ipv4() {
    let output = demo(&[]);
    // RFC 9568 §6.1 for 100 ms: 300 + 106 × 100 ÷ 256, 300 + 56 × 100 ÷ 256, 106 × 100 ÷ 256.
    assert_four_steps(&output, ["341.4 ms", "321.9 ms", "341.4 ms", "41.4 ms"]);
}

#[test]
fn everything_happens_over_ipv6_with_three_routers() {
    let output = demo(&["--ipv6", "--nodes", "3", "--interval=200ms"]);
    assert_four_steps(&output, ["682.8 ms", "643.8 ms", "682.8 ms", "82.8 ms"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("r3 (priority 100)") && text.contains("fd99::100"), "{text}");
}

/// The demo's own verdict is its exit code; beyond that, its summary has a row for each step, with
/// the theory worked by hand, and a second owner where the protocol has one: while a better router
/// preempts.
#[track_caller]
fn assert_four_steps(output: &Output, theory: [&str; 4]) {
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}\n{errors}");
    let steps = ["a  power-off", "b  return", "c  daemon killed", "d  graceful stop"];
    for (step, theory) in steps.into_iter().zip(theory) {
        // The headings of the timeline begin with the same letters, but hold no figures.
        let row = text.lines().find(|line| line.starts_with(step) && line.ends_with(" ms"));
        let row = row.unwrap_or_else(|| panic!("no row for {step} in\n{text}"));
        assert!(row[step.len()..].trim_start().starts_with(theory), "{row}");
        if !step.starts_with('b') {
            assert!(row.ends_with(" 0.0 ms"), "two owners: {row}");
        }
    }
}

#[test]
fn an_interrupted_demo_leaves_no_process_and_no_namespace() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    for (signal, status) in [(Signal::SIGINT, Some(130)), (Signal::SIGKILL, None)] {
        let mut demo = Command::new(PROGRAM)
            .args(["demo", "--interval", "200ms"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_line(&mut demo, "is master");
        let family = descendants(demo.id());
        // Keepers, first processes, supervisors and daemons of two routers at least.
        assert!(family.len() >= 8, "{family:?}");
        let namespaces: BTreeSet<_> = family.iter().filter_map(|&pid| net_namespace(pid)).collect();
        let ours = net_namespace(std::process::id()).unwrap();
        assert!(namespaces.len() >= 3, "two routers and the demo itself: {namespaces:?}");
        kill(Pid::from_raw(demo.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(demo.wait().unwrap().code(), status);
        eventually("the end of all its processes", || {
            family.iter().all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap())
        });
        let left: BTreeSet<_> = processes().into_iter().filter_map(net_namespace).collect();
        let kept: Vec<_> = left.intersection(&namespaces).filter(|kept| **kept != ours).collect();
        assert!(kept.is_empty(), "namespaces with processes in them: {kept:?}");
    }
}

#[test]
fn a_missing_privilege_is_named_with_the_way_out() {
    // A user namespace of the test's own, in which nobody may make another one or anything else.
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "/bin/sh", "-c"])
        .arg(
            "echo 0 >/proc/sys/user/max_user_namespaces && \
             exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" demo",
        )
        .arg(PROGRAM)
        .output()
        .expect("unshare and setpriv of util-linux are needed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(77), "{errors}");
    assert!(errors.contains("cannot create a user namespace"), "{errors}");
    assert!(errors.contains("sysctl -w user.max_user_namespaces="), "{errors}");
}

#[test]
fn wrong_usage_says_what_is_right() {
    let output = demo(&["--interval", "15ms"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("15ms is no interval") && errors.contains("--nodes"), "{errors}");
}

fn demo(arguments: &[&str]) -> Output {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    Command::new(PROGRAM).arg("demo").args(arguments).output().unwrap()
}

fn wait_for_line(demo: &mut Child, text: &str) {
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    // Dropping the pipe would end the demo.
    let lines = Box::leak(Box::new(lines));
    assert!(lines.any(|line| line.unwrap().contains(text)), "the demo ended before \"{text}\"");
}

#[track_caller]
fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let give_up = Instant::now() + SOON;
    while !happens() {
        assert!(Instant::now() < give_up, "no {what} within {SOON:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

fn descendants(of: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = processes()
        .into_iter()
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, fields) = stat.rsplit_once(')')?;
            Some((pid, fields.split_ascii_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut family = vec![of];
    let mut looked_at = 0;
    while looked_at < family.len() {
        let parent = family[looked_at];
        family.extend(parents.iter().filter(|entry| entry.1 == parent).map(|entry| entry.0));
        looked_at += 1;
    }
    family
}

fn net_namespace(pid: u32) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}
