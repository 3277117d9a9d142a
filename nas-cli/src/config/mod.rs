//! What a search is made of, from three sources: flags override the file `nas.toml`, the file overrides the rule.
//!
//! [`Partial`] holds what flags or the file say, [`Config`] what came out: every value known, printed before the
//! search starts and stored in the study, so that a run can be repeated from its folder alone.

mod amount;
mod batch;
mod falling;
mod file;
mod full;
mod moving;
mod render;

pub use amount::Amount;
pub use batch::Batch;
pub use falling::Falling;
pub use file::{Partial, Search, read, read_full};
pub use full::{
    Colour, Config, DataConfig, FinalConfig, RunConfig, SearchConfig, SpaceConfig, TrainingConfig, TrialConfig,
};
pub use moving::Moving;
pub use render::{render, render_for_study, template};
