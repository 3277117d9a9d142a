//! Statistics of many runs: where they lie, how far apart, and whether a difference is more than luck.

use serde::Serialize;

/// Where values lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a sample (divided by one less than their number); 0 for a single value.
    pub std: f64,
    /// A quarter of the values lie below.
    pub lower_quartile: f64,
    /// Half of the values lie below.
    pub median: f64,
    /// A quarter of the values lie above.
    pub upper_quartile: f64,
}

/// A mean and the interval in which it lies with a probability of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Sums values up. `NaN` in every field where there is no value or one of them is `NaN`.
pub fn summary(values: &[f64]) -> Summary {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        let nan = f64::NAN;
        return Summary { mean: nan, std: nan, lower_quartile: nan, median: nan, upper_quartile: nan };
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Summary {
        mean: mean(values),
        std: deviation(values),
        lower_quartile: quantile(&sorted, 0.25),
        median: quantile(&sorted, 0.5),
        upper_quartile: quantile(&sorted, 0.75),
    }
}

/// Spearman's rank correlation of two lists: the correlation of their ranks, equal values sharing the mean of theirs. Values
/// may be infinite. `None` where a list has no two different values, or one is `NaN`.
///
/// # Panics
/// If the lists differ in length.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "two rankings of the same things");
    if a.iter().chain(b).any(|x| x.is_nan()) {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let product = |x: &[f64], mean_x: f64, y: &[f64], mean_y: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum()
    };
    let scale = (product(&a, mean_a, &a, mean_a) * product(&b, mean_b, &b, mean_b)).sqrt();
    (scale > 0.0).then(|| product(&a, mean_a, &b, mean_b) / scale)
}

/// The rank of each value, from 0, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let equal = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        for &i in &order[start..start + equal] {
            ranks[i] = start as f64 + (equal - 1) as f64 / 2.0;
        }
        start += equal;
    }
    ranks
}

/// The mean difference `a - b` of paired values, with its 95 % interval by Student's t. The interval is `NaN` for fewer
/// than two pairs.
pub fn paired(a: &[f64], b: &[f64]) -> Interval {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let mean = mean(&differences);
    if differences.len() < 2 {
        return Interval { mean, low: f64::NAN, high: f64::NAN };
    }
    let n = differences.len() as f64;
    let half = student_t(differences.len() - 1) * deviation(&differences) / n.sqrt();
    Interval { mean, low: mean - half, high: mean + half }
}

/// The mean; `NaN` of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// A quantile of sorted values, between two of them by the straight line (Hyndman & Fan's seventh).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// The 97.5 % quantile of Student's t with so many degrees of freedom: from tables for few, else by the expansion around
/// the normal distribution (Abramowitz & Stegun 1964, 26.7.5), which is right to three places there.
fn student_t(degrees: usize) -> f64 {
    const FEW: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    const Z: f64 = 1.959_964;
    if let Some(t) = FEW.get(degrees.saturating_sub(1)) {
        return *t;
    }
    let n = degrees as f64;
    let z = |power: i32| Z.powi(power);
    let first = (z(3) + Z) / 4.0;
    let second = (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / 384.0;
    Z + first / n + second / n.powi(2) + third / n.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, by: f64) {
        assert!((a - b).abs() < by, "{a} is not {b}");
    }

    #[test]
    fn a_summary_is_that_of_the_textbooks() {
        let s = summary(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!((s.mean, s.lower_quartile, s.median, s.upper_quartile), (2.5, 1.75, 2.5, 3.25));
        near(s.std, 1.290_994, 1e-6);
        assert_eq!(summary(&[7.0]).std, 0.0);
        assert!(summary(&[]).mean.is_nan() && summary(&[1.0, f64::NAN]).median.is_nan());
    }

    #[test]
    fn student_s_t_is_that_of_the_tables() {
        for (degrees, t) in
            [(1, 12.706), (5, 2.571), (6, 2.447), (9, 2.262), (10, 2.228), (11, 2.201), (30, 2.042), (120, 1.980)]
        {
            near(student_t(degrees), t, 1e-3);
        }
        near(student_t(1_000_000), 1.96, 1e-4);
    }

    #[test]
    fn pairs_are_compared_one_by_one() {
        // Values far apart whose differences are not: only pairing shows it.
        let interval = paired(&[1.1, 5.2, 9.3], &[1.0, 5.0, 9.0]);
        near(interval.mean, 0.2, 1e-12);
        // 4.303 * 0.1 / sqrt(3)
        near(interval.high - interval.mean, 0.248_43, 1e-4);
        assert!(paired(&[1.0], &[2.0]).low.is_nan());
    }

    #[test]
    fn rank_correlations_by_hand() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 1e9]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[5.0, 4.0, f64::NEG_INFINITY]), Some(-1.0));
        // Squared differences of ranks 0, 1, 1, 0: 1 - 6 * 2 / (4 * 15).
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap() - 0.8).abs() < 1e-12);
        // Ranks 0.5, 0.5, 2 and 0, 1, 2: covariance 1.5, variances 1.5 and 2.
        let tied = spearman(&[7.0, 7.0, 9.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!((tied - 1.5 / 3.0_f64.sqrt()).abs() < 1e-12, "{tied}");
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), None);
    }
}
