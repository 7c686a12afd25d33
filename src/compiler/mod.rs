//! What `ringwardc` does: files in, files and text out. The language itself is
//! [`crate::config::source`].

mod disk;
mod embed;
mod file;
mod messages;
mod nodes;
pub mod pair;
mod plan;
mod reading;
mod site;

use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use crate::config::source::Language;
pub use embed::{embed_file, extract_file};
pub use messages::MessageForm;
pub use nodes::{diff_files, import_file, pair_files};
pub use plan::plan_file;
pub use reading::Reading;
pub use site::site;

use crate::config::blob;
use crate::config::model::Config;
use crate::config::source::code::Code;
use crate::config::source::explain::explain;
use crate::config::source::keywords::page;
use crate::config::source::{Compiled, export_uci};
use crate::decode::{Form, Stopped, View, decode};
use crate::limits::{BLOB_LEN_MAX, BOARD, BOARDS, Capacity};
use messages::{show, summary};
use reading::{compile_text, trace_text};

/// How a command ended. The value is the exit code; 2 is for arguments, which are not judged here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Outcome {
    /// Done.
    Fine = 0,
    /// A configuration has errors.
    Invalid = 1,
    /// A file could not be read or written.
    File = 3,
}

impl Outcome {
    /// The exit code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// `compile IN -o OUT`.
pub fn compile_file(
    input: &Path,
    output: &Path,
    reading: &Reading,
    capacity: &Capacity,
) -> Outcome {
    if file::is_same(input, output) {
        complain(&format!("{}: is the input; it would be overwritten", output.display()));
        return Outcome::File;
    }
    let Some(octets) = read(input) else { return Outcome::File };
    let Compiled { config, report, .. } = compile_text(input, &octets, reading, capacity);
    show(&report, reading.messages);
    let Some(config) = config else {
        complain(&format!("{}: {}; nothing was written", input.display(), summary(&report)));
        return Outcome::Invalid;
    };
    let mut blob = vec![0; BLOB_LEN_MAX];
    let written = blob::encode(&config, &mut blob).map(|len| blob.get(..len).unwrap_or(&[]));
    let blob = match written {
        Ok(blob) => blob,
        Err(unwritable) => {
            complain(&format!("{}: {unwritable}", input.display()));
            return Outcome::Invalid;
        }
    };
    if blob.len() > capacity.blob_len {
        let (len, held) = (blob.len(), capacity.blob_len);
        let message = format!("needs {len} octets, {capacity} holds {held}; nothing was written");
        complain(&format!("{}: {message}", input.display()));
        return Outcome::Invalid;
    }
    if let Err(error) = file::replace(output, blob, file::MODE) {
        complain(&format!("{}: cannot be written: {error}", output.display()));
        return Outcome::File;
    }
    Outcome::Fine
}

/// `check IN…`.
pub fn check_files(inputs: &[PathBuf], reading: &Reading, capacity: &Capacity) -> Outcome {
    let mut worst = Outcome::Fine;
    for input in inputs {
        let outcome = check_file(input, reading, capacity);
        worst = worst.max(outcome);
    }
    worst
}

fn check_file(input: &Path, reading: &Reading, capacity: &Capacity) -> Outcome {
    let Some(octets) = read(input) else { return Outcome::File };
    if octets.starts_with(&blob::MAGIC) {
        return with_blob(input, &octets, |config| match shortage(config, &octets, capacity) {
            None => print(&format!("{}: fine{}\n", input.display(), counted(config))),
            Some((needed, held, what)) => {
                let message = format!("needs {needed} {what}, {capacity} holds {held}");
                complain(&format!("{}: {message}", input.display()));
                Outcome::Invalid
            }
        });
    }
    let Compiled { config, report, .. } = compile_text(input, &octets, reading, capacity);
    show(&report, reading.messages);
    let what = config.as_ref().map(|config| counted(config)).unwrap_or_default();
    let shown = print(&format!("{}: {}{what}\n", input.display(), summary(&report)));
    if config.is_none() { Outcome::Invalid } else { shown }
}

/// What a board lacks for a compiled configuration: how much is needed, and held, of what.
fn shortage(
    config: &Config,
    blob: &[u8],
    capacity: &Capacity,
) -> Option<(usize, usize, &'static str)> {
    let instances = config.instances.iter();
    let headers = instances.filter(|instance| instance.authentication.is_header()).count();
    [
        (config.instances.len(), capacity.instances, "instances"),
        (config.interfaces.len(), capacity.interfaces, "interfaces"),
        (config.addresses.len(), capacity.addresses, "addresses"),
        (config.peers.len(), capacity.peers, "unicast peers"),
        (config.scripts.len(), capacity.scripts, "scripts"),
        (config.trackers.len(), capacity.trackers, "trackers"),
        (config.commands.len(), capacity.commands, "commands"),
        (config.probes.len(), capacity.probes, "built-in checks"),
        (config.global.delays.len(), capacity.delays(), "interfaces with delays"),
        (headers, capacity.headers(), "instances with auth_type AH"),
        (blob.len(), capacity.blob_len, "octets"),
    ]
    .into_iter()
    .find(|(needed, held, _)| needed > held)
}

fn counted(config: &Config) -> String {
    match config.instances.len() {
        1 => ", 1 instance".to_owned(),
        count => format!(", {count} instances"),
    }
}

/// Does `what` with a compiled configuration, if it is one that the daemon accepts.
fn with_blob(input: &Path, octets: &[u8], what: impl Fn(&Config) -> Outcome) -> Outcome {
    // Not on the stack, which may be smaller than it is.
    static CONFIG: Mutex<Config> = Mutex::new(Config::new());
    let mut config = CONFIG.lock().unwrap_or_else(PoisonError::into_inner);
    match blob::decode(octets, &mut config) {
        Ok(()) => what(&config),
        Err(refused) => {
            complain(&format!("{}: {refused}", input.display()));
            Outcome::Invalid
        }
    }
}

/// `explain IN|OUT.rwb`.
pub fn explain_file(input: &Path, reading: &Reading) -> Outcome {
    let Some(octets) = read(input) else { return Outcome::File };
    if octets.starts_with(&blob::MAGIC) {
        return with_blob(input, &octets, |config| print(&explain(config, None)));
    }
    let Compiled { config, origins, report } = trace_text(input, &octets, reading);
    show(&report, reading.messages);
    let Some(config) = config else {
        complain(&format!("{}: {}", input.display(), summary(&report)));
        return Outcome::Invalid;
    };
    let origins = Some((&origins, &report.sources));
    print(&explain(&config, origins))
}

/// `uci FILE`: what was read, as `uci export` prints it. The file's name is the package's.
pub fn uci_file(input: &Path, reading: &Reading) -> Outcome {
    let Some(octets) = read(input) else { return Outcome::File };
    let name = input.display().to_string();
    let package = input.file_name().map_or("config".into(), |name| name.to_string_lossy());
    let (text, report) = export_uci(&reading.options(&Capacity::HERE), &name, &octets, &package);
    show(&report, reading.messages);
    match text {
        Some(text) if !report.has_errors() => print(&text),
        _ => Outcome::Invalid,
    }
}

/// `explain --code RW0001`. None when there is no such code.
pub fn explain_code(id: &str) -> Option<Outcome> {
    Some(print(&code_text(Code::find(id)?)))
}

/// `decode FILE.pcap`; `-` is the standard input. With a configuration, adverts are judged by it, on
/// `interface` only when that is given.
pub fn decode_file(
    input: &Path,
    config: Option<(&Path, &Reading)>,
    interface: Option<&str>,
    form: Form,
) -> Outcome {
    let Some((path, reading)) = config else {
        return decode_by(input, View { config: None, interface }, form);
    };
    let Some(octets) = read(path) else { return Outcome::File };
    if octets.starts_with(&blob::MAGIC) {
        return with_blob(path, &octets, |config| {
            decode_by(input, View { config: Some(config), interface }, form)
        });
    }
    let Compiled { config, report, .. } = compile_text(path, &octets, reading, &Capacity::HERE);
    let Some(config) = config else {
        show(&report, reading.messages);
        complain(&format!("{}: {}", path.display(), summary(&report)));
        return Outcome::Invalid;
    };
    // Its warnings are not what was asked for.
    decode_by(input, View { config: Some(&config), interface }, form)
}

fn decode_by(input: &Path, view: View<'_>, form: Form) -> Outcome {
    if let (Some(config), Some(wanted)) = (view.config, view.interface)
        && !config.interfaces.iter().any(|name| name.as_str() == wanted)
    {
        complain(&format!("the configuration has no interface {wanted}"));
        return Outcome::Invalid;
    }
    let mut stdout = std::io::stdout().lock();
    let result = if input == Path::new("-") {
        decode(std::io::stdin().lock(), &view, form, &mut stdout)
    } else {
        match file::open(input) {
            Ok(file) => decode(BufReader::new(file), &view, form, &mut stdout),
            Err(reason) => {
                complain(&format!("{}: {reason}", input.display()));
                return Outcome::File;
            }
        }
    };
    match result {
        Ok(()) => Outcome::Fine,
        Err(Stopped::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Outcome::Fine
        }
        Err(stopped) => {
            complain(&format!("{}: {stopped}", input.display()));
            Outcome::File
        }
    }
}

/// `keywords`: KEYWORDS.md.
pub fn keywords() -> Outcome {
    print(&page())
}

/// `version`.
pub fn version() -> Outcome {
    print(&format!(
        "ringwardc {} (blob schema {})\nboard: {BOARD}\nlimits: {}\n",
        env!("CARGO_PKG_VERSION"),
        blob::SCHEMA,
        held(&Capacity::HERE),
    ))
}

/// What one board says, as `table.key` and value; lists with commas.
type Settings = &'static [(&'static str, &'static str)];

/// Every board, base first.
const SETTINGS: &[(&str, Settings)] = include!(concat!(env!("OUT_DIR"), "/settings.rs"));

/// `boards`, with what each holds.
pub fn boards() -> Outcome {
    let width = BOARDS.iter().map(|capacity| capacity.board.len()).max().unwrap_or(0);
    let line = |capacity: &Capacity| format!("{:width$}  {}\n", capacity.board, held(capacity));
    print(&BOARDS.iter().map(line).collect::<String>())
}

/// `boards NAME`: everything it says, a `table.key=value` a line.
pub fn board(capacity: &Capacity) -> Outcome {
    let settings = SETTINGS.iter().find(|(board, _)| *board == capacity.board);
    let lines = settings.into_iter().flat_map(|(_, settings)| settings.iter());
    print(&lines.map(|(key, value)| format!("{key}={value}\n")).collect::<String>())
}

fn held(capacity: &Capacity) -> String {
    let Capacity { instances, interfaces, addresses, peers, blob_len, .. } = capacity;
    format!(
        "{instances} instances, {interfaces} interfaces, {addresses} addresses, {peers} unicast \
         peers, {blob_len} octets"
    )
}

fn read(input: &Path) -> Option<Vec<u8>> {
    match file::read(input) {
        Ok(octets) => Some(octets),
        Err(reason) => {
            complain(&format!("{}: {reason}", input.display()));
            None
        }
    }
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "ringwardc: {message}");
}

/// Output goes to stdout. That its reader stopped reading (`| head`) is no failure.
fn print(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Outcome::Fine,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Outcome::Fine,
        Err(error) => {
            complain(&format!("cannot write the output: {error}"));
            Outcome::File
        }
    }
}

/// What a code means.
fn code_text(code: Code) -> String {
    let severity = code.severity().name();
    let (id, title) = (code.id(), code.title());
    let cause = wrapped(code.cause());
    let cure = wrapped(&format!("What to do: {}", code.cure()));
    format!("{id} ({severity}): {title}\n\n{cause}\n\n{cure}\n")
}

/// A text in lines of at most 80 letters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if width > 0 && width + 1 + len > 80 {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += len;
    }
    lines
}
