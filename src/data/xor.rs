//! The square of which opposite quarters belong together: what no single neuron can learn.

use ndarray::{Array1, Array2};

use super::numpy_random::RandomState;

/// Points (samples, 2) uniform in the square from -1 to 1, and the class of each: 1 where its coordinates have different
/// signs, else 0.
///
/// All points are drawn first, row by row, then the noise, which leaves the classes as they are.
pub fn make_xor(samples: usize, noise: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    let mut random = RandomState::new(seed);
    let mut points = Array2::from_shape_simple_fn((samples, 2), || random.uniform(-1.0, 1.0));
    let labels = points.rows().into_iter().map(|point| u32::from((point[0] < 0.0) != (point[1] < 0.0))).collect();
    points.mapv_inplace(|value| value + random.normal(0.0, noise));
    (points, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_quarters_belong_together() {
        let (points, labels) = make_xor(400, 0.0, 0);
        for (point, label) in points.rows().into_iter().zip(&labels) {
            assert_eq!(*label == 1, point[0] * point[1] < 0.0);
            assert!(point.iter().all(|value| value.abs() <= 1.0));
        }
        // Half of them, within five standard errors.
        assert!((f64::from(labels.sum()) - 200.0).abs() < 50.0, "{}", labels.sum());
    }

    #[test]
    fn noise_moves_points_and_not_classes() {
        let (still, classes) = make_xor(200, 0.0, 4);
        let (moved, same) = make_xor(200, 0.2, 4);
        assert_eq!(classes, same);
        assert!(still.iter().zip(&moved).all(|(a, b)| a != b));
        assert_ne!(still, make_xor(200, 0.0, 5).0);
    }
}
