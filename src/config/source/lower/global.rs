//! global_defs.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{KEEPALIVED, Origin, Scope};
use super::super::keepalived::Statement;
use super::super::keywords::Block;
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::command::Account;
use super::{Given, Lowering, Seen};
use crate::addr::Version;
use crate::config::model::FIFO_KEYWORDS;
use crate::time::Span;

/// What global_defs says about instances.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) version: Option<Given<Version>>,
    pub(super) announce: Announcing,
    /// `script_user`: who runs commands that do not say.
    pub(super) account: Option<Account>,
    /// `set_supplementary_groups`.
    pub(super) supplementary: bool,
    /// `vrrp_notify_priority_changes`.
    pub(super) priority_changes: Option<Given<bool>>,
    /// `notify_fifo` and its twin: read when it is known who runs commands.
    fifos: Vec<(&'static str, Vec<Word>)>,
    seen: Seen,
}

/// The garp_* keywords of an instance, or their vrrp_garp_* twins.
#[derive(Default)]
pub(super) struct Announcing {
    pub(super) delay: Option<Given<Span>>,
    pub(super) repeat: Option<Given<u8>>,
    pub(super) refresh: Option<Given<Span>>,
    pub(super) refresh_repeat: Option<Given<u8>>,
    pub(super) lower_delay: Option<Given<Span>>,
    pub(super) lower_repeat: Option<Given<u8>>,
    pub(super) extra_interface: Option<Given<Span>>,
}

/// The longest `garp_extra_if`: a day (keepalived.conf(5)).
const EXTRA_INTERFACE_MAX: u64 = 86_400;

/// The longest time that keepalived holds: 32 bits of microseconds.
pub(super) const TIMER_MAX: Span = Span::from_micros(4_294_967_295);

impl Lowering<'_> {
    pub(super) fn global_defs(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        for inner in &body.statements {
            let Some(keyword) = self.judge(inner, Block::GlobalDefs) else { continue };
            let mut seen = std::mem::take(&mut self.defaults.seen);
            self.once(&mut seen, keyword.name, inner.keyword.span);
            self.defaults.seen = seen;
            self.global_keyword(keyword.name, inner);
        }
    }

    fn global_keyword(&mut self, name: &'static str, statement: &Statement) {
        if let Some(twin) = name.strip_prefix("vrrp_").filter(|twin| is_announcing(twin)) {
            let mut announcing = std::mem::take(&mut self.defaults.announce);
            self.announcing(twin, name, statement, &mut announcing);
            self.defaults.announce = announcing;
            return;
        }
        match name {
            "enable_script_security" => {
                self.config.global.script_security = true;
                self.global_given(name, statement.keyword.span);
            }
            "fifo_write_vrrp_states_on_reload" => {
                self.config.global.fifo_states_on_reload = true;
                self.global_given(name, statement.keyword.span);
            }
            "vrrp_notify_priority_changes" => {
                self.defaults.priority_changes = self.flag(name, statement);
            }
            "notify_fifo" | "vrrp_notify_fifo" => {
                if statement.values.is_empty() {
                    let message = format!("`{name}` wants a path");
                    let span = statement.keyword.span;
                    self.report.add(Diagnostic::new(Code::NoValue, span, message));
                }
                self.defaults.fifos.push((name, statement.values.clone()));
            }
            "console_release" => {
                self.config.global.console_release = true;
                self.global_given(name, statement.keyword.span);
            }
            "set_supplementary_groups" => {
                self.defaults.supplementary = true;
                if let Some(account) = &mut self.defaults.account {
                    account.supplementary = true;
                }
            }
            _ => {}
        }
        let Some(word) = statement.values.first() else { return };
        let timer = Span::ZERO..=TIMER_MAX;
        match name {
            "router_id" => {
                if let Some(given) = self.name(word) {
                    self.config.global.router_id = given.value;
                    self.global_given(name, given.span);
                }
            }
            "vrrp_version" => {
                let given = self.version(name, word);
                self.defaults.version = given;
            }
            "vrrp_startup_delay" => {
                if let Some(given) = self.seconds(name, word, timer) {
                    self.config.global.startup_delay = given.value;
                    self.global_given(name, given.span);
                }
            }
            "decision_timeout" => {
                if let Some(given) = self.seconds(name, word, timer) {
                    self.config.global.decision_timeout = given.value;
                    self.global_given(name, given.span);
                }
            }
            "console" => {
                if let Some(given) = self.console(word) {
                    self.config.global.console = [given.value].into_iter().collect();
                    self.global_given(name, given.span);
                }
            }
            "vrrp_garp_interval" => {
                if let Some(given) = self.seconds(name, word, timer) {
                    self.config.global.garp_interval = given.value;
                    self.global_given(name, given.span);
                }
            }
            "vrrp_gna_interval" => {
                if let Some(given) = self.seconds(name, word, timer) {
                    self.config.global.gna_interval = given.value;
                    self.global_given(name, given.span);
                }
            }
            "script_user" => self.defaults.account = self.account(&statement.values),
            _ => {}
        }
    }

    pub(super) fn version(&mut self, keyword: &str, word: &Word) -> Option<Given<Version>> {
        let given = self.octet(keyword, word, 2..=3)?;
        let value = if given.value == 2 { Version::V2 } else { Version::V3 };
        Some(Given { value, span: given.span })
    }

    fn global_given(&mut self, keyword: &'static str, span: TextSpan) {
        self.origins.set(Scope::Global, keyword, Origin::Configured(span));
    }

    /// Puts the FIFOs into the table of commands.
    pub(super) fn fifos(&mut self) {
        for (keyword, words) in std::mem::take(&mut self.defaults.fifos) {
            let Some((path, account)) = words.split_first() else { continue };
            let Some(at) = FIFO_KEYWORDS.iter().position(|known| *known == keyword) else {
                continue;
            };
            let account = if account.is_empty() {
                self.defaults.account.clone()
            } else {
                self.account(account)
            };
            let number = self.fifo(keyword, path, account.unwrap_or_default());
            let is_twin = number.is_some() && self.config.global.fifos.contains(&number);
            if is_twin {
                let message = format!("`{keyword}` names the pipe that has all lines already");
                self.report.add(
                    Diagnostic::new(Code::Twice, path.span, message)
                        .label("nothing follows from it"),
                );
                continue;
            }
            if let Some(place) = self.config.global.fifos.get_mut(at) {
                *place = number;
            }
            self.global_given(keyword, path.span);
        }
    }

    /// A keyword that is on where it stands alone, or has the value that follows.
    pub(super) fn flag(&mut self, name: &str, statement: &Statement) -> Option<Given<bool>> {
        const VALUES: [(&str, bool); 6] = [
            ("on", true),
            ("off", false),
            ("true", true),
            ("false", false),
            ("yes", true),
            ("no", false),
        ];
        match statement.values.first() {
            Some(word) => self.choice(name, word, &VALUES),
            None => Some(Given { value: true, span: statement.keyword.span }),
        }
    }

    /// Names the defaults of what global_defs did not say.
    pub(super) fn global_origins(&mut self) {
        let none = Origin::Default("none; keepalived takes the host's name");
        for (keyword, origin) in [
            ("router_id", none),
            ("vrrp_startup_delay", KEEPALIVED),
            ("vrrp_garp_interval", KEEPALIVED),
            ("vrrp_gna_interval", KEEPALIVED),
            ("enable_script_security", KEEPALIVED),
            (
                "decision_timeout",
                Origin::Default("ringward: a configuration is never given up for it"),
            ),
            ("console", Origin::Default("ringward: none is started")),
            ("notify_fifo", KEEPALIVED),
            ("vrrp_notify_fifo", KEEPALIVED),
            ("fifo_write_vrrp_states_on_reload", KEEPALIVED),
            ("console_release", Origin::Default("ringward: a console only shows")),
        ] {
            if self.origins.get(Scope::Global, keyword).is_none() {
                self.origins.set(Scope::Global, keyword, origin);
            }
        }
    }

    /// One of the garp_* keywords. `name` is how it is written here, `twin` without `vrrp_`.
    pub(super) fn announcing(
        &mut self,
        twin: &str,
        name: &'static str,
        statement: &Statement,
        into: &mut Announcing,
    ) {
        let Some(word) = statement.values.first() else {
            if twin == "garp_extra_if" {
                let message = format!("`{name}` wants `all` and seconds");
                self.report.add(Diagnostic::new(Code::NoValue, statement.keyword.span, message));
            }
            return;
        };
        match twin {
            "garp_master_delay" => into.delay = self.whole_seconds(name, word),
            "garp_master_repeat" => into.repeat = self.repeat(name, word),
            "garp_master_refresh" => into.refresh = self.whole_seconds(name, word),
            "garp_master_refresh_repeat" => into.refresh_repeat = self.repeat(name, word),
            "garp_lower_prio_delay" => into.lower_delay = self.whole_seconds(name, word),
            "garp_lower_prio_repeat" => into.lower_repeat = self.octet(name, word, 0..=u8::MAX),
            _ => into.extra_interface = self.extra_interface(name, statement, word),
        }
    }

    /// How often in a burst: at least once.
    fn repeat(&mut self, name: &str, word: &Word) -> Option<Given<u8>> {
        let given = self.octet(name, word, 0..=u8::MAX)?;
        if given.value > 0 {
            return Some(given);
        }
        let message = format!("`{name} 0` becomes 1: a burst has at least one announcement");
        self.report.add(Diagnostic::new(Code::Rewritten, word.span, message));
        Some(Given { value: 1, span: given.span })
    }

    fn extra_interface(
        &mut self,
        name: &str,
        statement: &Statement,
        word: &Word,
    ) -> Option<Given<Span>> {
        if word.text == "all" {
            let Some(word) = statement.values.get(1) else {
                let message = format!("`{name} all` wants seconds");
                self.report.add(Diagnostic::new(Code::NoValue, word.span, message));
                return None;
            };
            let given = self.number(name, word, 0..=EXTRA_INTERFACE_MAX)?;
            return Some(Given { value: Span::from_secs(given.value), span: given.span });
        }
        let given = self.number(name, word, 0..=EXTRA_INTERFACE_MAX)?;
        if given.value > 0 {
            let message = format!(
                "`{name}` without `all` is for virtual MAC interfaces, which are not supported yet"
            );
            let diagnostic = Diagnostic::new(Code::Rewritten, word.span, message);
            self.report.add(
                diagnostic.label("compiled as 0: none").help(format!(
                    "for other interfaces as well write `{name} all {}`",
                    given.value
                )),
            );
        }
        Some(Given { value: Span::ZERO, span: given.span })
    }
}

/// Whether the instance has a keyword of this name that says how it announces.
pub(super) fn is_announcing(name: &str) -> bool {
    [
        "garp_master_delay",
        "garp_master_repeat",
        "garp_master_refresh",
        "garp_master_refresh_repeat",
        "garp_lower_prio_delay",
        "garp_lower_prio_repeat",
        "garp_extra_if",
    ]
    .contains(&name)
}
