//! Another configuration while running: read beside the loop, decoded into the stage, checked, and
//! put in force as a difference. A blob that is refused changes nothing, and is said why.

use core::fmt::{self, Write};

use heapless::String;

use crate::config::blob;
use crate::config::network::{MARK, Networks};
use crate::engine::Engine;
use crate::io::file::{Progress, Reader};
use crate::io::ring::Ring;
use crate::time::Instant;

/// Octets of a path that is remembered for the next SIGHUP (PATH_MAX less the zero).
const PATH_LEN_MAX: usize = 4095;

/// The file that the configuration is from, and the reading of it.
#[derive(Debug)]
pub(super) struct Reload {
    reader: Reader,
    /// In force.
    path: String<PATH_LEN_MAX>,
    /// Being read.
    next: String<PATH_LEN_MAX>,
    /// The devices of networks, as they are and as they will be if the configuration is taken.
    networks: Networks,
    next_networks: Networks,
    /// Asked for while another was being read.
    again: bool,
    pub(super) done: u32,
    pub(super) refused: u32,
    /// How the last one ended, for those who asked.
    pub(super) verdict: String<256>,
}

impl Reload {
    pub(super) fn new(reader: Reader, path: &str, networks: &Networks) -> Self {
        Reload {
            reader,
            path: String::try_from(path).unwrap_or_default(),
            next: String::new(),
            networks: networks.clone(),
            next_networks: networks.clone(),
            again: false,
            done: 0,
            refused: 0,
            verdict: String::new(),
        }
    }

    /// Takes the devices of networks, `@wan=eth1 @lan=br-lan`, for the next configuration that is
    /// read. False: they cannot be read, as the verdict says.
    pub(super) fn set_networks(&mut self, networks: &str) -> bool {
        let each = networks.split_ascii_whitespace().map(|word| word.trim_start_matches(MARK));
        for network in each {
            if let Err(refused) = self.next_networks.set(network) {
                self.next.clear();
                self.refuse(&refused);
                return false;
            }
        }
        true
    }

    /// Reads `path`, or the same file as before. False: there is nothing to read, as the verdict
    /// says.
    pub(super) fn begin(&mut self, ring: &mut Ring, path: Option<&str>) -> bool {
        let path = path.unwrap_or(self.path.as_str());
        if path.is_empty() {
            self.refuse(&"the configuration is in the program; name a file");
            return false;
        }
        let Ok(path) = String::try_from(path) else {
            self.refuse(&"the path is too long");
            return false;
        };
        if self.reader.start(ring, path.as_bytes()) {
            self.next = path;
        } else {
            self.again = true;
        }
        true
    }

    /// An operation of the reader's has completed. True: the reload has ended, well or not.
    pub(super) fn completed(
        &mut self,
        now: Instant,
        result: i32,
        engine: &mut Engine,
        ring: &mut Ring,
    ) -> bool {
        match self.reader.completed(ring, result) {
            Progress::Reading => return false,
            Progress::Failed(errno) => self.refuse(&nix::errno::Errno::from_raw(errno).desc()),
            Progress::Done => self.decode(now, engine),
        }
        if core::mem::take(&mut self.again) {
            return !self.begin(ring, None);
        }
        true
    }

    fn decode(&mut self, now: Instant, engine: &mut Engine) {
        let Some(stage) = engine.stage() else {
            return self.refuse(&"another reload is being carried out");
        };
        if let Err(refused) = blob::decode(blob::without_padding(self.reader.content()), stage) {
            return self.refuse(&refused);
        }
        // Those that come: what is in force changes later in the turn.
        let instances = stage.instances.len();
        match self.next_networks.resolve(stage) {
            Ok(()) => {
                engine.reload(now);
                self.networks.clone_from(&self.next_networks);
                self.path.clone_from(&self.next);
                self.done += 1;
                self.verdict.clear();
                // A verdict that is too long is cut.
                let s = if instances == 1 { "" } else { "s" };
                let _ = write!(self.verdict, "{instances} instance{s} from {}", self.path);
                log::info!("- reloaded instances={instances} file=\"{}\"", self.path);
            }
            Err(invalid) => self.refuse(&invalid),
        }
    }

    fn refuse(&mut self, reason: &dyn fmt::Display) {
        self.next_networks.clone_from(&self.networks);
        self.refused += 1;
        self.verdict.clear();
        let colon = if self.next.is_empty() { "" } else { ": " };
        let _ = write!(self.verdict, "error: {}{colon}{reason}; nothing has changed", self.next);
        log::error!("- reload-refused file=\"{}\" reason=\"{reason}\"", self.next);
    }
}
