//! `nas resume`: the same run again, which finds in its folder what is done.

use nas_search::Study;

use crate::args::{ResumeArgs, RunArgs};
use crate::config::{Config, read_full};
use crate::exit::{file, usage};
use crate::folder::Folder;
use crate::images::Data;
use crate::output::Output;
use crate::run::{self, Run};
use crate::signal::Stop;
use crate::{architecture, comparison, device, signal};

/// Goes on.
pub fn run(args: &ResumeArgs) -> anyhow::Result<()> {
    let out = Output::new(args.run.json, args.run.quiet);
    let folder = Folder::at(&args.folder);
    if !folder.path.is_dir() {
        return Err(usage(format!("there is no folder {}; give the folder of a run", folder.path.display())));
    }
    if comparison::is_in(&folder) {
        return super::compare::go_on(&folder, &args.run);
    }
    go_on(folder, &args.run, out, signal::install()?)
}

/// Goes on with the run of a folder.
///
/// # Errors
/// If it holds none or one that cannot be read, and as every run.
pub fn go_on(folder: Folder, layout: &RunArgs, out: Output, stop: Stop) -> anyhow::Result<()> {
    if Study::is_blank(folder.study()) {
        return Err(file(format!(
            "the search in {0} was cut off before it had begun, so there is nothing to go on with; remove the folder and begin \
             anew with the command in {0}/command.txt",
            folder.path.display()
        )));
    }
    let study = folder.study().exists().then(|| Study::open(folder.study())).transpose()?;
    let mut config = settings(&folder, study.as_ref())?;
    if folder.metrics().exists() {
        out.note(&format!("{} is complete; measure it again with `nas evaluate`", folder.path.display()));
        let text = std::fs::read_to_string(folder.metrics())?;
        let metrics = serde_json::from_str(&text)
            .map_err(|e| file(format!("{} is damaged ({e}); remove it and resume", folder.metrics().display())))?;
        out.document(&metrics);
        return Ok(());
    }
    lay_out(&mut config, layout);
    device::check(&config.run.device)?;
    device::use_threads(super::search::threads_in_all(&config))?;
    let data = Data::load(&config)?;
    let device = device::open(&config.run.device)?;
    let run = Run { folder, config, data, device, out, stop };
    match study {
        Some(study) => run::search(run, &study),
        None => {
            let file = run.folder.file(architecture::FILE);
            let (blueprint, _) = architecture::resolve(&file.display().to_string())?;
            run::train(&run, &blueprint)
        }
    }
}

/// The settings of the run: the study's, with what `nas.toml` says of this machine; of a training without a study all of
/// `nas.toml`.
fn settings(folder: &Folder, study: Option<&Study>) -> anyhow::Result<Config> {
    let path = folder.file("nas.toml");
    let text = std::fs::read_to_string(&path);
    let Some(study) = study else {
        let text = text.map_err(|_| {
            file(format!(
                "{} holds no run: there is neither a study.db nor a nas.toml in it; give the folder of a search, a training or \
                 a comparison",
                folder.path.display()
            ))
        })?;
        return read_full(&text, &path);
    };
    let mut config = read_full(&study.info()?.config, study.path())?;
    if let Ok(text) = text {
        config.run = read_full(&text, &path)?.run;
    }
    Ok(config)
}

/// Flags override how the work is laid out, and nothing else.
fn lay_out(config: &mut Config, layout: &RunArgs) {
    config.run.jobs = layout.jobs.unwrap_or(config.run.jobs).max(1);
    config.run.threads = layout.threads.unwrap_or(config.run.threads).max(1);
    if let Some(device) = &layout.device {
        config.run.device.clone_from(device);
    }
}
