//! Status and log for machines: one JSON document (RFC 8259), `"schema": 1` in front.
//!
//! Times are integers with their unit in the name; moments are given as ages, because the loop's
//! clock means nothing outside of the process.

use core::fmt::{self, Write};

use super::group::render_group_json;
use super::{Process, SCHEMA, render_outcome};
use crate::addr::Family;
use crate::config::model;
use crate::engine::{Ended, Engine, Interface, Presence, Router};
use crate::limits::{COMMAND_COUNT_MAX, DELAY_COUNT_MAX};
use crate::time::Instant;
use crate::trace::{Notified, Transition};
use crate::track::Effect;
use crate::wire::Reject;

/// A string as JSON has it: between quotation marks, escaped.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                control if u32::from(control) < 0x20 => write!(f, "\\u{:04x}", u32::from(control))?,
                plain => f.write_char(plain)?,
            }
        }
        f.write_char('"')
    }
}

/// The whole status.
pub fn render_json(
    engine: &Engine,
    now: Instant,
    process: &Process,
    out: &mut dyn Write,
) -> fmt::Result {
    let config = engine.config();
    write!(
        out,
        "{{\"schema\":{SCHEMA},\"version\":{},\"router_id\":{},\"instances\":[",
        Quoted(env!("CARGO_PKG_VERSION")),
        Quoted(&config.global.router_id),
    )?;
    for (index, (router, instance)) in engine.routers().iter().zip(&config.instances).enumerate() {
        out.write_str(if index == 0 { "" } else { "," })?;
        render_instance(engine, now, instance, router, out)?;
    }
    render_scripts(engine, out)?;
    render_fifos(engine, out)?;
    out.write_str("],\"interfaces\":[")?;
    for (index, (interface, name)) in engine.interfaces().iter().zip(&config.interfaces).enumerate()
    {
        out.write_str(if index == 0 { "" } else { "," })?;
        render_interface(now, interface, name, out)?;
    }
    out.write_str("],\"process\":")?;
    render_process(engine, now, process, out)?;
    out.write_str("}\n")
}

fn render_instance(
    engine: &Engine,
    now: Instant,
    instance: &model::Instance,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(
        out,
        "{{\"name\":{},\"interface\":{},\"vrid\":{},\"family\":\"{}\",\"version\":{},\"state\":\"{}\",\
         \"base_priority\":{},\"effective_priority\":{},\"interval_us\":{},\"master_interval_us\":{},\
         \"preempt\":{},\"source\":",
        Quoted(&instance.name),
        Quoted(engine.config().interface_name(instance.interface)),
        instance.vrid,
        instance.family,
        instance.version.number(),
        router.fsm.name().name(),
        instance.priority,
        router.fsm.settings().priority,
        instance.interval.as_micros(),
        router.fsm.master_interval().as_micros(),
        instance.preempt,
    )?;
    match router.source {
        Some(source) => write!(out, "\"{source}\"")?,
        None => out.write_str("null")?,
    }
    out.write_str(",\"master\":")?;
    match router.fsm.rival() {
        Some(rival) => write!(
            out,
            "{{\"address\":\"{}\",\"priority\":{},\"age_us\":{}}}",
            rival.address,
            rival.priority,
            now.since(rival.heard_at).as_micros(),
        )?,
        None => out.write_str("null")?,
    }
    out.write_str(",\"fault\":")?;
    match router.fault {
        Some(cause) => write!(out, "{}", Quoted(cause.text()))?,
        None => out.write_str("null")?,
    }
    render_group_json(engine, instance.group, router, out)?;
    out.write_str(",\"last_transition\":")?;
    match &router.last {
        Some(last) => render_transition(engine, now, last, out)?,
        None => out.write_str("null")?,
    }
    out.write_str(",\"notified\":")?;
    match router.told {
        Some((told, ended)) => {
            write!(out, "{{\"of\":\"{}\",", told.name())?;
            render_ended(now, &ended, out)?;
        }
        None => out.write_str("null")?,
    }
    render_trackers(engine, now, instance, out)?;
    render_addresses(engine, instance, out)?;
    let counters = &router.counters;
    write!(
        out,
        ",\"counters\":{{\"adverts_sent\":{},\"adverts_received\":{},\"resignations_sent\":{},\
         \"resignations_received\":{},\"announcements_sent\":{},\"became_master\":{},\
         \"released_master\":{},\"rivals\":{},\"address_mismatches\":{},\"interval_mismatches\":{},\
         \"rejected\":",
        counters.adverts_sent,
        counters.adverts_received,
        counters.resignations_sent,
        counters.resignations_received,
        counters.announcements_sent,
        counters.became_master,
        counters.released_master,
        counters.rivals,
        counters.address_mismatches,
        counters.interval_mismatches,
    )?;
    render_rejects(&counters.rejected, out)?;
    out.write_str("}}")
}

fn render_trackers(
    engine: &Engine,
    now: Instant,
    instance: &model::Instance,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_str(",\"trackers\":[")?;
    for (index, tracker) in engine.config().trackers_of(instance).iter().enumerate() {
        let (effect, standing) = engine.effect(tracker);
        let (kind, name) = engine.subject(tracker.subject);
        let adds = if let Effect::Adds(weight) = effect { weight } else { 0 };
        write!(
            out,
            "{}{{\"kind\":\"{kind}\",\"name\":{},\"weight\":{},\"reverse\":{},\"state\":\"{}\",\
             \"adds\":{adds},\"fault\":{},\"last\":",
            if index == 0 { "" } else { "," },
            Quoted(name),
            tracker.weight,
            tracker.reverse,
            standing.name(),
            effect == Effect::Fails,
        )?;
        match engine.last_run(tracker.subject) {
            Some(last) => {
                out.write_char('{')?;
                render_ended(now, &last, out)?;
                out.write_char('}')?;
            }
            None => out.write_str("null}")?,
        }
    }
    out.write_char(']')
}

/// How a command ended, and the end of its object.
fn render_ended(now: Instant, ended: &Ended, out: &mut dyn Write) -> fmt::Result {
    write!(
        out,
        "\"outcome\":\"{}\",\"took_us\":{},\"age_us\":{}}}",
        ended.outcome,
        ended.took.as_micros(),
        now.since(ended.at).as_micros(),
    )
}

/// The scripts, each once, whoever tracks them.
fn render_scripts(engine: &Engine, out: &mut dyn Write) -> fmt::Result {
    out.write_str("],\"scripts\":[")?;
    let rows = engine.scripts().iter().zip(&engine.config().scripts);
    for (index, (script, row)) in rows.enumerate() {
        let (position, rise) = script.counter.position();
        write!(
            out,
            "{}{{\"kind\":\"{}\",\"name\":{},\"state\":\"{}\",\"position\":{position},\"rise\":{rise},\"fall\":{},\
             \"runs\":{},\"failures\":{},\"skipped\":{}}}",
            if index == 0 { "" } else { "," },
            row.kind.name(),
            Quoted(&row.name),
            script.counter.standing().name(),
            row.fall,
            script.runs,
            script.failures,
            script.skipped,
        )?;
    }
    Ok(())
}

/// The notify FIFOs.
fn render_fifos(engine: &Engine, out: &mut dyn Write) -> fmt::Result {
    out.write_str("],\"fifos\":[")?;
    if COMMAND_COUNT_MAX == 0 {
        return Ok(());
    }
    for (index, (path, fifo)) in engine.fifos().enumerate() {
        write!(
            out,
            "{}{{\"path\":{},\"written\":{},\"lost\":{},\"errno\":{}}}",
            if index == 0 { "" } else { "," },
            Quoted(path),
            fifo.written,
            fifo.lost,
            fifo.errno,
        )?;
    }
    Ok(())
}

fn render_addresses(
    engine: &Engine,
    instance: &model::Instance,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_str(",\"addresses\":[")?;
    let config = engine.config();
    let rows = engine.addresses().get(instance.addresses.range()).unwrap_or(&[]);
    for (index, (row, address)) in rows.iter().zip(config.addresses_of(instance)).enumerate() {
        let presence = match row.presence {
            Presence::Absent => "absent",
            Presence::Ours => "installed",
            Presence::Foreign => "foreign",
        };
        write!(
            out,
            "{}{{\"address\":\"{}/{}\",\"interface\":{},\"advertised\":{},\"presence\":\"{presence}\",\
             \"refused_errno\":{}}}",
            if index == 0 { "" } else { "," },
            address.ip,
            address.prefix_len,
            Quoted(config.interface_name(address.interface)),
            index < usize::from(instance.advertised),
            row.refused.unwrap_or(0),
        )?;
    }
    out.write_char(']')
}

fn render_interface(
    now: Instant,
    interface: &Interface,
    name: &str,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(
        out,
        "{{\"name\":{},\"index\":{},\"up\":{},\"running\":{},\"mtu\":{}",
        Quoted(name),
        interface.index.map_or(0, |index| index.get()),
        interface.up,
        interface.running,
        interface.mtu,
    )?;
    if let Some(change) = interface.change.filter(|_| DELAY_COUNT_MAX != 0) {
        let works = change.up && change.running;
        let left = change.at.since(now).as_micros();
        write!(out, ",\"change\":{{\"works\":{works},\"counts_in_us\":{left}}}")?;
    }
    for family in [Family::V4, Family::V6] {
        let errno = interface.refused.get(family.index()).copied().flatten();
        let name = if family == Family::V4 { "ipv4" } else { "ipv6" };
        write!(out, ",\"{name}_socket_errno\":{}", errno.unwrap_or(0))?;
    }
    out.write_str(",\"rejected\":")?;
    render_rejects(&interface.rejected, out)?;
    out.write_char('}')
}

/// Every reason with its count, zeros included: a reader need not know the list.
fn render_rejects(rejected: &[u64], out: &mut dyn Write) -> fmt::Result {
    out.write_char('{')?;
    for (index, (reason, count)) in Reject::ALL.iter().zip(rejected).enumerate() {
        write!(out, "{}\"{}\":{count}", if index == 0 { "" } else { "," }, reason.name())?;
    }
    out.write_char('}')
}

fn render_process(
    engine: &Engine,
    now: Instant,
    process: &Process,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(
        out,
        "{{\"pid\":{},\"uptime_us\":{},\"restarts\":{},\"allocations\":{},\"realtime\":{},\
         \"memory_locked\":{},\"seccomp\":{},\"journal_kept\":{},\"embedded_version\":{},\
         \"abandoned_version\":{},\"turns\":{},\"lateness_max_us\":{},",
        process.pid,
        now.since(process.started_at).as_micros(),
        process.restarts,
        process.allocations,
        process.realtime,
        process.memory_locked,
        process.seccomp,
        process.journal_kept,
        process.embedded_version,
        process.abandoned_version,
        process.turns,
        process.lateness_max.as_micros(),
    )?;
    write!(
        out,
        "\"ring_entries\":{},\"ring_in_flight\":{},\"ring_in_flight_max\":{},\"sent\":{},\
         \"send_errors\":{},\"send_errno\":{},\"received\":{},\"netlink_foreign\":{},\
         \"netlink_overruns\":{},\"netlink_malformed\":{},",
        process.ring_entries,
        process.ring_in_flight,
        process.ring_in_flight_max,
        process.sent,
        process.send_errors,
        process.send_errno,
        process.received,
        process.netlink_foreign,
        process.netlink_overruns,
        engine.netlink_malformed(),
    )?;
    write!(
        out,
        "\"control_answered\":{},\"control_dropped\":{},\"reloads\":{},\"reloads_refused\":{},\
         \"log_lines_lost\":{},\"events_lost\":{}}}",
        process.control_answered,
        process.control_dropped,
        process.reloads,
        process.reloads_refused,
        process.log_lines_lost,
        engine.events_lost(),
    )
}

fn render_transition(
    engine: &Engine,
    now: Instant,
    transition: &Transition,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(
        out,
        "{{\"instance\":{},\"from\":\"{}\",\"to\":\"{}\",\"cause\":{},\"age_us\":{},\"lateness_us\":{}",
        Quoted(engine.name_at(transition.instance)),
        transition.from.name(),
        transition.to.name(),
        Quoted(transition.cause.text()),
        now.since(transition.at).as_micros(),
        transition.lateness.as_micros(),
    )?;
    if let Some(peer) = transition.peer {
        write!(out, ",\"peer\":\"{peer}\"")?;
    }
    if let Some(priority) = transition.peer_priority {
        write!(out, ",\"peer_priority\":{priority}")?;
    }
    if let Some(age) = transition.advert_age {
        write!(out, ",\"advert_age_us\":{}", age.as_micros())?;
    }
    out.write_char('}')
}

fn render_notified(now: Instant, notified: &Notified, out: &mut dyn Write) -> fmt::Result {
    let Notified { at, name, is_group, notice } = notified;
    let kind = if *is_group { "group" } else { "instance" };
    write!(
        out,
        "{{\"{kind}\":{},\"of\":\"{}\",\"by\":\"{}\",\"outcome\":\"",
        Quoted(name),
        notice.told.name(),
        notice.keyword(),
    )?;
    render_outcome(notice.outcome, out)?;
    write!(
        out,
        "\",\"took_us\":{},\"superseded\":{},\"age_us\":{}}}",
        notice.took.as_micros(),
        notice.superseded,
        now.since(*at).as_micros(),
    )
}

/// The last transitions, and how the last commands ended, oldest first.
pub fn render_log_json(engine: &Engine, now: Instant, out: &mut dyn Write) -> fmt::Result {
    let forgotten = engine.transitions().lost();
    write!(out, "{{\"schema\":{SCHEMA},\"forgotten\":{forgotten},\"transitions\":[")?;
    for (index, transition) in engine.transitions().iter().enumerate() {
        out.write_str(if index == 0 { "" } else { "," })?;
        render_transition(engine, now, transition, out)?;
    }
    let forgotten = engine.notified().lost();
    write!(out, "],\"notified_forgotten\":{forgotten},\"notified\":[")?;
    for (index, notified) in engine.notified().iter().enumerate() {
        out.write_str(if index == 0 { "" } else { "," })?;
        render_notified(now, notified, out)?;
    }
    out.write_str("]}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::trace::{Notice, Told};
    use crate::track::message::{Outcome, Refusal};

    /// The reply has 512 octets for each.
    #[test]
    fn how_a_command_ended_has_room_in_the_reply() {
        let name: std::string::String = "n".repeat(63);
        let notified = Notified {
            at: Instant::ZERO,
            name: name.as_str().try_into().expect("as long as a name may be"),
            is_group: false,
            notice: Notice {
                told: Told::RxLowerPriority,
                is_general: false,
                outcome: Some(Outcome::Refused(Refusal::Insecure)),
                took: Span::from_nanos(u64::MAX),
                superseded: u32::MAX,
            },
        };
        let mut text = std::string::String::new();
        let now = Instant::ZERO + Span::from_nanos(u64::MAX);
        render_notified(now, &notified, &mut text).expect("a string has room");
        let expected = std::format!(
            "{{\"instance\":\"{name}\",\"of\":\"MASTER_RX_LOWER_PRI\",\
             \"by\":\"notify_master_rx_lower_pri\",\
             \"outcome\":\"others than root could change it (enable_script_security)\",\
             \"took_us\":18446744073709551,\"superseded\":4294967295,\"age_us\":18446744073709551}}"
        );
        assert_eq!(text, expected);
        assert!(text.len() < 512);
    }
}
