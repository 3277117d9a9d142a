//! Adam (Kingma & Ba 2015) on a flat list of weights.

use serde::{Deserialize, Serialize};

/// The settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamConfig {
    /// The step size.
    pub learning_rate: f64,
    /// How much of the gradient's running mean stays in a step.
    pub beta1: f64,
    /// How much of the running mean of its squares stays in a step.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub epsilon: f64,
}

/// The optimiser's state: both moments and the number of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Running mean of the gradient.
    pub(crate) mean: Vec<f64>,
    /// Running mean of its squares.
    pub(crate) square: Vec<f64>,
    /// Steps taken.
    pub(crate) steps: u64,
}

impl Adam {
    /// For so many weights.
    pub fn new(weights: usize) -> Self {
        Self { mean: vec![0.0; weights], square: vec![0.0; weights], steps: 0 }
    }

    /// One step uphill: `gradient` is that of what is to grow. All three lists have the length given to [`new`](Self::new).
    pub fn ascend(&mut self, config: &AdamConfig, weights: &mut [f64], gradient: &[f64]) {
        self.steps += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon } = *config;
        let steps = self.steps as f64;
        let (unbias1, unbias2) = (1.0 - libm::pow(beta1, steps), 1.0 - libm::pow(beta2, steps));
        let count = weights.len();
        let (mean, square, gradient) = (&mut self.mean[..count], &mut self.square[..count], &gradient[..count]);
        for i in 0..count {
            mean[i] = beta1 * mean[i] + (1.0 - beta1) * gradient[i];
            square[i] = beta2 * square[i] + (1.0 - beta2) * gradient[i] * gradient[i];
            weights[i] += learning_rate * (mean[i] / unbias1) / ((square[i] / unbias2).sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_paper_s_formulas() {
        let config = AdamConfig { learning_rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };
        let mut adam = Adam::new(2);
        let mut weights = [1.0, -1.0];
        adam.ascend(&config, &mut weights, &[2.0, 0.0]);
        // In the first step the corrected moments are the gradient and its square.
        assert!((weights[0] - (1.0 + 0.1 * 2.0 / 2.001)).abs() < 1e-12);
        assert_eq!(weights[1], -1.0);
        adam.ascend(&config, &mut weights, &[-1.0, 0.0]);
        let mean: f64 = (0.9 * 0.2 - 0.1) / (1.0 - 0.81);
        let square: f64 = (0.99 * 0.04 + 0.01) / (1.0 - 0.9801);
        let expect = 1.0 + 0.2 / 2.001 + 0.1 * mean / (square.sqrt() + 1e-3);
        assert!((weights[0] - expect).abs() < 1e-12);
    }

    #[test]
    fn it_climbs_to_the_top_of_a_parabola() {
        let config = AdamConfig { learning_rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let (mut adam, mut weights) = (Adam::new(1), [0.0]);
        for _ in 0..2_000 {
            let gradient = [-2.0 * (weights[0] - 3.0)];
            adam.ascend(&config, &mut weights, &gradient);
        }
        assert!((weights[0] - 3.0).abs() < 1e-3, "{}", weights[0]);
    }
}
