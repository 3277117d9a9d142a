//! A space of random blocks, for graph hypernetworks: small ones to learn on and larger ones to be compared.

mod drawing;
mod lower;

use crate::spaces::rows::Rows;
use crate::spaces::{family, sizes, state_name};
use crate::{
    Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, Operation, SearchSpace, SpaceError,
};

/// The family's name.
pub(super) const NAME: &str = "ghn";

/// Nodes of a block in the paper's evaluation.
pub(super) const NODES: usize = 17;

/// Its operations.
const OPERATIONS: [Operation; 8] = [
    Operation::NorConv1x1,
    Operation::NorConv3x3,
    Operation::SepConv3x3,
    Operation::SepConv5x5,
    Operation::DilConv3x3,
    Operation::AvgPool3x3,
    Operation::MaxPool3x3,
    Operation::SkipConnect,
];

/// Decisions per node: the operation and two inputs.
const PER_NODE: usize = 3;

/// A block of so many nodes, repeated. Each node does one of eight operations on the sum of two earlier states (or on
/// one, where it reads the same twice); a block's output joins the states that none of its nodes reads along the
/// channels.
///
/// Zhang, Ren & Urtasun (2019) train on blocks of 7 nodes and compare blocks of 17, of eight operations. Which
/// operations, and how nodes are wired, they leave to an appendix that is not at hand: both are our choice.
///
/// The text form has a row a node: the operation and the two states. States 0 and 1 are the outputs of the two blocks
/// before, state 2 is node 0.
///
/// ```
/// use nas_space::{SearchSpace, spaces::Ghn};
/// let space = Ghn::new(2);
/// let architecture = space.parse("ghn-2: sep_conv_3x3 0 1 | nor_conv_1x1 2 2")?;
/// assert_eq!(space.describe(&architecture)[1], "node1 = nor_conv_1x1(node0)");
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ghn {
    name: String,
    nodes: usize,
    decisions: Vec<Decision>,
}

/// One node as it was chosen.
struct Chosen {
    operation: Operation,
    /// The states it reads, rising, each once.
    inputs: Vec<usize>,
}

/// The states of nodes that no node reads: a block's output joins them.
fn loose(nodes: &[Chosen]) -> impl Iterator<Item = usize> + '_ {
    (2..nodes.len() + 2).filter(|state| nodes.iter().all(|node| !node.inputs.contains(state)))
}

impl Ghn {
    /// Blocks of so many nodes.
    ///
    /// # Panics
    /// If there are no nodes.
    pub fn new(nodes: usize) -> Self {
        assert!(nodes > 0, "a block has at least one node");
        let mut decisions = Vec::new();
        for node in 0..nodes {
            let mut decide = |what: &str, chooses: Chooses, options: Vec<String>| {
                let name = format!("node{node}.{what}");
                decisions.push(Decision { name, group: format!("node{node}"), chooses, options });
            };
            decide("op", Chooses::Operation, OPERATIONS.iter().map(|op| op.name().to_owned()).collect());
            for side in 0..2 {
                decide(&format!("input{side}"), Chooses::Input, (0..node + 2).map(state_name).collect());
            }
        }
        Self { name: family::name(NAME, NODES, nodes), nodes, decisions }
    }

    /// The nodes of valid choices.
    fn chosen(choices: &[usize]) -> Vec<Chosen> {
        let node = |choices: &[usize]| {
            let mut inputs = choices[1..].to_vec();
            inputs.sort_unstable();
            inputs.dedup();
            Chosen { operation: OPERATIONS[choices[0]], inputs }
        };
        choices.chunks(PER_NODE).map(node).collect()
    }
}

impl SearchSpace for Ghn {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        "blocks of 17 nodes for graph hypernetworks; ghn-N has blocks of N nodes (after Zhang, Ren & Urtasun 2019)"
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// A 3x3 convolution, the blocks, global average pooling and a classifier. Each block reads the outputs of the two
    /// before it through 1x1 convolutions; after a third and two thirds of the blocks these halve the image, and the
    /// channels double.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        sizes::check_no_auxiliary("GHN", config)?;
        lower::network(&Self::chosen(&architecture.choices), config)
    }

    /// The paper's final network on CIFAR-10: 18 blocks, 32 channels.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(32, 18)
    }

    /// The order of a node's inputs does not matter.
    fn canonical(&self, architecture: &Architecture) -> String {
        let node = |choices: &[usize]| {
            let (low, high) = (choices[1].min(choices[2]), choices[1].max(choices[2]));
            format!("{} {low} {high}", choices[0])
        };
        let nodes: Vec<String> = architecture.choices.chunks(PER_NODE).map(node).collect();
        format!("{}:{}", architecture.space, nodes.join(","))
    }

    fn text(&self, architecture: &Architecture) -> String {
        if self.check(architecture).is_err() {
            return format!("{:?}", architecture.choices);
        }
        let row = |c: &[usize]| format!("{} {} {}", OPERATIONS[c[0]].name(), c[1], c[2]);
        let rows: Vec<String> = architecture.choices.chunks(PER_NODE).map(row).collect();
        format!("{}: {}", self.name, rows.join(" | "))
    }

    /// The space's name in front of the colon may be left out.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let rows = Rows::new(text, self.nodes, "a block of the ghn space")?;
        let mut choices = Vec::with_capacity(self.decisions.len());
        for (node, row) in rows.rows().iter().enumerate() {
            let words: Vec<&str> = row.split_whitespace().collect();
            let [operation, inputs @ ..] = &words[..] else {
                return Err(rows.fault(row, format!("node {node} is empty; it is an operation and two states")));
            };
            let position = OPERATIONS.iter().position(|known| known.name() == *operation);
            choices.push(position.ok_or_else(|| {
                let known = OPERATIONS.map(Operation::name).join(", ");
                rows.fault(operation, format!("expected an operation: {known}"))
            })?);
            let state = |word: &&str| word.parse().ok().filter(|&state: &usize| state < node + 2);
            match inputs.iter().map(state).collect::<Option<Vec<usize>>>().as_deref() {
                Some([first, second]) => choices.extend([*first, *second]),
                _ => {
                    let reason = format!("node {node} reads two states, each a number from 0 to {}", node + 1);
                    return Err(rows.fault(row, reason));
                }
            }
        }
        Ok(Architecture { space: self.name.clone(), choices })
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        if self.check(architecture).is_err() {
            return Vec::new();
        }
        let line = |(node, chosen): (usize, Chosen)| {
            let inputs: Vec<String> = chosen.inputs.iter().map(|&state| state_name(state)).collect();
            format!("node{node} = {}({})", chosen.operation.name(), inputs.join(" + "))
        };
        Self::chosen(&architecture.choices).into_iter().enumerate().map(line).collect()
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.check(architecture)?;
        Ok(drawing::of(&Self::chosen(&architecture.choices), self.text(architecture)))
    }

    /// `None` from 13 nodes on, where it has more than 128 bits.
    fn size(&self) -> Option<u128> {
        self.decisions.iter().try_fold(1_u128, |size, d| size.checked_mul(d.options.len() as u128))
    }

    fn size_log10(&self) -> Option<f64> {
        Some(self.decisions.iter().map(|d| (d.options.len() as f64).log10()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, Seed};

    #[test]
    fn a_block_by_hand() {
        let space = Ghn::new(3);
        // Node 0 sums both inputs; node 1 reads node 0 alone; node 2 is the second input. Nodes 1 and 2 are the output.
        let text = "ghn-3: nor_conv_3x3 1 0 | max_pool_3x3 2 2 | skip_connect 1 1";
        let architecture = space.parse(text).unwrap();
        assert_eq!(space.text(&architecture), text);
        let graph = space.lower(&architecture, &NetworkConfig::cifar(8, 1)).unwrap();
        // The stem and its norm, two 1x1 convolutions and their norms, a 3x3 convolution and its norm, the classifier.
        let stem = 3 * 9 * 8 + 16;
        assert_eq!(graph.parameters(), stem + 2 * (64 + 16) + 9 * 64 + 16 + 16 * 10 + 10);
        let sums = graph.nodes().filter(|(_, node)| node.layer == Layer::Add).count();
        assert_eq!(sums, 1);
    }

    #[test]
    fn blocks_halve_the_image_at_thirds() {
        let space = Ghn::new(4);
        let architecture = space.sample(&mut Seed::new(1).rng());
        let graph = space.lower(&architecture, &NetworkConfig::cifar(8, 3)).unwrap();
        let at = |cell: usize| graph.nodes().filter(|(_, n)| n.place.cell == Some(cell)).last().unwrap().1.shape;
        assert_eq!([at(0).height, at(1).height, at(2).height], [32, 16, 8]);
        let channels = |name: &str| graph.nodes().find(|(_, n)| n.name == name).unwrap().1.shape.channels;
        assert_eq!(channels("cells.2.preprocess1.bn"), 32);
    }

    #[test]
    fn what_cannot_be_read_is_shown() {
        let message = |text: &str| Ghn::new(2).parse(text).unwrap_err().to_string();
        assert!(message("ghn-2: skip_connect 0 1").contains("1 rows"));
        assert!(message("conv 0 1 | skip_connect 0 1").contains("nor_conv_1x1"));
        assert!(message("skip_connect 0 2 | skip_connect 0 1").contains("from 0 to 1"));
        assert!(message("skip_connect 0 1 | skip_connect 0").contains("two states"));
    }

    #[test]
    fn the_order_of_inputs_makes_twins() {
        let (space, text) = (Ghn::new(2), |a: usize, b: usize| format!("skip_connect {a} {b} | nor_conv_1x1 0 2"));
        let key = |text: String| space.canonical(&space.parse(&text).unwrap());
        assert_eq!(key(text(0, 1)), key(text(1, 0)));
        assert_ne!(key(text(0, 1)), key(text(1, 1)));
    }
}
