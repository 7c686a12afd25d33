//! One event as one line of the log: `instance event key=value …`.

use core::fmt::{self, Write};

use super::text::interface_state;
use super::{Ago, render_outcome};
use crate::config::model::{Kind, Subject, Tracker};
use crate::engine::Engine;
use crate::limits::{DELAY_COUNT_MAX, RUNS_PROGRAMS};
use crate::trace::{Cause, Event, Mismatch, Whose};
use crate::track::Effect;
use crate::wire::Reject;

/// Writes an event without a line's end.
pub fn render_event(engine: &Engine, event: &Event, out: &mut dyn Write) -> fmt::Result {
    let address =
        |number: u16, out: &mut dyn Write| match engine.addresses().get(usize::from(number)) {
            Some(row) => {
                let owner = row.instance().map_or("-", |instance| engine.name_at(instance));
                write!(out, "{owner} address address={}/{}", row.ip, row.prefix_len)
            }
            None => write!(out, "- address address=?"),
        };
    if !is_possible(event) {
        return Ok(());
    }
    match event {
        Event::Transition(transition) => {
            write!(
                out,
                "{} transition from={} to={} cause=\"{}\"",
                engine.name_at(transition.instance),
                transition.from.name(),
                transition.to.name(),
                transition.cause.text(),
            )?;
            render_about(engine, transition.instance, transition.cause, out)?;
            if let Some(peer) = transition.peer {
                write!(out, " peer={peer}")?;
            }
            if let Some(priority) = transition.peer_priority {
                write!(out, " peer_priority={priority}")?;
            }
            if let Some(age) = transition.advert_age {
                write!(out, " advert_age_us={}", age.as_micros())?;
            }
            write!(out, " lateness_us={}", transition.lateness.as_micros())
        }
        Event::FaultChanged { instance, cause } => {
            write!(out, "{} fault cause=\"{}\"", engine.name_at(*instance), cause.text())?;
            render_about(engine, *instance, *cause, out)
        }
        Event::AddressRefused { address: number, errno } => {
            address(*number, out)?;
            write!(out, " refused=kernel errno={errno}")
        }
        Event::AddressLost { address: number } => {
            address(*number, out)?;
            write!(out, " lost=\"removed by somebody else\"")
        }
        Event::Rival { instance, peer, priority } => write!(
            out,
            "{} rival peer={peer} priority={priority} text=\"another master, not better\"",
            engine.name_at(*instance),
        ),
        Event::Stalled { instance, lateness } => write!(
            out,
            "{} stalled lateness_us={} text=\"listening before advertising again\"",
            engine.name_at(*instance),
            lateness.as_micros(),
        ),
        Event::Mismatch { instance, peer, what } => {
            let what = match what {
                Mismatch::Addresses => "addresses",
                Mismatch::Interval => "interval",
            };
            write!(out, "{} mismatch peer={peer} what={what}", engine.name_at(*instance))
        }
        Event::Rejected { instance, reason, packets } => {
            let reason = Reject::ALL.get(*reason).copied().unwrap_or(Reject::Truncated);
            let name = engine.name_at(*instance);
            let (most, text) = (reason.name(), reason.text());
            write!(out, "{name} rejected packets={packets} most={most} text=\"{text}\"")
        }
        Event::Script { script, standing, outcome } => {
            let scripts = &engine.config().scripts;
            let row = scripts.get(usize::from(*script));
            let (kind, name) =
                row.map_or(("script", "?"), |row| (row.kind.name(), row.name.as_str()));
            match row.map(|row| row.kind) {
                // Its number counts, and what that means depends on who tracks it.
                Some(Kind::File) => write!(out, "- {kind} name=\"{name}\" read=\"")?,
                _ => write!(out, "- {kind} name=\"{name}\" state={} why=\"", standing.name())?,
            }
            render_outcome(*outcome, out)?;
            out.write_char('"')
        }
        Event::Notified { whose, told } => {
            match whose {
                Whose::Instance(instance) => {
                    write!(out, "{} notified", engine.name_at(*instance))?;
                }
                Whose::Group(group) => {
                    let row = engine.config().groups.get(usize::from(*group));
                    let name = row.map_or("?", |row| row.name.as_str());
                    write!(out, "- notified group=\"{name}\"")?;
                }
                Whose::Removed => out.write_str("- notified removed=yes")?,
            }
            write!(out, " of={} by={} outcome=\"", told.told.name(), told.keyword())?;
            render_outcome(told.outcome, out)?;
            write!(out, "\" took_us={}", told.took.as_micros())?;
            match told.superseded {
                0 => Ok(()),
                count => write!(out, " superseded={count}"),
            }
        }
        Event::LinkDelayed { interface, works, delay } => {
            let name = engine.config().interface_name(*interface);
            let state = if *works { "up" } else { "down" };
            write!(out, "- link interface={name} is={state} counts-in=\"{}\"", Ago(*delay))
        }
        Event::Fifo { fifo, lost, errno } => {
            let number = engine.config().global.fifos.get(usize::from(*fifo)).copied().flatten();
            let path = number.map_or("?", |number| engine.fifo_path(number));
            match (lost, errno) {
                (0, 0) => write!(out, "- fifo path={path} state=written"),
                (lost, 0) => {
                    write!(out, "- fifo path={path} lost={lost} text=\"full: nobody reads it\"")
                }
                (lost, errno) => write!(out, "- fifo path={path} lost={lost} errno={errno}"),
            }
        }
        Event::NotTold { count } => {
            write!(out, "- not-told instances={count} text=\"too many removed at once\"")
        }
        Event::PriorityChanged { instance, from, to } => {
            write!(out, "{} priority from={from} to={to}", engine.name_at(*instance))
        }
        Event::KernelOverrun => write!(out, "- netlink overrun=\"reading everything again\""),
    }
}

/// What a cause is about, by name: the interface, what is tracked, or the member of the group.
fn render_about(engine: &Engine, instance: u16, cause: Cause, out: &mut dyn Write) -> fmt::Result {
    let config = engine.config();
    let Some(row) = config.instances.get(usize::from(instance)) else { return Ok(()) };
    match cause {
        Cause::InterfaceMissing
        | Cause::NetworkWithoutDevice
        | Cause::InterfaceDown
        | Cause::CarrierLost
        | Cause::InterfaceUp
        | Cause::NoSourceAddress
        | Cause::SourceAddress
        | Cause::SocketRefused => {
            write!(out, " interface={}", config.interface_name(row.interface))
        }
        Cause::ScriptFailed
        | Cause::ProcessFailed
        | Cause::FileFailed
        | Cause::TrackedInterface => {
            let fails = |tracker: &&Tracker| engine.effect(tracker).0 == Effect::Fails;
            let Some(tracker) = config.trackers_of(row).iter().find(fails) else { return Ok(()) };
            let (kind, name) = engine.subject(tracker.subject);
            match tracker.subject {
                Subject::Script(_) => write!(out, " {kind}=\"{name}\""),
                Subject::Interface(slot) => {
                    let interface = engine.interfaces().get(usize::from(slot));
                    let state = interface.map_or("?", interface_state);
                    write!(out, " {kind}={name} is=\"{state}\"")
                }
            }
        }
        Cause::GroupFault => match row.group.and_then(|group| engine.group_fault(group)) {
            Some(member) => write!(out, " member={}", engine.name_at(member)),
            None => Ok(()),
        },
        Cause::Started
        | Cause::Owner
        | Cause::Resumed
        | Cause::MasterDown
        | Cause::MasterResigned
        | Cause::Preempted
        | Cause::HigherPriority
        | Cause::HigherAddress
        | Cause::AddressRefused
        | Cause::AddressLost
        | Cause::AddressInterface
        | Cause::ScriptWaiting
        | Cause::ScriptPassed
        | Cause::GroupMaster
        | Cause::GroupBackup
        | Cause::GroupRecovered
        | Cause::TrackedInterfaceUp
        | Cause::Released
        | Cause::Removed
        | Cause::Stopped => Ok(()),
    }
}

/// Whether a build of this board has such events. What it does not have needs no words.
const fn is_possible(event: &Event) -> bool {
    match event {
        Event::Script { .. }
        | Event::Notified { .. }
        | Event::NotTold { .. }
        | Event::Fifo { .. } => RUNS_PROGRAMS,
        Event::LinkDelayed { .. } => DELAY_COUNT_MAX != 0,
        Event::Transition(_)
        | Event::FaultChanged { .. }
        | Event::AddressRefused { .. }
        | Event::AddressLost { .. }
        | Event::Rival { .. }
        | Event::Stalled { .. }
        | Event::Mismatch { .. }
        | Event::Rejected { .. }
        | Event::PriorityChanged { .. }
        | Event::KernelOverrun => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_delay_of_64ths_of_a_second_is_told_in_milliseconds() {
        let told = || {
            let engine = std::boxed::Box::new(Engine::new());
            let delay = Span::from_nanos(1_996_093_750);
            let event = Event::LinkDelayed { interface: 0, works: true, delay };
            let mut text = std::string::String::new();
            render_event(&engine, &event, &mut text).expect("a string has room");
            text
        };
        // An engine is built where it is put together.
        let thread = std::thread::Builder::new().stack_size(128 << 20).spawn(told);
        let text = thread.expect("a thread").join().expect("no panic");
        assert!(text.ends_with(" is=up counts-in=\"1.996 s\""), "{text}");
    }
}
