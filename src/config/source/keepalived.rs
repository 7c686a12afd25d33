//! Words to a tree of statements, as keepalived.conf nests them.
//!
//! The tree knows of keywords only what it needs to find a missing or early `}`: a keyword that
//! may not stand where it is, but may outside, says that a block was not closed.

use super::code::Code;
use super::diagnostic::{Diagnostic, Report};
use super::keywords::{self, Block};
use super::lexer::{Token, Word};
use super::options::Options;
use super::reader;
use super::text::{FileId, TextSpan};

/// Deeper than any keyword goes.
const DEPTH_MAX: usize = 12;

/// A keyword or entry with what follows it.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) keyword: Word,
    pub(super) values: Vec<Word>,
    pub(super) block: Option<Body>,
    /// The comment behind it on its line.
    pub(super) comment: Option<TextSpan>,
}

/// What is between braces.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) open: TextSpan,
    pub(super) statements: Vec<Statement>,
}

/// A file.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) file: FileId,
    pub(super) statements: Vec<Statement>,
}

/// A block that is being read; the last statement of the frame below it opened it.
struct Frame {
    kind: Option<Block>,
    open: TextSpan,
    statements: Vec<Statement>,
}

struct Parser {
    frames: Vec<Frame>,
    /// The statement of this line.
    current: Option<Statement>,
    /// Whether a `{` on the next line would belong to the last statement.
    is_waiting: bool,
    /// `{` that were refused, whose `}` are to be ignored.
    ignored: usize,
}

/// Reads a file and all that it includes.
pub(super) fn parse(file: FileId, options: &Options<'_>, report: &mut Report) -> Tree {
    let nowhere = TextSpan { file, ..TextSpan::default() };
    let top = Frame { kind: Some(Block::Top), open: nowhere, statements: Vec::new() };
    let mut parser = Parser { frames: vec![top], current: None, is_waiting: false, ignored: 0 };
    reader::read(file, options, report, &mut |token, report| match token {
        Token::Word(word) => parser.word(word),
        Token::LineEnd(comment) => parser.line_end(comment, report),
        Token::Open(span) => parser.open(span, report),
        Token::Close(span) => parser.close(span, report),
    });
    parser.finish(file, report)
}

impl Parser {
    fn kind(&self) -> Option<Block> {
        self.frames.last().and_then(|frame| frame.kind)
    }

    fn word(&mut self, word: Word) {
        self.is_waiting = false;
        match &mut self.current {
            Some(statement) => {
                // Most have one.
                if statement.values.is_empty() {
                    statement.values.reserve_exact(1);
                }
                statement.values.push(word);
            }
            None => {
                self.current = Some(Statement {
                    keyword: word,
                    values: Vec::new(),
                    block: None,
                    comment: None,
                });
            }
        }
    }

    fn line_end(&mut self, comment: Option<TextSpan>, report: &mut Report) {
        if let Some(mut statement) = self.current.take() {
            statement.comment = comment;
            self.place(&statement.keyword, false, report);
            self.push(statement);
            self.is_waiting = true;
        }
    }

    fn open(&mut self, span: TextSpan, report: &mut Report) {
        let statement = match self.current.take() {
            Some(statement) => Some(statement),
            None if self.is_waiting => self.frames.last_mut().and_then(|f| f.statements.pop()),
            None => None,
        };
        self.is_waiting = false;
        let Some(mut statement) = statement.filter(|statement| statement.block.is_none()) else {
            report.add(
                Diagnostic::new(
                    Code::StrayOpen,
                    span,
                    "`{` without a keyword before it".to_owned(),
                )
                .help("remove it with its `}`, or write the keyword before it"),
            );
            self.ignored += 1;
            return;
        };
        if self.frames.len() > DEPTH_MAX {
            let message = format!("blocks are nested more than {DEPTH_MAX} deep");
            report.add(Diagnostic::new(Code::Nesting, span, message));
            self.ignored += 1;
            self.push(statement);
            return;
        }
        self.place(&statement.keyword, true, report);
        let here = self.kind().unwrap_or(Block::Lines);
        let kind = keywords::find(&statement.keyword.text, here).and_then(keywords::Keyword::opens);
        statement.block = Some(Body { open: span, statements: Vec::new() });
        self.push(statement);
        self.frames.push(Frame { kind, open: span, statements: Vec::new() });
    }

    fn close(&mut self, span: TextSpan, report: &mut Report) {
        self.is_waiting = false;
        if let Some(statement) = self.current.take() {
            self.place(&statement.keyword, false, report);
            self.push(statement);
        }
        if self.ignored > 0 {
            self.ignored -= 1;
        } else if self.frames.len() > 1 {
            self.pop();
        } else {
            report.add(
                Diagnostic::new(Code::ExtraClose, span, "this `}` closes nothing".to_owned())
                    .help("remove it, or look above for a block that was closed too early"),
            );
        }
    }

    fn push(&mut self, statement: Statement) {
        if let Some(frame) = self.frames.last_mut() {
            frame.statements.push(statement);
        }
    }

    /// Ends the innermost block: its statements go to the statement that opened it.
    fn pop(&mut self) {
        let Some(done) = self.frames.pop() else { return };
        let opener = self.frames.last_mut().and_then(|frame| frame.statements.last_mut());
        if let Some(block) = opener.and_then(|opener| opener.block.as_mut()) {
            block.statements = done.statements;
        }
    }

    /// Notices by a keyword that a block before it was not closed, or was closed too early.
    fn place(&mut self, keyword: &Word, opens_block: bool, report: &mut Report) {
        let Some(here) = self.kind() else {
            // In an unknown block anything may stand but what begins a file's next part.
            let is_top = keywords::find(&keyword.text, Block::Top).is_some_and(|known| {
                known.blocks == [Block::Top] && known.opens().is_some() && opens_block
            });
            if is_top {
                self.close_missing(1, keyword, report);
            }
            return;
        };
        let Some(known) = keywords::find(&keyword.text, here) else { return };
        if known.is_in(here) || (here.is_list() && !opens_block && !is_unlike_entry(here, known)) {
            return;
        }
        if self.open_missing(keyword, known, report) {
            return;
        }
        let keep = self.frames.iter().rposition(|f| f.kind.is_some_and(|kind| known.is_in(kind)));
        match keep {
            Some(index) => self.close_missing(index + 1, keyword, report),
            None if self.frames.len() == 1 => self.reopen(keyword, known, report),
            None => {}
        }
    }

    /// Opens the block of the statement before, if that lacks its `{` and `keyword` belongs in it.
    fn open_missing(
        &mut self,
        keyword: &Word,
        known: &keywords::Keyword,
        report: &mut Report,
    ) -> bool {
        let here = self.kind().unwrap_or(Block::Lines);
        let Some(opener) = self.frames.last_mut().and_then(|frame| frame.statements.last_mut())
        else {
            return false;
        };
        let opens = keywords::find(&opener.keyword.text, here).and_then(keywords::Keyword::opens);
        let Some(kind) = opens.filter(|&kind| opener.block.is_none() && known.is_in(kind)) else {
            return false;
        };
        let name = &opener.keyword.text;
        let span = opener.keyword.span;
        let diagnostic = Diagnostic::new(Code::NoBlock, span, format!("`{name}` wants a block"))
            .also(keyword.span, "its block seems to begin here")
            .help(format!("write `{{` behind `{name}` and its name"));
        opener.block = Some(Body { open: span, statements: Vec::new() });
        report.add(diagnostic);
        self.frames.push(Frame { kind: Some(kind), open: span, statements: Vec::new() });
        true
    }

    /// Closes all blocks but the outer `keep`, with a message.
    fn close_missing(&mut self, keep: usize, keyword: &Word, report: &mut Report) {
        while self.frames.len() > keep.max(1) {
            let open = self.frames.last().map(|frame| frame.open).unwrap_or_default();
            self.pop();
            let opener = self.frames.last().and_then(|frame| frame.statements.last());
            let name = opener.map_or("", |opener| opener.keyword.text.as_str());
            let message = format!("the block of `{name}` is not closed");
            let there = format!("`{}` cannot stand in it", keyword.text);
            report.add(
                Diagnostic::new(Code::OpenBlock, open, message)
                    .label("this `{` has no `}`")
                    .also(keyword.span, there)
                    .help(format!("put a `}}` before `{}`", keyword.text)),
            );
        }
    }

    /// At the top level, a keyword of the block that was closed last: it was closed too early.
    fn reopen(&mut self, keyword: &Word, known: &keywords::Keyword, report: &mut Report) {
        let Some(top) = self.frames.last_mut() else { return };
        let Some(opener) = top.statements.last_mut() else { return };
        let kind =
            keywords::find(&opener.keyword.text, Block::Top).and_then(keywords::Keyword::opens);
        let Some(kind) = kind.filter(|&kind| known.is_in(kind)) else { return };
        let Some(body) = opener.block.as_mut() else { return };
        let frame = Frame {
            kind: Some(kind),
            open: body.open,
            statements: std::mem::take(&mut body.statements),
        };
        let message = format!("the block of `{}` was closed too early", opener.keyword.text);
        let diagnostic = Diagnostic::new(Code::ExtraClose, keyword.span, message)
            .label(format!("`{}` belongs in the block", keyword.text))
            .also(body.open, "the block that begins here")
            .help(format!("remove the `}}` before `{}`", keyword.text));
        report.add(diagnostic);
        self.frames.push(frame);
    }

    fn finish(mut self, file: FileId, report: &mut Report) -> Tree {
        while self.frames.len() > 1 {
            let open = self.frames.last().map(|frame| frame.open).unwrap_or_default();
            self.pop();
            let opener = self.frames.last().and_then(|frame| frame.statements.last());
            let name = opener.map_or("", |opener| opener.keyword.text.as_str());
            report.add(
                Diagnostic::new(
                    Code::OpenBlock,
                    open,
                    format!("the block of `{name}` is not closed"),
                )
                .label("this `{` has no `}` up to the end of the file")
                .help("put a `}` where the block ends"),
            );
        }
        let statements = self.frames.pop().map(|top| top.statements).unwrap_or_default();
        Tree { file, statements }
    }
}

/// Whether a keyword cannot be an entry of this list: no address is called `priority`, while an
/// interface or script may be.
fn is_unlike_entry(list: Block, known: &keywords::Keyword) -> bool {
    matches!(list, Block::Addresses | Block::Peers) && known.is_in(Block::Instance)
}
