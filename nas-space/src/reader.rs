//! Reading the Python forms that papers print: a few steps of recursive descent, with the place of a fault in its error.

use crate::SpaceError;

/// What is left to read. White space is skipped after everything read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a str,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `what`, such as "a genotype", from a text.
    pub(crate) fn new(text: &'a str, what: &'static str) -> Self {
        Self { rest: text.trim_start(), what }
    }

    /// Whether everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error that something else was expected here.
    pub(crate) fn fault(&self, reason: &str) -> SpaceError {
        let near: String = self.rest.chars().take(24).collect();
        let near = if near.is_empty() { "the end".to_owned() } else { near };
        SpaceError::Parse { what: self.what, near, reason: reason.to_owned() }
    }

    /// Reads the characters that satisfy a condition.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Letters, digits and underscores.
    pub(crate) fn word(&mut self) -> &'a str {
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        self.rest = self.rest.trim_start();
        word
    }

    /// Reads a character if it is the next.
    pub(crate) fn accept(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_start();
        true
    }

    /// Reads a character that must be the next.
    pub(crate) fn expect(&mut self, wanted: char) -> Result<(), SpaceError> {
        if self.accept(wanted) { Ok(()) } else { Err(self.fault(&format!("expected `{wanted}`"))) }
    }

    /// A number; `expected` says what it stands for.
    pub(crate) fn number(&mut self, expected: &str) -> Result<usize, SpaceError> {
        let here = *self;
        let digits = self.take(|c| c.is_ascii_digit());
        self.rest = self.rest.trim_start();
        digits.parse().map_err(|_| here.fault(&format!("expected {expected}")))
    }

    /// An opening bracket; returns the one that closes it.
    pub(crate) fn open(&mut self) -> Result<char, SpaceError> {
        if self.accept('[') {
            Ok(']')
        } else if self.accept('(') {
            Ok(')')
        } else {
            Err(self.fault("expected `[` or `(`"))
        }
    }

    /// A bracketed list of items, with or without a last comma.
    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, SpaceError>) -> Result<Vec<T>, SpaceError> {
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

    /// A name in quotes of either kind: letters, digits, underscores and hyphens.
    pub(crate) fn quoted(&mut self) -> Result<&'a str, SpaceError> {
        let quote = if self.accept('\'') {
            '\''
        } else if self.accept('"') {
            '"'
        } else {
            return Err(self.fault("expected the name of an operation in quotes"));
        };
        let name = self.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        self.rest = self.rest.trim_start();
        self.expect(quote)?;
        Ok(name)
    }
}
