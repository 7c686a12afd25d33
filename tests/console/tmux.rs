//! `ringward watch` in tmux: another terminal than ours, and a real one.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::scene::{RINGWARD, SOON, Scene, two};

/// A tmux server of its own with one window. Dropping it ends it.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn new(scene: &Scene, command: &str) -> Self {
        let tmux = Tmux { socket: scene.control().with_file_name("tmux") };
        let configuration = scene.control().with_file_name("tmux.conf");
        std::fs::write(&configuration, "set -g status off\n").unwrap();
        let configuration = configuration.to_str().unwrap().to_owned();
        let size = ["-x", "80", "-y", "24"];
        let start = ["-f", configuration.as_str(), "new-session", "-d"];
        tmux.run(&[&start[..], &size, &[command]].concat());
        tmux
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let fetched = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers/tmux");
        assert!(fetched.exists(), "{} is missing: run tests/peers/fetch", fetched.display());
        let mut command = Command::new(fetched);
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8").arg("-S").arg(&self.socket);
        command.args(arguments).output().unwrap()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let give_up = Instant::now() + SOON;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < give_up, "not in time: {what}\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.output(&["kill-server"]);
    }
}

/// Whether `screen` is as `reference`, row by row, in which `#` stands for a time. Rows are compared
/// word by word: a time that is longer moves nothing but the blanks.
fn resembles(screen: &str, reference: &str) -> bool {
    let fold = |text: &str| {
        let mut folded = String::new();
        for line in text.trim_end().lines() {
            let words = line.split_whitespace().map(|word| {
                let is_time = word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit());
                if is_time { "#" } else { word }
            });
            folded += &words.collect::<Vec<_>>().join(" ");
            folded.push('\n');
        }
        folded
    };
    fold(screen) == fold(reference)
}

/// What somebody who looked at it found right.
const INSTANCES: &str = "\
ringward 0.1.0  gw1  up #                                            instances
2 instances: 1 MASTER, 0 BACKUP, 1 FAULT
NAME     STATE  FOR    IFACE IP VRID PRIO  WHAT
office   FAULT  #      lan7  v4   52  100  interface does not exist
gateway  MASTER #      eth0  v4   51  255  10.99.0.100/32


















i instances t transitions c counters p peers  space/b scroll  r release  q quit
";

const TRANSITIONS: &str = "\
ringward 0.1.0  gw1  up #                                        transitions
2 instances: 1 MASTER, 0 BACKUP, 1 FAULT
AGO    NAME     CHANGE           WHY
#      office   INIT -> FAULT    interface does not exist
#      gateway  INIT -> MASTER   owner of the addresses (priority 255)
";

#[test]
fn watch_shows_in_tmux_what_it_should() {
    let scene = Scene::new("tmux", &two(), &[]);
    scene.eventually("MASTER", |scene| scene.ask(&["status"]).contains("gateway  MASTER"));
    let control = scene.control();
    let shell = format!(
        "echo before; {RINGWARD} watch --control {}; echo ended with $?; sleep 1000",
        control.display()
    );
    let tmux = Tmux::new(&scene, &shell);
    tmux.until("the instances", |screen| resembles(screen, INSTANCES));
    tmux.run(&["send-keys", "t"]);
    tmux.until("the transitions", |screen| {
        let head: Vec<&str> = screen.lines().take(5).collect();
        resembles(&head.join("\n"), TRANSITIONS)
    });
    // The window becomes smaller, and is filled again at once.
    tmux.run(&["resize-window", "-x", "60", "-y", "10"]);
    let screen = tmux.until("a smaller one", |screen| {
        screen.lines().nth(9).is_some_and(|row| row.starts_with("i instances"))
    });
    assert!(screen.lines().next().unwrap().ends_with("  transitions"), "{screen}");
    assert_eq!(screen.lines().next().unwrap().len(), 59);
    tmux.run(&["send-keys", "q"]);
    let screen = tmux.until("its end", |screen| screen.contains("ended with 0"));
    assert!(screen.starts_with("before\n"), "the screen before has come back: {screen}");
}

#[test]
fn without_a_terminal_watch_prints_one_status_after_the_other() {
    let scene = Scene::new("no-terminal", &two(), &[]);
    let mut command = Command::new("timeout");
    command.args(["60", RINGWARD, "watch", "--control"]).arg(scene.control());
    let mut watch = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    let mut octets = [0; 4096];
    while !text.contains("\n\nringward 0.1.0  gw1  pid ") {
        let count = watch.stdout.as_mut().unwrap().read(&mut octets).unwrap();
        assert!(count > 0, "it has ended:\n{text}");
        text.push_str(std::str::from_utf8(&octets[..count]).unwrap());
    }
    assert!(!text.contains('\x1b'), "{text}");
    kill(Pid::from_raw(watch.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    watch.wait().unwrap();
}
