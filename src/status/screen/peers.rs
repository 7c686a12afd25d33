//! The page of peers.

use core::fmt::{self, Write};
use core::net::IpAddr;

use super::{Brief, Line, Sheet, Style, Subject};
use crate::config::model;
use crate::engine::Router;
use crate::trace::Mismatch;
use crate::vrrp::instance::State;

/// An IPv4 address, or a link-local IPv6 one (`fe80::5054:ff:fe12:3456`).
const PEER_WIDTH: usize = 24;

impl Subject<'_> {
    pub(super) fn peers_heading(self, line: &mut Line<'_>) -> fmt::Result {
        line.text(self.widths.name, "NAME")?;
        line.text(6, "STATE")?;
        line.text(PEER_WIDTH, "PEER")?;
        line.write_str("PRIO  HEARD  WHAT")
    }

    /// The master of each instance, its unicast peers, and whose adverts differ.
    pub(super) fn peers(self, sheet: &mut Sheet<'_>) -> fmt::Result {
        for (router, instance) in self.engine.routers().iter().zip(&self.engine.config().instances)
        {
            self.master_of(router, instance, sheet)?;
            let rival = router.fsm.rival().map(|rival| rival.address);
            for peer in self.engine.config().peers_of(instance) {
                if rival != Some(*peer) {
                    sheet.row(Style::Plain, |line| {
                        self.margin(line)?;
                        self.peer(*peer, line)?;
                        line.column(13, |_| Ok(()))?;
                        line.write_str("unicast peer")
                    })?;
                }
            }
            if let Some((peer, what)) = router.mismatch {
                sheet.row(Style::Plain, |line| {
                    self.margin(line)?;
                    write!(line, "{peer} ")?;
                    line.write_str(match what {
                        Mismatch::Addresses => "advertises another list of addresses",
                        Mismatch::Interval => "advertises another interval",
                    })
                })?;
            }
        }
        Ok(())
    }

    fn master_of(
        self,
        router: &Router,
        instance: &model::Instance,
        sheet: &mut Sheet<'_>,
    ) -> fmt::Result {
        let rival = router.fsm.rival();
        sheet.row(Style::Plain, |line| {
            line.name(self.widths.name, &instance.name)?;
            line.write_char(' ')?;
            line.text(6, router.fsm.name().name())?;
            match router.fsm.state() {
                State::Backup { down_at, .. } => match rival {
                    Some(master) => {
                        self.peer(master.address, line)?;
                        self.heard(master.priority.0, master.heard_at, line)?;
                        line.write_str("master")
                    }
                    None => {
                        line.text(PEER_WIDTH, "none heard")?;
                        line.column(13, |_| Ok(()))?;
                        write!(line, "takes over in {}", Brief(down_at.since(self.now)))
                    }
                },
                State::Master { .. } => {
                    match router.source {
                        Some(source) => self.peer(source, line)?,
                        None => line.text(PEER_WIDTH, "-")?,
                    }
                    line.number(4, u64::from(router.fsm.settings().priority.0))?;
                    line.column(8, |_| Ok(()))?;
                    line.write_str("this router")
                }
                State::Init | State::Fault => {
                    line.text(PEER_WIDTH, "-")?;
                    line.column(13, |_| Ok(()))?;
                    line.write_str("does not listen")
                }
            }
        })?;
        match rival.filter(|_| router.fsm.is_master()) {
            Some(rival) => sheet.row(Style::Plain, |line| {
                self.margin(line)?;
                self.peer(rival.address, line)?;
                self.heard(rival.priority.0, rival.heard_at, line)?;
                line.write_str("last other master")
            }),
            None => Ok(()),
        }
    }

    fn margin(self, line: &mut Line<'_>) -> fmt::Result {
        line.column(self.widths.name + 1 + 7, |_| Ok(()))
    }

    /// An address that is longer is not cut: what follows moves.
    fn peer(self, peer: IpAddr, line: &mut Line<'_>) -> fmt::Result {
        let start = line.column;
        write!(line, "{peer} ")?;
        let written = line.column - start;
        line.column((PEER_WIDTH + 1).saturating_sub(written), |_| Ok(()))
    }

    fn heard(self, priority: u8, at: crate::time::Instant, line: &mut Line<'_>) -> fmt::Result {
        line.number(4, u64::from(priority))?;
        write!(line, "{:>6}  ", Brief(self.now.since(at)))
    }
}
