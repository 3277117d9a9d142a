//! What is measured: the architectures held back after every epoch, and those sampled at the end.

use nas_nn::trainer::{Plan, Timekeeper};
use nas_search::{Event, GhnEpoch, Listener};
use nas_space::{Architecture, SearchSpace, Seed};
use serde::{Deserialize, Serialize};

use super::{GhnSearch, step};
use crate::{GhnError, kendall_tau, score};

/// An architecture, and what generated weights are worth in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// The architecture.
    pub architecture: Architecture,
    /// Its accuracy on the validation images, from 0 to 1.
    pub accuracy: f64,
    /// Its loss on them, in nats.
    pub loss: f64,
    /// Its learned parameters.
    pub parameters: u64,
}

/// Architectures that the hypernetwork never learns from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldBack {
    /// The architectures.
    pub architectures: Vec<Architecture>,
    /// Their accuracies when they are trained, where they are known.
    pub trained: Option<Vec<f64>>,
    keys: Vec<String>,
}

impl HeldBack {
    /// So many random architectures of a space.
    pub fn draw(space: &dyn SearchSpace, count: usize, seed: Seed) -> Self {
        let architectures = (0..count as u64).map(|i| space.sample(&mut seed.index(i).rng())).collect();
        Self::of(space, architectures, None)
    }

    /// Given architectures of a space, with the accuracies that training gives them where they are known.
    pub fn of(space: &dyn SearchSpace, architectures: Vec<Architecture>, trained: Option<Vec<f64>>) -> Self {
        let keys = architectures.iter().map(|architecture| space.canonical(architecture)).collect();
        Self { architectures, trained, keys }
    }

    /// A random architecture of a space that is none of them, nor a twin. Where nearly all of a space is held back, one
    /// of them is better than none.
    pub(super) fn draw_another(&self, space: &dyn SearchSpace, seed: Seed) -> Architecture {
        const TRIES: usize = 100;
        let mut rng = seed.rng();
        let mut architecture = space.sample(&mut rng);
        for _ in 0..TRIES {
            if self.keys.is_empty() || !self.keys.contains(&space.canonical(&architecture)) {
                break;
            }
            architecture = space.sample(&mut rng);
        }
        architecture
    }
}

/// Scores what is held back, looks at the clock, and turns the page.
pub(super) fn end_epoch(search: &mut GhnSearch, time: &mut Timekeeper) -> Result<(), GhnError> {
    let data = search.score_data();
    let mut held_back = Vec::with_capacity(search.held_back.architectures.len());
    for architecture in &search.held_back.architectures {
        let graph = search.task.space.lower(architecture, &search.task.network)?;
        held_back.push(score(&mut search.ghn, graph, &data)?.accuracy);
    }
    let count = held_back.len() as f64;
    let mean = held_back.iter().sum::<f64>() / count;
    let spread = (held_back.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let measured = |value: f64| value.is_finite().then_some(value);
    let steps = step::batches(search).batches_per_epoch();
    let learning_rate = search.learning_rate(steps.saturating_sub(1), steps);
    let standing = &mut search.standing;
    time.end_epoch(&mut standing.plan, search.config.epochs, standing.epoch + 1, [standing.step, steps]);
    let planned = standing.plan.as_ref().map_or(search.config.epochs, Plan::epochs);
    let before = standing.history.last().map(|epoch| &epoch.held_back);
    let report = GhnEpoch {
        epoch: standing.epoch as u64 + 1,
        epochs: planned as u64,
        train_loss: standing.tally.loss(),
        train_accuracy: standing.tally.accuracy(),
        accuracy: measured(mean),
        spread: measured(spread),
        steadiness: before.and_then(|before| kendall_tau(before, &held_back)),
        rank_correlation: search.held_back.trained.as_ref().and_then(|trained| kendall_tau(trained, &held_back)),
        held_back,
        learning_rate,
    };
    standing.turn_page(report);
    Ok(())
}

/// See [`GhnSearch::score_sample`].
pub(super) fn sample(search: &mut GhnSearch, number: u64) -> Result<Scored, GhnError> {
    let architecture = search.task.space.sample(&mut search.seed.child("sample").index(number).rng());
    let graph = search.task.space.lower(&architecture, &search.task.network)?;
    let parameters = graph.parameters() as u64;
    let data = search.score_data();
    // Generated weights may make logits overflow.
    let found = score(&mut search.ghn, graph, &data)?.or_worst();
    Ok(Scored { architecture, accuracy: found.accuracy, loss: found.loss, parameters })
}

/// Scores the next architecture sampled.
pub(super) fn next(search: &mut GhnSearch, listener: &mut dyn Listener) -> Result<(), GhnError> {
    let number = search.standing.scored.len() as u64;
    let scored = sample(search, number)?;
    search.standing.scored.push(scored);
    let best = search.standing.scored.iter().map(|scored| scored.accuracy).fold(0.0, f64::max);
    listener.on_event(&Event::GhnScored { scored: number + 1, samples: search.config.samples as u64, best });
    Ok(())
}

/// The best of those scored, no two equal; of equally good ones that with the smaller loss, then the earlier.
pub(super) fn best(space: &dyn SearchSpace, scored: &[Scored], count: usize) -> Vec<Architecture> {
    let mut order: Vec<&Scored> = scored.iter().collect();
    order.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.loss.total_cmp(&b.loss)));
    let mut keys = Vec::new();
    let mut best = Vec::new();
    for scored in order {
        let key = space.canonical(&scored.architecture);
        if best.len() < count && !keys.contains(&key) {
            keys.push(key);
            best.push(scored.architecture.clone());
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_space::spaces::{Darts, Ghn};

    #[test]
    fn what_is_held_back_is_never_learned_from() {
        // Of 24 different blocks of one node, about half.
        let space = Ghn::new(1);
        let held_back = HeldBack::draw(&space, 20, Seed::new(1));
        let mut seen = std::collections::BTreeSet::new();
        for draw in 0..200 {
            let found = space.canonical(&held_back.draw_another(&space, Seed::new(2).index(draw)));
            assert!(!held_back.keys.contains(&found), "{found}");
            seen.insert(found);
        }
        let different: std::collections::BTreeSet<_> = held_back.keys.iter().collect();
        assert!(seen.len() + different.len() > 20, "{} drawn, {} held back", seen.len(), different.len());
    }

    #[test]
    fn the_best_come_first_and_once() {
        let scored = |seed: u64, accuracy: f64, loss: f64| Scored {
            architecture: Darts.sample(&mut Seed::new(seed).rng()),
            accuracy,
            loss,
            parameters: 0,
        };
        let all = [scored(1, 0.5, 1.0), scored(2, 0.7, 1.0), scored(3, 0.7, 0.9), scored(2, 0.7, 1.0)];
        let found = best(&Darts, &all, 3);
        assert_eq!(found, [2, 1, 0].map(|i| all[i].architecture.clone()));
        assert_eq!(best(&Darts, &all, 1).len(), 1);
    }
}
