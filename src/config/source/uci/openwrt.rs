//! OpenWrt's `/etc/config/keepalived`, in both its dialects: in that of 24.10 and 25.12 instances
//! track sections called track_script, in that of 2026 they track vrrp_script sections directly.
//!
//! What OpenWrt's script loses or mangles is done as it was meant, and a note says so
//! (net/keepalived/files/keepalived.init in openwrt/packages).

use super::super::code::Code;
use super::super::diagnostic::{Diagnostic, Report};
use super::super::keepalived::{Statement, Tree};
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::build::{block, delays, entry, line, list, truth, word, words};
use super::reference::{Named, report_without};
use super::ringward::{check_options, flag, is_literal};
use super::{Package, Section, Setting};

/// The options of each type, those that LuCI alone writes included.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "globals",
        &[
            "enabled",
            "alt_config_file",
            "linkbeat_use_polling",
            "notification_email",
            "notification_email_from",
            "smtp_server",
            "smtp_connect_timeout",
            "router_id",
            "vrrp_mcast_group4",
            "vrrp_mcast_group6",
            "vrrp_startup_delay",
        ],
    ),
    ("ipaddress", &["name", "address", "device", "label_suffix", "scope"]),
    ("static_ipaddress", &["address"]),
    ("route", &["name", "address", "blackhole", "src_addr", "gateway", "device", "table", "scope"]),
    ("static_routes", &["route"]),
    ("interface_up_down_delays", &["device", "down_delay", "up_delay"]),
    (
        "vrrp_script",
        &["name", "script", "interval", "weight", "fall", "fail", "rise", "timeout", "direction"],
    ),
    (
        "bfd_instance",
        &[
            "name",
            "neighbor_ip",
            "source_ip",
            "min_rx",
            "min_tx",
            "idle_tx",
            "hoplimit",
            "max_hops",
            "weight",
        ],
    ),
    ("track_interface", &["name", "value", "weight"]),
    ("track_script", &["name", "value", "weight", "direction"]),
    (
        "peer",
        &[
            "name",
            "address",
            "min_ttl",
            "max_ttl",
            "sync",
            "sync_mode",
            "sync_dir",
            "sync_list",
            "ssh_key",
            "ssh_port",
            "ssh_pubkey",
            "last_sync_time",
            "last_sync_status",
        ],
    ),
    ("vrrp_sync_group", &["name", "group", "smtp_alert", "global_tracking", "track_script"]),
    (
        "vrrp_instance",
        &[
            "name",
            "auth_type",
            "auth_pass",
            "state",
            "interface",
            "mcast_src_ip",
            "unicast_src_ip",
            "virtual_router_id",
            "version",
            "priority",
            "advert_int",
            "preempt_delay",
            "debug",
            "lvs_sync_daemon_interface",
            "garp_master_delay",
            "garp_master_refresh",
            "garp_master_repeat",
            "garp_master_refresh_repeat",
            "vmac_xmit_base",
            "native_ipv6",
            "accept",
            "no_accept",
            "dont_track_primary",
            "smtp_alert",
            "nopreempt",
            "use_vmac",
            "virtual_ipaddress",
            "virtual_ipaddress_excluded",
            "virtual_routes",
            "track_script",
            "track_interface",
            "track_bfd",
            "unicast_peer",
        ],
    ),
    (
        "virtual_server",
        &[
            "enabled",
            "ipaddr",
            "port",
            "fwmark",
            "delay_loop",
            "lb_kind",
            "lb_algo",
            "persistence_timeout",
            "persistence_granularity",
            "virtualhost",
            "protocol",
            "sorry_server_ip",
            "sorry_server_port",
            "real_server",
            "rise",
            "fall",
        ],
    ),
    (
        "real_server",
        &[
            "enabled",
            "name",
            "weight",
            "ipaddr",
            "port",
            "check",
            "connect_timeout",
            "connect_port",
            "misc_path",
            "url",
            "nb_get_retry",
            "retry",
            "delay_before_retry",
        ],
    ),
    ("url", &["name", "path", "digest"]),
];

/// Flags of an instance: the script switches them on whatever their value.
const FLAGS: [&str; 8] = [
    "vmac_xmit_base",
    "native_ipv6",
    "accept",
    "no_accept",
    "dont_track_primary",
    "smtp_alert",
    "nopreempt",
    "use_vmac",
];

struct Reader<'p, 'r> {
    named: Named<'p>,
    report: &'r mut Report,
    statements: Vec<Statement>,
}

/// The package as OpenWrt's script means to write it for keepalived.
pub(in super::super) fn openwrt(package: &Package, report: &mut Report) -> Tree {
    let named = Named::new(package, report);
    let mut reader = Reader { named, report, statements: Vec::new() };
    for section in &package.sections {
        reader.section(section);
    }
    let Reader { statements, .. } = reader;
    Tree { file: package.file, statements }
}

impl Reader<'_, '_> {
    fn section(&mut self, section: &Section) {
        let kind = section.kind.text.as_str();
        let Some((_, known)) = KNOWN.iter().find(|(name, _)| *name == kind) else {
            let message = format!("unknown type of section `{kind}`");
            let near = super::super::nearest::nearest(kind, KNOWN.iter().map(|(name, _)| *name));
            let diagnostic = Diagnostic::new(Code::Unknown, section.kind.span, message);
            self.report.add(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.label("OpenWrt's keepalived has none of this name"),
            });
            return;
        };
        check_options(section, known, self.report);
        let name = section.value("name").cloned();
        let named = || name.clone().into_iter().collect::<Vec<Word>>();
        let keyword = section.kind.clone();
        let statement = match kind {
            "globals" => return self.globals(section),
            "static_ipaddress" => {
                let lines = self.addresses(section.setting("address"));
                block(keyword, Vec::new(), lines)
            }
            "static_routes" => {
                let lines = self.routes(section.setting("route"));
                block(keyword, Vec::new(), lines)
            }
            "interface_up_down_delays" => delays(section, "device"),
            "vrrp_script" => block(keyword, named(), script(section)),
            "bfd_instance" => block(keyword, named(), values(section, &["name", "weight"])),
            "vrrp_sync_group" => {
                let mut lines = self.group(section);
                lines.extend(hotplug(section, "GROUP"));
                block(keyword, named(), lines)
            }
            "vrrp_instance" => {
                let mut lines = self.instance(section);
                lines.extend(hotplug(section, "INSTANCE"));
                block(keyword, named(), lines)
            }
            "virtual_server" => {
                let is_off = section.value("enabled").and_then(|value| truth(&value.text));
                if is_off == Some(false) {
                    return;
                }
                let whom = ["ipaddr", "port"].iter().filter_map(|o| section.value(o)).cloned();
                block(keyword, whom.collect(), Vec::new())
            }
            // The others are read where somebody refers to them.
            _ => return,
        };
        self.statements.push(statement);
    }

    fn globals(&mut self, section: &Section) {
        let mut lines = Vec::new();
        for setting in &section.options {
            let Some(value) = setting.values.last() else { continue };
            match setting.name.text.as_str() {
                "enabled" => {
                    if truth(&value.text) == Some(false) {
                        self.note_no_effect(setting, "it is for OpenWrt's init script");
                    }
                }
                "alt_config_file" => {
                    let message = "`alt_config_file` names another configuration".to_owned();
                    self.report
                        .add(Diagnostic::new(Code::Never, setting.name.span, message).help(
                            format!("compile that file: `ringwardc compile {}`", value.text),
                        ));
                }
                "linkbeat_use_polling" => {
                    if flag(setting, value, self.report) == Some(true) {
                        lines.push(line(setting.name.clone(), Vec::new()));
                    }
                }
                "notification_email" => lines.push(list(setting)),
                _ => lines.push(line(setting.name.clone(), vec![value.clone()])),
            }
        }
        let keyword = word("global_defs", section.kind.span);
        self.statements.push(block(keyword, Vec::new(), lines));
    }

    fn instance(&mut self, section: &Section) -> Vec<Statement> {
        let mut lines = Vec::new();
        for setting in &section.options {
            let Some(value) = setting.values.last() else { continue };
            let keyword = || setting.name.clone();
            let name = setting.name.text.as_str();
            match name {
                "name" | "auth_type" | "auth_pass" => {}
                "virtual_ipaddress" | "virtual_ipaddress_excluded" => {
                    let inner = self.addresses(Some(setting));
                    lines.push(block(keyword(), Vec::new(), inner));
                }
                "virtual_routes" => {
                    let inner = self.routes(Some(setting));
                    lines.push(block(keyword(), Vec::new(), inner));
                }
                "unicast_peer" => {
                    let inner = self.peers(setting);
                    lines.push(block(keyword(), Vec::new(), inner));
                }
                "track_script" => {
                    let inner = self.tracked_scripts(setting);
                    lines.push(block(keyword(), Vec::new(), inner));
                }
                "track_interface" => {
                    let inner = self.tracked_interfaces(setting);
                    lines.push(block(keyword(), Vec::new(), inner));
                }
                "track_bfd" => lines.push(list(setting)),
                _ if FLAGS.contains(&name) => lines.extend(self.instance_flag(setting, value)),
                _ => lines.push(line(keyword(), vec![value.clone()])),
            }
        }
        if let (Some(kind), Some(pass)) = (section.value("auth_type"), section.value("auth_pass")) {
            let secrets = [("auth_type", kind), ("auth_pass", pass)];
            let inner =
                secrets.map(|(name, value)| line(word(name, value.span), vec![value.clone()]));
            let keyword = word("authentication", kind.span);
            lines.push(block(keyword, Vec::new(), inner.to_vec()));
        } else if let Some(one) = section.value("auth_type").or(section.value("auth_pass")) {
            let message = "auth_type and auth_pass belong together: there is no authentication";
            let diagnostic = Diagnostic::new(Code::NoAuthentication, one.span, message.to_owned());
            self.report.add(diagnostic.help("give both, or none"));
        }
        lines
    }

    /// A flag by its value, where the script asks only whether there is one.
    fn instance_flag(&mut self, setting: &Setting, value: &Word) -> Option<Statement> {
        let keyword = setting.name.clone();
        match truth(&value.text) {
            Some(true) => Some(line(keyword, Vec::new())),
            Some(false) => {
                let name = &setting.name.text;
                self.note_as_meant(
                    value.span,
                    format!("`{name}` is off: OpenWrt's script takes any value for on"),
                );
                None
            }
            None if keyword.text == "use_vmac" => Some(line(keyword, words(value))),
            None => {
                flag(setting, value, self.report);
                None
            }
        }
    }

    fn addresses(&mut self, setting: Option<&Setting>) -> Vec<Statement> {
        let mut lines = Vec::new();
        for value in setting.iter().flat_map(|setting| &setting.values) {
            if is_literal(&value.text) {
                self.note_as_meant(
                    value.span,
                    "OpenWrt's script loses a literal address".to_owned(),
                );
                lines.extend(entry(words(value)));
                continue;
            }
            let found = self.named.value_of("ipaddress", value, "address", self.report);
            let Some((section, address)) = found else { continue };
            let mut all = words(address);
            if let Some(device) = section.value("device") {
                all.push(word("dev", device.span));
                all.push(device.clone());
                all.extend(self.label(section, address, device));
            }
            if let Some(scope) = section.value("scope") {
                all.push(word("scope", scope.span));
                all.push(scope.clone());
            }
            lines.extend(entry(all));
        }
        lines
    }

    /// The label that the script makes of device and suffix, if it can be one.
    fn label(&mut self, section: &Section, address: &Word, device: &Word) -> Vec<Word> {
        let suffix = section.value("label_suffix");
        let text = format!("{}:{}", device.text, suffix.map_or("vip", |suffix| &suffix.text));
        let span = suffix.map_or(device.span, |suffix| suffix.span);
        if address.text.contains(':') {
            return Vec::new();
        }
        if text.len() > 15 {
            let message = format!("`{text}` is too long for a label: the address has none");
            self.note_as_meant(span, message);
            return Vec::new();
        }
        vec![word("label", span), word(text, span)]
    }

    fn routes(&mut self, setting: Option<&Setting>) -> Vec<Statement> {
        let mut lines = Vec::new();
        for value in setting.iter().flat_map(|setting| &setting.values) {
            let Some(section) = self.named.get("route", &value.text) else {
                self.named.report_missing(&["route"], value, self.report);
                continue;
            };
            lines.extend(section.value("address").and_then(|address| entry(words(address))));
        }
        lines
    }

    fn peers(&mut self, setting: &Setting) -> Vec<Statement> {
        let mut lines = Vec::new();
        for value in &setting.values {
            if is_literal(&value.text) {
                self.note_as_meant(value.span, "OpenWrt's script loses a literal peer".to_owned());
                lines.extend(entry(words(value)));
                continue;
            }
            let found = self.named.value_of("peer", value, "address", self.report);
            let Some((section, address)) = found else { continue };
            let mut all = words(address);
            for option in ["min_ttl", "max_ttl"] {
                if let Some(value) = section.value(option) {
                    all.push(word(option, value.span));
                    all.push(value.clone());
                }
            }
            let syncs = |setting: &&Setting| {
                ["sync", "ssh_", "last_"].iter().any(|start| setting.name.text.starts_with(start))
            };
            if let Some(sync) = section.options.iter().find(syncs) {
                self.note_no_effect(sync, "it is for keepalived-sync");
            }
            lines.extend(entry(all));
        }
        lines
    }

    fn tracked_scripts(&mut self, setting: &Setting) -> Vec<Statement> {
        let mut lines = Vec::new();
        for value in &setting.values {
            if let Some(section) = self.named.get("track_script", &value.text) {
                let Some(script) = section.value("value") else {
                    report_without(section, "value", self.report);
                    continue;
                };
                let mut all = vec![script.clone()];
                all.extend(weight(section));
                lines.extend(entry(all));
            } else if self.named.get("vrrp_script", &value.text).is_some() {
                lines.extend(entry(vec![value.clone()]));
            } else {
                self.named.report_missing(&["vrrp_script", "track_script"], value, self.report);
            }
        }
        lines
    }

    fn tracked_interfaces(&mut self, setting: &Setting) -> Vec<Statement> {
        let mut lines = Vec::new();
        for value in &setting.values {
            let found = self.named.value_of("track_interface", value, "value", self.report);
            let Some((section, device)) = found else { continue };
            let mut all = vec![device.clone()];
            all.extend(weight(section));
            lines.extend(entry(all));
        }
        lines
    }

    fn group(&mut self, section: &Section) -> Vec<Statement> {
        let mut lines = Vec::new();
        for setting in &section.options {
            let Some(value) = setting.values.last() else { continue };
            match setting.name.text.as_str() {
                "group" => lines.push(list(setting)),
                "track_script" => {
                    let inner = self.tracked_scripts(setting);
                    lines.push(block(setting.name.clone(), Vec::new(), inner));
                }
                "smtp_alert" | "global_tracking" => {
                    lines.extend(self.instance_flag(setting, value))
                }
                _ => {}
            }
        }
        lines
    }

    fn note_as_meant(&mut self, span: TextSpan, message: String) {
        self.report.add(Diagnostic::new(Code::AsMeant, span, message));
    }

    fn note_no_effect(&mut self, setting: &Setting, why: &str) {
        let message = format!("`{}` has no effect: {why}", setting.name.text);
        self.report.add(Diagnostic::new(Code::NoEffect, setting.name.span, message));
    }
}

/// `weight W [reverse]` of a section, if it has one.
fn weight(section: &Section) -> Vec<Word> {
    let Some(weight) = section.value("weight") else { return Vec::new() };
    let mut all = vec![word("weight", weight.span), weight.clone()];
    all.extend(section.value("direction").filter(|direction| direction.text == "reverse").cloned());
    all
}

/// The lines of a vrrp_script.
fn script(section: &Section) -> Vec<Statement> {
    let mut lines = values(section, &["name", "weight", "direction", "fail"]);
    // LuCI writes `fail`, and the script reads `fall`.
    if let (None, Some(fail)) = (section.value("fall"), section.value("fail")) {
        lines.push(line(word("fall", fail.span), vec![fail.clone()]));
    }
    lines.extend(entry(weight(section)));
    lines
}

/// A line for each option but some.
fn values(section: &Section, but: &[&str]) -> Vec<Statement> {
    let settings = section.options.iter().filter(|s| !but.contains(&s.name.text.as_str()));
    let lines = settings.filter_map(|s| Some(line(s.name.clone(), vec![s.values.last()?.clone()])));
    lines.collect()
}

/// What OpenWrt's script has keepalived call at each change of state: the scripts in
/// /etc/hotplug.d/keepalived.
fn hotplug(section: &Section, kind: &str) -> Vec<Statement> {
    // A name in quotes is one argument; one with a quote in it cannot be.
    let Some(name) = section.value("name").filter(|name| !name.text.contains('\'')) else {
        return Vec::new();
    };
    let last = if kind == "GROUP" { "notify" } else { "notify_stop" };
    let keywords = ["notify_master", "notify_backup", "notify_fault", last];
    let statement = |keyword: &str| {
        let command = format!(
            "/bin/busybox env -i ACTION={} TYPE={kind} 'NAME={}' /sbin/hotplug-call keepalived",
            keyword.to_uppercase(),
            name.text,
        );
        line(word(keyword, section.kind.span), vec![word(&command, section.kind.span)])
    };
    keywords.into_iter().map(statement).collect()
}
