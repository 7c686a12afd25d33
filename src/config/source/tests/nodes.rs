//! Two configurations, and one in two languages.

use super::super::{Language, Options, difference, import};
use super::*;
use crate::config::source::compile_with;

#[test]
fn a_reload_is_told_beforehand() {
    let second = with("").replace("VI_1", "VI_2").replace(" 51", " 52").replace("0.9", "0.8");
    let old = config(&format!("{}{second}", with("priority 90\nadvert_int 2")));
    assert_eq!(difference(&old, &old), "");
    let third = second.replace("VI_2", "VI_3").replace(" 52", " 53").replace("0.8", "0.7");
    let text = format!(
        "global_defs {{\nrouter_id x\n}}\n{third}{}",
        with("priority 95\nadvert_int 2\nvirtual_ipaddress {\n10.0.0.10\n}",)
    );
    assert_eq!(
        difference(&old, &config(&text)),
        "change  global_defs\n          router_id none -> x\n\nadd     VI_3 (eth0 VRID 53 IPv4)\n\
         retune  VI_1 (eth0 VRID 51 IPv4)\n          priority 90 -> 95\n          virtual_ipaddress \
         + 10.0.0.10/32 dev eth0\nremove  VI_2 (eth0 VRID 52 IPv4)\n"
    );
    let pass = |pass: &str| {
        config(&with(&format!("authentication {{\nauth_type PASS\nauth_pass {pass}\n}}")))
    };
    let changes = difference(&pass("one"), &pass("two"));
    assert_eq!(changes, "retune  VI_1 (eth0 VRID 51 IPv4)\n          auth_pass changes\n");
    let other = config(&with("version 3"));
    let text = difference(&config(&with("")), &other);
    assert_eq!(text, "add     VI_1 (eth0 VRID 51 IPv4)\nremove  VI_1 (eth0 VRID 51 IPv4)\n");
}

#[test]
fn what_is_imported_compiles_to_the_same() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let values = std::fs::read_to_string(root.join("tests/agreement/values.conf")).unwrap();
    let scripts = format!(
        "vrrp_script chk {{\nscript \"/bin/chk a 'b c'\" \ninterval 3\nweight -20\nuser nobody\n}}\n\
         vrrp_script plain {{\nscript /bin/chk -x\n}}\n{}",
        with(
            "track_script {\nchk weight 7\nplain\n}\ndebug 4\nauthentication {\nauth_type PASS\n\
              auth_pass a'b\n}"
        )
    );
    for text in [values, scripts] {
        let (imported, report) = import(&Options::PLAIN, "x", text.as_bytes());
        let imported = imported.unwrap_or_else(|| panic!("{report}"));
        let uci = Options { language: Language::Uci, ..Options::PLAIN };
        let again = compile_with(&uci, "imported", imported.as_bytes());
        let again = again.config.unwrap_or_else(|| panic!("{imported}\n{}", again.report));
        assert_eq!(again, config(&text), "{imported}");
    }
    let (imported, _) =
        import(&Options::PLAIN, "x", with("nopreempt\nmcast_src_ip 10.0.0.2").as_bytes());
    assert_eq!(
        imported.unwrap(),
        "config vrrp_instance 'VI_1'\n\toption interface 'eth0'\n\toption virtual_router_id '51'\n\
         \tlist virtual_ipaddress '10.0.0.9/24'\n\toption nopreempt '1'\n\toption mcast_src_ip \
         '10.0.0.2'\n"
    );
    assert!(import(&Options::PLAIN, "x", b"nonsense").0.is_none());
}
