//! interface_up_down_delays: how long a change of a link must last to count.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::explain::{Origin, Scope};
use super::super::keepalived::Statement;
use super::{Given, Lowering};
use crate::config::check::LINK_DELAY_MAX;
use crate::config::model::LinkDelay;
use crate::time::Span;

const KEYWORD: &str = "interface_up_down_delays";

impl Lowering<'_> {
    /// Lines of `INTERFACE DOWN [UP]`, in seconds. The first one of an interface counts.
    pub(super) fn link_delays(&mut self, statement: &Statement) {
        let lines = statement.block.iter().flat_map(|body| &body.statements);
        for line in lines {
            let word = &line.keyword;
            let Some(name) = self.interface_name(word) else { continue };
            let Some(down) = line.values.first() else {
                let message = format!("`{}` has no delay", word.text);
                self.report.add(
                    Diagnostic::new(Code::NoValue, word.span, message)
                        .help("a line is `INTERFACE DOWN UP`, in seconds"),
                );
                continue;
            };
            let range = Span::ZERO..=LINK_DELAY_MAX;
            let Some(down) = self.seconds(KEYWORD, down, range.clone()) else { continue };
            let up = match line.values.get(1) {
                Some(up) => self.seconds(KEYWORD, up, range),
                None => {
                    let message = format!("`{}` is up again at once", word.text);
                    self.report.add(
                        Diagnostic::new(Code::Rewritten, word.span, message)
                            .label("no second delay: it is 0, as keepalived has it")
                            .help("keepalived.conf(5) says otherwise: write both, to be sure"),
                    );
                    Some(Given { value: Span::ZERO, span: down.span })
                }
            };
            let Some(up) = up else { continue };
            if let Some(extra) = line.values.get(2) {
                let message = "two delays are all that is read".to_owned();
                self.report.add(Diagnostic::new(Code::ExtraValue, extra.span, message));
            }
            let Some(interface) = self.interface(&name) else { continue };
            let delays = &mut self.config.global.delays;
            if delays.iter().any(|known| known.interface == interface) {
                let message =
                    format!("`{}` has its delays already; the first ones count", word.text);
                self.report.add(Diagnostic::new(Code::Twice, word.span, message));
                continue;
            }
            let _ = delays.push(LinkDelay { interface, down: down.value, up: up.value });
            self.needs.delays.push(word.span);
            self.origins.set(Scope::Global, KEYWORD, Origin::Configured(statement.keyword.span));
        }
    }
}
