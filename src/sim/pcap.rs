//! Packets as a file for Wireshark: classic pcap with nanoseconds, Ethernet.

/// The head of a file.
pub(super) fn header() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_3c4d_u32.to_be_bytes());
    file.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(65_535_u32.to_be_bytes());
    file.extend(1_u32.to_be_bytes());
    file
}

/// One packet; an IP packet gets an Ethernet header from `mac`.
pub(super) fn append(file: &mut Vec<u8>, at: u64, bytes: &[u8], mac: Option<[u8; 6]>) {
    let mut frame = Vec::new();
    if let Some(mac) = mac {
        let is_v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
        if is_v6 {
            frame.extend([0x33, 0x33, 0, 0, 0, 0x12]);
        } else {
            frame.extend([1, 0, 0x5e, 0, 0, 0x12]);
        }
        frame.extend(mac);
        frame.extend(if is_v6 { [0x86, 0xdd] } else { [8, 0] });
    }
    frame.extend(bytes);
    let part = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    file.extend(part(at / 1_000_000_000));
    file.extend(part(at % 1_000_000_000));
    let len = u32::try_from(frame.len()).unwrap_or(0).to_be_bytes();
    file.extend(len);
    file.extend(len);
    file.extend(frame);
}
