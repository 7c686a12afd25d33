//! The tree to a [`Config`]: values are read, defaults applied, and what keepalived would change
//! is changed, with a message.
//!
//! The defaults are keepalived's (keepalived.conf(5), and version 2.2.7 as it runs). Every default
//! is applied here and nowhere else; [`Origins`] remembers which values are defaults.

mod address;
mod announce;
mod authentication;
mod builtin;
mod command;
mod complete;
mod conflict;
mod delay;
mod file;
mod global;
mod group;
mod instance;
mod notify;
mod process;
mod script;
mod track;
mod value;

use std::collections::HashMap;
use std::net::IpAddr;

use super::Language;
use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::explain::{Origin, Origins, Scope};
use super::keepalived::{Statement, Tree};
use super::keywords::{self, Block, Keyword, Shape, Status};
use super::lexer::Word;
use super::options::Options;
use super::text::TextSpan;
use crate::addr::{Family, InterfaceName, Vrid};
use crate::config::check::check;
use crate::config::model::Config;
use crate::limits::{Capacity, GROUP_COUNT_MAX, group_count_max};
use global::Defaults;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given<T> {
    value: T,
    span: TextSpan,
}

/// What is known of the file while it is lowered.
struct Lowering<'a> {
    report: &'a mut Report,
    origins: &'a mut Origins,
    config: Box<Config>,
    defaults: Defaults,
    names: HashMap<String, TextSpan>,
    routers: HashMap<(u8, Family, Vrid), TextSpan>,
    /// The sync groups, until the instances have been read.
    groups: Vec<group::Draft>,
    /// Where each instance was put into a group.
    grouped: HashMap<usize, TextSpan>,
    /// Which address is where on which interface: index and place.
    carried: HashMap<(u8, IpAddr), (usize, TextSpan)>,
    /// Every instance, interface, address and peer, whether there is room for it or not.
    needs: Needs,
    /// The scripts, tracked or not.
    scripts: Vec<script::Draft>,
    options: &'a Options<'a>,
}

#[derive(Default)]
struct Needs {
    instances: Vec<TextSpan>,
    interfaces: Vec<TextSpan>,
    addresses: Vec<TextSpan>,
    peers: Vec<TextSpan>,
    groups: Vec<TextSpan>,
    scripts: Vec<TextSpan>,
    trackers: Vec<TextSpan>,
    commands: Vec<TextSpan>,
    probes: Vec<TextSpan>,
    delays: Vec<TextSpan>,
    headers: Vec<TextSpan>,
}

/// Makes a configuration of the tree; none where a rule of the daemon is broken. The caller throws
/// it away when there are errors.
pub(super) fn lower(
    tree: &Tree,
    options: &Options<'_>,
    origins: &mut Origins,
    report: &mut Report,
) -> Option<Box<Config>> {
    let mut lowering = Lowering {
        report,
        origins,
        config: Config::boxed(),
        defaults: Defaults::default(),
        names: HashMap::new(),
        routers: HashMap::new(),
        groups: Vec::new(),
        grouped: HashMap::new(),
        carried: HashMap::new(),
        needs: Needs::default(),
        scripts: Vec::new(),
        options,
    };
    lowering.run(tree);
    Some(lowering.config)
}

/// The keywords that were met in a block, which are few.
#[derive(Default)]
struct Seen(Vec<(&'static str, TextSpan)>);

impl Seen {
    fn get(&self, key: &str) -> Option<TextSpan> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, span)| *span)
    }

    /// Where it was met before.
    fn insert(&mut self, key: &'static str, span: TextSpan) -> Option<TextSpan> {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => Some(std::mem::replace(known, span)),
            None => {
                self.0.push((key, span));
                None
            }
        }
    }
}

impl Lowering<'_> {
    /// Whether cures are to be written as UCI has them.
    fn is_uci(&self) -> bool {
        self.options.language != Language::Keepalived
    }

    fn run(&mut self, tree: &Tree) {
        // Instances take their defaults from global_defs wherever that stands.
        let (mut instances, mut scripts, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let (mut processes, mut files, mut delays) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_incomplete = false;
        for statement in &tree.statements {
            let Some(keyword) = self.judge(statement, Block::Top).or_else(|| self.meant(statement))
            else {
                is_incomplete = true;
                continue;
            };
            match keyword.name {
                "global_defs" => self.global_defs(statement),
                "vrrp_script" => scripts.push(statement),
                "vrrp_track_process" => processes.push(statement),
                "track_file" | "vrrp_track_file" => files.push(statement),
                "vrrp_sync_group" => groups.push(statement),
                "interface_up_down_delays" => delays.push(statement),
                _ => instances.push(statement),
            }
        }
        self.fifos();
        self.global_origins();
        for statement in &scripts {
            self.script(statement);
        }
        for statement in processes {
            self.track_process(statement);
        }
        for statement in files {
            self.track_file(statement);
        }
        for statement in &groups {
            self.sync_group(statement);
        }
        for statement in &instances {
            self.instance(statement);
        }
        for statement in &delays {
            self.link_delays(statement);
        }
        self.close_groups();
        self.report_untracked();
        if instances.is_empty() && !is_incomplete && !self.report.has_errors() {
            let nowhere = TextSpan { file: tree.file, ..TextSpan::default() };
            let message = "there is no vrrp_instance: nothing to compile".to_owned();
            self.report.add(Diagnostic::new(Code::Nothing, nowhere, message));
        }
        self.report_needs();
        if !self.report.has_errors()
            && let Err(invalid) = check(&self.config)
        {
            let nowhere = TextSpan { file: tree.file, ..TextSpan::default() };
            self.report.add(Diagnostic::new(Code::Invalid, nowhere, invalid.to_string()));
        }
    }

    /// The keyword of a statement if it is to be read: built, in its place, with as many values as
    /// it wants. Everything else is reported here.
    fn judge(&mut self, statement: &Statement, here: Block) -> Option<&'static Keyword> {
        let word = &statement.keyword;
        if word.is_reported {
            return None;
        }
        let Some(keyword) = keywords::find(&word.text, here) else {
            self.report_unknown(statement, here);
            return None;
        };
        if !keyword.is_in(here) {
            let places: Vec<_> = keyword.blocks.iter().map(|block| block.name()).collect();
            let message = format!("`{}` does not belong in {}", keyword.name, here.name());
            let mut diagnostic = Diagnostic::new(Code::Misplaced, word.span, message)
                .survived(statement.block.is_none() || here == Block::Top)
                .help(format!("its place is {}", places.join(", ")));
            if let Some(twin) = keywords::twin(keyword.name, here) {
                diagnostic = diagnostic.help(format!("in {} it is called `{twin}`", here.name()));
            }
            self.report.add(diagnostic);
            return None;
        }
        if self.options.only_vrrp && keyword.is_of_servers() {
            self.leave_out(statement, keyword);
            return None;
        }
        match keyword.status {
            Status::Built => {}
            Status::Note(why) => {
                let message = format!("`{}` has no effect: {why}", keyword.name);
                self.report.add(Diagnostic::new(Code::NoEffect, word.span, message));
                return None;
            }
            Status::Later => {
                let message = format!("`{}` is not supported yet", keyword.name);
                let mut diagnostic = Diagnostic::new(Code::Later, word.span, message);
                if let Some(cure) = keywords::cure(keyword.name) {
                    diagnostic = diagnostic.help(cure);
                }
                self.report.add(diagnostic.label(keyword.about));
                return None;
            }
            Status::Never(instead) => {
                let message = format!("`{}` is not supported", keyword.name);
                let diagnostic = Diagnostic::new(Code::Never, word.span, message);
                self.report.add(diagnostic.label(keyword.about).help(instead));
                return None;
            }
        }
        self.has_shape(statement, keyword).then_some(keyword)
    }

    /// The block that an unknown keyword was probably meant to open: read for the sake of the
    /// messages about it, and of those that would otherwise miss it.
    fn meant(&self, statement: &Statement) -> Option<&'static Keyword> {
        let word = statement.keyword.text.as_str();
        let is_known = keywords::find(word, Block::Top).is_some();
        if self.options.is_permissive || is_known || statement.block.is_none() {
            return None;
        }
        keywords::find(keywords::propose(word, Block::Top)?, Block::Top)
            .filter(|meant| meant.status == Status::Built && meant.is_in(Block::Top))
            .filter(|meant| meant.opens().is_some())
    }

    /// Says that a part was left out as asked for.
    fn leave_out(&mut self, statement: &Statement, keyword: &Keyword) {
        let values = statement.values.iter().take(2).map(|word| format!(" {}", word.text));
        let message = format!("`{}{}` is left out", keyword.name, values.collect::<String>());
        let last = statement.values.get(1).or(statement.values.first());
        let span = last.map_or(statement.keyword.span, |last| statement.keyword.span.to(last.span));
        self.report.add(Diagnostic::new(Code::LeftOut, span, message));
    }

    /// Whether the values and the block of a statement are those that its keyword wants.
    fn has_shape(&mut self, statement: &Statement, keyword: &Keyword) -> bool {
        let span = statement.keyword.span;
        let name = keyword.name;
        let is_block = matches!(keyword.shape, Shape::Block(_));
        if is_block && statement.block.is_none() {
            let message = format!("`{name}` wants a block");
            self.report.add(
                Diagnostic::new(Code::NoBlock, span, message)
                    .help(format!("write `{name} {{`, and `}}` where it ends")),
            );
            return false;
        }
        if let (false, Some(body)) = (is_block, &statement.block) {
            let message = format!("`{name}` takes no block");
            let diagnostic = Diagnostic::new(Code::UnwantedBlock, body.open, message);
            self.report.add(diagnostic.also(span, "takes a value only"));
        }
        let is_quoted = |word: &&Word| word.text.starts_with('\'') && !is_command(name);
        for word in statement.values.iter().filter(is_quoted) {
            let message = "single quotes are part of the value".to_owned();
            self.report.add(
                Diagnostic::new(Code::SingleQuote, word.span, message)
                    .help("use double quotes, if quotes were meant"),
            );
        }
        let wanted = match keyword.shape {
            Shape::Flag => 0,
            Shape::Value => 1,
            Shape::Block(block) if block.is_named() => 1,
            Shape::Block(_) => 0,
            Shape::Values => return true,
        };
        if statement.values.len() < wanted {
            let message = match keyword.shape {
                Shape::Block(_) => format!("`{name}` wants a name"),
                Shape::Flag | Shape::Value | Shape::Values => format!("`{name}` wants a value"),
            };
            let mut diagnostic = Diagnostic::new(Code::NoValue, span, message).label(keyword.about);
            if is_block {
                diagnostic = diagnostic.help(format!("write `{name} NAME {{`"));
            }
            if let Some(comment) = statement.comment {
                diagnostic = diagnostic
                    .also(comment, "all of this is a comment")
                    .help("a value that begins with `#` or `!` needs quotes");
            }
            self.report.add(diagnostic);
            // An instance without a name is read all the same, for the other messages.
            return is_block;
        }
        // A name of several words is refused, not shortened: see `instance`.
        let is_name = matches!(keyword.shape, Shape::Block(block) if block.is_named());
        if let Some(extra) = statement.values.get(wanted).filter(|_| !is_name) {
            let last = statement.values.last().map_or(extra.span, |word| word.span);
            let message = match keyword.shape {
                Shape::Flag => format!("`{name}` takes no value: it is on, whatever follows"),
                Shape::Value | Shape::Values | Shape::Block(_) => {
                    format!("`{name}` does not read this")
                }
            };
            let mut diagnostic = Diagnostic::new(Code::ExtraValue, extra.span.to(last), message);
            if let Some(other) = statement.values.iter().skip(wanted).find(|word| {
                keywords::find(&word.text, Block::Instance)
                    .is_some_and(|k| k.status == Status::Built)
            }) {
                diagnostic = diagnostic.help(format!("put `{}` on a line of its own", other.text));
            } else if keyword.shape == Shape::Flag {
                diagnostic = diagnostic.help(format!("to switch it off, remove `{name}`"));
            }
            self.report.add(diagnostic);
        }
        true
    }

    fn report_unknown(&mut self, statement: &Statement, here: Block) {
        let word = &statement.keyword;
        let text = word.text.as_str();
        // The lines of an unknown block are read as if they stood outside of it.
        let is_survived = statement.block.is_none() || here == Block::Top;
        if let Some(instead) = keywords::retired(text) {
            let message = format!("`{text}` is no keyword any more");
            self.report.add(
                Diagnostic::new(Code::Unknown, word.span, message)
                    .survived(is_survived)
                    .help(instead),
            );
            return;
        }
        if let Some((keyword, rest)) = keywords::split_glued(text, here) {
            let message = format!("a space is missing behind `{keyword}`");
            let value = match rest.trim_start_matches(['=', ':']) {
                "" => statement.values.first().map_or("", |value| value.text.as_str()),
                value => value,
            };
            let diagnostic = Diagnostic::new(Code::Glued, word.span, message)
                .survived(is_survived)
                .label("keyword and value in one word")
                .help(format!("write `{keyword} {value}`"));
            self.report.add(diagnostic);
            return;
        }
        let message = format!("unknown keyword `{text}`");
        let mut diagnostic =
            Diagnostic::new(Code::Unknown, word.span, message).survived(is_survived);
        let near = if self.report.is_full() { None } else { keywords::propose(text, here) };
        match near {
            Some(near) if near.eq_ignore_ascii_case(text) => {
                diagnostic = diagnostic.label("case counts").help(format!("write `{near}`"));
            }
            Some(near) => diagnostic = diagnostic.help(format!("did you mean `{near}`?")),
            None => {
                diagnostic = diagnostic.label(format!("not a keyword of {}", here.name()));
                if here == Block::SyncGroup && statement.values.is_empty() {
                    diagnostic =
                        diagnostic.help(format!("members stand in a block: `group {{ {text} }}`"));
                }
            }
        }
        self.report.add(diagnostic);
    }

    /// A second word behind the name of a block.
    fn one_name(&mut self, statement: &Statement, what: &str) {
        if let Some(extra) = statement.values.get(1) {
            let message = format!("the name of {what} is one word");
            let diagnostic = Diagnostic::new(Code::BadName, extra.span, message);
            self.report.add(diagnostic.help("put a name with spaces in quotes"));
        }
    }

    /// Warns when a keyword is met for a second time in its block.
    fn once(&mut self, seen: &mut Seen, key: &'static str, span: TextSpan) {
        if let Some(first) = seen.insert(key, span) {
            let message = format!("`{key}` is given twice; the last one counts");
            let diagnostic = Diagnostic::new(Code::Twice, span, message).label("this one counts");
            self.report.add(diagnostic.also(first, "first given here"));
        }
    }

    /// The index of an interface in the table, where it is put if it is new.
    fn interface(&mut self, name: &Given<InterfaceName>) -> Option<u8> {
        let known = self.config.interfaces.iter().position(|known| *known == name.value);
        let index = known.unwrap_or(self.config.interfaces.len());
        if known.is_none() {
            self.needs.interfaces.push(name.span);
            self.config.interfaces.push(name.value.clone()).ok()?;
        }
        u8::try_from(index).ok()
    }

    fn report_needs(&mut self) {
        let (here, there) = (&Capacity::HERE, self.options.capacity);
        for (need, here, there, what) in [
            (&self.needs.instances, here.instances, there.instances, "instances"),
            (&self.needs.interfaces, here.interfaces, there.interfaces, "interfaces"),
            (&self.needs.addresses, here.addresses, there.addresses, "addresses"),
            (&self.needs.peers, here.peers, there.peers, "unicast peers"),
            (&self.needs.groups, GROUP_COUNT_MAX, group_count_max(there.instances), "sync groups"),
            (&self.needs.scripts, here.scripts, there.scripts, "scripts"),
            (&self.needs.trackers, here.trackers, there.trackers, "trackers"),
            (&self.needs.commands, here.commands, there.commands, "commands"),
            (&self.needs.probes, here.probes, there.probes, "built-in checks"),
            (&self.needs.delays, here.delays(), there.delays(), "interfaces with delays"),
            (&self.needs.headers, here.headers(), there.headers(), "instances with auth_type AH"),
        ] {
            // A board may hold more than the compiler.
            let (held, holder) =
                if here < there { (here, &Capacity::HERE) } else { (there, self.options.capacity) };
            if let Some(span) = need.get(held) {
                let count = need.len();
                let message = format!("needs {count} {what}, {holder} holds {held}");
                let diagnostic = Diagnostic::new(Code::TooMuch, *span, message);
                self.report.add(diagnostic.label("the first without room"));
            }
        }
    }

    /// The value of a keyword: that of the instance, else that of global_defs, else the default.
    fn pick<T: Clone>(
        &mut self,
        scope: Scope,
        keyword: &'static str,
        given: Option<&Given<T>>,
        global: Option<(&Given<T>, &'static str)>,
        default: (T, Origin),
    ) -> T {
        let (value, origin) = match (given, global) {
            (Some(given), _) => (given.value.clone(), Origin::Configured(given.span)),
            (None, Some((global, name))) => {
                (global.value.clone(), Origin::Follows(global.span, name))
            }
            (None, None) => default,
        };
        self.origins.set(scope, keyword, origin);
        value
    }
}

/// Whether a command follows, in which single quotes have a meaning.
pub(super) fn is_command(keyword: &str) -> bool {
    keyword == "script"
        || (keyword.starts_with("notify")
            && !["notify_fifo", "notify_priority_changes"].contains(&keyword))
}
