//! The bodies of `tests/fuzz` on stable Rust: the kept corpus, and some thousands of mutations of
//! it that are the same in every run. `tests/fuzz/run` is for longer.
#![cfg(test)]

#[path = "fuzz/body.rs"]
mod body;
#[path = "rig/noise.rs"]
mod noise;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use noise::Noise;
use ringward::config::blob::{self, Refused};
use ringward::config::model::Config;

/// `octets` with one to four changes, some of them from `other`.
fn mutate(noise: &mut Noise, octets: &[u8], other: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..=noise.below(4) {
        let at = noise.below(octets.len() + 1);
        let end = (at + noise.below(16)).min(octets.len());
        let value = noise.next().to_be_bytes();
        match noise.below(7) {
            0 if at < octets.len() => octets[at] ^= 1 << noise.below(8),
            1 if at < octets.len() => octets[at] = [0, 1, 0x7f, 0xff, value[0]][noise.below(5)],
            2 => drop(octets.drain(at..end)),
            3 => drop(octets.splice(at..at, value)),
            4 => octets.truncate(at),
            5 => {
                let piece = octets[at..end].to_vec();
                drop(octets.splice(at..at, piece));
            }
            _ => {
                let from = noise.below(other.len());
                let piece = &other[from..(from + noise.below(64)).min(other.len())];
                drop(octets.splice(at..end, piece.iter().copied()));
            }
        }
    }
    octets
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no corpus in {}", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs a body, on a stack that an engine fits on while it is made anew.
fn stands(name: &'static str, mutations: usize) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let thread = thread.spawn(move || run_all(name, mutations)).unwrap();
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

fn run_all(name: &str, mutations: usize) {
    let (_, body) = body::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let corpus = corpus(name);
    let run = |octets: &[u8]| {
        catch_unwind(AssertUnwindSafe(|| body(octets))).unwrap_or_else(|panic| {
            let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            eprintln!("{name} broke on {hex}");
            resume_unwind(panic)
        });
    };
    run(&[]);
    corpus.iter().for_each(|octets| run(octets));
    let mut noise = Noise(1);
    for _ in 0..mutations {
        let (one, other) = (noise.below(corpus.len()), noise.below(corpus.len()));
        run(&mutate(&mut noise, &corpus[one], &corpus[other]));
    }
}

#[test]
fn adverts_over_ipv4_stand() {
    stands("advert_ipv4", 20_000);
}

#[test]
fn adverts_over_ipv6_stand() {
    stands("advert_ipv6", 20_000);
}

#[test]
fn announcements_stand() {
    stands("announcement", 20_000);
}

#[test]
fn netlink_datagrams_stand() {
    stands("rtnetlink", 20_000);
}

#[test]
fn stories_of_an_engine_stand() {
    stands("engine", 500);
}

/// `ringwardc compile tests/fuzz/reference.conf -o tests/fuzz/corpus/blob_decode/reference` renews it
/// when the schema changes: what is refused at its header finds nothing.
#[test]
fn the_blob_to_begin_with_is_one_of_today() {
    let [mut blob] = <[_; 1]>::try_from(corpus("blob_decode")).unwrap();
    let mut config = Config::boxed();
    assert_eq!(blob::decode(&blob, &mut config), Ok(()));
    // And it is the decoder that judges what is broken, not the sum over it.
    blob.pop();
    body::seal(&mut blob);
    let refused = blob::decode(&blob, &mut config);
    assert!(matches!(refused, Err(Refused::Record { .. })), "{refused:?}");
}

#[test]
fn blobs_stand() {
    stands("blob_decode", 10_000);
}

#[test]
fn configurations_stand() {
    stands("keepalived_conf", 300);
}

#[test]
fn uci_files_stand() {
    stands("uci_config", 1_000);
}

#[test]
fn control_requests_stand() {
    stands("control_request", 20_000);
}

#[test]
fn captures_stand() {
    stands("capture", 3_000);
}

#[test]
fn answers_of_servers_stand() {
    stands("http_answer", 20_000);
}

#[test]
fn arguments_of_processes_stand() {
    stands("process_arguments", 20_000);
}

#[test]
fn answers_to_a_ping_stand() {
    stands("echo_answer", 20_000);
}

#[test]
fn every_body_has_its_test_and_its_program() {
    let here = fs::read_to_string(file!()).unwrap();
    for (name, _) in body::ALL {
        assert!(here.contains(&format!("stands(\"{name}\", ")), "{name}");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/bin").join(name);
        assert!(program.with_extension("rs").is_file(), "{name}");
    }
}
