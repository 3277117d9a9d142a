//! Several objectives at once: who dominates whom, which fronts there are, and how much of the plane a front commands.
//!
//! Everything is a cost here, and the lower the better: accuracy counts as the error rate.

use serde::{Deserialize, Serialize};

use crate::Measurement;

/// Something to be optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// A high validation accuracy.
    Accuracy,
    /// Few parameters.
    Parameters,
    /// Few multiply-adds.
    Flops,
    /// A low latency.
    Latency,
}

impl Objective {
    /// Every objective.
    pub const ALL: [Self; 4] = [Self::Accuracy, Self::Parameters, Self::Flops, Self::Latency];

    /// Its name: `accuracy`, `parameters`, `flops` or `latency`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Parameters => "parameters",
            Self::Flops => "flops",
            Self::Latency => "latency",
        }
    }

    /// What a measurement costs by this objective: an error rate, a count or seconds; `None` if it was not measured.
    pub fn cost(self, measurement: &Measurement) -> Option<f64> {
        match self {
            Self::Accuracy => Some(1.0 - measurement.accuracy),
            Self::Parameters => Some(measurement.parameters as f64),
            Self::Flops => Some(measurement.flops as f64),
            Self::Latency => measurement.latency,
        }
    }
}

/// The costs of a measurement by several objectives; `None` if one of them was not measured.
pub fn costs(objectives: &[Objective], measurement: &Measurement) -> Option<Vec<f64>> {
    objectives.iter().map(|objective| objective.cost(measurement)).collect()
}

/// Whether `a` is nowhere worse than `b` and somewhere better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// The indices of the points that no other dominates, in order. Of equal points each is one.
pub fn front(points: &[Vec<f64>]) -> Vec<usize> {
    let beaten = |i: &usize| points.iter().any(|other| dominates(other, &points[*i]));
    (0..points.len()).filter(|i| !beaten(i)).collect()
}

/// The rank of each point: 0 on the front, 1 on the front of what is left without it, and so on (the non-dominated sorting
/// of Deb et al. 2002).
pub fn ranks(points: &[Vec<f64>]) -> Vec<usize> {
    // By how many points each is dominated that have no rank yet.
    let mut above: Vec<usize> = points.iter().map(|p| points.iter().filter(|q| dominates(q, p)).count()).collect();
    let mut ranks = vec![usize::MAX; points.len()];
    let mut rank = 0;
    loop {
        let now: Vec<usize> = (0..points.len()).filter(|&i| ranks[i] == usize::MAX && above[i] == 0).collect();
        if now.is_empty() {
            return ranks;
        }
        for &i in &now {
            ranks[i] = rank;
        }
        for (i, count) in above.iter_mut().enumerate().filter(|(i, _)| ranks[*i] == usize::MAX) {
            *count -= now.iter().filter(|&&j| dominates(&points[j], &points[i])).count();
        }
        rank += 1;
    }
}

/// The area that points of two costs dominate below a reference point (their hypervolume), exactly. Points that are not
/// better than the reference in both costs add nothing.
///
/// ```
/// use nas_search::pareto::hypervolume;
/// assert_eq!(hypervolume(&[[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]], [3.0, 3.0]), 3.0);
/// ```
pub fn hypervolume(points: &[[f64; 2]], reference: [f64; 2]) -> f64 {
    let inside = |p: &&[f64; 2]| p[0] < reference[0] && p[1] < reference[1];
    let mut sorted: Vec<&[f64; 2]> = points.iter().filter(inside).collect();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let (mut area, mut lowest) = (0.0, reference[1]);
    for point in sorted {
        if point[1] < lowest {
            area += (reference[0] - point[0]) * (lowest - point[1]);
            lowest = point[1];
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_space::Seed;
    use rand::RngExt;

    fn points(flat: &[[f64; 2]]) -> Vec<Vec<f64>> {
        flat.iter().map(|p| p.to_vec()).collect()
    }

    #[test]
    fn equal_points_do_not_dominate_each_other() {
        assert!(dominates(&[1.0, 2.0], &[1.0, 3.0]));
        assert!(!dominates(&[1.0, 2.0], &[1.0, 2.0]));
        assert!(!dominates(&[0.0, 3.0], &[1.0, 2.0]));
        assert_eq!(front(&points(&[[1.0, 2.0], [2.0, 2.0], [1.0, 2.0], [2.0, 1.0]])), [0, 2, 3]);
    }

    #[test]
    fn ranks_are_the_fronts_that_are_left() {
        let mut rng = Seed::new(5).rng();
        let cloud: Vec<Vec<f64>> =
            (0..60).map(|_| (0..3).map(|_| f64::from(rng.random_range(0..6))).collect()).collect();
        let found = ranks(&cloud);
        let mut left: Vec<usize> = (0..cloud.len()).collect();
        for rank in 0.. {
            if left.is_empty() {
                break;
            }
            let now = front(&left.iter().map(|&i| cloud[i].clone()).collect::<Vec<_>>());
            let now: Vec<usize> = now.into_iter().map(|at| left[at]).collect();
            assert!(now.iter().all(|&i| found[i] == rank), "rank {rank}");
            left.retain(|i| !now.contains(i));
        }
    }

    #[test]
    fn the_hypervolume_is_the_area_that_is_dominated() {
        let mut rng = Seed::new(6).rng();
        for _ in 0..20 {
            let cloud: Vec<[f64; 2]> =
                (0..8).map(|_| [f64::from(rng.random_range(0..12)), f64::from(rng.random_range(0..12))]).collect();
            // Whole numbers: count the unit squares below the reference that some point dominates.
            let dominated = |x: f64, y: f64| cloud.iter().any(|p| p[0] <= x && p[1] <= y);
            let squares = (0..100).filter(|i| dominated(f64::from(i / 10), f64::from(i % 10))).count();
            assert_eq!(hypervolume(&cloud, [10.0, 10.0]), squares as f64, "{cloud:?}");
        }
        assert_eq!(hypervolume(&[], [1.0, 1.0]), 0.0);
    }
}
