//! What a runtime answered, and the table of it.

use anyhow::{Context, Result};
use serde_json::Value;

use super::TOLERANCE;

/// One exported file in one runtime, on the test images of its data.
pub(crate) struct Outcome {
    case: String,
    variant: String,
    runtime: String,
    images: u64,
    /// The largest logit of ours, in absolute value.
    largest: f64,
    /// The largest difference of a logit.
    difference: f64,
    /// Images classified right: by us, and by the runtime.
    correct: [u64; 2],
}

impl Outcome {
    /// Reads a line of the comparison.
    pub(crate) fn read(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not an outcome: {line}"))?;
        let text = |key: &str| value[key].as_str().map(str::to_owned).with_context(|| format!("no `{key}` in {line}"));
        let whole = |key: &str| value[key].as_u64().with_context(|| format!("no `{key}` in {line}"));
        let number = |key: &str| value[key].as_f64().with_context(|| format!("no `{key}` in {line}"));
        Ok(Self {
            case: text("case")?,
            variant: text("variant")?,
            runtime: text("runtime")?,
            images: whole("images")?,
            largest: number("largest")?,
            difference: number("difference")?,
            correct: [whole("ours")?, whole("theirs")?],
        })
    }

    /// What is wrong with it, if anything. A difference that is no number is wrong, too.
    pub(crate) fn fault(&self) -> Option<String> {
        let close = self.difference <= TOLERANCE * self.largest.max(1.0);
        let Self { case, variant, runtime, difference, largest, images, correct: [ours, theirs] } = self;
        (!close || ours != theirs).then(|| {
            format!(
                "{case}, {variant}, {runtime}: logits up to {largest:.3} differ by {difference:.2e}; right of {images}: \
                 {ours} by us, {theirs} there"
            )
        })
    }
}

/// A row for each case and runtime, with the worst of its files.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    // The files of a case in a runtime follow one another.
    let same = |a: &Outcome, b: &Outcome| a.case == b.case && a.runtime == b.runtime;
    let rows = outcomes.chunk_by(same).map(|files| {
        let first = &files[0];
        let worst = files.iter().fold(0.0, |worst: f64, file| worst.max(file.difference));
        let [ours, _] = first.correct;
        // Where the files disagree, the one that is furthest from ours counts.
        let theirs = files.iter().map(|file| file.correct[1]).max_by_key(|right| right.abs_diff(ours));
        let of = |right: u64| format!("{right} of {}", first.images);
        vec![
            format!("{}, {}", first.case, first.runtime),
            format!("{:.2}", first.largest),
            format!("{worst:.1e}"),
            of(ours),
            of(theirs.unwrap_or_default()),
        ]
    });
    let head = ["network, runtime", "largest logit", "largest difference", "right, ours", "right, there"];
    crate::bench::table::table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(largest: f64, difference: f64, theirs: u64) -> Outcome {
        let line = format!(
            "{{\"case\": \"a\", \"variant\": \"unit\", \"runtime\": \"ONNX Runtime\", \"images\": 9, \
             \"largest\": {largest}, \"difference\": {difference}, \"ours\": 8, \"theirs\": {theirs}}}"
        );
        Outcome::read(&line).unwrap()
    }

    #[test]
    fn what_differs_is_a_fault() {
        assert_eq!(outcome(5.0, 4.9e-4, 8).fault(), None);
        assert_eq!(outcome(0.1, 0.9e-4, 8).fault(), None);
        let said = outcome(5.0, 5.1e-4, 8).fault().unwrap();
        assert!(said.starts_with("a, unit, ONNX Runtime: logits up to 5.000 differ by 5.10e-4"), "{said}");
        assert!(outcome(0.1, 1.1e-4, 8).fault().is_some());
        let said = outcome(5.0, 0.0, 7).fault().unwrap();
        assert!(said.ends_with("right of 9: 8 by us, 7 there"), "{said}");
        assert!(Outcome::read("{}").is_err() && Outcome::read("Traceback").is_err());
    }

    #[test]
    fn a_row_holds_the_worst_of_its_files() {
        let text = table(&[outcome(5.0, 1e-6, 8), outcome(5.0, 2e-4, 7), outcome(5.0, 1e-5, 8)]);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("2.0e-4") && text.contains("8 of 9") && text.contains("7 of 9"), "{text}");
    }
}
