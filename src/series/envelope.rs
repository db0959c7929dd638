//! Columns of a series whose samples stand for windows of steps.
use std::ops::RangeInclusive;

use super::{Column, Series};

/// Columns of `mean`, with the extremes of the windows behind its samples folded in: a spike inside a window shows.
///
/// `min` and `max` hold the extremes that a thinned log writes beside the mean, at the same steps; a log that is not
/// (yet) thinned has none. Where every mean of a column is non-finite though the windows held finite values, the column
/// spans those, from `first = min` to `last = max`, and counts the windows. Counts are of samples of `mean` otherwise.
pub fn envelope(
    mean: &Series,
    min: Option<&Series>,
    max: Option<&Series>,
    range: RangeInclusive<i64>,
    columns: usize,
) -> Vec<Column> {
    let mut reduced = mean.columns(range.clone(), columns);
    let sides: Vec<Vec<Column>> =
        [min, max].into_iter().flatten().map(|side| side.columns(range.clone(), columns)).collect();
    for (index, column) in reduced.iter_mut().enumerate() {
        let without_mean = column.is_gap();
        for extreme in sides.iter().filter_map(|side| side.get(index)) {
            // `f32::min` and `f32::max` pass over the NaN of a gap.
            column.min = column.min.min(extreme.min);
            column.max = column.max.max(extreme.max);
            if without_mean {
                column.count = column.count.max(extreme.count);
            }
        }
        if without_mean {
            (column.first, column.last) = (column.min, column.max);
        }
    }
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(samples: impl IntoIterator<Item = (i64, f64)>) -> Series {
        let mut series = Series::new();
        samples.into_iter().for_each(|(step, value)| series.push(step, value));
        series
    }

    #[test]
    fn a_spike_inside_a_window_shows() {
        let mean = series([(1, 1.0), (2, 1.0), (6, 1.5)]);
        let (min, max) = (series([(6, 0.5)]), series([(6, 9.0)]));
        let columns = envelope(&mean, Some(&min), Some(&max), 1..=6, 2);
        assert_eq!((columns[0].min, columns[0].max), (1.0, 1.0));
        assert_eq!((columns[1].min, columns[1].max, columns[1].first, columns[1].last), (0.5, 9.0, 1.5, 1.5));
        assert_eq!(columns[1].count, 1);
    }

    #[test]
    fn a_window_whose_mean_is_not_finite_keeps_its_extremes() {
        let mean = series([(4, f64::NAN), (8, 1.0)]);
        let (min, max) = (series([(4, 0.25), (8, 1.0)]), series([(4, 2.0), (8, 1.0)]));
        let columns = envelope(&mean, Some(&min), Some(&max), 4..=8, 2);
        let want = Column { min: 0.25, max: 2.0, first: 0.25, last: 2.0, count: 1, non_finite: 1 };
        assert_eq!(columns[0], want);
    }

    #[test]
    fn without_extremes_it_is_the_mean() {
        let mean = series([(0, 3.0), (5, 1.0)]);
        let empty = Series::new();
        assert_eq!(envelope(&mean, None, Some(&empty), 0..=5, 2), mean.columns(0..=5, 2));
        assert_eq!(envelope(&mean, None, None, 0..=5, 0), []);
        assert!(envelope(&empty, None, None, 0..=5, 1)[0].is_gap());
    }

    proptest! {
        /// Windows of growing width over raw samples: every column holds the extremes of the raw samples of its windows.
        #[test]
        fn extremes_of_the_raw_samples_survive_thinning(
            raw in prop::collection::vec(prop_oneof![9 => -1e3..1e3_f32, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)], 1..400),
            columns in 1..50_usize,
        ) {
            let (mut mean, mut min, mut max) = (Series::new(), Series::new(), Series::new());
            let mut windows = Vec::new();
            let (mut at, mut width) = (0, 1);
            while at < raw.len() {
                let samples = &raw[at..(at + width).min(raw.len())];
                at += samples.len();
                let step = at as i64;
                let finite = || samples.iter().copied().filter(|value| value.is_finite());
                let bad = samples.iter().copied().find(|value| !value.is_finite());
                let sum: f64 = samples.iter().map(|&value| f64::from(value)).sum();
                mean.push(step, bad.map_or(sum / samples.len() as f64, f64::from));
                if width > 1 {
                    let lo = finite().reduce(f32::min);
                    let hi = finite().reduce(f32::max);
                    min.push(step, lo.map_or(f64::NAN, f64::from));
                    max.push(step, hi.map_or(f64::NAN, f64::from));
                }
                windows.push((step, finite().collect::<Vec<_>>()));
                if windows.len() % 40 == 0 {
                    width *= 2;
                }
            }
            let range = 1..=raw.len() as i64;
            let drawn = envelope(&mean, Some(&min), Some(&max), range.clone(), columns);
            for (index, column) in drawn.iter().enumerate() {
                let behind: Vec<f32> = windows.iter()
                    .filter(|(step, _)| super::super::column_of(*step, &range, columns) == Some(index))
                    .flat_map(|(_, values)| values.iter().copied())
                    .collect();
                prop_assert_eq!(column.is_gap(), behind.is_empty());
                if !column.is_gap() {
                    prop_assert_eq!(column.min, behind.iter().copied().fold(f32::INFINITY, f32::min));
                    prop_assert_eq!(column.max, behind.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                    prop_assert!(column.first.is_finite() && column.last.is_finite());
                }
            }
        }
    }
}
