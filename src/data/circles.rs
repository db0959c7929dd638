//! A circle within a circle: no line tells them apart, but a third dimension would.

use std::f64::consts::TAU;

use ndarray::{Array1, Array2};

use super::halves::two_curves;

/// scikit-learn's `make_circles(samples, shuffle=True, noise=noise, random_state=seed, factor=factor)`, to the last digit
/// that sine and cosine allow: points (samples, 2), and the circle of each, 0 the outer and 1 the inner, whose radius is
/// `factor`.
///
/// An odd sample goes to the inner circle. As in scikit-learn the order is drawn first, then the noise, row by row.
pub fn make_circles(samples: usize, noise: f64, factor: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    two_curves(samples, noise, seed, |circle, index, count| {
        let angle = index as f64 * (TAU / count as f64);
        let radius = if circle == 0 { 1.0 } else { factor };
        [angle.cos() * radius, angle.sin() * radius]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::points::assert_equals_oracle;

    #[test]
    fn equals_scikit_learn() {
        let oracle = include_str!("../../tests/data/circles_101_n0.05_f0.6_rs1.csv");
        assert_equals_oracle(&make_circles(101, 0.05, 0.6, 1), oracle);
    }

    #[test]
    fn without_noise_points_lie_on_the_circles() {
        let (points, labels) = make_circles(101, 0.0, 0.3, 5);
        for (point, label) in points.rows().into_iter().zip(&labels) {
            let radius = if *label == 0 { 1.0 } else { 0.3 };
            assert!((point[0].hypot(point[1]) - radius).abs() < 1e-12);
        }
        assert_eq!(labels.sum(), 51);
    }
}
