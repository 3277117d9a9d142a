//! Reading a genotype: the Python form that papers print, whatever the word in front, or JSON.

use super::Genotype;
use crate::reader::Reader;
use crate::{Operation, SpaceError};

const WHAT: &str = "a genotype";
/// What a text has of the normal and of the reduction cell: edges, and the states of its output.
pub(super) const GENOTYPE: &[[&str; 2]] = &[["normal", "reduce"], ["normal_concat", "reduce_concat"]];
/// The same, and the nodes that join their sides.
pub(crate) const CELLS: &[[&str; 2]] = &[GENOTYPE[0], GENOTYPE[1], ["normal_joined", "reduce_joined"]];

/// The JSON form.
pub(super) fn json(text: &str) -> Result<Genotype, SpaceError> {
    serde_json::from_str(text).map_err(|error| {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or("");
        let near = line.chars().skip(error.column().saturating_sub(12)).take(24).collect();
        SpaceError::Parse { what: WHAT, near, reason: error.to_string() }
    })
}

/// What a text form says.
pub(crate) struct Text {
    /// Which of the possible words it begins with.
    pub(crate) word: usize,
    pub(crate) genotype: Genotype,
    /// The joined nodes of the normal and the reduction cell; none where nothing is said.
    pub(crate) joined: [Vec<usize>; 2],
}

/// The text form, which begins with one of the words and has these parts.
pub(crate) fn text(text: &str, words: &[&str], parts: &[[&str; 2]]) -> Result<Text, SpaceError> {
    let mut reader = Reader::new(text, WHAT);
    let start = reader;
    let found = reader.word();
    let Some(word) = words.iter().position(|word| *word == found) else {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}(`")).collect();
        return Err(start.fault(&format!("it must begin with {}", words.join(" or "))));
    };
    reader.expect('(')?;
    let (mut edges, mut concats, mut joined) = ([None, None], [None, None], [None, None]);
    while !reader.accept(')') {
        let here = reader;
        let name = reader.word();
        let part = |kind: usize| parts[kind].iter().position(|p| *p == name).map(|cell| (kind, cell));
        let Some((kind, cell)) = (0..parts.len()).find_map(part) else {
            let names: Vec<&str> = (0..2).flat_map(|cell| parts.iter().map(move |pair| pair[cell])).collect();
            return Err(here.fault(&format!("expected one of {} or `)`", names.join(", "))));
        };
        reader.expect('=')?;
        let repeated = match kind {
            0 => edges[cell].replace(reader.list(edge)?).is_some(),
            1 => concats[cell].replace(states(&mut reader)?).is_some(),
            _ => joined[cell].replace(states(&mut reader)?).is_some(),
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
    let missing = |name: &str| reader.fault(&format!("`{name}=` is missing"));
    let [normal, reduce] = edges;
    let [normal_concat, reduce_concat] = concats;
    let genotype = Genotype {
        normal: normal.ok_or_else(|| missing("normal"))?,
        normal_concat: normal_concat.ok_or_else(|| missing("normal_concat"))?,
        reduce: reduce.ok_or_else(|| missing("reduce"))?,
        reduce_concat: reduce_concat.ok_or_else(|| missing("reduce_concat"))?,
    };
    Ok(Text { word, genotype, joined: joined.map(Option::unwrap_or_default) })
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
