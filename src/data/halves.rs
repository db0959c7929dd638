//! Two classes of points in the plane, each along a curve of its own.

use ndarray::{Array1, Array2};

use super::numpy_random::RandomState;

/// Points (samples, 2), and the curve of each, 0 or 1. An odd sample goes to the second curve. `place` says where on a
/// curve (0 or 1) the point of a number lies, of so many on it.
///
/// As in scikit-learn the order is drawn first, then the noise, row by row.
pub(super) fn two_curves(
    samples: usize,
    noise: f64,
    seed: u32,
    place: impl Fn(u32, usize, usize) -> [f64; 2],
) -> (Array2<f64>, Array1<u32>) {
    let first = samples / 2;
    let second = samples - first;
    let mut random = RandomState::new(seed);
    let mut order: Vec<usize> = (0..samples).collect();
    random.shuffle(&mut order);

    let mut points = Array2::zeros((samples, 2));
    let mut labels = Array1::zeros(samples);
    for (row, &index) in order.iter().enumerate() {
        let [x, y] = if index < first {
            place(0, index, first)
        } else {
            labels[row] = 1;
            place(1, index - first, second)
        };
        points[[row, 0]] = x + random.normal(0.0, noise);
        points[[row, 1]] = y + random.normal(0.0, noise);
    }
    (points, labels)
}
