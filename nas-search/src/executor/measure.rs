//! One evaluation under guard: a panic or a number that is none becomes a failed trial.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::{Evaluator, Failure, Job, Measurement, Progress};

/// Measures a job and the wall-clock seconds it takes.
///
/// A panic of the evaluator becomes a [`Failure`] of the kind `panic`, and a measurement that is not finite one of the
/// kind `not_finite`. The evaluator is used again after a panic: it must not keep half-changed state between jobs,
/// which the promise of [`Evaluator`] rules out anyway.
pub fn measure(
    evaluator: &mut dyn Evaluator,
    job: &Job,
    progress: &mut Progress<'_>,
) -> (Result<Measurement, Failure>, f64) {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(job, progress)));
    let seconds = start.elapsed().as_secs_f64();
    let result = match result {
        Ok(Ok(measurement)) => measurement.check().map(|()| measurement),
        Ok(Err(failure)) => Err(failure),
        Err(payload) => Err(Failure::new("panic", format!("the evaluation panicked: {}", message(payload.as_ref())))),
    };
    (result, seconds)
}

/// What a panic said: `panic!` carries a string of one kind or the other.
fn message(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
