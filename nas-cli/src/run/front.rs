//! The Pareto front of a search for several objectives: the trials of which none is better in everything.

use nas_search::pareto::{self, Objective};
use nas_search::{Trial, TrialState};
use serde_json::{Value, json};

use super::Run;
use super::results::{Searched, accuracy};
use super::summary::brief;
use crate::objectives;
use crate::output::table::{Align, table};
use crate::units::{count, milliseconds, percent, short};

/// How many of a front the table lists.
const LISTED: usize = 12;

/// The objectives of a search and the trials on their front, the most accurate first; `None` where there is one objective.
pub fn of<'a>(run: &Run, searched: &'a Searched) -> Option<(Vec<Objective>, Vec<&'a Trial>)> {
    let search = &run.config.search;
    let objectives = objectives::of(&search.strategy, search.objectives.as_deref()).ok().flatten()?;
    let is_twin = |t: &&Trial| t.measurement.as_ref().is_some_and(|m| m.twin_of().is_some());
    let costs = |t: &Trial| pareto::costs(&objectives, t.measurement.as_ref()?);
    let complete = searched.first.trials.iter().filter(|t| t.state == TrialState::Complete && !is_twin(t));
    let (trials, points): (Vec<&Trial>, Vec<Vec<f64>>) = complete.filter_map(|t| Some((t, costs(t)?))).unzip();
    let mut front: Vec<&Trial> = pareto::front(&points).into_iter().map(|at| trials[at]).collect();
    front.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
    Some((objectives, front))
}

/// The front in the metrics.
pub fn metrics(run: &Run, searched: &Searched) -> Value {
    let Some((objectives, front)) = of(run, searched) else { return Value::Null };
    let names: Vec<&str> = objectives.iter().map(|objective| objective.name()).collect();
    let trials: Vec<Value> = front.into_iter().map(|trial| super::results::trial(trial.clone())).collect();
    json!({ "objectives": names, "trials": trials })
}

/// The front for a person.
pub fn told(run: &Run, searched: &Searched) -> Option<String> {
    let (objectives, front) = of(run, searched)?;
    let column = |objective: &Objective| match objective {
        Objective::Accuracy => ("validation", Align::Right),
        Objective::Parameters => ("parameters", Align::Right),
        Objective::Flops => ("multiply-adds", Align::Right),
        Objective::Latency => ("latency", Align::Right),
    };
    let cell = |objective: &Objective, trial: &Trial| {
        let Some(m) = &trial.measurement else { return String::new() };
        match objective {
            Objective::Accuracy => percent(m.accuracy),
            Objective::Parameters => count(m.parameters),
            Objective::Flops => short(m.flops as f64),
            Objective::Latency => m.latency.map_or(String::new(), milliseconds),
        }
    };
    let mut head = vec![("trial", Align::Right)];
    head.extend(objectives.iter().map(column));
    head.push(("architecture", Align::Left));
    let row = |trial: &&Trial| {
        let mut row = vec![(trial.number + 1).to_string()];
        row.extend(objectives.iter().map(|objective| cell(objective, trial)));
        row.push(brief(&trial.proposal.architecture));
        row
    };
    let rows: Vec<Vec<String>> = front.iter().take(LISTED).map(row).collect();
    let more = front.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("\n  and {more} more, in metrics.json") } else { String::new() };
    Some(format!(
        "\nthe front, where nothing found is better in everything; its most accurate network was trained\n{}{more}",
        table(&head, &rows)
    ))
}
