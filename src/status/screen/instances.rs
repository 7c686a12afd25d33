//! The page of instances.

use core::fmt::{self, Write};

use super::{Brief, Line, Sheet, Style, Subject};
use crate::addr::Family;
use crate::config::model;
use crate::engine::{Presence, Router};
use crate::trace::StateName;
use crate::vrrp::instance::State;

impl Subject<'_> {
    pub(super) fn instances_heading(self, line: &mut Line<'_>) -> fmt::Result {
        line.text(self.widths.name, "NAME")?;
        line.text(6, "STATE")?;
        line.text(6, "FOR")?;
        line.text(self.widths.interface, "IFACE")?;
        line.write_str("IP VRID PRIO  WHAT")
    }

    /// One row each: first those that need somebody's attention.
    pub(super) fn instances(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        for faulty in [true, false] {
            for (router, instance) in
                self.engine.routers().iter().zip(&self.engine.config().instances)
            {
                if (router.fsm.name() == StateName::Fault) == faulty {
                    self.instance(router, instance, sheet)?;
                }
            }
        }
        Ok(())
    }

    fn instance(
        self,
        router: &Router,
        instance: &model::Instance,
        sheet: &mut Sheet<'_>,
    ) -> fmt::Result {
        let trouble = self.trouble(router, instance);
        let style = if trouble.is_some() { Style::Alarm } else { Style::Plain };
        let below = match trouble {
            Some(Trouble::Fault(text)) if text.len() > self.what_width(sheet.columns) => Some(text),
            _ => None,
        };
        sheet.row(style, |line| {
            line.name(self.widths.name, &instance.name)?;
            line.write_char(' ')?;
            line.text(6, router.fsm.name().name())?;
            line.column(7, |line| match router.last {
                Some(last) => write!(line, "{}", Brief(self.now.since(last.at))),
                None => line.write_char('-'),
            })?;
            line.text(
                self.widths.interface,
                self.engine.config().interface_name(instance.interface),
            )?;
            line.text(2, if instance.family == Family::V4 { "v4" } else { "v6" })?;
            write!(line, "{:>4} {:>4}  ", instance.vrid, router.fsm.settings().priority)?;
            match trouble {
                Some(Trouble::Fault(_)) if below.is_some() => Ok(()),
                Some(Trouble::Fault(text)) => line.write_str(text),
                Some(Trouble::Refused(address, errno)) => {
                    write!(line, "{} refused, errno {errno}", address.ip)
                }
                Some(Trouble::Missing(address)) => write!(line, "{} is missing", address.ip),
                None => self.calm(router, instance, line),
            }
        })?;
        // What is wrong is never cut.
        below.map_or(Ok(()), |text| {
            sheet.row(style, |line| {
                line.column(self.widths.name + 1, |_| Ok(()))?;
                line.write_str(text)
            })
        })
    }

    /// What the last column has room for.
    fn what_width(self, columns: usize) -> usize {
        columns.saturating_sub(self.widths.name + self.widths.interface + 30)
    }

    /// What is wrong with it, if anything is.
    fn trouble<'b>(
        &'b self,
        router: &Router,
        instance: &'b model::Instance,
    ) -> Option<Trouble<'b>> {
        match router.fsm.name() {
            StateName::Fault => {
                let last = router.last.map(|last| last.cause);
                return Some(Trouble::Fault(
                    router.fault.or(last).map_or("", |cause| cause.text()),
                ));
            }
            StateName::Master if router.fsm.may_claim() => {}
            StateName::Master => {
                return Some(Trouble::Fault("stalled: listens before it advertises again"));
            }
            StateName::Init | StateName::Backup => return None,
        }
        let rows = self.engine.addresses().get(instance.addresses.range()).unwrap_or(&[]);
        let addresses = self.engine.config().addresses_of(instance);
        rows.iter().zip(addresses).find_map(|(row, address)| match row.refused {
            Some(errno) => Some(Trouble::Refused(address, errno)),
            None if row.presence == Presence::Absent => Some(Trouble::Missing(address)),
            None => None,
        })
    }

    fn calm(self, router: &Router, instance: &model::Instance, line: &mut Line<'_>) -> fmt::Result {
        match router.fsm.state() {
            State::Init | State::Fault => {
                line.write_str(router.fault.map_or("not started", |fault| fault.text()))
            }
            State::Backup { yielding: true, .. } => {
                line.write_str("released: yields to any master")
            }
            State::Backup { held: true, .. } => line.write_str("ready, waits for its sync group"),
            State::Backup { down_at, .. } => match router.fsm.rival() {
                Some(master) => {
                    write!(line, "master {} ({})", master.address, master.priority)
                }
                None => {
                    write!(
                        line,
                        "no master heard, takes over in {}",
                        Brief(down_at.since(self.now))
                    )
                }
            },
            State::Master { .. } => {
                let addresses = self.engine.config().addresses_of(instance);
                let Some((first, rest)) = addresses.split_first() else { return Ok(()) };
                write!(line, "{}/{}", first.ip, first.prefix_len)?;
                if rest.is_empty() { Ok(()) } else { write!(line, " and {} more", rest.len()) }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Trouble<'a> {
    Fault(&'a str),
    Refused(&'a model::Address, i32),
    Missing(&'a model::Address),
}
