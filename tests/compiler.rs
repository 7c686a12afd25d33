//! The real `ringwardc`: exit codes, what goes where, and what is left on disk.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const GOOD: &str = "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    \
                    priority 150\n    authentication {\n        auth_type PASS\n        auth_pass \
                    s3cr3t\n    }\n    virtual_ipaddress {\n        10.0.0.9/24\n    }\n}\n";
const BAD: &str = "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 0\n    \
                   prioritty 150\n    virtual_ipaddress {\n        10.0.0.9/24\n    }\n}\n";

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compiler-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn ringwardc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringwardc"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32) -> (String, String) {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout: {stdout}\nstderr: {stderr}");
    (stdout, stderr)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_configuration_is_compared_with_the_router_that_it_is_for() {
    let folder = folder("site");
    let text = |interface: &str, address: &str| {
        GOOD.replace("eth0", interface).replace("10.0.0.9/24", address)
    };
    fs::write(folder.join("in.conf"), text("lo", "127.1.2.3/8")).unwrap();
    ends(&ringwardc(&folder, &["check", "--deny", "warnings", "--here", "in.conf"]), 0);
    fs::write(folder.join("in.conf"), text("lo", "10.0.0.9/24")).unwrap();
    let (_, said) = ends(&ringwardc(&folder, &["check", "--here", "in.conf"]), 0);
    assert!(said.contains("warning[RW0134]: 10.0.0.9 is in no network of lo"), "{said}");
    assert!(said.contains("lo has 127.0.0.1/8"), "{said}");
    fs::write(folder.join("in.conf"), text("nowhere0", "10.0.0.9/24")).unwrap();
    let (_, said) = ends(&ringwardc(&folder, &["check", "--here", "in.conf"]), 0);
    assert!(said.contains("warning[RW0133]: there is no interface `nowhere0` here"), "{said}");

    fs::write(folder.join("in.conf"), text("@lan", "10.0.0.9/24")).unwrap();
    let network = "config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n\
                   \tlist ipaddr '192.168.1.1/24'\n";
    fs::write(folder.join("network"), network).unwrap();
    let known = ["check", "--uci-network", "network", "in.conf"];
    let (_, said) = ends(&ringwardc(&folder, &known), 0);
    assert!(said.contains("warning[RW0134]: 10.0.0.9 is in no network of br-lan"), "{said}");
    let told = ["explain", "--network", "lan=eth7", "in.conf"];
    let (shown, _) = ends(&ringwardc(&folder, &told), 0);
    assert!(shown.contains("interface                   eth7"), "{shown}");
    fs::write(folder.join("network"), "config interface 'lan\n").unwrap();
    ends(&ringwardc(&folder, &known), 1);
    ends(&ringwardc(&folder, &["check", "--uci-network", "missing", "in.conf"]), 3);
    ends(&ringwardc(&folder, &["check", "--network", "lan", "in.conf"]), 2);
}

/// A pair as a public tutorial has it, tests/compiler/balancer-*: masks on the addresses of routers,
/// mail, pauses of zero, virtual servers.
#[test]
fn a_pair_of_load_balancers_compiles_without_its_virtual_servers() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compiler");
    for name in ["balancer-a.conf", "balancer-b.conf"] {
        let (_, said) = ends(&ringwardc(&here, &["check", name]), 1);
        assert!(said.contains("error[RW0023]: `virtual_server` is not supported yet"), "{said}");
        assert!(said.contains("`--only vrrp` compiles the file without"), "{said}");
        let (shown, said) = ends(&ringwardc(&here, &["check", "--only", "vrrp", name]), 0);
        assert_eq!(shown, format!("{name}: 2 warnings, 3 notes, 1 instance\n"), "{said}");
        assert!(said.contains("`virtual_server 192.0.2.80 443` is left out"), "{said}");
        assert!(said.contains("is meant, and compiled"), "{said}");
    }
    let pair = ["pair", "--only", "vrrp", "balancer-a.conf", "balancer-b.conf"];
    let (shown, _) = ends(&ringwardc(&here, &pair), 0);
    assert!(shown.contains("balancer-a.conf is master (priority 150)"), "{shown}");
    // 3 x 1 s and 156/256 s.
    assert!(shown.contains("follows (priority 100): 3.609375 s after"), "{shown}");
}

/// The same of tests/compiler/nginx-*, where the second has a slip that its author made.
#[test]
fn a_pair_that_follows_its_service_compiles_once_the_slip_is_mended() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compiler");
    let (shown, _) = ends(&ringwardc(&here, &["check", "nginx-a.conf"]), 0);
    assert!(shown.ends_with("1 instance\n"), "{shown}");
    let (_, said) = ends(&ringwardc(&here, &["check", "nginx-b-slip.conf"]), 1);
    assert!(said.contains("help: write `mcast_src_ip 198.51.100.42`"), "{said}");
    let folder = folder("nginx");
    let text = fs::read_to_string(here.join("nginx-b-slip.conf")).unwrap();
    fs::write(folder.join("b.conf"), text.replace("_ip198", "_ip 198")).unwrap();
    fs::copy(here.join("nginx-a.conf"), folder.join("a.conf")).unwrap();
    let (shown, _) = ends(&ringwardc(&folder, &["pair", "a.conf", "b.conf"]), 0);
    assert!(shown.contains("a.conf is master (priority"), "{shown}");
}

#[test]
fn compile_writes_a_private_blob_and_nothing_else() {
    let folder = folder("compile");
    fs::write(folder.join("in.conf"), GOOD).unwrap();
    let output = ringwardc(&folder, &["compile", "in.conf", "-o", "out.rwb"]);
    assert_eq!(ends(&output, 0), (String::new(), String::new()));
    assert_eq!(names(&folder), ["in.conf", "out.rwb"]);
    let blob = fs::read(folder.join("out.rwb")).unwrap();
    assert!(blob.starts_with(b"RINGWARD"));
    let mode = fs::metadata(folder.join("out.rwb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_configuration_with_errors_leaves_the_old_blob_alone() {
    let folder = folder("keep");
    fs::write(folder.join("in.conf"), BAD).unwrap();
    fs::write(folder.join("out.rwb"), "old").unwrap();
    let output = ringwardc(&folder, &["compile", "in.conf", "-o", "out.rwb"]);
    let (stdout, stderr) = ends(&output, 1);
    assert_eq!(stdout, "");
    assert_eq!(
        stderr,
        "\
error[RW0033]: 0 is out of range for `virtual_router_id`
 --> in.conf:3:23
  |
3 |     virtual_router_id 0
  |                       ^
  |
  = help: choose 1 to 255

error[RW0020]: unknown keyword `prioritty`
 --> in.conf:4:5
  |
4 |     prioritty 150
  |     ^^^^^^^^^
  |
  = help: did you mean `priority`?

ringwardc: in.conf: 2 errors; nothing was written
"
    );
    assert_eq!(fs::read(folder.join("out.rwb")).unwrap(), b"old");
    assert_eq!(names(&folder), ["in.conf", "out.rwb"]);
}

#[test]
fn the_old_blob_is_replaced_as_a_whole_also_behind_a_link() {
    let folder = folder("replace");
    fs::write(folder.join("in.conf"), GOOD).unwrap();
    fs::write(folder.join("target.rwb"), "old").unwrap();
    fs::set_permissions(folder.join("target.rwb"), fs::Permissions::from_mode(0o644)).unwrap();
    symlink("target.rwb", folder.join("out.rwb")).unwrap();
    let old = fs::File::open(folder.join("target.rwb")).unwrap();
    ends(&ringwardc(&folder, &["compile", "in.conf", "-o", "out.rwb"]), 0);
    // Who had the old file open still has all of it.
    assert_eq!(std::io::read_to_string(old).unwrap(), "old");
    assert!(fs::read(folder.join("target.rwb")).unwrap().starts_with(b"RINGWARD"));
    assert!(fs::symlink_metadata(folder.join("out.rwb")).unwrap().is_symlink());
    let mode = fs::metadata(folder.join("target.rwb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(names(&folder), ["in.conf", "out.rwb", "target.rwb"]);
}

#[test]
fn files_that_cannot_be_used_end_with_3() {
    let folder = folder("files");
    fs::write(folder.join("in.conf"), GOOD).unwrap();
    fs::create_dir(folder.join("sub")).unwrap();
    for (arguments, message) in [
        (vec!["check", "none.conf"], "ringwardc: none.conf: does not exist\n"),
        (vec!["check", "sub"], "ringwardc: sub: is a directory\n"),
        (vec!["explain", "/dev/null"], "ringwardc: /dev/null: is not a regular file\n"),
        (vec!["compile", "none.conf", "-o", "x.rwb"], "ringwardc: none.conf: does not exist\n"),
        (
            vec!["compile", "in.conf", "-o", "sub"],
            "ringwardc: sub: cannot be written: it exists and is not a regular file\n",
        ),
        (
            vec!["compile", "in.conf", "-o", "./in.conf"],
            "ringwardc: ./in.conf: is the input; it would be overwritten\n",
        ),
    ] {
        let output = ringwardc(&folder, &arguments);
        assert_eq!(ends(&output, 3), (String::new(), message.to_owned()), "{arguments:?}");
    }
    let output = ringwardc(&folder, &["compile", "in.conf", "-o", "none/x.rwb"]);
    assert!(ends(&output, 3).1.starts_with("ringwardc: none/x.rwb: cannot be written: "));
    assert_eq!(fs::read_to_string(folder.join("in.conf")).unwrap(), GOOD);
}

#[test]
fn a_file_that_fails_while_it_is_read_ends_with_3() {
    // A regular file whose first octet nobody can read, root neither: nothing is mapped there.
    let output = ringwardc(&folder("unreadable"), &["check", "/proc/self/mem"]);
    let (stdout, stderr) = ends(&output, 3);
    assert_eq!(stdout, "");
    assert!(stderr.starts_with("ringwardc: /proc/self/mem: cannot be read: "), "{stderr}");
}

#[test]
fn wrong_arguments_end_with_2() {
    let folder = folder("usage");
    for arguments in [
        vec![],
        vec!["check"],
        vec!["compile", "in.conf"],
        vec!["compile", "in.conf", "-o", "x", "--from", "toml"],
        vec!["explain"],
        vec!["explain", "in.conf", "--code", "RW0001"],
        vec!["explain", "--code", "RW0815"],
        vec!["fly"],
    ] {
        let (stdout, stderr) = ends(&ringwardc(&folder, &arguments), 2);
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn check_judges_each_file_by_itself_and_ends_with_the_worst() {
    let folder = folder("check");
    fs::write(folder.join("good.conf"), GOOD).unwrap();
    fs::write(folder.join("warned.conf"), GOOD.replace("150", "150 7")).unwrap();
    fs::write(folder.join("bad.conf"), BAD).unwrap();
    fs::write(folder.join("empty.conf"), "").unwrap();
    ends(&ringwardc(&folder, &["compile", "good.conf", "-o", "good.rwb"]), 0);
    // The same instance in two files is no collision.
    let output = ringwardc(&folder, &["check", "good.conf", "warned.conf", "good.rwb"]);
    let (stdout, stderr) = ends(&output, 0);
    assert_eq!(
        stdout,
        "good.conf: fine, 1 instance\nwarned.conf: 1 warning, 1 instance\ngood.rwb: fine, 1 \
         instance\n"
    );
    assert!(stderr.starts_with("warning[RW0031]"), "{stderr}");
    let (stdout, _) = ends(&ringwardc(&folder, &["check", "bad.conf", "good.conf"]), 1);
    assert_eq!(stdout, "bad.conf: 2 errors\ngood.conf: fine, 1 instance\n");
    ends(&ringwardc(&folder, &["check", "bad.conf", "none", "good.conf"]), 3);
    let (stdout, stderr) = ends(&ringwardc(&folder, &["check", "empty.conf"]), 1);
    assert_eq!(stdout, "empty.conf: 1 error\n");
    assert!(stderr.contains("there is no vrrp_instance"), "{stderr}");
    // Nothing was written but what was asked for.
    assert_eq!(names(&folder), ["bad.conf", "empty.conf", "good.conf", "good.rwb", "warned.conf"]);
}

#[test]
fn explain_tells_every_value_and_its_origin_but_no_secret() {
    let folder = folder("explain");
    fs::write(folder.join("in.conf"), GOOD).unwrap();
    let (stdout, stderr) = ends(&ringwardc(&folder, &["explain", "in.conf"]), 0);
    assert_eq!(stderr, "");
    assert_eq!(
        stdout,
        "\
global_defs
  router_id                   none                      default (none; keepalived takes the host's name)
  vrrp_startup_delay          0 s                       default (keepalived)
  vrrp_garp_interval          0 s                       default (keepalived)
  vrrp_gna_interval           0 s                       default (keepalived)
  enable_script_security      no                        default (keepalived)
  decision_timeout            none                      default (ringward: a configuration is never given up for it)
  console                     none                      default (ringward: none is started)
  console_release             no                        default (ringward: a console only shows)
vrrp_instance VI_1
  state                       BACKUP                    default (keepalived)
  interface                   eth0                      configured at in.conf:2
  version                     2 (IPv4)                  default (keepalived)
  virtual_router_id           51                        configured at in.conf:3
  priority                    150                       configured at in.conf:4
  advert_int                  1 s                       default (keepalived)
  preempt                     yes                       default (keepalived)
  preempt_delay               0 s                       default (keepalived)
  mcast_src_ip                the interface's primary   default (keepalived)
  auth_pass                   ********                  configured at in.conf:7
  dont_track_primary          no                        default (keepalived)
  garp_master_delay           5 s                       default (keepalived)
  garp_master_repeat          5                         default (keepalived)
  garp_master_refresh         none                      default (keepalived)
  garp_master_refresh_repeat  1                         default (keepalived)
  garp_lower_prio_delay       5 s                       default (keepalived)
  garp_lower_prio_repeat      5                         default (keepalived)
  garp_extra_if               none                      default (keepalived)
  virtual_ipaddress           10.0.0.9/24 dev eth0      configured at in.conf:10
"
    );
    ends(&ringwardc(&folder, &["compile", "in.conf", "-o", "out.rwb"]), 0);
    let (blob, _) = ends(&ringwardc(&folder, &["explain", "out.rwb"]), 0);
    // A blob knows the values, not where they came from.
    let values = |text: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        text.lines().map(words).collect()
    };
    assert_eq!(values(&stdout), values(&blob));
    assert!(!blob.contains("configured") && !blob.contains("s3cr3t"), "{blob}");
}

#[test]
fn explain_refuses_a_damaged_blob_and_a_bad_text() {
    let folder = folder("refuse");
    fs::write(folder.join("in.conf"), GOOD).unwrap();
    ends(&ringwardc(&folder, &["compile", "in.conf", "-o", "out.rwb"]), 0);
    let mut blob = fs::read(folder.join("out.rwb")).unwrap();
    let last = blob.len() - 1;
    blob[last] ^= 1;
    fs::write(folder.join("out.rwb"), blob).unwrap();
    let output = ringwardc(&folder, &["explain", "out.rwb"]);
    assert_eq!(ends(&output, 1).1, "ringwardc: out.rwb: damaged: the checksum does not match\n");
    fs::write(folder.join("in.conf"), BAD).unwrap();
    let (stdout, stderr) = ends(&ringwardc(&folder, &["explain", "in.conf"]), 1);
    assert_eq!(stdout, "");
    assert!(stderr.ends_with("ringwardc: in.conf: 2 errors\n"), "{stderr}");
}

#[test]
fn explain_tells_what_a_code_means() {
    let folder = folder("code");
    let (stdout, _) = ends(&ringwardc(&folder, &["explain", "--code", "RW0063"]), 0);
    assert_eq!(
        stdout,
        "RW0063 (warning): a password of more than 8 octets\n\nOnly 8 octets fit in an advert. \
         keepalived cuts it as well, so that a pair\nagrees.\n\nWhat to do: Shorten it on all \
         routers.\n"
    );
}

#[test]
fn no_message_shows_a_password_or_a_colour_in_a_file() {
    let folder = folder("secret");
    let text = GOOD.replace("s3cr3t", "\"hunter2hunter2\"").replace("150", "0");
    fs::write(folder.join("in.conf"), text).unwrap();
    let (stdout, stderr) = ends(&ringwardc(&folder, &["check", "in.conf"]), 1);
    assert!(stderr.contains("RW0063") && stderr.contains("RW0033"), "{stderr}");
    assert!(!stderr.contains("hunter") && !stdout.contains("hunter"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn version_names_the_schema_and_the_limits() {
    let folder = folder("version");
    let (stdout, _) = ends(&ringwardc(&folder, &["version"]), 0);
    assert!(stdout.contains("(blob schema 14)\nboard: base\nlimits: 2048 instances, "), "{stdout}");
}

/// So many instances, each with seven lines; the board `tiny` holds four.
fn instances(count: usize) -> String {
    let instance = |index: usize| {
        format!(
            "vrrp_instance i{index} {{\n    interface eth0\n    virtual_router_id {index}\n    \
             virtual_ipaddress {{\n        10.0.0.{index}\n    }}\n}}\n"
        )
    };
    (1..=count).map(instance).collect()
}

#[test]
fn a_board_that_cannot_hold_a_text_refuses_it_with_both_numbers() {
    let folder = folder("board");
    fs::write(folder.join("four.conf"), instances(4)).unwrap();
    fs::write(folder.join("five.conf"), instances(5)).unwrap();
    let (stdout, _) = ends(&ringwardc(&folder, &["check", "four.conf", "--board", "tiny"]), 0);
    assert_eq!(stdout, "four.conf: fine, 4 instances\n");
    ends(&ringwardc(&folder, &["check", "five.conf"]), 0);
    let compile = ["compile", "five.conf", "-o", "five.rwb", "--board", "tiny"];
    let (_, stderr) = ends(&ringwardc(&folder, &compile), 1);
    assert!(stderr.contains("needs 5 instances, board tiny holds 4"), "{stderr}");
    assert!(stderr.contains("--> five.conf:29:1"), "where the fifth begins: {stderr}");
    assert_eq!(names(&folder), ["five.conf", "four.conf"]);
}

#[test]
fn a_board_that_cannot_hold_a_blob_refuses_it_with_both_numbers() {
    let folder = folder("board-blob");
    fs::write(folder.join("five.conf"), instances(5)).unwrap();
    ends(&ringwardc(&folder, &["compile", "five.conf", "-o", "five.rwb"]), 0);
    let (_, stderr) = ends(&ringwardc(&folder, &["check", "five.rwb", "--board", "tiny"]), 1);
    assert_eq!(stderr, "ringwardc: five.rwb: needs 5 instances, board tiny holds 4\n");
}

#[test]
fn a_board_without_a_console_is_warned_of_one() {
    let folder = folder("board-console");
    let text = format!("global_defs {{\n    console board,keys\n}}\n{}", instances(1));
    fs::write(folder.join("x.conf"), text).unwrap();
    let with = |board: &[&str], code: i32| {
        ends(&ringwardc(&folder, &[&["check", "x.conf"], board].concat()), code).1
    };
    let stderr = with(&["--board", "qemu-x86-64"], 0);
    assert!(stderr.contains("warning[RW0073]: board qemu-x86-64 has no console"), "{stderr}");
    assert!(stderr.contains("--> x.conf:2:13"), "{stderr}");
    with(&["--board", "qemu-x86-64", "--deny", "warnings"], 1);
    with(&["--board", "generic-x86-64", "--deny", "warnings"], 0);
    // The board is not known.
    with(&["--deny", "warnings"], 0);
}

#[test]
fn an_unknown_board_is_refused_with_those_there_are() {
    let folder = folder("board-unknown");
    let (_, stderr) = ends(&ringwardc(&folder, &["check", "x.conf", "--board", "tinny"]), 2);
    assert!(stderr.contains("the boards are base, "), "{stderr}");
    let (stdout, _) = ends(&ringwardc(&folder, &["boards"]), 0);
    assert!(stdout.starts_with("base  "), "{stdout}");
    let tiny = stdout.lines().find(|line| line.starts_with("tiny ")).unwrap();
    assert!(tiny.contains("  4 instances, 2 interfaces, 8 addresses, "), "{tiny}");
    let (stdout, _) = ends(&ringwardc(&folder, &["boards", "qemu-aarch64"]), 0);
    for line in ["build.target=aarch64-unknown-linux-musl", "console.tty=ttyAMA0"] {
        assert!(stdout.lines().any(|found| found == line), "{line}: {stdout}");
    }
}

#[test]
fn the_plan_of_an_image_is_judged_line_by_line_and_its_modules_are_looked_for() {
    let folder = folder("plan");
    fs::create_dir_all(folder.join("overlay/lib")).unwrap();
    fs::write(folder.join("overlay/lib/a.ko"), "").unwrap();
    let plan = "# Cards.\nmodule /lib/a.ko debug=1\naddress eth0 192.0.2.2/24\n";
    fs::write(folder.join("plan"), plan).unwrap();
    let with_overlay = ["plan", "plan", "--overlay", "overlay"];
    assert_eq!(ends(&ringwardc(&folder, &with_overlay), 0), (String::new(), String::new()));
    let (_, said) = ends(&ringwardc(&folder, &["plan", "plan"]), 1);
    assert_eq!(
        said,
        "ringwardc: plan:2:8: /lib/a.ko is not in the overlay, and would not be in the image\n"
    );
    fs::write(folder.join("plan"), "modul /lib/a.ko\n\n address eth0 192.0.2.2\n").unwrap();
    let (_, said) = ends(&ringwardc(&folder, &with_overlay), 1);
    assert_eq!(
        said,
        "ringwardc: plan:1:1: 'modul' is no step: there are module and address\n\
         ringwardc: plan:3:15: '192.0.2.2' is no address with the length of its network, such as \
         192.0.2.1/24 or 2001:db8::1/64\n"
    );
    ends(&ringwardc(&folder, &["plan", "missing"]), 3);
}
