//! The space of DARTS (Liu et al. 2019, section 2.1): two cells of four nodes, each node the sum of two operations on
//! two different earlier states.

mod mixed;

use std::sync::LazyLock;

use crate::cells::canonical::{self, Node};
use crate::draw;
use crate::genotype::lower;
use crate::{
    Architecture, Chooses, Decision, Drawing, Genotype, NetworkConfig, NetworkGraph, Operation, SearchSpace, SpaceError,
};

/// Nodes per cell.
const NODES: usize = 4;
/// Decisions per node: two inputs and two operations.
const PER_NODE: usize = 4;
const CELLS: [&str; 2] = ["normal", "reduce"];

/// The DARTS space: per cell and node, the decisions `input0`, `op0`, `input1`, `op1`, in this order.
///
/// The two inputs of a node differ, and its two operations are not both `none`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Darts;

static DECISIONS: LazyLock<Vec<Decision>> = LazyLock::new(|| {
    let mut decisions = Vec::new();
    for cell in CELLS {
        for node in 0..NODES {
            for side in 0..2 {
                decisions.push(Decision {
                    name: format!("{cell}.node{node}.input{side}"),
                    group: cell.to_owned(),
                    chooses: Chooses::Input,
                    options: (0..node + 2).map(super::state_name).collect(),
                });
                decisions.push(Decision {
                    name: format!("{cell}.node{node}.op{side}"),
                    group: cell.to_owned(),
                    chooses: Chooses::Operation,
                    options: Operation::DARTS.iter().map(|op| op.name().to_owned()).collect(),
                });
            }
        }
    }
    decisions
});

impl Darts {
    /// The genotype of an architecture.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    pub fn to_genotype(&self, architecture: &Architecture) -> Result<Genotype, SpaceError> {
        self.check(architecture)?;
        Ok(read(architecture))
    }

    /// The supernet (Liu et al. 2019, section 2.2): every edge of every cell mixes all eight operations, weighted by a
    /// row of a table `[14, 8]`, table 0 for normal and 1 for reduction cells. Its batch norms learn no scale and shift.
    ///
    /// # Errors
    /// [`SpaceError`] if the settings are impossible or the cells do not fit the images.
    pub fn supernet(&self, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        lower::supernet(&Operation::DARTS, NODES, 1, config)
    }

    /// The architecture of a genotype.
    ///
    /// # Errors
    /// [`SpaceError::Genotype`] where the genotype cannot be built or lies outside the space: another number of nodes,
    /// an operation the space lacks, an output other than all four nodes; [`SpaceError::BadChoice`] where a node reads
    /// one state twice or both its operations are `none`.
    pub fn from_genotype(&self, genotype: &Genotype) -> Result<Architecture, SpaceError> {
        genotype.check()?;
        let mut choices = Vec::with_capacity(DECISIONS.len());
        let cells = [(&genotype.normal, &genotype.normal_concat), (&genotype.reduce, &genotype.reduce_concat)];
        for (cell, (edges, concat)) in CELLS.into_iter().zip(cells) {
            let outside = |reason: String| SpaceError::Genotype { cell, reason };
            if edges.len() != 2 * NODES {
                let nodes = edges.len() / 2;
                return Err(outside(format!("it has {nodes} nodes; a cell of the space `darts` has {NODES}")));
            }
            if *concat != [2, 3, 4, 5] {
                let reason = "in the space `darts` the output lists all nodes, [2, 3, 4, 5]";
                return Err(outside(format!("its output lists {concat:?}; {reason}")));
            }
            for &(operation, state) in edges {
                let index = Operation::DARTS.iter().position(|op| *op == operation).ok_or_else(|| {
                    let known = Operation::DARTS.map(Operation::name).join(", ");
                    outside(format!("`{operation}` is no operation of the space `darts`, which has {known}"))
                })?;
                choices.extend([state, index]);
            }
        }
        let architecture = Architecture { space: self.name().to_owned(), choices };
        self.check(&architecture)?;
        Ok(architecture)
    }
}

/// The genotype of an architecture known to be valid.
fn read(architecture: &Architecture) -> Genotype {
    let edge = |pair: &[usize]| (Operation::DARTS[pair[1]], pair[0]);
    let (normal, reduce) = architecture.choices.split_at(DECISIONS.len() / 2);
    let concat = vec![2, 3, 4, 5];
    Genotype {
        normal: normal.chunks(2).map(edge).collect(),
        normal_concat: concat.clone(),
        reduce: reduce.chunks(2).map(edge).collect(),
        reduce_concat: concat,
    }
}

impl SearchSpace for Darts {
    fn name(&self) -> &str {
        "darts"
    }

    fn summary(&self) -> &str {
        "a normal and a reduction cell of 4 nodes, each the sum of 2 of 8 operations on earlier states (Liu et al. 2019)"
    }

    fn decisions(&self) -> &[Decision] {
        &DECISIONS
    }

    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.to_genotype(architecture)?.lower(config)
    }

    /// The network of the paper's CIFAR-10 results: 36 channels, 20 cells.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(36, 20)
    }

    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        let mut allowed = vec![true; DECISIONS[prefix.len()].options.len()];
        let none = 0;
        match prefix.len() % PER_NODE {
            2 => allowed[prefix[prefix.len() - 2]] = false,
            3 if prefix[prefix.len() - 2] == none => allowed[none] = false,
            _ => {}
        }
        allowed
    }

    /// Neither the order of a node's two edges nor that of nodes matters, nor what a `none` reads.
    fn canonical(&self, architecture: &Architecture) -> String {
        let none = 0;
        let cell = |choices: &[usize]| {
            let side = |pair: &[usize]| (pair[1], if pair[1] == none { 0 } else { pair[0] });
            let node = |four: &[usize]| Node { combine: 0, sides: [side(&four[..2]), side(&four[2..])] };
            canonical::text(&canonical::key(&choices.chunks(PER_NODE).map(node).collect::<Vec<_>>()))
        };
        match self.check(architecture) {
            Ok(()) => {
                let (normal, reduce) = architecture.choices.split_at(DECISIONS.len() / 2);
                format!("{}:{}|{}", architecture.space, cell(normal), cell(reduce))
            }
            Err(_) => format!("{}:{:?}", architecture.space, architecture.choices),
        }
    }

    /// The genotype's text; the list of choices where the architecture is not valid.
    fn text(&self, architecture: &Architecture) -> String {
        match self.to_genotype(architecture) {
            Ok(genotype) => genotype.to_string(),
            Err(_) => format!("{:?}", architecture.choices),
        }
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        self.from_genotype(&Genotype::parse(text)?)
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        let genotype = self.to_genotype(architecture)?;
        Ok(draw::genotype(&genotype, [&[], &[]], genotype.to_string()))
    }

    /// Valid choices, exactly; swapping the edges of nodes makes 2^8 of them one network.
    fn size(&self) -> Option<u128> {
        let operations = Operation::DARTS.len() as u128;
        let cell: u128 =
            (0..NODES as u128).map(|node| (node + 2) * (node + 1) * (operations * operations - 1)).product();
        Some(cell * cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the valid continuations of a prefix up to a length, one by one.
    fn enumerate(prefix: &mut Vec<usize>, length: usize) -> u128 {
        if prefix.len() == length {
            return 1;
        }
        let mut count = 0;
        for (choice, allowed) in Darts.allowed(prefix).into_iter().enumerate() {
            if allowed {
                prefix.push(choice);
                count += enumerate(prefix, length);
                prefix.pop();
            }
        }
        count
    }

    #[test]
    fn size_is_the_product_of_enumerated_nodes() {
        // Nodes constrain only themselves, so each is enumerated behind one valid prefix of the nodes before it.
        let valid = [0, 4, 1, 4];
        let mut size = 1;
        for node in 0..2 * NODES {
            let mut prefix = valid.repeat(node);
            size *= enumerate(&mut prefix, (node + 1) * PER_NODE);
        }
        assert_eq!(Darts.size(), Some(size));
        assert_eq!(enumerate(&mut vec![], 2 * PER_NODE), 126 * 378);
    }
}
