//! How inputs relate to the numbers that were read.

use crate::recipe::Normalise;

/// How the inputs of a data set relate to the numbers that were read, and those to pixels from black to white.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// For each column of a table or channel of a picture: what was read is `offset + factor * input`. Empty where inputs are
    /// what was read.
    columns: Vec<Affine>,
    /// Values that were read for black and for white.
    pixels: Affine,
}

/// `offset + factor * x`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Affine {
    offset: f64,
    factor: f64,
}

const SAME: Affine = Affine { offset: 0.0, factor: 1.0 };

impl Default for Scaling {
    /// Of inputs that are what was read, pixels from 0 to 1.
    fn default() -> Self {
        Self { columns: Vec::new(), pixels: SAME }
    }
}

impl Scaling {
    /// What was read for `input` in a column or channel.
    pub fn read(&self, column: usize, input: f64) -> f64 {
        let Affine { offset, factor } = self.columns.get(column).copied().unwrap_or(SAME);
        offset + factor * input
    }

    /// The input for what was `read` in a column or channel.
    pub fn input(&self, column: usize, read: f64) -> f64 {
        let Affine { offset, factor } = self.columns.get(column).copied().unwrap_or(SAME);
        (read - offset) / factor
    }

    /// The input that a pixel from 0, black, to 1, white, becomes.
    pub fn of_pixel(&self, channel: usize, pixel: f32) -> f32 {
        self.input(channel, self.pixels.offset + self.pixels.factor * f64::from(pixel)) as f32
    }

    /// The pixel, 0 for black to 1 for white, that an input was.
    pub fn to_pixel(&self, channel: usize, input: f32) -> f32 {
        ((self.read(channel, f64::from(input)) - self.pixels.offset) / self.pixels.factor) as f32
    }

    /// Brings numbers to a range, in place, as the training half, the first, asks for. `columns` is how many columns or
    /// channels a sample has, each of so many numbers in a row; `bytes` whether they were read as bytes.
    pub(super) fn normalise(
        halves: &mut [Vec<f32>; 2],
        [columns, each]: [usize; 2],
        normalise: Normalise,
        bytes: bool,
    ) -> Self {
        let training = &halves[0];
        let pictured = each > 1;
        let ranges = ranges(training, [columns, each]);
        let whole = ranges
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), range| (lo.min(range.0), hi.max(range.1)));
        let pixels = match whole {
            _ if bytes => Affine { offset: 0.0, factor: 255.0 },
            (low, high) if low >= 0.0 && high <= 1.0 => SAME,
            (low, high) if low >= 0.0 && high <= 255.0 => Affine { offset: 0.0, factor: 255.0 },
            (low, high) => between(low, high),
        };
        let columns_of: Vec<Affine> = match normalise {
            Normalise::None => Vec::new(),
            Normalise::Unit if bytes => vec![Affine { offset: 0.0, factor: 255.0 }; columns],
            Normalise::Unit if pictured => vec![between(whole.0, whole.1); columns],
            Normalise::Unit => ranges.into_iter().map(|(low, high)| between(low, high)).collect(),
            Normalise::Standard => moments(training, [columns, each]),
        };
        let scaling = Self { columns: columns_of, pixels };
        if scaling.columns.iter().any(|column| *column != SAME) {
            for half in halves {
                for (place, numbers) in half.chunks_mut(each.max(1)).enumerate() {
                    let Affine { offset, factor } = scaling.columns[place % columns.max(1)];
                    for number in numbers {
                        *number = ((f64::from(*number) - offset) / factor) as f32;
                    }
                }
            }
        }
        scaling
    }
}

/// What brings `low` to 0 and `high` to 1; a range without width is left as wide as it is.
fn between(low: f64, high: f64) -> Affine {
    let factor = high - low;
    let offset = if low.is_finite() { low } else { 0.0 };
    Affine { offset, factor: if factor > 0.0 && factor.is_finite() { factor } else { 1.0 } }
}

/// Smallest and largest number of each column.
fn ranges(numbers: &[f32], [columns, each]: [usize; 2]) -> Vec<(f64, f64)> {
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
    for (place, numbers) in numbers.chunks(each.max(1)).enumerate() {
        let (low, high) = &mut ranges[place % columns.max(1)];
        for number in numbers {
            (*low, *high) = (low.min(f64::from(*number)), high.max(f64::from(*number)));
        }
    }
    ranges
}

/// What brings each column to mean 0 and standard deviation 1; one that is the same everywhere becomes 0.
fn moments(numbers: &[f32], [columns, each]: [usize; 2]) -> Vec<Affine> {
    let count = (numbers.len() / columns.max(1)).max(1) as f64;
    let mut sums = vec![0.0; columns];
    for (place, numbers) in numbers.chunks(each.max(1)).enumerate() {
        sums[place % columns.max(1)] += numbers.iter().map(|number| f64::from(*number)).sum::<f64>();
    }
    let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
    let mut squares = vec![0.0; columns];
    for (place, numbers) in numbers.chunks(each.max(1)).enumerate() {
        let mean = means[place % columns.max(1)];
        squares[place % columns.max(1)] +=
            numbers.iter().map(|number| (f64::from(*number) - mean).powi(2)).sum::<f64>();
    }
    let deviation = |square: f64, mean: f64| match (square / count).sqrt() {
        // What single precision leaves of a constant.
        deviation if deviation > 1e-7 * f64::abs(mean) => deviation,
        _ => 1.0,
    };
    means.iter().zip(squares).map(|(mean, square)| Affine { offset: *mean, factor: deviation(square, *mean) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(
        training: &[f32],
        test: &[f32],
        columns: [usize; 2],
        by: Normalise,
        bytes: bool,
    ) -> ([Vec<f32>; 2], Scaling) {
        let mut halves = [training.to_vec(), test.to_vec()];
        let scaling = Scaling::normalise(&mut halves, columns, by, bytes);
        (halves, scaling)
    }

    #[test]
    fn columns_of_a_table_are_brought_to_a_range_each_by_the_training_half() {
        // Two columns.
        let ([training, test], scaling) =
            normalised(&[0.0, 7.0, 4.0, 7.0], &[8.0, 9.0], [2, 1], Normalise::Standard, false);
        assert_eq!(
            (training, test),
            (vec![-1.0, 0.0, 1.0, 0.0], vec![3.0, 2.0]),
            "a constant becomes 0, and is not divided by 0"
        );
        assert_eq!((scaling.read(0, 3.0), scaling.input(0, 8.0), scaling.read(1, 2.0)), (8.0, 3.0, 9.0));
        let ([training, test], _) = normalised(&[0.0, 7.0, 4.0, 7.0], &[8.0, 9.0], [2, 1], Normalise::Unit, false);
        assert_eq!((training, test), (vec![0.0, 0.0, 1.0, 0.0], vec![2.0, 2.0]));
        let ([training, _], scaling) = normalised(&[0.0, 7.0], &[], [2, 1], Normalise::None, false);
        assert_eq!((training, scaling.read(1, 5.0), scaling.input(9, 5.0)), (vec![0.0, 7.0], 5.0, 5.0));
    }

    #[test]
    fn pictures_and_single_pixels_agree() {
        // Two channels of two pixels.
        let bytes = [0.0, 255.0, 0.0, 51.0];
        let ([training, _], scaling) = normalised(&bytes, &[], [2, 2], Normalise::Unit, true);
        assert_eq!(training, [0.0, 1.0, 0.0, 0.2]);
        assert_eq!((scaling.of_pixel(1, 0.2), scaling.to_pixel(1, 0.2)), (0.2, 0.2));
        let (_, raw) = normalised(&bytes, &[], [2, 2], Normalise::None, true);
        assert_eq!((raw.of_pixel(0, 0.2), raw.to_pixel(0, 51.0)), (51.0, 0.2));
        let ([training, _], standard) = normalised(&bytes, &[], [2, 2], Normalise::Standard, true);
        assert_eq!(training, [-1.0, 1.0, -1.0, 1.0], "each channel by its own");
        assert_eq!([0.0, 0.2].map(|pixel| standard.of_pixel(1, pixel)), [-1.0, 1.0]);
        assert!((standard.to_pixel(0, 1.0) - 1.0).abs() < 1e-6);
        // Numbers beyond 255 are of no known range: theirs is taken.
        let (halves, wide) = normalised(&[-1000.0, 0.0, 500.0, 1000.0], &[], [1, 4], Normalise::Unit, false);
        assert_eq!((halves[0].as_slice(), wide.to_pixel(0, 0.5)), ([0.0, 0.5, 0.75, 1.0].as_slice(), 0.5));
    }

    #[test]
    fn nothing_is_no_special_case() {
        for by in [Normalise::None, Normalise::Unit, Normalise::Standard] {
            let (halves, scaling) = normalised(&[], &[], [3, 4], by, false);
            assert!(halves.iter().all(Vec::is_empty) && scaling.of_pixel(0, 0.5).is_finite(), "{by}");
        }
    }
}
