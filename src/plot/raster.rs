//! Bringing a picture to a number of pixels without inventing values between them.
use std::ops::Range;

use ndarray::{Array2, ArrayView2};

/// The source pixels behind one pixel, and how much of the first and the last of them.
#[derive(Clone, Debug)]
struct Span {
    places: Range<usize>,
    first: f32,
    last: f32,
}

impl Span {
    /// One for each of `pixels` pixels over `len` > 0 source pixels: the nearest one when it is enlarged, all that lie
    /// below when it is shrunk.
    fn all(pixels: usize, len: usize) -> Vec<Self> {
        let of = |index: usize| {
            if pixels >= len {
                let place = index * len / pixels;
                return Self { places: place..place + 1, first: 1.0, last: 1.0 };
            }
            let (start, end) = (index * len, (index + 1) * len);
            let (whole, after) = (start / pixels, end.div_ceil(pixels));
            let cut = |parts: usize| parts as f32 / pixels as f32;
            Self { places: whole..after, first: 1.0 - cut(start % pixels), last: 1.0 - cut(after * pixels - end) }
        };
        (0..pixels).map(of).collect()
    }

    fn weight(&self, place: usize) -> f32 {
        // Shrinking only: a span is at least as wide as one source pixel, so that no end is both.
        if place == self.places.start {
            self.first
        } else if place + 1 == self.places.end {
            self.last
        } else {
            1.0
        }
    }
}

/// `picture`, shape (rows, columns), at `width` x `height` pixels, shape (height, width). Along an axis with at least as
/// many pixels as before the nearest value is taken, along a shorter one the mean of all that fall into a pixel, so that
/// nothing comes and goes between pixels. A pixel over a value that is not finite is not finite; all are NaN without
/// values.
pub fn raster(picture: ArrayView2<'_, f32>, width: usize, height: usize) -> Array2<f32> {
    let (rows, columns) = picture.dim();
    if rows == 0 || columns == 0 {
        return Array2::from_elem((height, width), f32::NAN);
    }
    let (down, across) = (Span::all(height, rows), Span::all(width, columns));
    let mut out = Array2::zeros((height, width));
    let mut line = vec![0.0; columns];
    for (span, mut out) in down.iter().zip(out.rows_mut()) {
        mean_of_rows(&picture, span, &mut line);
        for (pixel, span) in out.iter_mut().zip(&across) {
            *pixel = mean(&line, span);
        }
    }
    out
}

/// Columns and rows of cells, two pixels high each, that a picture of so many rows and columns takes in a room of
/// `(columns, rows)` cells: enlarged by a whole number, or shrunk to fit. At least one cell, unless there is no room.
pub fn fit([height, width]: [usize; 2], room: (u16, u16)) -> (u16, u16) {
    let (columns, rows) = (usize::from(room.0), usize::from(room.1));
    let (height, width) = (height.max(1), width.max(1));
    let times = (columns / width).min(2 * rows / height);
    let (wide, high) = if times > 0 {
        (width * times, (height * times).div_ceil(2))
    } else if columns * height < 2 * rows * width {
        (columns, (columns * height).div_ceil(2 * width))
    } else {
        ((2 * rows * width / height).max(1), rows)
    };
    (wide.min(columns) as u16, high.min(rows) as u16)
}

fn mean_of_rows(picture: &ArrayView2<'_, f32>, span: &Span, line: &mut [f32]) {
    line.fill(0.0);
    let mut total = 0.0;
    for place in span.places.clone() {
        let weight = span.weight(place);
        total += weight;
        for (sum, value) in line.iter_mut().zip(picture.row(place)) {
            *sum += weight * value;
        }
    }
    for sum in line {
        *sum /= total;
    }
}

fn mean(line: &[f32], span: &Span) -> f32 {
    if span.places.len() == 1 {
        return line[span.places.start];
    }
    let weighed = span.places.clone().map(|place| (span.weight(place), line[place]));
    let (total, sum) = weighed.fold((0.0, 0.0), |(total, sum), (weight, value)| (total + weight, sum + weight * value));
    sum / total
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = Array2::from_shape_fn((5, 7), |(y, x)| (y * 7 + x) as f32);
        assert_eq!(raster(picture.view(), 7, 5), picture);
    }

    #[test]
    fn enlarging_repeats_values() {
        let picture = array![[1.0, 2.0], [3.0, 4.0]];
        let twice = array![[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0], [3.0, 3.0, 4.0, 4.0]];
        assert_eq!(raster(picture.view(), 4, 4), twice);
    }

    #[test]
    fn shrinking_takes_means() {
        assert_eq!(raster(array![[0.0, 1.0, 2.0, 3.0]].view(), 2, 1), array![[0.5, 2.5]]);
        // A third of the second pixel's share lies in each half: (0 + .5 · 3) / 1.5 and (.5 · 3 + 6) / 1.5.
        assert_eq!(raster(array![[0.0, 3.0, 6.0]].view(), 2, 1), array![[1.0, 5.0]]);
        assert_eq!(raster(array![[0.0], [3.0], [6.0]].view(), 1, 2), array![[1.0], [5.0]]);
    }

    #[test]
    fn what_is_not_finite_stays_where_it_is() {
        let small = raster(array![[1.0, f32::NAN, 2.0, 3.0], [1.0, 1.0, 2.0, f32::INFINITY]].view(), 2, 2);
        assert!(small[(0, 0)].is_nan() && small[(1, 1)].is_infinite());
        assert_eq!((small[(1, 0)], small[(0, 1)]), (1.0, 2.5));
    }

    #[test]
    fn no_values_and_no_pixels() {
        assert!(raster(Array2::zeros((0, 3)).view(), 2, 2).iter().all(|value| value.is_nan()));
        assert!(raster(Array2::zeros((3, 3)).view(), 0, 4).is_empty());
    }

    #[test]
    fn pictures_keep_their_shape_in_the_room_there_is() {
        // Size in values, room in cells, cells taken.
        for (size, room, expected) in [
            ([26, 26], (26, 13), (26, 13)),
            ([26, 26], (60, 30), (52, 26)),
            ([13, 13], (13, 9), (13, 7)),
            ([26, 26], (10, 30), (10, 5)),
            ([26, 26], (40, 6), (12, 6)),
            ([1, 1], (6, 2), (4, 2)),
            ([28, 28], (1, 1), (1, 1)),
            ([28, 28], (0, 4), (0, 0)),
            ([2, 90], (45, 20), (45, 1)),
            ([90, 2], (45, 10), (1, 10)),
            ([0, 0], (4, 4), (4, 2)),
        ] {
            assert_eq!(fit(size, room), expected, "{size:?} in {room:?}");
        }
    }

    proptest! {
        #[test]
        fn the_mean_survives_and_nothing_leaves_the_range(
            rows in 1_usize..40, columns in 1_usize..40, width in 1_usize..40, height in 1_usize..40, seed in 0_u32..1000
        ) {
            let at = |(y, x): (usize, usize)| ((y as u32 * 37 + x as u32 * 91 + seed) % 101) as f32;
            let picture = Array2::from_shape_fn((rows, columns), at);
            let (width, height) = (width.min(columns), height.min(rows));
            let small = raster(picture.view(), width, height);
            prop_assert!((small.mean().unwrap() - picture.mean().unwrap()).abs() < 1e-3);
            prop_assert!(small.iter().all(|value| (-1e-3..100.001).contains(value)));
        }
    }
}
