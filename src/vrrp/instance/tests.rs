//! The state machine, with times worked by hand.

use super::*;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MS)
}

fn settings(priority: u8) -> Settings {
    Settings {
        version: Version::V3,
        priority: Priority(priority),
        interval: Span::from_millis(1000),
        preempt: true,
        preempt_delay: Span::ZERO,
        grouped: false,
    }
}

fn advert(priority: u8, source: &str) -> Event {
    Event::Advert {
        heard: Heard {
            source: source.parse().unwrap(),
            priority: Priority(priority),
            interval: Span::from_millis(1000),
        },
        local: "10.0.0.5".parse().unwrap(),
    }
}

fn started(settings: Settings) -> Instance {
    let mut instance = Instance::new(settings);
    instance.on(at(0), Event::Start);
    instance
}

fn master(settings: Settings) -> Instance {
    let mut instance = started(settings);
    let down_at = instance.deadline();
    instance.on(down_at, Event::Expire);
    assert!(instance.is_master());
    instance
}

// Priority 100, interval 1 s: skew 609.375 ms, master down 3.609375 s.
const DOWN: u64 = 3_609_375_000;

#[test]
fn a_backup_listens_for_the_master_down_interval_and_then_advertises() {
    let mut instance = started(settings(100));
    assert_eq!(instance.name(), StateName::Backup);
    assert_eq!(instance.deadline(), Instant::from_nanos(DOWN));
    assert_eq!(instance.on(Instant::from_nanos(DOWN - 1), Event::Expire), Reaction::default());
    let reaction = instance.on(Instant::from_nanos(DOWN), Event::Expire);
    let change = (StateName::Backup, StateName::Master, Cause::MasterDown);
    assert_eq!(reaction.transition, Some(change));
    assert_eq!(reaction.send, Send::Advert);
    assert_eq!(instance.deadline(), Instant::from_nanos(DOWN + 1_000 * MS));
}

#[test]
fn only_a_backups_timer_judges_a_master() {
    let mut instance = Instance::new(settings(100));
    assert!(!instance.is_verdict_due(at(0)));
    instance.on(at(0), Event::Start);
    assert!(!instance.is_verdict_due(Instant::from_nanos(DOWN - 1)));
    assert!(instance.is_verdict_due(Instant::from_nanos(DOWN)));
    instance.on(Instant::from_nanos(DOWN), Event::Expire);
    assert!(!instance.is_verdict_due(instance.deadline()), "a master's timer sends an advert");
}

#[test]
fn the_owner_is_master_at_once() {
    let mut instance = Instance::new(settings(255));
    let reaction = instance.on(at(7), Event::Start);
    let change = (StateName::Init, StateName::Master, Cause::Owner);
    assert_eq!(reaction.transition, Some(change));
    assert_eq!(reaction.send, Send::Advert);
}

#[test]
fn a_better_advert_restarts_the_timer_and_teaches_its_interval() {
    let mut instance = started(settings(100));
    let Event::Advert { mut heard, local } = advert(200, "10.0.0.9") else { panic!() };
    heard.interval = Span::from_millis(200);
    instance.on(at(100), Event::Advert { heard, local });
    // 100 ms + 3 × 200 ms + 156 × 200 ms / 256 = 821.875 ms.
    assert_eq!(instance.deadline(), Instant::from_nanos(821_875_000));
}

#[test]
fn a_lower_advert_is_ignored_by_a_preempting_backup() {
    let mut instance = started(settings(100));
    for millis in [500, 1500, 2500, 3500] {
        instance.on(at(millis), advert(50, "10.0.0.9"));
        assert_eq!(instance.deadline(), Instant::from_nanos(DOWN));
    }
    let reaction = instance.on(at(3610), Event::Expire);
    let change = (StateName::Backup, StateName::Master, Cause::Preempted);
    assert_eq!(reaction.transition, Some(change));
}

#[test]
fn a_lower_advert_counts_when_preemption_is_off() {
    let mut instance = started(Settings { preempt: false, ..settings(100) });
    instance.on(at(1000), advert(50, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(1_000 * MS + DOWN));
}

#[test]
fn preempt_delay_counts_from_the_first_lower_advert() {
    let delay = Span::from_secs(10);
    let mut instance = started(Settings { preempt_delay: delay, ..settings(100) });
    instance.on(at(1_000), advert(50, "10.0.0.9"));
    instance.on(at(10_999), advert(50, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(10_999 * MS + DOWN));
    instance.on(at(11_000), advert(50, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(10_999 * MS + DOWN));
    // A better master in between cancels the delay; it begins anew.
    let mut instance = started(Settings { preempt_delay: delay, ..settings(100) });
    instance.on(at(1_000), advert(50, "10.0.0.9"));
    instance.on(at(2_000), advert(150, "10.0.0.8"));
    instance.on(at(11_500), advert(50, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(11_500 * MS + DOWN));
}

#[test]
fn preempt_delay_does_not_hold_when_there_is_no_master() {
    let delay = Span::from_secs(100);
    let instance = started(Settings { preempt_delay: delay, ..settings(100) });
    assert_eq!(instance.deadline(), Instant::from_nanos(DOWN));
}

#[test]
fn a_resignation_leaves_the_skew_time_and_never_lengthens_the_wait() {
    let mut instance = started(settings(100));
    instance.on(at(1_000), advert(0, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(1_609_375_000));
    instance.on(at(1_500), advert(0, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(1_609_375_000));
    let reaction = instance.on(at(1_610), Event::Expire);
    let change = (StateName::Backup, StateName::Master, Cause::MasterResigned);
    assert_eq!(reaction.transition, Some(change));
}

#[test]
fn version_2_takes_its_skew_from_a_second_and_learns_nothing() {
    let mut instance =
        started(Settings { version: Version::V2, interval: Span::from_secs(5), ..settings(100) });
    let Event::Advert { mut heard, local } = advert(200, "10.0.0.9") else { panic!() };
    heard.interval = Span::from_secs(5);
    instance.on(at(1_000), Event::Advert { heard, local });
    assert_eq!(instance.deadline(), Instant::from_nanos(16_609_375_000));
}

#[test]
fn a_master_gives_way_to_a_higher_priority_and_to_a_higher_address() {
    let mut instance = master(settings(100));
    let reaction = instance.on(at(4_000), advert(101, "10.0.0.1"));
    let change = (StateName::Master, StateName::Backup, Cause::HigherPriority);
    assert_eq!(reaction.transition, Some(change));
    assert_eq!(reaction.send, Send::Nothing);
    let mut instance = master(settings(100));
    let reaction = instance.on(at(4_000), advert(100, "10.0.0.6"));
    let change = (StateName::Master, StateName::Backup, Cause::HigherAddress);
    assert_eq!(reaction.transition, Some(change));
}

#[test]
fn a_master_answers_inferior_adverts_once_an_interval() {
    let mut instance = master(settings(100));
    let first = instance.on(at(4_000), advert(50, "10.0.0.9"));
    assert_eq!((first.send, first.rival, first.reannounce), (Send::Reply, true, true));
    for millis in [4_000, 4_001, 4_500, 4_999] {
        let next = instance.on(at(millis), advert(50, "10.0.0.9"));
        assert_eq!((next.send, next.rival, next.transition), (Send::Nothing, true, None));
    }
    assert_eq!(instance.deadline(), at(5_000));
    // Equal priority from a lower address is inferior too.
    assert_eq!(instance.on(at(5_000), advert(100, "10.0.0.4")).send, Send::Reply);
}

#[test]
fn a_copy_of_ourselves_is_never_answered() {
    let mut instance = master(settings(100));
    let before = instance.deadline();
    assert_eq!(instance.on(at(4_000), advert(100, "10.0.0.5")), Reaction::default());
    assert_eq!(instance.deadline(), before);
}

#[test]
fn a_master_answers_a_resignation_at_once() {
    let mut instance = master(settings(100));
    let reaction = instance.on(at(4_000), advert(0, "10.0.0.9"));
    assert_eq!((reaction.send, reaction.transition), (Send::Reply, None));
    assert_eq!(instance.deadline(), at(5_000));
}

#[test]
fn adverts_may_be_early_and_are_never_pushed_late() {
    let mut instance = master(settings(100));
    let due = instance.deadline();
    // A millisecond early at most, at an interval of a second.
    let early = due - Span::from_micros(1_001);
    assert_eq!(instance.on(early, Event::Expire), Reaction::default());
    let early = due - Span::from_micros(1_000);
    assert_eq!(instance.on(early, Event::Expire).send, Send::Advert);
    assert_eq!(instance.deadline(), early + Span::from_secs(1));
    // 300 µs late: the next one is due as if this one had been on time.
    let due = instance.deadline();
    assert_eq!(instance.on(due + Span::from_micros(300), Event::Expire).send, Send::Advert);
    assert_eq!(instance.deadline(), due + Span::from_secs(1));
}

#[test]
fn a_master_that_slept_too_long_listens_before_it_advertises() {
    let mut instance = master(settings(100));
    let due = instance.deadline();
    // The last advert left 1 s before `due`: 2 s after `due` peers have waited three intervals.
    let woken = due + Span::from_secs(2);
    let reaction = instance.on(woken, Event::Expire);
    assert_eq!((reaction.send, reaction.stalled), (Send::Nothing, true));
    assert!(instance.is_master() && !instance.may_claim());
    let silent = instance.on(woken + Span::from_millis(1_609), Event::Expire);
    assert_eq!(silent, Reaction::default());
    let mut lonely = instance;
    let alone = lonely.on(woken + Span::from_nanos(1_609_375_000), Event::Expire);
    assert_eq!((alone.send, alone.reannounce), (Send::Advert, true));
    assert!(lonely.may_claim());
    let heard = instance.on(woken + Span::from_millis(500), advert(200, "10.0.0.9"));
    let change = (StateName::Master, StateName::Backup, Cause::HigherPriority);
    assert_eq!(heard.transition, Some(change));
}

#[test]
fn a_fault_ends_in_backup_with_a_fresh_timer_and_a_resignation_if_it_can_leave() {
    let mut instance = master(settings(100));
    let mut other = instance;
    let reaction = instance.on(at(4_000), Event::Fail(Cause::NoSourceAddress, true));
    assert_eq!(reaction.send, Send::Resignation);
    let reaction = other.on(at(4_000), Event::Fail(Cause::InterfaceDown, false));
    assert_eq!(reaction.send, Send::Nothing);
    let change = (StateName::Master, StateName::Fault, Cause::InterfaceDown);
    assert_eq!(reaction.transition, Some(change));
    assert_eq!(other.deadline(), Instant::NEVER);
    other.on(at(9_000), Event::Recover(Cause::InterfaceUp));
    assert_eq!(other.deadline(), Instant::from_nanos(9_000 * MS + DOWN));
}

#[test]
fn a_released_master_lets_any_master_live_until_it_dies() {
    let mut instance = master(settings(100));
    let reaction = instance.on(at(4_000), Event::Release);
    assert_eq!(reaction.send, Send::Resignation);
    instance.on(at(5_000), advert(50, "10.0.0.9"));
    assert_eq!(instance.deadline(), Instant::from_nanos(5_000 * MS + DOWN));
    let reaction = instance.on(at(8_610), Event::Expire);
    let change = (StateName::Backup, StateName::Master, Cause::MasterDown);
    assert_eq!(reaction.transition, Some(change));
}

#[test]
fn stopping_resigns_once_and_only_as_master() {
    let mut instance = master(settings(100));
    assert_eq!(instance.on(at(4_000), Event::Stop(Cause::Stopped)).send, Send::Resignation);
    let again = instance.on(at(4_001), Event::Stop(Cause::Stopped));
    assert_eq!(again, Reaction::default());
    let mut backup = started(settings(100));
    assert_eq!(backup.on(at(1), Event::Stop(Cause::Stopped)).send, Send::Nothing);
}

#[test]
fn a_hot_restart_goes_on_where_its_predecessor_stopped() {
    let mut instance = Instance::new(settings(100));
    let reaction = instance.on(at(700), Event::Resume(at(100)));
    let change = (StateName::Init, StateName::Master, Cause::Resumed);
    assert_eq!(reaction.transition, Some(change));
    assert_eq!((reaction.send, instance.deadline()), (Send::Nothing, at(1_100)));
}

#[test]
fn retuning_moves_a_running_timer_by_the_difference() {
    let mut instance = started(settings(100));
    instance.retune(at(1_000), settings(200));
    // Skew falls from 609.375 ms to 218.75 ms.
    assert_eq!(instance.deadline(), Instant::from_nanos(3_218_750_000));
    let mut instance = master(settings(100));
    let before = instance.deadline();
    instance.retune(at(3_700), settings(120));
    assert_eq!(instance.deadline(), before);
}

#[test]
fn a_master_retuned_to_another_interval_is_not_silent_for_longer_than_either() {
    let interval = |millis| Settings { interval: Span::from_millis(millis), ..settings(100) };
    // It became master at 3,609.375 ms.
    let before = Instant::from_nanos(DOWN + 1_000 * MS);
    let mut instance = master(interval(1_000));
    instance.retune(at(3_700), interval(200));
    assert_eq!(instance.deadline(), at(3_900));
    let mut instance = master(interval(1_000));
    instance.retune(at(3_700), interval(5_000));
    assert_eq!(instance.deadline(), before);
}

#[test]
fn a_backup_retuned_to_another_interval_counts_with_it_in_version_2_only() {
    let version_2 = Settings { version: Version::V2, ..settings(100) };
    let mut instance = started(version_2);
    instance.retune(at(1_000), Settings { interval: Span::from_secs(5), ..version_2 });
    // 3 × 5 s and 156 / 256 s from the start on.
    assert_eq!(instance.deadline(), Instant::from_nanos(15_609_375_000));
    // Version 3 has its interval from the master's advert, 1 s.
    let mut instance = started(settings(100));
    instance.on(at(100), advert(200, "10.0.0.9"));
    instance.retune(at(1_000), Settings { interval: Span::from_secs(5), ..settings(100) });
    assert_eq!(instance.deadline(), Instant::from_nanos(100 * MS + DOWN));
}
