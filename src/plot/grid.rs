//! Reading a grid of values between its points.
use ndarray::{Array2, ArrayBase, Data, Ix2};

/// Two neighbours along one axis and how far the place is from the first to the second.
#[derive(Clone, Copy)]
struct Between {
    low: usize,
    high: usize,
    share: f32,
}

impl Between {
    /// Place `t` in 0..=1 along `len > 0` points, the first at 0 and the last at 1.
    fn new(t: f32, len: usize) -> Self {
        let last = len - 1;
        let at = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) } * last as f32;
        let low = (at as usize).min(last);
        Self { low, high: (low + 1).min(last), share: at - low as f32 }
    }
}

/// Weighs without touching a neighbour of weight zero, so that one NaN spoils only what lies next to it.
fn mix(a: f32, b: f32, share: f32) -> f32 {
    if share <= 0.0 {
        a
    } else if share >= 1.0 {
        b
    } else {
        a + (b - a) * share
    }
}

fn at<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, x: Between, y: Between) -> f32 {
    let row = |y: usize| mix(field[[y, x.low]], field[[y, x.high]], x.share);
    if y.share > 0.0 { mix(row(y.low), row(y.high), y.share) } else { row(y.low) }
}

/// Value of `field`, shape (rows, cols), at `u` of its width and `v` of its height, in 0..=1 from the centre of the first
/// column or row to that of the last; clamped. Next to a NaN the result is NaN, and so it is without values.
pub fn bilinear<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, u: f32, v: f32) -> f32 {
    let (rows, cols) = field.dim();
    if rows == 0 || cols == 0 {
        return f32::NAN;
    }
    at(field, Between::new(u, cols), Between::new(v, rows))
}

/// `field` brought to `width` x `height` points bilinearly, shape (height, width), corners on corners: for braille pass
/// twice the columns and four times the rows of the cells. A single point takes the middle of the field. NaN where the
/// field is NaN or empty.
pub fn resample<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, width: usize, height: usize) -> Array2<f32> {
    let (rows, cols) = field.dim();
    if rows == 0 || cols == 0 {
        return Array2::from_elem((height, width), f32::NAN);
    }
    let place = |index: usize, points: usize| if points > 1 { index as f32 / (points - 1) as f32 } else { 0.5 };
    let across: Vec<Between> = (0..width).map(|x| Between::new(place(x, width), cols)).collect();
    let down: Vec<Between> = (0..height).map(|y| Between::new(place(y, height), rows)).collect();
    Array2::from_shape_fn((height, width), |(y, x)| at(field, across[x], down[y]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};
    use proptest::prelude::*;

    #[test]
    fn corners_and_middle() {
        let field = array![[0.0, 1.0], [2.0, 5.0]];
        assert_eq!(
            [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(u, v)| bilinear(&field, u, v)),
            [0.0, 1.0, 2.0, 5.0]
        );
        assert_eq!(bilinear(&field, 0.5, 0.5), 2.0);
        assert_eq!((bilinear(&field, -1.0, 9.0), bilinear(&field, f32::NAN, 0.0)), (2.0, 0.0));
    }

    #[test]
    fn the_same_size_is_the_same_field() {
        let field = Array2::from_shape_fn((5, 7), |(y, x)| (y * 7 + x) as f32);
        assert_eq!(resample(&field, 7, 5), field);
        assert_eq!(resample(&field.slice(s![1..3, 2..6]), 4, 2), field.slice(s![1..3, 2..6]));
    }

    #[test]
    fn sizes_of_none_and_one() {
        let one = array![[3.0_f32]];
        assert_eq!(resample(&one, 3, 2), Array2::from_elem((2, 3), 3.0));
        let two = array![[1.0_f32, 3.0]];
        assert_eq!(resample(&two, 1, 1), array![[2.0]]);
        assert_eq!(resample(&two, 0, 4).dim(), (4, 0));
        assert_eq!(resample(&two, 4, 0).dim(), (0, 4));
        for empty in [Array2::<f32>::zeros((0, 0)), Array2::zeros((0, 3)), Array2::zeros((3, 0))] {
            assert!(bilinear(&empty, 0.5, 0.5).is_nan());
            assert!(resample(&empty, 2, 2).iter().all(|value| value.is_nan()));
        }
    }

    #[test]
    fn nan_stays_among_its_neighbours() {
        let mut field = Array2::<f32>::zeros((5, 5));
        field[[2, 2]] = f32::NAN;
        let fine = resample(&field, 17, 17);
        for ((y, x), value) in fine.indexed_iter() {
            assert_eq!(value.is_nan(), (5..12).contains(&x) && (5..12).contains(&y), "at {x}, {y}");
        }
    }

    proptest! {
        #[test]
        fn a_plane_is_reproduced(a in -3.0..3.0_f32, b in -3.0..3.0_f32, cols in 2..9_usize, rows in 2..9_usize, width in 2..40_usize, height in 2..40_usize) {
            let plane = |u: f32, v: f32| a * u + b * v;
            let field = Array2::from_shape_fn((rows, cols), |(y, x)| plane(x as f32 / (cols - 1) as f32, y as f32 / (rows - 1) as f32));
            for ((y, x), value) in resample(&field, width, height).indexed_iter() {
                let want = plane(x as f32 / (width - 1) as f32, y as f32 / (height - 1) as f32);
                prop_assert!((value - want).abs() < 1e-4);
            }
        }
    }
}
