//! One line a transition.

use nix::sys::signal::{Signal, kill};

use crate::line::{Line, name};
use crate::scene::{Scene, two};

#[test]
fn transitions_are_lines_and_the_line_is_left_as_it_was() {
    let scene = Scene::new("lines", &two(), &[]);
    let mut line = Line::new();
    let settings = line.settings();
    let mut console = scene.console(&line.path, &[]);
    line.until_there_is("ringward: 2 instances: 1 MASTER, 0 BACKUP, 1 FAULT");
    line.until_there_is("ringward: office INIT -> FAULT: interface does not exist");
    assert_eq!(line.settings(), settings, "a getty's settings were touched");
    scene.node.add_macvlan("lan7").unwrap();
    scene.node.add_address("lan7", "10.7.0.1".parse().unwrap(), 24).unwrap();
    line.until_there_is("ringward: office FAULT -> BACKUP: ");
    line.until_there_is("ringward: office BACKUP -> MASTER: ");
    assert!(!line.octets.contains(&0x1b), "no escape sequence on a shared line");
    assert_eq!(console.stop(), Some(0));
}

#[test]
fn a_key_leads_to_the_full_screen_and_another_back() {
    let scene = Scene::new("keys", &two(), &[]);
    let mut line = Line::new();
    let settings = line.settings();
    let mut console = scene.console(&line.path, &["--keys"]);
    line.until_there_is("ringward: 2 instances");
    line.press("\r");
    line.until_there_is("ringward: press s for the full screen");
    line.press("s");
    line.until_there_is("q quit");
    line.press("q");
    // The other screen, which a terminal comes back to.
    line.until("the lines again", |text| {
        text.contains("press s for the full screen") && !text.contains("q quit")
    });
    assert_eq!(console.stop(), Some(0));
    assert_eq!(line.settings(), settings);
}

#[test]
fn a_line_that_somebody_reads_from_is_not_read_from() {
    let scene = Scene::new("getty", &two(), &[]);
    let mut line = Line::new();
    let mut getty = line.getty();
    // It ends by itself; `timeout` is for the day when it does not.
    let said = std::process::Command::new("timeout")
        .args(["30", crate::scene::RINGWARD, "console", "--keys", "--tty"])
        .arg(&line.path)
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(71), "{said:?}");
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("it is the terminal of sleep"),
        "{said:?}"
    );
    let _console = scene.console(&line.path, &[]);
    line.until_there_is("ringward: 2 instances");
    getty.kill().unwrap();
    getty.wait().unwrap();
}

#[test]
fn a_daemon_that_is_started_again_is_followed_on() {
    let scene = Scene::new("restart", &two(), &[]);
    let mut line = Line::new();
    let _lines = scene.console(&line.path, &[]);
    line.until_there_is("interface does not exist");
    kill(scene.daemon.children_named("ringward")[0], Signal::SIGKILL).unwrap();
    line.until_there_is("ringward: the daemon was started again, 2 instances");
    line.until("it goes on", |text| text.matches("office INIT -> FAULT").count() == 2);
    // The supervisor ends as well, and what it does then is still told.
    scene.wait_until_followed();
    scene.daemon.signal(Signal::SIGTERM).unwrap();
    line.until_there_is("ringward: gateway MASTER -> INIT: stopped");
    line.until_there_is("ringward: no daemon answers at ");
}

#[test]
fn a_screen_shows_nothing_of_a_daemon_that_is_gone() {
    let scene = Scene::new("gone", &two(), &[]);
    let mut line = Line::new();
    let _screen = scene.console(&line.path, &["--screen"]);
    line.until_there_is("gateway");
    scene.daemon.signal(Signal::SIGTERM).unwrap();
    let text = line.until_there_is("no daemon answers at ");
    assert!(!text.contains("MASTER"), "{text}");
}

#[test]
fn a_line_that_is_pulled_out_and_comes_back_is_taken_up_again() {
    let scene = Scene::new("unplugged", &two(), &[]);
    let link = scene.control().with_file_name("tty");
    let mut line = Line::new();
    name(&link, &line);
    let _console = scene.console(&link, &["--keys", "--screen"]);
    line.until_there_is("q quit");
    line.unplug();
    let mut line = Line::new();
    name(&link, &line);
    line.until_there_is("q quit");
    line.press("t");
    line.until_there_is("  transitions");
}
