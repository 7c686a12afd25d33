//! What people see, to the letter.

use super::*;

#[track_caller]
fn shown(text: &str, expected: &str) {
    assert_eq!(run(text).report.to_string().trim_end(), expected.trim_matches('\n').trim_end());
}

#[test]
fn a_misspelt_keyword() {
    shown(
        &with("prioritty 150"),
        r#"
error[RW0020]: unknown keyword `prioritty`
 --> test.conf:7:5
  |
7 |     prioritty 150
  |     ^^^^^^^^^
  |
  = help: did you mean `priority`?
"#,
    );
}

#[test]
fn two_places_of_one_collision() {
    let second = with("").replace("VI_1", "VI_2").replace("10.0.0.9", "10.0.0.10");
    shown(
        &format!("{}{second}", with("")),
        r#"
error[RW0054]: virtual_router_id 51 is taken on eth0 (IPv4)
  --> test.conf:11:23
   |
 3 |     virtual_router_id 51
   |                       -- taken here
...
11 |     virtual_router_id 51
   |                       ^^
   |
   = help: choose another number, the same on all routers of this instance
"#,
    );
}

#[test]
fn several_places_of_one_message() {
    let servers = "virtual_server 10.0.0.1 80 {\n}\n".repeat(6);
    shown(
        &format!("{}{servers}", with("")),
        r#"
error[RW0023]: `virtual_server` is not supported yet
  --> test.conf:9:1
   |
 9 | virtual_server 10.0.0.1 80 {
   | ^^^^^^^^^^^^^^ an IPVS service and its health checks
10 | }
11 | virtual_server 10.0.0.1 80 {
   | --------------
12 | }
13 | virtual_server 10.0.0.1 80 {
   | --------------
14 | }
15 | virtual_server 10.0.0.1 80 {
   | --------------
   |
   = note: 2 more places like these
   = help: `--only vrrp` compiles the file without its virtual servers
"#,
    );
}

#[test]
fn tabs_wide_characters_and_a_masked_password() {
    let lines = "authentication {\n\tauth_type\tPASS\n\tauth_pass\t\"päßwörter\"\t# geheim\r\n\t}";
    shown(
        &with(lines),
        r#"
warning[RW0063]: auth_pass has 12 octets: only the first 8 are used
 --> test.conf:9:12
  |
9 |     auth_pass    **************    * ******
  |                  ^^^^^^^^^^^^^^
  |
  = help: keepalived cuts it as well, so a pair agrees; shorten it on all routers
"#,
    );
}

#[test]
fn a_block_that_is_not_closed() {
    shown(
        &with("authentication {\nauth_type PASS\nauth_pass 1234\npriority 100"),
        r#"
error[RW0008]: the block of `authentication` is not closed
  --> test.conf:7:20
   |
 7 |     authentication {
   |                    ^ this `{` has no `}`
...
10 | priority 100
   | -------- `priority` cannot stand in it
   |
   = help: put a `}` before `priority`
"#,
    );
}

#[test]
fn what_state_master_switches_off() {
    shown(
        &with("state MASTER\n    priority 100\n    nopreempt"),
        r#"
warning[RW0059]: `nopreempt` has no effect with state MASTER
 --> test.conf:9:5
  |
7 |     state MASTER
  |           ------ this switches it off
8 |     priority 100
9 |     nopreempt
  |     ^^^^^^^^^
  |
  = help: write `state BACKUP`; the priority decides
"#,
    );
}

#[test]
fn a_missing_space() {
    shown(
        &with("mcast_src_ip192.168.19.155"),
        r#"
error[RW0021]: a space is missing behind `mcast_src_ip`
 --> test.conf:7:5
  |
7 |     mcast_src_ip192.168.19.155
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ keyword and value in one word
  |
  = help: write `mcast_src_ip 192.168.19.155`
"#,
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let report = run(&with("priority \u{1b}[31m9\u{7}")).report;
    assert!(!report.to_string().contains(['\u{1b}', '\u{7}']), "{report}");
}
