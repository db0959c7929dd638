//! Thinning by step number alone, so that one seed gives one log and a run of any length a readable one.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Windows of one width before the width doubles.
const WINDOWS_PER_WIDTH: u64 = 16_384;

/// First and last step of the window that `step` belongs to, with [`WINDOWS_PER_WIDTH`] of each width.
///
/// Steps 1 to 16,384 are windows of their own, the 32,768 after them are paired, then come 16,384 windows of four,
/// and so on. Step 0, the state before training, stands alone.
pub fn window_of(step: u64) -> (u64, u64) {
    window_among(step, WINDOWS_PER_WIDTH)
}

/// The same where the width doubles after `per_width` windows.
fn window_among(step: u64, per_width: u64) -> (u64, u64) {
    let Some(index) = step.checked_sub(1) else { return (0, 0) };
    let per_width = per_width.max(1);
    let doublings = (index / per_width).saturating_add(1).ilog2();
    let width = 1_u64 << doublings;
    let begin = per_width.saturating_mul(width - 1);
    let first = begin + (index - begin) / width * width + 1;
    (first, first.saturating_add(width - 1))
}

/// `N` series folded over the steps `first..=last`. A window of one step holds that step's values three times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window<const N: usize> {
    /// First step.
    pub first: u64,
    /// Last step; the step the record is written under.
    pub last: u64,
    /// How many steps went into it.
    pub count: u64,
    /// Mean of each series; its first non-finite value if it had one, so that none is averaged away.
    #[serde(with = "bits")]
    pub mean: [f64; N],
    /// Smallest finite value of each series; NaN if it had none.
    #[serde(with = "bits")]
    pub min: [f64; N],
    /// Largest finite value of each series; NaN if it had none.
    #[serde(with = "bits")]
    pub max: [f64; N],
}

impl<const N: usize> Window<N> {
    /// The window of one step.
    pub fn of_step(step: u64, values: [f64; N]) -> Self {
        let finite = values.map(|value| if value.is_finite() { value } else { f64::NAN });
        Self { first: step, last: step, count: 1, mean: values, min: finite, max: finite }
    }

    /// Takes the later window `other` in. Associative but for the rounding of the mean.
    pub fn fold(&mut self, other: &Self) {
        let count = self.count + other.count;
        let share = other.count as f64 / count.max(1) as f64;
        for i in 0..N {
            // `f64::min` and `max` pass over NaN, which stands for "none" here.
            self.min[i] = self.min[i].min(other.min[i]);
            self.max[i] = self.max[i].max(other.max[i]);
            if !self.mean[i].is_finite() {
                continue;
            }
            if other.mean[i].is_finite() {
                // This form leaves a constant series exactly as it was; the bounds mend an overflow of the difference.
                let mean = self.mean[i] + (other.mean[i] - self.mean[i]) * share;
                self.mean[i] = mean.max(self.min[i]).min(self.max[i]);
            } else {
                self.mean[i] = other.mean[i];
            }
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = count;
    }
}

/// Folds `N` parallel series, one sample a step, into the windows of [`window_of`].
///
/// Its state is part of a checkpoint: serialised and read back it goes on as if nothing had happened, non-finite
/// values included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Windows<const N: usize> {
    open: Option<Window<N>>,
    /// Windows of one width before it doubles.
    #[serde(default = "usual")]
    per_width: u64,
}

fn usual() -> u64 {
    WINDOWS_PER_WIDTH
}

impl<const N: usize> Default for Windows<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Windows<N> {
    /// With no window open.
    pub fn new() -> Self {
        Self::doubling_after(WINDOWS_PER_WIDTH)
    }

    /// With no window open, the width doubling after `per_width` windows instead of 16,384.
    pub fn doubling_after(per_width: u64) -> Self {
        Self { open: None, per_width }
    }

    /// The window under way.
    pub fn open(&self) -> Option<&Window<N>> {
        self.open.as_ref()
    }

    /// Takes in the values of `step`, counted from 1, and returns the window that closes with it.
    pub fn push(&mut self, step: u64, values: [f64; N]) -> Option<Window<N>> {
        self.push_folded(Window::of_step(step, values))
    }

    /// Takes in several steps that were folded before, because the way here was full.
    ///
    /// What reaches beyond the end of a window closes it and stays in it whole, so that `last` may be later than
    /// [`window_of`] says. After a gap in the steps two windows may be due: the later one then comes with the next
    /// call. No sample is ever lost.
    pub fn push_folded(&mut self, sample: Window<N>) -> Option<Window<N>> {
        let per_width = self.per_width;
        let end = |open: &Window<N>| window_among(open.first, per_width).1;
        match &mut self.open {
            Some(open) if (open.first..=end(open)).contains(&sample.first) && open.last < end(open) => {
                open.fold(&sample);
            }
            open => {
                if let Some(due) = open.replace(sample) {
                    return Some(due);
                }
            }
        }
        self.open.take_if(|open| open.last >= end(open))
    }

    /// Returns the open window, if any: when training pauses or ends.
    pub fn flush(&mut self) -> Option<Window<N>> {
        self.open.take()
    }
}

/// Floats as their bits: arrays of any length, and non-finite values in formats that have none, such as JSON.
/// Signed, because TOML has no larger integers.
mod bits {
    use super::{Deserialize, Deserializer, Error, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, const N: usize>(values: &[f64; N], to: S) -> Result<S::Ok, S::Error> {
        let bits: Vec<i64> = values.iter().map(|value| value.to_bits().cast_signed()).collect();
        bits.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[f64; N], D::Error> {
        let values: Vec<f64> =
            Vec::<i64>::deserialize(from)?.into_iter().map(|bits| f64::from_bits(bits.cast_unsigned())).collect();
        values.try_into().map_err(|values: Vec<f64>| D::Error::invalid_length(values.len(), &"one for each series"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows_of(values: &[f64]) -> Vec<Window<1>> {
        let mut windows = Windows::new();
        let mut out: Vec<_> = (1..).zip(values).filter_map(|(step, &value)| windows.push(step, [value])).collect();
        out.extend(windows.flush());
        out
    }

    #[test]
    fn widths_double_after_16384_windows() {
        assert_eq!(window_of(0), (0, 0));
        assert_eq!(window_of(1), (1, 1));
        assert_eq!(window_of(16_384), (16_384, 16_384));
        assert_eq!(window_of(16_385), (16_385, 16_386));
        assert_eq!(window_of(16_386), (16_385, 16_386));
        assert_eq!(window_of(49_152), (49_151, 49_152));
        assert_eq!(window_of(49_153), (49_153, 49_156));
        assert_eq!(window_of(49_156), (49_153, 49_156));
        assert_eq!(window_of(114_688), (114_685, 114_688));
        assert_eq!(window_of(114_689), (114_689, 114_696));
        let (first, last) = window_of(u64::MAX);
        assert!(first <= last);
    }

    #[test]
    fn windows_tile_the_steps_without_gap_or_overlap() {
        let mut next = 1;
        while next < 3_000_000 {
            let (first, last) = window_of(next);
            assert_eq!(first, next);
            for step in [first, first.midpoint(last), last] {
                assert_eq!(window_of(step), (first, last));
            }
            next = last + 1;
        }
    }

    /// "Ten million steps make about 160,000 records": nine full widths and 3,179 windows of 512, the last one cut.
    #[test]
    fn ten_million_steps_make_about_160_000_records() {
        let mut windows = Windows::<1>::new();
        let mut records = 0_u64;
        let mut steps = 0;
        for step in 1..=10_000_000 {
            if let Some(window) = windows.push(step, [1.0]) {
                assert_eq!((window.first, window.last), window_of(step));
                records += 1;
                steps += window.count;
            }
        }
        if let Some(window) = windows.flush() {
            records += 1;
            steps += window.count;
        }
        assert_eq!(steps, 10_000_000);
        assert_eq!(records, 9 * 16_384 + 1_627_776_u64.div_ceil(512));
        assert!((140_000..=165_000).contains(&records));
    }

    #[test]
    fn a_width_may_double_sooner() {
        let mut windows = Windows::<1>::doubling_after(4);
        let closed: Vec<_> = (0..40).filter_map(|step| windows.push(step, [0.0])).map(|w| (w.first, w.last)).collect();
        let expected = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 16), (17, 20)];
        assert_eq!(closed[..11], expected);
        assert_eq!((closed.len(), windows.open().map(|open| (open.first, open.last))), (14, Some((37, 39))));
        // State written before there was a choice is that of the usual widths.
        assert_eq!(serde_json::from_str::<Windows<1>>("{\"open\":null}").unwrap(), Windows::new());
    }

    #[test]
    fn a_non_finite_value_is_never_averaged_away() {
        let mut values = vec![2.0; 16_384];
        values.extend([1.0, f64::NAN, f64::INFINITY, f64::NAN, 3.0, f64::NEG_INFINITY, f64::NAN, f64::NAN]);
        let windows = windows_of(&values);
        let [.., a, b, c, d] = windows.as_slice() else { panic!("four windows of two") };
        assert!(a.mean[0].is_nan());
        assert_eq!((a.min, a.max), ([1.0], [1.0]));
        assert_eq!(b.mean, [f64::INFINITY]);
        assert!(b.min[0].is_nan() && b.max[0].is_nan());
        assert_eq!(c.mean, [f64::NEG_INFINITY]);
        assert_eq!((c.min, c.max), ([3.0], [3.0]));
        assert!(d.mean[0].is_nan() && d.min[0].is_nan());
    }

    #[test]
    fn a_gap_in_the_steps_closes_the_window_before_it() {
        let mut windows = Windows::<1>::new();
        assert_eq!(windows.push(16_385, [1.0]), None);
        assert_eq!(windows.push(20_001, [5.0]), Some(Window::of_step(16_385, [1.0])));
        let closed = windows.push(20_002, [7.0]).unwrap();
        assert_eq!((closed.first, closed.last, closed.mean), (20_001, 20_002, [6.0]));
        assert_eq!(windows.flush(), None);
    }

    #[test]
    fn values_near_the_ends_of_the_range_keep_a_mean_within_it() {
        let mut window = Window::of_step(1, [f64::MAX, -f64::MAX]);
        window.fold(&Window::of_step(2, [-f64::MAX, f64::MAX]));
        assert!(window.mean.iter().all(|mean| mean.is_finite()));
    }

    #[test]
    fn state_survives_json_with_non_finite_values() {
        let mut windows = Windows::<3>::new();
        windows.push(49_153, [0.1, f64::NAN, f64::INFINITY]);
        let json = serde_json::to_string(&windows).unwrap();
        let mut back: Windows<3> = serde_json::from_str(&json).unwrap();
        let ends = [&mut windows, &mut back].map(|windows| {
            windows.push(49_154, [0.7, 2.0, 2.0]);
            format!("{:?}", windows.flush())
        });
        assert_eq!(ends[0], ends[1]);
        assert!(ends[0].contains("NaN") && ends[0].contains("inf"));
        assert!(serde_json::from_str::<Windows<2>>(&json).is_err());
    }

    proptest! {
        #[test]
        fn extremes_and_means_are_those_of_the_steps(
            start in 1_u64..2_000_000,
            values in prop::collection::vec(-1e6..1e6_f64, 1..600),
        ) {
            let mut windows = Windows::new();
            let steps = start..;
            let mut out: Vec<Window<1>> =
                steps.zip(&values).filter_map(|(step, &value)| windows.push(step, [value])).collect();
            out.extend(windows.flush());
            let mut next = start;
            for window in out {
                prop_assert_eq!(window.first, next);
                let inside = &values[(window.first - start) as usize..=(window.last - start) as usize];
                prop_assert_eq!(window.count as usize, inside.len());
                prop_assert_eq!(window.min[0], inside.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(window.max[0], inside.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                let mean = inside.iter().sum::<f64>() / inside.len() as f64;
                prop_assert!((window.mean[0] - mean).abs() < 1e-6, "{} for {}", window.mean[0], mean);
                next = window.last + 1;
            }
            prop_assert_eq!(next, start + values.len() as u64);
        }

        #[test]
        fn folding_on_the_way_loses_no_step_and_no_extreme(
            start in 1_u64..200_000,
            values in prop::collection::vec(prop_oneof![9 => -1e6..1e6_f64, 1 => Just(f64::NAN)], 1..300),
            cuts in prop::collection::vec(1_usize..7, 1..300),
        ) {
            let mut windows = Windows::new();
            let mut out = Vec::new();
            let mut rest = values.as_slice();
            let mut step = start;
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                let Some((&first, others)) = now.split_first() else { break };
                let mut folded = Window::of_step(step, [first]);
                for (i, &value) in (1..).zip(others) {
                    folded.fold(&Window::of_step(step + i, [value]));
                }
                out.extend(windows.push_folded(folded));
                step += now.len() as u64;
                rest = later;
            }
            out.extend(windows.flush());
            let mut next = start;
            for window in out {
                prop_assert_eq!(window.first, next);
                let inside = &values[(window.first - start) as usize..=(window.last - start) as usize];
                prop_assert_eq!(window.count as usize, inside.len());
                prop_assert_eq!(window.mean[0].is_nan(), inside.iter().any(|value| value.is_nan()));
                // `f64::min` passes over NaN.
                prop_assert_eq!(window.min[0].to_bits(), inside.iter().copied().fold(f64::NAN, f64::min).to_bits());
                prop_assert_eq!(window.max[0].to_bits(), inside.iter().copied().fold(f64::NAN, f64::max).to_bits());
                next = window.last + 1;
            }
            prop_assert_eq!(next, start + values.len() as u64);
        }

        #[test]
        fn a_constant_series_stays_exactly_constant(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            for window in windows_of(&vec![value; 60_000]) {
                prop_assert_eq!((window.mean, window.min, window.max), ([value], [value], [value]));
            }
        }
    }
}
