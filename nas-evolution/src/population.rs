//! Who lives and who becomes a parent: the two choices that make an evolution, as functions of a population.

use std::collections::VecDeque;

use nas_space::Architecture;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// A measured architecture that is alive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Individual {
    /// The number of its trial.
    pub number: u64,
    /// The architecture.
    pub architecture: Architecture,
    /// Its validation accuracy, from 0 to 1.
    pub accuracy: f64,
}

/// Tournament selection: the most accurate of `size` individuals drawn uniformly with replacement, the first drawn of
/// equals. `None` if nobody is alive.
pub fn tournament<'a>(population: &'a VecDeque<Individual>, size: usize, rng: &mut impl Rng) -> Option<&'a Individual> {
    if population.is_empty() {
        return None;
    }
    (0..size.max(1))
        .map(|_| &population[rng.random_range(0..population.len())])
        .reduce(|best, other| if other.accuracy > best.accuracy { other } else { best })
}

/// Ageing: the newcomer joins as the youngest, and the oldest die until `size` are left. This is the regularization:
/// an architecture stays only by having children that are good again.
pub fn survive(population: &mut VecDeque<Individual>, newcomer: Individual, size: usize) {
    population.push_back(newcomer);
    while population.len() > size {
        population.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_space::Seed;

    fn people(accuracies: &[f64]) -> VecDeque<Individual> {
        let one = |(n, &accuracy): (usize, &f64)| Individual {
            number: n as u64,
            architecture: Architecture { space: "toy".into(), choices: vec![n] },
            accuracy,
        };
        accuracies.iter().enumerate().map(one).collect()
    }

    #[test]
    fn the_oldest_dies_however_good_it_is() {
        let mut population = people(&[0.9, 0.1, 0.2]);
        let newcomer = Individual { number: 3, accuracy: 0.0, ..population[1].clone() };
        survive(&mut population, newcomer, 3);
        assert_eq!(population.iter().map(|i| i.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    /// How often the best of four wins a tournament, against 1 - (3/4)^size for drawing with replacement.
    fn check_odds(size: usize, expect: f64) {
        let population = people(&[0.1, 0.4, 0.3, 0.2]);
        let mut rng = Seed::new(3).rng();
        let rounds = 20_000;
        let wins = (0..rounds).filter(|_| tournament(&population, size, &mut rng).unwrap().number == 1).count();
        let share = wins as f64 / f64::from(rounds);
        // Four standard deviations of a proportion are at most 0.014 here.
        assert!((share - expect).abs() < 0.015, "size {size}: {share} against {expect}");
    }

    #[test]
    fn a_tournament_draws_with_replacement() {
        check_odds(1, 0.25);
        check_odds(2, 0.4375);
        check_odds(4, 0.683_593_75);
    }

    #[test]
    fn nobody_wins_where_nobody_lives() {
        assert_eq!(tournament(&VecDeque::new(), 3, &mut Seed::new(0).rng()), None);
    }
}
