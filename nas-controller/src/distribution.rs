//! One decision: from raw scores to probabilities, and the gradient on the way back.

use crate::config::SkipTarget;

/// How raw scores become logits: divided by a temperature, then squashed by `c tanh(x)`, then scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shaping {
    pub(crate) temperature: f64,
    pub(crate) tanh_constant: Option<f64>,
    pub(crate) scale: f64,
}

impl Shaping {
    /// The logit of a raw score, and its derivative.
    pub(crate) fn apply(self, raw: f64) -> (f64, f64) {
        let x = raw / self.temperature;
        let (value, slope) = match self.tanh_constant {
            None => (x, 1.0),
            Some(c) => {
                let t = libm::tanh(x);
                (c * t, c * (1.0 - t * t))
            }
        };
        (self.scale * value, self.scale * slope / self.temperature)
    }
}

/// Softmax over the options allowed. Turns logits into probabilities in place, writes their logarithms into `logs`, and
/// returns the entropy in nats. What is not allowed gets probability 0 and, so that it adds nothing anywhere, logarithm 0.
pub(crate) fn softmax(values: &mut [f64], logs: &mut [f64], allowed: &[bool]) -> f64 {
    let top = values.iter().zip(allowed).filter(|(_, a)| **a).map(|(v, _)| *v).fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for i in 0..values.len() {
        total += if allowed[i] { libm::exp(values[i] - top) } else { 0.0 };
    }
    let log_total = libm::log(total);
    let mut entropy = 0.0;
    for i in 0..values.len() {
        logs[i] = if allowed[i] { values[i] - top - log_total } else { 0.0 };
        values[i] = if allowed[i] { libm::exp(logs[i]) } else { 0.0 };
        entropy -= values[i] * logs[i];
    }
    entropy
}

/// What is to grow at one decision, as a weighted sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Term {
    /// Of the logarithm of the chosen option's probability.
    pub(crate) score: f64,
    /// Of the entropy.
    pub(crate) entropy: f64,
    /// Of the divergence from a target, for a skip, taken away.
    pub(crate) skip: Option<SkipTarget>,
}

impl Term {
    /// Writes the gradient with regard to the logits behind [`softmax`].
    pub(crate) fn gradient(self, choice: usize, probabilities: &[f64], logs: &[f64], gradient: &mut [f64]) {
        let entropy: f64 = -probabilities.iter().zip(logs).map(|(p, l)| p * l).sum::<f64>();
        for (i, slot) in gradient.iter_mut().enumerate() {
            let (p, chosen) = (probabilities[i], f64::from(u8::from(i == choice)));
            *slot = self.score * (chosen - p) - self.entropy * p * (logs[i] + entropy);
        }
        // Where one option is not allowed, nothing can be moved.
        let Some(target) = self.skip.filter(|_| probabilities.iter().all(|p| *p > 0.0)) else { return };
        let aims = [libm::log(1.0 - target.rate), libm::log(target.rate)];
        let apart = |i: usize| logs[i] - aims[i];
        let divergence: f64 = (0..2).map(|i| probabilities[i] * apart(i)).sum();
        for i in 0..2 {
            gradient[i] -= target.weight * probabilities[i] * (apart(i) - divergence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objective of a term, for raw scores.
    fn value(raw: &[f64], shaping: Shaping, allowed: &[bool], choice: usize, term: Term) -> f64 {
        let mut p: Vec<f64> = raw.iter().map(|&r| shaping.apply(r).0).collect();
        let mut logs = vec![0.0; p.len()];
        let entropy = softmax(&mut p, &mut logs, allowed);
        let aims = term.skip.map(|t| [1.0 - t.rate, t.rate]);
        let divergence = aims.map_or(0.0, |a| (0..2).map(|i| p[i] * (logs[i] - a[i].ln())).sum());
        term.score * logs[choice] + term.entropy * entropy - term.skip.map_or(0.0, |t| t.weight) * divergence
    }

    fn check(raw: &[f64], shaping: Shaping, allowed: &[bool], choice: usize, term: Term) {
        let shaped: Vec<(f64, f64)> = raw.iter().map(|&r| shaping.apply(r)).collect();
        let mut p: Vec<f64> = shaped.iter().map(|s| s.0).collect();
        let (mut logs, mut gradient) = (vec![0.0; p.len()], vec![0.0; p.len()]);
        softmax(&mut p, &mut logs, allowed);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        term.gradient(choice, &p, &logs, &mut gradient);
        for i in 0..raw.len() {
            let at = |step: f64| {
                let mut raw = raw.to_vec();
                raw[i] += step;
                value(&raw, shaping, allowed, choice, term)
            };
            let step = 1e-5;
            let expect = (at(step) - at(-step)) / (2.0 * step);
            let found = gradient[i] * shaped[i].1;
            assert!((found - expect).abs() < 1e-9, "{term:?}, score {i}: {found} against {expect}");
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let plain = Shaping { temperature: 1.0, tanh_constant: None, scale: 1.0 };
        let shaped = Shaping { temperature: 3.0, tanh_constant: Some(1.5), scale: 2.0 };
        let target = Some(SkipTarget { rate: 0.4, weight: 0.8 });
        for shaping in [plain, shaped] {
            for term in [Term { score: 0.7, ..Term::default() }, Term { score: -0.3, entropy: 0.9, skip: None }] {
                check(&[0.3, -1.2, 2.0, 0.1], shaping, &[true, true, false, true], 1, term);
                check(&[0.3, -1.2, 2.0, 0.1], shaping, &[false, true, false, false], 1, term);
            }
            check(&[0.0, 0.6], shaping, &[true, true], 1, Term { score: 0.2, entropy: 0.1, skip: target });
            check(&[0.0, 0.6], shaping, &[true, false], 0, Term { score: 0.2, entropy: 0.1, skip: target });
        }
    }

    #[test]
    fn large_scores_stay_finite() {
        let (mut p, mut logs) = (vec![1e4, -1e4, 0.0], vec![0.0; 3]);
        let entropy = softmax(&mut p, &mut logs, &[true; 3]);
        assert_eq!((p[0], p[1], entropy), (1.0, 0.0, 0.0));
        assert_eq!(logs[1], -2e4);
    }
}
