//! notify_ keywords: who is told of what.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{Origin, Scope};
use super::super::lexer::Word;
use super::Lowering;
use crate::config::model::Notify;

impl Lowering<'_> {
    /// The commands of an instance or group. As in keepalived, the command is the first word (all
    /// of it in quotes, if it has arguments), and a user and a group may follow.
    pub(super) fn notify_of(
        &mut self,
        lines: &[(&'static str, Vec<Word>)],
        scope: Scope,
    ) -> Notify {
        let mut notify = Notify::default();
        for (keyword, words) in lines {
            let Some((command, account)) = words.split_first() else { continue };
            let is_quoted = command.span.end - command.span.start > command.text.len();
            if let (false, Some(user)) = (is_quoted, account.first())
                && !user.is_reported
            {
                let message =
                    format!("`{}` is the user that `{}` runs as", user.text, command.text);
                self.report.add(
                    Diagnostic::new(Code::CommandUser, user.span, message)
                        .help("if it is an argument, put the whole command in double quotes"),
                );
            }
            let account = if account.is_empty() {
                self.defaults.account.clone()
            } else {
                self.account(account)
            };
            let index = self.command(std::slice::from_ref(command), account.unwrap_or_default());
            let place = match *keyword {
                "notify_master" => &mut notify.master,
                "notify_backup" => &mut notify.backup,
                "notify_fault" => &mut notify.fault,
                "notify_stop" => &mut notify.stop,
                "notify_deleted" => &mut notify.deleted,
                "notify_master_rx_lower_pri" => &mut notify.rx_lower_priority,
                _ => &mut notify.any,
            };
            *place = index;
            self.origins.set(scope, keyword, Origin::Configured(command.span));
        }
        notify
    }
}
