//! What a sync group is, and what one of its members waits for.

use core::fmt::{self, Write};

use super::json::Quoted;
use crate::engine::{Engine, Router};
use crate::trace::Cause;
use crate::vrrp::instance::State;

/// The line of a member: its group, and who keeps it from being master.
pub(super) fn render_group(
    engine: &Engine,
    group: Option<u16>,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    let config = engine.config();
    let Some((number, group)) =
        group.and_then(|number| Some((number, config.groups.get(usize::from(number))?)))
    else {
        return Ok(());
    };
    write!(out, "  group      {}", group.name)?;
    if router.fault == Some(Cause::GroupFault)
        && let Some(member) = engine.group_fault(number)
    {
        let fault = engine.routers().get(usize::from(member)).and_then(|member| member.fault);
        let why = fault.map_or("", |fault| fault.text());
        write!(out, "; in FAULT for {}: {why}", engine.name_at(member))?;
    } else if is_waiting(router)
        && let Some(member) = laggard(engine, number)
    {
        write!(out, "; ready, waits for {}", engine.name_at(member))?;
    }
    writeln!(out)
}

/// The same for programs: the group's name, and the member that keeps it back.
pub(super) fn render_group_json(
    engine: &Engine,
    group: Option<u16>,
    router: &Router,
    out: &mut dyn Write,
) -> fmt::Result {
    let name = group.and_then(|number| engine.config().groups.get(usize::from(number)));
    let Some((number, name)) = group.zip(name) else { return out.write_str(",\"group\":null") };
    write!(out, ",\"group\":{{\"name\":{},\"waits_for\":", Quoted(&name.name))?;
    let waits_for = if router.fault == Some(Cause::GroupFault) {
        engine.group_fault(number)
    } else if is_waiting(router) {
        laggard(engine, number)
    } else {
        None
    };
    match waits_for {
        Some(member) => write!(out, "{}", Quoted(engine.name_at(member)))?,
        None => out.write_str("null")?,
    }
    out.write_char('}')
}

fn is_waiting(router: &Router) -> bool {
    matches!(router.fsm.state(), State::Backup { held: true, .. })
}

/// The first member that is not ready to be master.
fn laggard(engine: &Engine, group: u16) -> Option<u16> {
    let mut members = engine.members_of(group).iter().copied();
    members.find(|member| {
        let router = engine.routers().get(usize::from(*member));
        router.is_some_and(|router| !router.fsm.is_master() && !is_waiting(router))
    })
}
