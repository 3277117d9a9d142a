//! How architectures do on the shared weights: a few at the end of each epoch, many at the end of the search.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nas_nn::checkpoint::SaveClock;
use nas_nn::trainer::{Timekeeper, evaluate, judge};
use nas_search::SharedEpoch;

use super::save::save;
use super::{CANDIDATES, Candidate, DRAWN, EnasSearch, batches};
use crate::OneShotError;

/// The epoch that ends now, reported.
pub(super) fn epoch_report(search: &mut EnasSearch) -> Result<SharedEpoch, OneShotError> {
    let batch = batches::looked_at(search).spawn()?.next().expect("a plan with images has a batch")?;
    let (mode, count) = (search.config.batch_norm.mode(), search.config.drawn as u64);
    let first = DRAWN + search.standing.epoch as u64 * count;
    let (mut sum, mut best) = (0.0, None);
    for number in first..first + count {
        let architecture = search.propose(number)?.architecture;
        let mut network = search.weights.network(search.space.path(&architecture, &search.network)?)?;
        let (_, correct) = judge(&network.logits(&batch.images, mode)?, &batch.labels)?;
        let accuracy = correct as f64 / batch.count as f64;
        sum += accuracy;
        if best.as_ref().is_none_or(|(highest, _)| accuracy > *highest) {
            best = Some((accuracy, architecture));
        }
    }
    let (best, architecture) = best.expect("the settings ask for at least one");
    let standing = &search.standing;
    Ok(SharedEpoch {
        epoch: standing.epoch as u64 + 1,
        epochs: search.plan().epochs() as u64,
        train_loss: standing.training.loss(),
        train_accuracy: standing.training.accuracy(),
        learning_rate: search.learning_rate(),
        reward: (standing.sample > 0).then(|| standing.rewards.accuracy()),
        baseline: standing.baseline,
        entropy: standing.entropy,
        drawn: sum / count as f64,
        best,
        architecture,
    })
}

/// Measures the candidates that are left, or one of them if it is late. Returns `false` if the search was stopped in their
/// midst; then all is saved.
pub(super) fn candidates(
    search: &mut EnasSearch,
    stop: &AtomicBool,
    time: &Timekeeper,
    clock: &mut SaveClock<'_>,
) -> Result<bool, OneShotError> {
    let numbers = Arc::new(batches::candidates(search));
    let size = search.config.batch_size;
    let mode = search.config.batch_norm.mode();
    let mut known: Vec<String> =
        search.standing.candidates.iter().map(|known| search.space.canonical(&known.architecture)).collect();
    while search.standing.proposed < search.candidates() {
        let architecture = search.propose(CANDIDATES + search.standing.proposed)?.architecture;
        let key = search.space.canonical(&architecture);
        if let Some(twin) = known.iter().position(|other| *other == key) {
            search.standing.candidates[twin].times += 1;
        } else {
            let mut network = search.weights.network(search.space.path(&architecture, &search.network)?)?;
            let (images, normalization) = (&search.data.images, &search.data.normalization);
            // Logits of weights that few paths shared may overflow.
            let found = evaluate(&mut network, images, &numbers, normalization, size, mode)?.or_worst();
            let (accuracy, loss) = (found.accuracy, found.loss);
            search.standing.candidates.push(Candidate { architecture, accuracy, loss, times: 1 });
            known.push(key);
        }
        search.standing.proposed += 1;
        let stopped = stop.load(Ordering::Relaxed);
        if time.ends_measuring() && search.standing.proposed < search.candidates() {
            search.standing.enough = Some(search.standing.proposed);
        }
        let is_last = search.standing.proposed == search.candidates();
        if stopped || clock.is_due() || is_last {
            save(clock, search)?;
        }
        if stopped && !is_last {
            return Ok(false);
        }
    }
    Ok(true)
}
