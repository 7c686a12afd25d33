//! A machine that has run out of descriptors, of memory that may be locked, of disk; and what is
//! left of ringward then.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringward::lab::{self, Segment};
use ringward::time::Span;

use crate::rig::undisturbed;
use crate::scene::{Router, SOON, Spec, VIP, eventually};

const CONTROL: &str = "/run/ringward/control";
/// Both of util-linux, which every Debian has.
const PRLIMIT: &str = "/usr/bin/prlimit";
const SETPRIV: &str = "/usr/bin/setpriv";

fn router(test: &str) -> (Segment, Router) {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let router = Router::new(&segment, test, &Spec::gateway(255).text());
    (segment, router)
}

const REFUSED: &str = "VRRP socket refused by the kernel";

/// How often a text is in another.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// Another `/run` for the node.
fn mount_run(router: &Router, flags: MsFlags, options: &str) {
    let mounted = router.node.enter(|| {
        mount(Some("tmpfs"), "/run", Some("tmpfs"), flags, Some(options)).unwrap();
        Ok(())
    });
    mounted.unwrap_or_else(|fault| panic!("{fault}"));
}

#[test]
fn without_descriptors_to_start_with_it_says_so_and_leaves_nothing() {
    let (_segment, mut router) = router("shortage-start");
    // It cannot start, or it starts and finds no socket for its adverts.
    let complains = |said: &str| {
        said.lines().any(|line| {
            line.contains("cannot ") && line.contains("Too many open files")
                || line.contains("cause=\"VRRP socket refused by the kernel\"")
        })
    };
    // Who runs the tests may have left descriptors open: then it is the loader that lacks one first.
    let is_loaded = |said: &str| !said.contains("error while loading shared libraries");
    let mut refused = 0;
    // Standard input, output and error, and one more: from there until it can run.
    for limit in 4.. {
        assert!(limit < 64, "it does not even run with {limit} descriptors");
        router.start_under(&[PRLIMIT, &format!("--nofile={limit}")], &[]);
        eventually(&format!("with {limit} descriptors it runs, or says why not"), || {
            let said = router.said();
            complains(&said) || !is_loaded(&said) || router.node.has(VIP).unwrap()
        });
        if router.node.has(VIP).unwrap() {
            break;
        }
        let said = router.said();
        if !is_loaded(&said) {
            let _ = router.process().wait(Duration::from_secs(20));
            continue;
        }
        refused += 1;
        // Before its first fork it ends by itself; after that it tries again and again, for others
        // may let go of theirs.
        let code = match router.process().wait(Duration::from_millis(100)) {
            Ok((_, code)) => code,
            Err(_) => {
                let _ = router.process().signal(Signal::SIGTERM);
                router.ends()
            }
        };
        assert!(matches!(code, 0 | 71), "{limit}: code {code}: {said}");
        assert!(!router.node.has(VIP).unwrap(), "{limit}: an address was left behind: {said}");
        let left = router.node.enter(|| Ok(Path::new(CONTROL).exists())).unwrap();
        assert!(!left, "{limit}: a control socket was left behind: {said}");
    }
    assert!(refused > 3, "only {refused} limits were too low");
}

fn limit_descriptors(pid: Pid, count: u64) {
    let soft = format!("--nofile={count}:");
    let set = Command::new(PRLIMIT).args(["--pid", &pid.to_string(), &soft]).status();
    assert!(set.unwrap().success());
}

/// As a limit: what is open stays open, and nothing can be opened.
fn first_free_descriptor(pid: Pid) -> u64 {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<u64> = entries
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    (0..).find(|number| !open.contains(number)).unwrap()
}

#[test]
fn an_interface_whose_socket_is_refused_is_not_master_for_a_moment() {
    let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
    let text = Spec::gateway(255).text().replace("eth0", "late7");
    let mut router = Router::new(&segment, "shortage-moment", &text);
    router.start();
    eventually("FAULT", || router.instance()["fault"] == "interface does not exist");
    let daemon = router.daemon();
    limit_descriptors(daemon, first_free_descriptor(daemon));
    // The news of interface and address wait for it together.
    kill(daemon, Signal::SIGSTOP).unwrap();
    router.node.add_macvlan("late7").unwrap();
    router.node.add_address("late7", "10.7.0.1".parse().unwrap(), 24).unwrap();
    kill(daemon, Signal::SIGCONT).unwrap();
    eventually("the socket is refused", || router.instance()["fault"] == REFUSED);
    let instance = router.instance();
    assert_eq!(instance["counters"]["became_master"], 0, "{instance}");
    let said = router.said();
    assert_eq!((count(&said, "to=MASTER"), count(&said, "transition")), (0, 1), "{said}");
}

#[test]
fn a_socket_refused_for_want_of_descriptors_means_fault_and_is_tried_again() {
    undisturbed(|| {
        let segment = Segment::new().unwrap_or_else(|fault| panic!("{fault}"));
        let capture = segment.capture().unwrap();
        let gateway = Spec::gateway(255).text();
        let late = ["10.7.0.100".parse().unwrap()];
        let late = Spec { name: "late", vrid: 52, addresses: &late, ..Spec::gateway(255) };
        let text = gateway + &late.text().replace("eth0", "late7");
        let mut router = Router::new(&segment, "shortage-running", &text);
        router.start();
        router.wait_for_address(VIP);
        assert_eq!(router.instance_named("late")["fault"], "interface does not exist");
        let daemon = router.daemon();
        let limit = |count| limit_descriptors(daemon, count);
        limit(first_free_descriptor(daemon));
        let since = lab::now();
        router.node.add_macvlan("late7").unwrap();
        router.node.add_address("late7", "10.7.0.1".parse().unwrap(), 24).unwrap();
        // Clients are let in one after the other, by the descriptor that is spare.
        eventually("the socket is refused", || router.instance_named("late")["fault"] == REFUSED);
        for _ in 0..3 {
            let status = router.status();
            assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
            assert_eq!(status["instances"][1]["state"], "FAULT", "{status}");
            assert_eq!(status["interfaces"][1]["ipv4_socket_errno"], 24, "EMFILE: {status}");
            let said = router.said();
            assert_eq!(count(&said, &format!("cause=\"{REFUSED}\"")), 1, "{said}");
            // It is tried again every second.
            std::thread::sleep(Duration::from_millis(500));
        }
        // Not even that helps: a client that comes now waits, and the loop does not turn for it.
        let before = router.status()["process"]["turns"].as_u64().unwrap();
        limit(3);
        let status = std::thread::scope(|scope| {
            let asks = scope.spawn(|| router.status());
            let mut heard = lab::now();
            for _ in 0..5 {
                heard = router.wait_for_advert(&capture, heard + Span::from_nanos(1));
            }
            limit(1024);
            asks.join().unwrap()
        });
        assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
        let turns = status["process"]["turns"].as_u64().unwrap() - before;
        assert!(turns < 500, "{turns} turns for some thirty adverts and two clients");
        eventually("the socket is there after all", || {
            router.instance_named("late")["state"] == "MASTER"
        });
        router.wait_for_address("10.7.0.100".parse().unwrap());
        let errno = router.status()["interfaces"][1]["ipv4_socket_errno"].clone();
        assert_eq!(errno, 0);
        let stamps = router.adverts(&capture, 51, since);
        for pair in stamps.windows(2) {
            let gap = pair[1].since(pair[0]);
            assert!(gap < Span::from_millis(200), "an advert was missed: {gap}");
        }
    });
}

#[test]
fn clients_that_take_all_places_are_dropped_and_the_next_one_is_told_so() {
    let (_segment, mut router) = router("shortage-clients");
    router.start();
    router.wait_for_address(VIP);
    let ask = |count: usize| {
        router.node.enter(|| {
            let idle: Vec<_> = (0..count).map(|_| UnixStream::connect(CONTROL).unwrap()).collect();
            Ok(idle)
        })
    };
    let idle = ask(4).unwrap();
    let (said, code) = router.ask(&["status"]);
    assert_eq!(code, 71, "{said}");
    assert!(said.contains("it is busy with others"), "{said}");
    for mut stream in idle {
        stream.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "hung up on");
    }
    let status = router.status();
    assert_eq!(status["process"]["control_dropped"], 5, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
}

#[test]
fn within_an_address_space_of_64_mib_it_runs() {
    let (_segment, mut router) = router("shortage-memory");
    router.start_under(&[PRLIMIT, "--as=67108864"], &[]);
    router.wait_for_address(VIP);
    let status = router.status();
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
    assert_eq!(status["process"]["memory_locked"], true, "{status}");
    assert_eq!(status["process"]["allocations"], 0, "{status}");
    assert!(!router.said().contains("not-permitted"), "{}", router.said());
}

#[test]
fn without_the_right_to_lock_memory_it_says_so_once_and_runs() {
    let (_segment, mut router) = router("shortage-lock");
    let without = ["--bounding-set=-ipc_lock,-sys_resource", "--inh-caps=-ipc_lock,-sys_resource"];
    let [bounding, inherited] = without;
    // Eight MiB, as the kernel allows everybody by default.
    router.start_under(&[PRLIMIT, "--memlock=8388608", SETPRIV, bounding, inherited], &[]);
    router.wait_for_address(VIP);
    let status = router.status();
    assert_eq!(status["process"]["memory_locked"], false, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
    assert_eq!(count(&router.said(), "cannot lock memory"), 1, "{}", router.said());
    router.process().kill();

    // The ring itself needs some of it.
    router.start_under(&[PRLIMIT, "--memlock=0", SETPRIV, bounding, inherited], &[]);
    eventually("it says why it does not run", || router.said().contains("RLIMIT_MEMLOCK"));
}

#[test]
fn on_a_full_disk_it_says_once_that_the_journal_is_lost_and_runs() {
    let (_segment, mut router) = router("shortage-disk");
    mount_run(&router, MsFlags::empty(), "size=65536");
    let filled = router.node.enter(|| Ok(fs::write("/run/filler", [0; 65_536])));
    filled.unwrap().unwrap();
    router.start();
    router.wait_for_address(VIP);
    let status = router.status();
    assert_eq!(status["process"]["journal_kept"], false, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
    assert_eq!(count(&router.said(), "journal-not-kept"), 1, "{}", router.said());
    // What the two processes share is enough for the supervisor.
    let watch = router.node.watch_addresses().unwrap();
    let since = lab::now();
    router.signal_daemon(Signal::SIGKILL);
    eventually("the supervisor removes it", || watch.went(VIP, since).is_some());
    router.wait_for("MASTER");
    assert_eq!(count(&router.said(), "journal-not-kept"), 1, "{}", router.said());
}

#[test]
fn where_nothing_can_be_written_it_says_what_is_missing_once_and_runs() {
    let (_segment, mut router) = router("shortage-read-only");
    mount_run(&router, MsFlags::MS_RDONLY, "size=65536");
    router.start();
    router.wait_for_address(VIP);
    let said = router.said();
    assert_eq!(count(&said, "journal-not-kept"), 1, "{said}");
    assert_eq!(count(&said, "control-missing"), 1, "{said}");
    assert_eq!(router.ask(&["status"]).1, 71, "nobody can be asked");
    router.process().signal(Signal::SIGTERM).unwrap();
    assert_eq!(router.ends(), 0);
    assert!(!router.node.has(VIP).unwrap());

    // With another place for the control socket, everything but the journal is there.
    let control = router.blob.with_file_name("control");
    let control = control.to_str().unwrap();
    router.start_under(&[], &["--control", control]);
    router.wait_for_address(VIP);
    let (answer, code) = router.ask(&["status", "--json", "--control", control]);
    assert_eq!(code, 0, "{answer}");
    let status: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status["process"]["journal_kept"], false, "{status}");
    assert_eq!(status["instances"][0]["state"], "MASTER", "{status}");
    assert!(!router.said().contains("control-missing"), "{}", router.said());
}
