//! The space of NAS-Bench-201 (Dong & Yang 2020): one cell of four nodes with an operation on each of its six edges.

mod lower;
mod mixed;
mod order;

use std::sync::LazyLock;

use crate::draw::{self, Edge, Kind, Layout, Paint, Panel};
use crate::{
    Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, Operation, SearchSpace, SpaceError,
};

/// The edges, in the order of the text form: from a node, to a node.
pub(crate) const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
/// Architectures of the space.
const SIZE: usize = 15_625;

/// The NAS-Bench-201 space: one operation for each of the edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
///
/// ```
/// use nas_space::{SearchSpace, spaces::NasBench201};
/// let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";
/// let architecture = NasBench201.parse(text)?;
/// assert_eq!(NasBench201.text(&architecture), text);
/// assert_eq!(NasBench201.architecture(NasBench201.index(&architecture)?), Some(architecture));
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NasBench201;

static DECISIONS: LazyLock<Vec<Decision>> = LazyLock::new(|| {
    let edge = |(from, to): (usize, usize)| Decision {
        name: format!("edge{from}{to}"),
        group: "cell".into(),
        chooses: Chooses::Operation,
        options: Operation::NASBENCH201.iter().map(|op| op.name().to_owned()).collect(),
    };
    EDGES.into_iter().map(edge).collect()
});

impl NasBench201 {
    /// The architecture of a text form, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
    ///
    /// # Errors
    /// [`SpaceError::Parse`] shows the part that cannot be read.
    pub fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let fault = |near: &str, reason: String| SpaceError::Parse {
            what: "a NAS-Bench-201 cell",
            near: near.chars().take(24).collect(),
            reason,
        };
        let nodes: Vec<&str> = text.trim().split('+').collect();
        if nodes.len() != 3 {
            let reason =
                format!("it has {} nodes joined by `+`; `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|` has 3", nodes.len());
            return Err(fault(text, reason));
        }
        let mut choices = Vec::with_capacity(EDGES.len());
        for (before, node) in nodes.into_iter().enumerate() {
            let inner = node.trim().strip_prefix('|').and_then(|n| n.strip_suffix('|'));
            let edges: Vec<&str> = inner.map(|n| n.split('|').collect()).unwrap_or_default();
            if edges.len() != before + 1 {
                return Err(fault(node, format!("node {} needs {} edges between `|`", before + 1, before + 1)));
            }
            for (from, edge) in edges.into_iter().enumerate() {
                let end = format!("~{from}");
                let Some(name) = edge.trim().strip_suffix(&end) else {
                    return Err(fault(edge, format!("expected `operation{end}`")));
                };
                let operation = Operation::NASBENCH201.iter().position(|op| op.name() == name).ok_or_else(|| {
                    let known = Operation::NASBENCH201.map(Operation::name);
                    let hint = crate::suggest::hint(name, known);
                    fault(edge, format!("there is no operation `{name}`{hint}; they are {}", known.join(", ")))
                })?;
                choices.push(operation);
            }
        }
        Ok(Architecture { space: self.name().to_owned(), choices })
    }

    /// The official index of an architecture, under which the benchmark's tables list it: 0 to 15,624.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    pub fn index(&self, architecture: &Architecture) -> Result<usize, SpaceError> {
        self.check(architecture)?;
        Ok(order::official_index(architecture.choices.iter().fold(0, |number, choice| number * 5 + choice)))
    }

    /// The architecture of an official index, or `None` from 15,625 on.
    pub fn architecture(&self, index: usize) -> Option<Architecture> {
        let number = order::number_at(index)?;
        let choices = (0..6).rev().map(|edge| number / 5_usize.pow(edge) % 5).collect();
        Some(Architecture { space: self.name().to_owned(), choices })
    }

    /// The operations of the six edges.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    pub fn operations(&self, architecture: &Architecture) -> Result<[Operation; 6], SpaceError> {
        self.check(architecture)?;
        Ok(std::array::from_fn(|edge| Operation::NASBENCH201[architecture.choices[edge]]))
    }
}

impl SearchSpace for NasBench201 {
    fn name(&self) -> &str {
        "nasbench201"
    }

    fn summary(&self) -> &str {
        "one cell of 4 nodes with one of 5 operations on each of 6 edges; 15,625 measured cells (Dong & Yang 2020)"
    }

    fn decisions(&self) -> &[Decision] {
        &DECISIONS
    }

    /// The benchmark's network: stem, three stages of `layers / 3` cells at 1, 2 and 4 times the channels, residual
    /// blocks with stride 2 between them, batch norm, global average pooling and a classifier (Dong & Yang 2020,
    /// section 2.1). Parameter names are the reference's.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        lower::network(lower::Wiring::Chosen(self.operations(architecture)?), config)
    }

    /// The network measured in the benchmark: 16 channels, three stages of 5 cells.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(16, 15)
    }

    fn nearest_layers(&self, wanted: usize) -> usize {
        super::sizes::nearest_three_stages(wanted)
    }

    /// The text form; the list of choices where the architecture is not valid.
    fn text(&self, architecture: &Architecture) -> String {
        let Ok(ops) = self.operations(architecture) else { return format!("{:?}", architecture.choices) };
        let node = |to: usize| {
            let edges = EDGES.iter().zip(ops).filter(|((_, end), _)| *end == to);
            edges.map(|((from, _), op)| format!("{op}~{from}|")).fold("|".to_owned(), |text, edge| text + &edge)
        };
        [node(1), node(2), node(3)].join("+")
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        Self::parse(self, text)
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        let operations = self.operations(architecture)?;
        let kinds = [("in", Kind::Input), ("1", Kind::Node), ("2", Kind::Node), ("out", Kind::Output)];
        let blocks = kinds.map(|(label, kind)| draw::block(label, kind)).to_vec();
        let edge = |((from, to), operation): ((usize, usize), Operation)| {
            let operation = Some((operation.name().to_owned(), Paint::of(operation)));
            Edge { from, to, operation }
        };
        let edges = EDGES.into_iter().zip(operations).map(edge).collect();
        let panel = Panel { title: "cell".into(), blocks, edges, layout: Layout::Layered };
        let note = "every node adds what enters it".into();
        Ok(Drawing { text: self.text(architecture), panels: vec![panel], note })
    }

    fn size(&self) -> Option<u128> {
        Some(SIZE as u128)
    }
}
