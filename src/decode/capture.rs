//! Files of captured frames: pcap (draft-ietf-opsawg-pcap) with micro- or nanoseconds, and pcapng
//! (draft-ietf-opsawg-pcapng), each in either byte order. One record is in memory at a time.

use std::io::Read;

use super::Stopped;

/// The longest frame that is believed: libpcap's MAXIMUM_SNAPLEN. A longer one is a damage.
const FRAME_LEN_MAX: u32 = 262_144;

/// The longest pcapng block: a frame of that length with options, names or secrets around it.
const BLOCK_LEN_MAX: u32 = 1 << 20;

/// Interfaces of one pcapng section that are remembered.
const INTERFACE_COUNT_MAX: usize = 4_096;

/// One frame of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// From 1, as tshark counts.
    pub(super) number: u64,
    /// Nanoseconds since 1970, where the file says.
    pub(super) at: Option<u64>,
    /// LINKTYPE_ of the link layer.
    pub(super) link_type: u16,
    /// Its octets, as far as they were captured.
    pub(super) octets: &'a [u8],
    /// How many it had on the wire.
    pub(super) wire_len: u32,
}

impl Record<'_> {
    /// Whether the capture holds only the front of it.
    pub(super) fn is_cut(&self) -> bool {
        u32::try_from(self.octets.len()).is_ok_and(|len| len < self.wire_len)
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Capture<R> {
    file: File<R>,
    format: Format,
    number: u64,
}

#[derive(Debug)]
enum Format {
    Pcap { order: Order, link_type: u16, nanos_per_tick: u64 },
    Pcapng { order: Order, interfaces: Vec<Interface> },
}

/// A byte order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Order::Big => u16::from_be_bytes(octets),
            Order::Little => u16::from_le_bytes(octets),
        }
    }

    fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Order::Big => u32::from_be_bytes(octets),
            Order::Little => u32::from_le_bytes(octets),
        }
    }

    /// The number at `at`; zero behind the end, which callers have excluded.
    fn u32_at(self, octets: &[u8], at: usize) -> u32 {
        let field = octets.get(at..).and_then(|rest| rest.first_chunk::<4>());
        self.u32(field.copied().unwrap_or_default())
    }

    fn u16_at(self, octets: &[u8], at: usize) -> u16 {
        let field = octets.get(at..).and_then(|rest| rest.first_chunk::<2>());
        self.u16(field.copied().unwrap_or_default())
    }
}

/// What a pcapng section says of an interface.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    snap_len: u32,
    /// if_tsresol: the exponent of 10 or, with the top bit set, of 2.
    resolution: u8,
}

// pcap: the magic number, read in big-endian order.
const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const PCAP_HEADER_LEN: usize = 24;
const PCAP_RECORD_HEADER_LEN: usize = 16;

// pcapng: block types, and the section header's mark of its byte order.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// pcapng's option for the resolution of timestamps.
const IF_TSRESOL: u16 = 9;

impl<R: Read> Capture<R> {
    /// Reads as much as tells the format.
    pub(super) fn open(input: R) -> Result<Self, Stopped> {
        let mut file = File { input, offset: 0, start: 0, octets: Vec::new() };
        let magic = file.want(4, "a capture begins with four octets that tell its format")?;
        let magic = Order::Big.u32_at(magic, 0);
        let (order, nanos_per_tick) = match magic {
            MICROS => (Order::Big, 1_000),
            NANOS => (Order::Big, 1),
            SECTION => {
                let mut capture = Capture {
                    file,
                    format: Format::Pcapng { order: Order::Little, interfaces: Vec::new() },
                    number: 0,
                };
                capture.section()?;
                return Ok(capture);
            }
            other if other.swap_bytes() == MICROS => (Order::Little, 1_000),
            other if other.swap_bytes() == NANOS => (Order::Little, 1),
            _ => {
                let what = format!("{magic:08x} begins neither pcap nor pcapng");
                return Err(Stopped::Damaged { offset: 0, what });
            }
        };
        let header = file.more(PCAP_HEADER_LEN, "the file header")?;
        let major = order.u16_at(header, 4);
        // The upper half holds the length of a frame check sequence.
        let [_, _, high, low] = order.u32_at(header, 20).to_be_bytes();
        let link_type = u16::from_be_bytes([high, low]);
        if major != 2 {
            let what = format!("pcap of version {major}; there is only version 2");
            return Err(Stopped::Damaged { offset: 4, what });
        }
        Ok(Capture { file, format: Format::Pcap { order, link_type, nanos_per_tick }, number: 0 })
    }

    /// The next frame; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, Stopped> {
        match self.format {
            Format::Pcap { order, link_type, nanos_per_tick } => {
                self.next_pcap(order, link_type, nanos_per_tick)
            }
            Format::Pcapng { .. } => self.next_pcapng(),
        }
    }

    fn next_pcap(
        &mut self,
        order: Order,
        link_type: u16,
        nanos_per_tick: u64,
    ) -> Result<Option<Record<'_>>, Stopped> {
        if self.file.is_over()? {
            return Ok(None);
        }
        self.number += 1;
        let number = self.number;
        let header = self.file.want(PCAP_RECORD_HEADER_LEN, "a packet header")?;
        let [secs, ticks, len, wire_len] = [0, 4, 8, 12].map(|at| order.u32_at(header, at));
        let at = u64::from(secs) * 1_000_000_000 + u64::from(ticks) * nanos_per_tick;
        if len > FRAME_LEN_MAX {
            return Err(self.file.damaged(8, format!("packet {number} of {len} octets")));
        }
        let end = PCAP_RECORD_HEADER_LEN + length(len);
        let record = self.file.more(end, "a packet")?;
        let octets = record.get(PCAP_RECORD_HEADER_LEN..).unwrap_or_default();
        Ok(Some(Record { number, at: Some(at), link_type, octets, wire_len }))
    }

    fn next_pcapng(&mut self) -> Result<Option<Record<'_>>, Stopped> {
        loop {
            if self.file.is_over()? {
                return Ok(None);
            }
            let head = self.file.want(8, "a block header")?;
            if Order::Big.u32_at(head, 0) == SECTION {
                self.section()?;
                continue;
            }
            let Format::Pcapng { order, interfaces } = &mut self.format else { return Ok(None) };
            let order = *order;
            let kind = order.u32_at(head, 0);
            let block = self.file.block(order)?;
            match kind {
                INTERFACE => {
                    let Some(interface) = interface(order, block) else {
                        return Err(self.file.damaged(4, "an interface block too short".into()));
                    };
                    if interfaces.len() == INTERFACE_COUNT_MAX {
                        return Err(self.file.damaged(0, "one interface too many".into()));
                    }
                    interfaces.push(interface);
                }
                ENHANCED_PACKET | SIMPLE_PACKET => break,
                _ => {}
            }
        }
        self.number += 1;
        self.packet().map(Some)
    }

    /// The packet block that was read last.
    fn packet(&self) -> Result<Record<'_>, Stopped> {
        let Format::Pcapng { order, interfaces } = &self.format else {
            return Err(self.file.damaged(0, "not pcapng".into()));
        };
        let block = self.file.octets.as_slice();
        let number = self.number;
        let (of, header_len): (u32, usize) = match order.u32_at(block, 0) {
            ENHANCED_PACKET => (order.u32_at(block, 8), 28),
            _ => (0, 12),
        };
        let Some(interface) = interfaces.get(length(of)) else {
            let what = format!("packet {number} of interface {of}, which was not described");
            return Err(self.file.damaged(8, what));
        };
        let (at, len, wire_len) = if header_len == 28 {
            let ticks = u64::from(order.u32_at(block, 12)) << 32;
            let at = interface.nanos(ticks | u64::from(order.u32_at(block, 16)));
            (at, order.u32_at(block, 20), order.u32_at(block, 24))
        } else {
            // A simple packet says only how long it was; the interface says what was kept.
            let wire_len = order.u32_at(block, 8);
            let snap_len = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
            (None, wire_len.min(snap_len), wire_len)
        };
        // The block ends with its length once more.
        let room = block.len().saturating_sub(4);
        let octets = header_len.checked_add(length(len)).filter(|end| *end <= room);
        let Some(octets) = octets.and_then(|end| block.get(header_len..end)) else {
            let what = format!("packet {number} of {len} octets in a block of {}", block.len());
            return Err(self.file.damaged(4, what));
        };
        Ok(Record { number, at, link_type: interface.link_type, octets, wire_len })
    }

    /// A section begins: its byte order, and no interfaces yet. Its first octets are read already.
    fn section(&mut self) -> Result<(), Stopped> {
        let head = self.file.more(12, "a section header")?;
        let order = match Order::Big.u32_at(head, 8) {
            BYTE_ORDER => Order::Big,
            other if other.swap_bytes() == BYTE_ORDER => Order::Little,
            other => {
                let what = format!("{other:08x} is no mark of a byte order");
                return Err(self.file.damaged(8, what));
            }
        };
        let block = self.file.block(order)?;
        if block.len() < 28 {
            return Err(self.file.damaged(4, "a section header too short".into()));
        }
        let major = order.u16_at(block, 12);
        if major != 1 {
            let what = format!("pcapng of version {major}; there is only version 1");
            return Err(self.file.damaged(12, what));
        }
        self.format = Format::Pcapng { order, interfaces: Vec::new() };
        Ok(())
    }
}

/// An interface description block; none when it is too short.
fn interface(order: Order, block: &[u8]) -> Option<Interface> {
    let mut options = block.get(16..block.len().checked_sub(4)?)?;
    let mut interface = Interface {
        link_type: order.u16_at(block, 8),
        snap_len: order.u32_at(block, 12),
        resolution: 6,
    };
    while let Some((&[k0, k1, l0, l1], rest)) = options.split_first_chunk::<4>() {
        let (kind, len) = (order.u16([k0, k1]), usize::from(order.u16([l0, l1])));
        if kind == 0 {
            break;
        }
        if kind == IF_TSRESOL && len == 1 {
            interface.resolution = rest.first().copied()?;
        }
        options = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(interface)
}

impl Interface {
    /// A timestamp in nanoseconds; none when that passes the year 2554.
    fn nanos(self, ticks: u64) -> Option<u64> {
        let exponent = u32::from(self.resolution & 0x7f);
        let per_second = match self.resolution & 0x80 {
            0 => 10_u128.checked_pow(exponent)?,
            _ => 2_u128.checked_pow(exponent)?,
        };
        u64::try_from(u128::from(ticks) * 1_000_000_000 / per_second).ok()
    }
}

/// Octets, and where in the file they are.
#[derive(Debug)]
struct File<R> {
    input: R,
    /// How much of the file was read.
    offset: u64,
    /// Where `octets` begins.
    start: u64,
    /// The record that is being read.
    octets: Vec<u8>,
}

impl<R: Read> File<R> {
    /// Whether nothing follows the record that was read last; begins a new record.
    fn is_over(&mut self) -> Result<bool, Stopped> {
        self.start = self.offset;
        self.octets.clear();
        self.fill(1)?;
        Ok(self.octets.is_empty())
    }

    /// The first `len` octets of the record that begins.
    fn want(&mut self, len: usize, what: &str) -> Result<&[u8], Stopped> {
        self.more(len, what)
    }

    /// The first `len` octets of the record that is being read.
    fn more(&mut self, len: usize, what: &str) -> Result<&[u8], Stopped> {
        self.fill(len)?;
        let found = self.octets.len();
        if found < len {
            let (start, what) = (self.start, format!("{what} of {len} octets"));
            let what = format!("the file ends within {what} that begins at octet {start}");
            return Err(Stopped::Damaged { offset: self.offset, what });
        }
        Ok(self.octets.get(..len).unwrap_or_default())
    }

    /// The pcapng block that begins with the octets read so far.
    fn block(&mut self, order: Order) -> Result<&[u8], Stopped> {
        let len = order.u32_at(&self.octets, 4);
        if !(12..=BLOCK_LEN_MAX).contains(&len) || !len.is_multiple_of(4) {
            return Err(self.damaged(4, format!("a block of {len} octets")));
        }
        self.more(length(len), "a block")?;
        let end = length(len) - 4;
        let again = order.u32_at(&self.octets, end);
        if again != len {
            let what = format!("a block of {len} octets that ends as one of {again}");
            let at = u64::from(len) - 4;
            return Err(self.damaged(at, what));
        }
        Ok(&self.octets)
    }

    fn damaged(&self, at: u64, what: String) -> Stopped {
        Stopped::Damaged { offset: self.start + at, what }
    }

    /// Reads until `octets` holds `len`, or the file ends.
    fn fill(&mut self, len: usize) -> Result<(), Stopped> {
        let missing = len.saturating_sub(self.octets.len());
        let missing = u64::try_from(missing).unwrap_or(u64::MAX);
        let read = (&mut self.input).take(missing).read_to_end(&mut self.octets);
        let read = u64::try_from(read.map_err(Stopped::Read)?).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(read);
        Ok(())
    }
}

fn length(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
