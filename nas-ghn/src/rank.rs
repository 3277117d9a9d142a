//! How well one ranking agrees with another.

use nas_space::Seed;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A rank correlation and the interval in which it lies with a probability of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tau {
    /// Kendall's tau-b of all pairs.
    pub tau: f64,
    /// The lower end: the 2.5th percentile of resampled lists.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Kendall's tau-b (Kendall 1945): of all pairs, those in the same order less those in the other, over the geometric
/// mean of the pairs that are not tied in each list. `None` where a list has no two different values.
///
/// # Panics
/// If the lists differ in length.
pub fn kendall_tau(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "two rankings of the same things");
    let (mut balance, mut untied) = (0_i64, [0_u64; 2]);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (order(a[i], a[j]), order(b[i], b[j]));
            balance += x * y;
            untied[0] += u64::from(x != 0);
            untied[1] += u64::from(y != 0);
        }
    }
    let scale = (untied[0] as f64 * untied[1] as f64).sqrt();
    (scale > 0.0).then(|| balance as f64 / scale)
}

/// The same with its interval, from `resamples` lists drawn with replacement (Efron 1979). Lists in which nothing
/// differs are left out.
pub fn kendall_tau_interval(a: &[f64], b: &[f64], resamples: usize, seed: Seed) -> Option<Tau> {
    let tau = kendall_tau(a, b)?;
    let mut found: Vec<f64> = (0..resamples as u64)
        .filter_map(|resample| {
            let mut rng = seed.index(resample).rng();
            let drawn: Vec<usize> = (0..a.len()).map(|_| rng.random_range(0..a.len())).collect();
            let of = |list: &[f64]| drawn.iter().map(|&i| list[i]).collect::<Vec<_>>();
            kendall_tau(&of(a), &of(b))
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found.get(((found.len().max(1) - 1) as f64 * share).round() as usize).copied();
    Some(Tau { tau, low: at(0.025).unwrap_or(f64::NAN), high: at(0.975).unwrap_or(f64::NAN) })
}

/// -1, 0 or 1.
fn order(a: f64, b: f64) -> i64 {
    i64::from(a > b) - i64::from(a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Of six pairs five agree and one does not.
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 4.0, 3.0]), Some(4.0 / 6.0));
        // One pair of the first list is tied: (2 - 0) / sqrt(2 * 3).
        assert_eq!(kendall_tau(&[1.0, 1.0, 2.0], &[1.0, 2.0, 3.0]), Some(2.0 / 6.0_f64.sqrt()));
        assert_eq!(kendall_tau(&[3.0, 2.0, 1.0], &[1.0, 2.0, 3.0]), Some(-1.0));
        assert_eq!(kendall_tau(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn the_interval_narrows_with_the_number() {
        let noisy = |n: usize| -> (Vec<f64>, Vec<f64>) {
            let mut rng = Seed::new(1).rng();
            (0..n).map(|i| (i as f64, i as f64 + n as f64 * rng.random::<f64>())).unzip()
        };
        let width = |n: usize| {
            let (a, b) = noisy(n);
            let found = kendall_tau_interval(&a, &b, 500, Seed::new(2)).unwrap();
            assert!(found.low < found.tau && found.tau < found.high, "{found:?}");
            found.high - found.low
        };
        assert!(width(160) < 0.7 * width(40));
    }
}
