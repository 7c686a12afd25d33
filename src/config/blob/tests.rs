use super::*;
use crate::addr::{Family, Priority, Version, Vrid};
use crate::config::check::{Place, Rule};
use crate::config::console::Console;
use crate::config::model::{Authentication, Notify, Span16};
use crate::config::sample::{boxed, reference};
use crate::limits::{ACCOUNT_LEN_MAX, BLOB_LEN_MAX, COMMAND_LEN_MAX};
use crate::time::Span;

fn reference_blob() -> Vec<u8> {
    let mut out = vec![0; BLOB_LEN_MAX];
    let len = encode(&reference(), &mut out).unwrap();
    out.truncate(len);
    out
}

/// Puts the right checksum in, for blobs that were changed on purpose.
fn sealed(mut blob: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&blob[..34], &blob[38..]);
    blob[34..38].copy_from_slice(&sum.to_le_bytes());
    blob
}

#[test]
fn what_was_written_is_read_again() {
    let mut read = boxed();
    decode(&reference_blob(), &mut read).unwrap();
    assert_eq!(read, reference());
}

#[test]
fn the_layout_changes_only_with_the_schema() {
    // Written down by hand from the model and postcard's specification (varints, options and
    // variants as one octet, strings with their length); the checksum is Python's zlib.crc32.
    // When this fails, a record changed: raise SCHEMA, then renew the octets.
    assert_eq!(SCHEMA, 14);
    let expected = [
        "52494e4757415244 0e00 0000 0200 0200 0100 0300 0100 0200 0100 0200 0100 4f010000 a8624a52",
        // router_id, startup_delay, garp_interval, gna_interval, script_security, decision_timeout,
        // console (tty, speed, keys, screen), console_release, fifos, fifo_states_on_reload, delays.
        "03677731 80a8d6b907 00 00 01 80b09dc2df01",
        "01 057474795330 01 808407 01 00 01 00 0101 01 01 01 8094ebdc03 80cab5ee01",
        "0465746830 0662722d6c616e",
        // name, interface, family, version, vrid, priority, wants_master, interval, preempt, delay,
        "0456495f31 00 00 00 33 96 01 8094ebdc03 01 00",
        // source, authentication, announce, track_primary, addresses, advertised, peers, trackers, group, notify.
        "0100c0000201 016430636b33720000 80e497d012 05 00 01 80e497d012 05 00 01 0002 01 0001 0001 00 000000000000 0100 01",
        "0456495f36 01 01 01 33 64 00 8084af5f 00 00",
        "00 00 80e497d012 05 00 01 80e497d012 05 00 00 0201 01 0000 0000 0100 00000000000000 00",
        // name, notify.
        "036c616e 00000000000000 00",
        // ip, prefix_len, interface, label.
        "00c000020a 18 00 06657468303a31",
        "0120010db8000000000000000000000010 80 01 00",
        "01fe800000000000000000000000000010 40 01 00",
        "00c0000202",
        // name, kind, check, interval, timeout, rise, fall, init_fail.
        "0363686b 00 00 00 80a8d6b907 8094ebdc03 03 02 01",
        "03776562 00 01 00 8094ebdc03 8094ebdc03 01 01 00",
        // subject, weight (zigzag), reverse.
        "0000 27 00",
        // words, user, group, supplementary.
        "0763686b002d7800 066e6f626f6479 00 01",
        "072f72756e2f6600 00 00 00",
        // probe, family of the server, server, port, path, status.
        "01 00 c0000201 903f 032f7570 cc01",
    ];
    let hex: String = reference_blob().iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(hex, expected.concat().replace(' ', ""));
}

#[test]
fn every_truncation_is_refused() {
    let blob = reference_blob();
    let mut config = boxed();
    for len in 0..blob.len() {
        let refused = decode(&blob[..len], &mut config).unwrap_err();
        assert!(matches!(refused, Refused::Truncated { found, .. } if found == len), "{len}");
        assert!(config.instances.is_empty());
    }
}

#[test]
fn every_single_flipped_bit_is_refused() {
    let mut blob = reference_blob();
    let mut config = boxed();
    for octet in 0..blob.len() {
        for bit in 0..8 {
            blob[octet] ^= 1 << bit;
            assert!(decode(&blob, &mut config).is_err(), "octet {octet}, bit {bit}");
            blob[octet] ^= 1 << bit;
        }
    }
    decode(&blob, &mut config).unwrap();
}

#[test]
fn octets_behind_the_end_are_refused() {
    let mut blob = reference_blob();
    blob.extend([0xff; 3]);
    assert_eq!(decode(&blob, &mut boxed()), Err(Refused::Trailing { extra: 3 }));
}

#[test]
fn other_files_are_foreign() {
    for other in [b"\x7fELF\x02\x01\x01".as_slice(), &[0xff; 64], b"global_defs {", b"ringward"] {
        assert_eq!(decode(other, &mut boxed()), Err(Refused::Foreign));
    }
}

#[test]
fn another_schema_is_named() {
    let mut blob = reference_blob();
    blob[8] = 99;
    assert_eq!(decode(&sealed(blob), &mut boxed()), Err(Refused::Schema { found: 99 }));
    assert_eq!(
        Refused::Schema { found: 99 }.to_string(),
        "written for schema 99, this build reads schema 14: compile it again with the ringwardc of \
         this version"
    );
}

#[test]
fn a_damaged_octet_is_called_damage() {
    let mut blob = reference_blob();
    blob[60] ^= 0x10;
    assert_eq!(decode(&blob, &mut boxed()), Err(Refused::Damaged));
}

#[test]
fn more_than_this_build_holds_is_refused_with_both_numbers() {
    let mut blob = reference_blob();
    blob[14..16].copy_from_slice(&4000_u16.to_le_bytes());
    let refused = decode(&sealed(blob), &mut boxed()).unwrap_err();
    assert_eq!(refused, Refused::Needs { table: Table::Instances, needed: 4000, held: 2048 });
    assert_eq!(refused.to_string(), "needs 4000 instances, this build holds 2048");
}

#[test]
fn a_record_that_does_not_parse_is_named() {
    let mut blob = reference_blob();
    // The reference's second interface name has six octets: a length of 16 is beyond IFNAMSIZ.
    let at = blob.windows(7).position(|window| window == b"\x06br-lan").unwrap();
    blob[at] = 16;
    let refused = decode(&sealed(blob), &mut boxed());
    assert_eq!(refused, Err(Refused::Record { table: Table::Interfaces, index: 1 }));
}

#[test]
fn a_blob_that_breaks_a_rule_is_refused() {
    let mut blob = reference_blob();
    // Name, interface 1, family V6, version V3, VRID, priority.
    let at = blob.windows(9).position(|window| window == b"VI_6\x01\x01\x01\x33\x64").unwrap();
    blob[at + 8] = 0;
    let Err(Refused::Invalid(invalid)) = decode(&sealed(blob), &mut boxed()) else {
        panic!("priority 0 was accepted");
    };
    assert_eq!((invalid.rule, invalid.place), (Rule::Priority, Place::Instance(1)));
}

#[test]
fn a_configuration_that_breaks_a_rule_is_not_written() {
    let mut config = reference();
    config.instances[0].priority = Priority(0);
    let refused = encode(&config, &mut [0; 512]).unwrap_err();
    assert!(matches!(refused, Unwritable::Invalid(Invalid { rule: Rule::Priority, .. })));
}

#[test]
fn a_short_buffer_is_never_overrun() {
    let whole = reference_blob().len();
    for len in 0..whole {
        assert_eq!(encode(&reference(), &mut vec![0; len]), Err(Unwritable::Full));
    }
    assert_eq!(encode(&reference(), &mut vec![0; whole]), Ok(whole));
}

/// Every table full, every name and number as long as it can be.
fn fullest() -> Box<Config> {
    let mut config = reference();
    let (mut instance, address) = (config.instances[0].clone(), config.addresses[0].clone());
    config.clear();
    config.global.router_id = "r".repeat(63).as_str().try_into().unwrap();
    let longest = Span::from_nanos(u64::MAX);
    config.global.startup_delay = longest;
    config.global.garp_interval = longest;
    config.global.gna_interval = longest;
    config.global.decision_timeout = longest;
    let tty = "t".repeat(63).as_str().try_into().unwrap();
    config.global.console =
        [Console { tty, speed: Some(1_500_000), keys: true, screen: true }].into_iter().collect();
    for index in 0..INTERFACE_COUNT_MAX {
        config
            .interfaces
            .push(format!("interface{index:06}").as_str().try_into().unwrap())
            .unwrap();
    }
    instance.announce.refresh = longest;
    instance.announce.delay = longest;
    instance.announce.lower_delay = longest;
    instance.announce.extra_interface = longest;
    instance.family = Family::V6;
    instance.version = Version::V3;
    instance.authentication = Authentication::None;
    instance.source = Some("2001:db8::1".parse().unwrap());
    instance.interval = Span::from_millis(40_950);
    instance.preempt_delay = Span::from_secs(1000);
    // What all track is the first one's; every command is as long as can be.
    config.trackers = core::iter::repeat_n(reference().trackers[0], TRACKER_COUNT_MAX).collect();
    let mut script = reference().scripts[0].clone();
    (script.interval, script.timeout) = (longest, longest);
    for index in 0..SCRIPT_COUNT_MAX {
        script.name = format!("{index:063}").as_str().try_into().unwrap();
        config.scripts.push(script.clone()).unwrap();
    }
    let mut command = reference().commands[0].clone();
    let words = format!("{}\0", "x".repeat(COMMAND_LEN_MAX - 1));
    command.words = words.as_str().try_into().unwrap();
    command.user = "u".repeat(ACCOUNT_LEN_MAX).as_str().try_into().unwrap();
    command.group = command.user.clone();
    config.commands = core::iter::repeat_n(command, COMMAND_COUNT_MAX).collect();
    for index in 0..GROUP_COUNT_MAX {
        let name = format!("{index:063}").as_str().try_into().unwrap();
        config.groups.push(Group { name, notify: Notify::NOBODY }).unwrap();
    }
    let mut addresses = 0..u32::try_from(ADDRESS_COUNT_MAX).unwrap();
    for index in 0..u16::try_from(INSTANCE_COUNT_MAX).unwrap() {
        instance.name = format!("{index:063}").as_str().try_into().unwrap();
        instance.interface = u8::try_from(index / 255).unwrap();
        instance.vrid = Vrid::new(u8::try_from(index % 255).unwrap() + 1).unwrap();
        instance.addresses = Span16 { start: index * 2, len: 2 };
        instance.peers = Span16 { start: index, len: 1 };
        let all = u16::try_from(TRACKER_COUNT_MAX).unwrap();
        instance.group = Some(index % u16::try_from(GROUP_COUNT_MAX).unwrap());
        instance.trackers = Span16 { start: 0, len: if index == 0 { all } else { 0 } };
        config.instances.push(instance.clone()).unwrap();
        for number in addresses.by_ref().take(2) {
            let ip = core::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(number) + 99);
            let mut address = Address { ip: ip.into(), prefix_len: 128, ..address.clone() };
            address.label.clear();
            address.interface = 63;
            config.addresses.push(address).unwrap();
        }
        config.peers.push("2001:db8::2".parse().unwrap()).unwrap();
    }
    config
}

#[test]
fn the_fullest_configuration_fits_the_largest_blob() {
    let config = fullest();
    let mut out = vec![0; BLOB_LEN_MAX];
    let len = encode(&config, &mut out).unwrap();
    let mut read = boxed();
    decode(&out[..len], &mut read).unwrap();
    assert_eq!(read, config);
}

#[test]
fn decoding_needs_little_stack() {
    let (full, small) = (fullest(), reference_blob());
    let mut out = vec![0; BLOB_LEN_MAX];
    let len = encode(&full, &mut out).unwrap();
    let mut configs = [boxed(), boxed()];
    let decoder = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        let [first, second] = &mut configs;
        decode(&out[..len], first).and_then(|()| decode(&small, second))
    });
    assert_eq!(decoder.unwrap().join().unwrap(), Ok(()));
}

#[test]
fn what_flash_has_behind_a_blob_is_not_of_it() {
    let blob = reference_blob();
    for filler in [0xff, 0] {
        let padded = [&blob[..], &[filler; 100]].concat();
        assert_eq!(without_padding(&padded), blob, "{filler}");
    }
    assert_eq!(without_padding(&blob), blob);
    let junk = [&blob[..], &[0xff, 0xff, 1]].concat();
    assert_eq!(without_padding(&junk), junk, "for decode to refuse");
    for len in 0..blob.len() {
        assert_eq!(without_padding(&blob[..len]), &blob[..len], "cut short");
    }
}
