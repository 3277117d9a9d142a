//! `nas.toml` and flags: the values that somebody gave, each of them optional.

use std::path::Path;

use nas_nn::Precision;
use nas_space::Stem;
use serde::{Deserialize, Serialize};

use super::{Amount, Batch, Colour, Falling, Moving};
use crate::exit::{file, usage};
use crate::units::nearest;

/// Declares a section of optional values together with the way one section overrides another.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_attribute:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_attribute])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }

        impl $name {
            /// What `self` says, and where it says nothing, what `below` says.
            fn over(self, below: Self) -> Self {
                Self { $($field: self.$field.or(below.$field),)* }
            }
        }
    };
}

section!(
    /// `[data]`
    Data {
        name: String,
        validation: f64,
        size: [usize; 2],
        colour: Colour,
        image_size: usize,
        flip: bool,
        crop: usize,
        cutout: usize,
        resized_crop: f64,
        jitter: f64,
    }
);
section!(
    /// `[space]`
    Space { name: String, channels: usize, layers: usize, stem: Stem, }
);
section!(
    /// `[search]`
    Search {
        method: String,
        recipe: String,
        strategy: String,
        evaluator: String,
        trials: u64,
        epochs: u64,
        time: String,
        population: usize,
        sample: usize,
        lag: u64,
        baseline: bool,
        trial_timeout: String,
        max_params: Amount,
        max_flops: Amount,
        max_latency_ms: f64,
        latency: bool,
        objectives: String,
        warm_start: String,
    }
);
section!(
    /// `[trial]`
    Trial { epochs: usize, images: usize, batch_size: Batch, validations: usize, weights: String, }
);
section!(
    /// `[final]`
    Finish {
        channels: usize,
        layers: usize,
        epochs: usize,
        images: usize,
        batch_size: Batch,
        drop_path: f64,
        auxiliary: bool,
        on_all: bool,
        init: String,
    }
);
section!(
    /// `[training]`
    Training {
        learning_rate: f64,
        schedule: Falling,
        optimizer: Moving,
        momentum: f64,
        nesterov: bool,
        weight_decay: f64,
        label_smoothing: f64,
        warmup: f64,
        clip_norm: f64,
        precision: Precision,
    }
);
section!(
    /// `[run]`
    Run { jobs: usize, threads: usize, in_process: bool, device: String, tensorboard: String, }
);

/// What a file or the flags say about a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Partial {
    /// The seed.
    pub seed: Option<u64>,
    /// The images.
    pub data: Data,
    /// The space.
    pub space: Space,
    /// The method and its budget.
    pub search: Search,
    /// The trials.
    pub trial: Trial,
    /// The winner.
    #[serde(rename = "final")]
    pub finish: Finish,
    /// The training recipe.
    pub training: Training,
    /// This machine.
    pub run: Run,
}

impl Partial {
    /// What `self` says, and where it says nothing, what `below` says. The three budgets count as one value: a budget
    /// here replaces a budget of another kind there.
    pub fn over(self, mut below: Self) -> Self {
        let budget = |s: &Search| s.trials.is_some() || s.epochs.is_some() || s.time.is_some();
        if budget(&self.search) {
            (below.search.trials, below.search.epochs, below.search.time) = (None, None, None);
        }
        Self {
            seed: self.seed.or(below.seed),
            data: self.data.over(below.data),
            space: self.space.over(below.space),
            search: self.search.over(below.search),
            trial: self.trial.over(below.trial),
            finish: self.finish.over(below.finish),
            training: self.training.over(below.training),
            run: self.run.over(below.run),
        }
    }
}

/// Reads a `nas.toml`.
///
/// # Errors
/// If it cannot be read, is not TOML, or holds a key or value that does not exist; names the line, and for a misspelt
/// key the one that was probably meant.
pub fn read(path: &Path) -> anyhow::Result<Partial> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| usage(format!("cannot read the configuration {}: {e}", path.display())))?;
    parse(&text).map_err(|e| usage(format!("{}, {e}", path.display())))
}

/// Parses the text of a `nas.toml`; the error starts with the line.
pub(super) fn parse(text: &str) -> Result<Partial, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        format!("line {line}: {}", explain(error.message()))
    })
}

/// Turns serde's "unknown field" into a sentence with a suggestion; other messages pass.
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let wrong = rest.split('`').next().unwrap_or_default();
    quoted.next();
    let known: Vec<&str> = quoted.collect();
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("there is no key `{wrong}`; did you mean `{near}`?"),
        None => format!("there is no key `{wrong}`; here it can be {}", known.join(", ")),
    }
}

/// Reads the resolved configuration that a run's folder or study holds.
///
/// # Errors
/// If the text is not one: another program's, or damaged.
pub fn read_full(text: &str, path: &Path) -> anyhow::Result<super::Config> {
    toml::from_str(text).map_err(|e| {
        file(format!(
            "{}: its configuration cannot be read ({}); use the program that wrote it",
            path.display(),
            e.message()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(parse(text).unwrap_err(), expect);
    }

    #[test]
    fn a_misspelt_key_names_its_line_and_the_right_key() {
        check("seed = 1\n[search]\ntrails = 5\n", "line 3: there is no key `trails`; did you mean `trials`?");
        check("[serach]\n", "line 1: there is no key `serach`; did you mean `search`?");
        check(
            "[trial]\nqqq = 1\n",
            "line 2: there is no key `qqq`; here it can be epochs, images, batch_size, validations, weights",
        );
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let error = parse("[search]\ntrials = \"many\"\n").unwrap_err();
        assert!(error.starts_with("line 2: ") && error.contains("u64"), "{error}");
    }

    #[test]
    fn flags_override_the_file_and_one_budget_replaces_another() {
        let below = parse("seed = 1\n[search]\ntime = \"30m\"\npopulation = 20\n").unwrap();
        let flags = parse("[search]\ntrials = 8\n").unwrap();
        let merged = flags.over(below);
        assert_eq!(merged.search.trials, Some(8));
        assert_eq!(merged.search.time, None);
        assert_eq!(merged.search.population, Some(20));
        assert_eq!(merged.seed, Some(1));
    }
}
