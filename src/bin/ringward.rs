//! The daemon and its client: arguments and exit codes, nothing else.

use std::process::ExitCode;

use ringward::daemon::arguments::{Invocation, Usage, help, parse};
#[cfg(feature = "init")]
use ringward::daemon::init;
use ringward::daemon::{Exit, Failure, check, client, render_version, supervise};
use ringward::io::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

fn main() -> ExitCode {
    #[cfg(feature = "demo")]
    if std::env::args_os().nth(1).is_some_and(|command| command == "demo") {
        // It knows no argument that is not text.
        let arguments = std::env::args_os().skip(2).map(|word| word.to_string_lossy().into());
        return ringward::demo::main(arguments);
    }
    #[cfg(feature = "init")]
    if init::is_meant() {
        init::begin();
        // Behind it is the router's process.
        return act(parse(["run".into()]));
    }
    act(parse(std::env::args_os().skip(1)))
}

fn act(invocation: Result<Invocation, Usage>) -> ExitCode {
    let invocation = match invocation {
        Ok(invocation) => invocation,
        Err(usage) => {
            eprintln!("ringward: {usage}");
            return Exit::Usage.code().into();
        }
    };
    match obey(invocation) {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("ringward: {failure}");
            failure.exit.code().into()
        }
    }
}

fn obey(invocation: Invocation) -> Result<u8, Failure> {
    match invocation {
        Invocation::Run(options) => supervise(&options),
        Invocation::Check(options) => check(&options).map(|()| Exit::Fine.code()),
        Invocation::Ask { request, control } => client::print(&control, &request).map(Exit::code),
        Invocation::Watch { control } => client::watch(&control).map(Exit::code),
        #[cfg(feature = "console")]
        Invocation::Console { console, control } => {
            ringward::daemon::console(&console, &control).map(Exit::code)
        }
        Invocation::Version => {
            let mut text = String::new();
            // A string takes everything.
            let _ = render_version(&mut text);
            client::say(&text).map(Exit::code)
        }
        Invocation::Help => client::say(&help()).map(Exit::code),
    }
}
