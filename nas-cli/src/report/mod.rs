//! Reports: what a run, a benchmark or a comparison came to, as one HTML page that needs nothing else.
//!
//! The one idea: a report is made from what lies in files, never from a run in memory. So the page at the end of a search,
//! the page of one that was stopped half-way and the live page of one that goes on are the same function, and the same
//! study gives the same bytes. What there is to say is chosen here as plain blocks ([`page`]); how blocks look is the
//! templates' business.

mod bench;
mod compare;
mod figures;
mod learning;
mod page;
mod run;
mod search;
mod serve;
mod trials;
mod weights;

use std::path::{Path, PathBuf};

use nas_search::files::write_atomically;

pub use bench::{Document, chart as bench_chart, shown as queries_shown};
pub use page::Page;
pub use serve::serve;

use crate::comparison;
use crate::exit::{file, sentence, usage};
use crate::folder::Folder;
use crate::output::Output;

/// What is counted as one operation.
pub const FLOP_CONVENTION: &str = "multiply-adds of convolutions and linear layers";

/// The report's name in the folder of a run.
pub const FILE: &str = "report.html";

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The folder of a search or a training.
    Run(PathBuf),
    /// The folder of a comparison.
    Comparison(PathBuf),
    /// What `nas bench --json` printed.
    Bench(PathBuf),
}

impl Subject {
    /// What lies at a path.
    ///
    /// # Errors
    /// If nothing is there, or nothing of ours.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.is_file() {
            return Ok(Self::Bench(path.to_owned()));
        }
        if !path.is_dir() {
            return Err(usage(format!(
                "there is no {shown}; give the folder of a run or of a comparison, or a file that `nas bench --json` printed"
            )));
        }
        if comparison::is_in(&Folder::at(path)) {
            return Ok(Self::Comparison(path.to_owned()));
        }
        if ["study.db", "nas.toml"].iter().any(|name| path.join(name).is_file()) {
            return Ok(Self::Run(path.to_owned()));
        }
        Err(file(format!(
            "{shown} holds no run: there is neither a study.db nor a nas.toml in it, nor a compare.json; give the folder of a \
             search, a training or a comparison"
        )))
    }

    /// Where its report is written unless another place is asked for: into the folder, or beside the file.
    pub fn default_place(&self) -> PathBuf {
        match self {
            Self::Run(folder) | Self::Comparison(folder) => folder.join(FILE),
            Self::Bench(file) => file.with_extension("html"),
        }
    }

    /// Writes the report as it is now, whole or not at all.
    ///
    /// # Errors
    /// As [`page`](Self::page), or if the file cannot be written.
    pub fn write(&self, place: &Path) -> anyhow::Result<()> {
        Ok(write_atomically(place, self.page()?.to_html()?.as_bytes())?)
    }

    /// Writes it to its usual place at the end of a run. It takes milliseconds, and whoever opens the folder sees at a glance
    /// what was found; it is made from the other files, so that one that cannot be written spoils nothing.
    pub fn write_or_warn(&self, out: Output) {
        if let Err(error) = self.write(&self.default_place()) {
            out.warn(&format!("there is no report: {}; `nas report` makes it again", sentence(&error)));
        }
    }

    /// The report as it is now.
    ///
    /// # Errors
    /// Names the file that cannot be read, and what is wrong with it.
    pub fn page(&self) -> anyhow::Result<Page> {
        match self {
            Self::Run(folder) => search::page(&run::read(folder)?),
            Self::Comparison(folder) => {
                let folder = Folder::at(folder);
                Ok(compare::page(&comparison::read(&folder)?, &folder))
            }
            Self::Bench(file) => Ok(bench::page(&Document::read(file)?)),
        }
    }
}
