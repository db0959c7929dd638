//! Gaussian clouds: as many classes as one likes, and easy to tell apart unless they overlap.

use ndarray::{Array1, Array2};

use super::numpy_random::RandomState;

/// Centres lie between -this and this on both axes.
const BOX: f64 = 10.0;

/// scikit-learn's `make_blobs(samples, centers=centers, cluster_std=spread, random_state=seed)`: points (samples, 2), and
/// the cloud of each.
///
/// The first clouds have one point more where samples do not divide evenly. As in scikit-learn the centres are drawn
/// first, then the points cloud by cloud, then their order.
pub fn make_blobs(samples: usize, centers: usize, spread: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    let mut random = RandomState::new(seed);
    let places: Vec<[f64; 2]> = (0..centers).map(|_| [0; 2].map(|_| random.uniform(-BOX, BOX))).collect();
    let mut drawn = Vec::with_capacity(samples);
    for (label, place) in places.iter().enumerate() {
        let count = samples / centers + usize::from(label < samples % centers);
        drawn.extend((0..count).map(|_| (place.map(|center| random.normal(center, spread)), label as u32)));
    }
    let mut order: Vec<usize> = (0..samples).collect();
    random.shuffle(&mut order);

    let points = Array2::from_shape_fn((samples, 2), |(row, column)| drawn[order[row]].0[column]);
    (points, order.iter().map(|index| drawn[*index].1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::points::assert_equals_oracle;

    #[test]
    fn equals_scikit_learn() {
        let oracle = include_str!("../../tests/data/blobs_101_c4_s1.5_rs2.csv");
        assert_equals_oracle(&make_blobs(101, 4, 1.5, 2), oracle);
    }

    #[test]
    fn without_spread_points_are_the_centres() {
        let (points, labels) = make_blobs(10, 3, 0.0, 7);
        assert_eq!([0, 1, 2].map(|class| labels.iter().filter(|label| **label == class).count()), [4, 3, 3]);
        for (a, first) in labels.iter().enumerate() {
            for (b, second) in labels.iter().enumerate() {
                assert_eq!(points.row(a) == points.row(b), first == second, "rows {a} and {b}");
            }
        }
        assert!(points.iter().all(|value| value.abs() <= BOX));
    }
}
