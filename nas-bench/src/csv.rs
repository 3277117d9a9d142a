//! Comma-separated tables of plain numbers and words: no quotes, a header, one line a row. Every fault names its line.

use std::path::{Path, PathBuf};

use crate::BenchError;

/// A file, read whole.
pub(crate) struct Csv {
    path: PathBuf,
    text: String,
}

/// A line of the file below its header.
pub(crate) struct Row<'a> {
    csv: &'a Csv,
    /// From 1, as editors count.
    pub(crate) line: usize,
    fields: Vec<&'a str>,
}

/// A column, by its place and its name.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    at: usize,
    name: &'a str,
}

impl Csv {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let unreadable = |source| BenchError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let csv = Self { path: path.to_owned(), text };
        match csv.text.trim().is_empty() {
            true => Err(csv.fault("the file is empty; get it again")),
            false => Ok(csv),
        }
    }

    /// The file as it stands.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn header(&self) -> impl Iterator<Item = &str> {
        self.text.lines().next().unwrap_or_default().split(',').map(str::trim)
    }

    /// The column of a name, if there is one.
    pub(crate) fn find<'a>(&self, name: &'a str) -> Option<Column<'a>> {
        self.header().position(|column| column == name).map(|at| Column { at, name })
    }

    /// The column of a name.
    pub(crate) fn column<'a>(&self, name: &'a str) -> Result<Column<'a>, BenchError> {
        self.find(name).ok_or_else(|| {
            let found: Vec<&str> = self.header().collect();
            self.fault(&format!(
                "it has no column `{name}`, its columns are {}; is it the file of another table?",
                found.join(", ")
            ))
        })
    }

    /// Every row below the header. A row with too few or too many fields is an error: a file cut short ends in one.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'_>, BenchError>> {
        let width = self.header().count();
        let lines = self.text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
        lines.map(move |(at, text)| {
            let mut fields = Vec::with_capacity(width);
            fields.extend(text.split(',').map(str::trim));
            let row = Row { csv: self, line: at + 1, fields };
            if row.fields.len() == width {
                return Ok(row);
            }
            let last = self.text.lines().nth(at + 1).is_none();
            let cut = if last && row.fields.len() < width { "; the file was cut short: get it again" } else { "" };
            Err(row.fault(format!("it has {} fields, the header has {width}{cut}", row.fields.len())))
        })
    }

    /// An error about the file as a whole.
    pub(crate) fn fault(&self, reason: &str) -> BenchError {
        BenchError::File { path: self.path.clone(), reason: reason.to_owned() }
    }
}

impl<'a> Row<'a> {
    /// A field as it stands.
    pub(crate) fn text(&self, column: Column<'_>) -> &'a str {
        self.fields[column.at]
    }

    /// A number; an empty field, `NaN` and infinity are none.
    pub(crate) fn number(&self, column: Column<'_>) -> Result<f64, BenchError> {
        let text = self.text(column);
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.fault(format!("`{}` is `{text}`, which is not a number", column.name))),
        }
    }

    /// An accuracy that must be there.
    pub(crate) fn known_accuracy(&self, column: Column<'_>, whole: f64) -> Result<f64, BenchError> {
        match self.accuracy(column, whole)? {
            value if value.is_nan() => Err(self.fault(format!("`{}` is empty; every row must have it", column.name))),
            value => Ok(value),
        }
    }

    /// A number, or `NaN` where the field is empty.
    pub(crate) fn known_number(&self, column: Column<'_>) -> Result<f64, BenchError> {
        if self.text(column).is_empty() { Ok(f64::NAN) } else { self.number(column) }
    }

    /// A count.
    pub(crate) fn count(&self, column: Column<'_>) -> Result<u64, BenchError> {
        let text = self.text(column);
        text.parse().map_err(|_| self.fault(format!("`{}` is `{text}`, which is not a count", column.name)))
    }

    /// An accuracy from 0 to `whole`, as a share from 0 to 1; `NaN` where the field is empty.
    pub(crate) fn accuracy(&self, column: Column<'_>, whole: f64) -> Result<f64, BenchError> {
        let value = self.known_number(column)?;
        if value.is_nan() || (0.0..=whole).contains(&value) {
            return Ok(value / whole);
        }
        Err(self.fault(format!("`{}` is {value}, which is no accuracy from 0 to {whole}", column.name)))
    }

    /// An error about this line.
    pub(crate) fn fault(&self, reason: impl Into<String>) -> BenchError {
        BenchError::Line { path: self.csv.path.clone(), line: self.line, reason: reason.into() }
    }
}
