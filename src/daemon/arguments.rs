//! The command line.

use core::fmt;
use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(feature = "console")]
use crate::config::console::{self, Console, Mistake};
use crate::config::network::{MARK, Networks};
use crate::limits::RUN_DIRECTORY;

/// What `ringward --help` prints.
pub fn help() -> String {
    format!(
        "\
ringward keeps virtual IP addresses alive (VRRP).

usage: ringward COMMAND [OPTIONS]

  run      the daemon, in the foreground, under its own supervisor
             --config FILE          the compiled configuration (ringwardc compile); without
                                    it, the one in the program (ringwardc embed)
             --run-directory DIR    journal and control socket (default {RUN_DIRECTORY})
             --control PATH         the control socket (default DIR/control)
             --network NAME=DEVICE  the device of a network of OpenWrt, @NAME in the
                                    configuration; without one its instances are in FAULT
             --no-realtime          ordinary scheduling, even where SCHED_FIFO is permitted
             --no-lease             addresses without a lifetime in the kernel
             --console DEV[,SPEED][,keys][,screen]
                                    a console on this serial line, as below; without it, what
                                    the configuration says (console)
  check    whether run would come up with the same options; starts nothing
  status   what each instance does and why        [--json] [--control PATH]
  watch    the same, in a full screen             [--control PATH]
  console  (if built in) one line a transition on a serial line, and the screen of watch
             --tty DEV              the line; board is the board's
             --speed N              in bits a second; else as it is
             --keys                 s for the full screen, q back: not where a getty reads
             --screen               the full screen from the start
  log      the last transitions, with reasons     [--json] [--control PATH]
  reload   put FILE, or the same file again, in force   [FILE] [--control PATH]
             --network NAME=DEVICE  a network has this device now; NAME=, it has none
  release  give mastership up                     [INSTANCE] [--control PATH]
  version  of this program, and what it holds
  demo     two routers and a client in namespaces, if built in

exit codes: 0 fine, 1 the daemon refused, 2 usage, 65 configuration refused, 69 io_uring missing,
71 operating system, 77 privilege missing, 78 no configuration
"
    )
}

/// One invocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// `run`.
    Run(Box<RunOptions>),
    /// `check`.
    Check(Box<RunOptions>),
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
    /// `console`.
    #[cfg(feature = "console")]
    Console {
        /// The line and what it is for.
        console: Console,
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
    /// `--network`.
    pub networks: Networks,
    /// Not `--no-realtime`.
    pub realtime: bool,
    /// Not `--no-lease`.
    pub lease: bool,
    /// `--console`.
    #[cfg(feature = "console")]
    pub console: Option<Console>,
}

/// What is wrong with a command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (ringward --help tells more)", self.0)
    }
}

#[cfg(feature = "console")]
impl From<Mistake<'_>> for Usage {
    fn from(mistake: Mistake<'_>) -> Self {
        Usage(mistake.to_string())
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
        Some("run") => words.run("run", Invocation::Run),
        Some("check") => words.run("check", Invocation::Check),
        Some("status") => words.ask("status"),
        Some("log") => words.ask("log"),
        Some("reload") => words.ask("reload"),
        Some("release") => words.ask("release"),
        Some("watch") => {
            let asked = words.ask("watch")?;
            Ok(if let Invocation::Ask { control, .. } = asked {
                Invocation::Watch { control }
            } else {
                asked
            })
        }
        #[cfg(feature = "console")]
        Some("console") => words.console(),
        Some("version" | "--version" | "-V") => Ok(Invocation::Version),
        Some("help" | "--help" | "-h") => Ok(Invocation::Help),
        _ => Err(Usage(format!("unknown command '{}'", command.display()))),
    }
}

struct Words {
    rest: std::vec::IntoIter<OsString>,
}

impl Words {
    fn run(
        mut self,
        command: &str,
        invocation: fn(Box<RunOptions>) -> Invocation,
    ) -> Result<Invocation, Usage> {
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
                Some("--network") => {
                    let network = self.text("--network")?;
                    set_network(&mut options.networks, &network)?;
                }
                Some("--no-realtime") => options.realtime = false,
                Some("--no-lease") => options.lease = false,
                #[cfg(feature = "console")]
                Some("--console") => {
                    options.console = Some(Console::parse(&self.text("--console")?)?);
                }
                Some("--help" | "-h") => return Ok(Invocation::Help),
                _ => return Err(unknown(command, &word)),
            }
        }
        options.control = control.unwrap_or_else(|| options.run_directory.join("control"));
        Ok(invocation(Box::new(options)))
    }

    #[cfg(feature = "console")]
    fn console(mut self) -> Result<Invocation, Usage> {
        let mut control = PathBuf::from(RUN_DIRECTORY).join("control");
        let mut console = Console::default();
        let mut has_tty = false;
        while let Some(word) = self.rest.next() {
            match word.to_str() {
                Some("--tty") => {
                    console.tty = console::tty(&self.text("--tty")?)?;
                    has_tty = true;
                }
                Some("--speed") => console.speed = Some(console::speed(&self.text("--speed")?)?),
                Some("--keys") => console.keys = true,
                Some("--screen") => console.screen = true,
                Some("--control") => control = self.value("--control")?,
                Some("--help" | "-h") => return Ok(Invocation::Help),
                _ => return Err(unknown("console", &word)),
            }
        }
        if !has_tty {
            return Err(Usage("console needs --tty DEV".into()));
        }
        Ok(Invocation::Console { console, control })
    }

    fn text(&mut self, option: &str) -> Result<String, Usage> {
        let missing = || Usage(format!("{option} needs a value"));
        self.rest.next().and_then(|word| word.into_string().ok()).ok_or_else(missing)
    }

    fn ask(mut self, command: &str) -> Result<Invocation, Usage> {
        let mut control = PathBuf::from(RUN_DIRECTORY).join("control");
        let mut request = command.to_owned();
        let mut word_behind = String::new();
        let takes_json = matches!(command, "status" | "log");
        let mut takes_word = matches!(command, "reload" | "release");
        while let Some(word) = self.rest.next() {
            match word.to_str() {
                Some("--control") => control = self.value("--control")?,
                Some("--json") if takes_json => request.push_str(" json"),
                Some("--network") if command == "reload" => {
                    let network = self.text("--network")?;
                    set_network(&mut Networks::new(), &network)?;
                    request.push_str(&format!(" {MARK}{network}"));
                }
                Some("--help" | "-h") => return Ok(Invocation::Help),
                Some(text) if takes_word && !text.starts_with('-') => {
                    takes_word = false;
                    word_behind = format!(" {}", argument(command, text)?);
                }
                _ => return Err(unknown(command, &word)),
            }
        }
        Ok(Invocation::Ask { request: request + &word_behind, control })
    }

    fn value(&mut self, option: &str) -> Result<PathBuf, Usage> {
        let missing = || Usage(format!("{option} needs a path"));
        self.rest.next().map(PathBuf::from).ok_or_else(missing)
    }
}

fn set_network(networks: &mut Networks, text: &str) -> Result<(), Usage> {
    networks.set(text).map_err(|refused| Usage(format!("--network '{text}': {refused}")))
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
        let Ok(Invocation::Check(checked)) = parsed(&line.replace("run -", "check -")) else {
            panic!("refused")
        };
        assert_eq!(checked, options);
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
    fn networks_are_told_before_the_file() {
        let Ok(Invocation::Run(options)) = parsed("run --network wan=eth1 --network lan=") else {
            panic!("refused");
        };
        let mut networks = Networks::new();
        networks.set("wan=eth1").unwrap();
        assert_eq!(options.networks, networks);
        let line = "reload /a.rwb --network wan=eth1 --network lan= --control /c";
        let request = "reload @wan=eth1 @lan= /a.rwb".into();
        assert_eq!(parsed(line), Ok(Invocation::Ask { request, control: "/c".into() }));
        for line in
            ["run --network", "run --network wan", "reload --network a/b=c", "status --network a=b"]
        {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[cfg(feature = "console")]
    #[test]
    fn a_console_is_told_the_same_in_both_ways() {
        let tty = "ttyS0".try_into().unwrap();
        let whole = Console { tty, speed: Some(9600), keys: true, screen: true };
        let line = "console --tty ttyS0 --speed 9600 --keys --screen --control /c";
        let control = PathBuf::from("/c");
        assert_eq!(
            parsed(line),
            Ok(Invocation::Console { console: whole.clone(), control: control.clone() })
        );
        let Ok(Invocation::Run(options)) = parsed("run --console ttyS0,9600,keys,screen") else {
            panic!("refused");
        };
        assert_eq!(options.console, Some(whole));
        assert_eq!(
            parsed("console --tty board --control /c"),
            Ok(Invocation::Console { console: Console::default(), control })
        );
        for line in [
            "console",
            "console --tty",
            "console --tty a --speed 9601",
            "run --console",
            "run --console ttyS0,key",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for line in ["", "fly", "run --fast", "status VI_1", "release a b", "run --config"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
