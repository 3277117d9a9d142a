//! What learned on the way, as charts: a policy, a supernet, a hypernetwork, the final network.

use nas_bench::chart::{Chart, Ink, Mark, Point, Series};
use nas_nn::trainer::EpochReport;
use nas_search::{GhnEpoch, SharedEpoch, SupernetEpoch};
use serde_json::Value;

use super::figures::{chart, counted, even, over};
use super::page::{Block, Figure};
use super::run::{Arm, Hypernet};
use crate::run::{accuracy, brief, policy_updates};
use crate::units::{percent, plural};

fn share(value: f64) -> String {
    percent(value / 100.0)
}

fn nats(value: f64) -> String {
    format!("{value:.3} nats")
}

fn plain(value: f64) -> String {
    format!("{value:.4}")
}

const ENTROPY: &str = "entropy (nats, over all decisions)";

/// A line above a zero that means something: on an axis that began elsewhere, every fall would look steep.
fn from_zero(title: &str, x: &str, y: &str, line: Series) -> Chart {
    let highest = line.points.iter().map(|p| p.y).filter(|y| y.is_finite()).fold(0.0, f64::max);
    let mut axis = even(y);
    axis.range = (highest > 0.0).then_some([0.0, 1.04 * highest]);
    chart(title, counted(x), axis, vec![line])
}

/// How a policy learned from trials, for arms that have one.
pub fn policy(arms: &[Arm]) -> Vec<Block> {
    let Some((arm, updates)) = arms.iter().find_map(|arm| Some((arm, policy_updates(&arm.trials)?))) else {
        return Vec::new();
    };
    let at = |update: &Value| update["trials"].as_u64().unwrap_or(0);
    let field = |name: &'static str| move |update: &Value| update[name].as_f64();
    let rewards = chart(
        "Reward and baseline",
        counted("trials learned from"),
        even("reward"),
        vec![
            over("best", 2, &updates, at, field("best"), plain),
            over("reward", 0, &updates, at, field("reward"), plain),
            over("baseline", 1, &updates, at, field("baseline"), plain),
        ],
    );
    let entropy = from_zero(
        "Entropy of the policy",
        "trials learned from",
        ENTROPY,
        over("", 0, &updates, at, field("entropy"), nats),
    );
    let note = format!("Mean of each batch that the policy of {} learned from.", arm.name);
    vec![Block::Figures(vec![
        Figure::of(&rewards, "policy-reward", note),
        Figure::of(
            &entropy,
            "policy-entropy",
            "It falls as the policy makes up its mind; at 0 it proposes one architecture.",
        ),
    ])]
}

/// One epoch makes no curve.
fn only_one(train_accuracy: f64) -> Vec<Block> {
    let share = percent(train_accuracy);
    vec![Block::Text(format!("One epoch so far, with {share} of the images right that the weights learned from."))]
}

/// The epochs of a search by gradients.
pub fn gradient(history: &[SupernetEpoch]) -> Vec<Block> {
    if let [only] = history {
        return only_one(only.train_accuracy);
    }
    let at = |epoch: &SupernetEpoch| epoch.epoch;
    let mut figures = vec![
        Figure::of(
            &accuracies(
                "Accuracy of the supernet",
                vec![
                    over("weights' images", 1, history, at, |e| Some(100.0 * e.train_accuracy), share),
                    over("architecture's images", 0, history, at, |e| Some(100.0 * e.accuracy), share),
                ],
            ),
            "supernet-accuracy",
            "On the images that its weights learn from, and on those that the architecture learns from.",
        ),
        Figure::of(
            &from_zero(
                "How undecided the architecture is",
                "epoch",
                "entropy over that of equal weights",
                over("", 0, history, at, |e| Some(e.entropy), plain),
            ),
            "supernet-entropy",
            "1 is undecided, 0 decided, on average over all edges.",
        ),
        Figure::of(
            &chart(
                "Skip connections",
                counted("epoch"),
                counted("among the operations kept of the first kind of cell"),
                vec![over("", 0, history, at, |e| Some(e.skips as f64), |v| format!("{v}"))],
            ),
            "supernet-skips",
            "Many of them are the sign of a collapse.",
        ),
    ];
    if history.iter().any(|e| e.eigenvalue.is_some()) {
        let line = over("", 0, history, at, |e| e.eigenvalue, plain);
        let eigenvalue =
            chart("Largest eigenvalue", counted("epoch"), even("of the Hessian of the validation loss"), vec![line]);
        let note = "With respect to the architecture parameters. Where it rises steeply, what is read off gets worse.";
        figures.push(Figure::of(&eigenvalue, "supernet-eigenvalue", note));
    }
    vec![Block::Figures(figures)]
}

/// The epochs of a search on shared weights.
pub fn shared(history: &[SharedEpoch]) -> Vec<Block> {
    if let [only] = history {
        return only_one(only.train_accuracy);
    }
    let at = |epoch: &SharedEpoch| epoch.epoch;
    let mut figures = vec![Figure::of(
        &accuracies(
            "Accuracy on shared weights",
            vec![
                over("training", 1, history, at, |e| Some(100.0 * e.train_accuracy), share),
                over("best drawn", 2, history, at, |e| Some(100.0 * e.best), share),
                over("mean drawn", 0, history, at, |e| Some(100.0 * e.drawn), share),
            ],
        ),
        "shared-accuracy",
        "Drawn: architectures proposed at the end of each epoch, on one batch of validation images.",
    )];
    if history.iter().any(|e| e.reward.is_some()) {
        let series = vec![
            over("reward", 0, history, at, |e| e.reward, plain),
            over("baseline", 1, history, at, |e| e.baseline, plain),
        ];
        let rewards = chart("Reward and baseline", counted("epoch"), even("reward"), series);
        figures.push(Figure::of(&rewards, "shared-reward", "What the controller learned from in each epoch."));
    }
    if history.iter().any(|e| e.entropy.is_some()) {
        let line = over("", 0, history, at, |e| e.entropy, nats);
        let entropy = from_zero("Entropy of the controller", "epoch", ENTROPY, line);
        figures.push(Figure::of(&entropy, "shared-entropy", "It falls as the controller makes up its mind."));
    }
    vec![Block::Figures(figures)]
}

fn accuracies(title: &str, series: Vec<Series>) -> Chart {
    chart(title, counted("epoch"), even("accuracy (%)"), series)
}

/// A hypernetwork: how it learned, how steady its ranking became, and how well it foretold what training gave.
pub fn hypernet(found: &Hypernet, arms: &[Arm]) -> Vec<Block> {
    let history = &found.history;
    let at = |epoch: &GhnEpoch| epoch.epoch;
    let mut held_back = over("held back", 0, history, at, |e| e.accuracy.map(|a| 100.0 * a), share);
    held_back.band = history
        .iter()
        .filter_map(|e| Some((100.0 * e.accuracy?, 100.0 * e.spread.unwrap_or(0.0))))
        .map(|(mean, spread)| [mean - spread, mean + spread])
        .collect();
    let training = over("learned from", 1, history, at, |e| Some(100.0 * e.train_accuracy), share);
    let mut figures = vec![
        Figure::of(
            &accuracies("Accuracy with generated weights", vec![training, held_back]),
            "ghn-accuracy",
            "Of architectures that it learns from, and of those held back, with their standard deviation.",
        ),
        Figure::of(
            &chart(
                "Training loss",
                counted("epoch"),
                even("loss (nats)"),
                vec![over("", 0, history, at, |e| Some(e.train_loss), nats)],
            ),
            "ghn-loss",
            "",
        ),
    ];
    if history.iter().any(|e| e.steadiness.or(e.rank_correlation).is_some()) {
        let series = vec![
            over("to the epoch before", 0, history, at, |e| e.steadiness, plain),
            over("to trained accuracies", 1, history, at, |e| e.rank_correlation, plain),
        ];
        let steady =
            chart("Rank correlation of the held-back architectures", counted("epoch"), even("Kendall's tau"), series);
        figures.push(Figure::of(&steady, "ghn-steadiness", "At 1 the ranking has settled."));
    }
    figures.extend(scores(found));
    figures.extend(foretold(found, arms));
    vec![Block::Figures(figures)]
}

/// All scores in order, those handed on marked.
fn scores(found: &Hypernet) -> Option<Figure> {
    if found.scored.is_empty() {
        return None;
    }
    let mut order: Vec<_> = found.scored.iter().collect();
    order.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
    let line = order.iter().enumerate().map(|(at, scored)| [at as f64 + 1.0, 100.0 * scored.accuracy]);
    let is_best = |architecture| found.best.iter().any(|best| best == architecture);
    let mut left: Vec<_> = found.best.iter().collect();
    let mut dots = Vec::new();
    for (at, scored) in order.iter().enumerate().filter(|(_, scored)| is_best(&scored.architecture)) {
        // Twins were scored too; each handed on is one dot.
        let Some(place) = left.iter().position(|best| **best == scored.architecture) else { continue };
        left.remove(place);
        let note = format!("{}: {}", percent(scored.accuracy), brief(&scored.architecture));
        dots.push(Point { x: at as f64 + 1.0, y: 100.0 * scored.accuracy, note });
    }
    let (ink, band) = (Ink::Colour(1), Vec::new());
    let series = vec![
        Series::line("", Ink::Colour(0), line),
        Series { name: "handed on".into(), mark: Mark::Dots, ink, points: dots, band },
    ];
    let title = format!("{} scored", plural(found.scored.len() as u64, "architecture"));
    let figure = chart(&title, counted("rank"), even("accuracy with generated weights (%)"), series);
    Some(Figure::of(&figure, "ghn-scores", "The best of them were handed on to be trained."))
}

/// The scores of trained architectures beside what training gave.
fn foretold(found: &Hypernet, arms: &[Arm]) -> Option<Figure> {
    let mut points = Vec::new();
    for trial in arms.iter().flat_map(|arm| &arm.trials).filter(|t| t.measurement.is_some()) {
        let same = found.scored.iter().find(|scored| scored.architecture == trial.proposal.architecture);
        let Some(scored) = same else { continue };
        let (x, y) = (100.0 * scored.accuracy, 100.0 * accuracy(trial));
        let note = format!("{} foretold, {} trained: {}", share(x), share(y), brief(&scored.architecture));
        points.push(Point { x, y, note });
    }
    let (scores, trained): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
    let tau = nas_ghn::kendall_tau(&scores, &trained)?;
    let series = Series { name: String::new(), mark: Mark::Dots, ink: Ink::Colour(0), points, band: Vec::new() };
    let count = plural(scores.len() as u64, "architecture");
    let figure = chart(
        "Foretold and trained",
        even("accuracy with generated weights (%)"),
        even("validation accuracy after training (%)"),
        vec![series],
    );
    Some(Figure::of(
        &figure,
        "ghn-foretold",
        format!("Kendall's tau is {tau:.2} over {count}, the best of all scored."),
    ))
}

/// The final training.
pub fn training(history: &[EpochReport]) -> Vec<Block> {
    if history.is_empty() {
        return Vec::new();
    }
    let at = |epoch: &EpochReport| epoch.epoch as u64;
    let accuracy = accuracies(
        "Accuracy of the network",
        vec![
            over("training", 1, history, at, |e| Some(100.0 * e.train_accuracy), share),
            over("validation", 0, history, at, |e| e.validation.map(|v| 100.0 * v.accuracy), share),
        ],
    );
    let loss = chart(
        "Loss",
        counted("epoch"),
        even("cross-entropy (nats)"),
        vec![
            over("training", 1, history, at, |e| Some(e.train_loss), nats),
            over("validation", 0, history, at, |e| e.validation.map(|v| v.loss), nats),
        ],
    );
    vec![Block::Figures(vec![
        Figure::of(
            &accuracy,
            "training-accuracy",
            "Training: on the images as they were seen, with everything that makes it harder.",
        ),
        Figure::of(&loss, "training-loss", ""),
    ])]
}
