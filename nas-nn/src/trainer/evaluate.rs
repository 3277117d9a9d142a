//! Accuracy and loss of a network on some images.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use nas_data::{BatchPlan, Batches, Images, Normalization};
use serde::{Deserialize, Serialize};

use crate::{Mode, Network, NnError};

/// What a network makes of some images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The part of the images that were classified right, from 0 to 1.
    pub accuracy: f64,
    /// Mean cross-entropy in nats, without label smoothing and auxiliary head.
    pub loss: f64,
    /// Images classified right.
    pub correct: usize,
    /// Images looked at.
    pub count: usize,
}

impl Evaluation {
    /// The same, where the loss is a number; else the worst there is, which can be ranked and stored like any other.
    pub fn or_worst(self) -> Self {
        if self.loss.is_finite() { self } else { Self { accuracy: 0.0, correct: 0, loss: f64::MAX, ..self } }
    }
}

/// Evaluates a network on the images of `indices`, `batch_size` at a time, not augmented.
///
/// Sums are exact or taken in f64 in the order of `indices`. With [`Mode::Evaluate`] every image is judged on its own, so
/// that the batch size is a matter of memory and speed only; with [`Mode::BatchStatistics`] it is part of the result.
///
/// # Errors
/// If there are no images, or they do not fit the network.
pub fn evaluate(
    network: &mut Network,
    images: &Arc<Images>,
    indices: &Arc<Vec<u32>>,
    normalization: &Normalization,
    batch_size: usize,
    mode: Mode,
) -> Result<Evaluation, NnError> {
    let batches = batches(network, images, indices, normalization, batch_size)?;
    let [found] = judge_all(batches, |images| Ok([network.logits(images, mode)?]))?;
    Ok(found)
}

/// As [`evaluate`], at twice the cost: the same first, then what the network makes of each image and its mirror image
/// together, by the mean of their two logits. A network that was trained on mirrored images too usually errs less that way,
/// since its errors on the two views differ; where a mirror image may be of another class it errs more.
///
/// # Errors
/// If there are no images, or they do not fit the network.
pub fn evaluate_mirrored(
    network: &mut Network,
    images: &Arc<Images>,
    indices: &Arc<Vec<u32>>,
    normalization: &Normalization,
    batch_size: usize,
    mode: Mode,
) -> Result<[Evaluation; 2], NnError> {
    let batches = batches(network, images, indices, normalization, batch_size)?;
    judge_all(batches, |images| {
        let plain = network.logits(images, mode)?;
        let mirrored = network.logits(&images.flip(&[3])?, mode)?;
        let both = ((&plain + mirrored)? * 0.5)?;
        Ok([plain, both])
    })
}

/// Judges what `answers` makes of the images of each batch, in one or several ways: logits `[batch, classes]` each.
fn judge_all<const WAYS: usize>(
    batches: Batches,
    mut answers: impl FnMut(&Tensor) -> Result<[Tensor; WAYS], NnError>,
) -> Result<[Evaluation; WAYS], NnError> {
    let (mut sums, mut count) = ([(0.0, 0); WAYS], 0);
    for batch in batches {
        let batch = batch?;
        for (sum, logits) in sums.iter_mut().zip(answers(&batch.images)?) {
            let (loss, correct) = judge(&logits, &batch.labels)?;
            *sum = (sum.0 + loss, sum.1 + correct);
        }
        count += batch.count;
    }
    Ok(sums.map(|(loss, correct)| Evaluation {
        accuracy: correct as f64 / count as f64,
        loss: loss / count as f64,
        correct,
        count,
    }))
}

/// The images in the order of `indices`, not augmented, where and as the network computes.
fn batches(
    network: &Network,
    images: &Arc<Images>,
    indices: &Arc<Vec<u32>>,
    normalization: &Normalization,
    batch_size: usize,
) -> Result<Batches, NnError> {
    let (dtype, device) = place(network);
    let plan = BatchPlan::evaluate(Arc::clone(images), Arc::clone(indices), batch_size, normalization.clone());
    Ok(BatchPlan { dtype, device, ..plan }.spawn()?)
}

/// The data type and device that a network computes in.
pub(super) fn place(network: &Network) -> (DType, Device) {
    match network.parameters().first() {
        Some(parameter) => (parameter.var.dtype(), parameter.var.device().clone()),
        None => (DType::F32, Device::Cpu),
    }
}

/// The sum of the cross-entropies (nats) and the number of right answers, for logits `[batch, classes]` and labels
/// `[batch]`. Of equal logits the first counts as the answer.
///
/// # Errors
/// If a label has no logit.
pub fn judge(logits: &Tensor, labels: &Tensor) -> Result<(f64, usize), NnError> {
    let rows = logits.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let labels = labels.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
    let (mut loss, mut correct) = (0.0, 0);
    for (row, &label) in rows.iter().zip(&labels) {
        let Some(&own) = row.get(label as usize) else {
            let reason = format!("an image is of class {label}, counted from 0; the network has {} classes", row.len());
            return Err(NnError::Unfit { reason });
        };
        let answer = (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        let sum: f64 = row.iter().map(|x| (x - row[answer]).exp()).sum();
        loss += sum.ln() + row[answer] - own;
        correct += usize::from(answer == label as usize);
    }
    Ok((loss, correct))
}

#[cfg(test)]
mod tests {
    use nas_data::Pixels;

    use super::*;
    use crate::testing::{data, network};
    use crate::trainer::TrainData;

    #[test]
    fn cross_entropy_and_right_answers_by_hand() {
        let logits = Tensor::new(&[[1.0_f32, 1.0, 1.0], [0.0, 800.0, 0.0]], &Device::Cpu).unwrap();
        let check = |labels: [u32; 2], expect: (f64, usize)| {
            let (loss, correct) = judge(&logits, &Tensor::new(&labels, &Device::Cpu).unwrap()).unwrap();
            assert!((loss - expect.0).abs() < 1e-12 && correct == expect.1, "{labels:?}: {loss}, {correct}");
        };
        check([0, 1], (3.0_f64.ln(), 2));
        check([1, 2], (3.0_f64.ln() + 800.0, 0));
    }

    #[test]
    fn a_label_without_a_class_is_named() {
        let logits = Tensor::new(&[[1.0_f32, 2.0]], &Device::Cpu).unwrap();
        let message = judge(&logits, &Tensor::new(&[2_u32], &Device::Cpu).unwrap()).unwrap_err().to_string();
        assert!(message.contains("class 2") && message.contains("2 classes"), "{message}");
    }

    #[test]
    fn an_image_and_its_mirror_image_are_judged_by_the_mean_of_their_logits() {
        let TrainData { images, train, normalization, .. } = data(35, 25);
        let mut mirrored = (*images).clone();
        let Pixels::Memory(pixels) = &mut mirrored.pixels else { panic!("digits are in memory") };
        pixels.chunks_exact_mut(images.shape.width).for_each(<[u8]>::reverse);
        let mirrored = Arc::new(mirrored);
        let mut network = network(4);
        let mut found =
            |images| evaluate_mirrored(&mut network, images, &train, &normalization, 10, Mode::Evaluate).unwrap();
        let ([plain, both], [other, again]) = (found(&images), found(&mirrored));
        assert_eq!(both, again);
        assert!(plain.loss != other.loss && both.loss != plain.loss, "{plain:?} {other:?} {both:?}");
        let mut logits = |images| {
            let batch = batches(&network, images, &train, &normalization, 35).unwrap().next().unwrap().unwrap();
            (network.logits(&batch.images, Mode::Evaluate).unwrap(), batch.labels)
        };
        let ((a, labels), (b, _)) = (logits(&images), logits(&mirrored));
        let (loss, correct) = judge(&((a + b).unwrap() / 2.0).unwrap(), &labels).unwrap();
        assert!((both.loss - loss / 35.0).abs() < 1e-6 && (both.correct, both.count) == (correct, 35), "{both:?}");
        let alone = evaluate(&mut network, &images, &train, &normalization, 10, Mode::Evaluate).unwrap();
        assert_eq!(plain, alone);
    }

    #[test]
    fn a_loss_that_is_no_number_ranks_last() {
        let found = |loss| Evaluation { accuracy: 0.5, loss, correct: 5, count: 10 };
        assert_eq!(found(2.0).or_worst(), found(2.0));
        let worst = Evaluation { accuracy: 0.0, loss: f64::MAX, correct: 0, count: 10 };
        assert_eq!([f64::NAN, f64::INFINITY].map(|loss| found(loss).or_worst()), [worst, worst]);
    }

    #[test]
    fn a_network_that_broke_has_no_finite_loss() {
        let logits = Tensor::new(&[[f32::NAN, 2.0]], &Device::Cpu).unwrap();
        assert!(judge(&logits, &Tensor::new(&[0_u32], &Device::Cpu).unwrap()).unwrap().0.is_nan());
    }
}
