//! A new configuration as a difference to the one in force.

use super::*;

fn two(config: &mut Config) {
    add_instance(config, "VI_1", 51, 100, ip(100));
    add_instance(config, "VI_2", 52, 100, ip(101));
}

fn reload(bench: &mut Bench, fill: impl FnOnce(&mut Config)) -> std::vec::Vec<Left> {
    bench.stage(fill);
    bench.engine.reload(bench.now);
    bench.drain()
}

/// The dumps that follow a reload find what was there before.
fn read_again(bench: &mut Bench, vips: &[IpAddr]) {
    bench.link(2, "eth0", true);
    bench.answer(0);
    assert_eq!(bench.drain(), [Left::Dump]);
    bench.address(true, 2, ip(5), 24, 0);
    for vip in vips {
        bench.address(true, 2, *vip, 32, ADDRESS_PROTO);
    }
    bench.answer(0);
}

#[test]
fn an_untouched_instance_keeps_its_state_and_the_instant_of_its_next_advert() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        bench.turn(Span::from_millis(300));
        let deadline = bench.engine.next_deadline();
        assert_eq!(reload(&mut bench, two), [Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), []);
        assert_eq!(bench.engine.next_deadline(), deadline);
        assert_eq!((bench.state(0), bench.state(1)), (StateName::Master, StateName::Master));
    });
}

#[test]
fn a_removed_instance_resigns_and_its_address_goes() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        let left = reload(&mut bench, |config| add_instance(config, "VI_2", 52, 100, ip(101)));
        assert_eq!(left, [Left::Advert(51, 0, "224.0.0.18".parse().unwrap()), Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), [Left::Remove(ip(100))]);
        bench.answer(0);
        assert_eq!(bench.engine.next_released().unwrap().ip, ip(100));
        assert_eq!(bench.engine.routers().len(), 1);
        assert_eq!(bench.state(0), StateName::Master, "VI_2 has moved up and kept its role");
    });
}

#[test]
fn an_address_that_moves_between_masters_never_leaves_the_kernel() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        let left = reload(&mut bench, |config| {
            add_instance(config, "VI_1", 51, 100, ip(101));
            add_instance(config, "VI_2", 52, 100, ip(102));
        });
        assert_eq!(left, [Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), [Left::Add(ip(102)), Left::Remove(ip(100))]);
    });
}

#[test]
fn an_address_of_an_instance_that_goes_is_not_removed_before_the_new_tables_are_in_force() {
    on_bench(|mut bench| {
        bench.boot(two);
        bench.become_master();
        bench.stage(|config| {
            add_instance(config, "VI_2", 52, 100, ip(101));
            let moved = model::Address { ip: ip(100), ..config.addresses[0].clone() };
            config.addresses.push(moved).unwrap();
            config.instances[0].addresses.len = 2;
        });
        bench.engine.reload(bench.now);
        // Its owner asks for requests before it sends what VI_1 has to say.
        let mut buffer = [0; 256];
        assert_eq!(bench.engine.next_request(bench.now, &mut buffer), None);
        let resignation = Left::Advert(51, 0, "224.0.0.18".parse().unwrap());
        assert_eq!(bench.drain(), [resignation, Left::Dump]);
        read_again(&mut bench, &[ip(100), ip(101)]);
        assert_eq!(bench.drain(), []);
    });
}

#[test]
fn an_added_instance_starts_after_the_tables_were_read() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "VI_1", 51, 100, ip(100)));
        bench.become_master();
        reload(&mut bench, two);
        read_again(&mut bench, &[ip(100)]);
        assert_eq!((bench.state(0), bench.state(1)), (StateName::Master, StateName::Backup));
    });
}

#[test]
fn a_new_priority_is_advertised_with_the_next_advert() {
    on_bench(|mut bench| {
        bench.boot(|config| add_instance(config, "VI_1", 51, 100, ip(100)));
        bench.become_master();
        reload(&mut bench, |config| add_instance(config, "VI_1", 51, 120, ip(100)));
        read_again(&mut bench, &[ip(100)]);
        let left = bench.turn(Span::from_secs(1));
        assert_eq!(left, [Left::Advert(51, 120, "224.0.0.18".parse().unwrap())]);
    });
}
