//! What was measured, as a table for people and as JSON with the machine it was measured on.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::contestant::Contestant;

/// One measured quantity of both programs, and how much of keepalived's ringward may need.
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    bound: f64,
    /// ringward's, keepalived's.
    samples: [Vec<f64>; 2],
}

impl Row {
    pub(crate) fn new(name: &str, unit: &'static str, bound: f64) -> Self {
        Row { name: name.to_owned(), unit, bound, samples: [Vec::new(), Vec::new()] }
    }

    /// Who is first takes turns.
    pub(crate) fn order(number: usize) -> [usize; 2] {
        [number % 2, 1 - number % 2]
    }

    pub(crate) fn add(&mut self, side: usize, sample: f64) {
        self.samples[side].push(sample);
    }

    /// The smallest sample that this percentage of all samples does not exceed.
    fn quantile(&self, side: usize, percent: usize) -> f64 {
        let mut sorted = self.samples[side].clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }

    fn ratio(&self) -> f64 {
        self.quantile(0, 50) / self.quantile(1, 50)
    }

    fn is_met(&self) -> bool {
        self.ratio() <= self.bound
    }

    fn line(&self) -> String {
        let side = |side| {
            let (half, most) = (self.quantile(side, 50), self.quantile(side, 95));
            let digits = if self.unit == "ms" { 3 } else { 0 };
            format!("{half:.digits$} / {most:.digits$} {}", self.unit)
        };
        format!(
            "{:<38} {:>20} {:>22} {:>6.3} {:>6.1}  {}",
            self.name,
            side(0),
            side(1),
            self.ratio(),
            self.bound,
            if self.is_met() { "ok" } else { "MISSED" },
        )
    }

    fn json(&self) -> Value {
        let side = |side| {
            json!({
                "p50": self.quantile(side, 50),
                "p95": self.quantile(side, 95),
                "samples": self.samples[side],
            })
        };
        json!({
            "name": self.name,
            "unit": self.unit,
            "ringward": side(0),
            "keepalived": side(1),
            "ratio": self.ratio(),
            "bound": self.bound,
            "met": self.is_met(),
        })
    }
}

pub(crate) struct Report {
    head: Value,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(pair: &[Contestant; 2], pairs: usize) -> Self {
        let head = json!({
            "ringward": pair[0].version(),
            "keepalived": pair[1].version(),
            "pairs": pairs,
            "machine": machine(),
        });
        for (name, value) in head.as_object().unwrap() {
            println!("{name}: {value}");
        }
        println!(
            "\n{:<38} {:>20} {:>22} {:>6} {:>6}",
            "p50 / p95", "ringward", "keepalived", "ratio", "bound"
        );
        Report { head, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", row.line());
        self.rows.push(row);
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut document = self.head.clone();
        document["rows"] = self.rows.iter().map(Row::json).collect();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, format!("{document:#}\n"))?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }

    /// The last line; whether every bound was met.
    pub(crate) fn finish(&self) -> bool {
        let passed = self.rows.iter().filter(|row| row.is_met()).count();
        println!("{passed} passed, {} failed", self.rows.len() - passed);
        passed == self.rows.len()
    }
}

/// What the figures depend on besides the programs.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    // proc_pid_stat(5): field 41 is the scheduling policy, 1 is SCHED_FIFO.
    let stat = read("/proc/self/stat");
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let policy = behind_name.split_whitespace().nth(41 - 3);
    json!({
        "cpu": model,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "architecture": std::env::consts::ARCH,
        "realtime": policy == Some("1"),
        "load": read("/proc/loadavg").trim(),
    })
}
