//! From a genotype, or from a mixture of all genotypes, to the network of the DARTS papers.

use super::Genotype;
use crate::operations::{factorized_reduce, relu_conv_bn};
use crate::partial::{self, Partial, Split};
use crate::parts::head::{self, Auxiliary, Second};
use crate::parts::stem;
use crate::{GraphBuilder, Layer, NetworkConfig, NetworkGraph, Operation, SpaceError, Stem, Window};

/// What a cell's nodes read.
#[derive(Clone, Copy)]
enum Wiring<'a> {
    /// The edges of a genotype.
    Chosen(&'a Genotype),
    /// All earlier states, each through all operations.
    Mixed { operations: &'a [Operation], nodes: usize, parts: usize },
}

/// The whole network.
pub(super) fn network(genotype: &Genotype, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    genotype.check()?;
    cells(Wiring::Chosen(genotype), config)
}

/// The supernet whose cells have `nodes` nodes, every edge mixing the operations on one of `parts` channels. Tables 0 and 1
/// weigh the operations in normal and reduction cells; 2 and 3, where not all channels are mixed, the edges.
pub(crate) fn supernet(
    operations: &[Operation],
    nodes: usize,
    parts: usize,
    config: &NetworkConfig,
) -> Result<NetworkGraph, SpaceError> {
    partial::check(config, parts)?;
    cells(Wiring::Mixed { operations, nodes, parts }, config)
}

fn cells(wiring: Wiring<'_>, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
    config.check()?;
    let mut net = GraphBuilder::new(config.input);
    net.affine(matches!(wiring, Wiring::Chosen(_)));
    let (mut before, mut previous) = match config.stem {
        Stem::Cifar => {
            // Three times the channels, and both inputs of the first cell.
            let x = stem::plain(&mut net, 3 * config.channels)?;
            (x, x)
        }
        Stem::Imagenet => stem::strided(&mut net, config)?,
    };
    let mut channels = config.channels;
    let mut reduced = config.stem == Stem::Imagenet;
    let mut auxiliary = None;
    let thirds = [config.layers / 3, 2 * config.layers / 3];
    for index in 0..config.layers {
        let reduction = thirds.contains(&index);
        if reduction {
            channels *= 2;
        }
        let cell = Cell { wiring, index, channels, reduction, reduced };
        let output = cell.append(&mut net, before, previous)?;
        (before, previous, reduced) = (previous, output, reduction);
        if config.auxiliary && index == thirds[1] {
            auxiliary = Some(head::auxiliary(&mut net, output, &auxiliary_shape(config), config.classes)?);
            if index + 1 == config.layers {
                previous = net.push("auxiliary_head.in_place", Layer::TrainingRelu, &[output])?;
            }
        }
    }
    let logits = head::classifier(&mut net, previous, config.classes)?;
    Ok(net.finish(logits, auxiliary))
}

/// The auxiliary classifier of the papers: another for large images.
fn auxiliary_shape(config: &NetworkConfig) -> Auxiliary {
    let (stride, second) = match config.stem {
        Stem::Cifar => (3, Second::Square),
        Stem::Imagenet => (2, Second::SquareWithoutNorm),
    };
    Auxiliary { stride, channels: [128, 768], second }
}

/// One cell of the network.
struct Cell<'a> {
    wiring: Wiring<'a>,
    index: usize,
    channels: usize,
    /// Whether this cell halves rows and columns.
    reduction: bool,
    /// Whether the cell before it did, so that its first input is larger than its second.
    reduced: bool,
}

impl Cell<'_> {
    /// Appends the cell, which reads the outputs of the two cells before it, and returns its output.
    fn append(&self, net: &mut GraphBuilder, before: usize, previous: usize) -> Result<usize, SpaceError> {
        let path = format!("cells.{}", self.index);
        let pointwise = Window::same(1, 1, 1);
        net.place(Some(self.index), "preprocess");
        let preprocess0 = format!("{path}.preprocess0");
        let first = match self.reduced {
            false => relu_conv_bn(net, &preprocess0, before, self.channels, pointwise)?,
            true => factorized_reduce(net, &preprocess0, before, self.channels)?,
        };
        let second = relu_conv_bn(net, &format!("{path}.preprocess1"), previous, self.channels, pointwise)?;
        let mut states = vec![first, second];
        let outputs = match self.wiring {
            Wiring::Chosen(genotype) => self.chosen(net, genotype, &mut states)?,
            Wiring::Mixed { operations, nodes, parts } => {
                self.mixed(net, operations, nodes, parts, &mut states)?;
                states[2..].to_vec()
            }
        };
        net.place(Some(self.index), "concat");
        net.push(format!("{path}.concat"), Layer::Concat, &outputs)
    }

    /// Appends the nodes of a genotype, and returns those that the cell's output lists.
    fn chosen(
        &self,
        net: &mut GraphBuilder,
        genotype: &Genotype,
        states: &mut Vec<usize>,
    ) -> Result<Vec<usize>, SpaceError> {
        let (edges, concat) = match self.reduction {
            false => (&genotype.normal, &genotype.normal_concat),
            true => (&genotype.reduce, &genotype.reduce_concat),
        };
        for (node, pair) in edges.chunks(2).enumerate() {
            let mut ends = Vec::with_capacity(2);
            for (side, &(operation, state)) in pair.iter().enumerate() {
                ends.push(self.edge(net, 2 * node + side, operation, state, states[state])?);
            }
            net.place(Some(self.index), "add");
            states.push(net.push(format!("cells.{}.node{node}", self.index), Layer::Add, &ends)?);
        }
        Ok(concat.iter().map(|&state| states[state]).collect())
    }

    /// Appends nodes that mix all operations on all states before them.
    fn mixed(
        &self,
        net: &mut GraphBuilder,
        operations: &[Operation],
        nodes: usize,
        parts: usize,
        states: &mut Vec<usize>,
    ) -> Result<(), SpaceError> {
        let kind = usize::from(self.reduction);
        let partial = Partial { parts, table: 2 + kind };
        let mut splits: Vec<(Split, usize)> = Vec::with_capacity(states.len() + nodes);
        let mut row = 0;
        for node in 0..nodes {
            for (state, &input) in states.iter().enumerate().skip(splits.len()) {
                net.place(Some(self.index), "split");
                let split = partial.split(net, &format!("cells.{}.state{state}", self.index), input)?;
                splits.push((split, self.stride(state)));
            }
            let edges = splits.len();
            let mut ends = Vec::with_capacity(edges * operations.len());
            for (state, &(split, stride)) in splits.iter().enumerate() {
                for (number, operation) in operations.iter().enumerate() {
                    net.place(Some(self.index), operation.name());
                    let path = format!("cells.{}._ops.{}._ops.{number}", self.index, row + state);
                    ends.push(operation.append_mixed(net, &path, split.front, stride)?);
                }
            }
            net.place(Some(self.index), "mix");
            let (sum, path) =
                (Layer::WeightedSum { table: kind, row, edges }, format!("cells.{}.node{node}", self.index));
            let mixed = net.push(&path, sum, &ends)?;
            states.push(partial.join(net, &path, mixed, &splits, row)?);
            row += edges;
        }
        Ok(())
    }

    /// The stride of an operation that reads a state: inputs of a reduction cell are halved as they are read.
    fn stride(&self, state: usize) -> usize {
        if self.reduction && state < 2 { 2 } else { 1 }
    }

    /// One operation, with drop-path behind it unless it is the identity or zero, where dropping says nothing.
    fn edge(
        &self,
        net: &mut GraphBuilder,
        number: usize,
        operation: Operation,
        state: usize,
        input: usize,
    ) -> Result<usize, SpaceError> {
        let path = format!("cells.{}._ops.{number}", self.index);
        net.place(Some(self.index), operation.name());
        let output = operation.append(net, &path, input, self.stride(state))?;
        if output == input || operation == Operation::None {
            return Ok(output);
        }
        net.push(format!("{path}.drop_path"), Layer::DropPath, &[output])
    }
}
