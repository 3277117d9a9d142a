//! The space of NAS-Bench-101 (Ying et al. 2019): one cell, a graph of up to seven vertices and nine edges.

mod cell;
mod drawing;
mod enumerate;
mod hash;
mod lower;
mod text;

use std::sync::LazyLock;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub use cell::{Cell, VertexOperation};
use cell::{edge, used_edges};

use super::sizes;
use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// Vertices of a cell, input and output included.
const MAX_VERTICES: usize = 7;
/// Edges of a cell, once it is pruned.
const MAX_EDGES: usize = 9;
/// The vertex of the output in an architecture.
const OUTPUT: usize = MAX_VERTICES - 1;

/// The NAS-Bench-101 space (section 2.1): for each of the seven vertices in turn, which of the earlier ones it reads, and
/// for the five between input and output an operation.
///
/// Vertices on no path from input to output are pruned, so smaller cells are in the space too. A valid architecture has
/// such a path and at most nine edges after pruning. Many architectures are the same cell: [`canonical`] is the
/// benchmark's own hash, by which there are 423,624.
///
/// [`canonical`]: SearchSpace::canonical
///
/// ```
/// use nas_space::{SearchSpace, spaces::NasBench101, spaces::VertexOperation::*};
/// let no_path = [false; 3];
/// let matrix = [vec![false, true, true], vec![false, false, true], no_path.to_vec()];
/// let architecture = NasBench101.architecture(&matrix, &[Conv3x3])?;
/// assert_eq!(NasBench101.cell(&architecture)?.matrix(), matrix);
/// let text = NasBench101.text(&architecture);
/// assert_eq!(text, "ModelSpec(matrix=[[0, 1, 1], [0, 0, 1], [0, 0, 0]], ops=['input', 'conv3x3-bn-relu', 'output'])");
/// assert_eq!(NasBench101.parse(&text)?, architecture);
/// assert_eq!(NasBench101.by_hash(&NasBench101.cell(&architecture)?.hash())?, architecture);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NasBench101;

/// What a decision stands for.
#[derive(Clone, Copy)]
enum Slot {
    Edge(usize, usize),
    Operation(usize),
}

/// In the order of the decisions: each vertex's inputs, then its operation.
static SLOTS: LazyLock<Vec<Slot>> = LazyLock::new(|| {
    let vertex = |to: usize| {
        let operation = (to != OUTPUT).then_some(Slot::Operation(to));
        (0..to).map(move |from| Slot::Edge(from, to)).chain(operation)
    };
    (1..MAX_VERTICES).flat_map(vertex).collect()
});

static DECISIONS: LazyLock<Vec<Decision>> = LazyLock::new(|| {
    let decision = |slot: &Slot| {
        let (name, chooses, options) = match slot {
            Slot::Edge(from, to) => (format!("edge{from}{to}"), Chooses::Skip, vec!["no", "yes"]),
            Slot::Operation(vertex) => {
                (format!("vertex{vertex}.op"), Chooses::Operation, VertexOperation::ALL.map(|op| op.name()).to_vec())
            }
        };
        let options = options.into_iter().map(str::to_owned).collect();
        Decision { name, group: "cell".into(), chooses, options }
    };
    SLOTS.iter().map(decision).collect()
});

/// How many valid matrices there are.
static MATRICES: LazyLock<u128> = LazyLock::new(|| {
    let all = 0..1_u32 << (MAX_VERTICES * (MAX_VERTICES - 1) / 2);
    all.filter(|&edges| is_valid(edges)).count() as u128
});

fn is_valid(edges: u32) -> bool {
    used_edges(edges, MAX_VERTICES).is_some_and(|edges| edges <= MAX_EDGES)
}

/// The edges and operations among the first choices.
fn read(choices: &[usize]) -> (u32, [VertexOperation; MAX_VERTICES - 2]) {
    let (mut edges, mut operations) = (0, [VertexOperation::Conv3x3; MAX_VERTICES - 2]);
    for (slot, &choice) in SLOTS.iter().zip(choices) {
        match *slot {
            Slot::Edge(from, to) if choice == 1 => edges |= edge(from, to),
            Slot::Edge(..) => {}
            Slot::Operation(vertex) => operations[vertex - 1] = VertexOperation::ALL[choice],
        }
    }
    (edges, operations)
}

/// The choices that yield such edges and operations.
fn write(edges: u32, operations: [VertexOperation; MAX_VERTICES - 2]) -> Architecture {
    let choice = |slot: &Slot| match *slot {
        Slot::Edge(from, to) => usize::from(edges & edge(from, to) != 0),
        Slot::Operation(vertex) => operations[vertex - 1] as usize,
    };
    Architecture { space: "nasbench101".into(), choices: SLOTS.iter().map(choice).collect() }
}

impl NasBench101 {
    /// The architecture of a matrix, in which `matrix[from][to]` says whether an edge leads from one vertex to another,
    /// and of the operations of the vertices between input and output. Smaller matrices leave the last of the seven
    /// vertices' places before the output empty; nothing is pruned.
    ///
    /// # Errors
    /// As [`Cell::new`].
    pub fn architecture(
        &self,
        matrix: &[Vec<bool>],
        operations: &[VertexOperation],
    ) -> Result<Architecture, SpaceError> {
        Cell::new(matrix, operations)?;
        let mut edges = 0;
        for (from, row) in matrix.iter().enumerate() {
            for (to, _) in row.iter().enumerate().filter(|(_, there)| **there) {
                edges |= edge(from, if to + 1 == matrix.len() { OUTPUT } else { to });
            }
        }
        let mut all = [VertexOperation::Conv3x3; MAX_VERTICES - 2];
        all[..operations.len()].copy_from_slice(operations);
        Ok(write(edges, all))
    }

    /// The pruned cell of an architecture.
    ///
    /// # Errors
    /// As [`SearchSpace::check`].
    pub fn cell(&self, architecture: &Architecture) -> Result<Cell, SpaceError> {
        self.check(architecture)?;
        let (edges, operations) = read(&architecture.choices);
        Cell::pruned(edges, MAX_VERTICES, operations)
    }

    /// An architecture of a hash of the benchmark, 32 hexadecimal digits.
    ///
    /// The first call for a size of cells enumerates and hashes them all, on all cores: some seconds for seven vertices,
    /// which only a hash of such a cell or an unknown one asks for.
    ///
    /// # Errors
    /// [`SpaceError::Cell`] if the text is no hash, or no cell has it.
    pub fn by_hash(&self, hash: &str) -> Result<Architecture, SpaceError> {
        let fault = |reason: &str| SpaceError::Cell { space: "nasbench101", reason: format!("`{hash}` {reason}") };
        let bytes = hash::from_hex(hash).ok_or_else(|| fault("is no hash, which has 32 hexadecimal digits"))?;
        let cell = enumerate::by_hash(bytes).ok_or_else(|| fault("is the hash of none of the 423,624 cells"))?;
        self.architecture(&cell.matrix(), cell.operations())
    }

    /// Each of the distinct cells with so many vertices after pruning, in a fixed order: 1, 6, 84, 2,441, 62,010 and
    /// 359,082 of 2 to 7 vertices (section 2.2). Some tenths of a second for seven.
    pub fn cells(&self, vertices: usize) -> Vec<Cell> {
        enumerate::cells(vertices)
    }
}

impl SearchSpace for NasBench101 {
    fn name(&self) -> &str {
        "nasbench101"
    }

    fn summary(&self) -> &str {
        "one cell, a graph of up to 7 vertices and 9 edges with 3 operations; 423,624 distinct cells (Ying et al. 2019)"
    }

    fn decisions(&self) -> &[Decision] {
        &DECISIONS
    }

    /// The benchmark's network (section 2.1 and its code): a 3x3 convolution, three stacks of `layers / 3` cells with 2x2
    /// max pooling between them, each of twice the channels, global average pooling and a classifier. In a cell, all that
    /// reads the input reads it through a 1x1 convolution; the vertices before the output share the channels out, their
    /// outputs are concatenated, and the input is added where it leads to the output. Isomorphic cells build one network:
    /// that of the [representative](Cell::representative), which is the one that was measured.
    ///
    /// The paper's stem is for small images; with [`Stem::Imagenet`](crate::Stem::Imagenet), the three strided
    /// convolutions of DARTS take its place.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        lower::network(&self.cell(architecture)?.representative(), config)
    }

    /// The network measured in the benchmark: 128 channels, three stacks of 3 cells.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(128, 9)
    }

    fn nearest_layers(&self, wanted: usize) -> usize {
        sizes::nearest_three_stages(wanted)
    }

    /// The output's inputs come last, so only they can leave no valid choice: without a path, one must remain that makes
    /// one; with a path, no more may join that brings in too many edges.
    fn allowed(&self, prefix: &[usize]) -> Vec<bool> {
        let Slot::Edge(from, OUTPUT) = SLOTS[prefix.len()] else {
            return vec![true; DECISIONS[prefix.len()].options.len()];
        };
        let (edges, _) = read(prefix);
        let completes = |edges: u32| match used_edges(edges, MAX_VERTICES) {
            Some(used) => used <= MAX_EDGES,
            None => (from + 1..OUTPUT).any(|later| is_valid(edges | edge(later, OUTPUT))),
        };
        vec![completes(edges), completes(edges | edge(from, OUTPUT))]
    }

    /// Uniform over all valid pairs of matrix and operations, as the benchmark's own random search draws them: what is
    /// not valid is drawn again.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Architecture {
        loop {
            let choices: Vec<usize> = DECISIONS.iter().map(|d| rng.random_range(0..d.options.len())).collect();
            if is_valid(read(&choices).0) {
                return Architecture { space: self.name().to_owned(), choices };
            }
        }
    }

    /// The benchmark's hash.
    fn canonical(&self, architecture: &Architecture) -> String {
        let key = self.cell(architecture).map_or_else(|_| format!("{:?}", architecture.choices), |cell| cell.hash());
        format!("{}:{key}", architecture.space)
    }

    /// The form that the benchmark's code takes,
    /// `ModelSpec(matrix=[[0, 1, 1], [0, 0, 1], [0, 0, 0]], ops=['input', 'conv3x3-bn-relu', 'output'])`; the list of
    /// choices where the architecture is not valid.
    fn text(&self, architecture: &Architecture) -> String {
        match self.check(architecture) {
            Ok(()) => text::print(&architecture.choices),
            Err(_) => format!("{:?}", architecture.choices),
        }
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let (matrix, operations) = text::parse(text)?;
        self.architecture(&matrix, &operations)
    }

    fn describe(&self, architecture: &Architecture) -> Vec<String> {
        self.cell(architecture).map_or_else(|_| Vec::new(), |cell| text::describe(&cell))
    }

    /// The pruned cell: operations are its vertices.
    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        let cell = self.cell(architecture)?;
        Ok(drawing::of(&cell, self.text(architecture)))
    }

    /// Valid pairs of matrix and operations; by isomorphism they are 423,624 cells.
    fn size(&self) -> Option<u128> {
        Some(*MATRICES * (VertexOperation::ALL.len() as u128).pow(MAX_VERTICES as u32 - 2))
    }
}
