//! The text form of spaces that choose layer by layer: `zoph-3: 3x5x24 | 7x1x36 1 | 5x5x48 0 1`. A row is a layer: what it
//! is, then a 0 or 1 for each earlier state, whether a skip connection leads from it.

use crate::{Chooses, Decision, SpaceError};

/// The decisions on skip connections into one layer; `from` names the earlier states, in order.
pub(super) fn skips(layer: usize, from: impl Iterator<Item = String>) -> impl Iterator<Item = Decision> {
    from.map(move |from| Decision {
        name: format!("layer{layer}.skip_{from}"),
        group: format!("layer{layer}"),
        chooses: Chooses::Skip,
        options: vec!["no".into(), "yes".into()],
    })
}

/// A text cut into rows, and rows into words.
pub(super) struct Rows<'a> {
    /// The rows.
    rows: Vec<&'a str>,
    what: &'static str,
}

impl<'a> Rows<'a> {
    /// Cuts what stands behind the space's name and its colon; there must be a row for each layer.
    pub(super) fn new(text: &'a str, layers: usize, what: &'static str) -> Result<Self, SpaceError> {
        let body = text.split_once(':').map_or(text, |(_, body)| body).trim();
        let rows = Self { rows: body.split('|').map(str::trim).collect(), what };
        if rows.rows.len() != layers {
            let found = rows.rows.len();
            return Err(rows.fault(text, format!("it has {found} rows between `|`, the space {layers} layers")));
        }
        Ok(rows)
    }

    /// The rows as they are written.
    pub(super) fn rows(&self) -> &[&'a str] {
        &self.rows
    }

    pub(super) fn fault(&self, near: &str, reason: String) -> SpaceError {
        SpaceError::Parse { what: self.what, near: near.chars().take(24).collect(), reason }
    }

    /// Appends the choices of all rows: what `head` reads of the first word, then the skip connections.
    pub(super) fn choices(
        &self,
        head: impl Fn(&Self, &str) -> Result<Vec<usize>, SpaceError>,
    ) -> Result<Vec<usize>, SpaceError> {
        let mut choices = Vec::new();
        for (layer, row) in self.rows.iter().enumerate() {
            let mut words = row.split_whitespace();
            choices.extend(head(self, words.next().unwrap_or(""))?);
            let bits: Vec<&str> = words.collect();
            if bits.len() != layer {
                let reason = format!("row {layer} has {} skip connections, 0 or 1, where {layer} belong", bits.len());
                return Err(self.fault(row, reason));
            }
            for bit in bits {
                choices.push(match bit {
                    "0" => 0,
                    "1" => 1,
                    _ => return Err(self.fault(bit, format!("a skip connection of row {layer} is 0 or 1"))),
                });
            }
        }
        Ok(choices)
    }
}

/// Writes rows; each is the text of a layer and the choices on its skip connections.
pub(super) fn print<'a>(space: &str, rows: impl Iterator<Item = (String, &'a [usize])>) -> String {
    let row = |(mut row, skips): (String, &[usize])| {
        for skip in skips {
            row.push_str(if *skip == 1 { " 1" } else { " 0" });
        }
        row
    };
    format!("{space}: {}", rows.map(row).collect::<Vec<_>>().join(" | "))
}
