//! A run: the arms of a search, the training of the winner, the folder of results.
//!
//! The one idea: a run is a list of phases, each of which finds in the folder what it did before. So a new run and a
//! resumed one are the same call, and a kill at any moment costs at most the work since the last save.

mod arms;
mod clock;
mod finish;
mod front;
mod hypernet;
mod listener;
mod results;
mod summary;
mod supernet;
pub mod tabulated;
mod time;
mod warm_start;

use std::sync::Arc;

use candle_core::Device;
use nas_search::Study;
use nas_space::{Blueprint, NetworkGraph, SearchSpace};

use clock::Clock;
pub use finish::{Finish, finish};
pub use hypernet::REPORT as HYPERNET_KEY;
pub use results::{MODEL, accuracy, policy_updates, write_architecture};
pub use summary::{abbreviate, brief};
pub use supernet::REPORT as SUPERNET_KEY;
pub use time::{Phase, TimePlan};

use crate::command_line::Open;
use crate::config::Config;
use crate::folder::Folder;
use crate::images::Data;
use crate::memory::{self, Machine};
use crate::output::Output;
use crate::report::Subject;
use crate::signal::Stop;
use crate::tensorboard::Board;
use crate::{architecture, recipe};

/// What every phase needs.
pub struct Run {
    /// Where everything lies.
    pub folder: Folder,
    /// What was asked for.
    pub config: Config,
    /// The images.
    pub data: Data,
    /// Where networks of this process are trained.
    pub device: Device,
    /// How it prints.
    pub out: Output,
    /// Raised by Ctrl-C.
    pub stop: Stop,
}

impl Run {
    /// What is searched, within its limits.
    pub fn space(&self) -> anyhow::Result<Arc<dyn SearchSpace>> {
        recipe::searched_space(&self.config, &self.data)
    }

    /// Says so where the final network, asked to be larger than those searched, is beyond the limits of these.
    fn warn_of_limits(&self, graph: &NetworkGraph) {
        if let Err(over) = self.config.search.limits().check(graph) {
            self.out.warn(&format!(
                "the final network is larger than the limits of the search, as --final-channels and --final-layers ask: {over}"
            ));
        }
    }

    /// Where its event files go.
    pub fn board(&self) -> Board {
        Board::of(&self.folder, self.config.run.tensorboard.as_deref(), self.out)
    }

    /// The error that ends a run on request.
    pub fn interrupted(&self) -> anyhow::Error {
        self.folder.interrupted()
    }
}

/// The key under which a study keeps how its time is divided.
pub const TIME_KEY: &str = "nas/time";

/// The key under which a study keeps the final network and training that were decided after the search.
const FINAL_KEY: &str = "nas/final";

/// Searches, trains the winner and writes the results; or goes on where that was stopped.
///
/// # Errors
/// What a phase cannot do; an interruption is one of the kind [`Interrupted`](crate::exit::Kind::Interrupted).
pub fn search(mut run: Run, study: &Study) -> anyhow::Result<()> {
    study.claim()?;
    nas_search::files::remove_partial_files(&run.folder.path)?;
    let time: Option<TimePlan> = match study.get(TIME_KEY)? {
        Some(text) => Some(serde_json::from_str(&text)?),
        None => None,
    };
    let searched = arms::search(&run, study, time.as_ref())?;
    let blueprint = Blueprint::Point(searched.winner.proposal.architecture.clone());
    let mut deadline = None;
    if let Some(time) = &time {
        let decided = time::decide_final(&mut run, study, time, &blueprint)?;
        deadline = Some(decided);
    }
    let graph_config = recipe::final_network(&run.config, &run.data);
    write_architecture(&run.folder, architecture::FILE, &blueprint, &graph_config)?;
    if let Some(better) = searched.better_random() {
        let random = Blueprint::Point(better.proposal.architecture.clone());
        write_architecture(&run.folder, "arch-random.json", &random, &graph_config)?;
    }
    let graph = blueprint.lower(&graph_config)?;
    run.warn_of_limits(&graph);
    if run.config.run.device == "cpu" {
        let needs = memory::of_training(&graph, &recipe::final_training(&run.config));
        memory::check(
            &run.out,
            Machine::ask(),
            "training the winner",
            [needs, needs],
            &format!(
                "`nas train {}` trains it with other settings, such as a smaller --batch-size",
                run.folder.file(architecture::FILE).display()
            ),
        )?;
    }
    let trained = finish(&run, &blueprint, deadline, Clock::of_study(study, time::FINAL_SECONDS)?)?;
    let open = time.map_or(Open::default(), |t| t.open);
    results::write(&run, &blueprint, &trained, Some(&searched), open)?;
    Subject::Run(run.folder.path.clone()).write_or_warn(run.out);
    // Trials keep nothing once their results are in the study.
    let _ = std::fs::remove_dir_all(run.folder.trials());
    summary::print(&run, &blueprint, &trained, Some(&searched))
}

/// Trains one architecture and writes the results; or goes on where that was stopped.
///
/// # Errors
/// As [`search`].
pub fn train(run: &Run, blueprint: &Blueprint) -> anyhow::Result<()> {
    let seconds = run.folder.seconds();
    let trained = finish(run, blueprint, None, Clock::of_file(seconds.clone())?)?;
    results::write(run, blueprint, &trained, None, Open::default())?;
    // They are in the results now.
    let _ = std::fs::remove_file(seconds);
    Subject::Run(run.folder.path.clone()).write_or_warn(run.out);
    summary::print(run, blueprint, &trained, None)
}
