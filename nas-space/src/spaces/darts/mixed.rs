//! The supernet of the DARTS space, and the genotype read off its weights.

use super::{CELLS, Darts, NODES};
use crate::genotype::lower;
use crate::mixed::largest;
use crate::{
    Architecture, Chosen, MixedSpace, MixedTable, NetworkConfig, NetworkGraph, Operation, PathSpace, SearchSpace,
    SpaceError, paths,
};

/// The column of `none`, which no genotype keeps.
const NONE: usize = 0;
/// Edges that a genotype keeps of each node.
const KEPT: usize = 2;

/// The first row of each node, and behind the last the number of rows.
fn first_row(node: usize) -> usize {
    (0..node).map(|earlier| earlier + 2).sum()
}

impl MixedSpace for Darts {
    fn partial_supernet(&self, config: &NetworkConfig, parts: usize) -> Result<NetworkGraph, SpaceError> {
        lower::supernet(&Operation::DARTS, NODES, parts, config)
    }

    fn tables(&self) -> Vec<MixedTable> {
        let edges: Vec<_> = (0..NODES).flat_map(|node| (0..node + 2).map(move |state| (state, node))).collect();
        let table =
            |name| MixedTable { name, operations: &Operation::DARTS, edges: edges.clone(), chosen: KEPT * NODES };
        CELLS.map(table).to_vec()
    }

    /// Of each node the two edges whose strongest operation, `none` left out, weighs most, the heavier one first; of each
    /// edge that operation (Liu et al. 2019, section 2.4). Of equals the first counts.
    fn choose(&self, weights: &[Vec<Vec<f64>>]) -> Vec<Chosen> {
        let mut chosen = Vec::with_capacity(weights.len() * KEPT * NODES);
        for (table, rows) in weights.iter().enumerate() {
            for node in 0..NODES {
                let strongest = |row: usize| Some((row, largest(&rows[row], |operation| operation != NONE)?));
                let mut edges: Vec<_> = (first_row(node)..first_row(node + 1)).filter_map(strongest).collect();
                // Stable, so that of equal edges the one from the earlier state stays in front.
                edges.sort_by(|a, b| rows[b.0][b.1].total_cmp(&rows[a.0][a.1]));
                chosen.extend(edges.into_iter().take(KEPT).map(|(row, operation)| Chosen { table, row, operation }));
            }
        }
        chosen
    }

    fn assemble(&self, chosen: &[Chosen]) -> Result<Architecture, SpaceError> {
        let mut choices = Vec::with_capacity(2 * chosen.len());
        for (edge, &Chosen { row, operation, .. }) in chosen.iter().enumerate() {
            let node = edge / KEPT % NODES;
            choices.extend([row.saturating_sub(first_row(node)), operation]);
        }
        let architecture = Architecture { space: self.name().to_owned(), choices };
        self.check(&architecture)?;
        Ok(architecture)
    }

    fn chosen(&self, architecture: &Architecture) -> Result<Vec<Chosen>, SpaceError> {
        self.check(architecture)?;
        let edge = |(edge, choices): (usize, &[usize])| {
            let (table, node) = (edge / (KEPT * NODES), edge / KEPT % NODES);
            Chosen { table, row: first_row(node) + choices[0], operation: choices[1] }
        };
        Ok(architecture.choices.chunks(2).enumerate().map(edge).collect())
    }
}

impl PathSpace for Darts {
    /// A path through the supernet, whose batch norms learn no scale and shift.
    fn path(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        paths::through(self, architecture, config)
    }

    fn shared(&self, config: &NetworkConfig) -> Result<Vec<NetworkGraph>, SpaceError> {
        Ok(vec![MixedSpace::supernet(self, config)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer;

    /// Tables of equal weights.
    fn equal() -> Vec<Vec<Vec<f64>>> {
        vec![vec![vec![0.125; 8]; 14]; 2]
    }

    fn read(weights: &[Vec<Vec<f64>>]) -> String {
        Darts.text(&Darts.assemble(&Darts.choose(weights)).unwrap())
    }

    #[test]
    fn equal_weights_give_the_first_edges_and_the_first_real_operation() {
        let text = read(&equal());
        assert!(
            text.starts_with("Genotype(normal=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0)"),
            "{text}"
        );
    }

    #[test]
    fn none_never_counts_and_the_heavier_edge_comes_first() {
        let mut weights = equal();
        // Node 1 of the normal cell has rows 2 to 4, from the states 0 to 2.
        weights[0][2][0] = 0.9;
        weights[0][4][4] = 0.6;
        weights[0][3][3] = 0.3;
        let text = read(&weights);
        assert!(
            text.contains("('max_pool_3x3', 1), ('sep_conv_3x3', 2), ('skip_connect', 1), ('max_pool_3x3', 0)"),
            "{text}"
        );
    }

    /// An edge of a quarter of the channels: 1/16 of the weights of a pointwise convolution, a quarter of a depthwise one's.
    #[test]
    fn a_partial_supernet_has_operations_on_some_channels() {
        let config = NetworkConfig::cifar(16, 3);
        let whole = MixedSpace::supernet(&Darts, &config).unwrap();
        let partial = Darts.partial_supernet(&config, 4).unwrap();
        let count = |graph: &NetworkGraph, what: &dyn Fn(&str) -> bool| {
            let own = graph.nodes().filter(|(_, node)| what(&node.name)).map(|(index, _)| graph.parameters_of(index));
            own.sum::<usize>()
        };
        let beside = |name: &str| !name.contains("._ops.");
        assert_eq!(count(&whole, &beside), count(&partial, &beside));
        // The first separable 3x3 convolution of a normal cell.
        let one = |name: &str| name.starts_with("cells.0._ops.0._ops.4.");
        assert_eq!((count(&whole, &one), count(&partial, &one)), (2 * (9 * 16 + 256), 2 * (9 * 4 + 16)));
        let shapes = |graph: &NetworkGraph| -> Vec<_> {
            let concats = graph.nodes().filter(|(_, node)| node.name.ends_with(".concat") && beside(&node.name));
            concats.map(|(_, node)| node.shape).collect()
        };
        assert_eq!(shapes(&whole), shapes(&partial));
    }

    #[test]
    fn a_shuffled_node_has_the_channels_of_all_parts_in_turn() {
        let partial = Darts.partial_supernet(&NetworkConfig::cifar(8, 3), 4).unwrap();
        let (_, node) = partial.nodes().find(|(_, node)| node.name == "cells.0.node0.shuffled").unwrap();
        assert_eq!(node.layer, Layer::Select { channels: vec![0, 2, 4, 6, 1, 3, 5, 7] });
        let sums = partial.nodes().filter_map(|(index, node)| match node.layer {
            Layer::WeightedSum { table, row, edges } => Some((table, row, edges, partial.inputs(index).len())),
            _ => None,
        });
        // What goes through the operations, and what goes past: the same edges of two tables.
        for pair in sums.collect::<Vec<_>>().chunks(2) {
            let (table, row, edges, inputs) = pair[0];
            assert_eq!((pair[1], inputs), ((table + 2, row, edges, edges), 8 * edges));
        }
        assert_eq!(
            Darts.partial_supernet(&NetworkConfig::cifar(8, 3), 1).unwrap().len(),
            Darts.supernet(&NetworkConfig::cifar(8, 3)).unwrap().len()
        );
        let message = Darts.partial_supernet(&NetworkConfig::cifar(6, 3), 4).unwrap_err().to_string();
        assert!(message.contains("channels") && message.contains("multiple of 4"), "{message}");
    }

    #[test]
    fn the_tables_are_those_of_the_supernet() {
        let tables = MixedSpace::tables(&Darts);
        assert_eq!(tables.len(), 2);
        assert_eq!((tables[1].name, tables[0].edges.len(), tables[0].edges[13]), ("reduce", 14, (4, 3)));
    }
}
