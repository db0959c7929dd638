//! What is measured now and then, thinned by its number alone as losses are, so that a run of any length has a bounded log.

use serde::{Deserialize, Serialize};
use torchscope::log::{Window, Windows};

/// Measurements that are written each before they are folded in pairs, the next so many pairs in fours, and so on: a
/// million come to some thirty thousand.
const PER_WIDTH: u64 = 4096;

/// Measurements of one kind, one after the other. Part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thinner {
    /// How many there have been.
    count: u64,
    /// In numbers of measurements, not in steps.
    windows: Windows<1>,
    /// The step of the newest.
    step: u64,
    /// The last window that was written whole.
    closed: Option<Sample>,
}

/// One or several measurements in one, written under the step of the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) step: u64,
    pub(crate) window: Window<1>,
}

impl Default for Thinner {
    fn default() -> Self {
        Self { count: 0, windows: Windows::doubling_after(PER_WIDTH), step: 0, closed: None }
    }
}

impl Thinner {
    /// Takes in what was measured after `step` steps; gives what is to be written now.
    pub(crate) fn push(&mut self, step: u64, value: f64) -> Option<Sample> {
        let number = self.count;
        self.count += 1;
        self.step = step;
        let window = self.windows.push(number, [value])?;
        self.closed = Some(Sample { step, window });
        self.closed
    }

    /// What has not been written yet: when training ends.
    pub(crate) fn flush(&mut self) -> Option<Sample> {
        self.windows.flush().map(|window| Sample { step: self.step, window })
    }

    /// What was written last, where something has come since that a trainer which stopped may have written half.
    pub(crate) fn before_open(&self) -> Option<Sample> {
        self.closed.filter(|_| self.windows.open().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_evaluations_are_some_thirty_thousand_and_keep_their_extremes() {
        let mut thinner = Thinner::default();
        let value = |number: u64| (number as f64 * 0.7).sin();
        let mut written = Vec::new();
        for number in 0..1_000_000 {
            written.extend(thinner.push(16 * number, value(number)));
            if number == 700_000 {
                // Through a checkpoint.
                thinner = serde_json::from_str(&serde_json::to_string(&thinner).unwrap()).unwrap();
            }
        }
        written.extend(thinner.flush());
        assert!((25_000..35_000).contains(&written.len()), "{}", written.len());
        assert!(written[..4097].iter().zip(0..).all(|(sample, number)| {
            let Sample { step, window } = sample;
            (*step, window.count, window.mean) == (16 * number, 1, [value(number)])
        }));
        assert_eq!(written.iter().map(|sample| sample.window.count).sum::<u64>(), 1_000_000);
        assert!(written.windows(2).all(|pair| pair[0].step < pair[1].step));
        let last = written.last().unwrap();
        assert_eq!(last.step, 16 * 999_999);
        let inside = (1_000_000 - last.window.count..1_000_000).map(value);
        assert_eq!(last.window.max, [inside.fold(f64::NEG_INFINITY, f64::max)]);
    }
}
