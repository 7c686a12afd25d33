//! What was measured, as a table for people and as JSON with the machine it was measured on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use serde_json::{Value, json};

use super::contestant::Contestant;

/// What ringward has to keep to.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// So much of keepalived's figure at most.
    Ratio(f64),
    /// This figure at most, whatever keepalived's is.
    Most(f64),
    /// None: a figure for people.
    Open,
}

/// One measured quantity of both programs.
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    bound: Bound,
    /// The percentage of samples that the judged figure is not exceeded by.
    judged: usize,
    /// ringward's, keepalived's.
    samples: [Vec<f64>; 2],
}

impl Row {
    /// Judged by the median: one noisy sample does not decide.
    pub(crate) fn new(name: &str, unit: &'static str, bound: Bound) -> Self {
        Row { name: name.to_owned(), unit, bound, judged: 50, samples: [Vec::new(), Vec::new()] }
    }

    /// Judged by the largest sample.
    pub(crate) fn worst(name: &str, unit: &'static str, bound: Bound) -> Self {
        Row { judged: 100, ..Row::new(name, unit, bound) }
    }

    /// Who is first takes turns.
    pub(crate) fn order(number: usize) -> [usize; 2] {
        [number % 2, 1 - number % 2]
    }

    pub(crate) fn add(&mut self, side: usize, sample: f64) {
        self.samples[side].push(sample);
    }

    /// The smallest sample that this percentage of all samples does not exceed; NaN without any.
    fn quantile(&self, side: usize, percent: usize) -> f64 {
        let mut sorted = self.samples[side].clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    fn figure(&self, side: usize) -> f64 {
        self.quantile(side, self.judged)
    }

    fn is_met(&self) -> bool {
        let [ringward, keepalived] = [0, 1].map(|side| self.figure(side));
        match self.bound {
            Bound::Ratio(most) => ringward <= keepalived * most,
            Bound::Most(most) => ringward <= most,
            Bound::Open => true,
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.bound, self.is_met()) {
            (Bound::Open, _) => "-",
            (_, true) => "ok",
            (_, false) => "MISSED",
        }
    }

    fn ratio(&self) -> String {
        let [ringward, keepalived] = [0, 1].map(|side| self.figure(side));
        let is_one = keepalived > 0.0 && ringward >= 0.0;
        if is_one { format!("{:.3}", ringward / keepalived) } else { "-".to_owned() }
    }

    fn bound(&self) -> String {
        match self.bound {
            Bound::Ratio(most) => format!("{most} x"),
            Bound::Most(most) => format!("{most}"),
            Bound::Open => String::new(),
        }
    }

    fn line(&self) -> String {
        let side = |side| {
            let (figure, most) = (self.figure(side), self.quantile(side, 95));
            format!("{} / {} {}", number(figure), number(most), self.unit)
        };
        let (ratio, bound, verdict) = (self.ratio(), self.bound(), self.verdict());
        format!(
            "{:<51} {:>22} {:>24} {ratio:>7} {bound:>8}  {verdict}",
            self.name,
            side(0),
            side(1),
        )
    }

    /// The same for a README.
    fn markdown(&self) -> String {
        let side = |side| format!("{} {}", number(self.figure(side)), self.unit);
        let (ratio, verdict) = (self.ratio(), self.verdict());
        let missed = if verdict == "MISSED" { " (missed)" } else { "" };
        format!(
            "| {} | {} | {} | {ratio} | {}{missed} |\n",
            self.name,
            side(0).trim(),
            side(1).trim(),
            self.bound(),
        )
    }

    fn json(&self, theme: &str) -> Value {
        let side = |side| {
            json!({
                "p50": self.quantile(side, 50),
                "p95": self.quantile(side, 95),
                "samples": self.samples[side],
            })
        };
        let bound = match self.bound {
            Bound::Ratio(most) => json!({ "ratio": most }),
            Bound::Most(most) => json!({ "most": most }),
            Bound::Open => Value::Null,
        };
        json!({
            "row": theme,
            "name": self.name,
            "unit": self.unit,
            "ringward": side(0),
            "keepalived": side(1),
            "judged_by": if self.judged == 50 { "p50" } else { "largest" },
            "ratio": self.figure(0) / self.figure(1),
            "bound": bound,
            "met": self.is_met(),
        })
    }
}

/// With as many digits as are worth reading.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        ..0.0005 => 0,
        ..10.0 => 3,
        ..100.0 => 1,
        _ => 0,
    };
    if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$}") }
}

pub(crate) struct Report {
    head: Value,
    rows: Vec<Value>,
    markdown: String,
    passed: usize,
    failed: usize,
    since: Clock,
}

impl Report {
    pub(crate) fn new(pair: &[Contestant; 2], seed: u64) -> Self {
        let head = json!({
            "ringward": pair[0].version(),
            "keepalived": pair[1].version(),
            "seed": seed,
            "machine": machine(),
        });
        for (name, value) in head.as_object().unwrap() {
            println!("{name}: {value}");
        }
        println!(
            "\n{:<51} {:>22} {:>24} {:>7} {:>8}",
            "p50 (or largest) / p95", "ringward", "keepalived", "ratio", "bound"
        );
        let markdown = "| what | ringward | keepalived | ratio | bound |\n|---|---|---|---|---|\n";
        let markdown = markdown.to_owned();
        Report { head, rows: Vec::new(), markdown, passed: 0, failed: 0, since: Clock::now() }
    }

    pub(crate) fn add(&mut self, theme: &str, row: Row) {
        println!("{}", row.line());
        match row.bound {
            Bound::Ratio(_) | Bound::Most(_) if row.is_met() => self.passed += 1,
            Bound::Ratio(_) | Bound::Most(_) => self.failed += 1,
            Bound::Open => {}
        }
        self.markdown += &row.markdown();
        self.rows.push(row.json(theme));
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// A row that could not be measured, and why.
    pub(crate) fn fail(&mut self, theme: &str, why: &str) {
        println!("{theme}: {why}  FAILED");
        self.markdown += &format!("| {theme}: not measured | | | | (missed) |\n");
        self.failed += 1;
        self.rows.push(json!({ "row": theme, "met": false }));
    }

    /// As JSON, and beside it the table alone as Markdown.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut document = self.head.clone();
        document["rows"] = self.rows.iter().cloned().collect();
        document["seconds"] = self.since.elapsed().as_secs().into();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, format!("{document:#}\n"))?;
        fs::write(path.with_extension("md"), &self.markdown)?;
        Ok(())
    }

    /// The last line; whether every bound was met.
    pub(crate) fn finish(&self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
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
