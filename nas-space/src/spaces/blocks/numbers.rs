//! The text form of ENAS: for each node the state and the operation of its first side, then of its second; first the
//! normal cell, then the reduction cell (`melodyguan/enas`, the scripts that retrain a fixed cell).

use super::{BlockSpace, NODES};
use crate::{Architecture, SearchSpace, SpaceError};

/// Numbers of one architecture.
pub(crate) const COUNT: usize = 2 * NODES * 4;

/// Writes choices, which come as two inputs and two operations a node.
pub(super) fn write(choices: &[usize]) -> String {
    let node = |c: &[usize]| format!("{} {} {} {}", c[0], c[2], c[1], c[3]);
    choices.chunks(4).map(node).collect::<Vec<_>>().join(" ")
}

impl BlockSpace {
    /// The architecture of 40 numbers, as the released code of ENAS writes its cells: a state and an operation for each
    /// side of each node, the normal cell first.
    ///
    /// # Errors
    /// [`SpaceError::Parse`] where they are not 40 numbers or this is not `enas-micro`; [`SpaceError::BadChoice`] for a
    /// state or an operation that does not exist.
    pub fn parse_numbers(self, text: &str) -> Result<Architecture, SpaceError> {
        let fault = |near: &str, reason: String| SpaceError::Parse {
            what: "an ENAS micro cell",
            near: near.chars().take(24).collect(),
            reason,
        };
        if self != Self::EnasMicro {
            return Err(fault(text, format!("the space `{}` is not written in numbers", self.title())));
        }
        let words: Vec<&str> = text.split([' ', '\t', '\r', '\n', ',']).filter(|word| !word.is_empty()).collect();
        if words.len() != COUNT {
            let reason = format!(
                "it has {} numbers; a state and an operation for both sides of {NODES} nodes of two cells are {COUNT}",
                words.len()
            );
            return Err(fault(text, reason));
        }
        let number = |word: &&str| {
            word.parse().map_err(|_| fault(word, "expected the number of a state or an operation, such as 2".into()))
        };
        let numbers: Vec<usize> = words.iter().map(number).collect::<Result<_, _>>()?;
        let choices = numbers.chunks(4).flat_map(|n| [n[0], n[2], n[1], n[3]]).collect();
        let architecture = Architecture { space: self.title().to_owned(), choices };
        self.check(&architecture)?;
        Ok(architecture)
    }
}
