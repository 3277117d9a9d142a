//! The sizes of regularized evolution, and the rule that fits them to a small budget.

use nas_search::SearchError;
use serde::{Deserialize, Serialize};

/// The settings of [`RegularizedEvolution`](crate::RegularizedEvolution).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvolutionConfig {
    /// P: how many trials are alive; as many random ones begin the search.
    pub population: usize,
    /// S: how many of them, drawn with replacement, compete to be the parent.
    pub sample: usize,
    /// The probability that a child is its parent unchanged.
    pub identity: f64,
}

impl EvolutionConfig {
    /// The settings of the paper's main experiments: P = 100, S = 25, identity 5 % (Real et al. 2019, section 3).
    pub const PAPER: Self = Self { population: 100, sample: 25, identity: 0.05 };

    /// The settings for a budget in trials: a fifth of it begins at random, but 4 at least and 100 at most; a quarter of
    /// that competes, but 2 at least. From 500 trials on these are the paper's.
    ///
    /// A fifth leaves four generations' worth of children, and the paper's share of competitors keeps the balance
    /// between exploring and exploiting. Below 4 trials everything is random search.
    ///
    /// ```
    /// use nas_evolution::EvolutionConfig;
    /// let config = EvolutionConfig::for_budget(60);
    /// assert_eq!((config.population, config.sample), (12, 3));
    /// assert_eq!(EvolutionConfig::for_budget(20_000), EvolutionConfig::PAPER);
    /// ```
    pub fn for_budget(trials: u64) -> Self {
        let population = usize::try_from(trials.div_ceil(5).clamp(4, 100)).unwrap_or(100);
        Self { population, sample: Self::usual_sample(population), ..Self::PAPER }
    }

    /// How many compete in a population of this size: the paper's share of it, a quarter, but 2 at least where there are 2.
    pub fn usual_sample(population: usize) -> usize {
        population.div_ceil(4).max(2).min(population)
    }

    /// Checks that the sizes make sense.
    ///
    /// # Errors
    /// [`SearchError::Setting`] names the one that does not.
    pub fn check(&self) -> Result<(), SearchError> {
        let bad = |setting, value: String, reason: &str| SearchError::Setting { setting, value, reason: reason.into() };
        if self.population == 0 {
            return Err(bad("population", "0".into(), "a population needs at least one member"));
        }
        if self.sample == 0 || self.sample > self.population {
            let reason = format!("from 1 to {}, the population, may compete", self.population);
            return Err(bad("sample", self.sample.to_string(), &reason));
        }
        if !(0.0..=1.0).contains(&self.identity) {
            return Err(bad("identity", self.identity.to_string(), "a probability lies between 0 and 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::EvolutionConfig;

    fn check_budget(trials: u64, population: usize, sample: usize) {
        let config = EvolutionConfig::for_budget(trials);
        assert_eq!((config.population, config.sample), (population, sample), "{trials} trials");
        config.check().unwrap();
    }

    #[test]
    fn a_small_budget_gets_a_small_population() {
        check_budget(0, 4, 2);
        check_budget(1, 4, 2);
        check_budget(20, 4, 2);
        check_budget(21, 5, 2);
        check_budget(60, 12, 3);
        check_budget(250, 50, 13);
        check_budget(499, 100, 25);
        check_budget(u64::MAX, 100, 25);
    }

    fn check_error(config: EvolutionConfig, expect: &str) {
        assert_eq!(config.check().unwrap_err().to_string(), expect);
    }

    #[test]
    fn impossible_settings_are_named() {
        let paper = EvolutionConfig::PAPER;
        let (none, many) = (EvolutionConfig { population: 0, ..paper }, EvolutionConfig { sample: 101, ..paper });
        check_error(none, "`population` = 0: a population needs at least one member");
        check_error(many, "`sample` = 101: from 1 to 100, the population, may compete");
        check_error(EvolutionConfig { identity: 1.5, ..paper }, "`identity` = 1.5: a probability lies between 0 and 1");
        check_error(
            EvolutionConfig { identity: f64::NAN, ..paper },
            "`identity` = NaN: a probability lies between 0 and 1",
        );
    }
}
