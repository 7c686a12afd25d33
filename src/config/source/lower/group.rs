//! vrrp_sync_group: which instances are master together.

use std::collections::HashMap;

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{Origin, Scope};
use super::super::keepalived::Statement;
use super::super::keywords::Block;
use super::super::lexer::Word;
use super::super::nearest::nearest;
use super::super::text::TextSpan;
use super::{Given, Lowering, track};
use crate::addr::{Name, Priority};
use crate::config::model::Group;

/// A group as it stands in the text.
pub(super) struct Draft {
    keyword: TextSpan,
    name: Option<Given<Name>>,
    members: Vec<Word>,
    /// What every member tracks.
    trackers: Vec<track::Entry>,
    /// Who is told of its changes.
    notify: Vec<(&'static str, Vec<Word>)>,
    /// `notify_priority_changes`: its members' default.
    priority_changes: Option<Given<bool>>,
    /// `sync_group_tracking_weight`.
    has_weights: bool,
    /// Whether everything in it was read.
    is_read: bool,
}

impl Lowering<'_> {
    /// Reads one group: its instances are still to be read.
    pub(super) fn sync_group(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        let name = statement.values.first().and_then(|word| self.name(word));
        self.one_name(statement, "a group");
        let keyword = statement.keyword.span;
        let mut draft = Draft {
            keyword,
            name,
            members: Vec::new(),
            trackers: Vec::new(),
            notify: Vec::new(),
            priority_changes: None,
            has_weights: false,
            is_read: true,
        };
        let mut listed = None;
        for inner in &body.statements {
            let span = inner.keyword.span;
            match self.judge(inner, Block::SyncGroup).map(|keyword| keyword.name) {
                Some("group") => {
                    if let Some(first) = listed {
                        let message = "`group` is given twice; the first one counts".to_owned();
                        let diagnostic = Diagnostic::new(Code::Twice, span, message);
                        self.report.add(diagnostic.also(first, "this one counts"));
                        continue;
                    }
                    listed = Some(span);
                    for line in inner.block.iter().flat_map(|body| &body.statements) {
                        draft.members.push(line.keyword.clone());
                        draft.members.extend(line.values.iter().cloned());
                    }
                }
                Some(
                    name @ ("track_script" | "track_process" | "track_file" | "track_interface"),
                ) => {
                    let tracked = self.track(name, inner, &draft.trackers);
                    draft.trackers.extend(tracked);
                }
                Some(name @ "notify_priority_changes") => {
                    draft.priority_changes = self.flag(name, inner);
                }
                Some(name) if name.starts_with("notify") => {
                    draft.notify.push((name, inner.values.clone()));
                }
                Some("sync_group_tracking_weight") => draft.has_weights = true,
                Some(_) => {}
                None => draft.is_read = false,
            }
        }
        self.groups.push(draft);
    }

    /// What an instance tracks with its group. In a group, a weight of one member's own would part
    /// it from the others: keepalived leaves such a tracker out, unless
    /// `sync_group_tracking_weight` is given.
    pub(super) fn tracked_with_group(
        &mut self,
        name: &Name,
        own: &[track::Entry],
        priority: Priority,
    ) -> Vec<track::Entry> {
        let is_member = |word: &Word| word.text == name.as_str();
        let group = self.groups.iter().find(|group| group.members.iter().any(is_member));
        let Some(group) = group else { return own.to_vec() };
        let mut tracked = Vec::new();
        for entry in own {
            if !entry.has_weight() || group.has_weights || priority.is_owner() {
                tracked.push(entry.clone());
                continue;
            }
            let bare = entry.unweighted();
            let message = "a weight of one member does not count in a sync group".to_owned();
            self.report.add(
                Diagnostic::new(Code::GroupWeight, entry.span, message)
                    .label(if bare.is_some() { track::TAKEN_AS_ZERO } else { "not tracked" })
                    .also(group.keyword, "its group")
                    .help(
                        "track it in the group, with weight 0, or add `sync_group_tracking_weight`",
                    ),
            );
            tracked.extend(bare);
        }
        let is_new = |entry: &&track::Entry| !own.iter().any(|known| known.is_twin(entry));
        tracked.extend(group.trackers.iter().filter(is_new).cloned());
        tracked
    }

    /// What an instance has of its group where it says nothing itself.
    pub(super) fn priority_changes_of_group(&self, name: &Name) -> Option<Given<bool>> {
        let is_member = |word: &Word| word.text == name.as_str();
        let group = self.groups.iter().find(|group| group.members.iter().any(is_member))?;
        group.priority_changes.clone()
    }

    /// Puts the instances into their groups.
    pub(super) fn close_groups(&mut self) {
        let mut names: HashMap<String, TextSpan> = HashMap::new();
        for draft in std::mem::take(&mut self.groups) {
            let Some(name) = draft.name.clone() else { continue };
            self.needs.groups.push(draft.keyword);
            if let Some(first) = names.get(name.value.as_str()).copied() {
                let message = format!("group `{}` exists already", name.value);
                let diagnostic = Diagnostic::new(Code::NameTwice, name.span, message);
                self.report.add(diagnostic.also(first, "first given here"));
                continue;
            }
            names.insert(name.value.as_str().to_owned(), name.span);
            let number = self.config.groups.len();
            let members = self.members(number, &draft.members);
            if members < 2 && draft.is_read && !self.report.has_errors() {
                let message = match members {
                    0 => format!("no instance is in group `{}`", name.value),
                    _ => format!("group `{}` has one instance only", name.value),
                };
                let diagnostic = Diagnostic::new(Code::SmallGroup, draft.keyword, message);
                self.report.add(diagnostic.label("nothing to keep together"));
            }
            if members > 0 {
                self.report_lone_owner(number, draft.keyword, &name.value);
                // What finds no room is reported with the needs.
                let notify = self.notify_of(&draft.notify, Scope::Group(number));
                let _ = self.config.groups.push(Group { name: name.value, notify });
            }
        }
    }

    /// Puts the instances that are named into the group; answers how many are in it.
    fn members(&mut self, number: usize, words: &[Word]) -> usize {
        let mut members = 0;
        for word in words.iter().filter(|word| !word.is_reported) {
            let text = word.text.as_str();
            let index = self.config.instances.iter().position(|known| known.name == text);
            let Some(index) = index else {
                // Of one that was refused enough has been said.
                if !self.names.contains_key(text) {
                    self.report_no_member(word);
                }
                continue;
            };
            if let Some(first) = self.grouped.insert(index, word.span) {
                self.report_grouped_twice(number, index, word, first);
                continue;
            }
            members += 1;
            self.origins.set(Scope::Instance(index), "group", Origin::Configured(word.span));
            if let Some(instance) = self.config.instances.get_mut(index) {
                instance.group = u16::try_from(number).ok();
            }
        }
        members
    }

    fn report_no_member(&mut self, word: &Word) {
        let message = format!("there is no instance `{}`", word.text);
        let mut diagnostic = Diagnostic::new(Code::GroupMember, word.span, message);
        if let Some(near) = nearest(&word.text, self.names.keys().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        } else {
            diagnostic = diagnostic.help("define it, or remove it here");
        }
        self.report.add(diagnostic);
    }

    fn report_grouped_twice(&mut self, number: usize, index: usize, word: &Word, first: TextSpan) {
        let group = self.config.instances.get(index).and_then(|instance| instance.group);
        let diagnostic = if group.map(usize::from) == Some(number) {
            let message = format!("`{}` is in this group already", word.text);
            Diagnostic::new(Code::Twice, word.span, message)
        } else {
            let message = format!("`{}` is in another group already", word.text);
            Diagnostic::new(Code::TwoGroups, word.span, message)
        };
        self.report.add(diagnostic.also(first, "first named here"));
    }

    /// Warns of an owner that will not be master at once.
    fn report_lone_owner(&mut self, number: usize, keyword: TextSpan, name: &Name) {
        let group = u16::try_from(number).ok();
        let members = self.config.instances.iter().filter(|instance| instance.group == group);
        let owners = members.clone().filter(|instance| instance.priority.is_owner()).count();
        if owners > 0 && owners < members.count() {
            let message = format!("group `{name}` has owners (priority 255) and others");
            let diagnostic = Diagnostic::new(Code::GroupedOwner, keyword, message);
            self.report.add(diagnostic.label("the owners wait for the others"));
        }
    }
}
