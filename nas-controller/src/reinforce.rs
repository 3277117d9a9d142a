//! The gradient of REINFORCE (Williams 1992): every decision of an architecture pulls as hard as the whole was better than
//! expected.

use crate::Policy;
use crate::config::SkipTarget;
use crate::controller::Experience;
use crate::reverse::Objective;

/// The gradient of the mean over a batch of `advantage * log p(architecture) + entropy weight * entropy`, with regard to
/// the policy's weights as they are now. Trials drawn from older weights count as if drawn from these.
pub(crate) fn gradient(
    policy: &Policy,
    batch: &[Experience],
    advantages: &[f64],
    entropy: f64,
    skip: Option<SkipTarget>,
) -> Vec<f64> {
    let mut gradient = vec![0.0; policy.weights().len()];
    let share = 1.0 / batch.len() as f64;
    for (experience, advantage) in batch.iter().zip(advantages) {
        let choices = &experience.sample.choices;
        let trace = policy.walk(|decision, _| choices[decision]);
        let scores = vec![advantage * share; choices.len()];
        let skip = skip.map(|s| SkipTarget { weight: s.weight * share, ..s });
        policy.add_gradient(&trace, &Objective { scores: &scores, entropy: entropy * share, skip }, &mut gradient);
    }
    gradient
}
