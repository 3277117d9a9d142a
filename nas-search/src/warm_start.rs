//! A strategy that begins with architectures it was handed.

use std::ops::Range;

use nas_space::Architecture;

use crate::{Event, Proposal, SearchError, Strategy, Trial};

/// Any strategy, whose first trials are given architectures instead of its own: those that a proxy ranks highest, say
/// (Abdelfattah et al. 2021, section 5, "warmup").
///
/// The strategy is told of them as of its own and goes on from there: evolution begins with them as its population, local
/// search climbs from the first, a controller learns from them. Its saved state is the strategy's; the architectures must
/// be the same when a search goes on, so whoever chose them keeps them with the study.
pub struct WarmStart {
    strategy: Box<dyn Strategy>,
    first: Vec<Architecture>,
}

impl WarmStart {
    /// A strategy that begins with these architectures, in their order.
    pub fn new(strategy: Box<dyn Strategy>, first: Vec<Architecture>) -> Self {
        Self { strategy, first }
    }
}

impl Strategy for WarmStart {
    /// The name of the strategy within.
    fn name(&self) -> &str {
        self.strategy.name()
    }

    fn ask(&mut self, numbers: Range<u64>) -> Result<Vec<Proposal>, SearchError> {
        let mut proposals = Vec::new();
        for number in numbers {
            let given = usize::try_from(number).ok().and_then(|at| self.first.get(at).cloned());
            match given {
                Some(architecture) => proposals.push(self.strategy.adopt(number, architecture)?),
                None => proposals.extend(self.strategy.ask(number..number + 1)?),
            }
        }
        Ok(proposals)
    }

    fn tell(&mut self, trials: &[Trial]) -> Result<(), SearchError> {
        self.strategy.tell(trials)
    }

    fn save(&self) -> Result<serde_json::Value, SearchError> {
        self.strategy.save()
    }

    fn load(&mut self, state: &serde_json::Value) -> Result<(), SearchError> {
        self.strategy.load(state)
    }

    fn adopt(&mut self, number: u64, architecture: Architecture) -> Result<Proposal, SearchError> {
        self.strategy.adopt(number, architecture)
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.strategy.take_events()
    }

    fn best<'a>(&self, trials: &'a [Trial]) -> Option<&'a Trial> {
        self.strategy.best(trials)
    }
}
