//! Somebody else at the addresses; and giving them up on purpose.

use ringward::lab;
use ringward::time::Instant;

use crate::scene::{SOON, Spec, VIP, eventually, pair, resigns};

#[test]
fn an_address_is_put_back_three_times_a_minute_and_then_another_router_gets_it() {
    let (_segment, capture, master, backup) = pair("theft", 200, &Spec::gateway(100).text());
    let watch = master.node.watch_addresses().unwrap();
    for _ in 0..3 {
        let since = lab::now();
        master.node.delete_address("eth0", VIP, 32).unwrap();
        eventually("it is put back", || watch.came(VIP, since).is_some());
        assert!(master.is("MASTER"));
    }
    let since = lab::now();
    master.node.delete_address("eth0", VIP, 32).unwrap();
    master.wait_for("FAULT");
    let resigned = capture.wait(since, SOON, resigns);
    resigned.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
    backup.wait_for("MASTER");
    backup.wait_for_address(VIP);
    let instance = master.instance();
    let reason = "address removed by somebody else again and again";
    assert_eq!(instance["fault"], reason, "{instance}");
    assert_eq!(instance["last_transition"]["cause"], reason, "{instance}");
    assert_eq!(instance["addresses"][0]["presence"], "absent", "{instance}");
    assert!(master.ask(&["status"]).0.contains(reason), "for people, too");
    assert!(master.ask(&["log"]).0.contains(reason));
    assert_eq!(watch.came(VIP, since), None, "not once more");
}

#[test]
fn release_gives_an_address_up_on_purpose_and_is_no_theft() {
    let (_segment, capture, master, backup) =
        pair("theft-release", 200, &Spec { more: "nopreempt", ..Spec::gateway(100) }.text());
    let watch = backup.node.watch_addresses().unwrap();
    let since = lab::now();
    assert_eq!(master.ask(&["release", "gateway"]), ("released\n".into(), 0));
    let resigned = capture.wait(since, SOON, resigns);
    resigned.unwrap_or_else(|fault| panic!("{fault}\n{}", capture.listing()));
    backup.wait_for("MASTER");
    eventually("the other router has it", || watch.came(VIP, Instant::ZERO).is_some());
    eventually("this one has not", || !master.node.has(VIP).unwrap());
    let instance = master.instance();
    assert_eq!(instance["state"], "BACKUP", "{instance}");
    assert_eq!(instance["last_transition"]["cause"], "released by the operator", "{instance}");
    assert!(!master.said().contains("removed by somebody else"), "{}", master.said());
    assert_eq!(backup.instance()["last_transition"]["cause"], "master resigned (priority 0)");
}
