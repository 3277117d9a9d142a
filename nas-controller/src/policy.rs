//! The policy: an LSTM that writes an architecture decision by decision.

use std::sync::Arc;

use nas_search::SearchError;
use nas_space::{Architecture, Chooses, SearchSpace, Seed};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::attention::Attention;
use crate::config::PolicyConfig;
use crate::distribution::Shaping;
use crate::layout::{Block, Builder};
use crate::lstm::Layer;
use crate::plan::{POINTER, Plan, SKIP};

/// An autoregressive distribution over the architectures of a space.
///
/// It is a function of its weights, one flat list of f64: forward and reverse pass are written out by hand over slices,
/// on one thread. At 100 hidden units a matrix product takes microseconds, less than the bookkeeping of a tensor library.
#[derive(Clone)]
pub struct Policy {
    pub(crate) space: Arc<dyn SearchSpace>,
    pub(crate) config: PolicyConfig,
    pub(crate) plan: Plan,
    pub(crate) shape: Shape,
    pub(crate) weights: Vec<f64>,
    /// A decision that is made from outside: it is certain, so that nothing is learned of it.
    pub(crate) settled: Option<usize>,
}

/// Where the policy's weights lie.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// `[1, H]`: the input of the first step.
    pub(crate) start: Block,
    /// The LSTM's layers.
    pub(crate) layers: Vec<Layer>,
    /// For each head, the matrix `[H, options]` and biases `[1, options]` of its logits.
    pub(crate) heads: Vec<(Block, Block)>,
    /// For each head, the embeddings `[options, H]` of its options.
    pub(crate) embeddings: Vec<Block>,
    /// The attentions over inputs and over skips.
    pub(crate) attention: [Attention; 2],
    /// All weights.
    pub(crate) length: usize,
}

impl Shape {
    fn new(plan: &Plan, config: &PolicyConfig, options: impl Fn(usize) -> usize) -> Self {
        let (h, mut builder) = (config.hidden, Builder::default());
        let start = builder.block(1, h);
        let layers = (0..config.layers)
            .map(|_| Layer { weights: builder.block(2 * h, 4 * h), biases: builder.block(1, 4 * h) })
            .collect();
        let heads = plan.heads.iter().map(|&d| (builder.block(h, options(d)), builder.block(1, options(d)))).collect();
        let embeddings = plan.heads.iter().map(|&d| builder.block(options(d), h)).collect();
        let attention = [POINTER, SKIP].map(|which| {
            // Without anchors its matrices are there, and empty.
            let side = if plan.is_anchor.iter().any(|is_anchor| is_anchor[which]) { h } else { 0 };
            Attention {
                anchor: builder.block(side, side),
                query: builder.block(side, side),
                vector: builder.block(1, side),
            }
        });
        Self { start, layers, heads, embeddings, attention, length: builder.length }
    }
}

/// An architecture that a policy drew, and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// For each decision, the option chosen.
    pub choices: Vec<usize>,
    /// For each decision, the logarithm of the probability with which it was chosen, given those before.
    pub log_probs: Vec<f64>,
    /// The sum of the decisions' entropies, in nats, each given the choices before it.
    pub entropy: f64,
}

impl Sample {
    /// The logarithm of the probability of the whole architecture.
    pub fn log_prob(&self) -> f64 {
        self.log_probs.iter().sum()
    }
}

impl Policy {
    /// A policy with random weights.
    ///
    /// # Errors
    /// [`SearchError::Setting`] if the settings make no sense.
    pub fn new(space: Arc<dyn SearchSpace>, config: PolicyConfig, seed: Seed) -> Result<Self, SearchError> {
        config.check()?;
        let plan = Plan::new(space.decisions(), config.heads, config.wiring);
        let shape = Shape::new(&plan, &config, |decision| space.decisions()[decision].options.len());
        let mut rng = seed.rng();
        let mut weights: Vec<f64> = (0..shape.length).map(|_| rng.random_range(-config.init..config.init)).collect();
        for (&(_, biases), &decision) in shape.heads.iter().zip(&plan.heads) {
            for (bias, option) in biases.of_mut(&mut weights).iter_mut().zip(&space.decisions()[decision].options) {
                *bias = config.favoured.as_ref().filter(|f| f.options.contains(option)).map_or(0.0, |f| f.initial);
            }
        }
        Ok(Self { space, config, plan, shape, weights, settled: None })
    }

    /// The space it draws from.
    pub fn space(&self) -> &Arc<dyn SearchSpace> {
        &self.space
    }

    /// All weights.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// All weights, to be changed.
    pub fn weights_mut(&mut self) -> &mut [f64] {
        &mut self.weights
    }

    /// Draws an architecture.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Sample {
        self.sample_with(rng, 0)
    }

    /// The same, with the option of the decision that is made from outside, if there is one.
    pub(crate) fn sample_with(&self, rng: &mut ChaCha8Rng, outside: usize) -> Sample {
        let draw = |decision, probabilities: &[f64]| {
            if self.settled == Some(decision) {
                return outside;
            }
            let mut left = rng.random_range(0.0..1.0);
            for (option, p) in probabilities.iter().enumerate() {
                left -= p;
                if left < 0.0 {
                    return option;
                }
            }
            // The probabilities summed to a little less than the number drawn.
            likeliest(probabilities)
        };
        self.walk(draw).sample()
    }

    /// The architecture made of each decision's likeliest option, the first of equals.
    pub fn greedy(&self) -> Sample {
        self.walk(|_, probabilities| likeliest(probabilities)).sample()
    }

    /// How likely an architecture is.
    ///
    /// # Errors
    /// [`SpaceError`](nas_space::SpaceError) if it is not of the space.
    pub fn log_prob(&self, architecture: &Architecture) -> Result<Sample, nas_space::SpaceError> {
        self.space.check(architecture)?;
        Ok(self.score(&architecture.choices))
    }

    /// The same for choices that are known to be valid.
    pub(crate) fn score(&self, choices: &[usize]) -> Sample {
        self.walk(|decision, _| choices[decision]).sample()
    }

    /// The architecture of a sample.
    pub fn architecture(&self, sample: &Sample) -> Architecture {
        Architecture { space: self.space.name().to_owned(), choices: sample.choices.clone() }
    }

    /// How the raw scores of a decision become logits.
    pub(crate) fn shaping(&self, decision: usize, by_sigmoid: bool) -> Shaping {
        let config = &self.config;
        let wires = matches!(self.space.decisions()[decision].chooses, Chooses::Input | Chooses::Skip);
        let divisor = if wires { 1.0 } else { config.operation_tanh_divisor };
        Shaping {
            temperature: config.temperature,
            tanh_constant: config.tanh_constant.map(|c| c / divisor),
            scale: if by_sigmoid { config.skip_scale } else { 1.0 },
        }
    }

    /// What is added to the logits of a decision for good.
    pub(crate) fn favour(&self, decision: usize, option: usize) -> f64 {
        let Some(favoured) = &self.config.favoured else { return 0.0 };
        let decision = &self.space.decisions()[decision];
        let here = decision.chooses == Chooses::Operation
            && favoured.fixed_in.as_ref().is_none_or(|group| *group == decision.group);
        match (here, favoured.options.contains(&decision.options[option])) {
            (false, _) => 0.0,
            (true, true) => favoured.fixed,
            (true, false) => -favoured.fixed,
        }
    }
}

/// The index of the largest value, the first of equals.
fn likeliest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
