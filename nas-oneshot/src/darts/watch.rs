//! What is measured at the end of an epoch, and what is read off a search.

use nas_nn::trainer::{Ended, Plan, ran_short};
use nas_search::SupernetEpoch;
use rand::RngExt;

use super::{DartsReport, DartsSearch, batches};
use crate::curvature::largest_eigenvalue;
use crate::guard::{self, stop_at};
use crate::{Alphas, OneShotError, read_off};
use candle_core::{Device, Tensor};

/// The epoch that ends now, reported.
pub(super) fn epoch_report(search: &DartsSearch, eigenvalue: Option<f64>) -> Result<SupernetEpoch, OneShotError> {
    let DartsSearch { space, supernet, config, standing, .. } = search;
    let weights = supernet.alphas.weight_values()?;
    let published = space.choose(&weights);
    let kept = read_off(space.as_ref(), &weights, config.guard.max_skips);
    Ok(SupernetEpoch {
        epoch: standing.epoch as u64 + 1,
        epochs: search.plan().epochs() as u64,
        train_loss: standing.training.loss(),
        train_accuracy: standing.training.accuracy(),
        loss: standing.validation.loss(),
        accuracy: standing.validation.accuracy(),
        learning_rate: search.learning_rate(),
        alphas: supernet.alphas.values()?,
        entropy: supernet.alphas.entropy()?,
        skips: guard::skips(space.as_ref(), &published) as u64,
        eigenvalue,
        architecture: space.assemble(&kept)?,
    })
}

/// The largest eigenvalue of the validation loss's Hessian, on the batch that is watched.
pub(super) fn eigenvalue(search: &mut DartsSearch) -> Result<f64, OneShotError> {
    let batch = match search.watched.take() {
        Some(batch) => batch,
        None => batches::watched(search).spawn()?.next().expect("a plan with images has a batch")?,
    };
    let start: Vec<f64> = search.supernet.alphas.values()?.into_iter().flatten().flatten().collect();
    let guess = search.eigenvector.take().unwrap_or_else(|| {
        let mut rng = search.seed.child("eigenvector").rng();
        (0..start.len()).map(|_| rng.random::<f64>() - 0.5).collect()
    });
    let found = largest_eigenvalue(&start, &guess, |at| {
        place(&search.supernet.alphas, at)?;
        let gradient = search.supernet.architecture_gradients(&batch)?.architecture;
        let mut flat = Vec::with_capacity(at.len());
        for table in gradient {
            flat.extend(table.flatten_all()?.to_vec1::<f64>()?);
        }
        Ok::<_, OneShotError>(flat)
    });
    // However it ended, the parameters are what they were.
    place(&search.supernet.alphas, &start)?;
    let found = found?;
    (search.eigenvector, search.watched) = (Some(found.vector), Some(batch));
    Ok(found.value)
}

/// Sets all architecture parameters, given one after another.
fn place(alphas: &Alphas, values: &[f64]) -> Result<(), OneShotError> {
    let mut rest = values;
    for table in &alphas.parameters {
        let (own, behind) = rest.split_at(table.var.elem_count());
        table.var.set(&Tensor::from_slice(own, table.var.dims(), &Device::Cpu)?)?;
        rest = behind;
    }
    Ok(())
}

/// Steps before the eigenvalue says anything: ten epochs of the published search on CIFAR-10. Until then it rises because the
/// weights learn, whatever becomes of the architecture.
const SETTLED: u64 = 3_900;

/// The epoch, from 1, to go back to, where the eigenvalues measured so far say that the search should stop; an epoch has so
/// many steps. Too early an epoch is none to go back to (Zela et al. 2020, reference implementation: not before 10 of 50).
pub(super) fn rise(history: &[SupernetEpoch], steps: usize) -> Option<u64> {
    let measured: Vec<(u64, f64)> = history.iter().filter_map(|e| Some((e.epoch, e.eigenvalue?))).collect();
    let values: Vec<f64> = measured.iter().map(|(_, value)| *value).collect();
    let (back_to, planned) = (measured[stop_at(&values)?].0, history.last()?.epochs);
    (5 * back_to >= planned && back_to * steps as u64 >= SETTLED).then_some(back_to)
}

/// See [`DartsSearch::report`].
pub(super) fn report(search: &DartsSearch) -> Result<Option<DartsReport>, OneShotError> {
    let DartsSearch { space, config, standing, .. } = search;
    let Some(last) = standing.history.last() else { return Ok(None) };
    let epoch = standing.back_to.unwrap_or(last.epoch);
    // Epochs count from 1, and the history has every one of them.
    let read = &standing.history[epoch as usize - 1];
    let mut tables = Vec::new();
    for table in &read.alphas {
        tables.push(Tensor::new(table.clone(), &Device::Cpu)?);
    }
    let weights = search.supernet.alphas.like(tables)?.weight_values()?;
    let kept = read_off(space.as_ref(), &weights, config.guard.max_skips);
    let mut warnings = Vec::new();
    if standing.plan.as_ref().is_some_and(Plan::is_cut) {
        warnings.push(ran_short(standing.epoch, config.epochs, "epochs planned for the supernet were done"));
    }
    if let (false, Some((noticed, before))) =
        (config.guard.early_stop, first_rise(&standing.history, search.steps_per_epoch()))
    {
        warnings.push(format!(
            "at epoch {noticed} the largest eigenvalue of the validation loss had risen so far that the rule of early \
             stopping would have gone back to epoch {before}; what is found later often does worse when it is trained"
        ));
    }
    warnings.extend(guard::collapse(space.as_ref(), &kept));
    let ended = match (standing.back_to, search.is_over()) {
        (Some(_), _) => Ended::EarlyStop,
        (None, true) => Ended::Finished,
        (None, false) => Ended::Interrupted,
    };
    let (history, architecture) = (standing.history.clone(), read.architecture.clone());
    Ok(Some(DartsReport { history, architecture, epoch, ended, warnings }))
}

/// The first epoch at which a search would have stopped, and the one to which it would have gone back.
fn first_rise(history: &[SupernetEpoch], steps: usize) -> Option<(u64, u64)> {
    (1..=history.len()).find_map(|count| Some((history[count - 1].epoch, rise(&history[..count], steps)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eigenvalues that double after the tenth of 50 epochs.
    fn history(finished: u64) -> Vec<SupernetEpoch> {
        let epoch = |epoch: u64| SupernetEpoch {
            epoch,
            epochs: 50,
            train_loss: 0.0,
            train_accuracy: 0.0,
            loss: 0.0,
            accuracy: 0.0,
            learning_rate: 0.0,
            alphas: Vec::new(),
            entropy: 1.0,
            skips: 0,
            eigenvalue: Some(if epoch > 12 { 0.4 } else { 0.2 }),
            architecture: nas_space::Architecture { space: "darts".into(), choices: Vec::new() },
        };
        (1..=finished).map(epoch).collect()
    }

    #[test]
    fn a_rise_counts_where_the_weights_have_settled() {
        let rises = |finished, steps| rise(&history(finished), steps);
        assert_eq!([rises(14, 390), rises(15, 390), rises(17, 390)], [None, None, Some(10)]);
        // As many epochs of a tenth of the steps are the beginning of a search.
        assert_eq!([rises(17, 389), rises(17, 39)], [None, None]);
        assert_eq!(first_rise(&history(20), 400), Some((17, 10)));
    }
}
