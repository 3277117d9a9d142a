//! A case by its name. The name says everything, and the PyTorch side reads the same names, so the two cannot disagree.

use crate::graph;

/// What is timed.
pub(crate) struct Case {
    /// A network, or an operation that is repeated in a chain.
    pub(crate) network: String,
    /// Channels of the first cells, or of the chain.
    pub(crate) channels: usize,
    /// Cells of a network; a chain has none.
    pub(crate) cells: usize,
    /// Images in the batch.
    pub(crate) batch: usize,
    /// Rows and columns of an image.
    pub(crate) size: [usize; 2],
    /// A forward pass with running statistics instead of a training step.
    pub(crate) evaluate: bool,
}

/// The supernet of the DARTS paper's search.
const SUPERNET: &str = "supernet c16 l8 b64 32x32";

/// The networks, trained and evaluated: a trial of a search, what a laptop trains, and the network of the DARTS paper.
const DARTS_V2: [&str; 3] = ["darts_v2 c8 l5 b64 28x28", "darts_v2 c16 l8 b64 28x28", "darts_v2 c36 l20 b96 32x32"];

/// The sizes at which each operation is timed: those of the first cells of the proxy and of the network of the paper.
const SIZES: [&str; 2] = ["c16 b64 32x32", "c36 b96 32x32"];

/// The names of all cases that are compared with PyTorch.
pub(crate) fn list() -> Vec<String> {
    let mut names = vec![SUPERNET.to_owned()];
    names.extend(DARTS_V2.map(String::from));
    names.extend(DARTS_V2.map(|name| format!("{name} evaluate")));
    for size in SIZES {
        names.extend(graph::OPERATIONS.map(|operation| format!("{operation} {size}")));
    }
    names
}

impl Case {
    /// Reads a name: the network, then `c` channels, `l` cells, `b` images, rows `x` columns, and perhaps `evaluate`.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let mut words = name.split_whitespace();
        let network = words.next().ok_or("it has no name")?.to_owned();
        let mut case = Self { network, channels: 0, cells: 0, batch: 0, size: [0; 2], evaluate: false };
        for word in words {
            let bad = |_| format!("`{word}` is none of `c16`, `l8`, `b64`, `32x32` and `evaluate`");
            let number = |text: &str| text.parse::<usize>().map_err(bad);
            match (word.split_at_checked(1), word.split_once('x')) {
                _ if word == "evaluate" => case.evaluate = true,
                (_, Some((rows, columns))) => case.size = [number(rows)?, number(columns)?],
                (Some(("c", count)), _) => case.channels = number(count)?,
                (Some(("l", count)), _) => case.cells = number(count)?,
                (Some(("b", count)), _) => case.batch = number(count)?,
                _ => case.size = [number(word)?; 2],
            }
        }
        if case.channels == 0 || case.batch == 0 || case.size.contains(&0) {
            return Err("channels, batch and size must be given, as in `darts_v2 c16 l8 b64 32x32`".into());
        }
        Ok(case)
    }

    /// How many copies of what is timed one pass goes through.
    pub(crate) fn copies(&self) -> usize {
        if self.is_chain() { graph::COPIES } else { 1 }
    }

    /// Whether it is a chain of one operation.
    pub(crate) fn is_chain(&self) -> bool {
        graph::OPERATIONS.contains(&self.network.as_str())
    }
}
