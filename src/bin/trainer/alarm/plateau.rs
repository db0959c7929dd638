//! Evaluations that no longer get better.

use serde::{Deserialize, Serialize};

use super::number::apart;
use super::{Alarm, Kind};

/// Share of the loss that counts as better.
const BETTER: f64 = 1e-3;
/// Evaluations without anything better that make a plateau.
const PATIENCE: u32 = 20;
/// A plateau has been left once the loss has come down by this share of itself, and by this share of the first loss: what is
/// next to nothing already may halve each time, and nobody has to hear of it.
const PROGRESS: f64 = 0.1;
const PROGRESS_OF_FIRST: f64 = 1e-3;

/// Counts evaluations since the loss last came down.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Plateau {
    first: Option<f64>,
    /// The loss to beat, and the step it was reached at.
    best: Option<(f64, u64)>,
    since: u32,
    /// The best loss when the plateau under way was said.
    said: Option<f64>,
}

impl Plateau {
    pub(super) fn take(&mut self, step: u64, loss: f64) -> Option<Alarm> {
        if !loss.is_finite() {
            return None;
        }
        let first = *self.first.get_or_insert(loss);
        if let Some(said) = self.said {
            if loss < said - (PROGRESS * said.abs()).max(PROGRESS_OF_FIRST * first.abs()) {
                *self = Self { first: self.first, best: Some((loss, step)), since: 0, said: None };
            }
            return None;
        }
        match self.best {
            Some((best, _)) if loss >= best - BETTER * best.abs() => {}
            _ => {
                self.best = Some((loss, step));
                self.since = 0;
                return None;
            }
        }
        let (best, at) = self.best?;
        self.since = self.since.saturating_add(1);
        if self.since < PATIENCE {
            return None;
        }
        self.said = Some(best);
        let message = if best == loss {
            format!(
                "{PATIENCE} evaluations have brought nothing better than the loss of {} at step {at}",
                apart(best, 0.0)[0]
            )
        } else {
            let [best, loss] = apart(best, loss);
            format!(
                "{PATIENCE} evaluations have brought nothing better than the loss of {best} at step {at}: it is {loss}"
            )
        };
        Some(Alarm::new(step, Kind::Plateau, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(losses: impl IntoIterator<Item = f64>) -> Vec<u64> {
        let mut plateau = Plateau::default();
        (1..).zip(losses).filter_map(|(step, loss)| plateau.take(step, loss)).map(|alarm| alarm.step).collect()
    }

    #[test]
    fn a_plateau_is_one_alarm_until_the_loss_comes_down() {
        assert_eq!(alarms([0.5; 100]), [21]);
        let stairs = (0..90).map(|step| if step < 40 { 0.5 } else { 0.4 });
        assert_eq!(alarms(stairs), [21, 61]);
        // Worse is no better, and NaN is another alarm's.
        assert_eq!(alarms((0..50).map(|step| 0.5 + 0.01 * f64::from(step))), [21]);
        assert_eq!(alarms((0..50).map(|step| if step == 5 { f64::NAN } else { 0.5 })), [22]);
    }

    #[test]
    fn only_real_progress_ends_a_plateau() {
        // A little better every 30 evaluations.
        assert_eq!(alarms((0..600).map(|step| 0.5 * 0.99_f64.powi(step / 30))).len(), 2);
        // It has been learnt, and goes on to halve what is left, which is next to nothing.
        let learnt = (0..3000).map(|step| 0.7 * 0.5_f64.powi(step / 30));
        let steps = alarms(learnt);
        assert!(steps.len() <= 11, "{steps:?}");
    }

    #[test]
    fn slow_progress_is_progress() {
        // 0.01 % an evaluation is 0.1 % in ten.
        assert!(alarms((0..500).map(|step| 0.5 * 0.9999_f64.powi(step))).is_empty());
        assert!(alarms((0..500).map(|step| -f64::from(step) - 1.0)).is_empty(), "below zero too");
        assert_eq!(alarms([0.0; 30]), [21], "nothing is better than nothing");
    }

    #[test]
    fn the_numbers_of_the_message_are_told_apart() {
        let said = |losses: &[f64]| {
            let mut plateau = Plateau::default();
            (1..).zip(losses).find_map(|(step, loss)| plateau.take(step, *loss)).unwrap().said.message
        };
        let mut losses = [1.000_04e-12; 30];
        losses[0] = 1.000_01e-12;
        assert!(said(&losses).ends_with("the loss of 1.00001e-12 at step 1: it is 1.00004e-12"), "{}", said(&losses));
        assert!(said(&[0.0; 30]).ends_with("nothing better than the loss of 0 at step 1"), "{}", said(&[0.0; 30]));
    }
}
