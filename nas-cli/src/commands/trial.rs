//! `nas trial`: one trial of a study, in a process of its own.

use nas_search::Study;
use nas_search::executor::{exit_when_parent_dies, report, run_trial};

use crate::args::TrialArgs;
use crate::config::read_full;
use crate::folder::Folder;
use crate::images::Data;
use crate::{device, recipe};

/// Runs it, records the result in the study, and reports progress as lines of JSON.
pub fn run(args: &TrialArgs) -> anyhow::Result<()> {
    exit_when_parent_dies();
    device::use_threads(args.threads.unwrap_or(1))?;
    let study = Study::open(&args.study)?;
    let config = read_full(&study.info()?.config, &args.study)?;
    let data = Data::load(&config)?;
    let device = device::open(args.device.as_deref().unwrap_or("cpu"))?;
    let mut evaluator = recipe::evaluator(&config, &data, device)?;
    let parent = args.study.parent().unwrap_or(std::path::Path::new("."));
    let folder = Folder::at(parent).trials().join(args.id.to_string());
    run_trial(&study, args.id, evaluator.as_mut(), folder, &mut |event| report(event))?;
    Ok(())
}
