//! Batch norms with running statistics are a scale and a shift for each channel, which a convolution before them can
//! take into its weights and a bias.

use nas_space::Layer;

use super::inference::{Inference, Operation, Weight};
use crate::network::norm::EPSILON;

/// Folds every batch norm whose input is a convolution that nothing else reads, or a concatenation of such; the others
/// stay.
pub(super) fn batch_norms(mut inference: Inference<'_>) -> Inference<'_> {
    let readers = inference.readers();
    let mut source: Vec<usize> = (0..inference.graph.len()).collect();
    let mut kept: Vec<Operation<'_>> = Vec::with_capacity(inference.operations.len());
    for mut operation in inference.operations {
        operation.inputs.iter_mut().for_each(|input| *input = source[*input]);
        let norm = matches!(operation.layer, Layer::BatchNorm { .. });
        match norm.then(|| convolutions(&kept, operation.inputs[0], &readers)).flatten() {
            Some(convolutions) => {
                let (scale, shift) = affine(&operation);
                let mut channel = 0;
                for at in convolutions {
                    let out = kept[at].weights[0].shape[0];
                    let channels = channel..channel + out;
                    fold(&mut kept[at], &scale[channels.clone()], &shift[channels]);
                    channel += out;
                }
                source[operation.node] = operation.inputs[0];
            }
            None => kept.push(operation),
        }
    }
    inference.operations = kept;
    inference.output = source[inference.output];
    inference
}

/// The convolutions, by their places in `kept`, whose outputs alone make up a node's value; `None` where there is
/// anything else, or where someone else reads them.
fn convolutions(kept: &[Operation<'_>], node: usize, readers: &[usize]) -> Option<Vec<usize>> {
    let at = kept.iter().rposition(|operation| operation.node == node)?;
    match kept[at].layer {
        _ if readers[node] != 1 => None,
        // One that has a bias has taken a batch norm already, whose value others may read.
        Layer::Conv2d(_) if kept[at].weights.len() == 1 => Some(vec![at]),
        Layer::Concat => {
            let parts = kept[at].inputs.iter().map(|&part| match convolutions(kept, part, readers)?[..] {
                [only] => Some(only),
                _ => None,
            });
            parts.collect()
        }
        _ => None,
    }
}

/// What a batch norm multiplies each channel by, and what it adds then.
fn affine(norm: &Operation<'_>) -> (Vec<f64>, Vec<f64>) {
    let values = |name: &str| norm.weight(name).map(|weight| &weight.values[..]);
    let (mean, variance) = (values("running_mean").unwrap_or_default(), values("running_var").unwrap_or_default());
    let mut maps = Vec::with_capacity(mean.len());
    for (channel, (&mean, &variance)) in mean.iter().zip(variance).enumerate() {
        let learned = |name: &str, otherwise: f64| values(name).map_or(otherwise, |values| f64::from(values[channel]));
        let scale = learned("weight", 1.0) / (f64::from(variance) + EPSILON).sqrt();
        maps.push((scale, learned("bias", 0.0) - f64::from(mean) * scale));
    }
    maps.into_iter().unzip()
}

/// Puts a scale and a shift of each output channel into a convolution.
fn fold(convolution: &mut Operation<'_>, scale: &[f64], shift: &[f64]) {
    let weight = &mut convolution.weights[0];
    let filter = weight.values.len() / scale.len().max(1);
    for (filter, scale) in weight.values.chunks_mut(filter.max(1)).zip(scale) {
        filter.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    }
    let values: Vec<f32> = shift.iter().map(|shift| *shift as f32).collect();
    convolution.weights.push(Weight { name: "bias", shape: vec![values.len()], values });
}
