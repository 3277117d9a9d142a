//! The written rule: what a search is made of when flags and file leave it open.
//!
//! Pure functions from facts (image shape, number of images, classes, cores) and, under a budget in time, a measured
//! speed. Nothing here reads a clock or a file. The rule in words, as `nas search --explain` prints it:
//!
#![doc = "```text"]
#![doc = include_str!("rule.md")]
#![doc = "```"]

mod finish;
mod hypernet;
mod resolve;
mod sizes;
mod supernet;
mod trials;

pub use finish::{FinalPlan, final_plan, regularization};
pub use hypernet::{
    HypernetPlan, PASSES as HYPERNET_PASSES, SAMPLES as HYPERNET_SAMPLES, SCORING as HYPERNET_SCORING, hypernet_plan,
};
pub use resolve::{learning_rate, resolve};
pub use sizes::{FINAL_SIZES, SEARCH_SIZES, Size};
pub use supernet::{
    CANDIDATES_SHARE, LOOKED_AT, PUBLISHED_EPOCHS, SHARE as SUPERNET_SHARE, SupernetPlan, sharing_plan, supernet_plan,
};
pub use trials::{first_arm_share, timed_trials, validated};

/// The rule in words.
pub const RULE: &str = include_str!("rule.md");

/// What the rule knows before anything ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// One image.
    pub image: nas_space::ImageShape,
    /// Images in the training split, validation included.
    pub images: usize,
    /// Whether a mirror image belongs to the same class.
    pub mirror: bool,
    /// CPU cores.
    pub cores: usize,
}

impl Facts {
    /// The shorter side of an image.
    fn side(&self) -> usize {
        self.image.height.min(self.image.width)
    }
}

/// Work of training one image on a network of some channels and cells: its activation values. `None` where such a
/// network cannot be built for these images.
pub type Work<'a> = dyn Fn(Size) -> Option<f64> + 'a;

/// Measured speeds of training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Speed {
    /// Activation values a worker trains per second, all workers being busy.
    pub worker: f64,
    /// Activation values that one process on all threads trains per second.
    pub whole: f64,
}

/// The configuration of the digits job.
#[cfg(test)]
pub fn example() -> crate::config::Config {
    let image = nas_space::ImageShape { channels: 1, height: 8, width: 8 };
    let facts = Facts { image, images: 1437, mirror: false, cores: 1 };
    resolve(crate::config::Partial::default(), &facts)
}
