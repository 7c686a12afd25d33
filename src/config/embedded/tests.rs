use super::*;
use crate::limits::{BOARD, INSTANCE_COUNT_MAX};

fn section() -> Vec<u8> {
    empty().to_vec()
}

fn versions(section: &[u8]) -> Vec<u32> {
    Section::parse(section).unwrap().configurations().map(|(version, _)| version).collect()
}

#[test]
fn the_sum_of_constants_is_that_of_ieee_802_3() {
    // The check value of CRC-32/ISO-HDLC in every catalogue of CRCs.
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn an_empty_section_tells_what_the_program_holds() {
    let octets = section();
    let section = Section::parse(&octets).unwrap();
    assert_eq!((section.board, section.holds[1]), (BOARD, INSTANCE_COUNT_MAX));
    assert_eq!((section.room, section.schema), (EMBEDDED_LEN_MAX, SCHEMA));
    assert_eq!(section.slots(), [Slot::Empty, Slot::Empty]);
    assert_eq!(section.configurations().count(), 0);
    assert_eq!(octets.len(), SECTION_LEN);
}

#[test]
fn a_third_configuration_takes_the_place_of_the_first() {
    let mut section = section();
    assert_eq!(embed(&mut section, b"one"), Some((0, 1)));
    assert_eq!(embed(&mut section, b"two, longer"), Some((1, 2)));
    assert_eq!(versions(&section), [2, 1]);
    assert_eq!(embed(&mut section, b"3"), Some((0, 3)));
    let parsed = Section::parse(&section).unwrap();
    let configurations: Vec<_> = parsed.configurations().collect();
    assert_eq!(configurations, [(3, &b"3"[..]), (2, &b"two, longer"[..])]);
}

#[test]
fn a_slot_with_one_bit_wrong_is_damaged_and_the_next_to_be_written() {
    let mut section = section();
    embed(&mut section, b"one").unwrap();
    embed(&mut section, b"two").unwrap();
    let second = HEADER_LEN + SLOT_HEADER_LEN + EMBEDDED_LEN_MAX;
    // In its version, its length, its sum and its blob.
    for place in [second, second + 4, second + 7, second + 8, second + 12] {
        let mut damaged = section.clone();
        damaged[place] ^= 0x40;
        let slots = Section::parse(&damaged).unwrap().slots();
        assert_eq!(slots[1], Slot::Damaged, "octet {place}");
        assert_eq!(versions(&damaged), [1]);
        assert_eq!(embed(&mut damaged, b"new"), Some((1, 2)));
    }
}

#[test]
fn a_blob_may_fill_its_slot_and_no_more() {
    let mut section = section();
    assert_eq!(embed(&mut section, &vec![7; EMBEDDED_LEN_MAX + 1]), None);
    assert_eq!(section, empty());
    assert_eq!(embed(&mut section, &vec![7; EMBEDDED_LEN_MAX]), Some((0, 1)));
    assert_eq!(embed(&mut section, &vec![9; EMBEDDED_LEN_MAX]), Some((1, 2)));
    let parsed = Section::parse(&section).unwrap();
    assert!(parsed.configurations().all(|(_, blob)| blob.len() == EMBEDDED_LEN_MAX));
}

#[test]
fn a_section_is_found_by_more_than_its_magic() {
    let mut program = b"\x7fELF and so on ".to_vec();
    program.extend(MAGIC);
    assert_eq!(find(&program), None);
    let at = program.len();
    program.extend(section());
    assert_eq!(find(&program[..program.len() - 1]), None, "cut short");
    program.extend(b"behind it");
    assert_eq!(find(&program), Some(at));
    program[at + 33] ^= 1;
    assert_eq!(find(&program), None, "the header's sum");
}
