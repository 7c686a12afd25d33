//! `ringward demo`: two routers and a client on a segment of their own, and what happens to the
//! client when a router loses its power, comes back, loses its daemon, and is stopped.
//!
//! The routers are the real daemon, started from this very program with an ordinary compiled
//! configuration. Nothing else is run, nothing outside the namespaces is touched, and everything is
//! gone when the demo ends, however it ends.
//!
//! | file | what |
//! |---|---|
//! | `options` | the command line |
//! | `plan` | what the routers are told, and what theory says about it |
//! | `router` | a node with the daemon on it |
//! | `show` | the steps, and what must be seen in each |
//! | `screen` `summary` | what the user reads |
//! | `steal` | whether the figures can be believed |
//! | `interrupt` `stop` | how it ends early |

mod interrupt;
mod options;
mod plan;
mod router;
mod screen;
mod show;
mod steal;
mod stop;
mod summary;

use std::process::ExitCode;

use crate::lab;
use crate::time::Span;
use interrupt::Interrupt;
use options::{Options, Refusal, USAGE};
use screen::Look;
use show::Show;
use stop::Stop;

/// About a hundredth of what a demo on two processors has.
const STOLEN_WORTH_TELLING: Span = Span::from_millis(100);

/// Runs the demo with the arguments behind `demo`. 0: everything happened as it must. 1: something
/// did not. 2: wrong usage. 71 and 77: the operating system or a missing privilege; or what the
/// daemon ended with. 130: interrupted.
///
/// Must be called before the process has a second thread: a user who is not root gets a user
/// namespace, which the kernel gives to single-threaded processes only.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(Refusal::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(Refusal::Usage(what)) => {
            eprintln!("ringward demo: {what}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let show = lab::become_root().map_err(Stop::from).and_then(|has_user_namespace| {
        let interrupt = Interrupt::catch()?;
        Show::new(&options, interrupt, has_user_namespace)
    });
    match show {
        Ok(show) => play(show, &options),
        Err(stop) => ExitCode::from(explain(&stop)),
    }
}

fn play(mut show: Show, options: &Options) -> ExitCode {
    match tell(&mut show, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            let code = explain(&stop);
            if matches!(stop, Stop::Missed(_) | Stop::Ended { .. }) {
                show.explain(&stop);
            }
            ExitCode::from(code)
        }
    }
}

fn tell(show: &mut Show, options: &Options) -> Result<(), Stop> {
    let stolen_before = steal::stolen();
    let rows = show.run()?;
    let stolen = steal::stolen() - stolen_before;
    show.screen.line(Look::Plain, "")?;
    summary::show(&show.screen, &rows)?;
    if stolen >= STOLEN_WORTH_TELLING {
        let text = "processor time were withheld by the host meanwhile: the figures suffer";
        show.screen.line(Look::Plain, format_args!("{} of {text}", screen::Millis(stolen)))?;
    }
    show.screen.line(Look::Plain, "")?;
    show.screen.line(Look::Good, "Everything happened as it must.")?;
    if options.hold { show.hold() } else { Ok(()) }
}

/// Says on standard error why it ended, and answers with the exit code.
fn explain(stop: &Stop) -> u8 {
    match stop {
        Stop::Interrupted => {
            eprintln!("interrupted; everything is cleaned up");
            130
        }
        // As if SIGPIPE had ended it.
        Stop::Unread => 141,
        Stop::Fault(fault) => {
            eprintln!("ringward demo: {fault}");
            if fault.is_privilege() { 77 } else { 71 }
        }
        Stop::Missed(expected) => {
            eprintln!("ringward demo: it did not happen: expected {expected}");
            1
        }
        Stop::Ended { router, status } => {
            eprintln!("ringward demo: the daemon of {router} ended by itself with status {status}");
            u8::try_from(*status).ok().filter(|status| *status != 0).unwrap_or(1)
        }
    }
}
