//! The genotype: a normal and a reduction cell, two operations per node, in the form in which the DARTS family of
//! papers publishes its results (Liu et al. 2019, section 2.4).

pub(crate) mod lower;
pub(crate) mod parse;

use serde::{Deserialize, Serialize};

use crate::{NetworkConfig, NetworkGraph, Operation, SpaceError};

/// Two cells. Each has any number of nodes and two edges per node, in node order; an edge is an operation and the
/// state it reads. State 0 is the output of the cell before the previous (`c_{k-2}`), state 1 of the previous
/// (`c_{k-1}`), state 2 the first node, and so on. A node is the sum of its two edges; a cell's output is the
/// concatenation of the states listed.
///
/// ```
/// use nas_space::{Genotype, NetworkConfig};
/// let text = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], \
///             reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1)], reduce_concat=[2])";
/// let genotype = Genotype::parse(text)?;
/// assert_eq!(genotype.to_string(), text);
/// let graph = genotype.lower(&NetworkConfig::cifar(16, 5))?;
/// assert_eq!(graph.node(graph.output()).shape.channels, 10);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genotype {
    /// The edges of the normal cell.
    pub normal: Vec<(Operation, usize)>,
    /// The states that the normal cell's output concatenates.
    pub normal_concat: Vec<usize>,
    /// The edges of the reduction cell; those that read state 0 or 1 have stride 2.
    pub reduce: Vec<(Operation, usize)>,
    /// The states that the reduction cell's output concatenates.
    pub reduce_concat: Vec<usize>,
}

impl Genotype {
    /// Reads the text form, `Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), ...)`, or the
    /// JSON form, `{"normal": [["sep_conv_3x3", 1], ...], "normal_concat": [2, ...], ...}`. White space, the kind of
    /// quotes and brackets, and the order of the four parts do not matter. The result has passed
    /// [`check`](Self::check).
    ///
    /// # Errors
    /// [`SpaceError::Parse`] shows the place; [`SpaceError::UnknownOperation`] and [`SpaceError::Genotype`] say what
    /// cannot be built.
    pub fn parse(text: &str) -> Result<Self, SpaceError> {
        let genotype = match text.trim_start().starts_with('{') {
            true => parse::json(text)?,
            false => parse::text(text, &["Genotype"], parse::GENOTYPE)?.genotype,
        };
        genotype.check()?;
        Ok(genotype)
    }

    /// Checks that both cells can be built.
    ///
    /// # Errors
    /// [`SpaceError::Genotype`] names the cell and the node at fault.
    pub fn check(&self) -> Result<(), SpaceError> {
        check_cell("normal", &self.normal, &self.normal_concat)?;
        check_cell("reduce", &self.reduce, &self.reduce_concat)?;
        match self.reduce_concat.iter().find(|&&state| state < 2) {
            None => Ok(()),
            Some(state) => Err(SpaceError::Genotype {
                cell: "reduce",
                reason: format!(
                    "its output lists state {state}, an input of the cell, which has twice the rows and columns of \
                     its nodes; list nodes only, from state 2"
                ),
            }),
        }
    }

    /// Builds the network: stem, `config.layers` cells with reductions after one and two thirds, global average
    /// pooling and a classifier (Liu et al. 2019, section 3.2 and appendix A). Names and shapes of all parameters
    /// are those of the reference implementation.
    ///
    /// With `config.auxiliary`, a second classifier reads the cell at two thirds. On the published image sizes it
    /// is the published one; where the feature map there is smaller (less than 8x8, or 7x7 with the ImageNet stem),
    /// its windows shrink to fit, and where it is larger, its classifier reads more features.
    ///
    /// # Errors
    /// If [`check`](Self::check) or [`NetworkConfig::check`] fails, or there are too few channels to reduce.
    pub fn lower(&self, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        lower::network(self, config)
    }
}

/// Checks what every form of cell must obey; `cell` is its name in messages.
pub(crate) fn check_cell(cell: &'static str, edges: &[(Operation, usize)], concat: &[usize]) -> Result<(), SpaceError> {
    let fault = |reason: String| Err(SpaceError::Genotype { cell, reason });
    if edges.is_empty() {
        return fault("it has no edges; give two for each node".into());
    }
    if !edges.len().is_multiple_of(2) {
        return fault(format!("it has {} edges; each node needs two, so their number must be even", edges.len()));
    }
    for (k, &(operation, state)) in edges.iter().enumerate() {
        let node = k / 2;
        if state >= node + 2 {
            return fault(format!(
                "edge {k}, `{operation}`, reads state {state}, which does not exist before node {node}; it can read \
                 states 0 to {} (0 and 1 are the cell's inputs)",
                node + 1
            ));
        }
    }
    if concat.is_empty() {
        return fault("its output lists no states; list at least one, such as its last node".into());
    }
    let last = edges.len() / 2 + 1;
    match concat.iter().find(|&&state| state > last) {
        None => Ok(()),
        Some(state) => fault(format!("its output lists state {state}, which does not exist; its last state is {last}")),
    }
}

impl std::fmt::Display for Genotype {
    /// Writes the text form that [`Genotype::parse`] reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let edges = |edges: &[(Operation, usize)]| {
            edges.iter().map(|(op, state)| format!("('{op}', {state})")).collect::<Vec<_>>().join(", ")
        };
        write!(
            f,
            "Genotype(normal=[{}], normal_concat={:?}, reduce=[{}], reduce_concat={:?})",
            edges(&self.normal),
            self.normal_concat,
            edges(&self.reduce),
            self.reduce_concat
        )
    }
}

impl std::str::FromStr for Genotype {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        Self::parse(text)
    }
}
