//! The supernet of NAS-Bench-201, and the cell read off its weights.

use super::{EDGES, NasBench201, lower};
use crate::mixed::largest;
use crate::partial::{self, Partial};
use crate::{
    Architecture, Chosen, MixedSpace, MixedTable, NetworkConfig, NetworkGraph, Operation, PathSpace, SearchSpace,
    SpaceError, paths,
};

impl MixedSpace for NasBench201 {
    /// The benchmark's network with five operations on each edge. Stem, residual blocks and head keep their learned
    /// scales and shifts, as in the reference.
    fn partial_supernet(&self, config: &NetworkConfig, parts: usize) -> Result<NetworkGraph, SpaceError> {
        partial::check(config, parts)?;
        lower::network(lower::Wiring::Mixed(Partial { parts, table: 1 }), config)
    }

    fn tables(&self) -> Vec<MixedTable> {
        let edges = EDGES.map(|(from, to)| (from, to - 1)).to_vec();
        vec![MixedTable { name: "cell", operations: &Operation::NASBENCH201, edges, chosen: EDGES.len() }]
    }

    /// The heaviest operation of each edge, `none` among them, of equals the first: what the benchmark's own searches do
    /// (Dong & Yang 2020, section 4).
    fn choose(&self, weights: &[Vec<Vec<f64>>]) -> Vec<Chosen> {
        let mut chosen = Vec::with_capacity(EDGES.len());
        for (table, rows) in weights.iter().enumerate() {
            for (row, edge) in rows.iter().enumerate() {
                chosen.extend(largest(edge, |_| true).map(|operation| Chosen { table, row, operation }));
            }
        }
        chosen
    }

    fn assemble(&self, chosen: &[Chosen]) -> Result<Architecture, SpaceError> {
        let choices = chosen.iter().map(|edge| edge.operation).collect();
        let architecture = Architecture { space: self.name().to_owned(), choices };
        self.check(&architecture)?;
        Ok(architecture)
    }

    fn chosen(&self, architecture: &Architecture) -> Result<Vec<Chosen>, SpaceError> {
        self.check(architecture)?;
        let edge = |(row, &operation)| Chosen { table: 0, row, operation };
        Ok(architecture.choices.iter().enumerate().map(edge).collect())
    }
}

impl PathSpace for NasBench201 {
    /// A path through the supernet, whose batch norms inside cells learn no scale and shift.
    fn path(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        paths::through(self, architecture, config)
    }

    fn shared(&self, config: &NetworkConfig) -> Result<Vec<NetworkGraph>, SpaceError> {
        Ok(vec![self.supernet(config)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer;

    #[test]
    fn each_edge_keeps_its_heaviest_operation() {
        let mut weights = vec![vec![vec![0.2; 5]; 6]];
        for (row, operation) in [(1, 3), (2, 4), (3, 1), (5, 2)] {
            weights[0][row][operation] = 0.5;
        }
        let cell = NasBench201.assemble(&NasBench201.choose(&weights)).unwrap();
        let expect = "|none~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|";
        assert_eq!(NasBench201.text(&cell), expect);
    }

    /// Convolutions of a cell: a 1x1 and a 3x3 on each of six edges, without batch norms.
    #[test]
    fn the_supernet_has_the_weights_of_its_edges() {
        let config = NetworkConfig::cifar(16, 3);
        let graph = NasBench201.supernet(&config).unwrap();
        let sums = graph.nodes().filter(|(_, node)| matches!(node.layer, Layer::WeightedSum { .. })).count();
        assert_eq!(sums, 9);
        let plain = NasBench201.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|").unwrap();
        let rest = NasBench201.lower(&plain, &config).unwrap().parameters();
        let cells: usize = [16, 32, 64].into_iter().map(|c: usize| 6 * (c * c + 9 * c * c)).sum();
        assert_eq!(graph.parameters(), rest + cells);
    }
}
