//! A circle within a circle: no line tells them apart, but a third dimension would.

use std::f64::consts::TAU;

use ndarray::{Array1, Array2};

use super::numpy_random::RandomState;

/// scikit-learn's `make_circles(samples, shuffle=True, noise=noise, random_state=seed, factor=factor)`, to the last digit
/// that sine and cosine allow: points (samples, 2), and the circle of each, 0 the outer and 1 the inner, whose radius is
/// `factor`.
///
/// An odd sample goes to the inner circle. As in scikit-learn the order is drawn first, then the noise, row by row.
pub fn make_circles(samples: usize, noise: f64, factor: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    let outer = samples / 2;
    let inner = samples - outer;
    let mut random = RandomState::new(seed);
    let mut order: Vec<usize> = (0..samples).collect();
    random.shuffle(&mut order);

    let mut points = Array2::zeros((samples, 2));
    let mut labels = Array1::zeros(samples);
    for (row, &index) in order.iter().enumerate() {
        let (angle, radius) = if index < outer {
            (index as f64 * (TAU / outer as f64), 1.0)
        } else {
            labels[row] = 1;
            ((index - outer) as f64 * (TAU / inner as f64), factor)
        };
        points[[row, 0]] = angle.cos() * radius + random.normal(0.0, noise);
        points[[row, 1]] = angle.sin() * radius + random.normal(0.0, noise);
    }
    (points, labels)
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
