//! The search methods the program offers: the one list that `nas search`, `nas strategies` and `nas bench` read.
//!
//! A method is asked for as `NAME` or `NAME:KEY=VALUE:KEY=VALUE`; what is not set follows from the budget. To add one,
//! add an entry to [`KNOWN`] and the function that makes it.

use std::sync::Arc;

use nas_evolution::{EvolutionConfig, LocalSearch, Nsga2, Nsga2Config, RegularizedEvolution};
use nas_search::pareto::Objective;
use nas_search::{HalvingConfig, RandomSearch, Strategy, SuccessiveHalving};
use nas_space::{SearchSpace, Seed};

use crate::exit::usage;
use crate::units::nearest;
use crate::{controllers, gradient, hypernet, objectives, sharing};

/// The name of the baseline.
pub const RANDOM: &str = "random";

/// A method of the list.
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The paper it comes from.
    pub source: &'static str,
    /// The keys that may be set, and what they mean.
    pub settings: &'static [(&'static str, &'static str)],
    /// Makes it. What is no strategy refuses.
    pub make: fn(&Method, &Task) -> anyhow::Result<Box<dyn Strategy>>,
}

/// What a method is to work on.
pub struct Task {
    /// The space searched.
    pub space: Arc<dyn SearchSpace>,
    /// The seed of everything random in the method. Methods with the same one begin with the same random architectures.
    pub seed: Seed,
    /// About how many trials there will be.
    pub trials: u64,
    /// The lengths of training that a method may choose from, in epochs, rising.
    pub epochs: Epochs,
    /// What a method of several objectives optimises unless it is told otherwise.
    pub objectives: Vec<Objective>,
}

/// The lengths of training that there are.
pub enum Epochs {
    /// Any up to this one.
    UpTo(u64),
    /// These: a table knows no others.
    Only(Vec<u64>),
}

/// Every method, by name.
pub const KNOWN: &[Known] = &[
    Known {
        name: "evolution",
        summary: "regularized evolution: the best of a small sample gets a mutated child, the oldest dies",
        source: "Real, Aggarwal, Huang & Le 2019",
        settings: &[
            ("population", "how many networks live at a time (P)"),
            ("sample", "how many are drawn, with replacement, to pick a parent (S)"),
            ("identity", "the probability that a child is its parent unchanged"),
        ],
        make: evolution,
    },
    Known {
        name: "local",
        summary: "local search: moves to the first single change that is better, starts anew where there is none",
        source: "White, Nolen & Savani 2021",
        settings: &[("beginnings", "random networks tried first; the first climb begins at the best of them [1]")],
        make: |method, task| {
            let beginnings = method.number("beginnings")?.unwrap_or(1);
            Ok(Box::new(LocalSearch::new(Arc::clone(&task.space), task.seed).beginnings(beginnings)))
        },
    },
    Known {
        name: objectives::NSGA2,
        summary: "NSGA-II: a population that spreads along the front of several objectives",
        source: "Deb, Pratap, Agarwal & Meyarivan 2002",
        settings: &[
            ("population", "how many networks live at a time"),
            ("crossover", "the probability that a child mixes two parents"),
            ("mutation", "the probability that such a child is changed in one choice besides"),
            ("objectives", "what is optimised, joined by +: accuracy, parameters, flops, latency"),
        ],
        make: nsga2,
    },
    Known {
        name: "asha",
        summary: "asynchronous successive halving: many short trainings, longer ones for the best so far",
        source: "Li, Jamieson, Rostamizadeh et al. 2020",
        settings: &[
            ("reduction", "one of so many goes on to a longer training (eta)"),
            ("shortest", "the epochs of the shortest training"),
        ],
        make: asha,
    },
    Known {
        name: "halving",
        summary: "successive halving in brackets: those that begin together are compared when all have ended",
        source: "Jamieson & Talwalkar 2016",
        settings: &[
            ("reduction", "one of so many goes on to a longer training (eta)"),
            ("shortest", "the epochs of the shortest training"),
            ("bracket", "how many begin together"),
        ],
        make: halving,
    },
    Known {
        name: "darts",
        summary: "differentiable search, second order: all operations in one network, weighted by learned numbers",
        source: "Liu, Simonyan & Yang 2019",
        settings: gradient::SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: "darts1",
        summary: "the same, first order: two passes over the network a step instead of five",
        source: "Liu, Simonyan & Yang 2019",
        settings: gradient::SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: "pc-darts",
        summary: "darts1 on a quarter of the channels, with weights for edges beside those for operations",
        source: "Xu, Xie, Zhang, Chen, Qi, Tian & Xiong 2020",
        settings: gradient::PARTIAL_SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: "gdas",
        summary: "darts1 on one operation an edge, drawn anew for every pass: a step costs what a small network's does",
        source: "Dong & Yang 2019",
        settings: gradient::DRAWN_SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: "drnas",
        summary: "darts1 on weights drawn for every pass from Dirichlet distributions, which are what is learned",
        source: "Chen, Wang, Cheng, Tang & Hsieh 2021",
        settings: gradient::DRAWN_SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: sharing::NAME,
        summary: "parameter sharing: paths sampled through shared weights, proposed by a controller that learns on them",
        source: "Pham, Guan, Zoph, Le & Dean 2018",
        settings: sharing::SETTINGS,
        make: gradient::refuse,
    },
    Known {
        name: hypernet::NAME,
        summary: "a graph hypernetwork: learns to generate weights, scores 1,000 networks with them, trains the best 10",
        source: "Zhang, Ren & Urtasun 2019",
        settings: hypernet::SETTINGS,
        make: hypernet::refuse,
    },
    Known {
        name: "reinforce",
        summary: "an LSTM controller that learns by REINFORCE what to propose",
        source: "Zoph & Le 2017",
        settings: controllers::REINFORCE,
        make: controllers::reinforce,
    },
    Known {
        name: "ppo",
        summary: "the same by proximal policy optimisation, as NASNet was found",
        source: "Zoph, Vasudevan, Shlens & Le 2018",
        settings: controllers::PPO,
        make: controllers::ppo,
    },
    Known {
        name: RANDOM,
        summary: "uniform random search: the baseline that every method must beat",
        source: "Li & Talwalkar 2019",
        settings: &[],
        make: |_, task| Ok(Box::new(RandomSearch::new(Arc::clone(&task.space), task.seed))),
    },
];

/// A method with its settings, as it was asked for.
#[derive(Clone)]
pub struct Method {
    /// The entry of the list.
    pub known: &'static Known,
    settings: Vec<(&'static str, String)>,
}

impl Method {
    /// Reads `NAME` or `NAME:KEY=VALUE:KEY=VALUE`.
    ///
    /// # Errors
    /// Lists the names or keys, and suggests the nearest.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Self::parse_in(KNOWN, "strategy", text)
    }

    /// As [`parse`](Self::parse), from another list; `kind` is what it lists.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_in(list: &'static [Known], kind: &str, text: &str) -> anyhow::Result<Self> {
        let mut parts = text.split(':').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let Some(known) = list.iter().find(|known| known.name == name) else {
            let names: Vec<&str> = list.iter().map(|known| known.name).collect();
            let (listed, hint) = (names.join(", "), hint(name, &names));
            return Err(usage(match kind {
                "strategy" => format!("there is no search strategy `{name}`; the strategies are {listed}{hint}"),
                _ => format!("there is no {kind} `{name}`; the {kind}s are {listed}{hint}"),
            }));
        };
        let mut method = Self { known, settings: Vec::new() };
        for part in parts {
            let Some((key, value)) = part.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
                let example = "evolution:population=20:sample=5";
                return Err(usage(format!(
                    "`{part}` in `{text}` sets nothing; settings are written as in `{example}`"
                )));
            };
            let keys: Vec<&str> = known.settings.iter().map(|(key, _)| *key).collect();
            let Some(&key) = keys.iter().find(|known| **known == key) else {
                return Err(usage(match keys.len() {
                    0 => format!("{kind} `{name}` has nothing to set; leave `{part}` out"),
                    _ => {
                        let known = keys.join(", ");
                        format!("{kind} `{name}` has no setting `{key}`; it has {known}{}", hint(key, &keys))
                    }
                }));
            };
            if method.settings.iter().any(|(given, _)| *given == key) {
                return Err(usage(format!("`{text}` sets `{key}` twice; leave one out")));
            }
            method.settings.push((key, value.to_owned()));
        }
        Ok(method)
    }

    /// Sets a key that was not given, if this method has it.
    #[must_use]
    pub fn or(mut self, key: &str, value: impl ToString) -> Self {
        let known = self.known.settings.iter().find(|(known, _)| *known == key);
        if let Some((key, _)) = known.filter(|(key, _)| !self.sets(key)) {
            self.settings.push((key, value.to_string()));
        }
        self
    }

    /// What was set, in the order in which it was.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Whether a key was given.
    pub fn sets(&self, key: &str) -> bool {
        self.text(key).is_some()
    }

    /// A fresh strategy.
    ///
    /// # Errors
    /// Names the setting that makes no sense.
    pub fn make(&self, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
        (self.known.make)(self, task)
    }

    /// The text that a key was set to.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(given, _)| *given == key).map(|(_, value)| value.as_str())
    }

    /// A number, or true or false, that was set.
    ///
    /// # Errors
    /// If the text is none.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> anyhow::Result<Option<T>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let wrong = || usage(format!("`{key}` = {text} of strategy `{}` is not such a number", self.known.name));
        text.parse().map(Some).map_err(|_| wrong())
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.known.name)?;
        self.settings.iter().try_for_each(|(key, value)| write!(f, ":{key}={value}"))
    }
}

/// The name that may have been meant, as the end of a sentence.
pub fn hint(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn evolution(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let usual = EvolutionConfig::for_budget(task.trials);
    let population = method.number("population")?.unwrap_or(usual.population);
    let config = EvolutionConfig {
        population,
        sample: method.number("sample")?.unwrap_or_else(|| EvolutionConfig::usual_sample(population)),
        identity: method.number("identity")?.unwrap_or(usual.identity),
    };
    Ok(Box::new(RegularizedEvolution::new(Arc::clone(&task.space), config, task.seed)?))
}

fn nsga2(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let objectives = method.text("objectives").map_or_else(|| Ok(task.objectives.clone()), objectives::parse)?;
    let config = Nsga2Config {
        // Twenty-five generations, where the budget has room for them.
        population: method.number("population")?.unwrap_or((task.trials / 25).clamp(10, 100) as usize),
        crossover: method.number("crossover")?.unwrap_or(0.9),
        mutation: method.number("mutation")?.unwrap_or(0.5),
        objectives,
    };
    Ok(Box::new(Nsga2::new(Arc::clone(&task.space), config, task.seed)?))
}

fn asha(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    successive(method, task, None)
}

fn halving(method: &Method, task: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let reduction: u64 = method.number("reduction")?.unwrap_or(REDUCTION);
    let bracket = method.number("bracket")?.unwrap_or(reduction.saturating_mul(reduction));
    successive(method, task, Some(bracket))
}

/// One of so many goes on (eta), unless told otherwise: the value of the ASHA paper's experiments.
const REDUCTION: u64 = 4;

fn successive(method: &Method, task: &Task, bracket: Option<u64>) -> anyhow::Result<Box<dyn Strategy>> {
    let reduction = method.number("reduction")?.unwrap_or(REDUCTION);
    let shortest: u64 = method.number("shortest")?.unwrap_or(1);
    let rungs = match &task.epochs {
        Epochs::Only(known) => known.iter().copied().filter(|epochs| *epochs >= shortest).collect(),
        Epochs::UpTo(longest) => HalvingConfig::rungs_between(shortest, *longest, reduction),
    };
    let config = HalvingConfig { rungs, reduction, bracket };
    Ok(Box::new(SuccessiveHalving::new(Arc::clone(&task.space), config, task.seed)?))
}

#[cfg(test)]
mod tests;
