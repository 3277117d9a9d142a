//! A comparison of methods at equal budget: what `compare.json` holds.
//!
//! The one idea: the file is the comparison. It is there from the first moment with a line for every run to come, and is
//! written anew whenever one begins or ends; so going on is to read it and do what is not done, and who reads it while it
//! grows sees how far it is. docs/compare.md describes every field.

mod chance;
mod file;
mod outcome;
mod plan;
mod process;
mod run;
mod show;

use std::cmp::Ordering;

use nas_bench::stats;
use serde::{Deserialize, Serialize};

pub use file::{claim, is_in, read};
pub use outcome::Outcome;
pub use plan::{partial, plan};
pub use process::obey_parent;
pub use run::run_all;

use crate::config::Partial;
use crate::folder::shell_word;
use crate::units::{count, seconds, short};

/// The file, in the folder of a comparison.
pub const FILE: &str = "compare.json";

/// What it calls itself.
pub const FORMAT: &str = "nas-comparison";

/// Its version.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The program that wrote it.
    pub program: String,
    /// How far it is.
    pub state: State,
    /// The data set, by name or full path.
    pub data: String,
    /// Its test images.
    pub test_images: Option<u64>,
    /// The budget of each run.
    pub budget: Budget,
    /// The seeds of each method's runs.
    pub seeds: Vec<u64>,
    /// Every method: before the end in the order they were asked for, then the best first.
    pub methods: Vec<Row>,
    /// What was asked for: the settings that all runs share.
    pub asked: Partial,
}

/// How far a comparison or a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// Done.
    Complete,
    /// It ended without a result.
    Failed,
}

/// What each run may spend: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Seconds for search and final training together.
    pub seconds: Option<f64>,
    /// Epochs of training in the search.
    pub epochs: Option<u64>,
}

/// A method and what its runs came to. Figures are means over the complete runs; `None` where there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The method as it was asked for: `darts`, `darts:images=400`.
    pub method: String,
    /// What it does.
    pub summary: String,
    /// The paper's authors.
    pub authors: String,
    /// The conference, and its year.
    pub venue: String,
    /// The year.
    pub year: u16,
    /// The space it searches.
    pub space: String,
    /// Its strategy.
    pub strategy: String,
    /// Errors on the test images, in %.
    pub test_error: Option<f64>,
    /// Their standard deviation from run to run, of two runs or more.
    pub test_error_std: Option<f64>,
    /// The errors by each image and its mirror image together, in %, where networks are trained on mirrored images.
    #[serde(default)]
    pub mirrored_error: Option<f64>,
    /// Seconds of the search.
    pub search_seconds: Option<f64>,
    /// Seconds in all: loading and measuring the machine's speed, search, final training.
    pub total_seconds: Option<f64>,
    /// Networks trained in the search.
    pub trials: Option<f64>,
    /// Passes of the supernet or the hypernetwork, of methods that train one.
    pub epochs: Option<f64>,
    /// Learned parameters of the final network.
    pub params: Option<f64>,
    /// Its multiply-adds for one image.
    pub flops: Option<f64>,
    /// The runs, one a seed.
    pub runs: Vec<Run>,
    /// What the paper reports. Nobody measured that here.
    pub published: Published,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Its folder, from the comparison's: a run of `nas search` like any other.
    pub folder: String,
    /// How far it is.
    pub state: State,
    /// Wall-clock seconds of its processes, those that a kill cut off left out.
    pub seconds: f64,
    /// Of a failed one: why.
    pub reason: Option<String>,
    /// Of a complete one: what it came to.
    pub outcome: Option<Outcome>,
}

/// What a paper reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The network.
    pub model: String,
    /// GPUs of the search.
    pub gpus: u32,
    /// Days that they ran, all at once.
    pub days: f64,
    /// Test error on CIFAR-10, in %.
    pub cifar10_error: f64,
    /// Parameters there.
    pub cifar10_params: f64,
    /// Top-1 error on ImageNet, in %, where it was tried.
    pub imagenet_error: Option<f64>,
    /// Parameters there.
    pub imagenet_params: Option<f64>,
}

/// What the column of errors with mirror images holds.
pub const MIRRORED: &str = "the error by the mean of the logits of each image and its mirror image";

impl Comparison {
    /// Every run.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.methods.iter().flat_map(|row| &row.runs)
    }

    /// Every run, with its method.
    pub fn runs_of_methods(&self) -> impl Iterator<Item = (&Row, &Run)> {
        self.methods.iter().flat_map(|row| row.runs.iter().map(move |run| (row, run)))
    }

    /// The flag by which a search is given the budget of a run.
    pub fn budget_flag(&self) -> String {
        match (&self.asked.search.time, self.budget.epochs) {
            (Some(time), _) => format!("--time {}", shell_word(time)),
            (None, epochs) => format!("--epochs {}", epochs.unwrap_or(0)),
        }
    }

    /// Whether errors by each image and its mirror image together are known too.
    pub fn is_mirrored(&self) -> bool {
        self.methods.iter().any(|row| row.mirrored_error.is_some())
    }

    /// Works out what the runs of each method came to together.
    pub fn summarise(&mut self) {
        self.methods.iter_mut().for_each(Row::summarise);
    }
}

impl Row {
    /// Works the means out from the runs.
    fn summarise(&mut self) {
        let outcomes: Vec<&Outcome> = self.runs.iter().filter_map(|run| run.outcome.as_ref()).collect();
        let errors: Vec<f64> = outcomes.iter().map(|outcome| outcome.test_error).collect();
        self.test_error = mean(&errors);
        self.test_error_std = (errors.len() > 1).then(|| stats::summary(&errors).std);
        let of = |get: fn(&Outcome) -> Option<f64>| mean(&outcomes.iter().filter_map(|o| get(o)).collect::<Vec<_>>());
        // Runs of older programs have none, and a mean of other runs cannot stand beside the first.
        self.mirrored_error =
            outcomes.iter().map(|o| o.mirrored_error).collect::<Option<Vec<_>>>().and_then(|e| mean(&e));
        self.search_seconds = of(|o| Some(o.search_seconds));
        self.total_seconds = of(|o| Some(o.total_seconds));
        self.trials = of(|o| Some(o.trials as f64));
        self.epochs = of(|o| o.epochs.map(|epochs| epochs as f64));
        self.params = of(|o| Some(o.params as f64));
        self.flops = of(|o| Some(o.flops as f64));
    }

    /// The lower error first, those without a result last.
    pub fn by_error(a: &Self, b: &Self) -> Ordering {
        let error = |row: &Self| row.test_error.unwrap_or(f64::INFINITY);
        error(a).total_cmp(&error(b))
    }

    /// The error and its spread, or that no run succeeded; nothing before there is a result.
    pub fn error(&self) -> Option<String> {
        match (self.test_error, self.test_error_std) {
            (Some(error), Some(std)) => Some(format!("{error:.2} ± {std:.2} %")),
            (Some(error), None) => Some(format!("{error:.2} %")),
            (None, _) => self.runs.iter().all(|run| run.state == State::Failed).then(|| "failed".to_owned()),
        }
    }

    /// The error by each image and its mirror image together; `missing` where it is not known.
    pub fn mirrored(&self, missing: &str) -> String {
        self.mirrored_error.map_or(missing.to_owned(), |error| format!("{error:.2} %"))
    }

    /// The row as tables show it: method, year, seconds of the search and in all, trials, epochs, parameters, multiply-adds
    /// and error; `missing` stands for what is not known.
    pub fn cells(&self, missing: &str) -> [String; 9] {
        let cell = |value: Option<f64>, show: fn(f64) -> String| value.map_or(missing.to_owned(), show);
        [
            self.method.clone(),
            self.year.to_string(),
            cell(self.search_seconds, seconds),
            cell(self.total_seconds, seconds),
            cell(self.trials, |n| format!("{n:.0}")),
            cell(self.epochs, |n| format!("{n:.0}")),
            cell(self.params, |n| count(n.round() as u64)),
            cell(self.flops, short),
            self.error().unwrap_or_else(|| missing.to_owned()),
        ]
    }
}

/// The mean; of nothing none.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| stats::mean(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A complete comparison of methods whose runs had these test errors.
    pub fn example(methods: &[(&str, &[f64])]) -> Comparison {
        let names: Vec<String> = methods.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut asked = Partial::default();
        asked.data.name = Some("digits".into());
        asked.search.time = Some("2m".into());
        let seeds = (0..methods.iter().map(|(_, errors)| errors.len()).max().unwrap_or(0) as u64).collect();
        let mut comparison = plan(asked, &names, seeds).unwrap();
        for (row, (_, errors)) in comparison.methods.iter_mut().zip(methods) {
            for (run, error) in row.runs.iter_mut().zip(*errors) {
                (run.state, run.seconds) = (State::Complete, 119.0);
                run.outcome = Some(Outcome {
                    test_error: *error,
                    mirrored_error: None,
                    test_images: 359,
                    search_seconds: 40.0,
                    total_seconds: 119.0,
                    trials: 12,
                    epochs: None,
                    final_epochs: 30,
                    params: 50_000,
                    flops: 1_000_000,
                    architecture: "x".into(),
                });
            }
        }
        comparison.test_images = Some(359);
        comparison.finish();
        comparison
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = crate::folder::Folder::at(temporary.path());
        let mut comparison = example(&[("darts", &[1.5, 2.5]), ("random", &[3.0])]);
        comparison.write(&folder).unwrap();
        assert_eq!(read(&folder).unwrap(), comparison);
    }

    #[test]
    fn means_and_spreads_are_over_the_runs_that_are_complete() {
        let comparison = example(&[("random", &[3.0]), ("darts", &[1.0, 2.0, 3.0])]);
        let best = &comparison.methods[0];
        assert_eq!((best.method.as_str(), best.test_error, best.test_error_std), ("darts", Some(2.0), Some(1.0)));
        assert_eq!((best.trials, best.epochs, best.params), (Some(12.0), None, Some(50_000.0)));
        let random = &comparison.methods[1];
        assert_eq!((random.test_error, random.test_error_std), (Some(3.0), None));
    }
}
