//! The space of NAS-Bench-Macro (Su et al. 2021): eight layers, each an identity or one of two inverted residual blocks.

mod drawing;
mod lower;

use std::sync::LazyLock;

use crate::{Architecture, Chooses, Decision, Drawing, NetworkConfig, NetworkGraph, SearchSpace, SpaceError};

/// Layers of each stage; the first of each halves rows and columns and doubles the channels.
const STAGES: [usize; 3] = [2, 3, 3];
const LAYERS: usize = 8;

/// The block of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// The identity; where the shape changes, a 1x1 convolution.
    Identity,
    /// An inverted residual block (Sandler et al. 2018): 1x1 to more channels, depthwise, 1x1.
    Inverted { expansion: usize, kernel: usize },
}

/// In the benchmark's order: the position is the digit in its names.
const BLOCKS: [(&str, Block); 3] = [
    ("identity", Block::Identity),
    ("mb3_k3", Block::Inverted { expansion: 3, kernel: 3 }),
    ("mb6_k5", Block::Inverted { expansion: 6, kernel: 5 }),
];

/// The NAS-Bench-Macro space (Su et al. 2021, section 5.1): for each of eight layers `identity`, `mb3_k3` or `mb6_k5`.
///
/// The text form is the benchmark's name: a digit a layer.
///
/// ```
/// use nas_space::{SearchSpace, spaces::NasBenchMacro};
/// let best = NasBenchMacro.parse("22212220")?;
/// let graph = NasBenchMacro.lower(&best, &NasBenchMacro.default_config())?;
/// assert_eq!(graph.parameters(), 1_985_514);
/// # Ok::<(), nas_space::SpaceError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NasBenchMacro;

static DECISIONS: LazyLock<Vec<Decision>> = LazyLock::new(|| {
    let layer = |layer: usize| Decision {
        name: format!("layer{layer}"),
        group: format!("stage{}", if layer < STAGES[0] { 0 } else { (layer + 1) / 3 }),
        chooses: Chooses::Operation,
        options: BLOCKS.iter().map(|(name, _)| (*name).to_owned()).collect(),
    };
    (0..LAYERS).map(layer).collect()
});

impl SearchSpace for NasBenchMacro {
    fn name(&self) -> &str {
        "nasbench-macro"
    }

    fn summary(&self) -> &str {
        "8 layers, each an identity or one of 2 inverted residual blocks; 6,561 measured networks (Su et al. 2021)"
    }

    fn decisions(&self) -> &[Decision] {
        &DECISIONS
    }

    /// The benchmark's network: a 3x3 convolution, stages of 2, 3 and 3 layers, of which the first of each halves rows and
    /// columns and doubles the channels, a 1x1 convolution to 1,280 channels, global average pooling and a classifier.
    /// Parameter names are the reference's. Its table counts no addition of the classifier's bias, so its FLOPs are
    /// fewer than [`NetworkGraph::flops`] by the number of classes.
    ///
    /// The benchmark's stem is for small images; with [`Stem::Imagenet`](crate::Stem::Imagenet), the three strided
    /// convolutions of DARTS take its place.
    fn lower(&self, architecture: &Architecture, config: &NetworkConfig) -> Result<NetworkGraph, SpaceError> {
        self.check(architecture)?;
        let blocks: Vec<Block> = architecture.choices.iter().map(|&choice| BLOCKS[choice].1).collect();
        lower::network(&blocks, config)
    }

    /// The network measured in the benchmark: 32 channels.
    fn default_config(&self) -> NetworkConfig {
        NetworkConfig::cifar(32, LAYERS)
    }

    fn nearest_layers(&self, _: usize) -> usize {
        LAYERS
    }

    /// An identity behind the first layer of a stage does nothing, so it may as well stand at the stage's end.
    fn canonical(&self, architecture: &Architecture) -> String {
        let mut choices = architecture.choices.clone();
        let mut rest = &mut choices[..];
        for layers in STAGES {
            let (stage, later) = rest.split_at_mut(layers.min(rest.len()));
            if let [_, inner @ ..] = stage {
                inner.sort_by_key(|&choice| choice == 0);
            }
            rest = later;
        }
        format!("{}:{}", architecture.space, digits(&choices))
    }

    /// The benchmark's name: eight digits, 0 for `identity`, 1 for `mb3_k3`, 2 for `mb6_k5`.
    fn text(&self, architecture: &Architecture) -> String {
        digits(&architecture.choices)
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let text = text.trim();
        let digit = |c: char| c.to_digit(BLOCKS.len() as u32).map(|digit| digit as usize);
        let choices: Option<Vec<usize>> = text.chars().map(digit).collect();
        match choices {
            Some(choices) if choices.len() == LAYERS => Ok(Architecture { space: self.name().to_owned(), choices }),
            _ => Err(SpaceError::Parse {
                what: "a NAS-Bench-Macro network",
                near: text.chars().take(24).collect(),
                reason: format!("it has {LAYERS} digits: 0 identity, 1 mb3_k3, 2 mb6_k5"),
            }),
        }
    }

    fn drawing(&self, architecture: &Architecture) -> Result<Drawing, SpaceError> {
        self.check(architecture)?;
        Ok(drawing::of(&architecture.choices, self.text(architecture)))
    }

    fn size(&self) -> Option<u128> {
        Some((BLOCKS.len() as u128).pow(LAYERS as u32))
    }
}

fn digits(choices: &[usize]) -> String {
    choices.iter().map(usize::to_string).collect()
}
