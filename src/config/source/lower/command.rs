//! Commands: words without a shell, and who runs them.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::lexer::Word;
use super::super::text::TextSpan;
use super::Lowering;
use crate::addr::AccountName;
use crate::config::model::Command;
use crate::limits::COMMAND_LEN_MAX;

/// What means something to a shell, and nothing to a program that is given it as a word.
const SHELL_WORDS: [&str; 9] = ["|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"];

/// The user that a command runs as, and the group.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Account {
    pub(super) user: AccountName,
    pub(super) group: AccountName,
    pub(super) supplementary: bool,
}

impl Lowering<'_> {
    /// `USER`, `USER GROUP`, `USER :` or `USER :GROUP`: the colon adds the user's other groups.
    pub(super) fn account(&mut self, words: &[Word]) -> Option<Account> {
        let user: AccountName = self.name(words.first()?)?.value;
        let mut account =
            Account { user, group: AccountName::new(), supplementary: self.defaults.supplementary };
        let Some(group) = words.get(1) else { return Some(account) };
        let name = group.text.strip_prefix(':');
        account.supplementary |= name.is_some();
        let name = name.unwrap_or(&group.text);
        if !name.is_empty() {
            let bare = Word { text: name.to_owned(), ..group.clone() };
            account.group = self.name(&bare)?.value;
        }
        if let Some(extra) = words.get(2) {
            let message = "a user and a group are all that is read".to_owned();
            self.report.add(Diagnostic::new(Code::ExtraValue, extra.span, message));
        }
        Some(account)
    }

    /// The index of a command in the table, where it is put if it is new. The words are split as
    /// keepalived splits them: at spaces that are not in single quotes.
    pub(super) fn command(&mut self, words: &[Word], account: Account) -> Option<u16> {
        let first = words.first()?;
        let span = words.last().map_or(first.span, |last| first.span.to(last.span));
        let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let arguments = match split(&text.join(" ")) {
            Ok(arguments) => arguments,
            Err(message) => return self.no_command(span, message),
        };
        let mut packed = heapless::String::<COMMAND_LEN_MAX>::new();
        for argument in &arguments {
            if packed.push_str(argument).and_then(|()| packed.push('\0')).is_err() {
                let message = format!("a command has at most {COMMAND_LEN_MAX} octets");
                return self.no_command(span, &message);
            }
        }
        let Some(program) = arguments.first().filter(|program| !program.is_empty()) else {
            return self.no_command(span, "the command is empty");
        };
        self.warn_of_shell(span, program, &arguments);
        self.put_command(span, packed, account)
    }

    /// The index of a FIFO in the table of commands: its path is all that it has.
    pub(super) fn fifo(&mut self, keyword: &str, path: &Word, account: Account) -> Option<u16> {
        let text = path.text.as_str();
        if !text.starts_with('/') || text.ends_with('/') || text.contains('\0') {
            let message = format!("`{keyword}` wants an absolute path, not `{text}`");
            return self.no_command(path.span, &message);
        }
        let mut packed = heapless::String::<COMMAND_LEN_MAX>::new();
        if packed.push_str(text).and_then(|()| packed.push('\0')).is_err() {
            let message = format!("a path has at most {} octets", COMMAND_LEN_MAX - 1);
            return self.no_command(path.span, &message);
        }
        self.put_command(path.span, packed, account)
    }

    fn put_command(
        &mut self,
        span: TextSpan,
        words: heapless::String<COMMAND_LEN_MAX>,
        account: Account,
    ) -> Option<u16> {
        let Account { user, group, supplementary } = account;
        let command = Command { words, user, group, supplementary };
        let known = self.config.commands.iter().position(|known| *known == command);
        let index = known.unwrap_or(self.config.commands.len());
        if known.is_none() {
            self.needs.commands.push(span);
            self.config.commands.push(command).ok()?;
        }
        u16::try_from(index).ok()
    }

    fn no_command(&mut self, span: TextSpan, message: &str) -> Option<u16> {
        self.report.add(Diagnostic::new(Code::BadCommand, span, message.to_owned()));
        None
    }

    fn warn_of_shell(&mut self, span: TextSpan, program: &str, arguments: &[String]) {
        let name = program.rsplit('/').next().unwrap_or(program);
        let is_meant_for_shell = |argument: &&String| {
            SHELL_WORDS.contains(&argument.as_str())
                || argument.ends_with(';')
                || argument.starts_with('>')
                || argument.starts_with("2>")
                || argument.contains("$(")
                || argument.contains('`')
        };
        if ["sh", "bash", "ash", "dash"].contains(&name) {
            return;
        }
        if let Some(argument) = arguments.iter().find(is_meant_for_shell) {
            let message = format!("there is no shell: `{argument}` is given to `{name}` as it is");
            self.report.add(
                Diagnostic::new(Code::NoShell, span, message)
                    .help("for a shell, write \"/bin/sh -c '...'\""),
            );
        }
    }
}

/// Words between spaces; single quotes hold together, a backslash outside of them takes the next
/// character as it is.
fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if is_quoted => word.get_or_insert_default().push(c),
            '\\' => match characters.next() {
                Some('n') => word.get_or_insert_default().push('\n'),
                Some('t') => word.get_or_insert_default().push('\t'),
                Some(c) if c.is_ascii_alphanumeric() => {
                    return Err("of the escapes with letters and digits, \\n and \\t are read");
                }
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("the command ends with a backslash"),
            },
            '\0' => return Err("a command has no NUL"),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if is_quoted {
        return Err("a single quote is never closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_keepalived_splits_them() {
        let words = |text| split(text).unwrap();
        assert_eq!(words("killall -0 nginx"), ["killall", "-0", "nginx"]);
        assert_eq!(words("/bin/sh -c 'a b  c' d"), ["/bin/sh", "-c", "a b  c", "d"]);
        assert_eq!(words(r"x a\ b \' ''"), ["x", "a b", "'", ""]);
        assert_eq!(words(r"x 'a\b'"), ["x", r"a\b"]);
        assert_eq!(words(r"x a\nb"), ["x", "a\nb"]);
        assert_eq!(words("   "), [""; 0]);
        for broken in ["x 'a", "x \\", r"x \x41"] {
            assert!(split(broken).is_err(), "{broken}");
        }
    }
}
