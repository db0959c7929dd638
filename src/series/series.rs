//! One curve: values by step, with gaps, preemption and exact reduction to columns.
use std::ops::{Range, RangeInclusive};

use super::holes::Holes;
use super::pyramid::{Extremes, Pyramid};
use super::steps::Steps;

/// Rewrites remembered one by one; older ones are merged, which costs a follower work and never correctness.
const REWRITES: usize = 64;

/// What one column of a chart shows of the samples behind it. All four values are finite where `count > 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Smallest finite value; NaN where there is none.
    pub min: f32,
    /// Largest finite value; NaN where there is none.
    pub max: f32,
    /// First finite value, for joining to the column at the left; NaN where there is none.
    pub first: f32,
    /// Last finite value, for joining to the column at the right; NaN where there is none.
    pub last: f32,
    /// Finite samples; 0 is a gap.
    pub count: u32,
    /// Samples that are NaN or infinite.
    pub non_finite: u32,
}

impl Column {
    /// A column behind which there is no sample.
    pub const EMPTY: Self =
        Self { min: f32::NAN, max: f32::NAN, first: f32::NAN, last: f32::NAN, count: 0, non_finite: 0 };

    /// Whether there is no finite value to draw.
    pub fn is_gap(&self) -> bool {
        self.count == 0
    }
}

/// Values keyed by strictly increasing steps.
///
/// Holds 4 bytes a value, 8/15 of a byte for the min/max pyramid and 24 bytes for each stretch of regular steps.
#[derive(Clone, Debug, Default)]
pub struct Series {
    values: Vec<f32>,
    steps: Steps,
    pyramid: Pyramid,
    holes: Holes,
    /// `(version, kept)`: the rewrite that made `version` kept the first `kept` samples. Both increase along the list.
    rewrites: Vec<(u64, usize)>,
    version: u64,
}

impl Series {
    /// A series without samples.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a sample. A step at or before the last one means that a resumed run computes those steps again: the
    /// samples at steps >= `step` are dropped first.
    ///
    /// Values are kept in single precision, as event files hold them; a finite value beyond its range becomes its
    /// largest number, so that only what was not finite counts as such.
    #[inline]
    pub fn push(&mut self, step: i64, value: f64) {
        self.void_from(step);
        let mut narrow = value as f32;
        if !narrow.is_finite() {
            narrow = self.not_finite(value);
        }
        self.steps.push(step);
        self.values.push(narrow);
        self.pyramid.appended(&self.values);
    }

    #[cold]
    fn not_finite(&mut self, value: f64) -> f32 {
        if value.is_finite() {
            return f32::MAX.copysign(value as f32);
        }
        self.holes.push(self.values.len());
        value as f32
    }

    /// Drops the samples at steps >= `step`: a resumed run computes them again.
    pub fn void_from(&mut self, step: i64) {
        if self.steps.last().is_some_and(|last| step <= last) {
            self.rewrite_from(step);
        }
    }

    #[cold]
    fn rewrite_from(&mut self, step: i64) {
        let kept = self.steps.lower_bound(step);
        self.truncate(kept);
        self.version += 1;
        // A rewrite that keeps less says all that an earlier one says to whoever has seen neither.
        while self.rewrites.last().is_some_and(|&(_, earlier)| earlier >= kept) {
            self.rewrites.pop();
        }
        self.rewrites.push((self.version, kept));
        if self.rewrites.len() > REWRITES {
            let (_, least) = self.rewrites.remove(0);
            self.rewrites[0].1 = least;
        }
    }

    /// Keeps the first `len` samples.
    pub(super) fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.steps.truncate(len);
        self.pyramid.truncate(len);
        self.holes.truncate(len);
    }

    /// Counts the rewrites so far. With [`Self::kept_since`] it lets a follower see what it must compute again.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// How many samples at the front are the same as when [`Self::version`] was `version`.
    pub(super) fn kept_since(&self, version: u64) -> usize {
        let newer = self.rewrites.partition_point(|&(made, _)| made <= version);
        self.rewrites.get(newer).map_or(self.len(), |&(_, kept)| kept)
    }

    /// Number of samples, finite or not.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Step of the first sample.
    pub fn first_step(&self) -> Option<i64> {
        self.steps.get(0)
    }

    /// Step of the last sample.
    pub fn last_step(&self) -> Option<i64> {
        self.steps.last()
    }

    /// Sample `index`, as (step, value).
    pub fn get(&self, index: usize) -> Option<(i64, f64)> {
        Some((self.steps.get(index)?, f64::from(*self.values.get(index)?)))
    }

    /// The last sample, finite or not.
    pub fn last(&self) -> Option<(i64, f64)> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The last finite sample.
    pub fn last_finite(&self) -> Option<(i64, f64)> {
        self.get(self.holes.last_finite(&(0..self.len()))?)
    }

    /// The smallest finite value and the first step that reached it.
    pub fn min(&self) -> Option<(i64, f64)> {
        let Extremes { min, .. } = self.pyramid.extremes(&self.values, 0..self.len());
        self.reached(min, |node| node.min)
    }

    /// The largest finite value and the first step that reached it.
    pub fn max(&self) -> Option<(i64, f64)> {
        let Extremes { max, .. } = self.pyramid.extremes(&self.values, 0..self.len());
        self.reached(max, |node| node.max)
    }

    fn reached(&self, extreme: f32, side: impl Fn(&Extremes) -> f32) -> Option<(i64, f64)> {
        // Infinite means that nothing is finite; infinite samples must not be found as if they were the extreme.
        if !extreme.is_finite() {
            return None;
        }
        self.get(self.pyramid.position(&self.values, extreme, side)?)
    }

    /// Smallest and largest finite value among the steps of `range`, for fitting an axis.
    pub fn extremes(&self, range: RangeInclusive<i64>) -> Option<(f64, f64)> {
        let Extremes { min, max } = self.pyramid.extremes(&self.values, self.indices(&range));
        min.is_finite().then(|| (f64::from(min), f64::from(max)))
    }

    /// Number of samples that are NaN or infinite.
    pub fn non_finite(&self) -> usize {
        self.holes.len()
    }

    /// Steps whose value is NaN or infinite, in order. There may be as many as samples: take what you can show.
    pub fn non_finite_steps(&self) -> impl Iterator<Item = i64> + '_ {
        self.holes.iter().filter_map(|index| self.steps.get(index))
    }

    /// All samples in order, as (step, value).
    pub fn iter(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.iter_from(0)
    }

    /// The last `count` samples in order, fewer when the series is shorter.
    pub fn tail(&self, count: usize) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.iter_from(self.len().saturating_sub(count))
    }

    /// The samples from `index` on, in order.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = (i64, f64)> + '_ {
        let values = self.values.get(index..).unwrap_or_default();
        self.steps.iter_from(index).zip(values.iter().map(|&value| f64::from(value)))
    }

    fn indices(&self, range: &RangeInclusive<i64>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        self.steps.lower_bound(*range.start())..self.steps.upper_bound(*range.end())
    }

    /// Reduces the steps of `range` to `columns` columns, each with exactly the extremes of its samples.
    ///
    /// The first and the last step of the range fall on the first and the last column, see [`column_of`]. The range may
    /// reach beyond the samples on either side; columns without samples are [`Column::EMPTY`]. Takes time proportional
    /// to the columns, not to the samples.
    pub fn columns(&self, range: RangeInclusive<i64>, columns: usize) -> Vec<Column> {
        let mut reduced = vec![Column::EMPTY; columns];
        let indices = self.indices(&range);
        let Some(cut) = Cut::new(&range, columns) else { return reduced };
        let mut start = indices.start;
        for (index, column) in reduced.iter_mut().enumerate() {
            let end = cut.first_step(index + 1).map_or(indices.end, |step| self.steps.lower_bound(step));
            *column = self.column(start..end);
            start = end;
        }
        reduced
    }

    fn column(&self, samples: Range<usize>) -> Column {
        let non_finite = self.holes.count(&samples);
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ends = self.holes.first_finite(&samples).zip(self.holes.last_finite(&samples));
        let Some((first, last)) = ends else { return Column { non_finite: narrow(non_finite), ..Column::EMPTY } };
        let Extremes { min, max } = self.pyramid.extremes(&self.values, samples.clone());
        Column {
            min,
            max,
            first: self.values[first],
            last: self.values[last],
            count: narrow(samples.len() - non_finite),
            non_finite: narrow(non_finite),
        }
    }
}

/// Column of `step` where `columns` columns stand for the steps of `range`:
/// `round((step - first) * (columns - 1) / (last - first))`, halves upwards, and 0 where the range is a single step.
/// `None` outside the range, and without columns.
///
/// It is the rounding by which a point of a chart finds its cell, so a mark at a step lands on the column of that step.
pub fn column_of(step: i64, range: &RangeInclusive<i64>, columns: usize) -> Option<usize> {
    let cut = Cut::new(range, columns)?;
    range.contains(&step).then(|| cut.column(step))
}

/// How a range of steps is cut into columns, in exact integers.
struct Cut {
    first: i64,
    /// Distance of the last step from the first.
    span: u128,
    /// Number of columns less one.
    intervals: u128,
}

impl Cut {
    fn new(range: &RangeInclusive<i64>, columns: usize) -> Option<Self> {
        let intervals = columns.checked_sub(1)? as u128;
        (!range.is_empty()).then(|| Self {
            first: *range.start(),
            span: u128::from(range.end().abs_diff(*range.start())),
            intervals,
        })
    }

    fn column(&self, step: i64) -> usize {
        let distance = u128::from(step.abs_diff(self.first));
        // Quotient and rounded remainder apart: twice the product of two 64-bit numbers may not fit.
        let product = distance * self.intervals;
        let (Some(whole), Some(rest)) = (product.checked_div(self.span), product.checked_rem(self.span)) else {
            return 0;
        };
        (whole + u128::from(2 * rest >= self.span)) as usize
    }

    /// The smallest step on `column` or a later one; `None` where no step of the range is.
    fn first_step(&self, column: usize) -> Option<i64> {
        let column = column as u128;
        if column > self.intervals || self.span == 0 {
            return None;
        }
        let distance = ((2 * column).saturating_sub(1) * self.span).div_ceil(2 * self.intervals);
        // At most `span`, which is the distance of two i64.
        Some(self.first.wrapping_add(distance as u64 as i64))
    }
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

    /// What [`Series::columns`] promises, one sample at a time and with the rounding of reference.md.
    fn scanned(samples: &[(i64, f32)], range: &RangeInclusive<i64>, columns: usize) -> Vec<Column> {
        let mut reduced = vec![Column::EMPTY; columns];
        for &(step, value) in samples.iter().filter(|(step, _)| range.contains(step)) {
            let span = (range.end() - range.start()) as f64;
            let at = ((step - range.start()) as f64 * (columns as f64 - 1.0) / span).round();
            let Some(column) = reduced.get_mut(if span > 0.0 { at as usize } else { 0 }) else { continue };
            if !value.is_finite() {
                column.non_finite += 1;
                continue;
            }
            if column.count == 0 {
                (column.min, column.max, column.first) = (value, value, value);
            }
            (column.min, column.max, column.last) = (column.min.min(value), column.max.max(value), value);
            column.count += 1;
        }
        reduced
    }

    /// NaN marks a gap, and a gap equals a gap.
    fn bits(columns: &[Column]) -> Vec<[u32; 6]> {
        let bits = |value: f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
        columns.iter().map(|c| [bits(c.min), bits(c.max), bits(c.first), bits(c.last), c.count, c.non_finite]).collect()
    }

    fn value() -> impl Strategy<Value = f32> {
        let special = prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)];
        prop_oneof![8 => -1e3_f32..1e3, 1 => -1e-3_f32..1e-3, 1 => special]
    }

    /// Advances that are regular for long stretches, irregular at times, and go back now and then.
    fn advance() -> impl Strategy<Value = i64> {
        prop_oneof![40 => Just(1_i64), 4 => Just(2), 4 => 1..100_i64, 1 => -150..1_i64]
    }

    proptest! {
        #[test]
        fn every_column_holds_exactly_the_extremes_of_its_samples(
            pushes in prop::collection::vec((advance(), value()), 0..900),
            columns in 0..70_usize,
            first in -50..600_i64,
            width in -5..900_i64,
            whole in any::<bool>(),
        ) {
            let (mut series, mut list) = (Series::new(), Vec::<(i64, f32)>::new());
            for (advance, value) in pushes {
                let step = list.last().map_or(0, |(step, _)| *step) + advance;
                list.retain(|(earlier, _)| *earlier < step);
                list.push((step, value));
                series.push(step, f64::from(value));
            }
            prop_assert_eq!(series.len(), list.len());
            let range = match (series.first_step(), series.last_step()) {
                (Some(first), Some(last)) if whole => first..=last,
                _ => first..=first + width,
            };
            prop_assert_eq!(bits(&series.columns(range.clone(), columns)), bits(&scanned(&list, &range, columns)));

            let finite = || list.iter().copied().filter(|(_, value)| value.is_finite());
            let least = finite().reduce(|best, next| if next.1 < best.1 { next } else { best });
            let most = finite().reduce(|best, next| if next.1 > best.1 { next } else { best });
            let wide = |(step, value): (i64, f32)| (step, f64::from(value));
            prop_assert_eq!(series.min(), least.map(wide));
            prop_assert_eq!(series.max(), most.map(wide));
            prop_assert_eq!(series.last_finite(), finite().next_back().map(wide));
            prop_assert_eq!(series.non_finite(), list.len() - finite().count());
            let bad: Vec<i64> = list.iter().filter(|(_, value)| !value.is_finite()).map(|(step, _)| *step).collect();
            prop_assert_eq!(series.non_finite_steps().collect::<Vec<_>>(), bad);
            let steps: Vec<i64> = list.iter().map(|(step, _)| *step).collect();
            prop_assert_eq!(series.iter().map(|(step, _)| step).collect::<Vec<_>>(), steps.clone());
            prop_assert_eq!(series.tail(7).map(|(step, _)| step).collect::<Vec<_>>(), &steps[steps.len().saturating_sub(7)..]);
            let inside = finite().filter(|(step, _)| range.contains(step)).map(|(_, value)| f64::from(value));
            let extremes = inside.fold(None, |seen: Option<(f64, f64)>, value| {
                Some(seen.map_or((value, value), |(lo, hi)| (lo.min(value), hi.max(value))))
            });
            prop_assert_eq!(series.extremes(range), extremes);
        }

        #[test]
        fn a_follower_learns_what_was_rewritten(moves in prop::collection::vec(-300..40_i64, 1..400), seen in 0..400_usize) {
            let mut series = Series::new();
            let (mut version, mut before) = (0, Vec::new());
            let mut bounds = usize::MAX;
            for (at, advance) in moves.iter().enumerate() {
                series.push(series.last_step().unwrap_or(0) + advance, at as f64);
                if at == seen {
                    (version, before) = (series.version(), series.iter().collect());
                    bounds = series.len();
                } else if at > seen {
                    bounds = bounds.min(series.len() - 1);
                }
            }
            let kept = series.kept_since(version).min(before.len());
            let now: Vec<_> = series.iter().collect();
            prop_assert!(kept <= now.len());
            prop_assert_eq!(&now[..kept], &before[..kept]);
            if version + 64 > series.version() && seen < moves.len() {
                prop_assert_eq!(kept, bounds, "keeps all that it can");
            }
        }
    }

    #[test]
    fn an_empty_series_answers_everything() {
        let series = Series::new();
        assert!(series.is_empty());
        assert_eq!((series.len(), series.non_finite()), (0, 0));
        assert_eq!((series.first_step(), series.last_step()), (None, None));
        assert_eq!((series.last(), series.last_finite(), series.min(), series.max()), (None, None, None, None));
        assert_eq!((series.get(0), series.extremes(i64::MIN..=i64::MAX)), (None, None));
        assert_eq!(series.iter().count() + series.tail(9).count() + series.non_finite_steps().count(), 0);
        assert_eq!(bits(&series.columns(0..=9, 3)), bits(&[Column::EMPTY; 3]));
    }

    #[test]
    fn one_sample_fills_one_column() {
        let series = series([(7, 2.0)]);
        let want = Column { min: 2.0, max: 2.0, first: 2.0, last: 2.0, count: 1, non_finite: 0 };
        assert_eq!(series.columns(7..=7, 1), [want]);
        let columns = series.columns(7..=7, 3);
        assert_eq!(columns[0], want);
        assert!(columns[1].is_gap() && columns[2].is_gap());
        assert_eq!(series.columns(7..=7, 0), []);
        let backwards = RangeInclusive::new(8, 7);
        assert!(series.columns(backwards, 2).iter().all(Column::is_gap));
    }

    #[test]
    fn non_finite_is_counted_and_never_an_extreme() {
        let series = series([(1, f64::NAN), (2, 3.0), (3, f64::INFINITY), (4, 1.0), (5, f64::NEG_INFINITY)]);
        let want = Column { min: 1.0, max: 3.0, first: 3.0, last: 1.0, count: 2, non_finite: 3 };
        assert_eq!(series.columns(1..=5, 1), [want]);
        assert_eq!((series.min(), series.max()), (Some((4, 1.0)), Some((2, 3.0))));
        assert_eq!(series.last_finite(), Some((4, 1.0)));
        assert_eq!(series.last().map(|(step, _)| step), Some(5));
        assert_eq!(series.non_finite_steps().collect::<Vec<_>>(), [1, 3, 5]);
    }

    #[test]
    fn a_finite_value_beyond_single_precision_stays_finite() {
        let series = series([(1, 1e300), (2, -1e300)]);
        assert_eq!(series.non_finite(), 0);
        assert_eq!(series.max(), Some((1, f64::from(f32::MAX))));
    }

    #[test]
    fn a_resumed_run_replaces_what_it_computes_again() {
        let mut series = series((1..=10).map(|step| (step, step as f64)));
        series.push(6, f64::NAN);
        assert_eq!(series.iter().map(|(step, _)| step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        series.push(6, 0.5);
        assert_eq!((series.len(), series.non_finite()), (6, 0));
        series.push(i64::MIN, 0.25);
        assert_eq!(series.iter().collect::<Vec<_>>(), [(i64::MIN, 0.25)]);
    }

    #[test]
    fn the_first_step_of_several_equal_ones_is_the_best() {
        let series = series((0..5000).map(|step| (step, if step % 1000 == 777 { -1.0 } else { 0.0 })));
        assert_eq!(series.min(), Some((777, -1.0)));
        assert_eq!(series.max(), Some((0, 0.0)));
    }

    #[test]
    fn ranges_as_wide_as_i64_are_cut_exactly() {
        let series = series([(i64::MIN, 1.0), (0, 2.0), (i64::MAX, 3.0)]);
        let columns = series.columns(i64::MIN..=i64::MAX, 3);
        assert_eq!(columns.iter().map(|column| column.max).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
        assert_eq!(column_of(i64::MAX, &(i64::MIN..=i64::MAX), usize::MAX), Some(usize::MAX - 1));
    }

    #[test]
    fn a_column_is_found_as_a_cell_is() {
        assert_eq!(column_of(0, &(0..=10), 5), Some(0));
        assert_eq!(column_of(10, &(0..=10), 5), Some(4));
        // 1 * 4 / 10 = .4, 2 * 4 / 10 = .8; 5 of 4 is the half way of two columns.
        assert_eq!((column_of(1, &(0..=10), 5), column_of(2, &(0..=10), 5)), (Some(0), Some(1)));
        assert_eq!(column_of(5, &(0..=10), 2), Some(1));
        assert_eq!((column_of(11, &(0..=10), 5), column_of(-1, &(0..=10), 5)), (None, None));
        assert_eq!(
            (column_of(3, &(3..=3), 5), column_of(3, &(0..=3), 0), column_of(3, &(0..=3), 1)),
            (Some(0), None, Some(0))
        );
    }

    #[test]
    fn regular_steps_cost_four_and_a_half_bytes_a_sample() {
        let count = 1 << 20;
        let series = series((0..count).map(|step| (step, 1.0)));
        assert_eq!(series.steps.runs(), 1);
        let bytes = 4 * series.values.len() + size_of::<Extremes>() * series.pyramid.nodes();
        let each = bytes as f64 / count as f64;
        assert!(each < 4.54, "{each} bytes a sample");
    }
}
