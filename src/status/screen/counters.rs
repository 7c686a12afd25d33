//! The page of counters.

use core::fmt::{self, Write};

use super::super::text::{interface_state, render_rejects};
use super::{Line, Sheet, Style, Subject};
use crate::engine::Counters;

impl Subject<'_> {
    pub(super) fn counters_heading(self, line: &mut Line<'_>) -> fmt::Result {
        line.text(self.widths.name, "NAME")?;
        line.write_str("      SENT   RECEIVED ANNOUNCED MASTER RIVALS DIFFER REJECTED")
    }

    /// All instances together, each of them, the interfaces, the daemon.
    pub(super) fn counters(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let routers = self.engine.routers();
        if routers.len() > 1 {
            sheet.row(Style::Plain, |line| {
                let sum = |of: fn(&Counters) -> u64| {
                    routers
                        .iter()
                        .fold(0_u64, |sum, router| sum.saturating_add(of(&router.counters)))
                };
                line.text(self.widths.name, "(all)")?;
                counted(
                    line,
                    [
                        sum(|counters| counters.adverts_sent),
                        sum(|counters| counters.adverts_received),
                        sum(|counters| counters.announcements_sent),
                        sum(|counters| counters.became_master),
                        sum(|counters| counters.rivals),
                        sum(differing),
                        sum(rejected),
                    ],
                )
            })?;
        }
        for (router, instance) in routers.iter().zip(&self.engine.config().instances) {
            let counters = &router.counters;
            sheet.row(Style::Plain, |line| {
                line.name(self.widths.name, &instance.name)?;
                line.write_char(' ')?;
                counted(
                    line,
                    [
                        counters.adverts_sent,
                        counters.adverts_received,
                        counters.announcements_sent,
                        counters.became_master,
                        counters.rivals,
                        differing(counters),
                        rejected(counters),
                    ],
                )
            })?;
            if rejected(counters) > 0 {
                sheet.row(Style::Plain, |line| {
                    render_rejects("  rejected ", &counters.rejected, line)
                })?;
            }
        }
        sheet.row(Style::Plain, |_| Ok(()))?;
        self.interface_counters(sheet)?;
        self.process_counters(sheet)
    }

    fn interface_counters(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        for (interface, name) in
            self.engine.interfaces().iter().zip(&self.engine.config().interfaces)
        {
            let refused = interface.refused.iter().flatten().next();
            let works = interface.up && interface.running && refused.is_none();
            sheet.row(if works { Style::Plain } else { Style::Alarm }, |line| {
                write!(line, "interface {name}: {}", interface_state(interface))?;
                if let Some(errno) = refused {
                    write!(line, ", VRRP socket refused (errno {errno})")?;
                }
                render_rejects("; rejected ", &interface.rejected, line)
            })?;
        }
        Ok(())
    }

    fn process_counters(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let process = self.process;
        let yes = |is| if is { "yes" } else { "no" };
        sheet.row(Style::Plain, |line| {
            let late = process.lateness_max.as_micros();
            let (realtime, locked) = (yes(process.realtime), yes(process.memory_locked));
            write!(line, "loop: {} turns, latest by {late} us; ", process.turns)?;
            write!(line, "real-time {realtime}, memory locked {locked}")
        })?;
        let broken = process.send_errors > 0 || process.netlink_overruns > 0;
        sheet.row(if broken { Style::Alarm } else { Style::Plain }, |line| {
            write!(line, "packets: {} sent, {} received", process.sent, process.received)?;
            write!(line, ", {} send errors", process.send_errors)?;
            if process.send_errno != 0 {
                write!(line, " (errno {})", process.send_errno)?;
            }
            write!(line, "; netlink: {} overruns", process.netlink_overruns)
        })?;
        sheet.row(Style::Plain, |line| {
            write!(line, "operators: {} answered", process.control_answered)?;
            write!(line, ", {} dropped; ", process.control_dropped)?;
            write!(line, "{} reloads, {} refused", process.reloads, process.reloads_refused)?;
            write!(line, "; {} log lines lost", process.log_lines_lost)
        })?;
        sheet.row(Style::Plain, |line| {
            write!(line, "daemon: pid {}, started again {} times", process.pid, process.restarts)?;
            write!(line, "; {} allocations since its start", process.allocations)
        })
    }
}

fn differing(counters: &Counters) -> u64 {
    counters.address_mismatches.saturating_add(counters.interval_mismatches)
}

fn rejected(counters: &Counters) -> u64 {
    counters.rejected.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// As wide as the heading says.
fn counted(line: &mut Line<'_>, counts: [u64; 7]) -> fmt::Result {
    let widths = [10, 10, 9, 6, 6, 6, 8];
    widths.into_iter().zip(counts).try_for_each(|(width, count)| line.number(width, count))
}
