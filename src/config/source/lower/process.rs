//! vrrp_track_process: processes that are counted.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::keepalived::Statement;
use super::super::keywords::Block;
use super::super::lexer::Word;
use super::script::Draft;
use super::track::Weight;
use super::{Given, Lowering, Seen};
use crate::config::model::{Kind, Parameters, Probe, Process, Text};
use crate::time::Span;

/// The shortest and the longest delay, as in keepalived.
const DELAY_MIN: Span = Span::from_micros(1);
const DELAY_MAX: Span = Span::from_secs(3600);

/// The values of a block, until all of it has been read.
#[derive(Default)]
struct Values {
    words: Vec<Word>,
    full_command: bool,
    parameters: Option<Parameters>,
    quorum: Option<Given<u64>>,
    quorum_max: Option<Given<u64>>,
    fork_delay: Option<Given<Span>>,
    terminate_delay: Option<Given<Span>>,
    weight: Weight,
}

impl Lowering<'_> {
    /// Reads one block. What it tracks is looked at once in a second, or as often as the kernel
    /// tells of changes.
    pub(super) fn track_process(&mut self, statement: &Statement) {
        let Some(body) = &statement.block else { return };
        let name = statement.values.first().and_then(|word| self.name(word));
        self.one_name(statement, "a tracked process");
        let (mut seen, mut values) = (Seen::default(), Values::default());
        for inner in &body.statements {
            let Some(keyword) = self.judge(inner, Block::TrackProcess) else { continue };
            self.once(&mut seen, keyword.name, inner.keyword.span);
            self.process_keyword(keyword.name, inner, &mut values);
        }
        let Some(first) = values.words.first() else {
            let message = "this block has no `process`: which ones it is about".to_owned();
            self.report.add(Diagnostic::new(Code::BadCommand, statement.keyword.span, message));
            return;
        };
        let span = values.words.last().map_or(first.span, |last| first.span.to(last.span));
        let Some(process) = self.process(&values) else { return };
        let draft =
            Draft::built_in(Kind::Process, name, Given { value: Probe::Process(process), span });
        self.keep(draft.weighing(values.weight));
    }

    fn process_keyword(&mut self, name: &'static str, statement: &Statement, values: &mut Values) {
        let Some(word) = statement.values.first() else {
            match name {
                "full_command" => values.full_command = true,
                // Without parameters, it says that there must be none.
                "param_match" => values.parameters = Some(Parameters::Exact),
                _ => {
                    let message = format!("`{name}` wants a value");
                    let span = statement.keyword.span;
                    self.report.add(Diagnostic::new(Code::NoValue, span, message));
                }
            }
            return;
        };
        let (count, time) = (0..=u64::from(u16::MAX), DELAY_MIN..=DELAY_MAX);
        let choices = [("initial", Parameters::Initial), ("partial", Parameters::Partial)];
        match name {
            "process" => values.words.clone_from(&statement.values),
            "param_match" => {
                self.no_more(name, &statement.values);
                values.parameters = self.choice(name, word, &choices).map(|given| given.value);
            }
            "quorum" => values.quorum = self.number(name, word, count),
            "quorum_max" => values.quorum_max = self.number(name, word, count),
            "fork_delay" => values.fork_delay = self.seconds(name, word, time),
            "terminate_delay" => values.terminate_delay = self.seconds(name, word, time),
            "delay" => {
                let delay = self.seconds(name, word, time);
                (values.fork_delay, values.terminate_delay) = (delay.clone(), delay);
            }
            "weight" => {
                if let Some(weight) =
                    self.weight(Kind::Process, &statement.values, Weight::default())
                {
                    values.weight = weight;
                }
            }
            _ => {}
        }
    }

    /// Only one of these words says anything.
    fn no_more(&mut self, name: &str, words: &[Word]) {
        if let Some(extra) = words.get(1) {
            let message = format!("`{name}` takes one value; what follows is not read");
            self.report.add(Diagnostic::new(Code::ExtraValue, extra.span, message));
        }
    }

    fn process(&mut self, values: &Values) -> Option<Process> {
        let mut words = Text::new();
        for word in &values.words {
            if words.push_str(&word.text).and_then(|()| words.push('\0')).is_err() {
                let message = format!("a process has at most {} octets", Text::new().capacity());
                self.report.add(Diagnostic::new(Code::BadCommand, word.span, message));
                return None;
            }
        }
        // None may run: then none need to.
        let quorum_max = values.quorum_max.as_ref().map_or(u64::from(u16::MAX), |max| max.value);
        let quorum = values.quorum.as_ref().map_or(1.min(quorum_max), |quorum| quorum.value);
        if let (Some(min), Some(max)) = (&values.quorum, &values.quorum_max)
            && quorum > quorum_max
        {
            let message = format!("at least {quorum} and at most {quorum_max} never run");
            let diagnostic = Diagnostic::new(Code::BadBuiltin, min.span, message);
            self.report.add(diagnostic.also(max.span, "the most"));
            return None;
        }
        let with_parameters =
            if values.words.len() > 1 { Parameters::Exact } else { Parameters::Any };
        let delay = |given: &Option<Given<Span>>| given.as_ref().map_or(Span::ZERO, |it| it.value);
        Some(Process {
            words,
            full_command: values.full_command,
            parameters: values.parameters.unwrap_or(with_parameters),
            quorum: u16::try_from(quorum).ok()?,
            quorum_max: u16::try_from(quorum_max).ok()?,
            fork_delay: delay(&values.fork_delay),
            terminate_delay: delay(&values.terminate_delay),
        })
    }
}
