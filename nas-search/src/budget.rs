//! How much a search may spend: trials, seconds, epochs, or any combination; the first one used up ends it.

use serde::{Deserialize, Serialize};

use crate::SearchError;

/// The limits of one arm of a search; at least one is set.
///
/// A budget in trials or epochs is reproducible to the bit; one in seconds reproduces the prefix that fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Trials, whether complete, pruned or failed, twins included.
    pub trials: Option<u64>,
    /// Wall-clock seconds, those of earlier sessions of the same study included.
    pub seconds: Option<f64>,
    /// Epochs of training over all trials.
    pub epochs: Option<u64>,
}

impl Budget {
    /// A budget in trials.
    pub fn trials(trials: u64) -> Self {
        Self { trials: Some(trials), ..Self::default() }
    }

    /// A budget in wall-clock seconds.
    pub fn seconds(seconds: f64) -> Self {
        Self { seconds: Some(seconds), ..Self::default() }
    }

    /// A budget in epochs of training.
    pub fn epochs(epochs: u64) -> Self {
        Self { epochs: Some(epochs), ..Self::default() }
    }

    /// Checks that there is a limit and that every limit leaves room for something.
    ///
    /// # Errors
    /// [`SearchError::NoBudget`] or [`SearchError::Setting`].
    pub fn check(&self) -> Result<(), SearchError> {
        let bad = |setting, value: String, reason: &str| SearchError::Setting { setting, value, reason: reason.into() };
        match *self {
            Self { trials: None, seconds: None, epochs: None } => Err(SearchError::NoBudget),
            Self { trials: Some(0), .. } => Err(bad("trials", "0".into(), "a search needs at least one trial")),
            Self { epochs: Some(0), .. } => Err(bad("epochs", "0".into(), "a search needs at least one epoch")),
            // Written so that NaN is refused too.
            Self { seconds: Some(s), .. } if !(s > 0.0 && s.is_finite()) => {
                Err(bad("seconds", s.to_string(), "a search needs a positive, finite time"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    fn check(budget: Budget, expect: &str) {
        let found = budget.check().map_or_else(|e| e.to_string(), |()| "fine".into());
        assert_eq!(found, expect, "{budget:?}");
    }

    #[test]
    fn a_budget_must_leave_room() {
        check(Budget::trials(1), "fine");
        check(Budget::seconds(0.5), "fine");
        check(Budget { trials: Some(3), seconds: Some(2.0), epochs: Some(9) }, "fine");
        check(Budget::default(), "the search has no budget: give it a number of trials, of epochs, or a time");
        check(Budget::trials(0), "`trials` = 0: a search needs at least one trial");
        check(Budget { epochs: Some(0), ..Budget::trials(4) }, "`epochs` = 0: a search needs at least one epoch");
        check(Budget::seconds(0.0), "`seconds` = 0: a search needs a positive, finite time");
        check(Budget::seconds(-3.0), "`seconds` = -3: a search needs a positive, finite time");
        check(Budget::seconds(f64::NAN), "`seconds` = NaN: a search needs a positive, finite time");
        check(Budget::seconds(f64::INFINITY), "`seconds` = inf: a search needs a positive, finite time");
    }
}
