//! The full screen on a serial line.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant as Clock};

use crate::line::Line;
use crate::rig;
use crate::scene::{SOON, Scene, instance, two};

/// What begins a screen of which nothing was known: up to the cursor at home.
const RESET: &str = "\x18\x0f\x1b(B\x1b[m\x1b[?7h\x1b[r\x1b[H";

#[test]
fn every_page_is_there_and_faults_come_first() {
    let scene = Scene::new("pages", &two(), &[]);
    let mut line = Line::new();
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    line.until_there_is("gateway");
    let rows = line.rows();
    assert_eq!(rows.len(), 24);
    assert!(rows[0].starts_with("ringward 0.1.0  gw1  up "), "{}", rows[0]);
    assert!(rows[0].ends_with("  instances"), "{}", rows[0]);
    assert_eq!(rows[1], "2 instances: 1 MASTER, 0 BACKUP, 1 FAULT");
    assert_eq!(rows[2], "NAME     STATE  FOR    IFACE IP VRID PRIO  WHAT");
    assert!(rows[3].starts_with("office   FAULT  "), "{}", rows[3]);
    assert!(rows[3].ends_with("lan7  v4   52  100  interface does not exist"), "{}", rows[3]);
    assert!(rows[4].ends_with("eth0  v4   51  255  10.99.0.100/32"), "{}", rows[4]);
    assert_eq!(rows[23], "i instances t transitions c counters p peers  space/b scroll  q quit");
    assert!(line.cells(0)(78).inverse() && line.cells(3)(0).bold() && !line.cells(4)(0).bold());
    assert!(!line.cells(0)(79).inverse(), "the last column is left alone");

    line.press("t");
    let text = line.until_there_is("  transitions");
    assert!(text.contains("INIT -> FAULT    interface does not exist"), "{text}");
    line.press("c");
    let text = line.until_there_is("  counters");
    assert!(text.contains("REJECTED") && text.contains("interface lan7: does not exist"), "{text}");
    line.press("p");
    let text = line.until_there_is("  peers");
    assert!(text.contains("this router") && text.contains("does not listen"), "{text}");
    line.press("\t");
    line.until_there_is("  instances");
}

#[test]
fn a_refresh_writes_only_the_cells_that_have_changed() {
    let scene = Scene::new("refresh", &two(), &[]);
    let mut line = Line::new();
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    line.until_there_is("gateway");
    line.until_there_is("q quit");
    let up = |line: &Line| line.rows()[0].clone();
    let mut refreshes = 0;
    let painted = line.octets.len();
    while refreshes < 3 {
        let before = up(&line);
        line.until("another second", |text| !text.starts_with(&before));
        refreshes += 1;
    }
    // The seconds of the title and of two instances, each with the cursor's way there.
    let octets = line.octets.len() - painted;
    assert!(octets <= 3 * 60, "{octets} octets for three refreshes");
    let erased = String::from_utf8_lossy(&line.octets[painted..]).contains("\x1b[K");
    assert!(!erased, "a line was painted anew");
    // The kernel writes to the same line, and somebody wants that away.
    let before = line.octets.len();
    line.press("\x0c");
    line.until("all of it", |_| true);
    let give_up = Clock::now() + SOON;
    while !String::from_utf8_lossy(&line.octets[before..]).contains(RESET) {
        assert!(Clock::now() < give_up, "nothing was painted anew");
        line.listen(Duration::from_millis(20));
    }
}

#[test]
fn a_line_that_stands_still_delays_nobody_and_is_painted_anew_when_it_goes_on() {
    rig::undisturbed(|| {
        let scene = Scene::new("still", &two(), &[]);
        let capture = scene.segment.capture().unwrap();
        let mut line = Line::new();
        let _console = scene.console(&line.path, &["--keys", "--screen"]);
        line.until_there_is("q quit");
        // XOFF.
        line.press("\x13");
        while line.listen(Duration::from_millis(1500)) {}
        let began = ringward::lab::now();
        let silent = line.octets.len();
        let until = Clock::now() + Duration::from_secs(4);
        while Clock::now() < until {
            line.listen(Duration::from_millis(100));
        }
        assert_eq!(line.octets.len(), silent, "a stopped line was written to");
        assert!(scene.ask(&["status"]).contains("gateway  MASTER"));
        rig::assert_regular(&capture, began, 30);
        // XON.
        line.press("\x11");
        line.until_there_is(" dropped");
        let since = String::from_utf8_lossy(&line.octets[silent..]).into_owned();
        assert!(since.contains(RESET), "{since:?}");
    });
}

#[test]
fn releasing_is_for_those_who_may() {
    let text = instance("gateway", "eth0", 51, 200, "10.99.0.100");
    let scene = Scene::new("release", &text, &[]);
    scene.eventually("MASTER", |scene| scene.ask(&["status"]).contains("gateway  MASTER"));
    let mut line = Line::new();
    let mut console = scene.console(&line.path, &["--keys", "--screen"]);
    line.until_there_is("q quit");
    line.press("rgateway\r");
    let refusal = "no console may release: the configuration lacks console_release";
    line.until_there_is(refusal);
    // Nor may a program that goes round the screen.
    let mut stream = UnixStream::connect(scene.control()).unwrap();
    stream.write_all(b"console-release gateway\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, format!("error: {refusal}\n"));
    assert!(!scene.ask(&["log"]).contains("released"));
    assert_eq!(console.stop(), Some(0));

    scene.reload(&format!("global_defs {{\n  console_release\n}}\n{text}"));
    let mut line = Line::new();
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    line.until_there_is("r release  q quit");
    line.press("r");
    line.until_there_is("release (a name, or * for all; Ctrl-C: none): _");
    line.press("nobody\r");
    line.until_there_is("no instance has this name");
    line.press("rgate\x7f\x7f\x03");
    line.press("rgatewa\x7fay\r");
    line.until("released", |text| text.lines().last().is_some_and(|row| row == "released"));
    assert!(scene.ask(&["log"]).contains("released by the operator"));
}

#[test]
fn two_thousand_instances_are_paged_through() {
    let mut text = instance("gateway", "eth0", 51, 255, "10.99.0.100");
    for number in 1..2000 {
        let name = format!("{:_<58}{number:05}", "customer");
        let (interface, vrid) = (format!("lan{}", number / 250), number % 250 + 1);
        let vip = format!("10.{}.{}.1", 100 + number / 250, number % 250);
        text += &instance(&name, &interface, vrid, 100, &vip);
    }
    let scene = Scene::new("many", &text, &[]);
    let mut line = Line::new();
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    let text = line.until_there_is("instances 1-20 of 2000");
    assert!(text.contains("2000 instances: 1 MASTER, 0 BACKUP, 1999 FAULT"), "{text}");
    // 63 octets in 13 columns: both ends are there.
    assert!(text.contains("\ncustom~_00001 FAULT"), "{text}");
    line.press(" ");
    let text = line.until_there_is("instances 21-40 of 2000");
    assert!(text.contains("\ncustom~_00021 FAULT"), "{text}");
    line.press("G");
    let text = line.until_there_is("instances 1981-2000 of 2000");
    assert!(text.contains("\ngateway       MASTER"), "{text}");
    line.press("k");
    line.until_there_is("instances 1980-1999 of 2000");
    line.press("\x1b[5~");
    line.until_there_is("instances 1960-1979 of 2000");
    line.press("g");
    line.until_there_is("instances 1-20 of 2000");
    line.press("t");
    // 256 are kept; a row tells of the others.
    line.until_there_is("of 257");
    line.press("G");
    line.until_there_is("older ones are forgotten");
}

#[test]
fn screens_of_odd_sizes_are_filled_and_not_left() {
    let scene = Scene::new("sizes", &two(), &[]);
    let mut line = Line::with_size(8, 20);
    let mut console = scene.console(&line.path, &["--keys", "--screen"]);
    let text = line
        .until("a screen", |text| text.contains("office") && text.contains("i instances t trans"));
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 8);
    assert!(rows[3].starts_with("office   FAULT  "), "{text}");
    assert!(rows.iter().all(|row| row.chars().count() <= 19), "{text}");
    console.stop();

    let mut line = Line::with_size(60, 200);
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    let text = line.until("a screen", |text| text.contains("gateway") && text.contains("q quit"));
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 60);
    assert!(rows[0].len() == 199 && rows[0].ends_with("  instances"), "{}", rows[0]);
    assert!(rows[59].starts_with("i instances"), "{}", rows[59]);
}

#[test]
fn names_of_63_octets_and_reasons_are_readable() {
    let mut name = String::new();
    while name.len() < 63 {
        write!(name, "{}", name.len() % 10).unwrap();
    }
    let scene = Scene::new("names", &instance(&name, "lan7", 52, 100, "10.99.0.110"), &[]);
    let mut line = Line::with_size(24, 200);
    let mut console = scene.console(&line.path, &["--keys", "--screen"]);
    line.until_there_is(&format!("{name} FAULT"));
    console.stop();
    let mut line = Line::new();
    let _console = scene.console(&line.path, &["--keys", "--screen"]);
    let text = line.until_there_is("interface does not exist");
    assert!(text.contains("012345~789012 FAULT"), "{text}");
}
