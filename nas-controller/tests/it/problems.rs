//! Two problems with a known optimum, 1, and trials that are measured on them.

use nas_search::{Measurement, Proposal, Trial, TrialState};
use serde_json::Value;

/// Eight decisions of five options, each right or wrong by itself.
pub(crate) fn independent(choices: &[usize]) -> f64 {
    let right = choices.iter().enumerate().filter(|(i, c)| **c == (3 * i + 1) % 5).count();
    right as f64 / choices.len() as f64
}

/// Four pairs of decisions of four options. A pair is worth something only if its second choice fits the first, and most
/// at one of the four that fit: what a second choice is worth depends on the first alone.
pub(crate) fn pairwise(choices: &[usize]) -> f64 {
    let pair = |(i, pair): (usize, &[usize])| match (pair[1] == (pair[0] + i + 1) % 4, pair[0] == (i + 2) % 4) {
        (true, true) => 1.0,
        (true, false) => 0.5,
        (false, _) => 0.0,
    };
    choices.chunks(2).enumerate().map(pair).sum::<f64>() / (choices.len() / 2) as f64
}

/// The trial of a proposal that is worth so much.
pub(crate) fn trial(number: u64, proposal: Proposal, accuracy: f64) -> Trial {
    let extra = Value::Null;
    let measured = Measurement { accuracy, loss: 0.0, parameters: 0, flops: 0, epochs: 0, latency: None, extra };
    Trial {
        id: number,
        arm: "toy".into(),
        number,
        proposal,
        state: TrialState::Complete,
        seed: 0,
        measurement: Some(measured),
        failure: None,
        seconds: None,
    }
}
