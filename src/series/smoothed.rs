//! `TensorBoard`'s debiased exponential moving average, kept up to date as a series grows.
use super::Series;

/// Samples between two remembered states of the average; bounds what a preemption makes us compute again.
const CHECKPOINT: usize = 4096;

/// The average over the samples so far.
///
/// With `total = 1 + w + w^2 + ...`, one term a sample, `mean += (value - mean) / total` is the moving average divided by
/// its bias `1 - w^n`. Written so, it also holds at `w = 1`, where it is the running mean.
#[derive(Clone, Copy, Debug, Default)]
struct Average {
    mean: f64,
    total: f64,
}

impl Average {
    /// Takes in a value and returns its smoothed one. What is not finite is returned as it came, and not counted.
    fn take(&mut self, value: f64, weight: f64) -> f64 {
        if !value.is_finite() {
            return value;
        }
        self.total = self.total * weight + 1.0;
        // A blend, not `mean + difference / total`: after a spike of 1e30 the latter would never come back to 1. Equal
        // values are let through, because the blend of two equal numbers may differ from them in the last place.
        if value != self.mean {
            let share = 1.0 / self.total;
            self.mean = self.mean * (1.0 - share) + value * share;
        }
        self.mean
    }
}

fn clamped(weight: f64) -> f64 {
    if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) }
}

/// Smooths `values` with `TensorBoard`'s formula. The weight is clamped to 0 (nothing changes) ..= 1 (running mean); NaN
/// counts as 0. Non-finite values are returned as they are, and do not count.
pub fn smooth(values: &[f64], weight: f64) -> Vec<f64> {
    let weight = clamped(weight);
    let mut average = Average::default();
    values.iter().map(|&value| average.take(value, weight)).collect()
}

/// The smoothed companion of one [`Series`], at the same steps.
///
/// All samples are smoothed, then reduced for the screen: the other order would make the curve depend on the window size.
#[derive(Clone, Debug)]
pub struct Smoothed {
    weight: f64,
    series: Series,
    average: Average,
    /// States after 0, 4096, 8192, ... samples.
    checkpoints: Vec<Average>,
    /// Version of the source at the last update.
    version: u64,
}

impl Smoothed {
    /// Nothing smoothed yet. The weight is clamped as in [`smooth`].
    pub fn new(weight: f64) -> Self {
        Self {
            weight: clamped(weight),
            series: Series::new(),
            average: Average::default(),
            checkpoints: vec![Average::default()],
            version: 0,
        }
    }

    /// The weight in force, in 0..=1.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Changes the weight; the next update smooths the whole source again.
    pub fn set_weight(&mut self, weight: f64) {
        if clamped(weight) != self.weight {
            *self = Self::new(weight);
        }
    }

    /// Takes in what `source` got since the last update, and again what it replaced. It must be the same series each
    /// time.
    pub fn update(&mut self, source: &Series) {
        let kept = source.kept_since(self.version).min(source.len());
        self.version = source.version();
        if kept < self.series.len() {
            self.rewind(kept);
        }
        for (step, value) in source.iter_from(self.series.len()) {
            self.series.push(step, self.average.take(value, self.weight));
            if self.series.len().is_multiple_of(CHECKPOINT) {
                self.checkpoints.push(self.average);
            }
        }
    }

    /// Goes back to the last remembered state within the first `kept` samples.
    fn rewind(&mut self, kept: usize) {
        let checkpoint = kept / CHECKPOINT;
        self.series.truncate(checkpoint * CHECKPOINT);
        self.checkpoints.truncate(checkpoint + 1);
        self.average = self.checkpoints.last().copied().unwrap_or_default();
    }

    /// The smoothed samples.
    pub fn series(&self) -> &Series {
        &self.series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `TensorBoard`'s own formulation: a biased average divided by `1 - w^n`.
    fn tensorboard(values: &[f64], weight: f64) -> Vec<f64> {
        let (mut last, mut count) = (0.0, 0);
        values
            .iter()
            .map(|&value| {
                if !value.is_finite() {
                    return value;
                }
                last = last * weight + (1.0 - weight) * value;
                count += 1;
                last / (1.0 - weight.powi(count))
            })
            .collect()
    }

    #[test]
    fn matches_the_reference() {
        let smoothed = smooth(&[1.0, 0.5, 0.0], 0.6);
        for (got, want) in smoothed.iter().zip([1.0, 0.6875, 0.336_734_693_9]) {
            assert!((got - want).abs() < 1e-10, "{got} is not {want}");
        }
    }

    #[test]
    fn a_constant_passes_unchanged_at_every_weight() {
        for weight in [0.0, 0.1, 0.6, 0.9, 0.999, 1.0] {
            assert_eq!(smooth(&[0.1; 1000], weight), [0.1; 1000]);
        }
    }

    #[test]
    fn non_finite_values_are_skipped_and_not_counted() {
        let smoothed = smooth(&[f64::INFINITY, 1.0, f64::NAN, 0.5, f64::NEG_INFINITY, 0.0], 0.6);
        assert_eq!(smoothed[0], f64::INFINITY);
        assert!(smoothed[2].is_nan());
        assert_eq!(smoothed[4], f64::NEG_INFINITY);
        let finite: Vec<f64> = smoothed.into_iter().filter(|value| value.is_finite()).collect();
        assert_eq!(finite, smooth(&[1.0, 0.5, 0.0], 0.6));
    }

    #[test]
    fn the_weight_is_clamped() {
        let values = [3.0, -1.0, 2.5, 7.0];
        assert_eq!(smooth(&values, -4.0), values);
        assert_eq!(smooth(&values, f64::NAN), values);
        assert_eq!(smooth(&values, 9.0), smooth(&values, 1.0));
        let mean = smooth(&values, 1.0)[3];
        assert!((mean - 11.5 / 4.0).abs() < 1e-12);
        assert_eq!(Smoothed::new(7.0).weight(), 1.0);
    }

    #[test]
    fn a_spike_is_forgotten() {
        let mut values = vec![1.0; 400];
        values[0] = 1e30;
        let last = smooth(&values, 0.6)[399];
        assert!((last - 1.0).abs() < 1e-9, "{last}");
        assert_eq!(smooth(&values, 0.0), values);
    }

    #[test]
    fn nothing_smooths_to_nothing() {
        assert!(smooth(&[], 0.5).is_empty());
        let mut smoothed = Smoothed::new(0.5);
        smoothed.update(&Series::new());
        assert!(smoothed.series().is_empty());
    }

    #[test]
    fn a_preemption_behind_a_checkpoint_is_computed_again() {
        let mut source = Series::new();
        let mut smoothed = Smoothed::new(0.9);
        (0..10_000).for_each(|step| source.push(step, (step as f64).sin()));
        smoothed.update(&source);
        (5000..9000).for_each(|step| source.push(step, (step as f64).cos()));
        smoothed.update(&source);
        assert_same(&smoothed, &source);
    }

    #[test]
    fn a_new_weight_smooths_everything_again() {
        let mut source = Series::new();
        let mut smoothed = Smoothed::new(0.9);
        (0..100).for_each(|step| source.push(step, (step as f64).sin()));
        smoothed.update(&source);
        smoothed.set_weight(0.3);
        smoothed.update(&source);
        assert_same(&smoothed, &source);
    }

    fn assert_same(smoothed: &Smoothed, source: &Series) {
        let values: Vec<f64> = source.iter().map(|(_, value)| value).collect();
        let want = smooth(&values, smoothed.weight());
        assert_eq!(smoothed.series().len(), want.len());
        for ((step, got), ((source_step, _), want)) in smoothed.series().iter().zip(source.iter().zip(want)) {
            assert_eq!(step, source_step);
            assert_eq!((got as f32).to_bits(), (want as f32).to_bits(), "at step {step}: {got} is not {want}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_tensorboard(values in prop::collection::vec(-1e3..1e3_f64, 0..200), weight in 0.0..0.999_f64) {
            for (got, want) in smooth(&values, weight).iter().zip(tensorboard(&values, weight)) {
                prop_assert!((got - want).abs() < 1e-7, "{} is not {}", got, want);
            }
        }

        #[test]
        fn incremental_equals_at_once(pushes in prop::collection::vec((-9..12_i64, prop_oneof![9 => -1e3..1e3_f64, 1 => Just(f64::NAN)], 0..4_u8), 0..300), weight in 0.0..1.0_f64) {
            let mut source = Series::new();
            let mut smoothed = Smoothed::new(weight);
            for (advance, value, update) in pushes {
                source.push(source.last_step().unwrap_or(0) + advance, value);
                if update == 0 {
                    smoothed.update(&source);
                }
            }
            smoothed.update(&source);
            assert_same(&smoothed, &source);
        }
    }
}
