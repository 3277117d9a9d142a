//! All cells of the space, each once: one of every class of isomorphic cells, the same that the benchmark lists
//! ([`Cell::representative`]).
//!
//! A matrix stands for its class if no other order of its vertices yields a smaller number, its entries read as bits; and
//! labels stand for theirs if no order that leaves the matrix as it is yields smaller ones.

use std::sync::OnceLock;

use super::cell::{Cell, VertexOperation, edge, used};
use super::{MAX_EDGES, MAX_VERTICES, hash};

/// The distinct cells with so many vertices after pruning, none outside 2 to 7.
pub(super) fn cells(vertices: usize) -> Vec<Cell> {
    if !(2..=MAX_VERTICES).contains(&vertices) {
        return Vec::new();
    }
    let everything = (1 << vertices) - 1;
    let orders = orders(vertices);
    let mut cells = Vec::new();
    for edges in 0..1_u32 << (vertices * (vertices - 1) / 2) {
        if edges.count_ones() as usize > MAX_EDGES || used(edges, vertices) != Some(everything) {
            continue;
        }
        if let Some(symmetries) = symmetries(edges, &orders) {
            label(edges, vertices, &symmetries, &mut cells);
        }
    }
    cells
}

/// All orders of the vertices that leave input and output in place: for each vertex, its new number.
pub(super) fn orders(vertices: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![0]];
    for _ in 2..vertices {
        let longer = |order: Vec<usize>| {
            let left = (1..vertices - 1).filter(|v| !order.contains(v)).collect::<Vec<_>>();
            left.into_iter().map(move |v| [&order[..], &[v]].concat())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    orders.iter_mut().for_each(|order| order.push(vertices - 1));
    orders
}

/// The orders that leave a matrix as it is; `None` if one of them makes it smaller.
fn symmetries(edges: u32, orders: &[Vec<usize>]) -> Option<Vec<&[usize]>> {
    let last = orders[0].len() - 1;
    let pairs: Vec<(usize, usize)> = (1..=last)
        .flat_map(|to| (0..to).map(move |from| (from, to)))
        .filter(|&(from, to)| edges & edge(from, to) != 0)
        .collect();
    let mut symmetries = Vec::new();
    'orders: for order in orders {
        let mut other = 0;
        for &(from, to) in &pairs {
            if order[from] > order[to] {
                continue 'orders;
            }
            other |= edge(order[from], order[to]);
        }
        match other.cmp(&edges) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => symmetries.push(&order[..]),
            std::cmp::Ordering::Greater => {}
        }
    }
    Some(symmetries)
}

/// Appends a matrix with all labels that stand for their class.
fn label(edges: u32, vertices: usize, symmetries: &[&[usize]], cells: &mut Vec<Cell>) {
    let interior = vertices - 2;
    let choices = VertexOperation::ALL.len();
    for number in 0..choices.pow(interior as u32) {
        let mut labels = [VertexOperation::Conv3x3; MAX_VERTICES - 2];
        let mut rest = number;
        for label in &mut labels[..interior] {
            *label = VertexOperation::ALL[rest % choices];
            rest /= choices;
        }
        let least = symmetries.iter().all(|order| {
            let other = (1..=interior).map(|v| labels[order[v] - 1]);
            other.ge(labels[..interior].iter().copied())
        });
        if least {
            cells.push(Cell::whole(edges, vertices, labels));
        }
    }
}

/// Hashes and their cells, sorted by hash.
type Index = Vec<([u8; 16], Cell)>;

/// The cell of a hash, if there is one.
pub(super) fn by_hash(wanted: [u8; 16]) -> Option<Cell> {
    // By size: a small cell is found without hashing all of the large ones.
    static INDICES: [OnceLock<Index>; MAX_VERTICES + 1] = [const { OnceLock::new() }; MAX_VERTICES + 1];
    (2..=MAX_VERTICES).find_map(|vertices| {
        let index = INDICES[vertices].get_or_init(|| index(vertices));
        index.binary_search_by(|(hash, _)| hash.cmp(&wanted)).ok().map(|at| index[at].1)
    })
}

fn index(vertices: usize) -> Index {
    let cells = cells(vertices);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let hashed = |part: &[Cell]| part.iter().map(|cell| (hash::digest(cell), *cell)).collect::<Index>();
    let mut index: Index = std::thread::scope(|scope| {
        let parts: Vec<_> =
            cells.chunks(cells.len().div_ceil(threads)).map(|part| scope.spawn(move || hashed(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("hashing does not panic")).collect()
    });
    index.sort_unstable();
    index
}
