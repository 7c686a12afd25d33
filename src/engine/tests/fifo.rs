//! Lines for notify FIFOs: which, in which order, and what becomes of them.

use super::tracking::add_command;
use super::*;
use crate::config::model::Notify;
use crate::track::message::Answer;

fn add_fifo(config: &mut Config, at: usize, name: &str) {
    let number = add_command(config, name);
    config.global.fifos[at] = Some(number);
}

/// VRID 51, and one FIFO.
fn piped(config: &mut Config) {
    add_instance(config, "V", 51, 100, ip(100));
    add_fifo(config, 0, "fifo");
}

impl Bench {
    /// What is to be written now, all of it, and that is done; `lost` lines of each message are.
    fn written(&mut self, lost: u16) -> std::string::String {
        let mut text = std::string::String::new();
        self.settle_kernel();
        loop {
            let jobs = self.jobs();
            let [(lines, ticket)] = &jobs[..] else {
                assert_eq!(jobs, [], "one message at a time");
                return text;
            };
            text.push_str(lines);
            self.says(Answer::Written { ticket: *ticket, lost, errno: 0 });
            self.settle_kernel();
        }
    }
}

#[test]
fn every_change_is_a_line_in_the_order_of_the_changes() {
    on_bench(|mut bench| {
        bench.boot(piped);
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" BACKUP 100\n");
        bench.become_master();
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" MASTER 100\n");
        // What commands are not told of because it is over, pipes are.
        bench.link(2, "eth0", false);
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(5), 24, 0);
        bench.engine.stop(bench.now);
        assert!(!bench.engine.is_told());
        assert_eq!(
            bench.written(0),
            "/fifo: INSTANCE \"V\" FAULT 100\nINSTANCE \"V\" BACKUP 100\nINSTANCE \"V\" STOP 100\n"
        );
        assert!(bench.engine.is_told());
    });
}

#[test]
fn a_fifo_is_asked_for_before_there_is_anything_to_write() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            piped(config);
            config.global.startup_delay = Span::from_secs(5);
            add_fifo(config, 1, "second");
        });
        assert_eq!(bench.written(0), "/fifo: /second: ");
        assert_eq!(bench.written(0), "");
    });
}

#[test]
fn a_line_waits_for_the_addresses_that_it_speaks_of() {
    on_bench(|mut bench| {
        bench.boot(piped);
        bench.written(0);
        bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!((bench.state(0), bench.jobs()), (StateName::Master, std::vec![]));
        bench.answer_all();
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" MASTER 100\n");
    });
}

#[test]
fn a_group_is_written_of_after_its_members_and_each_fifo_has_it_all() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            add_instance(config, "V", 51, 100, ip(100));
            add_instance(config, "W", 52, 100, ip(101));
            add_fifo(config, 0, "one");
            add_fifo(config, 1, "two");
            let name = "G".try_into().unwrap();
            config.groups.push(model::Group { name, notify: Notify::NOBODY }).unwrap();
            for instance in &mut config.instances {
                instance.group = Some(0);
            }
        });
        let twice = |lines: &str| std::format!("/one: {lines}/two: {lines}");
        let lines = |state: &str| {
            twice(&std::format!(
                "INSTANCE \"V\" {state} 100\nINSTANCE \"W\" {state} 100\nGROUP \"G\" {state} 0\n"
            ))
        };
        assert_eq!(bench.written(0), lines("BACKUP"));
        bench.turn(Span::from_nanos(3_609_375_000));
        assert_eq!(bench.written(0), lines("MASTER"));
        bench.link(2, "eth0", false);
        assert_eq!(bench.written(0), lines("FAULT"));
        bench.engine.stop(bench.now);
        assert_eq!(bench.written(0), lines("STOP"));
    });
}

#[test]
fn what_a_dead_helper_was_writing_is_written_again() {
    on_bench(|mut bench| {
        bench.boot(piped);
        bench.settle_kernel();
        let first = bench.jobs();
        assert_eq!(first[0].0, "/fifo: INSTANCE \"V\" BACKUP 100\n");
        bench.link(2, "eth0", false);
        bench.says(Answer::Ready { helper: 1 });
        let jobs = bench.jobs();
        assert_eq!(jobs[0].0, "begin 1");
        assert_eq!(jobs[1].0, first[0].0);
        // The predecessor's answer is nobody's.
        bench.says(Answer::Written { ticket: first[0].1, lost: 0, errno: 0 });
        assert_eq!(bench.jobs(), []);
        bench.says(Answer::Written { ticket: jobs[1].1, lost: 0, errno: 0 });
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" FAULT 100\n");
    });
}

#[test]
fn lines_that_are_lost_are_counted_and_said_once() {
    on_bench(|mut bench| {
        bench.boot(piped);
        while bench.engine.next_event().is_some() {}
        bench.written(1);
        let counts = |bench: &Bench| {
            let (path, fifo) = bench.engine.fifos().next().unwrap();
            assert_eq!(path, "/fifo");
            (fifo.written, fifo.lost, fifo.errno)
        };
        assert_eq!(counts(&bench), (0, 1, 0));
        bench.link(2, "eth0", false);
        let ticket = bench.jobs()[0].1;
        bench.says(Answer::Written { ticket, lost: 1, errno: 0 });
        bench.link(2, "eth0", true);
        bench.address(true, 2, ip(5), 24, 0);
        bench.settle_kernel();
        let ticket = bench.jobs()[0].1;
        bench.says(Answer::Written { ticket, lost: 0, errno: 0 });
        // BACKUP again, and the FAULT before it was said to be lost.
        assert_eq!(counts(&bench), (1, 2, 0));
        bench.link(2, "eth0", false);
        let ticket = bench.jobs()[0].1;
        bench.says(Answer::Written { ticket, lost: 1, errno: 2 });
        assert_eq!(counts(&bench), (1, 3, 2));
        let mut said = std::vec::Vec::new();
        while let Some(event) = bench.engine.next_event() {
            if let Event::Fifo { fifo, lost, errno } = event {
                said.push((fifo, lost, errno));
            }
        }
        assert_eq!(said, [(0, 1, 0), (0, 0, 0), (0, 1, 2)]);
    });
}

#[test]
fn a_helper_that_never_answers_holds_up_nobody_for_ever() {
    on_bench(|mut bench| {
        bench.boot(piped);
        bench.settle_kernel();
        assert_eq!(bench.jobs().len(), 1);
        bench.link(2, "eth0", false);
        // As long as for a command.
        bench.turn(Span::from_secs(44));
        assert_eq!(bench.jobs(), []);
        bench.turn(Span::from_secs(1));
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" FAULT 100\n");
        assert_eq!(
            bench.engine.fifos().next().map(|(_, fifo)| (fifo.written, fifo.lost)),
            Some((1, 1))
        );
    });
}

/// More than the table holds, while nobody writes: the first lines stay, and what has no room is
/// counted.
#[test]
fn lines_without_room_are_counted() {
    on_bench(|mut bench| {
        bench.boot(piped);
        bench.settle_kernel();
        let ticket = bench.jobs()[0].1;
        let room = INSTANCE_COUNT_MAX + GROUP_COUNT_MAX + 64;
        // One is being written; each of these is two lines.
        for _ in 0..room {
            bench.link(2, "eth0", false);
            bench.link(2, "eth0", true);
        }
        bench.says(Answer::Written { ticket, lost: 0, errno: 0 });
        let text = bench.written(0);
        assert_eq!(text.matches("INSTANCE").count(), room - 1);
        let (_, fifo) = bench.engine.fifos().next().unwrap();
        assert_eq!((fifo.written, fifo.lost), (room as u64, room as u64 + 1));
        // And there is room again.
        bench.link(2, "eth0", false);
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" FAULT 100\n");
    });
}

#[test]
fn another_effective_priority_is_written_where_that_is_wanted() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            piped(config);
            config.interfaces.push("eth1".try_into().unwrap()).unwrap();
            let subject = model::Subject::Interface(1);
            config.trackers.push(model::Tracker { subject, weight: -30, reverse: false }).unwrap();
            config.instances[0].trackers = model::Span16 { start: 0, len: 1 };
            config.instances[0].notify.priority_changes = true;
        });
        // eth1 is not there.
        assert_eq!(
            bench.written(0),
            "/fifo: INSTANCE \"V\" BACKUP_PRIORITY 70\nINSTANCE \"V\" BACKUP 70\n"
        );
        // Skew of priority 70: 186/256 s.
        bench.turn(Span::from_nanos(3_726_562_500));
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" MASTER 70\n");
        bench.link(3, "eth1", true);
        assert_eq!(bench.written(0), "/fifo: INSTANCE \"V\" MASTER_PRIORITY 100\n");
        bench.stage(|config| {
            piped(config);
            config.instances[0].notify.priority_changes = false;
            config.instances[0].priority = Priority(90);
        });
        bench.engine.reload(bench.now);
        assert_eq!(bench.written(0), "/fifo: ");
    });
}

#[test]
fn a_reload_writes_of_what_goes_and_of_what_stays_if_that_is_wanted() {
    on_bench(|mut bench| {
        bench.boot(|config| {
            piped(config);
            add_instance(config, "W", 52, 100, ip(101));
        });
        bench.written(0);
        let ticket = {
            bench.link(2, "eth0", false);
            bench.jobs()[0].1
        };
        bench.stage(|config| {
            add_instance(config, "new", 53, 100, ip(102));
            add_instance(config, "W", 52, 100, ip(101));
            add_fifo(config, 0, "fifo");
            config.global.fifo_states_on_reload = true;
        });
        bench.engine.reload(bench.now);
        bench.drain();
        bench.says(Answer::Written { ticket, lost: 0, errno: 0 });
        let text = bench.written(0);
        // Without notify_deleted V's end is a fault; W stays in FAULT until the links are read anew.
        let expected = "INSTANCE \"V\" FAULT 100\nINSTANCE \"W\" FAULT 100\nINSTANCE \"new\" BACKUP 100\n\
                        INSTANCE \"W\" BACKUP 100\n";
        assert_eq!(text, format!("/fifo: {expected}"));
    });
}
