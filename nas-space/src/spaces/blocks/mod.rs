//! The cell spaces of NASNet, AmoebaNet and ENAS: two cells of five nodes, each node two operations on earlier states,
//! and an output that concatenates the states which no node reads.

mod numbers;
mod paths;

use std::sync::LazyLock;

use crate::cells::canonical::{self, Node};
use crate::draw;
use crate::{
    Architecture, Cells, Chooses, Decision, Drawing, Form, Genotype, NetworkConfig, NetworkGraph, Operation,
    SearchSpace, SpaceError,
};

/// Nodes per cell.
const NODES: usize = 5;
const CELLS: [&str; 2] = ["normal", "reduce"];
/// How a node's two sides meet.
const COMBINE: [&str; 2] = ["add", "concat"];

/// One of the three spaces. Decisions come in the order of the papers' controllers: for each cell and node `input0`,
/// `input1`, `op0`, `op1` and, in NASNet only, `combine`.
///
/// ```
/// use nas_space::spaces::EnasMicro;
/// use nas_space::{SearchSpace, Seed};
/// let architecture = EnasMicro.sample(&mut Seed::new(7).rng());
/// let cells = EnasMicro.to_cells(&architecture)?;
/// assert_eq!(EnasMicro.from_cells(&cells)?, architecture);
/// assert_eq!(EnasMicro.parse_numbers(&EnasMicro.text(&architecture))?, architecture);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSpace {
    /// `nasnet` (Zoph et al. 2018, section 3.1): 13 operations; a node adds or concatenates.
    NasNet,
    /// `amoebanet` (Real et al. 2019, section 2.1): 8 operations; a node adds.
    AmoebaNet,
    /// `enas-micro` (Pham et al. 2018, section 2.4): 5 operations; a node adds.
    EnasMicro,
}

use BlockSpace::{AmoebaNet, EnasMicro, NasNet};

/// The decisions of the three spaces, in their order.
static DECISIONS: LazyLock<[Vec<Decision>; 3]> = LazyLock::new(|| [NasNet, AmoebaNet, EnasMicro].map(decisions));

fn decisions(space: BlockSpace) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for cell in CELLS {
        for node in 0..NODES {
            let mut decide = |what: &str, chooses: Chooses, options: Vec<String>| {
                decisions.push(Decision {
                    name: format!("{cell}.node{node}.{what}"),
                    group: cell.into(),
                    chooses,
                    options,
                });
            };
            for side in 0..2 {
                decide(&format!("input{side}"), Chooses::Input, (0..node + 2).map(super::state_name).collect());
            }
            for side in 0..2 {
                let names = space.operations().iter().map(|op| op.name().to_owned()).collect();
                decide(&format!("op{side}"), Chooses::Operation, names);
            }
            if space.combines() {
                decide("combine", Chooses::Value, COMBINE.map(str::to_owned).to_vec());
            }
        }
    }
    decisions
}

impl BlockSpace {
    /// Its operations, in the order of their options.
    pub fn operations(self) -> &'static [Operation] {
        match self {
            Self::NasNet => &Operation::NASNET,
            Self::AmoebaNet => &Operation::AMOEBANET,
            Self::EnasMicro => &Operation::ENAS_MICRO,
        }
    }

    /// The form of its networks.
    pub fn form(self) -> Form {
        match self {
            Self::NasNet => Form::NasNet,
            Self::AmoebaNet => Form::AmoebaNet,
            Self::EnasMicro => Form::Enas,
        }
    }

    /// The space that cells of a form are, or would be, points of.
    pub(crate) fn of(form: Form) -> Self {
        match form {
            Form::NasNet | Form::NasNetLarge => Self::NasNet,
            Form::AmoebaNet => Self::AmoebaNet,
            Form::Enas => Self::EnasMicro,
        }
    }

    /// The one of the three that has a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::NasNet, Self::AmoebaNet, Self::EnasMicro].into_iter().find(|space| space.title() == name)
    }

    /// Its name as a search space.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::NasNet => "nasnet",
            Self::AmoebaNet => "amoebanet",
            Self::EnasMicro => "enas-micro",
        }
    }

    /// Whether its nodes choose how their sides meet.
    fn combines(self) -> bool {
        self == Self::NasNet
    }

    fn decided(self) -> &'static [Decision] {
        &DECISIONS[self as usize]
    }

    /// Decisions per node.
    fn per_node(self) -> usize {
        if self.combines() { 5 } else { 4 }
    }

    /// The choices of each node of the normal, then of the reduction cell.
    fn nodes(self, choices: &[usize]) -> impl Iterator<Item = &[usize]> {
        choices.chunks(self.per_node())
    }

    /// The cells of an architecture.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    pub fn to_cells(self, architecture: &Architecture) -> Result<Cells, SpaceError> {
        self.check(architecture)?;
        let (mut edges, mut joined) = ([vec![], vec![]], [vec![], vec![]]);
        for (at, choices) in self.nodes(&architecture.choices).enumerate() {
            let (cell, node) = (at / NODES, at % NODES);
            edges[cell].extend((0..2).map(|side| (self.operations()[choices[2 + side]], choices[side])));
            if choices.get(4) == Some(&1) {
                joined[cell].push(node);
            }
        }
        let [normal, reduce] = edges;
        let [normal_joined, reduce_joined] = joined;
        let (normal_concat, reduce_concat) = (unused(&normal), unused(&reduce));
        let genotype = Genotype { normal, normal_concat, reduce, reduce_concat };
        Ok(Cells { form: self.form(), genotype, normal_joined, reduce_joined })
    }

    /// The architecture of cells.
    ///
    /// # Errors
    /// [`SpaceError::Genotype`] where the cells cannot be built or lie outside the space: another form, another number of
    /// nodes, an operation the space lacks, sides that are joined where the space only adds, an output other than the
    /// states that no node reads. The published cells of NASNet and AmoebaNet list one state more, so they are none of its
    /// points.
    pub fn from_cells(self, cells: &Cells) -> Result<Architecture, SpaceError> {
        cells.check()?;
        let name = self.title();
        let mut choices = Vec::with_capacity(self.decided().len());
        for (cell, half) in CELLS.into_iter().zip([cells.half(false), cells.half(true)]) {
            let outside = |reason: String| SpaceError::Genotype { cell, reason };
            if cells.form != self.form() {
                let (found, own) = (cells.form.word(), self.form().word());
                return Err(outside(format!("its network has the form {found}, in the space `{name}` {own}")));
            }
            if half.edges.len() != 2 * NODES {
                let nodes = half.edges.len() / 2;
                return Err(outside(format!("it has {nodes} nodes; a cell of the space `{name}` has {NODES}")));
            }
            let listed = unused(half.edges);
            if *half.concat != listed {
                let reason = format!("in the space `{name}` it lists the states that no node reads, here {listed:?}");
                return Err(outside(format!("its output lists {:?}; {reason}", half.concat)));
            }
            if let (false, Some(node)) = (self.combines(), half.joined.first()) {
                return Err(outside(format!("it joins the sides of node {node}; nodes of the space `{name}` add")));
            }
            for (node, pair) in half.edges.chunks(2).enumerate() {
                choices.extend(pair.iter().map(|(_, state)| *state));
                for &(operation, _) in pair {
                    let index = self.operations().iter().position(|op| *op == operation).ok_or_else(|| {
                        let known: Vec<&str> = self.operations().iter().map(|op| op.name()).collect();
                        let known = known.join(", ");
                        outside(format!("`{operation}` is no operation of the space `{name}`, which has {known}"))
                    })?;
                    choices.push(index);
                }
                if self.combines() {
                    choices.push(usize::from(half.joined.contains(&node)));
                }
            }
        }
        Ok(Architecture { space: name.to_owned(), choices })
    }
}

/// The states that no node reads, which the output lists; the last node is always among them.
fn unused(edges: &[(Operation, usize)]) -> Vec<usize> {
    (0..edges.len() / 2 + 2).filter(|state| edges.iter().all(|(_, read)| read != state)).collect()
}

impl SearchSpace for BlockSpace {
    fn name(&self) -> &str {
        self.title()
    }

    fn summary(&self) -> &str {
        match self {
            Self::NasNet => {
                "a normal and a reduction cell of 5 nodes, each 2 of 13 operations, added or concatenated (Zoph et al. 2018)"
            }
            Self::AmoebaNet => {
                "a normal and a reduction cell of 5 nodes, each the sum of 2 of 8 operations (Real et al. 2019)"
            }
            Self::EnasMicro => {
                "a normal and a reduction cell of 5 nodes, each the sum of 2 of 5 operations (Pham et al. 2018)"
            }
        }
    }

    fn decisions(&self) -> &[Decision] {
        self.decided()
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.to_cells(architecture)?.lower(config)
    }

    /// Two cells are reductions.
    fn nearest_layers(&self, wanted: usize) -> usize {
        wanted.max(3)
    }

    /// The network of the paper's CIFAR-10 results.
    fn default_config(&self) -> NetworkConfig {
        self.form().default_config()
    }

    /// Neither the order of a node's two sides nor that of nodes matters.
    fn canonical(&self, architecture: &Architecture) -> String {
        if self.check(architecture).is_err() {
            return format!("{}:{:?}", architecture.space, architecture.choices);
        }
        let node = |choices: &[usize]| Node {
            combine: choices.get(4).copied().unwrap_or(0),
            sides: [(choices[2], choices[0]), (choices[3], choices[1])],
        };
        let nodes: Vec<Node> = self.nodes(&architecture.choices).map(node).collect();
        let [normal, reduce] = [&nodes[..NODES], &nodes[NODES..]].map(|cell| canonical::text(&canonical::key(cell)));
        format!("{}:{normal}|{reduce}", architecture.space)
    }

    /// The text form of its cells; in `enas-micro` the numbers of the released code.
    fn text(&self, architecture: &Architecture) -> String {
        match (self, self.to_cells(architecture)) {
            (Self::EnasMicro, Ok(_)) => numbers::write(&architecture.choices),
            (_, Ok(cells)) => cells.to_string(),
            (_, Err(_)) => format!("{:?}", architecture.choices),
        }
    }

    /// Reads the text form of cells or, in `enas-micro`, the numbers of the released code.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        if Cells::is_text(text.trim()) || *self != Self::EnasMicro {
            return self.from_cells(&Cells::parse(text)?);
        }
        self.parse_numbers(text)
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        let Cells { genotype, normal_joined, reduce_joined, .. } = self.to_cells(architecture)?;
        Ok(draw::genotype(&genotype, [&normal_joined, &reduce_joined], self.text(architecture)))
    }

    /// Valid choices, exactly; many of them are one network.
    fn size(&self) -> Option<u128> {
        let per_node = self.operations().len().pow(2) as u128 * if self.combines() { 2 } else { 1 };
        let cell: u128 = (0..NODES as u128).map(|node| (node + 2).pow(2) * per_node).product();
        Some(cell * cell)
    }
}
