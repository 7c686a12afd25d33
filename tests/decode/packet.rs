//! Packets and files, built by hand from their specifications, so that nothing of what is tested
//! makes what it is tested with.

/// The Internet checksum (RFC 1071) of `octets`, whose own checksum field is zero.
fn internet_checksum(octets: &[u8]) -> [u8; 2] {
    let mut padded = octets.to_vec();
    padded.resize(octets.len().next_multiple_of(2), 0);
    let mut sum: u32 =
        padded.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// Puts the right checksum into an IPv4 header at the front of `packet`.
pub(crate) fn seal_header(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let sum = internet_checksum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&sum);
}

/// An IPv4 packet of protocol 112, TTL 255.
pub(crate) fn ipv4(source: [u8; 4], destination: [u8; 4], pdu: &[u8]) -> Vec<u8> {
    let len = u8::try_from(20 + pdu.len()).unwrap();
    let mut packet = vec![0x45, 0xc0, 0, len, 0, 1, 0, 0, 255, 112, 0, 0];
    packet.extend(source);
    packet.extend(destination);
    packet.extend(pdu);
    seal_header(&mut packet);
    packet
}

/// A PDU of version 2 for 10.200.0.`vrid` with a password (RFC 3768 §5.1).
pub(crate) fn version_2(vrid: u8, password: &[u8; 8]) -> Vec<u8> {
    let mut pdu = vec![0x21, vrid, 200, 1, 1, 1, 0, 0, 10, 200, 0, vrid];
    pdu.extend(password);
    seal(&mut pdu);
    pdu
}

/// A PDU of version 3 for 10.200.0.`vrid`, 1 s, checksum without pseudo header (RFC 9568 §5.1).
pub(crate) fn version_3(vrid: u8) -> Vec<u8> {
    let mut pdu = vec![0x31, vrid, 200, 1, 0, 100, 0, 0, 10, 200, 0, vrid];
    seal(&mut pdu);
    pdu
}

/// Puts the right checksum into a PDU.
pub(crate) fn seal(pdu: &mut [u8]) {
    pdu[6..8].fill(0);
    let sum = internet_checksum(pdu);
    pdu[6..8].copy_from_slice(&sum);
}

/// An Ethernet frame around an IPv4 packet.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x01, 0, 0x5e, 0, 0, 0x12, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    frame.extend(packet);
    frame
}

/// A byte order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Order::Big => number.to_be_bytes(),
            Order::Little => number.to_le_bytes(),
        }
    }

    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Order::Big => number.to_be_bytes(),
            Order::Little => number.to_le_bytes(),
        }
    }
}

/// A pcap (draft-ietf-opsawg-pcap §4, §5): each frame a second after the one before, the first at
/// 2001-09-09T01:46:40 and 123,456 microseconds or 123,456,789 nanoseconds.
pub(crate) fn pcap(order: Order, nanos: bool, link_type: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let (magic, fraction) = if nanos { (0xa1b2_3c4d, 123_456_789) } else { (0xa1b2_c3d4, 123_456) };
    let mut file = Vec::new();
    file.extend(order.u32(magic));
    file.extend([order.u16(2), order.u16(4)].concat());
    file.extend([order.u32(0), order.u32(0), order.u32(65_535), order.u32(link_type)].concat());
    for (second, frame) in (1_000_000_000..).zip(frames) {
        let len = order.u32(u32::try_from(frame.len()).unwrap());
        file.extend([order.u32(second), order.u32(fraction), len, len].concat());
        file.extend(frame);
    }
    file
}

/// A pcapng block (draft-ietf-opsawg-pcapng §3.1).
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let body_len = body.len().next_multiple_of(4);
    let len = order.u32(u32::try_from(body_len + 12).unwrap());
    let mut block = [order.u32(kind), len].concat();
    block.extend(body);
    block.resize(8 + body_len, 0);
    block.extend(len);
    block
}

/// A pcapng with nanoseconds and the same times as [`pcap`]; the last frame is a simple packet.
pub(crate) fn pcapng(order: Order, frames: &[Vec<u8>]) -> Vec<u8> {
    let (u16, u32) = (|n| order.u16(n), |n| order.u32(n));
    let section = [&u32(0x1a2b_3c4d)[..], &u16(1), &u16(0), &[0xff; 8]].concat();
    let name_and_resolution =
        [&u16(2)[..], &u16(4), b"eth0", &u16(9), &u16(1), &[9, 0, 0, 0], &u16(0), &u16(0)].concat();
    let interface = [&u16(1)[..], &u16(0), &u32(0), &name_and_resolution].concat();
    let mut file = block(order, 0x0a0d_0d0a, &section);
    file.extend(block(order, 1, &interface));
    // A block that nobody knows is skipped.
    file.extend(block(order, 0x0bad_0001, b"skipped"));
    let (last, others) = frames.split_last().unwrap();
    for (second, frame) in (1_000_000_000_u64..).zip(others) {
        let ticks = second * 1_000_000_000 + 123_456_789;
        let len = u32(u32::try_from(frame.len()).unwrap());
        let (high, low) = (ticks >> 32, ticks & 0xffff_ffff);
        let times = [high, low].map(|half| u32(u32::try_from(half).unwrap()));
        let body = [&u32(0)[..], &times[0], &times[1], &len, &len, frame].concat();
        file.extend(block(order, 6, &body));
    }
    let len = u32(u32::try_from(last.len()).unwrap());
    file.extend(block(order, 3, &[&len[..], last].concat()));
    file
}
