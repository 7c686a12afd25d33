//! Changes of interfaces that must last to count.

use super::*;
use crate::config::model::LinkDelay;

/// VRID 51 on eth0, with these delays in milliseconds.
fn delayed(down: u64, up: u64) -> impl FnOnce(&mut Config) {
    move |config| {
        add_instance(config, "V", 51, 100, ip(100));
        let [down, up] = [down, up].map(Span::from_millis);
        config.global.delays.push(LinkDelay { interface: 0, down, up }).unwrap();
    }
}

impl Bench {
    /// eth0 goes or comes back, and the kernel has answered everything.
    fn link_is(&mut self, up: bool) {
        self.link(2, "eth0", up);
        self.settle_kernel_as(up);
    }

    pub(super) fn settle_kernel_as(&mut self, up: bool) {
        self.drain();
        while !self.asked.is_empty() {
            if self.asked[0].1 == Left::Dump {
                self.link(2, "eth0", up);
                self.address(true, 2, ip(5), 24, 0);
            }
            self.answer(0);
            self.drain();
        }
    }
}

#[test]
fn a_link_that_is_back_in_time_was_never_down() {
    on_bench(|mut bench| {
        bench.boot(delayed(1000, 500));
        bench.become_master();
        bench.link_is(false);
        bench.turn(Span::from_millis(999));
        assert_eq!(bench.state(0), StateName::Master);
        bench.link_is(true);
        bench.turn(Span::from_secs(5));
        assert_eq!(bench.state(0), StateName::Master);
        assert_eq!(bench.engine.routers()[0].counters.released_master, 0);
    });
}

#[test]
fn a_link_that_stays_down_counts_after_its_delay_and_its_return_after_the_other() {
    on_bench(|mut bench| {
        bench.boot(delayed(1000, 500));
        bench.become_master();
        bench.link_is(false);
        let due = bench.now + Span::from_secs(1);
        bench.turn(Span::from_nanos(999_999_999));
        assert_eq!((bench.state(0), bench.engine.next_deadline()), (StateName::Master, due));
        bench.turn(Span::from_nanos(1));
        assert_eq!((bench.state(0), bench.last_cause(0)), (StateName::Fault, Cause::InterfaceDown));
        bench.settle_kernel_as(false);
        bench.link_is(true);
        bench.turn(Span::from_millis(499));
        assert_eq!(bench.state(0), StateName::Fault);
        bench.turn(Span::from_millis(1));
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

/// News of the same kind does not begin the delay anew, or a link that is told of often would never
/// be down.
#[test]
fn more_news_of_the_same_does_not_begin_the_delay_anew() {
    on_bench(|mut bench| {
        bench.boot(delayed(1000, 0));
        bench.become_master();
        for _ in 0..10 {
            bench.link_is(false);
            assert_eq!(bench.state(0), StateName::Master);
            bench.turn(Span::from_millis(100));
        }
        assert_eq!(bench.state(0), StateName::Fault);
        // There is none for the way back.
        bench.settle_kernel_as(false);
        bench.link_is(true);
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

/// keepalived.conf(5): less than two intervals, or a backup would become master on a dead link. For
/// VRRP's second that is 2 s - 1/256 s.
#[test]
fn a_delay_is_never_longer_than_two_intervals() {
    on_bench(|mut bench| {
        bench.boot(delayed(30_000, 30_000));
        bench.settle_kernel_as(true);
        bench.link_is(false);
        bench.turn(Span::from_nanos(1_996_093_749));
        assert_eq!(bench.state(0), StateName::Backup);
        bench.turn(Span::from_nanos(1));
        assert_eq!(bench.state(0), StateName::Fault);
        bench.settle_kernel_as(false);
        bench.link_is(true);
        bench.turn(Span::from_nanos(1_996_093_749));
        assert_eq!(bench.state(0), StateName::Fault);
        bench.turn(Span::from_nanos(1));
        assert_eq!(bench.state(0), StateName::Backup);
    });
}

#[test]
fn an_interface_that_goes_is_gone_at_once_and_works_at_once_when_it_is_new() {
    on_bench(|mut bench| {
        bench.stage(delayed(1000, 1000));
        bench.engine.configure(bench.now);
        bench.link(2, "eth0", false);
        bench.address(true, 2, ip(5), 24, 0);
        bench.engine.start(bench.now);
        assert_eq!(bench.state(0), StateName::Fault);
        bench.settle_kernel_as(false);
        bench.link_is(true);
        assert_eq!(bench.state(0), StateName::Backup);
        bench.link_is(false);
        assert_eq!(bench.state(0), StateName::Backup);
        bench.link_gone(2);
        assert_eq!(bench.state(0), StateName::Fault);
        assert_eq!(bench.engine.next_deadline(), Instant::NEVER);
    });
}
