//! `nas compare`: methods side by side at equal budget; and one run of it, in a process of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::args::{CompareArgs, CompareRunArgs, RunArgs};
use crate::comparison::{self, Comparison, State};
use crate::config::Partial;
use crate::exit::{Kind, failure, kind_of, sentence, usage};
use crate::folder::Folder;
use crate::output::{Output, line};
use crate::report::Subject;
use crate::units::{plural, seconds};
use crate::{device, images, signal};

use super::{resume, search};

/// Compares.
pub fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let out = Output::new(args.run.json, args.run.quiet);
    let seeds = (args.seed..args.seed.saturating_add(args.seeds)).collect();
    let mut comparison = comparison::plan(args.partial(), &args.methods, seeds)?;
    for row in &comparison.methods {
        let one = comparison::partial(&comparison.asked, &row.method, args.seed)?;
        search::check(&one)?;
    }
    comparison.test_images = Some(check_data(&comparison, out)?);
    let stem = format!("{}-compare-{}", images::short_name(&comparison.data), args.seed);
    let folder = Folder::create(args.out.as_deref(), &stem)?;
    comparison.write(&folder)?;
    announce(&out, &comparison, &folder);
    to_the_end(&folder, comparison, &args.run, out)
}

/// `nas resume` of a comparison.
///
/// # Errors
/// As [`run`].
pub fn go_on(folder: &Folder, layout: &RunArgs) -> anyhow::Result<()> {
    let out = Output::new(layout.json, layout.quiet);
    let comparison = comparison::read(folder)?;
    to_the_end(folder, comparison, layout, out)
}

/// Runs what there is to run, and shows what came of it.
fn to_the_end(folder: &Folder, mut comparison: Comparison, layout: &RunArgs, out: Output) -> anyhow::Result<()> {
    let _claim = comparison::claim(folder)?;
    let is_done = comparison.state == State::Complete && comparison.failures().is_none();
    if !is_done {
        nas_search::files::remove_partial_files(&folder.path)?;
        let stop = signal::install()?;
        comparison::run_all(folder, &mut comparison, layout, out, &stop)?;
        Subject::Comparison(folder.path.clone()).write_or_warn(out);
        out.note("");
    }
    out.document(&serde_json::to_value(&comparison)?);
    out.result(&comparison.text(folder));
    match comparison.failures() {
        None => Ok(()),
        Some(failed) => Err(failure(format!(
            "{failed}; {} has the reasons, `{}` tries again",
            folder.file(comparison::FILE).display(),
            folder.resume_command()
        ))),
    }
}

/// Reads the images and checks the settings that all runs share, before anything is made. How many images the test has.
fn check_data(comparison: &Comparison, out: Output) -> anyhow::Result<u64> {
    let mut random = comparison::partial(&comparison.asked, crate::strategies::RANDOM, 0)?;
    // A budget in epochs needs no measuring of the machine.
    (random.search.time, random.search.epochs) = (None, Some(1));
    let ready = search::prepare(&random, Output::silent(), &mut |_| Ok(()))?;
    let data = &ready.data;
    out.note(&format!(
        "{}: {} in {} classes to train on, {} to compare networks, {} for the test at the end of each run",
        comparison.data,
        plural(data.train.len() as u64, "image"),
        data.classes.len(),
        data.validation.len(),
        data.test.len()
    ));
    Ok(data.test.len() as u64)
}

fn announce(out: &Output, comparison: &Comparison, folder: &Folder) {
    let names: Vec<&str> = comparison.methods.iter().map(|row| row.method.as_str()).collect();
    let runs = comparison.runs().count() as f64;
    let long = match (comparison.budget.seconds, comparison.budget.epochs) {
        (Some(time), _) => format!("{} a run, {} in all", seconds(time), seconds(time * runs)),
        (None, epochs) => format!("{} of search a run", plural(epochs.unwrap_or(0), "epoch")),
    };
    out.note(&format!(
        "{}, {}: {long}\nresults go to {}; Ctrl-C stops, `{}` goes on",
        names.join(", "),
        plural(comparison.seeds.len() as u64, "run") + " of each",
        folder.path.display(),
        folder.resume_command()
    ));
}

/// One run: begins, or goes on. A failure is told on standard output.
pub fn run_one(args: &CompareRunArgs) -> anyhow::Result<()> {
    let stop = signal::install()?;
    comparison::obey_parent(&stop);
    let whole = Folder::at(&args.folder);
    let done = catch_unwind(AssertUnwindSafe(|| one(&whole, args, stop)));
    let Err(error) = done.unwrap_or_else(|panic| Err(crash(panic.as_ref()))) else { return Ok(()) };
    let kind = kind_of(&error);
    if kind != Kind::Interrupted {
        line(&sentence(&error));
    }
    // The comparison says it.
    std::process::exit(kind as i32);
}

fn one(whole: &Folder, args: &CompareRunArgs, stop: signal::Stop) -> anyhow::Result<()> {
    let comparison = comparison::read(whole)?;
    let found = comparison.methods.iter().find_map(|row| {
        let run = row.runs.iter().find(|run| run.folder == args.run)?;
        Some((row.method.as_str(), run.seed))
    });
    let (method, seed) = found.ok_or_else(|| usage(format!("the comparison has no run {}", args.run)))?;
    let out = Output::notes(args.layout.quiet);
    let folder = whole.part(&args.run);
    if folder.study().exists() {
        return resume::go_on(folder, &args.layout, out, stop);
    }
    let mut layout = Partial::default();
    args.layout.fill(&mut layout);
    let asked = layout.over(comparison::partial(&comparison.asked, method, seed)?);
    let ready = search::prepare(&asked, out, &mut |config| device::use_threads(search::threads_in_all(config)))?;
    std::fs::create_dir_all(&folder.path)?;
    search::begin(ready, folder, out, stop)
}

/// A panic as an error.
fn crash(panic: &(dyn std::any::Any + Send)) -> anyhow::Error {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    failure(format!("it crashed ({}), which is an error of this program", words.unwrap_or("without a word")))
}
