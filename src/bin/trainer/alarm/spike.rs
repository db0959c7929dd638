//! A loss far above those before it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::number::measured;
use super::{Alarm, Kind};

/// Losses that a new one is compared with, and how many there must be.
const WINDOW: usize = 64;
const ENOUGH: usize = 16;
/// Robust z-scores at which an incident begins and ends.
const BEGINS: f64 = 6.0;
const ENDS: f64 = 3.0;
/// What it must exceed beside that: so many times the largest loss of the window. Losses of small batches have a long
/// tail, and what they have reached before is no news.
const ABOVE_LARGEST: f64 = 2.0;
/// Scale of the logarithms at least: a loss that hardly varies may vary by 10 % and be no incident.
const LEAST_SCALE: f64 = 0.1;
/// Turns a median absolute deviation into a standard deviation, for normally distributed numbers.
const TO_DEVIATION: f64 = 1.4826;
/// Smaller losses count as this one: their logarithms would span more than the rest.
const LEAST_LOSS: f64 = 1e-6;

/// Median and median absolute deviation of the logarithms: losses come down by factors, and are skewed otherwise.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spike {
    /// Logarithms.
    window: VecDeque<f64>,
    /// Steps that the incident under way has lasted.
    lasting: Option<usize>,
}

impl Spike {
    pub(super) fn take(&mut self, step: u64, loss: f64) -> Option<Alarm> {
        if !loss.is_finite() {
            return None;
        }
        let new = loss.max(LEAST_LOSS).ln();
        let alarm = match &mut self.lasting {
            Some(lasting) => {
                *lasting += 1;
                // After so many steps the new losses are what there is to compare with.
                if *lasting >= WINDOW || score(&self.window, new).0 < ENDS {
                    self.lasting = None;
                }
                None
            }
            None => self.begins(step, loss, new),
        };
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(new);
        alarm
    }

    fn begins(&mut self, step: u64, loss: f64, new: f64) -> Option<Alarm> {
        if self.window.len() < ENOUGH {
            return None;
        }
        // Rules nearly every step out, without a sort.
        let largest = self.window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if new < largest + ABOVE_LARGEST.ln() {
            return None;
        }
        let (score, median) = score(&self.window, new);
        (score > BEGINS).then(|| {
            self.lasting = Some(0);
            let usual = median.exp();
            let message = format!(
                "the loss jumped to {} at step {step}, {} times the median of the {} losses before it",
                measured(loss),
                measured(loss / usual),
                self.window.len()
            );
            Alarm::new(step, Kind::Spike, message)
        })
    }
}

/// The robust z-score of `new`, and the median it is measured from.
fn score(window: &VecDeque<f64>, new: f64) -> (f64, f64) {
    let mut sorted: Vec<f64> = window.iter().copied().collect();
    let center = median(&mut sorted);
    for value in &mut sorted {
        *value = (*value - center).abs();
    }
    let scale = (TO_DEVIATION * median(&mut sorted)).max(LEAST_SCALE);
    ((new - center) / scale, center)
}

/// Of numbers that are finite; the upper one of two in the middle.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of the alarms of a run of losses.
    fn alarms(losses: impl IntoIterator<Item = f64>) -> Vec<u64> {
        let mut spike = Spike::default();
        (1..).zip(losses).filter_map(|(step, loss)| spike.take(step, loss)).map(|alarm| alarm.step).collect()
    }

    /// A loss that comes down with noise of a factor of up to 1.5.
    fn usual(step: u32) -> f64 {
        let noise = (f64::from(step) * 12.9898).sin();
        (-f64::from(step) / 100.0).exp() * 1.5_f64.powf(noise)
    }

    #[test]
    fn one_spike_is_one_alarm() {
        let spiked = |step| if (200..230).contains(&step) { 50.0 } else { usual(step) };
        assert_eq!(alarms((1..400).map(spiked)), [200]);
        // A single one, and another when all was well again.
        let twice = |step| if step == 200 || step == 300 { 20.0 } else { usual(step) };
        assert_eq!(alarms((1..400).map(twice)), [200, 300]);
        // A loss that stays up is one incident.
        assert_eq!(alarms((1..400).map(|step| if step < 100 { usual(step) } else { 30.0 })), [100]);
    }

    #[test]
    fn what_varies_as_ever_is_no_spike() {
        assert!(alarms((1..2000).map(usual)).is_empty());
        // One sample a step: most losses next to nothing, one in ten large.
        let single = |step: u32| if step.is_multiple_of(10) { 1.2 } else { 0.01 + 0.001 * f64::from(step % 7) };
        assert!(alarms((1..2000).map(single)).is_empty());
        assert!(alarms((1..200).map(|_| 0.5)).is_empty(), "no spread at all");
        assert!(alarms((1..200).map(|step| if step % 9 == 0 { 0.0 } else { 1e-9 })).is_empty());
        assert!(alarms([1.0, 1.0, 500.0]).is_empty(), "too few to say what is usual");
        assert!(alarms((1..100).map(|step| if step == 50 { f64::NAN } else { 1.0 })).is_empty(), "another alarm's");
    }

    #[test]
    fn a_spike_says_how_large_it_is() {
        let mut spike = Spike::default();
        (1..=20).for_each(|step| assert_eq!(spike.take(step, 0.5), None));
        let alarm = spike.take(21, 10.0).unwrap();
        assert_eq!((alarm.kind, alarm.step), (Kind::Spike, 21));
        assert!(alarm.message.contains("20.00 times the median of the 20 losses"), "{}", alarm.message);
    }
}
