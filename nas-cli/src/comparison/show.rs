//! A comparison for a person: the table, what it says, and what the papers report beside it.

use super::chance::Chance;
use super::{Comparison, MIRRORED, Row, Run};
use crate::folder::{Folder, shell_word};
use crate::output::table::{Align, table};
use crate::strategies::RANDOM;
use crate::units::{plural, seconds, short};

/// The shares of the budget between which a run has kept to it.
const EARLY: f64 = 0.75;
const LATE: f64 = 1.1;

impl Comparison {
    /// All of it.
    pub fn text(&self, folder: &Folder) -> String {
        let mut parts = vec![self.head(), self.table()];
        parts.extend(self.is_mirrored().then(|| format!("And mirrored: {MIRRORED}.")));
        parts.extend(self.failed());
        parts.extend(self.off_time());
        let whole = shell_word(&folder.path.display().to_string());
        parts.push(format!("{}\nAll of this as a page for a browser:\n  nas report {whole}", self.verdict(folder)));
        parts.push(self.published());
        parts.join("\n\n")
    }

    fn head(&self) -> String {
        let budget = match (self.budget.seconds, self.budget.epochs) {
            (Some(time), _) => format!("{} for search and final training", seconds(time)),
            (None, epochs) => format!("{} in the search", plural(epochs.unwrap_or(0), "epoch")),
        };
        let runs = match self.seeds.len() {
            1 => "one run each".to_owned(),
            several => format!("{several} runs each, mean ± standard deviation"),
        };
        let test = self.test_images.map_or(String::new(), |n| format!(", {} in the test", plural(n, "image")));
        format!("{}{test}; {budget}, {runs}", self.data)
    }

    fn table(&self) -> String {
        let mut head = vec![
            ("method", Align::Left),
            ("year", Align::Right),
            ("search", Align::Right),
            ("in all", Align::Right),
            ("networks trained", Align::Right),
            ("supernet epochs", Align::Right),
            ("parameters", Align::Right),
            ("multiply-adds", Align::Right),
            ("test error", Align::Right),
        ];
        let mut rows: Vec<Vec<String>> = self.methods.iter().map(|row| row.cells("-").into()).collect();
        if self.is_mirrored() {
            head.push(("and mirrored", Align::Right));
            rows.iter_mut().zip(&self.methods).for_each(|(cells, row)| cells.push(row.mirrored("-")));
        }
        table(&head, &rows)
    }

    /// Which runs failed, and why.
    fn failed(&self) -> Option<String> {
        let told = |(row, run): (&Row, &Run)| {
            Some(format!("{}, seed {}, failed: {}", row.method, run.seed, run.reason.as_ref()?))
        };
        let lines: Vec<String> = self.runs_of_methods().filter_map(told).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Which took clearly longer than they should, or ended long before: then the budgets were not equal.
    fn off_time(&self) -> Option<String> {
        let budget = self.budget.seconds?;
        let off: Vec<String> = self
            .methods
            .iter()
            .filter_map(|row| Some((&row.method, row.total_seconds?)))
            .filter(|(_, took)| !(EARLY * budget..LATE * budget).contains(took))
            .map(|(name, took)| format!("{name} {}", seconds(took)))
            .collect();
        (!off.is_empty()).then(|| {
            format!(
                "Far from the budget of {}: {}. The machine did something else besides, or the budget is too small for them; the \
                 comparison is fair on a quiet machine with a larger one.",
                seconds(budget),
                off.join(", ")
            )
        })
    }

    /// What the table says, and what to do with it.
    pub fn verdict(&self, folder: &Folder) -> String {
        let Some((best, error)) = self.methods.iter().find_map(|row| Some((row, row.test_error?))) else {
            return "No run came to a result.".to_owned();
        };
        let chance = Chance { images: self.test_images.unwrap_or(1) };
        let close: Vec<&str> = self
            .methods
            .iter()
            .filter(|row| row.method != best.method && !chance.tells_apart(best, row))
            .map(|row| row.method.as_str())
            .collect();
        let random = self.methods.iter().find(|row| row.method == RANDOM);
        let mut text = format!("Lowest test error: `{}`, {error:.2} %", best.method);
        if let Some(error) = random.filter(|random| random.method != best.method).and_then(|row| row.test_error) {
            text += &format!("; random search came to {error:.2} %");
        }
        text += ".";
        if !close.is_empty() {
            let (names, can) =
                (close.join(", "), if close.len() == 1 { "its difference" } else { "their differences" });
            text += &format!(
                "\nWithin chance of it: {names}. With {} in the test and {}, {can} from it may be luck.",
                plural(self.test_images.unwrap_or(0), "image"),
                plural(self.seeds.len() as u64, "run")
            );
        }
        text += "\n\n";
        text += &if best.method == RANDOM || close.contains(&RANDOM) {
            format!(
                "No method is clearly better than random search here. To tell them apart give more time (--time), more runs \
                 (--seeds), or data with a larger test.\nUntil then use `{}`:",
                best.method
            )
        } else if random.is_none_or(|random| random.test_error.is_none()) {
            format!(
                "Random search has no result here, so nothing says whether a method is better than chance. Until it has, use \
                 `{}`:",
                best.method
            )
        } else {
            format!("Use `{}` here. It is better than random search by more than chance:", best.method)
        };
        let run = best.runs.iter().find(|run| run.outcome.is_some());
        let again = self.again(best);
        text += &format!("\n  {again}");
        if let Some(run) = run {
            let path = shell_word(&folder.path.join(&run.folder).display().to_string());
            text += &format!(
                "\nIts network is there already ({path}/command.txt has every setting of it):\n  nas evaluate {path}\n  \
                 nas export {path} --onnx model.onnx"
            );
        }
        text
    }

    /// The command that searches with a method as it was done here.
    fn again(&self, row: &Row) -> String {
        let (name, settings) = match row.method.split_once(':') {
            Some((name, _)) => (name, format!(" --strategy {}", shell_word(&row.strategy))),
            None => (row.method.as_str(), String::new()),
        };
        let budget = self.budget_flag();
        let (data, read) = (shell_word(&self.data), self.reading());
        format!("nas search --data {data}{read} --method {name}{settings} --recipe plain {budget}")
    }

    /// The flags by which the images are read.
    pub fn reading(&self) -> String {
        let data = &self.asked.data;
        let flags = [
            ("size", data.size.map(|[rows, columns]| format!("{rows}x{columns}"))),
            ("colour", data.colour.map(|colour| format!("{colour:?}").to_lowercase())),
            ("image-size", data.image_size.map(|side| side.to_string())),
            ("flip", data.flip.map(|flip| flip.to_string())),
        ];
        flags.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value?))).collect()
    }

    /// What the papers report, a line a method.
    fn published(&self) -> String {
        let head = [
            ("method", Align::Left),
            ("network", Align::Left),
            ("venue", Align::Left),
            ("GPUs", Align::Right),
            ("days", Align::Right),
            ("CIFAR-10 error", Align::Right),
            ("parameters", Align::Right),
            ("ImageNet top-1 error", Align::Right),
            ("parameters", Align::Right),
        ];
        let mut rows: Vec<&Row> = self.methods.iter().collect();
        rows.sort_by_key(|row| (row.year, row.venue.clone()));
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                let p = &row.published;
                vec![
                    row.method.clone(),
                    p.model.clone(),
                    row.venue.clone(),
                    p.gpus.to_string(),
                    p.days.to_string(),
                    format!("{:.2} %", p.cifar10_error),
                    short(p.cifar10_params),
                    p.imagenet_error.map_or("-".into(), |error| format!("{error:.1} %")),
                    p.imagenet_params.map_or("-".into(), short),
                ]
            })
            .collect();
        let title = "Published by the papers, on CIFAR-10 and ImageNet; nothing of this was measured here:";
        format!("{title}\n{}\n`nas methods` says what to know about these numbers.", table(&head, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::super::tests::example;
    use super::*;

    fn text(comparison: &Comparison) -> String {
        comparison.text(&Folder::at("runs/c".as_ref()))
    }

    fn check(comparison: &Comparison, parts: &[&str]) {
        let text = text(comparison);
        parts.iter().for_each(|part| assert!(text.contains(part), "it should say {part:?}: {text}"));
    }

    #[test]
    fn a_method_that_is_clearly_better_is_recommended() {
        let comparison = example(&[("random", &[9.0]), ("nasnet", &[12.0]), ("darts", &[1.4])]);
        check(
            &comparison,
            &[
                "Lowest test error: `darts`, 1.40 %; random search came to 9.00 %.",
                "Use `darts` here. It is better than random search by more than chance:",
                "nas search --data digits --method darts --recipe plain --time 2m",
                "nas evaluate runs/c/runs/darts-0",
                "nas report runs/c\n",
                "NASNet-A                CVPR 2018",
            ],
        );
        assert!(!text(&comparison).contains("Within chance"));
    }

    #[test]
    fn errors_by_mirror_images_too_have_a_column_where_there_are_any() {
        let mut comparison = example(&[("random", &[3.0, 4.0]), ("darts", &[1.0, 2.0])]);
        check(&comparison, &["test error\n"]);
        // Of the first method both runs, of the second one: a mean of one run does not stand beside that of two.
        for (run, error) in comparison.methods.iter_mut().flat_map(|row| row.runs.iter_mut()).zip([0.75, 1.25, 2.5]) {
            run.outcome.as_mut().unwrap().mirrored_error = Some(error);
        }
        comparison.summarise();
        check(
            &comparison,
            &["test error   and mirrored\n", "1.50 ± 0.71 %         1.00 %\n", "3.50 ± 0.71 %              -\n"],
        );
    }

    #[test]
    fn what_may_be_luck_is_said_to_be() {
        let comparison = example(&[("random", &[1.7]), ("enas", &[1.4]), ("zoph", &[9.0])]);
        check(
            &comparison,
            &["Within chance of it: random. With 359 images", "its difference from it", "No method is clearly"],
        );
        let comparison = example(&[("random", &[1.4]), ("enas", &[9.0])]);
        check(&comparison, &["Lowest test error: `random`, 1.40 %.", "No method is clearly"]);
    }

    #[test]
    fn where_random_search_failed_nothing_is_said_to_be_better() {
        let mut comparison = example(&[("darts", &[1.4]), ("random", &[])]);
        comparison
            .methods
            .iter_mut()
            .filter(|row| row.method == RANDOM)
            .for_each(|row| row.runs[0].state = State::Failed);
        check(&comparison, &["Random search has no result here", "nas search --data digits --method darts"]);
        assert!(!text(&comparison).contains("better than random search by more"));
    }

    #[test]
    fn failures_and_late_runs_are_told() {
        let mut comparison = example(&[("random", &[1.7]), ("zoph", &[])]);
        let run = &mut comparison.methods[1].runs[0];
        (run.state, run.reason) = (State::Failed, Some("no trial succeeded".into()));
        comparison.methods[0].total_seconds = Some(140.0);
        check(
            &comparison,
            &[
                "failed\n",
                "zoph, seed 0, failed: no trial succeeded",
                "Far from the budget of 2 m 00 s: random 2 m 20 s.",
            ],
        );
        assert_eq!(comparison.failures().as_deref(), Some("1 of 2 runs failed"));
        comparison.methods.iter_mut().for_each(|row| row.test_error = None);
        check(&comparison, &["No run came to a result."]);
    }
}
