//! What is tracked: when scripts are asked for, and what follows from what they say.

use super::*;
use crate::config::model::{Check, Command, Kind, Probe, Script, Span16, Subject, Tracker};
use crate::engine::PATIENCE;
use crate::track::message::{Answer, MESSAGE_LEN_MAX, Outcome, Refusal, Request};
use crate::track::{Finding, Standing};

/// An instance of priority 100 that tracks a script with this weight.
pub(super) fn tracking(weight: i16, reverse: bool) -> impl FnOnce(&mut Config) {
    move |config| {
        add_instance(config, "V", 7, 100, ip(9));
        add_script(config, "chk");
        config.instances[0].trackers = Span16 { start: 0, len: 1 };
        let subject = Subject::Script(0);
        config.trackers.push(Tracker { subject, weight, reverse }).unwrap();
    }
}

/// `/name`, and its index.
pub(super) fn add_command(config: &mut Config, name: &str) -> u16 {
    let words = format!("/{name}\0");
    config
        .commands
        .push(Command {
            words: words.as_str().try_into().unwrap(),
            user: Default::default(),
            group: Default::default(),
            supplementary: false,
        })
        .unwrap();
    u16::try_from(config.commands.len() - 1).unwrap()
}

/// A script that runs every 10 s, for 2 s at most; `fall` is 2.
pub(super) fn add_script(config: &mut Config, name: &str) {
    let command = add_command(config, name);
    config
        .scripts
        .push(Script {
            name: name.try_into().unwrap(),
            kind: Kind::Script,
            check: Check::Command(command),
            interval: Span::from_secs(10),
            timeout: Span::from_secs(2),
            rise: 1,
            fall: 2,
            init_fail: false,
        })
        .unwrap();
}

impl Bench {
    /// What the helper is asked for now: the words and the ticket of each run.
    pub(super) fn jobs(&mut self) -> std::vec::Vec<(std::string::String, u64)> {
        let mut jobs = std::vec::Vec::new();
        let mut buffer = [0; MESSAGE_LEN_MAX];
        while let Some(job) = self.engine.next_job(self.now, &mut buffer) {
            match Request::read(&buffer[..job.len]).unwrap() {
                Request::Begin { helper } => jobs.push((format!("begin {helper}"), 0)),
                Request::Run(run) => {
                    jobs.push((format!("{}{}", run.words, run.tail), run.ticket));
                }
                Request::Write(lines) => {
                    jobs.push((format!("{}: {}", lines.path, lines.text), lines.ticket));
                }
            }
        }
        jobs
    }

    /// The only run that is asked for now.
    #[track_caller]
    fn run(&mut self) -> u64 {
        self.engine.expire(self.now);
        let jobs = self.jobs();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs[0].1
    }

    pub(super) fn says(&mut self, answer: Answer) {
        let mut buffer = [0; MESSAGE_LEN_MAX];
        let len = answer.write(&mut buffer).unwrap();
        self.engine.observe_answer(self.now, &buffer[..len]);
    }

    pub(super) fn ended(&mut self, ticket: u64, outcome: Outcome) {
        self.says(Answer::Ended { ticket, outcome, took: Span::from_millis(3) });
    }

    /// The next run, which ends so at once.
    #[track_caller]
    pub(super) fn run_ends(&mut self, outcome: Outcome) {
        let ticket = self.run();
        self.ended(ticket, outcome);
        self.now = self.now + Span::from_secs(10);
    }

    pub(super) fn standing(&self) -> (StateName, u8) {
        let fsm = &self.engine.routers()[0].fsm;
        (fsm.name(), fsm.settings().priority.0)
    }
}

pub(super) const GOOD: Outcome = Outcome::Exited(0);
pub(super) const BAD: Outcome = Outcome::Exited(1);
use StateName::{Backup, Fault, Init, Master};

#[test]
fn with_weight_0_nobody_starts_before_the_first_answer() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        assert_eq!(bench.standing(), (Init, 100));
        assert_eq!(bench.engine.routers()[0].fault, Some(Cause::ScriptWaiting));
        bench.run_ends(GOOD);
        assert_eq!(bench.standing(), (Backup, 100));
    });
}

#[test]
fn with_weight_0_a_failing_script_is_a_fault_and_a_passing_one_ends_it() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.run_ends(BAD);
        assert_eq!(bench.standing(), (Fault, 100));
        assert_eq!(bench.engine.routers()[0].last.unwrap().cause, Cause::ScriptFailed);
        bench.run_ends(GOOD);
        assert_eq!(bench.standing(), (Backup, 100));
        assert_eq!(bench.engine.routers()[0].last.unwrap().cause, Cause::ScriptPassed);
        // `fall` is 2: the first failure does not count yet.
        bench.run_ends(BAD);
        assert_ne!(bench.standing().0, Fault);
        bench.run_ends(BAD);
        assert_eq!(bench.standing(), (Fault, 100));
    });
}

#[test]
fn in_reverse_a_passing_script_is_the_fault() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, true));
        bench.run_ends(GOOD);
        assert_eq!(bench.standing().0, Fault);
        bench.run_ends(BAD);
        bench.run_ends(BAD);
        assert_ne!(bench.standing().0, Fault);
    });
}

#[test]
fn weights_move_the_priority_and_nothing_else() {
    for (weight, reverse, [waiting, passing, failing]) in [
        (4, false, [100, 104, 100]),
        (-20, false, [100, 100, 80]),
        (4, true, [100, 96, 100]),
        (-20, true, [100, 100, 120]),
        (253, false, [100, 254, 100]),
        (-253, false, [100, 100, 1]),
    ] {
        on_bench(move |mut bench| {
            bench.boot(tracking(weight, reverse));
            assert_eq!(bench.standing(), (Backup, waiting), "{weight}");
            bench.run_ends(GOOD);
            assert_eq!(bench.standing().1, passing, "{weight}");
            bench.run_ends(BAD);
            bench.run_ends(BAD);
            assert_eq!(bench.standing().1, failing, "{weight}");
        });
    }
}

#[test]
fn a_running_timer_moves_with_the_priority() {
    on_bench(|mut bench| {
        bench.boot(tracking(-40, false));
        let due = bench.engine.routers()[0].fsm.deadline();
        // Three intervals and (256 - 100) / 256 of one.
        assert_eq!(due, bench.now + Span::from_nanos(3_609_375_000));
        bench.now = bench.now + Span::from_secs(1);
        let ticket = bench.run();
        bench.ended(ticket, BAD);
        // (256 - 60) / 256: 40 / 256 of a second later.
        assert_eq!(bench.engine.routers()[0].fsm.deadline(), due + Span::from_nanos(156_250_000));
    });
}

#[test]
fn the_next_advert_of_a_master_has_its_new_priority() {
    on_bench(|mut bench| {
        bench.boot(tracking(-40, false));
        bench.run_ends(GOOD);
        bench.engine.expire(bench.now);
        assert_eq!(bench.standing(), (Master, 100));
        bench.drain();
        bench.answer_all();
        let ticket = bench.jobs()[0].1;
        bench.ended(ticket, BAD);
        bench.now = bench.now + Span::from_secs(10);
        let ticket = bench.run();
        bench.drain();
        bench.answer_all();
        bench.ended(ticket, BAD);
        assert_eq!(bench.standing(), (Master, 60));
        assert_eq!(bench.drain(), []);
        // Ten seconds without a turn: it listens for an interval and its skew first.
        bench.now = bench.now + Span::from_secs(2);
        bench.engine.expire(bench.now);
        let group = "224.0.0.18".parse().unwrap();
        assert!(bench.drain().contains(&Left::Advert(7, 60, group)));
    });
}

#[test]
fn a_run_that_is_late_has_failed_and_the_next_waits_for_its_end() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        let ticket = bench.run();
        bench.now = bench.now + Span::from_secs(2);
        bench.says(Answer::Late { ticket });
        assert_eq!(bench.standing().0, Fault);
        let last = bench.engine.scripts()[0].last.unwrap();
        assert_eq!((last.outcome, last.took), (Outcome::TimedOut, Span::from_secs(2)));
        // It does not die: the next tick is skipped.
        bench.now = bench.now + Span::from_secs(8);
        bench.engine.expire(bench.now);
        assert_eq!(bench.jobs(), []);
        assert_eq!(bench.engine.scripts()[0].skipped, 1);
        // When it does, that is no second failure.
        bench.ended(ticket, Outcome::TimedOut);
        assert_eq!(bench.engine.scripts()[0].failures, 1);
        bench.now = bench.now + Span::from_secs(10);
        bench.run_ends(GOOD);
        assert_eq!(bench.standing().0, Backup);
    });
}

#[test]
fn a_script_that_cannot_be_started_is_a_fault_with_its_reason() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.run_ends(Outcome::Refused(Refusal::Missing));
        assert_eq!(bench.standing().0, Fault);
        let last = bench.engine.scripts()[0].last.unwrap();
        assert_eq!(last.outcome.to_string(), "no such program");
    });
}

#[test]
fn a_machine_that_is_short_of_something_says_nothing_about_the_script() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.run_ends(GOOD);
        for _ in 0..2 {
            bench.run_ends(Outcome::Short(11));
            assert_eq!(bench.engine.scripts()[0].counter.standing(), Standing::Passing);
        }
    });
}

#[test]
fn a_script_keeps_how_it_stands_for_a_time_when_nothing_is_heard() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.run_ends(GOOD);
        let heard_at = bench.now - Span::from_secs(10);
        let silent = Span::from_secs(10) + Span::from_secs(2) + PATIENCE;
        while bench.now < heard_at + silent - Span::from_nanos(1) {
            assert_ne!(bench.standing().0, Fault);
            let last = heard_at + silent - Span::from_nanos(1);
            bench.now = (bench.now + Span::from_millis(900)).min(last);
            bench.engine.expire(bench.now);
        }
        assert_ne!(bench.standing().0, Fault);
        bench.now = heard_at + silent;
        assert!(bench.engine.next_deadline() <= bench.now);
        bench.engine.expire(bench.now);
        assert_eq!(bench.standing().0, Fault);
    });
}

#[test]
fn a_new_helper_is_greeted_and_asked_again_for_what_was_lost() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        let lost = bench.run();
        bench.says(Answer::Ready { helper: 1 });
        let jobs = bench.jobs();
        assert_eq!(jobs[0], ("begin 1".into(), 0));
        assert_eq!(jobs[1].0, "/chk\0");
        // What the dead one may still have said is about nothing.
        bench.ended(lost, BAD);
        assert_eq!(bench.standing().0, Init);
        bench.ended(jobs[1].1, GOOD);
        assert_eq!(bench.standing().0, Backup);
        assert_eq!(bench.jobs(), []);
    });
}

/// It says so when a request comes before its greeting, which may be on its way.
#[test]
fn a_helper_that_says_again_that_it_is_there_is_no_news() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.run();
        bench.says(Answer::Ready { helper: 7 });
        let jobs = bench.jobs();
        assert_eq!((&jobs[0].0[..], &jobs[1].0[..]), ("begin 7", "/chk\0"));
        bench.says(Answer::Ready { helper: 7 });
        assert_eq!(bench.jobs(), []);
        bench.ended(jobs[1].1, GOOD);
        assert_eq!(bench.standing().0, Backup);
        // The next one is.
        bench.says(Answer::Ready { helper: 8 });
        assert_eq!(bench.jobs(), [("begin 8".into(), 0)]);
    });
}

/// A predecessor that ran for hours has asked for millions of runs, and the helper may still answer.
#[test]
fn what_a_predecessor_has_asked_is_never_taken_for_ours() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.engine.set_life(3);
        let ours = bench.run();
        // A hundred requests a second for a year.
        for theirs in (0..3_153_600_000).step_by(1 << 20).chain([(3 << 20) + 1, ours - 1, ours + 1])
        {
            bench.ended(theirs, GOOD);
            assert_eq!(bench.standing().0, Init, "{theirs}");
        }
        bench.ended(ours, GOOD);
        assert_eq!(bench.standing().0, Backup);
    });
}

#[test]
fn a_helper_that_takes_no_more_is_asked_again() {
    on_bench(|mut bench| {
        bench.boot(tracking(0, false));
        bench.engine.expire(bench.now);
        let mut buffer = [0; MESSAGE_LEN_MAX];
        let job = bench.engine.next_job(bench.now, &mut buffer).unwrap();
        bench.engine.job_refused(bench.now, job);
        assert_eq!(bench.jobs(), []);
        bench.now = bench.engine.next_deadline();
        assert_eq!(bench.jobs().len(), 1);
        assert_eq!(bench.engine.scripts()[0].runs, 1);
    });
}

#[test]
fn an_interface_moves_the_priority_or_means_a_fault() {
    for (weight, reverse, [with, without]) in [
        (0, false, [(Backup, 100), (Fault, 100)]),
        (0, true, [(Fault, 100), (Backup, 100)]),
        (-20, false, [(Backup, 100), (Backup, 80)]),
        (20, false, [(Backup, 120), (Backup, 100)]),
        (20, true, [(Backup, 80), (Backup, 100)]),
    ] {
        on_bench(move |mut bench| {
            bench.stage(|config| {
                add_instance(config, "V", 7, 100, ip(9));
                config.interfaces.push("eth1".try_into().unwrap()).unwrap();
                let subject = Subject::Interface(1);
                config.trackers.push(Tracker { subject, weight, reverse }).unwrap();
                config.instances[0].trackers = Span16 { start: 0, len: 1 };
            });
            bench.engine.configure(bench.now);
            bench.link(2, "eth0", true);
            bench.link(3, "eth1", true);
            bench.address(true, 2, ip(5), 24, 0);
            bench.engine.start(bench.now);
            assert_eq!(bench.standing(), with, "{weight} {reverse}");
            bench.link(3, "eth1", false);
            assert_eq!(bench.standing(), without, "{weight} {reverse}");
            bench.link(3, "eth1", true);
            assert_eq!(bench.standing(), with, "{weight} {reverse}");
            bench.link_gone(3);
            assert_eq!(bench.standing(), without, "{weight} {reverse}");
        });
    }
}

/// Replaces the command of the only script by a built-in check.
fn built_in(weight: i16) -> impl FnOnce(&mut Config) {
    move |config| {
        tracking(weight, false)(config);
        let server = "127.0.0.1:80".parse().unwrap();
        config.probes.push(Probe::Tcp { server }).unwrap();
        config.scripts[0].check = Check::Probe(0);
    }
}

impl Bench {
    /// The ticket of the only check that is to be made now.
    #[track_caller]
    pub(super) fn trial(&mut self) -> u64 {
        self.engine.expire(self.now);
        let trial = self.engine.next_trial(self.now, |_| true).expect("one is due");
        assert_eq!(trial.limit, Span::from_secs(2));
        let ticket = trial.ticket;
        assert!(self.engine.next_trial(self.now, |_| true).is_none());
        assert_eq!(self.jobs(), [], "the helper is asked for nothing");
        ticket
    }

    pub(super) fn trial_ends(&mut self, outcome: Outcome) {
        let ticket = self.trial();
        self.engine.observe_finding(self.now, ticket, outcome, Span::from_millis(1));
        self.now = self.now + Span::from_secs(10);
    }
}

#[test]
fn a_built_in_check_counts_as_a_script_does() {
    on_bench(|mut bench| {
        let refused = Outcome::Found(Finding::Refused);
        bench.boot(built_in(0));
        assert_eq!(bench.standing(), (Init, 100));
        bench.trial_ends(Outcome::Found(Finding::Fine));
        assert_eq!(bench.standing(), (Backup, 100));
        // `fall` is 2.
        bench.trial_ends(refused);
        assert_ne!(bench.standing().0, Fault);
        bench.trial_ends(refused);
        assert_eq!(bench.standing(), (Fault, 100));
        // A machine that is short of something says nothing of the service.
        bench.trial_ends(Outcome::Short(24));
        assert_eq!(bench.standing(), (Fault, 100));
        bench.trial_ends(Outcome::Found(Finding::Fine));
        assert_eq!(bench.standing(), (Backup, 100));
        bench.trial_ends(Outcome::TimedOut);
        bench.trial_ends(Outcome::TimedOut);
        assert_eq!(bench.standing(), (Fault, 100));
    });
}

#[test]
fn a_new_helper_is_no_news_to_a_built_in_check() {
    on_bench(|mut bench| {
        bench.boot(built_in(0));
        let ticket = bench.trial();
        bench.says(Answer::Ready { helper: 2 });
        assert_eq!(bench.jobs().len(), 1, "the greeting");
        assert!(bench.engine.next_trial(bench.now, |_| true).is_none(), "it is being made");
        let fine = Outcome::Found(Finding::Fine);
        // What nobody asked for is ignored.
        bench.engine.observe_finding(bench.now, ticket + 1, fine, Span::ZERO);
        assert_eq!(bench.standing(), (Init, 100));
        bench.engine.observe_finding(bench.now, ticket, fine, Span::ZERO);
        assert_eq!(bench.standing(), (Backup, 100));
    });
}

/// A script of one member that has not answered: its group waits, and nobody is in FAULT for it.
#[test]
fn a_group_waits_for_the_first_answer_of_a_members_script() {
    on_bench(|mut bench| {
        let grouped = |config: &mut Config| {
            tracking(0, false)(config);
            add_instance(config, "W", 8, 100, ip(10));
            let name = "both".try_into().unwrap();
            config.groups.push(model::Group { name, notify: model::Notify::NOBODY }).unwrap();
            for instance in &mut config.instances {
                instance.group = Some(0);
            }
        };
        let states = |bench: &Bench| [bench.state(0), bench.state(1)];
        bench.boot(grouped);
        assert_eq!(states(&bench), [Init, Init]);
        bench.run_ends(GOOD);
        assert_eq!(states(&bench), [Backup, Backup]);
        // Another script that a reload adds: who takes part already goes on.
        bench.stage(|config| {
            grouped(config);
            add_script(config, "new");
            config.trackers[0].subject = Subject::Script(1);
        });
        bench.engine.reload(bench.now);
        bench.settle_kernel();
        assert_eq!(states(&bench), [Backup, Backup]);
    });
}
