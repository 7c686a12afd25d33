//! A blob that fills every table is decoded by a process with 64 kB of stack, as a small board may
//! give it. Without libtest, whose threads would bring a stack of their own.
#![allow(clippy::unwrap_used, reason = "a test: it is to fail loudly")]

use std::process::{Command, ExitCode};
use std::sync::Mutex;

use ringward::addr::{Family, Priority, Version, Vrid};
use ringward::config::blob::{decode, encode};
use ringward::config::model::{
    Address, Announce, Authentication, Config, Instance, Notify, Span16,
};
use ringward::limits::{ADDRESS_COUNT_MAX, BLOB_LEN_MAX, INSTANCE_COUNT_MAX};
use ringward::time::Span;

static CONFIG: Mutex<Config> = Mutex::new(Config::new());

fn main() -> ExitCode {
    match std::env::args().nth(1) {
        Some(path) if !path.starts_with('-') && path.ends_with(".rwb") => child(&path),
        _ => parent(),
    }
}

/// Decodes, and says so.
fn child(path: &str) -> ExitCode {
    let blob = std::fs::read(path).unwrap();
    let mut config = CONFIG.lock().unwrap();
    decode(&blob, &mut config).unwrap();
    println!("{} instances", config.instances.len());
    ExitCode::SUCCESS
}

fn parent() -> ExitCode {
    let path = format!("{}/fullest.rwb", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, fullest()).unwrap();
    let program = std::env::current_exe().unwrap();
    let script = "ulimit -S -s 64 && ulimit -s && exec \"$0\" \"$1\"";
    let output = Command::new("sh").args(["-c", script]).arg(program).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = format!("64\n{INSTANCE_COUNT_MAX} instances\n");
    let passed = output.status.success() && said == expected;
    if !passed {
        println!("{:?}: {said:?}, {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let verdict = if passed { ("ok", 1, 0) } else { ("FAILED", 0, 1) };
    println!("test the_fullest_blob_is_decoded_with_64_kb_of_stack ... {}", verdict.0);
    println!("\ntest result: {}. {} passed; {} failed; 0 ignored", verdict.0, verdict.1, verdict.2);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// As many instances as there is room for, with two addresses each.
fn fullest() -> Vec<u8> {
    let mut config = CONFIG.lock().unwrap();
    for index in 0..10 {
        config.interfaces.push(format!("eth{index}").as_str().try_into().unwrap()).unwrap();
    }
    for index in 0..u16::try_from(INSTANCE_COUNT_MAX).unwrap() {
        let start = index * 2;
        config.instances.push(instance(index, Span16 { start, len: 2 })).unwrap();
        for number in [start, start + 1] {
            let [high, low] = number.to_be_bytes();
            config
                .addresses
                .push(Address {
                    ip: [10, 0, high, low].into(),
                    prefix_len: 32,
                    interface: 9,
                    label: "eth9:a".try_into().unwrap(),
                })
                .unwrap();
        }
    }
    assert_eq!(config.addresses.len(), ADDRESS_COUNT_MAX);
    let mut blob = vec![0; BLOB_LEN_MAX];
    let len = encode(&config, &mut blob).unwrap();
    blob.truncate(len);
    blob
}

fn instance(index: u16, addresses: Span16) -> Instance {
    Instance {
        name: format!("{index:063}").as_str().try_into().unwrap(),
        interface: u8::try_from(index / 255).unwrap(),
        family: Family::V4,
        version: Version::V2,
        vrid: Vrid::new(u8::try_from(index % 255).unwrap() + 1).unwrap(),
        priority: Priority::DEFAULT,
        wants_master: false,
        interval: Span::from_secs(1),
        preempt: true,
        preempt_delay: Span::ZERO,
        source: Some([192, 0, 2, 1].into()),
        authentication: Authentication::Password(*b"password"),
        announce: Announce::KEEPALIVED,
        track_primary: true,
        addresses,
        advertised: 1,
        peers: Span16::default(),
        trackers: Span16::default(),
        group: None,
        notify: Notify::default(),
    }
}
