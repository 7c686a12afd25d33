//! `~SEQ(VARIABLE, [START, [STEP,]] END) LINE` and `~LST(VARIABLE, VALUE…) LINE`: a line for each
//! value.

/// So many rounds a sequence may have: twice the instances that the largest build holds.
pub(super) const ROUNDS_MAX: usize = 4096;

/// What a line is repeated for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The variables that are set.
    pub(super) names: Vec<String>,
    /// Their values, round by round.
    pub(super) rounds: Vec<Vec<String>>,
}

/// A sequence as it is written, with where its line begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written<'t> {
    pub(super) kind: Kind<'t>,
    /// The octet behind the `)`.
    pub(super) end: usize,
}

/// What is between the parentheses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// The variable, whether in hexadecimal, and the place of its numbers, in which variables may stand.
    Numbers {
        name: &'t str,
        is_hex: bool,
        start: usize,
        end: usize,
    },
    List(Sequence),
}

/// Whether a line begins with a sequence.
pub(super) fn is_sequence(text: &str) -> bool {
    text.starts_with("~SEQ") || text.starts_with("~LST")
}

/// Reads what a line begins with, up to the `)`; or what is wrong with it.
pub(super) fn read(text: &str) -> Result<Written<'_>, String> {
    let is_list = text.starts_with("~LST");
    let rest = text.get(4..).unwrap_or("");
    let (is_hex, rest) = match rest.strip_prefix('x') {
        Some(rest) if !is_list => (true, rest),
        _ => (false, rest),
    };
    let Some(inside) = rest.trim_start_matches(BLANKS).strip_prefix('(') else {
        return Err("a `(` is missing".to_owned());
    };
    let open = text.len() - inside.len();
    if is_list {
        let (list, len) = list(inside)?;
        return Ok(Written { kind: Kind::List(list), end: open + len });
    }
    let Some(close) = inside.find(')') else { return Err("a `)` is missing".to_owned()) };
    let inside = inside.get(..close).unwrap_or("");
    let Some((name, _)) = inside.split_once(',') else {
        return Err("it wants a variable and numbers".to_owned());
    };
    let numbers = open + name.len() + 1;
    let name = name.trim_matches(BLANKS);
    if name.is_empty() {
        return Err("it wants a variable before the numbers".to_owned());
    }
    let end = open + close;
    Ok(Written { kind: Kind::Numbers { name, is_hex, start: numbers, end }, end: end + 1 })
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The rounds of a ~SEQ with these numbers; or what is wrong with them.
pub(super) fn numbers(name: &str, text: &str, is_hex: bool) -> Result<Sequence, String> {
    let numbers: Result<Vec<i64>, String> = text.split(',').map(number).collect();
    let numbers = numbers?;
    let (start, step, end) = match *numbers {
        [end] => (if end < 0 { -1 } else { 1 }, if end < 1 { -1 } else { 1 }, end),
        [start, end] => (start, if start <= end { 1 } else { -1 }, end),
        [start, step, end] => (start, step, end),
        _ => return Err("it takes up to three numbers: start, step, end".to_owned()),
    };
    if step == 0 || (start < end && step < 0) || (start > end && step > 0) {
        return Err(format!("steps of {step} do not lead from {start} to {end}"));
    }
    if is_hex && (start < 0 || end < 0) {
        return Err("~SEQx takes no negative numbers".to_owned());
    }
    let count = end.abs_diff(start) / step.unsigned_abs() + 1;
    if count > u64::try_from(ROUNDS_MAX).unwrap_or(u64::MAX) {
        return Err(format!("it has {count} rounds, {ROUNDS_MAX} are possible"));
    }
    let mut rounds = Vec::new();
    let mut next = Some(start);
    while let Some(value) = next.filter(|&value| if step > 0 { value <= end } else { value >= end })
    {
        rounds.push(vec![if is_hex { format!("{value:x}") } else { value.to_string() }]);
        next = value.checked_add(step);
    }
    Ok(Sequence { names: vec![name.to_owned()], rounds })
}

/// A number as strtol(3) reads it with base 0.
fn number(text: &str) -> Result<i64, String> {
    let text = text.trim_matches(BLANKS);
    let wrong = || format!("`{text}` is not a number");
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let value = i64::from_str_radix(digits, base).map_err(|_| wrong())?;
    Ok(if is_negative { -value } else { value })
}

/// The inside of a ~LST, and its length with the `)`.
fn list(text: &str) -> Result<(Sequence, usize), String> {
    let mut at = Cursor { text };
    let names = at.group()?;
    let mut rounds = Vec::new();
    while at.take(',') {
        let mut values = at.group()?;
        if values.len() > names.len() {
            return Err(format!("{} values for {} variables", values.len(), names.len()));
        }
        values.resize(names.len(), String::new());
        rounds.push(values);
        if rounds.len() > ROUNDS_MAX {
            return Err(format!("it has more than {ROUNDS_MAX} rounds"));
        }
    }
    if !at.take(')') {
        return Err("a `)` is missing".to_owned());
    }
    if names.iter().any(String::is_empty) {
        return Err("it wants a variable before the values".to_owned());
    }
    if rounds.is_empty() {
        return Err("it has no values".to_owned());
    }
    let len = text.len() - at.text.len();
    Ok((Sequence { names, rounds }, len))
}

struct Cursor<'t> {
    text: &'t str,
}

impl Cursor<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.text.trim_start_matches(BLANKS);
        match rest.strip_prefix(wanted) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        let text = self.text.trim_start_matches(BLANKS);
        let len = text.find([' ', '\t', ',', '}', ')']).unwrap_or(text.len());
        let (word, rest) = text.split_at(len);
        self.text = rest;
        word.to_owned()
    }

    /// A word, or several in braces.
    fn group(&mut self) -> Result<Vec<String>, String> {
        if !self.take('{') {
            return Ok(vec![self.word()]);
        }
        let mut words = vec![self.word()];
        while self.take(',') {
            words.push(self.word());
        }
        if self.take('}') { Ok(words) } else { Err("a `}` is missing".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Vec<String>, String> {
        let Kind::Numbers { name, is_hex, start, end } = read(text)?.kind else { panic!("{text}") };
        let sequence = numbers(name, &text[start..end], is_hex)?;
        Ok(sequence.rounds.concat())
    }

    #[test]
    fn numbers_are_counted_as_keepalived_counts_them() {
        for (text, expected) in [
            ("~SEQ(i, 3) x", "1 2 3"),
            ("~SEQ (i,0)", "1 0"),
            ("~SEQ(i,-2)", "-1 -2"),
            ("~SEQ(i,0x0a,12)", "10 11 12"),
            ("~SEQ(i, 3 , 1)", "3 2 1"),
            ("~SEQ(i,1,3,8)", "1 4 7"),
            ("~SEQ(i,8,-3,1)", "8 5 2"),
            ("~SEQ(i,010,9)", "8 9"),
            ("~SEQ(i,5,1,5)", "5"),
            ("~SEQx(i,9,11)", "9 a b"),
        ] {
            assert_eq!(
                values(text).map(|values| values.join(" ")),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_sequence_is_told() {
        for (text, word) in [
            ("~SEQ i,1", "`(`"),
            ("~SEQ(i,1", "`)`"),
            ("~SEQ(i)", "numbers"),
            ("~SEQ(,1)", "variable"),
            ("~SEQ(i,a)", "`a` is not"),
            ("~SEQ(i,1,2,3,4)", "up to three"),
            ("~SEQ(i,1,0,3)", "steps of 0"),
            ("~SEQ(i,1,-1,3)", "do not lead"),
            ("~SEQx(i,-3)", "negative"),
            ("~SEQ(i,1,4000000)", "4000000 rounds, 4096 are possible"),
            ("~SEQ(i,-9223372036854775807,9223372036854775807)", "4096 are possible"),
        ] {
            let message = values(text).unwrap_err();
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn lists_set_one_variable_or_several() {
        let list = |text: &str| match read(text).map(|written| written.kind) {
            Ok(Kind::List(list)) => Ok((list.names.join(" "), list.rounds)),
            Ok(_) => panic!("{text}"),
            Err(message) => Err(message),
        };
        let one = |words: [&str; 3]| words.map(|word| vec![word.to_owned()]).to_vec();
        assert_eq!(list("~LST(q, 7, 8,9) x"), Ok(("q".to_owned(), one(["7", "8", "9"]))));
        let rounds =
            [["A", "1"], ["B", "2"], ["C", ""]].map(|round| round.map(str::to_owned).to_vec());
        assert_eq!(
            list("~LST({n,v},{A,1},{ B , 2 },{C})  x"),
            Ok(("n v".to_owned(), rounds.to_vec()))
        );
        assert_eq!(list("~LST({a},{1,2})"), Err("2 values for 1 variables".to_owned()));
        assert_eq!(list("~LST(a)"), Err("it has no values".to_owned()));
        assert_eq!(list("~LST(a,1"), Err("a `)` is missing".to_owned()));
        assert_eq!(list("~LST({a,b,1)"), Err("a `}` is missing".to_owned()));
    }
}
