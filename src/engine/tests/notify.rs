//! Who is told of what, and in which order.

use super::tracking::{BAD, GOOD, add_command};
use super::*;
use crate::config::model::Notify;
use crate::trace::Told;
use crate::track::message::{Answer, Outcome};

/// VRID 51 with a command for each state, and one for all.
fn told(config: &mut Config) {
    add_instance(config, "V", 51, 100, ip(100));
    let mut command = |name: &str| Some(add_command(config, name));
    let notify = Notify {
        master: command("master"),
        backup: command("backup"),
        fault: command("fault"),
        stop: command("stop"),
        deleted: command("deleted"),
        rx_lower_priority: command("lower"),
        any: command("any"),
        priority_changes: false,
    };
    config.instances[0].notify = notify;
}

impl Bench {
    /// The words of the only command that is asked for now, and its ticket.
    #[track_caller]
    fn asked_to_tell(&mut self) -> (std::string::String, u64) {
        self.settle_kernel();
        let mut jobs = self.jobs();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        let (words, ticket) = jobs.remove(0);
        (words.replace('\0', " ").trim().into(), ticket)
    }

    pub(super) fn settle_kernel(&mut self) {
        self.settle_kernel_as(true);
    }

    /// Each is told, one after the other, and ends well.
    #[track_caller]
    fn tells(&mut self, expected: &[&str]) {
        for words in expected {
            let (told, ticket) = self.asked_to_tell();
            assert_eq!(told, *words);
            assert_eq!(self.jobs(), [], "while that runs, nothing else of the lane does");
            self.ended(ticket, GOOD);
        }
        self.settle_kernel();
        assert_eq!(self.jobs(), []);
    }
}

#[test]
fn the_command_of_a_state_comes_before_that_of_all() {
    on_bench(|mut bench| {
        bench.boot(told);
        bench.tells(&["/backup", "/any INSTANCE V BACKUP 100"]);
        bench.become_master();
        bench.tells(&["/master", "/any INSTANCE V MASTER 100"]);
        bench.link(2, "eth0", false);
        bench.tells(&["/fault", "/any INSTANCE V FAULT 100"]);
        assert!(bench.engine.is_told());
        bench.engine.stop(bench.now);
        assert!(!bench.engine.is_told());
        bench.tells(&["/stop", "/any INSTANCE V STOP 100"]);
        assert!(bench.engine.is_told());
    });
}

#[test]
fn a_master_is_told_when_the_kernel_has_its_address() {
    on_bench(|mut bench| {
        bench.boot(told);
        bench.tells(&["/backup", "/any INSTANCE V BACKUP 100"]);
        bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!((bench.state(0), bench.jobs()), (StateName::Master, std::vec![]));
        bench.answer_all();
        bench.tells(&["/master", "/any INSTANCE V MASTER 100"]);
    });
}

#[test]
fn a_state_that_is_over_before_its_turn_is_left_out_and_the_last_is_told() {
    on_bench(|mut bench| {
        bench.boot(told);
        let (words, ticket) = bench.asked_to_tell();
        assert_eq!(words, "/backup");
        // A thousand changes while that one runs.
        for _ in 0..500 {
            bench.link(2, "eth0", false);
            assert_eq!(bench.jobs(), []);
            bench.link(2, "eth0", true);
            assert_eq!(bench.jobs(), []);
        }
        bench.link(2, "eth0", false);
        bench.ended(ticket, Outcome::Killed(11));
        bench.tells(&["/any INSTANCE V BACKUP 100", "/fault", "/any INSTANCE V FAULT 100"]);
    });
}

#[test]
fn what_a_dead_helper_was_telling_is_told_again_unless_it_is_over() {
    on_bench(|mut bench| {
        bench.boot(told);
        bench.asked_to_tell();
        bench.says(Answer::Ready { helper: 1 });
        assert_eq!(
            bench.jobs().iter().map(|job| &job.0[..]).collect::<std::vec::Vec<_>>(),
            ["begin 1", "/backup\0"]
        );
        bench.link(2, "eth0", false);
        bench.says(Answer::Ready { helper: 2 });
        let jobs = bench.jobs();
        assert_eq!(jobs[1].0, "/fault\0");
        bench.ended(jobs[1].1, BAD);
        bench.tells(&["/any INSTANCE V FAULT 100"]);
    });
}

#[test]
fn a_helper_that_never_answers_holds_up_nobody_for_ever() {
    on_bench(|mut bench| {
        bench.boot(told);
        bench.asked_to_tell();
        bench.link(2, "eth0", false);
        // 30 s for the command, and 15 in which the helper should have killed it.
        bench.turn(Span::from_secs(44));
        assert_eq!(bench.jobs(), []);
        bench.turn(Span::from_secs(1));
        let (words, _) = bench.asked_to_tell();
        assert_eq!(words, "/any INSTANCE V BACKUP 100");
    });
}

#[test]
fn a_rival_of_lower_priority_is_told_of_apart() {
    on_bench(|mut bench| {
        bench.boot(told);
        bench.tells(&["/backup", "/any INSTANCE V BACKUP 100"]);
        bench.become_master();
        bench.tells(&["/master", "/any INSTANCE V MASTER 100"]);
        bench.advert(ip(7), 50, 100);
        bench.tells(&["/lower"]);
    });
}

#[test]
fn an_instance_that_a_reload_removes_is_told_of_after_what_is_running() {
    on_bench(|mut bench| {
        bench.boot(told);
        let (_, ticket) = bench.asked_to_tell();
        bench.stage(|config| add_instance(config, "W", 52, 100, ip(101)));
        bench.engine.reload(bench.now);
        bench.settle_kernel();
        assert_eq!(bench.jobs(), []);
        bench.ended(ticket, GOOD);
        bench.tells(&["/deleted", "/any INSTANCE V DELETED 100"]);
        assert!(bench.engine.is_told());
    });
}

#[test]
fn without_notify_deleted_the_end_is_a_fault() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            told(config);
            config.instances[0].notify.deleted = None;
        });
        bench.tells(&["/backup", "/any INSTANCE V BACKUP 100"]);
        bench.stage(|config| add_instance(config, "W", 52, 100, ip(101)));
        bench.engine.reload(bench.now);
        bench.tells(&["/fault", "/any INSTANCE V FAULT 100"]);
    });
}

/// As the members of a group follow each other, the group itself is told of once.
#[test]
fn a_group_is_told_of_as_one() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "V", 51, 100, ip(100));
            add_instance(config, "W", 52, 100, ip(101));
            let command = |config: &mut Config, name| Some(add_command(config, name));
            let notify = Notify {
                master: command(config, "master"),
                fault: command(config, "fault"),
                any: command(config, "any"),
                ..Notify::NOBODY
            };
            let name = "both".try_into().unwrap();
            config.groups.push(model::Group { name, notify }).unwrap();
            for instance in &mut config.instances {
                instance.group = Some(0);
            }
        });
        bench.tells(&["/any GROUP both BACKUP 0"]);
        bench.turn(Span::from_nanos(3_609_375_000));
        bench.tells(&["/master", "/any GROUP both MASTER 0"]);
        bench.link(2, "eth0", false);
        bench.tells(&["/fault", "/any GROUP both FAULT 0"]);
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(5), 24, 0);
        bench.tells(&["/any GROUP both BACKUP 0"]);
        bench.engine.stop(bench.now);
        bench.tells(&["/any GROUP both STOP 0"]);
        assert!(bench.engine.is_told());
    });
}

/// How each command ended is kept by name, which outlives a reload; so is what became of one that
/// nothing is heard of, and how many states were over before their turn.
#[test]
fn how_commands_ended_is_in_the_log() {
    on_bench(|mut bench| {
        bench.boot(told);
        let (_, ticket) = bench.asked_to_tell();
        bench.link(2, "eth0", false);
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(5), 24, 0);
        bench.link(2, "eth0", false);
        bench.ended(ticket, GOOD);
        let (_, ticket) = bench.asked_to_tell();
        bench.ended(ticket, Outcome::Killed(11));
        // `notify_fault` after FAULT and BACKUP that nobody was told of; it is never heard of.
        bench.asked_to_tell();
        bench.turn(Span::from_secs(45));
        let (_, ticket) = bench.asked_to_tell();
        bench.ended(ticket, Outcome::Exited(3));
        bench.stage(|config| add_instance(config, "U", 50, 100, ip(101)));
        bench.engine.reload(bench.now);
        bench.settle_kernel();
        let (_, ticket) = bench.asked_to_tell();
        bench.ended(ticket, Outcome::TimedOut);
        let notified = bench.engine.notified();
        assert_eq!(notified.lost(), 0);
        let kept: std::vec::Vec<_> = notified
            .iter()
            .map(|kept| {
                assert_eq!((kept.name.as_str(), kept.is_group), ("V", false));
                let notice = &kept.notice;
                let took = notice.took.as_millis();
                (notice.keyword(), notice.told, notice.outcome, took, notice.superseded)
            })
            .collect();
        let expected = [
            ("notify_backup", Told::Backup, Some(GOOD), 3, 0),
            ("notify", Told::Backup, Some(Outcome::Killed(11)), 3, 0),
            ("notify_fault", Told::Fault, None, 45_000, 2),
            ("notify", Told::Fault, Some(Outcome::Exited(3)), 3, 0),
            ("notify_deleted", Told::Deleted, Some(Outcome::TimedOut), 3, 0),
        ];
        assert_eq!(kept, expected);
    });
}
