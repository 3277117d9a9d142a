//! Reading a genotype: a small recursive-descent parser of the Python form that papers print.

use super::Genotype;
use crate::{Operation, SpaceError};

const WHAT: &str = "a genotype";
const PARTS: [&str; 4] = ["normal", "normal_concat", "reduce", "reduce_concat"];

/// The JSON form.
pub(super) fn json(text: &str) -> Result<Genotype, SpaceError> {
    serde_json::from_str(text).map_err(|error| {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or("");
        let near = line.chars().skip(error.column().saturating_sub(12)).take(24).collect();
        SpaceError::Parse { what: WHAT, near, reason: error.to_string() }
    })
}

/// The text form.
pub(super) fn text(text: &str) -> Result<Genotype, SpaceError> {
    let mut reader = Reader { rest: text };
    reader.skip_space();
    let word = reader.word();
    if word != "Genotype" {
        reader.rest = text;
        return Err(reader.fault("it must begin with `Genotype(`"));
    }
    reader.expect('(')?;
    let (mut edges, mut concats) = ([None, None], [None, None]);
    while !reader.accept(')') {
        let here = reader;
        let name = reader.word();
        let Some(part) = PARTS.iter().position(|p| *p == name) else {
            return Err(here.fault(&format!("expected one of {} or `)`", PARTS.join(", "))));
        };
        reader.expect('=')?;
        let repeated = if part % 2 == 0 {
            edges[part / 2].replace(reader.list(Reader::edge)?).is_some()
        } else {
            concats[part / 2].replace(reader.states()?).is_some()
        };
        if repeated {
            return Err(here.fault(&format!("`{name}` is given twice")));
        }
        if !reader.accept(',') {
            reader.expect(')')?;
            break;
        }
    }
    if !reader.rest.is_empty() {
        return Err(reader.fault("there is more text after the closing `)`"));
    }
    let missing = |part: usize| reader.fault(&format!("`{}=` is missing", PARTS[part]));
    let [normal, reduce] = edges;
    let [normal_concat, reduce_concat] = concats;
    Ok(Genotype {
        normal: normal.ok_or_else(|| missing(0))?,
        normal_concat: normal_concat.ok_or_else(|| missing(1))?,
        reduce: reduce.ok_or_else(|| missing(2))?,
        reduce_concat: reduce_concat.ok_or_else(|| missing(3))?,
    })
}

/// What is left to read. White space is skipped after everything read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn fault(&self, reason: &str) -> SpaceError {
        let near: String = self.rest.chars().take(24).collect();
        let near = if near.is_empty() { "the end".to_owned() } else { near };
        SpaceError::Parse { what: WHAT, near, reason: reason.to_owned() }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Reads the characters that satisfy a condition.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> &'a str {
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        self.skip_space();
        word
    }

    fn accept(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn expect(&mut self, wanted: char) -> Result<(), SpaceError> {
        if self.accept(wanted) { Ok(()) } else { Err(self.fault(&format!("expected `{wanted}`"))) }
    }

    fn number(&mut self) -> Result<usize, SpaceError> {
        let here = *self;
        let digits = self.take(|c| c.is_ascii_digit());
        self.skip_space();
        digits.parse().map_err(|_| here.fault("expected the number of a state, such as 2"))
    }

    /// An opening bracket; returns the one that closes it.
    fn open(&mut self) -> Result<char, SpaceError> {
        if self.accept('[') {
            Ok(']')
        } else if self.accept('(') {
            Ok(')')
        } else {
            Err(self.fault("expected `[` or `(`"))
        }
    }

    /// A bracketed list of items, with or without a last comma.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, SpaceError>) -> Result<Vec<T>, SpaceError> {
        let close = self.open()?;
        let mut items = Vec::new();
        while !self.accept(close) {
            items.push(item(self)?);
            if !self.accept(',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    /// `('sep_conv_3x3', 1)`.
    fn edge(&mut self) -> Result<(Operation, usize), SpaceError> {
        let close = self.open()?;
        let quote = if self.accept('\'') {
            '\''
        } else if self.accept('"') {
            '"'
        } else {
            return Err(self.fault("expected the name of an operation in quotes"));
        };
        let operation = Operation::parse(self.word())?;
        self.expect(quote)?;
        self.expect(',')?;
        let state = self.number()?;
        self.accept(',');
        self.expect(close)?;
        Ok((operation, state))
    }

    /// `[2, 3, 4, 5]`, `range(2, 6)` or `range(6)`.
    fn states(&mut self) -> Result<Vec<usize>, SpaceError> {
        let here = *self;
        if self.word() != "range" {
            *self = here;
            return self.list(Self::number);
        }
        match self.list(Self::number)?[..] {
            // The bound keeps a slip of the keyboard from filling the memory; no cell has so many nodes.
            [start, end] if end <= 4096 => Ok((start..end).collect()),
            [end] if end <= 4096 => Ok((0..end).collect()),
            _ => Err(here.fault("expected `range(start, end)` with an end of at most 4096")),
        }
    }
}
