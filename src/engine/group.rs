//! Sync groups: virtual routers that are master together or not at all.
//!
//! * A member whose timer has run out waits until those of all others have; then all take over.
//! * What takes one master down takes them all, and each resigns.
//! * What one member lacks is a fault of all.

use super::Engine;
use super::lane::Lane;
use crate::config::model::Span16;
use crate::order::sort;
use crate::time::Instant;
use crate::trace::{Cause, StateName, Told};
use crate::vrrp::instance::{self, State};

/// A sync group at run time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its members' part of the engine's table of members.
    members: Span16,
    /// The first member that cannot take part.
    fault: Option<u16>,
    /// A script of a member has not answered yet.
    waits: bool,
    /// Every member was master within the last interval, before a hot restart.
    resumes: bool,
    /// What was last told of it.
    pub(super) told: Option<Told>,
    /// A member has changed its state, and what that means for the group has not been told.
    pub(super) is_moving: bool,
    /// What is still to be told.
    pub(super) lane: Lane,
}

impl Engine {
    /// The group of a router.
    pub(super) fn group_of(&self, index: usize) -> Option<u16> {
        self.config.instances.get(index).and_then(|instance| instance.group)
    }

    /// Index of the member of this group that keeps it in FAULT.
    pub fn group_fault(&self, group: u16) -> Option<u16> {
        self.groups.get(usize::from(group)).and_then(|group| group.fault)
    }

    /// Indexes of the members of a group, in the order of the instances.
    pub fn members_of(&self, group: u16) -> &[u16] {
        let range = self.groups.get(usize::from(group)).map_or(0..0, |group| group.members.range());
        self.members.get(range).unwrap_or(&[])
    }

    /// Hands an event to a member, and what follows from it to the others.
    pub(super) fn group_event(
        &mut self,
        now: Instant,
        (group, index): (u16, usize),
        event: instance::Event,
    ) {
        let is_verdict = event == instance::Event::Expire
            && self.routers.get(index).is_some_and(|router| router.fsm.is_verdict_due(now));
        if is_verdict && !self.is_group_ready(now, group) {
            self.member_event(now, index, instance::Event::Hold);
        } else if is_verdict || event == instance::Event::Release {
            self.each_member(group, |engine, member| engine.member_event(now, member, event));
        } else {
            let was_master = self.state_of(index) == Some(StateName::Master);
            self.member_event(now, index, event);
            if was_master && self.state_of(index) == Some(StateName::Backup) {
                self.all_follow(now, group);
            }
        }
    }

    /// Whether every member that is not master would be by its own timer.
    fn is_group_ready(&self, now: Instant, group: u16) -> bool {
        self.members_of(group).iter().all(|member| {
            let router = self.routers.get(usize::from(*member));
            router.is_some_and(|router| match router.fsm.state() {
                State::Backup { down_at, .. } => down_at <= now,
                State::Master { .. } => true,
                State::Init | State::Fault => false,
            })
        })
    }

    /// Those that are still master are BACKUP, like another member.
    fn all_follow(&mut self, now: Instant, group: u16) {
        self.each_member(group, |engine, member| {
            engine.member_event(now, member, instance::Event::Follow);
        });
    }

    fn each_member(&mut self, group: u16, mut each: impl FnMut(&mut Engine, usize)) {
        let range = self.groups.get(usize::from(group)).map_or(0..0, |group| group.members.range());
        for at in range {
            if let Some(member) = self.members.get(at).copied() {
                each(self, usize::from(member));
            }
        }
    }

    pub(super) fn state_of(&self, index: usize) -> Option<StateName> {
        self.routers.get(index).map(|router| router.fsm.name())
    }

    /// What keeps each group from taking part, and whether it goes on where it was.
    pub(super) fn judge_groups(&mut self, now: Instant) {
        for at in 0..self.groups.len() {
            let Ok(group) = u16::try_from(at) else { break };
            let (mut fault, mut waits) = (None, false);
            for member in self.members_of(group) {
                match self.health(now, usize::from(*member)).0 {
                    None => {}
                    Some(Cause::ScriptWaiting) => waits = true,
                    Some(_) => fault = fault.or(Some(*member)),
                }
            }
            let resumes = self.members_of(group).iter().all(|member| {
                let router = self.routers.get(usize::from(*member));
                router.is_some_and(|router| router.resume_at.is_some())
            });
            if let Some(row) = self.groups.get_mut(at) {
                (row.fault, row.waits, row.resumes) = (fault, waits, resumes);
            }
        }
    }

    /// What is wrong for a member with this fault of its own: what one lacks is a fault of all, and
    /// all wait for a script.
    pub(super) fn fault_in_group(&self, group: u16, own: Option<Cause>) -> Option<Cause> {
        let row = self.groups.get(usize::from(group));
        let is_broken = row.is_some_and(|row| row.fault.is_some());
        let waits = row.is_some_and(|row| row.waits);
        own.filter(|own| *own != Cause::ScriptWaiting)
            .or(is_broken.then_some(Cause::GroupFault))
            .or(waits.then_some(Cause::ScriptWaiting))
    }

    /// Whether every member was master a moment before a hot restart.
    pub(super) fn group_resumes(&self, group: u16) -> bool {
        self.groups.get(usize::from(group)).is_some_and(|group| group.resumes)
    }

    /// What makes a member take part for the first time. After a hot restart all of them go on as
    /// masters, each from where it was, or none does.
    pub(super) fn group_start(&self, group: u16, resume_at: Option<Instant>) -> instance::Event {
        let resumes = self.group_resumes(group);
        let is_master =
            |member: &u16| self.state_of(usize::from(*member)) == Some(StateName::Master);
        match resume_at.filter(|_| resumes) {
            Some(sent_at) => instance::Event::Resume(sent_at),
            None if self.members_of(group).iter().any(is_master) => instance::Event::Join,
            None => instance::Event::Start,
        }
    }

    /// What a group that keeps its name is still to tell: before another configuration is in force.
    pub(super) fn carry_groups(&mut self) {
        self.spare_groups.clear();
        for new in &self.staged.groups {
            let old = self.config.groups.iter().position(|old| old.name == new.name);
            let group = old.and_then(|index| self.groups.get(index)).cloned();
            let _ = self.spare_groups.push(group.unwrap_or_default());
        }
    }

    /// The table of members, for the configuration in force.
    pub(super) fn install_groups(&mut self) {
        self.groups.clear();
        self.members.clear();
        let instances = &self.config.instances;
        let group_of = |index: u16| instances.get(usize::from(index)).and_then(|row| row.group);
        let grouped = (0_u16..).zip(instances).filter(|(_, instance)| instance.group.is_some());
        // Cannot be full: an instance is in one group.
        self.members.extend(grouped.map(|(index, _)| index));
        sort(&mut self.members, &|a, b| (group_of(a), a).cmp(&(group_of(b), b)));
        let mut start = 0;
        for (group, _) in (0_u16..).zip(&self.config.groups) {
            let rest = self.members.get(usize::from(start)..).unwrap_or(&[]);
            let count = rest.iter().take_while(|index| group_of(**index) == Some(group)).count();
            let members = Span16 { start, len: u16::try_from(count).unwrap_or(0) };
            start += members.len;
            // Cannot fail: both tables have the same capacity.
            let Group { told, is_moving, lane, .. } =
                self.spare_groups.get(usize::from(group)).cloned().unwrap_or_default();
            let _ = self.groups.push(Group { members, told, is_moving, lane, ..Group::default() });
        }
        self.spare_groups.clear();
    }

    /// Where a reload has put masters and backups into one group: none is master unless all are.
    pub(super) fn settle_groups(&mut self, now: Instant) {
        for at in 0..self.groups.len() {
            let Ok(group) = u16::try_from(at) else { break };
            let is_backup =
                |member: &u16| self.state_of(usize::from(*member)) == Some(StateName::Backup);
            if self.members_of(group).iter().any(is_backup) {
                self.all_follow(now, group);
            }
        }
    }
}
