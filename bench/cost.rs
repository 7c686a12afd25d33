//! What a program costs while it runs: processor time and system calls, of all its processes.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;
use ringward::lab::Process;
use ringward::time::Span;

/// The processes of a program.
pub(crate) struct Meter(Vec<Pid>);

impl Meter {
    pub(crate) fn new(process: &Process) -> Self {
        Meter(process.tree().into_iter().map(|(pid, _)| pid).collect())
    }

    /// Those that stay, of a program that runs others: each of those ends within such a pause.
    pub(crate) fn of_lasting(process: &Process, pause: Duration) -> Self {
        let mut pids = Meter::new(process).0;
        for _ in 0..3 {
            sleep(pause);
            let there = Meter::new(process).0;
            pids.retain(|pid| there.contains(pid));
        }
        Meter(pids)
    }

    /// Processor time so far of those that they have started and that have ended, in the steps of
    /// the kernel's clock tick (proc_pid_stat(5): fields 16 and 17, hundredths of a second).
    pub(crate) fn processor_of_ended(&self) -> Span {
        let of_one = |pid: &Pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let behind_name = stat.rsplit(')').next().unwrap();
            let fields = behind_name.split_whitespace().skip(16 - 3).take(2);
            fields.map(|field| field.parse::<u64>().unwrap()).sum::<u64>()
        };
        Span::from_centis(self.0.iter().map(of_one).sum())
    }

    /// Processor time so far. What the kernel does for packets in a soft interrupt is done on the
    /// time of who sends them: a veth delivers within the call.
    pub(crate) fn processor(&self) -> Span {
        processor(&self.0)
    }

    /// The same, and that of the kernel's threads that do what was put off of it.
    pub(crate) fn processor_and_soft_interrupts(&self) -> Span {
        self.processor() + processor(&soft_interrupts())
    }

    /// System calls a second, counted by the kernel's tracepoint for so long. io_uring_enter is
    /// one, whatever it submits.
    pub(crate) fn system_calls(&self, during: Duration) -> f64 {
        let pids = self.0.iter().map(Pid::to_string).collect::<Vec<_>>().join(",");
        let mut perf = Command::new("perf");
        perf.args(["stat", "--field-separator", ",", "--event", "raw_syscalls:sys_enter"]);
        perf.args(["--pid", &pids, "--", "sleep", &during.as_secs_f64().to_string()]);
        let output = perf.output().expect("perf is installed (Debian: linux-perf)");
        let text = String::from_utf8_lossy(&output.stderr);
        let count = text
            .lines()
            .find(|line| line.contains("raw_syscalls:sys_enter"))
            .and_then(|line| line.split(',').next()?.parse::<f64>().ok())
            .unwrap_or_else(|| panic!("perf counts no system calls: {text}"));
        count / during.as_secs_f64()
    }
}

/// By clock_getcpuclockid(3): all threads, those of the ring and those that have ended included.
fn processor(pids: &[Pid]) -> Span {
    let of_one = |pid: &Pid| {
        let time = ClockId::pid_cpu_clock_id(*pid).and_then(ClockId::now).unwrap();
        Span::from_nanos(u64::try_from(Duration::from(time).as_nanos()).unwrap())
    };
    pids.iter().map(of_one).fold(Span::ZERO, |sum, time| sum + time)
}

/// The threads `ksoftirqd/N`; none where a container does not show them.
fn soft_interrupts() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_one = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| name.starts_with("ksoftirqd/"))
    };
    pids.filter(is_one).map(Pid::from_raw).collect()
}
