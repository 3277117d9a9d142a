//! The end of a run on the terminal: the best architectures, the baseline, the trained network, the files.

use nas_search::{Trial, TrialState};
use nas_space::spaces::Darts;
use nas_space::{Architecture, Blueprint, SearchSpace};

use super::results::{Searched, accuracy, arms, failures, metrics, score, worth};
use super::{Finish, Run, front, tabulated};
use crate::measured::{accuracy_of, mirrored, right};
use crate::output::table::{Align, pairs, table};
use crate::recipe;
use crate::units::{count, milliseconds, percent, plural, seconds, short};

/// How many architectures the table lists.
const LISTED: usize = 5;

/// The column of their latencies.
const LATENCY: usize = 6;

/// Prints it, or the metrics as JSON.
pub fn print(run: &Run, blueprint: &Blueprint, trained: &Finish, searched: Option<&Searched>) -> anyhow::Result<()> {
    let out = &run.out;
    out.document(&metrics(run, blueprint, trained, searched));
    if let Some(searched) = searched {
        out.result(&trials_table(searched));
        if let Some(front) = front::told(run, searched) {
            out.result(&front);
        }
        for line in remarks(searched) {
            out.result(&line);
        }
        out.result("");
    }
    let (train, _) = run.data.final_images(&run.config)?;
    let (validation, test) = (trained.report.last_validation(), trained.test);
    let mut lines = vec![
        (
            "network",
            format!("{} channels, {} cells", trained.network.channels, recipe::layers(blueprint, &trained.network)),
        ),
        ("parameters", count(trained.parameters as u64)),
        ("multiply-adds", format!("{} an image", count(trained.flops))),
        (
            "trained",
            format!(
                "{} on {} in {}",
                plural(trained.report.history.len() as u64, "epoch"),
                plural(train.len() as u64, "image"),
                seconds(trained.seconds)
            ),
        ),
        ("validation", validation.map_or("none held out".into(), accuracy_of)),
        ("test", format!("{} ({}, measured once)", percent(test.plain.accuracy), right(test.plain))),
    ];
    lines.extend(test.mirrored.map(mirrored));
    lines.push(("files", run.folder.path.display().to_string()));
    lines.push(("report", run.folder.file(crate::report::FILE).display().to_string()));
    out.result(&pairs(&lines));
    if let Some(found) = tabulated::look_up(blueprint, &run.config.data.name) {
        out.result(&format!("\n{}", found.sentence()));
    }
    out.result(&format!(
        "\nMeasure it again: nas evaluate {}",
        crate::folder::shell_word(&run.folder.path.display().to_string())
    ));
    Ok(())
}

fn trials_table(searched: &Searched) -> String {
    let head = [
        ("", Align::Left),
        ("arm", Align::Left),
        ("trial", Align::Right),
        ("validation", Align::Right),
        ("parameters", Align::Right),
        ("multiply-adds", Align::Right),
        ("latency", Align::Right),
        ("time", Align::Right),
        ("architecture", Align::Left),
    ];
    let mut best: Vec<&Trial> = searched.first.trials.iter().filter(|t| is_first_of_its_kind(t)).collect();
    // A stable sort keeps the earliest of equals first, as the strategy does.
    best.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
    let mut rows: Vec<Vec<String>> =
        best.iter().take(LISTED).enumerate().map(|(i, t)| row(&(i + 1).to_string(), &searched.winner.arm, t)).collect();
    if let Some(trial) = searched.random.as_ref().and_then(|r| r.best.as_ref()) {
        rows.push(row("", "random, best", trial));
    }
    // Where no latency was measured, its column would be empty.
    if rows.iter().all(|row| row[LATENCY].is_empty()) {
        let head: Vec<_> = head.iter().enumerate().filter(|(at, _)| *at != LATENCY).map(|(_, head)| *head).collect();
        rows.iter_mut().for_each(|row| drop(row.remove(LATENCY)));
        return table(&head, &rows);
    }
    table(&head, &rows)
}

/// Complete, and not a twin of a trial listed already.
fn is_first_of_its_kind(trial: &Trial) -> bool {
    let twin = trial.measurement.as_ref().is_some_and(|m| m.twin_of().is_some());
    trial.state == TrialState::Complete && !twin
}

fn row(rank: &str, arm: &str, trial: &Trial) -> Vec<String> {
    let Some(m) = &trial.measurement else { return vec![] };
    vec![
        rank.to_owned(),
        arm.to_owned(),
        (trial.number + 1).to_string(),
        worth(m),
        count(m.parameters),
        short(m.flops as f64),
        m.latency.map_or(String::new(), milliseconds),
        seconds(trial.seconds.unwrap_or(0.0)),
        brief(&trial.proposal.architecture),
    ]
}

/// What else there is to say of a search.
fn remarks(searched: &Searched) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, outcome) in arms(searched) {
        let failed = failures(&outcome.trials);
        if !failed.is_empty() {
            let kinds: Vec<String> = failed.iter().map(|(kind, n)| format!("{n} {}", kind.replace('_', " "))).collect();
            let of = plural(outcome.trials.len() as u64, "trial");
            lines.push(format!("{name}: of {of}, some failed: {}", kinds.join(", ")));
        }
    }
    lines.extend(searched.supernet.iter().flat_map(|found| found.report.warnings().to_vec()));
    if searched.supernet.as_ref().is_some_and(|found| found.is_shared) {
        lines.push("These accuracies are on shared weights; the network below was trained on its own.".into());
    }
    if searched.winner.measurement.as_ref().and_then(score).is_some() {
        lines.push("These are scores of a proxy, not accuracies; the network below was trained.".into());
    }
    let Some(random) = &searched.random else { return lines };
    let Some(best) = &random.best else { return lines };
    let told = |trial: &Trial| trial.measurement.as_ref().map_or(String::new(), worth);
    let (ours, theirs) = (told(&searched.winner), told(best));
    let arm = &searched.winner.arm;
    if searched.hypernet.is_some() {
        lines.push(beside_random_ones(searched, random));
        return lines;
    }
    if searched.supernet.as_ref().is_some_and(|found| !found.is_shared) {
        lines.push(beside_random_cells(searched, random));
        return lines;
    }
    // Under a budget in time, and where trials are of different lengths, the two arms come to different numbers.
    let (own, its) = (searched.first.trials.len(), random.trials.len());
    let trials = if own == its {
        format!("in as many trials ({its})")
    } else {
        let equal = if searched.first.trials.iter().any(|t| t.proposal.epochs.is_some()) { "epochs" } else { "time" };
        format!("in the same {equal} ({} against {own})", plural(its as u64, "trial"))
    };
    lines.push(match accuracy(best).total_cmp(&accuracy(&searched.winner)) {
        std::cmp::Ordering::Greater => format!(
            "Random search found a better one {trials}: {theirs} against {ours}. \
             It is in arch-random.json; what was trained is the best of `{arm}`."
        ),
        std::cmp::Ordering::Equal if best.number == searched.winner.number => {
            format!("Random search {trials} found nothing better; both share the random beginning.")
        }
        std::cmp::Ordering::Equal => format!("Random search found one as good {trials}."),
        std::cmp::Ordering::Less => {
            format!("Random search {trials} came to {theirs}, `{arm}` to {ours}.")
        }
    });
    lines
}

/// The best that a hypernetwork found, beside random architectures trained alike.
fn beside_random_ones(searched: &Searched, random: &nas_search::Outcome) -> String {
    let all = |outcome: &nas_search::Outcome| -> Vec<f64> {
        outcome.trials.iter().filter(|t| t.state == TrialState::Complete).map(accuracy).collect()
    };
    let told = |list: &[f64]| {
        let best = list.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{} at best and {} on average", percent(best), percent(list.iter().sum::<f64>() / list.len() as f64))
    };
    let (ours, theirs) = (all(&searched.first), all(random));
    if theirs.is_empty() {
        return format!("The {} handed on came to {}.", ours.len(), told(&ours));
    }
    let kept = if searched.better_random().is_some() { "; the best random one is in arch-random.json" } else { "" };
    format!(
        "The {} handed on came to {}; {} random ones, trained alike, to {}{kept}.",
        ours.len(),
        told(&ours),
        theirs.len(),
        told(&theirs)
    )
}

/// The cell that a supernet found, beside random ones trained alike.
fn beside_random_cells(searched: &Searched, random: &nas_search::Outcome) -> String {
    let found = accuracy(&searched.winner);
    let others: Vec<f64> = random.trials.iter().filter(|t| t.state == TrialState::Complete).map(accuracy).collect();
    let best = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = others.iter().sum::<f64>() / others.len().max(1) as f64;
    let beside = format!("{} trained alike", plural(others.len() as u64, "random cell"));
    let (ours, theirs, mean) = (percent(found), percent(best), percent(mean));
    if best > found {
        format!(
            "Of {beside} the best did better than the cell found: {theirs} against {ours} (mean {mean}). It is in \
             arch-random.json; what was trained is the cell found."
        )
    } else {
        format!("The cell found came to {ours}; of {beside} the best came to {theirs} (mean {mean}).")
    }
}

/// The most characters of an architecture in a table.
const LONGEST: usize = 100;

/// An architecture in a few characters: the operations of a genotype, two a node; otherwise its text form, of a long one
/// the beginning.
pub fn brief(architecture: &Architecture) -> String {
    let blueprint = Blueprint::Point(architecture.clone());
    let genotype = match blueprint.cells() {
        Some(cells) => cells.genotype,
        None if architecture.space != Darts.name() => {
            let text = blueprint.text();
            let is_long = text.chars().count() > LONGEST;
            return if is_long { text.chars().take(LONGEST).chain("...".chars()).collect() } else { text };
        }
        None => match Darts.to_genotype(architecture) {
            Ok(genotype) => genotype,
            Err(_) => return String::new(),
        },
    };
    let short = |edges: &[(nas_space::Operation, usize)]| {
        let names: Vec<&str> = edges.iter().map(|(op, _)| abbreviate(op.name())).collect();
        names.chunks(2).map(|pair| pair.join("+")).collect::<Vec<_>>().join(" ")
    };
    format!("{} | {}", short(&genotype.normal), short(&genotype.reduce))
}

/// An operation in a few characters.
pub fn abbreviate(operation: &str) -> &str {
    match operation {
        "none" => "-",
        "skip_connect" => "sk",
        "max_pool_3x3" => "mx",
        "avg_pool_3x3" => "av",
        "sep_conv_3x3" => "s3",
        "sep_conv_5x5" => "s5",
        "sep_conv_7x7" => "s7",
        "dil_conv_3x3" => "d3",
        "dil_conv_5x5" => "d5",
        "max_pool_5x5" => "mx5",
        "max_pool_7x7" => "mx7",
        "dil_sep_conv_3x3" => "ds3",
        "conv_1x1" => "1x1",
        "conv_3x3" => "3x3",
        "dilated_conv_3x3" => "dil3",
        "conv_1x3_3x1" => "1x3",
        "conv_1x7_7x1" => "1x7",
        other => other,
    }
}
