//! Every effective value of a configuration, and where it came from.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::text::{Sources, TextSpan};
use crate::config::model::{
    Address, Authentication, Check, Command, Config, FIFO_KEYWORDS, Init, Instance, Kind, Notify,
    Parameters, Probe, Process, Script, Subject, Tracker,
};
use crate::time::Span;

/// What a value belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Scope {
    /// global_defs.
    Global,
    /// An instance: index into [`Config::instances`].
    Instance(usize),
    /// An address: index into [`Config::addresses`].
    Address(usize),
    /// A peer: index into [`Config::peers`].
    Peer(usize),
    /// A sync group: index into [`Config::groups`].
    Group(usize),
    /// A script: index into [`Config::scripts`].
    Script(usize),
    /// What an instance tracks: index into [`Config::trackers`].
    Tracker(usize),
}

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It stands there.
    Configured(TextSpan),
    /// It stands there otherwise, and was changed; why.
    Changed(TextSpan, &'static str),
    /// It follows from what stands there.
    Follows(TextSpan, &'static str),
    /// Nothing was said: whose default it is.
    Default(&'static str),
}

/// keepalived's default.
pub const KEEPALIVED: Origin = Origin::Default("keepalived");

/// Where the values of a configuration came from, by scope and keyword.
#[derive(Debug)]
pub struct Origins {
    known: HashMap<(Scope, &'static str), Origin>,
    is_kept: bool,
}

impl Origins {
    /// None yet; and none ever, unless they are to be kept.
    pub fn new(is_kept: bool) -> Self {
        Origins { known: HashMap::new(), is_kept }
    }

    /// Remembers where a value came from.
    pub fn set(&mut self, scope: Scope, keyword: &'static str, origin: Origin) {
        if self.is_kept {
            self.known.insert((scope, keyword), origin);
        }
    }

    /// Where a value came from.
    pub fn get(&self, scope: Scope, keyword: &'static str) -> Option<Origin> {
        self.known.get(&(scope, keyword)).copied()
    }
}

/// The column of values: at least, and at most; what is longer stands out.
const VALUE_WIDTH: (usize, usize) = (25, 44);

/// A value.
struct Row {
    scope: Scope,
    keyword: &'static str,
    value: String,
}

/// All values as text; with their origins where the text they were compiled from is known.
pub fn explain(config: &Config, origins: Option<(&Origins, &Sources)>) -> String {
    let mut text = String::new();
    let mut section = |title: &str, rows: Vec<Row>| {
        let _ = writeln!(text, "{title}");
        let widths = rows.iter().map(|row| row.value.chars().count());
        let width = widths.max().unwrap_or(0).clamp(VALUE_WIDTH.0, VALUE_WIDTH.1);
        for row in rows {
            let origin = origins.map(|(origins, sources)| origin_text(&row, origins, sources));
            match origin {
                Some(origin) => {
                    let _ = writeln!(text, "  {:<27} {:<width$} {origin}", row.keyword, row.value);
                }
                None => {
                    let _ = writeln!(text, "  {:<27} {}", row.keyword, row.value);
                }
            }
        }
    };
    section("global_defs", global_rows(config));
    for (index, script) in config.scripts.iter().enumerate() {
        section(
            &format!("{} {}", script.kind.block(), script.name),
            script_rows(config, index, script),
        );
    }
    for (index, group) in config.groups.iter().enumerate() {
        let rows = notify_rows(config, Scope::Group(index), &group.notify);
        if !rows.is_empty() {
            section(&format!("vrrp_sync_group {}", group.name), rows);
        }
    }
    for (index, instance) in config.instances.iter().enumerate() {
        section(
            &format!("vrrp_instance {}", instance.name),
            instance_rows(config, index, instance),
        );
    }
    for (number, group) in (0_u16..).zip(&config.groups) {
        section(&format!("vrrp_sync_group {}", group.name), group_rows(config, number));
    }
    text
}

fn group_rows(config: &Config, number: u16) -> Vec<Row> {
    let members = config.instances.iter().enumerate();
    let members = members.filter(|(_, instance)| instance.group == Some(number));
    let row = |(index, instance): (usize, &Instance)| Row {
        scope: Scope::Instance(index),
        keyword: "group",
        value: instance.name.to_string(),
    };
    members.map(row).collect()
}

/// The values of global_defs: keywords and what they are.
pub(super) fn global_values(config: &Config) -> Vec<(&'static str, String)> {
    global_rows(config).into_iter().map(|row| (row.keyword, row.value)).collect()
}

/// The same of an instance; lists have a value for each item.
pub(super) fn instance_values(config: &Config, index: usize) -> Vec<(&'static str, String)> {
    let rows = config.instances.get(index).map(|instance| instance_rows(config, index, instance));
    rows.into_iter().flatten().map(|row| (row.keyword, row.value)).collect()
}

fn origin_text(row: &Row, origins: &Origins, sources: &Sources) -> String {
    match origins.get(row.scope, row.keyword) {
        Some(Origin::Configured(span)) => format!("configured at {}", sources.place(span)),
        Some(Origin::Changed(span, why)) => format!("{why}, from {}", sources.place(span)),
        Some(Origin::Follows(span, why)) => format!("{why} at {}", sources.place(span)),
        Some(Origin::Default(whose)) => format!("default ({whose})"),
        None => String::new(),
    }
}

fn global_rows(config: &Config) -> Vec<Row> {
    let global = &config.global;
    let row = |keyword, value| Row { scope: Scope::Global, keyword, value };
    let mut rows = vec![
        row("router_id", quoted(&global.router_id)),
        row("vrrp_startup_delay", global.startup_delay.to_string()),
        row("vrrp_garp_interval", global.garp_interval.to_string()),
        row("vrrp_gna_interval", global.gna_interval.to_string()),
        row("enable_script_security", yes(global.script_security)),
        row("decision_timeout", span_or_none(global.decision_timeout)),
        row("console", global.console.first().map_or("none".to_owned(), ToString::to_string)),
        row("console_release", yes(global.console_release)),
    ];
    for (keyword, number) in FIFO_KEYWORDS.into_iter().zip(global.fifos) {
        let fifo = number.and_then(|number| config.commands.get(usize::from(number)));
        rows.extend(fifo.map(|fifo| row(keyword, words(fifo))));
    }
    rows.extend(global.delays.iter().map(|delay| {
        let name = config.interface_name(delay.interface);
        row("interface_up_down_delays", format!("{name} {} {}", delay.down, delay.up))
    }));
    if config.global.has_fifo() {
        let keyword = "fifo_write_vrrp_states_on_reload";
        rows.push(row(keyword, yes(global.fifo_states_on_reload)));
    }
    rows
}

fn instance_rows(config: &Config, index: usize, instance: &Instance) -> Vec<Row> {
    let row = |keyword, value| Row { scope: Scope::Instance(index), keyword, value };
    let announce = &instance.announce;
    let is_unicast = instance.peers.len > 0;
    let source = instance.source.map_or("the interface's primary".to_owned(), |ip| ip.to_string());
    let authentication = match instance.authentication {
        Authentication::None => "none",
        Authentication::Password(_) => "********",
        Authentication::Header(_) => "******** as the key of AH",
    };
    let mut rows = vec![
        row("state", if instance.wants_master { "MASTER" } else { "BACKUP" }.to_owned()),
        row("interface", config.interface_name(instance.interface).to_owned()),
        row("version", format!("{} ({})", instance.version.number(), instance.family)),
        row("virtual_router_id", instance.vrid.to_string()),
        row("priority", instance.priority.0.to_string()),
        row("advert_int", instance.interval.to_string()),
        row("preempt", yes(instance.preempt)),
        row("preempt_delay", instance.preempt_delay.to_string()),
        row(if is_unicast { "unicast_src_ip" } else { "mcast_src_ip" }, source),
        // A secret: that there is one is all that is told.
        row("auth_pass", authentication.to_owned()),
        row("dont_track_primary", yes(!instance.track_primary)),
        row("garp_master_delay", span_or_none(announce.delay)),
        row("garp_master_repeat", announce.repeat.to_string()),
        row("garp_master_refresh", span_or_none(announce.refresh)),
        row("garp_master_refresh_repeat", announce.refresh_repeat.to_string()),
        row("garp_lower_prio_delay", span_or_none(announce.lower_delay)),
        row("garp_lower_prio_repeat", announce.lower_repeat.to_string()),
        row("garp_extra_if", span_or_none(announce.extra_interface)),
    ];
    if config.global.has_fifo() {
        rows.push(row("notify_priority_changes", yes(instance.notify.priority_changes)));
    }
    let start = usize::from(instance.addresses.start);
    for (offset, address) in config.addresses_of(instance).iter().enumerate() {
        let is_advertised = offset < usize::from(instance.advertised);
        rows.push(Row {
            scope: Scope::Address(start + offset),
            keyword: if is_advertised { "virtual_ipaddress" } else { "virtual_ipaddress_excluded" },
            value: address_text(config, address),
        });
    }
    let start = usize::from(instance.peers.start);
    for (offset, peer) in config.peers_of(instance).iter().enumerate() {
        let scope = Scope::Peer(start + offset);
        rows.push(Row { scope, keyword: "unicast_peer", value: peer.to_string() });
    }
    let start = usize::from(instance.trackers.start);
    for (offset, tracker) in config.trackers_of(instance).iter().enumerate() {
        let scope = Scope::Tracker(start + offset);
        let value = tracker_text(config, tracker);
        let keyword = match tracker.subject {
            Subject::Script(script) => {
                let script = config.scripts.get(usize::from(script));
                script.map_or("track_script", |script| script.kind.track())
            }
            Subject::Interface(_) => "track_interface",
        };
        rows.push(Row { scope, keyword, value });
    }
    rows.extend(notify_rows(config, Scope::Instance(index), &instance.notify));
    rows
}

fn notify_rows(config: &Config, scope: Scope, notify: &Notify) -> Vec<Row> {
    let row = |(keyword, command)| {
        let command = config.commands.get(usize::from(command))?;
        Some(Row { scope, keyword, value: words(command) })
    };
    notify_commands(notify).filter_map(row).collect()
}

/// What is told, by keyword.
fn notify_commands(notify: &Notify) -> impl Iterator<Item = (&'static str, u16)> {
    let Notify { master, backup, fault, stop, deleted, rx_lower_priority, any, .. } = *notify;
    [
        ("notify_master", master),
        ("notify_backup", backup),
        ("notify_fault", fault),
        ("notify_stop", stop),
        ("notify_deleted", deleted),
        ("notify_master_rx_lower_pri", rx_lower_priority),
        ("notify", any),
    ]
    .into_iter()
    .filter_map(|(keyword, command)| Some((keyword, command?)))
}

fn words(command: &Command) -> String {
    command.arguments().collect::<Vec<_>>().join(" ")
}

fn script_rows(config: &Config, index: usize, script: &Script) -> Vec<Row> {
    let row = |keyword, value| Row { scope: Scope::Script(index), keyword, value };
    let mut rows = match script.check {
        Check::Command(command) => {
            let command = config.commands.get(usize::from(command));
            let user = match command.map_or("", |command| command.user.as_str()) {
                "" => "keepalived_script or root",
                user => user,
            };
            let text = command.map(words).unwrap_or_default();
            vec![row("script", text), row("user", user.to_owned())]
        }
        Check::Probe(probe) => {
            let probe = config.probes.get(usize::from(probe));
            match (script.kind, probe) {
                (Kind::Process, Some(Probe::Process(process))) => {
                    return process_rows(index, process);
                }
                (Kind::File, Some(Probe::File { path, init })) => {
                    let init = match init {
                        Init::Nothing => "no".to_owned(),
                        Init::Missing(number) => number.to_string(),
                        Init::Always(number) => format!("{number} overwrite"),
                    };
                    return vec![row("file", path.to_string()), row("init_file", init)];
                }
                _ => {}
            }
            let mut text = probe.map(ToString::to_string).unwrap_or_default();
            if let Some(interface) = probe.and_then(Probe::interface) {
                let _ = write!(text, " dev {}", config.interface_name(interface));
            }
            vec![row("builtin", text)]
        }
    };
    rows.extend([
        row("interval", script.interval.to_string()),
        row("timeout", script.timeout.to_string()),
        row("rise", script.rise.to_string()),
        row("fall", script.fall.to_string()),
        row("init_fail", yes(script.init_fail)),
    ]);
    rows
}

fn process_rows(index: usize, process: &Process) -> Vec<Row> {
    let row = |keyword, value| Row { scope: Scope::Script(index), keyword, value };
    let most = match process.quorum_max {
        u16::MAX => "any".to_owned(),
        most => most.to_string(),
    };
    let parameters = match process.parameters {
        Parameters::Any => "not compared",
        Parameters::Exact => "exact",
        Parameters::Partial => "partial",
        Parameters::Initial => "initial",
    };
    vec![
        row("process", process.words.split_terminator('\0').collect::<Vec<_>>().join(" ")),
        row("param_match", parameters.to_owned()),
        row("full_command", yes(process.full_command)),
        row("quorum", process.quorum.to_string()),
        row("quorum_max", most),
        row("fork_delay", span_or_none(process.fork_delay)),
        row("terminate_delay", span_or_none(process.terminate_delay)),
    ]
}

fn tracker_text(config: &Config, tracker: &Tracker) -> String {
    let name = match tracker.subject {
        Subject::Script(script) => {
            config.scripts.get(usize::from(script)).map_or("", |script| script.name.as_str())
        }
        Subject::Interface(interface) => config.interface_name(interface),
    };
    let reverse = if tracker.reverse { " reverse" } else { "" };
    format!("{name} weight {}{reverse}", tracker.weight)
}

fn address_text(config: &Config, address: &Address) -> String {
    let interface = config.interface_name(address.interface);
    let mut text = format!("{}/{} dev {interface}", address.ip, address.prefix_len);
    if !address.label.is_empty() {
        let _ = write!(text, " label {}", address.label);
    }
    text
}

fn span_or_none(span: Span) -> String {
    if span.is_zero() { "none".to_owned() } else { span.to_string() }
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "none".to_owned() } else { name.to_owned() }
}
