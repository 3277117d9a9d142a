//! Whether two methods differ by more than chance.

use super::Row;

/// How many standard deviations a difference must come to: 95 % of those of equals are smaller.
const SURE: f64 = 1.96;

/// What makes errors vary: which images the test happens to have, and from run to run the seed.
pub struct Chance {
    /// Images of the test.
    pub images: u64,
}

impl Chance {
    /// Whether a difference as large as that of two methods is unlikely where there is none. That both saw the same test
    /// images is not made use of, so this rather says no than yes.
    pub fn tells_apart(&self, a: &Row, b: &Row) -> bool {
        let (Some(error_a), Some(error_b)) = (a.test_error, b.test_error) else { return true };
        let deviation = (self.variance(a, error_a) + self.variance(b, error_b)).sqrt();
        (error_a - error_b).abs() > SURE * deviation
    }

    /// Of a method's mean error, in percent squared: of a share of so many images, and of the mean of its runs.
    fn variance(&self, row: &Row, error: f64) -> f64 {
        let images = self.images.max(1) as f64;
        // As if one more image of each kind had been seen, for an error of 0 is not certain either.
        let share = (error / 100.0 * images + 1.0) / (images + 2.0);
        let runs = row.runs.iter().filter(|run| run.outcome.is_some()).count().max(1) as f64;
        1e4 * share * (1.0 - share) / images + row.test_error_std.unwrap_or(0.0).powi(2) / runs
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    /// Errors of two methods' runs, in percent.
    fn tells_apart(images: u64, a: &[f64], b: &[f64]) -> bool {
        let comparison = example(&[("darts", a), ("random", b)]);
        Chance { images }.tells_apart(&comparison.methods[0], &comparison.methods[1])
    }

    #[test]
    fn a_few_images_are_chance_and_many_are_not() {
        assert!(!tells_apart(359, &[1.39], &[1.95]), "5 images against 7");
        assert!(!tells_apart(359, &[0.0], &[0.56]), "none against 2");
        assert!(tells_apart(359, &[1.39], &[8.36]), "5 images against 30");
        assert!(tells_apart(10_000, &[5.5], &[6.5]));
        assert!(!tells_apart(10_000, &[5.5], &[5.9]));
    }

    #[test]
    fn runs_that_scatter_tell_less() {
        assert!(tells_apart(10_000, &[5.4, 5.6], &[6.9, 7.1]));
        assert!(!tells_apart(10_000, &[4.0, 7.0], &[5.5, 8.5]));
    }

    #[test]
    fn a_method_without_a_result_is_not_close_to_any() {
        assert!(tells_apart(359, &[1.39], &[]));
    }
}
