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
    fn at(t: f32, len: usize) -> Self {
        let last = len - 1;
        let place = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) } * last as f32;
        let low = (place as usize).min(last);
        Self { low, high: (low + 1).min(last), share: place - low as f32 }
    }

    /// Place of each of `points` points spread along `len > 0` points, ends on ends; a single one is in the middle.
    /// In integers, so that a point that falls on another has no share in its neighbour.
    fn spread(points: usize, len: usize) -> impl Iterator<Item = Self> {
        let last = len - 1;
        let (intervals, offset) = if points > 1 { (2 * (points - 1), 0) } else { (2, last) };
        (0..points).map(move |index| {
            let place = 2 * index * last + offset;
            let low = place / intervals;
            Self { low, high: (low + 1).min(last), share: (place % intervals) as f32 / intervals as f32 }
        })
    }

    /// Weighs `low` and `high`, without touching one of weight zero: a NaN spoils only what lies next to it.
    fn mix(self, low: f32, high: f32) -> f32 {
        if self.share > 0.0 { low + (high - low) * self.share } else { low }
    }
}

/// Value of `field`, shape (rows, cols), at `u` of its width and `v` of its height, in 0..=1 from the centre of the first
/// column or row to that of the last; clamped. Next to a NaN the result is NaN, and so it is without values.
pub fn bilinear<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, u: f32, v: f32) -> f32 {
    let (rows, cols) = field.dim();
    if rows == 0 || cols == 0 {
        return f32::NAN;
    }
    let (x, y) = (Between::at(u, cols), Between::at(v, rows));
    let across = |x: usize| y.mix(field[[y.low, x]], field[[y.high, x]]);
    x.mix(across(x.low), across(x.high))
}

/// `field` brought to `width` x `height` points bilinearly, shape (height, width), corners on corners: for braille pass
/// twice the columns and four times the rows of the cells. A single point takes the middle of the field. NaN where the
/// field is NaN or empty.
pub fn resample<S: Data<Elem = f32>>(field: &ArrayBase<S, Ix2>, width: usize, height: usize) -> Array2<f32> {
    let (rows, cols) = field.dim();
    let mut fine = Array2::from_elem((height, width), f32::NAN);
    if rows == 0 || cols == 0 {
        return fine;
    }
    let across: Vec<Between> = Between::spread(width, cols).collect();
    // Down first, once for each column of the field: what is left for a point is one blend of two neighbours.
    let mut blended = vec![0.0; cols];
    for (y, mut row) in Between::spread(height, rows).zip(fine.rows_mut()) {
        for (value, (&low, &high)) in blended.iter_mut().zip(field.row(y.low).iter().zip(field.row(y.high))) {
            *value = y.mix(low, high);
        }
        for (value, x) in row.iter_mut().zip(&across) {
            *value = x.mix(blended[x.low], blended[x.high]);
        }
    }
    fine
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
    fn a_point_on_a_point_takes_nothing_from_its_neighbours() {
        let field = Array2::from_shape_fn((1, 50), |(_, x)| if x % 2 == 0 { x as f32 } else { f32::NAN });
        let fine = resample(&field, 49 * 7 + 1, 1);
        assert!((0..50).step_by(2).all(|x| fine[[0, x * 7]] == x as f32));
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
