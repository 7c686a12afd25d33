//! Sync groups: master together or not at all.

use super::*;

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));

/// Master-down with one interval a second (RFC 9568 §6.1): 3 s and (256 − priority)/256 s.
const DOWN_200: Span = Span::from_nanos(3_218_750_000);
const DOWN_100: Span = Span::from_nanos(3_609_375_000);

const BOTH: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 101))];

/// VRID 51 and 52 in one group, the first with this priority and the second with 100.
fn grouped(first: u8) -> impl FnOnce(&mut Config) {
    move |config| {
        add_instance(config, "VI_1", 51, first, BOTH[0]);
        add_instance(config, "VI_2", 52, 100, BOTH[1]);
        group(config, &[0, 1]);
    }
}

fn group(config: &mut Config, members: &[usize]) {
    let number = u16::try_from(config.groups.len()).unwrap();
    config
        .groups
        .push(model::Group { name: "uplinks".try_into().unwrap(), notify: model::Notify::NOBODY })
        .unwrap();
    for member in members {
        config.instances[*member].group = Some(number);
    }
}

fn states(bench: &Bench) -> [StateName; 2] {
    [bench.state(0), bench.state(1)]
}

/// Both are master, and their addresses are there.
fn masters(bench: &mut Bench) {
    bench.boot(grouped(100));
    bench.turn(DOWN_100);
    bench.answer_all();
    bench.drain();
    assert_eq!(states(bench), [StateName::Master; 2]);
}

#[test]
fn the_first_whose_master_is_silent_waits_for_the_last() {
    on_bench(|mut bench| {
        bench.boot(grouped(200));
        let started_at = bench.now;
        assert_eq!(bench.engine.next_deadline(), started_at + DOWN_200);
        assert_eq!(bench.turn(DOWN_200), []);
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        assert_eq!(
            bench.engine.next_deadline(),
            started_at + DOWN_100,
            "it waits, and does not spin"
        );
        let left = bench.turn(DOWN_100 - DOWN_200);
        assert_eq!(left[..2], [Left::Advert(51, 200, GROUP), Left::Advert(52, 100, GROUP)]);
        assert_eq!(left[2..], [Left::Add(BOTH[0]), Left::Add(BOTH[1])]);
        assert_eq!(
            (bench.last_cause(0), bench.last_cause(1)),
            (Cause::MasterDown, Cause::MasterDown)
        );
    });
}

#[test]
fn no_member_is_master_alone_while_the_other_hears_its_master() {
    on_bench(|mut bench| {
        bench.boot(grouped(200));
        for _ in 0..20 {
            bench.advert_of(52, (ip(9), 150), 100, BOTH[1]);
            assert_eq!(bench.turn(Span::from_secs(1)), []);
        }
        assert_eq!(states(&bench), [StateName::Backup; 2]);
    });
}

#[test]
fn who_waits_and_hears_a_better_master_is_not_ready_any_more() {
    on_bench(|mut bench| {
        bench.boot(grouped(200));
        bench.turn(DOWN_200);
        // 0.3 s later, before the other's timer: VRID 51 has a master again.
        bench.turn(Span::from_millis(300));
        bench.advert(ip(9), 201, 100);
        let heard_at = bench.now;
        assert_eq!(bench.turn(Span::from_millis(100)), [], "the other's timer has run out");
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        assert_eq!(bench.engine.next_deadline(), heard_at + DOWN_200);
        bench.turn(DOWN_200 - Span::from_millis(100));
        assert_eq!(states(&bench), [StateName::Master; 2], "and now that one is silent, too");
    });
}

#[test]
fn a_lower_master_is_preempted_by_all_or_by_none() {
    on_bench(|mut bench| {
        bench.boot(grouped(200));
        // The peer has 150 on both: VRID 51 would preempt it, VRID 52 would not.
        for _ in 0..10 {
            bench.advert_of(51, (ip(9), 150), 100, BOTH[0]);
            bench.advert_of(52, (ip(9), 150), 100, BOTH[1]);
            assert_eq!(bench.turn(Span::from_secs(1)), []);
        }
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        // Its priority on VRID 52 falls below ours.
        for _ in 0..5 {
            bench.advert_of(51, (ip(9), 150), 100, BOTH[0]);
            bench.advert_of(52, (ip(9), 50), 100, BOTH[1]);
            bench.turn(Span::from_secs(1));
        }
        assert_eq!(states(&bench), [StateName::Master; 2]);
        assert_eq!(
            (bench.last_cause(0), bench.last_cause(1)),
            (Cause::Preempted, Cause::Preempted)
        );
    });
}

#[test]
fn when_one_yields_to_a_better_master_the_other_resigns() {
    on_bench(|mut bench| {
        masters(&mut bench);
        bench.advert(ip(9), 200, 100);
        let left = bench.turn(Span::ZERO);
        assert_eq!(
            left,
            [Left::Advert(52, 0, GROUP), Left::Remove(BOTH[0]), Left::Remove(BOTH[1])]
        );
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        let causes = (bench.last_cause(0), bench.last_cause(1));
        assert_eq!(causes, (Cause::HigherPriority, Cause::GroupBackup));
    });
}

#[test]
fn what_one_lacks_is_a_fault_of_all_and_all_come_back_together() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "VI_1", 51, 100, BOTH[0]);
            add_instance(config, "VI_2", 52, 100, BOTH[1]);
            config.interfaces.push("eth1".try_into().unwrap()).unwrap();
            config.instances[1].interface = 1;
            config.addresses[1].interface = 1;
            group(config, &[0, 1]);
        });
        assert_eq!(states(&bench), [StateName::Fault; 2]);
        let causes = (bench.last_cause(0), bench.last_cause(1));
        assert_eq!(causes, (Cause::GroupFault, Cause::InterfaceMissing));
        assert_eq!(bench.engine.group_fault(0), Some(1));

        bench.link(3, "eth1", true);
        bench.address(true, 3, "10.0.1.5".parse().unwrap(), 24, 0);
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        assert_eq!(bench.last_cause(0), Cause::GroupRecovered);
        assert_eq!(bench.engine.group_fault(0), None);

        bench.turn(DOWN_100);
        assert_eq!(states(&bench), [StateName::Master; 2]);
        bench.link(3, "eth1", false);
        assert_eq!(bench.turn(Span::ZERO)[0], Left::Advert(51, 0, GROUP));
        assert_eq!(states(&bench), [StateName::Fault; 2]);
        let causes = (bench.last_cause(0), bench.last_cause(1));
        assert_eq!(causes, (Cause::GroupFault, Cause::InterfaceDown));
    });
}

#[test]
fn an_owner_waits_for_its_group_and_owners_for_nobody() {
    on_bench(|mut bench| {
        bench.boot(grouped(255));
        assert_eq!(bench.turn(Span::ZERO), []);
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        bench.turn(DOWN_100);
        assert_eq!(states(&bench), [StateName::Master; 2]);
        assert_eq!((bench.last_cause(0), bench.last_cause(1)), (Cause::Owner, Cause::MasterDown));
    });
    on_bench(|mut bench| {
        bench.boot(|config| {
            grouped(255)(config);
            config.instances[1].priority = Priority(255);
        });
        bench.turn(Span::ZERO);
        assert_eq!(states(&bench), [StateName::Master; 2]);
    });
}

#[test]
fn to_release_one_is_to_release_all() {
    on_bench(|mut bench| {
        masters(&mut bench);
        bench.engine.command(bench.now, Command::Release(Some(1)));
        let left = bench.turn(Span::ZERO);
        assert_eq!(left[..2], [Left::Advert(51, 0, GROUP), Left::Advert(52, 0, GROUP)]);
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        assert_eq!((bench.last_cause(0), bench.last_cause(1)), (Cause::Released, Cause::Released));
    });
}

#[test]
fn who_is_added_to_a_group_of_masters_is_master() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "VI_1", 51, 100, BOTH[0]);
            group(config, &[0]);
        });
        bench.become_master();
        bench.stage(grouped(100));
        bench.engine.reload(bench.now);
        bench.drain();
        assert_eq!(
            states(&bench),
            [StateName::Master, StateName::Init],
            "the kernel is asked first"
        );
        bench.link(2, "eth0", true);
        bench.answer(0);
        bench.drain();
        bench.address(true, 2, ip(5), 24, 0);
        bench.address(true, 2, BOTH[0], 32, ADDRESS_PROTO);
        bench.answer(0);
        assert_eq!(states(&bench), [StateName::Master; 2]);
        assert_eq!(bench.last_cause(1), Cause::GroupMaster);
        assert_eq!(bench.drain(), [Left::Advert(52, 100, GROUP), Left::Add(BOTH[1])]);
    });
}

#[test]
fn a_master_that_is_put_into_a_group_with_a_backup_is_master_no_more() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "VI_1", 51, 100, BOTH[0]);
            add_instance(config, "VI_2", 52, 100, BOTH[1]);
        });
        bench.turn(Span::from_secs(2));
        bench.advert_of(52, (ip(9), 200), 100, BOTH[1]);
        bench.turn(Span::from_secs(2));
        bench.answer_all();
        assert_eq!(states(&bench), [StateName::Master, StateName::Backup]);
        bench.stage(grouped(100));
        bench.engine.reload(bench.now);
        assert_eq!(bench.drain()[0], Left::Advert(51, 0, GROUP));
        assert_eq!(states(&bench), [StateName::Backup; 2]);
        assert_eq!(bench.last_cause(0), Cause::GroupBackup);
    });
}

#[test]
fn who_waits_goes_on_when_its_group_is_dissolved() {
    on_bench(|mut bench| {
        bench.boot(grouped(200));
        bench.turn(DOWN_200);
        bench.stage(|config| {
            grouped(200)(config);
            config.groups.clear();
            config.instances.iter_mut().for_each(|instance| instance.group = None);
        });
        bench.engine.reload(bench.now);
        bench.drain();
        bench.turn(Span::ZERO);
        assert_eq!(states(&bench), [StateName::Master, StateName::Backup]);
    });
}

#[test]
fn a_hot_restart_goes_on_with_all_members_or_with_none() {
    let restart = |beats: usize, expected: StateName| {
        on_bench(move |mut bench| {
            bench.stage(grouped(100));
            bench.engine.configure(bench.now);
            bench.link(2, "eth0", true);
            bench.address(true, 2, ip(5), 24, 0);
            for (at, ip) in BOTH.into_iter().enumerate() {
                bench.address(true, 2, ip, 32, ADDRESS_PROTO);
                let left = Owned { interface: IfIndex::new(2).unwrap(), ip, prefix_len: 32 };
                let beat = Heartbeat {
                    interface: IfIndex::new(2).unwrap(),
                    family: Family::V4,
                    vrid: Vrid::new(if at == 0 { 51 } else { 52 }).unwrap(),
                    sent_at: bench.now - Span::from_millis(500),
                };
                bench.engine.adopt(bench.now, left, (at < beats).then_some(beat));
            }
            bench.engine.start(bench.now);
            assert_eq!(states(&bench), [expected; 2], "{beats} heartbeats");
        });
    };
    restart(2, StateName::Master);
    restart(1, StateName::Backup);
    restart(0, StateName::Backup);
}

#[test]
fn owners_are_master_in_the_turn_in_which_a_silent_script_lets_them_start() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            grouped(255)(config);
            config.instances[1].priority = Priority(255);
            tracking::add_script(config, "busy");
            let subject = model::Subject::Script(0);
            config.trackers.push(model::Tracker { subject, weight: 0, reverse: true }).unwrap();
            config.instances[0].trackers = model::Span16 { start: 0, len: 1 };
        });
        bench.turn(Span::ZERO);
        // An interval of 10 s, a timeout of 2 s, and 30 s of patience.
        for _ in 0..41 {
            bench.turn(Span::from_secs(1));
            bench.jobs();
            assert_eq!(states(&bench), [StateName::Init; 2]);
        }
        bench.turn(Span::from_secs(1));
        assert_eq!(states(&bench), [StateName::Master; 2]);
    });
}
