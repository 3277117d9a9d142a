//! Reading a genotype: the Python form that papers print, or JSON.

use super::Genotype;
use crate::reader::Reader;
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
    let mut reader = Reader::new(text, WHAT);
    let start = reader;
    if reader.word() != "Genotype" {
        return Err(start.fault("it must begin with `Genotype(`"));
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
            edges[part / 2].replace(reader.list(edge)?).is_some()
        } else {
            concats[part / 2].replace(states(&mut reader)?).is_some()
        };
        if repeated {
            return Err(here.fault(&format!("`{name}` is given twice")));
        }
        if !reader.accept(',') {
            reader.expect(')')?;
            break;
        }
    }
    if !reader.is_at_end() {
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

/// `('sep_conv_3x3', 1)`.
fn edge(reader: &mut Reader<'_>) -> Result<(Operation, usize), SpaceError> {
    let close = reader.open()?;
    let operation = Operation::parse(reader.quoted()?)?;
    reader.expect(',')?;
    let state = state(reader)?;
    reader.accept(',');
    reader.expect(close)?;
    Ok((operation, state))
}

fn state(reader: &mut Reader<'_>) -> Result<usize, SpaceError> {
    reader.number("the number of a state, such as 2")
}

/// `[2, 3, 4, 5]`, `range(2, 6)` or `range(6)`.
fn states(reader: &mut Reader<'_>) -> Result<Vec<usize>, SpaceError> {
    let here = *reader;
    if reader.word() != "range" {
        *reader = here;
        return reader.list(state);
    }
    match reader.list(state)?[..] {
        // The bound keeps a slip of the keyboard from filling the memory; no cell has so many nodes.
        [start, end] if end <= 4096 => Ok((start..end).collect()),
        [end] if end <= 4096 => Ok((0..end).collect()),
        _ => Err(here.fault("expected `range(start, end)` with an end of at most 4096")),
    }
}
