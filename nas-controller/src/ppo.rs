//! The gradient of proximal policy optimisation (Schulman et al. 2017): a decision stops pulling once its probability has
//! moved far enough from that with which it was made.

use crate::Policy;
use crate::config::SkipTarget;
use crate::controller::Experience;
use crate::reverse::Objective;

/// The gradient of the mean over a batch of the clipped objective, summed over the decisions of an architecture, and of
/// the weighted entropy. Trials carry the log-probabilities of the policy that drew them, however old it is.
pub(crate) fn gradient(
    policy: &Policy,
    batch: &[Experience],
    advantages: &[f64],
    clip: f64,
    entropy: f64,
    skip: Option<SkipTarget>,
) -> Vec<f64> {
    let mut gradient = vec![0.0; policy.weights().len()];
    let share = 1.0 / batch.len() as f64;
    for (experience, &advantage) in batch.iter().zip(advantages) {
        let choices = &experience.sample.choices;
        let trace = policy.walk(|decision, _| choices[decision]);
        let now = trace.log_probs().0;
        let pull = |(now, then): (&f64, &f64)| share * slope(libm::exp(now - then), advantage, clip);
        let scores: Vec<f64> = now.iter().zip(&experience.sample.log_probs).map(pull).collect();
        let skip = skip.map(|s| SkipTarget { weight: s.weight * share, ..s });
        policy.add_gradient(&trace, &Objective { scores: &scores, entropy: entropy * share, skip }, &mut gradient);
    }
    gradient
}

/// The derivative of `min(ratio * advantage, clip(ratio, 1 - clip, 1 + clip) * advantage)` with regard to the logarithm of
/// the ratio.
fn slope(ratio: f64, advantage: f64, clip: f64) -> f64 {
    let is_far = if advantage >= 0.0 { ratio > 1.0 + clip } else { ratio < 1.0 - clip };
    if is_far { 0.0 } else { ratio * advantage }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_slope_is_that_of_the_clipped_objective() {
        let objective = |log_ratio: f64, advantage: f64| {
            let ratio = log_ratio.exp();
            (ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage)
        };
        for ratio in [0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 3.0_f64] {
            for advantage in [-1.5, 0.0, 0.4] {
                let (at, step) = (ratio.ln(), 1e-6);
                let expect = (objective(at + step, advantage) - objective(at - step, advantage)) / (2.0 * step);
                let found = slope(ratio, advantage, 0.2);
                assert!((found - expect).abs() < 1e-8, "ratio {ratio}, advantage {advantage}: {found}, {expect}");
            }
        }
    }
}
