//! Two arms that wind around each other: hard for a small network, which has to bend its boundary all the way round.

use std::f64::consts::{PI, TAU};

use ndarray::{Array1, Array2};

use super::halves::two_curves;

/// Points (samples, 2) along two arms from the middle to radius 1, `turns` times round, and the arm of each, 0 or 1. An
/// odd sample goes to arm 1.
///
/// They lie equally close together all along an arm, shuffled; then comes the noise, row by row.
pub fn make_spiral(samples: usize, noise: f64, turns: f64, seed: u32) -> (Array2<f64>, Array1<u32>) {
    two_curves(samples, noise, seed, |arm, index, count| {
        let start = if arm == 0 { 0.0 } else { PI };
        // The length of an arm grows with the square of its radius.
        let radius = ((index + 1) as f64 / count as f64).sqrt();
        let angle = start + radius * turns * TAU;
        [radius * angle.cos(), radius * angle.sin()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_one_another_turned_by_half() {
        let (points, labels) = make_spiral(40, 0.0, 1.5, 3);
        assert_eq!(labels.sum(), 20);
        let of = |arm: u32| {
            let rows = points.rows().into_iter().zip(&labels).filter(move |(_, label)| **label == arm);
            rows.map(|(point, _)| [point[0], point[1]]).collect::<Vec<_>>()
        };
        let (first, second) = (of(0), of(1));
        for [x, y] in &first {
            let opposite = second.iter().filter(|[u, v]| (x + u).abs() < 1e-12 && (y + v).abs() < 1e-12);
            assert_eq!(opposite.count(), 1, "{x} {y}");
            assert!(x.hypot(*y) <= 1.0 + 1e-12);
        }
        // The outermost point of arm 0 has gone round one and a half times.
        let outermost = first.iter().max_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1]))).unwrap();
        assert!((outermost[0] + 1.0).abs() < 1e-12 && outermost[1].abs() < 1e-12, "{outermost:?}");
    }

    #[test]
    fn the_seed_decides_order_and_noise() {
        assert_eq!(make_spiral(11, 0.1, 2.0, 1), make_spiral(11, 0.1, 2.0, 1));
        assert_ne!(make_spiral(11, 0.1, 2.0, 1), make_spiral(11, 0.1, 2.0, 2));
        let (still, _) = make_spiral(1_000, 0.0, 2.0, 1);
        let (moved, _) = make_spiral(1_000, 0.1, 2.0, 1);
        let variance = (&moved - &still).mapv(|step| step * step).mean().unwrap();
        // Of 2,000 squares of normal numbers; five standard errors.
        assert!((variance / 0.01 - 1.0).abs() < 5.0 * (2.0_f64 / 2_000.0).sqrt(), "{variance}");
    }
}
