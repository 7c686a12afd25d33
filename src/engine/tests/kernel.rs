//! Interfaces and addresses that come, go, are refused, lost or somebody else's.

use super::*;

fn one(config: &mut Config) {
    add_instance(config, "VI_1", 51, 100, ip(100));
}

#[test]
fn an_interface_that_is_missing_at_start_is_waited_for() {
    on_bench(|mut bench| {
        bench.stage(one);
        bench.engine.configure(bench.now);
        bench.engine.start(bench.now);
        assert_eq!(
            (bench.state(0), bench.last_cause(0)),
            (StateName::Fault, Cause::InterfaceMissing)
        );
        assert_eq!(bench.engine.ports().count(), 0);
        bench.link(7, "eth0", false);
        assert_eq!(bench.state(0), StateName::Fault);
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::InterfaceDown));
        bench.link(7, "eth0", true);
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::NoSourceAddress));
        bench.address(true, 7, ip(5), 24, 0);
        assert_eq!(
            (bench.state(0), bench.last_cause(0)),
            (StateName::Backup, Cause::SourceAddress)
        );
        let port = bench.engine.ports().next().unwrap();
        assert_eq!((port.interface.get(), port.family, port.multicast), (7, Family::V4, true));
    });
}

#[test]
fn another_reason_of_a_fault_is_an_event_and_the_same_one_again_is_none() {
    on_bench(|mut bench| {
        bench.stage(one);
        bench.engine.configure(bench.now);
        bench.engine.start(bench.now);
        let reasons = |bench: &mut Bench| -> std::vec::Vec<Event> {
            core::iter::from_fn(|| bench.engine.next_event())
                .filter(|event| !matches!(event, Event::Transition(_)))
                .collect()
        };
        assert_eq!(reasons(&mut bench), [], "the first one is in the transition");
        bench.link(7, "eth0", false);
        let instance = 0;
        let down = Event::FaultChanged { instance, cause: Cause::InterfaceDown };
        assert_eq!(reasons(&mut bench), [down]);
        bench.link(7, "eth0", false);
        assert_eq!(reasons(&mut bench), []);
        bench.link(7, "eth0", true);
        let silent = Event::FaultChanged { instance, cause: Cause::NoSourceAddress };
        assert_eq!(reasons(&mut bench), [silent]);
        bench.address(true, 7, ip(5), 24, 0);
        assert_eq!(reasons(&mut bench), [], "its end is a transition");
    });
}

#[test]
fn an_interface_that_goes_down_means_fault_and_its_return_means_backup() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.link(2, "eth0", false);
        assert_eq!((bench.state(0), bench.last_cause(0)), (StateName::Fault, Cause::InterfaceDown));
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
        bench.answer(0);
        bench.link(2, "eth0", true);
        assert_eq!((bench.state(0), bench.last_cause(0)), (StateName::Backup, Cause::InterfaceUp));
        let again = bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!(again.last(), Some(&Left::Add(ip(100))));
    });
}

#[test]
fn an_interface_that_comes_back_under_another_number_is_the_same_one() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        let generation = bench.engine.ports_generation();
        bench.link_gone(2);
        assert_eq!(bench.last_cause(0), Cause::InterfaceMissing);
        assert_eq!(bench.drain(), [], "an address that went with its interface needs no removal");
        bench.link(9, "eth0", true);
        bench.address(true, 9, ip(5), 24, 0);
        assert_eq!(bench.state(0), StateName::Backup);
        assert_ne!(bench.engine.ports_generation(), generation);
        assert_eq!(bench.engine.ports().next().unwrap().interface.get(), 9);
        let left = bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!(left.last(), Some(&Left::Add(ip(100))));
    });
}

#[test]
fn a_renamed_interface_is_gone() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.link(2, "wan0", true);
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::InterfaceMissing));
    });
}

#[test]
fn an_address_of_the_administrator_is_neither_added_nor_removed() {
    on_bench(|mut bench| {
        bench.stage(one);
        bench.engine.configure(bench.now);
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, ip(100), 32, 0);
        bench.engine.start(bench.now);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Foreign);
        let left = bench.turn(Span::from_nanos(3_609_375_000));
        assert!(!left.contains(&Left::Add(ip(100))), "{left:?}");
        assert_eq!(left[1..], vec![Left::Announce(ip(100)); 5]);
        bench.engine.stop(bench.now);
        assert_eq!(bench.drain().len(), 1, "the resignation only");
        assert!(bench.engine.is_stopped());
    });
}

/// Somebody removes the address, and it is put back.
fn lose_and_put_back(bench: &mut Bench) {
    bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
    assert_eq!(bench.drain(), [Left::Add(ip(100))]);
    bench.answer(0);
    bench.drain();
}

#[test]
fn an_address_that_is_removed_a_fourth_time_within_a_minute_means_fault_until_it_is_over() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        let began = bench.now;
        for _ in 0..3 {
            lose_and_put_back(&mut bench);
        }
        bench.turn(Span::from_secs(20));
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        assert_eq!((bench.state(0), bench.last_cause(0)), (StateName::Fault, Cause::AddressLost));
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::AddressLost));
        let resignation = Left::Advert(51, 0, "224.0.0.18".parse().unwrap());
        let left = bench.drain();
        assert_eq!(left, [resignation, Left::Remove(ip(100))], "another router is told at once");
        // EADDRNOTAVAIL: gone for certain.
        bench.answer(99);
        assert_eq!(bench.drain(), []);
        let minute = began + Span::from_secs(60);
        assert_eq!(bench.engine.next_deadline(), minute);
        assert_eq!(bench.turn(minute.since(bench.now) - Span::from_nanos(1)), []);
        assert_eq!(bench.state(0), StateName::Fault);
        assert_eq!(bench.turn(Span::from_nanos(1)), []);
        assert_eq!((bench.state(0), bench.last_cause(0)), (StateName::Backup, Cause::Started));
        // The next minute has its own three.
        bench.become_master();
        for _ in 0..3 {
            lose_and_put_back(&mut bench);
        }
        assert_eq!(bench.state(0), StateName::Master);
    });
}

#[test]
fn addresses_that_are_each_removed_three_times_are_all_put_back() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            one(config);
            let more = model::Address { ip: ip(101), ..config.addresses[0].clone() };
            config.addresses.push(more).unwrap();
            config.instances[0].addresses.len = 2;
        });
        bench.become_master();
        for _ in 0..3 {
            bench.address(false, 2, ip(101), 32, ADDRESS_PROTO);
            assert_eq!(bench.drain(), [Left::Add(ip(101))]);
            bench.answer(0);
            bench.drain();
            lose_and_put_back(&mut bench);
        }
        assert_eq!(bench.state(0), StateName::Master);
        // The fourth of one takes the other away too: nobody is served by half a router.
        bench.address(false, 2, ip(101), 32, ADDRESS_PROTO);
        assert_eq!(bench.state(0), StateName::Fault);
        assert!(bench.drain().contains(&Left::Remove(ip(100))));
    });
}

#[test]
fn a_removal_of_ours_that_is_heard_late_is_not_taken_for_somebody_elses() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.advert(ip(9), 200, 100);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
        // The acknowledgement comes, the listener's copy does not yet; meanwhile master again.
        let (sequence, _) = bench.asked.remove(0);
        bench.acknowledge(sequence, 0);
        bench.turn(Span::from_secs(4));
        bench.answer(0);
        bench.drain();
        bench.address(false, 2, ip(100), 32, ADDRESS_PROTO);
        assert_eq!(bench.engine.addresses()[0].presence, Presence::Ours);
        let lost = core::iter::from_fn(|| bench.engine.next_event())
            .any(|event| matches!(event, Event::AddressLost { .. }));
        assert!(!lost);
    });
}

#[test]
fn a_master_whose_addresses_are_all_refused_gives_way() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(Span::from_nanos(3_609_375_000));
        // EACCES, as with disable_ipv6 or a security module.
        bench.answer(13);
        assert_eq!(
            (bench.state(0), bench.last_cause(0)),
            (StateName::Fault, Cause::AddressRefused)
        );
        let left = bench.drain();
        assert_eq!(left, [Left::Advert(51, 0, "224.0.0.18".parse().unwrap())]);
        bench.turn(Span::from_secs(9));
        assert_eq!(bench.state(0), StateName::Fault);
        bench.turn(Span::from_secs(1));
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

#[test]
fn lost_messages_mean_that_everything_is_read_again() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.become_master();
        bench.engine.observe_overrun(bench.now);
        assert_eq!(bench.drain(), [Left::Dump], "links first");
        bench.link(2, "eth0", true);
        bench.answer(0);
        assert_eq!(bench.drain(), [Left::Dump], "then addresses");
        bench.address(true, 2, ip(5), 24, 0);
        bench.answer(0);
        assert_eq!(bench.state(0), StateName::Master, "half a table proved nothing");
        // The virtual address was not among them: it is gone, and is put back.
        assert_eq!(bench.drain(), [Left::Add(ip(100))]);
    });
}

#[test]
fn an_interface_that_a_second_reading_does_not_mention_is_gone() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.engine.observe_overrun(bench.now);
        bench.drain();
        bench.answer(0);
        bench.drain();
        bench.answer(0);
        assert_eq!(
            (bench.state(0), bench.last_cause(0)),
            (StateName::Fault, Cause::InterfaceMissing)
        );
    });
}

#[test]
fn an_answer_that_never_comes_means_that_everything_is_read_again() {
    on_bench(|mut bench| {
        bench.boot(one);
        bench.turn(Span::from_nanos(3_609_375_000));
        bench.asked.clear();
        let left = bench.turn(Span::from_secs(1));
        assert!(left.contains(&Left::Dump), "{left:?}");
    });
}

#[test]
fn leases_are_renewed_at_half_their_life() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(one);
        bench.become_master();
        // Four master-down intervals are 14.4375 s: the lease is 15 s, its half 7.5 s.
        let mut renewed = 0;
        for _ in 0..30 {
            renewed += bench
                .turn(Span::from_millis(500))
                .iter()
                .filter(|l| **l == Left::Add(ip(100)))
                .count();
            bench.answer_all();
        }
        assert_eq!(renewed, 2);
        assert_eq!(bench.drain(), [], "a renewal is not announced");
    });
}

#[test]
fn a_secondary_gets_its_lease_when_the_kernel_has_called_it_one() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(|config| {
            one(config);
            config.addresses[0].prefix_len = 24;
        });
        bench.turn(Span::from_nanos(3_609_375_000));
        let (sequence, _) = bench.asked.remove(0);
        bench.acknowledge(sequence, 0);
        bench.drain();
        assert_eq!(bench.drain(), [], "as a primary it would take others along");
        // IFA_F_SECONDARY is 0x01.
        bench.flagged_address(true, 2, (ip(100), 24), ADDRESS_PROTO, 1);
        assert_eq!(bench.drain(), [Left::Add(ip(100))], "now with a lifetime, and no announcement");
    });
}

#[test]
fn a_takeover_is_announced_even_if_the_news_of_it_overtakes_the_acknowledgement() {
    on_bench(|mut bench| {
        bench.engine.set_leases(true);
        bench.boot(|config| {
            one(config);
            config.addresses[0].prefix_len = 24;
        });
        bench.turn(Span::from_nanos(3_609_375_000));
        bench.flagged_address(true, 2, (ip(100), 24), ADDRESS_PROTO, 1);
        let (sequence, _) = bench.asked.remove(0);
        bench.acknowledge(sequence, 0);
        let mut expected = vec![Left::Announce(ip(100)); 5];
        expected.push(Left::Add(ip(100)));
        assert_eq!(bench.drain(), expected, "announcements, and the request for a lease");
        bench.answer(0);
        assert_eq!(bench.drain(), []);
    });
}

#[test]
fn a_predecessors_address_stays_only_with_an_owner_or_a_fresh_heartbeat() {
    let left = Owned { interface: IfIndex::new(2).unwrap(), ip: ip(100), prefix_len: 32 };
    let beat = |sent_at| Heartbeat {
        interface: IfIndex::new(2).unwrap(),
        family: Family::V4,
        vrid: Vrid::new(51).unwrap(),
        sent_at,
    };
    let adopt = move |priority: u8, beat: Option<Heartbeat>, expected: bool| {
        on_bench(move |mut bench| {
            bench.stage(|config| add_instance(config, "VI_1", 51, priority, ip(100)));
            bench.engine.configure(bench.now);
            bench.link(2, "eth0", true);
            bench.address(true, 2, ip(5), 24, 0);
            bench.address(true, 2, ip(100), 32, ADDRESS_PROTO);
            assert_eq!(bench.engine.adopt(bench.now, left, beat), expected);
            bench.engine.start(bench.now);
            let master = bench.state(0) == StateName::Master;
            assert_eq!(master, expected);
            let renewed = bench.drain().contains(&Left::Add(ip(100)));
            assert_eq!(renewed, expected, "the predecessor's lease may be about to end");
        });
    };
    let now = Instant::from_nanos(1_000_000_000_000);
    adopt(255, None, true);
    adopt(100, None, false);
    adopt(100, Some(beat(now - Span::from_millis(999))), true);
    adopt(100, Some(beat(now - Span::from_millis(1_000))), false);
    adopt(100, Some(beat(now + Span::from_millis(1))), false);
}

#[test]
fn netlink_of_any_content_is_survived() {
    on_bench(|mut bench| {
        bench.boot(one);
        let mut seed = 1u32;
        for len in 0..200 {
            let octets: std::vec::Vec<u8> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed.to_be_bytes()[0]
                })
                .collect();
            bench.engine.observe(bench.now, &octets);
        }
        assert!(bench.engine.netlink_malformed() > 0);
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

/// rtmsg_ifa (net/ipv4/devinet.c) puts port and number of the request into the news of it.
#[test]
fn an_address_is_announced_when_the_news_says_that_our_request_has_been_done() {
    on_bench(|mut bench| {
        bench.engine.set_port(4711);
        bench.boot(one);
        bench.turn(Span::from_nanos(3_609_375_000));
        let (sequence, asked) = bench.asked.remove(0);
        assert_eq!(asked, Left::Add(ip(100)));
        bench.caused_news(ip(100), 4712, sequence);
        assert_eq!(bench.drain(), [], "somebody else's request of the same number");
        bench.caused_news(ip(100), 4711, sequence + 1);
        assert_eq!(bench.drain(), [], "another request of ours");
        bench.caused_news(ip(100), 4711, sequence);
        assert_eq!(bench.drain(), vec![Left::Announce(ip(100)); 5]);
        bench.acknowledge(sequence, 0);
        assert_eq!(bench.drain(), [], "it has been announced");
        bench.caused_news(ip(100), 4711, sequence);
        assert_eq!(bench.drain(), [], "it has been answered");
    });
}
