//! The compiler and workbench: arguments and exit codes, nothing else.
//!
//! 0 fine, 1 the configuration has errors, 2 usage, 3 files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ringward::compiler::{self, Language, MessageForm, Outcome, Reading};
use ringward::config::network::Networks;
use ringward::config::source::code::Code;
use ringward::decode::Form;
use ringward::limits::{BOARDS, Capacity};

/// Compiles configurations for ringward.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Text to a binary configuration for `ringward run`
    Compile {
        /// The text
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// Where to put the binary form: replaced at once, mode 0600
        #[arg(short, long, value_name = "OUT.rwb")]
        output: PathBuf,
        #[command(flatten)]
        reading: Reader,
        /// The board that is to hold it; see `ringwardc boards`
        #[arg(long, value_name = "NAME", value_parser = board)]
        board: Option<&'static Capacity>,
    },
    /// Judge files, each by itself; writes nothing
    Check {
        /// Texts or binary configurations
        #[arg(value_name = "IN", required = true)]
        inputs: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reader,
        /// The board that is to hold them; see `ringwardc boards`
        #[arg(long, value_name = "NAME", value_parser = board)]
        board: Option<&'static Capacity>,
    },
    /// Every effective value and where it came from, or what a message means
    Explain {
        /// A text or a binary configuration
        #[arg(value_name = "IN", required_unless_present = "code", conflicts_with = "code")]
        input: Option<PathBuf>,
        /// The code of a message
        #[arg(long, value_name = "RW0001")]
        code: Option<String>,
        #[command(flatten)]
        reading: Reader,
    },
    /// Each VRRP, ARP and neighbour discovery frame of a capture, and how ringward judges it
    Decode {
        /// pcap or pcapng; - for the standard input
        #[arg(value_name = "FILE.pcap")]
        input: PathBuf,
        /// A text or a binary configuration to judge adverts by; without one only their format is
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where the capture was taken: only the instances on this interface are asked
        #[arg(long, value_name = "NAME", requires = "config")]
        interface: Option<String>,
        /// One JSON document a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        reading: Reader,
    },
    /// Put a configuration into a built ringward, of whatever processor
    Embed {
        /// A text or a binary configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The program; it has room for two configurations, and the older one is replaced
        #[arg(long, value_name = "EXE")]
        into: PathBuf,
        /// Where to put the program with the configuration: replaced at once, mode 0700
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
        #[command(flatten)]
        reading: Reader,
    },
    /// The binary configuration that a program carries
    Extract {
        /// The program
        #[arg(value_name = "EXE")]
        program: PathBuf,
        /// Which of the two; without it, the newer one
        #[arg(long, value_name = "1|2")]
        slot: Option<usize>,
        /// Where to put it: replaced at once, mode 0600
        #[arg(short, long, value_name = "OUT.rwb")]
        output: PathBuf,
    },
    /// Judge nodes against each other: who is master, who follows, what does not fit
    Pair {
        /// The configurations of the nodes: texts or binary ones
        #[arg(value_name = "IN", required = true, num_args = 2..)]
        inputs: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reader,
    },
    /// What a reload from one configuration to another would keep, retune, add and remove
    Diff {
        /// The configuration in force: a text or a binary one
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The one to come
        #[arg(value_name = "NEW")]
        new: PathBuf,
        #[command(flatten)]
        reading: Reader,
    },
    /// A keepalived.conf as /etc/config/ringward, which compiles to the same
    Import {
        /// The keepalived.conf
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// Where to put it: replaced at once, mode 0600; without it, the standard output
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
        #[command(flatten)]
        reading: Reader,
    },
    /// A UCI file as `uci export` prints it
    Uci {
        /// The file; its name is that of the package
        #[arg(value_name = "FILE")]
        input: PathBuf,
        #[command(flatten)]
        reading: Reader,
    },
    /// The boards and what each holds, or everything that one says
    Boards {
        /// One of them
        #[arg(value_name = "NAME", value_parser = board)]
        board: Option<&'static Capacity>,
    },
    /// Judge the plan of an image's first program
    Plan {
        /// The plan
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// What the image is to have as well: the modules of the plan are in there
        #[arg(long, value_name = "FOLDER")]
        overlay: Option<PathBuf>,
    },
    /// Every keyword and what is made of it, as Markdown
    Keywords,
    /// Version and limits
    Version,
}

/// How texts are read.
#[derive(Args)]
#[command(next_help_heading = "How texts are read")]
struct Reader {
    /// The language of the text
    #[arg(long, value_enum, default_value_t)]
    from: From,
    /// The router that `@NAME` lines and `${_INSTANCE}` are about
    #[arg(short = 'i', long, value_name = "NAME")]
    config_id: Option<String>,
    /// Set a variable, whatever the text says of it
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = definition)]
    definitions: Vec<(String, String)>,
    /// The device of a network of OpenWrt: of `@NAME`, or `option network` of UCI
    #[arg(long = "network", value_name = "NAME=DEVICE", value_parser = network)]
    networks: Vec<(String, String)>,
    /// OpenWrt's /etc/config/network of the router: devices and addresses of its networks
    #[arg(long, value_name = "FILE")]
    uci_network: Option<PathBuf>,
    /// It is for this machine: compare it with the interfaces here
    #[arg(long)]
    here: bool,
    /// Leave out what keepalived would complain about and go on without
    #[arg(long)]
    permissive: bool,
    /// Leave out virtual servers and their checks
    #[arg(long, value_enum, value_name = "PART")]
    only: Option<Only>,
    /// Take warnings for errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Do not show this warning or note
    #[arg(long, value_name = "RW0001", value_parser = code)]
    allow: Vec<Code>,
    /// How messages are written
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    message_format: Messages,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum From {
    /// keepalived.conf
    #[default]
    Keepalived,
    /// UCI: /etc/config/ringward; a file called keepalived is OpenWrt's
    Uci,
    /// UCI: OpenWrt's /etc/config/keepalived
    UciKeepalived,
}

#[derive(Clone, Copy, ValueEnum)]
enum Only {
    /// VRRP
    Vrrp,
}

#[derive(Clone, Copy, ValueEnum)]
enum Deny {
    /// All warnings
    Warnings,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Messages {
    /// For people
    #[default]
    Human,
    /// One JSON document a line
    Json,
}

impl Reader {
    fn reading(self) -> Result<Reading, ExitCode> {
        let messages = match self.message_format {
            Messages::Human => MessageForm::Human,
            Messages::Json => MessageForm::Json,
        };
        let site = compiler::site(&self.networks, self.uci_network.as_deref(), self.here, messages)
            .map_err(exit_code)?;
        Ok(Reading {
            language: match self.from {
                From::Keepalived => Language::Keepalived,
                From::Uci => Language::Uci,
                From::UciKeepalived => Language::UciKeepalived,
            },
            config_id: self.config_id,
            definitions: self.definitions,
            site,
            is_permissive: self.permissive,
            only_vrrp: self.only.is_some(),
            denies_warnings: self.deny.is_some(),
            allowed: self.allow,
            messages,
        })
    }
}

fn definition(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(is_letter)
    {
        return Err("a name has letters, digits and _, and does not begin with a digit".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn network(text: &str) -> Result<(String, String), String> {
    Networks::new().set(text).map_err(|refused| refused.to_string())?;
    let (name, device) = text.split_once('=').unwrap_or_default();
    Ok((name.to_owned(), device.to_owned()))
}

fn code(id: &str) -> Result<Code, String> {
    Code::find(id).ok_or_else(|| "codes look like RW0001".to_owned())
}

fn board(name: &str) -> Result<&'static Capacity, String> {
    let names = || BOARDS.iter().map(|capacity| capacity.board).collect::<Vec<_>>().join(", ");
    Capacity::of(name).ok_or_else(|| format!("the boards are {}", names()))
}

/// Wrong arguments, as clap ends with.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match obey(Arguments::parse().command) {
        Ok(outcome) => exit_code(outcome),
        Err(code) => code,
    }
}

fn obey(command: Command) -> Result<Outcome, ExitCode> {
    Ok(match command {
        Command::Compile { input, output, reading, board } => {
            let capacity = board.unwrap_or(&Capacity::HERE);
            compiler::compile_file(&input, &output, &reading.reading()?, capacity)
        }
        Command::Check { inputs, reading, board } => {
            let capacity = board.unwrap_or(&Capacity::HERE);
            compiler::check_files(&inputs, &reading.reading()?, capacity)
        }
        Command::Explain { input: Some(input), reading, .. } => {
            compiler::explain_file(&input, &reading.reading()?)
        }
        Command::Explain { code, .. } => {
            let id = code.unwrap_or_default();
            match compiler::explain_code(&id) {
                Some(outcome) => outcome,
                None => {
                    eprintln!("ringwardc: there is no code {id}: codes look like RW0001");
                    return Err(ExitCode::from(USAGE));
                }
            }
        }
        Command::Decode { input, config, interface, json, reading } => {
            let reading = reading.reading()?;
            let config = config.as_deref().map(|path| (path, &reading));
            let form = if json { Form::Json } else { Form::Text };
            compiler::decode_file(&input, config, interface.as_deref(), form)
        }
        Command::Embed { config, into, output, reading } => {
            compiler::embed_file(&config, &reading.reading()?, &into, &output)
        }
        Command::Extract { program, slot, output } => {
            compiler::extract_file(&program, slot, &output)
        }
        Command::Pair { inputs, reading } => compiler::pair_files(&inputs, &reading.reading()?),
        Command::Diff { old, new, reading } => {
            compiler::diff_files(&old, &new, &reading.reading()?)
        }
        Command::Import { input, output, reading } => {
            compiler::import_file(&input, output.as_deref(), &reading.reading()?)
        }
        Command::Uci { input, reading } => compiler::uci_file(&input, &reading.reading()?),
        Command::Boards { board: None } => compiler::boards(),
        Command::Boards { board: Some(board) } => compiler::board(board),
        Command::Plan { input, overlay } => compiler::plan_file(&input, overlay.as_deref()),
        Command::Keywords => compiler::keywords(),
        Command::Version => compiler::version(),
    })
}

fn exit_code(outcome: Outcome) -> ExitCode {
    ExitCode::from(outcome.code())
}
