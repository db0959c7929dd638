//! Two interleaved half circles: not separable by a line, and seen through at a glance.

use std::f64::consts::PI;

use ndarray::{Array1, Array2};

use super::halves::two_curves;

/// scikit-learn's `make_moons(samples, shuffle=True, noise=noise, random_state=seed)`, to the last digit that
/// sine and cosine allow: points (samples, 2), and the moon of each, 0 the upper and 1 the lower.
///
/// An odd sample goes to the lower moon. As in scikit-learn the order is drawn first, then the noise, row by row.
pub fn make_moons(samples: usize, noise: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    two_curves(samples, noise, seed, |moon, index, count| {
        let angle = angle(index, count);
        if moon == 0 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 1.0 - angle.sin() - 0.5] }
    })
}

/// `np.linspace(0, pi, count)[index]`
fn angle(index: usize, count: usize) -> f64 {
    if count < 2 {
        return 0.0;
    }
    if index == count - 1 {
        return PI;
    }
    index as f64 * (PI / (count - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::points::assert_equals_oracle;

    #[test]
    fn equals_scikit_learn() {
        let oracle = include_str!("../../tests/data/moons_500_n0.1_rs0.csv");
        assert_equals_oracle(&make_moons(500, 0.1, 0), oracle);
    }

    #[test]
    fn without_noise_points_lie_on_the_circles() {
        let (points, labels) = make_moons(101, 0.0, 3);
        for (point, label) in points.rows().into_iter().zip(&labels) {
            let (x, y) = if *label == 0 { (point[0], point[1]) } else { (point[0] - 1.0, point[1] - 0.5) };
            assert!((x.hypot(y) - 1.0).abs() < 1e-12);
        }
        assert_eq!(labels.iter().filter(|label| **label == 0).count(), 50);
    }

    #[test]
    fn few_samples_are_no_special_case() {
        for samples in 0..5 {
            let (points, labels) = make_moons(samples, 0.1, 1);
            assert_eq!(points.nrows(), samples);
            assert_eq!(labels.iter().filter(|label| **label == 1).count(), samples - samples / 2);
            assert!(points.iter().all(|value| value.is_finite()));
        }
    }
}
