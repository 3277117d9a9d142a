//! Cross-entropy with label smoothing (Szegedy et al. 2016), loss and gradient in one pass, in f64: a batch has a few
//! hundred logits, and the loss is what everything else is judged by.

use crate::element::Element;

/// The outcome on one batch.
pub(crate) struct CrossEntropy {
    /// Sum over the samples, in nats.
    pub(crate) total: f64,
    /// Samples whose largest logit is the label's; the first of equals counts.
    pub(crate) correct: usize,
}

/// Loss of logits `[batch, classes]` against labels; `gradient`, where wanted, gets d(mean loss · weight)/d(logits).
///
/// The target is `1 - smoothing` on the label plus `smoothing / classes` on every class.
pub(crate) fn cross_entropy<T: Element>(
    logits: &[T],
    labels: &[u32],
    smoothing: f64,
    weight: f64,
    mut gradient: Option<&mut [T]>,
) -> CrossEntropy {
    let classes = logits.len() / labels.len().max(1);
    let share = weight / labels.len() as f64;
    let mut outcome = CrossEntropy { total: 0.0, correct: 0 };
    for (sample, (row, &label)) in logits.chunks_exact(classes).zip(labels).enumerate() {
        let label = label as usize;
        let mut top = 0;
        for class in 1..classes {
            if row[class] > row[top] {
                top = class;
            }
        }
        outcome.correct += usize::from(top == label);
        let largest = row[top].wide();
        let sum: f64 = row.iter().map(|v| (v.wide() - largest).exp()).sum();
        let log_sum = largest + sum.ln();
        let mean: f64 = row.iter().map(|v| v.wide()).sum::<f64>() / classes as f64;
        outcome.total += log_sum - (1.0 - smoothing) * row[label].wide() - smoothing * mean;
        if let Some(gradient) = gradient.as_deref_mut() {
            for class in 0..classes {
                let target = smoothing / classes as f64 + if class == label { 1.0 - smoothing } else { 0.0 };
                let probability = (row[class].wide() - log_sum).exp();
                gradient[sample * classes + class] = T::of((probability - target) * share);
            }
        }
    }
    outcome
}
