//! The only place that prints: results on standard output, everything on the way on standard error.

pub mod progress;
pub mod table;

use std::io::{IsTerminal, Write};

/// How one command prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
    terminal: bool,
    results: bool,
}

impl Output {
    /// For a command with `--json` and `--quiet`.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, terminal: std::io::stderr().is_terminal(), results: true }
    }

    /// For a part of a command, whose results are told by the whole.
    pub fn notes(quiet: bool) -> Self {
        Self { results: false, ..Self::new(false, quiet) }
    }

    /// For what is only tried.
    pub fn silent() -> Self {
        Self::notes(true)
    }

    /// Whether progress bars make sense.
    pub fn has_bars(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// A part of the result for a person; nothing under `--json`.
    pub fn result(&self, text: &str) {
        if self.results && !self.json {
            line(text);
        }
    }

    /// The result as the one JSON document; nothing without `--json`.
    pub fn document(&self, value: &serde_json::Value) {
        if self.json {
            line(&format!("{value:#}"));
        }
    }

    /// Something on the way.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Something the user should know, even under `--quiet`.
    pub fn warn(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "warning: {text}");
    }
}

/// A line of the result. A reader that is gone (`nas show … | head`) is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// An error, for a person.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}

/// A remark from outside a command's flow, such as a signal's.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
