//! What a search on shared weights works on: images in two parts, and where it saves and when it stops.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nas_data::{Images, Normalization};
use nas_nn::NnError;
use nas_nn::trainer::Deadline;
use nas_space::Seed;
use rand::RngExt;

use crate::OneShotError;

/// The images of a search. The test images are not among them.
#[derive(Clone, Debug)]
pub struct SearchData {
    /// The split that both lists of numbers point into.
    pub images: Arc<Images>,
    /// The part that the weights learn from, in the searches of DARTS a half.
    pub weights: Arc<Vec<u32>>,
    /// The part that the architecture learns from.
    pub architecture: Arc<Vec<u32>>,
    /// The normalisation, measured on training images.
    pub normalization: Normalization,
}

/// What a run does beside searching.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions<'a> {
    /// Where to save: after every epoch, every so often within one, and when the search is stopped.
    pub checkpoint: Option<&'a Path>,
    /// How long a search may go unsaved within an epoch.
    pub checkpoint_every: Duration,
    /// Raised to stop after the step under way.
    pub stop: &'a AtomicBool,
    /// When the search should have ended; `None` to search as long as planned.
    pub deadline: Option<Deadline>,
}

impl SearchData {
    /// Checks that there are images in both parts.
    pub(crate) fn check(&self) -> Result<(), OneShotError> {
        match [&self.weights, &self.architecture].into_iter().find(|part| part.len() < 2) {
            None => Ok(()),
            Some(part) => {
                let count = part.len();
                let reason = format!("{count} images in a part of the training images; a search needs at least 2");
                Err(NnError::Unfit { reason }.into())
            }
        }
    }
}

/// So many of some numbers, in random order.
pub(crate) fn draw(from: &[u32], count: usize, seed: Seed) -> Vec<u32> {
    let (mut pool, mut rng) = (from.to_vec(), seed.rng());
    for place in 0..count {
        let other = rng.random_range(place..pool.len());
        pool.swap(place, other);
    }
    pool.truncate(count);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_has_no_repeats_and_reaches_everything() {
        let from: Vec<u32> = (10..20).collect();
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..50 {
            let mut drawn = draw(&from, 4, Seed::new(3).index(step));
            seen.extend(drawn.iter().copied());
            drawn.sort_unstable();
            drawn.dedup();
            assert!(drawn.len() == 4 && drawn.iter().all(|n| from.contains(n)));
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(draw(&from, 4, Seed::new(3)), draw(&from, 4, Seed::new(3)));
    }
}
