//! One key for all ways to write the same cell.
//!
//! The number that a node has, and which of its two sides comes first, say nothing about the network. Of all orders of
//! the nodes in which each reads earlier states only, the key is the encoding that is least. Cells have few nodes, so
//! all orders are tried.

/// A node: how its two sides are combined, and for each side the operation and the state it reads (0 and 1 are the
/// cell's inputs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) combine: usize,
    pub(crate) sides: [(usize, usize); 2],
}

/// The least encoding of a cell.
pub(crate) fn key(nodes: &[Node]) -> Vec<usize> {
    let mut search = Search { nodes, place: vec![None; nodes.len()], best: None };
    search.extend(&mut Vec::new(), 0);
    search.best.expect("the order in which the nodes are given is one of those tried")
}

/// A key as a part of a space's own.
pub(crate) fn text(key: &[usize]) -> String {
    key.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

struct Search<'a> {
    nodes: &'a [Node],
    /// For each node its state in the order being tried, if it has one yet.
    place: Vec<Option<usize>>,
    best: Option<Vec<usize>>,
}

impl Search<'_> {
    /// Tries every node that may come next, after `placed` nodes whose encoding is `code`.
    fn extend(&mut self, code: &mut Vec<usize>, placed: usize) {
        // An encoding that has begun larger than the best cannot end smaller: all have the same length.
        if self.best.as_ref().is_some_and(|best| code[..] > best[..code.len()]) {
            return;
        }
        if placed == self.nodes.len() {
            self.best = Some(code.clone());
            return;
        }
        for node in 0..self.nodes.len() {
            let Some(written) = self.write(node) else { continue };
            let length = code.len();
            code.extend(written);
            self.place[node] = Some(placed + 2);
            self.extend(code, placed + 1);
            self.place[node] = None;
            code.truncate(length);
        }
    }

    /// The encoding of a node that is not placed yet and reads only states that are.
    fn write(&self, node: usize) -> Option<[usize; 5]> {
        if self.place[node].is_some() {
            return None;
        }
        let state = |old: usize| if old < 2 { Some(old) } else { self.place[old - 2] };
        let Node { combine, sides: [(a, from_a), (b, from_b)] } = self.nodes[node];
        let mut sides = [(state(from_a)?, a), (state(from_b)?, b)];
        sides.sort_unstable();
        Some([combine, sides[0].0, sides[0].1, sides[1].0, sides[1].1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(sides: [(usize, usize); 2]) -> Node {
        Node { combine: 0, sides }
    }

    #[test]
    fn names_and_sides_do_not_matter() {
        // Nodes 0 and 1 do not read each other, so they may change places, and node 2 follows them.
        let one = [add([(1, 0), (2, 1)]), add([(3, 0), (4, 1)]), add([(5, 2), (6, 3)])];
        let two = [add([(4, 1), (3, 0)]), add([(1, 0), (2, 1)]), add([(6, 2), (5, 3)])];
        assert_eq!(key(&one), key(&two));
        let other = [add([(1, 0), (2, 1)]), add([(3, 0), (4, 1)]), add([(6, 2), (5, 3)])];
        assert_ne!(key(&one), key(&other));
    }

    #[test]
    fn one_node_read_twice_is_not_two_equal_nodes() {
        let shared = [add([(1, 0), (1, 1)]), add([(1, 0), (1, 1)]), add([(2, 2), (2, 2)])];
        let split = [add([(1, 0), (1, 1)]), add([(1, 0), (1, 1)]), add([(2, 2), (2, 3)])];
        assert_ne!(key(&shared), key(&split));
    }

    #[test]
    fn how_sides_combine_matters() {
        let joined = Node { combine: 1, sides: [(1, 0), (2, 1)] };
        assert_ne!(key(&[joined]), key(&[add([(1, 0), (2, 1)])]));
    }
}
