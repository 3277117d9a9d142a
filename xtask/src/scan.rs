//! Tells code from comments and strings, line by line, so that a check for a word does not trip over a text about it.

/// One line of a Rust file, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The code, with the contents of string and character literals left out.
    pub(crate) code: String,
    /// The comments.
    pub(crate) comment: String,
}

/// Where the scanner stands.
#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    /// In this many nested block comments.
    BlockComment(usize),
    /// In a string that a quote and this many `#` end; `None` where a backslash escapes.
    Text(Option<usize>),
}

/// Takes a Rust source apart.
pub(crate) fn scan(source: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut state = State::Code;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let line = lines.last_mut().expect("there is a line from the start, and none is removed");
        if c == '\n' {
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            lines.push(Line::default());
            rest = &rest[1..];
            continue;
        }
        let (next, step) = advance(state, rest, &line.code);
        match state {
            State::Code if matches!(next, State::Code | State::Text(_)) => line.code.push_str(&shown(&rest[..step])),
            State::Text(_) if matches!(next, State::Code) => line.code.push_str(&rest[..step]),
            State::Code | State::LineComment | State::BlockComment(_) => line.comment.push_str(&rest[..step]),
            State::Text(_) => {}
        }
        state = next;
        rest = &rest[step..];
    }
    lines
}

/// The state after the next token of `rest`, and the token's length in bytes. `before` is the code read so far on this
/// line: `r` opens a raw string only where it does not end a longer name.
fn advance(state: State, rest: &str, before: &str) -> (State, usize) {
    let one = rest.chars().next().map_or(0, char::len_utf8);
    match state {
        State::LineComment => (state, one),
        State::BlockComment(depth) if rest.starts_with("/*") => (State::BlockComment(depth + 1), 2),
        State::BlockComment(1) if rest.starts_with("*/") => (State::Code, 2),
        State::BlockComment(depth) if rest.starts_with("*/") => (State::BlockComment(depth - 1), 2),
        State::BlockComment(_) => (state, one),
        // A backslash at the end of a line must not swallow the line's end.
        State::Text(None) if rest.starts_with('\\') && !rest.starts_with("\\\n") => {
            (state, 1 + rest[1..].chars().next().map_or(0, char::len_utf8))
        }
        State::Text(None) if rest.starts_with('"') => (State::Code, 1),
        State::Text(Some(hashes)) if closes(rest, hashes) => (State::Code, 1 + hashes),
        State::Text(_) => (state, one),
        State::Code if rest.starts_with("//") => (State::LineComment, 2),
        State::Code if rest.starts_with("/*") => (State::BlockComment(1), 2),
        State::Code if rest.starts_with('"') => (State::Text(None), 1),
        State::Code => match raw_string(rest, before) {
            Some(hashes) => (State::Text(Some(hashes)), 2 + hashes),
            None => (State::Code, character(rest).unwrap_or(one)),
        },
    }
}

/// Whether a raw string ends here.
fn closes(rest: &str, hashes: usize) -> bool {
    rest.strip_prefix('"').is_some_and(|tail| tail.len() >= hashes && tail.bytes().take(hashes).all(|b| b == b'#'))
}

/// The number of `#` of a raw string that opens here.
fn raw_string(rest: &str, before: &str) -> Option<usize> {
    let tail = rest.strip_prefix('r')?;
    let name = before.strip_suffix(['b', 'c']).unwrap_or(before);
    if name.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let hashes = tail.bytes().take_while(|b| *b == b'#').count();
    tail[hashes..].starts_with('"').then_some(hashes)
}

/// The length of a character literal that opens here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let tail = rest.strip_prefix('\'')?;
    let first = tail.chars().next()?;
    if first == '\\' {
        // The escaped character may itself be a quote.
        return tail[1..].char_indices().skip(1).find(|(_, c)| *c == '\'').map(|(at, _)| at + 3);
    }
    tail[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2)
}

/// A token as the code view shows it: a character literal loses what it holds.
fn shown(token: &str) -> String {
    if token.len() > 2 && token.starts_with('\'') { "''".into() } else { token.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a source against its lines as `code | comment`.
    fn check(source: &str, expect: &[&str]) {
        let lines: Vec<String> = scan(source).iter().map(|l| format!("{} | {}", l.code, l.comment)).collect();
        assert_eq!(lines, expect, "{source}");
    }

    #[test]
    fn comments_are_told_from_code() {
        check("let a = 1; // one", &["let a = 1;  | // one"]);
        check("a /* b /* c */ d */ e", &["a  e | /* b /* c */ d */"]);
        check("a /* b\nc */ d\ne // f\ng", &["a  | /* b", " d | c */", "e  | // f", "g | "]);
    }

    #[test]
    fn strings_lose_their_contents() {
        check(r#"f("// no", "\"", 'x')"#, &[r#"f("", "", '') | "#]);
        check("f(r#\"a \" b\"#, br\"c\")", &["f(r#\"\"#, br\"\") | "]);
        check("f(\"a \\\n // b\") // c", &["f(\" | ", "\")  | // c"]);
    }

    #[test]
    fn lifetimes_are_no_characters() {
        check(r"fn f<'a>(x: &'a str) -> char { '\'' } // y", &[r"fn f<'a>(x: &'a str) -> char { '' }  | // y"]);
        check("for r in bar { 'é' }", &["for r in bar { '' } | "]);
    }
}
