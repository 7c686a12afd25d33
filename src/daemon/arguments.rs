//! The command line.

use core::fmt;
use std::ffi::OsString;
use std::path::PathBuf;

/// Where the daemon keeps its journal and its control socket unless told otherwise.
pub const RUN_DIRECTORY: &str = "/run/ringward";

/// What `ringward --help` prints.
pub const HELP: &str = "\
ringward keeps virtual IP addresses alive (VRRP).

usage: ringward COMMAND [OPTIONS]

  run      the daemon, in the foreground, under its own supervisor
             --config FILE          the compiled configuration (ringwardc compile); without
                                    it, the one in the program (ringwardc embed)
             --run-directory DIR    journal and control socket (default /run/ringward)
             --control PATH         the control socket (default DIR/control)
             --no-realtime          ordinary scheduling, even where SCHED_FIFO is permitted
             --no-lease             addresses without a lifetime in the kernel
  status   what each instance does and why        [--json] [--control PATH]
  watch    the same, again every second           [--control PATH]
  log      the last transitions, with reasons     [--json] [--control PATH]
  reload   put FILE, or the same file again, in force   [FILE] [--control PATH]
  release  give mastership up                     [INSTANCE] [--control PATH]
  version  of this program, and what it holds
  demo     two routers and a client in namespaces, if built in

exit codes: 0 fine, 1 the daemon refused, 2 usage, 65 configuration refused, 69 io_uring missing,
71 operating system, 77 privilege missing, 78 no configuration
";

/// One invocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// `run`.
    Run(RunOptions),
    /// `status`, `log`, `reload`, `release`: one line for the daemon, one answer.
    Ask {
        /// The line.
        request: String,
        /// Where the daemon listens.
        control: PathBuf,
    },
    /// `watch`.
    Watch {
        /// Where the daemon listens.
        control: PathBuf,
    },
    /// `version`.
    Version,
    /// `help`.
    Help,
}

/// What `run` was told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunOptions {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--control`, else in the run directory.
    pub control: PathBuf,
    /// `--run-directory`.
    pub run_directory: PathBuf,
    /// Not `--no-realtime`.
    pub realtime: bool,
    /// Not `--no-lease`.
    pub lease: bool,
}

/// What is wrong with a command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (ringward --help tells more)", self.0)
    }
}

/// Reads a command line, without the program's name.
///
/// # Errors
/// It says something that ringward does not know.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Usage> {
    let mut words = Words { rest: arguments.into_iter().collect::<Vec<_>>().into_iter() };
    let Some(command) = words.rest.next() else {
        return Err(Usage("a command is missing".into()));
    };
    match command.to_str() {
        Some("run") => words.run(),
        Some("status") => words.ask("status"),
        Some("log") => words.ask("log"),
        Some("reload") => words.ask("reload"),
        Some("release") => words.ask("release"),
        Some("watch") => match words.ask("watch")? {
            Invocation::Ask { control, .. } => Ok(Invocation::Watch { control }),
            other @ (Invocation::Run(_)
            | Invocation::Watch { .. }
            | Invocation::Version
            | Invocation::Help) => Ok(other),
        },
        Some("version" | "--version" | "-V") => Ok(Invocation::Version),
        Some("help" | "--help" | "-h") => Ok(Invocation::Help),
        _ => Err(Usage(format!("unknown command '{}'", command.display()))),
    }
}

struct Words {
    rest: std::vec::IntoIter<OsString>,
}

impl Words {
    fn run(mut self) -> Result<Invocation, Usage> {
        let mut control = None;
        let mut options = RunOptions {
            run_directory: RUN_DIRECTORY.into(),
            realtime: true,
            lease: true,
            ..RunOptions::default()
        };
        while let Some(word) = self.rest.next() {
            match word.to_str() {
                Some("--config") => options.config = Some(self.value("--config")?),
                Some("--control") => control = Some(self.value("--control")?),
                Some("--run-directory") => options.run_directory = self.value("--run-directory")?,
                Some("--no-realtime") => options.realtime = false,
                Some("--no-lease") => options.lease = false,
                Some("--help" | "-h") => return Ok(Invocation::Help),
                _ => return Err(unknown("run", &word)),
            }
        }
        options.control = control.unwrap_or_else(|| options.run_directory.join("control"));
        Ok(Invocation::Run(options))
    }

    fn ask(mut self, command: &str) -> Result<Invocation, Usage> {
        let mut control = PathBuf::from(RUN_DIRECTORY).join("control");
        let mut request = command.to_owned();
        let takes_json = matches!(command, "status" | "log");
        let mut takes_word = matches!(command, "reload" | "release");
        while let Some(word) = self.rest.next() {
            match word.to_str() {
                Some("--control") => control = self.value("--control")?,
                Some("--json") if takes_json => request.push_str(" json"),
                Some("--help" | "-h") => return Ok(Invocation::Help),
                Some(text) if takes_word && !text.starts_with('-') => {
                    takes_word = false;
                    request.push(' ');
                    request.push_str(&argument(command, text)?);
                }
                _ => return Err(unknown(command, &word)),
            }
        }
        Ok(Invocation::Ask { request, control })
    }

    fn value(&mut self, option: &str) -> Result<PathBuf, Usage> {
        let missing = || Usage(format!("{option} needs a path"));
        self.rest.next().map(PathBuf::from).ok_or_else(missing)
    }
}

/// An instance's name, or a file's absolute path: the daemon has another working directory.
fn argument(command: &str, text: &str) -> Result<String, Usage> {
    if command != "reload" {
        return Ok(text.to_owned());
    }
    let path = std::path::absolute(text).map_err(|error| Usage(format!("'{text}': {error}")))?;
    path.into_os_string().into_string().map_err(|_| Usage(format!("'{text}' is not UTF-8")))
}

fn unknown(command: &str, word: &OsString) -> Usage {
    Usage(format!("{command} does not know '{}'", word.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, Usage> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn run_keeps_its_control_socket_in_the_run_directory() {
        let Ok(Invocation::Run(options)) = parsed("run --config /a.rwb --run-directory /r") else {
            panic!("refused");
        };
        assert_eq!(options.config, Some("/a.rwb".into()));
        assert_eq!(options.control, PathBuf::from("/r/control"));
        assert!(options.realtime && options.lease);
    }

    #[test]
    fn run_takes_every_option() {
        let line = "run --no-realtime --no-lease --control /c --run-directory /r";
        let Ok(Invocation::Run(options)) = parsed(line) else { panic!("refused") };
        assert_eq!(options.control, PathBuf::from("/c"));
        assert!(!options.realtime && !options.lease && options.config.is_none());
    }

    #[test]
    fn a_question_is_one_line() {
        let control = PathBuf::from("/run/ringward/control");
        assert_eq!(
            parsed("status --json"),
            Ok(Invocation::Ask { request: "status json".into(), control: control.clone() })
        );
        assert_eq!(
            parsed("release VI_1 --control /c"),
            Ok(Invocation::Ask { request: "release VI_1".into(), control: "/c".into() })
        );
        assert_eq!(
            parsed("reload /etc/a.rwb"),
            Ok(Invocation::Ask { request: "reload /etc/a.rwb".into(), control })
        );
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for line in ["", "fly", "run --fast", "status VI_1", "release a b", "run --config"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
