//! Thinning by step number alone, so that one seed gives one log and a run of any length a readable one.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Windows of one width before the width doubles.
const WINDOWS_PER_WIDTH: u64 = 16_384;

/// First and last step of the window that `step` belongs to.
///
/// Steps 1 to 16,384 are windows of their own, the 32,768 after them are paired, then come 16,384 windows of four,
/// and so on. Step 0, the state before training, stands alone.
pub fn window_of(step: u64) -> (u64, u64) {
    let Some(index) = step.checked_sub(1) else { return (0, 0) };
    let doublings = (index / WINDOWS_PER_WIDTH + 1).ilog2();
    let width = 1_u64 << doublings;
    let begin = WINDOWS_PER_WIDTH * (width - 1);
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

    fn is_complete(&self) -> bool {
        self.last >= window_of(self.first).1
    }
}

/// Folds `N` parallel series, one sample a step, into the windows of [`window_of`].
///
/// Its state is part of a checkpoint: serialised and read back it goes on as if nothing had happened, non-finite
/// values included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows<const N: usize> {
    open: Option<Window<N>>,
}

impl<const N: usize> Windows<N> {
    /// With no window open.
    pub fn new() -> Self {
        Self { open: None }
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
        match &mut self.open {
            Some(open) if !open.is_complete() && same_window(open.first, sample.first) => open.fold(&sample),
            open => {
                if let Some(due) = open.replace(sample) {
                    return Some(due);
                }
            }
        }
        self.open.take_if(|open| open.is_complete())
    }

    /// Returns the open window, if any: when training pauses or ends.
    pub fn flush(&mut self) -> Option<Window<N>> {
        self.open.take()
    }
}

fn same_window(open: u64, next: u64) -> bool {
    next >= open && next <= window_of(open).1
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
