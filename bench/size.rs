//! What has to be flashed: the executable and the shared libraries that it loads.

use std::fs;

use super::contestant::Contestant;
use super::report::{Bound, Row};

pub(crate) fn measure(pair: &[Contestant; 2]) -> Vec<Row> {
    let mut rows = vec![
        Row::new("executable", "kB", Bound::Most(1600.0)),
        Row::new("shared libraries", "", Bound::Most(0.0)),
        Row::new("executable and shared libraries", "kB", Bound::Open),
    ];
    for (side, contestant) in pair.iter().enumerate() {
        let (path, mut ldd) = contestant.executable();
        let size = |path: &str| fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1000.0);
        let executable = size(path.to_str().unwrap());
        let output = ldd.output().expect("ldd is there (Debian: libc-bin)");
        let text = String::from_utf8_lossy(&output.stdout);
        // "name => /path (address)", or "/path (address)" of the loader.
        let libraries = text.lines().filter_map(|line| {
            line.split_whitespace().find(|word| word.starts_with('/')).map(size)
        });
        let libraries = libraries.collect::<Vec<_>>();
        rows[0].add(side, executable);
        rows[1].add(side, libraries.len() as f64);
        rows[2].add(side, executable + libraries.iter().sum::<f64>());
    }
    rows
}
