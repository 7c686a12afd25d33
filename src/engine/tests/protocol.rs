//! Elections, adverts and announcements, seen from outside.

use super::*;
use crate::wire::Reject;
use crate::wire::vrrp::{self, Auth, Outgoing, Seal};

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));

fn one(config: &mut Config) {
    add_instance(config, "VI_1", 51, 100, ip(100));
}

#[test]
fn a_takeover_is_advert_then_address_then_announcements_after_the_acknowledgement() {
    on_bench(|mut bench| {
        bench.boot(one);
        assert_eq!(bench.drain(), []);
        let left = bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!(left, [Left::Advert(51, 100, GROUP), Left::Add(ip(100))]);
        assert_eq!(bench.drain(), [], "nothing is announced that is not acknowledged");
        bench.answer(0);
        assert_eq!(bench.drain(), vec![Left::Announce(ip(100)); 5]);
        // The adverts of four seconds, and in the fifth the second burst.
        for _ in 0..4 {
            assert_eq!(bench.turn(Span::from_secs(1)), [Left::Advert(51, 100, GROUP)]);
        }
        let mut expected = vec![Left::Advert(51, 100, GROUP)];
        expected.extend(vec![Left::Announce(ip(100)); 5]);
        assert_eq!(bench.turn(Span::from_secs(1)), expected);
        assert_eq!(bench.turn(Span::from_secs(1)), [Left::Advert(51, 100, GROUP)]);
    });
}

#[test]
fn the_owner_advertises_at_once() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "VI_1", 51, 255, ip(100)));
        assert_eq!(bench.drain(), [Left::Advert(51, 255, GROUP), Left::Add(ip(100))]);
    });
}

#[test]
fn a_rejected_packet_moves_a_counter_and_nothing_else() {
    on_bench(|mut bench| {
        bench.boot(one);
        let deadline = bench.engine.next_deadline();
        let good = advert(ip(9), 200, 100, ip(100));
        let mut cases = vec![];
        let mut add = |offset: usize, value: u8, reason| {
            let mut packet = good;
            packet[offset] = value;
            cases.push((packet.to_vec(), reason));
        };
        add(8, 254, Reject::HopLimit);
        add(20, 0x32, Reject::Type);
        add(20, 0x41, Reject::Version);
        add(26, 0x55, Reject::Checksum);
        add(23, 3, Reject::Truncated);
        cases.push((good[..30].to_vec(), Reject::Truncated));
        bench.now = bench.now + Span::from_secs(1);
        for (packet, reason) in cases {
            let rejected = |bench: &Bench| {
                let at = |rejected: &[u64; Reject::COUNT]| rejected[reason.index()];
                at(&bench.engine.routers()[0].counters.rejected)
                    + at(&bench.engine.interfaces()[0].rejected)
            };
            let before = rejected(&bench);
            bench.engine.ingest_ipv4(bench.now, IfIndex::new(2).unwrap(), &packet);
            assert_eq!(rejected(&bench), before + 1, "{reason:?}");
            assert_eq!(bench.engine.next_deadline(), deadline, "{reason:?}");
            assert_eq!(bench.engine.routers()[0].fsm.rival(), None, "{reason:?}");
            assert_eq!(bench.drain(), [], "{reason:?}");
        }
        bench.engine.ingest_ipv4(bench.now, IfIndex::new(2).unwrap(), &good);
        assert!(bench.engine.next_deadline() > deadline);
    });
}

#[test]
fn an_advert_that_arrived_in_time_beats_the_timer_of_the_same_turn() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.now = bench.now + Span::from_secs(4);
        assert!(bench.engine.is_verdict_due(bench.now));
        bench.advert(ip(9), 200, 100);
        assert_eq!(bench.turn(Span::ZERO), []);
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

#[test]
fn a_flood_of_inferior_adverts_is_answered_once_an_interval() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        let (mut adverts, mut announcements) = (0, 0);
        for _ in 0..5_000 {
            bench.advert(ip(9), 50, 100);
            for left in bench.turn(Span::from_millis(2)) {
                match left {
                    Left::Advert(..) => adverts += 1,
                    Left::Announce(_) => announcements += 1,
                    other @ (Left::Add(_) | Left::Remove(_) | Left::Dump) => panic!("{other:?}"),
                }
            }
        }
        // Ten seconds: ten adverts are due, and at most as many in reaction.
        assert!((10..=20).contains(&adverts), "{adverts}");
        // Two bursts of a rival in ten seconds, each twice, and the second one of the takeover.
        assert!((5..=25).contains(&announcements), "{announcements}");
        assert_eq!(bench.engine.routers()[0].counters.rivals, 5_000);
    });
}

#[test]
fn a_resignation_leaves_before_the_address_goes() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.engine.stop(bench.now);
        assert!(!bench.engine.is_stopped());
        assert_eq!(bench.drain(), [Left::Advert(51, 0, GROUP), Left::Remove(ip(100))]);
        bench.answer(0);
        assert_eq!(bench.engine.next_released().unwrap().ip, ip(100));
        assert!(bench.engine.next_released().is_none());
        assert!(bench.engine.is_stopped());
    });
}

#[test]
fn each_unicast_peer_gets_its_advert_and_strangers_are_rejected() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            config.peers.extend([ip(7), ip(8)]);
            config.instances[0].peers = model::Span16 { start: 0, len: 2 };
        });
        let left = bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!(left[..2], [Left::Advert(51, 100, ip(7)), Left::Advert(51, 100, ip(8))]);
        bench.advert(ip(7), 200, 100);
        let rejected = bench.engine.routers()[0].counters.rejected;
        assert_eq!(rejected[Reject::Destination.index()], 1, "multicast to a unicast instance");
        let mut packet = advert(ip(9), 200, 100, ip(100));
        packet[16..20].copy_from_slice(&[10, 0, 0, 5]);
        bench.engine.ingest_ipv4(bench.now, IfIndex::new(2).unwrap(), &packet);
        let rejected = bench.engine.routers()[0].counters.rejected;
        assert_eq!(rejected[Reject::UnknownPeer.index()], 1);
        assert_eq!(bench.state(0), StateName::Master);
    });
}

#[test]
fn adverts_that_are_due_together_leave_in_one_turn() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            for number in 1..=20 {
                add_instance(config, &format!("VI_{number}"), number, 255, ip(100 + number));
            }
        });
        let left = bench.drain();
        assert_eq!(left.iter().filter(|left| matches!(left, Left::Advert(..))).count(), 20);
        bench.answer_all();
        let deadline = bench.engine.next_deadline();
        assert_eq!(deadline, bench.now + Span::from_secs(1));
    });
}

#[test]
fn nobody_starts_and_nothing_counts_before_the_startup_delay_is_over() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "VI_1", 51, 255, ip(100));
            config.global.startup_delay = Span::from_secs(30);
        });
        assert_eq!(bench.engine.next_deadline(), bench.now + Span::from_secs(30));
        bench.advert(ip(9), 200, 100);
        let rejected = bench.engine.routers()[0].counters.rejected;
        assert_eq!(rejected[Reject::NotListening.index()], 1);
        assert_eq!(bench.turn(Span::from_secs(29)), []);
        let left = bench.turn(Span::from_secs(1));
        assert_eq!(left, [Left::Advert(51, 255, GROUP), Left::Add(ip(100))]);
    });
}

#[test]
fn announcements_of_many_addresses_take_turns() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            config.instances[0].announce.repeat = 2;
            let address = |last| model::Address {
                ip: ip(last),
                prefix_len: 32,
                interface: 0,
                label: Default::default(),
            };
            config.addresses.push(address(101)).unwrap();
            config.instances[0].addresses.len = 2;
        });
        bench.turn(Span::from_nanos(3_609_375_000));
        bench.answer_all();
        let (first, second) = (Left::Announce(ip(100)), Left::Announce(ip(101)));
        assert_eq!(bench.drain(), [first.clone(), second.clone(), first, second]);
    });
}

#[test]
fn a_paced_interface_announces_one_at_a_time() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            config.global.garp_interval = Span::from_millis(100);
        });
        bench.turn(Span::from_nanos(3_609_375_000));
        bench.answer_all();
        assert_eq!(bench.drain(), [Left::Announce(ip(100))]);
        assert_eq!(bench.turn(Span::from_millis(99)), []);
        assert_eq!(bench.turn(Span::from_millis(1)), [Left::Announce(ip(100))]);
    });
}

/// An advert in an Authentication Header with this key, for VRID 51, from 10.0.0.`last`.
fn sealed(last: u8, priority: u8, (key, sequence): (&[u8; 8], u32)) -> std::vec::Vec<u8> {
    let advert = Outgoing {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(priority),
        interval: Span::from_secs(1),
        source: ip(last),
        destination: GROUP,
        addresses: [ip(100)].into_iter(),
        seal: Seal::Header { key: *key, sequence },
        identification: 1,
    };
    let mut buffer = [0; 128];
    let len = vrrp::emit(&advert, &mut buffer).unwrap();
    buffer[..len].to_vec()
}

#[test]
fn adverts_in_authentication_headers_are_counted_on_and_none_is_taken_twice() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            config.instances[0].version = Version::V2;
            config.instances[0].authentication = Authentication::Header(*b"secret12");
        });
        let ports: std::vec::Vec<_> =
            bench.engine.ports().map(|port| (port.family, port.authenticated)).collect();
        assert_eq!(ports, [(Family::V4, false), (Family::V4, true)]);
        let eth0 = IfIndex::new(2).unwrap();
        let hear = |bench: &mut Bench, packet: &[u8]| {
            bench.now = bench.now + Span::from_millis(100);
            bench.engine.ingest_ipv4(bench.now, eth0, packet);
            let counters = &bench.engine.routers()[0].counters;
            let rejected = |reason: Reject| counters.rejected[reason.index()];
            (
                counters.adverts_received,
                rejected(Reject::Password),
                rejected(Reject::Replay),
                rejected(Reject::AuthType),
            )
        };
        assert_eq!(hear(&mut bench, &sealed(9, 200, (b"secret12", 7))), (1, 0, 0, 0));
        assert_eq!(hear(&mut bench, &sealed(9, 200, (b"secret13", 8))), (1, 1, 0, 0));
        for sequence in [7, 6, 0] {
            hear(&mut bench, &sealed(9, 200, (b"secret12", sequence)));
        }
        let deadline = bench.engine.next_deadline();
        assert_eq!(hear(&mut bench, &sealed(9, 200, (b"secret12", 7))), (1, 1, 4, 0));
        assert_eq!(bench.engine.next_deadline(), deadline, "no timer moves");
        assert_eq!(hear(&mut bench, &advert(ip(9), 200, 100, ip(100))).0, 1, "version 3");
        // The master falls silent: its successor counts on from what it has heard.
        assert_eq!(hear(&mut bench, &sealed(9, 200, (b"secret12", 40))), (2, 1, 4, 0));
        bench.now = bench.now + Span::from_nanos(3_609_375_000);
        bench.engine.expire(bench.now);
        let mut buffer = [0; 128];
        let sent = bench.engine.next_transmit(bench.now, &mut buffer).unwrap();
        let datagram = vrrp::dissect_ipv4(&buffer[..sent.len]).unwrap();
        let Auth::Header(header) = datagram.advert.auth else { panic!("{datagram:?}") };
        assert_eq!(header.sequence, 41);
        assert!(header.is_authentic(b"secret12"));
    });
}

#[test]
fn the_log_is_told_of_the_first_rejected_packet_and_of_tenfold() {
    on_bench(|mut bench| {
        bench.boot(one);
        let told = |bench: &mut Bench, seconds: u64| {
            bench.now = bench.now + Span::from_secs(seconds);
            bench.engine.review_rejects(bench.now);
            let mut told = vec![];
            while let Some(event) = bench.engine.next_event() {
                if let Event::Rejected { instance, reason, packets } = event {
                    told.push((instance, Reject::ALL[reason], packets));
                }
            }
            told
        };
        assert_eq!(told(&mut bench, 1), []);
        let mut packet = advert(ip(9), 200, 100, ip(100));
        packet[26] = 0x55;
        let hear = |bench: &mut Bench, count: u32| {
            for _ in 0..count {
                bench.engine.ingest_ipv4(bench.now, IfIndex::new(2).unwrap(), &packet);
            }
        };
        hear(&mut bench, 2);
        assert_eq!(told(&mut bench, 9), [], "ten seconds after the last look");
        assert_eq!(told(&mut bench, 1), [(0, Reject::Checksum, 2)]);
        hear(&mut bench, 17);
        assert_eq!(told(&mut bench, 10), [], "19 are not ten times 2");
        hear(&mut bench, 1);
        assert_eq!(told(&mut bench, 10), [(0, Reject::Checksum, 20)]);
        assert_eq!(told(&mut bench, 10), []);
    });
}
