//! Status and log for people: 79 columns, no colour, ASCII.

use core::fmt::{self, Write};

use super::group::render_group;
use super::screen::render_summary;
use super::{Ago, Process, render_outcome};
use crate::config::model::{self, Subject};
use crate::engine::{Change, Engine, Interface, Presence, Router};
use crate::limits::{COMMAND_COUNT_MAX, DELAY_COUNT_MAX};
use crate::time::Instant;
use crate::trace::{Cause, Notified, Transition};
use crate::track::Effect;
use crate::vrrp::instance::State;
use crate::wire::Reject;

/// The whole status.
pub fn render_text(
    engine: &Engine,
    now: Instant,
    process: &Process,
    out: &mut dyn Write,
) -> fmt::Result {
    let config = engine.config();
    let name = match config.global.router_id.as_str() {
        "" => "(no router_id)",
        name => name,
    };
    writeln!(
        out,
        "ringward {}  {name}  pid {}  up {}",
        env!("CARGO_PKG_VERSION"),
        process.pid,
        Ago(now.since(process.started_at)),
    )?;
    render_summary(engine, now, out)?;
    writeln!(out)?;
    for (index, router) in engine.routers().iter().enumerate() {
        if let Some(instance) = config.instances.get(index) {
            render_instance(engine, now, instance, router, out)?;
        }
    }
    render_interfaces(engine, now, out)?;
    render_fifos(engine, out)?;
    render_process(process, out)
}

fn render_instance(
    engine: &Engine,
    now: Instant,
    instance: &model::Instance,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    let config = engine.config();
    write!(
        out,
        "\n{}  {}  {} VRID {} {} v{} priority {}",
        instance.name,
        router.fsm.name().name(),
        config.interface_name(instance.interface),
        instance.vrid,
        instance.family,
        instance.version.number(),
        router.fsm.settings().priority,
    )?;
    match router.last {
        Some(last) => {
            writeln!(out, "  since {}", Ago(now.since(last.at)))?;
            write!(out, "  why        ")?;
            render_reason(&last, out)?;
            writeln!(out)?;
        }
        None => writeln!(out)?,
    }
    if let Some(cause) =
        router.fault.filter(|fault| router.last.map(|last| last.cause) != Some(*fault))
    {
        writeln!(out, "  fault      {}", cause.text())?;
    }
    render_trackers(engine, now, instance, router, out)?;
    render_group(engine, instance.group, router, out)?;
    render_timer(now, instance, router, out)?;
    let rows = engine.addresses().get(instance.addresses.range()).unwrap_or(&[]);
    for (row, address) in rows.iter().zip(config.addresses_of(instance)) {
        let state = match row.presence {
            Presence::Ours => "installed",
            Presence::Foreign => "assigned by the administrator",
            Presence::Absent if router.fsm.is_master() => "missing",
            Presence::Absent => "not here",
        };
        let on = config.interface_name(address.interface);
        write!(out, "  address    {}/{} on {on}: {state}", address.ip, address.prefix_len)?;
        match row.refused {
            Some(errno) => writeln!(out, ", refused by the kernel (errno {errno})")?,
            None => writeln!(out)?,
        }
    }
    let counters = &router.counters;
    writeln!(
        out,
        "  adverts    {} sent, {} received; {} announcements; {} times MASTER",
        counters.adverts_sent,
        counters.adverts_received,
        counters.announcements_sent,
        counters.became_master,
    )?;
    if let Some((told, ended)) = router.told {
        let ago = Ago(now.since(ended.at));
        writeln!(out, "  notified   {} {ago} ago: {}", told.name(), ended.outcome)?;
    }
    if counters.rivals > 0 {
        writeln!(out, "  rivals     {} adverts of another master heard", counters.rivals)?;
    }
    if let Some((peer, what)) = router.mismatch {
        let what = match what {
            crate::trace::Mismatch::Addresses => "another list of addresses",
            crate::trace::Mismatch::Interval => "another interval",
        };
        writeln!(out, "  differs    {peer} advertises {what} (tolerated)")?;
    }
    render_rejects_lines(&counters.rejected, out)
}

/// What the instance tracks, and what each adds to its priority.
fn render_trackers(
    engine: &Engine,
    now: Instant,
    instance: &model::Instance,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    let trackers = engine.config().trackers_of(instance);
    if trackers.is_empty() {
        return Ok(());
    }
    let effective = router.fsm.settings().priority;
    if effective != instance.priority {
        writeln!(out, "  priority   {} of its own, {effective} in effect", instance.priority)?;
    }
    for tracker in trackers {
        let (effect, standing) = engine.effect(tracker);
        let (kind, name) = engine.subject(tracker.subject);
        write!(out, "  tracks     {kind} {name}: {}", standing.name())?;
        match effect {
            Effect::Adds(0) => {}
            Effect::Adds(weight) => write!(out, ", {weight:+}")?,
            Effect::Holds => write!(out, ", not started before it answers")?,
            Effect::Fails => write!(out, ", FAULT")?,
        }
        if let Subject::Interface(slot) = tracker.subject
            && let Some(interface) = engine.interfaces().get(usize::from(slot))
        {
            write!(out, " ({})", interface_state(interface))?;
        }
        if let Some(last) = engine.last_run(tracker.subject) {
            write!(out, " ({}, {} ago)", last.outcome, Ago(now.since(last.at)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What the instance waits for.
fn render_timer(
    now: Instant,
    instance: &model::Instance,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    match router.fsm.state() {
        State::Init | State::Fault => Ok(()),
        State::Backup { down_at, yielding, held, .. } => {
            match router.fsm.rival() {
                Some(master) => write!(
                    out,
                    "  master     {} priority {}, heard {} ago",
                    master.address,
                    master.priority,
                    Ago(now.since(master.heard_at)),
                )?,
                None => write!(out, "  master     none heard")?,
            }
            match held {
                true => write!(out, "; takes over with its group")?,
                false => write!(out, "; takes over in {}", Ago(down_at.since(now)))?,
            }
            writeln!(out, "{}", if yielding { " (released: yields to any)" } else { "" })
        }
        State::Master { listening: true, advert_at, .. } => writeln!(
            out,
            "  stalled    listening for {} before it advertises again",
            Ago(advert_at.since(now)),
        ),
        State::Master { .. } => match router.source {
            Some(source) => writeln!(out, "  sends      every {} from {source}", instance.interval),
            None => Ok(()),
        },
    }
}

/// From which state to which, and why.
pub(super) fn render_step(transition: &Transition, out: &mut dyn Write) -> fmt::Result {
    write!(out, "{} -> {}: ", transition.from.name(), transition.to.name())?;
    render_reason(transition, out)
}

/// The cause of a transition, with who and how long ago.
fn render_reason(transition: &Transition, out: &mut dyn Write) -> fmt::Result {
    write!(out, "{}", transition.cause.text())?;
    if transition.peer.is_some() {
        write!(out, " (")?;
        render_peer(transition, out)?;
        write!(out, ")")?;
    }
    if is_by_timer(transition) {
        write!(out, ", timer late by {} us", transition.lateness.as_micros())?;
    }
    Ok(())
}

/// The router that a transition is about, if it is about one.
pub(super) fn render_peer(transition: &Transition, out: &mut dyn Write) -> fmt::Result {
    let Some(peer) = transition.peer else { return Ok(()) };
    write!(out, "{peer}")?;
    if let Some(priority) = transition.peer_priority {
        write!(out, " priority {priority}")?;
    }
    match transition.advert_age.filter(|age| !age.is_zero()) {
        Some(age) => write!(out, ", heard {} before", Ago(age)),
        None => Ok(()),
    }
}

/// Whether a timer of ours caused the transition.
pub(super) fn is_by_timer(transition: &Transition) -> bool {
    matches!(transition.cause, Cause::MasterDown | Cause::MasterResigned | Cause::Preempted)
}

/// The reasons for which packets were rejected, behind `title`; nothing at all if none was.
pub(super) fn render_rejects(title: &str, rejected: &[u64], out: &mut dyn Write) -> fmt::Result {
    let mut lead = title;
    for (reason, count) in Reject::ALL.iter().zip(rejected).filter(|(_, count)| **count > 0) {
        write!(out, "{lead}{} {count}", reason.name())?;
        lead = ", ";
    }
    Ok(())
}

/// The same for people, with what it means.
fn render_rejects_lines(rejected: &[u64], out: &mut dyn Write) -> fmt::Result {
    let counted = Reject::ALL.iter().zip(rejected).filter(|(_, count)| **count > 0);
    for (reason, count) in counted {
        writeln!(out, "  rejected   {} {count}: {}", reason.name(), reason.text())?;
    }
    Ok(())
}

pub(super) fn interface_state(interface: &Interface) -> &'static str {
    match (interface.index, interface.up, interface.running) {
        (None, ..) => "does not exist",
        (Some(_), false, _) => "down",
        (Some(_), true, false) => "no carrier",
        (Some(_), true, true) => "up",
    }
}

fn render_interfaces(engine: &Engine, now: Instant, out: &mut dyn Write) -> fmt::Result {
    writeln!(out)?;
    for (name, interface) in engine.config().interfaces.iter().zip(engine.interfaces()) {
        write!(out, "interface {name}: {}", interface_state(interface))?;
        match interface.change {
            Some(Change { up, running, at }) if DELAY_COUNT_MAX != 0 => {
                let state = if up && running { "up again" } else { "down" };
                writeln!(out, "; {state}, which counts in {}", Ago(at.since(now)))?;
            }
            Some(_) | None => writeln!(out)?,
        }
        for errno in interface.refused.iter().flatten() {
            writeln!(out, "  VRRP socket refused by the kernel (errno {errno})")?;
        }
        render_rejects_lines(&interface.rejected, out)?;
    }
    Ok(())
}

fn render_fifos(engine: &Engine, out: &mut dyn Write) -> fmt::Result {
    if COMMAND_COUNT_MAX == 0 {
        return Ok(());
    }
    for (path, fifo) in engine.fifos() {
        write!(out, "fifo {path}: {} lines written", fifo.written)?;
        match (fifo.lost, fifo.errno) {
            (0, 0) => writeln!(out)?,
            (lost, 0) => writeln!(out, ", {lost} lost for want of room: read it")?,
            (lost, errno) => writeln!(out, ", {lost} lost, cannot be used now (errno {errno})")?,
        }
    }
    Ok(())
}

fn render_process(process: &Process, out: &mut dyn Write) -> fmt::Result {
    writeln!(
        out,
        "\nloop: {} turns, latest by {} us; {} sent, {} received, {} send errors",
        process.turns,
        process.lateness_max.as_micros(),
        process.sent,
        process.received,
        process.send_errors,
    )?;
    let yes = |is| if is { "yes" } else { "no" };
    writeln!(
        out,
        "process: real-time {}, memory locked {}, seccomp {}, {} restarts, {} allocations",
        yes(process.realtime),
        yes(process.memory_locked),
        yes(process.seccomp),
        process.restarts,
        process.allocations,
    )?;
    if process.embedded_version > 0 {
        write!(out, "configuration: embedded version {}", process.embedded_version)?;
        match process.abandoned_version {
            0 => writeln!(out)?,
            newer => writeln!(out, ", because version {newer} did not come up")?,
        }
    }
    if process.reloads_refused > 0 {
        writeln!(out, "reload: {} refused, {} done", process.reloads_refused, process.reloads)?;
    }
    Ok(())
}

/// The last transitions, and how the commands ended that were told of them, oldest first, one a line.
pub fn render_log_text(engine: &Engine, now: Instant, out: &mut dyn Write) -> fmt::Result {
    if engine.transitions().lost() > 0 {
        writeln!(out, "({} older transitions are forgotten)", engine.transitions().lost())?;
    }
    if engine.notified().lost() > 0 {
        writeln!(out, "({} older commands are forgotten)", engine.notified().lost())?;
    }
    let mut notified = engine.notified().iter().peekable();
    for transition in engine.transitions().iter() {
        while let Some(earlier) = notified.next_if(|earlier| earlier.at < transition.at) {
            render_notified(now, earlier, out)?;
        }
        write!(
            out,
            "{} ago  {}  ",
            Ago(now.since(transition.at)),
            engine.name_at(transition.instance),
        )?;
        render_step(transition, out)?;
        writeln!(out)?;
    }
    notified.try_for_each(|later| render_notified(now, later, out))
}

/// How a command ended that was told of something, as a line of the log.
fn render_notified(now: Instant, notified: &Notified, out: &mut dyn Write) -> fmt::Result {
    let Notified { at, name, is_group, notice } = notified;
    let kind = if *is_group { "group " } else { "" };
    write!(out, "{} ago  {kind}{name}  {}", Ago(now.since(*at)), notice.keyword())?;
    if notice.is_general {
        write!(out, " {}", notice.told.name())?;
    }
    out.write_str(": ")?;
    render_outcome(notice.outcome, out)?;
    write!(out, " after {}", Ago(notice.took))?;
    match notice.superseded {
        0 => writeln!(out),
        1 => writeln!(out, ", 1 state before it was superseded"),
        count => writeln!(out, ", {count} states before it were superseded"),
    }
}
