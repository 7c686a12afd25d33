//! vrrp_script: a command, or a built-in check, whose success is tracked.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{KEEPALIVED, Origin, Scope};
use super::super::keepalived::Statement;
use super::super::keywords::Block;
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::builtin::Builtin;
use super::command::Account;
use super::global::TIMER_MAX;
use super::track::Weight;
use super::{Given, Lowering, Seen};
use crate::addr::Name;
use crate::config::model::{self, Check, Kind, Probe};
use crate::time::Span;

/// The shortest interval and timeout: no router has use for more than a hundred runs a second.
const INTERVAL_MIN: Span = Span::from_millis(10);

/// A script as it stands in the text.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) name: Option<Given<Name>>,
    pub(super) kind: Option<Kind>,
    words: Vec<Word>,
    /// The built-in check, instead of a command.
    builtin: Option<Builtin>,
    account: Option<Account>,
    user: Option<TextSpan>,
    interval: Option<Given<Span>>,
    timeout: Option<Given<Span>>,
    rise: Option<Given<u16>>,
    fall: Option<Given<u16>>,
    init_fail: Option<TextSpan>,
    weight: Weight,
    /// Its index in the configuration, once it is tracked and has been put there.
    index: Option<u16>,
    /// Somebody tracks it.
    is_tracked: bool,
}

impl Draft {
    /// One that is no vrrp_script.
    pub(super) fn built_in(kind: Kind, name: Option<Given<Name>>, probe: Given<Probe>) -> Self {
        let builtin = Some(Builtin { probe, device: None });
        Draft { name, kind: Some(kind), builtin, ..Draft::default() }
    }

    pub(super) fn weighing(self, weight: Weight) -> Self {
        Draft { weight, ..self }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Script)
    }

    /// Somebody tracks it. The weight it has unless he says otherwise.
    pub(super) fn track(&mut self) -> Weight {
        self.is_tracked = true;
        self.weight
    }
}

impl Lowering<'_> {
    /// Reads one script. It gets into the configuration when it is tracked.
    pub(super) fn script(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        let mut draft = Draft {
            name: statement.values.first().and_then(|word| self.name(word)),
            ..Draft::default()
        };
        self.one_name(statement, "a script");
        let (mut seen, mut has_command) = (Seen::default(), false);
        for inner in &body.statements {
            let Some(keyword) = self.judge(inner, Block::Script) else {
                has_command |= ["script", "builtin"].contains(&inner.keyword.text.as_str());
                continue;
            };
            self.once(&mut seen, keyword.name, inner.keyword.span);
            has_command |= ["script", "builtin"].contains(&keyword.name);
            self.script_keyword(keyword.name, inner, &mut draft);
        }
        if !has_command {
            let message =
                "this script has no `script` and no `builtin`: what is to be run".to_owned();
            let span = statement.keyword.span;
            self.report.add(Diagnostic::new(Code::BadCommand, span, message));
        }
        if let (Some(command), Some(builtin)) = (draft.words.first(), &draft.builtin) {
            let message = "a script has a command or a built-in check, and not both".to_owned();
            let diagnostic = Diagnostic::new(Code::BadBuiltin, builtin.probe.span, message);
            self.report.add(diagnostic.also(command.span, "the command"));
        }
        self.keep(draft);
    }

    /// Keeps what has been read, unless there is another one of the kind and the name.
    pub(super) fn keep(&mut self, draft: Draft) {
        let twin = |known: &&Draft| {
            known.kind() == draft.kind()
                && known.name.as_ref().map(|n| &n.value) == draft.name.as_ref().map(|n| &n.value)
        };
        if let (Some(name), Some(Draft { name: Some(first), .. })) =
            (&draft.name, self.scripts.iter().find(twin))
        {
            let message =
                format!("`{}` is the name of another {}", name.value, draft.kind().name());
            let diagnostic = Diagnostic::new(Code::NameTwice, name.span, message);
            self.report.add(diagnostic.also(first.span, "first used here"));
            return;
        }
        self.scripts.push(draft);
    }

    fn script_keyword(&mut self, name: &'static str, statement: &Statement, draft: &mut Draft) {
        let Some(word) = statement.values.first() else {
            match name {
                "init_fail" => draft.init_fail = Some(statement.keyword.span),
                _ => {
                    let message = format!("`{name}` wants a value");
                    let span = statement.keyword.span;
                    self.report.add(Diagnostic::new(Code::NoValue, span, message));
                }
            }
            return;
        };
        let time = INTERVAL_MIN..=TIMER_MAX;
        match name {
            "script" => draft.words.clone_from(&statement.values),
            "builtin" => draft.builtin = self.builtin(&statement.values),
            "user" => {
                draft.account = self.account(&statement.values);
                draft.user = Some(word.span);
            }
            "interval" => draft.interval = self.seconds(name, word, time),
            "timeout" if word.text == "0" => draft.timeout = None,
            "timeout" => draft.timeout = self.seconds(name, word, time),
            "rise" => draft.rise = self.count(name, word),
            "fall" => draft.fall = self.count(name, word),
            "weight" => {
                if let Some(weight) =
                    self.weight(Kind::Script, &statement.values, Weight::default())
                {
                    draft.weight = weight;
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, name: &str, word: &Word) -> Option<Given<u16>> {
        let given = self.number(name, word, 1..=u64::from(u16::MAX))?;
        Some(Given { value: u16::try_from(given.value).ok()?, span: given.span })
    }

    /// The index of script `number` of the text in the configuration, where it is put when it is
    /// tracked for the first time.
    pub(super) fn tracked(&mut self, number: usize) -> Option<u16> {
        let draft = self.scripts.get_mut(number)?;
        if draft.index.is_some() {
            return draft.index;
        }
        let draft = std::mem::take(draft);
        let index = self.complete_script(&draft);
        if let Some(place) = self.scripts.get_mut(number) {
            *place = Draft { index, ..draft };
        }
        index
    }

    fn complete_script(&mut self, draft: &Draft) -> Option<u16> {
        let name = draft.name.as_ref()?;
        let index = self.config.scripts.len();
        let scope = Scope::Script(index);
        let account = draft.account.clone().or_else(|| self.defaults.account.clone());
        let check = match &draft.builtin {
            Some(given) => Check::Probe(self.probe(given)?),
            None => {
                let command = self.command(&draft.words, account.unwrap_or_default())?;
                self.propose_builtin(&draft.words, command);
                Check::Command(command)
            }
        };
        let second = (Span::from_secs(1), KEEPALIVED);
        let interval = self.pick(scope, "interval", draft.interval.as_ref(), None, second);
        let as_interval = (interval, Origin::Default("as interval"));
        let timeout = self.pick(scope, "timeout", draft.timeout.as_ref(), None, as_interval);
        if let Some(given) = draft.timeout.as_ref().filter(|given| given.value > interval) {
            let message =
                format!("the script may run for {timeout}, and is started every {interval}");
            let mut diagnostic = Diagnostic::new(Code::ScriptOverlaps, given.span, message);
            if let Some(interval) = &draft.interval {
                diagnostic = diagnostic.also(interval.span, "shorter than that");
            }
            self.report.add(
                diagnostic.help("while it runs it is not started again: choose a longer interval"),
            );
        }
        let once = (1, KEEPALIVED);
        let rise = self.pick(scope, "rise", draft.rise.as_ref(), None, once);
        let fall = self.pick(scope, "fall", draft.fall.as_ref(), None, once);
        let configured = |span: Option<TextSpan>| span.map_or(KEEPALIVED, Origin::Configured);
        self.origins.set(scope, "init_fail", configured(draft.init_fail));
        let user = match (draft.user, &self.defaults.account) {
            (None, Some(_)) => Origin::Default("script_user"),
            (user, _) => configured(user),
        };
        self.origins.set(scope, "user", user);
        self.origins.set(scope, "script", configured(draft.words.first().map(|word| word.span)));
        let place = configured(draft.builtin.as_ref().map(|given| given.probe.span));
        for keyword in ["builtin", "process", "file"] {
            self.origins.set(scope, keyword, place);
        }
        let script = model::Script {
            name: name.value.clone(),
            kind: draft.kind(),
            check,
            interval,
            timeout,
            rise,
            fall,
            init_fail: draft.init_fail.is_some(),
        };
        // What finds no room is reported with the needs.
        let _ = self.config.scripts.push(script);
        self.needs.scripts.push(name.span);
        u16::try_from(index).ok()
    }

    /// Names the scripts that nobody tracks: they are left out, as keepalived does not run them.
    pub(super) fn report_untracked(&mut self) {
        for draft in &self.scripts {
            let Some(name) = draft.name.as_ref().filter(|_| !draft.is_tracked) else { continue };
            let kind = draft.kind();
            let message = format!(
                "nobody tracks the {} `{}`: it is never looked at",
                kind.name(),
                name.value
            );
            let (track, name_of_it) = (kind.track(), name.value.as_str());
            let line = if self.is_uci() {
                format!("list {track} '{name_of_it}'")
            } else {
                format!("{track} {{ {name_of_it} }}")
            };
            let help = format!("name it in `{line}` of an instance");
            self.report.add(Diagnostic::new(Code::Untracked, name.span, message).help(help));
        }
    }
}
