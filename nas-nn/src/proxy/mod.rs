//! Zero-cost proxies: what an untrained network tells of the accuracy it could be trained to.
//!
//! Each scores a network with fresh weights on one minibatch, higher being better; the scores of one proxy can be
//! compared with each other, those of two cannot. All of them go through the passes of [`Network`](crate::Network) from
//! outside: a graph is rewritten so that what a proxy needs, a gradient of the outputs' sum, of the images,
//! or the sign of every ReLU, comes out of an ordinary forward or training step.

mod evaluator;
mod linear_algebra;
mod minibatch;
mod naswot;
mod outputs;
mod rewrite;
mod saliency;
mod synflow;
#[cfg(test)]
mod tests;

use nas_space::{NetworkGraph, Seed};

use crate::NnError;
pub use evaluator::OnProxy;
pub use minibatch::Minibatch;

/// A zero-cost proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proxy {
    /// Synaptic flow: the sum over all weights of `|w · ∂R/∂w|`, R being the sum of the outputs for an image of ones in the
    /// network of absolute weights without batch norms (Tanaka et al. 2020; as a score of a network Abdelfattah et al. 2021,
    /// section 3.2). It sees no data, and is worked out in f64: R can be very large.
    Synflow,
    /// The logarithm of the determinant of the kernel whose entry for two images is in how many ReLUs they agree, off or on
    /// (Mellor et al. 2021, equation 2); minus infinity where two images agree in all of them.
    Naswot,
    /// How little the gradients of the images are correlated: minus the sum of `log(v + k) + 1 / (v + k)` over the
    /// eigenvalues v of the matrix of correlations between them, k = 1e-5 (Mellor et al. 2020, the first version of the
    /// paper of NASWOT); minus infinity where the outputs do not depend on an image.
    JacobCov,
    /// The sum over all weights of `|w · ∂L/∂w|`, L being the cross-entropy of the minibatch (Lee et al. 2019; as a score
    /// Abdelfattah et al. 2021).
    Snip,
    /// The sum over all layers of the Euclidean norm of the gradient of their weights (Abdelfattah et al. 2021).
    GradNorm,
}

impl Proxy {
    /// Every proxy.
    pub const ALL: [Self; 5] = [Self::Synflow, Self::Naswot, Self::JacobCov, Self::Snip, Self::GradNorm];

    /// Its name: `synflow`, `naswot`, `jacob_cov`, `snip` or `grad_norm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synflow => "synflow",
            Self::Naswot => "naswot",
            Self::JacobCov => "jacob_cov",
            Self::Snip => "snip",
            Self::GradNorm => "grad_norm",
        }
    }

    /// What it measures, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Synflow => "synaptic flow: how much of an image of ones passes all weights; sees no data",
            Self::Naswot => "how differently the ReLUs answer to different images",
            Self::JacobCov => "how little the gradients of different images are correlated",
            Self::Snip => "how much the loss depends on each weight",
            Self::GradNorm => "the norm of the loss's gradient, layer by layer",
        }
    }

    /// The paper it comes from.
    pub fn source(self) -> &'static str {
        match self {
            Self::Synflow => "Tanaka et al. 2020; Abdelfattah et al. 2021",
            Self::Naswot => "Mellor et al. 2021",
            Self::JacobCov => "Mellor et al. 2020",
            Self::Snip => "Lee et al. 2019; Abdelfattah et al. 2021",
            Self::GradNorm => "Abdelfattah et al. 2021",
        }
    }

    /// The proxy of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proxy| proxy.name() == name)
    }

    /// Scores the network of a graph, with the fresh weights of a seed: higher is better, minus infinity is what cannot
    /// learn at all. Batch norms take the statistics of the minibatch, as in training. An auxiliary head is left out.
    ///
    /// The same seed and minibatch give the same bits at any number of threads.
    ///
    /// # Errors
    /// If the network cannot be built or run, does not end in a linear layer, or the images do not fit it.
    pub fn score(self, graph: &NetworkGraph, minibatch: &Minibatch, seed: Seed) -> Result<f64, NnError> {
        match self {
            Self::Synflow => synflow::score(graph, seed),
            Self::Naswot => naswot::score(graph, minibatch, seed),
            Self::JacobCov => outputs::jacob_cov(graph, minibatch, seed),
            Self::Snip => saliency::snip(graph, minibatch, seed),
            Self::GradNorm => saliency::grad_norm(graph, minibatch, seed),
        }
    }
}
