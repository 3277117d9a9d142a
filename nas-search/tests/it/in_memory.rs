//! The loop without a study is the loop with one.

use std::sync::Arc;

use nas_search::{
    Budget, Event, Failure, HalvingConfig, InProcess, Job, Measurement, RandomSearch, SearchError, Settings, Strategy,
    Study, StudyInfo, SuccessiveHalving, Trial, run, run_in_memory,
};
use nas_space::Seed;

use crate::toy::{Digits, Does, info, measured};

/// Every seventh architecture cannot be measured.
fn evaluate(job: &Job) -> Result<Measurement, Failure> {
    if job.architecture.choices.iter().sum::<usize>() % 7 == 3 {
        return Err(Failure::new("error", "a seventh is left out"));
    }
    Ok(measured(job, job.epochs.unwrap_or(2)))
}

fn strategies(space: &Arc<Digits>) -> [Box<dyn Strategy>; 2] {
    let halving = HalvingConfig { rungs: vec![1, 2, 4], reduction: 2, bracket: None };
    [
        Box::new(RandomSearch::new(space.clone(), Seed::new(3))),
        Box::new(SuccessiveHalving::new(space.clone(), halving, Seed::new(3)).unwrap()),
    ]
}

fn without_seconds(mut trials: Vec<Trial>) -> Vec<Trial> {
    trials.iter_mut().for_each(|trial| trial.seconds = None);
    trials
}

#[test]
fn it_asks_tells_and_ends_as_the_study_s_loop_does() {
    // One digit, so that twins come up.
    let space = Arc::new(Digits::new(1));
    for lag in [0, 1, 5] {
        for budget in [Budget::trials(40), Budget::epochs(33)] {
            for which in 0..2 {
                let settings = Settings::new("arm", budget, "unused");
                let study = Study::in_memory(&StudyInfo { lag, ..info() }).unwrap();
                let mut strategy = strategies(&space).into_iter().nth(which).unwrap();
                let mut executor = InProcess::new(Does(evaluate));
                let listener = &mut |_: &Event| {};
                let with = run(&study, space.as_ref(), strategy.as_mut(), &mut executor, &settings, listener).unwrap();
                let mut strategy = strategies(&space).into_iter().nth(which).unwrap();
                let (seed, evaluator) = (info().seed, &mut Does(evaluate));
                let without =
                    run_in_memory(space.as_ref(), strategy.as_mut(), evaluator, seed, lag, &settings).unwrap();
                assert_eq!(without.reason, with.reason);
                assert_eq!(without.trials, without_seconds(with.trials), "lag {lag}, {budget:?}, strategy {which}");
                assert_eq!(without.best.map(|t| t.number), with.best.map(|t| t.number));
            }
        }
    }
}

#[test]
fn searches_without_an_end_and_without_a_success_are_refused() {
    let space = Arc::new(Digits::new(2));
    let search = |budget, evaluator: &mut dyn nas_search::Evaluator| {
        let mut strategy = RandomSearch::new(space.clone(), Seed::new(1));
        run_in_memory(space.as_ref(), &mut strategy, evaluator, 1, 0, &Settings::new("arm", budget, "unused"))
    };
    let mut good = Does(evaluate);
    assert!(matches!(search(Budget::seconds(1.0), &mut good), Err(SearchError::NoBudget)));
    let mut bad = Does(|_: &Job| Err(Failure::new("error", "no")));
    let error = search(Budget::trials(50), &mut bad).unwrap_err().to_string();
    assert_eq!(error, "all 10 trials tried so far failed, so the search stops; the last one (error): no");
}
